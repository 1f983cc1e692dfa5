"""What an operator can set, frozen; units stand in the names."""

from __future__ import annotations

import os
from dataclasses import dataclass

from retrieval.models import DEFAULT_MODEL

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one engine. `threads` is how many cores encoding may use.

    The `reader` reads `read_stretches` of a few sentences for each question; without it plain signals decide.
    `remembered_megabytes` of embeddings are kept in the user's cache folder, so that no text is encoded twice; 0: none.
    `web_allowed` are the hosts, as `host:port`, that may be fetched from though they are not public.
    """

    model: str = DEFAULT_MODEL
    threads: int = min(2, os.cpu_count() or 1)
    depth_passages: int = 40
    read_passages: int = 8
    read_passages_of_each_language: int = 4
    longest_question_characters: int = 2000
    operating_point: float = 0.44
    reader: bool = True
    read_stretches: int = 5
    reading_processes: int = 2
    remembered_megabytes: int = 500
    web_allowed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise ValueError(f"expected threads of at least 1, found {self.threads}")
        if self.remembered_megabytes < 0:
            raise ValueError(f"expected remembered_megabytes of at least 0, found {self.remembered_megabytes}")
        if self.reading_processes < 1:
            raise ValueError(f"expected reading_processes of at least 1, found {self.reading_processes}")
        if not 0 < self.operating_point < 1:
            raise ValueError(f"expected an operating point between 0 and 1, found {self.operating_point}")
        if not 1 <= self.read_passages <= self.depth_passages:
            raise ValueError(
                f"1 <= read_passages <= depth_passages expected, found {self.read_passages}, {self.depth_passages}"
            )
