"""JSON Lines, as the evaluation data are written."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

__all__ = ["Row", "read_rows", "write_rows"]

Row: TypeAlias = dict[str, Any]


def read_rows(path: Path) -> list[Row]:
    """The objects of a file, one a line; a text in them may hold what else ends lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write the objects, one a line."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
