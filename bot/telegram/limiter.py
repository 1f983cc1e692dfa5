"""Telegram's limits kept, and what it refuses for a while sent again: a message to one chat never waits for another's.

About one message a second to a chat, twenty a minute to a group, thirty a second in all (Bot API FAQ, "My bot is
hitting limits"). A 429 says how long its chat must wait; a network that is gone comes back.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from telegram.error import BadRequest, Forbidden, InvalidToken, NetworkError, RetryAfter
from telegram.ext import BaseRateLimiter

__all__ = ["Limiter"]

Answer: TypeAlias = "bool | dict[str, Any] | list[dict[str, Any]]"

BURST = 3  # messages to a chat at once, before the second between two counts
SECONDS_BETWEEN = 1.0
GROUP_MESSAGES, GROUP_SECONDS = 20, 60.0
MESSAGES_A_SECOND = 30
GIVE_UP_SECONDS = 600.0
LONGEST_PAUSE_SECONDS = 20.0
MOST_CHATS = 10_000
# What is told a chat, and counts. Whatever else is asked of Telegram (getMe, answerCallbackQuery) goes at once.
_COUNTING = ("send", "edit", "copy", "forward")
_HURRIED = ("answer", "sendChatAction")  # of no use a minute later

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Chat:
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    sent: deque[float] = field(default_factory=lambda: deque(maxlen=GROUP_MESSAGES))
    not_before: float = 0.0


class Limiter(BaseRateLimiter[None]):
    """Waits before a limit instead of running into it; tries again after 429, 5xx and a cut network."""

    def __init__(self) -> None:
        self._chats: OrderedDict[str, _Chat] = OrderedDict()
        self._sent: deque[float] = deque(maxlen=MESSAGES_A_SECOND)
        self.flood_waits = 0

    async def initialize(self) -> None:
        """Nothing to do."""

    async def shutdown(self) -> None:
        """Nothing to do."""

    async def process_request(
        self,
        callback: Callable[..., Coroutine[Any, Any, Answer]],
        args: Any,
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: None,
    ) -> Answer:
        """Make the request when it may be made, and again while it only fails for now."""
        if endpoint.startswith(_HURRIED):
            return await callback(*args, **kwargs)
        chat = self._chat(str(data["chat_id"])) if endpoint.startswith(_COUNTING) and "chat_id" in data else None
        if chat is None:
            return await self._insist(callback, args, kwargs, _Chat())
        async with chat.turn:  # in order, also where the first has to be tried again
            await self._wait(chat, is_group=str(data["chat_id"]).startswith("-"))
            return await self._insist(callback, args, kwargs, chat)

    def _chat(self, key: str) -> _Chat:
        chat = self._chats.setdefault(key, _Chat())
        self._chats.move_to_end(key)
        while len(self._chats) > MOST_CHATS:
            self._chats.popitem(last=False)
        return chat

    async def _wait(self, chat: _Chat, *, is_group: bool) -> None:
        """Wait until this chat, and all together, may have one more."""
        while True:
            now = time.monotonic()
            due = chat.not_before
            recent = [at for at in chat.sent if at > now - BURST * SECONDS_BETWEEN]
            if len(recent) >= BURST:
                due = max(due, recent[-BURST] + BURST * SECONDS_BETWEEN)
            if is_group and len(chat.sent) == GROUP_MESSAGES:
                due = max(due, chat.sent[0] + GROUP_SECONDS)
            if len(self._sent) == MESSAGES_A_SECOND:
                due = max(due, self._sent[0] + 1.0)
            if due <= now:
                chat.sent.append(now)
                self._sent.append(now)
                return
            await asyncio.sleep(due - now)

    async def _insist(
        self, callback: Callable[..., Coroutine[Any, Any, Answer]], args: Any, kwargs: dict[str, Any], chat: _Chat
    ) -> Answer:
        pause, end = 0.5, time.monotonic() + GIVE_UP_SECONDS
        while True:
            try:
                return await callback(*args, **kwargs)
            except RetryAfter as error:
                if time.monotonic() > end:
                    raise
                self.flood_waits += 1
                told = error.retry_after
                pause = told if isinstance(told, int | float) else told.total_seconds()
                chat.not_before = time.monotonic() + pause
            except (BadRequest, Forbidden, InvalidToken):  # refused for good, though PTB calls some of it the network
                raise
            except NetworkError as error:
                if time.monotonic() > end:
                    raise
                logger.warning("Telegram cannot be reached (%s); trying again", type(error).__name__)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(pause)
