"""Saved web pages with their article checked by hand: how much of it is read, and how rightly it is named and dated.

    python -m benchmarks.pages --data ../shared/data [--hold] [--worst 10] [--sample 30]

Body: F1 of tokens (words, and single Han, Kana or Hangul characters) against the checked text, of what may be quoted.
Title: the same letters. Day: the same day as published, a wrong one, or none. Beside trafilatura's defaults, page by
page in turn. `--sample` prints the paragraphs of more than 100 characters that the checked text does not hold.
`--hold` ends with exit 1 where a figure is below its floor in `floors.json`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any, TypeAlias

from benchmarks.libraries import data_digest, require, tell
from benchmarks.machine import heading
from retrieval import articles, read
from retrieval.datamodel import Document
from retrieval.errors import RefusedSource
from retrieval.read.original import Original

Row: TypeAlias = dict[str, Any]

FLOORS = Path(__file__).with_name("floors.json")
FLOORS_OF = "web pages"
LONG_PARAGRAPH = 100  # characters: a shorter line of something else does little harm
_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]|[^\W_]+")


@dataclass(frozen=True, slots=True)
class Read:
    """What one side made of a page."""

    body: str = ""
    title: str | None = None
    published: str | None = None
    seconds: float = 0.0


def main() -> int:
    """Read every page by both, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--worst", type=int, default=0, metavar="N", help="also the N pages with the lowest F1")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="also the strange paragraphs of N pages")
    parser.add_argument("--hold", action="store_true", help="hold the floors")
    options = parser.parse_args()
    folder = require(options.data) / "html_news"
    gold = [json.loads(line) for line in (folder / "gold.jsonl").read_text(encoding="utf-8").split("\n") if line]
    sides: dict[str, Callable[[Path], Read]] = {"Quoth": ours, "trafilatura's defaults": theirs}
    found: dict[str, list[Read]] = {name: [] for name in sides}
    for side in sides.values():  # what is loaded at the first page is no page's time
        side(folder / gold[0]["file"])
    for row in gold:
        for name, side in sides.items():
            found[name].append(side(folder / row["file"]))
    print(f"{heading()}\n\n{len(gold)} pages\n")
    print("| | F1 of the body, mean | median | title, % | day right, % | day wrong, % | none read | ms a page, mean |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, pages in found.items():
        print(f"| {name} | {' | '.join(figures(gold, pages))} |")
    broken = hold(gold, found["Quoth"], data_digest([folder / "gold.jsonl"])) if options.hold else 0
    for row, page in sorted(zip(gold, found["Quoth"], strict=True), key=lambda pair: f1(pair[1].body, pair[0]["text"]))[
        : options.worst
    ]:
        print(f"{f1(page.body, row['text']):.3f} {row['file']}: {page.title!r}, {page.published} ({row['published']})")
    for row, page in list(zip(gold, found["Quoth"], strict=True))[:: max(1, len(gold) // max(options.sample, 1))][
        : options.sample
    ]:
        strange = [line for line in page.body.split("\n") if len(line) > LONG_PARAGRAPH and not held(line, row["text"])]
        print(f"{row['file']}: {len(strange)} strange", *strange, sep="\n    ")
    return broken


def hold(gold: list[Row], pages: list[Read], digest: str) -> int:
    """0 where every figure stands at or above its floor."""
    floors = json.loads(FLOORS.read_text(encoding="utf-8"))[FLOORS_OF]
    if floors["digest"] != digest:
        tell("web pages: expected the data that the floors were set on, found other: set them anew by hand")
        return 1
    body, _, title, right, wrong, *_ = map(float, figures(gold, pages))
    measured = {"body": body, "title": title, "day right": right, "day not wrong": 100 - wrong}
    broken = {name: floor for name, floor in floors["figures"].items() if measured[name] < floor}
    for name, floor in broken.items():
        tell(f"web pages: {name} must be at least {floor}, found {measured[name]}")
    tell("web pages: all floors hold" if not broken else f"web pages: {len(broken)} floors broken")
    return min(len(broken), 1)


def ours(path: Path) -> Read:
    """The page's document, as it would be quoted."""
    begun = time.process_time()
    document = _document(path)
    seconds = time.process_time() - begun
    if document is None:
        return Read(seconds=seconds)
    body = "\n".join(span.of(document.snapshot.text) for span in document.body)
    return Read(body, document.title, document.published, seconds)


def _document(path: Path) -> Document | None:
    for reading in read.readings(Original.of_file(path, str(path), fetched_at="2026-01-01T00:00:00+00:00")):
        if not isinstance(reading, RefusedSource):
            return articles.documents(reading)[0]
    return None


def theirs(path: Path) -> Read:
    """trafilatura with its defaults, but no comments; its metadata in a second pass, which is not timed."""
    import trafilatura

    raw = gzip.decompress(path.read_bytes())
    begun = time.process_time()
    body = trafilatura.extract(raw, include_comments=False) or ""
    seconds = time.process_time() - begun
    metadata: Any = trafilatura.extract_metadata(raw)
    return Read(body, metadata.title, metadata.date, seconds)


def figures(gold: list[Row], pages: list[Read]) -> list[str]:
    """The cells of a side's row."""
    scores = [f1(page.body, row["text"]) for row, page in zip(gold, pages, strict=True)]
    pairs = list(zip(gold, pages, strict=True))
    titles = mean(letters(page.title or "") == letters(row["title"]) for row, page in pairs)
    right = mean((page.published or "")[:10] == row["published"][:10] for row, page in pairs)
    wrong = mean(page.published is not None and page.published[:10] != row["published"][:10] for row, page in pairs)
    return [
        f"{mean(scores):.4f}",
        f"{median(scores):.4f}",
        f"{100 * titles:.1f}",
        f"{100 * right:.1f}",
        f"{100 * wrong:.1f}",
        str(sum(not page.body for page in pages)),
        f"{1000 * mean(page.seconds for page in pages):.0f}",
    ]


def f1(found: str, wanted: str) -> float:
    """The harmonic mean of precision and recall of tokens, counted with repeats."""
    left, right = Counter(_TOKEN.findall(found)), Counter(_TOKEN.findall(wanted))
    shared = (left & right).total()
    return 2 * shared / (left.total() + right.total()) if shared else 0.0


def letters(text: str) -> str:
    """What a title is compared by."""
    return re.sub(r"[\W_]+", "", text).casefold()


def held(line: str, text: str) -> bool:
    """Whether most of a line's runs of eight words stand in the text."""
    whole, words = " ".join(_TOKEN.findall(text)), _TOKEN.findall(line)
    runs = [" ".join(words[start : start + 8]) for start in range(0, len(words), 8)]
    return 2 * sum(run in whole for run in runs) >= len(runs)


if __name__ == "__main__":
    sys.exit(main())
