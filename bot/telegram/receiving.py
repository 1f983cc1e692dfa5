"""How updates come in: fetched or posted. One that cannot be read never stops those after it."""

from __future__ import annotations

import asyncio
import copy
import hmac
import json
import logging
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from telegram import Update
from telegram.ext import ExtBot
from telegram.request import HTTPXRequest
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

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
    """Fetches updates, and empties those that PTB cannot read: else it would ask for the same ones for ever."""

    def __init__(self, skipped: Callable[[], None], **options: Any) -> None:
        super().__init__(**options)
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
            readable = []
            for update in answer["result"]:
                readable.append(update if _is_readable(update) else self._emptied(update))
                await asyncio.sleep(0)  # a hundred may come at once
            if readable != answer["result"]:
                body = json.dumps({**answer, "result": readable}).encode()
        return status, body

    def _emptied(self, update: dict[str, Any]) -> dict[str, Any]:
        self._skipped()
        logger.error("update %s cannot be read and is passed over", update["update_id"])
        return {"update_id": update["update_id"]}


class _Hook(RequestHandler):
    """What Telegram posts to: it sends an update again until that was answered with 200."""

    def initialize(self, secret: str, take: Take, skipped: Callable[[], None]) -> None:
        """Keep what `serve_webhook` was given."""
        self._secret = secret
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
        if isinstance(update, dict) and _is_readable(update):
            await self._take(update)
        else:
            self._skipped()
            logger.error("a posted update cannot be read and is passed over")


def serve_webhook(
    listen: str,
    url: str,
    *,
    secret: str,
    take: Take,
    skipped: Callable[[], None],
) -> Callable[[], None]:
    """Serve the path of `url` at `listen`, "host:port", in the running event loop; `take` gets each update. Returns
    what ends it.

    Only posts with `secret` in Telegram's header count (Bot API, setWebhook, `secret_token`). OSError or ValueError
    where the address cannot be used.
    """
    host, _, port = listen.rpartition(":")
    given = {"secret": secret, "take": take, "skipped": skipped}
    application = Application([(re.escape(urlsplit(url).path or "/"), _Hook, given)], log_function=lambda handler: None)
    server = HTTPServer(application, max_body_size=LARGEST_UPDATE_BYTES, xheaders=False)
    server.listen(int(port), host.strip("[]"))
    return server.stop


def _is_readable(update: dict[str, Any]) -> bool:
    try:
        return Update.de_json(copy.deepcopy(update), None).update_id >= 0
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):  # as a shape of another kind ends in
        return False
