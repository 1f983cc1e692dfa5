"""What people point Quoth at, from end to end: pages by URL, feeds, folders that grow, files that harm their reader."""

from __future__ import annotations

import errno
import hashlib
import multiprocessing
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

import docx
import pytest
import weasyprint
from conftest import PORT, Open, Quoth, counts, ids, texts
from web_server import Asked, Page, Site, site

from bot import watch
from retrieval import gather
from retrieval.datamodel import Validators
from retrieval.engine import Engine
from retrieval.settings import Settings
from retrieval.web.fetch import Fetched, Fetcher

pytestmark = pytest.mark.slow  # processes of their own read the pages

_SENTENCES = [
    "The harbour of Gwadar opened a new cargo terminal on Monday, the port authority told reporters there.",
    "It can handle twelve ships at once, which is four more than the old one could in its best years.",
    "A second terminal is to follow once the road to the north has been widened and paved again.",
]


def page(*sentences: str, canonical: str | None = None, site_name: str = "The Courier") -> bytes:
    """An article as sites write it, with menus around."""
    paragraphs = "".join(f"<p>{sentence}</p>" for sentence in sentences or _SENTENCES)
    link = f'<link rel="canonical" href="{canonical}">' if canonical else ""
    return (
        f'<html lang="en"><head><title>New terminal | {site_name}</title>{link}'
        f'<meta property="og:site_name" content="{site_name}"><meta property="og:type" content="article">'
        '<meta property="og:title" content="Gwadar opens a new terminal">'
        '<meta property="article:published_time" content="2024-09-16T17:31:00+05:00"></head>'
        f'<body><nav><a href="/">Home</a> <a href="/sport">Sport</a></nav><article><h1>Gwadar opens a new terminal</h1>'
        f"{paragraphs}</article><footer>All rights reserved</footer></body></html>"
    ).encode()


def html(body: bytes, **headers: str) -> Page:
    return Page(
        body, {"Content-Type": "text/html; charset=utf-8", **{k.replace("_", "-"): v for k, v in headers.items()}}
    )


@pytest.fixture
def here() -> Iterator[Site]:
    with site({}) as made:
        yield made


@pytest.fixture
def online(opened: Open, here: Site) -> Engine:
    """An engine that may reach the site on the loopback address, without waiting between two pages."""
    engine = opened()
    engine.settings = Settings(web_allowed=(here.place,))
    engine.__dict__["_fetcher"] = _quick_fetcher(here.place)
    return engine


def _quick_fetcher(place: str) -> object:
    from retrieval.web.fetch import Fetcher

    return Fetcher(allowed=(place,), seconds_between=0)


def test_a_page_by_its_url_says_who_published_it_and_when(online: Engine, here: Site) -> None:
    here.pages["/news"] = html(page(canonical=here.url("/news-of-monday")))
    assert counts(online.ingest([here.url("/news?from=here#top")])) == (0, 0, 0, 1)  # no such page
    assert counts(online.ingest([here.url("/news")])) == (1, 0, 0, 0)
    (document,) = online.documents()
    assert document.snapshot.text == "\n".join(_SENTENCES)
    assert document.snapshot.source == here.url("/news")
    found = document.title, document.publisher, document.published, document.url, document.language
    expected = (
        "Gwadar opens a new terminal",
        "The Courier",
        "2024-09-16T17:31:00+05:00",
        here.url("/news-of-monday"),
        "en",
    )
    assert found == expected


def test_a_page_cannot_pass_for_another_sites(online: Engine, here: Site) -> None:
    here.pages["/news"] = html(page(canonical="https://www.theherald.example/real-story"))
    online.ingest([here.url("/news")])
    (document,) = online.documents()
    assert document.url == here.url("/news")


def test_a_second_time_only_the_validators_are_asked_for(online: Engine, here: Site) -> None:
    def answer(asked: Asked) -> Page:
        return Page(status=304) if asked.headers.get("If-None-Match") == '"1"' else html(page(), ETag='"1"')

    here.pages["/news"] = answer
    assert counts(online.ingest([here.url("/news")])) == (1, 0, 0, 0)
    assert counts(online.ingest([here.url("/news")])) == (0, 1, 0, 0)
    assert [asked.headers.get("If-None-Match") for asked in here.asked if asked.path == "/news"] == [None, '"1"']


