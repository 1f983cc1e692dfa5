from __future__ import annotations

import hashlib
import math
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.analyze import terms
from retrieval.datamodel import Ranking
from retrieval.errors import DamagedLibrary, StorageError
from retrieval.lexical import HEADING_WEIGHT, LexicalEntry, LexicalIndex, build, extend

SAID = [
    LexicalEntry("cpec#0-60", "cpec", "Services trade", "CPEC phase one added over 8,000 megawatts to the grid."),
    LexicalEntry("cpec#60-99", "cpec", "Services trade", "The corridor is a 3,000-kilometer network of roads."),
    LexicalEntry("davos#0-50", "davos", "Davos", "The theme of the meeting is collaboration for the intelligent age."),
    LexicalEntry("urdu#0-40", "urdu", "بجلی", "گرڈ میں ۸۰۰۰ میگاواٹ بجلی شامل ہوئی۔"),
    LexicalEntry("chinese#0-20", "chinese", "", "中巴经济走廊第一阶段新增八百万千瓦电力。"),
]
VOCABULARY = [f"w{letter}" for letter in "abcdefghijklmnopqrst"]


def opened(folder: Path, entries: list[LexicalEntry]) -> LexicalIndex:
    build(folder, entries)
    return LexicalIndex.open(folder)


def ids(ranking: Ranking) -> list[str]:
    return [hit.passage_id for hit in ranking]


def bodies(count: int, *, seed: int = 0, prefix: str = "d") -> list[LexicalEntry]:
    """Passages of at most 40 words, of which the engine knows the length exactly."""
    draw = random.Random(seed)
    return [
        LexicalEntry(
            f"{prefix}{number}#0-9",
            f"{prefix}{number}",
            " ".join(draw.choices(VOCABULARY, k=draw.randrange(4))),
            " ".join(draw.choices(VOCABULARY, weights=range(1, 21), k=draw.randrange(1, 41))),
        )
        for number in range(count)
    ]


def bm25(texts: list[str], question: set[str]) -> list[float]:
    """The formula, in ten lines: k1 = 1.2, b = 0.75, an idf that is never negative."""
    counts = [Counter(terms(text)) for text in texts]
    mean_length = sum(count.total() for count in counts) / len(counts)
    scores = []
    for count in counts:
        score = 0.0
        for term in question:
            holders = sum(term in other for other in counts)
            idf = math.log(1 + (len(counts) - holders + 0.5) / (holders + 0.5))
            norm = 1.2 * (1 - 0.75 + 0.75 * count.total() / mean_length)
            score += idf * count[term] * (1.2 + 1) / (count[term] + norm)
        scores.append(score)
    return scores


def test_scores_are_the_formula(tmp_path: Path) -> None:
    """The oracle: BM25 of the body and, at its weight, of the heading; a repeated question word counts once."""
    entries = bodies(200)
    index = opened(tmp_path / "lexical", entries)
    for question in ("wa", "wt", "wa wb wt", "wc wc wm nowhere", " ".join(VOCABULARY)):
        asked = set(question.split())
        body = bm25([entry.text for entry in entries], asked)
        heading = bm25([entry.heading for entry in entries], asked)
        expected = {
            entry.passage_id: in_body + HEADING_WEIGHT * in_heading
            for entry, in_body, in_heading in zip(entries, body, heading, strict=True)
            if in_body + in_heading > 0
        }
        found = {hit.passage_id: hit.score for hit in index.search(question, len(entries))}
        assert expected.keys() == found.keys()
        assert expected == pytest.approx(found, abs=2e-5)


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("How many megawatts did CPEC phase one add?", "cpec#0-60"),
        ("8000 megawatt", "cpec#0-60"),
        ("how long in kilometers", "cpec#60-99"),
        ("3000", "cpec#60-99"),
        ("Davos theme", "davos#0-50"),
        ("گرڈ میں کتنے میگاواٹ بجلي آئی؟", "urdu#0-40"),
        ("经济走廊有多少电力？", "chinese#0-20"),
        ("走廊", "chinese#0-20"),
    ],
)
def test_each_language_finds_its_passage(tmp_path: Path, question: str, first: str) -> None:
    assert first == ids(opened(tmp_path / "lexical", SAID).search(question, 3))[0]


def test_a_number_is_found_across_scripts(tmp_path: Path) -> None:
    assert {"cpec#0-60", "urdu#0-40"} == set(ids(opened(tmp_path / "lexical", SAID).search("8,000", 9)))


