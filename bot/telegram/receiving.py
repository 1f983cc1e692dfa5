"""How updates come in: fetched or posted, and kept on the disk before Telegram hears that they came.

One that cannot be read never stops those after it; one that came before is passed over.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from telegram import Update
from telegram.ext import ExtBot
from telegram.request import HTTPXRequest
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from bot.telegram.store import Store, StoreError

__all__ = ["InSmallNumbers", "Receiving", "serve_webhook"]

Take: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]
MOST_AT_ONCE = 20  # updates
LARGEST_UPDATE_BYTES = 1_000_000  # Telegram's are of some kilobytes

logger = logging.getLogger(__name__)


class InSmallNumbers(ExtBot[None]):
    """A bot that fetches few updates at a time: PTB reads all that came in one go, and meanwhile nobody is answered."""

    async def get_updates(self, *arguments: Any, **options: Any) -> tuple[Update, ...]:
        """As PTB has it, with another limit."""
        return await super().get_updates(*arguments, **{**options, "limit": MOST_AT_ONCE})


class Receiving(HTTPXRequest):
    """Fetches updates, and empties those that need nothing: an unreadable one PTB would ask for again for ever."""

    def __init__(self, store: Store, skipped: Callable[[], None], **options: Any) -> None:
        super().__init__(**options)
        self._store = store
        self._skipped = skipped

    async def do_request(self, url: str, *arguments: Any, **options: Any) -> tuple[int, bytes]:
        """One request, as PTB makes it."""
        status, body = await super().do_request(url, *arguments, **options)
        if not url.endswith("getUpdates"):
            return status, body
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND):  # at which PTB would stop asking, for good
            logger.error("Telegram does not know the bot's token (%d); asking again", status)
            return HTTPStatus.BAD_GATEWAY, body
        if status == HTTPStatus.OK:
            answer = json.loads(body)
            told = [{"update_id": update["update_id"]} for update in answer["result"]]  # for PTB's offset
            news = {update["update_id"]: update for update in await _news(answer["result"], self._store, self._skipped)}
            result = [news.get(update["update_id"], update) for update in told]
            body = json.dumps({**answer, "result": result}).encode()
        return status, body


class _Hook(RequestHandler):
    """What Telegram posts to: it sends an update again until that was answered with 200."""

    def initialize(self, secret: str, store: Store, take: Take, skipped: Callable[[], None]) -> None:
        """Keep what `serve_webhook` was given."""
        self._secret = secret
        self._store = store
        self._take = take
        self._skipped = skipped

    async def post(self) -> None:
        """One update: 200 once it is kept, or passed over since nobody can read it."""
        told = self.request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
        if not hmac.compare_digest(told.encode(), self._secret.encode()):
            self.set_status(HTTPStatus.FORBIDDEN)
            return
        try:
            update = json.loads(self.request.body)
        except ValueError:
            update = None
        for one in await _news([update], self._store, self._skipped):
            await self._take(one)


def serve_webhook(
    listen: str,
    url: str,
    *,
    secret: str,
    store: Store,
    take: Take,
    skipped: Callable[[], None],
) -> Callable[[], None]:
    """Serve the path of `url` at `listen`, "host:port", in the running event loop; `take` gets each update. Returns
    what ends it.

    Only posts with `secret` in Telegram's header count (Bot API, setWebhook, `secret_token`). OSError or ValueError
    where the address cannot be used.
    """
    host, _, port = listen.rpartition(":")
    given = {"secret": secret, "store": store, "take": take, "skipped": skipped}
    application = Application([(re.escape(urlsplit(url).path or "/"), _Hook, given)], log_function=lambda handler: None)
    server = HTTPServer(application, max_body_size=LARGEST_UPDATE_BYTES, xheaders=False)
    server.listen(int(port), host.strip("[]"))
    return server.stop


async def _news(updates: Sequence[Any], store: Store, skipped: Callable[[], None]) -> list[dict[str, Any]]:
    """Those of the updates that are to be handled, kept in the store but for inline queries, stale in seconds."""
    readable = []
    for update in updates:
        if _is_readable(update):
            readable.append(update)
        else:
            skipped()
            logger.error("an update cannot be read and is passed over")
        await asyncio.sleep(0)  # many may come at once: between two of them others have their turn
    lasting = [(update["update_id"], json.dumps(update)) for update in readable if "inline_query" not in update]
    while lasting:
        try:
            new = store.take_in(lasting)
        except StoreError as error:  # Telegram is not told meanwhile that they came
            logger.error("updates cannot be kept (%s); trying again", error)
            await asyncio.sleep(1)
        else:
            return [update for update in readable if update["update_id"] in new or "inline_query" in update]
    return readable


def _is_readable(update: Any) -> bool:
    try:
        return Update.de_json(update, None).update_id >= 0
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):  # as a shape of another kind ends in
        return False
