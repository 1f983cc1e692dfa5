"""Replies as Telegram messages: HTML within its limits, and the buttons below. Pure: nothing is sent from here.

Quotes are source characters only, each in a block of its own, and the `…` of a cut stands outside. In lines of our own,
words of a document lose what would break the line, and are isolated where they run against the reader's direction.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import assert_never

from bot.telegram.links import bibtex, citation_text, harmless, linkable, shortened, text_fragment, title, units
from bot.telegram.markup import (
    ISOLATE,
    NAME,
    POP_ISOLATE,
    borrowed,
    counted,
    dated,
    directed,
    escaped,
    is_foreign,
    isolated,
    quote_block,
)
from bot.telegram.strings import Language, Strings, strings
from bot.telegram.window import common, joined, narrowed
from retrieval.datamodel import Abstention, Answer, Document, Excerpt, Reply, Span

__all__ = [
    "Button",
    "InlineQuote",
    "Message",
    "View",
    "abstention",
    "answer",
    "citation",
    "context",
    "inline_results",
    "notice",
    "search_results",
    "source",
    "source_to_remove",
    "sources_page",
]

MAX_UNITS = 4096  # UTF-16 code units of the text, without the tags
MAX_BYTES = 32_768  # of the HTML
MAX_ENTITIES = 100  # Telegram drops the rest in silence
PAGE = 3  # quotes a message
LIST_PAGE = 8  # lines of a list: as many buttons as a row holds
_INLINE = 10  # results
_LEAD = 200  # characters of answer words before the first quote
_TITLE, _PLAIN = 160, 300  # characters of what is shown of each
_FEW = 5  # names or terms in a row
_LINK_BYTES = 2600  # of an address as HTML has it: each `&` is five
_DATA, _COPY, _SWITCH = 64, 256, 256

_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class Button:
    """A label, and the one thing that pressing it does: a callback, an inline query elsewhere, a page, a copy."""

    text: str
    data: str | None = None
    switch: str | None = None
    url: str | None = None
    copy: str | None = None

    def __post_init__(self) -> None:
        if sum(value is not None for value in (self.data, self.switch, self.url, self.copy)) != 1:
            raise ValueError(f"the button {self.text!r} does not do exactly one thing")
        if self.data is not None and not 1 <= len(self.data.encode()) <= _DATA:
            raise ValueError(f"callback data has 1 to {_DATA} bytes, found {self.data!r}")
        if self.copy is not None and not 1 <= units(self.copy) <= _COPY:
            raise ValueError(f"text to copy has 1 to {_COPY} characters, found {units(self.copy)}")


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: HTML, and rows of buttons. `text` is the same without tags, for when Telegram refuses the HTML."""

    html: str
    rows: tuple[tuple[Button, ...], ...] = ()

    @property
    def text(self) -> str:
        """The text as Telegram shows it."""
        plain = _TAG.sub("", self.html)
        return plain.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")

    @property
    def fits(self) -> bool:
        """Whether Telegram takes it whole."""
        return (
            units(self.text) <= MAX_UNITS
            and len(self.html.encode()) <= MAX_BYTES
            and self.html.count("</") <= MAX_ENTITIES
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How a reader sees a result: the language, the stored result's token, where the page begins, what there is.

    `first` is the offset of what is shown, `total` how many results there are, `documents` and `newest` how far the
    collection reaches, `names` the publishers of documents by id, for those that hold the same text. A question that
    `leans` on those before it says nothing elsewhere, and is not shared.
    """

    language: Language
    token: str
    first: int = 0
    total: int = 0
    documents: int = 0
    newest: str | None = None
    leans: bool = False
    names: Mapping[str, str] = field(default_factory=dict)


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


def notice(sentence: str, rows: tuple[tuple[Button, ...], ...] = ()) -> Message:
    """A sentence of ours, as it stands as far as it fits."""
    return Message(escaped(sentence if units(sentence) <= MAX_UNITS else shortened(sentence, MAX_UNITS // 2)), rows)


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
        rows.append((_more_button(after, min(following, total - after), total, "more", view),))
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
    parts += _plain(nearest, 1, words)
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


def sources_page(documents: Sequence[Document], view: View) -> Message:
    """The documents from `view.first` on, a line each; `view.total` is how many there are."""
    words = strings(view.language)
    total = max(view.total, view.first + len(documents))
    if not documents:
        return notice(words.no_sources)
    lines = [
        _document_line(document, number, words, linkable(document.url))
        for number, document in enumerate(documents[:LIST_PAGE], start=view.first + 1)
    ]
    return _list(counted(words.sources_one, words.sources_many, total, words), lines, "source", "sources", total, view)


def source(document: Document, passages: int, view: View) -> Message:
    """One document: who published it, when, and how many passages of it can be found."""
    words = strings(view.language)
    details = [borrowed(name, words, NAME) for name in document.authors[:_FEW]]
    details.append(escaped(counted(words.passages_one, words.passages_many, passages, words)))
    link = linkable(document.url)
    rows = ((Button(words.open_source, url=link),),) if link else ()
    line = _document_line(document, None, words, link)
    return Message(f"{line}\n{directed(' · '.join(details), words)}", rows)


def source_to_remove(document: Document, language: Language, data: str) -> Message:
    """One document, and a button that removes it by `data`."""
    words = strings(language)
    return Message(
        _document_line(document, None, words, linkable(document.url)), ((Button(words.remove_this, data=data),),)
    )


def search_results(excerpts: Sequence[Excerpt], view: View) -> Message:
    """The passages found, from `view.first` on, in plain lines; `view.total` is how many there are."""
    words = strings(view.language)
    total = max(view.total, view.first + len(excerpts))
    if not excerpts:
        return notice(words.found_nothing)
    lines = _plain(excerpts[:LIST_PAGE], view.first + 1, words)
    return _list(counted(words.found_one, words.found_many, total, words), lines, "context", "search", total, view)


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
        title=shortened(title(excerpt.document, words), _TITLE),
        description=shortened(harmless(excerpt.text), _LEAD),
        message=Message(_answer_html(alone, [shown], View(language=language, token=""))),
    )


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
        turns.append(_more_button(after, min(LIST_PAGE, total - after), total, verb, view))
    if turns:
        rows.append(tuple(turns))
    return replace(message, rows=tuple(rows))


def citation(excerpt: Excerpt, number: int, words: Strings, *, above: Excerpt | None = None) -> str:
    """Number, headline, publisher and date, page: the headline opens the source at the quote.

    Below an excerpt of the same document, which stands `above`, it says so in their place.
    """
    link = _link(excerpt)
    if above is not None and above.document.id == excerpt.document.id:
        same = escaped(words.same_document)
        shown = f'<a href="{escape(link)}">{same}</a>' if link else same
        line = directed(f"<b>[{number}]</b> {shown}", words)
    else:
        line = _document_line(excerpt.document, number, words, link)
    return f"{line} · {escaped(words.page.format(page=excerpt.page))}" if excerpt.page else line


def _document_line(document: Document, number: int | None, words: Strings, link: str | None) -> str:
    headline = shortened(title(document, words), _TITLE)
    shown = f'<a href="{escape(link)}">{escaped(headline)}</a>' if link else escaped(headline)
    parts = [f"{ISOLATE}{shown}{POP_ISOLATE}" if is_foreign(headline, words) else shown]
    publisher = borrowed(document.publisher or "", words, NAME)
    date = escaped(dated(document.published, words)) if document.published else ""
    parts.append(words.before_date.join(part for part in (publisher, date) if part))
    if document.updated and dated(document.updated, words) != dated(document.published or "", words):
        parts.append(escaped(words.updated.format(date=dated(document.updated, words))))
    line = " · ".join(part for part in parts if part)
    return directed(f"<b>[{number}]</b> {line}" if number is not None else line, words)


def _plain(excerpts: Sequence[Excerpt], first: int, words: Strings) -> list[str]:
    """Passages that are no quotes: of each its citation, and its beginning on one line."""
    return [
        f"{citation(excerpt, number, words, above=above)}\n{escaped(shortened(harmless(excerpt.text), _PLAIN))}"
        for number, (above, excerpt) in enumerate(zip([None, *excerpts], excerpts, strict=False), start=first)
    ]


def _link(excerpt: Excerpt) -> str | None:
    document = excerpt.document
    address = linkable(document.url)
    if address is None:
        return None
    if excerpt.page and "#" not in address:
        address = f"{address}#page={excerpt.page}"
    choices = (text_fragment(address, document.snapshot.text, excerpt.span), address)
    return next((link for link in choices if len(escape(link).encode()) <= _LINK_BYTES), None)


def _cut(blocks: list[str], whole: Span, window: Span) -> list[str]:
    """The blocks, with `…` on a line of its own where the window leaves something out."""
    return [*(["…"] if window.start > whole.start else []), *blocks, *(["…"] if window.end < whole.end else [])]


def _context_button(number: int, view: View) -> Button:
    label = strings(view.language).context.format(number=number)
    return Button(label, data=f"context:{view.token}:{number - 1}")


def _more_button(after: int, count: int, total: int, verb: str, view: View) -> Button:
    words = strings(view.language)
    form = words.more_one if count == 1 else words.more
    label = form.format(first=after + 1, last=after + count, total=words.number(total))
    return Button(label, data=f"{verb}:{view.token}:{after}")


def _votes(view: View) -> tuple[Button, ...]:
    return tuple(Button(sign, data=f"vote:{view.token}:{way}") for sign, way in (("👍", "up"), ("👎", "down")))


def _source_buttons(excerpt: Excerpt, words: Strings) -> tuple[tuple[Button, ...], ...]:
    link, entry = _link(excerpt), bibtex(excerpt)
    copies = [Button(words.copy_citation, copy=citation_text(excerpt, words.language))]
    copies += [Button(words.copy_bibtex, copy=entry)] if units(entry) <= _COPY else []
    return (*(((Button(words.open_source, url=link),),) if link else ()), tuple(copies))
