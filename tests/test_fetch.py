"""Pages over HTTP, within limits, politely."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from web_server import PEM, Asked, Page, Site, fetcher, raw_server, refusal, site

from retrieval.datamodel import Validators
from retrieval.errors import RefusedSource
from retrieval.web import robots
from retrieval.web.fetch import Fetcher
from retrieval.web.guard import unpacked
from retrieval.web.robots import Robots

pytestmark = pytest.mark.usefixtures("connected")  # which lets nothing leave this machine

TEXT = "گوادر کی بندرگاہ نے پیر کو نیا ٹرمینل کھولا۔ ".encode() * 40
PAGE = Page(TEXT, {"Content-Type": "Text/HTML; Charset=UTF-8", "ETag": '"v1"', "Last-Modified": "Mon, 02 Jun 2025"})


# What comes back


def test_a_page_comes_with_its_type_charset_and_validators() -> None:
    with site({"/a": PAGE}) as here:
        found = fetcher(here.place).fetch(here.url("/a#part"))
    assert found is not None
    assert (found.url, found.media_type, found.encoding) == (here.url("/a"), "text/html", "utf-8")
    assert found.raw == TEXT
    assert found.validators == Validators('"v1"', "Mon, 02 Jun 2025")


def test_nothing_told_is_nothing_known() -> None:
    with site({"/a": Page(b"x")}) as here:
        found = fetcher(here.place).fetch(here.url("/a"))
    assert found is not None
    assert (found.media_type, found.encoding, found.validators) == ("", None, Validators())


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(TEXT)),
        ("X-GZip", gzip.compress(TEXT[:99]) + gzip.compress(TEXT[99:])),
        ("br", brotli.compress(TEXT)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", zlib.compress(TEXT, wbits=-15)),
        ("identity", TEXT),
    ],
    ids=["gzip", "members", "br", "deflate", "bare", "identity"],
)
def test_what_is_packed_is_unpacked(coding: str, packed: bytes) -> None:
    with site({"/a": Page(packed, {"Content-Encoding": coding})}) as here:
        found = fetcher(here.place).fetch(here.url("/a"))
    assert found is not None
    assert found.raw == TEXT


@settings(max_examples=50)
@given(st.binary(max_size=2000), st.integers(1, 300))
def test_unpacking_does_not_depend_on_where_chunks_end(raw: bytes, size: int) -> None:
    for coding, packed in [("gzip", gzip.compress(raw)), ("br", brotli.compress(raw)), ("deflate", zlib.compress(raw))]:
        chunks = [packed[start : start + size] for start in range(0, len(packed), size)]
        assert b"".join(unpacked(chunks, coding)) == raw


@pytest.mark.parametrize("validators", [Validators(etag='"v1"'), Validators(last_modified="Mon, 02 Jun 2025")])
def test_a_page_that_has_not_changed_is_not_sent_again(validators: Validators) -> None:
    def answer(asked: Asked) -> Page:
        same = asked.headers.get("If-None-Match") == '"v1"' or "If-Modified-Since" in asked.headers
        return Page(status=304) if same else PAGE

    with site({"/a": answer}) as here:
        one = fetcher(here.place)
        assert one.fetch(here.url("/a")) is not None
        assert one.fetch(here.url("/a"), validators) is None


def test_not_modified_without_a_question_is_refused() -> None:
    with site({"/a": Page(status=304)}) as here:
        assert "found HTTP 304 Not Modified" in refusal(here.url("/a"), here.place)


def test_redirects_are_followed_to_where_the_page_is() -> None:
    pages = {f"/{n}": Page(status=301 + n % 2, headers={"Location": f"/{n + 1}"}) for n in range(5)}
    with site({**pages, "/5": PAGE}) as here:
        found = fetcher(here.place).fetch(here.url("/0"))
    assert found is not None
    assert found.url == here.url("/5")


# Limits


@pytest.mark.parametrize(
    ("pages", "found"),
    [
        ({"/a": Page(status=302, headers={"Location": "/a"})}, "redirects in a circle"),
        ({"/a": Page(status=302)}, "leads nowhere"),
        ({"/a": Page(status=302, headers={"Location": "http://[/"})}, "leads nowhere"),
        ({"/a": Page(status=404)}, "404 Not Found"),
        ({"/a": Page(status=500)}, "500 Internal Server Error"),
        ({"/a": Page(b"\x1f\x8bjunk", {"Content-Encoding": "gzip"})}, "damaged"),
        ({"/a": Page(gzip.compress(TEXT)[:-9], {"Content-Encoding": "gzip"})}, "damaged"),
        ({"/a": Page(brotli.compress(TEXT)[:-9], {"Content-Encoding": "br"})}, "damaged"),
        ({"/a": Page(b"x", {"Content-Encoding": "gzip, gzip"})}, "damaged"),
        ({"/a": Page(b"x", {"Content-Length": "9"})}, "cut short"),
        (
            {"/a": Page(status=302, headers={"Location": "ftp://127.0.0.1/"})},
            "redirected to ftp://127.0.0.1/: expected",
        ),
        ({"/a": Page(status=302, headers={"Location": "file:///etc/passwd"})}, "redirected to file:///etc/passwd"),
    ],
)
def test_an_answer_that_is_no_page_is_refused(pages: dict[str, Page], found: str) -> None:
    with site(pages) as here:
        assert found in refusal(here.url("/a"), here.place)


def test_more_than_five_redirects_are_refused() -> None:
    pages = {f"/{n}": Page(status=307, headers={"Location": f"/{n + 1}"}) for n in range(9)}
    with site(pages) as here:
        assert "at most 5 redirects" in refusal(here.url("/0"), here.place)
        assert len(here.paths()) == 1 + 5


def test_two_gigabytes_are_refused_before_they_are_read() -> None:
    with raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000000\r\n\r\n") as place:
        assert "at most 20 MB, found 2000.0 MB" in refusal(f"http://{place}/", place)


@pytest.mark.parametrize(
    ("coding", "pack"),
    [("gzip", gzip.compress), ("br", partial(brotli.compress, quality=3)), ("deflate", zlib.compress), ("", bytes)],
    ids=["gzip", "br", "deflate", "plain"],
)
def test_a_bomb_is_refused_in_little_memory(coding: str, pack: Callable[[bytes], bytes]) -> None:
    """Without Content-Length: what counts is what it unpacks to."""
    opening = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\n\r\n".encode() + pack(bytes(20_000_000))
    with raw_server(opening) as place:
        tracemalloc.start()
        try:
            line = refusal(f"http://{place}/", place, largest_bytes=1_000_000)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert "at most 1 MB, found more" in line
    assert peak < 6_000_000


def test_a_million_empty_gzip_members_are_refused() -> None:
    with pytest.raises(ValueError, match="members"):
        list(unpacked([gzip.compress(b"") * 5000], "gzip"))


_OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("opening", "drip"),
    [
        (b"", b""),
        (b"", b"HTTP/1.1 200 OK\r\n"),
        (_OK, b"X-A: b\r\n"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, b"HTTP/1.1 100 Continue\r\n\r\n"),
        (_OK + b"\r\n", b"x"),
        (_OK + b"Content-Length: 999\r\n\r\n", b"x"),
        (_OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (_OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(TEXT)[:-20], b""),
    ],
    ids=["silent", "status", "headers", "continue", "body", "length", "chunks", "gzip"],
)
def test_a_server_that_sends_a_byte_at_a_time_is_left(opening: bytes, drip: bytes) -> None:
    with raw_server(opening, drip) as place:
        began = time.monotonic()
        line = refusal(f"http://{place}/", place, seconds=0.15)
        assert time.monotonic() - began < 10  # and not for ever
    assert "the whole answer within 0.15 s, found a slower server" in line


@pytest.mark.parametrize("drip", [b"", b"\x16\x03\x03\x40\x00"], ids=["silent", "bytes"])
def test_a_handshake_that_stalls_is_left(drip: bytes) -> None:
    with raw_server(b"", drip, reads=False) as place:
        began = time.monotonic()
        line = refusal(f"https://{place}/", place, seconds=0.15)
        assert time.monotonic() - began < 10  # and not for ever
    assert "within 0.15 s" in line


def test_the_time_is_that_of_all_redirects_together() -> None:
    def slow(asked: Asked) -> Page:
        time.sleep(0.15)
        return Page(status=302, headers={"Location": asked.path + "a"})

    with site({"/" + "a" * n: slow for n in range(9)}) as here:
        assert "within 0.35 s" in refusal(here.url("/"), here.place, seconds=0.35)


def test_a_name_that_is_never_found_out_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: object, **__: object) -> list[object]:
        time.sleep(0.4)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert "within 0.1 s" in refusal("http://slow.test/", seconds=0.1)


@pytest.mark.parametrize(
    "opening", [b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a" * 70_000]
)
def test_what_speaks_no_http_is_refused(opening: bytes) -> None:
    with raw_server(opening) as place:
        assert "something else" in refusal(f"http://{place}/", place)


def test_a_server_that_is_not_there_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        place = f"127.0.0.1:{listening.getsockname()[1]}"
    assert "found: Connection refused" in refusal(f"http://{place}/", place)


# TLS


@pytest.fixture
def pem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The key and certificate of quoth.test, which is trusted."""
    path = tmp_path / "quoth.pem"
    path.write_text(PEM)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return path


