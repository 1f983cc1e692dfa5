"""Where a message stands, in which language to speak there, and how to send: what every handler needs."""

from __future__ import annotations

import asyncio
import logging

from telegram import (
    Bot,
    CallbackQuery,
    Chat,
    CopyTextButton,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    Message,
    MessageEntity,
    ReplyParameters,
    Update,
    User,
)
from telegram.constants import ChatAction, ParseMode
from telegram.error import BadRequest, ChatMigrated, TelegramError

from bot.telegram.answering import Busy
from bot.telegram.meeting import LONGEST_CHARACTERS, Sentence, language_of, sentence
from bot.telegram.message import Message as Shown
from bot.telegram.message import notice
from bot.telegram.settings import TelegramSettings
from bot.telegram.store import Store
from bot.telegram.strings import Language, Strings, strings
from retrieval.errors import BadQuestion

__all__ = ["NO_PREVIEW", "Desk", "Typing", "addressed", "settle", "thread_of"]

SECONDS_UNTIL_TYPING = 0.3
MOST_TYPING = 4  # at once: each is a request that an answer may wait for
NO_PREVIEW = LinkPreviewOptions(is_disabled=True)

logger = logging.getLogger(__name__)


class Desk:
    """Speaks to a chat in its language."""

    def __init__(self, store: Store, settings: TelegramSettings) -> None:
        self._store = store
        self._settings = settings

    def language(self, message: Message, text: str = "") -> Language:
        """The language to speak in where `message` stands: that of `text`, where something is asked."""
        client = message.from_user.language_code if message.from_user else None
        return language_of(text, self._store.language(message.chat_id), client)

    def language_of_reader(self, query: CallbackQuery) -> Language:
        """The language of whoever pressed a button."""
        chosen = self._store.language(query.message.chat.id) if query.message else None
        return language_of("", chosen, query.from_user.language_code)

    def is_administrator(self, user: User | None) -> bool:
        """Whether that person may do what administrators do."""
        return user is not None and user.id in self._settings.administrators

    def concerns(self, update: Update) -> bool:
        """Whether an update is for the bot, from somebody whose turns are counted: administrators' are not."""
        user, chat, message = update.effective_user, update.effective_chat, update.effective_message
        may_ask = self._settings.may_ask(user.id if user else None, chat.id if chat else None)
        if not may_ask or self.is_administrator(user):
            return False
        return update.callback_query is not None or (
            message is not None and ((message.text or "").startswith("/") or addressed(message) is not None)
        )

    async def excuse(self, update: Update, error: BaseException | None) -> None:
        """Say in a sentence why nothing comes of an update."""
        match error:
            case Busy():
                await self.reply(update, "busy")
            case BadQuestion():
                text = update.effective_message.text if update.effective_message else None
                await self.reply(update, "too_long" if len(text or "") > LONGEST_CHARACTERS else "too_short")
            case _:
                await self.reply(update, "failed")

    async def reply(self, update: Update, name: Sentence) -> None:
        """Answer an update with one of our sentences: a button's press above the chat, all else in it."""
        query, message = update.callback_query, update.effective_message
        if query is not None:
            await settle(query, sentence(strings(self.language_of_reader(query)), name))
        elif message is not None:
            asked = message.text if message.text and not message.text.startswith("/") else ""
            await self.tell(message, sentence(strings(self.language(message, asked)), name))

    async def tell(self, message: Message, told: str) -> Message:
        """Say a sentence of ours where `message` stands."""
        return await self.send(message, notice(told))

    def words(self, message: Message) -> Strings:
        """The sentences in the language of whoever sent a command or a file."""
        return strings(self.language(message))

    async def send(self, message: Message, shown: Shown) -> Message:
        """Send `shown` where `message` stands: in a group as a reply to it, in its topic."""
        try:
            return await self._send(message, shown, message.chat_id)
        except ChatMigrated as moved:  # the messages of the group are not those of the supergroup that it became
            self._store.migrate(message.chat_id, moved.new_chat_id)
            return await self._send(message, shown, moved.new_chat_id)

    async def _send(self, message: Message, shown: Shown, chat: int) -> Message:
        is_reply = message.chat.type != Chat.PRIVATE and chat == message.chat_id
        for html in (True, False):
            try:
                return await message.get_bot().send_message(
                    chat,
                    shown.html if html else shown.text,
                    parse_mode=ParseMode.HTML if html else None,
                    reply_markup=_keyboard(shown),
                    link_preview_options=NO_PREVIEW,
                    reply_parameters=ReplyParameters(message.message_id, allow_sending_without_reply=True)
                    if is_reply
                    else None,
                    message_thread_id=thread_of(message),
                )
            except BadRequest as error:
                if not html or "parse entities" not in error.message:
                    raise
                logger.error("a message could not be parsed and goes as plain text: %s", error.message)
        raise AssertionError("unreachable")

    async def edit(self, bot: Bot, chat: int, message: int, shown: Shown) -> bool:
        """Put `shown` in the place of a message of ours; False where it is gone, or too old to be edited."""
        try:
            await bot.edit_message_text(
                shown.html,
                chat_id=chat,
                message_id=message,
                parse_mode=ParseMode.HTML,
                reply_markup=_keyboard(shown),
                link_preview_options=NO_PREVIEW,
            )
        except BadRequest as error:
            if "to edit not found" in error.message or "can't be edited" in error.message:
                return False
            if "not modified" not in error.message:
                raise
        return True


