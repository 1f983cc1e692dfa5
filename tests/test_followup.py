"""A follow-up and the questions before it become one query."""

from __future__ import annotations

import pytest

from retrieval.followup import resolve


@pytest.mark.parametrize(
    ("question", "history", "expected"),
    [
        ("how long is it?", ["What is CPEC?"], "CPEC how long is it?"),
        ("and Gwadar?", ["How long is CPEC?"], "long CPEC and Gwadar?"),
        ("how long is it?", [], "how long is it?"),
        ("how long is it?", ["What is CPEC?", ""], "CPEC how long is it?"),
        ("and in 2024?", ["What did Gwadar export in 2023?"], "Gwadar export and in 2024?"),
        ("who owns it?", ["How many work at Reko Diq?", "and later?"], "work Reko Diq who owns it?"),
        ("二期建好后呢", ["高查瑞光伏能供多少户"], "高查瑞光伏能供 二期建好后呢"),
        ("اور یہ کب بنے گی؟", ["ایم ایل ون پر کتنا خرچ ہوگا؟"], "ایم ایل ون خرچ اور یہ کب بنے گی؟"),
    ],
)
def test_a_follow_up_takes_what_opened_its_topic(question: str, history: list[str], expected: str) -> None:
    assert resolve(question, history) == expected


def test_a_bare_heading_is_taken_whole() -> None:
    assert resolve("When did they disband?", ["The Mothers of Invention"]) == (
        "The Mothers of Invention When did they disband?"
    )


@pytest.mark.parametrize(
    ("question", "history"),
    [
        ("How many ships does PNSC own?", ["What is CPEC?"]),
        ("How many megawatts did CPEC phase one add?", ["best recipe for biryani"]),
        ("What did the 2024 fair have as its theme?", ["best recipe for biryani"]),
        ("2022年底首届中海峰会最重要的成果是什么？", ["中缅油气管道给缅甸直接带来了多少收入？"]),
    ],
)
def test_a_new_topic_does_not_drag_the_old_one_along(question: str, history: list[str]) -> None:
    assert resolve(question, history) == question


def test_the_last_topic_counts() -> None:
    history = ["How long is CPEC?", "How many ships does PNSC own?", "who runs it?"]
    assert resolve("and since when?", history) == "ships PNSC and since when?"
