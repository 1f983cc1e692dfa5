"""Dense search over the passages of a collection, language by language.

An index is a folder that never changes once made. It holds one or two segments: `main`, and where that is large
`recent`, so that adding costs what is added: the next index takes main over as it is (a link to the same files), with
the rows of what is gone, until both are merged. A segment holds for each language its vectors as `vectors.py` writes
them, their passage ids in the same order, and the moments of the vectors, by which a cosine can be told from what any
passage of that language would get. A manifest with the checksums of all is written last. Ids, and
vectors that are all compared, are mapped, so they count as the system's file cache rather than as the process's memory.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path

import numpy as np

from retrieval import vectors
from retrieval.checksums import Checksums
from retrieval.datamodel import Background, Hit, Ranking
from retrieval.errors import StorageError
from retrieval.manifest import Manifest, damaged
from retrieval.vectors import FLAT_MOST, VectorIndex, Vectors
from retrieval.whole import share

__all__ = ["DenseIndex", "Rows", "build", "extend"]

_MAIN, _RECENT = "main", "recent"
_MOST_RECENT = 0.1  # of main's passages may be recent or gone before all are merged
_MOMENTS_OF = 20_000  # vectors of a language, evenly spread, tell its moments
_LENGTH_TOLERANCE = 1e-3  # storing a unit vector in float16 changes its length by 5e-4 at most


@dataclass(frozen=True, slots=True)
class Rows:
    """Passages to be indexed: ids, unit vectors of shape (passages, dimensions), and the language of each."""

    ids: Sequence[str]
    vectors: Vectors
    languages: Sequence[str]


class _Ids:
    """Passage ids by row, mapped from a file of their text and one of where each ends."""

    def __init__(self, path: Path) -> None:
        # As plain arrays, which stay mapped: a `memmap` takes three times as long to give one id.
        self._text = np.asarray(np.load(path.with_suffix(".ids.npy"), mmap_mode="r"))
        self._ends = np.asarray(np.load(path.with_suffix(".ends.npy"), mmap_mode="r"))

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, row: int) -> str:
        start = int(self._ends[row - 1]) if row else 0
        return bytes(self._text[start : int(self._ends[row])]).decode()

    @staticmethod
    def write(path: Path, ids: Sequence[str]) -> None:
        """Write them to two files beside each other."""
        written = [one.encode() for one in ids]
        np.save(path.with_suffix(".ids.npy"), np.frombuffer(b"".join(written), dtype=np.uint8))
        np.save(path.with_suffix(".ends.npy"), np.cumsum([len(one) for one in written], dtype=np.uint64))


class _Language:
    """The passages of one language in one segment."""

    def __init__(self, path: Path, gone: Collection[int]) -> None:
        self.path = path
        self.ids = _Ids(path)
        self.moments = np.load(path.with_suffix(".moments.npy"))  # (1 + dimensions, dimensions)
        self.gone = frozenset(gone)  # rows that are searched and not found

    def __len__(self) -> int:
        return len(self.ids) - len(self.gone)

    @cached_property
    def index(self) -> VectorIndex:
        """The vectors."""
        return VectorIndex.open(self.path.with_suffix(".faiss"))

    @cached_property
    def documents(self) -> dict[str, list[int]]:
        """The rows of each document."""
        found: dict[str, list[int]] = {}
        for row in range(len(self.ids)):
            if row not in self.gone:
                found.setdefault(self.ids[row].rpartition("#")[0], []).append(row)
        return found

    def search(self, question: Vectors, depth: int, within: Collection[str] | None) -> Iterator[Hit]:
        """At least the `depth` nearest, and all that tie with the last of them: faiss cuts ties by where they lie."""
        rows = None
        if within is not None:
            rows = np.array([row for one in within for row in self.documents.get(one, ())], dtype=np.int64)
        count = len(self.index) if rows is None else len(rows)
        limit = min(depth + 1 + len(self.gone), count)
        while limit:
            found = self.index.search(question, limit, within=rows)
            hits = [Hit(self.ids[row], score) for row, score in found if row not in self.gone]
            if limit == count or len(found) < limit or (len(hits) > depth and hits[-1].score < hits[depth - 1].score):
                yield from hits
                return
            limit = min(limit * 4, count)

    def rows(self, language: str) -> Rows:
        """What stands, for another index to take over."""
        left = np.setdiff1d(np.arange(len(self.ids)), sorted(self.gone))
        return Rows([self.ids[row] for row in left.tolist()], self.index.all()[left], [language] * len(left))


class DenseIndex:
    """An open folder of unit vectors. Many threads may search it."""

    def __init__(self, segments: dict[str, dict[str, _Language]]) -> None:
        self._segments = segments
        self._languages: dict[str, list[_Language]] = {}
        for segment in segments.values():
            for language, passages in segment.items():
                self._languages.setdefault(language, []).append(passages)

    @classmethod
    def open(cls, folder: Path, checksums: Checksums | None = None) -> DenseIndex:
        """The index in `folder`, its files compared with their checksums; `DamagedLibrary` where one differs."""
        manifest = Manifest.read(folder)
        manifest.compare(folder, checksums or Checksums())
        try:
            opened = cls(
                {
                    segment: {
                        language: _Language(
                            folder / segment / str(place), manifest.gone.get(language, []) if segment == _MAIN else []
                        )
                        for place, language in enumerate(languages)
                    }
                    for segment, languages in manifest.segments.items()
                }
            )
            if any(len(one.index) != len(one.ids) for same in opened._languages.values() for one in same):
                raise ValueError("not every vector has an id")
        except (OSError, ValueError, RuntimeError, TypeError, AttributeError) as fault:
            raise damaged(folder, "it cannot be opened") from fault
        return opened

    def __len__(self) -> int:
        """How many passages the index holds."""
        return sum(len(one) for same in self._languages.values() for one in same)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of the passages, in alphabetical order."""
        return tuple(sorted(self._languages))

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has; 0 where there is none."""
        return next((same[0].index.dimensions for same in self._languages.values()), 0)

    @property
    def is_exact(self) -> bool:
        """Whether every search compares every vector."""
        return all(one.index.is_exact for same in self._languages.values() for one in same)

    def search(
        self, vector: Vectors, depth: int, *, language: str | None = None, within: Collection[str] | None = None
    ) -> Ranking:
        """The `depth` passages nearest to a unit vector of shape (dimensions,); a score is the cosine, in [-1, 1].

        Only those of `language`, and of the documents `within`, where these are named.
        """
        if depth < 1:
            raise ValueError(f"depth is at least 1, found {depth}")
        question = self._question(vector)
        searched = self._languages.values() if language is None else [self._languages.get(language, [])]
        return Ranking(hit for same in searched for one in same for hit in one.search(question, depth, within)).top(
            depth
        )

    def backgrounds(self, vector: Vectors) -> dict[str, Background]:
        """For each language, the mean and the spread of the cosines that its passages have with a unit vector.

        No cosine is computed: q·μ and √(qᵀΣq) are exact, by the mean μ and the covariance Σ of the vectors.
        """
        question = self._question(vector)
        found = {}
        for language in self.languages:
            same = self._languages[language]
            counts = [len(one.ids) for one in same]
            means = [float(question @ one.moments[0]) for one in same]
            squares = [
                max(float(question @ one.moments[1:] @ question), 0.0) + mean**2
                for one, mean in zip(same, means, strict=True)
            ]
            mean = sum(count * one for count, one in zip(counts, means, strict=True)) / sum(counts)
            square = sum(count * one for count, one in zip(counts, squares, strict=True)) / sum(counts)
            found[language] = Background(sum(counts), mean, max(square - mean**2, 0.0) ** 0.5)
        return found

    def contents(self) -> Iterator[tuple[str, Vectors, str]]:
        """Every passage's id, its vector as it is kept, and its language."""
        for language, same in self._languages.items():
            for one in same:
                rows = one.rows(language)
                yield from zip(rows.ids, rows.vectors, rows.languages, strict=True)

    def segment(self, name: str) -> dict[str, _Language]:
        """The languages of a segment; none where there is no such segment."""
        return self._segments.get(name, {})

    def _question(self, vector: Vectors) -> Vectors:
        for same in self._languages.values():
            if vector.shape != (same[0].index.dimensions,):
                raise ValueError(f"a vector of shape ({same[0].index.dimensions},) was expected, found {vector.shape}")
        found: Vectors = _units(vector[np.newaxis, :])[0]
        return found