class Typing:
    """Shows "typing" while inside, where it lasts longer than a moment; where many wait, not to all of them."""

    _shown_now = 0

    def __init__(self, message: Message) -> None:
        self._message = message
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._show())

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None  # noqa: S101 - made on entering
        self._task.cancel()

    async def _show(self) -> None:
        await asyncio.sleep(SECONDS_UNTIL_TYPING)
        if Typing._shown_now >= MOST_TYPING:
            return
        Typing._shown_now += 1
        try:
            await self._message.get_bot().send_chat_action(
                self._message.chat_id, ChatAction.TYPING, message_thread_id=thread_of(self._message)
            )
        except Exception as error:
            logger.debug("typing was not shown: %s", type(error).__name__)
        finally:
            Typing._shown_now -= 1


def _keyboard(shown: Shown) -> InlineKeyboardMarkup | None:
    rows = [
        [
            InlineKeyboardButton(
                button.text,
                callback_data=button.data,
                switch_inline_query=button.switch,
                url=button.url,
                copy_text=None if button.copy is None else CopyTextButton(button.copy),
            )
            for button in row
        ]
        for row in shown.rows
        if row
    ]
    return InlineKeyboardMarkup(rows) if rows else None


def addressed(message: Message) -> str | None:
    """What is asked of the bot, without its name; None where a group's message is not for it."""
    text, bot = message.text or "", message.get_bot()
    if message.chat.type == Chat.PRIVATE:
        return text
    own = f"@{bot.username}".casefold()
    for entity, word in message.parse_entities([MessageEntity.MENTION, MessageEntity.TEXT_MENTION]).items():
        if word.casefold() == own or (entity.user is not None and entity.user.id == bot.id):
            units = text.encode("utf-16-le")  # as offsets are counted
            before, after = units[: 2 * entity.offset], units[2 * (entity.offset + entity.length) :]
            return " ".join(f"{before.decode('utf-16-le')} {after.decode('utf-16-le')}".split())
    replied = message.reply_to_message
    is_to_us = replied is not None and replied.from_user is not None and replied.from_user.id == bot.id
    return text if is_to_us else None


async def settle(query: CallbackQuery, told: str | None = None) -> None:
    """Answer a button's press, once and at once; where that cannot be, what was pressed for is done all the same."""
    try:
        await query.answer(told)
    except TelegramError as error:
        logger.debug("a button's press was not answered: %s", type(error).__name__)


def thread_of(message: Message) -> int | None:
    """The topic in which a message stands; a chain of replies is none."""
    return message.message_thread_id if message.is_topic_message else None
