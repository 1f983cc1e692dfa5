"""The engine's thread: what it is asked is answered, in order; what fails, fails for who asked and for nobody else."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, cast

import pytest

from bot.telegram.answering import Answering, Busy
from retrieval.engine import Engine
from retrieval.errors import DamagedLibrary


class Stand:
    """In the place of an engine: only the thread around it is tested."""

    closed = False

    def close(self) -> None:
        self.closed = True


def test_each_gets_its_own_answer_in_order_and_the_short_ones_go_ahead() -> None:
    seen: list[str] = []
    engine, gate = Stand(), threading.Event()

    def says(word: str) -> Any:
        def call(_: Engine) -> str:
            seen.append(word)
            return word

        return call

    async def ask() -> list[str]:
        answering = Answering(lambda: cast(Engine, engine))
        answering.start()
        first = asyncio.ensure_future(answering.run(lambda _: gate.wait(5)))
        await asyncio.sleep(0.05)
        questions = [asyncio.ensure_future(answering.run(says(word))) for word in ("a", "b", "c")]
        await asyncio.sleep(0)
        short = asyncio.ensure_future(answering.run(says("page"), ahead=True))
        await asyncio.sleep(0)
        gate.set()
        found = [await one for one in (*questions, short)]
        assert await first
        answering.stop(seconds=5)
        return found

    assert asyncio.run(ask()) == ["a", "b", "c", "page"]
    assert seen == ["page", "a", "b", "c"]
    assert engine.closed


def test_an_engine_that_cannot_be_made_is_told_to_who_waits_and_tried_again() -> None:
    made: list[int] = []

    def make() -> Engine:
        made.append(1)
        if len(made) < 3:
            raise DamagedLibrary("expected a library, found a damaged one: restore it")
        return cast(Engine, Stand())

    async def ask() -> None:
        answering = Answering(make)
        answering.start()
        for _ in range(2):
            with pytest.raises(DamagedLibrary, match="found a damaged one"):
                await asyncio.wait_for(answering.run(lambda engine: None), 5)
        assert await asyncio.wait_for(answering.run(lambda engine: 7), 5) == 7
        answering.stop(seconds=5)

    asyncio.run(ask())


def test_a_full_queue_is_busy() -> None:
    gate = threading.Event()

    async def ask() -> None:
        answering = Answering(lambda: cast(Engine, Stand()), most_waiting=2)
        answering.start()
        held = [asyncio.ensure_future(answering.run(lambda _: gate.wait(5)))]
        await asyncio.sleep(0.05)
        held += [asyncio.ensure_future(answering.run(lambda _: True)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await answering.run(lambda _: None)
        gate.set()
        assert all([await one for one in held])
        answering.stop(seconds=5)

    asyncio.run(ask())


def test_a_panic_ends_no_more_than_its_own_question() -> None:
    class Panic(BaseException):
        """As a library in Rust has them."""

    def panics(_: Engine) -> None:
        raise Panic

    async def ask() -> None:
        answering = Answering(lambda: cast(Engine, Stand()))
        answering.start()
        with pytest.raises(RuntimeError, match="Panic"):
            await asyncio.wait_for(answering.run(panics), 5)
        assert await asyncio.wait_for(answering.run(lambda engine: 7), 5) == 7
        answering.stop(seconds=5)

    asyncio.run(ask())
