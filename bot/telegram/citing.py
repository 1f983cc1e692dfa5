"""Who says it: the line above a quote or a passage, with a link that opens the source there."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bot.telegram.links import harmless, linkable, shortened, text_fragment, title
from bot.telegram.markup import ISOLATE, NAME, POP_ISOLATE, borrowed, dated, directed, escaped, is_foreign
from bot.telegram.strings import Strings
from retrieval.datamodel import Document, Excerpt

__all__ = ["LONGEST_TITLE", "citation", "document_line", "plain_passages", "source_link"]

LONGEST_TITLE = 160  # characters of a headline
_PLAIN = 300  # characters of a passage that is no quote
_LINK_BYTES = 2600  # of an address as HTML has it: each `&` is five


def citation(excerpt: Excerpt, number: int, words: Strings, *, above: Excerpt | None = None) -> str:
    """Number, headline, publisher and date, page: the headline opens the source at the quote.

    Below an excerpt of the same document, which stands `above`, it says so in their place.
    """
    link = source_link(excerpt)
    if above is not None and above.document.id == excerpt.document.id:
        same = escaped(words.same_document)
        shown = f'<a href="{escape(link)}">{same}</a>' if link else same
        line = directed(f"<b>[{number}]</b> {shown}", words)
    else:
        line = document_line(excerpt.document, number, words, link)
    return f"{line} · {escaped(words.page.format(page=excerpt.page))}" if excerpt.page else line


def document_line(document: Document, number: int | None, words: Strings, link: str | None) -> str:
    """Number, headline, publisher and dates; the headline is the `link`."""
    headline = shortened(title(document, words), LONGEST_TITLE)
    shown = f'<a href="{escape(link)}">{escaped(headline)}</a>' if link else escaped(headline)
    parts = [f"{ISOLATE}{shown}{POP_ISOLATE}" if is_foreign(headline, words) else shown]
    publisher = borrowed(document.publisher or "", words, NAME)
    date = escaped(dated(document.published, words)) if document.published else ""
    parts.append(words.before_date.join(part for part in (publisher, date) if part))
    if document.updated and dated(document.updated, words) != dated(document.published or "", words):
        parts.append(escaped(words.updated.format(date=dated(document.updated, words))))
    line = " · ".join(part for part in parts if part)
    return directed(f"<b>[{number}]</b> {line}" if number is not None else line, words)


def plain_passages(excerpts: Sequence[Excerpt], first: int, words: Strings) -> list[str]:
    """Passages that are no quotes: of each its citation, and its beginning on one line."""
    return [
        f"{citation(excerpt, number, words, above=above)}\n{escaped(shortened(harmless(excerpt.text), _PLAIN))}"
        for number, (above, excerpt) in enumerate(zip([None, *excerpts], excerpts, strict=False), start=first)
    ]


def source_link(excerpt: Excerpt) -> str | None:
    """The address that opens the source at the quote, as far as a message has room for it; None where there is none."""
    document = excerpt.document
    address = linkable(document.url)
    if address is None:
        return None
    if excerpt.page and "#" not in address:
        address = f"{address}#page={excerpt.page}"
    choices = (text_fragment(address, document.snapshot.text, excerpt.span), address)
    return next((link for link in choices if len(escape(link).encode()) <= _LINK_BYTES), None)
