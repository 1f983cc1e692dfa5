"""What a quote needs to stand alone, and what a long one can do without.

One that begins "He added that it …" takes the sentence before it; words that somebody speaks keep who speaks them; a
sentence longer than an excerpt should be ends at the comma by which it has said what was asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from retrieval.asked import Asked
from retrieval.candidate import Candidate
from retrieval.contents import contents
from retrieval.datamodel import Document, Span
from retrieval.evidence import holds
from retrieval.question import Question
from retrieval.sentences import split

__all__ = ["LONGEST_CHARACTERS", "LONGEST_SENTENCES", "standing_alone", "trimmed"]

LONGEST_CHARACTERS = 400
LONGEST_SENTENCES = 3
SHORTEST_CHARACTERS = 80  # that a cut may leave

# A sentence that begins so leans on the one before it.
_LEANING = re.compile(
    r"[\"'“‘「『(\[]*(?:(?:and|but|so|or|also|then|thus|therefore|however|moreover|besides|furthermore|hence|instead|he|she|(?-i:[Ii]t)|"
    r"its|they|we|i|his|her|their|our|this|that|these|those|such|both|the (?:two|same|former|latter|project|move))\b"
    r"|(?:انہوں|انھوں|ان|اس|وہ|یہ|جبکہ|تاہم|لیکن|مگر)\s|(?:他|她|它|这|该|此|其|但|同时|对此))",
    re.IGNORECASE,
)
_QUOTATION = re.compile('“[^“”]*(?:”|$)|「[^「」]*(?:」|$)|(?<![\\w"])"[^"“”]*(?:"|$)')
_SAYS = re.compile(
    r"\b(?:sa(?:id|ys|ying)|stat(?:ed|es|ing)|add(?:ed|s|ing)|t(?:old|ells)|remark(?:ed|s)|not(?:ed|es)|claim(?:ed|s)|"
    r"according to|declar(?:ed|es)|explain(?:ed|s)|ask(?:ed|s)|repl(?:ied|ies)|wr(?:ote|ites)|warn(?:ed|s)|"
    r"emphasi[sz](?:ed|es)|stress(?:ed|es)|announc(?:ed|es)|call(?:ed|s|ing)|describ(?:ed|es|ing)|quot(?:ed|ing)|"
    r"insist(?:ed|s)|sp(?:oke|eaking)|argu(?:ed|es)|observ(?:ed|es)|conclud(?:ed|es)|maintain(?:ed|s)|reiterat(?:ed|es)|term(?:ed|ing))\b"
    r"|说|表示|指出|称|强调|认为|介绍|道|کہا|بتایا|کہنا",
    re.IGNORECASE,
)
_SPOKEN_BY_PRONOUN = re.compile(
    r"[”\"]\s*(?:he|she|they)\s+(?:also\s+|further\s+)?\w+|[”\"]\s*(?:said|added) (?:he|she)\b|”(?:他|她)",
    re.IGNORECASE,
)
_NAMED = re.compile(r"(?<![.!?:“\"]\s)(?<!^)[A-Z][a-z]+")
_CLAUSE_END = re.compile(r"[,;:،؛](?=\s)|[，；：]|\s[—–-](?=\s)")


def standing_alone(candidate: Candidate, span: Span) -> Span:
    """The span, with sentences around it that it cannot stand without, as far as the limits allow."""
    text = candidate.document.snapshot.text
    span = _with_speaker(candidate, span)
    while _LEANING.match(text, span.start, span.end) or _needs_a_name(span.of(text)):
        before = _sentence_before(candidate, span)
        if before is None or not _fits(candidate, Span(before.start, span.end)):
            break
        span = Span(before.start, span.end)
    return span


def trimmed(question: Question, text: str, span: Span, answer: Span | None = None) -> Span:
    """A sentence of more than `LONGEST_CHARACTERS` up to the last comma before that, if all that counts stands there.

    So does the `answer`, where it is known. Never from its middle: what comes first ("It is not true that …") may turn
    round the rest.
    """
    if len(span) <= LONGEST_CHARACTERS:
        return span
    whole = contents(span.of(text))
    held = [need for need in question.needs if holds(need, whole)]
    asked = Asked(question)
    kind = asked.holds_kind(span.of(text), whole)
    for end in reversed(list(_clause_ends(text, span))):
        left = Span(span.start, end)
        if answer is not None and not left.holds(answer):
            break
        found = contents(left.of(text))
        if all(holds(need, found) for need in held) and asked.holds_kind(left.of(text), found) == kind:
            return left
    return span


def _clause_ends(text: str, span: Span) -> Iterator[int]:
    """Where a clause ends that leaves neither too little nor too much, and no bracket or quotation open."""
    for match in _CLAUSE_END.finditer(text, span.start + SHORTEST_CHARACTERS, span.start + LONGEST_CHARACTERS):
        said = text[span.start : match.start()]
        is_open = any(said.count(left) > said.count(right) for left, right in ("()", "（）", "“”", "[]"))
        if not is_open and said.count('"') % 2 == 0:
            yield match.start()


def _with_speaker(candidate: Candidate, span: Span) -> Span:
    """The span, grown so that it neither begins nor ends inside a quotation, and somebody says what it quotes."""
    text = candidate.document.snapshot.text
    paragraph = next((body for body in candidate.document.body if body.holds(span)), None)
    if paragraph is None:
        return span
    sentences = [sentence.shifted(paragraph.start) for sentence in split(paragraph.of(text))]
    quotations = [
        Span(match.start(), match.end()) for match in _QUOTATION.finditer(text, paragraph.start, paragraph.end)
    ]
    for quotation in quotations:
        if quotation.meets(span) and not span.holds(quotation):
            grown = _over(sentences, Span(min(span.start, quotation.start), max(span.end, quotation.end)))
            # Where the whole speech is too long, its end says who speaks, or else its beginning.
            parts = [
                grown,
                _over(sentences, Span(span.start, grown.end)),
                _over(sentences, Span(grown.start, span.end)),
            ]
            span = next((part for part in parts if _fits(candidate, part)), span)
    unquoted = _unquoted(text, span, quotations)
    if len(unquoted) < len(span) / 2 and not _SAYS.search(unquoted):
        after = next((one for one in sentences if one.start >= span.end), None)
        before = _sentence_before(candidate, span)  # perhaps of the paragraph before
        for other in (after, before):
            if other is not None and _SAYS.search(_QUOTATION.sub(" ", other.of(text))):
                grown = Span(min(span.start, other.start), max(span.end, other.end))
                if _fits(candidate, grown):
                    return grown
    return span


def _over(sentences: list[Span], span: Span) -> Span:
    """The span, to the borders of the sentences it meets."""
    met = [sentence for sentence in sentences if sentence.meets(span)]
    return Span(min(span.start, met[0].start), max(span.end, met[-1].end)) if met else span


def _unquoted(text: str, span: Span, quotations: list[Span]) -> str:
    """What of the span stands outside of quotation marks."""
    rest = span.of(text)
    for quotation in reversed([one for one in quotations if one.meets(span)]):
        rest = rest[: max(quotation.start - span.start, 0)] + " " + rest[max(quotation.end - span.start, 0) :]
    return rest


def _needs_a_name(text: str) -> bool:
    """Whether somebody speaks who is but "he" or "she", with no name beside."""
    if not _SPOKEN_BY_PRONOUN.search(text):
        return False
    return not _NAMED.search(_QUOTATION.sub(" ", text))


def _fits(candidate: Candidate, span: Span) -> bool:
    text = candidate.document.snapshot.text
    return len(span) <= LONGEST_CHARACTERS and len(split(span.of(text))) <= LONGEST_SENTENCES


def _sentence_before(candidate: Candidate, span: Span) -> Span | None:
    """The sentence that ends before `span` with nothing but white space between; None where there is none."""
    document = candidate.document
    text = document.snapshot.text
    inside = [sentence for sentence in candidate.passage.sentences if sentence.end <= span.start]
    before = inside[-1] if inside else _last_sentence_before(document, span)
    return before if before is not None and not text[before.end : span.start].strip() else None


def _last_sentence_before(document: Document, span: Span) -> Span | None:
    bodies = [body for body in document.body if body.start < span.start]
    if not bodies:
        return None
    paragraph = bodies[-1]
    sentences = split(document.snapshot.text[paragraph.start : min(paragraph.end, span.start)])
    return sentences[-1].shifted(paragraph.start) if sentences else None
