"""What the environment says: `QUOTH_LIBRARY`, `QUOTH_MODEL`, `QUOTH_THREADS`, `QUOTH_OPERATING_POINT`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from retrieval.errors import InputError
from retrieval.settings import Settings

__all__ = ["Chosen", "read_settings"]

PREFIX = "QUOTH_"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The library's folder, whether it is the default one, and the engine's settings."""

    library: Path
    is_default_library: bool
    engine: Settings


def read_settings(library: str | None) -> Chosen:
    """The settings, `library` being what the command line named; `InputError` for a name or value that is none."""
    given = {name: value for name, value in os.environ.items() if name.startswith(PREFIX) and value}
    folder = library or given.pop(f"{PREFIX}LIBRARY", None)
    given.pop(f"{PREFIX}LIBRARY", None)
    values = {name.removeprefix(PREFIX).lower(): value for name, value in given.items()}
    try:
        engine = Settings.read(values)
    except ValueError as error:
        raise InputError(f"a setting in the environment ({PREFIX}…): {error}; correct it, or unset it") from error
    return Chosen(Path(folder or "library"), folder is None, engine)
