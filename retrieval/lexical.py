"""BM25 over headings and bodies: the only file that imports the lexical engine (tantivy).

An index is a folder that never changes once made. `build` makes one from all entries; `extend` makes a new one from an
existing one by sharing its files (segments are never rewritten), so that adding costs what is added, and whoever reads
the old folder is not disturbed. Both write into a folder that must be new: the caller makes it beside and renames it.

A score is the sum of BM25 (Robertson and Zaragoza 2009; k1 = 1.2, b = 0.75, the engine's own and not adjustable) over
the body and, at `HEADING_WEIGHT`, the heading. The engine keeps field lengths in one byte: exact up to 40 terms, above
that rounded down by at most an eighth. Removed passages leave the statistics only when their segment is merged.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import tantivy

from retrieval import abbreviations, analyze
from retrieval.checksums import Checksums, checksum
from retrieval.datamodel import Hit, Ranking
from retrieval.errors import DamagedLibrary, StorageError
from retrieval.whole import share

__all__ = ["HEADING_WEIGHT", "LexicalEntry", "LexicalIndex", "build", "extend"]

# Up to 0.5 nothing measurable changes on the news questions; at 1 the right passage comes first 7 points less often.
HEADING_WEIGHT = 0.2
_K1 = 1.2  # of BM25, as tantivy has it

# To be raised with every change of the schema, analyze.py, abbreviations.py or repeated.py: older folders are rebuilt.
_FORMAT = 3
_MANIFEST = "manifest.json"
_REWRITTEN_BY_ENGINE = frozenset({"meta.json", ".managed.json"})
_LOCKS = frozenset({".tantivy-meta.lock", ".tantivy-writer.lock"})
_WRITER_HEAP_BYTES = 64_000_000
LARGE, MOST_TELLING = 50_000, 0.1  # passages of an index, and the share of them that may hold a term that tells
DEFINING_PASSAGES = 100  # that are looked at for what an abbreviation of the question stands for
FEWEST_DEFINITIONS = 0.2  # of a form's definitions must say the same, or it is taken for a slip
MOST_SAYING = 1000  # documents of a sentence that are looked at
REMEMBERED_FREQUENCIES = 30_000  # of terms and sentences; 5 MB
_SCORE_DECIMALS = (
    5  # the engine sums in 32 bits, in an order of its own: what lies below is noise, and must not break ties
)


@dataclass(frozen=True, slots=True)
class LexicalEntry:
    """A passage as it is searched: what it is known by, its words, and the keys of sentences as `repeated` has them."""

    passage_id: str
    document_id: str
    heading: str
    text: str
    said: tuple[str, ...] = ()


class LexicalIndex:
    """An open folder of passages. Many threads may search it; the engine keeps one idle thread until it is dropped."""

    def __init__(self, searcher: tantivy.Searcher, schema: tantivy.Schema) -> None:
        self._searcher = searcher
        self._schema = schema
        self._frequency = _frequencies(searcher)

    @classmethod
    def open(cls, folder: Path, checksums: Checksums | None = None) -> LexicalIndex:
        """The index in `folder`, its files compared with their checksums; `DamagedLibrary` where one differs."""
        _compared(folder, checksums)
        try:
            index = tantivy.Index.open(str(folder))
            index.config_reader(reload_policy="manual")
            return cls(index.searcher(), index.schema)
        except ValueError as fault:
            raise _damaged(folder, "the engine cannot open it") from fault

    def __len__(self) -> int:
        """How many passages the index holds."""
        return self._searcher.num_docs

    def document_frequency(self, term: str) -> int:
        """How many passages hold `term` in their body; those removed count until their segment is merged."""
        return self._frequency("body", term)

    def that_say(self, key: str, *, at_least: int = 1) -> tuple[str, ...]:
        """The ids of the documents that hold the sentence of `key`, `MOST_SAYING` at most, in no order.

        Perhaps none, and soon told, where there are surely fewer than `at_least`.
        """
        if self._frequency("said", key) < at_least:
            return ()
        query = tantivy.Query.term_query(self._schema, "said", key, index_option="basic")
        with _READING:
            found = self._searcher.search(query, MOST_SAYING, count=False).hits
        return tuple(self._passage_id(address).rpartition("#")[0] for _, address in found)

    def ceiling(self, terms: Sequence[str]) -> float:
        """What the body of a short passage that holds all of `terms` many times would get at most.

        The sum of idf · (k1 + 1), with tantivy's idf = ln(1 + (N − df + ½) / (df + ½)) and k1 = 1.2.
        """
        passages = len(self)
        found = 0.0
        for term in self._telling(terms):
            holding = min(self.document_frequency(term), passages)
            found += math.log(1 + (passages - holding + 0.5) / (holding + 0.5)) * (_K1 + 1)
        return found

    def other_forms(self, keys: Collection[str]) -> dict[str, tuple[str, ...]]:
        """What the collection itself defines each form to be short or long for, both as `abbreviations.key` has them.

        The forms that nothing defines are left out, and meanings that few of a form's definitions give.
        """
        query = tantivy.Query.term_set_query(self._schema, "form", sorted(keys))
        counts: dict[str, Counter[str]] = {}
        with _READING:
            hits = self._searcher.search(query, DEFINING_PASSAGES, count=False).hits
            pairs = [pair for _, address in hits for pair in self._searcher.doc(address).get_all("pair")]
        for pair in pairs:
            short, _, long = str(pair).partition("=")
            for form, other in ((short, long), (long, short)):
                if form in keys:
                    counts.setdefault(form, Counter())[other] += 1
        return {
            form: tuple(sorted(other for other, count in found.items() if count >= FEWEST_DEFINITIONS * found.total()))
            for form, found in counts.items()
        }

    def search(self, question: str, depth: int) -> Ranking:
        """The `depth` best passages for a question of any script."""
        return self.search_terms(analyze.terms(question), depth)

    def search_terms(self, terms: Sequence[str], depth: int, *, within: Collection[str] | None = None) -> Ranking:
        """The `depth` best passages that hold any of `terms`, as `analyze.terms` makes them; a repeat adds nothing.

        Only those of the documents `within`, where these are named.
        """
        if depth < 1:
            raise ValueError(f"depth is at least 1, found {depth}")
        distinct = self._telling(terms)
        if not distinct or not len(self):
            return Ranking()
        query = tantivy.Query.boolean_query(
            [(tantivy.Occur.Should, self._matching(field, term)) for term in distinct for field in ("body", "heading")]
        )
        if within is not None:
            admitted = tantivy.Query.term_set_query(self._schema, "document", [_key(document) for document in within])
            unscored = tantivy.Query.const_score_query(admitted, 0.0)
            query = tantivy.Query.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.Must, unscored)])
        return Ranking(Hit(self._passage_id(address), score) for score, address in self._best(query, depth)).top(depth)

    def _telling(self, terms: Sequence[str]) -> list[str]:
        """The terms, each once; of a large index without what every tenth passage holds, unless all terms are such.

        They tell little of a passage there, and nearly all of a search's time goes into them.
        """
        distinct = sorted(set(terms))
        passages = len(self)
        if passages < LARGE:
            return distinct
        return [term for term in distinct if self.document_frequency(term) <= passages * MOST_TELLING] or distinct

    def _matching(self, field: str, term: str) -> tantivy.Query:
        query = tantivy.Query.term_query(self._schema, field, term, index_option="freq")
        return query if field == "body" else tantivy.Query.boost_query(query, HEADING_WEIGHT)

    def _best(self, query: tantivy.Query, depth: int) -> list[tuple[float, tantivy.DocAddress]]:
        """At least the `depth` best, and all that tie with the last of them: the engine cuts ties by where they lie."""
        limit = depth + 1
        while True:
            with _READING:
                found = self._searcher.search(query, limit, count=False).hits
            scored = [(round(score, _SCORE_DECIMALS), address) for score, address in found]
            if len(scored) < limit or scored[-1][0] < scored[depth - 1][0]:
                return scored
            limit *= 4

    def _passage_id(self, address: tantivy.DocAddress) -> str:
        with _READING:
            stored = self._searcher.doc(address).get_first("passage")
            if not isinstance(stored, bytes):
                raise ValueError("a passage without its id")
            return stored.decode()


def _frequencies(searcher: tantivy.Searcher) -> Callable[[str, str], int]:
    """In how many passages a field holds a term; the last answers are remembered, as an index stays what it is.

    A passage that is read again asks for each of its sentences again.
    """

    @lru_cache(REMEMBERED_FREQUENCIES)
    def frequency(field: str, term: str) -> int:
        with _READING:
            return int(searcher.doc_freq(field, term))

    return frequency


def build(folder: Path, entries: Iterable[LexicalEntry]) -> None:
    """Write the index of `entries` into `folder`, which must not exist; `StorageError` where the disk refuses."""
    with _storing(folder):
        folder.mkdir(parents=True)
        index = tantivy.Index(_schema(), path=str(folder))
    _write(index, folder, add=entries, remove=(), known={})


def extend(
    base: Path,
    folder: Path,
    *,
    add: Iterable[LexicalEntry] = (),
    remove: Iterable[str] = (),
    checksums: Checksums | None = None,
) -> None:
    """Write into `folder`, which must not exist, the index in `base` without the documents `remove`, and with `add`.

    `base` stays as it is, and readable. A document that is in both is replaced. `DamagedLibrary` where `base` is not
    what was written, `StorageError` where the disk refuses.
    """
    known = _compared(base, checksums)  # the engine merges its files, and decay would be written on
    with _storing(folder):
        folder.mkdir(parents=True)
    for name in known:
        put = shutil.copyfile if name in _REWRITTEN_BY_ENGINE else share
        try:
            put(base / name, folder / name)
        except FileNotFoundError as fault:
            raise _damaged(base, f"{name} is missing") from fault
        except OSError as fault:
            raise _refused(folder, fault) from fault
    try:
        index = tantivy.Index.open(str(folder))
    except ValueError as fault:
        raise _damaged(base, "the engine cannot open it") from fault
    unchanged = {name: crc32 for name, crc32 in known.items() if name not in _REWRITTEN_BY_ENGINE}
    _write(index, folder, add=add, remove=remove, known=unchanged)


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_bytes_field("passage", stored=True)
    builder.add_text_field("document", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("heading", tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("body", tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("said", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("form", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("pair", stored=True, tokenizer_name="raw", index_option="basic")
    return builder.build()


def _write(
    index: tantivy.Index,
    folder: Path,
    *,
    add: Iterable[LexicalEntry],
    remove: Iterable[str],
    known: dict[str, int],
) -> None:
    """Remove, add, commit, and at last write the manifest, without which the folder is no index."""
    with _storing(folder):
        writer = index.writer(heap_size=_WRITER_HEAP_BYTES, num_threads=1)
    for document_id in remove:
        with _storing(folder):
            writer.delete_documents_by_term("document", _key(document_id))
    for entry in add:
        document = _engine_document(entry)
        with _storing(folder):
            writer.add_document(document)
    with _storing(folder):
        writer.commit()
        writer.wait_merging_threads()
        _write_manifest(folder, known)


def _engine_document(entry: LexicalEntry) -> tantivy.Document:
    document = tantivy.Document()
    document.add_bytes("passage", entry.passage_id.encode())
    document.add_text("document", _key(entry.document_id))
    document.add_text("heading", " ".join(analyze.terms(entry.heading)))
    document.add_text("body", " ".join(analyze.terms(entry.text)))
    for key in entry.said:
        document.add_text("said", key)
    for short, long in sorted(abbreviations.defined(entry.text)):
        document.add_text("form", short)
        document.add_text("form", long)
        document.add_text("pair", f"{short}={long}")
    return document


def _key(document_id: str) -> str:
    """What a document is removed by: the engine drops terms that are too long, and an id may have any length."""
    return hashlib.blake2b(document_id.encode(), digest_size=16).hexdigest()


def _write_manifest(folder: Path, known: dict[str, int]) -> None:
    """Write the size and the checksum of each file; those that are `known` are not made anew."""
    names = sorted(path.name for path in folder.iterdir() if path.name not in _LOCKS)
    crc32 = {name: known[name] if name in known else checksum(folder / name) for name in names}
    files = {name: [(folder / name).stat().st_size, crc32[name]] for name in names}
    (folder / _MANIFEST).write_text(json.dumps({"format": _FORMAT, "files": files}, indent=1), encoding="utf-8")


def _read_manifest(folder: Path) -> dict[str, int]:
    """The checksum of each file."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        if manifest["format"] != _FORMAT:
            raise _damaged(folder, f"format {_FORMAT} was expected, {manifest['format']} found")
        return {str(name): crc32 for name, (_, crc32) in manifest["files"].items()}
    except OSError as fault:
        raise _damaged(folder, "its manifest is missing") from fault
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise _damaged(folder, "its manifest cannot be read") from fault


