"""A whole conversation with the bot in each language, and its transcript for people to read.

`conversation` talks to a running bot and yields its scenes; `transcript` makes a text of them. Nothing that varies from
run to run is in a scene's text.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from telegram_bot import Bot
from telegram_chats import Chat, Shown
from telegram_rules import Button, Entity, bot_entities
from telegram_server import Server, telegram

from retrieval.encode import OnnxEncoder
from retrieval.engine import Engine
from retrieval.models import prepare
from retrieval.settings import Settings

__all__ = ["BOT", "SAID", "Said", "Scene", "Turn", "conversation", "listening", "transcript"]

_SEEDS = Path(__file__).parent.parent / "seeds"

_TITLES: Mapping[str, str] = {
    "start": "The first meeting",
    "question": "A question that the documents answer",
    "vote": "A vote",
    "follow-up": "A question that needs the one before",
    "context": "The button of the first quote's context",
    "more": "The button for more",
    "near miss": "A question that only its neighbour answers",
    "absent": "A question of which nothing is there",
    "edit": "A question is edited, and so is its answer",
    "inline": "The bot's name and a question, typed in another chat",
    "group": "A mention in a group",
    "upload": "An administrator adds a file",
    "upload asked": "What the file says",
    "upload context": "The context of what the file says",
    "removal": "The administrator removes it again",
    "exact": "A quote that is exact",
    "altered": "A quote that is altered",
    "invented": "A quote that is invented",
    "greeting": "A greeting",
    "sticker": "A sticker",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the people of a conversation say in one language; the steps are the same in all."""

    language: str
    code: str
    number: int  # of the reader; the administrator's is the next
    reader: str
    question: str
    follow_up: str
    near_miss: str
    absent: str
    edited_from: str
    edited_to: str
    inline: str
    in_group: str
    file: dict[str, str]  # one document, of JSON Lines
    of_file: str
    exact: str = "We were able to add over 8,000 megawatts of electricity to our grid."
    altered: str = "We were able to add over 9,000 megawatts of electricity to our grid."
    invented: str
    greeting: str


_ENGLISH = Said(
    language="English",
    code="en",
    number=101,
    reader="Reader",
    question="How many megawatts did CPEC phase one add?",
    follow_up="And the highways?",
    near_miss="How many megawatts will CPEC Phase II add?",
    absent="What will the weather be like in Lahore tomorrow?",
    edited_from="What was the theme of the 2023 CIFTIS?",
    edited_to="What was the theme of the 2024 CIFTIS?",
    inline="How much did IT exports grow?",
    in_group="What is the theme of the 2025 Davos meeting?",
    file={
        "id": "library-en",
        "title": "Karimabad's library lends 12,400 books in its first year",
        "text": "The public library of Karimabad lent 12,400 books in its first year, the librarian said on Friday. "
        "Most of them were novels.",
        "published": "2025-03-14",
        "publisher": "The Valley Post",
        "url": "https://example.org/news/library",
        "language": "en",
    },
    of_file="How many books did the library of Karimabad lend?",
    invented="The ambassador promised a new railway within the next two years.",
    greeting="Hello!",
)
SAID: Mapping[str, Said] = {
    "en": _ENGLISH,
    "ur": Said(
        language="Urdu",
        code="ur",
        number=111,
        reader="قاری",
        question="سی پیک کے پہلے مرحلے میں کتنے میگاواٹ بجلی شامل ہوئی؟",
        follow_up="اور شاہراہیں؟",
        near_miss="سی پیک کے دوسرے مرحلے میں کتنے میگاواٹ بجلی شامل ہوگی؟",
        absent="لاہور میں کل موسم کیسا رہے گا؟",
        edited_from="2023 کے سیفٹس میلے کا موضوع کیا تھا؟",
        edited_to="2024 کے سیفٹس میلے کا موضوع کیا تھا؟",
        inline="آئی ٹی کی برآمدات میں کتنا اضافہ ہوا؟",
        in_group="ورلڈ اکنامک فورم کے 2025 کے سالانہ اجلاس کا موضوع کیا ہے؟",
        file={
            "id": "library-ur",
            "title": "کریم آباد کی لائبریری نے پہلے سال میں 12,400 کتابیں جاری کیں",
            "text": "کریم آباد کی عوامی لائبریری نے اپنے پہلے سال میں 12,400 کتابیں جاری کیں، لائبریرین نے جمعے کو "
            "بتایا۔ ان میں سے زیادہ تر ناول تھے۔",
            "published": "2025-03-14",
            "publisher": "وادی نیوز",
            "url": "https://example.org/ur/news/library",
            "language": "ur",
        },
        of_file="کریم آباد کی لائبریری نے کتنی کتابیں جاری کیں؟",
        invented="سفیر نے وعدہ کیا کہ دو سال کے اندر نئی ریلوے لائن بچھا دی جائے گی۔",
        greeting="السلام علیکم",
    ),
    "zh": Said(
        language="Chinese",
        code="zh",
        number=121,
        reader="读者",
        question="中巴经济走廊第一阶段增加了多少兆瓦电力？",
        follow_up="那公路呢？",
        near_miss="中巴经济走廊第二阶段将增加多少兆瓦电力？",
        absent="拉合尔明天天气怎么样？",
        edited_from="2023年服贸会的主题是什么？",
        edited_to="2024年服贸会的主题是什么？",
        inline="信息技术出口增长了多少？",
        in_group="世界经济论坛2025年年会的主题是什么？",
        file={
            "id": "library-zh",
            "title": "卡里马巴德图书馆开馆首年借出12400册图书",
            "text": "图书馆员周五表示，卡里马巴德公共图书馆开馆第一年共借出12400册图书。其中大部分是小说。",
            "published": "2025-03-14",
            "publisher": "山谷邮报",
            "url": "https://example.org/zh/news/library",
            "language": "zh",
        },
        of_file="卡里马巴德图书馆借出了多少册图书？",
        invented="大使承诺两年内建成一条新铁路。",
        greeting="你好",
    ),
}


