"""The lines of a page, by what they are: prose, headlines, datelines, credits, and furniture such as menus."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto

from retrieval.datamodel import Span
from retrieval.dates import Dating, dating

__all__ = [
    "FRONT_MATTER",
    "Block",
    "Credit",
    "Kind",
    "blocks",
    "is_blurb",
    "is_furniture",
    "is_truncated",
    "paragraphs",
    "weight",
]

# What stands before the text of a Markdown file: fields between two lines of dashes.
FRONT_MATTER = re.compile(
    r"---[ \t]*\r?\n(?P<fields>(?:(?!---|\.\.\.)[^\n]*\n){0,200})(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)"
)


class Kind(Enum):
    """What a block of a page is."""

    PROSE = auto()
    SHORT = auto()  # a sentence of few words: prose among prose, furniture elsewhere
    HEADLINE = auto()
    LABEL = auto()  # a few words that are no sentence: a crosshead, a menu entry
    DATELINE = auto()
    CREDIT = auto()
    TEASERS = auto()  # "Recommended articles": what follows belongs to other stories
    FURNITURE = auto()


@dataclass(frozen=True, slots=True)
class Credit:
    """Whom a line names as publisher and authors."""

    publisher: str | None = None
    authors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """A line, or the lines of one wrapped paragraph. `blank` counts the blank lines before it, `level` is that of a
    Markdown heading, 0 elsewhere."""

    span: Span
    kind: Kind
    blank: int
    level: int = 0
    dating: Dating | None = None
    credit: Credit | None = None


@dataclass(frozen=True, slots=True)
class _Line:
    span: Span
    blank: int


_LINE = re.compile(r"[^\r\n\f\u2028\u2029]+")
_CLOSING = "\"'”’“‘」』）)\\]】》»*_"
_ENDS_SENTENCE = re.compile(rf"[.!?…。！？۔؟।][{_CLOSING}]*(?:\[[^\[\]]{{1,24}}\])*$")
_ENDS_IN_STOP = re.compile(rf"[.。۔।][{_CLOSING}]*$")
_INNER_STOP = re.compile(rf"(?:[.!?][{_CLOSING}]*\s+(?=\S)|[。！？۔؟।][{_CLOSING}]*\s*(?=\w))")
_TRUNCATED = re.compile(r"(?:\.\.\.|…)$")
_LONGEST_TEASER = 130
_SHORTEST_BLURB = 40
_ENDS_BLURB = re.compile(r"(?:[.!?…。！？۔؟।:：)）][\"”'’]{0,2}|[」』])$")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_HAN = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
_HAN_PER_WORD = 1.6

# Furniture whatever the rest of the line says.
_FRAME = re.compile(
    r"""
      copyright\s*(?:©|\(c\)|\d{4}).{0,300} | [^.。]{0,60}©\s*\w.{0,200} | .{0,200}\ball\s+rights\s+reserved\b.{0,200}
    | .{0,80}版权所有.{0,80} | .{0,80}ICP备\s*\d.{0,80} | .{0,40}جملہ\s+حقوق.{0,60}
    | \{:.{1,60}\} | ```.{0,30} | !\[.{0,200}\]\(.{1,300}\) | (?:[-*_]\s*){3,}
    | video\s+player\s+is\s+loading\.? | this\s+is\s+a\s+modal\s+window\.?
    | .{0,80}\b(?:site|website|we)\s+uses?\s+cookies\b.{0,200}
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Furniture unless the line is a sentence of some length.
_MENU = re.compile(
    r"""
      (?:click\s+(?:here\s+)?to\s+)?continue\s+reading(?:\s+the\s+main\s+story|\s+below)?
    | (?:story|article)\s+continues\s+(?:below|after).{0,40} | \d*\s*comments?\s*(?:\(\d+\))?
    | (?:leave|post|add)\s+a\s+(?:comment|reply).{0,30} | (?:back\s+to\s+)?top | home(?:\s+page)? | menu | search
    | advertise(?:ment|\s+with\s+us)?s? | sponsored(?:\s+content)? | promoted\s+content | skip\s+to\s+.{1,60}
    | share(?:\s+(?:this|on)\b.{0,40})? | about(?:\s+us)? | contact(?:\s+us)? | follow\s+us.{0,40} | register
    | subscribe(?:\s+(?:now|to)\b.{0,60})? | sign\s+(?:up|in)\b.{0,60} | log\s*in.{0,20} | newsletter.{0,30}
    | privacy(?:\s+policy)? | terms(?:\s+(?:of|and)\b.{0,40})? | cookies?(?:\s+(?:policy|settings|notice))?
    | close | print | e-?mail | e-?paper | tweet | whatsapp | facebook | twitter | read\s+(?:more|also|next)\b.{0,120}
    | also\s+read\b.{0,120} | (?:next|previous)(?:\s+(?:article|story|page))?
    | (?:current|remaining)\s+time\b.{0,20} | duration\b.{0,12} | loaded\s*:.{0,10} | stream\s+type\b.{0,12}
    | playback\s+rate | play(?:\s+video)? | (?:un)?mute | fullscreen | chapters
    | .{0,30}\b(?:descriptions|captions|subtitles)\b.{0,20}\bselected
    | 首页 | 登录 | 注册 | 分享(?:到)?.{0,10} | 打印 | 返回顶部 | 关于我们 | 联系我们
    | سرورق | ہوم(?:\s+پیج)? | رابطہ(?:\s+کریں)? | شیئر(?:\s+کریں)? | تبصرے
    """,
    re.VERBOSE | re.IGNORECASE,
)
_SENTENCE_WORDS = 7
_LONGEST_FURNITURE = 400
_TEASERS = re.compile(
    r"(?:recommended|related|trending|popular|most\s+(?:read|popular|viewed)|latest|more\s+(?:from|on|in|news|stories)"
    r"|also\s+in|you\s+(?:may|might)\s+(?:also\s+)?like|editors?['’]?s?\s+picks?|don['’]t\s+miss|up\s+next|hot)\b.{0,50}"
    r"|(?:推荐|相关|热门|延伸)(?:阅读|新闻|文章).{0,10}|(?:مزید|متعلقہ|تازہ ترین)\s+خبریں.{0,20}",
    re.IGNORECASE,
)
_BULLET = re.compile(r"(?:[•▪●◦‣·*+-]|\d{1,2}[.)])\s+(?=\S)")
_HEADING = re.compile(r"(?P<marks>#{1,6})\s+(?P<text>\S.*?)\s*#*$")
_QUOTED = re.compile(r"(?:>\s?)+")

_PUBLISHER = re.compile(
    r"(?:(?:source|courtesy|publisher|published\s+by|via)\s*[:：]|(?:来源|來源|稿源)\s*[:：]|(?:ماخذ|بشکریہ)\s*[:：]?)\s*(?P<name>\S.{0,79})",
    re.IGNORECASE,
)
_AUTHOR = re.compile(
    r"(?:(?:written\s+)?by\s*:?\s+|(?:authors?|writers?|reporter|reported\s+by)\s*[:：]\s*"
    r"|(?:作者|记者|記者|撰文)\s*[:：]\s*|تحریر\s*[:：]\s*)(?P<names>\S.{0,99})",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"[^\W\d_a-z][^\W\d_]*[.'’-]?(?:[\s.'’-]+(?:(?:al|bin|ibn|de|da|di|van|von|ur|ul|el|la)\b|[^\W\d_a-z])?[^\W\d_]*[.'’]?){0,5}"
)
_AND = re.compile(r"\s*(?:,|،|、|，|;|\band\b|&|\bاور\b)\s*", re.IGNORECASE)
_SEPARATOR = re.compile(r"\s+[-–—]\s+|[·•|\n\t]+|\s/\s|\s{3,}")
_BRACKETS = "()（）[]【】 \t\u00a0"

_FEWEST_PROSE_WORDS = 5
_FEWEST_HEADLINE_WORDS = 4
_MOST_HEADLINE_WORDS = 30
_WRAP_COLUMNS = range(48, 111)
_FILLED = 0.7


def weight(text: str) -> float:
    """How many words `text` holds, Chinese and Japanese characters counted as parts of words."""
    han = len(_HAN.findall(text))
    if not han:
        return float(len(_WORD.findall(text)))
    return han / _HAN_PER_WORD + len(_WORD.findall(_HAN.sub(" ", text)))


def is_furniture(line: str) -> bool:
    """Whether a line is part of a page's frame by its words alone: a menu, a player's control, a copyright line."""
    if not any(map(str.isalnum, line)):
        return True
    bare = _BULLET.sub("", line.strip(), count=1)
    if len(bare) > _LONGEST_FURNITURE:
        return False
    if _FRAME.fullmatch(bare):
        return True
    if _ENDS_IN_STOP.search(bare) and weight(bare) >= _SENTENCE_WORDS:
        return False
    return bare.count("|") >= 2 or _MENU.fullmatch(bare) is not None


def is_truncated(line: str) -> bool:
    """Whether a line was cut off by the site, as teasers of other stories are."""
    return len(line) <= _LONGEST_TEASER and bool(_TRUNCATED.search(line))


def is_blurb(line: str) -> bool:
    """Whether a line may be the summary of another story: one line of some length that ends without a full stop."""
    return _SHORTEST_BLURB <= len(line) <= _LONGEST_TEASER and not _ENDS_BLURB.search(line)


def paragraphs(text: str) -> list[Span]:
    """The paragraphs of `text`, trimmed: its lines, where a paragraph wrapped at a column counts as one."""
    return [span for span, _ in _paragraphs(text, markdown=False)]


def blocks(text: str, *, markdown: bool = False) -> list[Block]:
    """The paragraphs of a page, in order, each with what it is."""
    found = [_block(text, span, blank, markdown=markdown) for span, blank in _paragraphs(text, markdown=markdown)]
    return _settled(found, text)


def _lines(text: str) -> Iterator[_Line]:
    end = 0
    for match in _LINE.finditer(text):
        line = match[0]
        stripped = line.strip()
        if not stripped:
            continue
        start = match.start() + len(line) - len(line.lstrip())
        breaks = text.count("\n", end, start) or text.count("\r", end, start)
        yield _Line(Span(start, start + len(stripped)), max(0, breaks - 1))
        end = start + len(stripped)


def _paragraphs(text: str, *, markdown: bool) -> Iterator[tuple[Span, int]]:
    """The span of each paragraph, and how many blank lines stand before it."""
    run: list[_Line] = []
    for line in _lines(text):
        if line.blank and run:
            yield from _unwrapped(run, text, markdown=markdown)
            run = []
        run.append(line)
    if run:
        yield from _unwrapped(run, text, markdown=markdown)


def _unwrapped(run: list[_Line], text: str, *, markdown: bool) -> Iterator[tuple[Span, int]]:
    """The paragraphs of lines that no blank line parts."""
    widest = max(_width(line.span, text) for line in run)
    wraps = len(run) > 1 and (markdown or widest in _WRAP_COLUMNS)
    group: list[_Line] = []
    for line in run:
        goes_on = bool(group and not _is_teaser_after(group[-1], line, text)) and (
            (wraps and _continues(group[-1], line, text, widest, markdown=markdown))
            or (not markdown and _goes_on(group, line, text, widest))
        )
        if group and not goes_on:
            yield from _joined(group, text, markdown=markdown)
            group = []
        group.append(line)
    yield from _joined(group, text, markdown=markdown)


def _is_teaser_after(line: _Line, following: _Line, text: str) -> bool:
    """Whether another story's teaser, cut off by the site, follows a sentence that has ended."""
    return is_truncated(following.span.of(text)) and bool(_ENDS_SENTENCE.search(line.span.of(text)))


def _width(span: Span, text: str) -> int:
    """How many columns the line takes: a Chinese character takes two."""
    return len(span) + (len(_HAN.findall(text, span.start, span.end)) if len(span) in range(24, 111) else 0)


def _continues(line: _Line, following: _Line, text: str, widest: int, *, markdown: bool) -> bool:
    """Whether the paragraph of `line` goes on: the next word would not have fitted on it."""
    first, second = line.span.of(text), following.span.of(text)
    if _BULLET.match(second):
        return False
    if markdown and (_HEADING.match(first) or _HEADING.match(second) or second.startswith((">", "|", "```"))):
        return False
    next_word = second[:80].split(maxsplit=1)[0]
    if not markdown and _width(line.span, text) + 1 + len(next_word[:20]) <= widest:
        return False
    return not any(is_furniture(part) or _is_date_or_credit(part) for part in (first, second))


