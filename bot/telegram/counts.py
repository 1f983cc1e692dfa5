"""What the bot counts, for operators: questions, answers, how long they took. Never who asked, nor what."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from retrieval.datamodel import Answer, Reply

__all__ = ["Counts"]

_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6)


class Counts:
    """The figures of one bot, each made once, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._questions = Counter(
            "quoth_questions", "Questions, by what became of them", ["outcome"], registry=self._registry
        )
        self._seconds = Histogram(
            "quoth_answer_seconds", "From a question to its reply", buckets=_SECONDS, registry=self._registry
        )
        self.errors = Counter("quoth_errors", "Updates on which a handler failed", registry=self._registry)
        self.skipped = Counter("quoth_skipped_updates", "Updates that could not be read", registry=self._registry)
        for outcome in ("answered", "abstained"):
            self._questions.labels(outcome)

    def asked(self, reply: Reply, seconds: float) -> None:
        """A question was answered, or not, after so many seconds."""
        self._questions.labels("answered" if isinstance(reply, Answer) else "abstained").inc()
        self._seconds.observe(seconds)

    def watch(self, name: str, what: str, value: Callable[[], float]) -> None:
        """A figure that is looked up when it is asked for."""
        Gauge(name, what, registry=self._registry).set_function(value)

    def text(self) -> bytes:
        """All figures, as Prometheus reads them."""
        return generate_latest(self._registry)
