"""The row of the reader's benchmark that decides where as many of the unanswerable are declined."""

from __future__ import annotations

import pytest

from benchmarks.reader import _declining_as_many

Row = dict[str, object]


def reply(confidence: float, *, point: float) -> Row:
    shown = [{"text": f"at {confidence}"}]
    is_answered = confidence >= point
    return {
        "confidence": confidence,
        "answered": is_answered,
        "excerpts": shown if is_answered else [],
        "nearest": [] if is_answered else shown,
    }


@pytest.mark.parametrize(
    ("before", "answered"),
    [
        ([0.9, 0.9, 0.9, 0.9], [True, True, True, True]),
        (
            [0.9, 0.1, 0.9, 0.9],
            [True, True, False, False],
        ),  # the least sure of them, and what is less sure than the next
        ([0.1, 0.1, 0.9, 0.9], [True, True, False, False]),  # of the unanswerable still one
        ([0.9, 0.1, 0.9, 0.1], [True, False, False, False]),
    ],
)
def test_the_point_is_that_at_which_as_many_of_the_unanswerable_are_declined(
    before: list[float], answered: list[bool]
) -> None:
    """The first and the third question have an answer."""
    questions: list[Row] = [{"answerable": place % 2 == 0} for place in range(4)]
    after = [reply(confidence, point=0.99) for confidence in (0.8, 0.4, 0.35, 0.2)]
    decided = _declining_as_many(questions, [reply(one, point=0.5) for one in before], after)
    assert [one["answered"] for one in decided] == answered
    for one, former in zip(decided, after, strict=True):
        assert (one["excerpts"] or one["nearest"]) == former["nearest"]
        assert bool(one["excerpts"]) == one["answered"]
