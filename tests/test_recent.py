"""What was read before is what the library holds, of one generation, and bounded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import PORT, RAIN, SCHOOL, SEEDS, lines, shown
from hypothesis import given
from hypothesis import strategies as st

from retrieval import recent
from retrieval.datamodel import Abstention, Reply
from retrieval.engine import Engine
from retrieval.errors import DamagedLibrary
from retrieval.library import Library
from retrieval.recent import Recent


@pytest.fixture
def seeded(engine: Engine) -> Iterator[Library]:
    engine.ingest([str(SEEDS)])
    with engine.library.at_rest():
        yield engine.library


def said(reply: Reply) -> str:
    return (reply.nearest if isinstance(reply, Abstention) else reply.excerpts)[0].text


def ids_of(library: Library) -> list[str]:
    return [one.id for _, passages in library.added() for one in passages]


def test_nearness_is_the_cosine_with_what_is_stored(seeded: Library) -> None:
    ids = ids_of(seeded)
    vector = np.full(64, 1 / 8, dtype=np.float32)
    fresh, known = Recent(seeded), Recent(seeded)
    known.read_ahead(ids[::3], 64)
    known.nearness(ids[::2], vector)
    near = known.nearness(ids, vector)
    assert near == fresh.nearness(ids, vector)
    assert list(near) == sorted(ids)
    for stored in seeded.vectors(ids):
        whole = np.frombuffer(stored.vectors, "<f4", 64)
        sentences = np.frombuffer(stored.vectors, "<f2", offset=256).reshape(-1, 64).astype(np.float64)
        language, told, parts = near[stored.id]
        assert language == stored.language
        assert told == pytest.approx(float(whole @ vector), abs=2e-6)
        assert parts == pytest.approx((sentences @ vector.astype(np.float64)).tolist(), abs=2e-6)


def test_passages_come_with_their_documents_and_in_the_order_that_was_asked(seeded: Library) -> None:
    ids = ids_of(seeded)[:30]
    read = Recent(seeded)
    read.passages(ids[:7])
    found = read.passages(reversed(ids))
    assert list(found) == ids[::-1]
    for stored in seeded.passages(ids):
        one = found[stored.id]
        assert one.passage == stored.passage
        assert one.document == seeded.document(stored.document_id)
        assert one.findings == stored.found(one.document, stands=True)


def test_what_is_gone_is_told(seeded: Library) -> None:
    read = Recent(seeded)
    read.read_ahead(["nowhere#0"], 64)
    assert read.nearness(["nowhere#0"], np.ones(64, dtype=np.float32)) == {}
    with pytest.raises(DamagedLibrary, match="quoth check"):
        read.passages([*ids_of(seeded)[:2], "nowhere#0"])


def test_what_was_replaced_is_not_shown_again(engine: Engine, tmp_path: Path) -> None:
    """The ids of its passages are the same."""
    question = "How many ships can the terminal of Gwadar handle?"
    path = tmp_path / "a.jsonl"
    engine.ingest([str(lines(path, port=PORT, school=SCHOOL, rain=RAIN))])
    assert "twelve ships" in said(engine.ask(question))
    engine.ingest([str(lines(path, port=PORT.replace("twelve", "thirty"), school=SCHOOL, rain=RAIN))])
    assert "thirty ships" in said(engine.ask(question))
    engine.remove("port")
    assert "port" not in shown(engine.ask(question))


@given(st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=20), st.integers(1, 5))
def test_the_last_that_were_asked_for_are_kept_and_no_more(asked: list[list[int]], most: int) -> None:
    """Against a list that is moved by hand."""
    kept = recent._Kept[int](most)
    model: list[str] = []
    for numbers in asked:
        ids = [str(number) for number in numbers]
        missing: list[str] = []

        def read(wanted: list[str], missing: list[str] = missing) -> dict[str, int]:
            missing += wanted
            return {one: int(one) for one in wanted if one != "9"}  # which is gone

        found = kept.of(ids, read)
        assert found == {one: int(one) for one in ids if one != "9"}
        assert missing == [one for one in dict.fromkeys(ids) if one not in model]
        held = [one for one in dict.fromkeys(ids) if one in model]
        came = [one for one in missing if one != "9"]
        model = [*(one for one in model if one not in held), *held, *came]
        if came:
            model = model[-most:]
        assert list(kept) == model
