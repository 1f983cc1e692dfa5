"""A Bot API server of our own on the loopback address, which refuses what Telegram refuses (`telegram_rules`).

python-telegram-bot talks to it unmodified, by polling or by webhook, from this process or another:

    with telegram() as server:
        reader = server.private(user_id=7, language_code="ur")
        reader.says("How long is the tunnel?")
        (answer,) = reader.wait(1)
        reader.presses(answer, "More").wait()
        assert not server.faults
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import mimetypes
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from telegram_chats import WAIT, Awaited, Chat, Message, Shown
from telegram_http import CUT, Api, Call, Failure, Files
from telegram_methods import UPLOAD, Webhook
from telegram_rules import TOO_OLD, Formatted, Object, Refused, units
from tornado.httpclient import AsyncHTTPClient, HTTPError, HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

__all__ = ["CUT", "Awaited", "Call", "Chat", "Limits", "Server", "Shown", "telegram"]

TOKEN = "4242:not-a-real-token"  # noqa: S105 - of no bot
_UNASKED = {"chat_member", "message_reaction", "message_reaction_count"}  # these come only to a bot that asks for them


@dataclass(frozen=True, slots=True)
class Limits:
    """How many messages and edits Telegram takes, each as (messages, seconds)."""

    chat: tuple[int, float] = (1, 1.0)
    group: tuple[int, float] = (20, 60.0)
    everything: tuple[int, float] = (30, 1.0)


@dataclass(frozen=True, slots=True)
class _Update:
    id: int
    kind: str
    body: Object
    chat: int


class Server:
    """The state that all see, under one lock (`changed`), and what a test does to it."""

    def __init__(self, token: str, username: str, limits: Limits | None) -> None:
        self.token = token
        self.changed = threading.Condition()
        id_ = int(token.partition(":")[0])
        self.bot: Object = {"id": id_, "is_bot": True, "first_name": "Quoth", "username": username}
        self.users: dict[int, Object] = {id_: self.bot}
        self.chats: dict[int, Chat] = {}
        self.files: dict[str, tuple[str, bytes, int]] = {}
        self.commands: dict[tuple[str, str], list[Object]] = {}
        self.described: dict[tuple[str, str], str] = {}  # by what ("description") and language
        self.limits = limits
        self.calls: list[Call] = []
        self.posts: list[tuple[int, int]] = []  # (update_id, status) of each post to the webhook, 599 where none came
        self.pending: list[_Update] = []
        self.webhook: Webhook | None = None
        self.resend_seconds = 0.05  # doubled after each failure; Telegram begins with a second
        self.callback_seconds = 15.0  # after which a query is too old to be answered
        self.failures: list[Failure] = []
        self.queries: dict[str, Awaited] = {}
        self.timeout_second = 1.0  # how long a second of getUpdates' timeout lasts
        self.allowed: set[str] | None = None
        self.sent: list[tuple[float, int]] = []  # when, and to which chat
        self.port = 0
        self._last = {"update": 870_000_000, "message": 0, "query": 4_000_000_000, "chat": 5_000_000}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._poller: asyncio.Future[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def api_base(self) -> str:
        """PTB's `base_url`."""
        return f"http://127.0.0.1:{self.port}/bot"

    @property
    def file_base(self) -> str:
        """PTB's `base_file_url`."""
        return f"http://127.0.0.1:{self.port}/file/bot"

    @property
    def faults(self) -> list[Call]:
        """The calls that were refused, by Telegram's rules and not by `fail`, and those of unknown methods."""
        return [call for call in self.calls if call.status >= 400 and not call.injected]

    def polled(self, seconds: float = 60.0) -> None:
        """Waits until a bot waits for updates."""
        self.until(lambda: self._poller is not None and not self._poller.done(), seconds)

    def called(self, method: str) -> list[Call]:
        """The calls of one method."""
        return [call for call in self.calls if call.method == method]

    def private(
        self,
        user_id: int = 7,
        *,
        language_code: str | None = None,
        first_name: str = "Reader",
        username: str | None = None,
        started: bool = True,
    ) -> Chat:
        """The private chat of a new user, who has `started` the bot or still must write first."""
        user: Object = {"id": user_id, "is_bot": False, "first_name": first_name}
        user |= {"language_code": language_code} if language_code else {}
        user |= {"username": username} if username else {}
        chat = Chat(self, user_id, "private", user)
        chat.refusal = None if started else Refused("bot can't initiate conversation with a user", 403)
        return self._opened(chat)

    def group(
        self, title: str = "Readers", *, topics: bool = False, supergroup: bool = False, privacy: bool = True
    ) -> Chat:
        """A new group with the bot in it, a supergroup if it is to have topics."""
        number = self.next("chat")
        user = {"id": number, "is_bot": False, "first_name": "Member"}
        is_super = supergroup or topics
        id_ = -1_000_000_000_000 - number if is_super else -number
        chat = Chat(self, id_, "supergroup" if is_super else "group", user, title, topics, privacy)
        return self._opened(chat)

    def inline(self, by: Chat, query: str, *, offset: str = "") -> Awaited:
        """A user types the bot's name and a query, in whatever chat."""
        if units(query) > 256:
            raise ValueError("a client does not send more than 256 units in an inline query")
        with self.changed:
            asked = self.asks()
            body = {"id": asked.id, "from": by.user, "query": query, "offset": offset, "chat_type": "sender"}
            self.queue("inline_query", body, by.id)
            return asked

    def blocks(self, reader: Chat) -> None:
        """A reader blocks the bot, or a group throws it out: it can write there no more."""
        where = {"group": "group chat", "supergroup": "supergroup chat"}.get(reader.type)
        why = "bot was blocked by the user" if where is None else f"bot was kicked from the {where}"
        self._becomes(reader, "kicked", Refused(why, 403))

    def unblocks(self, reader: Chat) -> None:
        """The bot can write there again."""
        self._becomes(reader, "member", None)

    def migrates(self, group: Chat) -> Chat:
        """A group becomes a supergroup: another chat, of another id."""
        with self.changed:
            above = self.group(group.title, supergroup=True, privacy=group.privacy)
            above.user = group.user
            group.refusal = Refused("group chat was upgraded to a supergroup chat", migrate_to_chat_id=above.id)
            for chat, more in ((group, {"migrate_to_chat_id": above.id}), (above, {"migrate_from_chat_id": group.id})):
                message = Message(self.next_id(chat), chat, chat.user, Formatted(), more)
                self.queue("message", message.json(), chat.id)
            return above

    def fail(
        self,
        method: str,
        status: int = CUT,
        *,
        retry_after: int | None = None,
        times: int = 1,
        done: bool = False,
        seconds: float = 0.0,
        description: str = "",
    ) -> None:
        """The next calls of a method fail (`*`: of any), with a status or, where it is CUT, without an answer.

        `done`: after the work was done, so that only the answer is lost. `seconds`: how long the server hesitates
        before; with the status 200 that is all, and the call succeeds.
        """
        with self.changed:
            self.failures.append(Failure(method, status, retry_after, times, done, seconds, description))

    def until(self, is_so: Callable[[], bool], seconds: float = WAIT, what: Callable[[], object] = str) -> None:
        """Waits until something is so; otherwise AssertionError, with `what` there is and the faults there were."""
        with self.changed:
            ends = time.monotonic() + seconds
            while not (so := is_so()) and time.monotonic() < ends:
                self.changed.wait(0.05)  # what is waited for may not be the server's to tell
            if not so:
                refused = [call.answer for call in self.faults]
                raise AssertionError(f"not so after {seconds} s; there is {what()}; refused: {refused}")

    def queue(self, kind: str, body: Object, chat: int) -> int:
        """Gives an update its number and hands it to the bot, if it asked for its kind; `body` may be anything."""
        with self.changed:
            id_ = self.next("update")
            if kind in self.allowed if self.allowed else kind not in _UNASKED:
                self.pending.append(_Update(id_, kind, body, chat))
                if self._loop is not None:
                    self._loop.call_soon_threadsafe(self._woken)
            return id_

    def asks(self) -> Awaited:
        """A new query of a reader, to be answered."""
        asked = Awaited(str(self.next("query")), self, time.monotonic())
        self.queries[asked.id] = asked
        return asked

    def answered(self, id_: str, answer: Object) -> None:
        """Notes the answer to a query, which must be young and not answered."""
        asked = self.queries.pop(id_, None)
        if asked is None or time.monotonic() - asked.at > self.callback_seconds:
            raise Refused(TOO_OLD)
        asked.answer = answer

    def keep(self, name: str, data: bytes, size: int | None = None) -> Object:
        """Stores a file, and returns the Bot API's Document of it."""
        with self.changed:
            id_ = f"document-{len(self.files) + 1}"
            self.files[id_] = (name, data, len(data) if size is None else size)
            type_ = mimetypes.guess_type(name)[0] or "application/octet-stream"
            named = {"file_name": name, "mime_type": type_, "file_size": self.files[id_][2]}
            return {"file_id": id_, "file_unique_id": f"u-{id_}", **named}

    def next(self, counter: str) -> int:
        """The next number of a kind."""
        with self.changed:
            self._last[counter] = self._last.get(counter, 0) + 1
            return self._last[counter]

    def next_id(self, chat: Chat) -> int:
        """The next message id: of a supergroup by itself, of all other chats together."""
        return self.next(f"message of {chat.id}" if chat.type == "supergroup" else "message")

    def _opened(self, chat: Chat) -> Chat:
        with self.changed:
            if chat.id in self.chats:
                raise ValueError(f"there is a chat {chat.id} already")
            self.chats[chat.id] = chat
            self.users[chat.user["id"]] = chat.user
            return chat

    def _becomes(self, chat: Chat, status: str, refusal: Refused | None) -> None:
        with self.changed:
            was, chat.refusal = "member" if chat.refusal is None else "kicked", refusal
            before, now = ({"user": self.bot, "status": s, "until_date": 0} for s in (was, status))
            body = {"chat": chat.json(), "from": chat.user, "date": int(time.time())}
            self.queue("my_chat_member", {**body, "old_chat_member": before, "new_chat_member": now}, chat.id)

    # What follows runs in the server's own thread.

    async def serve(self, started: threading.Event) -> None:
        """Answers until `stop`."""
        self._loop = asyncio.get_running_loop()
        routes = [(r"/bot([^/]*)/(\w+)", Api, {"server": self}), (r"/file/bot([^/]*)/(.+)", Files, {"server": self})]
        application = Application(
            routes, default_handler_class=Api, default_handler_args={"server": self}, log_function=lambda _: None
        )
        server = HTTPServer(application, max_buffer_size=UPLOAD + 2**20)
        sockets = bind_sockets(0, "127.0.0.1")
        self.port = sockets[0].getsockname()[1]
        server.add_sockets(sockets)
        started.set()
        await self._stop.wait()
        server.stop()
        await server.close_all_connections()
        for task in self._tasks:
            task.cancel()

    def stop(self) -> None:
        """Ends `serve`, from another thread."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._stop.set)

    def _woken(self) -> None:
        if self._poller is not None and not self._poller.done():
            self._poller.set_result(None)
        self.post_updates()

    async def get_updates(self, offset: int, limit: int, timeout: float) -> list[Object]:
        """What waits from `offset` on, which confirms all below; ends the wait of another poller."""
        if self.webhook is not None:
            raise Refused(
                "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
                409,
            )
        self.end_poll("terminated by other getUpdates request; make sure that only one bot instance is running")
        with self.changed:
            waits = self.pending[offset:] if offset < 0 else [update for update in self.pending if update.id >= offset]
            self.pending[:] = waits
            self.changed.notify_all()
        ends = time.monotonic() + timeout
        while True:
            with self.changed:
                told = [{"update_id": update.id, update.kind: update.body} for update in self.pending[:limit]]
            if told or time.monotonic() >= ends:
                return told
            mine = self._poller = asyncio.get_running_loop().create_future()
            try:
                await asyncio.wait_for(mine, ends - time.monotonic())
            except TimeoutError:
                return []
            finally:
                if self._poller is mine:
                    self._poller = None

    def end_poll(self, why: str) -> None:
        """Refuses the long poll that waits, if one does."""
        if self._poller is not None and not self._poller.done():
            self._poller.set_exception(Refused(why, 409))
            self._poller = None

    def post_updates(self) -> None:
        """Posts what waits to the webhook: chats beside one another, within a chat one after another."""
        hook = self.webhook
        with self.changed:
            for update in self.pending if hook is not None else ():
                assert hook is not None
                if update.chat not in hook.busy and len(hook.busy) < hook.max_connections:
                    hook.busy.add(update.chat)
                    task = asyncio.get_running_loop().create_task(self._post(hook, update))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)

    async def _post(self, hook: Webhook, update: _Update) -> None:
        client = AsyncHTTPClient(force_instance=True)
        body = json.dumps({"update_id": update.id, update.kind: update.body})
        headers = {"Content-Type": "application/json"}
        headers |= {"X-Telegram-Bot-Api-Secret-Token": hook.secret} if hook.secret else {}
        pause, status = self.resend_seconds, 0
        while self.webhook is hook and not 200 <= status < 300:
            if status:
                await asyncio.sleep(pause)
                pause *= 2
            try:
                request = HTTPRequest(hook.url, method="POST", headers=headers, body=body)
                status = (await client.fetch(request, raise_error=False)).code
            except (OSError, HTTPError):
                status = 599
            with self.changed:
                self.posts.append((update.id, status))
                hook.error = "" if 200 <= status < 300 else f"Wrong response from the webhook: {status}"
                if not hook.error:
                    self.pending[:] = [other for other in self.pending if other.id != update.id]
                self.changed.notify_all()
        client.close()
        hook.busy.discard(update.chat)
        self.post_updates()

    def flood(self, chat: Chat) -> None:
        """Counts a message or an edit; 429 where it is one too many."""
        limits, now = self.limits, time.monotonic()
        if limits is None:
            return
        here = [at for at, id_ in self.sent if id_ == chat.id]
        waits = [(limits.everything, [at for at, _ in self.sent]), (limits.chat, here)]
        waits += [(limits.group, here)] if chat.type != "private" else []
        free = max([now, *(times[-most] + seconds for (most, seconds), times in waits if len(times) >= most)])
        if free > now:
            after = math.ceil(free - now)
            raise Refused(f"Too Many Requests: retry after {after}", 429, retry_after=after)
        self.sent.append((now, chat.id))


@contextlib.contextmanager
def telegram(*, token: str = TOKEN, username: str = "quoth_bot", limits: Limits | None = None) -> Iterator[Server]:
    """A server that runs inside `with`, on a free port; without flood limits unless there are some."""
    server, started = Server(token, username, limits), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(started)), daemon=True)
    thread.start()
    assert started.wait(WAIT)
    try:
        yield server
    finally:
        server.stop()
        thread.join(WAIT)
