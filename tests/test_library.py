"""What goes in, what goes out, and who may: nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import PORT, RAIN, SCHOOL, SEEDS, Open, counts, ids, lines, shown, texts

from retrieval import articles, gather
from retrieval.datamodel import Abstention, Document, Reading, Snapshot
from retrieval.encode import Embeddings, Encoder, Prompt
from retrieval.engine import Engine
from retrieval.errors import BusyLibrary, StorageError, UnknownDocument
from retrieval.gather import Article
from retrieval.library import Library
from retrieval.read import jsonl
from retrieval.writer import writing


def snapshots(folder: Path) -> int:
    library = Library.open(folder)
    ((found,),) = library.connection.execute("SELECT count(*) FROM snapshots").fetchall()
    library.close()
    return int(found)


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
    assert seen[0] == 0
    assert seen == sorted(set(seen))


def test_pruning_raises_no_generation(engine: Engine, tmp_path: Path) -> None:
    for text in (PORT, RAIN):
        engine.ingest([str(lines(tmp_path / "a.jsonl", a=text))])
    before = engine.library.generation
    assert engine.prune("2999-01-01") == 1
    assert engine.library.generation == before


def test_what_is_given_twice_is_stored_once(engine: Engine, source: Path, tmp_path: Path) -> None:
    """The same file by two names in one command: the second finds what the first brought."""
    page = tmp_path / "page.txt"
    page.write_text(PORT)
    assert counts(engine.ingest([str(page), str(page), f"{tmp_path}/./page.txt"])) == (1, 2, 0, 0)
    assert counts(engine.ingest([str(source), str(source)])) == (3, 3, 0, 0)
    assert engine.library.count_documents() == 4


def test_an_id_in_two_files_of_one_command_is_the_later_one(engine: Engine, tmp_path: Path) -> None:
    first = lines(tmp_path / "a.jsonl", port=PORT)
    second = lines(tmp_path / "b.jsonl", port=RAIN)
    assert counts(engine.ingest([str(first), str(second)])) == (1, 0, 1, 0)
    assert texts(engine) == {"port": RAIN}


def test_an_id_that_another_source_gives_replaces(engine: Engine, tmp_path: Path) -> None:
    """A line of JSONL may name its document as a page's document is named already."""
    page = tmp_path / "page.txt"
    page.write_text(PORT)
    engine.ingest([str(page)])
    (page_id,) = ids(engine)
    engine.ingest([str(lines(tmp_path / "news.jsonl", **{page_id: RAIN}))])
    assert texts(engine) == {page_id: RAIN}
    assert list(engine.faults()) == []


def page_at(address: str, text: str) -> Article:
    """A page as the reader of pages gives it, without fetching one."""
    snapshot = Snapshot.take(
        text, original=text.encode(), source=address, media_type="text/html", fetched_at="2026-01-01T00:00:00+00:00"
    )
    reading = Reading(key=address, snapshot=snapshot)
    return Article(reading, articles.documents(reading))


@pytest.mark.parametrize("is_old", [False, True], ids=["new", "old"])
def test_a_line_named_by_an_address_and_the_page_there_are_two_sources(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_old: bool
) -> None:
    """In a library of old the line stands under the page's key: it moves, and is neither encoded nor added again."""
    path = lines(tmp_path / "a.jsonl", **{"https://a.org/story": PORT, "plain": SCHOOL})
    with monkeypatch.context() as old:
        if is_old:
            old.setattr(jsonl, "key_of", lambda identifier: f"{identifier}/")
        assert counts(engine.ingest([str(path)])) == (2, 0, 0, 0)
        lines(path, **{"https://a.org/story": RAIN, "plain": SCHOOL})
        assert counts(engine.ingest([str(path)])) == (0, 1, 1, 0)
    generation = engine.library.generation
    with monkeypatch.context() as fetched:
        page = page_at("https://a.org/story/", PORT)
        fetched.setattr(gather, "gather", lambda *_, **__: iter([iter([page])]))
        assert counts(engine.ingest(["https://a.org/story/"])) == (1, 0, 0, 0)
    assert engine.library.generation == generation + 1
    page_id = page.documents[0].id
    assert texts(engine) == {"https://a.org/story": RAIN, "plain": SCHOOL, page_id: PORT}
    assert counts(engine.ingest([str(path)])) == (0, 2, 0, 0)
    assert engine.reindex().replaced == 3
    assert texts(engine) == {"https://a.org/story": RAIN, "plain": SCHOOL, page_id: PORT}
    assert list(engine.faults()) == []
    engine.remove("https://a.org/story")  # with its former version
    assert {reading.key for reading in engine.library.readings()} == {"plain/", "https://a.org/story/"}
    assert snapshots(engine.library.folder) == 2


