"""From a query to the passages worth reading: both searches, fused by how far each stands out in its language."""

from __future__ import annotations

from collections.abc import Collection

from retrieval import analyze, fuse, repeated
from retrieval.candidate import Candidate
from retrieval.datamodel import Background, Hit, Ranking
from retrieval.encode import Embeddings
from retrieval.errors import DamagedLibrary
from retrieval.filters import Filters
from retrieval.indexes import Indexes
from retrieval.library import Library
from retrieval.question import Query
from retrieval.retold import Retold
from retrieval.rows import similarities
from retrieval.settings import Settings

__all__ = ["admitted", "search"]

# The cosines of a question with passages of any language, as this model gives them: what steadies small collections.
TYPICAL = Background(passages=20, mean=0.74, spread=0.022)


def admitted(library: Library, filters: Filters, without: Collection[str]) -> Collection[str] | None:
    """The ids of the documents that may be searched; None for all."""
    if not filters and not without:
        return None
    return {
        document_id
        for document_id, published, publisher in library.imprints()
        if document_id not in without and filters.admit(published, publisher)
    }


def search(
    query: Query,
    vector: Embeddings,
    indexes: Indexes,
    library: Library,
    settings: Settings,
    *,
    within: Collection[str] | None = None,
) -> list[Candidate]:
    """The passages worth reading for `query`, whose unit vector is `vector` (dimensions,), best first.

    Of each language those that stand out in it; without the sentences that their outlet prints everywhere.
    """
    backgrounds = {
        language: background.steadied(TYPICAL) for language, background in indexes.dense.backgrounds(vector).items()
    }
    depth = settings.depth_passages
    terms = query.whole.terms
    lexical = {hit.passage_id: hit.score for hit in indexes.lexical.search_terms(terms, depth, within=within)}
    dense = [
        hit for language in backgrounds for hit in indexes.dense.search(vector, depth, language=language, within=within)
    ]
    stored = library.vectors(dict.fromkeys([*(hit.passage_id for hit in dense), *lexical]))
    found = {one.id: (one, *cosines) for one, cosines in zip(stored, similarities(stored, vector), strict=True)}
    ceiling = indexes.lexical.ceiling(analyze.terms(query.whole.text)) or 1.0  # other forms are worth no more
    shares = {key: min(lexical.get(key, 0.0) / ceiling, 1.0) for key in found}
    ranking = Ranking(
        # A passage is as near as it is as a whole and in its nearest sentence.
        Hit(key, fuse.fused(backgrounds[one.language].standing((whole + max(parts)) / 2), shares[key]))
        for key, (one, whole, parts) in found.items()
        if one.language in backgrounds
    )
    best = fuse.worth_reading(
        ranking,
        lambda key: found[key][0].language,
        best=settings.read_passages,
        of_each=settings.read_passages_of_each_language,
    )
    passages = {one.id: one for one in library.passages([hit.passage_id for hit in best])}
    documents = library.looked_through({one.document_id for one in passages.values()})
    stands = library.has_findings
    if any(hit.passage_id not in passages for hit in best) or any(
        one.document_id not in documents for one in passages.values()
    ):
        raise DamagedLibrary(f"expected every passage's document in {library.folder}: run `quoth check`")
    candidates = [
        Candidate(
            document=document,
            about=about,
            passage=one.passage,
            findings=one.found(document, stands=stands),
            score=hit.score,
            similarity=whole,
            similarities=parts,
            background=backgrounds[one.language],
            share=shares[one.id],
        )
        for hit in best
        for one in [passages[hit.passage_id]]
        for _, whole, parts in [found[one.id]]
        for document, about in [documents[one.document_id]]
    ]
    retold = Retold(library, indexes.lexical)
    return [left for one in candidates if (left := repeated.quotable(one, retold.boilerplate_of(one.document)))]
