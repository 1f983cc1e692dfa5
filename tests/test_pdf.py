"""PDFs: what is read of pages laid out in many ways, on which page it stands, and what is refused."""

from __future__ import annotations

import hashlib
import re
import time
import zlib
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from conftest import texts
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html
from pdf_by_hand import built, drawn, locked, page_of, shown, stream, turned

from retrieval import gather
from retrieval.datamodel import Reading
from retrieval.engine import Engine
from retrieval.errors import RefusedSource
from retrieval.read.original import Original
from retrieval.read.pdf import MEDIA_TYPE, MOST_PAGES, read_pdf

SOURCES = Path(__file__).parent / "pdf_sources"
FONTS = {
    "DejaVu Serif": "fonts-dejavu-core",
    "Noto Naskh Arabic": "fonts-noto-core",
    "Droid Sans Fallback": "fonts-droid-fallback",
}
NEWS = "The harbour of Gwadar opened a new cargo terminal on Monday, and it can handle twelve ships."


@dataclass(frozen=True)
class Made:
    """A PDF made of a source, what was read of it, and the text that PDFium by itself gives for each page."""

    name: str
    raw: bytes
    reading: Reading
    page_texts: tuple[str, ...]

    @property
    def lines(self) -> list[str]:
        return self.reading.snapshot.text.split("\n")

    def page_of(self, words: str) -> int:
        """The page, from 1, on which the words begin."""
        assert self.reading.snapshot.text.count(words) == 1
        return bisect_right(self.reading.pages, self.reading.snapshot.text.index(words))


def read(raw: bytes, name: str = "news.pdf") -> Reading:
    (reading,) = read_pdf(Original(name, name, ".pdf", "2026-01-01T00:00:00+00:00", raw=raw))
    return reading


def refused(raw: bytes) -> str:
    with pytest.raises(RefusedSource) as caught:
        read(raw)
    assert "\n" not in caught.value.reason
    return caught.value.reason


def printed(text: str) -> bytes:
    """The PDF that a page in HTML makes."""
    import weasyprint

    needed = [font for font in FONTS if font in text]
    known = {name for name in FONTS if _has_font(name)}
    for font in needed:
        assert font in known, f"the tests need the font {font!r}: apt-get install {FONTS[font]}"
    is_large = "Droid Sans Fallback" in needed  # to cut such a font down to the letters used takes seconds
    made = weasyprint.HTML(string=text).write_pdf(full_fonts=is_large, uncompressed_pdf=is_large)
    assert isinstance(made, bytes)
    return made


@cache
def _has_font(name: str) -> bool:
    words = [word for word in name.split() if word != "Serif"]
    folders = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".fonts")
    return any(any(folder.rglob(f"{''.join(words)}*.tt[fc]")) for folder in folders)


@cache
def made(name: str) -> Made:
    import pypdfium2

    raw = printed((SOURCES / f"{name}.html").read_text())
    document = pypdfium2.PdfDocument(raw)
    texts = tuple(" ".join(page.get_textpage().get_text_range().split()) for page in document)
    document.close()
    return Made(name, raw, read(raw), texts)


def written(name: str) -> list[str]:
    """The paragraphs of a source, and the rows of its tables, as whoever wrote it reads them; notes left out."""
    tree = html.document_fromstring((SOURCES / f"{name}.html").read_text())
    for note in tree.xpath("//span[@class='note']"):
        note.drop_tree()
    found = []
    for element in tree.body.iter("h1", "h2", "p", "tr"):
        cells = [" ".join(cell.text_content().split()) for cell in element.iter("th", "td")]
        found.append(" | ".join(cells) or " ".join(element.text_content().split()))
    return found


def notes(name: str) -> list[str]:
    tree = html.document_fromstring((SOURCES / f"{name}.html").read_text())
    texts = [" ".join(note.text_content().split()) for note in tree.xpath("//span[@class='note']")]
    return [f"{number}. {text}" for number, text in enumerate(texts, 1)]