def build(folder: Path, rows: Rows, *, flat_most: int = FLAT_MOST) -> None:
    """Write the index of `rows` into `folder`, which must not exist.

    `ValueError` where a vector is not finite, not of length 1, or an id stands twice; `StorageError` where the disk
    refuses. Of a language with more than `flat_most` passages not every one is compared with a question.
    """
    if rows.vectors.ndim != 2 or not len(rows.vectors) == len(rows.ids) == len(rows.languages):
        raise ValueError(
            f"a vector and a language for each of {len(rows.ids)} ids was expected, "
            f"found shape {rows.vectors.shape} and {len(rows.languages)} languages"
        )
    with _storing(folder):
        folder.mkdir(parents=True)
        main = _write_segment(folder / _MAIN, rows, flat_most)
        Manifest.of(folder, {_MAIN: main}, {}).write(folder)


def extend(
    base: Path,
    folder: Path,
    *,
    add: Rows,
    remove: Collection[str] = (),
    flat_most: int = FLAT_MOST,
    checksums: Checksums | None = None,
) -> None:
    """Write into `folder`, which must not exist, the index in `base` without the documents `remove`, and with `add`.

    `base` stays as it is, and readable; `DamagedLibrary` where it is not what was written. Where its main segment is
    large it is shared; else all is written anew.
    """
    former, manifest = DenseIndex.open(base, checksums), Manifest.read(base)
    main = former.segment(_MAIN)
    recent = _joined(*(_without(one.rows(language), remove) for language, one in former.segment(_RECENT).items()), add)
    gone = {language: sorted(one.gone) for language, one in main.items()}
    if remove:
        for language, one in main.items():
            gone[language] += [row for document in remove for row in one.documents.get(document, ())]
    count = sum(len(one.ids) for one in main.values())
    changed = len(recent.ids) + sum(map(len, gone.values()))
    is_small = all(len(one.ids) <= flat_most for one in main.values())
    is_shared = not is_small and changed <= _MOST_RECENT * count
    # What decayed since it was compared must not be written on under a checksum of its own.
    manifest.compare(base, Checksums(), segments={_RECENT} if is_shared else None)
    with _storing(folder):
        folder.mkdir(parents=True)
        if is_small:
            left = [_without(one.rows(language), remove) for language, one in main.items()]
            segment = _write_segment(folder / _MAIN, _joined(*left, recent), flat_most)
            Manifest.of(folder, {_MAIN: segment}, {}).write(folder)
        elif is_shared:
            shutil.copytree(base / _MAIN, folder / _MAIN, copy_function=share)
            written = {_MAIN: list(main), _RECENT: _write_segment(folder / _RECENT, recent, flat_most)}
            shared = {name: crc32 for name, crc32 in manifest.crc32.items() if name.startswith(f"{_MAIN}/")}
            Manifest.of(folder, written, gone, known=shared).write(folder)
        else:
            languages, gone = _merge(folder / _MAIN, main, recent, gone, flat_most)
            Manifest.of(folder, {_MAIN: languages}, gone).write(folder)


