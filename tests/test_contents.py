"""What is found in texts when they are stored, and that it can be told when that changes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from retrieval import articles, contents, findings, read
from retrieval.datamodel import Reading
from retrieval.findings import DocumentFindings, PassageFindings, of_document, of_passage
from retrieval.passages import passages

_SEEDS = Path(__file__).parent.parent / "seeds"


@given(st.text())
def test_contents_come_back_as_they_were_written(text: str) -> None:
    found = contents.contents(text)
    assert contents.from_json(json.loads(json.dumps(contents.to_json(found)))) == found


def test_findings_of_the_seeds_come_back_and_are_of_this_format() -> None:
    """Where this fails at the digest, texts are read otherwise: raise FORMAT, then put the new digest here."""
    digest = hashlib.sha256()
    for source in read.sources([str(_SEEDS)], fetched_at="2026-01-01"):
        assert not isinstance(source, Exception)
        for reading in read.readings(source):
            assert isinstance(reading, Reading)
            for document in articles.documents(reading):
                about = of_document(document)
                assert DocumentFindings.read(about.written()).written() == about.written()
                digest.update(about.written().encode())
                for passage in passages(document):
                    found = of_passage(document, passage)
                    assert PassageFindings.read(found.written()) == found
                    digest.update(found.written().encode())
    assert (findings.FORMAT, digest.hexdigest()[:16]) == ("1.1", "61d143ca9ea0a221")
