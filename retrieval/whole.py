"""A folder that is whole or not there: written beside its place, put on the disk, renamed into it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["remove_leftovers", "whole_folder"]

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
                with path.open("rb") as file:
                    os.fsync(file.fileno())
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def remove_leftovers(parent: Path) -> None:
    """Clear away what a killed writer left half-made in `parent`."""
    for leftover in parent.glob(f"*{PARTIAL}"):
        shutil.rmtree(leftover)