def _merge(
    folder: Path, main: dict[str, _Language], recent: Rows, gone: dict[str, list[int]], flat_most: int
) -> tuple[list[str], dict[str, list[int]]]:
    """Write main with what is recent as one segment; its languages, and the rows of it that stay gone."""
    folder.mkdir()
    languages = sorted({*main, *recent.languages})
    holes: dict[str, list[int]] = {}
    for place, language in enumerate(languages):
        path, one = folder / str(place), main.get(language)
        added = _of_language(recent, language)
        rows = gone.get(language, [])
        if (
            one is not None
            and len(rows) <= _MOST_RECENT * len(one.ids)
            and vectors.write_with(one.path.with_suffix(".faiss"), path.with_suffix(".faiss"), added.vectors)
        ):
            ids = [*(one.ids[row] for row in range(len(one.ids))), *added.ids]
            moments = one.moments  # what a tenth more has is much the same
            holes[language] = rows
        else:
            left = one.rows(language) if one is not None else _joined()
            dropped = {one.ids[row] for row in rows} if one is not None else set[str]()
            kept = [row for row, passage_id in enumerate(left.ids) if passage_id not in dropped]
            left = Rows([left.ids[row] for row in kept], left.vectors[kept], [language] * len(kept))
            both = _joined(left, added)
            ids, moments = list(both.ids), _moments(both.vectors)
            vectors.write(path.with_suffix(".faiss"), both.vectors, flat_most=flat_most)
        _Ids.write(path, ids)
        np.save(path.with_suffix(".moments.npy"), moments)
    return languages, holes


