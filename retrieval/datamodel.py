"""The values that travel between stages: frozen, checked when made, standard library only.

Offsets count code points of `Snapshot.text`, half-open. Scores: higher is better. Ranks start at 1.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

__all__ = [
    "Abstention",
    "Answer",
    "Background",
    "Document",
    "Excerpt",
    "Hit",
    "Known",
    "Metadata",
    "Passage",
    "Ranking",
    "Reading",
    "Reason",
    "Reply",
    "Snapshot",
    "Span",
    "Validators",
]

Reason: TypeAlias = Literal[
    "empty_collection", "nothing_found", "terms_missing", "near_miss", "low_confidence", "filtered_out"
]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open, non-empty range of code points."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise ValueError(f"a span needs 0 <= start < end, found {self.start}, {self.end}")

    def __len__(self) -> int:
        return self.end - self.start

    def of(self, text: str) -> str:
        """The characters of `text` that the span covers; `ValueError` where the text ends before it."""
        if self.end > len(text):
            raise ValueError(f"the span {self.start}-{self.end} goes past the text's {len(text)} characters")
        return text[self.start : self.end]

    def holds(self, other: Span) -> bool:
        """Whether `other` lies inside this span."""
        return self.start <= other.start and other.end <= self.end

    def meets(self, other: Span) -> bool:
        """Whether the two share a character."""
        return self.start < other.end and other.start < self.end

    def shifted(self, by: int) -> Span:
        """The same span, `by` code points further on."""
        return Span(self.start + by, self.end + by)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was read from a source, unchanged for ever.

    `sha256` is that of `text` in UTF-8, `bytes_sha256` that of the original bytes, both in hexadecimal. `source` is
    the path as typed joined with the path inside the folder, or the URL. `fetched_at` is ISO 8601 in UTC.
    """

    sha256: str
    bytes_sha256: str
    source: str
    media_type: str
    text: str
    fetched_at: str

    @classmethod
    def take(cls, text: str, *, original: bytes, source: str, media_type: str, fetched_at: str) -> Snapshot:
        """The snapshot of `text` as decoded from `original`."""
        return cls(
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            bytes_sha256=hashlib.sha256(original).hexdigest(),
            source=source,
            media_type=media_type,
            text=text,
            fetched_at=fetched_at,
        )

    def is_intact(self) -> bool:
        """Whether the text still has the digest it was stored under."""
        return hashlib.sha256(self.text.encode()).hexdigest() == self.sha256


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a format itself says of an article; absent where it is silent. Dates are ISO 8601, as precise as given."""

    title: str | None = None
    publisher: str | None = None
    published: str | None = None
    updated: str | None = None
    url: str | None = None
    authors: tuple[str, ...] = ()
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Validators:
    """By what a server tells whether a page has changed (RFC 9110, 8.8): the fields as it sent them."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a source that was read before: the digest of its bytes, what its server said, and when."""

    bytes_sha256: str
    fetched_at: str
    validators: Validators = field(default_factory=Validators)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader made of a source: the snapshot, and what the format says of it.

    `key` is what the source is known by: giving it again replaces what stood there. `document_id` is set where the
    source names its one document itself (a line of JSONL); such a snapshot is never split into several articles.
    `pages` are the offsets where the pages of a file that has pages begin, `validators` those of a URL's answer.
    """

    key: str
    snapshot: Snapshot
    metadata: Metadata = field(default_factory=Metadata)
    document_id: str | None = None
    pages: tuple[int, ...] = ()
    validators: Validators = field(default_factory=Validators)


@dataclass(frozen=True, slots=True)
class Document:
    """One article: spans of a snapshot, and what its source says of it. `body` holds its paragraphs, in order.

    `pages` are the offsets where the pages of its file begin, none where it has no pages.
    """

    id: str
    snapshot: Snapshot
    body: tuple[Span, ...]
    language: str
    title: str | None = None
    publisher: str | None = None
    published: str | None = None
    updated: str | None = None
    url: str | None = None
    authors: tuple[str, ...] = ()
    pages: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.body:
            raise ValueError(f"document {self.id!r} has no body")
        if list(self.pages) != sorted(self.pages):
            raise ValueError(f"document {self.id!r} has pages out of order")
        for before, after in zip(self.body, self.body[1:], strict=False):
            if after.start < before.end:
                raise ValueError(f"document {self.id!r} has body spans out of order: {before}, {after}")
        if self.body[-1].end > len(self.snapshot.text):
            raise ValueError(f"document {self.id!r} has a body past its snapshot's end")

    def page(self, position: int) -> int | None:
        """The number of the page, from 1, on which the character at `position` stands; None where there are none."""
        return bisect_right(self.pages, position) or None

    def holds(self, span: Span) -> bool:
        """Whether every character of `span` outside the document's body is white space."""
        position = span.start
        text = self.snapshot.text
        for body in self.body:
            if body.end <= position:
                continue
            if body.start >= span.end:
                break
            if text[position : body.start].strip():
                return False
            position = max(position, body.end)
        return not text[position : span.end].strip()