# Layouts: every paragraph of the source is a line of the text, letter for letter, and nothing else is


@pytest.mark.parametrize("name", ["chinese", "columns", "heads", "tables", "urdu"])
def test_the_lines_are_the_paragraphs_of_the_source(name: str) -> None:
    """Lines, columns and pages joined, hyphens taken back, running heads and page numbers left out: all in order."""
    assert made(name).lines == written(name)


def test_notes_stand_after_their_pages_text_and_never_inside_a_paragraph() -> None:
    found = made("footnotes")
    body = [line for line in found.lines if line not in notes("footnotes")]
    assert body == written("footnotes")
    assert [line for line in found.lines if line in notes("footnotes")] == notes("footnotes")
    assert len(found.page_texts) >= 3
    for note in notes("footnotes"):
        (page,) = (number for number, text in enumerate(found.page_texts, 1) if note in text)
        assert found.page_of(note) == page


def test_a_notes_mark_goes_and_a_power_stays() -> None:
    text = made("footnotes").reading.snapshot.text
    assert "a single list. Merchants welcomed" in text
    assert "an area of 14 km2 at low water. The lightermen charged" in text


@pytest.mark.parametrize("name", ["chinese", "columns", "footnotes", "heads", "tables", "urdu"])
def test_each_paragraph_begins_on_its_page(name: str) -> None:
    """The page told by the offsets is one whose own text, as PDFium gives it, has the paragraph's first word."""
    found = made(name)
    assert len(found.reading.pages) == len(found.page_texts)
    assert found.reading.pages[0] == 0
    assert list(found.reading.pages) == sorted(found.reading.pages)
    for line in found.lines:
        if found.reading.snapshot.text.count(line) == 1:
            assert line.split()[0][:8] in found.page_texts[found.page_of(line) - 1]


def test_a_page_begins_inside_the_sentence_that_runs_over_to_it() -> None:
    found = made("heads")
    sentence = "into the bay, and the contract was let a second time in November"
    assert sentence in found.reading.snapshot.text
    assert found.reading.snapshot.text[found.reading.pages[1] :].startswith("contract was let")
    assert (found.page_of("into the bay, and the"), found.page_of("contract was let")) == (1, 2)


@pytest.mark.parametrize(
    ("name", "furniture"),
    [
        ("heads", ["Annual Report 1", "Page 1 of 3", "Page 3 of 3"]),
        ("chinese", ["港口周报", "第 1 页", "第 2 页"]),
        ("urdu", ["روزنامہ بندرگاہ"]),
    ],
)
def test_running_heads_and_page_numbers_are_on_the_pages_and_not_in_the_text(name: str, furniture: list[str]) -> None:
    found = made(name)
    for text in furniture:
        assert any(text in page for page in found.page_texts)
        assert text not in found.reading.snapshot.text
    assert found.lines.count("Gwadar Harbour Authority") == 0  # the head of page 2 alone


def test_hyphens_that_break_words_go_and_those_of_compounds_stay() -> None:
    found = made("columns")
    assert "produces five million gallons" in found.reading.snapshot.text
    assert "pro‐ duces five million" in found.page_texts[0]
    for compound in ("long-term agreement", "short-term arrangement", "forty-one per cent", "self-governing committee"):
        assert compound in found.reading.snapshot.text


def test_urdu_is_read_from_the_right_with_its_digits_brackets_and_vowel_signs() -> None:
    text = made("urdu").reading.snapshot.text
    assert "راہداری (CPEC) کے پہلے مرحلے میں ۱۰٬۴۰۰ میگاواٹ" in text
    assert "انہوں نے 2025 میں 37 درخواستیں دیں" in text
    assert "اگلے موسمِ بہار تک" in text


