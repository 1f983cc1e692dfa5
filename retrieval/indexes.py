"""The indexes derived from a library: `indexes/<generation>/` with a `dense` and a `lexical` folder, never changed.

A new generation is written beside and renamed; the former stays until the next, for those who still read it. What is
missing, stale or damaged is made again from the library, so none of it need ever be backed up.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval import dense, lexical
from retrieval.checksums import Checksums
from retrieval.datamodel import Document
from retrieval.dense import DenseIndex, Rows
from retrieval.errors import DamagedLibrary, StorageError
from retrieval.lexical import LexicalEntry, LexicalIndex
from retrieval.library import INDEXES, Library
from retrieval.rows import StoredPassage
from retrieval.whole import remove_leftovers, whole_folder
from retrieval.writer import Writer

__all__ = ["Indexes", "discard", "faults", "newest", "open_indexes", "update"]


COARSE = 1e-3  # a number of a vector that is kept in sixteen bits may differ by so much


@dataclass(frozen=True, slots=True)
class Indexes:
    """Both indexes, open, the generation of the library that they were made from, and their files' checksums."""

    generation: int
    dense: DenseIndex
    lexical: LexicalIndex
    checksums: Checksums


def newest(library: Library) -> int | None:
    """The generation of the newest indexes that the library can have made; None where there are none."""
    found = [int(path.name) for path in (library.folder / INDEXES).glob("*") if path.name.isdigit()]
    generation = library.generation
    return max((number for number in found if number <= generation), default=None)


def open_indexes(library: Library, generation: int, former: Indexes | None = None) -> Indexes:
    """The indexes of `generation`; `DamagedLibrary` where they are missing or not what was written.

    Every byte is compared with its checksum, but those in files that they share with the `former` ones, which were.
    """
    return _opened(library, generation, Checksums(former.checksums if former is not None else None))


def _opened(library: Library, generation: int, checksums: Checksums) -> Indexes:
    folder = library.folder / INDEXES / str(generation)
    dense_index = DenseIndex.open(folder / "dense", checksums)
    return Indexes(generation, dense_index, LexicalIndex.open(folder / "lexical", checksums), checksums)


def update(library: Library, writer: Writer, former: Indexes | None = None) -> Indexes:
    """Bring the indexes to the library's generation, from the newest where that serves, else from nothing; open them.

    The caller holds the library's writer, so the generation stands still; `former` is as `open_indexes` has it.
    """
    generation = library.generation
    root = library.folder / INDEXES
    checksums = Checksums(former.checksums if former is not None else None)
    with _storing(root):
        root.mkdir(exist_ok=True)
        remove_leftovers(root)
    base = newest(library)
    if base == generation:
        try:
            return _opened(library, generation, checksums)
        except DamagedLibrary:
            base = None
    with _storing(root):
        try:
            _write(library, root / str(generation), base, checksums)
        except DamagedLibrary:
            base = None
            _write(library, root / str(generation), base, checksums)
        kept = {generation, base or generation}  # those of generation 0 hold nothing: no one need read on in them
        for path in root.iterdir():
            if path.name.isdigit() and int(path.name) not in kept:
                shutil.rmtree(path, ignore_errors=True)  # the engine may look into one for a moment more
    # The former indexes stay, and may be the ones to go on from should the new ones be lost.
    writer.forget_removals(until=generation if base is None else base)
    try:
        return _opened(library, generation, Checksums(checksums))
    except DamagedLibrary:  # the former ones had decayed, and what they share with these
        with _storing(root):
            _write(library, root / str(generation), None, checksums)
        return open_indexes(library, generation)


def discard(library: Library) -> None:
    """Drop all indexes: the next `update` makes them from nothing."""
    with _storing(library.folder / INDEXES):
        shutil.rmtree(library.folder / INDEXES, ignore_errors=True)


def faults(library: Library) -> Iterator[str]:
    """Where the indexes differ from the library: each fault a line, none where all is well or nothing was made yet."""
    numbers = [int(path.name) for path in (library.folder / INDEXES).glob("*") if path.name.isdigit()]
    if numbers and max(numbers) > library.generation:
        yield (
            f"the library stands at change {library.generation}, its indexes at {max(numbers)}: what was committed "
            "last was lost; ingest the newest sources again"
        )
    generation = newest(library)
    if generation is None or generation != library.generation:
        return  # they are made, or made anew, before the next answer
    try:
        indexes = open_indexes(library, generation)
    except DamagedLibrary as error:
        yield f"indexes of generation {generation}: {error}"
        return
    try:
        stored = {
            passage.id: embedding
            for _, passages in library.added()
            for passage, embedding in zip(passages, library.embeddings(passages), strict=True)
        }
    except DamagedLibrary:
        return  # the library's own faults tell it
    if len(indexes.lexical) != len(stored):
        yield f"lexical index: {len(stored)} passages expected, {len(indexes.lexical)} found; run `quoth reindex`"
    indexed = {passage_id: vector for passage_id, vector, _ in indexes.dense.contents()}
    for passage_id in sorted(stored.keys() ^ indexed.keys()):
        yield f"dense index: passage {passage_id} is only in the {'library' if passage_id in stored else 'index'}"
    tolerance = 1e-6 if indexes.dense.is_exact else COARSE
    for passage_id in sorted(stored.keys() & indexed.keys()):
        if not np.allclose(stored[passage_id], indexed[passage_id], atol=tolerance):
            yield f"dense index: the vector of passage {passage_id} is not the library's; run `quoth reindex`"


def _write(library: Library, folder: Path, base: int | None, checksums: Checksums) -> None:
    """Write the indexes of the library as it stands as `folder`, from those of generation `base` where there are."""
    with whole_folder(folder) as partial:
        ids: list[str] = []
        vectors: list[NDArray[np.float32]] = []
        languages: list[str] = []

        def added() -> Iterator[tuple[Document, list[StoredPassage]]]:
            """What came, for the lexical index; read once, what the dense one needs of it is noted on the way."""
            for document, passages in library.added(after=base or 0):
                ids.extend(stored.id for stored in passages)
                vectors.extend(library.embeddings(passages))
                languages.extend(document.language for _ in passages)
                yield document, passages

        entries = _lexical_entries(added(), stands=library.has_findings)
        gone = sorted(library.removals(after=base)) if base is not None else []
        former = library.folder / INDEXES / str(base)
        if base is None:
            lexical.build(partial / "lexical", entries)
        else:
            lexical.extend(former / "lexical", partial / "lexical", add=entries, remove=gone, checksums=checksums)
        rows = Rows(ids, np.stack(vectors) if vectors else np.empty((0, 1), dtype=np.float32), languages)
        if base is None:
            dense.build(partial / "dense", rows)
        else:
            dense.extend(former / "dense", partial / "dense", add=rows, remove=frozenset(gone), checksums=checksums)


def _lexical_entries(
    documents: Iterable[tuple[Document, list[StoredPassage]]], *, stands: bool
) -> Iterator[LexicalEntry]:
    """What the lexical index takes of each passage; a sentence that a document repeats is told once for it."""
    for document, passages in documents:
        told: set[str] = set()
        for stored in passages:
            keys = set(stored.found(document, stands=stands).keys) - told
            told |= keys
            text = stored.passage.span.of(document.snapshot.text)
            yield LexicalEntry(stored.id, document.id, stored.heading, text, tuple(sorted(keys)))


@contextmanager
def _storing(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"the indexes in {root} cannot be written ({error.strerror or error}): make room or permit it, "
            "then try again; what was committed is safe"
        ) from error
