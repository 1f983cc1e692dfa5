"""Feeds and sitemaps: what they list, in every form of them, and the hostile ones."""

from __future__ import annotations

import gzip
import subprocess
import sys
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.datamodel import Validators
from retrieval.errors import RefusedSource
from retrieval.web import feed
from retrieval.web.feed import Entry, Listing, listing
from retrieval.web.fetch import Fetched

URL = "https://herald.test/news/feed"
RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/"
     xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>گوادر</title><link>https://herald.test/</link>
<atom:link rel="self" href="https://herald.test/news/feed"/>
%s</channel></rss>"""


def listed(text: str | bytes, *, encoding: str | None = None, url: str = URL, media_type: str = "") -> Listing:
    raw = text.encode() if isinstance(text, str) else text
    return listing(Fetched(url, media_type, encoding, raw, Validators()))


def rss(items: str) -> list[tuple[str, str | None]]:
    return [(entry.url, entry.updated) for entry in listed(RSS % items).entries]


def refusal(text: str | bytes) -> str:
    """The one line that a feed is refused with."""
    with pytest.raises(RefusedSource) as caught:
        listed(text)
    line = str(caught.value)
    assert line.startswith(f"{URL}: expected ")
    assert "\n" not in line
    return line


# Forms


def test_rss_2_newest_first_then_those_without_a_date() -> None:
    items = """
      <item><link>https://herald.test/none</link></item>
      <item><link>https://herald.test/old</link><pubDate>Mon, 02 Jun 2025 09:30:00 +0500</pubDate></item>
      <item><link> https://herald.test/new#top </link><pubDate>Mon, 02 Jun 2025 06:00:00 GMT</pubDate></item>
      <item><title>a second</title><link>https://HERALD.test/old</link></item>"""
    assert rss(items) == [
        ("https://herald.test/new", "2025-06-02T06:00:00+00:00"),
        ("https://herald.test/old", "2025-06-02T09:30:00+05:00"),
        ("https://herald.test/none", None),
    ]


@pytest.mark.parametrize(
    ("item", "url"),
    [
        ("<link>/a</link>", "https://herald.test/a"),
        ("<link>a?b=1&amp;c=2</link>", "https://herald.test/news/a?b=1&c=2"),
        ("<link>a?b=1&c=2</link>", "https://herald.test/news/a?b=1&c=2"),
        ("<link><![CDATA[ https://herald.test/a?b=1&c=2 ]]></link>", "https://herald.test/a?b=1&c=2"),
        ("<link><![CDATA[/a?b&amp;<![CDATA[c]]>&d</link>", "https://herald.test/a?b&amp;%3C!%5BCDATA%5Bc&d"),
        ("<link>/a?b=&#38;c&#x26;&copy;d</link>", "https://herald.test/a?b=&c&&copy;d"),
        ("<guid>https://herald.test/a</guid>", "https://herald.test/a"),
        ("<guid>https://herald.test/b</guid><link>/a</link>", "https://herald.test/a"),
        ("<atom:link rel='self' href='/b'/><link>/a</link>", "https://herald.test/a"),
        (
            "<media:link>/b</media:link><media:content><link>/c</link></media:content><link>/a</link>",
            "https://herald.test/a",
        ),
        ("<link>/گوادر</link>", "https://herald.test/%DA%AF%D9%88%D8%A7%D8%AF%D8%B1"),
    ],
)
def test_the_link_of_an_item(item: str, url: str) -> None:
    assert rss(f"<item>{item}</item>") == [(url, None)]


@pytest.mark.parametrize(
    "item",
    [
        "",
        "<link/>",
        "<guid isPermaLink='false'>https://herald.test/a</guid>",
        "<guid>tag-7</guid>",
        "<link>mailto:sana@herald.test</link>",
        "<link>javascript:alert(1)</link>",
        "<link>file:///etc/passwd</link>",
        "<link>https://sana:Gw4dar@herald.test/</link>",
        "<link>http://[/</link>",
    ],
)
def test_what_is_no_page_is_left_out(item: str) -> None:
    assert rss(f"<item>{item}</item><item><link>/z</link></item>") == [("https://herald.test/z", None)]


@pytest.mark.parametrize(
    ("date", "updated"),
    [
        ("<pubDate>Mon, 02 Jun 25 09:30 EST</pubDate>", "2025-06-02T09:30:00-05:00"),
        ("<dc:date>2025-06-02T09:30Z</dc:date>", "2025-06-02T09:30Z"),
        ("<dc:date>2025-06</dc:date>", "2025-06"),
        ("<dc:date>2025</dc:date>", "2025"),
        ("<pubDate>2025-06-02 09:30:00 +05:00</pubDate>", "2025-06-02T09:30:00+05:00"),
        ("<pubDate>Mon, 02 Jun 2025 09:30:00 GMT</pubDate><atom:updated>2025-06-03</atom:updated>", "2025-06-03"),
        ("<pubDate>yesterday</pubDate>", None),
        ("<pubDate>Mon, 99 Jun 2025 09:30:00 GMT</pubDate>", None),
        ("<dc:date>2025-13-40</dc:date>", None),
        ("<dc:date>0001-01-01T00:00:00+14:00</dc:date>", "0001-01-01T00:00:00+14:00"),
        ("<pubDate></pubDate>", None),
        ("<pubDate>" + "9" * 10_000 + "</pubDate>", None),
    ],
)
def test_dates(date: str, updated: str | None) -> None:
    assert rss(f"<item><link>/a</link>{date}</item>") == [("https://herald.test/a", updated)]


