"""A Word file (.docx) into a reading: its text with all changes accepted, and what the file says of itself.

A paragraph is a line, so is a row of a table, its cells joined by " | " (WordprocessingML: ECMA-376 part 1). The XML is
read as a stream, without python-docx, which parses every part whole and leaves out insertions, text boxes and content
controls; `package.py` opens the file and bounds what is unpacked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from retrieval.datamodel import Metadata, Reading, Snapshot
from retrieval.errors import RefusedSource
from retrieval.read.metadata import LONGEST_TITLE, language_code, plausible_names, plausible_title
from retrieval.read.package import SAVE_AGAIN, Package, Target, UnfitError

if TYPE_CHECKING:
    from retrieval.read.original import Original

__all__ = ["MEDIA_TYPE", "MOST_CHARACTERS", "read_docx"]

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
LARGEST_FILE_BYTES = 100_000_000
MOST_CHARACTERS = 20_000_000
_DEEPEST = 256
_MILLION = 1_000_000
_LONGEST_FIELD = 2_000  # characters of a title or a name

_WORD = (
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "http://purl.oclc.org/ooxml/wordprocessingml/main",  # strict
)
_MATH = (
    "http://schemas.openxmlformats.org/officeDocument/2006/math",
    "http://purl.oclc.org/ooxml/officeDocument/math",
)
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
# What a stream of a document's XML is told of, by its name without the namespace.
_NAMES = {
    f"{{{namespace}}}{name}": name
    for namespace in _WORD
    for name in (
        "br cellDel cr customXml del delInstrText delText document fldChar footnoteReference endnoteReference hMerge"
        " instrText moveFrom noBreakHyphen p pPr pPrChange pStyle ptab r rPr rPrChange rt sdt sdtPr showingPlcHdr sym t"
        " tab tabs tblGrid tblPr tc tcPr tr trPr txbxContent vMerge vanish"
    ).split()
} | {f"{{{namespace}}}oMath": "oMath" for namespace in _MATH}
_NAMES[_FALLBACK] = "Fallback"  # the same text box a second time, for old programs
_PASSED_OVER = frozenset(
    "Fallback delInstrText delText instrText moveFrom oMath pPrChange rPrChange rt tabs tblGrid tblPr".split()
)
_OF_A_MARK = frozenset({"del", "moveFrom"})
_CHARACTERS = {"tab": "\t", "ptab": "\t", "br": " ", "cr": " ", "noBreakHyphen": "\u2011"}
_EQUATION = "\ufffc"  # the character that stands for an object: a fraction's figures in a row would be another number
_UNKNOWN_SYMBOL = "\ufffd"
_LINE_BREAKS = str.maketrans(dict.fromkeys("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029", " "))
_OFF = frozenset({"0", "false", "off"})
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]{1,6}", re.ASCII)


def read_docx(original: Original) -> Iterator[Reading]:
    """The one reading of a Word file; `RefusedSource` where it is none, is damaged, a trap, or holds no text.

    Left out: deleted text, headers, footers, notes and their marks, comments, hidden text, field codes, the numbers
    that Word puts before list items. A soft hyphen that Word shows only at a line's end becomes nothing.
    """
    raw = original.read(largest=LARGEST_FILE_BYTES)
    package = Package(raw, original.source)
    main = package.related("/officeDocument") or "word/document.xml"
    if main not in package:
        reason = "expected a Word file (.docx), found a ZIP archive without word/document.xml"
        raise RefusedSource(original.source, f"{reason}; give the .docx itself")
    body = _Body()
    package.parse(main, body)
    if not body.is_document:
        reason = "expected a Word file (.docx), found another kind of Office file"
        raise RefusedSource(original.source, f"{reason}; save it as .docx")
    text = "\n".join(body.lines)
    if not text.strip():
        reason = "expected text, found a Word file without any (pictures of pages?)"
        raise RefusedSource(original.source, f"{reason}; give one that holds text")
    snapshot = Snapshot.take(
        text, original=raw, source=original.source, media_type=MEDIA_TYPE, fetched_at=original.fetched_at
    )
    yield Reading(key=original.key, snapshot=snapshot, metadata=_metadata(package, main, body))


# The text


@dataclass(slots=True)
class _Frame:
    """A part of the document that is open: the whole of it, a paragraph, a row or a cell.

    `lines` are those that stand in it, `carried` what a paragraph without its mark hands on to the next.
    """

    kind: str
    parts: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    cells: list[list[str]] = field(default_factory=list)
    carried: list[str] = field(default_factory=list)
    style: str | None = None
    is_unmarked: bool = False
    is_dropped: bool = False

    def release(self) -> str:
        """Makes a line of what was carried, and tells it; empty where it is white space."""
        line = "".join(self.carried).translate(_LINE_BREAKS).strip()
        self.carried = []
        if line:
            self.lines.append(line)
        return line


class _Body(Target):
    """The lines of a document, from the stream of its XML; `titles` are those of its paragraphs that have a style.

    Only the first paragraph of each style is kept for `titles`.
    """

    def __init__(self) -> None:
        self.is_document = False
        self.titles: dict[str, str] = {}
        self._path: list[str] = []
        self._frames = [_Frame("document")]
        self._open_fields = 0
        self._outermost_code = 0  # which open field, from 1, is the first whose result has not begun; 0: none
        self._passed_over = 0  # how many elements deep inside one whose text is left out
        self._takes_text = False
        self._is_hidden = False
        self._characters = 0

    @property
    def lines(self) -> list[str]:
        """The lines that have been read."""
        return self._frames[0].lines

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        name = _NAMES.get(tag, "")
        if self._passed_over:
            self._passed_over += 1
            return
        if not self._path:
            self.is_document = name == "document"
        if len(self._path) == _DEEPEST:  # lxml's own limit holds for trees only
            found = f"elements more than {_DEEPEST} deep in one another"
            raise UnfitError(f"expected a Word file (.docx), found {found}; {SAVE_AGAIN}")
        above = self._path[-1] if self._path else ""
        if name in _OF_A_MARK and above in {"rPr", "trPr"}:
            self._unmark(above)
        elif name in _PASSED_OVER or name == "del":
            if name == "oMath":
                self._add(_EQUATION)
            self._passed_over = 1
            return
        elif name in _CHARACTERS:
            self._add(_CHARACTERS[name])
        elif name:
            self._begin(name, above, attributes)
        self._path.append(name)

    def end(self, tag: str) -> None:
        """An element ends."""
        if self._passed_over:
            self._passed_over -= 1
            return
        name = self._path.pop()
        if name == "t":
            self._takes_text = False
        elif name == "r":
            self._is_hidden = False
        elif name in {"p", "tr", "tc"}:
            self._end_frame()
        if not self._path:
            self._frames[0].release()

    def data(self, text: str) -> None:
        """Characters stand here."""
        if self._takes_text and not self._passed_over:
            self._add(text)

    def _begin(self, name: str, above: str, attributes: dict[str, str]) -> None:
        top = self._frames[-1]
        if name in {"p", "tr", "tc"}:
            self._frames.append(_Frame(name))
        elif name == "t":
            self._takes_text = True
        elif name == "r":
            self._is_hidden = False
        elif name == "vanish" and above == "rPr" and self._path[-2:-1] == ["r"]:
            self._is_hidden = _value(attributes) not in _OFF
        elif name == "showingPlcHdr" and self._path[-2:] == ["sdt", "sdtPr"]:
            self._path[-2] = "placeholder"
        elif name in {"footnoteReference", "endnoteReference"}:
            self._is_hidden = self._is_hidden or _value(attributes, "customMarkFollows", "0") not in _OFF
        elif name == "fldChar":
            self._turn_field(_value(attributes, "fldCharType"))
        elif name == "sym":
            self._add(_symbol(_value(attributes, "char")))
        elif name == "pStyle" and top.kind == "p" and top.style is None:
            top.style = _value(attributes)
        elif name in {"vMerge", "hMerge"} and top.kind == "tc":
            top.is_dropped = _value(attributes) != "restart"
        elif name == "cellDel" and top.kind == "tc":
            top.is_dropped = True

    def _unmark(self, above: str) -> None:
        """The mark of a paragraph was deleted, or a whole row."""
        top = self._frames[-1]
        if above == "rPr" and top.kind == "p" and self._path[-2:-1] == ["pPr"]:
            top.is_unmarked = True
        elif above == "trPr" and top.kind == "tr":
            top.is_dropped = True

    def _turn_field(self, kind: str) -> None:
        if kind == "begin":
            self._open_fields += 1
            self._outermost_code = self._outermost_code or self._open_fields
        elif kind in {"separate", "end"}:
            if self._outermost_code == self._open_fields:
                self._outermost_code = 0
            if kind == "end":
                self._open_fields = max(0, self._open_fields - 1)

    def _add(self, text: str) -> None:
        top = self._frames[-1]
        if top.kind != "p" or self._is_hidden or self._outermost_code or "placeholder" in self._path:
            return
        self._characters += len(text)
        if self._characters > MOST_CHARACTERS:
            reason = f"expected at most {MOST_CHARACTERS // _MILLION} million characters, found more"
            raise UnfitError(f"{reason}; split the file")
        top.parts.append(text)

    def _end_frame(self) -> None:
        frame = self._frames.pop()
        frame.release()
        above = self._frames[-1]
        if frame.kind == "p":
            self._end_paragraph(frame, above)
        elif frame.kind == "tc" and above.kind == "tr":
            if not frame.is_dropped:
                above.cells.append(frame.lines)
        elif not frame.is_dropped:
            above.lines += frame.lines
            above.lines += _row(frame.cells)

    def _end_paragraph(self, frame: _Frame, above: _Frame) -> None:
        if self._outermost_code:  # a field's code ends in its paragraph: one without an end is damage
            self._open_fields, self._outermost_code = self._outermost_code - 1, 0
        above.carried += frame.parts
        if not frame.is_unmarked:
            line = above.release()
            if line and frame.style is not None:
                self.titles.setdefault(frame.style, line)
        above.lines += frame.lines


def _row(cells: list[list[str]]) -> list[str]:
    """The line of a row; the paragraphs themselves where only one cell has any, as in a table that is a frame."""
    filled = [cell for cell in cells if cell]
    if len(filled) <= 1:
        return filled[0] if filled else []
    return [" | ".join(" ".join(cell) for cell in cells).strip()]


def _value(attributes: dict[str, str], name: str = "val", default: str = "") -> str:
    for namespace in _WORD:
        value = attributes.get(f"{{{namespace}}}{name}")
        if value is not None:
            return value
    return default


def _symbol(code: str) -> str:
    """The character of a symbol; U+FFFD where only its font says what it shows."""
    character = chr(min(int(code, 16), 0x10FFFF)) if _HEXADECIMAL.fullmatch(code) else ""
    return character if character and character.isprintable() else _UNKNOWN_SYMBOL


# What the file says of itself


class _Properties(Target):
    """The fields of a file's core properties, each the first of its name."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self._name: str | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """A field begins."""
        name = tag.rpartition("}")[2]
        self._name = name if name in {"title", "creator", "language"} and name not in self.fields else None
        if self._name:
            self.fields[self._name] = ""

    def end(self, tag: str) -> None:
        """A field ends."""
        self._name = None

    def data(self, text: str) -> None:
        """The words of a field."""
        if self._name and len(self.fields[self._name]) < _LONGEST_FIELD:
            self.fields[self._name] += text[:_LONGEST_FIELD]


class _TitleStyles(Target):
    """The ids of the styles that are called Title, whatever language Word was in: their names are English."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self._id: str | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """A style, or its name, begins."""
        name = tag.rpartition("}")[2]
        if name == "style":
            self._id = _value(attributes, "styleId")
        elif name == "name" and self._id and _value(attributes).casefold() == "title":
            self.ids.add(self._id)


def _metadata(package: Package, main: str, body: _Body) -> Metadata:
    """What the file says; its times are the file's, not the text's, and are no date of publication."""
    properties, styles = _Properties(), _TitleStyles()
    core = package.related("/core-properties")
    if core:
        package.parse(core, properties)
    style_part = package.related("/styles", of=main)
    if style_part:
        package.parse(style_part, styles)
    said = plausible_title(properties.fields.get("title", ""))
    shown = next((line for style, line in body.titles.items() if style in (styles.ids or {"Title"})), None)
    return Metadata(
        title=said or (shown if shown and len(shown) <= LONGEST_TITLE else None),
        authors=plausible_names(re.split("[;；]", properties.fields.get("creator", ""))),
        language=language_code(properties.fields.get("language", "").strip()),
    )
