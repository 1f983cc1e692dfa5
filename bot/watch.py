"""Folders and feeds that are watched: what comes is ingested as it comes."""

from __future__ import annotations

import posixpath
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from retrieval import gather, read
from retrieval.engine import Engine
from retrieval.errors import BusyLibrary, RefusedSource
from retrieval.ingest import Report

__all__ = ["watch"]

SECONDS_OF_QUIET = 0.4  # after which files that are being written are taken for whole
HOURS_UNTIL_TRIED_AGAIN = 6.0  # for a page that was refused, or touched and not changed: a feed lists it for days
SECONDS_BETWEEN_TRIES = 1.0  # while another process writes to the library


def watch(engine: Engine, watched: Sequence[str], *, minutes: float, tell: Callable[[Report], None]) -> None:
    """Ingest what stands in the folders and feeds `watched`, then whatever comes, until SIGINT or SIGTERM.

    Feeds are read every so many `minutes`. `tell` is called when something came of it. `RefusedSource` where there is
    no such folder.
    """
    feeds = [one for one in watched if gather.is_address(one)]
    folders = [one for one in watched if one not in feeds]
    for folder in folders:
        if not Path(folder).is_dir():
            raise RefusedSource(folder, "expected a folder or a feed's address to watch, found neither; check the path")
    stop = threading.Event()
    with _stopping(stop):
        _Watch(engine, folders, feeds, 60 * minutes, tell, stop).run()


class _Stopped(Exception):
    """It was told to stop while it ingested."""


class _Watch:
    def __init__(
        self,
        engine: Engine,
        folders: Sequence[str],
        feeds: Sequence[str],
        seconds: float,
        tell: Callable[[Report], None],
        stop: threading.Event,
    ) -> None:
        self._engine = engine
        self._folders = folders
        self._feeds = feeds
        self._seconds = seconds
        self._tell = tell
        self._stop = stop
        self._passed_over: dict[str, float] = {}  # pages of the feeds, and when they may be tried again

    def run(self) -> None:
        """Go on until it is told to stop."""
        due = time.monotonic()
        changes = _changes(self._folders, self._stop)
        next(changes, None)  # from here on it watches, so that nothing is missed while the folders are read
        self._ingest(self._folders, ())
        for changed in changes:
            self._ingest(changed, ())
            if self._feeds and time.monotonic() >= due and not self._stop.is_set():
                due = time.monotonic() + self._seconds
                self._ingest((), self._feeds)

    def _go_on(self, *_: int) -> None:
        """Told of an ingest's progress: end it where there is to be no more."""
        if self._stop.is_set():
            raise _Stopped

    def _ingest(self, paths: Sequence[str], feeds: Sequence[str]) -> None:
        if not paths and not feeds:
            return
        now = time.monotonic()
        self._passed_over = {page: until for page, until in self._passed_over.items() if until > now}
        while not self._stop.is_set():
            try:
                report = self._engine.ingest(paths, feeds=feeds, skip=self._passed_over, progress=self._go_on)
            except _Stopped:  # what was committed is kept
                return
            except BusyLibrary:
                self._stop.wait(SECONDS_BETWEEN_TRIES)
                continue
            for page in [*(refused.source for refused in report.refused), *report.unchanged_keys] if feeds else ():
                self._passed_over[page] = now + 3600 * HOURS_UNTIL_TRIED_AGAIN
            if report.added or report.replaced or report.refused:
                self._tell(report)
            return


def _changes(folders: Sequence[str], stop: threading.Event) -> Iterator[list[str]]:
    """The files that came or changed in the folders, by their paths as typed; now and then none, as time goes by."""
    if not folders:
        yield []
        while not stop.wait(1.0):
            yield []
        return
    import watchfiles

    roots = [(Path(folder).resolve(), folder) for folder in folders]  # what is watched tells no link's name
    for found in watchfiles.watch(
        *(root for root, _ in roots),
        watch_filter=None,
        stop_event=stop,
        step=round(1000 * SECONDS_OF_QUIET),
        rust_timeout=1000,
        yield_on_timeout=True,
        raise_interrupt=False,
    ):
        changed = {path for change, path in found if change != watchfiles.Change.deleted}
        yield sorted({typed for path in changed for typed in _as_typed(Path(path), roots)})


def _as_typed(path: Path, roots: Sequence[tuple[Path, str]]) -> Iterator[str]:
    """The path as a folder's walk would give it, of a folder that came whole what is in it; else nothing."""
    for root, folder in roots:
        inner = path.relative_to(root).parts if path.is_relative_to(root) else ()
        if any(part.startswith(".") for part in inner):
            continue
        typed = posixpath.join(folder, *inner)
        if inner and path.is_dir():
            found = (source.source for source in read.sources([typed], fetched_at=""))
            yield from (source for source in found if Path(source).is_file())  # and not the folder, where it is empty
        elif path.is_file() and read.is_taken(path):
            yield typed


@contextmanager
def _stopping(stop: threading.Event) -> Iterator[None]:
    """While inside, SIGINT and SIGTERM set the event instead of ending the process."""
    former = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
