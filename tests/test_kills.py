"""SIGKILL at any moment of whatever changes or copies a library: nothing acknowledged is lost, no wrong word said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.forked import Forks, forks
from benchmarks.library_kills import through_kills
from benchmarks.shelf import OPERATIONS

pytestmark = pytest.mark.slow  # real processes

KILLS = 10  # of each (`benchmarks/library_kills.py`: a hundred)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    with forks(tmp_path_factory.mktemp("printed")) as started:
        yield started


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_library_lives_through_kills_at_any_moment(started: Forks, tmp_path: Path, operation: str) -> None:
    outcome = through_kills(operation, tmp_path, started, times=KILLS)
    assert outcome.hits >= KILLS // 3, "the machine is too fast for these moments"
    assert outcome.faults.counts == (0, 0, 0, 0, 0)
