"""A library that is interrupted in all it does, and what must hold of it then: for kills, and for disks that fail."""

from __future__ import annotations

import random
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.forked import Ended, Forks
from benchmarks.stations import Editions, Found, is_as_written, make, name, open_engine, question, shown, stored, write
from retrieval.backup import backup, restore
from retrieval.errors import QuothError
from retrieval.library import Library

__all__ = ["OPERATIONS", "Faults", "Shelf", "Step", "contents", "finish", "judge", "table"]

FIRST = 16  # stations of a library at its beginning
MOST = 60  # beyond, it begins anew, so that a check stays quick


@dataclass(slots=True)
class Faults:
    """How often something was not as promised.

    `unclean` counts checks that found a fault, `lost` documents that were acknowledged and are gone, `half` documents
    that nobody wrote so, `wrong` excerpts that no document holds, `unfinished` commands that did not do their work when
    they were given again.
    """

    unclean: int = 0
    lost: int = 0
    half: int = 0
    wrong: int = 0
    unfinished: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts)

    @property
    def counts(self) -> tuple[int, ...]:
        """Each of them."""
        return self.unclean, self.lost, self.half, self.wrong, self.unfinished


COLUMNS = ("not clean", "documents lost", "half documents", "wrong quotes", "not finished afterwards")  # of `counts`


class Shelf:
    """A library that is to live through it all, and what it holds as far as was acknowledged."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self._folders = 0
        self.begin_anew()

    def begin_anew(self) -> None:
        """Start again from a library of the first stations, in another folder."""
        first = self.scratch / "first"
        if not first.exists():
            make(first, dict.fromkeys(range(FIRST), 0))
        self.folder = self.new_folder()
        shutil.copytree(first, self.folder)
        self.editions: Editions = dict.fromkeys(range(FIRST), 0)
        self._stations = FIRST

    def new_folder(self) -> Path:
        """Where there is no library yet."""
        self._folders += 1
        return self.scratch / f"library-{self._folders}"

    def written(self, editions: Editions) -> str:
        """The path of a file that holds these editions."""
        return write(self.scratch / "given.jsonl", editions)

    def new(self, stations: int) -> Editions:
        """So many stations that the library has never held."""
        if len(self.editions) > MOST:
            self.begin_anew()
        first, self._stations = self._stations, self._stations + stations
        return dict.fromkeys(range(first, self._stations), 1)


@dataclass(frozen=True, slots=True)
class Step:
    """A command, and what the library in `folder` held before and holds when it has done its work."""

    arguments: Sequence[str]
    before: Editions
    target: Editions
    folder: Path
    backup: Path | None = None  # that it writes
    former: Editions | None = None  # what the backup held before

    @property
    def command(self) -> list[str]:
        """The arguments with the library's name."""
        return [*self.arguments, "--library", str(self.folder)]


def _ingest(shelf: Shelf, lot: random.Random) -> Step:
    new = shelf.new(FIRST)
    return Step(["ingest", shelf.written(new)], shelf.editions, {**shelf.editions, **new}, shelf.folder)


def _grow(shelf: Shelf, lot: random.Random) -> Step:
    new = shelf.new(1)
    return Step(["ingest", shelf.written(new)], shelf.editions, {**shelf.editions, **new}, shelf.folder)


def _replace(shelf: Shelf, lot: random.Random) -> Step:
    target = {station: edition + 1 for station, edition in shelf.editions.items()}
    return Step(["ingest", shelf.written(target)], shelf.editions, target, shelf.folder)


def _remove(shelf: Shelf, lot: random.Random) -> Step:
    if len(shelf.editions) < FIRST // 2:
        shelf.begin_anew()
    gone = lot.choice(sorted(shelf.editions))
    target = {station: edition for station, edition in shelf.editions.items() if station != gone}
    return Step(["remove", name(gone)], shelf.editions, target, shelf.folder)


def _reindex(shelf: Shelf, lot: random.Random) -> Step:
    return Step(["reindex"], shelf.editions, shelf.editions, shelf.folder)


