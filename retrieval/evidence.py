"""What a stretch of text holds of a question's needs: the plain signals behind excerpt and confidence.

Across scripts words cannot be compared: there only names, roles and numbers count, by the table of names and by value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from retrieval.contents import Contents
from retrieval.datamodel import Excerpt
from retrieval.quantities import Quantity
from retrieval.question import Need, Question, script
from retrieval.reading import Reading

__all__ = [
    "Choice",
    "Held",
    "Signals",
    "Sought",
    "Weigh",
    "contradicts",
    "holds",
    "is_comparable",
]

# What ordinals count by a word that `numerals.py` has in English, Urdu and Chinese: any text can be held to it.
_HEADS_OF_ALL_LANGUAGES = frozenset("phase part century quarter chapter".split())
Weigh = Callable[[Need], float]  # how much a need matters: rare words more than common ones


class Signals(NamedTuple):
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
    contradicted: float  # 1 where it speaks of phase one, or another year, than was asked for, 0.5 where of no phase
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

    `contents` are the excerpt's; `chance` in [0, 1] is its share of the chances of all sentences considered, `lead` how
    far that is above the next. `reading` is what a reader says of the best sentence; None where there is no reader,
    and of a follow-up, of which it sees the own words only.
    """

    excerpt: Excerpt
    contents: Contents
    signals: Signals
    chance: float
    lead: float
    lacking: tuple[str, ...]
    reading: Reading | None = None


def holds(need: Need, found: Contents) -> bool:
    """Whether the text holds what the question names."""
    if need.concept is not None and need.concept in found.concepts:
        return True
    if need.quantity is not None and _holds_number(need.quantity, found.quantities):
        return True
    forms = (need.terms, *need.others) if _tells_by_terms(need, found.quantities) else need.others
    return any(form and all(term in found.terms for term in form) for form in forms)


def contradicts(question: Question, found: Sequence[Quantity]) -> float:
    """1 where a text with these numbers last speaks of another phase than is asked for, 0.5 where of none, else 0.

    The same for whatever is counted by ordinals; 0 where the question names no such thing.
    """
    asked: dict[str, set[float]] = {}
    for need in question.needs:
        if need.quantity is not None and need.quantity.kind == "ordinal" and need.quantity.of is not None:
            asked.setdefault(need.quantity.of, set()).add(need.quantity.value)
    last = {quantity.of: quantity.value for quantity in found if quantity.kind == "ordinal"}
    if any(of in last and last[of] not in values for of, values in asked.items()):
        return 1.0
    return 0.5 if any(of not in last for of in asked) else 0.0


def is_comparable(need: Need, script: str) -> bool:
    """Whether the need can be looked for in a text of that script."""
    return need.quantity is not None or need.concept is not None or _script_of(need.surface) == script


@lru_cache(maxsize=1024)
def _script_of(surface: str) -> str:
    return script(surface)


class Held(NamedTuple):
    """What a text holds of a question: a bit for each of its terms and concepts, and all numbers if it names any.

    The script is the text's. That of texts together is their `|`.
    """

    bits: int
    quantities: tuple[Quantity, ...]
    script: str

    def __or__(self, other: Held) -> Held:
        """What both texts hold together; the script is the first one's."""
        return Held(self.bits | other.bits, self.quantities + other.quantities, self.script)


