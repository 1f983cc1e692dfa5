"""The unit vectors of one language in a file, exact or in lists of like ones: the only file that imports faiss.

Up to `FLAT_MOST` vectors are compared with a question one by one, exactly. More of them are parted into lists of like
ones, sixteen bits a number, and a question is compared with those in the lists nearest to it (inverted file; Sivic and
Zisserman 2003, Jégou et al. 2011). What of the true nearest is found so, and what it costs, stands in
`docs/decisions/0009-a-million-passages.md`.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

__all__ = ["FLAT_MOST", "VectorIndex", "Vectors", "write", "write_with"]

Vectors = npt.NDArray[np.float32]

FLAT_MOST = 20_000
TRAINED_A_LIST = 64  # vectors, by which a list's place is told
PROBED = 128  # lists that are searched
GROWTH = 4  # times what the lists were told by: then they are told anew
SCORE_DECIMALS = (
    6  # a cosine summed in 32 bits is exact to about 1e-7: what lies below is noise, and must not break ties
)


class VectorIndex:
    """An open file of vectors, by row. Many threads may search it."""

    def __init__(self, index: Any) -> None:  # faiss has no types
        self._index = index
        self._lists = int(index.nlist) if isinstance(index, faiss.IndexIVF) else 0

    @classmethod
    def open(cls, path: Path, *, threads: int = 1) -> VectorIndex:
        """The vectors in `path`, mapped where all are compared; `RuntimeError` where faiss cannot read them.

        faiss has one number of threads for the whole process: this sets it. A single question is searched by one.
        """
        faiss.omp_set_num_threads(threads)
        # The older way of mapping (IO_FLAG_MMAP) leaves lists on the disk too, and takes three times as long to search.
        return cls(faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC))

    def __len__(self) -> int:
        """How many vectors there are."""
        return int(self._index.ntotal)

    @property
    def is_exact(self) -> bool:
        """Whether every vector is compared with a question."""
        return not self._lists

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has."""
        return int(self._index.d)

    def search(
        self, question: Vectors, limit: int, *, within: npt.NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """The `limit` rows nearest to a unit vector of shape (dimensions,), each with its cosine, nearest first.

        Only those of the rows `within`, if these are named: then every list is looked through.
        """
        parameters: Any = None
        selector = faiss.IDSelectorBatch(within) if within is not None else None
        if self._lists:
            probes = self._lists if selector is not None else min(PROBED, self._lists)
            parameters = faiss.SearchParametersIVF(sel=selector, nprobe=probes)  # type: ignore[call-arg]
        elif selector is not None:
            parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        scores, rows = self._index.search(question[np.newaxis], limit, params=parameters)
        rounded = np.round(scores[0].astype(np.float64), SCORE_DECIMALS).tolist()
        return [(row, score) for row, score in zip(rows[0].tolist(), rounded, strict=True) if row >= 0]

    def all(self) -> Vectors:
        """Every vector, (vectors, dimensions), as exactly as it is kept."""
        found: Vectors = self._index.reconstruct_n(0, len(self))
        return found


def write(path: Path, vectors: Vectors, *, flat_most: int = FLAT_MOST) -> None:
    """Write the index of unit `vectors`, (vectors, dimensions), to `path`."""
    count, dimensions = vectors.shape
    if count <= flat_most:
        index: Any = faiss.IndexFlatIP(dimensions)
    else:
        lists = 2 ** round(math.log2(2 * math.sqrt(count)))
        coarse = faiss.IndexFlatIP(dimensions)
        index = faiss.IndexIVFScalarQuantizer(
            coarse, dimensions, lists, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        )
        index.cp.min_points_per_centroid = 1  # fewer, as in tests, are no cause for a warning
        index.cp.max_points_per_centroid = TRAINED_A_LIST
        index.cp.spherical = True
        index.train(vectors)
    index.add(np.ascontiguousarray(vectors))
    faiss.write_index(index, str(path))


def write_with(former: Path, path: Path, vectors: Vectors) -> bool:
    """Write what `former` holds and, in the rows behind, `vectors` to `path`.

    False, and nothing is written, where lists must be told anew, or there are none.
    """
    index = faiss.read_index(str(former))
    if not isinstance(index, faiss.IndexIVF) or index.ntotal + len(vectors) > GROWTH * (index.nlist / 2) ** 2:
        return False
    index.add(np.ascontiguousarray(vectors))
    faiss.write_index(index, str(path))
    return True
