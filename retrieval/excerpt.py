"""From the best passages, the one to three consecutive sentences that answer.

Each sentence is weighed by plain signals with fitted weights; the best become excerpts, and an excerpt that could not
stand alone ("He added that it …") takes the sentence before it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from retrieval.asked import highlights, holds_asked_kind, holds_asked_unit, holds_asked_word
from retrieval.datamodel import Candidate, Document, Excerpt, Span
from retrieval.evidence import Choice, Contents, Signals, Weigh, contents, contradicts, coverage, holds, lacking
from retrieval.fitted import weights
from retrieval.question import Need, Question
from retrieval.sentences import split

__all__ = ["Weighed", "choose", "weighed"]

LONGEST_EXCERPT_CHARACTERS = 400
LONGEST_EXCERPT_SENTENCES = 3
GOVERNING_CHARACTERS = 1500  # how far back a "Phase I" still tells what a sentence speaks of

_AS_NUMBER = {True: 1.0, None: 0.0, False: -1.0}

# A sentence that begins so leans on the one before it.
_LEANING = re.compile(
    r"[\"'“‘「『(\[]*(?:(?:and|but|so|or|also|then|thus|therefore|however|moreover|besides|furthermore|hence|instead|he|she|it|"
    r"its|they|we|i|his|her|their|our|this|that|these|those|such|both|the (?:two|same|former|latter|project|move))\b"
    r"|(?:انہوں|انھوں|ان|اس|وہ|یہ|جبکہ|تاہم|لیکن|مگر)\s|(?:他|她|它|这|该|此|其|但|同时|对此))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Weighed:
    """A sentence of a candidate with its signals, the score they add up to, and what its context lacks."""

    candidate: Candidate
    span: Span
    signals: Signals
    score: float
    lacking: tuple[str, ...]


def choose(question: Question, sentences: Sequence[Weighed], weigh: Weigh, *, top: int) -> list[Choice]:
    """The `top` best excerpts, best first, no text twice: where others hold the same, they stand in `also_in`."""
    chosen: list[Choice] = []
    for sentence in sentences:
        document = sentence.candidate.document
        span = _standing_alone(document, sentence)
        same = _same_text(chosen, document, span)
        if same is not None:
            if document.id not in {chosen[same].excerpt.document.id, *chosen[same].excerpt.also_in}:
                known = chosen[same].excerpt
                grown = replace(known, also_in=(*known.also_in, document.id))
                chosen[same] = replace(chosen[same], excerpt=grown)
            continue
        if len(chosen) == top:
            continue  # later ones may still tell where the same text stands
        if any(_overlap(choice.excerpt, document, span) for choice in chosen):
            continue
        excerpt = Excerpt(
            document=document,
            span=span,
            text=span.of(document.snapshot.text),
            highlights=highlights(question, document.snapshot.text, sentence.span),
            score=round(sentence.score, 4),
        )
        signals = _of_excerpt(question, sentence, excerpt, sentences, weigh)
        chosen.append(Choice(excerpt, signals, sentence.lacking))
    return chosen


def _of_excerpt(
    question: Question, best: Weighed, excerpt: Excerpt, sentences: Sequence[Weighed], weigh: Weigh
) -> Signals:
    """The best sentence's signals, with what the sentences before it in the excerpt, and the one before that, add."""
    document = excerpt.document
    inside = [one for one in sentences if one.candidate.document == document and excerpt.span.holds(one.span)]
    passage = best.candidate.passage
    before = [one for one in sentences if one.candidate.passage == passage and one.span.end <= excerpt.span.start]
    nearest = max(before, key=lambda one: one.span.end, default=best)
    return replace(
        best.signals,
        similarity=max(one.signals.similarity for one in (*inside, nearest)),
        coverage=coverage(question, contents(excerpt.text), weigh),
        telling_coverage=max(one.signals.telling_coverage for one in inside),
        window_coverage=max(one.signals.window_coverage for one in inside),
    )


def weighed(question: Question, candidates: Sequence[Candidate], weigh: Weigh) -> list[Weighed]:
    """Every sentence of the candidates with its signals, best first; ties by document and place."""
    sentences: defaultdict[str, list[Contents]] = defaultdict(list)  # of each document, as far as the candidates go
    for candidate in candidates:
        text = candidate.document.snapshot.text
        sentences[candidate.document.id] += [contents(span.of(text)) for span in candidate.passage.sentences]
    found = [
        sentence
        for candidate in candidates
        for sentence in _sentences(
            question, candidate, weigh, _telling(question, sentences[candidate.document.id], weigh)
        )
    ]
    return sorted(found, key=lambda one: (-one.score, one.candidate.document.id, one.span.start))


