"""A question, taken apart: what it names, and what kind of thing it asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from retrieval import abbreviations, analyze
from retrieval.analyze import Word
from retrieval.datamodel import Span
from retrieval.names import Known, known
from retrieval.quantities import Quantity, quantities
from retrieval.timing import timing_words

__all__ = ["FEWEST_NEEDS", "AnswerKind", "Need", "NeedKind", "OtherForms", "Query", "Question", "script"]

AnswerKind: TypeAlias = Literal["number", "person", "time", "place", "other"]
NeedKind: TypeAlias = Literal["word", "name", "role", "number", "ordinal", "year"]
OtherForms: TypeAlias = Callable[[Collection[str]], Mapping[str, tuple[str, ...]]]

# Each question word stands for what it asks; the first that stands in the question decides. "When" asks for a time
# where it opens a question: "what happens when business underpays?" does not.
_ASKED: tuple[tuple[AnswerKind, re.Pattern[str]], ...] = (
    (
        "number",
        re.compile(
            r"\bhow (?:many|much|long|big|large|far|fast|high|old|tall|wide|deep|often)\b|\bwhat (?:percentage|number|"
            r"share|amount|proportion|is the (?:value|cost|price|length|size|population))\b|\b(?:value|cost|price|worth"
            r"|length) of\b|کتن[اےیي]|کس قدر|多少|几(?!月)|多大|多长|多高|多远",
            re.IGNORECASE,
        ),
    ),
    (
        "time",
        re.compile(
            r"(?:^\W*|\b(?:and|after|since|until|by|from) )when\b|\b(?:what|which) (?:year|date|day|month|time)\b"
            r"|(?<!\w)کب(?!\w)|کس سال|什么时候|何时|哪年|哪一年|几月",
            re.IGNORECASE,
        ),
    ),
    (
        "person",
        re.compile(r"\bwho(?:m|se)?\b|(?<!\w)کون(?!\w| س[اےی])|کس نے|谁|哪位|何人", re.IGNORECASE),
    ),
    (
        "place",
        re.compile(
            r"\bwhere\b|\b(?:what|which) (?:city|country|place|town|province|state)\b|کہاں|哪里|哪儿|何处",
            re.IGNORECASE,
        ),
    ),
)
_REASON = re.compile(
    r"^\W*(?:and |but |so )?(?:why|how)\b|(?<!\w)(?:کیوں|کیسے|کس طرح)(?!\w)|为什么|为何|怎么|怎样|如何", re.IGNORECASE
)
FEWEST_NEEDS = 2  # a question that names less says little by itself
# Verbs that any sentence may put otherwise: "who leads the embassy" is answered by its ambassador. By lexical term.
_LIGHT = frozenset(
    "add becom begin call come did done els get give go got happen head hold kind lead led like made make mean need put"
    " run said say see speak spoke take talk tell think took told want went".split()
)
_HAN = re.compile(r"[\u3400-\u9fff]")
_ARABIC = re.compile(r"[\u0600-\u06ff]")
_LATIN = re.compile(r"[A-Za-z]")


def script(text: str) -> Literal["latin", "arabic", "han"]:
    """The script most of the text's letters are in."""
    han, arabic = len(_HAN.findall(text)), len(_ARABIC.findall(text))
    latin = len(_LATIN.findall(text))
    if 3 * han >= max(latin, arabic) and han:  # a Chinese character is a word, a letter is not
        return "han"
    return "arabic" if arabic > latin else "latin"


