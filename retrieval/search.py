"""From a query to the passages worth reading: both searches, fused by how far each stands out in its language."""

from __future__ import annotations

from collections.abc import Callable, Collection

from retrieval import analyze, fuse, repeated
from retrieval.candidate import Candidate
from retrieval.datamodel import Background, Hit, Ranking
from retrieval.encode import Embeddings
from retrieval.filters import Filters
from retrieval.indexes import Indexes
from retrieval.library import Library
from retrieval.question import Query
from retrieval.recent import Recent
from retrieval.retold import Retold
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
    wait_for_vector: Callable[[], Embeddings],
    indexes: Indexes,
    recent: Recent,
    retold: Retold,
    settings: Settings,
    *,
    within: Collection[str] | None = None,
) -> list[Candidate]:
    """The passages worth reading for `query`, best first; its unit vector, (dimensions,), is waited for.

    Of each language those that stand out in it; without the sentences that their outlet prints everywhere.
    """
    depth = settings.depth_passages
    terms = query.whole.terms
    lexical = {hit.passage_id: hit.score for hit in indexes.lexical.search_terms(terms, depth, within=within)}
    recent.read_ahead(lexical, indexes.dense.dimensions)
    ceiling = indexes.lexical.ceiling(analyze.terms(query.whole.text)) or 1.0  # other forms are worth no more
    vector = wait_for_vector()
    backgrounds = {
        language: background.steadied(TYPICAL) for language, background in indexes.dense.backgrounds(vector).items()
    }
    dense = [
        hit for language in backgrounds for hit in indexes.dense.search(vector, depth, language=language, within=within)
    ]
    near = recent.nearness([*(hit.passage_id for hit in dense), *lexical], vector)
    shares = {key: min(lexical.get(key, 0.0) / ceiling, 1.0) for key in near}
    ranking = Ranking(
        # A passage is as near as it is as a whole and in its nearest sentence.
        Hit(key, fuse.fused(backgrounds[language].standing((whole + max(sentences)) / 2), shares[key]))
        for key, (language, whole, sentences) in near.items()
        if language in backgrounds
    )
    best = fuse.worth_reading(
        ranking,
        lambda key: near[key].language,
        best=settings.read_passages,
        of_each=settings.read_passages_of_each_language,
    )
    read = recent.passages(hit.passage_id for hit in best)
    candidates = [
        Candidate(
            document=one.document,
            about=one.about,
            passage=one.passage,
            findings=one.findings,
            score=hit.score,
            similarity=whole,
            similarities=sentences,
            background=backgrounds[language],
            share=shares[hit.passage_id],
        )
        for hit in best
        for one in [read[hit.passage_id]]
        for language, whole, sentences in [near[hit.passage_id]]
    ]
    return [left for one in candidates if (left := repeated.quotable(one, retold.boilerplate_of(one.document)))]
