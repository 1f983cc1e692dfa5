"""A bit that flips anywhere in a library is found, or nothing reads it; never is a wrong word or source shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.library_flips import Outcome, flips, made, table, try_closed, try_open

pytestmark = pytest.mark.slow  # each is a library of its own

PLACES = 60  # (`benchmarks/library_flips.py`: five hundred)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("flips"))


def test_a_flipped_bit_is_told_by_a_check_or_nothing_reads_it(whole: Path) -> None:
    """And who opens the library then is answered rightly or refused in one line; indexes come back by themselves."""
    outcome = Outcome()
    for flip in flips(whole, places=PLACES, seed=7):
        try_closed(whole, flip, outcome)
    assert outcome.told == [], "\n".join(table(outcome))
    assert outcome.seen.total() >= PLACES // 10
    assert outcome.answered + outcome.refused == PLACES


def test_a_bit_that_flips_in_a_library_that_is_open_makes_no_wrong_quote(whole: Path) -> None:
    outcome = Outcome()
    for flip in flips(whole, places=PLACES, seed=7):
        try_open(whole, flip, outcome)
    assert outcome.told == [], "\n".join(table(outcome))
    assert outcome.answered_open + outcome.refused_open == PLACES
