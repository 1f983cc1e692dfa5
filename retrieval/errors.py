"""Everything that can go wrong and is not a bug.

    QuothError                what a user is told, in one line: expected, found, what to do
    ├── InputError            what was given cannot be used                        exit 3
    │   ├── RefusedSource     a file, line or page that cannot become a document
    │   ├── BadQuestion       a question that cannot be asked
    │   ├── UnknownDocument   an id that the library does not hold
    │   ├── BusyLibrary       another process is writing
    │   ├── ModelUnavailable  the model's weights cannot be had here
    │   └── StorageError      the disk refused (full, read-only, no permission)
    └── LibraryError          the library itself is at fault                       exit 4
        ├── DamagedLibrary    bytes are not what they were
        └── ModelMismatch     made by another model than the one that asks

Mistakes in calling code stay `ValueError` and `TypeError`.
"""

from __future__ import annotations

__all__ = [
    "BadQuestion",
    "BusyLibrary",
    "DamagedLibrary",
    "InputError",
    "LibraryError",
    "ModelMismatch",
    "ModelUnavailable",
    "QuothError",
    "RefusedSource",
    "StorageError",
    "UnknownDocument",
]


class QuothError(Exception):
    """The base: its text is one line for a person."""

    exit_code = 3


class InputError(QuothError):
    """What was given cannot be used."""


class RefusedSource(InputError):
    """A file, a line of a file, or a page that cannot become a document."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source}: {reason}")
        self.source = source
        self.reason = reason

    def __reduce__(self) -> tuple[type[RefusedSource], tuple[str, str]]:
        return RefusedSource, (self.source, self.reason)  # it crosses from the process that read


class BadQuestion(InputError):
    """A question that cannot be asked: empty, or longer than the limit."""


class UnknownDocument(InputError):
    """An id that the library does not hold."""


class BusyLibrary(InputError):
    """Another process is writing to the library."""


class ModelUnavailable(InputError):
    """The model's weights cannot be had on this machine."""


class StorageError(InputError):
    """The disk refused: full, read-only, or no permission."""


class LibraryError(QuothError):
    """The library itself is at fault."""

    exit_code = 4


class DamagedLibrary(LibraryError):
    """Bytes of the library are not what they were."""


class ModelMismatch(LibraryError):
    """The library was made by another model than the one that asks."""
