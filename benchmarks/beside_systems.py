"""The systems that `benchmarks.beside` sets side by side, their settings, and the environments they run in."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.libraries import tell

__all__ = ["SYSTEMS", "System", "environment"]


@dataclass(frozen=True, slots=True)
class System:
    """A system; those of one `environment` have the same requirements, each pinned by `==`; Quoth has our own."""

    name: str
    script: str  # beside this file; `beside_step.py` tells what it has
    settings: str  # for the caption
    environment: str = ""  # its folder's name
    requirements: tuple[str, ...] = ()
    way: str = ""  # which of the script's systems
    split: tuple[tuple[str, str | int], ...] = ()  # what its splitter is told, beyond its defaults

    @property
    def is_ours(self) -> bool:
        """Whether it is Quoth."""
        return not self.environment


TORCH = "torch==2.13.0"  # the release with a CPU build
FAISS = "faiss-cpu==1.15.1"
SENTENCE_TRANSFORMERS = "sentence-transformers==6.2.0"
HAYSTACK = (
    "haystack-ai==3.4.0",
    "sentence-transformers-haystack==2.0.0",  # the embedders, which Haystack 3 ships apart
    SENTENCE_TRANSFORMERS,
    TORCH,
)
TXTAI = ("txtai==9.14.0", FAISS, TORCH)
LANGCHAIN = (
    "langchain-community==0.4.2",
    "langchain-huggingface==1.2.3",
    "langchain-text-splitters==1.1.3",
    FAISS,
    SENTENCE_TRANSFORMERS,
    TORCH,
)
LLAMAINDEX = (
    "llama-index-core==0.14.25",
    "llama-index-vector-stores-faiss==0.7.0",
    "llama-index-embeddings-huggingface==0.8.0",
    FAISS,
    SENTENCE_TRANSFORMERS,
    TORCH,
)
SYSTEMS = (
    System("Quoth", "beside_quoth.py", "as it is set by default, its model compiled to int8 in part"),
    System(
        "Haystack BM25",
        "beside_haystack.py",
        'DocumentSplitter() as it is: split_by="word" (at blanks), split_length=200, split_overlap=0; '
        "InMemoryDocumentStore (BM25L), InMemoryBM25Retriever (top_k=10); kept by save_to_disk as JSON, the words "
        "counted again at each start",
        "haystack",
        HAYSTACK,
        "bm25",
    ),
    System(
        "Haystack BM25, three sentences",
        "beside_haystack.py",
        'as above, DocumentSplitter(split_by="period", split_length=3), for passages nearer to ours in length',
        "haystack",
        HAYSTACK,
        "bm25",
        (("split_by", "period"), ("split_length", 3)),
    ),
    System(
        "Haystack hybrid",
        "beside_haystack.py",
        "as Haystack BM25, and InMemoryEmbeddingRetriever (top_k=10, dot product) with this model, not "
        "all-mpnet-base-v2; "
        'DocumentJoiner(join_mode="reciprocal_rank_fusion")',
        "haystack",
        HAYSTACK,
        "hybrid",
    ),
    System(
        "txtai hybrid",
        "beside_txtai.py",
        "Embeddings(hybrid=True, content=True): BM25, and FAISS with this model, not all-MiniLM-L6-v2, weighted alike; "
        "not split, as it does not by default: an article is one passage, of which the model reads the beginning",
        "txtai",
        TXTAI,
    ),
    System(
        "txtai hybrid, lines",
        "beside_txtai.py",
        "as above, the articles split by Segmentation(lines=True): at each line break, as paragraphs stand here",
        "txtai",
        TXTAI,
        split=(("lines", True),),
    ),
    System(
        "LangChain FAISS",
        "beside_langchain.py",
        "RecursiveCharacterTextSplitter() as it is: chunk_size=4000 characters, of which the model reads the "
        "beginning, chunk_overlap=200; HuggingFaceEmbeddings with this model, not all-mpnet-base-v2; "
        "FAISS.similarity_search_with_score (flat, L2, k=4)",
        "langchain",
        LANGCHAIN,
    ),
    System(
        "LangChain FAISS, 1,000 characters",
        "beside_langchain.py",
        "as above, chunk_size=1000, chunk_overlap=200, as its tutorials have it",
        "langchain",
        LANGCHAIN,
        split=(("chunk_size", 1000), ("chunk_overlap", 200)),
    ),
    System(
        "LlamaIndex FAISS",
        "beside_llamaindex.py",
        "SentenceSplitter() as it is: chunk_size=1024 tokens of GPT-3.5, of which the model reads the beginning, "
        "chunk_overlap=200; HuggingFaceEmbedding with this model, not OpenAI's; FaissVectorStore (IndexFlatL2), "
        "similarity_top_k=3, not 2",
        "llamaindex",
        LLAMAINDEX,
    ),
)


def environment(work: Path, system: System) -> Path:
    """The interpreter of the system's environment, which is made unless it holds the pinned versions."""
    if system.is_ours:
        return Path(sys.executable)
    folder = work.resolve() / system.environment
    python = folder / "bin" / "python"
    if _has(python, system.requirements):
        return python
    if folder.is_symlink():
        sys.exit(f"expected {', '.join(system.requirements)} in {folder}, a link, found others: install them there")
    tell(f"{system.name}: installing {', '.join(system.requirements)} into {folder}, once")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "install", *system.requirements]
    subprocess.run(pip, check=True, stdout=sys.stderr)
    return python


def _has(python: Path, requirements: Iterable[str]) -> bool:
    """Whether the interpreter is there and finds exactly these versions; a build's label, as in 1.0+cpu, aside."""
    if not python.exists():
        return False
    pins = [requirement.split("==") for requirement in requirements]
    look = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    command = [str(python), "-c", look, *(name for name, _ in pins)]
    found = subprocess.run(command, capture_output=True, text=True)
    versions = [version.partition("+")[0] for version in found.stdout.split()]
    return found.returncode == 0 and versions == [version for _, version in pins]
