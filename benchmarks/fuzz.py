"""Each reader against input that libFuzzer makes, led by what the code of `retrieval` does with it (atheris).

    python -m benchmarks.fuzz READER [--repeat] [--minutes M] [--corpus FOLDER]

READER is text, markdown, jsonl, html, mhtml, docx, pdf or feed. Held for any input of at most 100 KB: a reader gives
readings that are intact and storable, or `RefusedSource` with a reason of one line, and nothing else; `documents` of
each reading the same; in 10 seconds, and with less than 1.5 GB. FOLDER keeps what reached new code, to go on from.
With --repeat the input is instead one to four short tokens again and again, up to 100 KB: work that grows with the
square of the input, which libFuzzer hardly meets, takes minutes there.

Prints a line of a Markdown table. What does not hold lies in FOLDER/READER-findings; then the exit status is 1.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from benchmarks.fuzz_seeds import SENTENCES, WORD, repeated, seeds, tokens, word_file

if TYPE_CHECKING:
    from retrieval.datamodel import Reading
    from retrieval.errors import RefusedSource

READERS = ("text", "markdown", "jsonl", "html", "mhtml", "docx", "pdf", "feed")
LARGEST_INPUT_BYTES = 100_000
LONGEST_SECONDS = 10
MOST_MEGABYTES = 1_500
MOST_STARTS = 6  # of the fuzzer in one run: what takes too long, too much or the whole process ends it

_SUFFIXES = {name: f".{name}" for name in READERS} | {"text": ".txt", "markdown": ".md"}


class BrokenPromiseError(Exception):
    """A reader gave what it must not."""


class StoppedError(BaseException):
    """A reader took too long; no `Exception`, so that none of its own handlers takes it for an input's fault."""


