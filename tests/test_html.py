"""Saved web pages: what is read of them, what they say of themselves, and what is refused."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest
from conftest import Quoth
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval import articles, read
from retrieval.datamodel import Document
from retrieval.errors import RefusedSource
from retrieval.read.html import LARGEST_PAGE_BYTES, MEDIA_TYPE, read_html
from retrieval.read.original import Original

PARAGRAPHS = [
    "The harbour of Gwadar opened a new cargo terminal on Monday, the port authority said in a statement to reporters.",
    "It will handle twelve ships a day, twice as many as before, once the road to the north is finished next spring.",
    "“We have waited ten years for this day,” Ahsan Iqbal told a crowd of three hundred workers and their families.",
]
FIELDS = {
    "@context": "https://schema.org",
    "@graph": [
        {"@type": "WebSite", "name": "The Port Herald online"},
        {
            "@type": ["NewsArticle"],
            "headline": "Gwadar&#8217;s harbour opens",
            "datePublished": "2025-06-02T09:30:00+05:00",
            "dateModified": "2025-06-02T11:00:00+05:00",
            "publisher": {"@type": "Organization", "name": "The Port Herald"},
            "author": [{"@type": "Person", "name": "Sana Baloch"}, {"name": "https://example.org/team"}],
        },
    ],
}


def page(
    *paragraphs: str,
    fields: object = FIELDS,
    head: str = "",
    around: str = "",
    title: str = "Harbour | The Port Herald",
) -> str:
    body = "".join(f"<p>{text}</p>" for text in paragraphs or PARAGRAPHS)
    data = f'<script type="application/ld+json">{json.dumps(fields)}</script>' if fields else ""
    return (
        f'<!DOCTYPE html><html lang="en-PK"><head><meta charset="utf-8"><title>{title}</title>{head}{data}</head><body>'
        '<nav><ul><li><a href="/">Home</a></li><li><a href="/world">World</a></li></ul></nav>'
        f"<main><article><h1>Gwadar’s harbour opens</h1>{body}{around}</article></main>"
        "<footer>© 2026 The Port Herald. All rights reserved.</footer></body></html>"
    )


def document(folder: Path, html: str | bytes, name: str = "page.html") -> Document:
    path = folder / name
    path.write_bytes(html.encode() if isinstance(html, str) else html)
    (reading,) = read.readings(Original.of_file(path, str(path), fetched_at="2026-01-01T00:00:00+00:00"))
    if isinstance(reading, RefusedSource):
        raise reading
    (found,) = articles.documents(reading)
    return found


def body(found: Document) -> list[str]:
    return [span.of(found.snapshot.text) for span in found.body]


@pytest.mark.parametrize(
    ("names", "authors"),
    [
        (["admin"], ()),
        (["Sana Baloch", "admin", "Web Desk"], ("Sana Baloch", "Web Desk")),
        (["desk@herald.example"], ()),
    ],
)
def test_an_account_of_the_site_is_no_author(tmp_path: Path, names: list[str], authors: tuple[str, ...]) -> None:
    told = {"@type": "NewsArticle", "headline": "Gwadar’s harbour opens", "author": [{"name": name} for name in names]}
    assert document(tmp_path, page(fields=told)).authors == authors
    by_meta = document(tmp_path, page(fields=None, head=f'<meta name="author" content="{names[0]}">'))
    assert by_meta.authors == authors[:1]


def test_a_page_is_its_article_and_what_its_fields_say(tmp_path: Path) -> None:
    html = page(head='<link rel="canonical" href="https://herald.example/2025/harbour">')
    found = document(tmp_path, html)
    assert body(found) == PARAGRAPHS
    assert (found.title, found.publisher) == ("Gwadar’s harbour opens", "The Port Herald")
    assert (found.published, found.updated) == ("2025-06-02T09:30:00+05:00", "2025-06-02T11:00:00+05:00")
    assert (found.url, found.authors, found.language) == ("https://herald.example/2025/harbour", ("Sana Baloch",), "en")
    assert found.snapshot.media_type == MEDIA_TYPE
    assert found.snapshot.bytes_sha256 == hashlib.sha256(html.encode()).hexdigest()


def test_a_page_without_fields_lends_nothing(tmp_path: Path) -> None:
    found = document(tmp_path, page(fields=None, title="Gwadar’s harbour opens"))
    assert body(found) == PARAGRAPHS
    assert (found.title, found.publisher, found.published, found.url) == ("Gwadar’s harbour opens", None, None, None)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ('<meta property="article:published_time" content="2024-05-06T07:08:09Z">', "2024-05-06T07:08:09Z"),
        ('<meta name="publishdate" content="2024-05-06">', "2024-05-06"),
        ('<meta name="pubdate" content="Mon, 06 May 2024 07:08:09 +0500">', "2024-05-06T07:08:09+05:00"),
        ('<link rel="canonical" href="https://herald.example/2024/05/06/harbour/">', "2024-05-06"),
        ('<meta name="publishdate" content="yesterday">', None),
        ('<meta name="pubdate" content="Mon, 06 May 2024 07:08:09 +999999999999999">', None),
        ('<meta property="article:published_time" content="2024-13-45">', None),
    ],
)
def test_the_day_is_the_pages_own_or_absent(tmp_path: Path, head: str, expected: str | None) -> None:
    assert document(tmp_path, page(fields=None, head=head)).published == expected


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Ferry sails | The Port Herald", "Ferry sails"),
        ("Ferry sails - The Port Herald - 06.05.2024", "Ferry sails"),
        ("Ferry sails - and sinks", "Ferry sails - and sinks"),
        ("War – and peace", "War – and peace"),
    ],
)
def test_a_title_goes_without_the_site(tmp_path: Path, title: str, expected: str) -> None:
    head = f'<meta property="og:title" content="{title}"><meta property="og:site_name" content="The Port Herald">'
    assert document(tmp_path, page(fields=None, head=head)).title == expected


def test_half_a_surrogate_pair_in_a_field_is_dropped(tmp_path: Path) -> None:
    """Python's JSON takes it, and no UTF-8 holds it: one such headline ended the whole ingest."""
    fields = {
        "@type": "NewsArticle",
        "headline": "Gwadar opens \ud83d a harbour",
        "publisher": {"name": "Herald\udca9"},
    }
    found = document(tmp_path, page(fields=fields))
    assert (found.title, found.publisher) == ("Gwadar opens a harbour", "Herald")


