"""Evidence to a decision: how probable it is that the first excerpt answers, and an honest no below the set point."""

from __future__ import annotations

from collections.abc import Sequence

from retrieval.datamodel import Abstention, Answer, Reason, Reply
from retrieval.evidence import Choice, Signals
from retrieval.fitted import confidence_values, regression, rereading

__all__ = ["confidence", "decide"]

HALF = 0.5  # of what is asked, weighed


def confidence(choice: Choice) -> float:
    """The calibrated probability that the excerpt answers the question."""
    plain = regression().probability(confidence_values(choice), other_script=bool(choice.signals.other_script))
    if choice.reading is None:
        return plain
    read = rereading().probability(plain, choice.reading)
    return min(plain, read) if _is_elsewhere(choice.signals) else read


def _is_elsewhere(signals: Signals) -> bool:
    """Whether a name or number of the question is not there; in another script, of which less can be told, half of it.

    A reader takes what is near for what is asked: there it may doubt, but not vouch.
    """
    if signals.other_script and signals.context_coverage <= HALF:
        return True
    return bool(signals.names_lacking or signals.numbers_lacking or signals.contradicted)


def decide(question: str, choices: Sequence[Choice], *, operating_point: float) -> Reply:
    """Answer where the first choice's confidence reaches the operating point, else abstain and say what is lacking."""
    if not choices:
        return Abstention(question, "nothing_found")
    first = choices[0]
    probability = round(confidence(first), 4)
    excerpts = tuple(choice.excerpt for choice in choices)
    if probability >= operating_point:
        return Answer(question, excerpts, probability)
    return Abstention(question, _reason(choices), first.lacking, excerpts, probability)


def _reason(choices: Sequence[Choice]) -> Reason:
    """Why not: what was found speaks of another phase, lacks what was named, or does not seem to say it."""
    first = choices[0]
    if first.signals.contradicted == 1 or (not first.lacking and any(one.signals.contradicted == 1 for one in choices)):
        return "near_miss"
    if first.lacking:
        return "terms_missing"
    return "low_confidence"