@dataclass(frozen=True, slots=True)
class Need:
    """Something the question names, which evidence must hold: its words as asked, and what they are matched by.

    `terms` are lexical terms, `concept` a key of the table of names, `quantity` a number, `others` the terms of other
    forms, which the collection gives it: evidence that holds any of these holds the need.
    """

    surface: str
    span: Span  # of the question's text
    kind: NeedKind
    terms: tuple[str, ...] = ()
    concept: str | None = None
    quantity: Quantity | None = None
    others: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its needs, in the order in which they stand in it, and the kind of answer it asks for.

    One that only names a thing, "and in March?", asks for the kind that was asked for before.
    """

    text: str
    script: Literal["latin", "arabic", "han"]
    asks: AnswerKind
    needs: tuple[Need, ...]
    asks_as_before: bool = False

    @classmethod
    def of(cls, text: str) -> Question:
        """Take `text` apart."""
        return cls(text, script(text), _asks(text), tuple(_needs(text)))

    def asking_as_before(self, kind: AnswerKind) -> Question:
        """The same, of which that kind of answer is asked."""
        return replace(self, asks=kind, asks_as_before=True)

    @property
    def asks_reasons(self) -> bool:
        """Whether it asks why or how something is: what answers is seldom a few words."""
        return self.asks == "other" and _REASON.search(self.text) is not None

    @property
    def terms(self) -> list[str]:
        """What it is searched by: its lexical terms, and those of the other forms of its needs."""
        return [*analyze.terms(self.text), *(term for need in self.needs for form in need.others for term in form)]

    def with_other_forms(self, find: OtherForms) -> Question:
        """The question, each need with the other forms that `find` gives for the words it is part of."""
        forms = abbreviations.forms(self.text)
        found = find(forms.keys())
        places = [
            (span, tuple(other.split())) for form, others in found.items() for other in others for span in forms[form]
        ]
        needs = [
            replace(need, others=tuple(other for span, other in places if span.holds(need.span))) for need in self.needs
        ]
        return replace(self, needs=tuple(needs)) if places else self


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for: the question as it was asked, and the same with what it takes from those before it.

    The second tells which articles are meant, the first which of their sentences answers.
    """

    asked: Question
    whole: Question

    @property
    def named(self) -> Question:
        """What a sentence must hold is asked of the question itself, unless that names no thing: "how long is it?"."""
        asked = self.asked
        names_no_thing = len(asked.needs) < FEWEST_NEEDS and asked.asks != "other" and not asked.asks_as_before
        return self.whole if names_no_thing else asked

    def with_other_forms(self, find: OtherForms) -> Query:
        """The query, the other forms of what it names known."""
        asked = self.asked.with_other_forms(find)
        return Query(asked, asked if self.whole is self.asked else self.whole.with_other_forms(find))

    @classmethod
    def of(cls, asked: str, whole: str | None = None, kind: AnswerKind | None = None) -> Query:
        """Take both apart; a question that stands alone is its own whole. `kind` is that of one before, if taken."""
        question = Question.of(asked)
        whole_question = question if whole is None or whole == asked else Question.of(whole)
        return cls(question.asking_as_before(kind) if kind else question, whole_question)


def _asks(text: str) -> AnswerKind:
    nothing: tuple[int, AnswerKind] = (0, "other")
    found = ((match.start(), kind) for kind, pattern in _ASKED if (match := pattern.search(text)))
    return min(found, key=lambda pair: pair[0], default=nothing)[1]


def _needs(text: str) -> list[Need]:
    found: list[tuple[int, Need]] = []
    taken = timing_words(text)
    numbers = [quantity for quantity in quantities(text) if quantity.kind != "cardinal" or quantity.value != 1]
    for quantity in numbers:
        if not _meets(quantity.span, taken):
            found.append((quantity.span.start, _number(text, quantity)))
            taken.append(quantity.span)
    words = [word for word in analyze.words(text) if not word.is_stopword]
    if any(word.term not in _LIGHT for word in words):
        words = [word for word in words if word.term not in _LIGHT]
    for name in known(text):
        if not _meets(name.span, taken):
            found.append((name.span.start, _known(text, name, words)))
            taken.append(name.span)
    begins = len(text) - len(text.lstrip())
    shouted = text.isupper() and script(text) == "latin"  # an acronym among Urdu words is not
    for word in words:
        if not _meets(word.span, taken):
            is_name = word.span.start > begins and not shouted and text[word.span.start].isupper()
            kind: NeedKind = "name" if is_name else "word"
            found.append((word.span.start, Need(word.span.of(text), word.span, kind, (word.term,))))
    return [need for _, need in sorted(found, key=lambda pair: pair[0])]


def _meets(span: Span, taken: list[Span]) -> bool:
    return any(span.meets(other) for other in taken)


def _number(text: str, quantity: Quantity) -> Need:
    kind: NeedKind = quantity.kind if quantity.kind == "ordinal" or quantity.kind == "year" else "number"
    terms = tuple(analyze.content_terms(quantity.span.of(text)))
    return Need(quantity.span.of(text), quantity.span, kind, terms, quantity=quantity)


def _known(text: str, name: Known, words: list[Word]) -> Need:
    terms = tuple(word.term for word in words if name.span.holds(word.span))
    return Need(name.span.of(text), name.span, name.kind, terms, concept=name.concept)
