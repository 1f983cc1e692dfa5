"""What readers see and do in the fake Bot API server: messages, private chats, groups, queries."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from telegram_rules import (
    MAX_TEXT,
    Button,
    Entity,
    Formatted,
    Object,
    Refused,
    bot_entities,
    formatted,
    found,
    quote_position,
    units,
)

if TYPE_CHECKING:
    from telegram_server import Server

__all__ = ["Awaited", "Chat", "Message", "Shown"]

WAIT = 20.0  # seconds that a test waits for the bot, unless it says otherwise

_MEDIA: Mapping[str, Object] = {
    "sticker": {"width": 512, "height": 512, "is_animated": False, "is_video": False, "type": "regular"},
    "photo": {"width": 640, "height": 480},
    "voice": {"duration": 3},
    "audio": {"duration": 3},
    "video": {"width": 640, "height": 480, "duration": 3},
    "location": {"latitude": 31.5, "longitude": 74.3},
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as a reader sees it now."""

    id: int
    text: str
    entities: tuple[Entity, ...] = ()
    keyboard: tuple[tuple[Button, ...], ...] = ()
    reply_to: int | None = None
    quote: str | None = None
    thread_id: int | None = None
    edited: bool = False
    file: tuple[str, bytes] | None = None

    def of(self, type_: str) -> list[str]:
        """The parts of the text that carry entities of one type."""
        return [entity.of for entity in self.entities if entity.type == type_]


@dataclass(slots=True)
class Awaited:
    """A pressed button or an inline query, until the bot has answered it."""

    id: str
    server: Server
    at: float
    answer: Object | None = None

    def wait(self, seconds: float = WAIT) -> Object:
        """What the bot answered: the arguments of answerCallbackQuery or answerInlineQuery."""
        self.server.until(lambda: self.answer is not None, seconds, lambda: f"no answer to {self.id}")
        return dict(self.answer or {})


@dataclass(slots=True)
class Message:
    """A message as the server keeps it."""

    id: int
    chat: Chat
    sender: Object
    text: Formatted
    more: Object = field(default_factory=dict)  # what only messages of its kind have: {"document": {...}}
    markup: Object | None = None
    reply_to: int | None = None
    quote: Formatted | None = None
    quote_at: int = 0
    thread: int | None = None
    date: int = field(default_factory=lambda: int(time.time()))
    edited: int | None = None

    def json(self, *, nested: bool = True) -> Object:
        """The Bot API's Message; `nested`: with the message that it replies to."""
        is_text = not self.more
        whole: Object = {"message_id": self.id, "date": self.date, "chat": self.chat.json(), "from": self.sender}
        if self.text.text:
            whole["text" if is_text else "caption"] = self.text.text
            whole["entities" if is_text else "caption_entities"] = bot_entities(self.text, self.chat.server.users)
        whole |= self.more
        replied = self.chat.held.get(self.reply_to or 0)
        if nested and replied is not None:
            whole["reply_to_message"] = replied.json(nested=False)
            if self.quote is not None:
                entities = bot_entities(self.quote, self.chat.server.users)
                whole["quote"] = {"text": self.quote.text, "position": self.quote_at, "entities": entities}
                whole["quote"]["is_manual"] = True
        if self.thread is not None:
            whole["message_thread_id"] = self.thread
            if self.thread in self.chat.topics:
                whole["is_topic_message"] = True
        if self.edited is not None:
            whole["edit_date"] = self.edited
        if self.markup is not None and "inline_keyboard" in self.markup:
            whole["reply_markup"] = self.markup
        return whole

    def shown(self) -> Shown:
        rows = (self.markup or {}).get("inline_keyboard", ())
        file_id = self.more.get("document", {}).get("file_id")
        return Shown(
            id=self.id,
            text=self.text.text,
            entities=tuple(Entity.of_text(self.text.text, e) for e in bot_entities(self.text, self.chat.server.users)),
            keyboard=tuple(tuple(Button.of_object(button) for button in row) for row in rows),
            reply_to=self.reply_to,
            quote=None if self.quote is None else self.quote.text,
            thread_id=self.thread,
            edited=self.edited is not None,
            file=self.chat.server.files[file_id][:2] if file_id in self.chat.server.files else None,
        )


