"""The stages composed: a library folder that can be asked, filled and looked after."""

from __future__ import annotations

import datetime
import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache, cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from retrieval import excerpt, indexes
from retrieval.ahead import Ahead
from retrieval.candidate import Candidate
from retrieval.confidence import decide
from retrieval.datamodel import Abstention, Document, Reply
from retrieval.differing import mark_differing
from retrieval.encode import Encoder
from retrieval.errors import BadQuestion, BusyLibrary, DamagedLibrary, ModelMismatch
from retrieval.evidence import Weigh
from retrieval.excerpt import Weighed
from retrieval.filters import narrowed
from retrieval.findings import of_document
from retrieval.followup import kind_taken, resolve
from retrieval.indexes import Indexes
from retrieval.library import Library
from retrieval.passages import passages
from retrieval.question import Need, Query
from retrieval.recent import Recent
from retrieval.remembering import RememberingEncoder
from retrieval.retold import Retold
from retrieval.roman_urdu import in_urdu_letters
from retrieval.search import admitted, search
from retrieval.settings import Settings
from retrieval.spelling import respelt
from retrieval.timing import timing
from retrieval.writer import Writer, writing

if TYPE_CHECKING:  # what reads and verifies takes a fifth of a start, and no question needs it
    from retrieval.ingest import Progress, Report
    from retrieval.reader import Reader
    from retrieval.verify import Verdict
    from retrieval.web.fetch import Fetcher

__all__ = ["Engine"]

NAME_WEIGHT = 1.5  # a name in the question says more than another word as rare
LARGEST_FETCHED_BYTES = 100_000_000
PATIENCE_SECONDS = 3.0  # with which a change waits for its turn
SECONDS_BETWEEN_UPDATES = 3.0  # of the indexes, while a long ingest goes on
WARMING = "How many megawats does it add, and who leads it?"  # with a slip, which the dictionary is loaded for
_T = TypeVar("_T")
SILENT: Progress = lambda done, total: None  # noqa: E731


