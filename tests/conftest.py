"""What several tests share: stand-ins at the seams, never for what is tested."""

from __future__ import annotations

import os
import re
import shutil
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from retrieval.encode import Embeddings, Encoder, Prompt

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything loads the hub's client: no test may depend on a network
for name in [name for name in os.environ if name.startswith("QUOTH_")]:
    del os.environ[name]  # what the developer has set is none of the tests' business


def pytest_configure(config: pytest.Config) -> None:
    """Quick tests write to memory if there is room, and try fewer examples (`--hypothesis-profile default`: all)."""
    memory = Path("/dev/shm")  # noqa: S108 - only the parent of pytest's own folders
    is_quick = "slow" not in config.option.markexpr.replace("not slow", "")
    if is_quick and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 4_000_000_000:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))
    hypothesis.settings.register_profile("quick", max_examples=40, deadline=None)
    if not config.getoption("--hypothesis-profile"):
        hypothesis.settings.load_profile("quick")


class BagOfWords:
    """An encoder without a model: each word counts in one dimension, told by its checksum."""

    def __init__(self, identity: str, dimensions: int) -> None:
        self.identity = identity
        self.dimensions = dimensions

    def encode(self, texts: Sequence[str], *, prompt: Prompt) -> Embeddings:
        embeddings = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in zip(embeddings, texts, strict=True):
            for word in re.findall(r"\w+", text.casefold()) or [""]:
                row[zlib.crc32(word.encode()) % self.dimensions] += 1
            row /= np.linalg.norm(row)
        return embeddings


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return BagOfWords("bag-of-words@1", 64)


@pytest.fixture
def other_encoder() -> Encoder:
    """Another model: another identity, other dimensions."""
    return BagOfWords("other-words@2", 32)


@pytest.fixture
def bag_of_words_process() -> list[str]:
    """The beginning of a command that runs `quoth` in a process of its own, with the stand-in for the model."""
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import bot.cli, conftest;"
        "bot.cli.make_encoder = lambda settings: conftest.BagOfWords('bag-of-words@1', 64);"
        "sys.exit(bot.cli.main(sys.argv[1:]))"
    )
    return [sys.executable, "-c", code]
