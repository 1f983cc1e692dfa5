"""Updates that are not lost: kept before Telegram is told that they came, done when they are answered.

python-telegram-bot confirms an update as soon as it has queued it. Here it is on the disk before (`receiving.py`); what
was not done when the process ended is queued again when it starts.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import Awaitable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any

from telegram import Bot, Update
from telegram.ext import BaseUpdateProcessor
from telegram.request import HTTPXRequest

from bot.telegram.patience import Patience
from bot.telegram.store import Store, StoreError

__all__ = ["InOrder", "Inbox", "Sending", "interim", "replying"]

logger = logging.getLogger(__name__)

_SENDING = "sendMessage"
_ANSWERING = (_SENDING, "editMessageText")  # by these an update is answered
_in_hand: ContextVar[int | None] = ContextVar("_in_hand", default=None)  # the update that this task handles
_reply: ContextVar[str | None] = ContextVar("_reply", default=None)  # the kept reply that is being sent
MOST_AT_ONCE = 4096  # updates in hand: each waits for its chat's turn, so that one chat does not hold up another
MOST_WAITING = 1024  # updates beside these; where there are more, Telegram keeps the rest until they are fetched


class Inbox(asyncio.Queue[object]):
    """The queue between what brings updates and what handles them; it holds so many, and gives out so many at once."""

    def __init__(self, store: Store) -> None:
        super().__init__(MOST_WAITING)
        self._store = store
        self._room = asyncio.Semaphore(MOST_AT_ONCE)
        self.left: set[int] = set()  # the updates that an earlier process left

    async def put(self, item: object) -> None:
        """Queue an update, unless it was emptied: it came before, and the one that waits is not done with it."""
        if not isinstance(item, Update) or item.to_dict().keys() - {"update_id"}:
            await super().put(item)

    async def put_waiting(self, bot: Bot) -> int:
        """Queue what an earlier process left; how many."""
        waiting = self._store.waiting()
        updates = [Update.de_json(json.loads(body), bot) for body in waiting]
        self.left = {update.update_id for update in updates}
        for update in updates:
            await self.put(update)
        return len(updates)

    async def get(self) -> object:
        """The next, once there is room for it in hand."""
        await self._room.acquire()
        try:
            return await super().get()
        except BaseException:
            self._room.release()
            raise

    def task_done(self) -> None:
        """One that was given out is no longer in hand."""
        super().task_done()
        self._room.release()


@contextmanager
def replying(token: str) -> Iterator[None]:
    """The message that is sent inside shows the kept reply of that token."""
    before = _reply.set(token)
    try:
        yield
    finally:
        _reply.reset(before)


@contextmanager
def interim() -> Iterator[None]:
    """What is sent inside does not answer the update in hand: "one moment", "reading …"."""
    token = _in_hand.set(None)
    try:
        yield
    finally:
        _in_hand.reset(token)


class InOrder(BaseUpdateProcessor):
    """Handles updates of different chats side by side, those of one chat one after the other."""

    def __init__(self, store: Store, inbox: Inbox, patience: Patience) -> None:
        super().__init__(MOST_AT_ONCE)
        self._store = store
        self._inbox = inbox
        self._patience = patience
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._waiting: defaultdict[int, int] = defaultdict(int)

    async def initialize(self) -> None:
        """Nothing to do."""

    async def shutdown(self) -> None:
        """Nothing to do."""

    async def do_process_update(self, update: object, coroutine: Awaitable[Any]) -> None:
        """Handle `update` when its asker's and its chat's turn has come, and note that it is done."""
        if not isinstance(update, Update):
            await coroutine
            return
        try:
            await self._handle(update, coroutine)
        finally:
            if isinstance(coroutine, Coroutine):
                coroutine.close()  # one that was never begun; it does nothing to another
        with suppress(StoreError):  # then it is handled again after the next start
            self._store.done(update.update_id)

    async def _handle(self, update: Update, coroutine: Awaitable[Any]) -> None:
        if update.update_id in self._inbox.left:  # it has waited long enough
            self._inbox.left.discard(update.update_id)
            await self._in_turn(update, coroutine)
        else:
            async with self._patience.turn(update) as admitted:
                if admitted:
                    await self._in_turn(update, coroutine)

    async def _in_turn(self, update: Update, coroutine: Awaitable[Any]) -> None:
        _in_hand.set(update.update_id)
        chat = update.effective_chat.id if update.effective_chat else None
        if chat is None:
            await coroutine
            return
        self._waiting[chat] += 1
        try:
            async with self._locks[chat]:
                await coroutine
        finally:
            self._waiting[chat] -= 1
            if not self._waiting[chat]:
                del self._waiting[chat], self._locks[chat]


class Sending(HTTPXRequest):
    """Notes that an update is answered, and by which message, in the instant in which Telegram says that it took it.

    A kill between the two lets the answer come twice: nothing of ours stands between them.
    """

    def __init__(self, store: Store, **options: Any) -> None:
        super().__init__(**options)
        self._store = store

    async def do_request(self, url: str, *arguments: Any, **options: Any) -> tuple[int, bytes]:
        """One request, as PTB makes it."""
        status, body = await super().do_request(url, *arguments, **options)
        update = _in_hand.get()
        if status == HTTPStatus.OK and update is not None and url.endswith(_ANSWERING):
            try:
                self._note(update, url, body)
            except StoreError as error:  # Telegram has the answer: it must not be sent again for this
                logger.error("an answer was sent and cannot be noted (%s)", error)
        return status, body

    def _note(self, update: int, url: str, body: bytes) -> None:
        shown = _reply.get()
        if shown is not None and url.endswith(_SENDING):
            self._store.sent_as(shown, json.loads(body)["result"]["message_id"], update)
        else:
            self._store.done(update)
