"""Links: a browser that follows the specification finds the quote; Telegram keeps what is called linkable."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import escape
from urllib.parse import unquote, urlsplit

import pytest
import tdjson
from hypothesis import example, given
from hypothesis import strategies as st

from bot.telegram.links import MAX_LENGTH, bibtex, citation_text, linkable, shortened, text_fragment, units
from retrieval.datamodel import Document, Excerpt, Snapshot, Span

PAGE = "https://example.com/news"
tdjson.td_execute(b'{"@type":"setLogVerbosityLevel","new_verbosity_level":0}')


def telegram_link(url: str) -> str | None:
    """The address of a link as Telegram's parser keeps it; None where it drops the link."""
    html = f'<a href="{escape(url)}">x</a>'
    request = {"@type": "parseTextEntities", "text": html, "parse_mode": {"@type": "textParseModeHTML"}}
    found = json.loads(tdjson.td_execute(json.dumps(request).encode()) or b"{}")
    assert found.get("text") == "x", found
    return next((entity["type"]["url"] for entity in found["entities"]), None)


def directive(url: str) -> tuple[str | None, str, str | None, str | None]:
    """Prefix, start, end and suffix of a text directive: the parsing steps of the specification (3.5)."""
    _, found, terms = url.partition(":~:text=")
    assert found
    assert "&" not in terms
    tokens = terms.split(",")
    assert 1 <= len(tokens) <= 4
    prefix = unquote(tokens.pop(0)[:-1], errors="strict") if tokens[0].endswith("-") else None
    suffix = unquote(tokens.pop()[1:], errors="strict") if tokens[-1].startswith("-") else None
    assert 1 <= len(tokens) <= 2
    assert all("-" not in token for token in tokens)
    start, *end = (unquote(token, errors="strict") for token in tokens)
    return prefix, start, end[0] if end else None, suffix


def found_by_browser(url: str, text: str) -> str | None:
    """What a browser would mark: the first start (right after the prefix), then the first end, case ignored."""
    prefix, start, end, _ = directive(url)
    page = " ".join(text.split())
    folded = page.lower()
    at = 0
    if prefix is not None:
        at = folded.find(f"{prefix} {start}".lower())
        if at < 0:
            return None
        at += len(prefix) + 1
    low = folded.find(start.lower(), at)
    if low < 0 or end is None:
        return page[low : low + len(start)] if low >= 0 else None
    high = folded.find(end.lower(), low + len(start))
    return page[low : high + len(end)] if high >= 0 else None


def link(text: str, quote: str, url: str = PAGE) -> str:
    at = text.rindex(quote)
    return text_fragment(url, text, Span(at, at + len(quote)))


def test_a_short_quote_is_given_whole() -> None:
    """The specification's first example."""
    assert (
        link("an example text fragment", "an example text fragment") == f"{PAGE}#:~:text=an%20example%20text%20fragment"
    )


def test_a_long_quote_is_given_by_its_first_and_last_words() -> None:
    text = "We were able to add over 8,000 megawatts of electricity to our grid, he told CGTN on Monday in Beijing."
    assert link(text, text) == f"{PAGE}#:~:text=We%20were%20able%20to,on%20Monday%20in%20Beijing."


def test_what_the_syntax_needs_is_encoded() -> None:
    """A dash, a comma and an ampersand would split the directive; so is all else that may mean something."""
    assert link("state-of-the-art, Q&A 100%", "state-of-the-art, Q&A 100%") == (
        f"{PAGE}#:~:text=state%2Dof%2Dthe%2Dart%2C%20Q%26A%20100%25"
    )


def test_white_space_is_single_spaces() -> None:
    assert link("Two \t words\u00a0here", "Two \t words\u00a0here") == f"{PAGE}#:~:text=Two%20words%20here"