def _telling(question: Question, sentences: Sequence[Contents], weigh: Weigh) -> Weigh:
    """How much a need tells one of these sentences from the others: the less, the more of them hold it."""
    telling = {}
    for need in question.needs:
        holding = sum(holds(need, found) for found in sentences)
        telling[need] = weigh(need) / holding if holding else 0.0
    return telling.__getitem__


def _sentences(question: Question, candidate: Candidate, weigh: Weigh, telling: Weigh) -> list[Weighed]:
    document = candidate.document
    text = document.snapshot.text
    heading = contents(" ".join(part for part in (document.title, document.published) if part))
    context = Contents.joined([*(contents(span.of(text)) for span in candidate.passage.sentences), heading])
    missing = lacking(question, context)
    surfaces = tuple(dict.fromkeys(need.surface for need in missing))
    names_lacking = _share(missing, [need for need in question.needs if need.kind in {"name", "role"}])
    numbers_lacking = _share(missing, [need for need in question.needs if need.quantity is not None])
    context_coverage = coverage(question, context, weigh)
    found = []
    before = heading
    for span, similarity in zip(candidate.passage.sentences, candidate.similarities, strict=True):
        sentence = contents(span.of(text))
        signals = Signals(
            similarity=similarity,
            passage_similarity=candidate.similarity,
            background=candidate.background,
            score=candidate.score,
            coverage=coverage(question, sentence, weigh),
            telling_coverage=coverage(question, sentence, telling),
            window_coverage=coverage(question, Contents.joined([sentence, before]), telling),
            context_coverage=context_coverage,
            names_lacking=names_lacking,
            numbers_lacking=numbers_lacking,
            asked_kind=_AS_NUMBER[holds_asked_kind(question, span.of(text))],
            asked_word=_AS_NUMBER[holds_asked_word(question, span.of(text))],
            asked_unit=float(holds_asked_unit(question, span.of(text))),
            contradicted=_contradicted(question, document, span),
            other_script=float(sentence.script != question.script),
            length=min(len(span) / 100, 4.0),
        )
        found.append(Weighed(candidate, span, signals, weights("sentence").total(signals), surfaces))
        before = sentence
    return found


def _share(missing: Sequence[Need], asked: Sequence[Need]) -> float:
    return sum(need in missing for need in asked) / max(len(asked), 1)


def _contradicted(question: Question, document: Document, span: Span) -> float:
    """How far what was last said of a phase, up to the sentence's end, is of another than is asked for, in [0, 1]."""
    if not any(need.kind == "ordinal" for need in question.needs):
        return 0.0
    start = max(0, span.end - GOVERNING_CHARACTERS)
    text = document.snapshot.text
    said = [
        text[max(start, body.start) : min(body.end, span.end)]
        for body in document.body
        if body.start < span.end and start < body.end
    ]
    return contradicts(question, contents("\n".join(said)))


def _standing_alone(document: Document, sentence: Weighed) -> Span:
    """The sentence, with up to two before it while it leans on them and the limit allows."""
    text = document.snapshot.text
    span = sentence.span
    for _ in range(LONGEST_EXCERPT_SENTENCES - 1):
        if not _LEANING.match(text, span.start, span.end):
            break
        before = _sentence_before(document, sentence.candidate, span)
        if before is None or sentence.span.end - before.start > LONGEST_EXCERPT_CHARACTERS:
            break
        span = Span(before.start, span.end)
    return span


def _sentence_before(document: Document, candidate: Candidate, span: Span) -> Span | None:
    """The sentence that ends before `span` with nothing but white space between; None where there is none."""
    text = document.snapshot.text
    inside = [sentence for sentence in candidate.passage.sentences if sentence.end <= span.start]
    if inside:
        before = inside[-1]
    else:
        bodies = [body for body in document.body if body.start < span.start]
        if not bodies:
            return None
        paragraph = bodies[-1]
        end = min(paragraph.end, span.start)
        sentences = split(text[paragraph.start : end])
        if not sentences:
            return None
        before = sentences[-1].shifted(paragraph.start)
    return before if not text[before.end : span.start].strip() else None


def _same_text(chosen: Sequence[Choice], document: Document, span: Span) -> int | None:
    text = " ".join(span.of(document.snapshot.text).split()).casefold()
    for position, choice in enumerate(chosen):
        if " ".join(choice.excerpt.text.split()).casefold() == text:
            return position
    return None


def _overlap(excerpt: Excerpt, document: Document, span: Span) -> bool:
    return excerpt.document.id == document.id and excerpt.span.start < span.end and span.start < excerpt.span.end
