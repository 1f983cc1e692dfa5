"""Documents and passages as lists of plain lines, a page at a time, with a button each. Pure, as `render.py` is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.telegram.citing import document_line, plain_passages
from bot.telegram.links import linkable
from bot.telegram.markup import NAME, borrowed, counted, directed, escaped
from bot.telegram.message import Button, Message, View, more_button, notice
from bot.telegram.strings import Language, strings
from retrieval.datamodel import Document, Excerpt

__all__ = ["LIST_PAGE", "search_results", "source", "source_to_remove", "sources_page"]

LIST_PAGE = 8  # lines of a list: as many buttons as a row holds
_MOST_AUTHORS = 5


def sources_page(documents: Sequence[Document], view: View) -> Message:
    """The documents from `view.first` on, a line each; `view.total` is how many there are."""
    words = strings(view.language)
    total = max(view.total, view.first + len(documents))
    if not documents:
        return notice(words.no_sources)
    lines = [
        document_line(document, number, words, linkable(document.url))
        for number, document in enumerate(documents[:LIST_PAGE], start=view.first + 1)
    ]
    return _list(counted(words.sources_one, words.sources_many, total, words), lines, "source", "sources", total, view)


def source(document: Document, passages: int, view: View) -> Message:
    """One document: who published it, when, and how many passages of it can be found."""
    words = strings(view.language)
    details = [borrowed(name, words, NAME) for name in document.authors[:_MOST_AUTHORS]]
    details.append(escaped(counted(words.passages_one, words.passages_many, passages, words)))
    link = linkable(document.url)
    rows = ((Button(words.open_source, url=link),),) if link else ()
    line = document_line(document, None, words, link)
    return Message(f"{line}\n{directed(' · '.join(details), words)}", rows)


def source_to_remove(document: Document, language: Language, data: str) -> Message:
    """One document, and a button that removes it by `data`."""
    words = strings(language)
    return Message(
        document_line(document, None, words, linkable(document.url)), ((Button(words.remove_this, data=data),),)
    )


def search_results(excerpts: Sequence[Excerpt], view: View) -> Message:
    """The passages found, from `view.first` on, in plain lines; `view.total` is how many there are."""
    words = strings(view.language)
    total = max(view.total, view.first + len(excerpts))
    if not excerpts:
        return notice(words.found_nothing)
    lines = plain_passages(excerpts[:LIST_PAGE], view.first + 1, words)
    return _list(counted(words.found_one, words.found_many, total, words), lines, "context", "search", total, view)


def _list(heading: str, lines: list[str], one: str, verb: str, total: int, view: View) -> Message:
    """As many of the lines as fit, a button each, and one for those that follow."""
    words = strings(view.language)
    while True:
        message = Message("\n\n".join([f"<b>{escaped(heading)}</b>", *lines]))
        if message.fits or len(lines) == 1:
            break
        lines = lines[:-1]
    numbers = range(view.first + 1, view.first + len(lines) + 1)
    rows = [tuple(Button(f"[{number}]", data=f"{one}:{view.token}:{number - 1}") for number in numbers)]
    after = view.first + len(lines)
    turns: list[Button] = []
    if view.first:
        turns.append(Button(words.back, data=f"{verb}:{view.token}:{max(0, view.first - LIST_PAGE)}"))
    if after < total:
        turns.append(more_button(after, min(LIST_PAGE, total - after), total, verb, view))
    if turns:
        rows.append(tuple(turns))
    return replace(message, rows=tuple(rows))
