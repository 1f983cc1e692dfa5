"""Word files: what is read of them, letter for letter, what they say of themselves, and what is refused."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import docx
import pytest
from docx.document import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import parse_xml
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.datamodel import Reading
from retrieval.errors import RefusedSource
from retrieval.read import docx as reader
from retrieval.read.docx import MEDIA_TYPE, read_docx
from retrieval.read.original import Original
from retrieval.read.package import LARGEST_PART_BYTES, MOST_ENTRIES

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"
OTHERS = (
    ' xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    ' xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
    ' xmlns:v="urn:schemas-microsoft-com:vml"'
)
ENGLISH = "“We have waited ten years — ten! — for this day,” Ahsan Iqbal told a crowd of 300 workers; it’s 4½ °C."
URDU = "وزیرِ اعظم نے کہا کہ گوادر بندرگاہ سے ۲۰۲۵ء میں ۱۲ جہاز روزانہ گزریں گے۔"
BEGIN, SEPARATE, END = (f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>' for kind in ("begin", "separate", "end"))
CHINESE = "瓜达尔港新货运码头周一启用，“每天可停靠十二艘船”，港务局在声明中说。𠮷"


def read(raw: bytes) -> Reading:
    original = Original("a.docx", "a.docx", ".docx", "2026-11-22T09:00:00+00:00", raw=raw)
    (reading,) = read_docx(original)
    assert reading.snapshot.is_intact()
    return reading


def lines(raw: bytes) -> list[str]:
    return read(raw).snapshot.text.split("\n")


def refusal(raw: bytes) -> str:
    with pytest.raises(RefusedSource) as refused:
        read(raw)
    assert "\n" not in refused.value.reason
    assert refused.value.source == "a.docx"
    return refused.value.reason


def saved(document: Document) -> bytes:
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def archive(parts: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as writer:
        for name, content in parts.items():
            writer.writestr(name, content)
    return stream.getvalue()


def xml(body: str, namespace: str = WORD) -> bytes:
    return f'<w:document xmlns:w="{namespace}"{OTHERS}><w:body>{body}</w:body></w:document>'.encode()


def of_body(body: str, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    return archive({"word/document.xml": xml(body)}, method)


def paragraph(*runs: str, properties: str = "") -> str:
    return f"<w:p>{properties}{''.join(runs)}</w:p>"


def run(text: str, properties: str = "") -> str:
    return f'<w:r>{properties}<w:t xml:space="preserve">{text}</w:t></w:r>'


class TestText:
    def test_paragraphs_come_back_to_the_letter(self) -> None:
        document = docx.Document()
        for text in (ENGLISH, URDU, "", CHINESE):
            document.add_paragraph(text)
        raw = saved(document)
        reading = read(raw)
        assert reading.snapshot.text == f"{ENGLISH}\n{URDU}\n{CHINESE}"
        assert reading.snapshot.media_type == MEDIA_TYPE
        assert (reading.key, reading.snapshot.source, reading.document_id) == ("a.docx", "a.docx", None)

    @given(
        st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\ufffe\uffff")))
    )
    @settings(max_examples=50, deadline=None)
    def test_any_text_comes_back_to_the_letter(self, texts: list[str]) -> None:
        raw = of_body("".join(paragraph(run(escape(text))) for text in ["First.", *texts]))
        assert lines(raw) == ["First.", *(text.strip() for text in texts if text.strip())]

    def test_formatting_inside_a_sentence_leaves_no_seam(self) -> None:
        document = docx.Document()
        whole = document.add_paragraph("The har")
        whole.add_run("bour").bold = True
        whole.add_run(" is open.").italic = True
        assert lines(saved(document)) == ["The harbour is open."]

    def test_a_row_is_a_line_in_its_place(self) -> None:
        document = docx.Document()
        document.add_paragraph("Before.")
        table = document.add_table(2, 3)
        for position, cell in enumerate(table.rows[0].cells):
            cell.text = f"head {position}"
        table.cell(1, 0).text = "1"
        table.cell(1, 2).text = "3"
        document.add_paragraph("After.")
        assert lines(saved(document)) == ["Before.", "head 0 | head 1 | head 2", "1 |  | 3", "After."]

    def test_merged_cells_come_once(self) -> None:
        document = docx.Document()
        table = document.add_table(3, 3)
        for row in range(3):
            for column in range(3):
                table.cell(row, column).text = f"{row}{column}"
        table.cell(0, 0).merge(table.cell(0, 1)).text = "wide"
        table.cell(1, 0).merge(table.cell(2, 0)).text = "high"
        assert lines(saved(document)) == ["wide | 02", "high | 11 | 12", "21 | 22"]

    def test_a_table_that_only_frames_text_gives_its_paragraphs(self) -> None:
        document = docx.Document()
        cell = document.add_table(1, 1).cell(0, 0)
        cell.text = ENGLISH
        cell.add_paragraph(URDU)
        cell.add_table(1, 2).cell(0, 0).text = "inner"
        assert lines(saved(document)) == [ENGLISH, URDU, "inner"]

    def test_changes_count_as_accepted(self) -> None:
        body = paragraph(
            run("It opened on "),
            f'<w:del w:id="1"><w:r><w:delText>Sunday</w:delText></w:r>{run("Sunday")}</w:del>',
            f'<w:ins w:id="2">{run("Monday")}</w:ins>',
            f"<w:moveFrom>{run(' last')}</w:moveFrom><w:moveTo>{run(', at last')}</w:moveTo>",
            run("."),
        )
        gone = '<w:tr><w:trPr><w:del w:id="3"/></w:trPr><w:tc>' + paragraph(run("gone")) + "</w:tc></w:tr>"
        kept = "<w:tr><w:trPr><w:ins/></w:trPr><w:tc>" + paragraph(run("kept")) + "</w:tc></w:tr>"
        assert lines(of_body(f"{body}<w:tbl>{gone}{kept}</w:tbl>")) == ["It opened on Monday, at last.", "kept"]

    def test_a_deleted_paragraph_mark_joins_two_paragraphs(self) -> None:
        mark = "<w:pPr><w:rPr><w:del/></w:rPr></w:pPr>"
        body = (
            paragraph(run("One "), properties=mark) + paragraph(run("line.")) + paragraph(run("Last"), properties=mark)
        )
        assert lines(of_body(body)) == ["One line.", "Last"]

    def test_links_keep_their_text_and_fields_lose_their_code(self) -> None:
        document = docx.Document()
        text = document.add_paragraph("See ")
        relation = document.part.relate_to("https://example.org/", RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
        link = (
            f'<w:hyperlink xmlns:w="{WORD}" r:id="{relation}" '
            'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
            f"{run('the report')}</w:hyperlink>"
        )
        text._p.append(parse_xml(link))
        inner = f"{BEGIN}{run('code')}{SEPARATE}{run('inner')}{END}"
        outer = f"{BEGIN}<w:r><w:instrText>IF 1 = </w:instrText></w:r>{inner}{SEPARATE}{run(', page 4')}{END}"
        for part in parse_xml(f'<w:p xmlns:w="{WORD}">{outer}</w:p>'):
            text._p.append(part)
        text.add_run(".")
        assert lines(saved(document)) == ["See the report, page 4."]

    def test_a_field_without_an_end_swallows_its_paragraph_only(self) -> None:
        body = paragraph(BEGIN, BEGIN, SEPARATE, run("code")) + paragraph(run("Text."))
        assert lines(of_body(body)) == ["Text."]

    def test_note_marks_and_comments_leave_no_character(self) -> None:
        document = docx.Document()
        text = document.add_paragraph("It cost ten million")
        mark = f'<w:r xmlns:w="{WORD}"><w:footnoteReference w:id="2"/></w:r>'
        own_mark = f'<w:r xmlns:w="{WORD}"><w:footnoteReference w:customMarkFollows="1" w:id="3"/><w:t>*</w:t></w:r>'
        text._p.append(parse_xml(mark))
        text._p.append(parse_xml(own_mark))
        text.add_run(" rupees.")
        document.add_comment(text.runs, text="Is it?", author="A reader", initials="R")
        document.sections[0].header.paragraphs[0].text = "Top"
        document.sections[0].footer.paragraphs[0].text = "Bottom"
        assert lines(saved(document)) == ["It cost ten million rupees."]

    def test_a_text_box_comes_once_after_its_paragraph(self) -> None:
        inner = f"<w:txbxContent>{paragraph(run('In the box.'))}</w:txbxContent>"
        box = (
            f"<w:r><mc:AlternateContent><mc:Choice Requires='wps'><w:drawing>{inner}</w:drawing></mc:Choice>"
            f"<mc:Fallback><w:pict><v:textbox>{inner}</v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r>"
        )
        assert lines(of_body(paragraph(run("Out"), box, run("side.")))) == ["Outside.", "In the box."]

    def test_special_characters(self) -> None:
        body = paragraph(
            "<w:pPr><w:tabs><w:tab w:val='left'/></w:tabs></w:pPr>",
            "<w:r><w:t>1</w:t><w:tab/><w:t>CPEC</w:t><w:noBreakHyphen/><w:t>II</w:t><w:br/><w:t>co</w:t>"
            "<w:softHyphen/><w:t>operates\u2028here</w:t></w:r>",
            "<w:r><w:t>, \u200fاب\u200c</w:t><w:sym w:font='Symbol' w:char='F0B3'/><w:sym w:char='00B1'/>"
            "<w:sym w:char='D800'/><w:sym w:char='0000'/><w:sym w:char='x'/><w:t>5</w:t></w:r>",
            "<m:oMath><m:f><m:num><m:r><m:t>1</m:t></m:r></m:num></m:f></m:oMath>",
        )
        expected = "1\tCPEC\u2011II cooperates here, \u200fاب\u200c\ufffd±\ufffd\ufffd\ufffd5\ufffc"
        assert lines(of_body(body)) == [expected]

    def test_hidden_text_and_placeholders_are_left_out(self) -> None:
        body = paragraph(
            run("Seen"),
            run("hidden", "<w:rPr><w:vanish/></w:rPr>"),
            run(".", "<w:rPr><w:vanish w:val='0'/></w:rPr>"),
            f"<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>{run('Click here')}</w:sdtContent></w:sdt>",
            f"<w:sdt><w:sdtPr/><w:sdtContent>{run(' Chosen.')}</w:sdtContent></w:sdt>",
            "<w:r><w:ruby><w:rt>" + run("かん") + "</w:rt><w:rubyBase>" + run("漢") + "</w:rubyBase></w:ruby></w:r>",
        )
        assert lines(of_body(body)) == ["Seen. Chosen.漢"]

    def test_the_strict_namespace_and_another_name_of_the_part(self) -> None:
        kind = "http://purl.oclc.org/ooxml/officeDocument/relationships/officeDocument"
        relations = (
            f'<Relationships xmlns="x"><Relationship Type="{kind}" Target="/word/Document2.xml"/></Relationships>'
        )
        parts = {"_rels/.rels": relations.encode(), "word/document2.xml": xml(paragraph(run(URDU)), STRICT)}
        assert lines(archive(parts)) == [URDU]

    def test_parts_in_utf_16_are_read(self) -> None:
        raw = ('<?xml version="1.0" encoding="UTF-16"?>' + xml(paragraph(run(CHINESE))).decode()).encode("utf-16")
        assert lines(archive({"word/document.xml": raw})) == [CHINESE]


class TestMetadata:
    def test_what_the_file_says(self) -> None:
        document = docx.Document()
        document.add_paragraph(ENGLISH)
        document.core_properties.title = " Gwadar’s \n harbour opens "
        document.core_properties.author = "Sana Baloch; 王芳;Administrator"
        document.core_properties.language = "en-GB"
        metadata = read(saved(document)).metadata
        assert metadata.title == "Gwadar’s harbour opens"
        assert metadata.authors == ("Sana Baloch", "王芳")
        assert metadata.language == "en"
        assert (metadata.published, metadata.updated) == (None, None)

    @pytest.mark.parametrize("title", ["", "Word Document", "report final.DOCX", "Microsoft Word - x", "文档1", "12"])
    @pytest.mark.parametrize("style", ["Title", "Titel1"])
    def test_the_title_paragraph_where_the_property_says_nothing(self, title: str, style: str) -> None:
        document = docx.Document()
        document.add_paragraph("A kicker")
        if style == "Title":
            document.add_paragraph("The Harbour Opens", style="Title")
        else:
            document.styles["Title"].element.set(f"{{{WORD}}}styleId", style)
            document.styles.add_style("Own", WD_STYLE_TYPE.PARAGRAPH)
            document.add_paragraph("No title", style="Own")
            document.add_paragraph("The Harbour Opens").paragraph_format.element.get_or_add_pPr().style = style
        document.core_properties.title = title
        document.core_properties.author = "python-docx"
        metadata = read(saved(document)).metadata
        assert metadata.title == "The Harbour Opens"
        assert metadata.authors == ()
        assert metadata.language is None

    def test_nothing_said_is_nothing_told(self) -> None:
        metadata = read(of_body(paragraph(run(ENGLISH)))).metadata
        assert (metadata.title, metadata.authors, metadata.language) == (None, (), None)


LAUGHS = b'<!DOCTYPE w [<!ENTITY a "ha"><!ENTITY b "' + b"&a;" * 100 + b'"><!ENTITY c "' + b"&b;" * 100 + b'">]>'
EXTERNAL = b'<!DOCTYPE w [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


class TestRefused:
    @pytest.mark.parametrize(
        ("raw", "found"),
        [
            (b"", "an empty file"),
            (b"%PDF-1.7", "another format"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "a file with a password or an old .doc"),
            (archive({"xl/workbook.xml": b"<workbook/>"}), "a ZIP archive without word/document.xml"),
            (archive({"word/document.xml": b"<workbook/>"}), "another kind of Office file"),
            (archive({"word/document.xml": b""}), "it damaged"),
            (archive({"word/document.xml": xml("")[:-9]}), "it damaged"),
            (archive({"word/document.xml": xml("")}, zipfile.ZIP_LZMA), "it damaged"),
            (of_body(paragraph(run(ENGLISH)))[:-30], "it damaged"),
            (of_body(" <w:p/>"), "a Word file without any"),
        ],
    )
    def test_what_is_no_word_file(self, raw: bytes, found: str) -> None:
        assert found in refusal(raw)

    def test_damage_inside_a_part(self) -> None:
        raw = bytearray(of_body(paragraph(run(ENGLISH * 20))))
        middle = raw.index(b"word/document.xml") + 60
        raw[middle : middle + 4] = b"\0\0\0\0"
        assert "it damaged" in refusal(bytes(raw))

    def test_an_encrypted_entry(self) -> None:
        raw = bytearray(of_body(paragraph(run(ENGLISH))))
        raw[raw.index(b"PK\x01\x02") + 8] |= 1
        assert "a file with a password" in refusal(bytes(raw))

    @pytest.mark.parametrize("declarations", [LAUGHS, EXTERNAL, b"<!DOCTYPE w>"])
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
    def test_a_document_type(self, declarations: bytes, encoding: str) -> None:
        body = declarations + xml(paragraph(run("&a;")))
        raw = f'<?xml version="1.0" encoding="{encoding}"?>{body.decode()}'.encode(encoding)
        assert "a document type (DOCTYPE)" in refusal(archive({"word/document.xml": raw}))

    def test_a_document_type_in_another_part(self) -> None:
        parts = {"_rels/.rels": LAUGHS + b"<r>&c;</r>", "word/document.xml": xml(paragraph(run(ENGLISH)))}
        assert "a document type (DOCTYPE)" in refusal(archive(parts))

    def test_elements_in_one_another_without_end(self) -> None:
        assert "256 deep" in refusal(of_body("<w:sdt>" * 100_000 + "</w:sdt>" * 100_000, zipfile.ZIP_STORED))

    def test_too_many_entries(self) -> None:
        raw = of_body(paragraph(run(ENGLISH)))
        assert f"more than {MOST_ENTRIES} files" in refusal(raw + b"PK\x01\x02" * (MOST_ENTRIES + 1))

    @pytest.mark.parametrize("size", [LARGEST_PART_BYTES + 1, 400_000_000])
    def test_a_declared_size_past_the_limits(self, size: int) -> None:
        raw = declared(of_body(paragraph(run(ENGLISH))), size)
        assert f"at most {300 if size > 300_000_000 else 100} MB once unpacked" in refusal(raw)

    def test_more_characters_than_a_file_may_hold(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reader, "MOST_CHARACTERS", 1_000_000)
        words = "".join(run(f"{number:x} " * 20) for number in range(20_000))
        assert "at most 1 million characters" in refusal(of_body(paragraph(words)))

    def test_bombs_cost_neither_time_nor_memory(self, tmp_path: Path) -> None:
        honest = of_body(" " * 20_000_000)
        (tmp_path / "honest").write_bytes(honest)
        (tmp_path / "lying").write_bytes(declared(honest, 1_000))
        (tmp_path / "many").write_bytes(of_body("<w:p/>" * 1_300_000))
        (tmp_path / "marks").write_bytes(of_body(paragraph(run("a"), properties=MARK) * 20_000, zipfile.ZIP_STORED))
        fields = paragraph((BEGIN + SEPARATE) * 10_000, "<w:r>" + "<w:t>a</w:t>" * 20_000 + "</w:r>")
        (tmp_path / "fields").write_bytes(of_body(fields, zipfile.ZIP_STORED))
        (tmp_path / "stored").write_bytes(of_body("<w:r>" * 500_000, zipfile.ZIP_STORED))
        told = subprocess.run(
            [sys.executable, "-c", CHILD, tmp_path], capture_output=True, text=True, check=True
        ).stdout
        outcomes = dict(line.split(": ", 1) for line in told.splitlines())
        assert "more than 100 times" in outcomes["honest"]
        assert "it damaged" in outcomes["lying"]
        assert "more than 100 times" in outcomes["many"]
        assert "256 deep" in outcomes["stored"]
        assert outcomes["fields"] == "20000 characters"
        assert outcomes["marks"] == "20000 characters"
        assert int(outcomes["kilobytes"]) < 60_000
        assert float(outcomes["processor seconds"]) < 10


MARK = "<w:pPr><w:rPr><w:del/></w:rPr></w:pPr>"
CHILD = """
import pathlib, resource, sys
from retrieval.errors import RefusedSource
from retrieval.read.docx import read_docx
from retrieval.read.original import Original
before = None
for name in ("stored", "lying", "honest", "many", "marks", "fields"):
    raw = (pathlib.Path(sys.argv[1]) / name).read_bytes()
    try:
        (reading,) = read_docx(Original("a", "a", ".docx", "", raw=raw))
        print(name, f"{len(reading.snapshot.text)} characters", sep=": ")
    except RefusedSource as refused:
        print(name, refused.reason, sep=": ")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    before = before or peak
print("kilobytes", peak - before, sep=": ")
print("processor seconds", resource.getrusage(resource.RUSAGE_SELF).ru_utime, sep=": ")
"""


def declared(raw: bytes, size: int) -> bytes:
    """The archive, whose directory gives its first entry another unpacked size."""
    changed = bytearray(raw)
    struct.pack_into("<I", changed, raw.index(b"PK\x01\x02") + 24, size)
    return bytes(changed)
