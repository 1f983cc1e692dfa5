"""From the best passages, the one to three consecutive sentences that answer.

Each sentence is weighed by plain signals with fitted weights, which gives it a chance to be the one that answers. An
excerpt is the run of sentences that has the best chance for its length; one that could not stand alone ("He added that
it …") takes the sentence before it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from retrieval.alone import LONGEST_CHARACTERS, LONGEST_SENTENCES, standing_alone, trimmed
from retrieval.asked import Asked
from retrieval.candidate import Candidate
from retrieval.contents import Contents, contents
from retrieval.datamodel import Excerpt, Span
from retrieval.evidence import Choice, Held, Signals, Sought, Weigh, contradicts
from retrieval.fitted import Network, Reread, network, rereading
from retrieval.question import Need, Query, Question
from retrieval.reading import UNREAD, Reading
from retrieval.timing import Timing

__all__ = ["Weighed", "choose", "plain_more", "reread", "scored", "weighed"]

LENGTH_COST = 0.05  # of a hundred characters or a sentence, in chance: what a reader pays for reading on
OVERLONG_COST = 0.5  # of a sentence that is longer than an excerpt should be
# What a date is worth, in log chances: as a tie-break, where the newest is asked for, where that time is asked for.
NEWER_BONUS, NEWEST_BONUS, TIME_BONUS = 0.1, 1.5, 2.0
# "Under the theme …" where the theme is asked for, in log chances: the fitted data's questions seldom name it so.
ASKED_WORD_BONUS = 0.8
FOLLOW_UP_PLAIN = 0.4  # of the plain score, added where a reader sees but a follow-up's own words
SURE_WORDS = 0.0  # the log odds from which the words a reader points at are shown
GOVERNING_CHARACTERS = 1500  # how far back a "Phase I" still tells what a sentence speaks of

_NAMING = frozenset({"name", "role"})
_AS_NUMBER = {True: 1.0, None: 0.0, False: -1.0}


class Weighed(NamedTuple):
    """A sentence of a candidate with its signals, the score they add up to, and what its context lacks.

    `reading` is what a reader says of it, None where there is no reader; `plain` the score without its word.
    """

    candidate: Candidate
    place: int  # among the candidate's sentences
    signals: Signals
    score: float
    lacking: tuple[str, ...]
    plain: float
    reading: Reading | None = None

    @property
    def span(self) -> Span:
        """Where it stands."""
        return self.candidate.passage.sentences[self.place]

    @property
    def contents(self) -> Contents:
        """What it holds."""
        return self.candidate.findings.sentences[self.place]


@dataclass(frozen=True, slots=True, eq=False)
class _Runs:
    """The runs of consecutive sentences that an excerpt may be: the places of their firsts, and behind their lasts.

    `costs` are what their lengths cost the reader.
    """

    firsts: NDArray[np.int64]
    ends: NDArray[np.int64]
    costs: NDArray[np.float64]

    @classmethod
    def of(cls, ordered: Sequence[Weighed]) -> _Runs:
        """All runs of these sentences, which are in the order of passages and places."""
        runs = np.array(list(_runs(ordered)), dtype=np.float64).reshape(-1, 3)
        return cls(runs[:, 0].astype(np.int64), runs[:, 1].astype(np.int64), runs[:, 2])

    def best(self, chances: NDArray[np.float64], left: NDArray[np.bool_]) -> tuple[int, int]:
        """The run of sentences `left` that is worth most: its chance less its cost; ties go to the first by place."""
        sums = np.concatenate([[0.0], np.cumsum(chances)])
        gone = np.concatenate([[0], np.cumsum(~left)])
        loss = np.round(self.costs - (sums[self.ends] - sums[self.firsts]), 9)
        run = int(np.argmin(np.where(gone[self.ends] == gone[self.firsts], loss, np.inf)))
        return int(self.firsts[run]), int(self.ends[run])


def choose(query: Query, sentences: Sequence[Weighed], weigh: Weigh) -> Iterator[Choice]:
    """The excerpts, best first, no text twice: where others hold the same, they stand in `also_in`."""
    asked, named = Asked(query.asked), Sought(query.named, weigh)
    ids = {id(one.candidate): one.candidate.passage.id for one in sentences}  # a passage makes its id when it is asked
    ordered = sorted(sentences, key=lambda one: (ids[id(one.candidate)], one.place))
    texts = [one.candidate.findings.keys[one.place] for one in ordered]
    scores = np.array([one.score for one in ordered])
    left = np.ones(len(ordered), dtype=bool)
    runs = _Runs.of(ordered)
    chosen: list[Excerpt] = []
    while left.any():
        chances = _chances(scores, left)
        first, end = runs.best(chances, left)
        place = max(range(first, end), key=lambda one: chances[one])
        best = ordered[place]
        document = best.candidate.document
        span = standing_alone(best.candidate, Span(ordered[first].span.start, ordered[end - 1].span.end))
        span = trimmed(query.named, document.snapshot.text, span, _answer(best))
        alike = [one for one in np.flatnonzero(left).tolist() if texts[one] == texts[place]]
        same = {ordered[one].candidate.document.id for one in alike}
        excerpt = Excerpt(
            document=document,
            span=span,
            text=span.of(document.snapshot.text),
            highlights=_highlights(asked, best, span, is_best=not chosen),
            score=round(best.score, 4),
            also_in=tuple(sorted(same - {document.id})),
        )
        taken = [
            one
            for one in np.flatnonzero(left).tolist()
            if ordered[one].candidate.document.id == document.id and ordered[one].span.meets(span)
        ]
        both = sorted({*taken, *alike})
        left[both] = False
        if any(_repeats(before, excerpt) for before in chosen):
            continue
        chosen.append(excerpt)
        inside = [ordered[one] for one in taken]
        found = _contents(excerpt, inside)
        signals = _of_excerpt(best, excerpt, inside, ordered, named.coverage(named.look(found)))
        missing = best.lacking or _spoken_otherwise(query, signals)
        if _is_of_another_year(query, best, found):
            signals = signals._replace(contradicted=1.0)
        chance = float(chances[both].sum())
        lead = chance - float(chances[left].max(initial=0.0))
        yield Choice(excerpt, found, signals, chance, lead, missing, _said(query, best.reading, signals, found))


def _said(query: Query, reading: Reading | None, signals: Signals, found: Contents) -> Reading | None:
    """What of the reader's word counts for whether the excerpt answers.

    Of a follow-up it sees only its own words: where it answers, but not whether of the right thing. It takes what says
    the same in other words, or gives reasons, for no answer: its no counts as far as the words of the question are
    there, which is where a near miss would deceive the plain signals; not where a role is there by another word.
    """
    if reading is None or query.whole is not query.asked:
        return None
    roles = (need for need in query.named.needs if need.kind == "role" and not signals.other_script)
    is_otherwise = any(need.concept in found.concepts and not found.terms.issuperset(need.terms) for need in roles)
    return reading.doubted(0.0 if query.asked.asks_reasons or is_otherwise else signals.coverage**2)


def _highlights(asked: Asked, best: Weighed, span: Span, *, is_best: bool) -> tuple[Span, ...]:
    """The answering words of the best sentence, as far as `span` shows it: those a reader points at, if it is sure.

    Where the plain ones hold these, they stay: "more than 30 %" is not to be shown as "30 %".
    """
    text = best.candidate.document.snapshot.text
    shown = Span(best.span.start, min(best.span.end, span.end))
    found = best.contents if shown == best.span else contents(shown.of(text))
    plain = asked.highlights(text, shown, found, is_best=is_best)
    answer = _answer(best)
    if answer is None or not span.holds(answer) or not asked.may_be(answer.of(text)):
        return plain
    return next(((one,) for one in plain if one.holds(answer)), (answer,))


def _answer(one: Weighed) -> Span | None:
    """The words that a reader points at, if it is sure of them."""
    return one.reading.span if one.reading is not None and one.reading.words > SURE_WORDS else None


def _contents(excerpt: Excerpt, inside: Sequence[Weighed]) -> Contents:
    """What the excerpt holds: what its sentences do, where it consists of such as were looked through."""
    start, end = excerpt.span.start, excerpt.span.end
    whole = sorted(inside, key=lambda one: one.span)
    is_run = all(
        one.candidate is whole[0].candidate and one.place == whole[0].place + after for after, one in enumerate(whole)
    )
    if not is_run or (whole[0].span.start, whole[-1].span.end) != (start, end):
        return contents(excerpt.text)
    return Contents.joined([one.contents.shifted(one.span.start - start) for one in whole])


def _spoken_otherwise(query: Query, signals: Signals) -> tuple[str, ...]:
    """The phase that was asked for, where another one is spoken of."""
    ordinals = (need.surface for need in query.whole.needs if need.kind == "ordinal")
    return tuple(dict.fromkeys(ordinals)) if signals.contradicted == 1 else ()


def _is_of_another_year(query: Query, best: Weighed, found: Contents) -> bool:
    """Whether no year that was asked for stands anywhere near, in the date neither, and the excerpt names another."""
    asked = {
        need.surface: need.quantity.value
        for need in query.whole.needs
        if need.quantity is not None and need.quantity.kind == "year"
    }
    is_nowhere = bool(asked) and all(surface in best.lacking for surface in asked)
    return is_nowhere and any(one.kind == "year" and one.value not in asked.values() for one in found.quantities)


def _chances(scores: NDArray[np.float64], left: NDArray[np.bool_]) -> NDArray[np.float64]:
    """For each sentence that is `left` the probability that it answers, if one of them does; 0 for the others."""
    shares = np.where(left, np.exp(scores - scores[left].max()), 0.0)
    found: NDArray[np.float64] = shares / shares.sum()
    return found


def _runs(ordered: Sequence[Weighed]) -> Iterator[tuple[int, int, float]]:
    """The runs of consecutive sentences of a passage that an excerpt may be, and what their length costs the reader.

    Each as the places of its first sentence and behind its last one; single sentences are among them.
    """
    spans = [one.span for one in ordered]
    for first, one in enumerate(ordered):
        for last in range(first, min(first + LONGEST_SENTENCES, len(ordered))):
            other = ordered[last]
            if other.candidate is not one.candidate or other.place - one.place > last - first:
                break  # another passage, or one between them is missing
            text = one.candidate.document.snapshot.text
            if last > first and text[spans[last - 1].end : spans[last].start].strip():
                break  # what stands between them is not to be quoted
            length = spans[last].end - spans[first].start
            if last > first and length > LONGEST_CHARACTERS:
                break
            if last > first and (one.signals.contradicted == 1 or other.signals.contradicted == 1):
                break  # what speaks of another phase is not quoted beside what speaks of this one
            cost = LENGTH_COST * max(length / 100, last - first + 1)
            yield first, last + 1, cost + (OVERLONG_COST if length > LONGEST_CHARACTERS else 0.0)


def _of_excerpt(
    best: Weighed, excerpt: Excerpt, inside: Sequence[Weighed], sentences: Sequence[Weighed], coverage: float
) -> Signals:
    """The best sentence's signals, with what the other sentences of the excerpt, and the one before it, add."""
    before = [one for one in sentences if one.candidate is best.candidate and one.span.end <= excerpt.span.start]
    near = [*inside, *(sorted(before, key=lambda one: one.span)[-1:])]
    return best.signals._replace(
        similarity=max(one.signals.similarity for one in near),
        standing=max(one.signals.standing for one in near),
        coverage=coverage,
        telling_coverage=max(one.signals.telling_coverage for one in inside),
        window_coverage=max(one.signals.window_coverage for one in inside),
    )


