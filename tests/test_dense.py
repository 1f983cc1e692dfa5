from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from retrieval.checksums import Checksums
from retrieval.datamodel import Hit, Ranking
from retrieval.dense import DenseIndex, Rows, build, extend
from retrieval.errors import DamagedLibrary, StorageError

Vectors = npt.NDArray[np.float32]


def unit_vectors(count: int, dimensions: int = 16, *, seed: int = 0) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((count, dimensions)).astype(np.float32)
    lengths: Vectors = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, dtype=np.float32)


def opened(folder: Path, passage_ids: list[str], vectors: Vectors) -> DenseIndex:
    build(folder, Rows(passage_ids, vectors, ["en"] * len(passage_ids)))
    return DenseIndex.open(folder)


def test_search_is_the_matrix_product(tmp_path: Path) -> None:
    """The oracle: numpy, in double precision, sorted by (-score, id)."""
    vectors, questions = unit_vectors(500), unit_vectors(20, seed=1)
    passage_ids = [f"d{row % 50}#{row}-{row + 1}" for row in range(500)]
    index = opened(tmp_path / "dense", passage_ids, vectors)
    for question in questions:
        cosines = vectors.astype(np.float64) @ question.astype(np.float64)
        expected = Ranking(map(Hit, passage_ids, cosines.tolist())).top(10)
        found = index.search(question, 10)
        assert [hit.passage_id for hit in expected] == [hit.passage_id for hit in found]
        assert [hit.score for hit in expected] == pytest.approx([hit.score for hit in found], abs=1e-6)


def in_languages(folder: Path) -> tuple[DenseIndex, Vectors, list[str]]:
    """A hundred passages in three languages, mixed up; a passage's document is its language and number."""
    vectors = unit_vectors(100, seed=3)
    languages = [("zh", "en", "ur")[row % 3] for row in range(100)]
    build(folder, Rows([f"{language}{row}#0-1" for row, language in enumerate(languages)], vectors, languages))
    return DenseIndex.open(folder), vectors, languages


def test_one_language_is_searched_as_if_there_were_no_other(tmp_path: Path) -> None:
    index, vectors, languages = in_languages(tmp_path / "dense")
    question = unit_vectors(1, seed=4)[0]
    hits = [Hit(f"zh{row}#0-1", float(vectors[row] @ question)) for row in range(100) if languages[row] == "zh"]
    found = index.search(question, 12, language="zh")
    assert [hit.passage_id for hit in Ranking(hits).top(12)] == [hit.passage_id for hit in found]
    assert index.languages == ("en", "ur", "zh")
    assert Ranking() == index.search(question, 12, language="fr")


def test_only_the_documents_named_are_searched(tmp_path: Path) -> None:
    index, _, _ = in_languages(tmp_path / "dense")
    found = index.search(unit_vectors(1, seed=4)[0], 12, within={"zh0", "en4", "zh6", "absent"})
    assert {hit.passage_id for hit in found} == {"zh0#0-1", "en4#0-1", "zh6#0-1"}
    found = index.search(unit_vectors(1, seed=4)[0], 12, language="zh", within={"zh0", "en4"})
    assert {hit.passage_id for hit in found} == {"zh0#0-1"}


def test_the_background_is_the_mean_and_spread_of_all_cosines(tmp_path: Path) -> None:
    """The oracle: the cosines themselves."""
    index, vectors, languages = in_languages(tmp_path / "dense")
    question = unit_vectors(1, seed=4)[0]
    for language, background in index.backgrounds(question).items():
        cosines = np.array([vector @ question for vector, of in zip(vectors, languages, strict=True) if of == language])
        assert background.passages == len(cosines)
        assert background.mean == pytest.approx(cosines.mean(), abs=1e-5)
        assert background.spread == pytest.approx(cosines.std(), abs=1e-5)


def test_a_vector_finds_itself_first_with_cosine_one(tmp_path: Path) -> None:
    vectors = unit_vectors(50)
    index = opened(tmp_path / "dense", [f"p{row}" for row in range(50)], vectors)
    assert Ranking([Hit("p7", 1.0)]) == index.search(vectors[7], 1)