def _backup(shelf: Shelf, lot: random.Random) -> Step:
    """One document changes before, so that the backup to be written differs from the former."""
    path = shelf.scratch / "all.backup"
    former = contents(path, shelf.scratch) if path.exists() else None
    station = lot.choice(sorted(shelf.editions))
    changed = {station: shelf.editions[station] + 1}
    with closing(open_engine(shelf.folder)) as engine:
        engine.ingest([shelf.written(changed)])
    shelf.editions = {**shelf.editions, **changed}
    return Step(["backup", str(path)], shelf.editions, shelf.editions, shelf.folder, path, former)


def _restore(shelf: Shelf, lot: random.Random) -> Step:
    path = shelf.scratch / "all.backup"
    if not path.exists():
        with closing(Library.open(shelf.folder)) as library:
            backup(library, path)
    return Step(["restore", str(path)], {}, shelf.editions, shelf.new_folder())


OPERATIONS: dict[str, Callable[[Shelf, random.Random], Step]] = {
    "ingest of new documents": _ingest,
    "ingest that replaces all": _replace,
    "one document more": _grow,
    "remove": _remove,
    "reindex": _reindex,
    "backup": _backup,
    "restore": _restore,
}


def judge(step: Step, seen: Found, faults: Faults, lot: random.Random) -> None:
    """Open the library of a command that was interrupted, check it, compare what it holds, and ask it.

    `seen` is what a reader saw last or the command reported: it must be there still. What holds of none is told on
    stderr.
    """
    faults.half += seen.strange
    if step.backup is not None:
        _judge_backup(step, faults)
    if not Library.is_in(step.folder):
        faults.lost += len(seen.editions)
        return
    try:
        with closing(open_engine(step.folder)) as engine:
            faults.unclean += bool(_told(list(engine.faults())))
            found = stored(engine.library)
            faults.half += found.strange
            for station in step.before.keys() | step.target.keys() | found.editions.keys():
                was, is_now, will_be = (one.get(station) for one in (step.before, found.editions, step.target))
                is_done = seen.editions.get(station) == will_be
                faults.lost += is_now not in ({will_be} if is_done else {was, will_be})
            if found.editions:
                asked = lot.choice(sorted(found.editions))
                allowed = {station: (edition,) for station, edition in found.editions.items()}
                excerpts = shown(engine.ask(question(asked, found.editions[asked])))
                faults.wrong += sum(not is_as_written(excerpt, allowed) for excerpt in excerpts) or not excerpts
            faults.unclean += bool(_told(list(engine.faults())))
    except QuothError as error:
        faults.unclean += bool(_told([str(error)]))


def finish(shelf: Shelf, step: Step, started: Forks, faults: Faults) -> Ended | None:
    """Give the same command again where it has not reached its end; what must hold then does hold, or is counted."""
    ended = None
    if not _is_done(step):
        ended = started.run(*step.command)
        faults.unfinished += bool(ended.code and _told([ended.err]))
    with closing(open_engine(step.folder)) as engine:
        faults.unfinished += stored(engine.library) != Found(step.target, 0)
        faults.unclean += bool(_told(list(engine.faults())))
    if step.backup is not None:
        faults.unfinished += contents(step.backup, shelf.scratch) != step.target
    if step.folder == shelf.folder:
        shelf.editions = step.target
    return ended


def contents(path: Path, scratch: Path) -> Editions | None:
    """What a backup restores; None where it cannot be, or holds what nobody wrote."""
    folder = scratch / "restored"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        with closing(restore(path, folder)) as library:
            found = stored(library)
    except QuothError:
        return None
    return None if found.strange else found.editions


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """A Markdown table; the columns of `Faults.counts` follow those of `head`."""
    named = [*head, *COLUMNS]
    cells = [named, ["---"] * len(named), *rows]
    return ["", *(f"| {' | '.join(map(str, row))} |" for row in cells)]


def _is_done(step: Step) -> bool:
    """Whether the command cannot be given again: its document is gone, its library is there."""
    if step.arguments[0] == "restore":
        return Library.is_in(step.folder)
    with closing(Library.open(step.folder)) as library:
        return step.arguments[0] == "remove" and stored(library).editions == step.target


def _judge_backup(step: Step, faults: Faults) -> None:
    """A backup holds all of what it did, or all of what it was to."""
    assert step.backup is not None
    held = contents(step.backup, step.backup.parent) if step.backup.exists() else None
    faults.lost += held not in (step.former, step.target)


def _told(lines: list[str]) -> list[str]:
    for line in lines:
        print(line, file=sys.stderr, flush=True)
    return lines
