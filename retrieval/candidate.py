"""What an excerpt is chosen from."""

from __future__ import annotations

from dataclasses import dataclass

from retrieval.datamodel import Background, Document, Passage
from retrieval.findings import DocumentFindings, PassageFindings

__all__ = ["Candidate"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage as the excerpt is chosen from it: its document, how it ranked, and its cosines with the question.

    `about` and `findings` are what was found in the document and in the passage when they were stored. `score` is the
    fused one; `similarity` is the passage's cosine, `similarities` its sentences', `background` what any passage of its
    language would get; `share` in [0, 1] is its BM25 score as a share of what it could get.
    """

    document: Document
    about: DocumentFindings
    passage: Passage
    findings: PassageFindings
    score: float
    similarity: float
    similarities: tuple[float, ...]
    background: Background
    share: float

    def __post_init__(self) -> None:
        if not len(self.similarities) == len(self.findings.sentences) == len(self.passage.sentences):
            raise ValueError(f"passage {self.passage.id!r} needs a similarity and findings for each sentence")
