"""A folder or a file that is whole or not there: written beside its place, put on the disk, renamed into it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["remove_leftovers", "share", "whole_file", "whole_folder"]

PARTIAL = ".partial"


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A new folder to write into; it becomes `target`, replacing what stood there, when all went well.

    The caller holds a lock: there is one name for what is half-made, so that the next writer can clear it away.
    """
    partial = target.with_name(target.name + PARTIAL)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        for path in partial.rglob("*"):
            if path.is_file():
                _to_disk(path)
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """The path of a file to write; it becomes `target` when all went well. The caller holds a lock."""
    partial = target.with_name(target.name + PARTIAL)
    try:
        yield partial
        _to_disk(partial)
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def remove_leftovers(parent: Path) -> None:
    """Clear away what a killed writer left half-made in `parent`."""
    for leftover in parent.glob(f"*{PARTIAL}"):
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()


def share(source: str | Path, target: str | Path) -> None:
    """Put a file that nobody will write to into another folder, without copying its bytes where the disk has links."""
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # another disk, or one that knows no links
        shutil.copyfile(source, target)
