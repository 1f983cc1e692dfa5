"""Checksums of files (CRC-32), by which a byte that flips on the disk is found."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from pathlib import Path

__all__ = ["Checksums", "checksum"]

_State = tuple[int, int, int, int]


def checksum(path: Path) -> int:
    """That of every byte of the file; `OSError` where it cannot be read."""
    found = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            found = zlib.crc32(block, found)
    return found


class Checksums:
    """The checksums of the files of one generation of indexes, which shares most of them with the next.

    A file that was read for the generation `before`, and has not been written to since, is not read again.
    """

    def __init__(self, before: Checksums | None = None) -> None:
        self._before = before._found if before is not None else {}
        self._found: dict[_State, int] = {}

    def of(self, path: Path) -> int:
        """The checksum of the file; `OSError` where it cannot be read."""
        state = _state(path)
        found = self._before.get(state)
        self._found[state] = checksum(path) if found is None else found
        return self._found[state]

    def fault(self, folder: Path, expected: Mapping[str, int]) -> str | None:
        """What is wrong with a file of `folder` whose checksum is not the one `expected`; None where all are."""
        for name, crc32 in expected.items():
            try:
                if self.of(folder / name) != crc32:
                    return f"{name} is not what was written"
            except OSError:
                return f"{name} cannot be read"
        return None


def _state(path: Path) -> _State:
    """What changes when a file is written to, or another takes its place."""
    found: os.stat_result = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
