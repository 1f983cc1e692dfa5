"""Python's collector of what nobody holds any more, for a process that answers for weeks."""

from __future__ import annotations

import gc

__all__ = ["calm_collector"]

NEW_OBJECTS, ROUNDS = 20_000, 50  # before the newest are looked through, and how often before the older ones are


def calm_collector() -> None:
    """Let what is loaded by now stay as it is, and look through what comes rarely: each time holds up an answer."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, ROUNDS, ROUNDS)