@pytest.mark.parametrize(
    "other",
    [
        "<aside><p>Elsewhere a train left the rails near Quetta on Sunday, and forty were hurt in it.</p></aside>",
        "<figure><img src='a.jpg'><figcaption>A train near Quetta, photographed on Sunday by our man.</figcaption>"
        "</figure>",
        "<a href='/train'><h3>Train</h3><p>A train left the rails near Quetta on Sunday; forty were hurt.</p></a>",
        "<p>Read more: A train left the rails near Quetta on Sunday, and forty people were hurt in it.</p>",
        "<p>Sign up for our newsletter to have the train and all other news in your inbox every morning.</p>",
        "<p>Advertisement</p>",
    ],
)
def test_what_is_not_the_article_is_left_out(tmp_path: Path, other: str) -> None:
    assert body(document(tmp_path, page(around=other))) == PARAGRAPHS


def test_what_the_pages_data_give_as_body_tells_other_text_from_it(tmp_path: Path) -> None:
    whole = [*PARAGRAPHS, *(f"On day {number} of the week another ship called at the port." for number in range(9))]
    fields = {
        "@type": "NewsArticle",
        "headline": "Gwadar’s harbour opens",
        "articleBody": "<p>" + "</p><p>".join(whole),
    }
    strange = "The company has four hundred shops in twelve countries, and is known for the price of its carpets."
    assert body(document(tmp_path, page(*whole, strange, fields=fields))) == whole


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("page.htm", lambda html: html.encode()),
        ("page.html.gz", lambda html: gzip.compress(html.encode())),
        ("page.html", lambda html: html.replace("utf-8", "gb2312").encode("gb18030")),
        ("page.HTML", lambda html: html.encode("utf-8-sig")),
        ("page.html", lambda html: html.encode("utf-16")),
        ("page.html", lambda html: html.replace("utf-8", "utf-16").encode("utf-16")),
        ("page.html", lambda html: ("\ufeff" + html).encode("utf-16-be")),
        ("page.html", lambda html: html.replace("utf-8", "iso-8859-1").encode("cp1252")),
        (
            "page.mhtml",
            lambda html: (
                b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\n"
                b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
                + html.encode()
                + b"\r\n--b--\r\n"
            ),
        ),
    ],
)
def test_every_way_to_save_a_page_gives_the_same_text(tmp_path: Path, name: str, made: object) -> None:
    assert callable(made)
    assert body(document(tmp_path, made(page()), name)) == PARAGRAPHS