@pytest.mark.parametrize("question", ["", "  ", "?!", "😀", "unheardof", "电影"])
def test_a_question_without_a_known_term_finds_nothing(tmp_path: Path, question: str) -> None:
    assert Ranking() == opened(tmp_path / "lexical", SAID).search(question, 3)


@pytest.mark.parametrize("question", ['body:"megawatt', "+-*/()[]{}^~:\\\"' megawatt", "NOT megawatt", "megawatt* OR"])
def test_a_question_is_words_never_query_syntax(tmp_path: Path, question: str) -> None:
    assert ids(opened(tmp_path / "lexical", SAID).search(question, 1)) == ["cpec#0-60"]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> LexicalIndex:
    return opened(tmp_path_factory.mktemp("said") / "lexical", SAID)


@settings(max_examples=50, deadline=None)
@given(question=st.text(max_size=200))
def test_any_question_can_be_asked(said: LexicalIndex, question: str) -> None:
    assert len(said.search(question, 2)) <= 2


def test_an_empty_index_searches_to_an_empty_ranking(tmp_path: Path) -> None:
    index = opened(tmp_path / "lexical", [])
    assert len(index) == 0
    assert Ranking() == index.search("megawatts", 3)


def test_ties_go_by_id_however_the_passages_lie(tmp_path: Path) -> None:
    """Twenty passages with the same text: the same five come, in whatever order they were added."""
    same = [LexicalEntry(f"p{number:02d}#0-9", f"p{number:02d}", "", "eight thousand") for number in range(20)]
    forwards = opened(tmp_path / "forwards", same).search("thousand", 5)
    backwards = opened(tmp_path / "backwards", same[::-1]).search("thousand", 5)
    assert [entry.passage_id for entry in same[:5]] == ids(forwards)
    assert forwards == backwards


def test_a_depth_below_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="depth"):
        opened(tmp_path / "lexical", SAID).search("megawatts", 0)


def test_extending_ranks_as_building_from_scratch(tmp_path: Path) -> None:
    """Even over so many small additions that the engine merges them on the way."""
    whole = bodies(240)
    folder = tmp_path / "0"
    build(folder, whole[:40])
    for step in range(1, 11):
        extend(folder, tmp_path / str(step), add=whole[20 + 20 * step : 40 + 20 * step])
        folder = tmp_path / str(step)
    extended, scratch = LexicalIndex.open(folder), opened(tmp_path / "scratch", whole)
    assert len(scratch) == len(extended)
    for question in ("wa", "wb wt", "wa wb wc wd", " ".join(VOCABULARY)):
        assert scratch.search(question, 30) == extended.search(question, 30)


def test_removing_takes_all_passages_of_a_document(tmp_path: Path) -> None:
    build(tmp_path / "base", SAID)
    extend(tmp_path / "base", tmp_path / "next", remove=["cpec", "unknown"])
    left = LexicalIndex.open(tmp_path / "next")
    assert len(left) == 3
    assert ids(left.search("8000 megawatts, kilometers", 9)) == ["urdu#0-40"]


def test_a_document_removed_and_added_is_replaced(tmp_path: Path) -> None:
    build(tmp_path / "base", SAID)
    fresh = LexicalEntry("cpec#0-70", "cpec", "", "CPEC phase one added 9,000 megawatts.")
    extend(tmp_path / "base", tmp_path / "next", add=[fresh], remove=["cpec"])
    assert ids(LexicalIndex.open(tmp_path / "next").search("CPEC 9000", 9)) == ["cpec#0-70"]


def test_a_document_id_of_any_length_can_be_removed(tmp_path: Path) -> None:
    """The engine drops terms past 65,530 bytes without a word."""
    long = "x" * 100_000
    build(tmp_path / "base", [LexicalEntry(f"{long}#0-9", long, "", "megawatts"), *SAID])
    extend(tmp_path / "base", tmp_path / "next", remove=[long])
    assert ids(LexicalIndex.open(tmp_path / "next").search("megawatts", 9)) == ["cpec#0-60"]


def test_extending_leaves_the_old_folder_and_its_readers_alone(tmp_path: Path) -> None:
    def digests(folder: Path) -> dict[str, str]:
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}

    reader = opened(tmp_path / "base", SAID)
    before, found = digests(tmp_path / "base"), reader.search("megawatts", 9)
    extend(tmp_path / "base", tmp_path / "next", add=bodies(50), remove=["cpec"])
    assert before == digests(tmp_path / "base")
    assert found == reader.search("megawatts", 9) == LexicalIndex.open(tmp_path / "base").search("megawatts", 9)