def test_an_existing_fragment_stays_and_an_existing_directive_goes() -> None:
    assert link("True.", "True.", f"{PAGE}#part") == f"{PAGE}#part:~:text=True."
    assert link("True.", "True.", f"{PAGE}#part:~:text=False") == f"{PAGE}#part:~:text=True."
    assert link("True.", "True.", f"{PAGE}#:~:text=False") == f"{PAGE}#:~:text=True."


def test_paragraphs_are_told_by_their_first_and_last_words() -> None:
    """One text alone may not go over a block's end; two parts may."""
    text = "Rain fell.\n\nSchools closed.\nIt is over."
    assert link(text, text) == f"{PAGE}#:~:text=Rain%20fell.,It%20is%20over."


def test_words_that_stand_earlier_as_well_are_told_apart() -> None:
    """More words where that helps, else the words before (the specification's prefix)."""
    longer = "The grid can now carry gas. The grid can now carry power to every house in the whole valley, they said."
    quote = longer[28:]
    assert directive(link(longer, quote))[1] == "The grid can now carry power"
    assert found_by_browser(link(longer, quote), longer) == quote
    twice = "Did it rain? Yes. Did the sun shine on the port? Yes."
    assert link(twice, "Yes.") == f"{PAGE}#:~:text=on%20the%20port%3F-,Yes."


def test_last_words_that_stand_earlier_in_the_quote_are_told_apart() -> None:
    text = "It rains on the old port today. And much later in the year it snows on the old port today."
    assert directive(link(text, text))[1:3] == ("It rains on the", "snows on the old port today.")
    assert found_by_browser(link(text, text), text) == text


def test_chinese_is_cut_at_its_punctuation() -> None:
    """Within a clause only a dictionary knows where words end, and a browser's may differ."""
    text = "中国国际服务贸易交易会在北京举行，来自各国的代表参加了会议，并签署了两份谅解备忘录。"
    assert directive(link(text, text))[1:3] == ("中国国际服务贸易交易会在北京举行，", "并签署了两份谅解备忘录。")


@pytest.mark.parametrize("quote", ["…", "\n \n", "!?"])
def test_without_a_word_there_is_no_directive(quote: str) -> None:
    assert link(quote, quote) == PAGE


def test_what_would_be_too_long_has_no_directive() -> None:
    """Three hundred Chinese characters without punctuation are 2,700 once encoded."""
    assert link("电" * 300, "电" * 300) == PAGE


_WORDS = st.sampled_from(
    "the The grid, 8,000 well-known Q&A 100% بجلی پیدا ہوئی۔ 电力供应，增长。 “no” \n \t é e\u0301 👍 #1 a/b".split(" ")
)
_TEXT = st.lists(_WORDS | st.text(st.characters(exclude_categories=["Cs"]), max_size=6), min_size=1, max_size=60).map(
    " ".join
)


@given(_TEXT, st.data())
def test_any_directive_holds_words_of_the_quote_in_order(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1)) if text else 0
    end = data.draw(st.integers(start + 1, len(text))) if text else 1
    text = text or "x"
    url = text_fragment(PAGE, text, Span(start, end))
    assert len(url) <= MAX_LENGTH
    assert re.fullmatch(r"https://example\.com/news(#:~:text=[A-Za-z0-9._~%,-]+)?", url)
    assert urlsplit(url).path == "/news"
    assert telegram_link(url) == url
    if ":~:" not in url:
        return
    _, first, last, suffix = directive(url)
    quote = " ".join(text[start:end].split())
    assert suffix is None
    assert quote.find(first) >= 0
    assert last is None or quote.find(last, quote.find(first) + len(first)) > 0