def test_ties_go_by_id_however_the_vectors_lie(tmp_path: Path) -> None:
    """Twenty passages with the same text: the same five come, in whatever order they were added."""
    same = np.repeat(unit_vectors(1), 20, axis=0)
    passage_ids = [f"p{row:02d}" for row in range(20)]
    forwards = opened(tmp_path / "forwards", passage_ids, same).search(same[0], 5)
    backwards = opened(tmp_path / "backwards", passage_ids[::-1], same).search(same[0], 5)
    assert passage_ids[:5] == [hit.passage_id for hit in forwards]
    assert forwards == backwards


def test_a_depth_beyond_the_end_returns_all(tmp_path: Path) -> None:
    index = opened(tmp_path / "dense", ["a", "b", "c"], unit_vectors(3))
    assert 3 == len(index) == len(index.search(unit_vectors(1)[0], 100))


def test_an_empty_index_searches_to_an_empty_ranking(tmp_path: Path) -> None:
    index = opened(tmp_path / "dense", [], np.empty((0, 16), dtype=np.float32))
    assert Ranking() == index.search(unit_vectors(1)[0], 10)


def test_an_id_may_hold_any_characters(tmp_path: Path) -> None:
    """A line of JSONL names its document as it likes."""
    index = opened(tmp_path / "dense", ["سی\n پیک#0-1"], unit_vectors(1))
    assert index.search(unit_vectors(1)[0], 1).hits[0].passage_id == "سی\n پیک#0-1"


@pytest.mark.parametrize("fault", [0.5, 2.0, np.nan, np.inf, 0.0])
def test_a_vector_that_is_not_of_length_one_is_refused(tmp_path: Path, fault: float) -> None:
    vectors = unit_vectors(3)
    vectors[1] *= fault
    with pytest.raises(ValueError, match="row 1"):
        build(tmp_path / "dense", Rows(["a", "b", "c"], vectors, ["en"] * 3))
    index = opened(tmp_path / "sound", ["a"], unit_vectors(1))
    with pytest.raises(ValueError, match="length 1"):
        index.search(vectors[1], 1)


def test_ids_and_vectors_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="3 ids"):
        build(tmp_path / "dense", Rows(["a", "b", "c"], unit_vectors(2), ["en"] * 3))
    with pytest.raises(ValueError, match="twice"):
        build(tmp_path / "dense", Rows(["a", "a"], unit_vectors(2), ["en"] * 2))
    index = opened(tmp_path / "sound", ["a"], unit_vectors(1))
    with pytest.raises(ValueError, match="shape"):
        index.search(unit_vectors(1, 8)[0], 1)
    with pytest.raises(ValueError, match="depth"):
        index.search(unit_vectors(1)[0], 0)


def test_a_folder_is_written_once(tmp_path: Path) -> None:
    """Whoever reads it must not be disturbed."""
    build(tmp_path / "dense", Rows(["a"], unit_vectors(1), ["en"] * 1))
    with pytest.raises(ValueError, match="new folder"):
        build(tmp_path / "dense", Rows(["b"], unit_vectors(1), ["en"] * 1))


def test_a_disk_that_refuses_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError, match="cannot be written") as caught:
        build(tmp_path / "file" / "dense", Rows(["a"], unit_vectors(1), ["en"] * 1))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["main/0.faiss", "main/0.ids.npy", "main/0.ends.npy", "main/0.moments.npy", "manifest.json"]
)
@pytest.mark.parametrize("damage", ["flipped", "short", "gone"])
def test_damage_is_one_clear_line(tmp_path: Path, name: str, damage: str) -> None:
    folder = tmp_path / "dense"
    build(folder, Rows(["a", "b", "c"], unit_vectors(3), ["en"] * 3))
    whole = (folder / name).read_bytes()
    (folder / name).unlink()
    if damage == "flipped":
        middle = len(whole) // 2
        (folder / name).write_bytes(whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :])
    if damage == "short":
        (folder / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamagedLibrary, match="reindex") as caught:
        DenseIndex.open(folder)
    assert "\n" not in str(caught.value)