def test_extending_shares_segments_and_outlives_its_base(tmp_path: Path) -> None:
    """Old generations can be deleted at any time."""
    build(tmp_path / "base", SAID)
    extend(tmp_path / "base", tmp_path / "next", add=bodies(5))
    shared = [path for path in (tmp_path / "next").iterdir() if path.stat().st_nlink == 2]
    assert {".idx", ".term", ".store"} <= {path.suffix for path in shared}
    for path in (tmp_path / "base").iterdir():
        path.unlink()
    assert ids(LexicalIndex.open(tmp_path / "next").search("megawatts", 1))[0] == "cpec#0-60"


def test_a_disk_without_links_gets_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(f"no links here: {source} {target}")

    monkeypatch.setattr("os.link", refuse)
    build(tmp_path / "base", SAID)
    extend(tmp_path / "base", tmp_path / "next", remove=["davos"])
    assert len(LexicalIndex.open(tmp_path / "next")) == 4


def test_a_folder_is_written_once(tmp_path: Path) -> None:
    build(tmp_path / "base", SAID)
    with pytest.raises(ValueError, match="new folder"):
        build(tmp_path / "base", SAID)
    with pytest.raises(ValueError, match="new folder"):
        extend(tmp_path / "base", tmp_path / "base")


def test_a_disk_that_refuses_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError, match="cannot be written") as caught:
        build(tmp_path / "file" / "lexical", SAID)
    assert "\n" not in str(caught.value)


def test_an_unfinished_folder_is_no_index(tmp_path: Path) -> None:
    """The manifest is written last: a build that was killed has none."""

    def killed() -> list[LexicalEntry]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(tmp_path / "lexical", (entry for _ in range(1) for entry in killed()))
    with pytest.raises(DamagedLibrary, match="manifest"):
        LexicalIndex.open(tmp_path / "lexical")


@pytest.mark.parametrize("suffix", ["meta.json", "manifest.json", ".idx", ".term", ".store", ".fieldnorm"])
@pytest.mark.parametrize("damage", ["flipped", "short", "gone"])
def test_damage_is_one_clear_line(tmp_path: Path, suffix: str, damage: str) -> None:
    folder = tmp_path / "lexical"
    build(folder, SAID)
    path = next(path for path in folder.iterdir() if path.name.endswith(suffix))
    whole = path.read_bytes()
    path.unlink()
    if damage == "flipped":
        middle = len(whole) // 2
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :])
    if damage == "short":
        path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamagedLibrary, match="reindex") as caught:
        LexicalIndex.open(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", ["flipped", "gone"])
@pytest.mark.parametrize("suffix", ["meta.json", ".idx", ".term", ".store", "manifest.json"])
def test_a_damaged_base_cannot_be_extended_unnoticed(tmp_path: Path, suffix: str, damage: str) -> None:
    build(tmp_path / "base", SAID)
    path = next(path for path in (tmp_path / "base").iterdir() if path.name.endswith(suffix))
    whole = path.read_bytes()
    path.unlink()
    if damage == "flipped":
        path.write_bytes(whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:])
    with pytest.raises(DamagedLibrary, match="reindex"):
        extend(tmp_path / "base", tmp_path / "next", add=SAID)


def test_a_missing_folder_is_damage(tmp_path: Path) -> None:
    with pytest.raises(DamagedLibrary, match="manifest is missing"):
        LexicalIndex.open(tmp_path / "nowhere")


def test_in_a_large_index_words_that_many_passages_hold_are_not_searched_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless a question has no others."""
    entries = [LexicalEntry(f"p{number}", f"p{number}", "", "the harbour of Gwadar") for number in range(30)]
    build(tmp_path / "index", [*entries, LexicalEntry("rare", "rare", "", "the Khunjerab pass")])
    index = LexicalIndex.open(tmp_path / "index")
    assert len(index.search("the Khunjerab", 40)) == 31
    monkeypatch.setattr("retrieval.lexical.LARGE", 31)
    assert [hit.passage_id for hit in index.search("the Khunjerab", 40)] == ["rare"]
    assert index.ceiling(["the", "khunjerab"]) == index.ceiling(["khunjerab"])
    assert len(index.search("the harbour", 40)) == 31
