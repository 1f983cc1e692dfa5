"""What administrators may do in a chat: add a file or a page, remove a document, see what readers lack."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import time
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import TypeVar

from telegram import Document, Message, Update
from telegram.error import TelegramError
from telegram.ext import Application, CallbackQueryHandler, CommandHandler, ContextTypes, MessageHandler, filters

from bot.telegram.answering import Answering
from bot.telegram.desk import Desk, settle
from bot.telegram.inbox import interim
from bot.telegram.links import harmless, shortened
from bot.telegram.lists import source_to_remove
from bot.telegram.markup import NAME
from bot.telegram.meeting import whole_number
from bot.telegram.message import notice
from bot.telegram.settings import TelegramSettings
from bot.telegram.store import Store
from bot.telegram.strings import Strings, strings
from retrieval.engine import Engine
from retrieval.errors import BusyLibrary, UnknownDocument
from retrieval.ingest import Report

__all__ = ["Administration"]

LARGEST_FILE_BYTES = 20_000_000  # that Telegram lets a bot fetch
UPLOADS = "uploads"
LONGEST_STEM_BYTES, LONGEST_SUFFIX = 150, 20  # a file system takes 255 bytes
MOST_REFUSED, MOST_DISLIKED = 5, 15
DAYS = 7.0
_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)

T = TypeVar("T")
logger = logging.getLogger(__name__)


class Administration:
    """The handlers of administrators. `adding` has an engine of its own: answers go on while it reads."""

    def __init__(
        self,
        answering: Answering,
        adding: Answering,
        store: Store,
        settings: TelegramSettings,
        desk: Desk,
        folder: Path,
    ) -> None:
        self._answering = answering
        self._adding = adding
        self._store = store
        self._settings = settings
        self._folder = folder
        self._desk = desk
        self._tell = desk.tell
        self._words = desk.words

    def register(self, application: Application) -> None:  # type: ignore[type-arg]
        """Hang the handlers into the application, before those of readers."""
        for name, handle in (("remove", self.remove), ("stats", self.stats), ("feedback", self.feedback)):
            application.add_handler(CommandHandler(name, handle, filters.UpdateType.MESSAGE))
        application.add_handler(CommandHandler("reload", self.reload, filters.UpdateType.MESSAGE))
        application.add_handler(CallbackQueryHandler(self.pressed, r"remove:"))
        private = filters.ChatType.PRIVATE & filters.UpdateType.MESSAGE
        application.add_handler(MessageHandler(private & filters.Document.ALL & ~filters.ANIMATION, self.file))
        known = filters.User(user_id=list(self._settings.administrators), allow_empty=False)
        application.add_handler(MessageHandler(private & known & filters.Regex(_whole(_ADDRESS)), self.address))

    async def file(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """A file that is sent becomes a document."""
        message = update.effective_message
        if message is None or message.document is None or not await self._may(message):
            return
        words = self._words(message)
        name = _name(message.document)
        if (message.document.file_size or 0) > LARGEST_FILE_BYTES:
            await self._tell(message, words.file_too_large.format(limit=LARGEST_FILE_BYTES // 1_000_000))
            return
        uploads = self._folder / UPLOADS
        uploads.mkdir(exist_ok=True)
        try:
            await (await message.document.get_file()).download_to_drive(uploads / name)
        except TelegramError:
            await self._tell(message, words.failed)
            return
        await self._add(message, str(uploads / name), name)

    async def address(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """A link that an administrator sends becomes a document."""
        message = update.effective_message
        if message is not None and message.text and await self._may(message):
            await self._add(message, message.text.strip(), message.text.strip())

    async def _add(self, message: Message, source: str, name: str) -> None:
        words = self._words(message)
        with interim():  # a kill before the outcome lets the file be read again
            told = await self._tell(message, words.ingesting.format(name=name))
        report = await self._writing(lambda engine: engine.ingest([source]))
        outcome = notice(_outcome(report, name, words))
        if not await self._desk.edit(message.get_bot(), message.chat_id, told.message_id, outcome):
            await self._desk.send(message, outcome)

    async def remove(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """A document goes: that of an id at once, that of a number in the list once its button is pressed."""
        message = update.effective_message
        if message is None or not await self._may(message):
            return
        words, named = self._words(message), " ".join(context.args or [])
        if not named:
            await self._tell(message, words.remove_usage)
            return
        number = whole_number(named)
        if number:
            place = number - 1
            document = await self._answering.run(lambda engine: engine.library.newest(place, 1), ahead=True)
            if document:
                data = f"remove:{_digest(document[0].id)}:{place}"
                await self._desk.send(message, source_to_remove(document[0], words.language, data))
                return
        title = await self._removed(named)
        gone = words.no_such_document.format(name=named) if title is None else words.removed.format(title=title)
        await self._tell(message, gone)

    async def pressed(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """The button that removes a document, if that stands in its place still."""
        query = update.callback_query
        if query is None or query.data is None or not isinstance(query.message, Message):
            return
        if not self._desk.is_administrator(query.from_user):
            await self._desk.reply(update, "not_permitted")
            return
        _, digest, written = [*query.data.split(":"), "", ""][:3]
        place = whole_number(written) or 0
        found = await self._answering.run(lambda engine: engine.library.newest(place, 1), ahead=True)
        title = await self._removed(found[0].id) if found and _digest(found[0].id) == digest else None
        if title is None:
            await self._desk.reply(update, "expired")
            return
        await settle(query)
        told = strings(self._desk.language_of_reader(query)).removed.format(title=title)
        await self._desk.edit(query.get_bot(), query.message.chat_id, query.message.message_id, notice(told))

    async def _removed(self, document_id: str) -> str | None:
        """Remove a document, with which the replies that quote it expire; its title, or None where there is none."""

        def removing(engine: Engine) -> str | None:
            try:
                title = engine.library.document(document_id).title or document_id
                engine.remove(document_id)
            except UnknownDocument:
                return None
            return title

        return await self._writing(removing)

    async def _writing(self, call: Callable[[Engine], T]) -> T:
        """What `call` returns, once no other process writes."""
        while True:
            try:
                return await self._adding.run(call)
            except BusyLibrary:
                await asyncio.sleep(2)

    async def stats(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """How much is asked, how much answered, how fast, and what the collection lacks."""
        message = update.effective_message
        if message is None or not await self._may(message):
            return
        words = self._words(message)
        documents, passages = await self._answering.run(_counted)
        asked = self._store.statistics(time.time() - 86_400 * DAYS)
        lines = [
            words.statistics,
            words.statistics_documents.format(count=words.number(documents)),
            words.statistics_passages.format(count=words.number(passages)),
            words.statistics_readers.format(count=words.number(asked.readers)),
            words.statistics_questions.format(count=words.number(asked.questions)),
            words.statistics_answered.format(share=round(100 * asked.answered / max(asked.questions, 1))),
            words.statistics_time.format(
                median=words.number(round(1000 * asked.median_seconds)),
                slow=words.number(round(1000 * asked.slow_seconds)),
            ),
            words.statistics_votes.format(up=asked.liked, down=asked.disliked),
        ]
        if asked.missing:
            terms = (f"{shortened(harmless(term), NAME)} ({count})" for term, count in asked.missing)
            listed = words.list_separator.join(terms)
            lines.append(words.missing.format(terms=listed))
        await self._tell(message, "\n".join(lines))

    async def feedback(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """The questions whose replies were disliked."""
        message = update.effective_message
        if message is not None and await self._may(message):
            questions = self._store.disliked(MOST_DISLIKED)
            listed = "\n".join(f"👎 {question[:200]}" for question in questions)
            await self._tell(message, listed or self._words(message).no_feedback)

    async def reload(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """See at once what another process wrote (the next question would too)."""
        message = update.effective_message
        if message is not None and await self._may(message):
            await self._answering.run(lambda engine: engine.warm_up())
            documents, _ = await self._answering.run(_counted)
            words = self._words(message)
            await self._tell(message, words.statistics_documents.format(count=words.number(documents)))

    async def _may(self, message: Message) -> bool:
        if self._desk.is_administrator(message.from_user):
            return True
        await self._tell(message, self._words(message).not_permitted)
        return False


def _digest(document_id: str) -> str:
    """A name of the document that a button has room for."""
    return hashlib.sha256(document_id.encode()).hexdigest()[:16]


def _counted(engine: Engine) -> tuple[int, int]:
    return engine.library.count_documents(), engine.library.count_passages()


def _whole(pattern: re.Pattern[str]) -> re.Pattern[str]:
    return re.compile(rf"\A\s*{pattern.pattern}\s*\Z", pattern.flags)


def _name(document: Document) -> str:
    """The file's own name, without any folder; what it is known by, so that sending it again replaces it."""
    name = PurePath((document.file_name or "").replace("\\", "/")).name
    name = "".join(character if character.isprintable() else "_" for character in name).lstrip(".")
    path = PurePath(name or "file")
    suffix = path.suffix if len(path.suffix) <= LONGEST_SUFFIX else ""
    return path.stem.encode(errors="replace")[:LONGEST_STEM_BYTES].decode(errors="ignore") + suffix


def _outcome(report: Report, name: str, words: Strings) -> str:
    counts = (
        (words.added, report.added),
        (words.unchanged, report.unchanged),
        (words.replaced, report.replaced),
    )
    lines = [name, *(sentence.format(count=count) for sentence, count in counts if count)]
    lines += [words.refused.format(name=name, reason=one.reason) for one in report.refused[:MOST_REFUSED]]
    return "\n".join(lines)
