"""The engine on a thread of its own, so that the event loop never waits for it.

An engine belongs to one thread. Questions wait in a queue that ends somewhere; what takes a moment (a page of the
sources) goes before them.
"""

from __future__ import annotations

import asyncio
import itertools
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from retrieval.engine import Engine

__all__ = ["Answering", "Busy"]

T = TypeVar("T")
MOST_WAITING = 8192  # as much as is in hand at once, and what inline queries ask


class Busy(Exception):
    """More wait than can be served soon."""


@dataclass(frozen=True, slots=True)
class _Work(Generic[T]):
    call: Callable[[Engine], T]
    future: asyncio.Future[T]
    loop: asyncio.AbstractEventLoop


class Answering:
    """Runs what it is given with the engine, one after the other, off the event loop."""

    def __init__(self, make_engine: Callable[[], Engine], *, most_waiting: int = MOST_WAITING) -> None:
        self._make_engine = make_engine
        self._waiting: queue.PriorityQueue[tuple[bool, int, _Work[Any] | None]] = queue.PriorityQueue(most_waiting)
        self._number = itertools.count()  # of two alike, the first comes first
        self._thread = threading.Thread(target=self._serve, name="answering", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def __len__(self) -> int:
        """How much waits."""
        return self._waiting.qsize()

    @property
    def is_alive(self) -> bool:
        """Whether its thread still works."""
        return self._thread.is_alive()

    async def run(self, call: Callable[[Engine], T], *, ahead: bool = False) -> T:
        """What `call` returns or raises, given the engine; `Busy` where too much waits.

        `ahead` of all questions, for what takes a moment.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        try:
            self._waiting.put_nowait((not ahead, next(self._number), _Work(call, future, loop)))
        except queue.Full as error:
            raise Busy from error
        return await future

    def stop(self, *, seconds: float) -> None:
        """End when what is in hand is done, or after so many seconds."""
        with suppress(queue.Full):
            self._waiting.put_nowait((False, next(self._number), None))
        self._thread.join(seconds)

    def _serve(self) -> None:
        while (work := self._waiting.get()[2]) is not None:
            if not work.future.cancelled():
                self._do(work)
        if "_engine" in self.__dict__:
            self._engine.close()

    @cached_property
    def _engine(self) -> Engine:
        return self._make_engine()

    def _do(self, work: _Work[Any]) -> None:
        try:
            result = work.call(self._engine)
        except BaseException as error:  # it belongs to whoever waits for it; a library may even panic
            told = error if isinstance(error, Exception) else RuntimeError(type(error).__name__)
            if told is not error:
                self.__dict__.pop("_engine", None)  # nobody knows in what state it is
            _settle(work, lambda: work.future.set_exception(told))
        else:
            _settle(work, lambda: work.future.set_result(result))


def _settle(work: _Work[Any], settle: Callable[[], None]) -> None:
    def settle_unless_cancelled() -> None:
        if not work.future.done():
            settle()

    with suppress(RuntimeError):  # the loop has ended, and with it whoever waited
        work.loop.call_soon_threadsafe(settle_unless_cancelled)