def _goes_on(group: list[_Line], following: _Line, text: str, widest: int) -> bool:
    """Whether the sentence of `group` runs on, at whatever column it breaks: `following` begins in lower case.

    Once one line of the paragraph did so, a line that is about as wide as the widest runs on into any other.
    """
    first, second = group[-1].span.of(text), following.span.of(text)
    if _begins_low(group[-1], following, text):
        if len(group) == 1 and weight(first[:200]) < _FEWEST_HEADLINE_WORDS:
            return False  # a list of single words
    elif not _runs_on(group, text) or _width(group[-1].span, text) < _FILLED * widest:
        return False
    if _BULLET.match(first) or _BULLET.match(second):
        return False
    return not any(is_furniture(part) or _is_date_or_credit(part) for part in (first, second))


def _runs_on(group: list[_Line], text: str) -> bool:
    return len(group) > 1 and _begins_low(group[0], group[1], text)


def _begins_low(line: _Line, following: _Line, text: str) -> bool:
    """Whether `following` begins in lower case; after a full stop, not by a name such as iPhone."""
    word = following.span.of(text)[:80].split(maxsplit=1)[0]
    return word[0].islower() and (word == word.lower() or not _ENDS_SENTENCE.search(line.span.of(text)))


def _joined(group: list[_Line], text: str, *, markdown: bool) -> Iterator[tuple[Span, int]]:
    """One paragraph, where its lines break inside sentences; else each line by itself, as in a list of headlines."""
    whole = Span(group[0].span.start, group[-1].span.end)
    if len(group) > 1 and not markdown and not _runs_on(group, text):
        breaks_inside = any(not _ENDS_SENTENCE.search(line.span.of(text)) for line in group[:-1])
        if not breaks_inside or not (_ENDS_SENTENCE.search(whole.of(text)) or _INNER_STOP.search(whole.of(text))):
            for line in group:
                yield line.span, line.blank
            return
    yield whole, group[0].blank


