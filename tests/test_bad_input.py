"""Whatever is typed or given wrong is told in one clear line, and leaves the library whole."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import PORT, Quoth, is_one_line

_SETTINGS = (
    "QUOTH_LIBRARY, QUOTH_MODEL, QUOTH_OPERATING_POINT, QUOTH_READER, QUOTH_REMEMBERED_MEGABYTES, QUOTH_THREADS, "
    "QUOTH_WEB_ALLOWED"
)


# What is typed


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["answer", "me"],
        ["ingest"],
        ["ask"],
        ["ask", "--top", "0", "Who?"],
        ["ask", "--top", "x", "Who?"],
        ["ask", "--batch", "a.jsonl"],
        ["ask", "--batch", "a.jsonl", "--json", "Who?"],
        ["ask", "--batch", "a.jsonl", "--json", "--history", "Who?"],
        ["prune"],
        ["prune", "--before", "yesterday"],
        ["show"],
        ["remove"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_one_line_and_exits_2(quoth: Quoth, arguments: list[str], tmp_path: Path) -> None:
    refused = quoth(*arguments)
    assert (refused.code, refused.out) == (2, "")
    assert is_one_line(refused.err)
    assert re.search(r"run `quoth[a-z ]* --help` for the usage$|: quoth ask \"|: each line has its own$", refused.err)
    assert not (tmp_path / "library").exists()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("QUOTH_TOKENS", "1", f"expected a setting among {_SETTINGS}, found QUOTH_TOKENS: correct its name"),
        ("QUOTH_threads", "1", f"expected a setting among {_SETTINGS}, found QUOTH_threads: correct its name"),
        ("QUOTH_THREADS", "many", "QUOTH_THREADS: expected a whole number of threads, found 'many'; correct it"),
        ("QUOTH_THREADS", "0", "QUOTH_THREADS: expected threads of at least 1, found 0; correct it"),
        ("QUOTH_READER", "no", "QUOTH_READER: expected on or off, found 'no'; correct it"),
        ("QUOTH_OPERATING_POINT", "nan", "QUOTH_OPERATING_POINT: expected an operating point between 0 and 1, found"),
        ("QUOTH_OPERATING_POINT", "x", "QUOTH_OPERATING_POINT: expected a number between 0 and 1, found 'x'; correct"),
    ],
)
def test_a_setting_that_is_none_is_refused_by_its_name_as_typed(
    quoth: Quoth, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(name, value)
    refused = quoth("sources")
    assert (refused.code, refused.out) == (3, "")
    assert is_one_line(refused.err)
    assert refused.err.startswith(f"quoth: {told}")
    assert refused.err.endswith(", or unset it\n")


@pytest.mark.parametrize("place", ["nowhere", "empty"])
@pytest.mark.parametrize(
    "command", ["check", "sources", "sources --json", "show x", "remove x", "prune --before 2026-01-31", "reindex"]
)
def test_a_mistyped_library_is_told_and_nothing_is_made(quoth: Quoth, tmp_path: Path, command: str, place: str) -> None:
    (tmp_path / "empty").mkdir()
    refused = quoth("--library", place, *command.split())
    assert (refused.code, refused.out) == (3, "")
    assert is_one_line(refused.err)
    assert f"expected a library in {place}, found none: name its folder by --library" in refused.err
    assert list(tmp_path.rglob("*")) == [tmp_path / "empty"]


def test_a_library_that_is_a_file_is_refused(quoth: Quoth, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = quoth("--library", "file", "sources")
    assert (refused.code, refused.out) == (3, "")
    assert is_one_line(refused.err)


@pytest.mark.parametrize("command", ["sources", "check", "ask Who?"])
def test_a_library_whose_name_is_too_long_is_not_blamed_on_the_output(quoth: Quoth, command: str) -> None:
    refused = quoth("--library", "x" * 300, *command.split())
    assert (refused.code, refused.out) == (3, "")
    assert is_one_line(refused.err)
    assert f"the library in {'x' * 300}" in refused.err
    assert "output" not in refused.err


@pytest.mark.parametrize("question", ["", "  \n", "x" * 10_000, "\udcff"], ids=["empty", "blank", "long", "bytes"])
def test_a_question_that_cannot_be_asked_is_one_line(quoth: Quoth, library: str, question: str) -> None:
    refused = quoth("ask", question)
    assert (refused.code, refused.out) == (3, "")
    assert is_one_line(refused.err)


def test_a_batch_file_that_is_not_there_is_one_line(quoth: Quoth, library: str) -> None:
    refused = quoth("ask", "--batch", "nothing.jsonl", "--json")
    assert (refused.code, refused.out) == (3, "")
    assert is_one_line(refused.err)


@pytest.mark.parametrize("command", ["show", "remove"])
def test_an_unknown_document_is_one_line_and_exits_3(quoth: Quoth, library: str, command: str) -> None:
    refused = quoth(command, "no\nsuch\x1b[31m id")
    assert (refused.code, refused.out) == (3, "")
    assert is_one_line(refused.err)
    assert "\x1b" not in refused.err


# What is given


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(200_000_000)  # sparse: one line of NUL bytes, no room taken


def broken_line_17(path: Path) -> None:
    lines = [json.dumps({"id": f"d{number}", "text": PORT}) for number in range(1, 21)]
    lines[16] = '{"id": "d17", "text": '
    path.write_text("\n".join(lines))


@pytest.mark.parametrize(
    ("name", "write", "reason"),
    [
        ("binary.txt", lambda path: path.write_bytes(b"\x7fELF" + bytes(range(256)) * 9), "found a program"),
        ("empty.txt", lambda path: path.write_bytes(b""), "found an empty file"),
        ("huge.txt", huge, "expected at most 100 MB, found 200 MB"),
        ("huge.jsonl", huge, "found another encoding"),
        ("bytes.txt", lambda path: path.write_bytes(b"ab \x81\x8d\x8f" * 9), "expected UTF-8"),
        ("broken.jsonl", broken_line_17, "line 17: expected an object"),
        ("missing.txt", lambda path: None, "found nothing there"),
        ("new\nline.txt", lambda path: None, "new line.txt: expected"),
        ("bad\udcff.txt", lambda path: path.write_text(PORT), "expected"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isascii() and "." in value else "",
)
def test_bad_input_is_one_clear_line_and_leaves_the_library_whole(
    quoth: Quoth, tmp_path: Path, name: str, write: Callable[[Path], object], reason: str
) -> None:
    (tmp_path / "good.txt").write_text(PORT)
    write(tmp_path / name)  # some only name it
    ingested = quoth("ingest", "good.txt", name)
    counts, refused = ingested.out.splitlines()
    assert (ingested.code, ingested.err) == (3, "")
    assert counts == f"added {20 if 'broken' in name else 1}, unchanged 0, replaced 0, refused 1"
    assert refused.startswith("refused ")
    assert reason in refused
    assert quoth("check").code == 0
