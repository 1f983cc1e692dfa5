"""The letters of a PDF's page as PDFium tells them: which they are, where they stand, how large they are."""

from __future__ import annotations

import ctypes
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

__all__ = ["BREAK", "CJK", "RIGHT_TO_LEFT", "WIDEST_SPACE", "Fragment", "Letters", "is_on_page", "turn_upright"]

CJK = re.compile(
    r"[\u2e80-\u2fdf\u3000-\u30ff\u31c0-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff]"
)
RIGHT_TO_LEFT = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
BREAK = "\x02"  # in place of a line's last hyphen, where PDFium takes it for that of a broken word
WIDEST_SPACE = 0.9  # of a letter's height (its em): a wider gap parts columns, or a table's cells

_PDFIUM_BREAK = "\ufffe"
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_NO_LETTER = re.compile("[\ud800-\uf8ff]")  # half a pair, or what only the font knows
_FARTHEST = 100_000.0  # points; what claims to stand further out is not on the page
_SAMPLE = 200


@dataclass(slots=True)
class Fragment:
    """Words that stand side by side, in points: `base` is their baseline, `em` the height of their letters."""

    text: str
    left: float
    right: float
    base: float
    em: float
    ends_in_space: bool = False


class Letters:
    """The letters of a page (a text page of PDFium) by index: `text` has one character for each."""

    def __init__(self, page: Any) -> None:
        import pypdfium2.raw as pdfium

        self._pdfium, self._page = pdfium, page
        self._box, self._x, self._y = pdfium.FS_RECTF(), ctypes.c_double(), ctypes.c_double()
        self._ems: dict[float, float] = {}
        get = pdfium.FPDFText_GetUnicode
        codes = [get(page, index) for index in range(pdfium.FPDFText_CountChars(page))]
        text = "".join([chr(code) if code <= 0x10FFFF else "\x00" for code in codes])
        # Two units of a pair (UTF-16) make one letter; it stands at the first's place, and nothing at the second's.
        text = _PAIR.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16") + "\x00", text)
        self.text = _NO_LETTER.sub("\x00", text).replace(_PDFIUM_BREAK, BREAK)

    def box(self, index: int) -> tuple[float, float, float, float]:
        """Left, right, bottom and top of a letter's place, the same height for all letters of a font's size."""
        box = self._box
        self._pdfium.FPDFText_GetLooseCharBox(self._page, index, box)
        return box.left, box.right, box.bottom, box.top

    def base(self, index: int) -> float:
        """Where the letter's baseline is."""
        self._pdfium.FPDFText_GetCharOrigin(self._page, index, self._x, self._y)
        return self._y.value

    def em(self, index: int, height: float) -> float:
        """The size of the letter's font on the page; fonts of one place's height are taken to be of one size."""
        known = self._ems.get(height)
        if known is None:
            matrix = self._pdfium.FS_MATRIX()
            self._pdfium.FPDFText_GetMatrix(self._page, index, matrix)
            known = abs(self._pdfium.FPDFText_GetFontSize(self._page, index)) * math.hypot(matrix.c, matrix.d)
            self._ems[height] = known = known or abs(height) or 1.0
        return known

    def is_written_space(self, index: int) -> bool:
        """Whether a space stands there that the file has, not one that PDFium found by a gap."""
        return self.text[index : index + 1] == " " and not self.is_generated(index)

    def is_generated(self, index: int) -> bool:
        """Whether PDFium put the letter there itself, as it does with spaces and line ends."""
        return bool(self._pdfium.FPDFText_IsGenerated(self._page, index) == 1)

    def is_on_its_side(self, index: int) -> bool:
        """Whether the letter's line runs up or down the page."""
        return _quarters(self._pdfium, self._page, index) in {1, 3}

    def unnamed(self) -> int:
        """About how many letters the fonts do not name; what has become a right-to-left letter has a name."""
        step = max(1, len(self.text) // _SAMPLE)
        sampled: int = sum(
            self._pdfium.FPDFText_HasUnicodeMapError(self._page, index) == 1
            for index in range(0, len(self.text), step)
            if not RIGHT_TO_LEFT.match(self.text[index])
        )
        return step * sampled


def is_on_page(*places: float) -> bool:
    """Whether places are such as a page has: a hostile file may put letters anywhere, or nowhere."""
    return sum(map(abs, places)) < _FARTHEST  # which NaN is not


def turn_upright(page: Any, letters: Any) -> bool:
    """Turns a page most of whose letters stand on their side or head; whether it did, and must be loaded anew.

    So are wide tables in reports: drawn up the page, for a reader who turns it or by the page's own /Rotate.
    """
    import pypdfium2.raw as pdfium

    count = pdfium.FPDFText_CountChars(letters)
    sample = range(0, count, max(1, count // _SAMPLE))
    drawn = [index for index in sample if pdfium.FPDFText_IsGenerated(letters, index) != 1]
    turns = Counter(_quarters(pdfium, letters, index) for index in drawn)
    most = max(turns, key=lambda quarters: (turns[quarters], -quarters), default=0)
    if most == 0:
        return False
    left, bottom, right, top = page.get_mediabox()
    back = {1: (0, 1, -1, 0, top, -left), 2: (-1, 0, 0, -1, right, top), 3: (0, -1, 1, 0, -bottom, right)}[most]
    pdfium.FPDFPage_TransFormWithClip(page.raw, pdfium.FS_MATRIX(*back), None)
    page.set_rotation(0)
    return True


def _quarters(pdfium: Any, page: Any, index: int) -> int:
    """By how many quarter turns, clockwise as PDFium counts, a letter differs from one that stands upright."""
    angle: float = pdfium.FPDFText_GetCharAngle(page, index)
    if not math.isfinite(angle):
        return 0
    is_on_its_head = pdfium.FPDFText_GetFontSize(page, index) < 0  # by which some turn what they have turned before
    return (round(angle / (math.pi / 2)) + (2 if is_on_its_head else 0)) % 4
