"""A page becomes its articles: each with its own words, headline, date and credits, and nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.articles import documents
from retrieval.datamodel import Document, Metadata, Reading, Snapshot
from retrieval.errors import RefusedSource
from retrieval.read import readings
from retrieval.read.original import Original

_ROOT = Path(__file__).parent.parent
_GOLDEN = Path(__file__).parent / "golden"

_PORT = "Gwadar harbour authority opens new cargo terminal"
_PORT_BODY = (
    "The harbour authority of Gwadar opened a new cargo terminal on Monday. It can handle twelve ships at once.",
    "Cargo volume at the harbour has doubled in three years, the authority said.",
)
_ROBOT = "Lahore girls' school wins national robotics cup"
_ROBOT_BODY = (
    "A school for girls in Lahore has won the national robotics cup. The team built a machine that sorts rubbish.",
    "The pupils will travel to Geneva for the world robotics final in July.",
)


def _reading(
    text: str, *, media_type: str = "text/plain", metadata: Metadata | None = None, document_id: str | None = None
) -> Reading:
    snapshot = Snapshot.take(text, original=b"", source="page", media_type=media_type, fetched_at="2024-09-16")
    return Reading("page", snapshot, metadata or Metadata(), document_id)


def _documents(*lines: str) -> tuple[Document, ...]:
    return documents(_reading("\n".join(lines)))


def _body(document: Document) -> tuple[str, ...]:
    return tuple(span.of(document.snapshot.text) for span in document.body)


def _seed(name: str) -> tuple[Document, ...]:
    source = f"seeds/{name}.txt"
    (reading,) = readings(Original.of_file(_ROOT / source, source, fetched_at="2024-09-16T00:00:00+00:00"))
    assert isinstance(reading, Reading)
    return documents(reading)


@pytest.mark.parametrize("name", ["000_60f82cdcc2b9ec1d", "003_d365d839ec9b3bba"])
def test_the_seeds_come_out_as_they_were_checked_by_eye(name: str) -> None:
    """A golden file holds a document: its headline, dates and publisher, a blank line, and a paragraph a line."""
    for position, document in enumerate(_seed(name), start=1):
        golden = (_GOLDEN / f"{name}-{position}.txt").read_text(encoding="utf-8").split("\n")
        fields = [document.title, document.published, document.updated, document.publisher]
        assert golden[:5] == [*(str(field) for field in fields), ""]
        assert tuple(golden[5:-1]) == _body(document)


def test_the_seeds_are_three_documents_with_ids_that_stay() -> None:
    found = [*_seed("000_60f82cdcc2b9ec1d"), *_seed("003_d365d839ec9b3bba")]
    assert [document.id for document in found] == ["e1b7815e5a-1", "e1b7815e5a-2", "fcc1cf462b-1"]
    assert {document.language for document in found} == {"en"}
    assert {document.authors for document in found} == {()}


@pytest.mark.parametrize(
    "furniture",
    [
        "Skip to Content",
        "Loaded: 0%",
        "descriptions off",
        "Recommended Articles",
        "Multimedia",
        "Copyright",
        "Partners",
    ],
)
def test_nothing_of_the_seeds_menus_is_in_a_body(furniture: str) -> None:
    found = [*_seed("000_60f82cdcc2b9ec1d"), *_seed("003_d365d839ec9b3bba")]
    assert [document.id for document in found if furniture in "\n".join(_body(document))] == []


def test_a_headline_after_its_body_is_that_bodys() -> None:
    port, robot = _documents("Home", "News", *_PORT_BODY, "", _PORT, "", *_ROBOT_BODY, "", _ROBOT, "", "About Us")
    assert (port.title, robot.title) == (_PORT, _ROBOT)
    assert (_body(port), _body(robot)) == (_PORT_BODY, _ROBOT_BODY)


def test_the_date_of_the_first_article_is_not_the_seconds() -> None:
    port, robot = _documents(_PORT, "1 May 2024", *_PORT_BODY, "", _ROBOT, "", *_ROBOT_BODY)
    assert [(port.title, port.published), (robot.title, robot.published)] == [(_PORT, "2024-05-01"), (_ROBOT, None)]


def test_the_date_and_credits_of_the_second_article_are_not_the_firsts() -> None:
    dateline = "By Sana Malik and Ali Raza · 16 Sep 2024 · Source: Daily Sun"
    port, robot = _documents(_PORT, "", *_PORT_BODY, "", _ROBOT, dateline, *_ROBOT_BODY)
    assert (port.published, port.publisher, port.authors) == (None, None, ())
    assert (robot.published, robot.publisher, robot.authors) == ("2024-09-16", "Daily Sun", ("Sana Malik", "Ali Raza"))


@pytest.mark.parametrize("headline", [(), ("", _ROBOT)])
def test_a_date_that_stands_between_two_articles_is_neithers(headline: tuple[str, ...]) -> None:
    found = _documents(_PORT, "", *_PORT_BODY, "", "1 May 2024", *headline, "", *_ROBOT_BODY)
    assert [document.published for document in found] == [None, None]
    assert [_body(document) for document in found] == [_PORT_BODY, _ROBOT_BODY]


def test_an_article_without_a_headline_borrows_none() -> None:
    port, robot = _documents(_PORT, "", *_PORT_BODY, "", "1 May 2024", "", *_ROBOT_BODY)
    assert (port.title, robot.title) == (_PORT, None)


def test_two_dates_that_contradict_are_none() -> None:
    (port,) = _documents(_PORT, "1 May 2024", "2 May 2024", *_PORT_BODY)
    assert port.published is None


def test_credits_on_lines_of_their_own() -> None:
    (port,) = _documents(_PORT, "By Jane Doe", "16/09/2024", "Source: The Daily Mail, Pakistan", "", *_PORT_BODY)
    assert (port.authors, port.published) == (("Jane Doe",), "2024-09-16")
    assert port.publisher == "The Daily Mail, Pakistan"


@pytest.mark.parametrize(
    "crosshead", ["Next steps", "What farmers near the harbour may gain", "Why a second terminal may come before 2026"]
)
def test_a_crosshead_does_not_split_an_article(crosshead: str) -> None:
    more = "Farmers near the harbour hope that the terminal brings cold stores, said Bashir Ahmed of the authority."
    (port,) = _documents(_PORT, "", *_PORT_BODY, "", crosshead, "", more)
    assert (port.title, _body(port)) == (_PORT, (*_PORT_BODY, more))


def test_the_teasers_of_other_stories_are_no_article() -> None:
    found = _documents(_PORT, *_PORT_BODY, "Recommended Articles", "Cricket team wins again", "The team won, 3-0.")
    assert [_body(document) for document in found] == [_PORT_BODY]


@pytest.mark.parametrize(
    "quoted",
    [
        "He warns that “another country can become the victim of them all tomorrow”",
        "Section 354 of the code is on the assault ‘outraging the modesty of a woman’",
    ],
)
def test_a_teaser_that_ends_in_a_quotation_is_one(quoted: str) -> None:
    teasers = (
        "The scheme was designed in 2021 to streamline exports by consolidating earlier ones such as SRO 450,...",
        quoted,
        "Security forces swiftly reached the scene and shifted bodies to a nearby hospital",
        "The minister voices concern over the security situation in the province and criticised the...",
    )
    text = "\n".join([*_PORT_BODY, *teasers, "Copyright © 2025. The News, All Rights Reserved"])
    (page,) = documents(_reading(text, document_id="page"))
    assert _body(page) == _PORT_BODY


def test_a_teaser_after_lines_that_wrap_belongs_to_no_paragraph() -> None:
    wrapped = (
        "The harbour authority of Gwadar opened a new terminal, which stressed the importance of engaging coaches,\n"
        "technical experts, and regional associations to rebuild the harbour from the ground up, officials told us.\n"
        "Acknowledging nearly a decade lost to paralysis, the new board views this as a reset of all that was said."
    )
    teasers = [
        f"Ground staff cover the field number {n} during the tour of the team.—AFP/FileLONDON: The..." for n in "123"
    ]
    (page,) = documents(_reading("\n".join([wrapped, *teasers, "All Rights Reserved"]), document_id="page"))
    assert _body(page) == (wrapped,)


@pytest.mark.parametrize(
    "media_type",
    ["application/pdf", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "text/html"],
)
def test_a_format_that_tells_its_paragraphs_is_taken_at_its_word(media_type: str) -> None:
    """No headline parts a report, no line is joined to another, and a row of a table is no menu."""
    lines = [
        _PORT_BODY[0],
        "Outlook for 2025",
        "gwadar is written small here",
        "Year | Ships | Tons",
        _ROBOT,
        *_ROBOT_BODY,
    ]
    (page,) = documents(_reading("\n".join(lines), media_type=media_type))
    assert _body(page) == tuple(line for line in lines if media_type != "text/html" or "|" not in line)


def test_short_sentences_among_prose_stay_and_players_controls_go() -> None:
    (port,) = _documents(_PORT, "", _PORT_BODY[0], "", '"Why now?" he asked.', "", "Loaded: 0%", "", _PORT_BODY[1])
    assert _body(port) == (_PORT_BODY[0], '"Why now?" he asked.', _PORT_BODY[1])


def test_a_paragraph_that_is_wrapped_at_a_column_is_one_span() -> None:
    wrapped = (
        "The harbour authority of Gwadar opened a new cargo terminal on\r\n"
        "Monday. It can handle twelve ships at once, officials said, and it\r\n"
        "was built in three years."
    )
    (port,) = _documents("Gwadar terminal opens\r", "\r", wrapped, "\r", _PORT_BODY[1])
    assert _body(port) == (wrapped, _PORT_BODY[1])


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "lines",
    [
        (
            "The ministry said that exports rose by 12 percent",
            "in the year 2023, which was the best result since 2011.",
        ),
        (
            "The ministry said that exports rose by 12 percent",
            "in the year 2023, which was the best result of all years for",
            "China and Pakistan together since the corridor was",
            "opened.",
        ),
    ],
)
def test_a_paragraph_that_breaks_before_lower_case_keeps_its_first_line(lines: tuple[str, ...], newline: str) -> None:
    paragraph, headline = newline.join(lines), "Exports report of the trade ministry"
    (page,) = documents(_reading(newline.join([headline, "", paragraph, "", _PORT_BODY[0]])))
    assert (page.title, _body(page)) == (headline, (paragraph, _PORT_BODY[0]))
    assert _given(headline, "", paragraph) == (headline, paragraph)


def test_a_file_of_one_sentence_is_one_document_without_a_title() -> None:
    (document,) = _documents("CPEC phase one added over 8,000 megawatts.")
    assert (document.title, document.published, len(document.body)) == (None, None, 1)


def test_a_first_line_titles_a_page_of_one_article_even_if_they_share_few_words() -> None:
    (document,) = _documents("My garden", "", "The tulips bloom in April and I water them daily.")
    assert (document.title, len(document.body)) == ("My garden", 1)


def test_a_chinese_page_with_its_date_and_source() -> None:
    body = "中巴经济走廊第一阶段新增电力八千多兆瓦。巴基斯坦大使说，合作前景广阔。"
    (document,) = _documents("中巴经济走廊新增电力八千兆瓦", "2024年9月16日 来源：新华社", body)
    assert (document.title, document.published) == ("中巴经济走廊新增电力八千兆瓦", "2024-09-16")
    assert (document.publisher, document.language, _body(document)) == ("新华社", "zh", (body,))


def test_an_urdu_page_with_its_date() -> None:
    body = "سی پیک کے پہلے مرحلے سے گرڈ میں آٹھ ہزار میگاواٹ بجلی شامل ہوئی۔"
    (document,) = _documents("سی پیک سے گرڈ میں بجلی شامل", "16 ستمبر 2024", body)
    assert (document.title, document.published) == ("سی پیک سے گرڈ میں بجلی شامل", "2024-09-16")
    assert (document.language, _body(document)) == ("ur", (body,))


@pytest.mark.parametrize("lines", [("Roses are red and sweet", "Violets are blue today"), ("milk", "eggs", "bread")])
def test_lines_without_sentences_stay_where_there_is_nothing_better(lines: tuple[str, ...]) -> None:
    (document,) = _documents(*lines)
    assert _body(document) == lines


@pytest.mark.parametrize("lines", [("Home", "About Us", "Business", "Contact Us"), ("© 2024 A",), ("2024-09-16",)])
def test_a_page_of_menus_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(RefusedSource, match="expected an article, found only menus"):
        _documents(*lines)


def test_markdown_takes_its_title_from_the_first_heading_and_leaves_headings_out() -> None:
    text = "# Grid grows\n\nCPEC added over 8,000\nmegawatts.\n\n## Details\n\n- Roads too\n\n> It *helped*.\n"
    (document,) = documents(_reading(text, media_type="text/markdown"))
    assert document.title == "Grid grows"
    assert _body(document) == ("CPEC added over 8,000\nmegawatts.", "Roads too", "It *helped*.")


def test_front_matter_wins_over_the_page_and_is_no_body() -> None:
    text = "---\ntitle: T\n---\n# Grid\n\n2024-09-16\n\nThe grid grew by 8,000 megawatts.\n"
    reading = _reading(text, media_type="text/markdown", metadata=Metadata(title="T", language="ur"))
    (document,) = documents(reading)
    assert (document.title, document.published, document.language) == ("T", "2024-09-16", "ur")
    assert _body(document) == ("The grid grew by 8,000 megawatts.",)


def _given(*lines: str) -> tuple[str, ...]:
    metadata = Metadata(title="T", publisher="P", published="2024")
    (document,) = documents(_reading("\n".join(lines), metadata=metadata, document_id="d"))
    assert (document.id, document.title, document.publisher, document.published) == ("d", "T", "P", "2024")
    return _body(document)


def test_a_text_given_as_one_document_is_never_split() -> None:
    assert _given(_PORT, "", *_PORT_BODY, "", "1 May 2024", *_ROBOT_BODY)[0] == _PORT


def test_boilerplate_is_left_out_of_a_text_that_is_given_as_one_document() -> None:
    trash = [
        "COMMENTS (2)",
        "{:.bbg__cutline}",
        "A view of the Sindh High Court building. — AFP/FileKARACHI: The Sindh High Court on...",
        "Militants, positioned among bushes and sand mounds, were neutralised after brief gunfight",
        "Chief Minister Ali Amin Gandapur speaks to the media persons during a press conference on...",
        "Copyright © 2025. The News International, All Rights Reserved |Contact Us|Authors",
    ]
    assert _given("US", ".", *_PORT_BODY, *trash) == _PORT_BODY


def test_real_sentences_of_such_a_text_stay_quotable() -> None:
    lines = (*_PORT_BODY, "He paused...", "Nobody spoke", "A copyright law was passed on Monday.", "Schedule: 28 May")
    assert _given(*lines) == lines


@pytest.mark.parametrize("line", ["COMMENTS", "Skip to Content", "© 2024 A", "...", "---", "\u200b"])
def test_a_text_of_nothing_but_boilerplate_is_refused(line: str) -> None:
    with pytest.raises(RefusedSource, match=r"expected an article, found only .+; give"):
        _given(line)


@pytest.mark.parametrize("line", ["Gwadar port", "He left.", "Cut off by the site...", "走廊。", "2024"])
def test_a_short_text_of_its_own_words_stays(line: str) -> None:
    assert _given(line) == (line,)


_LINES = st.sampled_from(
    [
        *("", " ", _PORT, _ROBOT, *_PORT_BODY, *_ROBOT_BODY, "2024-09-16 17:31", "Source: X", "Recommended Articles"),
        *("Home", "# H", "## H", "- item", "---", "He left.", "© 2024", "走廊。", "اردو۔", "a\u2028b", "Cut off..."),
    ]
)
_TEXTS = st.one_of(st.text(max_size=200), st.lists(_LINES, max_size=25).map("\n".join))


@settings(max_examples=150)
@given(_TEXTS, st.sampled_from(["text/plain", "text/markdown"]), st.sampled_from([None, "d"]))
def test_bodies_are_trimmed_spans_in_order_and_the_same_every_time(text: str, media: str, name: str | None) -> None:
    if not text.strip():
        return
    reading = _reading(text, media_type=media, metadata=Metadata(language="en"), document_id=name)
    try:
        found = documents(reading)
    except RefusedSource:
        return
    assert documents(reading) == found
    position = 0
    for document in found:
        for span in document.body:
            assert span.start >= position
            assert span.of(text) == span.of(text).strip() != ""
            position = span.end


def test_a_page_of_many_lines_takes_linear_time() -> None:
    lines = [f"A sentence about trade, he said {number}." for number in range(4_000)]
    assert len(_documents(*lines)[0].body) == len(lines)
