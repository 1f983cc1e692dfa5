"""Updates that are not lost: kept before Telegram is told that they came, done when they are answered.

python-telegram-bot confirms an update as soon as it has queued it. Here queueing means to keep it on the disk first;
what was not done when the process ended is queued again when it starts.
"""

from __future__ import annotations

import asyncio
import copy
import json
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any

from telegram import Bot, Update
from telegram.ext import BaseUpdateProcessor
from telegram.request import HTTPXRequest

from bot.telegram.store import Store

__all__ = ["InOrder", "Inbox", "Receiving", "Sending"]

logger = logging.getLogger(__name__)

_ANSWERING = ("sendMessage", "editMessageText")  # by these an update is answered
_in_hand: ContextVar[int | None] = ContextVar("_in_hand", default=None)  # the update that this task handles
MOST_AT_ONCE = 1024  # updates in hand: each waits for its chat's turn, so that one chat does not hold up another


class Inbox(asyncio.Queue[object]):
    """The queue between what fetches updates and what handles them."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store

    async def put(self, item: object) -> None:
        """Keep an update and queue it; one that came before is passed over. Inline queries are stale in seconds."""
        if isinstance(item, Update) and not item.inline_query and not item.chosen_inline_result:
            chat = item.effective_chat.id if item.effective_chat else None
            if not self._store.take_in(item.update_id, chat, item.to_json()):
                return
        await super().put(item)

    async def put_waiting(self, bot: Bot) -> int:
        """Queue what an earlier process left; how many."""
        waiting = self._store.waiting()
        for body in waiting:
            await super().put(Update.de_json(_values(body), bot))
        return len(waiting)


def _values(body: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(body)
    return values


class InOrder(BaseUpdateProcessor):
    """Handles updates of different chats side by side, those of one chat one after the other."""

    def __init__(self, store: Store) -> None:
        super().__init__(MOST_AT_ONCE)
        self._store = store
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._waiting: defaultdict[int, int] = defaultdict(int)

    async def initialize(self) -> None:
        """Nothing to do."""

    async def shutdown(self) -> None:
        """Nothing to do."""

    async def do_process_update(self, update: object, coroutine: Awaitable[Any]) -> None:
        """Handle `update` when its chat's turn has come, and note that it is done."""
        if not isinstance(update, Update):
            await coroutine
            return
        chat = update.effective_chat.id if update.effective_chat else None
        _in_hand.set(update.update_id)
        if chat is None:
            await coroutine
        else:
            self._waiting[chat] += 1
            try:
                async with self._locks[chat]:
                    await coroutine
            finally:
                self._waiting[chat] -= 1
                if not self._waiting[chat]:
                    del self._waiting[chat], self._locks[chat]
        self._store.done(update.update_id)


class Sending(HTTPXRequest):
    """Notes that an update is answered in the instant in which Telegram says that it took the answer.

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
            self._store.done(update)
        return status, body


class Receiving(HTTPXRequest):
    """Fetches updates, and empties those that PTB cannot read: else it would ask for the same ones for ever."""

    def __init__(self, skipped: Callable[[], None], **options: Any) -> None:
        super().__init__(**options)
        self._skipped = skipped

    async def do_request(self, url: str, *arguments: Any, **options: Any) -> tuple[int, bytes]:
        """One request, as PTB makes it."""
        status, body = await super().do_request(url, *arguments, **options)
        if status == HTTPStatus.OK and url.endswith("getUpdates"):
            answer = _values(body.decode())
            readable = [update if _is_readable(update) else self._emptied(update) for update in answer["result"]]
            if readable != answer["result"]:
                body = json.dumps({**answer, "result": readable}).encode()
        return status, body

    def _emptied(self, update: dict[str, Any]) -> dict[str, Any]:
        self._skipped()
        logger.error("update %s cannot be read and is passed over", update["update_id"])
        return {"update_id": update["update_id"]}


def _is_readable(update: dict[str, Any]) -> bool:
    try:
        Update.de_json(copy.deepcopy(update), None)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):  # as a shape of another kind ends in
        return False
    return True
