"""Documents that can be told apart: of any text and citation it can be said which edition of which station it is."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from benchmarks.machine import ROOT
from retrieval.datamodel import Abstention, Document, Excerpt, Reply
from retrieval.engine import Engine
from retrieval.library import Library
from retrieval.settings import Settings

sys.path.insert(0, str(ROOT / "tests"))  # where the stand-in for the model lies

from conftest import BagOfWords

__all__ = [
    "Editions",
    "Found",
    "edition_of",
    "is_as_written",
    "look",
    "make",
    "name",
    "number",
    "open_engine",
    "question",
    "shown",
    "stored",
    "write",
]

GAUGES = 20  # of a station: a sentence each, some 1,500 characters in all
PUBLISHERS = ("The Gauge Office", "River Board", "水文局")

Editions: TypeAlias = Mapping[int, int]  # the edition of each station that a library holds


@dataclass(frozen=True, slots=True)
class Found:
    """What a library was found to hold: of each station its edition, and how many documents nobody wrote."""

    editions: Editions
    strange: int


def name(station: int) -> str:
    """The id of a station's document."""
    return f"station-{station}"


def number(document: Document) -> int:
    """The station that a document of ours is of."""
    return int(document.id.removeprefix("station-"))


def question(station: int, edition: int, gauge: int = 7) -> str:
    """What one sentence of an edition answers."""
    return f"What did station {station} in edition {edition} report that gauge {gauge} stood at?"


def write(path: Path, editions: Editions) -> str:
    """Write these editions as lines of JSON; the file's path as it is typed."""
    lines = (json.dumps(_line(station, edition)) + "\n" for station, edition in editions.items())
    path.write_text("".join(lines), encoding="utf-8")
    return str(path)


def edition_of(document: Document) -> int | None:
    """Which edition a document is, to the letter and in all that is said of it; None where nobody wrote it so."""
    told = re.match(r"Station (\d+) in edition (\d+) reported ", document.snapshot.text)
    if told is None:
        return None
    line = _line(int(told[1]), int(told[2]))
    found = {
        "id": document.id,
        "text": document.snapshot.text,
        "title": document.title,
        "publisher": document.publisher,
        "published": document.published,
        "url": document.url,
        "language": document.language,
    }
    return int(told[2]) if found == line else None


def is_as_written(excerpt: Excerpt, allowed: Mapping[int, Iterable[int]]) -> bool:
    """Whether an excerpt is to the letter what an edition says, one of those `allowed` of its station."""
    edition = edition_of(excerpt.document)
    if edition is None or edition not in allowed.get(number(excerpt.document), ()):
        return False
    return bool(excerpt.text) and excerpt.text == excerpt.span.of(excerpt.document.snapshot.text)


def shown(reply: Reply) -> tuple[Excerpt, ...]:
    """The excerpts of a reply, whether they answer or are only nearest."""
    return reply.nearest if isinstance(reply, Abstention) else reply.excerpts


def open_engine(folder: Path) -> Engine:
    """An engine on the library in `folder`, with a stand-in for the model."""
    return Engine(folder, Settings(), lambda: BagOfWords("bag-of-words@1", 64))


def make(folder: Path, editions: Editions) -> None:
    """Make a library of these editions in `folder`, which is not there yet."""
    engine = open_engine(folder)
    source = folder.with_suffix(".jsonl")
    engine.ingest([write(source, editions)])
    source.unlink()
    engine.close()


def stored(library: Library) -> Found:
    """What a library holds now."""
    with library.at_rest():
        return look(library.documents())


def look(documents: Iterable[Document]) -> Found:
    """What these documents are."""
    editions: dict[int, int] = {}
    strange = 0
    for document in documents:
        edition = edition_of(document)
        if edition is None:
            strange += 1
        else:
            editions[number(document)] = edition
    return Found(editions, strange)


def _line(station: int, edition: int) -> dict[str, str]:
    sentences = [
        f"Station {station} in edition {edition} reported that gauge {gauge} stood at "
        f"{100 * station + 7 * gauge + edition} metres."
        for gauge in range(1, GAUGES + 1)
    ]
    return {
        "id": name(station),
        "text": " ".join(sentences),
        "title": f"Edition {edition} of station {station}",
        "publisher": PUBLISHERS[(station + edition) % len(PUBLISHERS)],
        "published": f"20{edition % 90 + 10}-0{station % 9 + 1}-1{edition % 9}",
        "url": f"https://gauges.example/{station}/{edition}",
        "language": "en",
    }
