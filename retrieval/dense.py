"""Exact search by inner product over unit vectors: the only file that imports faiss.

An index is a folder that never changes once made: the vectors as faiss writes them, those of a language together; their
passage ids in the same order, with where each language lies; the moments of each language's vectors, by which a cosine
can be told from what any passage of that language would get; and last a manifest with the checksums of all. The vectors
are mapped, so they count as the system's file cache rather than as the process's own memory. `build` writes into a new
folder: the caller makes it beside and renames it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from retrieval.datamodel import Background, Hit, Ranking
from retrieval.errors import DamagedLibrary, StorageError

__all__ = ["DenseIndex", "build", "contents"]

_FORMAT = 2
_MANIFEST = "manifest.json"
_VECTORS = "vectors.faiss"
_IDS = "ids.json"
_MOMENTS = "moments.npy"
_FILES = (_VECTORS, _IDS, _MOMENTS)
_MOMENTS_OF = 20_000  # vectors of a language, evenly spread, tell its moments
_LENGTH_TOLERANCE = 1e-3  # storing a unit vector in float16 changes its length by 5e-4 at most
_SCORE_DECIMALS = (
    6  # a cosine summed in 32 bits is exact to about 1e-7: what lies below is noise, and must not break ties
)


class DenseIndex:
    """An open folder of unit vectors. Many threads may search it."""

    def __init__(
        self,
        index: Any,  # faiss has no types
        passage_ids: Sequence[str],
        languages: dict[str, range],
        moments: npt.NDArray[np.float32],
    ) -> None:
        self._index = index
        self._passage_ids = passage_ids
        self._languages = languages  # the rows of each
        self._moments = moments  # (languages, 1 + dimensions, dimensions): the mean, and below it the covariance

    @classmethod
    def open(cls, folder: Path, *, threads: int = 1) -> DenseIndex:
        """The index in `folder`, every byte compared with its checksum; `DamagedLibrary` where one differs.

        faiss has one number of threads for the whole process: this sets it. A single question is searched by one.
        """
        if threads < 1:
            raise ValueError(f"threads are at least 1, found {threads}")
        _check(folder)
        faiss.omp_set_num_threads(threads)
        try:
            written = json.loads((folder / _IDS).read_text(encoding="utf-8"))
            passage_ids = written["ids"]
            languages = {language: range(start, end) for language, start, end in written["languages"]}
            moments = np.load(folder / _MOMENTS)
            index = faiss.read_index(str(folder / _VECTORS), faiss.IO_FLAG_MMAP_IFC)
        except (OSError, ValueError, RuntimeError) as fault:
            raise _damaged(folder, "faiss cannot open it") from fault
        if index.ntotal != len(passage_ids):
            raise _damaged(folder, f"{index.ntotal} vectors for {len(passage_ids)} ids")
        return cls(index, passage_ids, languages, moments)

    def __len__(self) -> int:
        """How many passages the index holds."""
        return len(self._passage_ids)

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has."""
        return int(self._index.d)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of the passages, in alphabetical order."""
        return tuple(self._languages)

    def search(
        self,
        vector: npt.NDArray[np.float32],
        depth: int,
        *,
        language: str | None = None,
        within: Collection[str] | None = None,
    ) -> Ranking:
        """The `depth` passages nearest to a unit vector of shape (dimensions,); a score is the cosine, in [-1, 1].

        Only those of `language`, and of the documents `within`, where these are named.
        """
        if depth < 1:
            raise ValueError(f"depth is at least 1, found {depth}")
        question = self._question(vector)
        rows_in = range(len(self)) if language is None else self._languages.get(language, range(0))
        among: Any = faiss.IDSelectorRange(rows_in.start, rows_in.stop)
        count = len(rows_in)
        if within is not None:
            admitted = [row for row in rows_in if self._passage_ids[row].rpartition("#")[0] in within]
            among, count = faiss.IDSelectorBatch(np.array(admitted, dtype=np.int64)), len(admitted)
        parameters = faiss.SearchParameters(sel=among)  # type: ignore[call-arg]
        # All that tie with the last one are fetched too: faiss cuts ties by where they lie.
        limit = min(depth + 1, count)
        while limit:
            scores, rows = self._index.search(question, limit, params=parameters)
            rounded = np.round(scores[0].astype(np.float64), _SCORE_DECIMALS).tolist()
            if limit == count or rounded[-1] < rounded[depth - 1]:
                hits = zip(rows[0].tolist(), rounded, strict=True)
                return Ranking(Hit(self._passage_ids[row], score) for row, score in hits).top(depth)
            limit = min(limit * 4, count)
        return Ranking()

    def backgrounds(self, vector: npt.NDArray[np.float32]) -> dict[str, Background]:
        """For each language, the mean and the spread of the cosines that its passages have with a unit vector.

        No cosine is computed: q·μ and √(qᵀΣq) are exact, by the mean μ and the covariance Σ of the vectors.
        """
        question = self._question(vector)[0]
        found = {}
        for (language, rows), moments in zip(self._languages.items(), self._moments, strict=True):
            variance = float(question @ moments[1:] @ question)
            found[language] = Background(len(rows), float(question @ moments[0]), max(variance, 0.0) ** 0.5)
        return found

    def _question(self, vector: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        if vector.shape != (self.dimensions,):
            raise ValueError(f"a vector of shape ({self.dimensions},) was expected, found {vector.shape}")
        return _units(vector[np.newaxis, :])


def build(folder: Path, passage_ids: Sequence[str], vectors: npt.NDArray[np.float32], languages: Sequence[str]) -> None:
    """Write the index of unit `vectors`, of shape (passages, dimensions), into `folder`, which must not exist.

    `languages` names the language of each passage. `ValueError` where a vector is not finite, not of length 1, or an id
    stands twice; `StorageError` where the disk refuses.
    """
    if vectors.ndim != 2 or not len(vectors) == len(passage_ids) == len(languages) or vectors.shape[1] < 1:
        raise ValueError(
            f"a vector and a language for each of {len(passage_ids)} ids was expected, "
            f"found shape {vectors.shape} and {len(languages)} languages"
        )
    if len(set(passage_ids)) != len(passage_ids):
        raise ValueError("a passage id stands twice")
    order = sorted(range(len(passage_ids)), key=lambda row: languages[row])
    ordered = _units(vectors)[order]
    places: list[tuple[str, int, int]] = []
    for language, same in groupby(order, key=lambda row: languages[row]):
        start = places[-1][2] if places else 0
        places.append((language, start, start + len(list(same))))
    moments = [_moments(ordered[start:end]) for _, start, end in places]
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(ordered)
    ids = {"ids": [passage_ids[row] for row in order], "languages": places}
    with _storing(folder):
        folder.mkdir(parents=True)
        faiss.write_index(index, str(folder / _VECTORS))
        (folder / _IDS).write_text(json.dumps(ids), encoding="utf-8")
        np.save(folder / _MOMENTS, np.array(moments, dtype=np.float32))
        checksums = {name: _checksum(folder / name) for name in _FILES}
        manifest = json.dumps({"format": _FORMAT, "crc32": checksums}, indent=1)
        (folder / _MANIFEST).write_text(manifest, encoding="utf-8")


def _moments(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """The mean of the vectors, and below it their covariance: (1 + dimensions, dimensions)."""
    some = vectors[:: 1 + len(vectors) // _MOMENTS_OF].astype(np.float64)
    mean = some.mean(axis=0)
    apart = some - mean
    return np.vstack([mean, apart.T @ apart / len(some)])


def contents(folder: Path) -> tuple[list[str], npt.NDArray[np.float32], list[str]]:
    """The ids in the index, their vectors, (passages, dimensions), and their languages.

    `DamagedLibrary` where it cannot be read.
    """
    opened = DenseIndex.open(folder)
    vectors: npt.NDArray[np.float32] = opened._index.reconstruct_n(0, len(opened))
    languages = [language for language, rows in opened._languages.items() for _ in rows]
    return list(opened._passage_ids), vectors, languages


def _units(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The vectors as faiss wants them; `ValueError` where one is not a unit vector."""
    rows = np.ascontiguousarray(vectors, dtype=np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    if not np.all(np.abs(lengths - 1) <= _LENGTH_TOLERANCE):  # not so for NaN either
        worst = int(np.argmax(np.nan_to_num(np.abs(lengths - 1), nan=np.inf)))
        raise ValueError(f"vectors of length 1 were expected, found {lengths[worst]} in row {worst}")
    return rows


def _check(folder: Path) -> None:
    """`DamagedLibrary` unless the folder holds what was written."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        written, checksums = manifest["format"], manifest["crc32"]
        expected = {name: checksums[name] for name in _FILES}
    except OSError as fault:
        raise _damaged(folder, "its manifest is missing") from fault
    except (ValueError, KeyError, TypeError) as fault:
        raise _damaged(folder, "its manifest cannot be read") from fault
    if written != _FORMAT:
        raise _damaged(folder, f"format {_FORMAT} was expected, {written} found")
    for name, checksum in expected.items():
        try:
            found = _checksum(folder / name)
        except OSError as fault:
            raise _damaged(folder, f"{name} cannot be read") from fault
        if found != checksum:
            raise _damaged(folder, f"{name} is not what was written")


def _checksum(path: Path) -> int:
    checksum = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            checksum = zlib.crc32(block, checksum)
    return checksum


def _damaged(folder: Path, what: str) -> DamagedLibrary:
    return DamagedLibrary(f"the dense index in {folder} is damaged ({what}); run `quoth reindex`")


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
