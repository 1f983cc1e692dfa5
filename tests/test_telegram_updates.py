"""How updates reach a bot from the fake Bot API server: by polling and by webhook."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from telegram import Bot, Update
from telegram.error import Conflict
from telegram.ext import Application, ContextTypes, MessageHandler, Updater, filters
from telegram_calls import CLIENT, api, bot_does, refusal, said
from telegram_server import Server, telegram

SECRET = "s-1"  # noqa: S105 - of no bot


@pytest.fixture
def server() -> Iterator[Server]:
    with telegram() as here:
        yield here


# Polling


def test_an_offset_confirms_all_below_it(server: Server) -> None:
    reader = server.private(language_code="ur", first_name="Sara")
    for text in "abc":
        reader.says(text)
    first = bot_does(server, lambda bot: bot.get_updates(limit=2))
    assert said(first) == ["a", "b"]
    assert first[0].effective_user.language_code == "ur"
    assert [update.update_id - first[0].update_id for update in first] == [0, 1]
    assert said(bot_does(server, lambda bot: bot.get_updates())) == ["a", "b", "c"]
    assert said(bot_does(server, lambda bot: bot.get_updates(offset=first[1].update_id + 1))) == ["c"]
    assert said(bot_does(server, lambda bot: bot.get_updates())) == ["c"]
    reader.says("d")
    assert said(bot_does(server, lambda bot: bot.get_updates(offset=-1))) == ["d"]
    assert len(server.pending) == 1


def test_a_long_poll_ends_with_the_first_update_or_after_its_time(server: Server) -> None:
    """Where a second lasts a quarter of an hour, only the update can end the poll before its caller gives up."""
    reader = server.private()
    server.timeout_second = 900.0
    threading.Timer(0.1, reader.says, ["now"]).start()
    assert said(bot_does(server, lambda bot: bot.get_updates(timeout=5))) == ["now"]
    after = server.pending[-1].id + 1
    server.timeout_second = 0.05
    assert bot_does(server, lambda bot: bot.get_updates(offset=after, timeout=1)) == ()


def test_a_second_poller_ends_the_first_ones_poll_with_409(server: Server) -> None:
    server.private()

    async def first(bot: Bot) -> object:
        poll = asyncio.ensure_future(bot.get_updates(timeout=5))
        await asyncio.sleep(0.1)
        await asyncio.to_thread(api, server, "getUpdates")
        return await poll

    with pytest.raises(Conflict, match="terminated by other getUpdates request; make sure that only one bot"):
        bot_does(server, first)
    assert [call.status for call in server.calls] == [200, 409]


def test_a_poller_that_hangs_up_is_no_conflict(server: Server) -> None:
    with pytest.raises(httpx.ReadTimeout):
        CLIENT.get(f"{server.api_base}{server.token}/getUpdates?timeout=5", timeout=0.1)
    server.until(lambda: bool(server.calls))
    assert api(server, "getUpdates").status_code == 200
    assert server.faults == []


def test_only_the_kinds_of_updates_that_were_asked_for_arrive(server: Server) -> None:
    reader = server.private()
    bot_does(server, lambda bot: bot.get_updates(allowed_updates=["callback_query"]))
    reader.says("x")
    assert bot_does(server, lambda bot: bot.get_updates()) == ()
    bot_does(server, lambda bot: bot.get_updates(allowed_updates=[]))
    asked = reader.says("y")
    reader.edits(asked, "z")
    updates = bot_does(server, lambda bot: bot.get_updates())
    assert [(update.edited_message is not None, update.effective_message.text) for update in updates] == [
        (False, "y"),
        (True, "z"),
    ]


@pytest.mark.parametrize("by_webhook", [False, True], ids=["polling", "webhook"])
def test_an_application_answers_and_stops_without_a_fault(server: Server, *, by_webhook: bool) -> None:
    """PTB's whole `Application`, which confirms its last updates when it stops."""
    reader = server.private()

    async def echo(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.effective_message is not None
        text = f"<i>{update.effective_message.text}</i>"
        await update.effective_message.reply_text(text, parse_mode="HTML", do_quote=True)

    async def listen(updater: Updater) -> None:
        if by_webhook:
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            url = f"http://127.0.0.1:{port}/hook"
            await updater.start_webhook("127.0.0.1", port, "hook", webhook_url=url, secret_token=SECRET)
        else:
            await updater.start_polling()

    async def run() -> None:
        builder = Application.builder().token(server.token).base_url(server.api_base).base_file_url(server.file_base)
        application = builder.build()
        application.add_handler(MessageHandler(filters.TEXT, echo))
        async with application:
            assert application.updater is not None
            await application.start()
            await listen(application.updater)
            asked = reader.says("How long?")
            (shown,) = await asyncio.to_thread(reader.wait, 1)
            assert (shown.text, shown.of("italic"), shown.reply_to) == ("How long?", ["How long?"], asked)
            await application.updater.stop()
            await application.stop()

    asyncio.run(run())
    assert server.faults == []
    assert server.pending == []
    assert [status for _, status in server.posts] == [200] * by_webhook


# Webhook


class Hook:
    """Where a bot would listen: what was posted, and what it is answered."""

    def __init__(self) -> None:
        self.posted: list[tuple[int, str | None]] = []
        self.statuses: list[int] = []
        self.at_once = self.most = 0
        self.pause = 0.0
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.at_once += 1
                hook.most = max(hook.most, hook.at_once)
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hook.posted.append((body["update_id"], self.headers["X-Telegram-Bot-Api-Secret-Token"]))
                time.sleep(hook.pause)
                hook.at_once -= 1
                self.send_response(hook.statuses.pop(0) if hook.statuses else 200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


@pytest.fixture
def hook() -> Iterator[Hook]:
    here = Hook()
    threading.Thread(target=here.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield here
    here.server.shutdown()
    here.server.server_close()


def test_a_webhook_gets_updates_with_its_secret_and_again_until_it_takes_them(server: Server, hook: Hook) -> None:
    """Another chat does not wait for the one whose update is refused; the same chat does."""
    reader, other = server.private(7), server.private(8)
    reader.says("waits from before")
    hook.statuses = [500, 503]
    server.resend_seconds = 0.02
    bot_does(server, lambda bot: bot.set_webhook(hook.url, secret_token=SECRET, max_connections=1))
    server.until(lambda: not server.pending)
    first = hook.posted[0][0]
    assert hook.posted == [(first, SECRET)] * 3
    assert server.posts == [(first, 500), (first, 503), (first, 200)]
    reader.says("b")
    other.says("c")
    server.until(lambda: not server.pending)
    assert [id_ for id_, _ in hook.posted[3:]] == [first + 1, first + 2]


def test_chats_are_posted_beside_one_another_as_far_as_the_webhook_allows(server: Server, hook: Hook) -> None:
    hook.pause = 0.05
    readers = [server.private(n) for n in range(1, 7)]
    bot_does(server, lambda bot: bot.set_webhook(hook.url, max_connections=3))
    for reader in readers:
        reader.says("x")
        reader.says("y")
    server.until(lambda: not server.pending)
    assert hook.most == 3
    assert len(hook.posted) == 12


def test_a_webhook_and_polling_exclude_one_another(server: Server, hook: Hook) -> None:
    bot_does(server, lambda bot: bot.set_webhook(hook.url))
    with pytest.raises(Conflict, match="can't use getUpdates method while webhook is active"):
        bot_does(server, lambda bot: bot.get_updates())
    assert bot_does(server, lambda bot: bot.get_webhook_info()).url == hook.url
    hook.statuses = [500] * 100
    server.private().says("x")
    server.until(lambda: bool(server.posts))
    assert "500" in bot_does(server, lambda bot: bot.get_webhook_info()).last_error_message
    bot_does(server, lambda bot: bot.delete_webhook())
    assert len(bot_does(server, lambda bot: bot.get_updates())) == 1
    bot_does(server, lambda bot: bot.delete_webhook(drop_pending_updates=True))
    assert bot_does(server, lambda bot: bot.get_updates()) == ()


@pytest.mark.parametrize(
    ("url", "secret", "words"),
    [
        ("http://example.org/hook", "s", "bad webhook: An HTTPS URL must be provided for webhook"),
        ("https://example.org/hook", "a b", "secret token contains unallowed characters"),
        ("https://example.org/hook", "s" * 257, "secret token is too long"),
    ],
)
def test_a_bad_webhook_is_refused(server: Server, url: str, secret: str, words: str) -> None:
    words = f"Bad Request: {words}"
    assert refusal(server, lambda bot: bot.set_webhook(url, secret_token=secret)) == words