def main() -> int:
    """Fuzz one reader, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reader", choices=READERS)
    parser.add_argument("--repeat", action="store_true", help="repeat tokens instead")
    parser.add_argument("--minutes", type=float, default=3.0, metavar="M", help="how long (3)")
    parser.add_argument("--corpus", type=Path, default=Path(tempfile.gettempdir()) / "quoth-fuzz", metavar="FOLDER")
    parser.add_argument("--inside", type=int, metavar="SECONDS", help=argparse.SUPPRESS)
    options = parser.parse_args()
    corpus, findings = options.corpus / options.reader, options.corpus / f"{options.reader}-findings"
    if options.inside is not None:
        _fuzz(options.reader, corpus, findings, options.inside)
        return 0
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    if options.repeat:
        runs = _repeat(options.reader, findings, 60 * options.minutes)
    else:
        for seed in seeds(options.reader):
            (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
        runs = _runs(options.reader, options.corpus, 60 * options.minutes)
    found = sorted(path.name for path in findings.iterdir() if path.suffix != ".traceback")
    print(f"| {options.reader} | {' | '.join(runs)} | {len(found)} |")
    for name in found:
        print(f"    {findings / name}")
    return 1 if found else 0


def _runs(reader: str, folder: Path, seconds: float) -> tuple[str, str, str]:
    """Executions, minutes, and the edges and features reached, over as many starts as it takes."""
    executions, reached = 0, "-"
    began = time.monotonic()
    for _ in range(MOST_STARTS):
        latest = 0
        left = seconds - (time.monotonic() - began)
        if left < 5:
            break
        command = [sys.executable, "-m", "benchmarks.fuzz", reader, "--corpus", str(folder), "--inside", str(int(left))]
        with subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8", errors="replace") as process:
            assert process.stderr is not None
            for line in process.stderr:
                if counted := re.match(r"#(\d+)\s.*\bcov: (\d+) ft: (\d+)", line):
                    latest = int(counted[1])
                    reached = f"{counted[2]} edges, {counted[3]} features"
                elif counted := re.match(r"stat::number_of_executed_units:\s*(\d+)", line):
                    latest = int(counted[1])
                elif not line.startswith(("#", "INFO", "stat::", "WARNING", "Done", '"')):
                    print(line, end="", file=sys.stderr)
            executions += latest
        if process.returncode == 0:
            break
    return f"{executions:,}", f"{(time.monotonic() - began) / 60:.1f}", reached


def _repeat(reader: str, folder: Path, seconds: float) -> tuple[str, str, str]:
    """Executions, minutes, and the slowest: each token repeated by itself, then chains of two to four by chance."""
    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGPROF, _stop)
    findings, parts, chance = _Findings(reader, folder), tokens(reader), random.Random()  # noqa: S311 - no secret
    hold(reader, next(seeds(reader)))  # what is loaded once is not the first input's to pay for
    executions, slowest = 0, (0.0, "")
    began = time.monotonic()
    chains = ("".join(chance.choices(parts, k=chance.randint(2, 4))) for _ in count())
    for token in chain(parts, chains):
        for raw in repeated(reader, token, largest=LARGEST_INPUT_BYTES):
            if time.monotonic() - began > seconds:
                longest = f"{slowest[0]:.1f} s for {slowest[1]!r}".replace("|", r"\|")
                return f"{executions:,}", f"{(time.monotonic() - began) / 60:.1f}", longest
            signal.setitimer(signal.ITIMER_PROF, LONGEST_SECONDS)
            slowest = max(slowest, (findings.hold(raw), token))
            signal.setitimer(signal.ITIMER_PROF, 0)
            executions += 1
            if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 1000 * MOST_MEGABYTES:
                findings.write("memory", raw)
                seconds = 0  # the peak stays: what comes after cannot be told
    raise AssertionError("the chains have no end")


def _stop(*_: object) -> NoReturn:
    raise StoppedError


# What is held


class _Findings:
    """What a reader does not hold, written down: of what raises one input for each place."""

    def __init__(self, reader: str, folder: Path) -> None:
        self._reader, self._folder = reader, folder
        self._known: set[str] = set()

    def hold(self, raw: bytes) -> float:
        """The seconds of the processor that `hold` takes with `raw`; nothing is raised."""
        began = time.process_time()
        try:
            hold(self._reader, raw)
        except (Exception, StoppedError) as error:
            place = "".join(traceback.format_tb(error.__traceback__)[-2:]) + type(error).__name__
            name = f"{type(error).__name__}-{hashlib.sha256(place.encode()).hexdigest()[:8]}"
            if name not in self._known:
                self._known.add(name)
                (self._folder / name).write_bytes(raw)
                told = traceback.format_exc()
                (self._folder / f"{name}.traceback").write_text(told, encoding="utf-8", errors="replace")
            return time.process_time() - began
        if (took := time.process_time() - began) > LONGEST_SECONDS / 2:
            self.write(f"slow-{took:.0f}", raw)
        return took

    def write(self, kind: str, raw: bytes) -> None:
        """Writes an input down."""
        (self._folder / f"{kind}-{hashlib.sha256(raw).hexdigest()[:8]}").write_bytes(raw)


def _fuzz(reader: str, corpus: Path, findings: Path, seconds: int) -> None:
    """Runs libFuzzer in this process, which it ends; what raises is written down once for each place, and passed by."""
    import atheris

    with atheris.instrument_imports(include=["retrieval"]):
        import retrieval.articles
        import retrieval.read
        import retrieval.read.docx
        import retrieval.read.fields
        import retrieval.read.pdf
        import retrieval.web.feed  # noqa: F401

    logging.disable(logging.CRITICAL)
    held = _Findings(reader, findings)

    def one(raw: bytes) -> None:
        held.hold(raw)

    hold(reader, next(seeds(reader)))  # what is loaded once is not the first input's to pay for
    settings = {
        "max_total_time": seconds,
        "max_len": LARGEST_INPUT_BYTES,
        "len_control": 0,
        "timeout": LONGEST_SECONDS,
        "rss_limit_mb": MOST_MEGABYTES,
        "print_final_stats": 1,
        "artifact_prefix": f"{findings}{os.sep}",
    }
    arguments = [sys.argv[0], *(f"-{name}={value}" for name, value in settings.items()), str(corpus)]
    if reader == "docx":
        atheris.Setup(arguments, one, custom_mutator=_mutated_word)
    else:
        atheris.Setup(arguments, one)
    atheris.Fuzz()


def hold(reader: str, raw: bytes) -> None:
    """Nothing where the reader does with `raw` what it promises; else what it raised, or `BrokenPromiseError`."""
    from retrieval.articles import documents
    from retrieval.errors import RefusedSource

    try:
        if reader == "feed":
            _listed(raw)
            return
        for reading in _readings(reader, raw):
            if isinstance(reading, RefusedSource):
                _one_line(reading)
                continue
            _storable(reading)
            try:
                if not documents(reading):
                    raise BrokenPromiseError("a reading without documents")
            except RefusedSource as refused:
                _one_line(refused)
    except RefusedSource as refused:
        _one_line(refused)


def _readings(reader: str, raw: bytes) -> Iterator[Reading | RefusedSource]:
    from retrieval.read.docx import read_docx
    from retrieval.read.html import read_html
    from retrieval.read.jsonl import read_jsonl
    from retrieval.read.markdown import read_markdown
    from retrieval.read.original import Original
    from retrieval.read.pdf import read_pdf
    from retrieval.read.text import read_text

    readers: dict[str, Callable[[Original], Iterator[Reading | RefusedSource]]] = {
        "text": read_text,
        "markdown": read_markdown,
        "jsonl": read_jsonl,
        "html": read_html,
        "mhtml": read_html,
        "docx": read_docx,
        "pdf": read_pdf,
    }
    if reader == "docx" and not raw.startswith((b"PK", b"\xd0\xcf")):
        raw = word_file(raw)
    suffix = _SUFFIXES[reader]
    original = Original(f"a{suffix}", f"a{suffix}", suffix, "2026-11-22T00:00:00+00:00", raw=raw)
    yield from readers[reader](original)


def _listed(raw: bytes) -> None:
    from retrieval.datamodel import Validators
    from retrieval.web.feed import listing
    from retrieval.web.fetch import Fetched

    found = listing(Fetched("https://example.org/feed", "", None, raw, Validators()))
    for entry in (*found.entries, *found.sitemaps):
        _checked(entry.url, "a URL")
        if not entry.url.startswith(("http://", "https://")):
            raise BrokenPromiseError(f"a URL of another scheme: {entry.url[:80]!r}")


def _storable(reading: Reading) -> None:
    snapshot, metadata = reading.snapshot, reading.metadata
    if not snapshot.text.strip():
        raise BrokenPromiseError("a snapshot without text")
    for text in (snapshot.text, reading.key, snapshot.source, reading.document_id or "", *metadata.authors):
        _checked(text, "the reading")
    for said in (metadata.title, metadata.publisher, metadata.published, metadata.updated, metadata.url):
        _checked(said or "", "the metadata")
    if not snapshot.is_intact():
        raise BrokenPromiseError("a snapshot that is not what its digest says")


def _checked(text: str, where: str) -> None:
    if "\0" in text:
        raise BrokenPromiseError(f"a NUL in {where}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BrokenPromiseError(f"half a surrogate pair in {where}") from error


def _one_line(refused: RefusedSource) -> None:
    _checked(str(refused), "a reason")
    if len(str(refused).splitlines()) != 1 or not refused.reason.strip() or len(refused.reason) > 500:
        raise BrokenPromiseError(f"a reason that is not one line: {str(refused)[:200]!r}")


# Word files: plain changes of bytes hardly leave XML that can be read, so elements are moved about


def _mutated_word(raw: bytes, largest: int, seed: int) -> bytes:
    """An archive changed by bytes; of a document one time in four, else by elements moved, copied, renamed or cut."""
    import atheris
    from lxml import etree

    chance = random.Random(seed)  # noqa: S311
    if raw.startswith(b"PK") or chance.random() < 0.25:
        return bytes(atheris.Mutate(raw, largest))
    try:
        root = etree.fromstring(raw, etree.XMLParser(resolve_entities=False, no_network=True))
    except (etree.LxmlError, ValueError):
        return bytes(atheris.Mutate(raw, largest))
    for _ in range(chance.randint(1, 8)):
        _change(root, chance)
    changed: bytes = etree.tostring(root, encoding="utf-8")
    return changed if len(changed) <= largest else raw


def _change(root: Any, chance: random.Random) -> None:
    from copy import deepcopy

    elements = [element for element in root.iter() if isinstance(element.tag, str)]
    one, other = chance.choice(elements), chance.choice(elements)
    match chance.randrange(6):
        case 0 if one is not root:
            one.getparent().remove(one)
        case 1:
            copied = deepcopy(one)
            copied.tail = None
            other.insert(chance.randint(0, len(other)), copied)
        case 2 if one is not root and one not in other.iterancestors() and one is not other:
            other.insert(chance.randint(0, len(other)), one)
        case 3:
            one.tag = other.tag
        case 4:
            value = chance.choice(["0", "restart", "begin", "separate", "end", "F0B3", "D800", "Title", "", "2028"])
            name = chance.choice(["val", "fldCharType", "char", "customMarkFollows"])
            one.set(f"{{{WORD}}}{name}", value)
        case _:
            one.text = chance.choice(["", " ", "a\u2028b", "\u200f۱۲", "\u0085", "x" * 300, *SENTENCES])


if __name__ == "__main__":
    raise SystemExit(main())
