"""From the best passages, the one to three consecutive sentences that answer.

Each sentence is weighed by plain signals with fitted weights, which gives it a chance to be the one that answers. An
excerpt is the run of sentences that has the best chance for its length; one that could not stand alone ("He added that
it …") takes the sentence before it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from retrieval.alone import LONGEST_CHARACTERS, LONGEST_SENTENCES, standing_alone, trimmed
from retrieval.asked import highlights, holds_asked_kind, holds_asked_unit, holds_asked_word
from retrieval.datamodel import Candidate, Document, Excerpt, Span
from retrieval.evidence import Choice, Contents, Signals, Weigh, contents, contradicts, coverage, holds, lacking
from retrieval.fitted import Network, network
from retrieval.question import Need, Query, Question
from retrieval.timing import Timing

__all__ = ["Weighed", "choose", "preferring", "scored", "weighed"]

LENGTH_COST = 0.05  # of a hundred characters or a sentence, in chance: what a reader pays for reading on
OVERLONG_COST = 0.5  # of a sentence that is longer than an excerpt should be
# What a date is worth, in log chances: as a tie-break, where the newest is asked for, where that time is asked for.
NEWER_BONUS, NEWEST_BONUS, TIME_BONUS = 0.1, 1.5, 2.0
# "Under the theme …" where the theme is asked for, in log chances: the fitted data's questions seldom name it so.
ASKED_WORD_BONUS = 0.8
LEAD_CHARACTERS = 600  # of an article: its first paragraph or two
GOVERNING_CHARACTERS = 1500  # how far back a "Phase I" still tells what a sentence speaks of

_NAMING = frozenset({"name", "role"})
_AS_NUMBER = {True: 1.0, None: 0.0, False: -1.0}


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """A sentence of a candidate with its signals, the score they add up to, and what its context lacks."""

    candidate: Candidate
    span: Span
    signals: Signals
    score: float
    lacking: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Run:
    """Consecutive sentences that an excerpt may be, and what their length costs the reader."""

    sentences: tuple[Weighed, ...]
    cost: float

    @classmethod
    def of(cls, sentences: tuple[Weighed, ...]) -> _Run:
        length = sentences[-1].span.end - sentences[0].span.start
        cost = LENGTH_COST * max(length / 100, len(sentences)) + (OVERLONG_COST if length > LONGEST_CHARACTERS else 0.0)
        return cls(sentences, cost)

    def order(self, chances: dict[Weighed, float]) -> tuple[float, str, Span]:
        """Least for the run worth most: what its length costs less its chance; ties by place."""
        worth = round(self.cost - math.fsum(chances[one] for one in self.sentences), 9)
        return worth, self.sentences[0].candidate.passage.id, self.sentences[0].span


def choose(query: Query, sentences: Sequence[Weighed], weigh: Weigh, *, top: int) -> list[Choice]:
    """The `top` best excerpts, best first, no text twice: where others hold the same, they stand in `also_in`."""
    left = list(sentences)
    runs = list(_runs(left))
    texts = {one: _folded(one.span.of(one.candidate.document.snapshot.text)) for one in left}
    chosen: list[Choice] = []
    while left and len(chosen) < top:
        chances = _chances(left)
        runs = [run for run in runs if all(one in chances for one in run.sentences)]
        run = min(runs, key=lambda run: run.order(chances)).sentences
        best = max(run, key=lambda one: chances[one])
        document = best.candidate.document
        span = standing_alone(best.candidate, Span(run[0].span.start, run[-1].span.end))
        span = trimmed(query.named, document.snapshot.text, span)
        alike = [one for one in left if one is not best and texts[one] == texts[best]]
        excerpt = Excerpt(
            document=document,
            span=span,
            text=span.of(document.snapshot.text),
            highlights=highlights(
                query.asked,
                document.snapshot.text,
                Span(best.span.start, min(best.span.end, span.end)),
                is_best=not chosen,
            ),
            score=round(best.score, 4),
            also_in=tuple(sorted({one.candidate.document.id for one in alike} - {document.id})),
        )
        taken = [one for one in left if one.candidate.document.id == document.id and one.span.meets(span)]
        left = [one for one in left if one not in taken and one not in alike]
        if any(_repeats(choice.excerpt, excerpt) for choice in chosen):
            continue
        chance = math.fsum(chances[one] for one in {*taken, *alike})
        rest = max(map(chances.__getitem__, left), default=0.0)
        signals = _of_excerpt(query, best, excerpt, taken, sentences, weigh)
        missing = best.lacking or _spoken_otherwise(query, signals)
        chosen.append(Choice(excerpt, signals, chance, chance - rest, missing))
    return chosen


def _spoken_otherwise(query: Query, signals: Signals) -> tuple[str, ...]:
    """The phase that was asked for, where another one is spoken of."""
    ordinals = (need.surface for need in query.whole.needs if need.kind == "ordinal")
    return tuple(dict.fromkeys(ordinals)) if signals.contradicted == 1 else ()


def _chances(sentences: Sequence[Weighed]) -> dict[Weighed, float]:
    """For each sentence the probability that it answers, if one of them does: they add up to 1."""
    highest = max(one.score for one in sentences)
    shares = [math.exp(one.score - highest) for one in sentences]
    return {one: share / math.fsum(shares) for one, share in zip(sentences, shares, strict=True)}


def _runs(sentences: Sequence[Weighed]) -> Iterator[_Run]:
    """All runs of consecutive sentences of a passage that an excerpt may be, every single sentence among them."""
    by_passage: defaultdict[str, list[Weighed]] = defaultdict(list)
    for one in sentences:
        by_passage[one.candidate.passage.id].append(one)
    for same in by_passage.values():
        same.sort(key=lambda one: one.span)
        places = {span: place for place, span in enumerate(same[0].candidate.passage.sentences)}
        for first in range(len(same)):
            for last in range(first, min(first + LONGEST_SENTENCES, len(same))):
                run = same[first : last + 1]
                if places[run[-1].span] - places[run[0].span] > last - first:
                    break  # one between them is missing
                if last > first and run[-1].span.end - run[0].span.start > LONGEST_CHARACTERS:
                    break
                if last > first and any(one.signals.contradicted == 1 for one in run):
                    break  # what speaks of another phase is not quoted beside what speaks of this one
                yield _Run.of(tuple(run))


def _of_excerpt(
    query: Query,
    best: Weighed,
    excerpt: Excerpt,
    inside: Sequence[Weighed],
    sentences: Sequence[Weighed],
    weigh: Weigh,
) -> Signals:
    """The best sentence's signals, with what the other sentences of the excerpt, and the one before it, add."""
    passage = best.candidate.passage
    before = [one for one in sentences if one.candidate.passage == passage and one.span.end <= excerpt.span.start]
    near = [*inside, *(sorted(before, key=lambda one: one.span)[-1:])]
    return replace(
        best.signals,
        similarity=max(one.signals.similarity for one in near),
        standing=max(one.signals.standing for one in near),
        coverage=coverage(query.named, contents(excerpt.text), weigh),
        telling_coverage=max(one.signals.telling_coverage for one in inside),
        window_coverage=max(one.signals.window_coverage for one in inside),
    )


