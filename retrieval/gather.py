"""Sources into readings with their articles, ahead of the encoder.

Formats whose parsers are large (pages, PDFs, Word files) are read in other processes: so reading and encoding do not
wait for each other, and a hostile file harms nothing but the process that reads it, which has little time and memory.
Texts and JSON lines are read here; URLs are fetched by threads.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import resource
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, TypeAlias
from urllib.parse import urlsplit

from retrieval import articles, read
from retrieval.datamodel import Document, Known, Reading, Validators
from retrieval.errors import RefusedSource
from retrieval.read.original import Original

if TYPE_CHECKING:
    from pebble import ProcessPool

    from retrieval.web.feed import Entry
    from retrieval.web.fetch import Fetched, Fetcher

__all__ = [
    "Address",
    "Article",
    "Found",
    "Holder",
    "Source",
    "Unchanged",
    "address",
    "expected",
    "gather",
    "is_address",
    "listed",
    "sources",
]

READ_AHEAD = 24  # sources that are read before the encoder asks for them
READ_SECONDS = 30  # for one source, and a second more for each `BYTES_A_SECOND`
BYTES_A_SECOND = 100_000
READ_BYTES = 1_400_000_000  # of address space, for one source
FETCHING_THREADS = 4
MOST_SITEMAPS = 100  # of an index: the newest

# A format's suffix by the media type that a server names it by.
_SUFFIXES = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "application/pdf": ".pdf",
    "application/x-pdf": ".pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "text/markdown": ".md",
    "text/plain": ".txt",
}
_UNTOLD = ("", "application/octet-stream", "binary/octet-stream")  # bytes, says the server
_WHAT_TO_DO = "leave it out, or save it in another format"
_FEEDS = ("application/rss+xml", "application/atom+xml", "application/xml", "text/xml")


@dataclass(frozen=True, slots=True)
class Address:
    """A page to be fetched, and what it is known by: the URL without what does not change the page."""

    url: str
    key: str


@dataclass(frozen=True, slots=True)
class Article:
    """A reading and the documents found in it."""

    reading: Reading
    documents: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A source that stands in the library as it is."""

    key: str


Source: TypeAlias = "Original | Address | RefusedSource"
Found: TypeAlias = "Article | Unchanged | RefusedSource"


class Holder(Protocol):
    """What knows which sources stand already: a library."""

    def known(self, key: str) -> Known | None:
        """What stands under `key`, whole; None where nothing does."""

    def holds(self, reading: Reading) -> bool:
        """Whether the same reading stands already."""


