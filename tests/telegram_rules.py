"""What Telegram refuses, and in which words: text, entities, links, keyboards, inline results, commands.

TDLib (`tdjson`) does the parsing, as it does for the real Bot API server; the rest is from that server's source.
"""

from __future__ import annotations

import dataclasses
import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tdjson

__all__ = [
    "Button",
    "Entity",
    "Formatted",
    "Refused",
    "bot_entities",
    "commands_of",
    "formatted",
    "found",
    "inline_results",
    "keyboard_of",
    "link_survives",
    "quote_position",
    "scope_key",
    "units",
]

Object = dict[str, Any]  # a JSON object of the Bot API, whose fields are Telegram's

MAX_TEXT = 4096
MAX_CAPTION = 1024
MAX_QUOTE = 1024
MAX_ENTITIES = 100
MAX_RAW_BYTES = 32_768
MAX_CALLBACK_BYTES = 64
MAX_BUTTONS = 100
MAX_BUTTONS_A_ROW = 8
MAX_RESULTS = 50
MAX_COMMANDS = 100

# The one place that PTB's own constants do not reach: what a bot says of itself.
MAX_DESCRIPTIONS = {"name": 64, "description": 512, "short_description": 120}

NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current content "
    "and reply markup of the message"
)
TOO_OLD = "query is too old and response timeout expired or query ID is invalid"

_MODES: dict[str, Object] = {
    "html": {"@type": "textParseModeHTML"},
    "markdown": {"@type": "textParseModeMarkdown", "version": 1},
    "markdownv2": {"@type": "textParseModeMarkdown", "version": 2},
}
_TYPES = {
    "Bold": "bold",
    "Italic": "italic",
    "Underline": "underline",
    "Strikethrough": "strikethrough",
    "Spoiler": "spoiler",
    "Code": "code",
    "Pre": "pre",
    "PreCode": "pre",
    "BlockQuote": "blockquote",
    "ExpandableBlockQuote": "expandable_blockquote",
    "TextUrl": "text_link",
    "MentionName": "text_mention",
    "DateTime": "date_time",
    "Url": "url",
    "Mention": "mention",
    "Hashtag": "hashtag",
    "Cashtag": "cashtag",
    "BotCommand": "bot_command",
    "EmailAddress": "email",
    "PhoneNumber": "phone_number",
    "BankCardNumber": "bank_card_number",
}
_OPAQUE = {"Code", "Pre", "PreCode", "TextUrl", "MentionName", "DateTime"}  # nothing is found inside of these
_SENDABLE = set(list(_TYPES)[:13])  # the rest is found by Telegram, not sent
_ACTIONS = {"callback_data", "url", "switch_inline_query", "switch_inline_query_current_chat", "copy_text", "web_app"}
_CONTROL = {code: " " for code in range(32) if chr(code) not in "\n\r"}
_DELETED = {ord("\r"), *range(0x2028, 0x202F), 0x0333, 0x033F, 0x030A}  # isolates (U+2066…) stay, embeddings do not


class Refused(Exception):
    """A call that Telegram refuses: the HTTP status, the description after "Bad Request: ", further parameters."""

    def __init__(self, description: str, status: int = 400, **parameters: int) -> None:
        prefix = {400: "Bad Request: ", 403: "Forbidden: ", 409: "Conflict: ", 404: "Not Found: "}.get(status, "")
        if prefix.startswith(description):  # "Not Found" alone
            prefix = ""
        elif prefix and description[1:2] != "_" and not description[1:2].isupper():
            description = description[:1].lower() + description[1:]
        super().__init__(prefix + description)
        self.description = prefix + description
        self.status = status
        self.parameters = parameters


@dataclass(frozen=True, slots=True)
class Formatted:
    """A text with TDLib's entities; offsets are UTF-16 units."""

    text: str = ""
    entities: tuple[Object, ...] = ()

    @property
    def td(self) -> Object:
        """The text as TDLib takes it."""
        return {"@type": "formattedText", "text": self.text, "entities": list(self.entities)}


