"""What the bot does with each update: read, ask, render, send. Nothing here waits for the engine but by `Answering`."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from telegram import (
    Bot,
    CallbackQuery,
    Chat,
    InlineQueryResultArticle,
    InputTextMessageContent,
    Message,
    MessageEntity,
    Update,
)
from telegram.constants import ParseMode
from telegram.error import BadRequest
from telegram.ext import (
    Application,
    CallbackQueryHandler,
    ContextTypes,
    InlineQueryHandler,
    MessageHandler,
    filters,
)

from bot.telegram import asking, render
from bot.telegram.answering import Answering, Busy
from bot.telegram.asking import excerpts_of, view_of
from bot.telegram.commands import Commands
from bot.telegram.counts import Counts
from bot.telegram.desk import NO_PREVIEW, Desk, Typing, settle, thread_of
from bot.telegram.keeping import written
from bot.telegram.meeting import language_of, met, sentence
from bot.telegram.render import View
from bot.telegram.settings import TelegramSettings
from bot.telegram.store import Kept, Store
from bot.telegram.strings import Language, strings
from retrieval.errors import BadQuestion

__all__ = ["Handlers"]

MOST_EXCERPTS = 12  # that a reply can show, three at a time
INLINE_EXCERPTS = 10
CONVERSATION_SECONDS = 1800.0  # after which a question begins anew
MOST_HISTORY = 4
SECONDS_UNTIL_TYPING = 0.3
EXAMPLES = 3
INLINE_CACHE_SECONDS = 60
PATIENCE = 3  # questions of one person that may wait before they are told "one moment"

logger = logging.getLogger(__name__)


class Handlers:
    """The handlers, with what they need."""

    def __init__(
        self,
        answering: Answering,
        store: Store,
        settings: TelegramSettings,
        counts: Counts,
        desk: Desk,
        commands: Commands,
    ) -> None:
        self._answering = answering
        self._store = store
        self._settings = settings
        self._counts = counts
        self._desk = desk
        self._commands = commands

    def register(self, application: Application) -> None:  # type: ignore[type-arg]
        """Hang every handler into the application."""
        application.add_handler(MessageHandler(filters.TEXT & ~filters.COMMAND, self.text))
        application.add_handler(MessageHandler(filters.ChatType.PRIVATE & ~filters.StatusUpdate.ALL, self.no_text))
        application.add_handler(CallbackQueryHandler(self.pressed))
        application.add_handler(InlineQueryHandler(self.inline))

    # Questions

    async def text(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """A question, or an edited one; a greeting and the like."""
        message, chat = update.effective_message, update.effective_chat
        if message is None or chat is None or not message.text:
            return
        asked = _addressed(message, context.bot)
        if asked is None:
            return
        language = self._desk.language(message, asked)
        if not self._desk.may_ask(message):
            await self._desk.tell(message, strings(language).not_permitted)
            return
        name = met(asked)
        if name is not None and not _refers(message):
            await self._desk.tell(message, sentence(strings(language), name))
            return
        earlier = self._store.reply_to(chat.id, message.message_id) if update.edited_message else None
        await self._answer(message, asked, language, earlier)

    async def _answer(self, message: Message, asked: str, language: Language, earlier: Kept | None) -> None:
        asker = message.from_user.id if message.from_user else message.chat_id
        history = earlier.history if earlier else self._history(message, asker)
        begun = time.monotonic()
        try:
            async with Typing(message):
                result = await self._answering.run(lambda engine: asking.asked(engine, asked, history, MOST_EXCERPTS))
        except Busy:
            await self._desk.tell(message, strings(language).busy)
            return
        except BadQuestion as error:
            await self._desk.tell(message, str(error))
            return
        self._counts.asked(result.reply, time.monotonic() - begun)
        token = self._store.keep(
            chat=message.chat_id,
            thread=thread_of(message),
            asker=asker,
            question_message=message.message_id,
            question=asked,
            history=history,
            body=written(result.reply),
            token=earlier.token if earlier else None,
        )
        shown = asking.rendered(result, view_of(result, language, token))
        if earlier and earlier.answer_message is not None:
            await self._desk.edit(message.get_bot(), message.chat_id, earlier.answer_message, shown)
            return
        sent = await self._desk.send(message, shown)
        self._store.sent_as(token, sent.message_id)

    def _history(self, message: Message, asker: int) -> tuple[str, ...]:
        """The questions before this one: of the reply that it answers, or of what that person asked there lately."""
        if message.reply_to_message is not None:
            kept = self._store.reply_in(message.chat_id, message.reply_to_message.message_id)
            if kept is not None:
                quoted = (message.quote.text,) if message.quote and message.quote.is_manual else ()
                return (*kept.history, kept.question, *quoted)[-MOST_HISTORY:]
        last = self._store.last(message.chat_id, thread_of(message), asker)
        if last is None or time.time() - last.at > CONVERSATION_SECONDS:
            return ()
        return (*last.history, last.question)[-MOST_HISTORY:]

    async def inline(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """A question in any chat: quotes to send, each with its citation."""
        query = update.inline_query
        if query is None:
            return
        language = language_of(query.query, self._store.language(query.from_user.id), query.from_user.language_code)
        asked = query.query.strip()
        results: Sequence[render.InlineQuote] = ()
        if asked and met(asked) is None and self._settings.may_ask(query.from_user.id, None):
            try:
                result = await self._answering.run(lambda engine: asking.asked(engine, asked, (), INLINE_EXCERPTS))
            except (Busy, BadQuestion):
                result = None
            if result is not None:
                self._counts.asked(result.reply, 0.0)
                results = render.inline_results(result.reply, language)
        articles = [
            InlineQueryResultArticle(
                id=one.id,
                title=one.title,
                description=one.description,
                input_message_content=InputTextMessageContent(
                    one.message.html, parse_mode=ParseMode.HTML, link_preview_options=NO_PREVIEW
                ),
            )
            for one in results
        ]
        try:
            await query.answer(articles, cache_time=INLINE_CACHE_SECONDS, is_personal=True)
        except BadRequest as error:  # the reader has typed on
            logger.debug("an inline query was not answered: %s", error.message)

    async def no_text(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """A sticker, a picture, a voice: met kindly, not understood."""
        message = update.effective_message
        if message is None or update.edited_message:
            return
        words = strings(self._desk.language(message))
        if message.sticker:
            said = words.sticker
        elif message.photo:
            said = words.photo
        elif message.voice or message.audio or message.video_note:
            said = words.voice
        else:
            said = words.other_kind
        await self._desk.tell(message, said)

    # Buttons

    async def pressed(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """A button below a message of ours."""
        query = update.callback_query
        if query is None or query.data is None or not isinstance(query.message, Message):
            return
        verb, _, rest = query.data.partition(":")
        token, _, argument = rest.partition(":")
        language = self._desk.language_of_reader(query)
        kept = self._store.kept(token)
        if verb == "language" and token in ("en", "ur", "zh"):
            await self._choose(query, token)
        elif verb == "sources" and argument.isdigit():
            await settle(query)
            await self._commands.show_sources(query.message, language, int(argument), edit=True)
        elif verb == "source" and argument.isdigit():
            await settle(query)
            await self._commands.show_source(query.message, language, int(argument))
        elif kept is None or kept.chat != query.message.chat_id:
            await settle(query, strings(language).expired)
        elif verb == "vote" and argument in ("up", "down"):
            self._store.vote(token, query.from_user.id, good=argument == "up")
            await settle(query, strings(language).vote_up if argument == "up" else strings(language).vote_down)
        elif verb in ("context", "more", "search") and argument.isdigit():
            await self._unfold(query, query.message, kept, verb, int(argument))
        else:
            await settle(query, strings(language).expired)

    async def _unfold(self, query: CallbackQuery, message: Message, kept: Kept, verb: str, place: int) -> None:
        """Show more of a reply that was given: the paragraph around a quote, or the quotes that follow."""
        language = language_of(kept.question, self._store.language(message.chat_id), query.from_user.language_code)
        result = await self._answering.run(lambda engine: asking.again(kept, engine))
        excerpts = excerpts_of(result.reply) if result else ()
        if result is None or place >= len(excerpts):
            await settle(query, strings(language).expired)
            return
        await settle(query)
        view = view_of(result, language, kept.token)
        if verb == "context":
            shown = render.context(excerpts[place], View(language=language, token=kept.token, first=place))
        elif verb == "search":
            shown = asking.found(excerpts, place, view)
        else:
            shown = asking.rendered(result, replace(view, first=place))
        await self._desk.send(message, shown)

    async def _choose(self, query: CallbackQuery, language: str) -> None:
        assert isinstance(query.message, Message)  # noqa: S101 - seen by `pressed`
        self._store.choose_language(query.message.chat_id, language)
        words = strings(language_of("", language, None))
        await settle(query, words.language_chosen)
        await self._desk.edit(
            query.get_bot(), query.message.chat_id, query.message.message_id, render.notice(words.language_chosen)
        )


def _refers(message: Message) -> bool:
    return message.reply_to_message is not None or message.quote is not None


def _addressed(message: Message, bot: Bot) -> str | None:
    """What is asked of the bot, without its name; None where a group's message is not for it."""
    text = message.text or ""
    if message.chat.type == Chat.PRIVATE:
        return text
    own = f"@{bot.username}".casefold()
    for entity, word in message.parse_entities([MessageEntity.MENTION, MessageEntity.TEXT_MENTION]).items():
        is_ours = word.casefold() == own or (entity.user is not None and entity.user.id == bot.id)
        if is_ours:
            return " ".join(text.replace(word, " ", 1).split()) if word.startswith("@") else text
    replied = message.reply_to_message
    if replied is not None and replied.from_user is not None and replied.from_user.id == bot.id:
        return text
    return None
