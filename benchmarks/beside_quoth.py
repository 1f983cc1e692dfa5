"""Quoth itself, for `beside_step.py`: the same steps as the others take, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from bot.records import reply_record
from retrieval.encode import OnnxEncoder
from retrieval.engine import Engine
from retrieval.models import prepare
from retrieval.reader import OnnxReader
from retrieval.settings import Settings

Row: TypeAlias = dict[str, Any]


def index(task: Row) -> Callable[[], None]:
    """Ingest the documents into a library."""
    engine = _engine(task)
    engine.encoder  # noqa: B018 - loads the model, which is not part of indexing

    def ingest() -> None:
        report = engine.ingest([task["documents"]])
        if report.refused:
            raise SystemExit(str(report.refused[0]))
        engine.close()

    return ingest


def opened(task: Row) -> Callable[[Row], Row]:
    """Ask the library, with what was asked before."""
    engine = _engine(task)

    def ask(question: Row) -> Row:
        reply = engine.ask(question["question"], history=question.get("history", []), top=task["depth"])
        return reply_record(reply, identifier=question["id"], elapsed_ms=0.0)

    return ask


def _engine(task: Row) -> Engine:
    settings, model = Settings(threads=task["threads"]), prepare()
    return Engine(
        Path(task["index"]),
        settings,
        lambda: OnnxEncoder(model, threads=settings.threads),
        lambda: OnnxReader(model.unigram, threads=settings.threads),
    )
