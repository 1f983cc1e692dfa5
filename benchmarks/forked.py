"""`quoth` in processes that start at once: forked from one that has imported everything and opened nothing.

A stand-in takes the model's place, batches are small and indexes are brought up after each, so that an ingest of a
fraction of a second has many commits and changes of indexes to be interrupted. What is run is `bot.cli.main`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

from benchmarks.failing_disk import Failure, fail
from benchmarks.machine import ROOT

__all__ = ["Command", "Ended", "Forks", "forks"]

BATCH_CHARACTERS = 6_000  # of an ingest: each batch is a commit
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # a fork takes one thread along


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code, less than 0 where a signal ended it, what it printed, how long it took."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def was_killed(self) -> bool:
        """Whether it was still at work when SIGKILL came."""
        return self.code == -9

    @property
    def is_refusal(self) -> bool:
        """Whether it ended with exit code 3 and one line for a person."""
        return (self.code, self.err.count("\n"), self.err.startswith("quoth: ")) == (3, 1, True)


class Command:
    """A `quoth` that runs, and when it began."""

    def __init__(self, asked: IO[str], told: IO[str], pid: int, log: Path) -> None:
        self.pid = pid
        self._asked = asked
        self._told = told
        self._log = log
        self.begun = time.monotonic()

    def kill(self) -> Ended:
        """SIGKILL; one that ended before has not noticed."""
        os.kill(self.pid, 9)  # it is a child of the zygote's and not waited for yet: nobody else has its number
        return self.ends()

    def ends(self) -> Ended:
        """Wait for it."""
        print("wait", file=self._asked, flush=True)
        answer = json.loads(self._told.readline())
        out, err = (self._log.with_suffix(suffix).read_text(encoding="utf-8") for suffix in (".out", ".err"))
        return Ended(answer["code"], out, err, answer["seconds"])


class Forks:
    """What starts commands, one after another."""

    def __init__(self, zygote: subprocess.Popen[str], scratch: Path) -> None:
        assert zygote.stdin is not None
        assert zygote.stdout is not None
        self._asked, self._told = zygote.stdin, zygote.stdout
        self._log = scratch / f"command-{zygote.pid}"

    def start(self, *arguments: str, failure: Failure | None = None) -> Command:
        """Begin a command, perhaps on a disk that fails."""
        given = None if failure is None else [failure.kind, failure.after]
        request = {"arguments": arguments, "log": str(self._log), "failure": given}
        print(json.dumps(request), file=self._asked, flush=True)
        return Command(self._asked, self._told, int(self._told.readline()), self._log)

    def run(self, *arguments: str, failure: Failure | None = None) -> Ended:
        """Run a command to its end."""
        return self.start(*arguments, failure=failure).ends()


@contextmanager
def forks(scratch: Path) -> Iterator[Forks]:
    """What starts commands; what they print goes into `scratch` meanwhile."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.forked"],
        cwd=ROOT,
        env={**os.environ, **ONE_THREAD},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as zygote:
        yield Forks(zygote, scratch)
        assert zygote.stdin is not None
        zygote.stdin.close()


def _serve() -> None:
    """Fork a command for each request, tell its number, and, asked to wait, how it ended."""
    sys.path.insert(0, str(ROOT / "tests"))
    from conftest import BagOfWords

    import bot.cli
    import retrieval.backup
    import retrieval.engine
    import retrieval.ingest

    bot.cli.make_encoder = lambda settings: BagOfWords("bag-of-words@1", 64)
    retrieval.ingest.BATCH_CHARACTERS = BATCH_CHARACTERS
    retrieval.engine.SECONDS_BETWEEN_UPDATES = 0
    for line in sys.stdin:
        request = json.loads(line)
        begun = time.monotonic()
        pid = os.fork()
        if pid == 0:
            _become(request["arguments"], Path(request["log"]), request["failure"])
        print(pid, flush=True)
        sys.stdin.readline()
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        print(json.dumps({"code": code, "seconds": time.monotonic() - begun}), flush=True)


def _become(arguments: Sequence[str], log: Path, failure: tuple[str, float] | None) -> NoReturn:
    """Be `quoth` with these arguments, as the interpreter would run it."""
    import bot.cli

    code = 1
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115 - no path; stays open
    try:
        for stream, suffix in ((1, ".out"), (2, ".err")):
            opened = os.open(log.with_suffix(suffix), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(opened, stream)
            os.close(opened)
        if failure is not None:
            fail(Failure(*failure))
        code = bot.cli.main(arguments)
    except SystemExit as usage:
        code = int(usage.code or 0)
    except BaseException:  # a fault of ours: to be seen
        traceback.print_exc()
    finally:
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
