"""What the environment says: `QUOTH_LIBRARY`, `QUOTH_MODEL` and the others in `NAMES`."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from retrieval.errors import InputError
from retrieval.settings import Settings

__all__ = ["Chosen", "read_settings"]

PREFIX = "QUOTH_"
LIBRARY = "QUOTH_LIBRARY"
NAMES = (
    LIBRARY,
    "QUOTH_MODEL",
    "QUOTH_OPERATING_POINT",
    "QUOTH_READER",
    "QUOTH_REMEMBERED_MEGABYTES",
    "QUOTH_THREADS",
    "QUOTH_WEB_ALLOWED",
)
# Those of the Telegram bot, which `bot/telegram/settings.py` reads.
TELEGRAM_NAMES = (
    "QUOTH_LOG_LEVEL",
    "QUOTH_METRICS_LISTEN",
    "QUOTH_TELEGRAM_ADMINISTRATORS",
    "QUOTH_TELEGRAM_ALLOWED",
    "QUOTH_TELEGRAM_API_BASE",
    "QUOTH_TELEGRAM_FILE_BASE",
    "QUOTH_TELEGRAM_GROUP_QUESTIONS_A_MINUTE",
    "QUOTH_TELEGRAM_RETENTION_DAYS",
    "QUOTH_TELEGRAM_TOKEN",
    "QUOTH_TELEGRAM_USER_QUESTIONS_A_MINUTE",
    "QUOTH_TELEGRAM_WEBHOOK_LISTEN",
    "QUOTH_TELEGRAM_WEBHOOK_SECRET",
    "QUOTH_TELEGRAM_WEBHOOK_URL",
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The library's folder, whether it is the default one, and the engine's settings."""

    library: Path
    is_default_library: bool
    engine: Settings


def read_settings(library: str | None) -> Chosen:
    """The settings, `library` being what the command line named; `InputError` for a name or value that is none."""
    given = {name: value for name, value in os.environ.items() if name.startswith(PREFIX) and value}
    folder = library or given.get(LIBRARY)
    for name in (LIBRARY, *TELEGRAM_NAMES):
        given.pop(name, None)
    engine = Settings()
    for name, value in sorted(given.items()):
        engine = _with(engine, name, value)
    return Chosen(Path(folder or "library"), folder is None, engine)


def _with(settings: Settings, name: str, value: str) -> Settings:
    change: dict[str, Any]
    try:
        match name:
            case "QUOTH_MODEL":
                change = {"model": value}
            case "QUOTH_THREADS":
                change = {"threads": _number(int, value, "a whole number of threads")}
            case "QUOTH_REMEMBERED_MEGABYTES":
                change = {"remembered_megabytes": _number(int, value, "a whole number of megabytes")}
            case "QUOTH_OPERATING_POINT":
                change = {"operating_point": _number(float, value, "a number between 0 and 1")}
            case "QUOTH_READER":
                change = {"reader": _is_on(value)}
            case "QUOTH_WEB_ALLOWED":
                change = {"web_allowed": tuple(_place(host.strip()) for host in value.split(",") if host.strip())}
            case _:
                raise InputError(
                    f"expected a setting among {', '.join(NAMES)}, found {name}: correct its name, or unset it"
                )
        return replace(settings, **change)
    except ValueError as error:
        raise InputError(f"{name}: {error}; correct it, or unset it") from error


def _place(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()):
        raise ValueError(f"expected host:port between commas, found {text!r}")
    return text


def _is_on(value: str) -> bool:
    if value not in {"on", "off"}:
        raise ValueError(f"expected on or off, found {value!r}")
    return value == "on"


def _number(kind: type[int] | type[float], value: str, expected: str) -> float:
    try:
        return kind(value)
    except ValueError as error:
        raise ValueError(f"expected {expected}, found {value!r}") from error
