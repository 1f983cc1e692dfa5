"""How often somebody may ask, and what happens beyond that: first the question waits, at last it is passed over.

Whoever is made to wait is told "one moment", once, until all of theirs is answered.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Literal, TypeAlias

from telegram import Update

__all__ = ["Allowance", "Excess", "Patience"]

MOST_SECONDS = 120.0  # that a question waits for its asker's turn
MOST_IN_HAND = 3  # of one person, before they are told that it takes a moment
_FORGET_FROM = 10_000  # known askers

Excess: TypeAlias = Literal["one_moment", "too_many"]


class Allowance:
    """So many a minute, all at once if they like: the generic cell rate algorithm (ITU-T I.371)."""

    def __init__(self, a_minute: int, *, most_seconds: float = MOST_SECONDS) -> None:
        self._between = 60.0 / a_minute
        self._burst = 60.0 - self._between
        self._most = most_seconds
        self._due: dict[int, float] = {}  # by asker, when the next would come if all came evenly

    def wait(self, asker: int, now: float) -> float | None:
        """How many seconds from `now` the asker's next has to wait; None where that is too long."""
        due = max(self._due.get(asker, 0.0), now)
        wait = due - self._burst - now
        return None if wait > self._most else max(wait, 0.0)

    def take(self, asker: int, now: float) -> None:
        """The asker's next is admitted, now or after the `wait`."""
        self._due[asker] = max(self._due.get(asker, 0.0), now) + self._between
        if len(self._due) > _FORGET_FROM:
            self._due = {one: due for one, due in self._due.items() if due > now}


class Patience:
    """Admits the updates of each person and chat as often as they may ask."""

    def __init__(
        self,
        people: Allowance,
        chats: Allowance,
        tell: Callable[[Update, Excess], Awaitable[None]],
        *,
        exempt: frozenset[int] = frozenset(),
    ) -> None:
        self._people = people
        self._chats = chats
        self._tell = tell
        self._exempt = exempt
        self._in_hand: Counter[int] = Counter()
        self._told: dict[int, set[Excess]] = {}
        self._telling: set[asyncio.Future[None]] = set()

    @asynccontextmanager
    async def turn(self, update: Update) -> AsyncIterator[bool]:
        """Inside, the update is handled if True, and passed over if False; before, it has waited as long as it must."""
        person, chat = update.effective_user, update.effective_chat
        if person is None or chat is None or person.id in self._exempt:
            yield True
            return
        self._in_hand[person.id] += 1
        try:
            wait = self._reserved(person.id, chat.id)
            if wait is None or (wait and update.callback_query):  # a button's press is of no use later
                self._say(update, person.id, "too_many" if wait is None else "one_moment")
                yield False
                return
            if wait or self._in_hand[person.id] > MOST_IN_HAND:
                self._say(update, person.id, "one_moment")
            if wait:
                await asyncio.sleep(wait)
            yield True
        finally:
            self._in_hand[person.id] -= 1
            if not self._in_hand[person.id]:
                del self._in_hand[person.id]
                self._told.pop(person.id, None)

    def _reserved(self, person: int, chat: int) -> float | None:
        now = time.monotonic()
        waits = self._people.wait(person, now), self._chats.wait(chat, now)
        if waits[0] is None or waits[1] is None:
            return None
        self._people.take(person, now)
        self._chats.take(chat, now)
        return max(waits[0], waits[1])

    def _say(self, update: Update, person: int, excess: Excess) -> None:
        """Beside whatever waits, so that nothing is overtaken meanwhile."""
        told = self._told.setdefault(person, set())
        if excess in told and not update.callback_query:  # a press has to be answered, each
            return
        told.add(excess)
        task = asyncio.ensure_future(self._tell(update, excess))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)
