"""A source as it came: its bytes, and where they are from."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, field
from io import BufferedIOBase
from pathlib import Path, PurePath

from retrieval.datamodel import Validators
from retrieval.errors import RefusedSource

__all__ = ["Original", "key_of"]

_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Original:
    """The bytes that a reader is given: those of the file at `path`, or `raw`, as they were fetched from a URL.

    `source` is what is cited: the path as typed joined with the path inside the folder, or the URL. `key` is what the
    source is known by: giving it again replaces what stood there. `suffix` names the format, in lower case, such as
    ".pdf". `fetched_at` is ISO 8601 in UTC. What was fetched has the `url` where it was found, and what its server said
    of it: the `encoding` and the `validators`.
    """

    source: str
    key: str
    suffix: str
    fetched_at: str
    path: Path | None = None
    raw: bytes = b""
    encoding: str | None = None
    url: str | None = None
    validators: Validators = field(default_factory=Validators)

    @classmethod
    def of_file(cls, path: Path, source: str, *, fetched_at: str) -> Original:
        """The file at `path`."""
        return cls(source, key_of(source), path.suffix.lower(), fetched_at, path=path)

    @property
    def size(self) -> int:
        """How many bytes there are; 0 where that cannot be told."""
        try:
            return len(self.raw) if self.path is None else self.path.stat().st_size
        except OSError:
            return 0

    def stream(self) -> BufferedIOBase:
        """The bytes from their beginning; `RefusedSource` where they cannot be read."""
        if self.path is None:
            return io.BytesIO(self.raw)
        try:
            return self.path.open("rb")
        except OSError as error:
            raise self.unreadable(error) from error

    def read(self, *, largest: int) -> bytes:
        """All bytes; `RefusedSource` where they cannot be read, or are more than `largest`."""
        with self.stream() as stream:
            try:
                raw = stream.read(largest + 1)
                size = max(len(raw), os.fstat(stream.fileno()).st_size if self.path else 0)
            except OSError as error:
                raise self.unreadable(error) from error
        if len(raw) > largest:
            limit, found = largest // _MEGABYTE, size / _MEGABYTE
            raise RefusedSource(self.source, f"expected at most {limit} MB, found {found:.0f} MB; split the file")
        return raw

    def unreadable(self, error: OSError) -> RefusedSource:
        """What the system said against reading the file, as a refusal."""
        return RefusedSource(self.source, f"expected a readable file, found: {error.strerror}; check the path")


def key_of(source: str) -> str:
    """What a file is known by: its path as typed, without detours."""
    return PurePath(os.path.normpath(source)).as_posix()
