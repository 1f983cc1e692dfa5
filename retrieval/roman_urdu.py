"""Urdu typed in Latin letters ("CPEC ka pehla phase kab mukammal hua?") becomes Urdu letters, word by word.

Neither the model nor the table of names reads Roman Urdu. Only the words of `roman_urdu.toml` are exchanged; names, of
which a capital inside the question tells, and the English words among them stay as they are.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files

__all__ = ["in_urdu_letters"]

FEWEST_MARKS = 2  # of the words that are Urdu wherever they stand
SMALLEST_SHARE = 0.25  # of the question's words
# They mark nothing: in an English question they are English.
_ALSO_ENGLISH = frozenset("he say main men may or is us in un par hue ga gay ye wo bare pe dollar conference".split())
_WORD = re.compile(r"[A-Za-z]+(?:[-'][A-Za-z]+)*")


def in_urdu_letters(text: str) -> str:
    """`text`, its words in Urdu letters where it is Roman Urdu; any other text as it is."""
    marks, words = _table()
    typed = [match[0] for match in _WORD.finditer(text)]
    typed[:1] = [first.casefold() for first in typed[:1]]  # any other capital begins a name
    found = [word for word in typed if word in marks and word not in _ALSO_ENGLISH]
    if len(set(found)) < FEWEST_MARKS or len(found) < SMALLEST_SHARE * len(typed):
        return text
    known = marks | words
    first = _WORD.search(text)

    def exchanged(match: re.Match[str]) -> str:
        is_first = first is not None and match.start() == first.start()
        return known.get(match[0].casefold() if is_first else match[0], match[0])

    return _WORD.sub(exchanged, text).replace("?", "؟")


@cache
def _table() -> tuple[dict[str, str], dict[str, str]]:
    """The marks and the other words: Roman to Urdu."""
    sections = tomllib.loads(files("retrieval").joinpath("roman_urdu.toml").read_text(encoding="utf-8"))
    marks, words = (
        {roman: urdu for urdu, typed in sections[name].items() for roman in typed.split()}
        for name in ("marks", "words")
    )
    return marks, words
