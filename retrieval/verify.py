"""Is this quote real: exact, altered, spliced or absent; and where it stands.

A quote and the bodies of documents are compared token by token, as `aligning.py` tells. The rules:

exact    every token stands so, in a row, in the body of a document. Half a word or half a figure is no token: "2
         million" does not stand in "12 million". An ellipsis that leaves out words within one paragraph is an honest
         cut (`shortened`; the differences then tell what it leaves out), if at least `FEWEST_CUT` words stand on
         either side. Ellipses at the ends say nothing.
altered  the nearest place, by edit distance over tokens, lies near enough.
spliced  two or more pieces of at least `aligning.FEWEST_PIECE` words, each exact, and nothing else but a linking word
         or two; unless one place explains it with differences of a few words.
absent   none of these. What cannot be quoted (menus, an outlet's boilerplate) is absent too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil
from typing import Literal, TypeAlias

from retrieval import analyze
from retrieval.aligning import (
    HAN,
    Aligned,
    Run,
    Token,
    align,
    letters_of,
    pieces_of,
    range_of,
    size_of,
    tokens_of,
    tokens_of_body,
)
from retrieval.datamodel import Document, Excerpt, Span
from retrieval.errors import BadQuestion
from retrieval.findings import said
from retrieval.lexical import LexicalIndex
from retrieval.library import Library
from retrieval.sentences import split

__all__ = ["LONGEST_QUOTE", "Difference", "Kind", "Place", "Verdict", "verify"]

Kind: TypeAlias = Literal["exact", "altered", "spliced", "absent"]

LONGEST_QUOTE = 2_000  # characters
FEWEST_WORDS = 2  # of a quote; of Chinese, two characters count as a word
FEWEST_CUT = 3  # words on either side of an ellipsis: "CPEC … failed" may be cut from anything
MOST_CHANGED = 3  # words in a row of the quote, for a change that is no splice
MOST_DROPPED = 6  # words in a row of the source, likewise
SLIGHT = 0.3  # edit distance of a quote that is altered rather than spliced, as a share of the quote
FARTHEST = 0.4  # and of one that is altered at all
MOST_PLACES = 20
MOST_HITS = 4_000  # passages that the terms by which documents are found may have together
LEAST_HELD = 0.6  # of these terms, by a document that is looked into
MOST_INCOMPLETE = 50  # documents looked into that hold not all of them
DEPTH = 15  # passages near the whole quote
DEPTH_OF_PART = 3  # and near a part of it
LONGEST_WHOLE = 10_000  # characters of a document that is compared as a whole
WINDOW = 12  # tokens of the quote that are searched for by themselves
MOST_WINDOWS = 24

_PAIRS = ("“”", '""', "''", "‘’", "«»", "「」", "『』", "„“", "”“", "””", "《》", "＂＂")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a quote, or a piece of it, stands: `quote` is the part of the quote that is meant."""

    excerpt: Excerpt
    quote: Span


