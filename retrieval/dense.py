"""Exact search by inner product over unit vectors: the only file that imports faiss.

An index is a folder that never changes once made: the vectors as faiss writes them, their passage ids in the same
order, and last a manifest with the checksums of both. The vectors are mapped, so they count as the system's file cache
rather than as the process's own memory. `build` writes into a new folder: the caller makes it beside and renames it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from retrieval.datamodel import Hit, Ranking
from retrieval.errors import DamagedLibrary, StorageError

__all__ = ["DenseIndex", "build", "contents"]

_FORMAT = 1
_MANIFEST = "manifest.json"
_VECTORS = "vectors.faiss"
_IDS = "ids.json"
_LENGTH_TOLERANCE = 1e-3  # storing a unit vector in float16 changes its length by 5e-4 at most
_SCORE_DECIMALS = (
    6  # a cosine summed in 32 bits is exact to about 1e-7: what lies below is noise, and must not break ties
)


class DenseIndex:
    """An open folder of unit vectors. Many threads may search it."""

    def __init__(self, index: Any, passage_ids: Sequence[str]) -> None:  # faiss has no types
        self._index = index
        self._passage_ids = passage_ids

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
            passage_ids = json.loads((folder / _IDS).read_text(encoding="utf-8"))
            index = faiss.read_index(str(folder / _VECTORS), faiss.IO_FLAG_MMAP_IFC)
        except (OSError, ValueError, RuntimeError) as fault:
            raise _damaged(folder, "faiss cannot open it") from fault
        if index.ntotal != len(passage_ids):
            raise _damaged(folder, f"{index.ntotal} vectors for {len(passage_ids)} ids")
        return cls(index, passage_ids)

    def __len__(self) -> int:
        """How many passages the index holds."""
        return len(self._passage_ids)

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has."""
        return int(self._index.d)

    def search(self, vector: npt.NDArray[np.float32], depth: int) -> Ranking:
        """The `depth` passages nearest to a unit vector of shape (dimensions,); a score is the cosine, in [-1, 1]."""
        if depth < 1:
            raise ValueError(f"depth is at least 1, found {depth}")
        if vector.shape != (self.dimensions,):
            raise ValueError(f"a vector of shape ({self.dimensions},) was expected, found {vector.shape}")
        question = _units(vector[np.newaxis, :])
        # All that tie with the last one are fetched too: faiss cuts ties by where they lie.
        limit = min(depth + 1, len(self))
        while limit:
            scores, rows = self._index.search(question, limit)
            rounded = [round(float(score), _SCORE_DECIMALS) for score in scores[0]]
            if limit == len(self) or rounded[-1] < rounded[depth - 1]:
                hits = zip(rows[0].tolist(), rounded, strict=True)
                return Ranking(Hit(self._passage_ids[row], score) for row, score in hits).top(depth)
            limit = min(limit * 4, len(self))
        return Ranking()


def build(folder: Path, passage_ids: Sequence[str], vectors: npt.NDArray[np.float32]) -> None:
    """Write the index of unit `vectors`, of shape (passages, dimensions), into `folder`, which must not exist.

    `ValueError` where a vector is not finite, not of length 1, or an id stands twice; `StorageError` where the disk
    refuses.
    """
    if vectors.ndim != 2 or len(vectors) != len(passage_ids) or vectors.shape[1] < 1:
        raise ValueError(f"a vector for each of {len(passage_ids)} ids was expected, found shape {vectors.shape}")
    if len(set(passage_ids)) != len(passage_ids):
        raise ValueError("a passage id stands twice")
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(_units(vectors))
    with _storing(folder):
        folder.mkdir(parents=True)
        faiss.write_index(index, str(folder / _VECTORS))
        (folder / _IDS).write_text(json.dumps(list(passage_ids)), encoding="utf-8")
        checksums = {name: _checksum(folder / name) for name in (_VECTORS, _IDS)}
        manifest = json.dumps({"format": _FORMAT, "crc32": checksums}, indent=1)
        (folder / _MANIFEST).write_text(manifest, encoding="utf-8")


def contents(folder: Path) -> tuple[list[str], npt.NDArray[np.float32]]:
    """The ids in the index and their vectors, (passages, dimensions); `DamagedLibrary` where it cannot be read."""
    opened = DenseIndex.open(folder)
    vectors: npt.NDArray[np.float32] = opened._index.reconstruct_n(0, len(opened))
    return list(opened._passage_ids), vectors


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
        expected = {name: checksums[name] for name in (_VECTORS, _IDS)}
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
