"""The Bot API's methods, as the fake server does them, and their arguments."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from telegram_chats import Chat, Message
from telegram_rules import (
    MAX_CAPTION,
    MAX_DESCRIPTIONS,
    MAX_TEXT,
    NOT_MODIFIED,
    Formatted,
    Object,
    Refused,
    commands_of,
    formatted,
    found,
    inline_results,
    judged,
    keyboard_of,
    quote_position,
    scope_key,
    units,
)

if TYPE_CHECKING:
    from telegram_server import Server

__all__ = ["Arguments", "Methods", "Webhook"]

DOWNLOAD = 20 * 2**20
UPLOAD = 50 * 2**20

_ACTIONS = re.compile(
    "typing|find_location|choose_sticker|(record|upload)_(video|voice|video_note)|upload_(photo|document)"
)


@dataclass(slots=True)
class Webhook:
    """Where updates are posted to; `busy`: the chats of which one is under way, as theirs go one after another."""

    url: str
    secret: str
    max_connections: int
    busy: set[int] = field(default_factory=set)
    error: str = ""


class Arguments(dict[str, Any]):
    """The arguments of a call: as text, where they are not JSON."""

    def text(self, name: str) -> str:
        return str(self.get(name, ""))

    def number(self, name: str, default: int = 0) -> int:
        try:
            return int(self.get(name, default))
        except (TypeError, ValueError):
            return default

    def flag(self, name: str) -> bool:
        return self.text(name).casefold() in ("true", "1", "yes")


class Methods:
    """The Bot API's methods, each under its name in snake case."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def _chat(self, a: Arguments, *, writes: bool = True) -> Chat:
        id_ = a.text("chat_id")
        chat = self._server.chats.get(int(id_)) if re.fullmatch(r"-?\d+", id_) else None
        if not id_:
            raise Refused("chat_id is empty")
        if chat is None:
            raise Refused("chat not found")
        if writes and chat.refusal is not None:
            raise chat.refusal
        return chat

    def _message(self, a: Arguments, verb: str) -> Message:
        message = self._chat(a).held.get(a.number("message_id"))
        if message is None:
            raise Refused(f"message to {verb} not found")
        if not message.sender["is_bot"] and (verb == "edit" or message.chat.type != "private"):
            raise Refused(f"message can't be {verb.removesuffix('e')}ed")
        return message

    def _thread(self, chat: Chat, a: Arguments) -> int | None:
        thread = a.number("message_thread_id") or None
        if thread is not None and thread not in chat.topics:
            raise Refused("message thread not found")
        return thread

    def _markup(self, a: Arguments) -> Object | None:
        markup = a.get("reply_markup")
        if not isinstance(markup, dict):
            return None
        rows = keyboard_of(markup)
        return markup if rows or "inline_keyboard" not in markup else None

    def _sent(self, a: Arguments, text: Formatted, more: Object) -> Object:
        chat = self._chat(a)
        message = Message(0, chat, self._server.bot, found(text), more, self._markup(a))
        thread, reply = self._thread(chat, a), a.get("reply_parameters") or {}
        if reply or a.get("reply_to_message_id"):
            message.reply_to = int(reply.get("message_id", 0)) or a.number("reply_to_message_id")
            if message.reply_to not in chat.held:
                if not (reply.get("allow_sending_without_reply") or a.flag("allow_sending_without_reply")):
                    raise Refused("message to be replied not found")
                message.reply_to = None
            elif reply.get("quote"):
                message.quote = formatted(
                    reply["quote"], reply.get("quote_parse_mode", ""), reply.get("quote_entities")
                )
                near = int(reply.get("quote_position", 0))
                message.quote_at = quote_position(chat.held[message.reply_to].text, message.quote, near)
        message.thread = chat.thread_of(thread, message.reply_to)
        self._server.flood(chat)
        message.id = self._server.next_id(chat)
        chat.held[message.id] = message
        return message.json()

    def send_message(self, a: Arguments) -> Object:
        if not a.text("text"):
            raise Refused("message text is empty")
        text = formatted(a.text("text"), a.text("parse_mode"), a.get("entities"))
        return self._sent(a, judged(text, MAX_TEXT, "message is too long"), {})

    def send_document(self, a: Arguments) -> Object:
        name, data = (
            a.get("file document") or a.get("file " + a.text("document").removeprefix("attach://")) or ("", b"")
        )
        stored = self._server.files.get(a.text("document"))
        if stored is not None:
            name, data, _ = stored
        elif not name:
            raise Refused("there is no document in the request")
        if len(data) > UPLOAD:
            raise Refused("Request Entity Too Large", 413)
        if not data:
            raise Refused("file must be non-empty")
        caption = formatted(a.text("caption"), a.text("parse_mode"), a.get("caption_entities"))
        caption = judged(caption, MAX_CAPTION, "message caption is too long", may_be_empty=True)
        return self._sent(a, caption, {"document": self._server.keep(name, data)})

    def edit_message_text(self, a: Arguments) -> Object:
        message = self._message(a, "edit")
        if not a.text("text"):
            raise Refused("message text is empty")
        text = formatted(a.text("text"), a.text("parse_mode"), a.get("entities"))
        if message.more:
            raise Refused("there is no text in the message to edit")
        return self._edited(message, found(judged(text, MAX_TEXT, "MESSAGE_TOO_LONG")), self._markup(a))

    def edit_message_reply_markup(self, a: Arguments) -> Object:
        message = self._message(a, "edit")
        return self._edited(message, message.text, self._markup(a))

    def _edited(self, message: Message, text: Formatted, markup: Object | None) -> Object:
        if (text, markup) == (message.text, message.markup):
            raise Refused(NOT_MODIFIED)
        self._server.flood(message.chat)
        message.text, message.markup, message.edited = text, markup, int(time.time())
        return message.json()

    def delete_message(self, a: Arguments) -> bool:
        message = self._message(a, "delete")
        del message.chat.held[message.id]
        return True

    def send_chat_action(self, a: Arguments) -> bool:
        self._thread(self._chat(a), a)
        if not _ACTIONS.fullmatch(a.text("action")):
            raise Refused("wrong parameter action in request")
        return True

    def set_message_reaction(self, a: Arguments) -> bool:
        if a.number("message_id") not in self._chat(a).held:
            raise Refused("message to react not found")
        return True

    def answer_callback_query(self, a: Arguments) -> bool:
        if units(a.text("text")) > 200:
            raise Refused("MESSAGE_TOO_LONG")
        self._server.answered(a.text("callback_query_id"), dict(a))
        return True

    def answer_inline_query(self, a: Arguments) -> bool:
        results = inline_results(a.get("results"), a.text("next_offset"), a.get("button"))
        self._server.answered(a.text("inline_query_id"), {**a, "results": results})
        return True

    def get_file(self, a: Arguments) -> Object:
        stored = self._server.files.get(a.text("file_id"))
        if stored is None:
            raise Refused("wrong file_id or the file is temporarily unavailable")
        if stored[2] > DOWNLOAD:
            raise Refused("file is too big")
        id_ = a.text("file_id")
        return {"file_id": id_, "file_unique_id": f"u-{id_}", "file_size": stored[2], "file_path": f"documents/{id_}"}

    def get_me(self, a: Arguments) -> Object:
        can = {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": True}
        return {**self._server.bot, **can, "can_connect_to_business": False, "has_main_web_app": False}

    def set_my_commands(self, a: Arguments) -> bool:
        self._server.commands[scope_key(a.get("scope"), a.text("language_code"))] = commands_of(a.get("commands"))
        return True

    def get_my_commands(self, a: Arguments) -> list[Object]:
        return self._server.commands.get(scope_key(a.get("scope"), a.text("language_code")), [])

    def delete_my_commands(self, a: Arguments) -> bool:
        self._server.commands.pop(scope_key(a.get("scope"), a.text("language_code")), None)
        return True

    def _describe(self, a: Arguments, what: str) -> bool:
        scope_key(None, a.text("language_code"))
        if len(a.text(what)) > MAX_DESCRIPTIONS[what]:
            raise Refused(f"{what.replace('_', ' ')} is too long")
        self._server.described[what, a.text("language_code")] = a.text(what)
        return True

    def _described(self, a: Arguments, what: str) -> Object:
        told = self._server.described
        return {what: told.get((what, a.text("language_code"))) or told.get((what, ""), "")}

    def set_my_name(self, a: Arguments) -> bool:
        return self._describe(a, "name")

    def set_my_description(self, a: Arguments) -> bool:
        return self._describe(a, "description")

    def set_my_short_description(self, a: Arguments) -> bool:
        return self._describe(a, "short_description")

    def get_my_name(self, a: Arguments) -> Object:
        return self._described(a, "name")

    def get_my_description(self, a: Arguments) -> Object:
        return self._described(a, "description")

    def get_my_short_description(self, a: Arguments) -> Object:
        return self._described(a, "short_description")

    def set_chat_menu_button(self, a: Arguments) -> bool:
        return True

    def get_chat(self, a: Arguments) -> Object:
        gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
        more = {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": dict.fromkeys(gifts, False)}
        return {**self._chat(a, writes=False).json(), **more}

    def get_chat_member(self, a: Arguments) -> Object:
        self._chat(a)
        user = self._server.users.get(a.number("user_id"))
        if user is None:
            raise Refused("user not found")
        return {"user": user, "status": "member"}

    def get_chat_administrators(self, a: Arguments) -> list[Object]:
        if self._chat(a).type == "private":
            raise Refused("there are no administrators in the private chat")
        return []

    def get_chat_member_count(self, a: Arguments) -> int:
        return 2 if self._chat(a).type == "private" else 3

    def leave_chat(self, a: Arguments) -> bool:
        chat = self._chat(a)
        chat.refusal = Refused(f"bot is not a member of the {chat.type} chat", 403)
        return True

    async def get_updates(self, a: Arguments) -> list[Object]:
        self._allow(a)
        limit, timeout = min(max(a.number("limit", 100), 1), 100), min(max(a.number("timeout"), 0), 50)
        return await self._server.get_updates(a.number("offset"), limit, timeout * self._server.timeout_second)

    def _allow(self, a: Arguments) -> None:
        if isinstance(a.get("allowed_updates"), list):
            self._server.allowed = set(a["allowed_updates"])

    def set_webhook(self, a: Arguments) -> bool:
        url, secret = a.text("url"), a.text("secret_token")
        if not url:
            return self.delete_webhook(a)
        if not re.match(r"https://|http://(127\.0\.0\.1|localhost)[:/]", url):  # on loopback as a local server allows
            raise Refused("bad webhook: An HTTPS URL must be provided for webhook")
        if len(secret) > 256:
            raise Refused("secret token is too long")
        if not re.fullmatch(r"[A-Za-z0-9_-]*", secret):
            raise Refused("secret token contains unallowed characters")
        self._drop(a)
        self._allow(a)
        self._server.end_poll("terminated by setWebhook request")
        most = min(max(a.number("max_connections", 40), 1), 100)
        self._server.webhook = Webhook(url, secret, most)
        self._server.post_updates()
        return True

    def delete_webhook(self, a: Arguments) -> bool:
        self._drop(a)
        self._server.webhook = None
        return True

    def _drop(self, a: Arguments) -> None:
        if a.flag("drop_pending_updates"):
            self._server.pending.clear()

    def get_webhook_info(self, a: Arguments) -> Object:
        hook = self._server.webhook or Webhook("", "", 40)
        waits = {"pending_update_count": len(self._server.pending), "has_custom_certificate": False}
        told: Object = {"url": hook.url, "max_connections": hook.max_connections, **waits}
        return told | ({"last_error_message": hook.error, "last_error_date": int(time.time())} if hook.error else {})


NAMED = {name.replace("_", ""): name for name in vars(Methods) if not name.startswith("_")}  # as a call has them
