"""Whether processes that answer from a library stay right, current and small while another one changes it all the time.

    python -m benchmarks.library_processes [--minutes 10] [--answering 3] [--seed 7]

One process adds, replaces, removes and prunes random documents without a pause; the others ask, half the time for what
was changed last, half the time for anything; a stand-in takes the model's place. Every excerpt must be as an edition
says that stood within the last seconds, and what was acknowledged must be found. Prints Markdown tables; exit 1 where
a quote was wrong, something came or went later than `MOST_SECONDS`, a change was refused, or memory, open files or the
folder grew.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import psutil  # type: ignore[import-untyped]

from benchmarks.jsonl import read_rows
from benchmarks.machine import heading
from benchmarks.stations import edition_of, is_as_written, make, name, number, open_engine, question, shown, write
from retrieval.datamodel import Excerpt
from retrieval.errors import BusyLibrary

__all__ = ["LIMITS", "MOST_SECONDS", "Outcome", "Sizes", "beside_each_other", "table"]

FIRST = 20  # stations at the beginning
MOST = 40  # and at most
CHANGES_TO_PRUNE = 10
MOST_SECONDS = 5.0  # from an acknowledgement until every process knows
SECONDS_BETWEEN_LOOKS = 0.5  # at memory, files and folder
LATEST = 3  # changes that are asked for as the last ones
TOP = 10

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a process, or the folder, takes."""

    memory_megabytes: float = 0.0
    open_files: float = 0.0
    folder_megabytes: float = 0.0
    folder_files: float = 0.0


LIMITS = Sizes(memory_megabytes=60.0, open_files=8.0, folder_megabytes=8.0, folder_files=40.0)  # of growth


@dataclass(slots=True)
class Outcome:
    """What became of it: seconds are the longest that an answering process lagged behind an acknowledgement."""

    changes: int = 0
    questions: int = 0
    wrong: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    found_after_seconds: float = 0.0
    gone_after_seconds: float = 0.0
    growth: dict[str, Sizes] = field(default_factory=dict)

    @property
    def grown(self) -> list[str]:
        """What grew beyond `LIMITS`, by who grew."""
        return [
            f"{who}: {measure} by {getattr(sizes, measure):.1f}"
            for who, sizes in self.growth.items()
            for measure in Sizes.__dataclass_fields__
            if getattr(sizes, measure) > getattr(LIMITS, measure)
        ]

    @property
    def is_well(self) -> bool:
        """Whether all held."""
        lag = max(self.found_after_seconds, self.gone_after_seconds)
        return not (self.wrong or self.failed or self.refused or self.grown) and lag <= MOST_SECONDS


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, help="for how long (10)")
    parser.add_argument("--answering", type=int, default=3, help="processes that answer (3)")
    parser.add_argument("--seed", type=int, default=7, help="of the lot (7)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        outcome = beside_each_other(
            Path(scratch), seconds=60 * options.minutes, answering=options.answering, seed=options.seed
        )
    print(heading("tantivy", "faiss-cpu"))
    print("\n".join(table(outcome)))
    print(*outcome.wrong[:10], *outcome.failed[:10], *outcome.refused[:3], *outcome.grown, sep="\n", file=sys.stderr)
    return 0 if outcome.is_well else 1


def beside_each_other(scratch: Path, *, seconds: float, answering: int = 3, seed: int = 7) -> Outcome:
    """Let one process write and others answer for so long; what became of it."""
    folder = scratch / "library"
    make(folder, dict.fromkeys(range(FIRST), 0))
    spawn = multiprocessing.get_context("spawn")
    until = time.monotonic() + seconds
    log = scratch / "writer.log"
    log.touch()
    answers = [scratch / f"answering-{number}.log" for number in range(answering)]
    processes = [spawn.Process(target=_guarded, args=(_answer, path, folder, until, seed, log)) for path in answers]
    processes.append(spawn.Process(target=_guarded, args=(_write, log, folder, until, seed, scratch)))
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return _outcome(read_rows(log), {path.stem: read_rows(path) for path in answers}, [p.exitcode for p in processes])


