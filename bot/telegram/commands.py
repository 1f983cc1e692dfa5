"""The commands: what this is, what is in the collection, whether a quote is real, what is kept of a chat."""

from __future__ import annotations

import asyncio
import time

from telegram import Message, Update
from telegram.ext import Application, CommandHandler, ContextTypes, MessageHandler, filters

from bot.telegram import asking, lists
from bot.telegram.answering import Answering
from bot.telegram.asking import excerpts_of, view_of
from bot.telegram.desk import Desk, thread_of
from bot.telegram.keeping import written
from bot.telegram.meeting import whole_number
from bot.telegram.message import Button, View, notice
from bot.telegram.settings import TelegramSettings
from bot.telegram.store import Store
from bot.telegram.strings import Language, strings
from bot.telegram.verdicts import rendered_verdict
from retrieval.datamodel import Document
from retrieval.engine import Engine
from retrieval.errors import BadQuestion

__all__ = ["Commands"]

MOST_FOUND = 12
EXAMPLES = 3
SECONDS_OF_HEADLINES = 60.0


class Commands:
    """The handlers of commands."""

    def __init__(self, answering: Answering, store: Store, settings: TelegramSettings, desk: Desk) -> None:
        self._answering = answering
        self._store = store
        self._settings = settings
        self._desk = desk
        self._headlines: dict[Language, tuple[str | None, float]] = {}  # and when they were looked up
        self._looking: set[asyncio.Future[str]] = set()

    def register(self, application: Application) -> None:  # type: ignore[type-arg]
        """Hang the commands into the application."""
        commands = {
            "start": self.start,
            "help": self.help,
            "privacy": self.privacy,
            "forget": self.forget,
            "language": self.language,
            "sources": self.sources,
            "source": self.source,
            "search": self.search,
            "verify": self.verify,
        }
        for name, handle in commands.items():
            application.add_handler(CommandHandler(name, handle, filters.UpdateType.MESSAGE))  # not an edited one
        application.add_handler(MessageHandler(filters.COMMAND & filters.ChatType.PRIVATE, self.unknown_command))

    async def start(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """A first meeting: what this is, with examples; or the source that a link names."""
        message = update.effective_message
        if message is None:
            return
        named = (context.args or [""])[0]
        number = whole_number(named.removeprefix("source_")) if named.startswith("source_") else None
        if number:
            await self.show_source(message, self._desk.language(message), number - 1)
            return
        words = strings(self._desk.language(message))
        await self._desk.tell(message, words.start.format(examples=await self._examples(words.language)))

    async def help(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """How to ask, with examples, and the commands."""
        if update.effective_message is None:
            return
        words = strings(self._desk.language(update.effective_message))
        form = "\u200f\u2068/{}\u2069 – {}" if words.right_to_left else "/{} – {}"
        commands = "\n".join(form.format(*one) for one in words.commands)
        examples = await self._examples(words.language)
        await self._desk.tell(update.effective_message, words.help.format(examples=examples, commands=commands))

    async def _examples(self, language: Language) -> str:
        """Headlines of the newest documents of the reader's language, else of any: what can be asked about.

        Looked up once in a while, and beside the command, so that /help never waits for questions.
        """
        now = time.monotonic()
        found, at = self._headlines.get(language, (None, 0.0))
        if found is None or now - at > SECONDS_OF_HEADLINES:
            self._headlines[language] = (found, now)
            looking = asyncio.ensure_future(self._look_up(language))
            self._looking.add(looking)
            looking.add_done_callback(self._looking.discard)
            if found is None:
                found = await asyncio.shield(looking)
        return found

    async def _look_up(self, language: Language) -> str:
        def newest(engine: Engine) -> list[str]:
            found = engine.library.newest(0, 5 * EXAMPLES, language=language) or engine.library.newest(0, 5 * EXAMPLES)
            return [one.title for one in found if one.title][:EXAMPLES]

        titles = await self._answering.run(newest, ahead=True)
        listed = "\n".join(f"• {' '.join(title.split())[:120]}" for title in titles) or strings(language).no_sources
        self._headlines[language] = (listed, time.monotonic())
        return listed

    async def privacy(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """What is kept, how long, who sees it."""
        if update.effective_message is not None:
            words = strings(self._desk.language(update.effective_message))
            await self._desk.tell(update.effective_message, words.privacy.format(days=self._settings.retention_days))

    async def forget(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Delete what is kept of this chat."""
        if update.effective_message is not None:
            words = strings(self._desk.language(update.effective_message))
            self._store.forget(update.effective_message.chat_id)
            await self._desk.tell(update.effective_message, words.forgotten)

    async def language(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Choose the language of what is not a quote."""
        message = update.effective_message
        if message is None:
            return
        words = strings(self._desk.language(message))
        buttons = tuple(Button(strings(code).name, data=f"language:{code}") for code in ("en", "ur", "zh"))
        await self._desk.send(message, notice(words.choose_language, (buttons,)))

    async def sources(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """The documents, newest first."""
        if update.effective_message is not None:
            await self.show_sources(
                update.effective_message, self._desk.language(update.effective_message), 0, edit=False
            )

    async def source(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """One document, by its number in the list."""
        message = update.effective_message
        if message is not None:
            number = whole_number((context.args or ["1"])[0]) or 1
            await self.show_source(message, self._desk.language(message), number - 1)

    async def search(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Passages that come nearest to some words, without the decision whether they answer."""
        message = update.effective_message
        if message is None or message.from_user is None:
            return
        asked = " ".join(context.args or [])
        language = self._desk.language(message, asked)
        if not asked.strip():
            await self._desk.tell(message, strings(language).too_short)
            return
        begun = time.monotonic()
        result = await self._answering.run(lambda engine: asking.asked(engine, asked, (), MOST_FOUND))
        token = self._store.keep(
            chat=message.chat_id,
            thread=thread_of(message),
            asker=None,
            question_message=None,
            at=message.date.timestamp(),
            question=asked,
            history=(),
            body=written(result.reply),
            seconds=time.monotonic() - begun,
        )
        await self._desk.send(message, asking.found(excerpts_of(result.reply), 0, view_of(result, language, token)))

    async def verify(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Whether a quote is real, and where it stands: that of the command, or of the message it answers."""
        message = update.effective_message
        if message is None or message.text is None:
            return
        _, quote = [*message.text.split(maxsplit=1), ""][:2]
        if not quote.strip():
            replied = message.reply_to_message
            quote = message.quote.text if message.quote else (replied.text or replied.caption or "") if replied else ""
        words = strings(self._desk.language(message))
        try:
            verdict = await self._answering.run(lambda engine: engine.verify(quote))
        except BadQuestion:
            await self._desk.tell(message, words.verify_usage)
        else:
            await self._desk.send(message, rendered_verdict(verdict, words.language))

    async def unknown_command(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """A command that there is not."""
        if update.effective_message is not None:
            words = strings(self._desk.language(update.effective_message))
            await self._desk.tell(update.effective_message, words.unknown_command)

    async def show_sources(self, message: Message, language: Language, first: int, *, edit: bool) -> None:
        """A page of the documents, perhaps in the place of the one before."""

        def page(engine: Engine) -> tuple[list[Document], int]:
            return engine.library.newest(first, lists.LIST_PAGE), engine.library.count_documents()

        documents, total = await self._answering.run(page, ahead=True)
        shown = lists.sources_page(documents, View(language=language, token="all", first=first, total=total))  # noqa: S106 - no secret
        if edit:
            await self._desk.edit(message.get_bot(), message.chat_id, message.message_id, shown)
        else:
            await self._desk.send(message, shown)

    async def show_source(self, message: Message, language: Language, place: int) -> None:
        """One document of the list."""

        def found(engine: Engine) -> tuple[Document, int] | None:
            documents = engine.library.newest(place, 1)
            return (documents[0], engine.library.count_passages(documents[0].id)) if documents else None

        one = await self._answering.run(found, ahead=True)
        if one is None:
            await self._desk.tell(message, strings(language).no_such_document.format(name=place + 1))
        else:
            await self._desk.send(message, lists.source(*one, View(language=language, token="")))
