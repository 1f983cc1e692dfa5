"""Where a model's weights come from, and its prepared form in the user's cache folder.

A prepared model is a folder: `graph.onnx` with its weights and `tokenizer.json` for encoding, `model.json` with what
must be known of it, and for the default model `sentence-transformers/`, the rebuilt weights, and `unigram.bin`, its
tokenizer in a form that is mapped. It is made beside its place and renamed into it: it is either whole or not there.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from retrieval.errors import ModelUnavailable, StorageError
from retrieval.whole import remove_leftovers, whole_file, whole_folder

__all__ = ["DEFAULT_MODEL", "Model", "cache_folder", "prepare", "unigram_alone"]

DEFAULT_MODEL = "multilingual-e5-small"
FORMAT = 6  # of a prepared model: another number prepares anew
SPACE = 5  # of its embeddings: another number gives the model another identity, and no library's can be compared
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, slots=True)
class Model:
    """A prepared model. `identity` names its weights and how they were prepared: other ones give other embeddings."""

    folder: Path
    identity: str
    dimensions: int
    max_tokens: int
    query_prompt: str
    passage_prompt: str

    @property
    def graph(self) -> Path:
        """The int8 ONNX graph."""
        return self.folder / "graph.onnx"

    @property
    def tokenizer(self) -> Path:
        """The tokenizer, as the `tokenizers` library stores it."""
        return self.folder / "tokenizer.json"

    @property
    def unigram(self) -> Path:
        """The same tokenizer, as `retrieval.unigram` maps it; only the default model has it."""
        return self.folder / "unigram.bin"


def cache_folder() -> Path:
    """Where what can be made again is kept, for all libraries of a user."""
    import platformdirs

    return platformdirs.user_cache_path("quoth")


def prepare(
    name: str = DEFAULT_MODEL, *, cache: Path | None = None, notice: Callable[[str], None] | None = None
) -> Model:
    """The model `name` ready to encode: the default, a sentence-transformers folder, or a hub name.

    What is in `cache` (the user's cache folder unless given) is used; otherwise it is made, which takes a minute, and
    `notice` is told. `ModelUnavailable` where the weights cannot be had, `StorageError` where the disk refuses.
    """
    if cache is None:
        cache = cache_folder()
    source = _Source.find(name)
    target = cache / "models" / source.slot
    notice = notice or (lambda line: None)
    with _storing(cache):
        if not target.exists():
            with _lock(target.parent, notice):
                if not target.exists():
                    _make(source, target, notice)
        model = _load(target)
        if source.folder is None and not model.unigram.exists():
            with suppress(OSError, ModelUnavailable):  # of a former release: `tokenizer.json` serves as it did
                _make_unigram(model.unigram, target.parent, notice)
        return model


def unigram_alone(*, cache: Path | None = None, notice: Callable[[str], None] | None = None) -> Path:
    """The default model's tokenizer without that model, for what reads where another model encodes; made once.

    `ModelUnavailable` and `StorageError` as for a model.
    """
    cache = cache or cache_folder()
    path = cache / "models" / f"{DEFAULT_MODEL}-{FORMAT}.unigram.bin"
    with _storing(cache):
        if not path.exists():
            _make_unigram(path, path.parent, notice or (lambda line: None))
    return path


@contextmanager
def _storing(cache: Path) -> Iterator[None]:
    """Turn what the disk says into one line."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StorageError(
                f"the model needs about 700 MB in {cache}, found: {error.strerror}; "
                "free some space there, or set XDG_CACHE_HOME to another folder"
            ) from error
        raise StorageError(
            f"expected a folder for models that can be read and written, found {error.filename or cache}: "
            f"{error.strerror or error}; permit it or remove it, or set XDG_CACHE_HOME to another folder"
        ) from error


