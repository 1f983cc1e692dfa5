"""A disk that fills up or fails at any moment is told in one line, loses nothing, and may be used again afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.failing_disk import FULL, KINDS, NO_SYNC, SHORT, Failure, is_possible
from benchmarks.forked import Forks, forks
from benchmarks.library_disk import through_failures
from benchmarks.shelf import OPERATIONS
from benchmarks.stations import make, write
from retrieval.library import Library

pytestmark = [
    pytest.mark.slow,  # real processes
    pytest.mark.skipif(not is_possible(), reason="only Linux on x86-64 or 64-bit ARM can let a process's disk fail"),
]

TIMES = 3  # of each (`benchmarks/library_disk.py`: a hundred)
CASES = [
    *((FULL, operation) for operation in OPERATIONS),
    *((kind, operation) for kind in (NO_SYNC, SHORT) for operation in ("ingest that replaces all", "backup")),
]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    with forks(tmp_path_factory.mktemp("printed")) as started:
        yield started


@pytest.mark.parametrize(("kind", "operation"), CASES)
def test_a_disk_that_fails_at_any_moment_is_one_line_and_no_loss(
    started: Forks, tmp_path: Path, kind: str, operation: str
) -> None:
    outcome = through_failures(kind, operation, tmp_path, started, times=TIMES)
    assert outcome.lines == set()
    assert outcome.untold == 0
    assert outcome.faults.counts == (0, 0, 0, 0, 0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_there", [False, True], ids=["no library yet", "a library"])
def test_a_disk_that_fails_from_the_beginning_is_one_line(
    started: Forks, tmp_path: Path, kind: str, *, is_there: bool
) -> None:
    """So that the means of failing are known to work."""
    folder = tmp_path / "library"
    if is_there:
        make(folder, {1: 1})
    given = write(tmp_path / "given.jsonl", {2: 1})
    refused = started.run("ingest", given, "--library", str(folder), failure=Failure(kind, 0))
    assert refused.is_refusal, refused
    again = started.run("ingest", given, "--library", str(folder))
    assert (again.code, again.err) == (0, "")
    library = Library.open(folder)
    assert library.count_documents() == 1 + is_there
    library.close()
