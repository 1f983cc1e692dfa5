"""What an operator sets for the Telegram bot, in the environment or a `.env` file; the token shows nowhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from retrieval.errors import InputError

__all__ = ["TelegramSettings", "read_environment_file", "read_telegram_settings"]

PREFIX = "QUOTH_TELEGRAM_"
GROUP_QUESTIONS = 18  # a minute: Telegram lets a bot say twenty things to a group


class TelegramSettings(BaseSettings):
    """The settings of one bot; each is `QUOTH_TELEGRAM_` with its name in capitals."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, hide_input_in_errors=True)

    token: SecretStr
    api_base: str = "https://api.telegram.org/bot"
    file_base: str = "https://api.telegram.org/file/bot"
    administrators: Annotated[frozenset[int], NoDecode] = frozenset()
    allowed: Annotated[frozenset[int], NoDecode] = (
        frozenset()
    )  # users and chats; nobody else is answered, if any is named
    user_questions_a_minute: int = Field(default=60, ge=1)  # as many as Telegram lets be answered in a chat
    group_questions_a_minute: int = Field(default=GROUP_QUESTIONS, ge=1)
    retention_days: int = Field(default=30, ge=1, le=3650)
    webhook_url: str | None = None
    webhook_secret: SecretStr | None = None
    webhook_listen: str = "127.0.0.1:8443"

    @field_validator("administrators", "allowed", mode="before")
    @classmethod
    def _numbers(cls, given: Any) -> Any:
        """Ids between commas, as in `7,-1001234`."""
        return [part.strip() for part in given.split(",") if part.strip()] if isinstance(given, str) else given

    @field_validator("token")
    @classmethod
    def _is_token(cls, given: SecretStr) -> SecretStr:
        number, _, secret = given.get_secret_value().partition(":")
        if not number.isdigit() or not secret:
            raise ValueError("expected a token such as 123456:AbC… from @BotFather")
        return given

    def may_ask(self, user: int | None, chat: int | None) -> bool:
        """Whether that person, or that chat, is answered."""
        return not self.allowed or bool({user, chat} & (self.allowed | self.administrators))


def read_environment_file(path: Path = Path(".env")) -> None:
    """Take the `QUOTH_…` lines of a `.env` file into the environment; what is set there already stands."""
    from dotenv import dotenv_values

    if path.is_file():
        for name, value in dotenv_values(path, interpolate=False).items():
            if name.startswith("QUOTH_") and value is not None:
                os.environ.setdefault(name, value)


def read_telegram_settings() -> TelegramSettings:
    """The settings of the environment; `InputError`, one line that repeats no secret, where one cannot be used."""
    if not os.environ.get(f"{PREFIX}TOKEN"):
        raise InputError(f"expected the bot's token in {PREFIX}TOKEN, found none: ask @BotFather for one, then set it")
    try:
        return TelegramSettings()  # type: ignore[call-arg]  # the environment gives them
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = f"{PREFIX}{'_'.join(map(str, first['loc'][:1]))}".upper()
        raise InputError(f"{name}: {first['msg'].removeprefix('Value error, ')}; correct it, or unset it") from None
