"""What the speed benchmarks ask and encode: questions about the seeds, and the seeds themselves."""

from __future__ import annotations

from benchmarks.machine import ROOT

__all__ = ["QUESTIONS", "SEEDS", "seed_text"]

SEEDS = ROOT / "seeds"

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