@dataclass(frozen=True, slots=True)
class _Source:
    """A model's weights before preparation: `folder` is None for the default, which is rebuilt from its package."""

    name: str
    folder: Path | None
    slot: str

    @classmethod
    def find(cls, name: str) -> _Source:
        if name == DEFAULT_MODEL:
            return cls(name, None, f"{DEFAULT_MODEL}-{FORMAT}")
        folder = Path(name).expanduser()
        if not folder.is_dir():
            folder = _hub_folder(name)
        if not (folder / "modules.json").is_file():
            raise ModelUnavailable(
                f"expected a sentence-transformers folder with a modules.json, found none in {folder}: "
                "name another by QUOTH_MODEL"
            )
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        state = "\n".join(
            f"{path.relative_to(folder)} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files
        )
        digest = hashlib.sha256(f"{folder.resolve()}\n{state}".encode()).hexdigest()
        slug = re.sub(r"[^A-Za-z0-9.]+", "-", folder.name if Path(name).is_dir() else name).strip("-.") or "model"
        return cls(name, folder, f"{slug}-{digest[:12]}-{FORMAT}")


def _hub_folder(name: str) -> Path:
    """The folder of a hub model, downloaded unless it is cached."""
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name):
        raise ModelUnavailable(
            f"expected a model's folder or hub name, found {name!r}, which is neither: correct it in QUOTH_MODEL, "
            "or unset it for the default"
        )
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except Exception:  # noqa: S110 - whatever the hub's client raises, the download below is the next try
        pass
    try:
        return Path(snapshot_download(name))
    except Exception as error:
        raise ModelUnavailable(
            f"the model {name} is no folder here, is not in the hub's cache, and cannot be fetched "
            f"({type(error).__name__}): name a sentence-transformers folder by QUOTH_MODEL, or unset it for the default"
        ) from error


@contextmanager
def _lock(folder: Path, notice: Callable[[str], None]) -> Iterator[None]:
    """Only one process prepares; what a killed one left half-made is removed by the next."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            notice("another process is preparing the model: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        remove_leftovers(folder)
        yield


def _make(source: _Source, target: Path, notice: Callable[[str], None]) -> None:
    with whole_folder(target) as partial:
        folder = source.folder
        if folder is None:
            from retrieval.weights import WEIGHTS_SHA256, write_default_model

            notice(f"preparing the model {source.name}, once: rebuilding its weights (1 of 2)")
            folder = partial / "sentence-transformers"
            folder.mkdir()
            write_default_model(folder)
            digest = WEIGHTS_SHA256
        else:
            digest = _weights_digest(folder)
        notice(f"preparing the model {source.name}, once: compiling it for fast answers (2 of 2, about a minute)")
        from retrieval.export import export

        exported = export(str(folder), partial / "graph.onnx", partial / "tokenizer.json")
        described = {"identity": f"{source.name}@{digest[:12]}", **asdict(exported)}
        (partial / "model.json").write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
        if source.folder is None:
            from retrieval.weights import write_default_unigram

            write_default_unigram(partial / "unigram.bin")


def _make_unigram(path: Path, locked: Path, notice: Callable[[str], None]) -> None:
    """Write the default model's tokenizer, unless another process has meanwhile; `locked` is the models' folder."""
    from retrieval.weights import write_default_unigram

    with _lock(locked, notice):
        if not path.exists():
            with whole_file(path) as partial:
                write_default_unigram(partial)


def _weights_digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".safetensors", ".bin", ".json"} and path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode())
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()


def _load(folder: Path) -> Model:
    if not folder.is_dir():
        raise ModelUnavailable(
            f"expected the folder of a prepared model, found the file {folder}: "
            "remove that file, the model is made again"
        )
    try:
        described = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        prepared = Model(folder=folder, **described)
        return replace(prepared, identity=f"{prepared.identity}-{SPACE}")
    except (FileNotFoundError, ValueError, TypeError) as error:
        raise ModelUnavailable(
            f"expected a prepared model in {folder}, found it damaged: remove that folder, it is made again"
        ) from error
