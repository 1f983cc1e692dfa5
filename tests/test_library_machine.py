"""A library in any order of changes, questions, kills and moves holds and says what plain dictionaries do."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import pytest
from conftest import BagOfWords, counts, lines
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from benchmarks.stations import shown
from retrieval.backup import backup, restore
from retrieval.encode import Embeddings, Prompt
from retrieval.engine import Engine
from retrieval.errors import UnknownDocument
from retrieval.settings import Settings

NAMES = st.sampled_from("abcdef")
NUMBERS = st.integers(0, 3)
SOME = st.dictionaries(NAMES, NUMBERS, min_size=1, max_size=4)
ALL = 20  # excerpts: more than all documents have sentences
QUESTION = "How many ships of {} lay in the harbour on day {}?"


def text(name: str, number: int) -> str:
    """Two sentences that no other name and number have."""
    return f"{number + 3} ships of {name}{name} lay in the harbour on day {number}. Nobody of {name}{name} saw them."


class Stopping(BagOfWords):
    """An encoder at which the process ends when it has been asked so many times."""

    def __init__(self, calls: int) -> None:
        super().__init__("bag-of-words@1", 64)
        self._calls = calls

    def encode(self, texts: Sequence[str], *, prompt: Prompt) -> Embeddings:
        self._calls -= 1
        if self._calls < 0:
            os._exit(9)
        return super().encode(texts, prompt=prompt)


class LibraryMachine(RuleBasedStateMachine):
    """The library in `folder`, against the number that each name's text has."""

    def __init__(self) -> None:
        super().__init__()
        self.scratch = Path(tempfile.mkdtemp(dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
        self.folder = self.scratch / "library"
        self.model: dict[str, int] = {}
        self.saved: dict[str, int] | None = None

    def opened(self) -> Engine:
        return Engine(self.folder, Settings(), lambda: BagOfWords("bag-of-words@1", 64))

    @initialize()
    def open(self) -> None:
        self.engine = self.opened()

    @rule(given=SOME)
    def ingest(self, given: dict[str, int]) -> None:
        """Adds, replaces, or leaves as it is."""
        report = self.engine.ingest([self.written(given)])
        unchanged = sum(self.model.get(name) == number for name, number in given.items())
        replaced = len(given.keys() & self.model.keys()) - unchanged
        assert counts(report) == (len(given) - unchanged - replaced, unchanged, replaced, 0)
        self.model |= given

    @rule(name=NAMES)
    def remove(self, name: str) -> None:
        if name in self.model:
            self.engine.remove(name)
            del self.model[name]
        else:
            with pytest.raises(UnknownDocument):
                self.engine.remove(name)

    @rule()
    def prune(self) -> None:
        self.engine.prune("2999-01-01")

    @rule()
    def reindex(self) -> None:
        assert self.engine.reindex().replaced == len(self.model)

    @rule(name=NAMES, number=NUMBERS)
    def ask(self, name: str, number: int) -> None:
        """Every excerpt is to the letter what a document says that stands; the one that was asked for is among them."""
        excerpts = shown(self.engine.ask(QUESTION.format(name * 2, number), top=ALL))
        for excerpt in excerpts:
            whole = text(excerpt.document.id, self.model[excerpt.document.id])
            assert excerpt.document.snapshot.text == whole
            assert excerpt.text == excerpt.span.of(whole) != ""
        assert self.model.get(name) != number or name in {excerpt.document.id for excerpt in excerpts}

    @rule()
    def reopen(self) -> None:
        self.engine.close()
        self.engine = self.opened()

    @rule()
    def drop(self) -> None:
        """As a process that ends without closing."""
        self.engine = self.opened()

    @rule(given=SOME, batches=st.integers(0, 3))
    def die_in_an_ingest(self, given: dict[str, int], batches: int) -> None:
        """A process ends before a batch is committed: those before it stay, and perhaps their indexes are behind."""
        changed = {name: number for name, number in given.items() if self.model.get(name) != number}
        path = self.written(given)
        self.engine.close()
        if in_a_process_of_its_own(lambda: self.ingest_until_death(path, batches)) == 9:
            assert batches < len(changed)
            changed = dict(list(changed.items())[:batches])
        else:
            assert batches >= len(changed)
        self.model |= changed
        self.engine = self.opened()

    def ingest_until_death(self, path: str, batches: int) -> None:
        """Each document is a batch of its own."""
        import retrieval.ingest

        retrieval.ingest.BATCH_CHARACTERS = 1
        Engine(self.folder, Settings(), lambda: Stopping(batches)).ingest([path])

    @rule()
    def save(self) -> None:
        backup(self.engine.library, self.scratch / "all.backup")
        self.saved = dict(self.model)

    @precondition(lambda self: self.saved is not None)
    @rule()
    def restore(self) -> None:
        """In the place of the library, which is moved away."""
        assert self.saved is not None
        self.engine.close()
        self.folder.rename(tempfile.mkdtemp(dir=self.scratch))
        restore(self.scratch / "all.backup", self.folder).close()
        self.model = dict(self.saved)
        self.engine = self.opened()

    @invariant()
    def it_holds_what_the_dictionary_does(self) -> None:
        """Also for another who opens it."""
        with closing(self.opened()) as another:
            for engine in (self.engine, another):
                held = {document.id: document.snapshot.text for document in engine.documents()}
                assert held == {name: text(name, number) for name, number in self.model.items()}
                assert list(engine.faults()) == []

    def written(self, given: dict[str, int]) -> str:
        return str(lines(self.scratch / "given.jsonl", **{name: text(name, number) for name, number in given.items()}))

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            self.engine.close()
        shutil.rmtree(self.scratch, ignore_errors=True)  # an index opened just now may take its lock once more


def in_a_process_of_its_own(work: Callable[[], object]) -> int:
    """The exit code of a fork that does some work."""
    pid = os.fork()
    if pid == 0:
        work_and_end(work)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def work_and_end(work: Callable[[], object]) -> NoReturn:
    """Never returns into the test, whatever happens."""
    code = 1
    try:
        work()
        code = 0
    finally:
        os._exit(code)


LibraryMachine.TestCase.settings = settings(
    max_examples=10, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
TestLibrary = LibraryMachine.TestCase
