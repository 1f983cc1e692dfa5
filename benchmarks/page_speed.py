"""How fast saved pages are read and cleaned, without a model: what the encoder would have to wait for.

    python -m benchmarks.page_speed --data ../shared/data [--pages 2000]

The pages of `html_news/` stand under new names until there are enough, and are gathered as an ingest gathers them, by
`Settings().reading_processes` processes. Beside it one process reads as many of them in a row. The busy share is that
of all cores; memory is what all processes hold together, looked at ten times a second.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import NoReturn

import psutil  # type: ignore[import-untyped]

from benchmarks.libraries import require
from benchmarks.machine import heading
from retrieval import articles, gather, read
from retrieval.datamodel import Known, Reading
from retrieval.errors import RefusedSource
from retrieval.gather import Article
from retrieval.read.original import Original
from retrieval.settings import Settings

IN_A_ROW = 137  # pages that one process reads: each of the set once


class Nothing:
    """A library that holds nothing yet."""

    def known(self, key: str) -> Known | None:
        """Nothing."""

    def holds(self, reading: Reading) -> bool:
        """No."""
        return False


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--pages", type=int, default=2000, metavar="N", help="how many (2000)")
    options = parser.parse_args()
    pages = sorted((require(options.data) / "html_news" / "pages").iterdir())
    processes = Settings().reading_processes
    with tempfile.TemporaryDirectory() as scratch:
        for number, page in enumerate(islice(cycle(pages), options.pages)):
            shutil.copy(page, Path(scratch) / f"{number:05}-{page.name}")
        found = 0
        with measured() as apart:
            sources = gather.sources([scratch])
            for one in gather.gather(sources, Nothing(), processes=processes, make_fetcher=no_fetcher):
                found += sum(isinstance(item, Article) for item in one)
        with measured() as here:
            in_a_row = sum(is_article(path) for path in pages[:IN_A_ROW])
    print(heading("trafilatura", "pebble"))
    print("\n| | pages | articles | pages a second | busy, of all cores | most memory, MB |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, count, good, took in (
        (f"{processes} processes, as `quoth ingest` has them", options.pages, found, apart),
        ("one process, in a row", len(pages[:IN_A_ROW]), in_a_row, here),
    ):
        busy = 100 * took["processor_s"] / took["wall_s"] / (os.cpu_count() or 1)
        memory = f"{took['peak'] / 1e6:.0f}"
        print(f"| {name} | {count} | {good} | {count / took['wall_s']:.1f} | {busy:.0f} % | {memory} |")
    return 0


def is_article(path: Path) -> bool:
    """Whether a page is read and holds an article."""
    try:
        for reading in read.readings(Original.of_file(path, str(path), fetched_at="2026-01-01T00:00:00+00:00")):
            if isinstance(reading, Reading) and articles.documents(reading):
                return True
    except RefusedSource:
        pass
    return False


def no_fetcher() -> NoReturn:
    """Nothing is fetched here."""
    raise AssertionError


@contextmanager
def measured() -> Iterator[dict[str, float]]:
    """Seconds by the clock and on processors, and the most memory, of this process and those it starts."""
    took = {"peak": 0.0}
    over = threading.Event()
    this = psutil.Process()

    def watch() -> None:
        while not over.wait(0.1):
            held = 0
            for process in [this, *this.children(recursive=True)]:
                try:
                    held += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            took["peak"] = max(took["peak"], held)

    watching = threading.Thread(target=watch)
    watching.start()
    begun = os.times()
    try:
        yield took
    finally:
        ended = os.times()
        over.set()
        watching.join()
        took["wall_s"] = ended.elapsed - begun.elapsed
        took["processor_s"] = sum(ended[:4]) - sum(begun[:4])


if __name__ == "__main__":
    sys.exit(main())
