"""What is damaged is found and never quoted, and a disk that fails is told in one line."""

from __future__ import annotations

import contextlib
import json
import random
from pathlib import Path

import pytest
from conftest import PORT, RAIN, SEEDS, Open, Quoth, counts, flip, ids, is_one_line, lines, shown, texts

from retrieval.engine import Engine
from retrieval.errors import DamagedLibrary, QuothError, StorageError
from retrieval.library import Library

# What is damaged


def test_a_healthy_library_has_no_faults(engine: Engine, source: Path) -> None:
    engine.ingest([str(source), str(SEEDS)])
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
    line = {"id": "port", "text": PORT, "title": "The harbour opens", "publisher": "The Port Herald"}
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
    ((vectors,),) = engine.library.connection.execute("SELECT vectors FROM passages LIMIT 1").fetchall()
    engine.close()
    flip(folder / "library.sqlite", (folder / "library.sqlite").read_bytes().index(vectors[:40]) + 5)
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


def test_a_document_that_another_snapshot_stands_under_is_damage(engine: Engine, source: Path) -> None:
    engine.ingest([str(source)])
    engine.library.connection.execute("UPDATE documents SET source = 2 WHERE id = 'port'")
    assert any(fault.startswith("document port") for fault in engine.faults())
    with pytest.raises(DamagedLibrary):
        engine.ask("Which harbour opened a new cargo terminal?")


def test_a_document_under_another_id_is_damage(engine: Engine, source: Path) -> None:
    engine.ingest([str(source)])
    engine.library.connection.execute("UPDATE documents SET id = 'haven' WHERE id = 'port'")
    with pytest.raises(DamagedLibrary):
        engine.library.document("haven")


@pytest.mark.parametrize("value", ["x'00ff'", "NULL"])
@pytest.mark.parametrize(
    ("table", "column", "fault"),
    [("documents", "fields", "document"), ("snapshots", "text", "snapshot"), ("sources", "metadata", "source")],
)
def test_a_cell_that_is_no_text_is_damage(
    engine: Engine, opened: Open, source: Path, table: str, column: str, fault: str, value: str
) -> None:
    engine.ingest([str(source)])
    rewrite(engine, f"{column} TEXT NOT NULL", f"{column} TEXT")
    damaged = opened()
    damaged.library.connection.execute(f"UPDATE {table} SET {column} = {value}")  # noqa: S608
    assert any(line.startswith(fault) for line in damaged.faults())
    with pytest.raises(DamagedLibrary) as caught:
        damaged.reindex() if fault == "source" else damaged.ask("Which harbour opened a new cargo terminal?")
    assert "\n" not in str(caught.value)


def test_a_shortened_text_is_damage(engine: Engine, source: Path) -> None:
    engine.ingest([str(source)])
    engine.library.connection.execute("UPDATE snapshots SET text = 'short'")
    assert any(fault.startswith("document port") for fault in engine.faults())
    with pytest.raises(DamagedLibrary, match="past its snapshot's end"):
        engine.ask("Which harbour opened a new cargo terminal?")


def test_a_column_that_is_gone_is_damage(engine: Engine, opened: Open, source: Path) -> None:
    engine.ingest([str(source)])
    engine.library.connection.execute("ALTER TABLE sources RENAME COLUMN media_type TO kind")
    with pytest.raises(DamagedLibrary, match="no such column"):
        engine.ask("Which harbour opened a new cargo terminal?")
    assert any("no such column" in fault for fault in engine.faults())


@pytest.mark.parametrize("text", ["replace(text, 'a', 'e')", "CAST(x'ff' AS TEXT)", "x'00'"])
def test_a_damaged_text_is_repaired_by_ingesting_its_source_again(engine: Engine, source: Path, text: str) -> None:
    engine.ingest([str(source)])
    expected = texts(engine)
    engine.library.connection.execute(f"UPDATE snapshots SET text = {text}")  # noqa: S608
    assert list(engine.faults())
    assert counts(engine.ingest([str(source)]))[1] == 0
    assert list(engine.faults()) == []
    assert texts(engine) == expected


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_damaged_text_is_not_shown(quoth: Quoth, library: str, options: tuple[str, ...]) -> None:
    opened = Library.open(Path(library))
    ((document_id,),) = opened.connection.execute("SELECT id FROM documents LIMIT 1").fetchall()
    opened.connection.execute("UPDATE snapshots SET text = replace(text, 'a', 'e')")
    opened.close()
    run = quoth("show", *options, document_id)
    assert (run.code, run.out) == (4, "")
    assert is_one_line(run.err)


def rewrite(engine: Engine, old: str, new: str) -> None:
    """Change the schema as it stands in the file; whoever opens the library next sees it."""
    connection = engine.library.connection
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("UPDATE sqlite_schema SET sql = replace(sql, ?, ?)", (old, new))
    connection.execute("PRAGMA writable_schema = OFF")


# The disk


def test_a_full_disk_is_one_clear_line_and_the_library_stays_whole(
    engine: Engine, opened: Open, source: Path, tmp_path: Path
) -> None:
    engine.ingest([str(source)])
    connection = engine.library.connection
    ((pages,),) = connection.execute("PRAGMA page_count").fetchall()
    connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(StorageError, match="make room") as caught:
        engine.ingest([str(lines(tmp_path / "more.jsonl", more=RAIN * 200))])
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
