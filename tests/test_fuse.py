from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.datamodel import Hit, Ranking
from retrieval.fuse import minmax

RANKINGS = st.lists(st.builds(Hit, st.sampled_from("abcdefgh"), st.floats(-100, 100, allow_nan=False)), max_size=8).map(
    Ranking
)


def ranking(**scores: float) -> Ranking:
    return Ranking(Hit(passage_id, score) for passage_id, score in scores.items())


def test_minmax_stretches_each_ranking_to_one() -> None:
    fused = minmax([ranking(a=30.0, b=20.0, c=10.0), ranking(c=0.9, d=0.8)], [0.3, 0.7])
    assert ranking(a=0.3 * 1, b=0.3 * 0.5, c=0.3 * 0 + 0.7 * 1, d=0.7 * 0) == fused


def test_minmax_of_equal_scores_is_one() -> None:
    """The only hit of a ranking is its best one, not its worst."""
    assert ranking(a=0.3) == minmax([ranking(a=12.0)], [0.3])


def test_no_rankings_or_empty_ones_fuse_to_an_empty_ranking() -> None:
    assert Ranking() == minmax([], []) == minmax([Ranking()], [1])


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [1.0, math.nan]])
def test_minmax_refuses_weights_without_meaning(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weight"):
        minmax([Ranking(), Ranking()], weights)


@given(st.lists(st.tuples(RANKINGS, st.floats(0, 10)), max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_rankings_cannot_matter(parts: list[tuple[Ranking, float]], order: random.Random) -> None:
    """Not in the last bit."""
    shuffled = order.sample(parts, len(parts))
    assert minmax([one for one, _ in parts], [weight for _, weight in parts]) == minmax(
        [one for one, _ in shuffled], [weight for _, weight in shuffled]
    )


@given(st.lists(RANKINGS, min_size=1, max_size=4))
def test_fusion_holds_every_passage_once(rankings: list[Ranking]) -> None:
    expected = {hit.passage_id for one in rankings for hit in one}
    fused = minmax(rankings, [1.0] * len(rankings))
    assert expected == {hit.passage_id for hit in fused}
    assert len(expected) == len(fused)
