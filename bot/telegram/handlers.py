"""What the bot does with each update: read, ask, render, send. Nothing here waits for the engine but by `Answering`."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from telegram import (
    CallbackQuery,
    Chat,
    InlineQuery,
    InlineQueryResultArticle,
    InlineQueryResultsButton,
    InputTextMessageContent,
    Message,
    Update,
)
from telegram.constants import ParseMode
from telegram.error import BadRequest
from telegram.ext import (
    Application,
    ApplicationHandlerStop,
    CallbackQueryHandler,
    ContextTypes,
    InlineQueryHandler,
    MessageHandler,
    TypeHandler,
    filters,
)

from bot.telegram import asking, render
from bot.telegram.answering import Answering, Busy
from bot.telegram.asking import Result, excerpts_of, view_of
from bot.telegram.commands import Commands
from bot.telegram.counts import Counts
from bot.telegram.desk import NO_PREVIEW, Desk, Typing, addressed, settle, thread_of
from bot.telegram.inbox import replying
from bot.telegram.keeping import written
from bot.telegram.meeting import language_of, met, sentence, whole_number
from bot.telegram.message import View, notice
from bot.telegram.patience import Allowance
from bot.telegram.settings import TelegramSettings
from bot.telegram.store import Kept, Store
from bot.telegram.strings import Language, strings
from retrieval.engine import Engine
from retrieval.errors import BadQuestion

__all__ = ["Handlers"]

MOST_EXCERPTS = 12  # that a reply can show, three at a time
INLINE_EXCERPTS = 10
CONVERSATION_SECONDS = 1800.0  # after which a question begins anew
MOST_HISTORY = 4
INLINE_CACHE_SECONDS = 60
INLINE_SHARE = 3  # inline queries for a question: one comes with each pause in typing

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
        self._typed: dict[int, str] = {}  # by person, the inline query that came last
        self._inline_allowance = Allowance(INLINE_SHARE * settings.user_questions_a_minute, most_seconds=0)

    def register(self, application: Application) -> None:  # type: ignore[type-arg]
        """Hang every handler into the application; nothing comes past the gate that is not for this bot to answer."""
        application.add_handler(TypeHandler(Update, self.gate), group=-1)
        application.add_handler(MessageHandler(filters.TEXT & ~filters.COMMAND, self.text))
        application.add_handler(MessageHandler(filters.ChatType.PRIVATE & ~filters.StatusUpdate.ALL, self.no_text))
        application.add_handler(CallbackQueryHandler(self.pressed))
        application.add_handler(InlineQueryHandler(self.inline))

    async def gate(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """End here what comes from those who are not to be answered, and what is no message to answer."""
        person, chat, message = update.effective_user, update.effective_chat, update.effective_message
        if message is not None and message.migrate_to_chat_id is not None:
            self._store.migrate(message.chat_id, message.migrate_to_chat_id)
            raise ApplicationHandlerStop
        if self._settings.may_ask(person.id if person else None, chat.id if chat else None):
            return
        if update.inline_query is not None:
            await update.inline_query.answer([])
        elif update.callback_query is not None or (chat is not None and chat.type == Chat.PRIVATE):
            await self._desk.reply(update, "not_invited")
        raise ApplicationHandlerStop

    # Questions

    async def text(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """A question, or an edited one; a greeting and the like."""
        message, chat = update.effective_message, update.effective_chat
        if message is None or chat is None or not message.text:
            return
        asked = addressed(message)
        if asked is None or (message.via_bot is not None and message.via_bot.id == context.bot.id):  # or our own quote
            return
        language = self._desk.language(message, asked)
        earlier = self._store.reply_to(chat.id, message.message_id) if update.edited_message else None
        name = met(asked)
        if name is not None and not (name == "too_short" and asked.strip() and _refers(message)):
            said = notice(sentence(strings(language), name))
            former = earlier.answer_message if earlier else None
            if former is None or not await self._desk.edit(context.bot, chat.id, former, said):
                await self._desk.send(message, said)
            return
        await self._answer(message, asked, language, earlier)

    async def _answer(self, message: Message, asked: str, language: Language, earlier: Kept | None) -> None:
        asker = (message.sender_chat or message.from_user or message.chat).id
        history = earlier.history if earlier else self._history(message, asker)
        begun = time.monotonic()
        async with Typing(message):
            result = await self._answering.run(lambda engine: asking.asked(engine, asked, history, MOST_EXCERPTS))
        seconds = time.monotonic() - begun
        self._counts.asked(result.reply, seconds)
        token = self._store.keep(
            chat=message.chat_id,
            thread=thread_of(message),
            asker=asker,
            question_message=message.message_id,
            at=message.date.timestamp(),
            question=asked,
            history=history,
            body=written(result.reply),
            seconds=seconds,
            token=earlier.token if earlier else None,
        )
        shown = asking.rendered(result, view_of(result, language, token, history))
        former = earlier.answer_message if earlier else None
        if former is not None and await self._desk.edit(message.get_bot(), message.chat_id, former, shown):
            return
        with replying(token):
            await self._desk.send(message, shown)

    def _history(self, message: Message, asker: int) -> tuple[str, ...]:
        """The questions before this one: of the reply that it answers, or of what that person asked there lately."""
        if message.reply_to_message is not None:
            kept = self._store.reply_in(message.chat_id, message.reply_to_message.message_id)
            if kept is not None:
                quoted = (message.quote.text,) if message.quote and message.quote.is_manual else ()
                return (*kept.history, kept.question, *quoted)[-MOST_HISTORY:]
        last = self._store.last(message.chat_id, thread_of(message), asker)
        if last is None or message.date.timestamp() - last.at > CONVERSATION_SECONDS:  # both by Telegram's clock
            return ()
        return (*last.history, last.question)[-MOST_HISTORY:]

    async def inline(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """A question in any chat: quotes to send, each with its citation; a button that tells where there are none."""
        query = update.inline_query
        if query is None:
            return
        language = language_of(query.query, self._store.language(query.from_user.id), query.from_user.language_code)
        words, asked = strings(language), query.query.strip()
        told, quotes = words.inline_hint, list[render.InlineQuote]()
        if asked and met(asked) is None:
            result = await self._inline_result(query, asked)
            if result is None:  # the reader has typed on, or types faster than anybody reads
                return
            told, quotes = words.abstained, render.inline_results(result.reply, language)
        articles = [
            InlineQueryResultArticle(
                id=one.id,
                title=one.title,
                description=one.description,
                input_message_content=InputTextMessageContent(
                    one.message.html, parse_mode=ParseMode.HTML, link_preview_options=NO_PREVIEW
                ),
            )
            for one in quotes
        ]
        button = None if articles else InlineQueryResultsButton(told, start_parameter="inline")
        try:
            await query.answer(articles, cache_time=INLINE_CACHE_SECONDS, is_personal=True, button=button)
        except BadRequest as error:  # too late
            logger.debug("an inline query was not answered: %s", error.message)

    async def _inline_result(self, query: InlineQuery, asked: str) -> Result | None:
        """The reply to what somebody has typed so far; None where it is no longer what they want to know."""
        person, now = query.from_user.id, time.monotonic()
        if self._inline_allowance.wait(person, now) is None:
            return None
        self._inline_allowance.take(person, now)
        self._typed[person] = query.id

        def current(engine: Engine) -> Result | None:
            is_latest = self._typed.get(person) == query.id
            return asking.asked(engine, asked, (), INLINE_EXCERPTS) if is_latest else None

        try:
            result = await self._answering.run(current)
        except (Busy, BadQuestion):
            return None
        finally:
            if self._typed.get(person) == query.id:
                del self._typed[person]
        if result is not None:
            self._counts.asked(result.reply, time.monotonic() - now)
        return result

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
        if query is None:
            return
        if query.data is None or not isinstance(query.message, Message):  # below a message that is too old to be seen
            await self._desk.reply(update, "expired")
            return
        verb, _, rest = query.data.partition(":")
        token, _, argument = rest.partition(":")
        language = self._desk.language_of_reader(query)
        kept, place = self._store.kept(token), whole_number(argument)
        if verb == "language" and token in ("en", "ur", "zh"):
            await self._choose(query, token)
        elif verb == "sources" and place is not None:
            await settle(query)
            await self._commands.show_sources(query.message, language, place, edit=True)
        elif verb == "source" and place is not None:
            await settle(query)
            await self._commands.show_source(query.message, language, place)
        elif kept is None or kept.chat != query.message.chat_id:
            await settle(query, strings(language).expired)
        elif verb == "vote" and argument in ("up", "down"):
            self._store.vote(token, query.from_user.id, good=argument == "up")
            await settle(query, strings(language).vote_up if argument == "up" else strings(language).vote_down)
        elif verb in ("context", "more", "search") and place is not None:
            await self._unfold(query, query.message, kept, verb, place)
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
        view = view_of(result, language, kept.token, kept.history)
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
            query.get_bot(), query.message.chat_id, query.message.message_id, notice(words.language_chosen)
        )


def _refers(message: Message) -> bool:
    """Whether it is said about another message; in a topic every message "replies" to the topic's beginning."""
    replied = message.reply_to_message
    return message.quote is not None or (replied is not None and replied.forum_topic_created is None)
