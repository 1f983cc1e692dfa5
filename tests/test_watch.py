"""Folders as they are watched: what comes, however it comes, is given to the engine as it was typed."""

from __future__ import annotations

import shutil
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import cast

import pytest
from conftest import PORT, RAIN, SCHOOL, BagOfWords, counts, ids, lines, shown

from bot import watch
from retrieval.encode import Embeddings, Prompt
from retrieval.engine import Engine
from retrieval.ingest import Progress, Report

pytestmark = pytest.mark.slow  # the system tells of changes when it likes


class _Noting:
    """In an engine's place: notes what it is given, and does `then`."""

    def __init__(self, then: Callable[[Progress], Report] = lambda progress: Report()) -> None:
        self.given: set[str] = set()
        self._then = then
        self._came = threading.Condition()

    def ingest(
        self, paths: Sequence[str], *, feeds: Sequence[str], skip: Collection[str], progress: Progress
    ) -> Report:
        with self._came:
            self.given.update(paths)
            self._came.notify_all()
        return self._then(progress)

    def has(self, *paths: str) -> bool:
        """Whether these come within five seconds."""
        with self._came:
            return self._came.wait_for(lambda: self.given.issuperset(paths), 5)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[tuple[Path, _Noting]]:
    """A folder named by a link, which another thread watches, and what notes what came."""
    noting, stop = _Noting(), threading.Event()
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "other").mkdir()
    (tmp_path / "real" / "before").symlink_to(tmp_path / "other")
    one = watch._Watch(cast("Engine", noting), [f"{tmp_path}/link"], [], 60, lambda report: None, stop)
    thread = threading.Thread(target=one.run)
    thread.start()
    time.sleep(1.5)  # as long as the system may need until it tells of changes
    noting.given.clear()
    yield tmp_path, noting
    stop.set()
    thread.join()


@pytest.mark.parametrize("move", [Path.rename, shutil.copytree], ids=["moved", "copied"])
def test_a_folder_that_comes_whole_is_ingested_deep(
    watched: tuple[Path, _Noting], move: Callable[[Path, Path], object]
) -> None:
    place, noting = watched
    names = ["a.txt", "deep/deeper/b.txt", "deep/picture.png", ".hidden/c.txt"]
    for name in names:
        (place / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (place / "out" / name).write_text(PORT)
    move(place / "out", place / "real" / "in")
    expected = {f"{place}/link/in/{name}" for name in names[:2]}
    assert noting.has(*expected)
    (place / "real" / "empty").mkdir()
    (place / "real" / "last.txt").write_text(PORT)
    assert noting.has(f"{place}/link/last.txt")
    assert noting.given == {*expected, f"{place}/link/last.txt"}


def test_what_comes_to_a_folder_behind_a_link_is_ingested(watched: tuple[Path, _Noting]) -> None:
    place, noting = watched
    (place / "other" / "b.txt").write_text(PORT)
    assert noting.has(f"{place}/link/before/b.txt")
    (place / "elsewhere" / "sub").mkdir(parents=True)
    (place / "elsewhere" / "sub" / "a.txt").write_text(PORT)
    (place / "real" / "inner").symlink_to(place / "elsewhere")
    assert noting.has(f"{place}/link/inner/sub/a.txt")


def test_watching_ends_within_an_ingest(tmp_path: Path) -> None:
    """At the next that is told of its progress."""
    told: list[int] = []

    def ingest(progress: Progress) -> Report:
        for done in range(1000):
            told.append(done)
            progress(done, 1000)
            signal.raise_signal(signal.SIGINT)
        return Report(added=1000)

    reports: list[Report] = []
    watch.watch(cast("Engine", _Noting(ingest)), [str(tmp_path)], minutes=1, tell=reports.append)
    assert (told, reports) == ([0, 1], [])


def test_what_was_committed_before_watching_ended_is_kept(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()

    class Stopping(BagOfWords):
        def encode(self, texts: Sequence[str], *, prompt: Prompt) -> Embeddings:
            if any(SCHOOL in text for text in texts):
                stop.set()
            return super().encode(texts, prompt=prompt)

    monkeypatch.setattr("retrieval.ingest.BATCH_CHARACTERS", 10)  # each document by itself
    vars(engine)["encoder"] = Stopping("bag-of-words@1", 64)
    (tmp_path / "news").mkdir()
    path = lines(tmp_path / "news" / "a.jsonl", port=PORT, school=SCHOOL, rain=RAIN)
    watch._Watch(engine, [], [], 60, lambda report: None, stop)._ingest([str(path)], ())
    assert ids(engine) == ["port"]
    assert shown(engine.ask("How many ships can the terminal handle at once?")) == ["port"]
    assert counts(engine.ingest([str(path)])) == (2, 1, 0, 0)
