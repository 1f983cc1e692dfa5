"""How long `quoth ask` takes in a fresh process, and what a process that has answered holds in memory.

    python -m benchmarks.start_and_memory [--runs 7]

The library is made of `seeds/`. Prints Markdown tables, and whether the memory stays within its limit.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from benchmarks.cases import QUESTIONS, SEEDS
from benchmarks.machine import ROOT, heading
from benchmarks.timing import Timing, median, minimum, run_python, timed

LIMIT_MB = 500
PACKAGES = ("numpy", "faiss", "retrieval", "onnxruntime", "bot", "rich", "tantivy")


@dataclass(frozen=True, slots=True)
class Memory:
    """What a process holds: resident, and of that what no other process shares, in bytes."""

    resident: int
    unique: int

    @classmethod
    def of(cls, process: psutil.Process) -> Memory:
        """The memory of `process` now."""
        found = process.memory_full_info()
        return cls(found.rss, found.uss)


def main() -> int:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--steps", metavar="LIBRARY", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.steps:
        print(json.dumps(steps(options.steps)))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        library = str(Path(scratch) / "library")
        run_python(["-m", "bot", "--library", library, "ingest", str(SEEDS)])
        ask = ["-m", "bot", "--library", library, "ask", QUESTIONS[0]]
        runs = [run_python(ask) for _ in range(options.runs)]
        imports = import_seconds(run_python(["-X", "importtime", *ask]).stderr)
        rows = json.loads(run_python(["-m", "benchmarks.start_and_memory", "--steps", library]).stdout)
        answered = memory_after_answering(library)
    print(heading("onnxruntime", "faiss-cpu", "tantivy", "numpy"))
    print("\n".join(start_table([run.timing for run in runs], imports)))
    print("\n".join(memory_table(rows)))
    print("\n".join(limit_lines(answered, max(run.peak_bytes for run in runs))))
    return 0


def start_table(timings: list[Timing], imports: dict[str, float]) -> list[str]:
    """Seconds of `quoth ask`, and what its imports are made of."""
    best, middle = minimum(timings), median(timings)
    total = sum(imports.values())
    shares = ", ".join(
        f"{name} {100 * seconds / total:.0f} %" for name, seconds in sorted(imports.items(), key=lambda one: -one[1])
    )
    return [
        "",
        f"| `quoth ask`, {len(timings)} fresh processes, s | best | median |",
        "| --- | --- | --- |",
        f"| wall | {best.wall_s:.2f} | {middle.wall_s:.2f} |",
        f"| processor | {best.processor_s:.2f} | {middle.processor_s:.2f} |",
        "",
        f"Imports, in one more process that traces them: {total:.2f} s: {shares}.",
    ]


def import_seconds(trace: str) -> dict[str, float]:
    """Seconds that each package's own modules took to import, from what `-X importtime` wrote."""
    seconds: dict[str, float] = defaultdict(float)
    for line in trace.splitlines():
        parts = line.removeprefix("import time:").split("|")
        if line.startswith("import time:") and parts[0].strip().isdigit():
            package = parts[2].strip().partition(".")[0]
            seconds[package if package in PACKAGES else "all else"] += int(parts[0]) / 1e6
    return seconds


