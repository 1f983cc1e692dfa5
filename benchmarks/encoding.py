"""Encoding side by side with sentence-transformers on torch: the same weights, threads and texts.

    python -m benchmarks.encoding [--threads 2] [--rounds 5]

Each side lives in a process of its own, and the two take turns, so that what else the machine does meets both alike.
Prints Markdown tables and whether the expected ratios hold.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks.cases import QUESTIONS, seed_text
from benchmarks.machine import ROOT, heading
from benchmarks.timing import Timing, median, minimum, timed
from retrieval.encode import Embeddings, OnnxEncoder, Prompt
from retrieval.models import prepare
from retrieval.settings import Settings

COLD_STARTS = 3


@dataclass(frozen=True, slots=True)
class Case:
    """Texts that are encoded in calls of `at_once`; `floor` is how many times as fast we expect to be."""

    name: str
    prompt: Prompt
    texts: Sequence[str]
    at_once: int
    floor: float


@dataclass(frozen=True, slots=True)
class Encoded:
    """What a worker says of one round: time per call, and the embeddings."""

    timing: Timing
    embeddings: Embeddings


def main() -> int:
    """Measure both sides and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=Settings().threads)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--worker", choices=list(SIDES), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(SIDES[options.worker](options.threads))
        return 0
    cold = {name: [cold_start(name, options.threads) for _ in range(COLD_STARTS)] for name in SIDES}
    workers = {name: Worker(name, options.threads) for name in SIDES}
    print(heading("onnxruntime", "torch", "sentence-transformers"))
    print(f"\nThreads a side: {options.threads}. Rounds, the sides in turn: {options.rounds}; best / median of them.\n")
    print("| case | | Quoth | sentence-transformers | ratio of the best / of the medians | expected |")
    print("| --- | --- | --- | --- | --- | --- |")
    for case in cases():
        print("\n".join(case_rows(case, workers, options.rounds)), flush=True)
    print("\n".join(cold_rows(cold)))
    for worker in workers.values():
        worker.close()
    return 0


def cases() -> list[Case]:
    """A question alone, and passages of two lengths."""
    return [
        Case("a question, ms", "query", QUESTIONS, 1, 4.0),
        Case("passages of 120 tokens a second", "passage", windows(120, count=32), 32, 2.5),
        Case("passages of 250 tokens a second", "passage", windows(250, count=16), 16, 2.5),
    ]


def windows(tokens: int, *, count: int) -> list[str]:
    """`count` texts of about `tokens` tokens each, evenly spread over the seeds, one overlapping the next."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(prepare().tokenizer))
    tokenizer.no_truncation()
    text = seed_text()
    offsets = tokenizer.encode(text, add_special_tokens=False).offsets
    inside = tokens - 5  # the prompt's words and the two marks belong to the length
    starts = np.linspace(0, len(offsets) - inside - 1, count).astype(int)
    return [text[offsets[start][0] : offsets[start + inside][0]] for start in starts]


def case_rows(case: Case, workers: dict[str, Worker], rounds: int) -> list[str]:
    """The case's lines of the table, by the clock and by the processor."""
    calls = [case.texts[start : start + case.at_once] for start in range(0, len(case.texts), case.at_once)]
    found: dict[str, list[Timing]] = {name: [] for name in workers}
    embeddings: dict[str, Embeddings] = {}
    for number in range(rounds + 1):
        for name, worker in workers.items():
            encoded = worker.encode(calls, case.prompt)
            embeddings[name] = encoded.embeddings
            if number:  # the first round warms up
                found[name].append(encoded.timing)
    ours, theirs = found.values()
    best, middle = (minimum(ours), minimum(theirs)), (median(ours), median(theirs))
    ratio = best[1].wall_s / best[0].wall_s
    cosine = float(np.mean(np.sum(np.multiply(*embeddings.values()), axis=1)))
    verdict = f"≥ {case.floor:g}: {'holds' if ratio >= case.floor else 'DOES NOT HOLD'}"

    def row(label: str, pick: Callable[[Timing], float], last: str) -> str:
        cells = [f"{shown(case, pick(best[side]))} / {shown(case, pick(middle[side]))}" for side in (0, 1)]
        ratios = f"{pick(best[1]) / pick(best[0]):.1f} / {pick(middle[1]) / pick(middle[0]):.1f}"
        return f"| {label} | {cells[0]} | {cells[1]} | {ratios} | {last} |"

    return [
        row(f"{case.name} | wall", lambda timing: timing.wall_s, verdict),
        row("| processor", lambda timing: timing.processor_s, f"(cosine of the two {cosine:.3f})"),
    ]


