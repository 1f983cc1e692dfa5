"""Paths as typed into the files that they stand for."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from retrieval.errors import RefusedSource

__all__ = ["is_taken", "sources"]


def sources(paths: Sequence[str], *, suffixes: frozenset[str]) -> Iterator[tuple[Path, str] | RefusedSource]:
    """Every file that `paths` name or hold, with its source: the path as typed, joined with the path inside the folder.

    Folders are read in the order of names, deep, without hidden files, READMEs, and files whose suffix is not among
    `suffixes`; a file that is named itself is always tried. What cannot be read comes as a `RefusedSource`.
    """
    for typed in paths:
        yield from _sources(typed, suffixes)


def is_taken(path: Path, *, suffixes: frozenset[str]) -> bool:
    """Whether a file of that name, found in a folder, is read."""
    is_hidden = path.name.startswith(".")
    return not is_hidden and path.suffix.lower() in suffixes and path.stem.upper() != "README"


def _sources(typed: str, suffixes: frozenset[str]) -> Iterator[tuple[Path, str] | RefusedSource]:
    path = Path(typed)
    try:
        mode = path.stat().st_mode if typed else None
    except FileNotFoundError:
        mode = None
    except (OSError, ValueError) as error:
        yield _unreadable(typed, error)
        return
    if mode is None:
        yield RefusedSource(typed, "expected a file or a folder, found nothing there; check the path")
    elif stat.S_ISDIR(mode):
        found = False
        for item in _inside(path, typed, suffixes, above=frozenset()):
            found = True
            yield item
        if not found:
            kinds = ", ".join(sorted(suffix for suffix in suffixes if suffix))
            yield RefusedSource(typed, f"expected files ({kinds}), found none in the folder; name another")
    else:
        yield _file(path, typed, mode)


def _inside(
    folder: Path, source: str, suffixes: frozenset[str], *, above: frozenset[tuple[int, int]]
) -> Iterator[tuple[Path, str] | RefusedSource]:
    """What `folder` holds; `above` are the folders on the way to it, by device and inode, against links in a circle."""
    try:
        status = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield _unreadable(source, error)
        return
    here = (status.st_dev, status.st_ino)
    if here in above:
        yield RefusedSource(source, "expected a folder, found a link back to a folder above it; remove the link")
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        path, inner = Path(entry.path), posixpath.join(source, entry.name)
        try:
            mode = entry.stat().st_mode
        except OSError as error:
            if path.suffix.lower() in suffixes:
                yield _unreadable(inner, error)
            continue
        if stat.S_ISDIR(mode):
            yield from _inside(path, inner, suffixes, above=above | {here})
        elif is_taken(path, suffixes=suffixes):
            yield _file(path, inner, mode)


def _file(path: Path, source: str, mode: int) -> tuple[Path, str] | RefusedSource:
    if not stat.S_ISREG(mode):
        return RefusedSource(source, "expected a file, found a pipe, socket or device; give a file")
    if not os.access(path, os.R_OK):
        return RefusedSource(source, "expected a readable file, found no permission; allow reading it")
    if any("\ud800" <= character <= "\udfff" for character in source):  # as Python tells bytes that are no text
        return RefusedSource(source, "expected a name in UTF-8, found other bytes; rename the file or its folder")
    return path, source


def _unreadable(source: str, error: OSError | ValueError) -> RefusedSource:
    found = (error.strerror if isinstance(error, OSError) else None) or "a path that no file can have"
    return RefusedSource(source, f"expected a readable file or folder, found: {found}; check the path")