def test_atom() -> None:
    text = """<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://base.test/x/"><link href="/"/>
      <entry><link rel="enclosure" href="b.mp3"/><link rel="alternate" href="b"/><link href="c"/>
        <published>2025-06-01</published><updated>2025-06-02T10:00:00Z</updated>
        <source><link href="https://other.test/"/><updated>2026-01-01</updated></source></entry>
      <entry xml:base="y/"><link href="d"/><updated>2025-06-03T10:00:00Z</updated></entry></feed>"""
    assert listed(text).entries == (
        Entry("https://base.test/x/y/d", "2025-06-03T10:00:00Z"),
        Entry("https://base.test/x/b", "2025-06-02T10:00:00Z"),
    )


@pytest.mark.parametrize(
    "text",
    [
        """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
           xmlns:dc="http://purl.org/dc/elements/1.1/"><channel/><item rdf:about="https://herald.test/b">
           <link>https://herald.test/a</link><dc:date>2025-06-02</dc:date></item></rdf:RDF>""",
        """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">
           <item rdf:about="https://herald.test/a"><date xmlns="http://purl.org/dc/terms/">2025-06-02</date></item></rdf:RDF>""",
        """<!DOCTYPE rss SYSTEM "http://127.0.0.1:9/rss-0.91.dtd"><rss version="0.91"><channel><item>
           <link>https://herald.test/a</link><pubDate>2025-06-02</pubDate></item></channel></rss>""",
        """<feed version="0.3" xmlns="http://purl.org/atom/ns#"><entry><link rel="alternate" href="https://herald.test/a"/>
           <modified>2025-06-02</modified><issued>2025-06-01</issued></entry></feed>""",
        """<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:i="http://www.google.com/schemas/sitemap-image/1.1">
           <url><i:image><i:loc>https://herald.test/i.jpg</i:loc></i:image><i:loc>https://herald.test/b</i:loc>
           <loc>https://herald.test/a</loc><lastmod>2025-06-02</lastmod></url></urlset>""",
    ],
    ids=["RSS 1.0", "RSS 1.0 about", "RSS 0.91", "Atom 0.3", "sitemap"],
)
def test_other_forms(text: str) -> None:
    assert listed(text) == Listing(entries=(Entry("https://herald.test/a", "2025-06-02"),))


SITEMAP_INDEX = """<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
  <sitemap><loc>/1.xml</loc><lastmod>2024-01-01</lastmod></sitemap>
  <sitemap><loc>/2.xml.gz</loc><lastmod>2025-01-01</lastmod></sitemap></sitemapindex>"""


def test_a_sitemap_index_lists_sitemaps_and_no_pages() -> None:
    sitemaps = (Entry("https://herald.test/2.xml.gz", "2025-01-01"), Entry("https://herald.test/1.xml", "2024-01-01"))
    assert listed(SITEMAP_INDEX) == Listing(sitemaps=sitemaps)


def test_a_packed_sitemap_is_unpacked() -> None:
    assert listed(gzip.compress(SITEMAP_INDEX.encode())) == listed(SITEMAP_INDEX)


def test_a_feed_without_entries_lists_nothing() -> None:
    assert listed(RSS % "") == Listing()


@pytest.mark.parametrize(
    ("encoding", "declared", "told"),
    [
        ("utf-8-sig", "utf-8", None),
        ("utf-16", "utf-16", None),
        ("utf-16-be", "utf-16", None),
        ("utf-32", "utf-32", None),
        ("gb18030", "gb2312", None),
        ("gb18030", "utf-8", "GBK"),
        ("utf-8", "no-such-encoding", None),
        ("utf-8", "unicode_escape", None),
        ("utf-8", "utf-16", None),
        ("utf-16-le", "utf-16", "utf-16"),
    ],
)
def test_a_feed_in_another_encoding(encoding: str, declared: str, told: str | None) -> None:
    text = f"<?xml version='1.0' encoding='{declared}'?><rss><item><link>/港口</link></item></rss>"
    assert listed(text.encode(encoding), encoding=told).entries[0].url == "https://herald.test/%E6%B8%AF%E5%8F%A3"


def test_a_broken_feed_gives_what_can_be_read() -> None:
    assert rss("<item><link>/a</link><title>Tom & Jerry &nbsp; <b></title></item><item><link>/b</link></chan") == [
        ("https://herald.test/a", None),
        ("https://herald.test/b", None),
    ]