def test_what_changed_at_a_url_replaces_what_stood_there(online: Engine, here: Site) -> None:
    here.pages["/news"] = html(page())
    online.ingest([here.url("/news")])
    here.pages["/news"] = html(
        page(
            _SENTENCES[0],
            "Nobody came to see it open but some fishermen and their children, who had the day off.",
            _SENTENCES[1],
        )
    )
    report = online.ingest([here.url("/news")])
    assert counts(report) == (0, 0, 1, 0), report.refused
    (text,) = texts(online).values()
    assert "fishermen" in text
    assert online.prune("2999-01-01") == 1  # the former snapshot stood until now


def test_menus_of_the_day_around_the_same_article_change_nothing(online: Engine, here: Site) -> None:
    here.pages["/news"] = html(page())
    online.ingest([here.url("/news")])
    here.pages["/news"] = html(page().replace(b"Sport", b"Sport today"))
    assert counts(online.ingest([here.url("/news")])) == (0, 1, 0, 0)


def test_a_plain_text_and_what_is_no_document_by_url(online: Engine, here: Site) -> None:
    here.pages["/a.txt"] = Page(" ".join(_SENTENCES).encode(), {"Content-Type": "text/plain"})
    here.pages["/a.zip"] = Page(b"PK\3\4", {"Content-Type": "application/zip"})
    here.pages["/feed"] = Page(b"<rss/>", {"Content-Type": "application/rss+xml"})
    report = online.ingest([here.url(path) for path in ("/a.txt", "/a.zip", "/feed")])
    assert counts(report) == (1, 0, 0, 2)
    assert [refused.reason.partition(";")[0] for refused in report.refused] == [
        "expected a page, a PDF, a Word file or a text, found application/zip",
        "expected an article, found a feed or other XML",
    ]


def _rss(*items: tuple[str, str]) -> Page:
    listed = "".join(f"<item><link>{url}</link><pubDate>{date}</pubDate></item>" for url, date in items)
    return Page(f"<rss version='2.0'><channel>{listed}</channel></rss>".encode(), {"Content-Type": "text/xml"})


def test_of_a_feed_only_what_is_new_or_changed_is_fetched(online: Engine, here: Site) -> None:
    old = "Mon, 16 Sep 2024 17:31:00 +0500"
    here.pages.update({"/1": html(page()), "/2": html(page(*reversed(_SENTENCES)))})
    here.pages["/feed"] = _rss((here.url("/1"), old))
    assert counts(online.ingest([], feeds=[here.url("/feed")])) == (1, 0, 0, 0)
    here.pages["/feed"] = _rss((here.url("/1"), old), (here.url("/2"), old))
    assert counts(online.ingest([], feeds=[here.url("/feed")])) == (1, 0, 0, 0)
    assert here.paths() == ["/feed", "/1", "/feed", "/2"]
    here.pages["/feed"] = _rss((here.url("/1"), "Sat, 16 Sep 2124 17:31:00 +0500"), (here.url("/2"), old))
    assert counts(online.ingest([], feeds=[here.url("/feed")])) == (0, 1, 0, 0)
    assert here.paths()[4:] == ["/feed", "/1"]


def test_a_page_of_a_feed_that_is_skipped_is_not_fetched(online: Engine, here: Site) -> None:
    here.pages["/feed"] = _rss((here.url("/1"), ""))
    report = online.ingest([], feeds=[here.url("/feed")])
    assert [refused.source for refused in report.refused] == [here.url("/1")]
    assert counts(online.ingest([], feeds=[here.url("/feed")], skip={here.url("/1")})) == (0, 0, 0, 0)