@dataclass(frozen=True, slots=True)
class Turn:
    """What one party did: a message as it was shown then, what was `did` instead of saying it, or both."""

    who: str
    shown: Shown | None = None
    did: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """A step of a conversation; its name is one of `_TITLES`."""

    name: str
    turns: Sequence[Turn]


BOT = "Quoth"
_READER, _ADMINISTRATOR = "Reader", "Administrator"


@contextlib.contextmanager
def listening(folder: Path) -> Iterator[tuple[Server, Bot]]:
    """A server and a bot with the real model that polls it, over a new library of the seeds in `folder`."""
    settings, library = Settings(), folder / "library"
    engine = Engine(library, settings, lambda: OnnxEncoder(prepare(), threads=settings.threads))
    engine.ingest([str(_SEEDS)])
    engine.close()
    with telegram() as server:
        bot = Bot(server, library, real=True, QUOTH_TELEGRAM_ADMINISTRATORS=_administrators())
        try:
            server.polled()
            yield server, bot
        finally:
            bot.kill()


def _administrators() -> str:
    return ", ".join(str(said.number + 1) for said in SAID.values())


def conversation(server: Server, said: Said) -> Iterator[Scene]:
    """Talks to the bot that polls `server`, step by step; the collection is afterwards what it was before."""
    reader = server.private(said.number, language_code=said.code, first_name=said.reader)
    administrator = server.private(said.number + 1, language_code=said.code, first_name=said.reader)
    yield Scene("start", _exchange(reader, "/start"))
    asked = _exchange(reader, said.question)
    answer = _message(asked[-1])
    yield Scene("question", asked)
    yield Scene("vote", [_voted(reader, answer)])
    yield Scene("follow-up", _exchange(reader, said.follow_up))
    yield Scene("context", _pressed(reader, answer, "context"))
    yield Scene("more", _pressed(reader, answer, "more"))
    yield Scene("near miss", _exchange(reader, said.near_miss))
    yield Scene("absent", _exchange(reader, said.absent))
    yield Scene("edit", _edited(reader, said.edited_from, said.edited_to))
    yield Scene("inline", _inline(server, reader, said.inline))
    yield Scene("group", _in_group(server, reader, said.in_group))
    yield Scene("upload", _uploaded(server, administrator, said.file))
    asked = _exchange(administrator, said.of_file, who=_ADMINISTRATOR)
    yield Scene("upload asked", asked)
    yield Scene("upload context", _pressed(administrator, _message(asked[-1]), "context", who=_ADMINISTRATOR))
    yield Scene("removal", _removed(administrator))
    yield Scene("exact", _exchange(reader, f"/verify {said.exact}"))
    yield Scene("altered", _exchange(reader, f"/verify {said.altered}"))
    yield Scene("invented", _exchange(reader, f"/verify {said.invented}"))
    yield Scene("greeting", _exchange(reader, said.greeting))
    yield Scene("sticker", _sent_sticker(reader))