# Many passages: of a language with more than `flat_most`, lists of like vectors are searched

_MOST = 150


def _nearest(rows: Rows, question: Vectors, depth: int) -> set[str]:
    cosines = rows.vectors @ question
    return {rows.ids[row] for row in np.argsort(-cosines)[:depth]}


def _numbered(first: int, count: int, *, seed: int, language: str = "en") -> Rows:
    """A document for every four passages, with vectors in bundles, as texts have them."""
    bundles = unit_vectors(12, seed=99)
    vectors = bundles[np.arange(count) % 12] + 0.6 * unit_vectors(count, seed=seed)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Rows([f"d{row // 4}#{row}-{row + 1}" for row in range(first, first + count)], vectors, [language] * count)


def _both(one: Rows, other: Rows) -> Rows:
    vectors = np.concatenate([one.vectors, other.vectors])
    return Rows([*one.ids, *other.ids], vectors, [*one.languages, *other.languages])


def _recall(index: DenseIndex, rows: Rows) -> float:
    questions = unit_vectors(12, seed=99)
    found = [{hit.passage_id for hit in index.search(question, 10)} for question in questions]
    assert all(hits <= set(rows.ids) for hits in found)
    return float(
        np.mean(
            [len(hits & _nearest(rows, question, 10)) / 10 for hits, question in zip(found, questions, strict=True)]
        )
    )


def test_many_passages_are_found_in_lists_of_like_ones(tmp_path: Path) -> None:
    rows = _both(_numbered(0, 2000, seed=1), _numbered(2000, 40, seed=2, language="ur"))
    build(tmp_path / "dense", rows, flat_most=_MOST)
    index = DenseIndex.open(tmp_path / "dense")
    assert not index.is_exact
    assert len(index) == 2040
    assert _recall(index, rows) >= 0.95
    of_urdu = index.search(unit_vectors(1, seed=5)[0], 5, language="ur")
    assert {hit.passage_id for hit in of_urdu} <= set(rows.ids[2000:])


def test_a_few_documents_among_many_are_searched_exactly(tmp_path: Path) -> None:
    rows = _numbered(0, 2000, seed=1)
    build(tmp_path / "dense", rows, flat_most=_MOST)
    question = unit_vectors(1, seed=7)[0]
    found = DenseIndex.open(tmp_path / "dense").search(question, 8, within={"d3", "d200"})
    assert {hit.passage_id for hit in found} == {one for one in rows.ids if one.startswith(("d3#", "d200#"))}


def test_what_is_added_to_many_costs_no_copy_of_them_and_is_found(tmp_path: Path) -> None:
    rows, more = _numbered(0, 2000, seed=1), _numbered(2000, 40, seed=2)
    build(tmp_path / "one", rows, flat_most=_MOST)
    extend(tmp_path / "one", tmp_path / "two", add=more, remove={"d7"}, flat_most=_MOST)
    shared = "main/0.faiss"
    assert (tmp_path / "one" / shared).stat().st_ino == (tmp_path / "two" / shared).stat().st_ino
    index = DenseIndex.open(tmp_path / "two")
    assert len(index) == 2036
    assert index.search(more.vectors[3], 1).hits[0].passage_id == more.ids[3]
    assert index.search(rows.vectors[28], 1).hits[0].passage_id != "d7#28-29"
    assert len(index.search(rows.vectors[28], 1, within={"d7"})) == 0
    assert DenseIndex.open(tmp_path / "one").search(rows.vectors[28], 1).hits[0].passage_id == "d7#28-29"


def _damage(path: Path, damage: str) -> None:
    whole = path.read_bytes()
    if damage == "flipped":
        path.write_bytes(whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:])
    elif damage == "short":
        path.write_bytes(whole[:-10])
    else:
        path.unlink()