# What is refused


def test_a_web_page_is_refused_and_its_feed_named() -> None:
    page = """<!DOCTYPE html><html><head><link rel="stylesheet" href="x.css">
      <link rel="alternate" type="application/json" href="/x.json">
      <link rel="Alternate home" type="Application/RSS+XML" href="../rss"></head><body><p>A & B<br></body></html>"""
    assert refusal(page) == (
        f"{URL}: expected an RSS or Atom feed or a sitemap, found a web page; "
        "give the feed that it names: https://herald.test/rss"
    )


@pytest.mark.parametrize(
    "text",
    [
        "<html><head><title>x</title></head><body>y</body></html>",
        "<html><head><link rel=alternate type=application/rss+xml href='javascript:alert(1)'></head></html>",
    ],
)
def test_a_web_page_without_a_feed_is_refused(text: str) -> None:
    assert refusal(text).endswith("found a web page; give the feed's address")


@pytest.mark.parametrize(
    "text", [b"", b" ", b"hello", b"{}", b"<a/>", b"<", b"%PDF-1.7", bytes(range(256)), b"\0" * 99]
)
def test_what_is_no_feed_is_refused(text: bytes) -> None:
    assert refusal(text).endswith("found none; give the feed's address")


LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefghi", "bcdefghij", strict=True))
    + "]><rss><item><link>&j;</link></item></rss>"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize(
    "text",
    [
        LAUGHS,
        LAUGHS.replace("rss>", "urlset>").replace("item>", "url>"),
        '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><item><link>/&x;</link></item></rss>',
        '<!DOCTYPE r [<!entity % x SYSTEM "http://169.254.169.254/"> %x;]><rss/>',
    ],
    ids=["rss", "sitemap", "file", "network"],
)
def test_a_billion_laughs_are_refused(text: str, encoding: str) -> None:
    assert "without entity declarations, found one" in refusal(text.encode(encoding))


@pytest.mark.parametrize(
    "packed", [gzip.compress(bytes(60_000_000), 3), gzip.compress(b"<rss>" + b" " * 60_000_000, 3)]
)
def test_a_packed_bomb_is_refused_in_little_memory(packed: bytes) -> None:
    tracemalloc.start()
    try:
        assert "at most 20 MB, found more" in refusal(packed)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * 20_000_000


def test_a_damaged_archive_is_refused() -> None:
    assert "damaged" in refusal(gzip.compress(RSS.encode())[:-9])


def test_ten_thousand_entries_are_taken_and_the_newest_of_them(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert feed.MOST_ENTRIES == 10_000
    monkeypatch.setattr(feed, "MOST_ENTRIES", 100)
    items = "".join(f"<url><loc>/{n}</loc><lastmod>{2000 + n % 25}</lastmod></url>" for n in range(105))
    found = listed(f"<urlset>{items}</urlset>").entries
    assert len({entry.url for entry in found}) == len(found) == 100
    assert [entry.updated for entry in found[:4]] == ["2024"] * 4
    assert found[0] == Entry("https://herald.test/24", "2024")
    assert "5 left out" in caplog.text


@pytest.mark.parametrize(
    "piece",
    [
        "<a",
        "<a>",
        "<a b='",
        "<!--",
        "<![CDATA[",
        "&a;",
        "<!DOCTYPE ",
        "<item>",
        "<item/>",
        "<a xmlns='b'>",
        "<![",
        "]]>",
    ],
)
def test_no_repetition_takes_long(piece: str) -> None:
    """feedparser's lenient parser needs time by the square of these: half a second at 16 KB, days at 20 MB."""
    began = time.process_time()
    listed("<rss>" + piece * 20_000)
    assert time.process_time() - began < 2


def test_a_base_that_is_no_address_is_not_joined_to_each_entry() -> None:
    """A base of megabytes under each of 10,000 entries would be gigabytes to copy."""
    base = "https://base.test/" + "a" * 4000
    text = f"<feed xmlns='http://www.w3.org/2005/Atom' xml:base='{base}'><entry><link href='b'/></entry></feed>"
    assert listed(text).entries == (Entry("https://herald.test/news/b"),)


def test_more_marks_than_any_feed_has_are_refused() -> None:
    assert "marks, found more" in refusal("<rss>" + "<a/>" * 1_000_001)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from([*"<>/&;=' \0a", "rss", "item", "link", "<!--", "-->", "<![CDATA[", "]]>", "html", "xmlns:"])
    )
)
def test_any_text_is_listed_or_refused(pieces: list[str]) -> None:
    try:
        found = listed("<rss><item><link>/a</link></item>" + "".join(pieces))
    except RefusedSource:
        return
    assert Entry("https://herald.test/a") in found.entries


def test_the_command_line_does_not_load_what_only_fetching_needs() -> None:
    code = "import sys, retrieval.web; print([n for n in ('urllib3', 'lxml', 'protego', 'brotli') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
