"""What the collection says more than once, asked of it by the rules of `repeated.py`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from retrieval import repeated
from retrieval.datamodel import Document
from retrieval.evidence import Choice
from retrieval.lexical import LexicalIndex
from retrieval.library import Library

__all__ = ["Retold"]


class Retold:
    """A library and its lexical index, which knows each sentence's documents."""

    def __init__(self, library: Library, lexical: LexicalIndex) -> None:
        self._library = library
        self._lexical = lexical

    def boilerplate_of(self, document: Document) -> Callable[[str], bool]:
        """Whether a sentence, by its key, is what the outlet of `document` prints in other documents too."""
        outlet = repeated.outlet(document.publisher, document.url)

        def is_boilerplate(key: str) -> bool:
            if outlet is None:
                return False
            saying = self._lexical.that_say(key, at_least=repeated.FEWEST_REPEATING)
            if len(saying) < repeated.FEWEST_REPEATING:
                return False
            outlets = [repeated.outlet(*found) for found in self._library.outlets(saying).values()]
            return outlets.count(outlet) >= repeated.FEWEST_REPEATING

        return is_boilerplate

    def also_in(self, document_id: str, keys: frozenset[str]) -> tuple[str, ...]:
        """The ids of the others that tell the story of a document with sentences of these keys, sorted."""
        saying = (self._lexical.that_say(key, at_least=2) for key in keys)
        shared = Counter(found for same in saying for found in same if found != document_id)
        often = [found for found, count in shared.items() if count >= repeated.FEWEST_SHARED]
        others = self._library.looked_through(often) if often else {}
        return tuple(sorted(one for one, (_, about) in others.items() if repeated.is_same_story(keys, about.keys)))

    def once(self, choices: Iterable[Choice], stories: Mapping[str, frozenset[str]]) -> Iterator[Choice]:
        """The choices, where several documents tell one story: without what was said already, with who says it too.

        `stories` are the keys of each document's sentences.
        """
        told: list[Choice] = []
        also_in: dict[str, tuple[str, ...]] = {}
        for choice in choices:
            excerpt = choice.excerpt
            if not any(
                excerpt.document.id in before.excerpt.also_in and repeated.same_words(before.excerpt.text, excerpt.text)
                for before in told
            ):
                told_by = excerpt.document.id
                if told_by not in also_in:
                    also_in[told_by] = self.also_in(told_by, stories[told_by])
                others = {*excerpt.also_in, *also_in[told_by]}
                told.append(replace(choice, excerpt=replace(excerpt, also_in=tuple(sorted(others)))))
                yield told[-1]