def _message(turn: Turn) -> Shown:
    assert turn.shown is not None
    return turn.shown


def _now(chat: Chat, id_: int) -> Shown:
    """A message as it stands."""
    return next(shown for shown in chat.history if shown.id == id_)


def _exchange(chat: Chat, text: str, *, who: str = _READER) -> list[Turn]:
    count = len(chat.messages)
    said = _now(chat, chat.says(text))
    return [Turn(who, said), Turn(BOT, chat.wait(count + 1)[-1])]


def _button(shown: Shown, verb: str) -> Button:
    """The first button whose data begin with a verb: labels differ by language."""
    for one in (one for row in shown.keyboard for one in row):
        if (one.callback_data or "").startswith(f"{verb}:"):
            return one
    raise LookupError(f"no button of {verb} below: {shown}")


def _pressed(chat: Chat, shown: Shown, verb: str, *, who: str = _READER) -> list[Turn]:
    """Presses a button that brings a message."""
    count, button = len(chat.messages), _button(shown, verb)
    told = chat.presses(shown, button.callback_data or "").wait().get("text")
    did = f"presses [ {button.text} ]" + (f" and is told for a moment: {told}" if told else "")
    return [Turn(who, did=did), Turn(BOT, chat.wait(count + 1)[-1])]


def _voted(chat: Chat, shown: Shown) -> Turn:
    button = _button(shown, "vote")
    told = chat.presses(shown, button.callback_data or "").wait().get("text")
    return Turn(_READER, did=f"presses [ {button.text} ] and is told for a moment: {told}")


def _edited(chat: Chat, first: str, then: str) -> list[Turn]:
    turns = _exchange(chat, first)
    asked, answer = map(_message, turns)
    chat.edits(asked.id, then)
    chat.server.until(lambda: _now(chat, answer.id).edited)
    turns.append(Turn(_READER, _now(chat, asked.id), did="edits the question"))
    turns.append(Turn(BOT, _now(chat, answer.id), did="edits the answer"))
    return turns


def _inline(server: Server, reader: Chat, query: str) -> list[Turn]:
    results = server.inline(reader, query).wait()["results"]
    choices = "\n".join(f"{number}. {one['title']}\n{one['description']}" for number, one in enumerate(results, 1))
    turns = [
        Turn(_READER, Shown(0, f"@{server.bot['username']} {query}"), did="types in another chat"),
        Turn(BOT, Shown(0, choices), did="offers, each with its headline and its beginning"),
    ]
    if results:
        text = results[0]["formatted"]
        entities = tuple(Entity.of_text(text.text, one) for one in bot_entities(text, server.users))
        turns.append(Turn(_READER, Shown(0, text.text, entities), did="taps the first, which is sent there"))
    return turns


def _in_group(server: Server, reader: Chat, question: str) -> list[Turn]:
    group = server.group()
    asked = group.says(f"@{server.bot['username']} {question}", by=reader)
    (answer,) = group.wait(1)
    did = "replies to that" if answer.reply_to == asked else "answers, but not as a reply"
    return [Turn(_READER, _now(group, asked), did="writes in a group"), Turn(BOT, answer, did=did)]


