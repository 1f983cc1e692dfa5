"""Whether the Telegram bot, killed again and again under load, answers each question once and in order.

    python -m benchmarks.telegram_kills [--times 100] [--readers 5] [--webhook] [--seed 7]

`quoth telegram` runs as a process of its own on the tests' fake of Telegram's server, with a stand-in for the model and
a library made of `seeds/`. In each round every reader asks one question, some before the process starts and some while
it runs; up to 0.1 s after its nth answer it gets SIGKILL, n at random from none to twice as many as there are readers.
A last process answers what is left. Prints a Markdown table; exit 1 where a question was lost or the answers of a
chat came out of order.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import math
import random
import socket
import sqlite3
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.machine import ROOT, heading

sys.path.insert(0, str(ROOT / "tests"))  # where the fake of Telegram's server lies

from telegram_bot import Bot
from telegram_server import Chat, Server, Shown, telegram

from retrieval.engine import Engine
from retrieval.settings import Settings

__all__ = ["UNLIMITED", "Outcome", "by_webhook", "free_port", "through_kills"]

STORE = "telegram.sqlite"  # the bot's, in the library's folder
QUESTION = "How many megawatts did CPEC phase one add?"
ASKING_SECONDS = 0.5  # before and after a process's first call, in which the readers ask
LATER_SECONDS = 0.1  # from an answer to the kill: about as long as to the next answer
MOST_SECONDS = 2.0  # that a process is given for its answers
SECONDS_TO_START = 60.0
SECONDS_TO_DRAIN = 120.0
SECONDS_TO_SETTLE = 1.0  # after which nothing comes a second time
UNDER_WAY_SECONDS = 0.1  # the server may read what a process sent this long after its end; no new one starts so soon
UNLIMITED = {
    "QUOTH_TELEGRAM_USER_QUESTIONS_A_MINUTE": "1000000",
    "QUOTH_TELEGRAM_GROUP_QUESTIONS_A_MINUTE": "1000000",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the questions.

    `twice` counts answers that were given before. `out_of_order` counts answers that stand below one to a later
    question of their chat. `misplaced` counts replies that the bot's store lacks, has twice or has in another order,
    `unnoted` those of which it does not know the message. `strange` counts messages that answer no question.
    `before_kill_ms` says of each answer given twice how long before the kill the server had taken the first one: less
    than 0 where it read it after the kill, infinite where no kill came after it.
    """

    kills: int
    asked: int
    answered: int
    twice: int
    out_of_order: int
    misplaced: int
    unnoted: int
    strange: int
    before_kill_ms: tuple[float, ...]
    exit_code: int

    @property
    def lost(self) -> int:
        """How many questions were never answered."""
        return self.asked - self.answered

    @property
    def window_ms(self) -> float:
        """The longest time before a kill at which an answer was taken and came again."""
        return max(self.before_kill_ms, default=0.0)


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=100, help="how many kills (100)")
    parser.add_argument("--readers", type=int, default=5, help="who each ask once between two kills (5)")
    parser.add_argument("--webhook", action="store_true", help="updates by webhook instead of polling")
    parser.add_argument("--seed", type=int, default=7, help="of the random moments (7)")
    options = parser.parse_args()
    from conftest import SEEDS, BagOfWords  # it clears the environment of settings, as for a test

    with tempfile.TemporaryDirectory() as scratch:
        library = Path(scratch) / "library"
        engine = Engine(library, Settings(), lambda: BagOfWords("bag-of-words@1", 64))
        engine.ingest([str(SEEDS)])
        engine.close()
        outcome = through_kills(
            library,
            times=options.times,
            readers=options.readers,
            webhook=options.webhook,
            seed=options.seed,
            progress=_tell,
        )
    print(heading("python-telegram-bot"))
    print("\n".join(table(outcome, "webhook" if options.webhook else "polling")))
    return 1 if outcome.lost or outcome.out_of_order or outcome.misplaced else 0


