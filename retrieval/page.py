"""A page into its articles: which prose belongs together, and which headline is each one's own.

A page may hold several articles, menus around them, and headlines before or after their bodies. A headline is given by
the words that it shares with a body, to one article only; an article that shares none has no title.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from retrieval.lines import Block, Kind, weight

__all__ = ["Article", "Page"]

_SHORTEST_TITLE_WORDS = 4  # words of meaning, from which a line among prose may be another article's headline
_LEAST_OVERLAP = 0.5
_CLEAR_DIFFERENCE = 0.3
_COHESIVE = 0.2  # halves of one article share about 0.2 of their words of meaning, two of one topic 0.1
_NEAR = 1_000
_STANDFIRST_WORDS = 50
_SCRAP_SHARE = 0.15
_TEASER_SHARE = 0.5
_FEWEST_LINE_WORDS = 4.0

_WORD = re.compile(r"[^\W\d_]{3,}|\d+")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_STEM = 6
_EMPTY_WORDS = frozenset(
    [
        *("about", "after", "all", "also", "and", "are", "been", "but", "can", "could", "for", "from", "had", "has"),
        *(
            "have",
            "her",
            "him",
            "his",
            "into",
            "its",
            "more",
            "not",
            "now",
            "one",
            "our",
            "out",
            "over",
            "said",
            "says",
        ),
        *(
            "she",
            "than",
            "that",
            "the",
            "their",
            "them",
            "then",
            "there",
            "these",
            "they",
            "this",
            "two",
            "was",
            "were",
        ),
        *("what", "when", "which", "who", "will", "with", "would", "you", "your"),
        *("اور", "ایک", "اس", "ان", "کہا", "کیا", "نے", "میں", "سے", "کہ", "ہیں", "تھا", "گیا", "لیے", "ساتھ"),
    ]
)


@dataclass(slots=True)
class Article:
    """The prose of one article and the places of its headline, by the positions of their blocks; grown in place."""

    prose: list[int]
    words: set[str] = field(default_factory=set)
    title: str | None = None
    titles_at: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _Headline:
    """A headline, with every place between the same two bodies where it stands."""

    text: str
    words: frozenset[str]
    at: tuple[int, ...]


def _content(text: str) -> frozenset[str]:
    """The words of meaning in `text`, cut to stems; for Chinese its pairs of characters."""
    words: set[str] = set()
    for match in _WORD.finditer(text.casefold()):
        word = match[0]
        if _HAN.match(word):
            words.update(word[index : index + 2] for index in range(len(word) - 1))
        elif word not in _EMPTY_WORDS:
            words.add(word[:_STEM])
    return frozenset(words)


def _overlap(headline: frozenset[str], words: set[str]) -> float:
    return len(headline & words) / len(headline) if headline else 0.0


class Page:
    """The blocks of a text and the articles among them, in order."""

    def __init__(self, text: str, blocks: Sequence[Block], *, markdown: bool = False) -> None:
        self.text = text
        self._markdown = markdown
        self.blocks = self._with_prose(blocks)
        self._repeated = self._repeated_headlines()
        self.articles = self._without_scraps(self._grouped())
        self._give_titles()

    def line(self, position: int) -> str:
        """The characters of the block at `position`."""
        return self.blocks[position].span.of(self.text)

    def gap_before(self, index: int) -> range:
        """The positions between the bodies of articles `index - 1` and `index`, or from the start, or to the end."""
        start = self.articles[index - 1].prose[-1] + 1 if index else 0
        return range(start, self.articles[index].prose[0] if index < len(self.articles) else len(self.blocks))

    def may_be_title(self, position: int) -> bool:
        """Whether a headline is more than a crosshead: by its words, its level, or as the page repeats it."""
        block = self.blocks[position]
        if block.kind is not Kind.HEADLINE:
            return False
        if self._markdown:
            return block.level == 1
        return self._is_repeated(position) or len(_content(self.line(position))) >= _SHORTEST_TITLE_WORDS

    def _with_prose(self, blocks: Sequence[Block]) -> list[Block]:
        """The blocks; where none is prose, the next best as prose: short sentences, else lines that are no menu."""
        kinds = {block.kind for block in blocks}
        if Kind.PROSE in kinds:
            return list(blocks)
        promoted = {Kind.SHORT} if Kind.SHORT in kinds else {Kind.HEADLINE, Kind.LABEL}
        words = [weight(block.span.of(self.text)) for block in blocks if block.kind in promoted]
        is_framed = bool(kinds & {Kind.FURNITURE, Kind.TEASERS})
        if Kind.SHORT not in kinds and is_framed and sum(words) < _FEWEST_LINE_WORDS * len(words):
            return list(blocks)
        return [
            replace(block, kind=Kind.PROSE) if block.kind in promoted and not block.level else block for block in blocks
        ]

    def _repeated_headlines(self) -> frozenset[str]:
        seen: set[str] = set()
        repeated: set[str] = set()
        for position, block in enumerate(self.blocks):
            if block.kind is Kind.HEADLINE:
                line = self.line(position).casefold()
                (repeated if line in seen else seen).add(line)
        return frozenset(repeated)

    def _is_repeated(self, position: int) -> bool:
        return self.line(position).casefold() in self._repeated

    def _grouped(self) -> list[Article]:
        """The runs of prose, joined where nothing shows that another article begins."""
        found: list[Article] = []
        for run in self._runs():
            words = {word for position in run for word in _content(self.line(position))}
            before = found[-1] if found else None
            if before is None or self._is_parted(before, run, words):
                found.append(Article(run, words))
            else:
                before.prose += run
                before.words |= words
        return found

    def _runs(self) -> Iterator[list[int]]:
        """The runs of prose that only furniture and crossheads interrupt."""
        run: list[int] = []
        parting = {Kind.DATELINE, Kind.CREDIT, Kind.TEASERS}
        for position, block in enumerate(self.blocks):
            if block.kind is Kind.PROSE:
                run.append(position)
            elif run and (block.kind in parting or self.may_be_title(position)):
                yield run
                run = []
        if run:
            yield run

    def _is_parted(self, before: Article, run: list[int], words: set[str]) -> bool:
        """Whether another article begins with `run`: by a headline that fits one side only, a date, or a change."""
        between = range(before.prose[-1] + 1, run[0])
        for position in filter(self.may_be_title, between):
            headline = _content(self.line(position))
            left, right = _overlap(headline, before.words), _overlap(headline, words)
            differs = max(left, right) >= _LEAST_OVERLAP and abs(left - right) >= _CLEAR_DIFFERENCE
            if differs and (self._is_repeated(position) or not self._is_cohesive(between)):
                return True
        kinds = {self.blocks[position].kind for position in between}
        if Kind.DATELINE in kinds:
            return not (self._is_standfirst(before) and self._is_cohesive(between))
        return bool(kinds & {Kind.CREDIT, Kind.TEASERS}) and not self._is_cohesive(between)

    def _is_standfirst(self, article: Article) -> bool:
        """Whether the article so far is one short paragraph under a headline: its summary, with the date after it."""
        first = article.prose[0]
        is_under_headline = first > 0 and self.blocks[first - 1].kind is Kind.HEADLINE
        return is_under_headline and len(article.prose) == 1 and weight(self.line(first)) <= _STANDFIRST_WORDS

    def _is_cohesive(self, gap: range) -> bool:
        """Whether the texts right above and right below a gap share the words of one article."""
        end, start = self.blocks[gap.start - 1].span.end, self.blocks[gap.stop].span.start
        above, below = _content(self.text[max(0, end - _NEAR) : end]), _content(self.text[start : start + _NEAR])
        return len(above & below) > _COHESIVE * min(len(above), len(below))

    def _without_scraps(self, found: list[Article]) -> list[Article]:
        """The articles, without stray sentences that stand under no headline, and teasers of other stories."""
        sizes = [sum(len(self.blocks[position].span) for position in article.prose) for article in found]
        largest = max(sizes, default=0)
        kept: list[Article] = []
        end = 0
        for article, size in zip(found, sizes, strict=True):
            above = {self.blocks[position].kind for position in range(end, article.prose[0])}
            end = article.prose[-1] + 1
            share = _TEASER_SHARE if Kind.TEASERS in above else _SCRAP_SHARE
            if size >= share * largest or (Kind.HEADLINE in above and Kind.TEASERS not in above):
                kept.append(article)
        return kept

    def _give_titles(self) -> None:
        """Gives each headline to the one article whose words it shares most, of two alike the one below it."""
        offers: list[tuple[float, int, _Headline]] = []
        for index, article in enumerate(self.articles):
            above = self._headlines(self.gap_before(index), is_above=True)
            below = self._headlines(self.gap_before(index + 1), is_above=False)
            offers += [(self._score(headline, article) + 0.1, index, headline) for headline in above]
            offers += [(self._score(headline, article), index, headline) for headline in below]
        taken: set[str] = set()
        for score, index, headline in sorted(offers, key=lambda offer: (-offer[0], offer[1], offer[2].at)):
            article = self.articles[index]
            if score >= _LEAST_OVERLAP and article.title is None and headline.text.casefold() not in taken:
                taken.add(headline.text.casefold())
                article.title = headline.text
        for _, index, headline in offers:
            if self.articles[index].title == headline.text:
                self.articles[index].titles_at |= set(headline.at)
        if len(self.articles) == 1 and self.articles[0].title is None:
            self._give_only_title(self.articles[0])

    def _score(self, headline: _Headline, article: Article) -> float:
        """How well the words of the headline are those of the article, a little more where the page repeats it."""
        shared = _overlap(headline.words, article.words)
        if shared < _LEAST_OVERLAP or len(headline.words & article.words) < min(2, len(headline.words)):
            return -1.0
        return shared + (0.1 if headline.text.casefold() in self._repeated else 0.0)

    def _headlines(self, gap: range, *, is_above: bool) -> list[_Headline]:
        """The headlines of a gap; below a body, only those that stand before the teasers of other stories."""
        places: dict[str, list[int]] = {}
        for position in gap:
            block = self.blocks[position]
            if block.kind is Kind.TEASERS and not is_above:
                break
            if block.kind is Kind.HEADLINE and (not self._markdown or is_above):
                places.setdefault(self.line(position), []).append(position)
        if self._markdown and places:
            highest = min(self.blocks[at[0]].level for at in places.values())
            places = {text: at for text, at in places.items() if self.blocks[at[0]].level == highest}
        return [_Headline(text, _content(text), tuple(at)) for text, at in places.items()]

    def _give_only_title(self, article: Article) -> None:
        """Titles the only article of a page that starts with its headline, though they share few words."""
        beside = {Kind.DATELINE, Kind.CREDIT}
        above = [position for position in self.gap_before(0) if self.blocks[position].kind not in beside]
        if self._markdown:
            above = [position for position in above if self.blocks[position].level == 1][:1]
        if len(above) == 1 and self.blocks[above[0]].kind in {Kind.HEADLINE, Kind.LABEL}:
            article.title = self.line(above[0])
            article.titles_at = frozenset(above)