@pytest.mark.parametrize("damage", ["flipped", "short", "gone"])
@pytest.mark.parametrize("name", ["main/0.faiss", "main/0.ids.npy", "main/0.ends.npy", "main/0.moments.npy"])
@pytest.mark.parametrize(
    ("many", "more"),
    [
        pytest.param(100, 40, id="written-anew"),
        pytest.param(2000, 40, id="shared"),
        pytest.param(2000, 900, id="merged"),
    ],
)
def test_what_decayed_is_not_gone_on_from(tmp_path: Path, name: str, damage: str, many: int, more: int) -> None:
    build(tmp_path / "one", _numbered(0, many, seed=1), flat_most=_MOST)
    _damage(tmp_path / "one" / name, damage)
    with pytest.raises(DamagedLibrary, match="reindex"):
        extend(tmp_path / "one", tmp_path / "two", add=_numbered(many, more, seed=2), flat_most=_MOST)


@pytest.mark.parametrize(("many", "more"), [(100, 40), (2000, 900)])
def test_what_decayed_since_it_was_compared_is_not_written_on(tmp_path: Path, many: int, more: int) -> None:
    """A disk that decays changes no time of a file: what is read to be written anew is compared again."""
    build(tmp_path / "one", _numbered(0, many, seed=1), flat_most=_MOST)
    checksums = Checksums()
    DenseIndex.open(tmp_path / "one", checksums)
    path = tmp_path / "one" / "main" / "0.faiss"
    times = path.stat()
    _damage(path, "flipped")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(DamagedLibrary, match="not what was written"):
        extend(
            tmp_path / "one",
            tmp_path / "two",
            add=_numbered(many, more, seed=2),
            flat_most=_MOST,
            checksums=Checksums(checksums),
        )


@pytest.mark.parametrize("seed", range(4))
def test_an_index_extended_again_and_again_holds_what_one_made_at_once_would(tmp_path: Path, seed: int) -> None:
    """Through sharing, merging, telling the lists anew, and removals of what is old and what is recent."""
    chance = np.random.default_rng(seed)
    live = _numbered(0, 600, seed=1)
    build(tmp_path / "0", live, flat_most=_MOST)
    first = 600
    for step in range(1, 9):
        more = _numbered(first, int(chance.integers(1, 400)), seed=10 + step)
        first += 4 * len(more.ids)
        documents = sorted({one.partition("#")[0] for one in live.ids})
        gone = set(chance.choice(documents, size=int(chance.integers(0, 30)), replace=False).tolist())
        extend(tmp_path / str(step - 1), tmp_path / str(step), add=more, remove=gone, flat_most=_MOST)
        left = [row for row, one in enumerate(live.ids) if one.partition("#")[0] not in gone]
        kept = Rows([live.ids[row] for row in left], live.vectors[left], ["en"] * len(left))
        live = _both(kept, more)
        index = DenseIndex.open(tmp_path / str(step))
        stored = {passage_id: vector for passage_id, vector, _ in index.contents()}
        assert stored.keys() == set(live.ids)
        assert len(index) == len(live.ids)
        assert np.abs(np.stack([stored[one] for one in live.ids]) - live.vectors).max() < 1e-3
        assert _recall(index, live) >= 0.9
        for background in index.backgrounds(live.vectors[0]).values():
            assert background.mean == pytest.approx(float((live.vectors @ live.vectors[0]).mean()), abs=0.03)


def test_a_small_index_that_grows_large_changes_over(tmp_path: Path) -> None:
    rows, more = _numbered(0, 100, seed=1), _numbered(100, 900, seed=2)
    build(tmp_path / "one", rows, flat_most=_MOST)
    extend(tmp_path / "one", tmp_path / "two", add=more, flat_most=_MOST)
    assert DenseIndex.open(tmp_path / "one").is_exact
    index = DenseIndex.open(tmp_path / "two")
    assert not index.is_exact
    assert _recall(index, _both(rows, more)) >= 0.95