def test_a_sitemap_index_lists_the_pages_of_its_sitemaps(online: Engine, here: Site) -> None:
    head = "<{0} xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{1}</{0}>"
    maps = f"<sitemap><loc>{here.url('/map')}</loc></sitemap><sitemap><loc>{here.url('/gone')}</loc></sitemap>"
    xml = {"Content-Type": "application/xml"}
    here.pages["/maps"] = Page(head.format("sitemapindex", maps).encode(), xml)
    here.pages["/map"] = Page(head.format("urlset", f"<url><loc>{here.url('/1')}</loc></url>").encode(), xml)
    here.pages["/1"] = html(page())
    report = online.ingest([], feeds=[here.url("/maps")])
    assert counts(report) == (1, 0, 0, 1)
    assert report.refused[0].source == here.url("/gone")


def test_a_page_of_two_sitemaps_is_fetched_once(online: Engine, here: Site) -> None:
    xml = {"Content-Type": "application/xml"}
    maps = "".join(f"<sitemap><loc>{here.url(path)}</loc></sitemap>" for path in ("/map", "/other"))
    here.pages["/maps"] = Page(f"<sitemapindex>{maps}</sitemapindex>".encode(), xml)
    listing = Page(f"<urlset><url><loc>{here.url('/1')}</loc></url></urlset>".encode(), xml)
    here.pages.update({"/map": listing, "/other": listing, "/1": html(page())})
    assert counts(online.ingest([], feeds=[here.url("/maps")])) == (1, 0, 0, 0)
    assert here.paths() == ["/maps", "/map", "/other", "/1"]


@pytest.mark.parametrize(
    ("media_type", "path", "suffix"),
    [
        ("text/html", "/a.docx", ".html"),
        ("binary/octet-stream", "/a.docx", ".docx"),
        ("application/octet-stream", "/a.PDF", ".pdf"),
        ("", "/a", ".html"),
        ("text/plain", "/a.txt", ".txt"),
        ("text/plain", "/a/README.md", ".md"),
        ("text/plain", "/a.markdown", ".md"),
        ("text/plain", "/a.html", ".txt"),
    ],
)
def test_a_format_is_told_by_its_media_type_and_where_that_says_little_by_its_name(
    media_type: str, path: str, suffix: str
) -> None:
    url = f"https://a.example{path}"
    fetched = Fetched(url, media_type, None, b"One.", Validators())
    assert gather._original(gather.Address(url, url), fetched).suffix == suffix


def test_an_address_that_is_not_public_is_refused_by_the_command(quoth: Quoth, here: Site) -> None:
    refused = quoth("ingest", here.url("/news"), "http://[::1]/", "http://169.254.169.254/latest")
    assert refused.code == 3
    assert here.asked == []
    assert refused.out.count("\nrefused http://") == 3


# Files


def test_a_quote_of_a_pdf_names_its_page_also_after_reindexing(quoth: Quoth, tmp_path: Path) -> None:
    paragraphs = "".join(f'<p style="page-break-before: always">{sentence}</p>' for sentence in _SENTENCES)
    weasyprint.HTML(string=f"<html><body><h1>Report on the harbour</h1>{paragraphs}</body></html>").write_pdf(
        tmp_path / "report.pdf"
    )
    assert quoth("ingest", "report.pdf", "--library", "made").code == 0
    for _ in range(2):
        (reply,) = quoth("ask", "When is a second terminal to follow?", "--json", "--library", "made").rows
        shown = (reply["excerpts"] or reply["nearest"])[0]
        assert (shown["text"], shown["page"]) == (_SENTENCES[2], 4)
        assert (
            "report.pdf, p. 4, characters"
            in quoth("ask", "When is a second terminal to follow?", "--library", "made").out
        )
        assert quoth("reindex", "--library", "made").code == 0


def test_a_word_file_is_quoted_with_the_rows_of_its_tables(engine: Engine, tmp_path: Path) -> None:
    document = docx.Document()
    document.add_heading("Report on the harbour", level=0)
    document.add_paragraph(_SENTENCES[0])
    table = document.add_table(rows=1, cols=3)
    for cell, text in zip(table.rows[0].cells, ("Gwadar", "12 ships", "2024"), strict=True):
        cell.text = text
    document.save(str(tmp_path / "report.docx"))
    assert counts(engine.ingest([str(tmp_path / "report.docx")])) == (1, 0, 0, 0)
    (found,) = engine.documents()
    body = [span.of(found.snapshot.text) for span in found.body]
    assert body == ["Report on the harbour", _SENTENCES[0], "Gwadar | 12 ships | 2024"]
    assert found.title == "Report on the harbour"


