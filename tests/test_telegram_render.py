"""Messages: whatever stands in a document, Telegram's own parser takes them, with the quotes letter for letter."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from telegram_parsed import LANGUAGES, Parsed, buttons, document, excerpt

from bot.telegram.links import bibtex, citation_text, linkable, units
from bot.telegram.lists import search_results, source, sources_page
from bot.telegram.message import Button, Message, View, notice
from bot.telegram.render import abstention, answer, context, inline_results
from bot.telegram.strings import Language, strings
from retrieval.datamodel import Abstention, Answer, Excerpt, Reason, Span

GOLDEN = Path(__file__).parent / "golden" / "telegram"
RESULT = "abc"


def numbers(message: Message) -> list[int]:
    """The offsets of the excerpts that a message shows, by their buttons."""
    return [int(one.data.split(":")[2]) for one in buttons(message) if one.data and one.data.startswith("context:")]


# Any text: plain words, and what breaks HTML, lines, directions and letters.
_NASTY = [
    "<script>alert('x')</script>", "</blockquote>", "<b>", "&amp;", "&nbsp;", "&#x202e;", "a < b & c > d", '"', "\\",
    "بجلی کا منصوبہ مکمل ہو گیا ہے۔ ", "中国电力供应。",
    "👨‍👩‍👧‍👦", "🇵🇰", "e\u0301\u0327", "\u202e", "\u2066", "\u200f", "\x00", "\r\n",
    "\u2028", "\u00a0", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "The grid has 8,000 megawatts. ", "word ", "\n", "\t", "{0}", "%s", "…",
]  # fmt: skip
_PIECE = st.one_of(st.sampled_from(_NASTY), st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
_TEXT = st.builds(
    lambda pieces, times: "".join(pieces) * times,
    st.lists(_PIECE, min_size=1, max_size=8),
    st.sampled_from([1, 1, 3, 40, 400]),
).filter(lambda text: bool(text.strip("\n")) and len(text) < 9000)
_NAME = st.none() | _TEXT | st.text(max_size=20)  # with lone surrogates too
_HOST = st.sampled_from("dawn.com localhost 10.0.0.1 [::1] a..com اردو.com 中国.cn:8080 x.y:0 u:p@a.com -".split())
_URL = st.none() | st.builds(
    "{}://{}/{}".format, st.sampled_from(["https", "http", "javascript", "HTTP"]), _HOST, _NAME
)
_DATE = st.sampled_from([None, "2024-09-16T17:31", "2024-09", "2024", "2024-13-45", "soon <b>"])


@st.composite
def excerpts(draw: st.DrawFn) -> Excerpt:
    text = draw(_TEXT)
    found = replace(
        document(text, title=draw(_NAME), publisher=draw(_NAME), published=draw(_DATE), url=draw(_URL)),
        pages=draw(st.sampled_from([(), (0,)])),
    )
    start = draw(st.integers(found.body[0].start, found.body[-1].end - 1))
    end = draw(st.integers(start + 1, found.body[-1].end) | st.just(found.body[-1].end))
    assume(text[start:end].strip())  # no sentence is white space
    cuts = sorted(draw(st.lists(st.integers(start, end), max_size=12)))
    marks = sorted(Span(low, high) for low, high in pairwise(cuts) if low < high)
    also_in = tuple(draw(st.lists(st.sampled_from(["b", "c", "d"]), max_size=2)))
    return Excerpt(found, Span(start, end), text[start:end], tuple(marks), 0.0, also_in, draw(st.booleans()))


_VIEW = st.builds(
    View,
    language=st.sampled_from(LANGUAGES),
    token=st.just("0123456789abcdef"),
    first=st.integers(0, 6),
    total=st.integers(0, 20),
    documents=st.integers(0, 2000),
    newest=_DATE,
    names=st.dictionaries(st.sampled_from(["b", "c"]), st.text(max_size=20)),
)
_QUESTION = st.text(max_size=400)


def assert_quoted(block: str, found: Excerpt, text: str) -> None:
    """The block is the excerpt letter for letter, or a part of it with `…` outside."""
    if block == found.text:
        return
    assert block
    assert block in found.text
    assert f"{block}\n…" in text or f"…\n{block}" in text


@given(_QUESTION, st.lists(excerpts(), min_size=1, max_size=5), _VIEW)
def test_any_answer_parses_with_its_quotes_letter_for_letter(question: str, found: list[Excerpt], view: View) -> None:
    message = answer(Answer(question, tuple(found), 0.9), view)
    parsed = Parsed(message)
    parsed.assert_within_limits(message)
    shown = [found[number] for number in numbers(message)]
    assert len(shown) == len(parsed.quotes()) >= 1
    for block, one, bold in zip(parsed.quotes(), shown, parsed.bold(), strict=True):
        assert_quoted(block, one, parsed.text)
        assert all(mark in one.text for mark in bold)
        assert bool(bold) == bool(one.highlights)
    assert len(shown) == 1 or parsed.quotes() == [one.text for one in shown]
    assert len(parsed.links()) == sum(linkable(one.document.url) is not None for one in shown)


@given(
    _QUESTION, st.sampled_from(get_args(Reason)), st.lists(_TEXT, max_size=7), st.lists(excerpts(), max_size=4), _VIEW
)
def test_any_abstention_parses_and_quotes_nothing(
    question: str, reason: Reason, missing: list[str], nearest: list[Excerpt], view: View
) -> None:
    message = abstention(Abstention(question, reason, tuple(missing), tuple(nearest)), view)
    parsed = Parsed(message)
    parsed.assert_within_limits(message)
    assert parsed.quotes() == []
    assert len(parsed.links()) == sum(linkable(one.document.url) is not None for one in nearest[:3])


@given(excerpts(), _VIEW)
def test_any_context_shows_paragraphs_letter_for_letter_with_the_quote_in_bold(found: Excerpt, view: View) -> None:
    message = context(found, view)
    parsed = Parsed(message)
    parsed.assert_within_limits(message)
    paragraphs = [span.of(found.document.snapshot.text) for span in found.document.body]
    assert parsed.quotes()
    assert all(any(block in paragraph for paragraph in paragraphs) for block in parsed.quotes())
    bold = [mark for marks in parsed.bold() for mark in marks]
    assert bold
    assert all(mark in found.text for mark in bold)


@given(_QUESTION, st.lists(excerpts(), min_size=1, max_size=3), _VIEW)
def test_any_inline_result_is_one_quote_with_its_citation(question: str, found: list[Excerpt], view: View) -> None:
    results = inline_results(Answer(question, tuple(found), 0.9), view.language)
    assert len({result.id for result in results}) == len(results) == len(found)
    for result, one in zip(results, found, strict=True):
        parsed = Parsed(result.message)
        parsed.assert_within_limits(result.message)
        assert_quoted(parsed.quotes()[0], one, parsed.text)
        assert (len(parsed.quotes()), len(result.message.rows)) == (1, 0)
        assert len(parsed.links()) == (linkable(one.document.url) is not None)
        assert 1 <= len(result.id.encode()) <= 64
        assert result.title.strip()


@given(st.lists(excerpts(), max_size=4), _VIEW)
def test_any_list_parses(found: list[Excerpt], view: View) -> None:
    for message in (search_results(found, view), sources_page([one.document for one in found], view)):
        Parsed(message).assert_within_limits(message)
    for one in found:
        message = source(one.document, 7, view)
        Parsed(message).assert_within_limits(message)


@given(excerpts(), st.sampled_from(LANGUAGES))
def test_any_citation_can_be_copied(found: Excerpt, language: Language) -> None:
    assert 1 <= units(citation_text(found, language)) <= 256
    citation_text(found, language).encode()
    entry = bibtex(found)
    assert entry.startswith("@misc{")
    depth = [entry[:end].count("{") - entry[:end].count("}") for end in range(1, len(entry) + 1)]
    assert min(depth[5:-1]) >= 1
    assert depth[-1] == 0


# The goldens: one collection, in three languages of readers.

_GRID = (
    "CPEC Phase I was primarily about infrastructure and energy. We were able to add over 8,000 megawatts of"
    " electricity to our grid. We built over 800 kilometers of world-class highways."
)
_ENGLISH = replace(
    document(
        f"Hashmi spoke to CGTN in Beijing.\n\n{_GRID}\n\nThe fair ends on Monday.",
        title="Pakistan expects deeper trade, industrial cooperation with China: ambassador",
        publisher="CGTN",
        published="2024-09-16T17:31",
        updated="2024-09-16T19:57",
        url="https://example.com/news/cpec?id=7&lang=en",
    ),
    id="english",
)
_URDU = replace(
    document(
        "پہلے مرحلے میں قومی گرڈ میں 8 ہزار میگاواٹ بجلی شامل کی گئی۔ سڑکیں بھی بنیں۔",
        title="سی پیک: پہلا مرحلہ مکمل",
        publisher="روزنامہ جنگ",
        published="2023-05",
        url="https://jang.example.pk/خبر/12",
    ),
    id="urdu",
)
_CHINESE = replace(
    document("中巴经济走廊第一阶段新增电力装机8020兆瓦，修建公路809公里。", title="走廊十年", published="2023"),
    id="chinese",
    pages=(0,),
)
_QUOTES = (
    replace(
        excerpt(_ENGLISH, "We were able to add over 8,000 megawatts of electricity to our grid.", "8,000 megawatts"),
        also_in=("daily", "nation"),
        differs=True,
    ),
    replace(
        excerpt(_URDU, "پہلے مرحلے میں قومی گرڈ میں 8 ہزار میگاواٹ بجلی شامل کی گئی۔", "8 ہزار میگاواٹ"), differs=True
    ),
    excerpt(_CHINESE, "中巴经济走廊第一阶段新增电力装机8020兆瓦，修建公路809公里。", "8020兆瓦"),
    excerpt(_ENGLISH, "We built over 800 kilometers of world-class highways."),
)
_ANSWER = Answer("How many megawatts did CPEC phase one add?", _QUOTES, 0.93)
_ABSTENTION = Abstention("What did Phase II cost?", "near_miss", ("Phase II",), _QUOTES[:3], 0.1)


def drawn(message: Message) -> str:
    """The HTML and the buttons, with the marks of direction made visible."""
    rows = [
        " ".join(f"[{button.text} → {button.data or button.switch or button.url or button.copy!r}]" for button in row)
        for row in message.rows
    ]
    written = "\n".join([message.html, "---", *rows]) + "\n"
    return re.sub("[\u200e\u200f\u2066-\u2069]", lambda mark: f"‹{ord(mark[0]):04X}›", written)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["answer", "abstention", "context"])
def test_a_message_is_as_a_person_has_read_it(kind: str, language: Language) -> None:
    names = {"daily": "The Daily Mail", "nation": "نوائے وقت"}
    view = View(language=language, token=RESULT, documents=1234, newest="2025-06-28", names=names)
    messages = {
        "answer": answer(_ANSWER, view),
        "abstention": abstention(_ABSTENTION, view),
        "context": context(_QUOTES[0], view),
    }
    Parsed(messages[kind]).assert_within_limits(messages[kind])
    assert drawn(messages[kind]) == (GOLDEN / f"{kind}-{language}.txt").read_text(encoding="utf-8")


_VIEWS = {language: View(language=language, token=RESULT) for language in LANGUAGES}


def test_a_quote_over_two_paragraphs_never_shows_what_stands_between() -> None:
    """The body leaves the caption out: neither quote nor context may bring it back."""
    text = "First half.\nPhoto: somebody\nSecond half.\nThird."
    found = replace(document(text), body=(Span(0, 11), Span(28, 40), Span(41, 47)))
    parsed = Parsed(context(excerpt(found, "Second half."), _VIEWS["en"]))
    assert parsed.quotes() == ["First half.", "Second half.", "Third."]
    assert "Photo" not in parsed.text


def test_only_long_quotes_are_folded() -> None:
    for length, opening in ((240, "<blockquote>"), (241, "<blockquote expandable>")):
        text = "x" * length
        assert opening in answer(Answer("?", (excerpt(document(text), text),), 0.9), _VIEWS["en"]).html


def test_a_headline_cannot_pass_for_a_quote() -> None:
    headline = "News\n<blockquote>invented</blockquote>\u202e\x1b[1m"
    message = answer(Answer("?", (excerpt(document("True.", title=headline), "True."),), 0.9), _VIEWS["en"])
    assert Parsed(message).quotes() == ["True."]
    assert message.text.split("\n")[0] == "[1] News <blockquote>invented</blockquote>\ufffd\ufffd[1m"


def test_a_document_without_a_headline_is_called_by_its_file_and_not_by_its_folder() -> None:
    message = answer(Answer("?", (excerpt(document("True."), "True."),), 0.9), _VIEWS["en"])
    assert message.text == "[1] a.txt\nTrue."


def test_an_update_on_another_day_is_told() -> None:
    found = document("True.", published="2024-09-16T17:31", updated="2024-09-18")
    message = answer(Answer("?", (excerpt(found, "True."),), 0.9), _VIEWS["en"])
    assert message.text.startswith("[1] a.txt · 16\u00a0Sep\u00a02024 · updated 18\u00a0Sep\u00a02024\n")


def test_a_page_of_a_pdf_is_named_and_opened() -> None:
    found = replace(document("One.\nTwo.", url="https://example.com/a.pdf"), pages=(0, 5))
    message = answer(Answer("?", (excerpt(found, "Two."),), 0.9), _VIEWS["en"])
    assert Parsed(message).links() == ["https://example.com/a.pdf#page=2:~:text=Two."]
    assert " · p. 2\n" in message.text


def test_other_documents_without_a_name_are_counted() -> None:
    found = replace(excerpt(document("True."), "True."), also_in=("b", "c"))
    assert "also in 2 other documents" in answer(Answer("?", (found,), 0.9), _VIEWS["en"]).text


def test_a_page_past_the_end_shows_the_last_quote() -> None:
    """The reply of an old button may have been shorter since."""
    message = answer(Answer("?", (excerpt(document("True."), "True."),), 0.9), replace(_VIEWS["en"], first=9))
    assert Parsed(message).quotes() == ["True."]


def test_an_abstention_without_anything_near_is_a_few_sentences() -> None:
    message = abstention(Abstention("?", "empty_collection"), _VIEWS["en"])
    assert message.text == "My documents do not say.\nI have no documents yet."


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_a_sentence_of_its_own(language: Language) -> None:
    said = {abstention(Abstention("?", reason, ("x",)), _VIEWS[language]).text for reason in get_args(Reason)}
    assert len(said) == len(get_args(Reason))


def test_an_inline_query_that_is_not_answered_has_no_result() -> None:
    assert inline_results(_ABSTENTION, "en") == []


@pytest.mark.parametrize(
    "deeds", [{}, {"data": "a", "url": "https://a.com"}, {"data": ""}, {"data": "ی" * 33}, {"copy": "x" * 257}]
)
def test_a_button_does_one_thing_within_its_limit(deeds: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"exactly one thing|64 bytes|256 characters"):
        Button("label", **deeds)


def test_half_a_surrogate_pair_is_replaced() -> None:
    """It cannot be sent: a name typed by an administrator may hold one, a snapshot cannot."""
    assert notice("a\ud83d").html == "a\ufffd"


def test_no_more_is_bold_than_telegram_keeps() -> None:
    """Past a hundred entities it drops the rest in silence, links and blocks among them."""
    text = "a b " * 200
    marks = tuple(Span(at, at + 1) for at in range(0, 800, 2))
    found = Excerpt(document(text, url="https://example.com"), Span(0, 799), text[:799], marks)
    message = answer(Answer("?", (found, found, found), 0.9), _VIEWS["en"])
    Parsed(message).assert_within_limits(message)
    assert len(Parsed(message).quotes()) == len(Parsed(message).links()) == 3


def test_addresses_that_swell_as_html_leave_the_message_within_its_bytes() -> None:
    """Each `&` is five bytes: three such addresses with their passages would be 33,000."""
    found = excerpt(document("&" * 300, url=f"https://example.com/?{'&' * 1900}"), "&" * 300)
    message = abstention(Abstention("?", "low_confidence", (), (found,) * 3), _VIEWS["en"])
    Parsed(message).assert_within_limits(message)


def test_only_a_few_missing_terms_are_named() -> None:
    message = abstention(Abstention("?", "terms_missing", tuple("abcdefg")), _VIEWS["en"])
    assert message.text.endswith("says nothing of “a”, “b”, “c”, “d”, “e”.")


@pytest.mark.parametrize("language", LANGUAGES)
def test_below_an_excerpt_of_the_same_article_its_headline_is_not_said_again(language: Language) -> None:
    first, other, _, second = _QUOTES
    shown = Parsed(answer(Answer("?", (first, second, other), 0.9), _VIEWS[language]))
    assert shown.text.count(str(first.document.title)) == 1
    assert strings(language).same_document in shown.text
    assert len(shown.links()) == 3