def weighed(query: Query, candidates: Sequence[Candidate], weigh: Weigh) -> list[Weighed]:
    """Every sentence of the candidates with its signals, best first by their weights; ties by document and place."""
    by_document: defaultdict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        by_document[candidate.document.id].append(candidate)
    found = []
    for same in by_document.values():
        text = same[0].document.snapshot.text
        held = [contents(span.of(text)) for candidate in same for span in candidate.passage.sentences]
        telling = _telling(query.named, held, weigh)
        best = max(
            candidate.background.standing(similarity) for candidate in same for similarity in candidate.similarities
        )
        around = _Around(telling, best, min(len(same), 4) - 1.0)
        for candidate in same:
            for span, signals, surfaces in _sentences(query, candidate, weigh, around):
                found.append((candidate, span, signals, surfaces))
    scores = scored([signals for _, _, signals, _ in found], network())
    weighed = [
        Weighed(candidate, span, signals, score, surfaces)
        for (candidate, span, signals, surfaces), score in zip(found, scores, strict=True)
    ]
    return sorted(weighed, key=lambda one: (-one.score, one.candidate.document.id, one.span.start))


def scored(sentences: Sequence[Signals], fitted: Network) -> list[float]:
    """The score of each sentence: the network's, and what the word that is asked for adds."""
    scores = fitted.scores(sentences)
    return [score + ASKED_WORD_BONUS * one.asked_word for score, one in zip(scores, sentences, strict=True)]


