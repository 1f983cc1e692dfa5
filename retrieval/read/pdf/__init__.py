"""A PDF into a reading: paragraphs joined across lines, columns and pages, and where each page begins in them.

What stands on every page (running heads, page numbers) is left out, the hyphens of broken words are taken back, and
notes follow their page's text; nothing else differs from what the letters of the file say. PDFium reads the file,
without the parts of it that run a document's scripts; what it does with a hostile one cannot be stopped from inside,
so that PDFs are read in a process of their own (`gather.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

from retrieval.datamodel import Reading, Snapshot
from retrieval.errors import RefusedSource
from retrieval.read.original import Original
from retrieval.read.pdf.facts import heading, metadata
from retrieval.read.pdf.fragments import fragments
from retrieval.read.pdf.layout import Row, flows, rows_of, usual_size
from retrieval.read.pdf.letters import Letters, turn_upright
from retrieval.read.pdf.paragraphs import Paragraph, paragraphs
from retrieval.read.pdf.right_to_left import bracketed
from retrieval.read.pdf.running_heads import without_running_heads

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

__all__ = ["LARGEST_PDF_BYTES", "MEDIA_TYPE", "MOST_PAGES", "read_pdf"]

MEDIA_TYPE = "application/pdf"
LARGEST_PDF_BYTES = 100_000_000
MOST_PAGES = 5_000
MOST_PAGE_LETTERS = 200_000
MOST_LETTERS = 20_000_000
FEWEST_LETTERS = 10  # a page: with less, and pictures, it is a scan
MOST_UNNAMED = 0.1  # of the letters, whose font does not say which they are

_PASSWORD_ERROR = 4
_SECURITY_ERROR = 5


def read_pdf(original: Original) -> Iterator[Reading]:
    """The one reading of a PDF; `RefusedSource` where it is none, is locked, or has no text, as a scan."""
    raw = original.read(largest=LARGEST_PDF_BYTES)
    source = original.source
    if b"%PDF-" not in raw[:1024]:
        raise RefusedSource(source, "expected a PDF, found other bytes; check that the file is what its name says")
    document = _opened(raw, source)
    try:
        rows = _rows(document, source)
        facts = metadata(document, raw)
    finally:
        document.close()
    pages = flows(without_running_heads(rows))
    size = usual_size(chain.from_iterable(chain.from_iterable(pages)))
    text, starts = _laid_out(paragraphs(pages, size), len(pages))
    if not text:
        raise RefusedSource(source, "expected a PDF with text, found only what stands on every page; check the file")
    yield Reading(
        key=original.key,
        snapshot=Snapshot.take(
            text, original=raw, source=source, media_type=MEDIA_TYPE, fetched_at=original.fetched_at
        ),
        metadata=facts if facts.title else replace(facts, title=heading(pages[0], size)),
        pages=tuple(starts),
    )


def _opened(raw: bytes, source: str) -> PdfDocument:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(raw)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) in {_PASSWORD_ERROR, _SECURITY_ERROR}:
            reason = "expected a PDF that opens without a password, found a locked one; save it without its password"
        else:
            reason = "expected a whole PDF, found a damaged one; fetch or export the file again"
        raise RefusedSource(source, reason) from error
    count = len(document)
    if not 0 < count <= MOST_PAGES:
        document.close()
        if count > MOST_PAGES:
            reason = f"expected at most {MOST_PAGES:,} pages, found {count:,}; split the file"
        else:
            reason = "expected a PDF with pages, found none in it; fetch or export the file again"
        raise RefusedSource(source, reason)
    return document


def _rows(document: PdfDocument, source: str) -> list[list[Row]]:
    """The rows of every page; refused where hardly any page has letters, or their fonts do not name them."""
    import pypdfium2

    pages: list[list[Row]] = []
    written = unnamed = scans = damaged = 0
    for number in range(len(document)):
        pages.append([])
        try:
            page, text_page = _upright(document, number)
            count = text_page.count_chars()
            if count > MOST_PAGE_LETTERS or written + count > MOST_LETTERS:
                most = f"at most {MOST_PAGE_LETTERS:,} letters a page and {MOST_LETTERS:,} in all"
                raise RefusedSource(source, f"expected {most}, found more by page {number + 1}; split the file")
            letters = Letters(text_page.raw)
            found = fragments(letters)
            count = sum(len(fragment.text) for fragment in found)
            scans += count < FEWEST_LETTERS and _has_image(page)
            written += count
            unnamed += letters.unnamed()
            page.close()
        except pypdfium2.PdfiumError:
            damaged += 1  # the other pages may be whole
        else:
            pages[number] = rows_of(found)
    if written < FEWEST_LETTERS * max(1, len(pages) - damaged):
        if scans:
            reason = (
                f"expected a PDF with text, found a scan of {_pages(len(pages))} without any; run it through OCR first"
            )
        elif damaged:
            reason = f"expected a whole PDF, found {damaged} of {_pages(len(pages))} damaged; fetch or export it again"
        else:
            reason = f"expected a PDF with text, found {_pages(len(pages))} with hardly any; check the file"
        raise RefusedSource(source, reason)
    if unnamed > MOST_UNNAMED * written:
        share = min(100, 100 * unnamed // written)
        reason = f"expected letters that the PDF's fonts name, found {share}% unnamed; run it through OCR first"
        raise RefusedSource(source, reason)
    return pages


def _upright(document: PdfDocument, number: int) -> tuple[Any, Any]:
    """A page, turned so that its letters stand upright, and its text."""
    page = document[number]
    text_page = page.get_textpage()
    if turn_upright(page, text_page.raw):
        page.close()
        page = document[number]
        text_page = page.get_textpage()
    return page, text_page


def _has_image(page: Any) -> bool:
    import pypdfium2.raw as pdfium

    return any(True for _ in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3))


def _pages(count: int) -> str:
    return "1 page" if count == 1 else f"{count:,} pages"


def _laid_out(paragraphs: Iterable[Paragraph], count: int) -> tuple[str, list[int]]:
    """The text, a line a paragraph, and where in it each of `count` pages begins."""
    lines: list[str] = []
    starts = [0]
    offset = 0
    for paragraph in paragraphs:
        text = bracketed(paragraph.text)
        line = ""
        for (start, number), (end, _) in pairwise([*paragraph.pages, (len(text), count)]):
            starts.extend([offset + len(line)] * (number + 1 - len(starts)))
            line += text[start:end].replace("\u00ad", "")
        line = line.rstrip()
        if line:
            lines.append(line)
            offset += len(line) + 1
    text = "\n".join(lines)
    starts.extend([len(text)] * (count - len(starts)))
    return text, [min(start, len(text)) for start in starts]
