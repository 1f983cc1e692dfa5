"""How long readers of the Telegram bot wait when all ask at once, and whether its memory grows.

    python -m benchmarks.telegram_load --data ../shared/data [--chats 200] [--rounds 1] [--webhook]
        [--questions 10000 [--in-flight 64]] [--library FOLDER]

`quoth telegram` runs as a process of its own, with the real model and the 2,087 news articles, on the tests' fake of
Telegram's server, which keeps Telegram's flood limits. `--chats` private chats ask a question each at once; meanwhile
20 others send /help, one after another, five a second, and a third process asks for /healthz every 20 ms. With
`--questions`, `--in-flight` chats then ask so many in all, each the next one when the last is answered, without flood
limits but the bot's own, and the memory of the bot is read after each tenth. Prints Markdown tables.

The library is made anew, which takes minutes unless its embeddings are remembered; `--library` names a folder where it
lies, or is made and stays. The bot works on a copy.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import json
import math
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from benchmarks.cases import news_questions
from benchmarks.libraries import make_library, real_encoder, require, tell
from benchmarks.machine import ROOT, heading
from benchmarks.start_and_memory import Memory
from benchmarks.telegram_kills import UNLIMITED, by_webhook, free_port
from retrieval.library import Library

sys.path.insert(0, str(ROOT / "tests"))  # where the fake of Telegram's server lies

from telegram_bot import Bot
from telegram_server import Chat, Limits, Server, telegram

HELPERS = 20
SECONDS_BETWEEN_HELPS = 0.2
SECONDS_BETWEEN_PROBES = 0.02
IDLE_SECONDS = 3.0
SECONDS_TO_START = 120.0
PATIENCE_SECONDS = 120.0  # without any answer, after which the bot is given up
FIRST_USER, FIRST_HELPER = 1_000, 900_000


@dataclass(frozen=True, slots=True)
class Taken:
    """A message of the bot that the server took: the chat, when it was asked for, and when it was taken (monotonic)."""

    chat: int
    asked: float
    at: float

    @property
    def seconds(self) -> float:
        """How long the reader waited."""
        return self.at - self.asked


@dataclass(frozen=True, slots=True)
class Spent:
    """Processor time so far, user and system, of the bot and of what measures it, and the clock."""

    bot: float
    beside: float
    clock: float

    def since(self, before: Spent) -> Spent:
        """What was spent from `before` on."""
        return Spent(self.bot - before.bot, self.beside - before.beside, self.clock - before.clock)


@dataclass(frozen=True, slots=True)
class Load:
    """What was seen while all asked at once; `idle` and `probes` are round trips to /healthz, in seconds."""

    answers: list[float]
    helps: list[float]
    idle: list[float]
    probes: list[float]
    spent: Spent
    floods: int
    faults: int
    unasked: int
    outcomes: dict[str, int]  # by /metrics


@dataclass(frozen=True, slots=True)
class Tenth:
    """The bot after so many questions: its memory, answers a second since the row before, and their waiting times."""

    questions: int
    memory: Memory
    a_second: float
    answers: list[float]


class Running:
    """A bot that serves, the server it talks to, and who waits for what."""

    def __init__(self, server: Server, bot: Bot, port: int) -> None:
        self.server = server
        self.bot = bot
        self.port = port  # of its health and its figures
        self.process = psutil.Process(bot.process.pid)
        self.unasked = 0  # messages that nobody waited for
        self._seen = 0
        self._waiting: defaultdict[int, deque[float]] = defaultdict(deque)

    def says(self, chat: Chat, text: str) -> None:
        """A reader says something, now."""
        with self.server.changed:
            self._waiting[chat.id].append(time.monotonic())
            chat.says(text)

    def waiting(self, chats: Sequence[Chat]) -> int:
        """How many messages of these chats have no answer."""
        with self.server.changed:
            return sum(len(self._waiting[chat.id]) for chat in chats)

    def taken(self) -> list[Taken]:
        """The answers that the server has taken since the last call; waits for one."""
        ends = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < ends and self.bot.process.poll() is None:
            with self.server.changed:
                new = self.server.calls[self._seen :]
                self._seen += len(new)
                found = [
                    Taken(chat, self._waiting[chat].popleft(), call.at)
                    for call in new
                    if call.method == "sendMessage"
                    and call.status == 200
                    and self._is_waited_for(chat := int(call.arguments["chat_id"]))
                ]
                if found:
                    return found
                self.server.changed.wait(1)
        raise self.failed("answers no more")

    def _is_waited_for(self, chat: int) -> bool:
        if not self._waiting[chat]:
            self.unasked += 1
        return bool(self._waiting[chat])

    def get(self, path: str) -> tuple[int, str]:
        """The status and the text of a page of the bot's own."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def wait_until_ready(self) -> None:
        """Wait until it answers questions."""
        ends = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < ends and self.bot.process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.get("/readyz")[0] == 200:
                    return
            time.sleep(0.1)
        raise self.failed("does not start")

    def failed(self, what: str) -> SystemExit:
        """The end of the benchmark, with the last lines of the bot's log."""
        return SystemExit("\n".join([f"the bot {what}:", *self.bot.log.splitlines()[-10:]]))


