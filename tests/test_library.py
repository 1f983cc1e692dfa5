"""Nothing is lost, nothing is quoted that was changed, and what is derived comes back by itself."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from retrieval import indexes
from retrieval.datamodel import Abstention, Document, Ranking, Reply
from retrieval.encode import Embeddings, Encoder, Prompt
from retrieval.engine import Engine
from retrieval.errors import (
    BusyLibrary,
    DamagedLibrary,
    ModelMismatch,
    QuothError,
    StorageError,
    UnknownDocument,
)
from retrieval.ingest import Report
from retrieval.library import Library
from retrieval.settings import Settings
from retrieval.writer import writing

_SEEDS = Path(__file__).parent.parent / "seeds"
_PORT = "The harbour of Gwadar opened a new cargo terminal on Monday. It can handle twelve ships at once."
_SCHOOL = "A school for girls in Lahore has won the national robotics cup. The team built a machine."
_RAIN = "Heavy rain closed the Karakoram highway for three days. Nobody was hurt, the police said."

Open = Callable[[], Engine]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def opened(folder: Path, encoder: Encoder) -> Iterator[Open]:
    """Engines on the same folder, as several processes would have them."""
    engines: list[Engine] = []

    def opening() -> Engine:
        engines.append(Engine(folder, Settings(), lambda: encoder))
        return engines[-1]

    yield opening
    for engine in engines:
        engine.close()


@pytest.fixture
def engine(opened: Open) -> Engine:
    return opened()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return lines(tmp_path / "news.jsonl", port=_PORT, school=_SCHOOL, rain=_RAIN)


def lines(path: Path, **texts: str) -> Path:
    """A file with a document a line, by id."""
    path.write_text("".join(json.dumps({"id": name, "text": text}) + "\n" for name, text in texts.items()))
    return path


def ids(engine: Engine) -> list[str]:
    return [document.id for document in engine.documents()]


def texts(engine: Engine) -> dict[str, str]:
    return {document.id: document.snapshot.text for document in engine.documents()}


def shown(reply: Reply) -> list[str]:
    """The documents of the excerpts, best first, whether they answer or are only nearest."""
    excerpts = reply.nearest if isinstance(reply, Abstention) else reply.excerpts
    return list(dict.fromkeys(excerpt.document.id for excerpt in excerpts))


def counts(report: Report) -> tuple[int, int, int, int]:
    return report.added, report.unchanged, report.replaced, len(report.refused)


def snapshots(folder: Path) -> int:
    library = Library.open(folder)
    ((found,),) = library.connection.execute("SELECT count(*) FROM snapshots").fetchall()
    library.close()
    return int(found)


def rankings(engine: Engine, encoder: Encoder) -> list[Ranking]:
    """What the indexes on the disk say to a few questions, by meaning and by words."""
    opened = indexes.open_indexes(engine.library, engine.library.generation)
    questions = ["harbour terminal", "robotics cup in Lahore", "rain on the highway", "who said it"]
    dense = [opened.dense.search(vector, 50) for vector in encoder.encode(questions, prompt="query")]
    return [*dense, *(opened.lexical.search(question, 50) for question in questions)]


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


# What goes in


def test_ingesting_the_same_bytes_again_changes_nothing(engine: Engine, source: Path) -> None:
    assert counts(engine.ingest([str(source)])) == (3, 0, 0, 0)
    generation, before = engine.library.generation, texts(engine)
    assert counts(engine.ingest([str(source)])) == (0, 3, 0, 0)
    assert (engine.library.generation, texts(engine)) == (generation, before)


def test_the_generation_rises_with_every_change(engine: Engine, source: Path) -> None:
    seen = [engine.library.generation]
    engine.ingest([str(source)])
    seen.append(engine.library.generation)
    engine.remove("rain")
    seen.append(engine.library.generation)
    engine.prune("2999-01-01")
    seen.append(engine.library.generation)
    assert seen[0] == 0
    assert seen == sorted(set(seen))


def test_what_is_given_twice_is_stored_once(engine: Engine, source: Path, tmp_path: Path) -> None:
    """The same file by two names in one command: the second finds what the first brought."""
    page = tmp_path / "page.txt"
    page.write_text(_PORT)
    assert counts(engine.ingest([str(page), str(page), f"{tmp_path}/./page.txt"])) == (1, 2, 0, 0)
    assert counts(engine.ingest([str(source), str(source)])) == (3, 3, 0, 0)
    assert engine.library.count_documents() == 4


def test_an_id_in_two_files_of_one_command_is_the_later_one(engine: Engine, tmp_path: Path) -> None:
    first = lines(tmp_path / "a.jsonl", port=_PORT)
    second = lines(tmp_path / "b.jsonl", port=_RAIN)
    assert counts(engine.ingest([str(first), str(second)])) == (1, 0, 1, 0)
    assert texts(engine) == {"port": _RAIN}


def test_an_id_that_another_source_gives_replaces(engine: Engine, tmp_path: Path) -> None:
    """A line of JSONL may name its document as a page's document is named already."""
    page = tmp_path / "page.txt"
    page.write_text(_PORT)
    engine.ingest([str(page)])
    (page_id,) = ids(engine)
    engine.ingest([str(lines(tmp_path / "news.jsonl", **{page_id: _RAIN}))])
    assert texts(engine) == {page_id: _RAIN}
    assert list(engine.faults()) == []