def memory_table(rows: list[dict[str, Any]]) -> list[str]:
    """What each step took and added."""
    lines = [
        "",
        "| step, in one process | wall, ms | processor, ms | adds, resident MB | resident, MB | unique, MB |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    before = 0
    for row in rows:
        resident = row["resident"]
        times = [f"{1000 * row[key]:.0f}" if key in row else "" for key in ("wall_s", "processor_s")]
        added = f"{(resident - before) / 1e6:.0f}"
        lines.append(
            f"| {row['step']} | {times[0]} | {times[1]} | {added} | {resident / 1e6:.0f} | {row['unique'] / 1e6:.0f} |"
        )
        before = resident
    return lines


def limit_lines(answered: dict[str, Memory], peak_bytes: int) -> list[str]:
    """The command line's own memory against the limit."""
    worst = max(*(memory.resident for memory in answered.values()), peak_bytes) / 1e6
    lines = ["", "| `quoth ask --batch`, seen from outside, MB | resident | unique |", "| --- | --- | --- |"]
    lines += [
        f"| after {name} | {memory.resident / 1e6:.0f} | {memory.unique / 1e6:.0f} |"
        for name, memory in answered.items()
    ]
    verdict = "pass" if worst <= LIMIT_MB else "FAIL"
    return [*lines, "", f"Highest, the peak of `quoth ask` included: {worst:.0f} MB of {LIMIT_MB}: {verdict}."]


def memory_after_answering(library: str) -> dict[str, Memory]:
    """The memory of the real command line after its first answer, and after all."""
    command = [sys.executable, "-m", "bot", "--library", library, "ask", "--json", "--batch", "/dev/stdin"]
    found: dict[str, Memory] = {}
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number, question in enumerate(QUESTIONS, start=1):
            process.stdin.write(json.dumps({"id": number, "question": question}) + "\n")
            process.stdin.flush()
            if "excerpts" not in json.loads(process.stdout.readline()):
                sys.exit(f"expected a reply to {question!r}, found none")
            if number in {1, len(QUESTIONS)}:
                found[f"{number} question{'s' if number > 1 else ''}"] = Memory.of(psutil.Process(process.pid))
        process.stdin.close()
    return found


def steps(library: Path) -> list[dict[str, Any]]:
    """Answer from `library`, and note time and memory at each seam. Runs in a process of its own."""
    rows: list[dict[str, Any]] = []
    process = psutil.Process()

    def note(step: str, timing: Timing | None = None) -> None:
        memory = Memory.of(process)
        row = {"step": step, "resident": memory.resident, "unique": memory.unique}
        rows.append(row if timing is None else {**row, "wall_s": timing.wall_s, "processor_s": timing.processor_s})

    note("interpreter, and what this benchmark needs")
    note("imports: numpy, faiss, tantivy, our own", timed(_import_engine)[1])
    note("imports: onnxruntime", timed(_import_runtime)[1])

    import onnxruntime

    import retrieval.encode
    from retrieval.encode import Encoder, OnnxEncoder
    from retrieval.engine import Engine
    from retrieval.models import Model, prepare
    from retrieval.settings import Settings

    settings = Settings()
    engine, timing = timed(lambda: Engine(library, settings, lambda: encoder))
    note("library opened", timing)

    # The encoder makes both in one go: each is noted as it comes.
    originals = (onnxruntime.InferenceSession, retrieval.encode._tokenizer)

    def session(*arguments: Any, **options: Any) -> Any:
        made, timing = timed(lambda: originals[0](*arguments, **options))
        note("the model's graph: session", timing)
        return made

    def tokenizer(model: Model) -> Any:
        made, timing = timed(lambda: originals[1](model))
        note("tokenizer", timing)
        return made

    setattr(onnxruntime, "InferenceSession", session)  # noqa: B010 - a plain assignment to a class is no type's
    setattr(retrieval.encode, "_tokenizer", tokenizer)  # noqa: B010
    encoder: Encoder = OnnxEncoder(prepare(), threads=settings.threads)
    note("first embedding", timed(lambda: encoder.encode(QUESTIONS[:1], prompt="query"))[1])
    note("first answer, the indexes opened", timed(lambda: engine.ask(QUESTIONS[0]))[1])
    note("the same question again", timed(lambda: engine.ask(QUESTIONS[0]))[1])
    note(f"{len(QUESTIONS) - 1} more questions", timed(lambda: [engine.ask(one) for one in QUESTIONS[1:]])[1])
    engine.close()
    return rows


def _import_engine() -> None:
    import retrieval.dense
    import retrieval.engine  # noqa: F401


def _import_runtime() -> None:
    import onnxruntime  # noqa: F401


if __name__ == "__main__":
    sys.exit(main())
