"""Whether a byte that flips anywhere in a library is found, or is one that nothing reads; and what is said meanwhile.

    python -m benchmarks.library_flips [--places 500] [--seed 7]

One bit is flipped in one file of a library: of its SQLite file, its index files, their manifests. A third of the places
are by lot over all bytes, a third over the files, a third over the first pages of the tables. Each is looked at three
ways: `quoth check` on it; questions to an engine that opens it; questions to an engine that had it open already. Prints
two Markdown tables; exit 1 where a flip changed unseen what is read, a quote or a citation was wrong, or anything was
raised but the library's own errors.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TypeAlias

from benchmarks.machine import heading
from benchmarks.stations import Editions, Found, is_as_written, make, name, open_engine, question, shown, stored, write
from retrieval.engine import Engine
from retrieval.errors import QuothError

__all__ = ["EDITIONS", "Flip", "Outcome", "Told", "flips", "made", "table", "try_closed", "try_open"]

EDITIONS: Editions = {station: station % 3 for station in range(8)}
HEADER_BYTES = 100  # of a SQLite file, in its first page
BTREES = {2: 12, 5: 12, 10: 8, 13: 8}  # the kinds of pages with cells, and how long their heads are


@dataclass(frozen=True, slots=True)
class Flip:
    """Some bits of one byte of one file, named from the library's folder."""

    file: str
    place: int
    bits: int

    def strike(self, folder: Path) -> None:
        """Flip them, where the file lies."""
        with (folder / self.file).open("r+b") as file:
            file.seek(self.place)
            (byte,) = file.read(1)
            file.seek(self.place)
            file.write(bytes([byte ^ self.bits]))


Told: TypeAlias = list[tuple[Flip, str]]


@dataclass(slots=True)
class Outcome:
    """What became of the flips.

    `seen` counts those that a check told, by the kind of file, `unread` those it did not, by why they do not matter.
    `unseen` are those that changed unseen what is read, `wrong` quotes or citations that no document holds, `strange`
    what was raised and is none of the library's errors, or indexes that were not made anew. The counts are of libraries
    that answered or refused to, opened after the flip or before.
    """

    seen: Counter[str] = field(default_factory=Counter)
    unread: Counter[tuple[str, str]] = field(default_factory=Counter)
    unseen: Told = field(default_factory=list)
    wrong: Told = field(default_factory=list)
    strange: Told = field(default_factory=list)
    answered: int = 0
    refused: int = 0
    answered_open: int = 0
    refused_open: int = 0

    @property
    def told(self) -> Told:
        """All that must not be."""
        return [*self.unseen, *self.wrong, *self.strange]


