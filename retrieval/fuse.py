"""Dense and lexical evidence into one ranking, and from it the passages worth reading, of every language some."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from retrieval.datamodel import Ranking

__all__ = ["fused", "worth_reading"]

SHARE_WEIGHT = 4.0  # a passage that holds all that was asked stands four spreads nearer


def fused(standing: float, share: float) -> float:
    """One score of a passage: how many spreads above its language's mean, and how much of the question's words."""
    return standing + SHARE_WEIGHT * share


def worth_reading(ranking: Ranking, language: Callable[[str], str], *, best: int, of_each: int) -> Ranking:
    """The `best` passages of all, and the `of_each` best of each language: no language hides another."""
    seen: defaultdict[str, int] = defaultdict(int)
    hits = []
    for rank, hit in enumerate(ranking):
        named = language(hit.passage_id)
        if rank < best or seen[named] < of_each:
            hits.append(hit)
        seen[named] += 1
    return Ranking(hits)