@pytest.mark.parametrize("name", ["utf-16", "idna", "unicode_escape", "no-such-encoding", "base64"])
def test_what_a_page_cannot_be_written_in_is_taken_for_utf_8(tmp_path: Path, name: str) -> None:
    """A name found among ASCII bytes is not that of UTF-16; a broken byte is forgiven."""
    raw = page().replace("utf-8", name).encode() + b"\xff"
    assert body(document(tmp_path, raw)) == PARAGRAPHS


def test_urdu_and_chinese_pages_keep_their_letters(tmp_path: Path) -> None:
    urdu = [
        "گوادر کی بندرگاہ پر پیر کے روز ایک نئے ٹرمینل کا افتتاح کیا گیا جہاں روزانہ بارہ جہاز لنگر انداز ہو سکیں گے۔",
        "وزیر منصوبہ بندی احسن اقبال نے کہا کہ اس دن کا دس سال سے انتظار تھا اور اب شمال کی سڑک پر کام شروع ہو گا۔",
    ]
    chinese = [
        "新华社伊斯兰堡六月二日电，瓜达尔港新货运码头周一正式启用，港务局表示每天可停靠十二艘货轮，是以前的两倍。",
        "巴基斯坦计划部长伊克巴尔在启用仪式上说，人们为这一天等待了整整十年，通往北方的公路将于明年春天完工通车。",
    ]
    for paragraphs in (urdu, chinese):
        assert body(document(tmp_path, page(*paragraphs))) == paragraphs


LINKS = "".join(f'<li><a href="/{number}">A headline of a story, number {number}</a></li>' for number in range(80))


@pytest.mark.parametrize(
    ("html", "found"),
    [
        (b"", "an empty file"),
        (b"<html><body></body></html>", "a page without one"),
        (f"<html><body><h1>Home</h1><ul>{LINKS}</ul></body></html>".encode(), "a page with"),
        (b"<html><body><p>Please log in.</p></body></html>", "a page with"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "a page with"),
        (b"<div>" * 100_000, "a page with"),
        (b"<" * 1_000_000, "a page with"),
    ],
    ids=["empty", "blank", "list", "login", "picture", "deep", "open"],
)
def test_a_page_without_an_article_is_one_line(tmp_path: Path, html: bytes, found: str) -> None:
    with pytest.raises(RefusedSource, match="found") as refused:
        document(tmp_path, html)
    assert found in str(refused.value) or "no HTML" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = gzip.compress(b"<p>" + b"a" * (LARGEST_PAGE_BYTES + 1))
    with pytest.raises(RefusedSource, match="at most 20 MB"):
        document(tmp_path, bomb, "bomb.html.gz")
    with pytest.raises(RefusedSource, match="damaged"):
        document(tmp_path, bomb[:1000], "cut.html.gz")
    with pytest.raises(RefusedSource, match="unpack it"):
        document(tmp_path, bomb, "notes.txt.gz")


def test_structured_data_that_never_ends_is_not_followed(tmp_path: Path) -> None:
    deep = "[" * 100_000 + "]" * 100_000
    html = page(fields=None, head=f'<script type="application/ld+json">{deep}</script>')
    assert body(document(tmp_path, html)) == PARAGRAPHS


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(["<p>", "</p>", "<a href='x'>", "</a>", "<script>", "<!--", "-->", "<h1>", "text. ", "&#0;"])
    )
)
def test_of_any_page_comes_a_reading_or_one_line(parts: list[str]) -> None:
    raw = "".join(parts).encode()
    try:
        (reading,) = read_html(Original("a.html", "a.html", ".html", "2026", raw=raw))
    except RefusedSource:  # any other error is a fault
        return
    assert reading.snapshot.text.strip()


def test_a_page_is_ingested_and_a_list_of_links_refused(quoth: Quoth, tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "harbour.html").write_text(page())
    (folder / "home.html").write_text(f"<html><body><h1>Home</h1><ul>{LINKS}</ul></body></html>")
    ingested = quoth("--library", str(tmp_path / "library"), "ingest", str(folder))
    assert ingested.out.startswith("added 1, unchanged 0, replaced 0, refused 1\n")
    assert any("home.html" in line and "expected an article" in line for line in ingested.out.splitlines())
    shown = quoth("--library", str(tmp_path / "library"), "ask", "How many ships will the terminal handle?")
    assert "twelve ships a day" in shown.out
    assert "The Port Herald" in shown.out