def shown(case: Case, seconds: float) -> str:
    """Milliseconds of a call of one text, else texts a second."""
    return f"{1000 * seconds:.1f}" if case.at_once == 1 else f"{case.at_once / seconds:.1f}"


def cold_rows(cold: dict[str, list[Timing]]) -> list[str]:
    """The table's lines on fresh processes."""
    ours, theirs = cold.values()

    def row(label: str, pick: Callable[[Timing], float]) -> str:
        best = [pick(minimum(side)) for side in (ours, theirs)]
        middle = [pick(median(side)) for side in (ours, theirs)]
        cells = [f"{best[side]:.2f} / {middle[side]:.2f}" for side in (0, 1)]
        return f"| {label} | {cells[0]} | {cells[1]} | {best[1] / best[0]:.1f} / {middle[1] / middle[0]:.1f} | |"

    return [
        row("cold start to the first embedding, s | wall", lambda timing: timing.wall_s),
        row("| processor", lambda timing: timing.processor_s),
    ]


# A side, in a process of its own


class Worker:
    """One side's process: it is told texts, and answers with times and embeddings."""

    def __init__(self, name: str, threads: int) -> None:
        command = [sys.executable, "-m", "benchmarks.encoding", "--worker", name, "--threads", str(threads)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def encode(self, calls: Sequence[Sequence[str]], prompt: Prompt) -> Encoded:
        """Encode `calls` one after the other; the timing is of one call, on average."""
        reply = self.ask(calls, prompt)
        return Encoded(Timing(reply["wall_s"], reply["processor_s"]), np.array(reply["embeddings"], dtype=np.float32))

    def ask(self, calls: Sequence[Sequence[str]], prompt: Prompt) -> dict[str, Any]:
        """The worker's reply as it comes."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"calls": [list(texts) for texts in calls], "prompt": prompt}) + "\n")
        self._process.stdin.flush()
        reply: dict[str, Any] = json.loads(self._process.stdout.readline())
        return reply

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def cold_start(name: str, threads: int) -> Timing:
    """From a fresh process's start to its first embedding; files in the system's cache."""
    begun = time.perf_counter()
    worker = Worker(name, threads)
    reply = worker.ask([QUESTIONS[:1]], "query")
    wall_s = time.perf_counter() - begun
    worker.close()
    return Timing(wall_s, reply["processor_since_start_s"])


def work(encode: Callable[[list[str], Prompt], Embeddings]) -> None:
    """Answer the lines of stdin until it ends."""
    for line in sys.stdin:
        asked = json.loads(line)
        prompt: Prompt = asked["prompt"]
        results = [timed(partial(encode, texts, prompt)) for texts in asked["calls"]]
        reply = {
            "wall_s": sum(timing.wall_s for _, timing in results) / len(results),
            "processor_s": sum(timing.processor_s for _, timing in results) / len(results),
            "processor_since_start_s": time.process_time(),
            "embeddings": np.concatenate([embeddings for embeddings, _ in results]).tolist(),
        }
        print(json.dumps(reply), flush=True)


def quoth(threads: int) -> Callable[[list[str], Prompt], Embeddings]:
    """Our encoder."""
    encoder = OnnxEncoder(prepare(), threads=threads)
    return lambda texts, prompt: encoder.encode(texts, prompt=prompt)


def sentence_transformers(threads: int) -> Callable[[list[str], Prompt], Embeddings]:
    """The library that wrote the model's folder, as its manual has it: float32, its own batches, unit vectors."""
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(threads)
    model = SentenceTransformer(str(prepare().folder / "sentence-transformers"), device="cpu")

    def encode(texts: list[str], prompt: Prompt) -> Embeddings:
        return np.asarray(
            model.encode(texts, prompt_name=prompt, normalize_embeddings=True, show_progress_bar=False), np.float32
        )

    return encode


SIDES = {"quoth": quoth, "sentence-transformers": sentence_transformers}


if __name__ == "__main__":
    sys.exit(main())