def preferring(sentences: Sequence[Weighed], asked: Timing) -> list[Weighed]:
    """The sentences, best first, with what their dates add: of equal ones the newer, of a named time those of it."""
    published = {one.candidate.document.published for one in sentences}
    dates = sorted({date[:10] for date in published if date is not None})
    recency = {date: place / max(len(dates) - 1, 1) for place, date in enumerate(dates)}

    def added(one: Weighed) -> float:
        date = one.candidate.document.published
        newer = recency[date[:10]] if date is not None else 0.0
        return (NEWEST_BONUS if asked.newest else NEWER_BONUS) * newer + TIME_BONUS * asked.holds(date)

    timed = [replace(one, score=one.score + added(one)) for one in sentences]
    return sorted(timed, key=lambda one: (-one.score, one.candidate.document.id, one.span.start))


def _telling(question: Question, sentences: Sequence[Contents], weigh: Weigh) -> Weigh:
    """How much a need tells one of these sentences from the others: the less, the more of them hold it."""
    telling = {}
    for need in question.needs:
        holding = sum(holds(need, found) for found in sentences)
        telling[need] = weigh(need) / holding if holding else 0.0
    return telling.__getitem__


@dataclass(frozen=True, slots=True)
class _Around:
    """What the other passages of a candidate's document say of its sentences."""

    telling: Weigh
    standing: float
    passages: float


def _sentences(
    query: Query, candidate: Candidate, weigh: Weigh, around: _Around
) -> Iterator[tuple[Span, Signals, tuple[str, ...]]]:
    """Each sentence of a passage, what is known of it by itself and its passage, and what its context lacks."""
    asked, named, whole = query.asked, query.named, query.whole
    document = candidate.document
    text = document.snapshot.text
    heading = contents(" ".join(part for part in (document.title, document.published) if part))
    context = Contents.joined([*(contents(span.of(text)) for span in candidate.passage.sentences), heading])
    lead = contents(_lead(document))
    missing = [need for need in lacking(whole, context) if need.kind not in _NAMING or not holds(need, lead)]
    surfaces = tuple(dict.fromkeys(need.surface for need in missing))
    names_lacking = _share(missing, [need for need in whole.needs if need.kind in _NAMING])
    numbers_lacking = _share(missing, [need for need in whole.needs if need.quantity is not None])
    context_coverage = coverage(whole, context, weigh)
    heading_coverage = coverage(whole, heading, weigh)
    standings = [candidate.background.standing(similarity) for similarity in candidate.similarities]
    before = heading
    for place, span in enumerate(candidate.passage.sentences):
        sentence = contents(span.of(text))
        signals = Signals(
            similarity=candidate.similarities[place],
            passage_similarity=candidate.similarity,
            standing=standings[place],
            passage_standing=candidate.background.standing(candidate.similarity),
            share=candidate.share,
            coverage=coverage(named, sentence, weigh),
            telling_coverage=coverage(named, sentence, around.telling),
            window_coverage=coverage(named, Contents.joined([sentence, before]), around.telling),
            context_coverage=context_coverage,
            names_lacking=names_lacking,
            numbers_lacking=numbers_lacking,
            asked_kind=_AS_NUMBER[holds_asked_kind(asked, span.of(text))],
            asked_word=_AS_NUMBER[holds_asked_word(asked, span.of(text))],
            asked_unit=float(holds_asked_unit(asked, span.of(text))),
            contradicted=_contradicted(whole, document, span),
            other_script=float(sentence.script != asked.script),
            length=min(len(span) / 100, 5.0),
            brevity=math.exp(-len(span) / 40),
            lead=math.exp((document.body[0].start - span.start) / 400),
            heading_coverage=heading_coverage,
            previous=standings[place - 1] if place else 0.0,
            following=standings[place + 1] if place + 1 < len(standings) else 0.0,
            below_passage=standings[place] - max(standings),
            document_standing=around.standing,
            document_passages=around.passages,
        )
        yield span, signals, surfaces
        before = sentence


def _lead(document: Document) -> str:
    """The beginning of an article, which says for all of it where it happened and who it is about."""
    text, start = document.snapshot.text, document.body[0].start
    end = start + LEAD_CHARACTERS
    return "\n".join(text[body.start : min(body.end, end)] for body in document.body if body.start < end)


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


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _repeats(excerpt: Excerpt, other: Excerpt) -> bool:
    overlap = excerpt.document.id == other.document.id and excerpt.span.meets(other.span)
    return overlap or _folded(excerpt.text) == _folded(other.text)
