"""What was read of a library last, kept as it was read: people ask of the same news again and again.

All of it is of one generation of the library, and was compared with its checksums when it was read.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from retrieval.datamodel import Document, Passage
from retrieval.errors import DamagedLibrary
from retrieval.findings import DocumentFindings, PassageFindings
from retrieval.library import Library

__all__ = ["Nearness", "ReadPassage", "Recent"]

VECTORS, PASSAGES, DOCUMENTS = 4000, 2000, 1000  # of how many passages or documents they are kept
COSINE_DECIMALS = 6
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, eq=False)
class ReadPassage:
    """A passage and its document, and what was found in both."""

    passage: Passage
    findings: PassageFindings
    document: Document
    about: DocumentFindings


class Nearness(NamedTuple):
    """A passage's language, and the cosines of a question with it and with each of its sentences."""

    language: str
    whole: float
    sentences: tuple[float, ...]


class Recent:
    """A library, read through what was read of it before. One thread at a time, and while the library is at rest."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._generation = -1
        self._vectors = _Kept[tuple[str, NDArray[np.float32]]](VECTORS)
        self._passages = _Kept[ReadPassage](PASSAGES)
        self._documents = _Kept[tuple[Document, DocumentFindings]](DOCUMENTS)

    def begin(self, generation: int) -> None:
        """Read on; what was read of another generation than this, which the library is of, is forgotten."""
        if generation != self._generation:
            for kept in (self._vectors, self._passages, self._documents):
                kept.clear()
            self._generation = generation

    def nearness(self, passage_ids: Iterable[str], vector: NDArray[np.float32]) -> dict[str, Nearness]:
        """How near these passages are to a unit vector, (dimensions,), by id; ids that are gone are left out."""
        found = self._matrices(passage_ids, len(vector))
        if not found:
            return {}
        ordered = sorted(found.items())
        # What lies below these decimals depends on what else is in the product.
        cosines = np.round(np.concatenate([matrix for _, (_, matrix) in ordered]) @ vector, COSINE_DECIMALS).tolist()
        near, position = {}, 0
        for passage_id, (language, matrix) in ordered:
            whole, *sentences = cosines[position : position + len(matrix)]
            near[passage_id] = Nearness(language, whole, tuple(sentences))
            position += len(matrix)
        return near

    def read_ahead(self, passage_ids: Iterable[str], dimensions: int) -> None:
        """Read of these what `nearness` will ask for; what is damaged is told when it does."""
        with suppress(DamagedLibrary):
            self._matrices(passage_ids, dimensions)

    def passages(self, passage_ids: Iterable[str]) -> dict[str, ReadPassage]:
        """These passages, in that order; `DamagedLibrary` where one or its document is gone."""
        wanted = list(passage_ids)
        found = self._passages.of(wanted, self._read)
        if len(found) < len(set(wanted)):
            raise DamagedLibrary(f"expected every passage's document in {self._library.folder}: run `quoth check`")
        return {passage_id: found[passage_id] for passage_id in wanted}

    def _matrices(self, passage_ids: Iterable[str], dimensions: int) -> dict[str, tuple[str, NDArray[np.float32]]]:
        """Of each passage the language, and the embeddings: (1 + sentences, dimensions)."""
        return self._vectors.of(
            passage_ids,
            lambda ids: {one.id: (one.language, one.matrix(dimensions)) for one in self._library.vectors(ids)},
        )

    def _read(self, passage_ids: list[str]) -> dict[str, ReadPassage]:
        stored = self._library.passages(passage_ids)
        of = self._documents.of({one.document_id for one in stored}, self._library.looked_through)
        stands = self._library.has_findings
        return {
            one.id: ReadPassage(one.passage, one.found(document, stands=stands), document, about)
            for one in stored
            if one.document_id in of
            for document, about in [of[one.document_id]]
        }


class _Kept(OrderedDict[str, _T], Generic[_T]):
    """At most so many by id; those that nobody asked for longest go first."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def of(self, ids: Iterable[str], read: Callable[[list[str]], Mapping[str, _T]]) -> dict[str, _T]:
        """What is kept of these, and what `read` gives of the others; ids that it does not give are left out."""
        wanted = dict.fromkeys(ids)
        found = {one: self[one] for one in wanted if one in self}
        for one in found:
            self.move_to_end(one)
        if len(found) < len(wanted):
            new = read([one for one in wanted if one not in found])
            found.update(new)
            self.update(new)
            while len(self) > self._most:
                self.popitem(last=False)
        return found
