"""A library in one file: a copy made while it is used, and a library made of one. Indexes are derived and left out."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from retrieval import migration
from retrieval.errors import DamagedLibrary, InputError
from retrieval.library import Library, make, storing

__all__ = ["backup", "restore"]


def backup(library: Library, file: Path) -> None:
    """Write the library as it stands to `file`, which holds all of it or is what it was before; others may go on.

    `DamagedLibrary` where what was copied is not whole, `InputError` where the file cannot be written.
    """
    if file.absolute().parent.resolve() == library.folder.resolve():
        raise InputError(f"expected a file outside of the library, found {file}: name another place")
    partial = file.with_name(f".{file.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        with closing(sqlite3.connect(partial, isolation_level=None)) as copy:
            with storing(library.folder):
                library.connection.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a journal beside it
            _refuse_damage(Library(library.folder, copy))
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(file)
    except (OSError, sqlite3.Error) as error:
        raise InputError(f"expected room to write {file}, found none ({error}): make some, or name another") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def restore(file: Path, folder: Path) -> Library:
    """The library that `file` holds, made in `folder`, where there must be none.

    `InputError` where there is one, or the file is no backup; `DamagedLibrary` where it is not whole.
    """
    if Library.is_in(folder):
        raise InputError(f"expected no library in {folder}, found one: move it away, or name another by --library")
    if not file.is_file():
        raise InputError(f"expected a backup, found no file {file}: name one that `quoth backup` wrote")
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as source:
            if source.execute("SELECT 1 FROM sqlite_master WHERE name = 'snapshots'").fetchone() is None:
                raise InputError(f"expected a backup, found another file {file}: name one that `quoth backup` wrote")
            folder.mkdir(parents=True, exist_ok=True)
            make(folder, lambda copy: _fill(copy, source, file))
    except sqlite3.DatabaseError as error:
        raise InputError(f"expected a backup, found {file} ({error}): name one that `quoth backup` wrote") from error
    return Library.open(folder)


def _fill(copy: sqlite3.Connection, source: sqlite3.Connection, file: Path) -> None:
    """Put what the backup holds into `copy`, in today's format; `DamagedLibrary` where it is not whole."""
    source.backup(copy)
    migration.migrate(copy)
    _refuse_damage(Library(file, copy))


def _refuse_damage(library: Library) -> None:
    for fault in library.faults():
        raise DamagedLibrary(f"expected a whole library, found a fault ({fault}): take an older backup")
