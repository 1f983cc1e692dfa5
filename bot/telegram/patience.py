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

MOST_SECONDS = 300.0  # that a question waits for its asker's turn
MOST_IN_HAND = 8  # of one person, before they are told that it takes a moment
MOST_OF_A_CHAT = 300  # updates in hand, however slowly it may be answered
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
    """Admits what concerns the bot as often as its sender and, in groups, its chat may ask."""

    def __init__(
        self,
        people: Allowance,
        groups: Allowance,
        tell: Callable[[Update, Excess], Awaitable[None]],
        concerns: Callable[[Update], bool],
    ) -> None:
        self._people = people
        self._groups = groups
        self._tell = tell
        self._concerns = concerns
        self._in_hand: Counter[int] = Counter()  # by sender, and by chat
        self._told: dict[int, set[Excess]] = {}  # by chat, until nothing of it is in hand
        self._telling: set[asyncio.Future[None]] = set()

    @asynccontextmanager
    async def turn(self, update: Update) -> AsyncIterator[bool]:
        """Inside, the update is handled if True, and passed over if False; before, it has waited as long as it must."""
        sender, chat = update.effective_sender, update.effective_chat
        if sender is None or chat is None or not self._concerns(update):
            yield True
            return
        counted = {sender.id, chat.id}
        self._in_hand.update(counted)
        try:
            wait = self._reserved(sender.id, chat.id, is_press=update.callback_query is not None)
            if wait is None:
                self._say(update, chat.id, "one_moment" if update.callback_query else "too_many")
                yield False
                return
            if wait or self._in_hand[sender.id] > MOST_IN_HAND:
                self._say(update, chat.id, "one_moment")
            if wait:
                await asyncio.sleep(wait)
            yield True
        finally:
            self._in_hand.subtract(counted)
            self._in_hand = +self._in_hand
            if chat.id not in self._in_hand:
                self._told.pop(chat.id, None)

    def _reserved(self, sender: int, chat: int, *, is_press: bool) -> float | None:
        """How long it has to wait; None where it is passed over: a button's press is of no use later."""
        now = time.monotonic()
        asked = [(self._people, sender), *([(self._groups, chat)] if chat < 0 else [])]
        waits = [allowance.wait(asker, now) for allowance, asker in asked]
        longest = max(MOST_SECONDS if wait is None else wait for wait in waits)
        if None in waits or (is_press and longest) or self._in_hand[chat] > MOST_OF_A_CHAT:
            return None
        for allowance, asker in asked:
            allowance.take(asker, now)
        return longest

    def _say(self, update: Update, chat: int, excess: Excess) -> None:
        """Beside whatever waits, so that nothing is overtaken meanwhile."""
        told = self._told.setdefault(chat, set())
        if excess in told and not update.callback_query:  # a press has to be answered, each
            return
        told.add(excess)
        task = asyncio.ensure_future(self._tell(update, excess))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)
