"""What a PDF says of itself: title, authors, language, and the day of publication."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from retrieval.datamodel import Metadata
from retrieval.read.metadata import LONGEST_TITLE, iso_date, language_code, plausible_names, plausible_title
from retrieval.read.pdf.layout import Flow
from retrieval.read.pdf.letters import CJK

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

__all__ = ["heading", "metadata"]

_LARGER = 1.2  # times the body's size: the letters of a title
_BETWEEN_NAMES = re.compile(r"\s*(?:;|\band\b|&|،|、)\s*")
_PUBLISHED = re.compile(
    rb"<prism:publicationDate[^>]*>\s*([0-9T:+Z-]{4,35})\s*</|prism:publicationDate\s*=\s*[\"']([0-9T:+Z-]{4,35})[\"']|"
    rb"<dc:date>\s*(?:<rdf:Seq>\s*<rdf:li>)?\s*([0-9T:+Z-]{4,35})\s*<"
)


def metadata(document: PdfDocument, raw: bytes) -> Metadata:
    """What the file's own fields say, where it is plausible."""
    try:
        fields = dict(document.get_metadata_dict())
    except UnicodeDecodeError:  # half a letter in one of them
        fields = {}
    return Metadata(
        title=plausible_title(fields.get("Title", "")),
        published=_published(raw),
        authors=plausible_names(_BETWEEN_NAMES.split(fields.get("Author", ""))),
        language=language_code(_language(document)),
    )


def heading(page: Sequence[Flow], size: float) -> str | None:
    """The lines in the largest letters, where they stand at the top of the page and are clearly larger than `size`."""
    lines = [line for flow in page for line in flow]
    largest = max((line.em for line in lines), default=0.0)
    if largest < _LARGER * size:
        return None
    found = [line for line in lines if line.em > 0.95 * largest]
    text = "".join(line.text + ("" if CJK.match(line.text[-1]) else " ") for line in found)
    text = text.replace("\u00ad", "").strip()
    is_at_top = lines.index(found[0]) < 4
    return text if is_at_top and len(found) <= 4 and 3 <= len(text) <= LONGEST_TITLE else None


def _language(document: PdfDocument) -> str:
    import pypdfium2.raw as pdfium

    size = pdfium.FPDFCatalog_GetLanguage(document.raw, None, 0)
    if not 2 < size <= 200:
        return ""
    buffer = (ctypes.c_ushort * (size // 2))()
    pdfium.FPDFCatalog_GetLanguage(document.raw, buffer, size)
    return bytes(buffer).decode("utf-16-le", "replace").strip("\0 ")


def _published(raw: bytes) -> str | None:
    """The date of publication in the file's XMP; never the date at which the file was made."""
    for match in _PUBLISHED.finditer(raw):
        found = iso_date(next(group for group in match.groups() if group).decode("ascii"))
        if found:
            return found
    return None