# Reading apart


def test_pages_are_committed_in_the_order_of_their_names(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    for number in range(60):
        sentence = f"This is report number {number} on the harbour, which says how many ships of which size came there."
        name = f"{number:02}.html" if number % 3 else f"{number:02}.txt"
        (folder / name).write_bytes(page(sentence, *_SENTENCES) if number % 3 else sentence.encode())
    assert counts(engine.ingest([str(folder)])) == (60, 0, 0, 0)
    assert [document.snapshot.text.split()[4] for document in engine.documents()] == [str(n) for n in range(60)]
    assert counts(engine.ingest([str(folder)])) == (0, 60, 0, 0)


def test_a_file_that_takes_too_long_is_refused_and_the_others_are_in(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.html").write_bytes(page())
    (tmp_path / "b.html").write_bytes(page(*(f"{sentence} {n}" for n in range(40_000) for sentence in _SENTENCES)))
    (tmp_path / "c.html").write_bytes(page(*reversed(_SENTENCES)))
    engine.ingest([str(tmp_path / "c.html")])
    monkeypatch.setattr(gather, "READ_SECONDS", 2.5)
    monkeypatch.setattr(gather, "BYTES_A_SECOND", 1e9)
    report = engine.ingest([str(tmp_path)])
    assert [(refused.source, refused.reason) for refused in report.refused] == [
        (
            str(tmp_path / "b.html"),
            "expected a file that is soon read, found one on which its reader works too long; leave it out, or save it"
            " in another format",
        )
    ]
    assert counts(report) == (1, 1, 0, 1)


def test_a_file_that_takes_too_much_memory_is_refused_and_the_others_are_in(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.html").write_bytes(page())
    (tmp_path / "b.html").write_bytes(b"<html><body>" + b"<p>The ship came. </p><i>" * 700_000)
    monkeypatch.setattr(gather, "READ_BYTES", 400_000_000)
    report = engine.ingest([str(tmp_path)])
    assert [refused.source for refused in report.refused] == [str(tmp_path / "b.html")]
    assert counts(report) == (1, 0, 0, 1)


def test_many_threads_that_have_fetched_share_one_pool_of_processes(
    online: Engine, here: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each made its own, and all but the last lived on."""
    made: list[str] = []
    context = multiprocessing.get_context

    def slowly(method: str) -> object:
        made.append(method)
        time.sleep(0.3)
        return context(method)

    monkeypatch.setattr(multiprocessing, "get_context", slowly)
    meeting = threading.Barrier(gather.FETCHING_THREADS)

    def answer(asked: Asked) -> Page:
        meeting.wait(10)
        return html(page(f"This is the report on the harbour that stands at {asked.path} of the site.", *_SENTENCES))

    here.pages.update({f"/{number}": answer for number in range(gather.FETCHING_THREADS)})
    here.pages["/robots.txt"] = Page(status=404)
    assert counts(online.ingest([here.url(f"/{number}") for number in range(gather.FETCHING_THREADS)])) == (4, 0, 0, 0)
    assert made == ["spawn"]


def test_an_ingest_that_is_ended_does_not_wait_its_turn_at_a_site(engine: Engine, here: Site) -> None:
    here.pages["/robots.txt"] = Page(b"User-agent: *\nCrawl-delay: 20", {"Content-Type": "text/plain"})
    here.pages.update({f"/{number}.txt": Page(b"One.", {"Content-Type": "text/plain"}) for number in range(6)})
    fetcher = Fetcher(allowed=(here.place,), seconds_between=0)
    sources = [gather.address(here.url(f"/{number}.txt")) for number in range(6)]
    found = gather.gather(sources, engine.library, processes=1, make_fetcher=lambda: fetcher)
    assert len(list(next(iter(found)))) == 1
    begun = time.monotonic()
    del found  # as it is where an exception goes by
    assert time.monotonic() - begun < 5
    assert len(here.paths()) == 1


def test_a_known_text_that_cannot_be_read_is_refused_and_the_others_are_in(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(PORT)
    engine.ingest([str(tmp_path / "a.txt")])
    digest = hashlib.file_digest

    def failing(stream: BufferedReader, name: str) -> object:
        if str(stream.name).endswith("a.txt"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return digest(stream, name)

    monkeypatch.setattr(hashlib, "file_digest", failing)
    report = engine.ingest([str(tmp_path)])
    assert counts(report) == (1, 0, 0, 1)
    assert str(report.refused[0]) == (
        f"{tmp_path}/a.txt: expected a readable file, found: Input/output error; check the path"
    )


# Watching


def test_a_folder_and_a_feed_are_watched_until_the_end(
    bag_of_words_process: list[str], tmp_path: Path, here: Site, opened: Open, folder: Path
) -> None:
    """What comes to the folder is answerable in another process within five seconds; SIGINT ends it in good order."""
    watched = tmp_path / "news"
    watched.mkdir()
    (watched / "first.txt").write_text(" ".join(_SENTENCES))
    here.pages.update({"/feed": _rss((here.url("/1"), "")), "/1": html(page(*reversed(_SENTENCES)))})
    python, _, code = bag_of_words_process  # which forgets the settings of the environment
    code = code.replace("sys.exit(", f"import os; os.environ['QUOTH_WEB_ALLOWED'] = {here.place!r}; sys.exit(")
    arguments = ["--watch", str(watched), "--watch", here.url("/feed"), "--every", "0.1", "--library", str(folder)]
    process = subprocess.Popen(
        [python, "-c", code, "ingest", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        _wait_for(lambda: len(ids(opened())) == 2, seconds=30)
        (watched / ".hidden.txt").write_text("No one should read this sentence here.")
        (watched / "second.txt").write_text("Forty camels crossed the salt desert of Kharan last winter.")
        reader = opened()
        begun = time.monotonic()
        _wait_for(lambda: "Forty camels" in str(reader.ask("How many camels crossed the desert of Kharan?")), seconds=5)
        assert time.monotonic() - begun < 5
        here.pages["/feed"] = _rss((here.url("/1"), ""), (here.url("/2"), ""))
        here.pages["/2"] = html(
            page("The tower of the lighthouse is to be painted white again before the summer comes.", *_SENTENCES)
        )
        _wait_for(lambda: len(ids(opened())) == 4, seconds=20)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert "hidden" not in out
    assert out.count("added 1, unchanged 0, replaced 0, refused 0") >= 3


def test_a_page_that_a_feed_calls_changed_and_that_is_not_is_left_alone_for_hours(
    online: Engine, here: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was read again at every reading of its feed, for its snapshot keeps the day when it was first read."""
    here.pages.update({"/1": html(page()), "/feed": _rss((here.url("/1"), ""))})
    feeds = [here.url("/feed")]
    one = watch._Watch(online, [], feeds, 60, lambda report: None, threading.Event())
    one._ingest((), feeds)
    here.pages["/feed"] = _rss((here.url("/1"), "Sat, 16 Sep 2124 17:31:00 +0500"))
    for _ in range(3):
        one._ingest((), feeds)
    assert here.paths() == ["/feed", "/1", "/feed", "/1", "/feed", "/feed"]
    monkeypatch.setattr(watch, "HOURS_UNTIL_TRIED_AGAIN", 0)
    one._passed_over = dict.fromkeys(one._passed_over, time.monotonic())
    one._ingest((), feeds)
    assert here.paths()[-2:] == ["/feed", "/1"]


def _wait_for(condition: object, *, seconds: float) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come in time"
        time.sleep(0.1)


def test_what_cannot_be_watched_is_one_line(quoth: Quoth) -> None:
    refused = quoth("ingest", "--watch", "nowhere")
    assert refused.code == 3
    assert refused.err.splitlines()[-1] == (
        "quoth: nowhere: expected a folder or a feed's address to watch, found neither; check the path"
    )