@dataclass(slots=True)
class Chat:
    """A private chat or a group, as those in it use it."""

    server: Server
    id: int
    type: str
    user: Object  # the reader of a private chat; whoever speaks in a group, unless a test says who
    title: str = ""
    forum: bool = False
    privacy: bool = True
    topics: dict[int, str] = field(default_factory=dict)
    held: dict[int, Message] = field(default_factory=dict)
    refusal: Refused | None = None  # why the bot cannot write here

    def json(self) -> Object:
        """The Bot API's Chat."""
        if self.type == "private":
            named = {name: value for name, value in self.user.items() if name in ("first_name", "username")}
            return {"id": self.id, "type": "private", **named}
        return {"id": self.id, "type": self.type, "title": self.title, **({"is_forum": True} if self.forum else {})}

    @property
    def history(self) -> list[Shown]:
        """All messages that stand in the chat now."""
        with self.server.changed:
            return [message.shown() for message in self.held.values()]

    @property
    def messages(self) -> list[Shown]:
        """The bot's messages that stand in the chat now, as they read now."""
        with self.server.changed:
            return [message.shown() for message in self.held.values() if message.sender["is_bot"]]

    def wait(self, messages: int, seconds: float = WAIT) -> list[Shown]:
        """The bot's messages, once there are so many."""
        self.server.until(lambda: len(self.messages) >= messages, seconds, lambda: self.messages)
        return self.messages

    def topic(self, name: str) -> int:
        """Opens a topic of a forum, and returns its thread."""
        with self.server.changed:
            thread = self.server.next_id(self)
            self.topics[thread] = name
            return thread

    def starts(self, payload: str = "", *, by: Chat | None = None) -> int:
        """Opens the bot by its button or by a link with a payload, which clients refuse unless it is a plain one."""
        if payload and not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", payload):
            raise ValueError(f"no client sends the payload {payload!r}")
        return self.says(f"/start {payload}".rstrip(), by=by)

    def says(
        self,
        text: str,
        *,
        by: Chat | None = None,
        reply_to: int | Shown | None = None,
        quote: str | None = None,
        thread: int | None = None,
        mentions: Mapping[str, Chat] | None = None,
    ) -> int:
        """Sends a text and returns its id; commands, mentions and links in it are marked as clients mark them.

        `by`: the private chat of whoever speaks. `mentions`: words that mention a user who has no name to mention.
        """
        named = [
            {
                "type": "text_mention",
                "offset": units(text[: text.index(word)]),
                "length": units(word),
                "user": chat.user,
            }
            for word, chat in (mentions or {}).items()
        ]
        if units(text) > MAX_TEXT:
            raise ValueError("a client does not send more than 4096 units in a message")
        return self._speaks(formatted(text, entities=named), {}, by, reply_to, quote, thread)

    def sends(self, kind: str, *, caption: str = "", by: Chat | None = None, thread: int | None = None) -> int:
        """Sends a sticker, photo, voice, audio, video or location, of no size to speak of."""
        file = {} if kind == "location" else {"file_id": f"{kind}-1", "file_unique_id": f"u-{kind}-1"}
        body = {**_MEDIA[kind], **file}
        return self._speaks(formatted(caption), {kind: [body] if kind == "photo" else body}, by, None, None, thread)

    def sends_document(
        self, name: str, data: bytes, *, caption: str = "", size: int | None = None, by: Chat | None = None
    ) -> int:
        """Sends a file; `size` says how big it is said to be, where that is more than its bytes."""
        document = self.server.keep(name, data, size)
        return self._speaks(formatted(caption), {"document": document}, by, None, None, None)

    def edits(self, message_id: int, text: str) -> None:
        """A reader edits a message of theirs."""
        with self.server.changed:
            message = self.held[message_id]
            message.text, message.edited = found(formatted(text)), int(time.time())
            if self._reaches(message):
                self.server.queue("edited_message", message.json(), self.id)

    def presses(self, message: int | Shown, button: str, *, by: Chat | None = None, stale: bool = False) -> Awaited:
        """Presses a button, told by its text or data; `stale`: one that the message no longer has."""
        with self.server.changed:
            held = self.held[message if isinstance(message, int) else message.id]
            buttons = [button for row in (held.markup or {}).get("inline_keyboard", ()) for button in row]
            data = [
                b["callback_data"]
                for b in buttons
                if "callback_data" in b and button in (b["text"], b["callback_data"])
            ]
            if not data and not stale:
                raise LookupError(f"no button {button!r} under message {held.id}, only {buttons}")
            query = self.server.asks()
            body = {"id": query.id, "from": (by or self).user, "message": held.json(), "chat_instance": str(self.id)}
            self.server.queue("callback_query", {**body, "data": (data or [button])[0]}, self.id)
            return query

    def deletes(self, message: int | Shown) -> None:
        """A reader deletes a message; the bot is not told."""
        with self.server.changed:
            del self.held[message if isinstance(message, int) else message.id]

    def _speaks(
        self,
        text: Formatted,
        more: Object,
        by: Chat | None,
        reply_to: int | Shown | None,
        quote: str | None,
        thread: int | None,
    ) -> int:
        with self.server.changed:
            user = (by or self).user
            self.server.users[user["id"]] = user
            if self.type == "private":
                self.refusal = None  # who writes to the bot lets it write
            message = Message(self.server.next_id(self), self, user, found(text), more)
            message.reply_to = reply_to.id if isinstance(reply_to, Shown) else reply_to
            if quote is not None:
                message.quote = formatted(quote)
                message.quote_at = quote_position(self.held[message.reply_to or 0].text, message.quote)
            message.thread = self.thread_of(thread, message.reply_to)
            self.held[message.id] = message
            if self._reaches(message):
                self.server.queue("message", message.json(), self.id)
            self.server.changed.notify_all()
            return message.id

    def thread_of(self, thread: int | None, reply_to: int | None) -> int | None:
        """The thread of a new message: its topic, or, in a supergroup, the first message of a chain of replies."""
        replied = self.held.get(reply_to or 0)
        if thread is not None or replied is None or self.type != "supergroup":
            return thread
        return replied.thread or replied.id

    def _reaches(self, message: Message) -> bool:
        """Whether the bot gets to see it: in a group, commands, mentions and replies to the bot."""
        replied = self.held.get(message.reply_to or 0)
        if self.type == "private" or not self.privacy or (replied is not None and replied.sender["is_bot"]):
            return True
        name = "@" + str(self.server.bot["username"]).casefold()
        for entity in message.json()[("caption_" if message.more else "") + "entities"] if message.text.text else ():
            part = Entity.of_text(message.text.text, entity).of.casefold()
            if entity["type"] == "bot_command" and part.partition("@")[2] in ("", name[1:]):
                return True
            if (entity["type"] == "mention" and part == name) or entity.get("user") == self.server.bot:
                return True
        return False