@dataclass(frozen=True, slots=True)
class Entity:
    """A part of a text and what it is; `of` is the part itself."""

    type: str
    offset: int
    length: int
    of: str
    url: str | None = None

    @classmethod
    def of_text(cls, text: str, entity: Object) -> Entity:
        """The Bot API's entity of a text."""
        start, end = entity["offset"], entity["offset"] + entity["length"]
        part = text.encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le", "replace")
        return cls(entity["type"], start, entity["length"], part, entity.get("url"))


@dataclass(frozen=True, slots=True)
class Button:
    """A button under a message."""

    text: str
    callback_data: str | None = None
    url: str | None = None
    switch_inline_query: str | None = None

    @classmethod
    def of_object(cls, button: Object) -> Button:
        """The Bot API's button."""
        return cls(**{name: button[name] for name in cls.__slots__ if name in button})


def execute(request: Object) -> Object:
    """What TDLib answers at once."""
    answer = tdjson.td_execute(json.dumps(request).encode())
    assert answer is not None
    return dict(json.loads(answer))


execute({"@type": "setLogVerbosityLevel", "new_verbosity_level": 0})


def units(text: str) -> int:
    """The length in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def formatted(text: str, parse_mode: str = "", entities: Sequence[Object] | None = None) -> Formatted:
    """The text that a reader would get, before its length is judged; Refused where Telegram cannot parse it."""
    if len(text.encode()) > MAX_RAW_BYTES:
        raise Refused("Text is too long")
    mode = parse_mode.casefold()
    if text and mode and mode != "none":
        if mode not in _MODES:
            raise Refused("Unsupported parse_mode")
        parsed = execute({"@type": "parseTextEntities", "text": text, "parse_mode": _MODES[mode]})
        if parsed["@type"] == "error":
            raise Refused(parsed["message"])
        return _cleaned(parsed["text"], parsed["entities"])
    return _cleaned(text, [_td_entity(entity) for entity in entities or ()])


def _td_entity(entity: Object) -> Object:
    """The TDLib entity of a Bot API one."""
    name = next((name for name, type_ in _TYPES.items() if type_ == entity.get("type")), None)
    if name is None and entity.get("type") != "custom_emoji":
        raise Refused("Can't parse MessageEntity: Unsupported type specified")
    for number in ("offset", "length"):
        if not isinstance(entity.get(number), int):
            raise Refused(f'Can\'t parse MessageEntity: Field "{number}" must be of type Number')
    kind: Object = {"@type": f"textEntityType{name or 'CustomEmoji'}"}
    kind |= {field: entity[field] for field in ("url", "language") if field in entity}
    if name == "MentionName":
        kind["user_id"] = entity["user"]["id"]
    return {"@type": "textEntity", "offset": entity["offset"], "length": entity["length"], "type": kind}


def _cleaned(text: str, entities: Sequence[Object]) -> Formatted:
    """The text without what Telegram strips, without blank ends, with at most 100 entities that point into it."""
    kept, places, whole = [], [0], 0
    for character in text:
        kept.append("" if ord(character) in _DELETED else _CONTROL.get(ord(character), character))
        places += [whole] * (units(character) - 1)
        whole += units(kept[-1])
        places.append(whole)
    first = min((places[_within(entity["offset"], places)] for entity in entities), default=whole)
    trimmed = "".join(kept).rstrip(" \n")
    blanks = min(len(trimmed) - len(trimmed.lstrip(" \n")), first)
    trimmed = trimmed[blanks:]
    last = units(trimmed)
    pointing = []
    for entity in sorted(entities, key=lambda entity: (entity["offset"], -entity["length"])):
        start = places[_within(entity["offset"], places)] - blanks
        end = min(places[_within(entity["offset"] + entity["length"], places)] - blanks, last)
        kind = entity["type"]["@type"].removeprefix("textEntityType")
        if start < end and kind in _SENDABLE and (kind != "TextUrl" or link_survives(entity["type"]["url"])):
            pointing.append({**entity, "offset": start, "length": end - start})
    return Formatted(trimmed, tuple(pointing[:MAX_ENTITIES]))  # custom emoji need a bot with a bought name


def _within(place: int, places: Sequence[int]) -> int:
    return max(0, min(place, len(places) - 1))


def link_survives(url: str) -> bool:
    """Whether Telegram keeps a link to this address; `javascript:`, `http://localhost` and the like vanish."""
    text = f'<a href="{html.escape(url)}">x</a>'
    parsed = execute({"@type": "parseTextEntities", "text": text, "parse_mode": _MODES["html"]})
    return bool(parsed.get("entities"))


def judged(text: Formatted, most: int, refusal: str, *, may_be_empty: bool = False) -> Formatted:
    """The same text, if its length is allowed."""
    if not text.text and not may_be_empty:
        raise Refused("Text must be non-empty")
    if units(text.text) > most:
        raise Refused(refusal)
    return text


def found(text: Formatted) -> Formatted:
    """The text with what every client sees in it: commands, mentions, addresses, hashtags."""
    taken = [entity for entity in text.entities if entity["type"]["@type"].removeprefix("textEntityType") in _OPAQUE]
    more = [
        entity
        for entity in execute({"@type": "getTextEntities", "text": text.text})["entities"]
        if entity["type"]["@type"].removeprefix("textEntityType") in _TYPES
        and not any(
            other["offset"] < entity["offset"] + entity["length"]
            and entity["offset"] < other["offset"] + other["length"]
            for other in taken
        )
    ]
    ordered = sorted([*text.entities, *more], key=lambda entity: (entity["offset"], -entity["length"]))
    return dataclasses.replace(text, entities=tuple(ordered))


def bot_entities(text: Formatted, users: Mapping[int, Object]) -> list[Object]:
    """The entities as the Bot API tells them; a mention of a user nobody knows is not one."""
    told = []
    for entity in text.entities:
        kind = dict(entity["type"])
        shown: Object = {"type": _TYPES[kind["@type"].removeprefix("textEntityType")]}
        shown |= {"offset": entity["offset"], "length": entity["length"]}
        shown |= {field: kind[field] for field in ("url", "language", "unix_time") if kind.get(field)}
        if shown["type"] == "text_mention":
            if kind["user_id"] not in users:
                continue
            shown["user"] = users[kind["user_id"]]
        told.append(shown)
    return told


def quote_position(text: Formatted, quote: Formatted, near: int = 0) -> int:
    """Where the quoted part stands, in UTF-16 units; Refused where it is no exact part of the text."""
    request = {"@type": "searchQuote", "text": text.td, "quote": quote.td, "quote_position": near}
    answer = execute(request) if quote.text and units(quote.text) <= MAX_QUOTE else {"@type": "error"}
    if answer["@type"] == "error":
        raise Refused("QUOTE_TEXT_INVALID")
    return int(answer["position"])


def keyboard_of(markup: Object) -> tuple[tuple[Object, ...], ...] | None:
    """The rows of an inline keyboard, or None for another markup; Refused where Telegram does not take them."""
    if "inline_keyboard" not in markup:
        if not {"keyboard", "remove_keyboard", "force_reply"} & set(markup):
            raise Refused("Can't parse reply keyboard markup JSON object")
        return None
    rows = tuple(tuple(row) for row in markup["inline_keyboard"] if row)
    for button in (button for row in rows for button in row):
        _check_button(button)
    if sum(map(len, rows)) > MAX_BUTTONS or any(len(row) > MAX_BUTTONS_A_ROW for row in rows):
        raise Refused("reply markup is too long")
    return rows or None


def _check_button(button: Object) -> None:
    if not isinstance(button.get("text"), str):
        raise Refused("Can't parse inline keyboard button: Can't find field \"text\"")
    if not button["text"].strip():
        raise Refused("Inline keyboard button text must be non-empty")
    actions = _ACTIONS & set(button)
    if not actions:
        raise Refused("Can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if "callback_data" in actions and not 0 < len(button["callback_data"].encode()) <= MAX_CALLBACK_BYTES:
        raise Refused("BUTTON_DATA_INVALID")
    if "url" in actions and not link_survives(button["url"]):
        raise Refused(f"Inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL")
    if "copy_text" in actions and not 0 < units(button["copy_text"]["text"]) <= 256:
        raise Refused("BUTTON_COPY_TEXT_INVALID")
    for query in {"switch_inline_query", "switch_inline_query_current_chat"} & actions:
        if units(button[query]) > 256:
            raise Refused("SWITCH_INLINE_QUERY_TOO_LONG")


def inline_results(results: object, next_offset: str, button: Object | None) -> list[Object]:
    """The results of an inline answer, each with its message as a reader would get it (`formatted`)."""
    if not isinstance(results, list):
        raise Refused("can't parse inline query results JSON object")
    if len(results) > MAX_RESULTS:
        raise Refused("RESULTS_TOO_MUCH")
    checked = []
    for result in results:
        try:
            checked.append(_inline_result(result))
        except Refused as refused:
            reason = refused.description.removeprefix("Bad Request: ")
            if reason.startswith("can't"):
                reason = "C" + reason[1:]
            raise Refused(reason if reason.isupper() else f"can't parse inline query result: {reason}") from refused
    ids = [result["id"] for result in checked]
    if not all(0 < len(id_.encode()) <= 64 for id_ in ids):
        raise Refused("RESULT_ID_INVALID")
    if len(set(ids)) < len(ids):
        raise Refused("RESULT_ID_DUPLICATE")
    if len(next_offset.encode()) > 64:
        raise Refused("NEXT_OFFSET_INVALID")
    start = (button or {}).get("start_parameter")
    if start is not None and not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", start):
        raise Refused("START_PARAM_INVALID")
    return checked


def _inline_result(result: Object) -> Object:
    if result.get("type") not in {"article", "document", "photo", "voice", "audio", "video", "gif", "location"}:
        raise Refused(f'type "{result.get("type", "")}" is unsupported for the inline query result')
    needed = ["id", "title", "input_message_content"] if result["type"] == "article" else ["id"]
    for name in needed:
        if name not in result:
            raise Refused(f'Can\'t find field "{name}"')
    if result["type"] == "article" and not result["title"].strip():
        raise Refused("ARTICLE_TITLE_EMPTY")
    if "reply_markup" in result:
        keyboard_of(result["reply_markup"])
    content = result.get("input_message_content") or {}
    if "message_text" not in content:
        return result
    if not content["message_text"]:
        raise Refused("Message text is empty")
    text = formatted(content["message_text"], content.get("parse_mode") or "", content.get("entities"))
    return {**result, "formatted": found(judged(text, MAX_TEXT, "MESSAGE_TOO_LONG"))}


def commands_of(commands: object) -> list[Object]:
    """A list of commands as it will be stored."""
    if not isinstance(commands, list):
        raise Refused("can't parse commands JSON object")
    if len(commands) > MAX_COMMANDS:
        raise Refused("BOT_COMMANDS_TOO_MUCH")
    stored = []
    for command in commands:
        name, description = command["command"].strip().removeprefix("/"), command["description"].strip()
        if not name:
            raise Refused("Command must be non-empty")
        if len(name) > 32:
            raise Refused("Command length must not exceed 32")
        if not description:
            raise Refused("Command description must be non-empty")
        if len(description) > 256:
            raise Refused("Command description length must not exceed 256")
        if not re.fullmatch(r"[a-z0-9_]{1,32}", name):
            raise Refused("BOT_COMMAND_INVALID")
        stored.append({"command": name, "description": description})
    return stored


def scope_key(scope: Object | None, language_code: str) -> tuple[str, str]:
    """The scope and the language that commands are stored under: ("default", ""), ("chat:5", "ur")."""
    type_ = (scope or {}).get("type", "default")
    plain = {"default", "all_private_chats", "all_group_chats", "all_chat_administrators"}
    if type_ not in plain | {"chat", "chat_administrators", "chat_member"}:
        raise Refused("can't parse BotCommandScope: Unsupported type specified")
    if language_code and not re.fullmatch(r"[a-z]{2}", language_code):
        raise Refused("Invalid language code specified")
    ids = [str((scope or {})[name]) for name in ("chat_id", "user_id") if name in (scope or {})]
    return ":".join([type_, *ids]), language_code
