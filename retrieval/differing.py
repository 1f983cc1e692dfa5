"""Where documents of different dates give different figures for what was asked: all are shown, and marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from retrieval.datamodel import Span
from retrieval.evidence import Choice
from retrieval.question import Question

__all__ = ["mark_differing"]

ALIKE = 0.15  # two excerpts speak of the same when they cover the question's needs alike, within this share
FEWEST_COVERED = 0.5


def mark_differing(asked: Question, choices: Sequence[Choice]) -> list[Choice]:
    """The choices, `differs` set on the first and on those of another date that give another figure for the same.

    Only amounts of money, shares, and numbers of just what "how many …" names are compared: else two sentences with
    numbers need not speak of the same thing.
    """
    if asked.asks != "number" or not choices:
        return list(choices)
    apart = {place for place, choice in enumerate(choices) if place and _differ(choices[0], choice)}
    if apart:
        apart.add(0)
    return [
        replace(choice, excerpt=replace(choice.excerpt, differs=True)) if place in apart else choice
        for place, choice in enumerate(choices)
    ]


def _differ(first: Choice, other: Choice) -> bool:
    dates = [choice.excerpt.document.published for choice in (first, other)]
    if None in dates or dates[0] == dates[1] or first.excerpt.document.id == other.excerpt.document.id:
        return False
    covered = [choice.signals.coverage for choice in (first, other)]
    if min(covered) < FEWEST_COVERED or abs(covered[0] - covered[1]) > ALIKE:
        return False
    one, two = _figures(first), _figures(other)
    return any(
        one[kind].isdisjoint(two[kind])
        for kind in one.keys() & two.keys()
        if kind[0] != "cardinal" or (first.signals.asked_unit and other.signals.asked_unit)
    )


def _figures(choice: Choice) -> dict[tuple[str, str | None], set[float]]:
    """The values of the marked numbers, by their kind and currency."""
    excerpt = choice.excerpt
    marked = [Span(span.start - excerpt.span.start, span.end - excerpt.span.start) for span in excerpt.highlights]
    found: dict[tuple[str, str | None], set[float]] = {}
    for quantity in choice.contents.quantities:
        if any(span.meets(quantity.span) for span in marked):
            found.setdefault((quantity.kind, quantity.of), set()).add(quantity.value)
    return found