def test_what_the_file_says_of_itself() -> None:
    english, urdu, chinese = (made(name).reading.metadata for name in ("columns", "urdu", "chinese"))
    assert (english.title, english.authors, english.language) == (
        "Water for the Harbour Towns",
        ("Sana Baloch",),
        "en",
    )
    assert (urdu.title, urdu.authors, urdu.language) == ("گوادر کی بندرگاہ کا نیا ٹرمینل", ("ثنا بلوچ",), "ur")
    assert (chinese.title, chinese.authors, chinese.language) == ("瓜达尔港的新码头", (), "zh")
    assert english.published is None  # the day on which a file was made is not that of publication


def test_the_snapshot_keeps_the_digest_of_the_file() -> None:
    found = made("heads")
    assert found.reading.snapshot.bytes_sha256 == hashlib.sha256(found.raw).hexdigest()
    assert found.reading.snapshot.media_type == MEDIA_TYPE
    assert (found.reading.key, found.reading.snapshot.source) == ("news.pdf", "news.pdf")


# PDFs by hand


def test_presentation_forms_and_ligatures_become_the_letters_they_stand_for() -> None:
    """Many Urdu PDFs have the form that a letter has in its word, in the order in which letters stand on the page."""
    assert read(drawn([*"ﻡﺎﮐ", " ", *"ﻡﻼﺳﺍ", " ", "ﷺ", " ", *"ﺭﺩﺍﻮﮔ"])).snapshot.text == "گوادر ﷺ اسلام کام"
    assert read(drawn([*"the ", "ﬁ", "rst o", "ﬃ", *"cer"])).snapshot.text == "the first officer"


def test_a_joiner_of_no_width_stays_after_its_letter() -> None:
    logical = "نیم\u200cسرکاری ادارے خوب\u200cصورت"
    assert read(drawn(logical[::-1], frozenset("\u200c"))).snapshot.text == logical


def test_letters_past_the_first_65536_are_whole() -> None:
    assert read(drawn([*"the rare letter ", "𠮷", *" stays"])).snapshot.text == "the rare letter 𠮷 stays"


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_page_is_read_as_an_upright_one(quarters: int) -> None:
    """Turned by how it is drawn, as wide tables are, by the page's own /Rotate, or by both."""
    lines = shown("Twelve ships lay in the roads.", "The pilots of the harbour", "waited for the next tide.")
    expected = read(page_of(lines)).snapshot.text
    assert read(page_of(turned(quarters, lines))).snapshot.text == expected
    assert read(page_of(lines, rotate=90 * quarters)).snapshot.text == expected
    assert read(page_of(turned(quarters, lines), rotate=90 * quarters)).snapshot.text == expected


def test_letters_of_a_negative_size_stand_upright_when_they_are_turned() -> None:
    assert read(page_of(b"BT /F -12 Tf -1 0 0 -1 50 700 Tm (%s) Tj ET" % NEWS.encode())).snapshot.text == NEWS


def test_an_empty_page_counts_as_a_page() -> None:
    found = read(
        printed(f'<p>{NEWS}</p><div style="break-after: page"></div><p style="break-before: right">{NEWS}</p>')
    )
    assert found.snapshot.text == f"{NEWS}\n{NEWS}"
    assert found.pages == (0, len(NEWS) + 1, len(NEWS) + 1)


def test_a_stamp_along_the_margin_is_left_out() -> None:
    stamp = turned(1, shown("Downloaded from the library")).replace(b"750 50", b"740 50")
    assert read(page_of(shown(NEWS) + stamp)).snapshot.text == NEWS


def test_a_tables_last_row_alone_on_its_page_keeps_its_cells() -> None:
    rows = [["2020", "84 ships", "first year"], ["2021", "121 ships", "second crane"], ["2022", "97 ships", "dredging"]]
    first, second, last = ("".join(f'<td style="padding: 0 1cm">{cell}</td>' for cell in row) for row in rows)
    table = f'<table><tr>{first}</tr><tr>{second}</tr><tr style="break-before: page">{last}</tr></table>'
    found = read(printed(f"{table}<p>The figures for the last year are provisional.</p>"))
    expected = [*map(" | ".join, rows), "The figures for the last year are provisional."]
    assert found.snapshot.text.split("\n") == expected
    assert found.snapshot.text[found.pages[1] :].startswith("2022 | 97 ships")