def through_kills(
    library: Path,
    *,
    times: int,
    readers: int = 5,
    webhook: bool = False,
    seed: int = 7,
    progress: Callable[[int, int], None] = lambda done, times: None,
) -> Outcome:
    """Kill the bot `times` times while `readers` ask once each a time; what became of their questions.

    `library` is written to: the bot's store goes there, and its logs beside it.
    """
    moment = random.Random(seed)  # noqa: S311 - no secret
    arguments, settings = by_webhook() if webhook else ((), {})
    settings |= UNLIMITED
    kills: list[float] = []
    with telegram() as server, contextlib.ExitStack() as started:
        chats = [server.private(user_id=number) for number in range(1, readers + 1)]
        for number in range(times):
            answers, later = moment.randint(0, 2 * readers), moment.uniform(0, LATER_SECONDS)
            asks = sorted((moment.uniform(-ASKING_SECONDS, ASKING_SECONDS), chat.id) for chat in chats)
            _ask([server.chats[id_] for at, id_ in asks if at < 0], number)
            started_before, sent_before = len(server.called("getMe")), len(server.called("sendMessage"))
            bot = Bot(server, library, *arguments, real=False, **settings)
            started.callback(bot.kill)
            server.until(partial(_called_beyond, server, "getMe", started_before), SECONDS_TO_START)
            asking = threading.Thread(target=_ask_later, args=(server, asks, number))
            asking.start()
            if answers:
                with contextlib.suppress(AssertionError):  # no more waits to be answered
                    server.until(
                        partial(_called_beyond, server, "sendMessage", sent_before + answers - 1), MOST_SECONDS
                    )
            time.sleep(later)
            kills.append(time.monotonic())
            bot.kill()
            asking.join()
            progress(number + 1, times)
        started_before = len(server.called("getMe"))
        bot = Bot(server, library, *arguments, real=False, **settings)
        started.callback(bot.kill)
        server.until(partial(_called_beyond, server, "getMe", started_before), SECONDS_TO_START)
        with contextlib.suppress(AssertionError):  # then questions are lost, and are counted so
            server.until(lambda: _drained(server, library / STORE), SECONDS_TO_DRAIN)
        time.sleep(SECONDS_TO_SETTLE)
        exit_code = bot.ends(10)
        return _outcome(server, chats, library / STORE, kills, exit_code)


def by_webhook() -> tuple[tuple[str, ...], dict[str, str]]:
    """The argument and the settings of a bot that gets its updates by a webhook, at one port for all its processes."""
    port = free_port()
    return ("--webhook",), {
        "QUOTH_TELEGRAM_WEBHOOK_URL": f"http://127.0.0.1:{port}/hook",
        "QUOTH_TELEGRAM_WEBHOOK_LISTEN": f"127.0.0.1:{port}",
        "QUOTH_TELEGRAM_WEBHOOK_SECRET": "a-word-between-us",
    }


def free_port() -> int:
    """A port of the loopback address that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def table(outcome: Outcome, way: str) -> list[str]:
    """The outcome as a Markdown table."""
    window = ", ".join(f"{milliseconds:.1f}" for milliseconds in sorted(outcome.before_kill_ms, reverse=True))
    rows = {
        "SIGKILL": outcome.kills,
        "questions asked": outcome.asked,
        "answered": outcome.answered,
        "lost": outcome.lost,
        "answers that came a second time": outcome.twice,
        "answers out of order in their chat": outcome.out_of_order,
        "replies that the store lacks, has twice or has out of order": outcome.misplaced,
        "replies of which the store does not know the message": outcome.unnoted,
        "messages that answer no question, such as “one moment”": outcome.strange,
        "exit code of the last process, by SIGTERM": outcome.exit_code,
    }
    return [
        "",
        f"| the bot by {way}, a stand-in for the model | |",
        "| --- | --- |",
        *(f"| {name} | {count} |" for name, count in rows.items()),
        "",
        f"Of what came twice, ms before the kill at which the server had taken the first: {window or 'none'}"
        f" (at most {outcome.window_ms:.1f}; below 0: read from the socket after the kill).",
    ]


def _question(number: int) -> str:
    return f"{QUESTION} Please tell number {number}."


def _ask(chats: Sequence[Chat], number: int) -> None:
    for chat in chats:
        chat.says(_question(number))


def _ask_later(server: Server, asks: Sequence[tuple[float, int]], number: int) -> None:
    """Let those ask who do so after the process's first call, which was now."""
    begun = time.monotonic()
    for at, id_ in asks:
        if at >= 0:
            time.sleep(max(0.0, begun + at - time.monotonic()))
            _ask([server.chats[id_]], number)


