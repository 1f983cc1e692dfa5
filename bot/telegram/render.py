"""Replies as Telegram messages: HTML within its limits, and the buttons below. Pure: nothing is sent from here.

Quotes are source characters only, each in a block of its own, and the `…` of a cut stands outside. In lines of our own,
words of a document lose what would break the line, and are isolated where they run against the reader's direction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from bot.telegram.citing import LONGEST_TITLE, citation, plain_passages, source_link
from bot.telegram.links import bibtex, citation_text, harmless, shortened, title, units
from bot.telegram.markup import NAME, borrowed, counted, dated, directed, escaped, isolated, quote_block
from bot.telegram.message import LONGEST_COPY, MAX_UNITS, Button, Message, View, more_button
from bot.telegram.strings import Language, Strings, strings
from bot.telegram.window import common, joined, narrowed
from retrieval.datamodel import Abstention, Answer, Excerpt, Reply, Span

__all__ = ["InlineQuote", "abstention", "answer", "context", "inline_results"]

PAGE = 3  # quotes a message
_INLINE = 10  # results
_LEAD = 200  # characters of answer words before the first quote
_FEW = 5  # names or terms in a row
_SWITCH = 256  # UTF-16 code units of a query to share


@dataclass(frozen=True, slots=True)
class InlineQuote:
    """One result of an inline query."""

    id: str
    title: str
    description: str
    message: Message


@dataclass(frozen=True, slots=True)
class _Shown:
    """An excerpt as it is shown: its number, and the part of it that the quote block holds."""

    excerpt: Excerpt
    number: int
    window: Span


def answer(reply: Answer, view: View) -> Message:
    """Up to three whole quotes from `view.first` on, or one that is cut; the answer's own words before the first."""
    words = strings(view.language)
    first = min(view.first, len(reply.excerpts) - 1)
    shown = _page(reply, replace(view, first=first))
    after = first + len(shown)
    rows = [tuple(_context_button(one.number, view) for one in shown)]
    total = max(view.total, len(reply.excerpts))
    if after < total:
        following = len(_page(reply, replace(view, first=after))) if after < len(reply.excerpts) else PAGE
        rows.append((more_button(after, min(following, total - after), total, "more", view),))
    votes = _votes(view)
    if not view.leans and units(reply.question) <= _SWITCH and reply.question.strip():
        votes = (*votes, Button(words.share, switch=harmless(reply.question)))
    return Message(_answer_html(reply, shown, view), (*rows, votes))


def abstention(reply: Abstention, view: View) -> Message:
    """An honest no: what is missing, how far the collection reaches, and the nearest passages in plain lines."""
    words = strings(view.language)
    parts = ["\n".join([f"<b>{escaped(words.abstained)}</b>", *map(escaped, _why(reply, view))])]
    nearest = reply.nearest[:PAGE]
    if nearest:
        parts.append(escaped(words.nearest))
    parts += plain_passages(nearest, 1, words)
    rows = (tuple(_context_button(number, view) for number in range(1, len(nearest) + 1)),) if nearest else ()
    return Message("\n\n".join(parts), (*rows, _votes(view)))


def context(excerpt: Excerpt, view: View) -> Message:
    """The paragraphs that hold the quote, in which it is bold, and one before and after while they fit."""
    words = strings(view.language)
    document = excerpt.document
    held = [number for number, span in enumerate(document.body) if span.meets(excerpt.span)]
    head = citation(excerpt, view.first + 1, words)
    rows = _source_buttons(excerpt, words)
    for low, high in ((1, 1), (0, 1), (0, 0)):
        paragraphs = document.body[max(0, held[0] - low) : held[-1] + high + 1]
        blocks = [
            quote_block(document.snapshot.text, span, [excerpt.span], folded=not span.meets(excerpt.span))
            for span in paragraphs
        ]
        message = Message("\n".join([head, *blocks]), rows)
        if message.fits:
            return message
    whole = Span(document.body[held[0]].start, document.body[held[-1]].end)
    room = MAX_UNITS - units(Message(head).text) - len("\n…\n\n…") - len(held)
    while not message.fits:
        window = narrowed(document.snapshot.text, whole, excerpt.span, room, around=True)
        pieces = [common(span, window) for span in document.body if span.meets(window)]
        blocks = [quote_block(document.snapshot.text, piece, [excerpt.span], folded=False) for piece in pieces]
        message = Message("\n".join([head, *_cut(blocks, whole, window)]), rows)
        room //= 2
    return message


def inline_results(reply: Reply, language: Language) -> list[InlineQuote]:
    """Up to ten quotes to send from any chat, each with its citation; none where the documents do not say."""
    match reply:
        case Answer():
            return [_inline(reply, number, language) for number in range(len(reply.excerpts[:_INLINE]))]
        case Abstention():
            return []
        case _:
            assert_never(reply)


def _page(reply: Answer, view: View) -> list[_Shown]:
    """The most whole quotes that fit, at least one; a first one that does not is cut around its answer."""
    excerpts = reply.excerpts[view.first : view.first + PAGE]
    shown = [_Shown(excerpt, number, excerpt.span) for number, excerpt in enumerate(excerpts, start=view.first + 1)]
    while len(shown) > 1 and not Message(_answer_html(reply, shown, view)).fits:
        shown.pop()
    whole = Message(_answer_html(reply, shown, view))
    room = MAX_UNITS - (units(whole.text) - units(shown[0].excerpt.text)) - len("…\n\n…")
    while not Message(_answer_html(reply, shown, view)).fits:
        shown = [_shortened_quote(shown[0], room)]
        room //= 2
    return shown


