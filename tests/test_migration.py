"""A library of a former release: it opens, answers, and nothing of it is lost or mended by chance."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from conftest import Open

from retrieval import findings
from retrieval.backup import restore
from retrieval.datamodel import Answer
from retrieval.engine import Engine
from retrieval.library import FORMAT, Library
from retrieval.writer import writing

_FORMER = Path(__file__).parent / "former" / "library-1.sqlite"
_SHIPS = "How many ships can the new cargo terminal of Gwadar handle at once?"


@pytest.fixture
def former(folder: Path) -> Path:
    """A folder with a library of format 1."""
    folder.mkdir(parents=True)
    shutil.copy(_FORMER, folder / "library.sqlite")
    return folder


def nearest(engine: Engine) -> str:
    reply = engine.ask(_SHIPS)
    return (reply.excerpts if isinstance(reply, Answer) else reply.nearest)[0].text


def test_a_library_of_the_former_release_opens_and_answers(former: Path, opened: Open) -> None:
    engine = opened()
    assert engine.library.fact("format") == str(FORMAT)
    assert [document.id for document in engine.documents()] == ["dam", "rain", "port"]  # the last was replaced
    assert list(engine.faults()) == []
    assert "fourteen ships" in nearest(engine)
    kept = engine.library.connection.execute("SELECT count(*) FROM sources WHERE replaced_at IS NOT NULL").fetchone()
    assert kept == (1,)


def test_it_answers_alike_before_and_after_its_texts_are_looked_through(former: Path, opened: Open) -> None:
    engine = opened()
    assert not engine.library.has_findings
    before = [engine.ask(question) for question in (_SHIPS, "What did phase two of the dam add?", "公路何时恢复交通？")]
    engine.warm_up()
    assert engine.library.has_findings
    after = [engine.ask(question) for question in (_SHIPS, "What did phase two of the dam add?", "公路何时恢复交通？")]
    assert after == before
    assert list(engine.faults()) == []


def test_what_was_damaged_before_is_found_after(former: Path, opened: Open) -> None:
    with closing(sqlite3.connect(former / "library.sqlite")) as connection:
        connection.execute("UPDATE passages SET heading = 'Another' WHERE id LIKE 'port#%'")
        connection.execute("UPDATE documents SET fields = replace(fields, '2024-11-01', '2024-11-02') WHERE id = 'dam'")
        connection.commit()
    faults = list(opened().faults())
    assert [fault.partition(":")[0] for fault in faults] == ["document dam", "passage port#0-98"]


def test_a_backup_of_the_former_release_is_restored(tmp_path: Path) -> None:
    library = restore(_FORMER, tmp_path / "restored")
    assert sorted(document.id for document in library.documents()) == ["dam", "port", "rain"]
    assert library.fact("format") == str(FORMAT)
    assert list(library.faults()) == []


def test_a_library_whose_findings_are_of_another_format_finds_them_anew(
    engine: Engine, opened: Open, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an update that reads texts better: until somebody writes, they are found when they are asked for."""
    engine.ingest([str(source)])
    stored = engine.library.connection.execute("SELECT id, findings FROM passages ORDER BY id").fetchall()
    with writing(engine.library) as writer:
        writer._note("findings", "other")
    reader = opened()
    reply = reader.ask("How many ships can the terminal of Gwadar handle?")
    assert reply == engine.ask("How many ships can the terminal of Gwadar handle?")
    with writing(reader.library) as writer:
        writer.look_through()
    assert reader.library.fact("findings") == findings.FORMAT
    assert reader.library.connection.execute("SELECT id, findings FROM passages ORDER BY id").fetchall() == stored
    assert list(reader.faults()) == []


def test_two_processes_may_migrate_at_once(former: Path) -> None:
    """The second waits for the first, and finds nothing to do."""
    one, other = Library.open(former), Library.open(former)
    assert [library.fact("format") for library in (one, other)] == [str(FORMAT)] * 2
    one.close()
    other.close()
