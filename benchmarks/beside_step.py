"""One step of a system that is set beside Quoth: what is timed, and how, is the same for all, Quoth included.

    python -P benchmarks/beside_step.py SCRIPT.py (index | ask) TASK.json

Runs in the system's own environment and imports nothing of ours. `SCRIPT.py` has two functions:

- `index(task)` loads what is needed and returns the call that indexes the documents and keeps them;
- `opened(task)` loads what is needed, opens what was kept, and returns the call that answers a question.

The task names `way` (which of the script's systems), `split` (what its splitter is told), `documents` and `questions`
(`.jsonl` files), `model` (a sentence-transformers folder), `query_prompt`, `passage_prompt`, `depth` (how many passages
are wanted), `threads`, `index` (the folder to keep the index in), and `measured`, the file to write: a JSON object.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

Row: TypeAlias = dict[str, Any]


def main() -> int:
    """Load the script, do the step, write what was measured."""
    script, step, path = sys.argv[1:]
    task: Row = json.loads(Path(path).read_text(encoding="utf-8"))
    specification = importlib.util.spec_from_file_location("system", script)
    assert specification is not None
    assert specification.loader is not None
    system = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(system)
    measured = indexed(system.index(task)) if step == "index" else asked(system.opened, task)
    Path(task["measured"]).write_text(json.dumps(measured, ensure_ascii=False), encoding="utf-8")
    return 0


def indexed(index: Callable[[], None]) -> Row:
    """How long indexing took, without loading."""
    _, wall_s, processor_s = _timed(index)
    return {"wall_s": wall_s, "processor_s": processor_s}


def asked(opened: Callable[[Row], Callable[[Row], Any]], task: Row) -> Row:
    """When the first answer was there, by the clock, and then each question's answer and what it took."""
    lines = Path(task["questions"]).read_text(encoding="utf-8").split("\n")
    questions = [json.loads(line) for line in lines if line]
    answer = opened(task)
    answer(questions[0])
    first_answer = time.time()
    replies = []
    for question in questions:
        reply, wall_s, processor_s = _timed(lambda question=question: answer(question))  # type: ignore[misc]
        taken = {"elapsed_ms": 1000 * wall_s, "processor_ms": 1000 * processor_s}
        replies.append({"id": question["id"], "reply": reply, **taken})
    return {"first_answer": first_answer, "replies": replies}


def _timed(call: Callable[[], Any]) -> tuple[Any, float, float]:
    """What `call` returns, the seconds by the clock, and those that all threads of this process spent on processors."""
    wall, processor = time.perf_counter(), time.process_time()
    result = call()
    return result, time.perf_counter() - wall, time.process_time() - processor


if __name__ == "__main__":
    sys.exit(main())
