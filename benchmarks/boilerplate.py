"""What of flattened pages could be quoted and should not: sentences of an outlet's frame, captions of other stories.

    python -m benchmarks.boilerplate [--data ../shared/data] [--hold]

Ingests `news_raw/` (pages of two outlets as scraped) without a model and counts, over the sentences that may still be
quoted, in how many documents of their outlet each stands. Printed are the ten most frequent, and whatever looks like
a caption or was cut off by the site. With --hold it fails where a sentence stands in three documents of one outlet, or
a caption of another story is left: one that goes over into that story's beginning, as the site prints them.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.libraries import require, tell
from retrieval.datamodel import Document
from retrieval.encode import Embeddings, Prompt
from retrieval.engine import Engine
from retrieval.findings import said
from retrieval.passages import passages
from retrieval.repeated import FEWEST_REPEATING, outlet
from retrieval.settings import Settings

SHOWN = 10
# "A view of the port. — AFP/FileKARACHI: The …", as the site cuts off its other stories at the foot of each page.
CAPTION = re.compile(
    r"(?:[—–-]\s?(?:AFP|Reuters|APP|PPI|INP|AP)\b|/Files?(?=[A-Z]|$)|representational image).{0,200}(?:\.\.\.|…)$"
)
CUT_OFF = re.compile(r"(?:\.\.\.|…)[\"'”’]?$")


class NoModel:
    """An encoder for what needs no vectors."""

    identity = "none@0"
    dimensions = 2

    def encode(self, texts: Sequence[str], *, prompt: Prompt) -> Embeddings:
        """The same unit vector for every text, (texts, 2)."""
        return np.tile(np.array([1, 0], dtype=np.float32), (len(texts), 1))


def main() -> None:
    """Ingest, count, print, perhaps hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--hold", action="store_true", help="fail where something is left that may not be quoted")
    options = parser.parse_args()
    source = require(options.data) / "news_raw" / "documents.jsonl"
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(Path(folder) / "library", Settings(), NoModel)
        report = engine.ingest([str(source)])
        left = [(document, sentence) for document in engine.documents() for sentence in quotable(engine, document)]
        engine.close()
    holding = Counter((outlet(document.publisher, document.url), folded) for document, folded in set_of(left))
    captions = [(document.id, sentence) for document, sentence in left if CAPTION.search(sentence)]
    print(f"{report.added} documents, {len(left)} sentences that may be quoted; the most frequent of an outlet:")
    for (_, sentence), documents in sorted(holding.items(), key=lambda item: (-item[1], item[0]))[:SHOWN]:
        print(f"  {documents}  {sentence[:110]}")
    print(f"captions of other stories: {len(captions)}")
    for document_id, sentence in captions:
        print(f"  {document_id}  {sentence[:110]}")
    cut_off = [(document.id, sentence) for document, sentence in left if CUT_OFF.search(sentence)]
    print(f"that end in an ellipsis, as a speaker or a site cut them off: {len(cut_off)}")
    for document_id, sentence in cut_off:
        print(f"  {document_id}  {sentence[:110]}")
    if options.hold and (captions or max(holding.values()) >= FEWEST_REPEATING):
        sys.exit("a sentence that may not be quoted is left: see above")
    if options.hold:
        tell("nothing is left that may not be quoted")


def quotable(engine: Engine, document: Document) -> list[str]:
    """The sentences of a document that may be quoted."""
    text = document.snapshot.text
    is_boilerplate = engine.boilerplate_of(document)
    sentences = [span.of(text) for passage in passages(document) for span in passage.sentences]
    return [sentence for sentence in sentences if not is_boilerplate(said(sentence))]


def set_of(left: list[tuple[Document, str]]) -> list[tuple[Document, str]]:
    """Each sentence once for each document that holds it, case and white space aside."""
    documents = {document.id: document for document, _ in left}
    return [
        (documents[document_id], sentence)
        for document_id, sentence in {(document.id, " ".join(text.split()).casefold()) for document, text in left}
    ]


if __name__ == "__main__":
    main()
