from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from retrieval.datamodel import Hit, Ranking
from retrieval.fuse import fused, worth_reading

PASSAGES = st.lists(
    st.builds(Hit, st.from_regex(r"(en|zh|ur)[0-9]{1,2}", fullmatch=True), st.floats(-5, 9)), max_size=40
).map(Ranking)


def language(passage_id: str) -> str:
    return passage_id[:2]


def test_all_the_words_of_the_question_are_worth_four_spreads() -> None:
    assert fused(standing=1.0, share=1.0) == fused(standing=5.0, share=0.0)


def test_no_language_hides_another() -> None:
    """Ten English passages stand above the only Chinese one: it is read all the same."""
    ranking = Ranking([*(Hit(f"en{place}", 9.0 - place) for place in range(9)), Hit("zh1", -3.0)])
    read = worth_reading(ranking, language, best=3, of_each=2)
    assert [hit.passage_id for hit in read] == ["en0", "en1", "en2", "zh1"]


@given(PASSAGES, st.integers(1, 6), st.integers(0, 4))
def test_the_best_are_read_and_some_of_each_language(ranking: Ranking, best: int, of_each: int) -> None:
    read = worth_reading(ranking, language, best=best, of_each=of_each)
    assert ranking.hits[:best] == read.hits[: min(best, len(ranking))]
    for name in ("en", "zh", "ur"):
        held = [hit for hit in ranking if language(hit.passage_id) == name]
        assert set(held[:of_each]) <= set(read)