def test_a_changed_file_replaces_its_documents_and_its_snapshot_stays_until_pruned(
    engine: Engine, folder: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.txt"
    page.write_text(PORT)
    engine.ingest([str(page)])
    before = ids(engine)
    page.write_text(PORT.replace("twelve", "twenty"))
    assert counts(engine.ingest([str(page)])) == (0, 0, 1, 0)
    assert texts(engine) == {before[0]: PORT.replace("twelve", "twenty")}
    assert snapshots(folder) == 2
    assert engine.prune("2000-01-01") == 0
    assert engine.prune("2999-01-01") == 1
    assert snapshots(folder) == 1
    assert list(engine.faults()) == []


def test_a_page_that_holds_fewer_articles_than_before_loses_the_others(engine: Engine, tmp_path: Path) -> None:
    page = tmp_path / "page.txt"
    page.write_bytes((SEEDS / "000_60f82cdcc2b9ec1d.txt").read_bytes())
    engine.ingest([str(page)])
    assert engine.library.count_documents() == 2
    page.write_text(PORT)
    engine.ingest([str(page)])
    assert list(texts(engine).values()) == [PORT]


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
    reading = next(engine.library.readings())
    before = engine.library.generation, ids(engine)
    with writing(engine.library) as writer:

        def entries() -> Iterator[tuple[object, tuple[()]]]:
            yield reading, ()
            raise RuntimeError("pulled the plug")

        with pytest.raises(RuntimeError, match="plug"):
            writer.put(entries(), identity="x", at="2024-01-01T00:00:00+00:00")  # type: ignore[arg-type]
    assert (engine.library.generation, ids(engine)) == before
    assert list(engine.faults()) == []


def test_documents_keep_what_their_source_says(engine: Engine, tmp_path: Path) -> None:
    said = {
        "title": "بندرگاہ",
        "publisher": "The Port Herald",
        "published": "2024-09-16T17:31",
        "updated": "2024-09-17",
        "url": "https://example.org/a",
        "language": "en",
    }
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": "a", "text": PORT, "authors": ["A", "ب"], **said}))
    engine.ingest([str(tmp_path / "a.jsonl")])
    document: Document = engine.library.document("a")
    assert {name: getattr(document, name) for name in said} == said
    assert (document.authors, document.snapshot.text) == (("A", "ب"), PORT)
    assert engine.library.newest_publication() == "2024-09-16T17:31"


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
    engine.ingest([str(SEEDS / "000_60f82cdcc2b9ec1d.txt")])
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
    for text in (PORT, PORT.replace("twelve", "twenty"), PORT.replace("twelve", "thirty")):
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
    page.write_text(PORT)
    engine.ingest([str(page)])
    page.write_bytes((SEEDS / "000_60f82cdcc2b9ec1d.txt").read_bytes())
    engine.ingest([str(page)])
    first, second = ids(engine)
    engine.remove(first)
    assert snapshots(folder) == 2
    engine.remove(second)
    assert snapshots(folder) == 0


def test_a_removed_article_does_not_come_back_by_reindexing_its_page(engine: Engine) -> None:
    engine.ingest([str(SEEDS / "000_60f82cdcc2b9ec1d.txt")])
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
    engine.ingest([str(lines(tmp_path / "a.jsonl", school=SCHOOL))])
    reader = opened()
    assert shown(reader.ask("Which highway did rain close?")) == ["school"]
    engine.ingest([str(lines(tmp_path / "b.jsonl", rain=RAIN))])
    assert shown(reader.ask("Which highway did rain close?"))[0] == "rain"
    engine.remove("rain")
    assert shown(reader.ask("Which highway did rain close?")) == ["school"]


def test_a_question_that_fails_leaves_the_library_free_to_change(engine: Engine, source: Path) -> None:
    engine.ingest([str(source)])
    with pytest.raises(ZeroDivisionError), engine.library.at_rest(), engine.library.at_rest():
        raise ZeroDivisionError
    engine.remove("rain")
    assert ids(engine) == ["port", "school"]


def test_documents_that_go_while_they_are_listed_are_left_out(
    engine: Engine, opened: Open, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.ingest([str(source)])
    reader = opened()
    documents = reader.documents()
    assert next(documents).id == "port"
    engine.remove("school")
    assert [document.id for document in documents] == ["rain"]
    by_id = Library.documents_by_id

    def read(library: Library, wanted: Iterable[str]) -> dict[str, Document]:
        if library is reader.library and engine.library.count_documents() == 2:
            engine.remove("rain")
        return by_id(library, wanted)

    monkeypatch.setattr(Library, "documents_by_id", read)
    assert [document.id for document in reader.library.newest(0, 9)] == ["port"]


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


def test_what_is_committed_is_answerable_while_the_ingest_goes_on(
    engine: Engine, opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.engine.SECONDS_BETWEEN_UPDATES", 0)
    monkeypatch.setattr("retrieval.ingest.BATCH_CHARACTERS", 10)  # each document by itself
    reader = opened()
    seen: list[list[str]] = []
    engine.ingest(
        [str(lines(tmp_path / "news.jsonl", port=PORT, school=SCHOOL, rain=RAIN))],
        progress=lambda done, total: seen.append(shown(reader.ask("How many ships can the terminal handle at once?"))),
    )
    assert seen[0] == []  # encoded, and not yet committed
    assert "port" in seen[1]


def test_progress_ends_where_it_said_it_would(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrieval.ingest.BATCH_CHARACTERS", 10)
    path = lines(tmp_path / "news.jsonl", port=PORT, school=SCHOOL, long=" ".join([RAIN] * 40))
    told: list[tuple[int, int]] = []
    engine.ingest([str(path)], progress=lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == sorted({done for done, _ in told})  # it never goes back
    assert len(told) > 4  # a long document tells how far it is, too
    assert told[-1][0] == told[-1][1] == len(PORT) + len(SCHOOL) + len(" ".join([RAIN] * 40))


def test_a_disk_that_does_not_answer_is_no_damage(opened: Open, folder: Path, tmp_path: Path) -> None:
    """Seen with `quoth backup` on a full disk: "take an older backup" was said of a library that was whole."""
    opened().ingest([str(lines(tmp_path / "a.jsonl", port=PORT))])
    library = Library.open(folder)
    unreadable = os.open(tmp_path, os.O_RDONLY)  # a folder: to read from it fails as on a broken disk
    for descriptor in list(Path("/proc/self/fd").iterdir()):
        if descriptor.is_symlink() and descriptor.readlink().name == "library.sqlite":
            os.dup2(unreadable, int(descriptor.name))
    with pytest.raises(StorageError, match="cannot be written or read"):
        list(library.faults())
    os.close(unreadable)
