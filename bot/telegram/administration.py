"""What administrators may do in a chat: add a file or a page, remove a document, see what readers lack."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from pathlib import Path, PurePath

from telegram import Document, Message, Update
from telegram.ext import Application, CommandHandler, ContextTypes, MessageHandler, filters

from bot.telegram.answering import Answering
from bot.telegram.desk import Desk
from bot.telegram.settings import TelegramSettings
from bot.telegram.store import Store
from bot.telegram.strings import Strings
from retrieval.engine import Engine
from retrieval.errors import BusyLibrary, UnknownDocument
from retrieval.ingest import Report

__all__ = ["Administration"]

LARGEST_FILE_BYTES = 20_000_000  # that Telegram lets a bot fetch
UPLOADS = "uploads"
MOST_REFUSED, MOST_DISLIKED = 5, 15
DAYS = 7.0
_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)

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
        self._tell = desk.tell
        self._words = desk.words

    def register(self, application: Application) -> None:  # type: ignore[type-arg]
        """Hang the handlers into the application, before those of readers."""
        for name, handle in (("remove", self.remove), ("stats", self.stats), ("feedback", self.feedback)):
            application.add_handler(CommandHandler(name, handle))
        application.add_handler(CommandHandler("reload", self.reload))
        private = filters.ChatType.PRIVATE & filters.UpdateType.MESSAGE
        application.add_handler(MessageHandler(private & filters.Document.ALL, self.file))
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
        await (await message.document.get_file()).download_to_drive(uploads / name)
        await self._add(message, str(uploads / name), name)

    async def address(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """A link that an administrator sends becomes a document."""
        message = update.effective_message
        if message is not None and message.text and await self._may(message):
            await self._add(message, message.text.strip(), message.text.strip())

    async def _add(self, message: Message, source: str, name: str) -> None:
        words = self._words(message)
        told = await self._tell(message, words.ingesting.format(name=name))
        while True:
            try:
                report = await self._adding.run(lambda engine: engine.ingest([source]))
                break
            except BusyLibrary:  # another process writes; it will have finished
                await asyncio.sleep(2)
        await told.edit_text(_outcome(report, name, words))

    async def remove(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """A document goes, and the replies that quote it."""
        message = update.effective_message
        if message is None or not await self._may(message):
            return
        words, named = self._words(message), " ".join(context.args or [])
        if not named:
            await self._tell(message, words.remove_usage)
            return

        def removing(engine: Engine) -> str | None:
            try:
                title = engine.library.document(named).title or named
                engine.remove(named)
            except UnknownDocument:
                return None
            return title

        title = await self._adding.run(removing)
        if title is None:
            await self._tell(message, words.no_such_document.format(name=named))
            return
        for kept in list(self._store.quoting(named)):
            self._store.expire(kept.token)
        await self._tell(message, words.removed.format(title=title))

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
            words.statistics_votes.format(up=asked.liked, down=asked.disliked),
        ]
        if asked.missing:
            listed = words.list_separator.join(f"{term} ({count})" for term, count in asked.missing)
            lines.append(words.missing.format(terms=listed))
        await self._tell(message, "\n".join(lines))

    async def feedback(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """The questions whose replies were disliked."""
        message = update.effective_message
        if message is not None and await self._may(message):
            questions = self._store.disliked(MOST_DISLIKED)
            await self._tell(message, "\n".join(f"👎 {question[:200]}" for question in questions) or "👎 0")

    async def reload(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """See at once what another process wrote (the next question would too)."""
        message = update.effective_message
        if message is not None and await self._may(message):
            await self._answering.run(lambda engine: engine.warm_up())
            documents, _ = await self._answering.run(_counted)
            words = self._words(message)
            await self._tell(message, words.statistics_documents.format(count=words.number(documents)))

    async def _may(self, message: Message) -> bool:
        if message.from_user is not None and message.from_user.id in self._settings.administrators:
            return True
        await self._tell(message, self._words(message).not_permitted)
        return False


def _counted(engine: Engine) -> tuple[int, int]:
    return engine.library.count_documents(), engine.library.count_passages()


def _whole(pattern: re.Pattern[str]) -> re.Pattern[str]:
    return re.compile(rf"\s*{pattern.pattern}\s*\Z", pattern.flags)


def _name(document: Document) -> str:
    """The file's own name, without any folder; what it is known by, so that sending it again replaces it."""
    name = PurePath((document.file_name or "").replace("\\", "/")).name
    return "".join(character if character.isprintable() else "_" for character in name)[-120:].lstrip(".") or "file"


def _outcome(report: Report, name: str, words: Strings) -> str:
    counts = (
        (words.added, report.added),
        (words.unchanged, report.unchanged),
        (words.replaced, report.replaced),
    )
    lines = [sentence.format(count=count) for sentence, count in counts if count]
    lines += [words.refused.format(name=name, reason=one.reason) for one in report.refused[:MOST_REFUSED]]
    return "\n".join(lines)
