"""Whether a library that is killed at any moment, whatever it does, keeps what it acknowledged and says nothing wrong.

    python -m benchmarks.library_kills [--times 100] [--seed 7] [--only NAME]

Each operation is the command line's, in a process of its own that gets SIGKILL at moments spread evenly over the time
the operation takes; a stand-in takes the model's place. After each kill the library is opened, checked and asked; then
the same command is run to its end, and the library must hold what it says. Lost is what an earlier command had
reported, or a reader had seen just before the kill. Prints a Markdown table; exit 1 where anything but 0 stands in a
column of faults.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.forked import Forks, forks
from benchmarks.machine import heading
from benchmarks.shelf import OPERATIONS, Faults, Shelf, Step, finish, judge, table
from benchmarks.stations import Found, stored
from retrieval.library import Library

__all__ = ["Outcome", "milliseconds", "through_kills"]

MEASURED = 3  # times that an operation runs unharmed, to know how long it takes
BEYOND = 1.05  # kills are spread up to this share of that time


@dataclass(slots=True)
class Outcome:
    """What became of an operation that takes some milliseconds; `hits` are the kills that found it at work."""

    milliseconds: float
    kills: int = 0
    hits: int = 0
    faults: Faults = field(default_factory=Faults)


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=100, help="how many kills of each operation (100)")
    parser.add_argument("--seed", type=int, default=7, help="of the random moments (7)")
    parser.add_argument("--only", choices=OPERATIONS, help="one operation alone")
    options = parser.parse_args()
    outcomes: dict[str, Outcome] = {}
    for operation in [options.only] if options.only else OPERATIONS:
        with tempfile.TemporaryDirectory() as scratch, forks(Path(scratch)) as started:
            outcomes[operation] = through_kills(
                operation, Path(scratch), started, times=options.times, seed=options.seed
            )
        print(f"{operation}: {options.times} kills", file=sys.stderr, flush=True)
    head = ["operation, with a stand-in for the model", "takes, ms", "SIGKILL", "while it worked"]
    rows = [
        [operation, round(one.milliseconds), one.kills, one.hits, *one.faults.counts]
        for operation, one in outcomes.items()
    ]
    print(heading("tantivy", "faiss-cpu"))
    print("\n".join(table(head, rows)))
    return 1 if any(outcome.faults.total for outcome in outcomes.values()) else 0


def through_kills(operation: str, scratch: Path, started: Forks, *, times: int, seed: int = 7) -> Outcome:
    """Kill an operation `times` times, at moments spread over the time it takes; what became of its library."""
    lot = random.Random(f"{seed} {operation}")  # noqa: S311 - no secret
    shelf = Shelf(scratch)
    outcome = Outcome(milliseconds(operation, shelf, started, lot))
    shares = [(number + lot.random()) / times for number in range(times)]
    lot.shuffle(shares)
    for share in shares:
        step = OPERATIONS[operation](shelf, lot)
        command = started.start(*step.command)
        seen = _watch(step, until=command.begun + BEYOND * share * outcome.milliseconds / 1000)
        outcome.hits += command.kill().was_killed
        outcome.kills += 1
        judge(step, seen, outcome.faults, lot)
        finish(shelf, step, started, outcome.faults)
    return outcome


def milliseconds(operation: str, shelf: Shelf, started: Forks, lot: random.Random) -> float:
    """How long an operation takes that nothing interrupts."""
    faults = Faults()
    taken = []
    for _ in range(MEASURED):
        ended = finish(shelf, OPERATIONS[operation](shelf, lot), started, faults)
        assert ended is not None
        assert not faults.total, ended
        taken.append(1000 * ended.seconds)
    return statistics.median(taken)


def _watch(step: Step, *, until: float) -> Found:
    """What a reader last saw committed, reading all the time until a moment."""
    seen = Found(step.before, 0)
    if not Library.is_in(step.folder) or not seen.editions:
        time.sleep(max(0.0, until - time.monotonic()))
        return seen
    with closing(Library.open(step.folder)) as library:
        while time.monotonic() < until and not seen.strange:
            seen = stored(library)
    return seen


if __name__ == "__main__":
    sys.exit(main())