def weighed(query: Query, candidates: Sequence[Candidate], weigh: Weigh, asked: Timing | None = None) -> list[Weighed]:
    """Every sentence of the candidates with its signals, best first; ties by document and place.

    Its score is by its signals' weights, with what its date adds, where `asked` tells of what time is asked: of equal
    ones the newer, of a named time those of it.
    """
    by_document: defaultdict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        by_document[candidate.document.id].append(candidate)
    looking = _Looking(query, weigh)
    found = [one for same in by_document.values() for one in looking.document(same)]
    added = _by_date(candidates, asked) if asked is not None else {}
    weighed = [
        Weighed(candidate, place, signals, plain, surfaces, plain)
        for (candidate, place, signals, surfaces), score in zip(
            found, scored([signals for _, _, signals, _ in found], network()), strict=True
        )
        for plain in [score + added.get(candidate.document.published, 0.0)]
    ]
    return sorted(weighed, key=lambda one: (-one.score, one.candidate.document.id, one.span.start))


def reread(
    sentences: Sequence[Weighed],
    readings: Iterable[tuple[tuple[Candidate, int], Reading]],
    fitted: Reread | None = None,
    *,
    more: float = 0.0,
) -> list[Weighed]:
    """The sentences, each with what the reader says of it and the score that this makes, best first; ties as before.

    Of the plain score `more` is added to what both make of it.
    """
    found = {(candidate.passage.id, place): reading for (candidate, place), reading in readings}
    anywhere = max((reading.answers for reading in found.values()), default=0.0)
    highest = max((reading.logit for reading in found.values()), default=0.0)
    known = {key: reading._replace(beside=reading.logit - highest, anywhere=anywhere) for key, reading in found.items()}
    unread = UNREAD._replace(anywhere=anywhere)
    fitted = fitted or rereading()
    again = []
    for one in sentences:
        reading = known.get((one.candidate.passage.id, one.place), unread)
        again.append(one._replace(reading=reading, score=fitted.score(one.plain, reading) + more * one.plain))
    return sorted(again, key=lambda one: -one.score)