def _called_beyond(server: Server, method: str, calls: int) -> bool:
    return len(server.called(method)) > calls


def _drained(server: Server, store: Path) -> bool:
    """Whether the server has handed over all updates and the bot has answered all of them."""
    if server.pending or not store.is_file():
        return False
    with contextlib.closing(sqlite3.connect(store)) as connection:
        waiting = connection.execute("SELECT count(*) FROM updates WHERE NOT done").fetchone()
    return int(waiting[0]) == 0


def _outcome(server: Server, chats: Sequence[Chat], store: Path, kills: Sequence[float], exit_code: int) -> Outcome:
    numbers = {_question(number): number for number in range(len(kills))}
    answered = twice = out_of_order = misplaced = unnoted = strange = 0
    before_kill: list[float] = []
    with contextlib.closing(sqlite3.connect(store)) as connection:
        for chat in chats:
            statement = "SELECT token, question, answer_message FROM replies WHERE chat = ? ORDER BY answer_message"
            rows = connection.execute(statement, (chat.id,)).fetchall()
            of_token = {token: numbers[question] for token, question, _ in rows}
            kept = [numbers[question] for _, question, message in rows if message is not None]
            unnoted += len(rows) - len(kept)
            misplaced += abs(len(kills) - len(set(of_token.values()))) + len(rows) - len(set(of_token.values()))
            misplaced += _descents(kept)
            answers: dict[int, list[int]] = defaultdict(list)  # the messages that answer a question, by its number
            order: list[int] = []
            for shown in chat.messages:
                number = of_token.get(_token(shown))
                if number is None:
                    strange += 1
                else:
                    answers[number].append(shown.id)
                    order.append(number)
            answered += len(answers)
            out_of_order += _descents(order)
            twice += sum(len(messages) - 1 for messages in answers.values())
            for messages in answers.values():
                for first in messages[:-1]:
                    at = _taken(server, chat, first)
                    killed = next((kill for kill in kills if kill >= at - UNDER_WAY_SECONDS), math.inf)
                    before_kill.append(1000 * (killed - at))
    return Outcome(
        kills=len(kills),
        asked=len(kills) * len(chats),
        answered=answered,
        twice=twice,
        out_of_order=out_of_order,
        misplaced=misplaced,
        unnoted=unnoted,
        strange=strange,
        before_kill_ms=tuple(before_kill),
        exit_code=exit_code,
    )


def _descents(numbers: Sequence[int]) -> int:
    return sum(after < before for before, after in itertools.pairwise(numbers))


def _token(shown: Shown) -> str:
    """The store's name of the reply that a message shows: its buttons carry it."""
    for row in shown.keyboard:
        for button in row:
            parts = (button.callback_data or "").split(":")
            if len(parts) == 3:
                return parts[1]
    return ""


def _taken(server: Server, chat: Chat, message_id: int) -> float:
    """When the server took a message of the bot."""
    for call in server.called("sendMessage"):
        sent = call.answer.get("result", {})
        if call.status == 200 and (sent["message_id"], sent["chat"]["id"]) == (message_id, chat.id):
            return call.at
    raise LookupError(f"message {message_id} was sent by no call")


def _tell(done: int, times: int) -> None:
    if done % 10 == 0 or done == times:
        print(f"{done} of {times} kills", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
