"""The benchmark of a question times functions by their names: they must be there."""

from __future__ import annotations

from benchmarks.question_speed import STAGES


def test_the_stages_of_a_question_that_are_timed_are_there() -> None:
    # One moved to another module, and the benchmark failed after ten minutes.
    assert [name for _, place, name in STAGES if not callable(getattr(place, name, None))] == []