def test_a_line_that_ends_in_a_hyphen_is_joined_as_the_document_writes_the_word() -> None:
    first = ["The long-term plan and the coast were known to all.", "They spoke of a long-"]
    text = read(
        page_of(shown(*first, "term contract and of short-", "and mid-term goals in the transmis-", "sion plan."))
    ).snapshot.text
    assert "a long-term contract and of short- and mid-term goals in the transmission plan." in text


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        (b"Microsoft Word - report.docx", None),
        (b"untitled", None),
        (b"final_v3.pdf", None),
        (b"The Port in 2025", "The Port in 2025"),
    ],
)
def test_only_a_plausible_title_counts(title: bytes, expected: str | None) -> None:
    information = b"<</Title(%s)/Author(admin)/CreationDate(D:20240101000000Z)>>" % title
    metadata = read(page_of(shown(NEWS), more=[information], trailer=b"/Info 6 0 R")).metadata
    assert (metadata.title, metadata.authors, metadata.published) == (expected, (), None)


def test_the_largest_letters_at_the_top_are_the_title_where_the_file_names_none() -> None:
    heading = b"BT /F 24 Tf 50 750 Td (Twelve Ships) Tj ET\n"
    assert read(page_of(heading + shown(NEWS))).metadata.title == "Twelve Ships"


def test_an_explicit_date_of_publication_counts() -> None:
    packet = b"<x:xmpmeta><prism:publicationDate>2025-06-02</prism:publicationDate></x:xmpmeta>"
    made_so = page_of(shown(NEWS), catalogue=b"/Metadata 6 0 R", more=[stream(packet, b"/Type/Metadata/Subtype/XML")])
    assert read(made_so).metadata.published == "2025-06-02"


# What is refused, and what may not harm


def test_a_scan_is_refused_as_a_scan() -> None:
    picture = stream(b"\x80", b"/Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8")
    scan = page_of(b"q 700 0 0 800 0 0 cm /P Do Q", resources=b"/XObject<</P 6 0 R>>", more=[picture])
    assert refused(scan) == "expected a PDF with text, found a scan of 1 page without any; run it through OCR first"


def test_letters_without_names_are_refused() -> None:
    """A font that does not say which letters it draws gives text that nobody wrote."""
    nastaliq = '<p lang="ur" dir="rtl" style="font: 14pt \'Noto Nastaliq Urdu\'">' + written("urdu")[1] + "</p>"
    assert "expected letters that the PDF's fonts name" in refused(printed(nastaliq + "<!-- Noto Naskh Arabic -->"))


def test_a_locked_pdf_is_refused_and_one_that_only_forbids_copying_is_read() -> None:
    assert refused(locked(b"secret", shown(NEWS))) == (
        "expected a PDF that opens without a password, found a locked one; save it without its password"
    )
    assert read(locked(b"", shown(NEWS))).snapshot.text == NEWS


def test_a_script_in_a_pdf_is_not_run() -> None:
    """PDFium is used without the part that runs scripts: nothing of the document changes, nothing is asked."""
    script = b"/OpenAction<</S/JavaScript/JS(app.alert\\('x'\\); this.info.Title = 'changed';)>>"
    reading = read(page_of(shown(NEWS), catalogue=script))
    assert (reading.snapshot.text, reading.metadata.title) == (NEWS, None)


def test_other_bytes_and_empty_files_are_refused() -> None:
    for raw in (b"", b"<html>no</html>", bytes(5000)):
        assert refused(raw).startswith("expected a PDF, found other bytes")
    assert refused(b"%PDF-1.7\nand no more").startswith("expected a whole PDF, found a damaged one")


