"""Several rankings into one: pure functions, in which the order of the rankings cannot matter.

Sums are `math.fsum`, which rounds once: plain sums of the same scores in another order differ in the last bit, and with
it the order of ties. A ranking that lacks a passage adds nothing to it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from retrieval.datamodel import Hit, Ranking

__all__ = ["minmax"]


def minmax(rankings: Sequence[Ranking], weights: Sequence[float]) -> Ranking:
    """The weighted sum of scores, each ranking's first stretched to [0, 1]; where all are equal, they are 1.

    A weight for each ranking, none negative. The last passage of a ranking gets 0 from it, as one that it lacks.
    """
    if len(rankings) != len(weights):
        raise ValueError(f"a weight for each ranking is needed, found {len(weights)} for {len(rankings)}")
    if not all(weight >= 0 and math.isfinite(weight) for weight in weights):
        raise ValueError(f"weights are at least 0, found {list(weights)}")
    return _sum(
        {hit.passage_id: weight * stretched(hit.score) for hit in ranking}
        for ranking, weight in zip(rankings, weights, strict=True)
        for stretched in [_stretch(ranking)]
    )


def _stretch(ranking: Ranking) -> Callable[[float], float]:
    """The linear map that takes the ranking's worst score to 0 and its best to 1."""
    if not len(ranking):
        return lambda score: score
    best, worst = ranking.hits[0].score, ranking.hits[-1].score
    if best == worst:
        return lambda score: 1.0
    return lambda score: (score - worst) / (best - worst)


def _sum(parts: Iterable[dict[str, float]]) -> Ranking:
    collected: defaultdict[str, list[float]] = defaultdict(list)
    for part in parts:
        for passage_id, share in part.items():
            collected[passage_id].append(share)
    return Ranking(Hit(passage_id, math.fsum(shares)) for passage_id, shares in collected.items())
