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
    ReplyParameters,
)
from telegram.constants import ChatAction, ParseMode
from telegram.error import BadRequest

from bot.telegram import render
from bot.telegram.meeting import language_of
from bot.telegram.settings import TelegramSettings
from bot.telegram.store import Store
from bot.telegram.strings import Language, Strings, strings

__all__ = ["NO_PREVIEW", "Desk", "Typing", "settle", "thread_of"]

SECONDS_UNTIL_TYPING = 0.3
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
        assert isinstance(query.message, Message)  # noqa: S101 - seen by `pressed`
        return language_of("", self._store.language(query.message.chat_id), query.from_user.language_code)

    def may_ask(self, message: Message) -> bool:
        """Whether whoever sent it is answered."""
        return self._settings.may_ask(message.from_user.id if message.from_user else None, message.chat_id)

    async def tell(self, message: Message, told: str) -> Message:
        """Say a sentence of ours where `message` stands."""
        return await self.send(message, render.notice(told))

    def words(self, message: Message) -> Strings:
        """The sentences in the language of whoever sent a command or a file."""
        return strings(self.language(message))

    async def send(self, message: Message, shown: render.Message) -> Message:
        """Send `shown` where `message` stands: in a group as a reply to it, in its topic."""
        is_private = message.chat.type == Chat.PRIVATE
        answering = None if is_private else ReplyParameters(message.message_id, allow_sending_without_reply=True)
        for html in (True, False):
            try:
                return await message.get_bot().send_message(
                    message.chat_id,
                    shown.html if html else shown.text,
                    parse_mode=ParseMode.HTML if html else None,
                    reply_markup=_keyboard(shown),
                    link_preview_options=NO_PREVIEW,
                    reply_parameters=answering,
                    message_thread_id=thread_of(message),
                )
            except BadRequest as error:
                if not html or "parse entities" not in error.message:
                    raise
                logger.error("a message could not be parsed and goes as plain text: %s", error.message)
        raise AssertionError("unreachable")

    async def edit(self, bot: Bot, chat: int, message: int, shown: render.Message) -> None:
        """Put `shown` in the place of a message of ours."""
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
            if "not modified" not in error.message:
                raise


class Typing:
    """Shows "typing" while inside, where it lasts longer than a moment."""

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
        try:
            await self._message.get_bot().send_chat_action(
                self._message.chat_id, ChatAction.TYPING, message_thread_id=thread_of(self._message)
            )
        except Exception as error:
            logger.debug("typing was not shown: %s", type(error).__name__)


def _keyboard(shown: render.Message) -> InlineKeyboardMarkup | None:
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


async def settle(query: CallbackQuery, told: str | None = None) -> None:
    """Answer a button's press, once and at once; one that is too old needs no answer."""
    try:
        await query.answer(told)
    except BadRequest as error:
        logger.debug("a button's press was not answered: %s", error.message)


def thread_of(message: Message) -> int | None:
    """The topic in which a message stands; a chain of replies is none."""
    return message.message_thread_id if message.is_topic_message else None