def sources(typed: Sequence[str]) -> list[Source]:
    """What `typed` names: the files that stand at a path or under a folder, and URLs; what is neither is refused."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    found: list[Source] = []
    for one in typed:
        if is_address(one):
            found.append(address(one))
        else:
            found += read.sources([one], fetched_at=now)
    return found


def is_address(typed: str) -> bool:
    """Whether what was typed is meant for a URL, not for a path."""
    return typed.lower().startswith(("http://", "https://"))


def address(url: str) -> Address | RefusedSource:
    """The page at `url`, or why there can be none."""
    from retrieval.web.fetch import normalised

    try:
        return Address(url, normalised(url))
    except RefusedSource as refused:
        return refused


def expected(source: Source) -> int:
    """How many readings a source will hold: a line of JSONL is one."""
    if not isinstance(source, Original) or source.suffix != ".jsonl":
        return 1
    try:
        with source.stream() as stream:
            return max(1, sum(block.count(b"\n") for block in iter(lambda: stream.read(1 << 20), b"")))
    except (OSError, RefusedSource):  # reading it will tell
        return 1


def listed(feed: str, holder: Holder, fetcher: Fetcher, *, skip: Collection[str] = ()) -> list[Source]:
    """The pages that a feed or sitemap lists and that are new, or changed since they were read; not those in `skip`."""
    from retrieval.web.feed import listing

    try:
        fetched = fetcher.fetch(feed)
        assert fetched is not None  # noqa: S101 - only a conditional request may find nothing new
        found = listing(fetched)
    except RefusedSource as refused:
        return [refused]
    entries = list(found.entries)
    sources: list[Source] = []
    for sitemap in found.sitemaps[:MOST_SITEMAPS]:
        try:
            inner = fetcher.fetch(sitemap.url)
            entries += listing(inner).entries if inner is not None else ()
        except RefusedSource as refused:
            sources.append(refused)
    news = (entry.url for entry in entries if entry.url not in skip and _is_news(entry, holder.known(entry.url)))
    return [*sources, *(Address(url, url) for url in dict.fromkeys(news))]


def _is_news(entry: Entry, known: Known | None) -> bool:
    if known is None or entry.updated is None:
        return known is None
    try:
        changed = datetime.fromisoformat(entry.updated)
    except ValueError:  # a year or month alone, which says too little
        return False
    if len(entry.updated) <= len("2026-01-31"):
        return changed.date() >= datetime.fromisoformat(known.fetched_at).date()
    changed = changed if changed.tzinfo else changed.replace(tzinfo=UTC)
    return changed > datetime.fromisoformat(known.fetched_at)


def gather(
    sources: Sequence[Source], holder: Holder, *, processes: int, make_fetcher: Callable[[], Fetcher]
) -> Iterator[Iterator[Found]]:
    """What each source holds, in the order of `sources`, read some sources ahead; what cannot be read is refused."""
    with _Gatherer(holder, min(processes, len(sources)), make_fetcher) as gatherer:
        waiting: deque[Callable[[], Iterable[Found]]] = deque()
        for source in sources:
            waiting.append(gatherer.begin(source))
            if len(waiting) > READ_AHEAD:
                yield iter(waiting.popleft()())
        while waiting:
            yield iter(waiting.popleft()())


class _Gatherer:
    """The processes and threads that read; none is begun before there is something for it."""

    def __init__(self, holder: Holder, processes: int, make_fetcher: Callable[[], Fetcher]) -> None:
        self._holder = holder
        self._processes = processes
        self._make_fetcher = make_fetcher
        self._over = threading.Event()  # nothing more is wanted: threads give up their turns, and no pool is made
        self._lock = threading.Lock()  # on the making of the pool
        self._pool: ProcessPool | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._fetcher: Fetcher | None = None

    def __enter__(self) -> _Gatherer:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._over.set()
        if self._pool is not None:
            self._pool.stop()  # what still reads is no longer wanted
            self._pool.join()
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)

    def begin(self, source: Source) -> Callable[[], Iterable[Found]]:
        """Begin with `source`, and give what waits for its end."""
        if isinstance(source, RefusedSource):
            return lambda: [source]
        known = self._holder.known(source.key)
        if isinstance(source, Address):
            return self._fetching(source, known).result
        if source.suffix in read.APART:
            begun = self._apart(source, known)
            return lambda: _outcome(begun, source.source)
        return lambda: _found(source, known, self._holder.holds)

    def _apart(self, original: Original, known: Known | None) -> Future[list[Found]]:
        timeout = READ_SECONDS + original.size / BYTES_A_SECOND
        scheduled: Future[list[Found]] = self._shared_pool().schedule(_read, args=(original, known), timeout=timeout)
        return scheduled

    def _shared_pool(self) -> ProcessPool:
        """The one pool, made by whichever thread is first to need it."""
        from pebble import ProcessPool

        with self._lock:
            if self._over.is_set():
                raise CancelledError
            if self._pool is None:
                context = multiprocessing.get_context("spawn")  # a fork would carry the encoder's threads and locks
                self._pool = ProcessPool(self._processes, context=context, initializer=_confine, initargs=(READ_BYTES,))
            return self._pool

    def _fetching(self, address: Address, known: Known | None) -> Future[list[Found]]:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(FETCHING_THREADS, thread_name_prefix="fetching")
            self._fetcher = self._make_fetcher()
        return self._threads.submit(self._fetched, address, known)

    def _fetched(self, address: Address, known: Known | None) -> list[Found]:
        assert self._fetcher is not None  # noqa: S101 - made before its threads
        try:
            validators = known.validators if known else Validators()
            fetched = self._fetcher.fetch(address.url, validators, over=self._over)
            if fetched is None:
                return [Unchanged(address.key)]
            original = _original(address, fetched)
        except RefusedSource as refused:
            return [refused]
        if original.suffix in read.APART:
            return _outcome(self._apart(original, known), address.url)
        return list(_found(original, known))


def _original(address: Address, fetched: Fetched) -> Original:
    """What a server sent, as a source of the format that it names; `RefusedSource` where it is none to be read."""
    suffix = _SUFFIXES.get(fetched.media_type)
    if suffix is None and fetched.raw.startswith(b"%PDF-"):
        suffix = ".pdf"
    if suffix is None and fetched.media_type in _FEEDS:
        raise RefusedSource(address.url, "expected an article, found a feed or other XML; give a feed by --feed")
    named = os.path.splitext(urlsplit(fetched.url).path)[1].lower()  # noqa: PTH122 - a URL's path is none of ours
    if suffix is None and fetched.media_type in _UNTOLD:
        suffix = named if named in set(_SUFFIXES.values()) else ".html"
    if suffix == ".txt" and named in {".md", ".markdown"}:  # which few servers have a media type for
        suffix = ".md"
    if suffix is None:
        found = fetched.media_type[:80]
        raise RefusedSource(address.url, f"expected a page, a PDF, a Word file or a text, found {found}; give another")
    return Original(
        source=address.url,
        key=address.key,
        suffix=suffix,
        fetched_at=datetime.now(UTC).isoformat(timespec="seconds"),
        raw=fetched.raw,
        encoding=fetched.encoding,
        url=fetched.url,
        validators=fetched.validators,
    )


def _outcome(begun: Future[list[Found]], source: str) -> list[Found]:
    """What came of reading `source` apart; a process that was stopped or broke is a refusal, not an end."""
    from pebble import ProcessExpired

    try:
        return begun.result()
    except TimeoutError:
        reason = f"expected a file that is soon read, found one on which its reader works too long; {_WHAT_TO_DO}"
    except MemoryError:
        limit = READ_BYTES // 1_000_000
        reason = f"expected a file that is read in {limit} MB of memory, found one that takes more; {_WHAT_TO_DO}"
    except ProcessExpired:
        reason = _broken("its process ended")
    return [RefusedSource(source, reason)]


def _broken(how: str) -> str:
    return f"expected a file that can be read, found one that its reader breaks on ({how}); {_WHAT_TO_DO}"


# In the process that reads


def _confine(most_bytes: int) -> None:
    """Take from this process what no reader needs: memory without end, and haste."""
    resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))
    os.nice(5)


def _read(original: Original, known: Known | None) -> list[Found]:
    """What the source holds; one file on which a parser fails, in whatever way, does not end the reading of others."""
    try:
        return list(_found(original, known))
    except MemoryError:
        raise
    except Exception as error:  # a parser's own error may not cross to another process, so its name alone does
        return [RefusedSource(original.source, _broken(type(error).__name__))]


def _found(
    original: Original, known: Known | None, holds: Callable[[Reading], bool] = lambda _: False
) -> Iterator[Found]:
    try:
        if known is not None and _digest(original) == known.bytes_sha256:
            yield Unchanged(original.key)
            return
        for reading in read.readings(original):
            if isinstance(reading, RefusedSource):
                yield reading
            elif holds(reading):
                yield Unchanged(reading.key)
            else:
                yield _article(_at_address(reading, original))
    except RefusedSource as refused:
        yield refused


def _article(reading: Reading) -> Article | RefusedSource:
    try:
        return Article(reading, articles.documents(reading))
    except RefusedSource as refused:
        return refused


def _digest(original: Original) -> str:
    try:
        with original.stream() as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise original.unreadable(error) from error


def _at_address(reading: Reading, original: Original) -> Reading:
    """The reading with the URL that it was found at; the page may name another of the same site, no other site's."""
    if original.url is None:
        return reading
    named = reading.metadata.url
    url = named if named and _site(named) == _site(original.url) else original.url
    return replace(reading, metadata=replace(reading.metadata, url=url), validators=original.validators)


def _site(url: str) -> str:
    return (urlsplit(url).hostname or "").removeprefix("www.")
