"""What the speed benchmarks ask and encode: questions about the seeds, and the seeds themselves."""

from __future__ import annotations

from pathlib import Path

from benchmarks.jsonl import read_rows
from benchmarks.machine import ROOT

__all__ = ["OUR_QUESTIONS", "QUESTIONS", "SEEDS", "mixed_questions", "news_questions", "seed_text"]

SEEDS = ROOT / "seeds"
OUR_QUESTIONS = ROOT / "benchmarks" / "questions"

QUESTIONS = (
    "How many megawatts did CPEC phase one add?",
    "how long is CPEC",
    "Who leads Pakistan's embassy in China?",
    "What did the 2024 trade in services fair have as its theme?",
    "value of the food MoU",
    "What is the focus of CPEC's second phase?",
    "which chinese companies should come to Pakistan",
    "سی پیک فیز ون سے گرڈ میں کتنے میگاواٹ بجلی آئی؟",
    "中巴经济走廊一期增加了多少兆瓦？",
    "What did the WEF official say about Pakistan?",
)


def seed_text() -> str:
    """The texts of all seeds, one after the other."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(SEEDS.glob("*.txt")))


def news_questions(data: Path) -> list[str]:
    """The questions about the news, our own too, none twice."""
    files = (data / "news" / "questions.jsonl", OUR_QUESTIONS / "news.jsonl")
    return list(dict.fromkeys(row["question"] for path in files for row in read_rows(path)))


def mixed_questions(data: Path, count: int) -> list[str]:
    """At most `count` questions, of the news and of SQuAD, spread over each."""
    found = [read_rows(data / name / "questions.jsonl") for name in ("news", "squad")]
    return [row["question"] for asked in found for row in asked[:: max(1, 2 * len(asked) // count)]]