@given(st.lists(st.sampled_from("Rain fell on the grid and port again. Yes, it did.".split()), min_size=1, max_size=50))
def test_a_browser_finds_the_quote_even_among_the_same_words(words: list[str]) -> None:
    """A page of few words, often repeated: what is marked begins with the quote's first word and ends with its last."""
    text = " ".join(words)
    quote = " ".join(words[len(words) // 2 :])
    marked = found_by_browser(link(text, quote), text)
    assert marked is not None
    assert (marked.split()[0], marked.split()[-1]) == (words[len(words) // 2], words[-1])


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://example.com", "https://example.com"),
        (" HTTPS://example.com:8443/a?b=c&d#e ", "https://example.com:8443/a?b=c&d#e"),
        ("https://dawn.com/خبر x", "https://dawn.com/%D8%AE%D8%A8%D8%B1%20x"),
        ("https://中国.cn/%E7%94%B5", "https://中国.cn/%E7%94%B5"),
        ("http://192.0.2.1/a", "http://192.0.2.1/a"),
        *(
            (url, None)
            for url in ["http://localhost/a", "http://[::1]/", "javascript:alert(1)", "file:///etc/passwd", ""]
        ),
        *((url, None) for url in ["https://user:password@example.com/", "https://example.com:0/", "https:example.com"]),
        *((url, None) for url in ["https://example.com:70000/", "ftp://example.com", "example.com", "https://a..com"]),
        *((url, None) for url in ["https://example.com/\ud800", f"https://example.com/{'x' * 2000}", "tg://user?id=1"]),
        (None, None),
    ],
)
def test_only_addresses_that_telegram_keeps_are_links(url: str | None, kept: str | None) -> None:
    assert linkable(url) == kept


_PART = st.text("abcé中اx0.:@/\\[]-_%?#& ~\n\"'<>\u202e", max_size=12)


@given(st.builds("{}{}{}".format, st.sampled_from(["https://", "http://", "HTTP://a.com", "//", ""]), _PART, _PART))
@example("https://a.com\\:")
@example('https://a.com/"><b>')
def test_any_linkable_address_is_kept_by_telegram(url: str) -> None:
    address = linkable(url)
    if address is not None:
        assert telegram_link(address) is not None
        assert re.fullmatch(r"[^\s<>\"\u202e]+", address)


def excerpt(**given: str | None) -> Excerpt:
    snapshot = Snapshot.take("True.", original=b"", source="shelf/a.txt", media_type="text/plain", fetched_at="")
    found = Document("a", snapshot, (Span(0, 5),), "en", **given)  # type: ignore[arg-type] # only texts are given
    return Excerpt(found, Span(0, 5), "True.")


def test_a_citation_names_headline_author_publisher_date_and_address() -> None:
    found = excerpt(title="Grid grows", publisher="Dawn", published="2024-09-16", url="https://dawn.com/1")
    found = replace(found, document=replace(found.document, authors=("A. Khan",), pages=(0,)))
    assert citation_text(found, "en") == "“Grid grows”. A. Khan, Dawn, 16 Sep 2024, p. 1. https://dawn.com/1"


def test_a_long_citation_loses_of_its_headline_first() -> None:
    found = excerpt(title="Grid " * 100, publisher="Dawn", url="https://dawn.com/1")
    citation = citation_text(found, "en")
    assert citation.endswith("Grid…”. Dawn. https://dawn.com/1")
    assert 245 < units(citation) <= 256


def test_a_bibtex_entry_escapes_what_bibtex_reads() -> None:
    found = excerpt(title="R&D {50%} #1_a", publisher="Dawn", published="2024-09", url="https://dawn.com/1?a=b&c")
    found = replace(found, document=replace(found.document, authors=("A. Khan", "B. Li")))
    assert bibtex(found).split("\n") == [
        "@misc{dawnrd2024-ca9781,",
        r"  title = {R\&D (50\%) \#1\_a},",
        "  author = {{A. Khan} and {B. Li}},",
        "  howpublished = {Dawn},",
        "  year = {2024},",
        "  month = {9},",
        "  url = {https://dawn.com/1?a=b&c}",
        "}",
    ]


@given(st.text(), st.integers(1, 30))
def test_a_shortened_text_is_a_beginning_within_its_limit(text: str, limit: int) -> None:
    short = shortened(text, limit)
    assert units(short) <= limit
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))
