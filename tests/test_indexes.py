"""What is derived comes back by itself, and is made again for another model."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from conftest import PORT, RAIN, SCHOOL, SEEDS, Open, flip, lines, shown, texts

from retrieval import indexes, writer
from retrieval.datamodel import Abstention, Document, Ranking
from retrieval.encode import Encoder
from retrieval.engine import Engine
from retrieval.errors import DamagedLibrary, ModelMismatch
from retrieval.library import Library
from retrieval.rows import StoredPassage
from retrieval.settings import Settings
from retrieval.writer import Writer, writing


def rankings(engine: Engine, encoder: Encoder) -> list[Ranking]:
    """What the indexes on the disk say to a few questions, by meaning and by words."""
    opened = indexes.open_indexes(engine.library, engine.library.generation)
    questions = ["harbour terminal", "robotics cup in Lahore", "rain on the highway", "who said it"]
    dense = [opened.dense.search(vector, 50) for vector in encoder.encode(questions, prompt="query")]
    return [*dense, *(opened.lexical.search(question, 50) for question in questions)]


# What is derived


def damage_nothing(folder: Path) -> None:
    """Every part is there."""


def remove_the_indexes(folder: Path) -> None:
    shutil.rmtree(folder / "indexes")


def empty_a_folder(folder: Path) -> None:
    for path in newest(folder, "lexical").iterdir():
        path.unlink()


def delete_a_file(folder: Path) -> None:
    (newest(folder, "dense") / "main" / "0.faiss").unlink()


def flip_a_byte_of_vectors(folder: Path) -> None:
    flip(newest(folder, "dense") / "main" / "0.faiss", -1)


def flip_a_byte_of_ids(folder: Path) -> None:
    flip(newest(folder, "dense") / "main" / "0.ids.npy", -4)


def cut_ids_short(folder: Path) -> None:
    path = newest(folder, "dense") / "main" / "0.ids.npy"
    path.write_bytes(path.read_bytes()[:-10])


def flip_a_byte_of_postings(folder: Path) -> None:
    flip(next(newest(folder, "lexical").glob("*.term")), 0)


def leave_something_half_made(folder: Path) -> None:
    newest(folder, "").rename(folder / "indexes" / "7.partial")


def put_a_file_in_place(folder: Path) -> None:
    shutil.rmtree(newest(folder, "dense"))
    newest(folder, "").joinpath("dense").write_text("not a folder")


def newest(folder: Path, part: str) -> Path:
    return max((folder / "indexes").iterdir(), key=lambda path: int(path.name)) / part


@pytest.mark.parametrize(
    "damage",
    [
        damage_nothing,
        remove_the_indexes,
        empty_a_folder,
        delete_a_file,
        flip_a_byte_of_vectors,
        flip_a_byte_of_postings,
        leave_something_half_made,
        put_a_file_in_place,
    ],
)
def test_indexes_that_are_missing_or_damaged_are_made_again(
    opened: Open, source: Path, folder: Path, encoder: Encoder, damage: Callable[[Path], None]
) -> None:
    engine = opened()
    engine.ingest([str(source)])
    before = rankings(engine, encoder)
    damage(folder)
    reader = opened()
    assert shown(reader.ask("Who won the robotics cup?"))[0] == "school"
    assert rankings(reader, encoder) == before
    assert list(reader.faults()) == []
    assert [path.name for path in (folder / "indexes").iterdir()] == [str(engine.library.generation)]


@pytest.mark.parametrize(
    "damage",
    [
        remove_the_indexes,
        empty_a_folder,
        delete_a_file,
        flip_a_byte_of_vectors,
        flip_a_byte_of_ids,
        cut_ids_short,
        flip_a_byte_of_postings,
        leave_something_half_made,
        put_a_file_in_place,
    ],
)
@pytest.mark.parametrize("again", [False, True], ids=["by-another", "by-the-same"])
def test_indexes_that_decayed_are_not_gone_on_from(
    opened: Open, tmp_path: Path, folder: Path, encoder: Encoder, damage: Callable[[Path], None], *, again: bool
) -> None:
    """What is read, or shared, for the new ones is compared with what was written then."""
    first = opened()
    first.ingest([str(lines(tmp_path / "a.jsonl", port=PORT, school=SCHOOL))])
    damage(folder)
    engine = first if again else opened()
    assert engine.ingest([str(lines(tmp_path / "b.jsonl", rain=RAIN))]).added == 1
    assert list(engine.faults()) == []
    assert len(engine.search(engine.query("Who won the robotics cup?"))) == 3
    found = rankings(engine, encoder)
    engine.reindex()
    assert rankings(engine, encoder) == found


def test_stale_indexes_are_brought_up_to_the_library(
    opened: Open, folder: Path, tmp_path: Path, encoder: Encoder
) -> None:
    """As after a kill between the last commit and the indexes."""
    engine = opened()
    engine.ingest([str(lines(tmp_path / "a.jsonl", port=PORT, school=SCHOOL))])
    shutil.copytree(folder / "indexes", tmp_path / "kept")
    engine.ingest([str(lines(tmp_path / "b.jsonl", port=RAIN))])
    expected = rankings(engine, encoder)
    shutil.rmtree(folder / "indexes")
    shutil.copytree(tmp_path / "kept", folder / "indexes")
    reader = opened()
    reader.ask("Which highway did rain close?")
    assert {hit.passage_id for ranking in rankings(reader, encoder) for hit in ranking} == {
        hit.passage_id for ranking in expected for hit in ranking
    }
    assert list(reader.faults()) == []


def test_the_newest_indexes_can_be_lost_and_the_former_ones_serve(opened: Open, folder: Path, tmp_path: Path) -> None:
    """What was removed since the former must not come back, nor what was replaced stand twice."""
    engine = opened()
    engine.ingest([str(lines(tmp_path / "a.jsonl", port=PORT, school=SCHOOL, rain=RAIN))])
    engine.ingest([str(lines(tmp_path / "b.jsonl", port=PORT + " It is deep."))])
    engine.remove("school")
    shutil.rmtree(newest(folder, ""))
    reader = opened()
    reader.ask("Who won the robotics cup?")
    assert list(reader.faults()) == []
    found = indexes.open_indexes(reader.library, reader.library.generation)
    assert len(found.dense) == len(found.lexical) == reader.library.count_passages() == 2


def test_indexes_of_a_library_that_is_gone_are_not_taken_for_the_new_ones(
    opened: Open, folder: Path, tmp_path: Path
) -> None:
    """Same folder, same generation, other documents."""
    engine = opened()
    engine.ingest([str(lines(tmp_path / "a.jsonl", port=PORT))])
    engine.close()
    for path in folder.glob("library.sqlite*"):
        path.unlink()
    anew = opened()
    anew.ingest([str(lines(tmp_path / "b.jsonl", rain=RAIN))])
    assert shown(anew.ask("Which harbour opened a terminal?")) == ["rain"]
    assert list(anew.faults()) == []


def test_indexes_extended_are_the_indexes_made_anew(
    engine: Engine, folder: Path, tmp_path: Path, encoder: Encoder
) -> None:
    for name, text in (("port", PORT), ("school", SCHOOL), ("rain", RAIN)):
        engine.ingest([str(lines(tmp_path / f"{name}.jsonl", **{name: text}))])
    extended = rankings(engine, encoder)
    engine.reindex()
    assert rankings(engine, encoder) == extended


def test_indexes_stay_current_when_snapshots_are_pruned(engine: Engine, folder: Path, tmp_path: Path) -> None:
    for text in (PORT, RAIN):
        engine.ingest([str(lines(tmp_path / "a.jsonl", a=text))])
    before = newest(folder, "")
    assert engine.prune("2999-01-01") == 1
    assert newest(folder, "") == before
    assert before.name == str(engine.library.generation)


# Another model


def test_another_model_is_refused_with_the_command_that_repairs(
    engine: Engine, folder: Path, source: Path, other_encoder: Encoder
) -> None:
    engine.ingest([str(source)])
    other = Engine(folder, Settings(), lambda: other_encoder)
    for act in (lambda: other.ask("Who won?"), lambda: other.ingest([str(SEEDS)])):
        with pytest.raises(ModelMismatch, match=r"bag-of-words@1 .* other-words@2: run `quoth reindex`"):
            act()
    other.close()
    assert list(engine.faults()) == []


def test_reindexing_encodes_all_with_the_other_model(
    engine: Engine, folder: Path, source: Path, other_encoder: Encoder
) -> None:
    engine.ingest([str(source)])
    before = texts(engine)
    other = Engine(folder, Settings(), lambda: other_encoder)
    assert other.reindex().replaced == 3
    assert (other.library.identity, texts(other)) == ("other-words@2", before)
    assert shown(other.ask("Who won the robotics cup?"))[0] == "school"
    assert list(other.faults()) == []
    with pytest.raises(ModelMismatch):
        engine.ask("Who won the robotics cup?")
    other.close()


# Who reads while another writes

REPLACED = "Unrelated words stand in front. The harbour of Gwadar is closed. It can handle no ships now."


@pytest.mark.parametrize(
    ("step", "is_asked"),
    [("passages", True), ("looked_through", True), ("document", False), ("documents_by_id", False)],
)
def test_a_reader_sees_one_state_of_the_library_while_another_replaces_it(
    engine: Engine, opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, *, is_asked: bool
) -> None:
    """Spans of one read and the text of a later one would be a quote that nobody wrote."""
    path = tmp_path / "a.jsonl"
    engine.ingest([str(lines(path, port=PORT, rain=RAIN))])
    reader = opened()
    reads = getattr(Library, step)

    def read(library: Library, wanted: object) -> object:
        if library is reader.library and REPLACED not in path.read_text():
            engine.ingest([str(lines(path, port=REPLACED, rain=RAIN))])
        return reads(library, wanted)

    monkeypatch.setattr(Library, step, read)
    if is_asked:
        reply = reader.ask("How many ships can the new cargo terminal of Gwadar handle?")
        excerpts = reply.nearest if isinstance(reply, Abstention) else reply.excerpts
        assert any("twelve ships at once." in excerpt.text for excerpt in excerpts), [
            excerpt.text for excerpt in excerpts
        ]
    else:
        verdict = reader.verify("The harbour of Gwadar opened a new cargo terminal")
        assert (verdict.kind, verdict.places[0].excerpt.text) == ("exact", verdict.quote)
    assert reader.verify("It can handle no ships now.").kind == "exact"


def test_while_another_writes_a_question_tries_to_write_once(
    engine: Engine, opened: Open, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.ingest([str(source)])
    reader = opened()
    reader.warm_up()
    tries: list[Library] = []

    def counted(library: Library) -> AbstractContextManager[Writer]:
        tries.append(library)
        return writing(library)

    monkeypatch.setattr("retrieval.engine.writing", counted)
    with writing(engine.library) as writer:
        writer.put([], identity="bag-of-words@1", at="2026-01-01T00:00:00+00:00")
        assert shown(reader.ask("How many ships can the terminal of Gwadar handle?"))[0] == "port"
        assert len(tries) == 1
        assert reader.verify("It can handle twelve ships at once.").kind == "exact"
        assert len(tries) == 2


def test_an_update_reads_what_came_once(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    added = Library.added

    def noted(library: Library, *, after: int = 0) -> Iterator[tuple[Document, list[StoredPassage]]]:
        for document, passages in added(library, after=after):
            read.append(document.id)
            yield document, passages

    monkeypatch.setattr(Library, "added", noted)
    engine.ingest([str(lines(tmp_path / "a.jsonl", port=PORT, school=SCHOOL))])
    engine.ingest([str(lines(tmp_path / "b.jsonl", rain=RAIN))])
    assert read == ["port", "school", "rain"]
    assert list(indexes.faults(engine.library)) == []
    engine.reindex()
    assert read[3:] == ["port", "school", "rain"] * 2  # that of the faults, and all of them anew


def test_a_library_that_lost_its_last_changes_says_so_and_keeps_no_index_of_them(
    opened: Open, tmp_path: Path, folder: Path
) -> None:
    """As where a byte flips in the journal that a kill left: SQLite goes back to before it, and says nothing."""
    opened().ingest([str(lines(tmp_path / "a.jsonl", port=PORT))])
    newest(folder, "").rename(folder / "indexes" / "9")
    engine = opened()
    assert [fault.partition(":")[0] for fault in engine.faults()] == [
        "the library stands at change 1, its indexes at 9"
    ]
    engine.ingest([str(lines(tmp_path / "b.jsonl", rain=RAIN))])
    assert list(engine.faults()) == []
    assert sorted(path.name for path in (folder / "indexes").iterdir()) == ["1", "2"]  # the last, and the one before


def test_the_journal_stays_short_though_somebody_always_reads(
    engine: Engine, opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LONGEST_JOURNAL_BYTES", 200_000)
    reader = opened()
    for version in range(12):
        rows = {f"d{number}": f"Edition {version}. " + "The port opened. " * 40 for number in range(20)}
        engine.ingest([str(lines(tmp_path / "a.jsonl", **rows))])
        reader.ask("Which edition is it?")
    assert (engine.library.folder / "library.sqlite-wal").stat().st_size < 400_000  # twelve editions are 4 MB


def test_a_document_that_its_passages_do_not_find_is_damage(engine: Engine, opened: Open, tmp_path: Path) -> None:
    engine.ingest([str(lines(tmp_path / "a.jsonl", port=PORT, school=SCHOOL))])
    reader = opened()
    engine.library.connection.execute("PRAGMA foreign_keys = OFF")
    engine.library.connection.execute("UPDATE documents SET id = 'other' WHERE id = 'school'")
    with pytest.raises(DamagedLibrary, match="quoth check"):
        reader.ask("Who won the robotics cup?")