def main() -> int:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--places", type=int, default=500, help="how many bits (500)")
    parser.add_argument("--seed", type=int, default=7, help="of the lot (7)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        whole = made(Path(scratch))
        outcome = Outcome()
        for number, flip in enumerate(flips(whole, places=options.places, seed=options.seed), start=1):
            try_closed(whole, flip, outcome)
            try_open(whole, flip, outcome)
            if number % 50 == 0:
                print(f"{number} of {options.places}", file=sys.stderr, flush=True)
    print(heading("tantivy", "faiss-cpu"), f"SQLite {sqlite3.sqlite_version}", sep=", ")
    print("\n".join(table(outcome)))
    for flip, what in outcome.told:
        print(flip, what, file=sys.stderr)
    return 1 if outcome.told else 0


def table(outcome: Outcome) -> list[str]:
    """The outcome as Markdown tables."""
    kinds = sorted({*outcome.seen, *(kind for kind, _ in outcome.unread)})
    rows = {
        "told by a check": outcome.seen.total(),
        "not told: nothing reads the byte": outcome.unread.total(),
        "not told, and changed what is read": len(outcome.unseen),
        "opened after the flip: answered": outcome.answered,
        "opened after the flip: refused in one line": outcome.refused,
        "open when it flipped: answered": outcome.answered_open,
        "open when it flipped: refused in one line": outcome.refused_open,
        "wrong quotes or citations": len(outcome.wrong),
        "raised what is no error of the library's, or not made anew": len(outcome.strange),
    }
    return [
        "",
        "| flips of one bit, with a stand-in for the model | |",
        "| --- | --- |",
        *(f"| {name} | {count} |" for name, count in rows.items()),
        "",
        "| file | told | not told, as nothing reads it |",
        "| --- | --- | --- |",
        *(f"| {kind} | {outcome.seen[kind]} | {_reasons(outcome, kind)} |" for kind in kinds),
    ]


def _reasons(outcome: Outcome, kind: str) -> str:
    found = [(count, why) for (of_kind, why), count in outcome.unread.items() if of_kind == kind]
    return "; ".join(f"{count}: {why}" for count, why in sorted(found, reverse=True)) or "–"


def made(scratch: Path) -> Path:
    """A library with a past: documents replaced, removed and pruned, so that there is free room in it, too."""
    whole = scratch / "whole"
    make(whole, dict.fromkeys(range(len(EDITIONS) + 2), 7))
    with closing(open_engine(whole)) as engine:
        engine.ingest([write(scratch / "given.jsonl", EDITIONS)])
        for station in range(len(EDITIONS), len(EDITIONS) + 2):
            engine.remove(name(station))
        engine.prune("2999-01-01")
    return whole


def flips(folder: Path, *, places: int, seed: int) -> Iterator[Flip]:
    """Bits by lot, in turn of all bytes, of one file as often as of another, and of the first page of a table."""
    lot = random.Random(seed)  # noqa: S311 - no secret
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    sizes = [path.stat().st_size for path in files]
    (database,) = (path for path in files if _is_sqlite(path))
    for turn in range(places):
        if turn % 3 < 2:
            (path,) = lot.choices(files, sizes if turn % 3 else None)
            place = lot.randrange(path.stat().st_size)
        else:
            path, place = database, lot.choice(lot.choice(_first_pages(database)))
        yield Flip(str(path.relative_to(folder)), place, 1 << lot.randrange(8))


@cache
def _first_pages(path: Path) -> list[list[int]]:
    """For each table and index of a SQLite file, the places in its first page where anything is written."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        roots = connection.execute("SELECT rootpage FROM sqlite_master WHERE rootpage > 0 ORDER BY 1").fetchall()
        ((size,),) = connection.execute("PRAGMA page_size").fetchall()
    content = path.read_bytes()
    return [[place for place in range((root - 1) * size, root * size) if content[place]] for (root,) in roots]


def try_closed(whole: Path, flip: Flip, outcome: Outcome) -> None:
    """Flip bits of a copy of the library `whole`; check it, and ask it."""
    with _copied(whole) as folder:
        flip.strike(folder)
        _guarded(partial(_check, whole), folder, flip, outcome)
    with _copied(whole) as folder:  # a look may write, as SQLite does
        flip.strike(folder)
        _guarded(_ask_anew, folder, flip, outcome)


def try_open(whole: Path, flip: Flip, outcome: Outcome) -> None:
    """Flip bits of a copy of the library `whole` that is open, and ask it."""
    with _copied(whole) as folder:
        _guarded(_ask_open, folder, flip, outcome)


def _guarded(look: Callable[[Path, Flip, Outcome], None], folder: Path, flip: Flip, outcome: Outcome) -> None:
    """Note whatever is raised that is none of the library's errors: a panic in Rust, too."""
    try:
        look(folder, flip, outcome)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        outcome.strange.append((flip, f"{type(error).__name__}: {error}"))


def _check(whole: Path, folder: Path, flip: Flip, outcome: Outcome) -> None:
    """Note whether a check tells the flip, and if not, whether it matters."""
    faults = _faults(folder)
    if faults:
        outcome.seen[_kind(whole, flip)] += 1
    elif not _is_sqlite(whole / flip.file):
        if _is_needed(whole, flip.file):
            outcome.unseen.append((flip, "a file that is read"))
        outcome.unread[_kind(whole, flip), "nothing reads the file"] += 1
    elif difference := _difference(whole / flip.file, folder / flip.file):
        outcome.unseen.append((flip, difference))
    else:
        outcome.unread[_kind(whole, flip), _why_unread(whole / flip.file, flip.place)] += 1


def _ask_anew(folder: Path, flip: Flip, outcome: Outcome) -> None:
    """Ask a library that is opened now; where its indexes alone are damaged, they are made anew and it answers."""
    is_index = not _is_sqlite(folder / flip.file)
    try:
        with closing(open_engine(folder)) as engine:
            _ask(engine, flip, outcome)
            if is_index and (list(engine.faults()) or stored(engine.library) != Found(EDITIONS, 0)):
                outcome.strange.append((flip, "its indexes were made anew and are not clean"))
        outcome.answered += 1
    except QuothError as error:
        outcome.refused += 1
        if is_index:
            outcome.strange.append((flip, f"its indexes were not made anew: {error}"))


def _ask_open(folder: Path, flip: Flip, outcome: Outcome) -> None:
    """Ask a library that was open, and its indexes mapped, when the bit flipped."""
    with closing(open_engine(folder)) as engine:
        engine.warm_up()
        flip.strike(folder)
        try:
            _ask(engine, flip, outcome)
            outcome.answered_open += 1
        except QuothError:
            outcome.refused_open += 1


def _ask(engine: Engine, flip: Flip, outcome: Outcome) -> None:
    """Ask something that each document answers; every excerpt must be as written, and name what it is from."""
    allowed = {station: (edition,) for station, edition in EDITIONS.items()}
    for station, edition in EDITIONS.items():
        for excerpt in shown(engine.ask(question(station, edition))):
            if not is_as_written(excerpt, allowed):
                outcome.wrong.append((flip, f"{excerpt.document.id}: {excerpt.text}"))


def _faults(folder: Path) -> list[str]:
    """What `quoth check` says of the library in `folder`."""
    try:
        with closing(open_engine(folder)) as engine:
            return list(engine.faults())
    except QuothError as error:
        return [str(error)]


@cache
def _is_needed(whole: Path, file: str) -> bool:
    """Whether a library without this file is another: checked, asked and looked at, it tells, or writes it anew."""
    outcome = Outcome()
    nothing = Flip(file, 0, 0)
    with _copied(whole) as folder:
        (folder / file).unlink()
        faults = _faults(folder)
        _ask_anew(folder, nothing, outcome)
    return bool(faults or outcome.refused or outcome.told)


def _difference(whole: Path, damaged: Path) -> str:
    """Which table of a SQLite file reads otherwise than it did; nothing where all that can be read is the same."""
    try:
        for table, rows in _tables(whole).items():
            found = _tables(damaged)[table]
            if found != rows:
                changed = next(one for one in (*found, *rows) if (one in found) != (one in rows))
                return f"the table {table}: {str(changed)[:150]}"
    except (sqlite3.Error, KeyError) as error:
        return f"it cannot be read: {error}"
    return ""


def _tables(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        schema = connection.execute("SELECT * FROM sqlite_master ORDER BY 1, 2").fetchall()
        names = [row[1] for row in schema if row[0] == "table"]
        return {"sqlite_master": schema} | {
            table: connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - its own names
            for table in names
        }


def _why_unread(path: Path, place: int) -> str:
    """Why SQLite does not read a byte of its file, as its file format says."""
    content = path.read_bytes()
    size = int.from_bytes(content[16:18]) if content[16:18] != b"\0\1" else 65536
    number = place // size
    if place < HEADER_BYTES:
        return "the header: a count or a version that nothing depends on"
    if number + 1 in _free_pages(content, size):
        return "a free page"
    page = content[number * size : (number + 1) * size]
    begin = HEADER_BYTES if number == 0 else 0
    if page[begin] in BTREES:
        cells = int.from_bytes(page[begin + 3 : begin + 5])
        first_cell = int.from_bytes(page[begin + 5 : begin + 7]) or 65536
        if begin + BTREES[page[begin]] + 2 * cells <= place - number * size < first_cell:
            return "the room between a page's head and its cells"
    return "what is left between cells, or after the end of an overflow chain"


def _free_pages(content: bytes, size: int) -> set[int]:
    """The numbers of the pages on the list of the free ones."""
    free: set[int] = set()
    trunk = int.from_bytes(content[32:36])
    while trunk and trunk not in free:
        page = content[(trunk - 1) * size : trunk * size]
        leaves = int.from_bytes(page[4:8])
        free |= {trunk, *(int.from_bytes(page[8 + 4 * leaf : 12 + 4 * leaf]) for leaf in range(leaves))}
        trunk = int.from_bytes(page[:4])
    return free


def _kind(whole: Path, flip: Flip) -> str:
    path = whole / flip.file
    return "SQLite file" if _is_sqlite(path) else path.suffix or path.name


def _is_sqlite(path: Path) -> bool:
    return path.suffix == ".sqlite"


@contextmanager
def _copied(whole: Path) -> Iterator[Path]:
    """A copy of its own; an engine that met damage may write into it for a moment after it was closed."""
    with tempfile.TemporaryDirectory(dir=whole.parent, ignore_cleanup_errors=True) as scratch:
        yield Path(shutil.copytree(whole, Path(scratch, "library")))


if __name__ == "__main__":
    sys.exit(main())
