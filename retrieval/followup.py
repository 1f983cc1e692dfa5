"""A question and what was asked before become one query that stands alone. No words are made up: only those typed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from retrieval.question import Need, Question

__all__ = ["resolve"]

_OPENS_ON = re.compile(
    r"^\W*(?:and|also|then|so|but|what about|how about)\b|^\W*(?:اور|وہ|اس|ان)\b|^(?:那|它|他|她|这)|呢[？?]?\s*$",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"\b(?:he|she|it|they|him|her|them|his|hers|its|their)\b", re.IGNORECASE)
FEWEST_NEEDS = 2  # a question that names less than this says little by itself


def resolve(question: str, history: Sequence[str]) -> str:
    """The question, with what the last one named before it where it leans on that; `history` is oldest first.

    A number of the same kind is replaced, not added: "and in 2024?" no longer asks for 2023.
    """
    earlier = [asked for asked in history if asked.strip()]
    asked = Question.of(question)
    if not earlier or not _leans(asked):
        return question
    said = {need.surface.casefold() for need in asked.needs}
    counted = {_counts(need) for need in asked.needs if need.quantity is not None}
    before = [
        need.surface
        for need in Question.of(earlier[-1]).needs
        if need.surface.casefold() not in said and (need.quantity is None or _counts(need) not in counted)
    ]
    return " ".join([*before, question])


def _leans(asked: Question) -> bool:
    """Whether the question says too little by itself, goes on from another, or has a pronoun before any name."""
    if _OPENS_ON.search(asked.text) or len(asked.needs) < FEWEST_NEEDS:
        return True
    pronoun = _PRONOUN.search(asked.text)
    named = [need.span.start for need in asked.needs if need.kind != "word"]
    return pronoun is not None and all(pronoun.start() < start for start in named)


def _counts(need: Need) -> tuple[str, str | None]:
    """What a number counts: its kind, and of what it is one."""
    assert need.quantity is not None  # noqa: S101 - asked only of numbers
    return need.quantity.kind, need.quantity.of