@settings(deadline=None)
@given(st.floats(0, 1), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=5))
def test_a_damaged_pdf_is_read_or_refused(kept: float, changes: list[tuple[float, int]]) -> None:
    raw = bytearray(made("columns").raw)
    for place, byte in changes:
        raw[int(place * (len(raw) - 1))] = byte
    found = outcome(bytes(raw[: int(kept * len(raw))]))
    assert re.fullmatch("expected .*, found .*; .*", found.reason) if isinstance(found, RefusedSource) else found


def outcome(raw: bytes) -> str | RefusedSource:
    try:
        return read(raw).snapshot.text
    except RefusedSource as error:
        return error


@pytest.mark.parametrize("count", [MOST_PAGES + 1, 100_000])
def test_too_many_pages_are_refused_at_once(count: int) -> None:
    pages = b" ".join(b"%d 0 R" % number for number in range(3, count + 3))
    raw = built(
        [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[%s]/Count %d>>" % (pages, count)]
        + [b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"] * count
    )
    began = time.process_time()
    assert refused(raw) == f"expected at most {MOST_PAGES:,} pages, found {count:,}; split the file"
    assert time.process_time() - began < 10


@pytest.mark.parametrize("case", ["arrays", "content", "tree", "loop"])
def test_deep_nesting_does_no_harm(case: str) -> None:
    depth = 100_000
    nested = {
        "arrays": page_of(shown(NEWS), catalogue=b"/X " + b"[" * depth + b"]" * depth),
        "content": page_of(shown(NEWS) + b"[" * depth),
        "tree": built(
            [b"<</Type/Catalog/Pages 2 0 R>>"]
            + [b"<</Type/Pages/Kids[%d 0 R]/Count 1>>" % (number + 3) for number in range(20_000)]
            + [b"<</Type/Page/MediaBox[0 0 9 9]>>"]
        ),
        "loop": built([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 4>>"]),
    }[case]
    if case in {"arrays", "content"}:
        assert read(nested).snapshot.text == NEWS
    else:
        assert refused(nested).startswith("expected a whole PDF, found")


def test_packed_text_of_more_letters_than_a_page_has_is_refused() -> None:
    rows = b"".join(b"BT /F 1 Tf 1 %d Td (%s) Tj ET\n" % (n, b"harbour " * 50) for n in range(800))
    packed = page_of(zlib.compress(rows), entries=b"/Filter/FlateDecode")
    assert "letters a page" in refused(packed)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["endless", "unpacked"])
def test_a_pdf_that_harms_its_reader_is_refused_and_the_one_beside_it_is_in(
    case: str, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A form that draws itself twice, and so on through all levels; a page that unpacks to more than there is room."""
    itself = b"/Type/XObject/Subtype/Form/BBox[0 0 700 800]/Resources<</Font<</F 5 0 R>>/XObject<</X 6 0 R>>>>"
    form = stream(b"/X Do /X Do " + shown(NEWS), itself)
    if case == "endless":
        monkeypatch.setattr(gather, "READ_SECONDS", 3.0)
        hostile = page_of(b"/X Do", resources=b"/XObject<</X 6 0 R>>", more=[form])
        monkeypatch.setattr(gather, "READ_BYTES", 16_000_000_000)  # a fast machine fills the usual room in that time
        reason = "expected a file that is soon read, found one on which its reader works too long; "
    else:
        monkeypatch.setattr(gather, "READ_BYTES", 500_000_000)
        hostile = page_of(
            zlib.compress(zlib.compress(bytes(600_000_000), 1)), entries=b"/Filter[/FlateDecode/FlateDecode]"
        )
        reason = "expected a file that can be read, found one that its reader breaks on (its process ended); "
    (tmp_path / "hostile.pdf").write_bytes(hostile)
    (tmp_path / "news.pdf").write_bytes(page_of(shown(NEWS)))
    report = engine.ingest([str(tmp_path)])
    assert [(one.source, one.reason) for one in report.refused] == [
        (str(tmp_path / "hostile.pdf"), reason + "leave it out, or save it in another format")
    ]
    assert list(texts(engine).values()) == [NEWS]