def _compared(folder: Path, checksums: Checksums | None) -> dict[str, int]:
    """The checksum of each file; `DamagedLibrary` where one is not what was written."""
    expected = _read_manifest(folder)
    if fault := (checksums or Checksums()).fault(folder, expected):
        raise _damaged(folder, fault)
    return expected


def _damaged(folder: Path, what: str) -> DamagedLibrary:
    return DamagedLibrary(f"the lexical index in {folder} is damaged ({what}); run `quoth reindex`")


def _refused(folder: Path, fault: Exception) -> StorageError:
    reason = " ".join(str(fault).split())
    return StorageError(
        f"the lexical index cannot be written to {folder}: {reason}; make room or permit it, then try again"
    )


class _Reading:
    """Turns what the engine says where its mapped files are no longer what was written into `DamagedLibrary`.

    It says it as `ValueError`, or as a panic, which is no `Exception`.
    """

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, _: object) -> None:
        if fault is not None and (isinstance(fault, ValueError) or type(fault).__name__ == "PanicException"):
            raise DamagedLibrary("the lexical index is no longer what was written; run `quoth reindex`") from fault


_READING = _Reading()  # one for all: it keeps nothing


@contextmanager
def _storing(folder: Path) -> Iterator[None]:
    """Turn what the disk and the engine say against writing into one line; the engine says it as `ValueError`."""
    try:
        yield
    except FileExistsError as fault:
        raise ValueError(f"an index is written into a new folder, found {folder}") from fault
    except (OSError, ValueError) as fault:
        raise _refused(folder, fault) from fault
