"""The fake Bot API server's side of HTTP: calls with their arguments and failures, and downloads."""

from __future__ import annotations

import asyncio
import json
import re
import time
import traceback
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from telegram_methods import NAMED, Arguments, Methods
from telegram_rules import Object, Refused
from tornado.web import RequestHandler

if TYPE_CHECKING:
    from telegram_server import Server

__all__ = ["CUT", "Api", "Call", "Failure", "Files"]

CUT = 0  # the status to inject where the connection is to be cut

_JSON = frozenset(  # the arguments whose text is JSON
    "allowed_updates button caption_entities commands entities link_preview_options menu_button reaction reply_markup "
    "reply_parameters results scope".split()
)


@dataclass(frozen=True, slots=True)
class Call:
    """A call as the server saw it: what was asked, when (monotonic), and what it was answered."""

    method: str
    arguments: Object
    at: float
    status: int
    answer: Object
    injected: bool = False

    @property
    def description(self) -> str:
        """Why it was refused, in Telegram's words."""
        return str(self.answer.get("description", ""))


@dataclass(slots=True)
class Failure:
    """What `Server.fail` asked for; `times` counts down."""

    method: str
    status: int
    retry_after: int | None
    times: int
    done: bool
    seconds: float
    description: str


class _Handler(RequestHandler):
    """What calls and downloads share: the token, and how a refusal looks."""

    def initialize(self, server: Server) -> None:
        self.server = server

    def check(self, token: str) -> None:
        """Refused where the token is not the bot's."""
        if token != self.server.token:
            is_token = re.fullmatch(r"\d+:[\w-]+", token) is not None
            raise Refused("Unauthorized", 401) if is_token else Refused("Not Found", 404)

    def tell(self, status: int, answer: Object) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.write(json.dumps(answer))


class Files(_Handler):
    """The files that a bot may download."""

    def get(self, token: str, path: str) -> None:
        stored = self.server.files.get(path.removeprefix("documents/"))
        if token != self.server.token or stored is None:
            return self.tell(404, {"ok": False, "error_code": 404, "description": "Not Found"})
        self.set_header("Content-Type", "application/octet-stream")
        self.write(stored[1])
        return None


class Api(_Handler):
    """The calls."""

    work: asyncio.Future[Any] | None = None  # what a long poll waits for

    def on_connection_close(self) -> None:
        """Nobody waits for the answer any more: no update may go that way, and no 409."""
        if self.work is not None:
            self.work.cancel()

    async def get(self, token: str = "", method: str = "") -> None:
        await self.post(token, method)

    async def post(self, token: str = "", method: str = "") -> None:
        at, arguments = time.monotonic(), Arguments()
        failure = self._failure(method)
        status, answer = (failure.status, {}) if failure is not None else (200, {})
        if failure is not None:
            await asyncio.sleep(failure.seconds)
        if failure is None or failure.done or failure.status == 200:
            try:
                self.check(token)
                arguments = self._arguments()
                status, answer = 200, {"ok": True, "result": await self._result(method, arguments)}
            except Refused as refused:
                status = refused.status
                answer = {"ok": False, "error_code": status, "description": refused.description}
                answer |= {"parameters": refused.parameters} if refused.parameters else {}
            except asyncio.CancelledError:  # the caller has hung up
                status, answer = CUT, {}
            except Exception:  # a bug of this server, which the test is to see
                status, answer = 500, {"ok": False, "error_code": 500, "description": traceback.format_exc()}
        if failure is not None and failure.status != 200:
            status, answer = failure.status, self._failed(failure)
        is_injected = failure is not None and failure.status != 200
        with self.server.changed:
            self.server.calls.append(Call(method, arguments, at, status, answer, is_injected))
            self.server.changed.notify_all()
        if status == CUT:
            self.detach().close()
        elif is_injected and status > 500:  # not Telegram itself answers, but what stands before it
            self.set_status(status)
            self.write(f"<html><body><h1>{answer['description']}</h1></body></html>")
        else:
            self.tell(status, answer)

    def _failure(self, method: str) -> Failure | None:
        with self.server.changed:
            for failure in self.server.failures:
                if failure.method in (method, "*") and failure.times > 0:
                    failure.times -= 1
                    return failure
        return None

    def _failed(self, failure: Failure) -> Object:
        description = failure.description or (HTTPStatus(failure.status).phrase if failure.status else "")
        if failure.retry_after:
            description = f"Too Many Requests: retry after {failure.retry_after}"
        answer: Object = {"ok": False, "error_code": failure.status, "description": description}
        return answer | ({"parameters": {"retry_after": failure.retry_after}} if failure.retry_after else {})

    def _arguments(self) -> Arguments:
        arguments = Arguments()
        try:
            if self.request.headers.get("Content-Type", "").startswith("application/json"):
                arguments.update(json.loads(self.request.body))
            arguments.update({name: values[-1].decode() for name, values in self.request.arguments.items()})
            for name in _JSON & set(arguments):
                if isinstance(arguments[name], str):
                    arguments[name] = json.loads(arguments[name] or "null")
        except UnicodeDecodeError as error:
            raise Refused("strings must be encoded in UTF-8") from error
        except ValueError as error:
            raise Refused(f"can't parse JSON object: {error}") from error
        for name, files in self.request.files.items():
            arguments[f"file {name}"] = (files[0].filename, files[0].body)
        return arguments

    async def _result(self, method: str, arguments: Arguments) -> object:
        name = NAMED.get(method.casefold())
        if name is None:
            raise Refused("method not found", 404)
        work = getattr(Methods(self.server), name)
        if asyncio.iscoroutinefunction(work):
            self.work = asyncio.ensure_future(work(arguments))
            return await self.work
        with self.server.changed:
            return work(arguments)
