"""How the tests of the fake Bot API server call it: by python-telegram-bot, unmodified, or by bare HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.error import BadRequest
from telegram.request import HTTPXRequest
from telegram_server import Chat, Server

__all__ = ["CLIENT", "api", "bot_does", "keyboard", "refusal", "refused_text", "said", "sends"]

CLIENT = httpx.Client(verify=False, trust_env=False, timeout=10)  # noqa: S501 - nothing here is encrypted


def bot_does(server: Server, *work: Callable[[Bot], Awaitable[object]], token: str | None = None) -> Any:
    """What PTB's Bot makes of the last of these calls."""

    async def run() -> object:
        requests = [HTTPXRequest(httpx_kwargs={"verify": False}) for _ in range(2)]  # no certificates to load
        request, polls = requests
        bot = Bot(token or server.token, server.api_base, server.file_base, request=request, get_updates_request=polls)
        async with request, polls:
            return [await one(bot) for one in work][-1]

    return asyncio.run(run())


def sends(server: Server, chat: Chat, text: str, **more: Any) -> Any:
    return bot_does(server, lambda bot: bot.send_message(chat.id, text, **more))


def refusal(server: Server, work: Callable[[Bot], Awaitable[object]]) -> str:
    """The words in which a call is refused."""
    with pytest.raises(BadRequest):
        bot_does(server, work)
    assert server.faults[-1].status == 400
    return server.faults[-1].description


def refused_text(server: Server, text: str, **more: Any) -> str:
    return refusal(server, lambda bot: bot.send_message(7, text, **more))


def keyboard(*rows: dict[str, str]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(text, callback_data=data) for text, data in row.items()] for row in rows]
    )


def api(server: Server, method: str, **arguments: object) -> httpx.Response:
    return CLIENT.post(f"{server.api_base}{server.token}/{method}", json=arguments)


def said(updates: tuple[Update, ...]) -> list[str | None]:
    return [update.effective_message.text for update in updates if update.effective_message]
