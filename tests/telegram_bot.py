"""`quoth telegram` as a process of its own, that a test talks to through the fake server, and may kill."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from telegram_server import Server, Shown

__all__ = ["ADMINISTRATOR", "ANSWER", "QUESTION", "Bot", "button", "quotes"]

ADMINISTRATOR = 99
QUESTION = "How many megawatts did CPEC phase one add?"
ANSWER = "We were able to add over 8,000 megawatts of electricity to our grid."
_STAND_IN = 'bot.cli.make_encoder = lambda settings: conftest.BagOfWords("bag-of-words@1", 64)'
_CODE = """
import os, sys
sys.path.insert(0, {tests!r})
import bot.cli, conftest
{stand_in}
os.environ.update({given!r})  # conftest forgets the settings of the environment
sys.exit(bot.cli.main(sys.argv[1:]))
"""


class Bot:
    """`quoth telegram` in a process of its own, with a stand-in for the model unless it is to have the `real` one."""

    def __init__(self, server: Server, library: Path, *arguments: str, real: bool = False, **settings: str) -> None:
        given = {
            "QUOTH_TELEGRAM_TOKEN": server.token,
            "QUOTH_TELEGRAM_API_BASE": server.api_base,
            "QUOTH_TELEGRAM_FILE_BASE": server.file_base,
            **({} if real else {"QUOTH_OPERATING_POINT": "0.001", "QUOTH_READER": "off"}),
            "QUOTH_TELEGRAM_ADMINISTRATORS": f"{ADMINISTRATOR}, 12",
            **settings,
        }
        code = _CODE.format(tests=str(Path(__file__).parent), given=given, stand_in="" if real else _STAND_IN)
        self._log = library.parent / f"bot-{time.monotonic_ns()}.log"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "telegram", "--library", str(library), *arguments],
            stdout=subprocess.DEVNULL,
            stderr=self._log.open("w"),
        )

    @property
    def log(self) -> str:
        """What it wrote on stderr."""
        return self._log.read_text()

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()

    def ends(self, seconds: float) -> int:
        """SIGTERM; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


def quotes(shown: Shown) -> str:
    """The quotes of a message, a line each."""
    return "\n".join(shown.of("blockquote"))


def button(shown: Shown, words: str) -> str:
    """The label of the button that holds some words."""
    return next(one.text for row in shown.keyboard for one in row if words in one.text)