def plain_more(query: Query) -> float:
    """How much more the plain score counts: of a follow-up it knows what that leans on, a reader sees the own words."""
    return 0.0 if query.whole is query.asked else FOLLOW_UP_PLAIN


def scored(sentences: Sequence[Signals], fitted: Network) -> list[float]:
    """The score of each sentence: the network's, and what the word that is asked for adds."""
    scores = fitted.scores(sentences)
    return [score + ASKED_WORD_BONUS * one.asked_word for score, one in zip(scores, sentences, strict=True)]


def _by_date(candidates: Sequence[Candidate], asked: Timing) -> dict[str | None, float]:
    """What each date of publication adds to a score."""
    published = {one.document.published for one in candidates}
    dates = sorted({date[:10] for date in published if date is not None})
    recency = {date: place / max(len(dates) - 1, 1) for place, date in enumerate(dates)}
    newer = NEWEST_BONUS if asked.newest else NEWER_BONUS
    return {
        date: newer * (recency[date[:10]] if date is not None else 0.0) + TIME_BONUS * asked.holds(date)
        for date in published
    }


# A sentence of a candidate by its place, what is known of it, and what its context lacks.
_Seen: TypeAlias = tuple[Candidate, int, Signals, tuple[str, ...]]


class _Looking:
    """A query, ready to be looked for in the sentences of many candidates."""

    def __init__(self, query: Query, weigh: Weigh) -> None:
        self._query = query
        self._asked = Asked(query.asked)
        self._named = Sought(query.named, weigh)
        self._whole = self._named if query.whole is query.named else Sought(query.whole, weigh)
        self._has_ordinal = any(need.kind == "ordinal" for need in query.whole.needs)
        self._names = [need for need in query.whole.needs if need.kind in _NAMING]
        self._numbers = [need for need in query.whole.needs if need.quantity is not None]

    def document(self, same: Sequence[Candidate]) -> Iterator[_Seen]:
        """Each sentence of a document's candidates."""
        held = [[self._named.look(found) for found in candidate.findings.sentences] for candidate in same]
        telling = self._named.telling([self._named.needs_held(one) for sentences in held for one in sentences])
        standing = max(
            candidate.background.standing(similarity) for candidate in same for similarity in candidate.similarities
        )
        for candidate, sentences in zip(same, held, strict=True):
            yield from self._sentences(candidate, sentences, telling, standing, min(len(same), 4) - 1.0)

    def _sentences(
        self, candidate: Candidate, held: Sequence[Held], telling: Sequence[float], highest: float, passages: float
    ) -> Iterator[_Seen]:
        """Each sentence of a passage, what is known of it by itself and its passage, and what its context lacks."""
        named, whole, asked = self._named, self._whole, self._asked
        document, findings = candidate.document, candidate.findings
        text = document.snapshot.text
        heading = whole.look(candidate.about.heading)
        context = reduce(or_, [*(held if whole is named else map(whole.look, findings.sentences)), heading])
        lacking = whole.lacking(context)
        missing = lacking
        if any(need.kind in _NAMING for need in lacking):
            lead = whole.look(candidate.about.lead)
            missing = [need for need in lacking if need.kind not in _NAMING or not whole.holds(need, lead)]
        surfaces = tuple(dict.fromkeys(need.surface for need in missing))
        names_lacking, numbers_lacking = _share(missing, self._names), _share(missing, self._numbers)
        context_coverage, heading_coverage = whole.coverage(context), whole.coverage(heading)
        standings = [candidate.background.standing(similarity) for similarity in candidate.similarities]
        passage_standing = candidate.background.standing(candidate.similarity)
        before = named.look(candidate.about.heading)
        for place, (span, found, here) in enumerate(
            zip(candidate.passage.sentences, findings.sentences, held, strict=True)
        ):
            sentence = span.of(text)
            signals = Signals(
                similarity=candidate.similarities[place],
                passage_similarity=candidate.similarity,
                standing=standings[place],
                passage_standing=passage_standing,
                share=candidate.share,
                coverage=named.coverage(here),
                telling_coverage=named.share(named.needs_held(here), here.script, telling),
                window_coverage=named.share(named.needs_held(here | before), here.script, telling),
                context_coverage=context_coverage,
                names_lacking=names_lacking,
                numbers_lacking=numbers_lacking,
                asked_kind=_AS_NUMBER[asked.holds_kind(sentence, found)],
                asked_word=_AS_NUMBER[asked.holds_word(found)],
                asked_unit=float(asked.holds_unit(sentence, found)),
                contradicted=_contradicted(self._query.whole, candidate, span) if self._has_ordinal else 0.0,
                other_script=float(found.script != self._query.asked.script),
                length=min(len(span) / 100, 5.0),
                brevity=math.exp(-len(span) / 40),
                lead=math.exp((document.body[0].start - span.start) / 400),
                heading_coverage=heading_coverage,
                previous=standings[place - 1] if place else 0.0,
                following=standings[place + 1] if place + 1 < len(standings) else 0.0,
                below_passage=standings[place] - max(standings),
                document_standing=highest,
                document_passages=passages,
            )
            yield candidate, place, signals, surfaces
            before = here


def _share(missing: Sequence[Need], asked: Sequence[Need]) -> float:
    return sum(need in missing for need in asked) / max(len(asked), 1)


def _contradicted(question: Question, candidate: Candidate, span: Span) -> float:
    """How far what was last said of a phase, up to the sentence's end, is of another than is asked for, in [0, 1]."""
    start = max(0, span.end - GOVERNING_CHARACTERS)
    said = [one for one in candidate.about.ordinals if start <= one.span.start and one.span.end <= span.end]
    return contradicts(question, said)


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _repeats(excerpt: Excerpt, other: Excerpt) -> bool:
    overlap = excerpt.document.id == other.document.id and excerpt.span.meets(other.span)
    return overlap or _folded(excerpt.text) == _folded(other.text)
