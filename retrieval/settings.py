"""What an operator can set, frozen; units stand in the names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from retrieval.models import DEFAULT_MODEL

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one engine. `threads` is how many cores encoding may use."""

    model: str = DEFAULT_MODEL
    threads: int = min(2, os.cpu_count() or 1)
    depth_passages: int = 50
    read_passages: int = 8
    longest_question_characters: int = 2000
    operating_point: float = 0.5

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise ValueError(f"threads must be at least 1, found {self.threads}")
        if not 0 < self.operating_point < 1:
            raise ValueError(f"the operating point must lie between 0 and 1, found {self.operating_point}")
        if not 1 <= self.read_passages <= self.depth_passages:
            raise ValueError(
                f"1 <= read_passages <= depth_passages expected, found {self.read_passages}, {self.depth_passages}"
            )

    @classmethod
    def read(cls, values: Mapping[str, str]) -> Settings:
        """Settings by name, as text; `ValueError` for a name that is none, or a value that does not fit."""
        kinds = {"model": str, "threads": int, "operating_point": float}
        given: dict[str, str | int | float] = {}
        for name, value in values.items():
            if name not in kinds:
                raise ValueError(f"expected one of {', '.join(sorted(kinds))}, found {name}")
            try:
                given[name] = kinds[name](value)
            except ValueError as error:
                raise ValueError(f"expected {name} as {kinds[name].__name__}, found {value!r}") from error
        return cls(**given)  # type: ignore[arg-type] # each value was made by its own kind just above
