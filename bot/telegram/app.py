"""The bot, from start to stop: `run` serves until SIGTERM or SIGINT.

Updates are fetched or posted (`receiving`), kept in the `Inbox`, handled in each chat's order (`InOrder`), as
often as their asker may (`Patience`), by `Handlers`, which ask the engine by `Answering`; what is sent goes through the
`Limiter`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from telegram import (
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllGroupChats,
    BotCommandScopeChat,
    BotCommandScopeDefault,
    Update,
)
from telegram.error import BadRequest, Conflict, InvalidToken, TelegramError
from telegram.ext import Application, ApplicationBuilder, ContextTypes

from bot.collector import calm_collector
from bot.telegram.administration import Administration
from bot.telegram.answering import Answering, Busy
from bot.telegram.commands import Commands
from bot.telegram.counts import Counts
from bot.telegram.desk import Desk
from bot.telegram.handlers import Handlers
from bot.telegram.inbox import Inbox, InOrder, Sending
from bot.telegram.limiter import Limiter
from bot.telegram.monitor import serve_figures
from bot.telegram.patience import Allowance, Patience
from bot.telegram.receiving import InSmallNumbers, Receiving, serve_webhook
from bot.telegram.settings import GROUP_QUESTIONS, TelegramSettings
from bot.telegram.store import STORE, Store, StoreError
from bot.telegram.strings import strings
from retrieval.engine import Engine
from retrieval.errors import BadQuestion, InputError

__all__ = ["run"]

SECONDS_TO_STOP = 8.0
SECONDS_BETWEEN_CLEARINGS = 3600.0
IN_GROUPS = ("help", "sources", "search", "verify")
ALLOWED_UPDATES = ["message", "edited_message", "callback_query", "inline_query"]

logger = logging.getLogger(__name__)


def run(
    settings: TelegramSettings, make_engine: Callable[[], Engine], folder: Path, *, webhook: bool, figures: str | None
) -> None:
    """Serve until told to stop; `InputError` where the token or an address cannot be used.

    `figures` is where to serve health and metrics, "host:port", if anywhere.
    """
    sys.setswitchinterval(0.0001)  # seconds: the engine's thread lets the event loop in sooner
    for name in ("httpx", "telegram", "apscheduler"):  # their messages carry the token in URLs
        logging.getLogger(name).setLevel(logging.WARNING)
    for handler in logging.getLogger().handlers:
        handler.addFilter(_Discreet(settings.token.get_secret_value()))
    service = _Service(settings, make_engine, folder, webhook=webhook, figures=figures)
    asyncio.run(service.serve())
    if service.is_stuck:  # a page is being fetched: its threads would be waited for, and it is read again anyway
        logging.shutdown()
        os._exit(0)


class _Discreet(logging.Filter):
    """Lets records pass without the token, and without tracebacks unless the operator asked for everything."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._token = token

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass, with what may be seen."""
        record.msg, record.args = record.getMessage().replace(self._token, "<token>"), ()
        if not logging.getLogger().isEnabledFor(logging.DEBUG):
            record.exc_info = record.exc_text = None
        return True


class _Service:
    def __init__(
        self,
        settings: TelegramSettings,
        make_engine: Callable[[], Engine],
        folder: Path,
        *,
        webhook: bool,
        figures: str | None,
    ) -> None:
        self._settings = settings
        self._webhook = webhook
        self._figures = figures
        folder.mkdir(parents=True, exist_ok=True)
        self._store = Store(folder / STORE)
        self._counts = Counts()
        self._limiter = Limiter()
        self._folder = folder
        self._answering, self._adding = Answering(make_engine), Answering(make_engine)
        self._ends: list[Callable[[], None]] = []  # of what is served
        self._beside: list[asyncio.Future[None]] = []  # what nobody waits for
        self._is_ready = False
        self._stop = asyncio.Event()
        self.is_stuck = False

    async def serve(self) -> None:
        """Start, serve, stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        self._watch()
        if self._figures:
            self._serving(self._figures, lambda at: serve_figures(at, self._counts, lambda: self._is_ready))
        self._answering.start()
        self._adding.start()
        application = self._application()
        starting = asyncio.ensure_future(self._start(application))
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await self._until_stopped()
        finally:
            self._is_ready = False
            starting.cancel()
            stopping.cancel()
            for task in self._beside:
                task.cancel()
            await self._end(application)

    async def _start(self, application: Application) -> None:  # type: ignore[type-arg]
        """Load, greet Telegram, take up what was left, let updates come; `InputError` where that cannot be."""
        await self._answering.run(lambda engine: engine.warm_up())
        calm_collector()
        try:
            await application.initialize()
            await application.start()
            inbox = application.update_queue
            assert isinstance(inbox, Inbox)  # noqa: S101 - made so below
            left = await inbox.put_waiting(application.bot)
            if left:
                logger.warning("%d updates were left by an earlier process; they are answered first", left)
            await self._receive(application)
        except InvalidToken:
            raise InputError("expected the token of a bot, found one that Telegram does not know: correct it") from None
        except TelegramError as error:  # for as long as the limiter tries
            raise InputError(
                f"expected Telegram's server to answer, found {error.message}: see to the network"
            ) from None
        self._is_ready = True
        logger.warning("@%s is ready", application.bot.username)
        self._beside.append(asyncio.ensure_future(self._introduce(application)))

    def _application(self) -> Application:  # type: ignore[type-arg]
        settings = self._settings
        desk = Desk(self._store, settings)
        patience = Patience(
            Allowance(settings.user_questions_a_minute),
            Allowance(min(settings.group_questions_a_minute, GROUP_QUESTIONS)),
            desk.reply,
            desk.concerns,
        )
        inbox = Inbox(self._store)
        bot = InSmallNumbers(
            settings.token.get_secret_value(),
            base_url=settings.api_base,
            base_file_url=settings.file_base,
            request=Sending(self._store, connection_pool_size=64, pool_timeout=30),
            get_updates_request=Receiving(self._store, self._counts.skipped.inc, connection_pool_size=1),
            rate_limiter=self._limiter,
        )
        application = (
            ApplicationBuilder()
            .bot(bot)
            .update_queue(inbox)
            .concurrent_updates(InOrder(self._store, inbox, patience))
            .build()
        )
        commands = Commands(self._answering, self._store, settings, desk)
        Administration(self._answering, self._adding, self._store, settings, desk, self._folder).register(application)
        commands.register(application)
        Handlers(self._answering, self._store, settings, self._counts, desk, commands).register(application)

        async def failed(update: object, context: ContextTypes.DEFAULT_TYPE) -> None:
            """The chat is told in one sentence, the log by the error's name, nobody by a traceback."""
            if not isinstance(context.error, Busy | BadQuestion):
                self._counts.errors.inc()
                logger.error("an update could not be handled: %s", type(context.error).__name__, exc_info=context.error)
            if isinstance(update, Update) and not isinstance(context.error, TelegramError):
                await desk.excuse(update, context.error)

        application.add_error_handler(failed)
        return application

    async def _introduce(self, application: Application) -> None:  # type: ignore[type-arg]
        """Tell Telegram the commands, in each language: those of readers, of groups, of administrators."""
        for language, code in (("en", None), ("ur", "ur"), ("zh", "zh")):
            words = strings(language)  # type: ignore[arg-type]
            readers, administrators = words.commands, words.commands + words.administrator_commands
            menus: dict[BotCommandScope, tuple[tuple[str, str], ...]] = {
                BotCommandScopeDefault(): readers,
                BotCommandScopeAllGroupChats(): tuple(one for one in readers if one[0] in IN_GROUPS),
            }
            menus |= {BotCommandScopeChat(one): administrators for one in sorted(self._settings.administrators)}
            for scope, menu in menus.items():
                commands = [BotCommand(*one) for one in menu]
                with contextlib.suppress(TelegramError):  # an administrator who has not written yet
                    await application.bot.set_my_commands(commands, scope=scope, language_code=code)

    async def _receive(self, application: Application) -> None:  # type: ignore[type-arg]
        """Let updates come: fetched, or posted to an address of ours."""
        updater, settings = application.updater, self._settings
        assert updater is not None  # noqa: S101 - the builder makes one
        if not self._webhook:
            await updater.start_polling(allowed_updates=ALLOWED_UPDATES, error_callback=self._poll_failed, timeout=30)
            return
        url = settings.webhook_url
        if url is None:
            raise InputError(
                "expected an address in QUOTH_TELEGRAM_WEBHOOK_URL, found none: set it, or go without --webhook"
            )
        secret = settings.webhook_secret.get_secret_value() if settings.webhook_secret else secrets.token_urlsafe(32)

        async def take(update: dict[str, Any]) -> None:
            await application.update_queue.put(Update.de_json(update, application.bot))

        self._serving(
            settings.webhook_listen,
            lambda at: serve_webhook(
                at, url, secret=secret, store=self._store, take=take, skipped=self._counts.skipped.inc
            ),
        )
        try:
            await application.bot.set_webhook(url, secret_token=secret, allowed_updates=ALLOWED_UPDATES)
        except BadRequest as error:
            raise InputError(
                f"expected an address that Telegram can post to, found {url} ({error.message}): correct it"
            ) from error

    def _serving(self, listen: str, serve: Callable[[str], Callable[[], None]]) -> None:
        try:
            self._ends.append(serve(listen))
        except (OSError, ValueError) as error:
            raise InputError(f"expected a free address to serve at, found {listen} ({error}): name another") from error

    def _poll_failed(self, error: TelegramError) -> None:
        if isinstance(error, Conflict):
            logger.error("another process polls with this bot's token: stop one of the two; this one gets no updates")
        else:
            logger.warning("updates cannot be fetched (%s); trying again", type(error).__name__)

    async def _until_stopped(self) -> None:
        """Wait for the end; now and then forget what is older than the operator keeps."""
        while not self._stop.is_set():
            with contextlib.suppress(StoreError):  # the next time
                self._store.forget_before(time.time() - 86_400.0 * self._settings.retention_days)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), SECONDS_BETWEEN_CLEARINGS)

    async def _end(self, application: Application) -> None:  # type: ignore[type-arg]
        """Stop fetching, finish what is in hand if that is soon done; the rest waits in the store."""
        begun = time.monotonic()
        for end in self._ends:
            end()
        updater = application.updater
        with contextlib.suppress(TelegramError, TimeoutError, RuntimeError):
            if updater is not None and updater.running:
                await asyncio.wait_for(updater.stop(), SECONDS_TO_STOP / 2)
        with contextlib.suppress(TimeoutError, RuntimeError):
            await asyncio.wait_for(application.stop(), max(1.0, SECONDS_TO_STOP - (time.monotonic() - begun)))
        with contextlib.suppress(TelegramError, TimeoutError, RuntimeError):
            await asyncio.wait_for(application.shutdown(), 1.0)
        self._answering.stop(seconds=0.5)
        self._adding.stop(seconds=0.5)
        self.is_stuck = self._answering.is_alive or self._adding.is_alive
        self._store.close()

    def _watch(self) -> None:
        counts = self._counts
        counts.watch("quoth_waiting_updates", "Updates that wait for their answer", self._store.count_waiting)
        counts.watch("quoth_waiting_questions", "Questions that wait for the engine", lambda: len(self._answering))
        counts.watch("quoth_flood_waits", "Times that Telegram asked to wait", lambda: self._limiter.flood_waits)