def _uploaded(server: Server, administrator: Chat, file: dict[str, str]) -> list[Turn]:
    """The progress is told from the call that sent it: by now it may have been edited."""
    name, line = f"{file['id']}.jsonl", json.dumps(file, ensure_ascii=False)
    administrator.sends_document(name, line.encode())
    (told,) = administrator.wait(1)
    server.until(lambda: _now(administrator, told.id).edited)
    (first,) = (
        call.answer["result"]["text"]
        for call in server.called("sendMessage")
        if call.answer["result"]["message_id"] == told.id and call.answer["result"]["chat"]["id"] == administrator.id
    )
    return [
        Turn(_ADMINISTRATOR, Shown(0, line), did=f"sends the file {name}"),
        Turn(BOT, Shown(told.id, first)),
        Turn(BOT, _now(administrator, told.id), did="edits that message"),
    ]


def _removed(administrator: Chat) -> list[Turn]:
    """Removes the newest document, which is the file of `_uploaded`."""
    turns = _exchange(administrator, "/remove 1", who=_ADMINISTRATOR)
    asked = _message(turns[-1])
    button = _button(asked, "remove")
    administrator.presses(asked, button.callback_data or "").wait()
    administrator.server.until(lambda: _now(administrator, asked.id).edited)
    turns.append(Turn(_ADMINISTRATOR, did=f"presses [ {button.text} ]"))
    turns.append(Turn(BOT, _now(administrator, asked.id), did="edits that message"))
    return turns


def _sent_sticker(reader: Chat) -> list[Turn]:
    count = len(reader.messages)
    reader.sends("sticker")
    return [Turn(_READER, did="sends a sticker"), Turn(BOT, reader.wait(count + 1)[-1])]


# The transcript

_LEGEND = "**bold**   [text](address)   │ a quote   │ a quote that Telegram folds ▾   [ a button ]"
_WIDTH = 100


def transcript(said: Said, scenes: Iterable[Scene]) -> str:
    """A conversation as a text."""
    parts = [f"{said.language}: the seeds, the real model, the default operating point\n\n{_LEGEND}"]
    for scene in scenes:
        parts.append(f"── {_TITLES[scene.name]} ".ljust(_WIDTH, "─"))
        parts += map(_turn, scene.turns)
    return "\n\n".join(parts) + "\n"


def _turn(turn: Turn) -> str:
    head = f"{turn.who} {turn.did}".rstrip()
    if turn.shown is None:
        return head if head.endswith((".", "!", "。", "۔")) else f"{head}."
    rows = ["   ".join(f"[ {_label(button)} ]" for button in row) for row in turn.shown.keyboard]
    return "\n".join([f"{head}:", _marked(turn.shown), *([""] if rows else []), *rows])


def _label(button: Button) -> str:
    if button.switch_inline_query is not None:
        return f"{button.text} → any chat: {button.switch_inline_query}"
    return f"{button.text} → {button.url}" if button.url else button.text


def _marked(shown: Shown) -> str:
    """The text with its bold, links and quotes as the legend says."""
    text = shown.text.encode("utf-16-le")
    parts, position = [], 0
    for at, mark in _marks(shown.entities):
        parts += [text[2 * position : 2 * at].decode("utf-16-le"), mark]
        position = at
    whole = "".join([*parts, text[2 * position :].decode("utf-16-le")])
    lines, is_quote = [], False
    for line in whole.split("\n"):
        is_quote = is_quote or _OPENS in line
        lines.append(("│ " if is_quote else "") + line.replace(_OPENS, "").replace(_CLOSES, ""))
        is_quote = is_quote and _CLOSES not in line
    return "\n".join(lines)


def _marks(entities: Iterable[Entity]) -> list[tuple[int, str]]:
    """Where something is to be written, and what, in order: where several meet, ends before beginnings, inner first."""
    marks: list[tuple[int, int, str]] = []
    outer_first = sorted(entities, key=lambda one: (one.offset, -one.length, "blockquote" not in one.type))
    for order, entity in enumerate(outer_first, 1):
        opening, closing = {
            "bold": ("**", "**"),
            "text_link": ("[", f"]({entity.url})"),
            "blockquote": (_OPENS, _CLOSES),
            "expandable_blockquote": (_OPENS, f" ▾{_CLOSES}"),
        }.get(entity.type, ("", ""))
        marks += [(entity.offset, order, opening), (entity.offset + entity.length, -order, closing)]
    return [(at, mark) for at, _, mark in sorted(marks)]


_OPENS, _CLOSES = "\x02", "\x03"  # of a quote: Telegram lets no control characters through