def table(outcome: Outcome) -> list[str]:
    """The outcome as Markdown tables."""
    rows = {
        "changes acknowledged": outcome.changes,
        "questions": outcome.questions,
        "wrong quotes or citations": len(outcome.wrong),
        "processes or questions that failed": len(outcome.failed),
        "changes refused, as if another wrote": len(outcome.refused),
        "found after its acknowledgement, s at most": f"{outcome.found_after_seconds:.2f}",
        "gone after its acknowledgement, s at most": f"{outcome.gone_after_seconds:.2f}",
    }
    return [
        "",
        "| one writes, others answer, with a stand-in for the model | |",
        "| --- | --- |",
        *(f"| {name} | {count} |" for name, count in rows.items()),
        "",
        "| growth from the second quarter of the time to the last | memory, MB | open files | folder, MB | its files |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {who} | {sizes.memory_megabytes:.1f} | {sizes.open_files:.0f} | {sizes.folder_megabytes:.2f} |"
            f" {sizes.folder_files:.0f} |"
            for who, sizes in outcome.growth.items()
        ),
    ]


# In the processes


class _Log:
    """Lines of JSON that others may read while they are written, with a look at this process's sizes now and then."""

    def __init__(self, path: Path, folder: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._folder = folder
        self._process = psutil.Process()
        self._next_look = 0.0

    def write(self, **row: Any) -> None:
        """Note something, and the sizes where it is time."""
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + SECONDS_BETWEEN_LOOKS
            rss = self._process.memory_info().rss / 1e6
            self.write(at=time.monotonic(), sizes=[rss, self._process.num_fds(), *_folder_sizes(self._folder)])
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()


def _guarded(work: Callable[..., None], path: Path, folder: Path, until: float, seed: int, other: Path) -> None:
    log = _Log(path, folder)
    try:
        work(log, path, folder, until, seed, other)
    except BaseException as error:
        log.write(failed=f"{path.stem}: {type(error).__name__}: {error}")


def _write(log: _Log, path: Path, folder: Path, until: float, seed: int, scratch: Path) -> None:
    """Change the library without a pause; an edition is never given twice."""
    lot = random.Random(seed)  # noqa: S311 - no secret
    editions = dict.fromkeys(range(FIRST), 0)
    for station in editions:
        log.write(station=station, edition=0, begun=0, acknowledged=time.monotonic())
    change = 0
    with closing(open_engine(folder)) as engine:
        while time.monotonic() < until:
            change += 1
            begun = time.monotonic()
            station = lot.randrange(MOST)
            if station in editions and lot.random() < 0.5:
                _insisting(log, partial(engine.remove, name(station)))
                del editions[station]
            else:
                given = write(scratch / "given.jsonl", {station: change})
                report = _insisting(log, partial(engine.ingest, [given]))
                assert not report.refused
                editions[station] = change
            log.write(station=station, edition=editions.get(station), begun=begun, acknowledged=time.monotonic())
            if change % CHANGES_TO_PRUNE == 0:
                _insisting(log, partial(engine.prune, "2999-01-01"))


def _insisting(log: _Log, change: Callable[[], T]) -> T:
    """Change something, again and again where the library is busy, which is noted: nobody else writes."""
    while True:
        try:
            return change()
        except BusyLibrary as error:
            log.write(refused=str(error))


def _answer(log: _Log, path: Path, folder: Path, until: float, seed: int, changes: Path) -> None:
    """Ask without a pause for what the writer has acknowledged."""
    lot = random.Random(f"{seed} {path}")  # noqa: S311 - no secret
    standing: dict[int, int] = {}  # by station, the one changed last at the end
    with closing(open_engine(folder)) as engine, changes.open(encoding="utf-8") as lines:
        line = ""
        while time.monotonic() < until:
            while (line := line + lines.readline()).endswith("\n"):
                row = json.loads(line)
                line = ""
                if "station" in row:
                    standing.pop(row["station"], None)
                    if row["edition"] is not None:
                        standing[row["station"]] = row["edition"]
            if not standing:
                continue
            among = list(standing)[-LATEST:] if lot.random() < 0.5 else list(standing)
            station = lot.choice(among)
            asked = time.monotonic()
            excerpts = shown(engine.ask(question(station, standing[station]), top=TOP))
            answered = time.monotonic()
            found = [[number(one.document), edition_of(one.document)] for one in excerpts]
            wrong = [f"{one.document.id}: {one.text}" for one in excerpts if not _is_written(one)]
            about = [station, standing[station]]
            log.write(asked=asked, answered=answered, about=about, found=found, wrong=wrong)


def _is_written(excerpt: Excerpt) -> bool:
    edition = edition_of(excerpt.document)
    return edition is not None and is_as_written(excerpt, {number(excerpt.document): [edition]})


def _folder_sizes(folder: Path) -> tuple[float, int]:
    """The megabytes that the folder's files take on the disk, those with several names once, and how many they are."""
    seen: dict[int, int] = {}
    for parent, _folders, names in os.walk(folder):
        for one in names:
            try:
                state = Path(parent, one).stat()
            except FileNotFoundError:  # it went meanwhile
                continue
            seen[state.st_ino] = state.st_size
    return sum(seen.values()) / 1e6, len(seen)


# What it comes to


def _outcome(
    changes: list[dict[str, Any]], asked: dict[str, list[dict[str, Any]]], codes: Sequence[int | None]
) -> Outcome:
    outcome = Outcome(failed=[f"exit code {code}" for code in codes if code])
    begins: dict[tuple[int, int], tuple[float, float]] = {}  # of an edition: begun, acknowledged
    ends: dict[tuple[int, int], tuple[float, float]] = {}
    last: dict[int, int | None] = {}
    for row in changes:
        if "station" in row:
            station, times = row["station"], (row["begun"], row["acknowledged"])
            former = last.get(station)
            if former is not None:
                ends[station, former] = times
            last[station] = row["edition"]
            if row["edition"] is not None:
                begins[station, row["edition"]] = times
            outcome.changes += 1
        outcome.refused += [row["refused"]] if "refused" in row else []
    never = (math.inf, math.inf)
    for row in (row for rows in asked.values() for row in rows if "asked" in row):
        outcome.questions += 1
        outcome.wrong += row["wrong"]
        found = {(station, edition) for station, edition in row["found"]}
        for one in found:
            if begins.get(one, never)[0] > row["answered"] and one in begins:
                outcome.wrong.append(f"{one} before it was given")
            outcome.gone_after_seconds = max(outcome.gone_after_seconds, row["asked"] - ends.get(one, never)[1])
        about = (row["about"][0], row["about"][1])
        if about not in found and ends.get(about, never)[0] > row["answered"]:
            outcome.found_after_seconds = max(outcome.found_after_seconds, row["asked"] - begins[about][1])
    for who, rows in {"writing": changes, **asked}.items():
        outcome.failed += [row["failed"] for row in rows if "failed" in row]
        outcome.growth[who] = _growth([row["sizes"] for row in rows if "sizes" in row])
    return outcome


def _growth(looks: list[list[float]]) -> Sizes:
    """How much more is taken in the last quarter than in the second, by the median; of the folder, whoever looks."""
    quarter = max(len(looks) // 4, 1)
    before, after = looks[quarter : 2 * quarter], looks[-quarter:]
    if not before:
        return Sizes()
    return Sizes(
        *(
            statistics.median(late) - statistics.median(early)
            for late, early in zip(zip(*after, strict=True), zip(*before, strict=True), strict=True)
        )
    )


if __name__ == "__main__":
    sys.exit(main())
