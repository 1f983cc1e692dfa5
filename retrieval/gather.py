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
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, TypeAlias
from urllib.parse import urlsplit

from retrieval import articles, read
from retrieval.datamodel import Document, Known, Reading
from retrieval.errors import RefusedSource
from retrieval.read.original import Original

if TYPE_CHECKING:
    from pebble import ProcessPool

    from retrieval.web.fetch import Fetched, Fetcher

__all__ = ["Address", "Article", "Found", "Holder", "Source", "Unchanged", "address", "gather", "sources"]

READ_AHEAD = 24  # sources that are read before the encoder asks for them
READ_SECONDS = 120  # for one source
READ_BYTES = 1_400_000_000  # of address space, for one source
FETCHING_THREADS = 4

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
        if one.lower().startswith(("http://", "https://")):
            found.append(address(one))
        else:
            found += read.sources([one], fetched_at=now)
    return found


def address(url: str) -> Address | RefusedSource:
    """The page at `url`, or why there can be none."""
    from retrieval.web.fetch import normalised

    try:
        return Address(url, normalised(url))
    except RefusedSource as refused:
        return refused


def gather(
    sources: Iterable[Source], holder: Holder, *, processes: int, make_fetcher: Callable[[], Fetcher]
) -> Iterator[Iterator[Found]]:
    """What each source holds, in the order of `sources`, read some sources ahead; what cannot be read is refused."""
    with _Gatherer(holder, processes, make_fetcher) as gatherer:
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
        self._stack = ExitStack()
        self._pool: ProcessPool | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._fetcher: Fetcher | None = None

    def __enter__(self) -> _Gatherer:
        return self

    def __exit__(self, *_: object) -> None:
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
        if self._pool is None:
            from pebble import ProcessPool

            context = multiprocessing.get_context("spawn")  # a fork would carry the encoder's threads and locks along
            self._pool = ProcessPool(self._processes, context=context, initializer=_confine, initargs=(READ_BYTES,))
        scheduled: Future[list[Found]] = self._pool.schedule(_read, args=(original, known), timeout=READ_SECONDS)
        return scheduled

    def _fetching(self, address: Address, known: Known | None) -> Future[list[Found]]:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(FETCHING_THREADS, thread_name_prefix="fetching")
            self._fetcher = self._make_fetcher()
        return self._threads.submit(self._fetched, address, known)

    def _fetched(self, address: Address, known: Known | None) -> list[Found]:
        assert self._fetcher is not None  # noqa: S101 - made before its threads
        try:
            fetched = self._fetcher.fetch(address.url, known.validators) if known else self._fetcher.fetch(address.url)
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
    if suffix is None and fetched.media_type in {"", "application/octet-stream"}:
        path = os.path.splitext(urlsplit(fetched.url).path)[1].lower()  # noqa: PTH122 - a URL's path is none of ours
        suffix = path if path in set(_SUFFIXES.values()) else ".html"
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

    what_to_do = "leave it out, or save it in another format"
    try:
        return begun.result()
    except TimeoutError:
        reason = f"expected a file that is read in {READ_SECONDS} s, found one that takes longer; {what_to_do}"
    except MemoryError:
        limit = READ_BYTES // 1_000_000
        reason = f"expected a file that is read in {limit} MB of memory, found one that takes more; {what_to_do}"
    except ProcessExpired:
        reason = f"expected a file that can be read, found one that its reader breaks on; {what_to_do}"
    return [RefusedSource(source, reason)]


# In the process that reads


def _confine(most_bytes: int) -> None:
    """Take from this process what no reader needs: memory without end, and haste."""
    resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))
    os.nice(5)


def _read(original: Original, known: Known | None) -> list[Found]:
    return list(_found(original, known))


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
    with original.stream() as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _at_address(reading: Reading, original: Original) -> Reading:
    """The reading with the URL that it was found at; the page may name another of the same site, no other site's."""
    if original.url is None:
        return reading
    named = reading.metadata.url
    url = named if named and _site(named) == _site(original.url) else original.url
    return replace(reading, metadata=replace(reading.metadata, url=url), validators=original.validators)


def _site(url: str) -> str:
    return (urlsplit(url).hostname or "").removeprefix("www.")