class Engine:
    """A library with what it takes to answer from it. One thread at a time.

    Encoder and reader are made when first needed; without `make_reader` nothing is read.
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        make_encoder: Callable[[], Encoder],
        make_reader: Callable[[], Reader] | None = None,
    ) -> None:
        self.settings = settings
        self.library = Library.open(folder)
        self._make_encoder = make_encoder
        self._make_reader = make_reader
        self._indexes: Indexes | None = None
        self._recent = Recent(self.library)
        self._ahead = Ahead(self._checked_encoder)

    def close(self) -> None:
        """Let go of the files and threads."""
        self._indexes = None
        self._ahead.close()
        self.library.close()

    def another(self) -> Engine:
        """Another engine on the same library with the same settings, encoder and reader, for another thread."""
        make_reader = None if self._make_reader is None else lambda: self._made_reader
        return Engine(self.library.folder, self.settings, lambda: self.encoder, make_reader)

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder; `ModelUnavailable` where its model cannot be had."""
        return self._make_encoder()

    @cached_property
    def _made_reader(self) -> Reader:
        assert self._make_reader is not None  # noqa: S101 - who asks has looked
        return self._make_reader()

    def warm_up(self) -> None:
        """Load what the first question would wait for: indexes, model, tables, dictionary; nothing is kept of it.

        A library of a former release is looked through first, which takes a minute for some thousand articles.
        """
        if not self.library.has_findings:
            with suppress(BusyLibrary), writing(self.library) as writer:
                writer.look_through()
        self.ask(WARMING)

    # Asking

    def ask(self, question: str, *, history: Sequence[str] = (), top: int = 3, without: Collection[str] = ()) -> Reply:
        """Answer `question`, asked after those in `history` (oldest first), by at most `top` excerpts, or abstain.

        The documents `without` are taken for absent: for benchmarks.
        """
        self.check(question, history)
        return self._again_where_indexes_decayed(lambda: self._answered(question, history, top, without))

    def _answered(self, question: str, history: Sequence[str], top: int, without: Collection[str]) -> Reply:
        asked, filters = narrowed(question.strip())
        with self._at_rest() as current:
            if not len(current.dense):
                return Abstention(question, "empty_collection")
            within = admitted(self.library, filters, without)
            if within is not None and not within:
                return Abstention(question, "filtered_out")
            self._ahead.begin(*([] if history else [asked]))  # most questions are looked for as they are typed
            query = self.query(asked, [_without_filters(earlier.strip()) for earlier in history])
            weighed = self.read(query, self.weigh(query, within=within))
            stories = {one.candidate.document.id: one.candidate.about.keys for one in weighed}
            told = self._retold.once(excerpt.choose(query, weighed, self.weight()), stories)
            choices = mark_differing(query.asked, list(islice(told, top)))
        reply = decide(question, choices, operating_point=self.settings.operating_point)
        self._prove(reply)
        return reply

    def query(self, asked: str, history: Sequence[str] = ()) -> Query:
        """What is looked for, by the words of the question, of those before it, and of the collection's own forms."""
        lexical = self._current_indexes().lexical
        asked, *history = (respelt(in_urdu_letters(text), lexical.document_frequency) for text in (asked, *history))
        whole, kind = resolve(asked, history), kind_taken(asked, history)
        return Query.of(asked, whole, kind).with_other_forms(lexical.other_forms)

    def weigh(self, query: Query, *, within: Collection[str] | None = None) -> list[Weighed]:
        """Every sentence of the passages worth reading, with its signals, best first."""
        asked = timing(query.asked.text, today=datetime.datetime.now(datetime.UTC).date())
        return excerpt.weighed(query, self.search(query, within=within), self.weight(), asked)

    def read(self, query: Query, weighed: list[Weighed]) -> list[Weighed]:
        """The sentences as a reader sees them, best first; as they are where there is none, or nothing to read."""
        if self._make_reader is None or not weighed:
            return weighed
        sentences = ((one.candidate, one.place) for one in weighed)
        readings = self._made_reader.read(query.asked.text, sentences, stretches=self.settings.read_stretches)
        return excerpt.reread(weighed, readings, more=excerpt.plain_more(query))

    def search(self, query: Query, *, within: Collection[str] | None = None) -> list[Candidate]:
        """The passages worth reading for `query`, best first: of each language those that stand out in it."""
        with self._at_rest() as current:
            # Of a question that leans on others, halfway between it and what it stands for.
            vector = self._ahead.vector(*dict.fromkeys([query.asked.text, query.whole.text]))
            return search(query, vector, current, self._recent, self._retold, self.settings, within=within)

    def boilerplate_of(self, document: Document) -> Callable[[str], bool]:
        """Whether a sentence, by its key, is what the outlet of `document` prints in other documents too."""
        return self._retold.boilerplate_of(document)

    def also_in(self, document: Document) -> tuple[str, ...]:
        """The ids of the other documents that tell the same story, sorted."""
        return self._retold.also_in(document.id, of_document(document).keys)

    @property
    def _retold(self) -> Retold:
        return Retold(self.library, self._current_indexes().lexical)

    def verify(self, quote: str) -> Verdict:
        """Whether `quote` is real: exact, altered, spliced or absent, and where; `BadQuestion` where it is no quote."""
        verdict = self._again_where_indexes_decayed(lambda: self._verified(quote))
        self._prove_intact(place.excerpt.document for place in verdict.places)
        return verdict

    def _verified(self, quote: str) -> Verdict:
        from retrieval import verify

        with self._at_rest() as current:
            return verify.verify(quote, self.library, current.lexical, self.boilerplate_of)

    def _again_where_indexes_decayed(self, answer: Callable[[], _T]) -> _T:
        """What `answer` gives; where damage is met, once more with indexes that were compared with their checksums.

        What is damaged of them is made anew then; what is damaged of the library stays an error.
        """
        try:
            return answer()
        except DamagedLibrary:
            if self._indexes is None:
                raise
            self._indexes = None
            return answer()

    def check(self, question: str, history: Sequence[str] = ()) -> None:
        """`BadQuestion` where there is nothing to ask, or too much."""
        longest = self.settings.longest_question_characters
        if not question.strip():
            raise BadQuestion("expected a question, found an empty one: type what you want to know")
        for text in (question, *history):
            if len(text) > longest:
                raise BadQuestion(
                    f"expected a question of at most {longest:,} characters, found {len(text):,}: ask it shorter"
                )
            if any("\ud800" <= character <= "\udfff" for character in text):  # half a pair, or a byte that is no text
                raise BadQuestion("expected a question in UTF-8, found other bytes: set the terminal to UTF-8")

    def weight(self) -> Weigh:
        """How much a need matters: by how rare its rarest term is, and more where it is a name."""
        lexical = self._current_indexes().lexical
        passages = len(lexical)

        @cache
        def weight(need: Need) -> float:
            frequencies = [lexical.document_frequency(term) for term in need.terms]  # those removed may count still
            rarest = min([*frequencies, passages]) if frequencies else 0
            rarity = math.log(1 + (passages - rarest + 0.5) / (rarest + 0.5))
            return rarity * (1.0 if need.kind == "word" else NAME_WEIGHT)

        return weight

    def _prove(self, reply: Reply) -> None:
        """Nothing leaves but what stands in a snapshot whose digest still holds."""
        excerpts = reply.nearest if isinstance(reply, Abstention) else reply.excerpts
        self._prove_intact(shown.document for shown in excerpts)

    def _prove_intact(self, documents: Iterable[Document]) -> None:
        for document in documents:
            if not document.snapshot.is_intact():
                raise DamagedLibrary(
                    f"the snapshot of {document.id} is not what was stored: run `quoth check`, "
                    "then ingest its source again"
                )

    def _checked_encoder(self) -> Encoder:
        made_by = self.library.identity
        if made_by is not None and made_by != self.encoder.identity:
            raise ModelMismatch(
                f"expected the model {made_by} that made this library, found {self.encoder.identity}: "
                "run `quoth reindex` to encode it anew, or set QUOTH_MODEL back"
            )
        return self.encoder

    @contextmanager
    def _at_rest(self) -> Iterator[Indexes]:
        """The indexes, and while inside one state of them and of the library: spans are of the text that is read."""
        current = self._current_indexes()
        with self.library.at_rest() as generation:
            self._recent.begin(generation)
            yield current

    def _current_indexes(self) -> Indexes:
        """The indexes of the library's generation; made anew where they are missing or damaged.

        While another process writes, the last ones that stand are good enough: its own will follow.
        """
        if self._indexes is not None and self.library.is_at_rest:
            return self._indexes
        generation = self.library.generation
        if self._indexes is not None and self._indexes.generation == generation:
            return self._indexes
        newest = indexes.newest(self.library)
        if newest is not None and (self._indexes is None or newest > self._indexes.generation):
            with suppress(DamagedLibrary):  # made anew below; or gone, where two updates overtook this one
                self._indexes = indexes.open_indexes(self.library, newest, self._indexes)
        if self._indexes is None or self._indexes.generation != generation:
            try:
                with writing(self.library) as writer:
                    self._indexes = indexes.update(self.library, writer, self._indexes)
            except BusyLibrary:
                if self._indexes is None:
                    raise
        return self._indexes

    # Looking after the collection

    def ingest(
        self,
        paths: Sequence[str],
        *,
        feeds: Sequence[str] = (),
        skip: Collection[str] = (),
        progress: Progress = SILENT,
    ) -> Report:
        """Bring files, folders and URLs, and what is new in feeds, into the library, and its indexes up to it.

        The pages `skip` of the feeds are passed over.
        """
        from retrieval import gather, ingest
        from retrieval.read import jsonl

        with writing(self.library, patience_seconds=PATIENCE_SECONDS) as writer:
            if indexes.newest(self.library) is None:  # others may ask before there is anything to find
                self._indexes = indexes.update(self.library, writer, self._indexes)
            writer.look_through()
            writer.rename_lines(jsonl.key_of)
            try:
                sources = gather.sources(paths)
                for feed in feeds:
                    sources += gather.listed(feed, self.library, self._fetcher, skip=skip)
                found = gather.gather(
                    sources,
                    self.library,
                    processes=self.settings.reading_processes,
                    make_fetcher=lambda: self._fetcher,
                )
                return ingest.ingest(
                    self.library,
                    writer,
                    self._checked_encoder,
                    found,
                    [gather.expected(source) for source in sources],
                    progress,
                    committed=self._indexing_now_and_then(writer),
                )
            finally:
                self._indexes = indexes.update(self.library, writer, self._indexes)

    def _indexing_now_and_then(self, writer: Writer) -> Callable[[], None]:
        """What brings the indexes up to the library as it grows, for others to answer from.

        At first every few seconds, later rarer, until it takes a tenth of the time.
        """
        started = time.monotonic()
        due = started + SECONDS_BETWEEN_UPDATES

        def update() -> None:
            nonlocal due
            begun = time.monotonic()
            if begun >= due:
                self._indexes = indexes.update(self.library, writer, self._indexes)
                ended = time.monotonic()
                due = ended + max(SECONDS_BETWEEN_UPDATES, min(9 * (ended - begun), (ended - started) / 2))

        return update

    @cached_property
    def _fetcher(self) -> Fetcher:
        from retrieval.web.fetch import Fetcher

        return Fetcher(allowed=self.settings.web_allowed, largest_bytes=LARGEST_FETCHED_BYTES)

    def remove(self, document_id: str) -> None:
        """Remove a document, and its snapshot with it; `UnknownDocument` where there is none."""
        from retrieval import ingest

        with writing(self.library, patience_seconds=PATIENCE_SECONDS) as writer:
            document = self.library.document(document_id)
            if isinstance(self.encoder, RememberingEncoder):
                self.encoder.forget(ingest.texts([(document, passage) for passage in passages(document)]))
            writer.remove(document_id)
            self._indexes = indexes.update(self.library, writer, self._indexes)

    def prune(self, before: str) -> int:
        """Drop the snapshots replaced before the ISO 8601 time `before`; how many."""
        with writing(self.library, patience_seconds=PATIENCE_SECONDS) as writer:
            return writer.prune(before)

    def reindex(self, *, progress: Progress = SILENT) -> Report:
        """Find articles, passages and embeddings anew from the stored snapshots, with the model of the settings."""
        from retrieval import ingest

        report = ingest.Report()
        with writing(self.library, patience_seconds=PATIENCE_SECONDS) as writer:
            readings = list(self.library.readings())
            total = sum(len(reading.snapshot.text) for reading in readings)
            ingest.rebuild(writer, self.encoder, readings, lambda done: progress(done, total), report)
            indexes.discard(self.library)
            self._indexes = indexes.update(self.library, writer)
        return report

    def faults(self) -> Iterator[str]:
        """What is wrong with the library and its indexes: each fault a line, none where all is well."""
        yield from self.library.faults()
        yield from indexes.faults(self.library)

    def document(self, document_id: str) -> Document:
        """The document of that id, whose text is as it was stored; `UnknownDocument` where there is none."""
        document = self.library.document(document_id)
        self._prove_intact([document])
        return document

    def documents(self) -> Iterator[Document]:
        """Every document, in the order in which it was added."""
        return self.library.documents()


def _without_filters(earlier: str) -> str:
    """An earlier question's words; what was wrong with its filters was told when it was asked."""
    try:
        return narrowed(earlier)[0]
    except BadQuestion:
        return earlier
