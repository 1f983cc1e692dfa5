"""A question's misspelt words, as the collection spells them.

A word that no passage, no known name and no dictionary has is taken for a slip of one key, and read as the one step
away that the collection holds most often: a word of the dictionary or a known name, nothing else, since Ahsan is no
slip of Hasan. What is written as a name, with a capital inside the question, is read only as a known name, and a
letter is exchanged for another only in a long word: who asks of Iceland must not be told of Ireland.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from retrieval import analyze
from retrieval.analyze import Word
from retrieval.names import known

if TYPE_CHECKING:
    from spellchecker import SpellChecker

__all__ = ["respelt"]

SHORTEST_WORD = 5  # letters: shorter ones have too many neighbours
SHORTEST_EXCHANGED = 8
_WORD = re.compile("[A-Za-z]+")


def respelt(text: str, frequency: Callable[[str], int]) -> str:
    """`text` with its misspelt words put right; `frequency` tells how many passages hold a lexical term."""
    names = [name.span for name in known(text)]
    for word in reversed(analyze.words(text)):
        written = word.span.of(text)
        is_slip = (
            len(written) >= SHORTEST_WORD
            and _WORD.fullmatch(written) is not None
            and not word.is_stopword
            and not any(span.meets(word.span) for span in names)
            and not frequency(word.term)
        )
        if is_slip and written.casefold() not in _dictionary():
            text = text[: word.span.start] + _nearest(text, word, frequency) + text[word.span.end :]
    return text


@cache
def _dictionary() -> SpellChecker:
    """English words with how common they are: 40 MB and a third of a second, so only when a word is not known."""
    from spellchecker import SpellChecker

    return SpellChecker(language="en", distance=1)


def _nearest(text: str, word: Word, frequency: Callable[[str], int]) -> str:
    """The word or known name one slip away whose stem most passages hold; the word itself where there is none."""
    written = word.span.of(text)
    is_name = written[0].isupper() and bool(text[: word.span.start].strip())
    best, highest = written, (0, 0)
    for letters in sorted(_dictionary().edit_distance_1(written.casefold())):
        if _is_exchange(written.casefold(), letters) and len(letters) < SHORTEST_EXCHANGED:
            continue
        candidate = letters.capitalize() if written[0].isupper() else letters
        found = (frequency(analyze.terms(candidate)[0]), _dictionary()[letters])
        is_word = not is_name and letters in _dictionary()  # the collection tells stems: "overment" has that of "over"
        if (
            found[0]
            and found > highest
            and (is_word or any(len(name.span) == len(candidate) for name in known(candidate)))
        ):
            best, highest = candidate, found
    return best


def _is_exchange(written: str, candidate: str) -> bool:
    """Whether one letter stands for another: not one too many, one too few, or two in the wrong order."""
    return len(written) == len(candidate) and sorted(written) != sorted(candidate)