def _is_date_or_credit(line: str) -> bool:
    return _dateline(line) is not None or _credit([line]) is not None


def _block(text: str, span: Span, blank: int, *, markdown: bool) -> Block:
    line = span.of(text)
    if markdown:
        heading = _HEADING.match(line)
        if heading:
            inner = Span(span.start + heading.start("text"), span.start + heading.end("text"))
            return Block(inner, Kind.HEADLINE, blank, level=len(heading["marks"]))
        quoted = _QUOTED.match(line)
        if quoted and quoted.end() < len(line):
            span = Span(span.start + quoted.end(), span.end)
            line = span.of(text)
    if is_furniture(line):
        return Block(span, Kind.FURNITURE, blank)
    dated = _dateline(line)
    if dated is not None:
        return Block(span, Kind.DATELINE, blank, dating=dated, credit=_credit(_SEPARATOR.split(dated.rest)))
    credit = _credit(_SEPARATOR.split(line)) if len(line) <= 200 else None
    if credit is not None:
        return Block(span, Kind.CREDIT, blank, credit=credit)
    words = weight(line)
    if words < 8 and _TEASERS.fullmatch(line) and not _ENDS_SENTENCE.search(line):
        return Block(span, Kind.TEASERS, blank)
    bullet = _BULLET.match(line)
    if bullet and not line[0].isdigit():
        span = Span(span.start + bullet.end(), span.end)
    kind = Kind.PROSE if markdown else _kind(line, words)
    return Block(span, kind, blank)