def _write_segment(folder: Path, rows: Rows, flat_most: int) -> list[str]:
    """Write a segment, and give its languages."""
    folder.mkdir()
    if len(set(rows.ids)) != len(rows.ids):
        raise ValueError("a passage id stands twice")
    units = _units(rows.vectors) if len(rows.ids) else rows.vectors
    order = sorted(range(len(rows.ids)), key=lambda row: rows.languages[row])
    languages = []
    for place, (language, same) in enumerate(groupby(order, key=lambda row: rows.languages[row])):
        languages.append(language)
        chosen = list(same)
        path = folder / str(place)
        vectors.write(path.with_suffix(".faiss"), units[chosen], flat_most=flat_most)
        _Ids.write(path, [rows.ids[row] for row in chosen])
        np.save(path.with_suffix(".moments.npy"), _moments(units[chosen]))
    return languages


def _moments(units: Vectors) -> Vectors:
    """The mean of the vectors, and below it their covariance: (1 + dimensions, dimensions)."""
    some = units[:: 1 + len(units) // _MOMENTS_OF].astype(np.float64)
    mean = some.mean(axis=0)
    apart = some - mean
    return np.vstack([mean, apart.T @ apart / len(some)]).astype(np.float32)


def _joined(*parts: Rows) -> Rows:
    """These rows as one."""
    some = [part for part in parts if len(part.ids)]
    return Rows(
        [passage_id for part in some for passage_id in part.ids],
        np.concatenate([part.vectors for part in some]) if some else np.empty((0, 1), dtype=np.float32),
        [language for part in some for language in part.languages],
    )


def _without(rows: Rows, documents: Collection[str]) -> Rows:
    """The rows but those of these documents."""
    left = [row for row, one in enumerate(rows.ids) if one.rpartition("#")[0] not in documents]
    return Rows([rows.ids[row] for row in left], rows.vectors[left], [rows.languages[row] for row in left])


def _of_language(rows: Rows, language: str) -> Rows:
    """The rows of one language."""
    left = [row for row, one in enumerate(rows.languages) if one == language]
    return Rows([rows.ids[row] for row in left], rows.vectors[left], [language] * len(left))


def _units(rows: Vectors) -> Vectors:
    """The vectors as faiss wants them; `ValueError` where one is not a unit vector."""
    rows = np.ascontiguousarray(rows, dtype=np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    if not np.all(np.abs(lengths - 1) <= _LENGTH_TOLERANCE):  # not so for NaN either
        worst = int(np.argmax(np.nan_to_num(np.abs(lengths - 1), nan=np.inf)))
        raise ValueError(f"vectors of length 1 were expected, found {lengths[worst]} in row {worst}")
    return rows


@contextmanager
def _storing(folder: Path) -> Iterator[None]:
    """Turn what the disk says against writing into one line; faiss says it as `RuntimeError`."""
    try:
        yield
    except FileExistsError as fault:
        raise ValueError(f"an index is written into a new folder, found {folder}") from fault
    except (OSError, RuntimeError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else "faiss cannot write"
        raise StorageError(
            f"the dense index cannot be written to {folder}: {reason}; make room or permit it, then try again"
        ) from fault