def _shortened_quote(one: _Shown, room: int) -> _Shown:
    marks, span = one.excerpt.highlights, one.excerpt.span
    wanted = marks[0] if marks else Span(span.start, span.start + 1)
    return replace(one, window=narrowed(one.excerpt.document.snapshot.text, span, wanted, room, around=False))


def _answer_html(reply: Answer, shown: Sequence[_Shown], view: View) -> str:
    words = strings(view.language)
    parts = [_lead(reply.excerpts[0])] if view.first == 0 else []
    for above, one in zip([None, *shown], shown, strict=False):
        text = one.excerpt.document.snapshot.text
        block = _cut([quote_block(text, one.window, one.excerpt.highlights)], one.excerpt.span, one.window)
        lines = [citation(one.excerpt, one.number, words, above=above.excerpt if above else None), *block]
        if one.excerpt.also_in:
            lines.append(directed(_also_in(one.excerpt, view, words), words))
        parts.append("\n".join(lines))
    if any(one.excerpt.differs for one in shown):
        parts.append(escaped(_differing(reply, words)))
    return "\n\n".join(part for part in parts if part)


def _lead(excerpt: Excerpt) -> str:
    """The answer's own words, as far as they are short and stand on one line; empty where nothing is marked."""
    chosen: list[str] = []
    for mark in joined(excerpt.highlights, excerpt.span):
        marked = mark.of(excerpt.document.snapshot.text).strip()
        if marked and harmless(marked) == marked and units(" … ".join([*chosen, marked])) <= _LEAD:
            chosen.append(marked)
    return f"<b>“{escaped(' … '.join(dict.fromkeys(chosen)))}”</b>" if chosen else ""


def _also_in(excerpt: Excerpt, view: View, words: Strings) -> str:
    names = list(dict.fromkeys(view.names[other] for other in excerpt.also_in if view.names.get(other)))
    if names:
        shown = words.list_separator.join(borrowed(name, words, NAME) for name in names[:_FEW])
        return escaped(words.also_in).format(names=shown + (" …" if len(names) > _FEW else ""))
    return escaped(counted(words.also_in_one, words.also_in_many, len(excerpt.also_in), words))


def _differing(reply: Answer, words: Strings) -> str:
    dates = [
        f"[{number}] {dated(excerpt.document.published, words)}"
        for number, excerpt in enumerate(reply.excerpts, start=1)
        if excerpt.differs and excerpt.document.published
    ]
    return words.differs.format(dates=words.list_separator.join(dates[: 2 * _FEW]))


def _why(reply: Abstention, view: View) -> list[str]:
    words = strings(view.language)
    terms = words.list_separator.join(
        f"“{isolated(shortened(harmless(term), NAME), words)}”" for term in reply.missing_terms[:_FEW]
    )
    sentences = {
        "empty_collection": words.empty_collection,
        "nothing_found": words.nothing_found,
        "terms_missing": words.terms_missing.format(terms=terms) if terms else words.low_confidence,
        "near_miss": words.near_miss,
        "low_confidence": words.low_confidence,
        "filtered_out": words.filtered_out,
    }
    lines = [sentences[reply.reason]]
    if terms and reply.reason != "terms_missing":
        lines.append(words.missing.format(terms=terms))
    if view.documents:
        count = words.number(view.documents)
        if view.newest:
            form = words.searched_one_dated if view.documents == 1 else words.searched_many_dated
            lines.append(form.format(count=count, date=dated(view.newest, words)))
        else:
            lines.append((words.searched_one if view.documents == 1 else words.searched_many).format(count=count))
    return lines


def _inline(reply: Answer, number: int, language: Language) -> InlineQuote:
    excerpt = reply.excerpts[number]
    words = strings(language)
    alone = Answer(reply.question, (replace(excerpt, also_in=(), differs=False),), reply.confidence)
    (shown,) = _page(alone, View(language=language, token=""))
    name = f"{number}:{excerpt.document.id}#{excerpt.span.start}-{excerpt.span.end}"
    return InlineQuote(
        id=hashlib.sha256(name.encode(errors="replace")).hexdigest()[:32],
        title=shortened(title(excerpt.document, words), LONGEST_TITLE),
        description=shortened(harmless(excerpt.text), _LEAD),
        message=Message(_answer_html(alone, [shown], View(language=language, token=""))),
    )


def _cut(blocks: list[str], whole: Span, window: Span) -> list[str]:
    """The blocks, with `…` on a line of its own where the window leaves something out."""
    return [*(["…"] if window.start > whole.start else []), *blocks, *(["…"] if window.end < whole.end else [])]


def _context_button(number: int, view: View) -> Button:
    label = strings(view.language).context.format(number=number)
    return Button(label, data=f"context:{view.token}:{number - 1}")


def _votes(view: View) -> tuple[Button, ...]:
    return tuple(Button(sign, data=f"vote:{view.token}:{way}") for sign, way in (("👍", "up"), ("👎", "down")))


def _source_buttons(excerpt: Excerpt, words: Strings) -> tuple[tuple[Button, ...], ...]:
    link, entry = source_link(excerpt), bibtex(excerpt)
    copies = [Button(words.copy_citation, copy=citation_text(excerpt, words.language))]
    copies += [Button(words.copy_bibtex, copy=entry)] if units(entry) <= LONGEST_COPY else []
    return (*(((Button(words.open_source, url=link),),) if link else ()), tuple(copies))