@dataclass(frozen=True, slots=True)
class Difference:
    """A run of the quote, and the run of the source in its stead, half-open, one of the two perhaps empty.

    `source` counts code points of the snapshot of the place of that number.
    """

    quote: tuple[int, int]
    source: tuple[int, int]
    place: int

    @property
    def kind(self) -> Literal["replaced", "inserted", "deleted"]:
        """What was done to the source's words."""
        if self.source[0] == self.source[1]:
            return "inserted"
        return "deleted" if self.quote[0] == self.quote[1] else "replaced"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a quote. `typography`: what is the same is not set the same, letter for letter.

    Of an exact quote that is `shortened` the differences are what its ellipses leave out, of a spliced one what links
    the pieces and what is left out between two of one document.
    """

    quote: str
    kind: Kind
    places: tuple[Place, ...] = ()
    differences: tuple[Difference, ...] = ()
    typography: bool = False
    shortened: bool = False


def verify(
    quote: str,
    library: Library,
    lexical: LexicalIndex,
    boilerplate_of: Callable[[Document], Callable[[str], bool]],
) -> Verdict:
    """Whether `quote` is real, and where it stands. Quotation marks around it are not of it.

    Its words alone find it: no verdict, not even of absence, waits for a model to be loaded.
    `BadQuestion` where the quote is a single word, or too long.
    """
    quote = _bare(quote)
    tokens = tokens_of(quote)
    while tokens and tokens[-1].is_cut:
        tokens.pop()
    while tokens and tokens[0].is_cut:
        del tokens[0]
    _check(quote, tokens)
    return _Search(quote, tokens, library, lexical, boilerplate_of).verdict()


def _bare(quote: str) -> str:
    quote = quote.strip()
    while len(quote) > 1 and quote[0] + quote[-1] in _PAIRS:
        quote = quote[1:-1].strip()
    return quote


def _check(quote: str, tokens: Sequence[Token]) -> None:
    if len(quote) > LONGEST_QUOTE:
        raise BadQuestion(
            f"expected a quote of at most {LONGEST_QUOTE:,} characters, found {len(quote):,}: verify it in parts"
        )
    if any("\ud800" <= character <= "\udfff" for character in quote):
        raise BadQuestion("expected a quote in UTF-8, found other bytes: set the terminal to UTF-8")
    if size_of(tokens) < FEWEST_WORDS:
        raise BadQuestion("expected a quote of two words or more, found less: give the sentence as it was quoted")


class _Search:
    """One quote against one library."""

    def __init__(
        self,
        quote: str,
        tokens: Sequence[Token],
        library: Library,
        lexical: LexicalIndex,
        boilerplate_of: Callable[[Document], Callable[[str], bool]],
    ) -> None:
        self.quote = quote
        self.tokens = tokens
        self.whole = Span(tokens[0].start, tokens[-1].end)
        self.library = library
        self.lexical = lexical
        self.boilerplate_of = boilerplate_of
        self.left: dict[str, Document | None] = {}  # of each document what is quotable

    def verdict(self) -> Verdict:
        if places := self._exact():
            typography = places[0].excerpt.text != self.whole.of(self.quote)
            return Verdict(self.quote, "exact", places, typography=typography)
        return self._near(self._likely()) or Verdict(self.quote, "absent")

    # Exact

    def _exact(self) -> tuple[Place, ...]:
        """One place in each document that holds the quote: those that set it alike first, then the oldest."""
        letters = letters_of(self.whole.of(self.quote))
        found = []
        for document in self._holding():
            if span := self._stands(document, letters):
                found.append(self._place(document, span))
                if len(found) == MOST_PLACES:
                    break
        return tuple(sorted(found, key=lambda place: (place.excerpt.text != self.whole.of(self.quote), _age(place))))

    def _holding(self) -> Iterator[Document]:
        """The documents that hold the quote's rarest terms, then those that hold most of them: a term may be read
        otherwise where the setting differs. One that holds the quote holds them, in whatever passages."""
        words = [self.quote[one.start : one.end] for one in self.tokens if len(one.key) > 1 and one.key.isalnum()]
        words += re.findall(rf"[{HAN}]{{2,}}", self.quote)
        terms = {term for word in words for term in analyze.terms(word)} or set(analyze.terms(self.quote))
        frequencies = {term: self.lexical.document_frequency(term) for term in terms}
        counts: Counter[str] = Counter()
        chosen = hits = 0
        for term in sorted((term for term in terms if frequencies[term]), key=lambda term: (frequencies[term], term)):
            if chosen and hits + frequencies[term] > MOST_HITS:
                break
            chosen += 1
            hits += frequencies[term]
            counts.update(
                {_document_id(hit.passage_id) for hit in self.lexical.search_terms([term], max(1, len(self.lexical)))}
            )
        ranked = sorted(counts, key=lambda document_id: (-counts[document_id], document_id))
        partly = [one for one in ranked if LEAST_HELD * chosen <= counts[one] < chosen]
        for document_id in [one for one in ranked if counts[one] == chosen] + partly[:MOST_INCOMPLETE]:
            yield from self.library.documents_by_id([document_id]).values()

    def _stands(self, document: Document, letters: str) -> Span | None:
        """Where the quote first stands in the document, token for token."""
        start, end = document.body[0].start, document.body[-1].end
        is_there = letters in letters_of(document.snapshot.text[start:end])
        quotable = self._quotable(document) if is_there else None
        source = tokens_of_body(quotable, start, end) if quotable else []
        text = "".join(f"\0{token.key}" for token in source) + "\0"
        at = text.find("".join(f"\0{token.key}" for token in self.tokens) + "\0")
        first = text.count("\0", 0, at)
        return None if at < 0 else Span(source[first].start, source[first + len(self.tokens) - 1].end)

    def _quotable(self, document: Document) -> Document | None:
        """The document without the sentences that are its outlet's boilerplate; None where nothing else is in it."""
        if document.id not in self.left:
            is_boilerplate = self.boilerplate_of(document)
            text = document.snapshot.text
            sentences = [part.shifted(one.start) for one in document.body for part in split(one.of(text))]
            left = tuple(one for one in sentences if not is_boilerplate(said(one.of(text))))
            body = document.body if len(left) == len(sentences) else left
            self.left[document.id] = replace(document, body=body) if left else None
        return self.left[document.id]

    # Near

    def _likely(self) -> list[str]:
        """The ids of the passages that share most with the quote, and with each part of it."""
        length = max(WINDOW, ceil(2 * len(self.tokens) / MOST_WINDOWS))
        ids = {hit.passage_id: None for hit in self.lexical.search_terms(analyze.terms(self.quote), DEPTH)}
        for first in range(0, max(1, len(self.tokens) - length // 2), length // 2):
            part = self.tokens[first : first + length]
            terms = analyze.terms(self.quote[part[0].start : part[-1].end])
            ids |= {hit.passage_id: None for hit in self.lexical.search_terms(terms, DEPTH_OF_PART)}
        return list(ids)

    def _near(self, passage_ids: Iterable[str]) -> Verdict | None:
        """What the quote was made of, as far as the documents around these passages tell."""
        sources = [one for one in self._sources(passage_ids) if one[1]]
        aligned = [one for document, source in sources if (one := align(self.tokens, document, source))]
        if not aligned:
            return None
        aligned.sort(key=lambda one: (one.cost, one.document.published or "9", one.document.id, one.span))
        best = aligned[0]
        same = [one for one in aligned if one.cost == best.cost]
        if honest := [one for one in same if all(self._is_honest(one, run) for run in one.runs)]:
            return replace(self._altered(honest), kind="exact", shortened=bool(honest[0].runs))
        altered = self._altered(same)
        share = best.cost / sum(token.weight for token in self.tokens)
        is_near = share <= FARTHEST and self._tells(best)
        if (
            is_near
            and share <= SLIGHT
            and all(self._is_slight(best, run) or self._is_honest(best, run) for run in best.runs)
        ):
            return altered
        order = {one.document.id: rank for rank, one in reversed(list(enumerate(aligned)))}
        sources.sort(key=lambda one: order.get(one[0].id, len(aligned)))
        return self._spliced(sources) or (altered if is_near else None)

    def _sources(self, passage_ids: Iterable[str]) -> Iterator[tuple[Document, list[Token]]]:
        """The documents of these passages as tokens; of a long one what is around each passage."""
        reach = 2 * len(self.quote) + 200
        around: dict[str, list[tuple[int, int]]] = {}
        for passage_id in passage_ids:
            start, end = map(int, passage_id.rpartition("#")[2].split("-"))
            around.setdefault(_document_id(passage_id), []).append((max(start - reach, 0), end + reach))
        for document_id, document in self.library.documents_by_id(around).items():
            quotable = self._quotable(document)
            length = len(document.snapshot.text)
            windows = sorted(around[document_id]) if length > LONGEST_WHOLE else [(0, length)]
            apart = [windows[0]]
            for start, end in windows[1:]:  # those that overlap are one
                apart[-1:] = (
                    [(apart[-1][0], max(end, apart[-1][1]))] if start < apart[-1][1] else [apart[-1], (start, end)]
                )
            yield from ((quotable, tokens_of_body(quotable, *window)) for window in apart if quotable)

    def _is_honest(self, aligned: Aligned, run: Run) -> bool:
        """Whether an ellipsis stands for words of one paragraph, with enough words of the quote on either side."""
        if run.last - run.first != 1 or not self.tokens[run.first].is_cut:
            return False
        cuts = [-1, *(number for number, token in enumerate(self.tokens) if token.is_cut), len(self.tokens)]
        at = cuts.index(run.first)
        sides = (self.tokens[cuts[at - 1] + 1 : run.first], self.tokens[run.last : cuts[at + 1]])
        before, after = aligned.source[max(run.found - 1, 0)], aligned.source[min(run.until, len(aligned.source) - 1)]
        between = Span(before.start, after.end)
        paragraphs = self.library.document(aligned.document.id).body
        is_within = any(one.holds(between) for one in paragraphs)
        return is_within and all(size_of(side) >= FEWEST_CUT for side in sides)

    def _is_slight(self, aligned: Aligned, run: Run) -> bool:
        changed, dropped = self.tokens[run.first : run.last], aligned.source[run.found : run.until]
        is_cut = any(token.is_cut for token in changed)
        return not is_cut and size_of(changed) <= MOST_CHANGED and size_of(dropped) <= MOST_DROPPED

    def _tells(self, aligned: Aligned) -> bool:
        """Whether what both share is more than the small change of a language."""
        same = (self.tokens[at] for at, _ in aligned.matches)
        return len(analyze.content_terms(" ".join(self.quote[one.start : one.end] for one in same))) >= FEWEST_WORDS

    def _altered(self, aligned: Sequence[Aligned]) -> Verdict:
        places, differences = [], []
        for number, one in enumerate(aligned[:MOST_PLACES]):
            found = [
                Difference(
                    range_of(self.tokens, run.first, run.last), range_of(one.source, run.found, run.until), number
                )
                for run in one.runs
            ]
            marked = (Span(*difference.source) for difference in found if difference.kind != "inserted")
            places.append(self._place(one.document, one.span, marks=tuple(marked)))
            differences += found
        best = aligned[0]
        text = best.document.snapshot.text
        typography = any(
            _written(self.quote, self.tokens[at]) != _written(text, best.source[to]) for at, to in best.matches
        )
        return Verdict(self.quote, "altered", tuple(places), tuple(differences), typography)

    def _spliced(self, sources: Sequence[tuple[Document, Sequence[Token]]]) -> Verdict | None:
        pieces = pieces_of(self.tokens, sources)
        if not pieces:
            return None
        places = [self._place(one.document, one.span, range_of(self.tokens, one.at, one.until)) for one in pieces]
        differences = []
        for number, (one, other) in enumerate(pairwise(pieces)):
            linking = range_of(self.tokens, one.until, other.at)
            if size_of(self.tokens[one.until : other.at]):
                differences.append(Difference(linking, (one.span.end, one.span.end), number))
            between = one.span.end, other.span.start
            if one.document.id == other.document.id and between[0] < between[1] and one.document.holds(Span(*between)):
                differences.append(Difference((linking[1], linking[1]), between, number))
        typography = any(place.excerpt.text != place.quote.of(self.quote) for place in places)
        return Verdict(self.quote, "spliced", tuple(places), tuple(differences), typography)

    def _place(
        self, document: Document, span: Span, part: tuple[int, int] | None = None, *, marks: tuple[Span, ...] = ()
    ) -> Place:
        whole = self.library.document(document.id)
        return Place(Excerpt(whole, span, span.of(whole.snapshot.text), marks), Span(*part) if part else self.whole)


def _written(text: str, token: Token) -> str:
    return text[token.start : token.end]


def _document_id(passage_id: str) -> str:
    return passage_id.rpartition("#")[0]


def _age(place: Place) -> tuple[str, str]:
    return place.excerpt.document.published or "9", place.excerpt.document.id