def test_the_certificate_is_that_of_the_name_and_not_of_the_address(pem: Path, names: Callable[..., list[str]]) -> None:
    names({"quoth.test": [["127.0.0.1"]], "other.test": [["127.0.0.1"]]})
    with site({"/a": PAGE}, pem) as here:
        places = [here.place.replace("127.0.0.1", host) for host in ("quoth.test", "other.test")]
        found = fetcher(*places).fetch(here.url("/a", "quoth.test"))
        assert found is not None
        assert found.raw == TEXT
        assert "found: Hostname mismatch" in refusal(here.url("/a", "other.test"), *places)


def test_a_certificate_that_nobody_vouches_for_is_refused(pem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with site({"/a": PAGE}, pem) as here:
        assert "a valid certificate, found: self-signed certificate" in refusal(here.url("/a"), here.place)


def test_a_server_without_tls_is_refused() -> None:
    with site({"/a": PAGE}) as here:
        assert "a TLS connection" in refusal(here.url("/a").replace("http:", "https:"), here.place)


# Politeness


def rules(text: str, status: int = 200) -> Page:
    return Page(text.encode(), status=status)


@pytest.mark.parametrize(
    ("page", "is_read"),
    [
        (rules("User-agent: *\nDisallow: /a"), False),
        (rules("User-agent: quoth\nDisallow: /a\n\nUser-agent: *\nAllow: /"), False),
        (rules("User-agent: *\nDisallow: /\n\nUser-agent: Quoth\nAllow: /"), True),
        (rules("User-agent: quo\nDisallow: /"), True),
        (rules("User-agent: otherbot\nUser-agent: another\nDisallow: /"), True),
        (rules("User-agent: otherbot\rUser-agent: Quoth/2.0\rDisallow: /*a$"), False),
        (rules("\ufeffUser-agent: *\nDisallow: /a"), False),
        (rules("User-agent: *\nDisallow: /b\n" + "#" * 600_000 + "\nDisallow: /a"), True),
        (rules("<html>not found</html>"), True),
        (rules("", 404), True),
        (rules("", 403), True),
        (rules("", 429), False),
        (rules("", 503), False),
        (Page(status=302, headers={"Location": "/rules"}), False),
        (Page(status=302, headers={"Location": "http://169.254.169.254/"}), False),
        (Page(b"x", {"Content-Length": "9"}), False),
    ],
)
def test_robots_txt_is_obeyed(page: Page, is_read: bool) -> None:  # noqa: FBT001 - a row of the table
    with site({"/a": PAGE, "/robots.txt": page, "/rules": rules("User-agent: *\nDisallow: /a")}) as here:
        if is_read:
            assert fetcher(here.place).fetch(here.url("/a")) is not None
        else:
            refusal(here.url("/a"), here.place)
        assert here.paths().count("/a") == int(is_read)


def test_robots_txt_is_obeyed_where_a_redirect_leads() -> None:
    pages = {
        "/a": Page(status=302, headers={"Location": "/b/../c"}),
        "/robots.txt": rules("User-agent: *\nDisallow: /c"),
    }
    with site(pages) as here:
        line = refusal(here.url("/a"), here.place)
    assert line == (
        f"{here.url('/a')}: redirected to {here.url('/c')}: expected a page that programs may read, "
        "found robots.txt forbids it; save the page by hand"
    )


def test_robots_txt_is_asked_for_once_an_hour_and_not_by_each_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def both(here: Site, one: Fetcher) -> int:
        before = len(here.asked)
        threads = [threading.Thread(target=one.fetch, args=(here.url("/a"),)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [asked.path for asked in here.asked[before:]].count("/robots.txt")

    with site({"/a": PAGE}) as here:
        assert both(here, fetcher(here.place)) == 1
        monkeypatch.setattr(robots, "FRESH_SECONDS", -1.0)
        assert both(here, fetcher(here.place)) == 4


def test_a_host_is_asked_at_a_polite_rate_by_all_threads_together() -> None:
    with site({"/a": PAGE}) as here:
        one = fetcher(here.place, seconds_between=0.3, seconds=1.2)  # without the time in turn
        threads = [threading.Thread(target=one.fetch, args=(here.url("/a"),)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        times = [asked.at for asked in here.asked]
    assert len(times) == 1 + 5
    assert max(times) - min(times) > 5 * 0.3 - 0.25  # a busy machine may be late with the first


def test_the_delay_that_a_site_wants_is_kept() -> None:
    with site({"/a": PAGE, "/robots.txt": rules("User-agent: *\nCrawl-delay: 0.6")}) as here:
        assert fetcher(here.place).fetch(here.url("/a")) is not None
    assert here.asked[1].at - here.asked[0].at > 0.6 - 0.3


@pytest.mark.parametrize(("told", "seconds"), [("7", 7.0), ("86400", 30.0), ("-1", 0.0), ("inf", 0.0), ("soon", 0.0)])
def test_a_delay_is_at_most_half_a_minute(told: str, seconds: float) -> None:
    text = f"User-agent: *\nCrawl-delay: {told}".encode()
    assert Robots("Quoth/1").delay("http://a.test/", "http://a.test", lambda _: (200, text)) == seconds


def test_half_a_rule_at_the_end_of_what_is_read_is_no_rule() -> None:
    whole = b"User-agent: *\n" + b"#" * robots.LARGEST_ROBOTS_BYTES
    for end, is_read in [(b"\nDisallow: /", True), (b"\nDisallow: /\nDisallow: /a", False)]:
        try:
            Robots("Quoth/1").delay("http://a.test/b", "http://a.test", lambda _, end=end: (200, whole + end))  # type: ignore[misc]
        except RefusedSource:
            assert not is_read
        else:
            assert is_read


def test_names_and_rules_do_not_multiply() -> None:
    """3,000 names above 3,000 rules: 9,000,000 rules in memory, were each kept for each name."""
    text = "".join(f"User-agent: a{n}\n" for n in range(3000)) + "".join(f"Allow: /{n}\n" for n in range(3000))
    tracemalloc.start()
    try:
        Robots("Quoth/1").delay("http://a.test/", "http://a.test", lambda _: (200, text.encode()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000