class Probe:
    """A process that asks for /healthz every 20 ms, from when it is made until `samples`."""

    def __init__(self, port: int) -> None:
        arguments = [sys.executable, "-m", "benchmarks.telegram_load", "--probe", str(port)]
        self._process = subprocess.Popen(arguments, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "begun\n"

    @property
    def processor_s(self) -> float:
        """The processor time it has spent."""
        return _processor_s(psutil.Process(self._process.pid))

    def samples(self) -> list[tuple[float, float]]:
        """When each request was due (monotonic), and the seconds until it was answered; ends the process."""
        told, _ = self._process.communicate()
        return [(due, seconds) for due, seconds in json.loads(told)]


def main() -> int:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--chats", type=int, default=200, help="who ask at once, or 0 to leave that out (200)")
    parser.add_argument("--rounds", type=int, default=1, help="how many questions each asks (1)")
    parser.add_argument("--webhook", action="store_true", help="updates by webhook instead of polling")
    parser.add_argument("--questions", type=int, default=0, help="then so many in all, for the memory (0)")
    parser.add_argument("--in-flight", type=int, default=64, help="how many chats ask those (64)")
    parser.add_argument("--library", type=Path, metavar="FOLDER", help="where the library lies, or is to be made")
    parser.add_argument("--probe", type=int, metavar="PORT", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.probe:
        probe(options.probe)
        return 0
    data = require(options.data)
    asked = news_questions(data)
    with tempfile.TemporaryDirectory() as scratch:
        library = options.library or Path(scratch) / "news"
        if not library.exists():
            making = library.with_name(f"{library.name}.making")  # a later run goes on with it
            make_library(making, [data / "news" / "documents.jsonl"], real_encoder()).close()
            making.rename(library)
        with contextlib.closing(Library.open(library)) as opened:
            collection = f"{opened.count_documents():,} documents, {len(asked)} different questions"
        print(heading("python-telegram-bot", "onnxruntime"), flush=True)
        if options.chats:
            with serving(library, Path(scratch) / "load", Limits(), webhook=options.webhook) as running:
                load = at_once(running, asked, options.chats, options.rounds)
            way = "webhook" if options.webhook else "polling"
            print("\n".join(load_tables(load, options.chats, options.rounds, way, collection)), flush=True)
        if options.questions:
            with serving(library, Path(scratch) / "memory", None, webhook=options.webhook) as running:
                rows = one_after_another(running, asked, options.questions, options.in_flight)
            print("\n".join(memory_table(rows, options.in_flight, collection)))
    return 0


@contextlib.contextmanager
def serving(library: Path, scratch: Path, limits: Limits | None, *, webhook: bool) -> Iterator[Running]:
    """A bot that is ready, on a copy of the library under `scratch`."""
    copied = Path(shutil.copytree(library, scratch / "library", ignore=shutil.ignore_patterns("telegram*")))
    port = free_port()
    arguments, settings = by_webhook() if webhook else ((), {})
    settings |= {"QUOTH_METRICS_LISTEN": f"127.0.0.1:{port}", **UNLIMITED}
    with telegram(limits=limits) as server:
        bot = Bot(server, copied, *arguments, real=True, **settings)
        try:
            running = Running(server, bot, port)
            running.wait_until_ready()
            yield running
            if bot.ends(20):
                raise running.failed("ended badly")
        finally:
            bot.kill()


def at_once(running: Running, asked: Sequence[str], chats: int, rounds: int) -> Load:
    """All chats ask at once, and again when all are answered; others want help meanwhile."""
    readers = [running.server.private(user_id=FIRST_USER + number) for number in range(chats)]
    helpers = [running.server.private(user_id=FIRST_HELPER + number) for number in range(HELPERS)]
    coming = itertools.cycle(asked)
    probe = Probe(running.port)
    time.sleep(IDLE_SECONDS)
    taken: list[Taken] = []
    before = _spent(running, probe)
    with _helping(running, helpers):
        for _ in range(rounds):
            for reader in readers:
                running.says(reader, next(coming))
            while running.waiting(readers):
                taken += running.taken()
        after = _spent(running, probe)
    while running.waiting(helpers):
        taken += running.taken()
    samples = probe.samples()
    return Load(
        answers=[one.seconds for one in taken if one.chat < FIRST_HELPER],
        helps=[one.seconds for one in taken if one.chat >= FIRST_HELPER],
        idle=[seconds for due, seconds in samples if due + seconds < before.clock],
        probes=[seconds for due, seconds in samples if before.clock <= due < after.clock],
        spent=after.since(before),
        floods=sum(call.status == 429 for call in running.server.faults),
        faults=sum(call.status != 429 for call in running.server.faults),
        unasked=running.unasked,
        outcomes=_outcomes(running.get("/metrics")[1]),
    )


def one_after_another(running: Running, asked: Sequence[str], count: int, in_flight: int) -> list[Tenth]:
    """Each chat asks when it is answered, `count` questions in all; the memory at the start and after each tenth."""
    readers = {FIRST_USER + n: running.server.private(user_id=FIRST_USER + n) for n in range(min(in_flight, count))}
    coming = itertools.islice(itertools.cycle(asked), count)
    rows = [Tenth(0, Memory.of(running.process), 0.0, [])]
    marks = deque(math.ceil(count * tenth / 10) for tenth in range(1, 11))
    answers: list[float] = []
    done, begun = 0, time.monotonic()
    for reader, question in zip(readers.values(), coming, strict=False):
        running.says(reader, question)
    while done < count:
        for one in running.taken():
            done += 1
            answers.append(one.seconds)
            question_or_none = next(coming, None)
            if question_or_none is not None:
                running.says(readers[one.chat], question_or_none)
            if done >= marks[0]:
                marks.popleft()
                now = time.monotonic()
                rows.append(Tenth(done, Memory.of(running.process), len(answers) / (now - begun), answers))
                tell(f"{done} of {count} questions")
                answers, begun = [], now
    return rows


def probe(port: int) -> None:
    """Ask for /healthz every 20 ms until stdin is closed, then print what it took. Runs in a process of its own.

    A request that was due while the one before it still waited counts from when it was due.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.connect()
    print("begun", flush=True)
    samples: list[tuple[float, float]] = []
    due = time.monotonic()
    while not select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))[0]:
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        samples.append((due, time.monotonic() - due))
        due += SECONDS_BETWEEN_PROBES
    print(json.dumps(samples))


def load_tables(load: Load, chats: int, rounds: int, way: str, collection: str) -> list[str]:
    """The waiting times and the figures as Markdown tables, and what they include."""
    most, seconds = Limits().everything
    messages = len(load.answers) + len(load.helps)
    floor_s = max(0, messages - most) * seconds / most
    others = len(load.answers) - sum(load.outcomes.values())
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in load.outcomes.items())
    figures = {
        "seconds by the clock, from the first question to the last answer": f"{load.spent.clock:.1f}",
        "answers a second, by the clock": f"{len(load.answers) / load.spent.clock:.1f}",
        "processor seconds of the bot": f"{load.spent.bot:.1f}",
        "answers a processor second of the bot": f"{len(load.answers) / load.spent.bot:.1f}",
        "processor seconds of the fake server and of what measures, on the same cores": f"{load.spent.beside:.1f}",
        "flood refusals (429)": str(load.floods),
        "other refusals": str(load.faults),
        "questions, by /metrics": outcomes,
        "told something else, such as to try again": str(others),
        "messages beside these": str(load.unasked),
    }
    return [
        "",
        f"{chats} private chats ask at once, {rounds} time{'s' * (rounds != 1)}, by {way}; {collection}.",
        "",
        "| ms | p50 | p95 | max | how many |",
        "| --- | --- | --- | --- | --- |",
        _row("a question, until its answer is taken", load.answers),
        _row("`/help` meanwhile, until its answer is taken", load.helps),
        _row("`GET /healthz` meanwhile", load.probes),
        _row("`GET /healthz` before, the bot idle", load.idle),
        "",
        "| | |",
        "| --- | --- |",
        *(f"| {name} | {value} |" for name, value in figures.items()),
        "",
        "The first two rows count from when the update is queued in the fake server to when that takes the message:"
        " with the way of the update, the bot's store, and what the bot waits for Telegram's limits, which let"
        f" {most} messages a second through: {messages} take {floor_s:.1f} s at the least. `/healthz` is answered by"
        " the bot's event loop: the rows show its lag, the HTTP included, each from when it was due, every"
        f" {1000 * SECONDS_BETWEEN_PROBES:.0f} ms. The bot's processor time includes the `/help` and the `/healthz`."
        " The fake server and what measures compete with the bot for the cores.",
    ]


def memory_table(rows: Sequence[Tenth], in_flight: int, collection: str) -> list[str]:
    """The memory after each tenth as a Markdown table."""
    lines = [
        "",
        f"{in_flight} chats, each with one question under way; {collection}, asked over and over; no flood limits but"
        " the bot's own. Memory is that of the bot's process; the rest is of what was asked since the row before.",
        "",
        "| questions | RSS, MB | USS, MB | answers a second | p50, ms | p95, ms |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        since = [f"{row.a_second:.1f}", *(f"{1000 * _percentile(row.answers, share):.0f}" for share in (0.5, 0.95))]
        cells = [f"{row.memory.resident / 1e6:.1f}", f"{row.memory.unique / 1e6:.1f}"]
        cells += since if row.answers else [""] * len(since)
        lines.append(f"| {row.questions} | {' | '.join(cells)} |")
    return lines


@contextlib.contextmanager
def _helping(running: Running, helpers: Sequence[Chat]) -> Iterator[None]:
    """Inside, one helper after another sends /help."""
    stop = threading.Event()

    def serve() -> None:
        due = time.monotonic()
        for helper in itertools.cycle(helpers):
            running.says(helper, "/help")
            due += SECONDS_BETWEEN_HELPS
            if stop.wait(max(0.0, due - time.monotonic())):
                return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _spent(running: Running, probe: Probe) -> Spent:
    beside = _processor_s(psutil.Process()) + probe.processor_s
    return Spent(_processor_s(running.process), beside, time.monotonic())


def _processor_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _outcomes(figures: str) -> dict[str, int]:
    """How many questions had which outcome."""
    lines = [line for line in figures.splitlines() if line.startswith('quoth_questions_total{outcome="')]
    return {line.split('"')[1]: int(float(line.split()[-1])) for line in lines}


def _row(name: str, seconds: Sequence[float]) -> str:
    shown = " | ".join(f"{1000 * _percentile(seconds, share):.1f}" for share in (0.5, 0.95, 1.0))
    return f"| {name} | {shown} | {len(seconds)} |"


def _percentile(values: Sequence[float], share: float) -> float:
    """The least value that at least `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


if __name__ == "__main__":
    sys.exit(main())
