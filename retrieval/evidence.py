"""What a stretch of text holds of a question's needs: the plain signals behind excerpt and confidence.

Across scripts words cannot be compared: there only names, roles and numbers count, by the table of names and by value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from retrieval import analyze
from retrieval.datamodel import Excerpt
from retrieval.names import known
from retrieval.quantities import Quantity, quantities
from retrieval.question import Need, Question, script

__all__ = [
    "Choice",
    "Contents",
    "Signals",
    "Weigh",
    "contents",
    "contradicts",
    "coverage",
    "holds",
    "is_comparable",
    "lacking",
]

# What ordinals count by a word that `numerals.py` has in English, Urdu and Chinese: any text can be held to it.
_HEADS_OF_ALL_LANGUAGES = frozenset("phase part century quarter chapter".split())
Weigh = Callable[[Need], float]  # how much a need matters: rare words more than common ones


@dataclass(frozen=True, slots=True)
class Contents:
    """What a text holds: lexical terms, concepts of the table of names, numbers in order, and its script."""

    terms: frozenset[str]
    concepts: frozenset[str]
    quantities: tuple[Quantity, ...]
    script: str

    @classmethod
    def joined(cls, parts: Sequence[Contents]) -> Contents:
        """What these texts, at least one, hold together; the script is the first one's."""
        return cls(
            frozenset().union(*(part.terms for part in parts)),
            frozenset().union(*(part.concepts for part in parts)),
            tuple(quantity for part in parts for quantity in part.quantities),
            parts[0].script,
        )


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of a sentence as an answer, in plain numbers: what the fitted weights are for.

    Cosines lie in [-1, 1], standings are in spreads above the mean of the language's passages, coverages and shares in
    [0, 1], the rest in [-1, 1]. Each coverage of a text in another script than the question's is by names and numbers
    alone.
    """

    similarity: float  # the cosine of sentence and question
    passage_similarity: float
    standing: float  # of that cosine in its language
    passage_standing: float
    share: float  # of the question's terms, by BM25, in the passage
    coverage: float  # of the question's needs by the sentence
    telling_coverage: float  # by the sentence, of what few sentences of its document hold
    window_coverage: float  # the same, by the sentence and the one before it
    context_coverage: float  # by the sentence, its paragraph, title and date
    names_lacking: float  # share of the question's names and roles that even the context lacks
    numbers_lacking: float
    asked_kind: float  # 1 where the sentence holds the kind of thing that is asked for, -1 where not, 0 if unknown
    asked_word: float  # the same for the thing whose value is asked: "theme" in "the theme of the meeting"
    asked_unit: float  # whether it holds a number of just what "how many …" asks for
    contradicted: float  # 1 where it speaks of phase one and phase two was asked, 0.5 where of no phase
    other_script: float
    length: float  # of the sentence, in hundreds of characters, 5 at most
    brevity: float  # near 1 for a scrap of a sentence
    lead: float  # 1 where the document begins, near 0 after a thousand characters
    heading_coverage: float  # of the question's needs by the title
    previous: float  # the standing of the sentence before it in the passage, 0 where there is none
    following: float
    below_passage: float  # its standing less the best one in its passage
    document_standing: float  # the best standing of any sentence of its document
    document_passages: float  # how many more passages of its document are worth reading, 3 at most


@dataclass(frozen=True, slots=True)
class Choice:
    """An excerpt, the signals of its best sentence, and what of the question its context lacks.

    `chance` in [0, 1] is its share of the chances of all sentences considered, `lead` how far that is above the next.
    """

    excerpt: Excerpt
    signals: Signals
    chance: float
    lead: float
    lacking: tuple[str, ...]


@lru_cache(maxsize=2**14)
def contents(text: str) -> Contents:
    """Look through `text`; remembered, since the same passages come back for like questions."""
    parts = analyze.placed(text)
    return Contents(
        frozenset(part.term for part in parts),
        frozenset(name.concept for name in known(text, parts)),
        tuple(quantities(text)),
        script(text),
    )


def holds(need: Need, found: Contents) -> bool:
    """Whether the text holds what the question names."""
    if need.concept is not None and need.concept in found.concepts:
        return True
    if need.quantity is not None and _holds_number(need.quantity, found):
        return True
    forms = (need.terms, *need.others) if _tells_by_terms(need, found) else need.others
    return any(form and all(term in found.terms for term in form) for form in forms)


def contradicts(question: Question, found: Contents) -> float:
    """1 where the text last speaks of another phase than is asked for, 0.5 where of none, 0 where of that one.

    The same for whatever is counted by ordinals; 0 where the question names no such thing.
    """
    asked: dict[str, set[float]] = {}
    for need in question.needs:
        if need.quantity is not None and need.quantity.kind == "ordinal" and need.quantity.of is not None:
            asked.setdefault(need.quantity.of, set()).add(need.quantity.value)
    last = {quantity.of: quantity.value for quantity in found.quantities if quantity.kind == "ordinal"}
    if any(of in last and last[of] not in values for of, values in asked.items()):
        return 1.0
    return 0.5 if any(of not in last for of in asked) else 0.0


def is_comparable(need: Need, found: Contents) -> bool:
    """Whether the need can be looked for in a text of that script."""
    return need.quantity is not None or need.concept is not None or _script_of(need.surface) == found.script


@lru_cache(maxsize=1024)
def _script_of(surface: str) -> str:
    return script(surface)


def coverage(question: Question, found: Contents, weigh: Weigh) -> float:
    """The share, by weight, of the question's needs that the text holds; 0.5 where none can be looked for."""
    weights = [(weigh(need), holds(need, found)) for need in question.needs if is_comparable(need, found)]
    whole = sum(weight for weight, _ in weights)
    return sum(weight for weight, is_held in weights if is_held) / whole if whole else 0.5


def lacking(question: Question, found: Contents) -> tuple[Need, ...]:
    """The needs that the text could hold and does not."""
    return tuple(need for need in question.needs if is_comparable(need, found) and not holds(need, found))


def _holds_number(wanted: Quantity, found: Contents) -> bool:
    """Whether one of the text's numbers is the wanted one; the second of "the first phase …, the second" is a phase."""
    counted = None
    for quantity in found.quantities:
        if quantity.kind == "ordinal":
            counted = quantity.of or counted
        if quantity.value == wanted.value and _is_alike(wanted, quantity, counted):
            return True
    return False


def _is_alike(wanted: Quantity, found: Quantity, counted: str | None) -> bool:
    """Whether numbers of one value can be the same; an ordinal found counts `counted`."""
    match wanted.kind:
        case "ordinal" if wanted.of in _HEADS_OF_ALL_LANGUAGES:
            return found.kind == "ordinal" and (found.of or counted) == wanted.of
        case "ordinal" if wanted.of is not None:
            return found.kind == "ordinal" and found.of in {wanted.of, None}
        case "money":
            return found.kind in {"money", "cardinal"} and found.of in {wanted.of, None}
        case "year" | "percent":
            return found.kind == wanted.kind
    return True


def _tells_by_terms(need: Need, found: Contents) -> bool:
    """Whether its words tell of the need; those of a number only where it may stand in a name (IDEAS-2024)."""
    wanted = need.quantity
    if wanted is None:
        return True
    if len(need.terms) > 1 or wanted.kind == "percent" or wanted.of is not None:
        return False
    return all(quantity.value != wanted.value for quantity in found.quantities)
