"""The trained reader: question and sentences to which words answer, and whether any do. It points, and never rewrites.

Its network is `reader.onnx`, made by `training/`, which takes the default encoder's vectors of words: these lie in that
model's weights file and are not stored again. Each stretch goes through the graph by itself, as many side by side as
there are threads. Source of the method: Devlin et al. 2019, "BERT", section 4.3.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import as_file, files
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.candidate import Candidate
from retrieval.datamodel import Span
from retrieval.errors import ModelUnavailable
from retrieval.reading import LONGEST_ANSWER_TOKENS, Reading, row, stretch, trimmed
from retrieval.session import session
from retrieval.unigram import Token, Unigram
from retrieval.weights import WordVectors

__all__ = ["OnnxReader", "Reader", "Sentence", "Stretch", "best_span", "cut_to_stretches"]

Sentence = tuple[Candidate, int]  # by its place in its passage
Logits = tuple[NDArray[np.float32], NDArray[np.float32], float]


class Stretch(NamedTuple):
    """Consecutive sentences of a passage that are read at once: the place of the first, and each one's tokens."""

    candidate: Candidate
    first: int
    tokens: Sequence[Sequence[Token]]

    @property
    def span(self) -> Span:
        """Where they stand."""
        sentences = self.candidate.passage.sentences[self.first : self.first + len(self.tokens)]
        return Span(sentences[0].start, sentences[-1].end)


class Reader(Protocol):
    """What reads a question and sentences together."""

    def read(self, question: str, sentences: Iterable[Sentence], *, stretches: int) -> list[tuple[Sentence, Reading]]:
        """What is said of the `sentences` and of those around them, of at most so many stretches.

        The sentences come best first; one that a stretch before it holds begins none of its own.
        """
        ...


class OnnxReader:
    """The reader that comes with Quoth, in memory. Safe for several threads."""

    def __init__(self, unigram: Path, *, threads: int, graph: Path | None = None) -> None:
        """Load the network in `graph`, or the one that comes with Quoth, with the tokenizer in `unigram`.

        `ModelUnavailable` where a file is missing or damaged.
        """
        self._words = WordVectors()
        try:
            with as_file(files("retrieval").joinpath("reader.onnx")) as own:
                self._session = session(graph or own)
        except Exception as error:  # onnxruntime raises its own kinds for a file that is cut or changed
            raise ModelUnavailable(
                "expected the reader's network, found it missing or damaged: install quoth again, or do without the "
                "reader by QUOTH_READER=off"
            ) from error
        try:
            self._unigram = Unigram(unigram)
        except (OSError, ValueError, struct.error) as error:
            raise ModelUnavailable(
                f"expected the reader's tokenizer in {unigram}, found it missing or damaged: remove it, and it is made "
                "again, or do without the reader by QUOTH_READER=off"
            ) from error
        self._workers = ThreadPoolExecutor(threads, thread_name_prefix="read")

    def read(self, question: str, sentences: Iterable[Sentence], *, stretches: int) -> list[tuple[Sentence, Reading]]:
        """As the protocol says."""
        asked = self._unigram.tokens(question)
        some = islice(cut_to_stretches(sentences, self._unigram), stretches)
        found = self._workers.map(lambda one: self._read(asked, one), some)
        return list(chain.from_iterable(found))

    def _read(self, asked: Sequence[Token], one: Stretch) -> list[tuple[Sentence, Reading]]:
        candidate = one.candidate
        title = self._unigram.tokens(candidate.document.title or "")
        laid = row(asked, title, [token for sentence in one.tokens for token in sentence])
        starts, ends, answers = self.logits(laid.ids)
        nowhere = float(starts[0] + ends[0])
        found: list[tuple[Sentence, Reading]] = []
        text = candidate.document.snapshot.text
        begin = laid.first
        for place, sentence in enumerate(one.tokens, one.first):
            end = min(begin + len(sentence), laid.first + len(laid.tokens))
            if end > begin:
                words, start, last = best_span(starts[begin:end], ends[begin:end])
                said_to = sentence[last].end
                is_end = said_to >= candidate.passage.sentences[place].end
                said = trimmed(text, sentence[start].start, said_to, is_end=is_end)
                found.append(((candidate, place), Reading(words - nowhere, answers, said, words)))
            begin = end
        return found

    def logits(self, ids: list[int]) -> Logits:
        """What the network says of a row: (tokens,) that a token begins and ends the answer, and that it is there."""
        starts, ends, answers = self._session.run(None, {"vectors": self._words.of(ids)[None]})
        return starts[0], ends[0], float(answers[0])


def cut_to_stretches(sentences: Iterable[Sentence], unigram: Unigram) -> Iterator[Stretch]:
    """What is read of the sentences, which come best first; one that an earlier stretch holds begins none."""
    tokens: dict[str, list[list[Token]]] = {}  # by passage, of each of its sentences
    held: set[tuple[str, int]] = set()
    for candidate, place in sentences:
        key = candidate.passage.id
        if (key, place) not in held:
            if key not in tokens:
                text = candidate.document.snapshot.text
                tokens[key] = [unigram.tokens(one.of(text), begin=one.start) for one in candidate.passage.sentences]
            first, end = stretch([len(one) for one in tokens[key]], place)
            held.update((key, one) for one in range(first, end))
            yield Stretch(candidate, first, tokens[key][first:end])


def best_span(starts: NDArray[np.float32], ends: NDArray[np.float32]) -> tuple[float, int, int]:
    """The sum of logits of the best span that is not too long, and its first and last token; logits (tokens,) each."""
    sums = starts[:, None] + ends[None, :]
    sums = np.where(np.triu(np.tri(len(starts), k=LONGEST_ANSWER_TOKENS - 1, dtype=bool)), sums, -np.inf)
    start, end = divmod(int(sums.argmax()), len(starts))
    return float(sums[start, end]), start, end
