"""A backup is a whole library in one file, and a library again; what is not whole replaces nothing."""

from __future__ import annotations

import random
import shutil
import threading
from pathlib import Path

import pytest
from conftest import SEEDS, Open, Quoth, flip, is_one_line, lines, texts

from retrieval.backup import backup, restore
from retrieval.engine import Engine
from retrieval.errors import DamagedLibrary, InputError
from retrieval.settings import Settings


def test_a_restored_library_answers_as_the_one_that_was_backed_up(library: str, quoth: Quoth, tmp_path: Path) -> None:
    asked = ("ask", "--json", "How many megawatts did CPEC phase one add?")
    before = quoth(*asked).rows[0]
    saved = quoth("backup", "all.backup")
    assert (saved.code, saved.out, saved.err) == (0, "", "3 documents are in all.backup\n")
    assert [path.name for path in tmp_path.iterdir() if "backup" in path.name] == ["all.backup"]
    restored = quoth("restore", "all.backup", "--library", "again")
    assert restored.code == 0
    assert is_one_line(restored.err)
    after = quoth(*asked, "--library", "again").rows[0]
    assert {**after, "elapsed_ms": 0} == {**before, "elapsed_ms": 0}
    assert quoth("check", "--library", "again").code == 0
    assert "added 0, unchanged 3" in quoth("ingest", str(SEEDS), "--library", "again").out


def test_a_library_is_never_restored_over(library: str, quoth: Quoth) -> None:
    quoth("backup", "all.backup")
    refused = quoth("restore", "all.backup", "--library", library)
    assert refused.code == 3
    assert is_one_line(refused.err)
    assert "expected no library" in refused.err
    assert quoth("check").code == 0


def test_what_stands_in_the_library_is_not_written_over(library: str, quoth: Quoth) -> None:
    refused = quoth("backup", f"{library}/library.sqlite")
    assert refused.code == 3
    assert "outside of the library" in refused.err
    assert quoth("check").code == 0


@pytest.mark.parametrize("content", [None, b"", b"no library at all " * 999])
def test_another_file_is_no_backup(quoth: Quoth, tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    refused = quoth("restore", "file", "--library", "new")
    assert refused.code == 3
    assert is_one_line(refused.err)
    assert refused.err.startswith("quoth: expected a backup, found")
    assert not (tmp_path / "new" / "library.sqlite").exists()


def test_of_a_damaged_library_there_is_no_backup_and_the_former_one_stays(
    engine: Engine, source: Path, tmp_path: Path
) -> None:
    engine.ingest([str(source)])
    saved = tmp_path / "all.backup"
    backup(engine.library, saved)
    former = saved.read_bytes()
    engine.library.connection.execute("UPDATE snapshots SET text = replace(text, 'twelve', 'eleven')")
    with pytest.raises(DamagedLibrary, match="its text is not what was stored"):
        backup(engine.library, saved)
    assert saved.read_bytes() == former
    assert sorted(path.name for path in tmp_path.iterdir() if "backup" in path.name) == ["all.backup"]


def test_a_backup_in_which_a_byte_has_flipped_is_refused_or_the_same(
    engine: Engine, source: Path, tmp_path: Path
) -> None:
    engine.ingest([str(source)])
    saved = tmp_path / "all.backup"
    backup(engine.library, saved)
    whole = texts(engine)
    for number, place in enumerate(random.Random(5).sample(range(saved.stat().st_size), 40)):
        flip(saved, place)
        folder = tmp_path / f"restored-{number}"
        try:
            restore(saved, folder).close()
        except (DamagedLibrary, InputError):
            assert not (folder / "library.sqlite").exists()
        else:
            again = Engine(folder, Settings(), lambda: engine.encoder)
            assert texts(again) == whole
            again.close()
            shutil.rmtree(folder)
        flip(saved, place)


def test_while_another_writes_a_backup_is_one_state_of_the_library(opened: Open, tmp_path: Path) -> None:
    """Each ingest holds two documents that say the same number: no backup has them at different ones."""
    reader = opened()
    both = tmp_path / "both.jsonl"
    reader.ingest([str(lines(both, one="The number is 0 today.", other="The number is 0 today."))])
    ended = threading.Event()

    def write() -> None:
        writer = opened()
        for number in range(1, 25):
            said = f"The number is {number} today."
            writer.ingest([str(lines(both, one=said, other=said))])
        ended.set()

    writing = threading.Thread(target=write)
    writing.start()
    number = 0
    while not ended.is_set() or number < 3:
        saved = tmp_path / f"{number}.backup"
        backup(reader.library, saved)
        restored = restore(saved, tmp_path / f"restored-{number}")
        assert len({document.snapshot.text for document in restored.documents()}) == 1
        restored.close()
        number += 1
    writing.join()