class Sought:
    """A question's needs, made ready to be looked for in many texts.

    A set of needs is a number with a bit for each, in their order.
    """

    def __init__(self, question: Question, weigh: Weigh) -> None:
        self.needs = question.needs
        self._weights = [weigh(need) for need in self.needs]
        self._numbers = [place for place, need in enumerate(self.needs) if need.quantity is not None]
        terms = {term for need in self.needs for form in (need.terms, *need.others) for term in form}
        concepts = {need.concept for need in self.needs if need.concept is not None}
        self._terms = {term: 1 << place for place, term in enumerate(sorted(terms))}
        self._concepts = {concept: 1 << len(terms) + place for place, concept in enumerate(sorted(concepts))}
        self._searched = frozenset(self._terms), frozenset(self._concepts)
        self._ways = [self._ways_of(need) for need in self.needs]
        self._comparable: dict[str, int] = {}
        self._held: dict[int, int] = {}
        self._coverages: dict[tuple[int, str], float] = {}

    def _ways_of(self, need: Need) -> list[int]:
        """The bits by which the need is held, any of them; of a number those that count whatever numbers there are."""
        forms = need.others if need.quantity is not None else (need.terms, *need.others)
        ways = [sum({self._terms[term] for term in form}) for form in forms if form]
        return [*ways, self._concepts[need.concept]] if need.concept is not None else ways

    def look(self, found: Contents) -> Held:
        """What a text that holds `found` holds of the question."""
        terms, concepts = self._searched
        bits = 0
        for term in terms & found.terms:
            bits |= self._terms[term]
        for concept in concepts & found.concepts:
            bits |= self._concepts[concept]
        return Held(bits, found.quantities if self._numbers else (), found.script)

    def needs_held(self, held: Held) -> int:
        """The needs that the text holds."""
        needs = self._held.get(held.bits)
        if needs is None:
            needs = sum(
                1 << place for place, ways in enumerate(self._ways) if any(held.bits & way == way for way in ways)
            )
            self._held[held.bits] = needs
        for place in self._numbers:
            if not needs >> place & 1 and self._holds_number(self.needs[place], held):
                needs |= 1 << place
        return needs

    def _holds_number(self, need: Need, held: Held) -> bool:
        assert need.quantity is not None  # noqa: S101 - it is one of the numbers
        if _holds_number(need.quantity, held.quantities):
            return True
        return (
            bool(need.terms)
            and all(held.bits & self._terms[term] for term in need.terms)
            and _tells_by_terms(need, held.quantities)
        )

    def comparable(self, script: str) -> int:
        """The needs that can be looked for in a text of that script."""
        if script not in self._comparable:
            self._comparable[script] = sum(
                1 << place for place, need in enumerate(self.needs) if is_comparable(need, script)
            )
        return self._comparable[script]

    def coverage(self, held: Held) -> float:
        """The share, by weight, of the needs that the text holds; 0.5 where none can be looked for."""
        needs = self.needs_held(held)
        key = (needs, held.script)
        if key not in self._coverages:
            self._coverages[key] = self.share(needs, held.script, self._weights)
        return self._coverages[key]

    def share(self, needs: int, script: str, weights: Sequence[float]) -> float:
        """The share of `needs` among those that can be looked for in that script, each of the weight given; or 0.5."""
        whole = part = 0.0
        comparable = self.comparable(script)
        for place, weight in enumerate(weights):
            if comparable >> place & 1:
                whole += weight
                if needs >> place & 1:
                    part += weight
        return part / whole if whole else 0.5

    def telling(self, sentences: Sequence[int]) -> list[float]:
        """How much each need tells one of these sentences, by what they hold: the less, the more of them hold it."""
        counts = [sum(needs >> place & 1 for needs in sentences) for place in range(len(self.needs))]
        return [weight / count if count else 0.0 for weight, count in zip(self._weights, counts, strict=True)]

    def lacking(self, held: Held) -> list[Need]:
        """The needs that the text could hold and does not."""
        absent = self.comparable(held.script) & ~self.needs_held(held)
        return [need for place, need in enumerate(self.needs) if absent >> place & 1]

    def holds(self, need: Need, held: Held) -> bool:
        """Whether the text holds that one of the question's needs."""
        return bool(self.needs_held(held) >> self.needs.index(need) & 1)


def _holds_number(wanted: Quantity, found: Sequence[Quantity]) -> bool:
    """Whether one of the text's numbers is the wanted one; the second of "the first phase …, the second" is a phase."""
    counted = None
    for quantity in found:
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


def _tells_by_terms(need: Need, found: Sequence[Quantity]) -> bool:
    """Whether its words tell of the need; those of a number only where it may stand in a name (IDEAS-2024)."""
    wanted = need.quantity
    if wanted is None:
        return True
    if len(need.terms) > 1 or wanted.kind == "percent" or wanted.of is not None:
        return False
    return all(quantity.value != wanted.value for quantity in found)
