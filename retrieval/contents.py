"""What a stretch of text holds, by which it is held to a question: terms, known names, numbers and its script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from retrieval import analyze
from retrieval.datamodel import Span
from retrieval.names import known
from retrieval.quantities import Quantity, quantities
from retrieval.question import script

__all__ = ["FORMAT", "Contents", "contents", "from_json", "quantities_from_json", "quantities_to_json", "to_json"]

# To be raised with every change of what `contents` finds (analyze.py, names.py and its table, quantities.py,
# numerals.py, question.script): a library then looks through its texts anew. `test_contents.py` tells when.
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Contents:
    """What a text holds: lexical terms, concepts of the table of names, numbers in order, and its script."""

    terms: frozenset[str]
    concepts: frozenset[str]
    quantities: tuple[Quantity, ...]
    script: str

    def shifted(self, by: int) -> Contents:
        """The same contents of a text that begins `by` code points before this one's."""
        numbers = tuple(replace(quantity, span=quantity.span.shifted(by)) for quantity in self.quantities)
        return replace(self, quantities=numbers)

    @classmethod
    def joined(cls, parts: Sequence[Contents]) -> Contents:
        """What these texts, at least one, hold together; the script is the first one's."""
        return cls(
            frozenset().union(*(part.terms for part in parts)),
            frozenset().union(*(part.concepts for part in parts)),
            tuple(quantity for part in parts for quantity in part.quantities),
            parts[0].script,
        )


@lru_cache(maxsize=2**12)
def contents(text: str) -> Contents:
    """Look through `text`; remembered, since an excerpt is looked through for several ends."""
    parts = analyze.placed(text)
    return Contents(
        frozenset(part.term for part in parts),
        frozenset(name.concept for name in known(text, parts)),
        tuple(quantities(text)),
        script(text),
    )


def to_json(found: Contents) -> list[Any]:
    """Contents as JSON holds them; sorted, so that the same text is always written alike."""
    return [" ".join(sorted(found.terms)), sorted(found.concepts), quantities_to_json(found.quantities), found.script]


def from_json(written: Iterable[Any]) -> Contents:
    """What `to_json` wrote."""
    terms, concepts, numbers, script = written
    return Contents(
        frozenset(terms.split(" ")) if terms else frozenset(),
        frozenset(concepts),
        quantities_from_json(numbers),
        script,
    )


def quantities_to_json(numbers: Iterable[Quantity]) -> list[Any]:
    """Numbers as JSON holds them."""
    return [(one.value, one.kind, one.of, one.span.start, one.span.end) for one in numbers]


def quantities_from_json(written: Iterable[Any]) -> tuple[Quantity, ...]:
    """What `quantities_to_json` wrote."""
    return tuple(Quantity(value, kind, of, Span(start, end)) for value, kind, of, start, end in written)
