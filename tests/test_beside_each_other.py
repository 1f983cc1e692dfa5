"""Processes that answer from a library while another one changes it all the time: right, current and small."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.library_processes import MOST_SECONDS, beside_each_other

pytestmark = pytest.mark.slow  # real processes

SECONDS = 20.0  # (`benchmarks/library_processes.py`: ten minutes)


def test_who_answers_stays_right_and_current_while_another_process_writes(tmp_path: Path) -> None:
    outcome = beside_each_other(tmp_path, seconds=SECONDS)
    assert (outcome.wrong, outcome.failed) == ([], [])
    assert max(outcome.found_after_seconds, outcome.gone_after_seconds) <= MOST_SECONDS
    assert outcome.grown == []
    assert outcome.refused == [], "a question of another process got in the way of a change"
    assert outcome.changes > SECONDS
    assert outcome.questions > SECONDS
