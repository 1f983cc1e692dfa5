"""How often somebody may ask: held against a count by hand, and that what waits is in order and told once."""

from __future__ import annotations

import asyncio
import datetime
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import Chat, Message, Update, User

from bot.telegram.patience import MOST_IN_HAND, MOST_OF_A_CHAT, Allowance, Excess, Patience


@given(st.lists(st.floats(0, 30), max_size=80), st.integers(1, 60))
def test_no_minute_has_more_than_the_allowance_twice_over(pauses: list[float], a_minute: int) -> None:
    """At most so many at once, and so many a minute after it: what the algorithm promises, counted one by one."""
    allowance, now = Allowance(a_minute), 1000.0
    admitted: list[float] = []
    for pause in pauses:
        now += pause
        wait = allowance.wait(7, now)
        if wait is not None:
            allowance.take(7, now)
            admitted.append(now + wait)
    assert admitted == sorted(admitted)
    for start in admitted:
        assert sum(start <= at < start + 60 for at in admitted) <= 2 * a_minute
        assert sum(start <= at < start + 1 for at in admitted) <= a_minute + 60 / a_minute


@given(st.integers(1, 100))
def test_who_asks_evenly_never_waits(a_minute: int) -> None:
    allowance = Allowance(a_minute)
    for number in range(200):
        at = 1000 + number * 60 / a_minute
        assert allowance.wait(7, at) == pytest.approx(0, abs=1e-6)
        allowance.take(7, at)


def test_people_do_not_wait_for_one_another_and_a_long_wait_is_none() -> None:
    allowance = Allowance(20)
    for _ in range(20 + 100):
        assert allowance.wait(1, 0.0) is not None
        allowance.take(1, 0.0)
    assert allowance.wait(1, 0.0) is None
    assert allowance.wait(2, 0.0) == 0
    assert allowance.wait(1, 400.0) == 0


class Room:
    """Updates that are handled in so many seconds, and what was told meanwhile."""

    def __init__(self, a_minute: int, seconds: float, *, in_a_group: int = 10**6, concerns: bool = True) -> None:
        self.told: list[tuple[int, Excess]] = []
        self.handled: list[int] = []
        self._seconds = seconds
        people, groups = Allowance(a_minute), Allowance(in_a_group)
        self._patience = Patience(people, groups, self._tell, lambda _: concerns)

    async def _tell(self, update: Update, excess: Excess) -> None:
        assert update.effective_chat is not None
        self.told.append((update.effective_chat.id, excess))

    async def asks(self, number: int, user: int, chat: int = 0, sender_chat: int = 0) -> None:
        sender = User(user, "Reader", is_bot=False)
        behind = Chat(sender_chat, "channel") if sender_chat else None
        date = datetime.datetime.now(datetime.UTC)
        where = Chat(chat or user, "supergroup" if chat else "private")
        message = Message(number, date, where, from_user=sender, text="?", sender_chat=behind)
        async with self._patience.turn(Update(number, message=message)) as admitted:
            if admitted:
                await asyncio.sleep(self._seconds)
                self.handled.append(number)


def asking(room: Room, questions: int, user: int = 5) -> None:
    async def ask() -> None:
        await asyncio.gather(*(room.asks(number, user) for number in range(questions)))
        await asyncio.sleep(0)

    asyncio.run(ask())


def test_who_has_many_in_hand_is_told_once() -> None:
    room = Room(1000, 0.01)
    asking(room, MOST_IN_HAND)
    assert room.told == []
    asking(room, 3 * MOST_IN_HAND)
    assert room.told == [(5, "one_moment")]
    asking(room, MOST_IN_HAND + 1)  # later, once all was answered
    assert room.told == [(5, "one_moment")] * 2


def test_beyond_the_allowance_questions_wait_in_order() -> None:
    room = Room(600, 0.0)  # ten a second
    begun = time.monotonic()
    for _ in range(600):
        room._patience._people.take(5, begun)
    asking(room, 5)
    assert time.monotonic() - begun > 0.3
    assert room.handled == list(range(5))
    assert room.told == [(5, "one_moment")]


def test_too_many_is_said_once_and_what_is_over_is_not_handled() -> None:
    room = Room(20, 0.0)
    room._patience._people = Allowance(20, most_seconds=0.0)
    asking(room, 50)
    assert room.handled == list(range(20))
    assert room.told == [(5, "one_moment"), (5, "too_many")]


def test_a_chat_that_cannot_be_answered_so_fast_does_not_fill_the_bot() -> None:
    """Telegram takes twenty messages a minute to a group: what is in hand of it stays few, whoever asks."""
    room = Room(1000, 0.05)

    async def ask() -> None:
        await asyncio.gather(*(room.asks(number, user=1000 + number, chat=-7) for number in range(MOST_OF_A_CHAT + 50)))

    asyncio.run(ask())
    assert len(room.handled) == MOST_OF_A_CHAT
    assert room.told == [(-7, "too_many")]


def test_who_speaks_for_a_chat_is_that_chat_and_not_all_who_do() -> None:
    """An anonymous administrator has the user that all of Telegram's have."""
    room = Room(2, 0.0)

    async def ask() -> None:
        await asyncio.gather(*(room.asks(number, 1087968824, -number, -number) for number in range(1, 60)))

    asyncio.run(ask())
    assert sorted(room.handled) == list(range(1, 60))
    assert room.told == []


def test_what_does_not_concern_the_bot_is_neither_counted_nor_told() -> None:
    room = Room(1, 0.0, concerns=False)
    asking(room, 50)
    assert len(room.handled) == 50
    assert room.told == []