def test_a_changed_file_replaces_its_documents_and_its_snapshot_stays_until_pruned(
    engine: Engine, folder: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.txt"
    page.write_text(_PORT)
    engine.ingest([str(page)])
    before = ids(engine)
    page.write_text(_PORT.replace("twelve", "twenty"))
    assert counts(engine.ingest([str(page)])) == (0, 0, 1, 0)
    assert texts(engine) == {before[0]: _PORT.replace("twelve", "twenty")}
    assert snapshots(folder) == 2
    assert engine.prune("2000-01-01") == 0
    assert engine.prune("2999-01-01") == 1
    assert snapshots(folder) == 1
    assert list(engine.faults()) == []


def test_a_page_that_holds_fewer_articles_than_before_loses_the_others(engine: Engine, tmp_path: Path) -> None:
    page = tmp_path / "page.txt"
    page.write_bytes((_SEEDS / "000_60f82cdcc2b9ec1d.txt").read_bytes())
    engine.ingest([str(page)])
    assert engine.library.count_documents() == 2
    page.write_text(_PORT)
    engine.ingest([str(page)])
    assert list(texts(engine).values()) == [_PORT]


def test_a_batch_that_fails_leaves_nothing_and_can_be_given_again(
    engine: Engine, source: Path, encoder: Encoder
) -> None:
    class Failing:
        identity = encoder.identity

        def encode(self, texts: Sequence[str], *, prompt: Prompt) -> Embeddings:
            raise KeyboardInterrupt

    healthy = vars(engine)
    healthy["encoder"] = Failing()
    with pytest.raises(KeyboardInterrupt):
        engine.ingest([str(source)])
    assert (ids(engine), engine.library.generation) == ([], 0)
    healthy["encoder"] = encoder
    assert counts(engine.ingest([str(source)])) == (3, 0, 0, 0)


def test_a_transaction_that_fails_in_its_middle_leaves_nothing(engine: Engine, source: Path) -> None:
    engine.ingest([str(source)])
    reading = engine.library.reading("port")
    assert reading is not None
    before = engine.library.generation, ids(engine)
    with writing(engine.library) as writer:

        def entries() -> Iterator[tuple[object, tuple[()]]]:
            yield reading, ()
            raise RuntimeError("pulled the plug")

        with pytest.raises(RuntimeError, match="plug"):
            writer.put(entries(), identity="x", at="2024-01-01T00:00:00+00:00")  # type: ignore[arg-type]
    assert (engine.library.generation, ids(engine)) == before
    assert list(engine.faults()) == []


# What goes out


def test_a_removed_document_goes_at_once_and_its_snapshot_with_it(engine: Engine, source: Path, folder: Path) -> None:
    engine.ingest([str(source)])
    engine.remove("port")
    assert ids(engine) == ["school", "rain"]
    assert snapshots(folder) == 2
    assert "port" not in shown(engine.ask("Which harbour opened a cargo terminal?"))
    assert list(engine.faults()) == []


def test_a_removed_text_leaves_no_byte_in_the_file(engine: Engine, source: Path, folder: Path) -> None:
    engine.ingest([str(source)])
    engine.remove("school")
    engine.close()
    content = b"".join(path.read_bytes() for path in folder.glob("library.sqlite*"))
    assert b"Karakoram" in content
    assert b"robotics" not in content


def test_a_snapshot_stays_while_another_document_needs_it(engine: Engine, folder: Path) -> None:
    engine.ingest([str(_SEEDS / "000_60f82cdcc2b9ec1d.txt")])
    first, second = ids(engine)
    engine.remove(first)
    assert (ids(engine), snapshots(folder)) == ([second], 1)
    engine.remove(second)
    assert (ids(engine), snapshots(folder)) == ([], 0)


def test_the_last_document_of_a_source_takes_every_version_of_it_along(
    engine: Engine, source: Path, folder: Path, tmp_path: Path
) -> None:
    """What was asked to go must not stay readable as an older version until somebody prunes."""
    page = tmp_path / "page.txt"
    for text in (_PORT, _PORT.replace("twelve", "twenty"), _PORT.replace("twelve", "thirty")):
        page.write_text(text)
        engine.ingest([str(page)])
    engine.ingest([str(source)])  # its "port" needs the first version's text
    assert snapshots(folder) == 5
    engine.remove(ids(engine)[0])
    assert ids(engine) == ["port", "school", "rain"]
    assert snapshots(folder) == 3
    assert list(engine.faults()) == []
    engine.close()
    content = b"".join(path.read_bytes() for path in folder.glob("library.sqlite*"))
    assert b"twelve" in content
    assert b"twenty" not in content
    assert b"thirty" not in content


def test_older_versions_stay_while_a_document_of_the_source_does(engine: Engine, folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.txt"
    page.write_text(_PORT)
    engine.ingest([str(page)])
    page.write_bytes((_SEEDS / "000_60f82cdcc2b9ec1d.txt").read_bytes())
    engine.ingest([str(page)])
    first, second = ids(engine)
    engine.remove(first)
    assert snapshots(folder) == 2
    engine.remove(second)
    assert snapshots(folder) == 0


def test_a_removed_article_does_not_come_back_by_reindexing_its_page(engine: Engine) -> None:
    engine.ingest([str(_SEEDS / "000_60f82cdcc2b9ec1d.txt")])
    first, second = ids(engine)
    engine.remove(first)
    assert engine.reindex().replaced == 1
    assert ids(engine) == [second]


def test_removing_what_is_not_there_names_the_way_to_see_what_is(engine: Engine) -> None:
    with pytest.raises(UnknownDocument, match="quoth sources"):
        engine.remove("nothing")


# Who may


def test_a_second_writer_is_told_so_in_one_line(engine: Engine, opened: Open, source: Path) -> None:
    with writing(engine.library), pytest.raises(BusyLibrary, match="is writing") as caught:
        opened().ingest([str(source)])
    assert "\n" not in str(caught.value)
    assert counts(opened().ingest([str(source)])) == (3, 0, 0, 0)


def test_another_process_that_writes_is_named_and_readers_go_on(engine: Engine, source: Path, folder: Path) -> None:
    engine.ingest([str(source)])
    hold = "import sys, pathlib; from retrieval.library import Library; from retrieval.writer import writing\n"
    hold += "with writing(Library.open(pathlib.Path(sys.argv[1]))): print('writing', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "writing\n"
        with pytest.raises(BusyLibrary, match=f"number {other.pid}"):
            engine.ingest([str(source)])
        assert shown(engine.ask("Who won the robotics cup?"))[0] == "school"
        other.communicate()
    assert counts(engine.ingest([str(source)])) == (0, 3, 0, 0)


def test_what_fails_while_writing_is_not_taken_for_the_librarys_disk(engine: Engine) -> None:
    with pytest.raises(FileNotFoundError), writing(engine.library):
        raise FileNotFoundError("somebody else's file")


def test_a_reader_notices_what_another_wrote(engine: Engine, opened: Open, tmp_path: Path) -> None:
    engine.ingest([str(lines(tmp_path / "a.jsonl", school=_SCHOOL))])
    reader = opened()
    assert shown(reader.ask("Which highway did rain close?")) == ["school"]
    engine.ingest([str(lines(tmp_path / "b.jsonl", rain=_RAIN))])
    assert shown(reader.ask("Which highway did rain close?"))[0] == "rain"
    engine.remove("rain")
    assert shown(reader.ask("Which highway did rain close?")) == ["school"]


def test_a_new_library_is_empty_and_says_so(engine: Engine) -> None:
    reply = engine.ask("Who won the cup?")
    assert isinstance(reply, Abstention)
    assert reply.reason == "empty_collection"
    assert list(engine.faults()) == []


def test_what_a_kill_left_of_the_first_creation_is_cleared_away(folder: Path) -> None:
    create = (
        "import os, pathlib, signal, sys; from retrieval.library import Library\n"
        "pathlib.Path.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "Library.open(pathlib.Path(sys.argv[1]))"
    )
    killed = subprocess.run([sys.executable, "-c", create, str(folder)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [path.name for path in folder.iterdir()] == [".library.sqlite"]
    Library.open(folder).close()
    assert [path.name for path in folder.iterdir()] == ["library.sqlite"]


def test_two_that_make_the_library_at_once_open_the_same(folder: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda _: Library.open(folder), range(8)))
    with writing(opened[0]) as writer:
        writer.put([], identity="x@1", at="2026-01-01T00:00:00+00:00")
    assert [library.generation for library in opened] == [1] * 8
    for library in opened:
        library.close()
    assert sorted(path.name for path in folder.iterdir()) == ["library.sqlite", "writer.lock"]


# What is derived


def damage_nothing(folder: Path) -> None:
    """Every part is there."""


def remove_the_indexes(folder: Path) -> None:
    shutil.rmtree(folder / "indexes")


def empty_a_folder(folder: Path) -> None:
    for path in newest(folder, "lexical").iterdir():
        path.unlink()


def delete_a_file(folder: Path) -> None:
    (newest(folder, "dense") / "vectors.faiss").unlink()


def flip_a_byte_of_vectors(folder: Path) -> None:
    flip(newest(folder, "dense") / "vectors.faiss", -1)


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


def test_stale_indexes_are_brought_up_to_the_library(
    opened: Open, folder: Path, tmp_path: Path, encoder: Encoder
) -> None:
    """As after a kill between the last commit and the indexes."""
    engine = opened()
    engine.ingest([str(lines(tmp_path / "a.jsonl", port=_PORT, school=_SCHOOL))])
    shutil.copytree(folder / "indexes", tmp_path / "kept")
    engine.ingest([str(lines(tmp_path / "b.jsonl", port=_RAIN))])
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
    engine.ingest([str(lines(tmp_path / "a.jsonl", port=_PORT, school=_SCHOOL, rain=_RAIN))])
    engine.ingest([str(lines(tmp_path / "b.jsonl", port=_PORT + " It is deep."))])
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
    engine.ingest([str(lines(tmp_path / "a.jsonl", port=_PORT))])
    engine.close()
    for path in folder.glob("library.sqlite*"):
        path.unlink()
    anew = opened()
    anew.ingest([str(lines(tmp_path / "b.jsonl", rain=_RAIN))])
    assert shown(anew.ask("Which harbour opened a terminal?")) == ["rain"]
    assert list(anew.faults()) == []


def test_indexes_extended_are_the_indexes_made_anew(
    engine: Engine, folder: Path, tmp_path: Path, encoder: Encoder
) -> None:
    for name, text in (("port", _PORT), ("school", _SCHOOL), ("rain", _RAIN)):
        engine.ingest([str(lines(tmp_path / f"{name}.jsonl", **{name: text}))])
    extended = rankings(engine, encoder)
    engine.reindex()
    assert rankings(engine, encoder) == extended


# What is damaged


def test_a_healthy_library_has_no_faults(engine: Engine, source: Path) -> None:
    engine.ingest([str(source), str(_SEEDS)])
    assert list(engine.faults()) == []


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        (b"a new cargo terminal", "snapshot"),  # the text
        (b'"title": "The harbour opens', "document"),  # a document's fields
        (b'"publisher": "The Port Herald', "source"),  # what its format said of it
    ],
)
@pytest.mark.parametrize("bit", [1, 128], ids=["another letter", "no UTF-8"])
def test_a_flipped_byte_is_found_and_never_quoted(
    engine: Engine, opened: Open, folder: Path, tmp_path: Path, found: bytes, fault: str, bit: int
) -> None:
    line = {"id": "port", "text": _PORT, "title": "The harbour opens", "publisher": "The Port Herald"}
    (tmp_path / "news.jsonl").write_text(json.dumps(line))
    engine.ingest([str(tmp_path / "news.jsonl")])
    engine.close()
    content = bytearray((folder / "library.sqlite").read_bytes())
    place = -1
    while (place := content.find(found, place + 1)) >= 0:
        content[place + len(found) - 1] ^= bit
    (folder / "library.sqlite").write_bytes(content)
    damaged = opened()
    faults = list(damaged.faults())
    assert any(line.startswith(fault) for line in faults)
    assert not any("\n" in line or "Monday" in line for line in faults)
    if fault != "source":
        with pytest.raises(DamagedLibrary):
            damaged.ask("Which harbour opened a new cargo terminal?")


def test_a_flipped_byte_of_an_embedding_is_found(engine: Engine, opened: Open, source: Path, folder: Path) -> None:
    engine.ingest([str(source)])
    ((embedding,),) = engine.library.connection.execute("SELECT embedding FROM passages LIMIT 1").fetchall()
    engine.close()
    flip(folder / "library.sqlite", (folder / "library.sqlite").read_bytes().index(embedding) + 5)
    assert [fault.split(":")[0] for fault in opened().faults()] == ["passage port#0-96"]


@pytest.mark.parametrize("position", [0, 15, 16, 21])
def test_a_damaged_header_is_one_clear_line(
    engine: Engine, opened: Open, source: Path, folder: Path, position: int
) -> None:
    engine.ingest([str(source)])
    engine.close()
    flip(folder / "library.sqlite", position)
    with pytest.raises(DamagedLibrary, match=r"damaged \(") as caught:
        list(opened().faults())
    assert "\n" not in str(caught.value)


def test_any_flipped_byte_is_harmless_or_told_but_never_quoted(
    engine: Engine, opened: Open, source: Path, folder: Path
) -> None:
    """Of all bytes of the file, a hundred by lot."""
    engine.ingest([str(source)])
    expected = texts(engine)
    engine.close()
    path = folder / "library.sqlite"
    whole = path.read_bytes()
    for position in random.Random(2).sample(range(len(whole)), 100):
        path.write_bytes(whole)
        flip(path, position)
        with contextlib.suppress(QuothError):
            reader = opened()
            is_unseen = not list(reader.faults())
            assert not is_unseen or texts(reader) == expected, f"byte {position} changed what is quoted, unseen"
            reader.close()


def test_an_index_that_differs_from_the_library_is_found(engine: Engine, source: Path, folder: Path) -> None:
    """Whole, but not this library's: as after a restored backup."""
    engine.ingest([str(source)])
    engine.library.connection.execute("DELETE FROM passages WHERE id LIKE 'rain#%'")
    faults = list(engine.faults())
    assert any(fault.startswith("dense index: passage rain#") for fault in faults)
    assert any(fault.startswith("lexical index: 2 passages expected, 3 found") for fault in faults)


def test_a_passage_that_leaves_its_document_is_found(engine: Engine, source: Path) -> None:
    engine.ingest([str(source)])
    engine.library.connection.execute("UPDATE passages SET id = 'port#0-97' WHERE id LIKE 'port#%'")
    assert any(fault.startswith("passage port#0-97") for fault in engine.faults())


# Another model


def test_another_model_is_refused_with_the_command_that_repairs(
    engine: Engine, folder: Path, source: Path, other_encoder: Encoder
) -> None:
    engine.ingest([str(source)])
    other = Engine(folder, Settings(), lambda: other_encoder)
    for act in (lambda: other.ask("Who won?"), lambda: other.ingest([str(_SEEDS)])):
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


# The disk


def test_a_full_disk_is_one_clear_line_and_the_library_stays_whole(
    engine: Engine, opened: Open, source: Path, tmp_path: Path
) -> None:
    engine.ingest([str(source)])
    connection = engine.library.connection
    ((pages,),) = connection.execute("PRAGMA page_count").fetchall()
    connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(StorageError, match="make room") as caught:
        engine.ingest([str(lines(tmp_path / "more.jsonl", more=_RAIN * 200))])
    assert "\n" not in str(caught.value)
    assert ids(engine) == ["port", "school", "rain"]
    reader = opened()
    assert list(reader.faults()) == []
    assert counts(reader.ingest([str(tmp_path / "more.jsonl")])) == (1, 0, 0, 0)


def test_a_read_only_library_answers_and_refuses_to_change(engine: Engine, source: Path) -> None:
    engine.ingest([str(source)])
    engine.library.connection.execute("PRAGMA query_only = ON")
    assert shown(engine.ask("Who won the robotics cup?"))[0] == "school"
    with pytest.raises(StorageError, match="cannot be written"):
        engine.remove("port")


def test_a_library_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError, match="found the file"):
        Library.open(tmp_path / "file")
    with pytest.raises(StorageError, match="cannot be used"):
        Library.open(tmp_path / "file" / "inside")
    with pytest.raises(StorageError, match="name too long"):
        Library.open(tmp_path / ("x" * 300))


@pytest.mark.parametrize("content", [b"", b"not a database" * 100], ids=["empty", "text"])
def test_a_library_file_that_is_none_is_damage(folder: Path, content: bytes) -> None:
    folder.mkdir()
    (folder / "library.sqlite").write_bytes(content)
    with pytest.raises(DamagedLibrary, match="restore a backup"):
        Library.open(folder)


def test_documents_keep_what_their_source_says(engine: Engine, tmp_path: Path) -> None:
    said = {
        "title": "بندرگاہ",
        "publisher": "The Port Herald",
        "published": "2024-09-16T17:31",
        "updated": "2024-09-17",
        "url": "https://example.org/a",
        "language": "en",
    }
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": "a", "text": _PORT, "authors": ["A", "ب"], **said}))
    engine.ingest([str(tmp_path / "a.jsonl")])
    document: Document = engine.library.document("a")
    assert {name: getattr(document, name) for name in said} == said
    assert (document.authors, document.snapshot.text) == (("A", "ب"), _PORT)
    assert engine.library.newest_publication() == "2024-09-16T17:31"