def _kind(line: str, words: float) -> Kind:
    if "\n" in line or "\r" in line:
        return Kind.PROSE
    if _ENDS_SENTENCE.search(line):
        return Kind.PROSE if words >= _FEWEST_PROSE_WORDS else Kind.SHORT
    if words > _MOST_HEADLINE_WORDS or (words >= 8 and _INNER_STOP.search(line)) or (words >= 6 and line[-1] in ":："):
        return Kind.PROSE
    return Kind.HEADLINE if words >= _FEWEST_HEADLINE_WORDS else Kind.LABEL


def _dateline(line: str) -> Dating | None:
    """What a line says of time, where it says little else."""
    dated = dating(line)
    if dated is None:
        return None
    rest = [part for part in _SEPARATOR.split(dated.rest) if any(map(str.isalnum, part))]
    if _credit(rest) is not None:
        return dated
    words = weight(dated.rest)
    is_vague = dated.published is not None and dated.published.count("-") < 2
    return dated if words <= (0 if is_vague or _ENDS_IN_STOP.search(line) else 2) else None


def _credit(parts: Iterable[str]) -> Credit | None:
    """Whom the parts of a line name, where one of them is a credit and none is prose."""
    credit = Credit()
    for part in parts:
        bare = " ".join(part.split()).strip(_BRACKETS + ",，،;；")
        publisher = _PUBLISHER.fullmatch(bare)
        author = _AUTHOR.fullmatch(bare)
        if publisher and weight(publisher["name"]) <= 8 and not _ENDS_IN_STOP.search(publisher["name"]):
            credit = replace(credit, publisher=credit.publisher or publisher["name"].strip(_BRACKETS))
        elif author and (names := _names(author["names"])):
            credit = replace(credit, authors=credit.authors or names)
        elif weight(bare) > 6:
            return None
    return credit if credit != Credit() else None


def _names(written: str) -> tuple[str, ...]:
    """The names in `written`; none where one of them does not look like a name."""
    names = tuple(name for name in _AND.split(written.strip(_BRACKETS)) if name)
    fits = all(_NAME.fullmatch(name) and weight(name) <= 6 for name in names)
    return names if fits and not _ENDS_IN_STOP.search(written) else ()


def _settled(found: list[Block], text: str) -> list[Block]:
    """The blocks, where short sentences next to prose are prose, and a question at the top of the page its headline."""
    settled = list(found)
    for step in (1, -1):
        before: Block | None = None
        for position in range(len(settled))[::step]:
            block = settled[position]
            if block.kind is Kind.SHORT and before is not None and before.kind is Kind.PROSE:
                block = settled[position] = replace(block, kind=Kind.PROSE)
            before = block
    first = settled[0] if settled else None
    if first and len(settled) > 1 and first.kind in {Kind.PROSE, Kind.SHORT}:
        line = first.span.of(text)
        asks = line.endswith(("?", "!", "？", "！", "؟")) and not _INNER_STOP.search(line) and weight(line) <= 20
        if asks and not line.startswith(('"', "“", "「", "'", "‘")):
            settled[0] = replace(first, kind=Kind.HEADLINE)
    return settled
