"""Wall-clock and processor time, of a call and of a fresh process.

On a shared machine wall time tells of the neighbours too; processor time, beside it, nearly only of us.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.machine import ROOT

__all__ = ["Run", "Timing", "median", "minimum", "run_python", "timed"]

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds by the clock, and seconds that the process's threads spent on processors."""

    wall_s: float
    processor_s: float


@dataclass(frozen=True, slots=True)
class Run:
    """A process that has ended: how long it took, the most memory it held at once, and what it wrote."""

    timing: Timing
    peak_bytes: int
    stdout: str
    stderr: str


def timed(call: Callable[[], Result]) -> tuple[Result, Timing]:
    """What `call` returns, and how long it took in all threads of this process."""
    wall, processor = time.perf_counter(), time.process_time()
    result = call()
    return result, Timing(time.perf_counter() - wall, time.process_time() - processor)


def run_python(
    arguments: Sequence[str], *, python: Path = Path(sys.executable), surroundings: Mapping[str, str] | None = None
) -> Run:
    """Run `python` (this one) with `arguments` in the repository's root, from start to end; exit where it fails.

    `surroundings` are its environment variables: ours, unless given. Linux counts the memory of whoever starts a
    process into its peak, so call this from a small process.
    """
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        begun = time.perf_counter()
        command = [str(python), *arguments]
        process = subprocess.Popen(command, cwd=ROOT, env=surroundings, stdout=stdout, stderr=stderr)
        _, status, usage = os.wait4(process.pid, 0)
        timing = Timing(time.perf_counter() - begun, usage.ru_utime + usage.ru_stime)
        process.returncode = os.waitstatus_to_exitcode(status)
        stdout.seek(0)
        stderr.seek(0)
        run = Run(timing, usage.ru_maxrss * 1024, stdout.read().decode(), stderr.read().decode())
    if process.returncode:
        sys.exit(f"{' '.join(arguments)}: exit {process.returncode}\n{run.stderr}")
    return run


def minimum(timings: Sequence[Timing]) -> Timing:
    """The least of each: noise only ever adds."""
    return Timing(min(one.wall_s for one in timings), min(one.processor_s for one in timings))


def median(timings: Sequence[Timing]) -> Timing:
    """The middle of each."""
    return Timing(
        statistics.median(one.wall_s for one in timings), statistics.median(one.processor_s for one in timings)
    )