@dataclass(frozen=True, slots=True)
class Passage:
    """The unit that is retrieved: a span inside one body span, or over a run of adjacent ones.

    `heading` is what is encoded and searched with it: the document's title, or empty. `sentences` lie in it, in order.
    """

    document_id: str
    span: Span
    heading: str
    sentences: tuple[Span, ...]

    @property
    def id(self) -> str:
        """`document#start-end`."""
        return f"{self.document_id}#{self.span.start}-{self.span.end}"


@dataclass(frozen=True, slots=True)
class Background:
    """The cosines that the passages of one language have with a question: how many there are, their mean and spread.

    Cosines with texts of different languages are not on one scale; how many spreads one lies above the mean is.
    """

    passages: int
    mean: float
    spread: float

    def standing(self, similarity: float) -> float:
        """How many spreads a cosine lies above the mean."""
        return (similarity - self.mean) / self.spread

    def steadied(self, typical: Background) -> Background:
        """As it would be with the passages of `typical` among its own: a few passages do not tell what is usual."""
        both = self.passages + typical.passages
        mean = (self.passages * self.mean + typical.passages * typical.mean) / both
        apart = self.passages * self.spread**2 + typical.passages * typical.spread**2
        return Background(both, mean, (apart / both) ** 0.5)


class Hit(NamedTuple):
    """A passage and how well it matched."""

    passage_id: str
    score: float


@dataclass(frozen=True, slots=True, init=False)
class Ranking:
    """Hits, best first, ties by id, no passage twice (its best score counts): any order in, the same ranking out."""

    hits: tuple[Hit, ...]

    def __init__(self, hits: Iterable[Hit] = ()) -> None:
        best: dict[str, Hit] = {}
        for hit in hits:
            known = best.get(hit.passage_id)
            if known is None or hit.score > known.score:
                best[hit.passage_id] = hit
        self._put(sorted(best.values(), key=lambda hit: (-hit.score, hit.passage_id)))

    def _put(self, hits: Iterable[Hit]) -> None:
        object.__setattr__(self, "hits", tuple(hits))

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.hits)

    def top(self, depth: int) -> Ranking:
        """The first `depth` hits."""
        first = Ranking()
        first._put(self.hits[:depth])
        return first


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The verbatim sentences that are shown. `text` is the snapshot's text at `span`: anything else cannot be made.

    `highlights` are the answering words, inside `span`, sorted, perhaps none. `also_in` names other documents that
    hold the same text; `differs` tells that excerpts of other dates give another figure.
    """

    document: Document
    span: Span
    text: str
    highlights: tuple[Span, ...] = ()
    score: float = 0.0
    also_in: tuple[str, ...] = ()
    differs: bool = False

    def __post_init__(self) -> None:
        if self.span.of(self.document.snapshot.text) != self.text:
            raise ValueError(f"an excerpt of {self.document.id!r} is not what its snapshot says at {self.span}")
        if not self.document.holds(self.span):
            raise ValueError(f"an excerpt of {self.document.id!r} at {self.span} leaves the document's body")
        if any(not self.span.holds(highlight) for highlight in self.highlights):
            raise ValueError(f"a highlight lies outside its excerpt at {self.span}")
        if list(self.highlights) != sorted(self.highlights):
            raise ValueError(f"highlights out of order at {self.span}")

    @property
    def page(self) -> int | None:
        """The page on which the excerpt begins, from 1; None where its file has no pages."""
        return self.document.page(self.span.start)


@dataclass(frozen=True, slots=True)
class Answer:
    """Excerpts that answer, best first. `confidence` is the calibrated probability that the first one does."""

    question: str
    excerpts: tuple[Excerpt, ...]
    confidence: float

    def __post_init__(self) -> None:
        if not self.excerpts:
            raise ValueError("an answer needs an excerpt")
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"confidence lies in [0, 1], found {self.confidence}")


@dataclass(frozen=True, slots=True)
class Abstention:
    """An honest no: why, what the evidence lacks, and the nearest passages, which are no answer."""

    question: str
    reason: Reason
    missing_terms: tuple[str, ...] = ()
    nearest: tuple[Excerpt, ...] = ()
    confidence: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"confidence lies in [0, 1], found {self.confidence}")


Reply: TypeAlias = Answer | Abstention
