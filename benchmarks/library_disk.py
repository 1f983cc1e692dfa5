"""Whether a library stands it that its disk fills up or fails: one clear line, nothing lost, and on it goes afterwards.

    python -m benchmarks.library_disk [--times 100] [--seed 7] [--only NAME]

Each operation is the command line's, in a process of its own whose disk fails at moments spread evenly over the time
the operation takes (`failing_disk.py` says how); a stand-in takes the model's place. The command must do its work all
the same, or end with exit code 3 and one line. Then the library is opened on a whole disk, checked and asked, and the
same command must do its work. Prints a Markdown table; exit 1 where anything but 0 stands in a column of faults.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.failing_disk import KINDS, SHORT, Failure
from benchmarks.forked import Forks, forks
from benchmarks.library_kills import milliseconds
from benchmarks.machine import heading
from benchmarks.shelf import OPERATIONS, Faults, Shelf, finish, judge, table
from benchmarks.stations import Found

__all__ = ["Outcome", "through_failures"]

BEYOND = 1.05  # failures are spread up to this share of the operation's time, or of its largest file


@dataclass(slots=True)
class Outcome:
    """What became of an operation; `refused` counts how often it gave up in one line, `untold` how often otherwise."""

    failures: int = 0
    refused: int = 0
    untold: int = 0
    faults: Faults = field(default_factory=Faults)
    lines: set[str] = field(default_factory=set)  # what was printed otherwise


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=100, help="how many failures of each kind and operation (100)")
    parser.add_argument("--seed", type=int, default=7, help="of the random moments (7)")
    parser.add_argument("--only", choices=OPERATIONS, help="one operation alone")
    options = parser.parse_args()
    outcomes: dict[tuple[str, str], Outcome] = {}
    for kind in KINDS:
        for operation in [options.only] if options.only else OPERATIONS:
            with tempfile.TemporaryDirectory() as scratch, forks(Path(scratch)) as started:
                outcomes[kind, operation] = one = through_failures(
                    kind, operation, Path(scratch), started, times=options.times, seed=options.seed
                )
            print(f"{kind}, {operation}: {options.times} times", *sorted(one.lines), file=sys.stderr, flush=True)
    head = ["failure", "operation", "times", "gave up in one line", "in another way"]
    rows = [[*key, one.failures, one.refused, one.untold, *one.faults.counts] for key, one in outcomes.items()]
    print(heading("tantivy", "faiss-cpu"))
    print("\n".join(table(head, rows)))
    return 1 if any(outcome.faults.total + outcome.untold for outcome in outcomes.values()) else 0


def through_failures(kind: str, operation: str, scratch: Path, started: Forks, *, times: int, seed: int = 7) -> Outcome:
    """Let the disk fail `times` times while an operation works; what became of its library."""
    lot = random.Random(f"{seed} {kind} {operation}")  # noqa: S311 - no secret
    shelf = Shelf(scratch)
    seconds = milliseconds(operation, shelf, started, lot) / 1000
    outcome = Outcome()
    shares = [(number + lot.random()) / times for number in range(times)]
    lot.shuffle(shares)
    for share in shares:
        step = OPERATIONS[operation](shelf, lot)
        whole = _largest_file(scratch) if kind == SHORT else seconds
        ended = started.run(*step.command, failure=Failure(kind, BEYOND * share * whole))
        outcome.failures += 1
        outcome.refused += ended.is_refusal
        if ended.code and not ended.is_refusal:
            outcome.untold += 1
            outcome.lines.add(ended.err)
        judge(step, Found(step.before if ended.code else step.target, 0), outcome.faults, lot)
        finish(shelf, step, started, outcome.faults)
    return outcome


def _largest_file(folder: Path) -> int:
    return max(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    sys.exit(main())
