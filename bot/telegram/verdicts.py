"""Whether a quote is real, as a Telegram message: the verdict, and the source's own words with what differs in bold."""

from __future__ import annotations

from bot.telegram.citing import citation
from bot.telegram.markup import escaped, quote_block
from bot.telegram.message import Message, notice
from bot.telegram.strings import Language, Strings, strings
from retrieval.datamodel import Span
from retrieval.verify import Verdict

__all__ = ["rendered_verdict"]

MOST_PLACES = 5


def rendered_verdict(verdict: Verdict, language: Language) -> Message:
    """The verdict with the places that it speaks of, as many as fit."""
    words = strings(language)
    if not verdict.places:
        return notice(words.verdict_absent)
    shown = list(range(len(verdict.places)))[:MOST_PLACES]
    while True:
        parts = [f"<b>{escaped(_sentence(verdict, words))}</b>", *(_place(verdict, number, words) for number in shown)]
        message = Message("\n\n".join(parts))
        if message.fits or len(shown) == 1:
            return message
        shown.pop()


def _sentence(verdict: Verdict, words: Strings) -> str:
    match verdict.kind:
        case "exact" if verdict.shortened:
            return words.verdict_shortened
        case "exact":
            return words.verdict_typography if verdict.typography else words.verdict_exact
        case "altered":
            return words.verdict_altered
        case "spliced":
            return words.verdict_spliced
        case "absent":
            return words.verdict_absent


def _place(verdict: Verdict, number: int, words: Strings) -> str:
    excerpt = verdict.places[number].excerpt
    marks = [
        Span(*one.source)
        for one in verdict.differences
        if one.place == number and one.source[0] < one.source[1] and excerpt.span.holds(Span(*one.source))
    ]
    block = quote_block(excerpt.document.snapshot.text, excerpt.span, marks)
    return f"{citation(excerpt, number + 1, words)}\n{block}"
