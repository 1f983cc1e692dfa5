"""Which faiss index serves how many passages: build, size, time a question, and recall against exact search.

    python -m benchmarks.dense_indexes --data ../shared/data [--sizes 10000,100000,1000000] [--threads 2]

The vectors are the real model's, of every passage and sentence that the benchmarks have ever encoded; beyond their
number come copies of them with noise (a copy's cosine with its original is about 0.97). The questions are those of the
news and of SQuAD. One thread searches, `--threads` build.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import faiss as untyped_faiss
import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import mixed_questions
from benchmarks.libraries import RememberingEncoder, real_encoder, require, tell
from benchmarks.machine import heading
from retrieval.vectors import TRAINED_A_LIST

faiss: Any = untyped_faiss
Vectors = NDArray[np.float32]

NOISE = 0.25  # as long as that, against a unit vector
QUESTIONS = 300
DEPTH = 40
TIE = 1e-6


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of index: its name, how one over `vectors` is made, and what a search is told."""

    name: str
    make: Callable[[Vectors], Any]
    parameters: Callable[[], Any]


def main() -> int:
    """Build and ask each kind at each size, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--sizes", default="10000,100000,1000000")
    parser.add_argument("--only", default="", metavar="NAME", help="kinds whose name begins so")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    encoder = real_encoder()
    questions = asked(require(options.data), encoder)
    rows = []
    for size in map(int, options.sizes.split(",")):
        vectors = made(size, encoder)
        exact = nearest(questions, vectors)
        for kind in kinds(size):
            if kind.name.startswith(options.only):
                rows.append(measured(kind, vectors, questions, exact, options.threads))
                tell(rows[-1])
    print(heading("faiss-cpu", "numpy"))
    print("| passages | index | built in s | file, MB | a question, ms: median / p95 | recall@10 | recall@40 |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    print("\n".join(rows))
    return 0


def asked(data: Path, encoder: RememberingEncoder) -> Vectors:
    """The vectors of real questions, (questions, dimensions)."""
    return encoder.encode(mixed_questions(data, QUESTIONS), prompt="query")


def made(size: int, encoder: RememberingEncoder) -> Vectors:
    """So many unit vectors: real ones, and copies of them with noise."""
    chance = np.random.default_rng(20261122)
    real = encoder.remembered()
    real = real[chance.permutation(len(real))]
    vectors = np.empty((size, real.shape[1]), dtype=np.float32)
    for start in range(0, size, len(real)):
        part = real[: size - start]
        noise = chance.standard_normal(part.shape, dtype=np.float32) * (NOISE / np.sqrt(part.shape[1]))
        vectors[start : start + len(part)] = part + (noise if start else 0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    tell(f"{size} vectors, {min(size, len(real))} of them real")
    return vectors


def nearest(questions: Vectors, vectors: Vectors) -> Vectors:
    """The cosines of the nearest `DEPTH` for each question, by a matrix product, highest first."""
    highest = np.full((len(questions), DEPTH), -1, dtype=np.float32)
    for start in range(0, len(vectors), 100_000):
        both = np.concatenate([highest, questions @ vectors[start : start + 100_000].T], axis=1)
        highest = -np.sort(-np.partition(both, -DEPTH, axis=1)[:, -DEPTH:], axis=1)
    return highest


def kinds(size: int) -> list[Kind]:
    """The kinds worth trying at that size."""
    flat = [
        Kind("flat", lambda vectors: added(faiss.IndexFlatIP(vectors.shape[1]), vectors), lambda: None),
        Kind("flat float16", lambda vectors: quantised(vectors, faiss.ScalarQuantizer.QT_fp16), lambda: None),
        Kind("flat 8 bits", lambda vectors: quantised(vectors, faiss.ScalarQuantizer.QT_8bit), lambda: None),
    ]
    lists = 2 ** round(np.log2(2 * size**0.5))
    inverted = [
        Kind(
            f"IVF{lists}, {name}, {probes} probed",
            partial(of_factory, f"IVF{lists},{code}"),
            partial(faiss.SearchParametersIVF, nprobe=probes),
        )
        for name, code in (("8 bits", "SQ8"), ("float16", "SQfp16"))
        for probes in (32, 64, 128)
    ]
    refined = [
        Kind(
            f"IVF{lists}, PQ96 of 4 bits, 64 probed, refined by 8 bits",
            partial(of_factory, f"IVF{lists},PQ96x4fs,Refine(SQ8)"),
            lambda: faiss.IndexRefineSearchParameters(
                k_factor=8, base_index_params=faiss.SearchParametersIVF(nprobe=64)
            ),
        )
    ]
    graphs = [
        Kind(
            f"HNSW32, 8 bits, {effort} visited",
            partial(of_factory, "HNSW32_SQ8"),
            partial(faiss.SearchParametersHNSW, efSearch=effort),
        )
        for effort in (64, 128)
    ]
    return [*flat, *inverted, *refined, *graphs]


def added(index: Any, vectors: Vectors) -> Any:
    """The index, trained on and filled with `vectors`."""
    if not index.is_trained:
        index.train(vectors)
    index.add(vectors)
    return index


def quantised(vectors: Vectors, kind: int) -> Any:
    """A flat index of numbers that are stored shorter."""
    return added(faiss.IndexScalarQuantizer(vectors.shape[1], kind, faiss.METRIC_INNER_PRODUCT), vectors)


def of_factory(description: str, vectors: Vectors) -> Any:
    """The index that faiss's factory makes of a description."""
    index = faiss.index_factory(vectors.shape[1], description, faiss.METRIC_INNER_PRODUCT)
    if description.startswith("IVF"):
        faiss.extract_index_ivf(index).cp.max_points_per_centroid = TRAINED_A_LIST
    return added(index, vectors)


_built: dict[tuple[str, int], tuple[Any, float, float]] = {}


def measured(kind: Kind, vectors: Vectors, questions: Vectors, exact: Vectors, threads: int) -> str:
    """A row of the table; an index that differs in its search only is built once."""
    key = re.sub(" [0-9]+ (probed|visited)$", "", kind.name), len(vectors)
    if key not in _built:
        _built.clear()
        faiss.omp_set_num_threads(threads)
        begun = time.perf_counter()
        index = kind.make(vectors)
        seconds = time.perf_counter() - begun
        with tempfile.TemporaryDirectory() as scratch:
            faiss.write_index(index, f"{scratch}/index")
            _built[key] = index, seconds, Path(scratch, "index").stat().st_size / 1e6
    index, seconds, megabytes = _built[key]
    faiss.omp_set_num_threads(1)
    times, found = [], []
    for question in questions:
        begun = time.process_time()
        found.append(index.search(question[None], DEPTH, params=kind.parameters())[1][0].tolist())
        times.append(1000 * (time.process_time() - begun))
    times.sort()
    # As near as the tenth is one of the ten: texts that were encoded twice tie.
    cosines = np.einsum("qd,qkd->qk", questions, vectors[np.array(found)])
    recalls = [
        float(np.mean(np.sum(cosines[:, :depth] >= exact[:, depth - 1 : depth] - TIE, axis=1) / depth))
        for depth in (10, DEPTH)
    ]
    median, late = times[len(times) // 2], times[int(0.95 * len(times))]
    return (
        f"| {len(vectors):,} | {kind.name} | {seconds:.1f} | {megabytes:.0f} | {median:.2f} / {late:.2f} "
        f"| {recalls[0]:.3f} | {recalls[1]:.3f} |"
    )


if __name__ == "__main__":
    raise SystemExit(main())
