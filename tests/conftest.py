"""What several tests share: stand-ins at the seams, never for what is tested; a library; the command line."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import shutil
import socket
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import numpy as np
import pytest

import bot.cli
from retrieval.datamodel import Abstention, Reply
from retrieval.encode import Embeddings, Encoder, Prompt
from retrieval.engine import Engine
from retrieval.ingest import Report
from retrieval.settings import Settings

if TYPE_CHECKING:
    from telegram_bot import Bot
    from telegram_server import Chat, Server

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything loads the hub's client: no test may depend on a network
for name in [name for name in os.environ if name.startswith("QUOTH_")]:
    del os.environ[name]  # what the developer has set is none of the tests' business

# pytest's importlib mode calls this module `tests.conftest`: tests import it, and not a second time, by mypy's name.
sys.modules["conftest"] = sys.modules[__name__]

SEEDS = Path(__file__).parent.parent / "seeds"
PORT = "The harbour of Gwadar opened a new cargo terminal on Monday. It can handle twelve ships at once."
SCHOOL = "A school for girls in Lahore has won the national robotics cup. The team built a machine."
RAIN = "Heavy rain closed the Karakoram highway for three days. Nobody was hurt, the police said."


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
        "import os; os.environ.setdefault('QUOTH_READER', 'off');"
        "sys.exit(bot.cli.main(sys.argv[1:]))"
    )
    return [sys.executable, "-c", code]


# A library, and engines on it

Open = Callable[[], Engine]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def opened(folder: Path, encoder: Encoder) -> Iterator[Open]:
    """Engines on the same folder, as several processes would have them."""
    engines: list[Engine] = []

    def opening() -> Engine:
        engines.append(Engine(folder, Settings(), lambda: encoder))
        return engines[-1]

    yield opening
    for engine in engines:
        engine.close()


@pytest.fixture
def engine(opened: Open) -> Engine:
    return opened()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return lines(tmp_path / "news.jsonl", port=PORT, school=SCHOOL, rain=RAIN)


def lines(path: Path, **texts: str) -> Path:
    """A file with a document a line, by id."""
    path.write_text("".join(json.dumps({"id": name, "text": text}) + "\n" for name, text in texts.items()))
    return path


def ids(engine: Engine) -> list[str]:
    return [document.id for document in engine.documents()]


def texts(engine: Engine) -> dict[str, str]:
    return {document.id: document.snapshot.text for document in engine.documents()}


def shown(reply: Reply) -> list[str]:
    """The documents of the excerpts, best first, whether they answer or are only nearest."""
    excerpts = reply.nearest if isinstance(reply, Abstention) else reply.excerpts
    return list(dict.fromkeys(excerpt.document.id for excerpt in excerpts))


def counts(report: Report) -> tuple[int, int, int, int]:
    return report.added, report.unchanged, report.replaced, len(report.refused)


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


# The command line


@dataclass(frozen=True)
class Run:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[Any]:
        """Each line of stdout, read as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


Quoth = Callable[..., Run]


@pytest.fixture
def quoth(
    tmp_path: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Quoth:
    """Runs a command in an empty folder, with a stand-in for the model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bot.cli, "make_encoder", lambda settings: encoder)
    monkeypatch.setenv("QUOTH_READER", "off")

    def run(*arguments: str) -> Run:
        capfd.readouterr()
        try:
            code = bot.cli.main(arguments)
        except SystemExit as usage:  # as argparse ends
            code = int(usage.code or 0)
        return Run(code, *capfd.readouterr())

    return run


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> Path:
    """A library that holds the seeds, to be copied."""
    folder = tmp_path_factory.mktemp("seeded") / "library"
    engine = Engine(folder, Settings(), lambda: encoder)
    assert engine.ingest([str(SEEDS)]).added == 3
    engine.close()
    return folder


@pytest.fixture
def library(seeded: Path, quoth: Quoth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A library that holds the seeds, named by the environment."""
    monkeypatch.setenv("QUOTH_LIBRARY", "named")
    shutil.copytree(seeded, tmp_path / "named")
    return "named"


# The bot on a strict fake of Telegram's server


@pytest.fixture(scope="session")
def shelf(seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that holds the seeds, and the store of the bot that runs on it."""
    return Path(shutil.copytree(seeded, tmp_path_factory.mktemp("shelf") / "library"))


@pytest.fixture
def alone(shelf: Path, tmp_path: Path) -> Path:
    """The same without a store, for a bot of a test's own."""
    return Path(shutil.copytree(shelf, tmp_path / "library", ignore=shutil.ignore_patterns("telegram*")))


@pytest.fixture(scope="session")
def running(shelf: Path) -> Iterator[tuple[Server, Bot]]:
    """One bot for all conversations: each test has readers and groups of its own."""
    from telegram_bot import Bot
    from telegram_server import telegram

    with telegram() as server:
        bot = Bot(server, shelf)
        server.polled()
        yield server, bot
        assert bot.ends(10) == 0
        assert "Traceback" not in bot.log
        assert server.token.partition(":")[2] not in bot.log
        assert [call for call in server.faults if call.method != "getUpdates"] == []  # a second poller was asked for


@pytest.fixture(scope="session")
def reader_ids() -> Iterator[int]:
    """Numbers of users whom the running bot does not know."""
    return iter(range(1000, 9000))


@pytest.fixture
def telegram_server(running: tuple[Server, Bot]) -> Server:
    """The server that the running bot talks to."""
    return running[0]


@pytest.fixture
def reader(telegram_server: Server, reader_ids: Iterator[int]) -> Chat:
    """The private chat of somebody new."""
    return telegram_server.private(user_id=next(reader_ids), language_code="en")


def is_one_line(text: str) -> bool:
    return text.endswith("\n") and text.count("\n") == 1 and "Traceback" not in text


# The network

SILENT = "93.184.215.15"  # an address that never answers
_connect = socket.socket.connect


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses connected to; none outside this machine."""
    addresses: list[str] = []

    def connect(self: socket.socket, place: Any) -> None:
        addresses.append(place[0])
        if place[0] == SILENT:
            time.sleep(self.gettimeout() or 0)
            raise TimeoutError
        if not ipaddress.ip_address(place[0]).is_loopback:
            raise ConnectionRefusedError(111, "Connection refused")
        _connect(self, place)

    monkeypatch.setattr(socket.socket, "connect", connect)
    return addresses


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Sets what names mean, one answer after another, the last for ever; gives the list of what is looked up."""

    def means(answers: dict[str, list[list[str]]]) -> list[str]:
        looked_up: list[str] = []

        def getaddrinfo(host: str, port: int, **_: object) -> list[Any]:
            left = answers[host]
            found = left[min(looked_up.count(host), len(left) - 1)]
            looked_up.append(host)
            families = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in found]
            return [
                (family, socket.SOCK_STREAM, 6, "", (address, port, 0, 0) if ":" in address else (address, port))
                for family, address in zip(families, found, strict=True)
            ]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return looked_up

    return means
