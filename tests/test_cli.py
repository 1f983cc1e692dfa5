"""The command line keeps its contract: exit codes, JSON, one clear line for whatever goes wrong."""

from __future__ import annotations

import io
import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PORT, Quoth, is_one_line

import bot.cli
from retrieval.encode import Encoder
from retrieval.errors import ModelUnavailable
from retrieval.library import Library
from retrieval.writer import writing

_COMMANDS = "ask backup chat check ingest prune reindex remove restore show sources telegram verify".split()
_REPLY = "id question answered confidence elapsed_ms excerpts nearest reason missing_terms".split()
_EXCERPT = "rank text start end page highlights score document also_in differs".split()
_DOCUMENT = "id title publisher authors published updated url source language sha256".split()


# Help and usage


def test_help_lists_every_command_and_loads_nothing_heavy() -> None:
    code = (
        "import sys, bot.cli\n"
        "try: bot.cli.main(['--help'])\n"
        "finally: print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    helped = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"numpy", "torch", "faiss", "onnxruntime", "tantivy", "sentence_transformers", "transformers", "rich"}
    assert heavy & set(helped.stderr.split()) == set()
    assert sorted(re.findall(r"^    (\w+)", helped.stdout, re.MULTILINE)) == _COMMANDS


@pytest.mark.parametrize("command", _COMMANDS)
def test_every_command_explains_itself(quoth: Quoth, command: str) -> None:
    helped = quoth(command, "--help")
    assert (helped.code, helped.err) == (0, "")
    assert helped.out.startswith(f"usage: quoth {command}")


# Asking


def test_a_reply_is_one_object_in_one_line(quoth: Quoth, library: str) -> None:
    asked = quoth("ask", "--json", "How many megawatts did CPEC phase one add?")
    assert (asked.code, asked.err, asked.out.count("\n")) == (0, "", 1)
    (reply,) = asked.rows
    shown = reply["excerpts"] or reply["nearest"]
    assert list(reply) == _REPLY
    assert [list(excerpt) for excerpt in shown] == [_EXCERPT] * len(shown)
    assert list(shown[0]["document"]) == _DOCUMENT
    assert reply["id"] is None
    assert [excerpt["rank"] for excerpt in shown] == list(range(1, 1 + len(shown)))
    assert (reply["reason"] is None) is reply["answered"] is not bool(reply["nearest"])


def test_every_excerpt_is_what_show_says(quoth: Quoth, library: str) -> None:
    """Anyone can check a quote: `text[start:end]`, highlights inside, inside the body."""
    for question in ("How long is CPEC?", "Who spoke about two big forces?", "سی پیک", "中国"):
        (reply,) = quoth("ask", "--json", "--top", "5", question).rows
        shown = reply["excerpts"] or reply["nearest"]
        assert 0 < len(shown) <= 5
        for excerpt in shown:
            (told,) = quoth("show", "--json", excerpt["document"]["id"]).rows
            assert list(told) == ["document", "body", "text"]
            assert told["document"] == excerpt["document"]
            assert excerpt["text"] == told["text"][excerpt["start"] : excerpt["end"]]
            assert all(excerpt["start"] <= start < end <= excerpt["end"] for start, end in excerpt["highlights"])
            assert any(start <= excerpt["start"] < end for start, end in told["body"])


def test_top_limits_what_is_shown(quoth: Quoth, library: str) -> None:
    (reply,) = quoth("ask", "--json", "--top", "1", "best recipe for biryani").rows
    assert len(reply["excerpts"] + reply["nearest"]) == 1


def test_an_abstention_is_no_failure(quoth: Quoth, library: str) -> None:
    asked = quoth("ask", "best recipe for biryani")
    assert (asked.code, asked.err) == (0, "")
    assert "My documents do not say." in asked.out


def test_the_seeds_are_read_first_only_into_a_default_library_never_written(
    quoth: Quoth, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = quoth("ask", "How long is CPEC?"), quoth("ask", "How long is CPEC?")
    assert "the library is new: reading" in first.err
    assert (second.err, second.out) == ("", first.out)
    for (identifier,) in [[row["id"]] for row in quoth("sources", "--json").rows[0]]:
        quoth("remove", identifier)
    emptied = quoth("ask", "How long is CPEC?")
    assert (emptied.code, emptied.err) == (0, "")
    assert "There are none yet" in emptied.out
    for named in (["--library", "other"], ["--library", "library"]):
        assert quoth(*named, "ask", "How long is CPEC?").err == ""
    monkeypatch.setenv("QUOTH_LIBRARY", "third")
    assert quoth("ask", "How long is CPEC?").err == ""


@pytest.mark.parametrize("place", ["before", "after"])
def test_the_library_may_be_named_before_or_after_the_command(quoth: Quoth, place: str, tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text(PORT)
    command, named = ["ingest", "good.txt"], ["--library", "mine"]
    assert quoth(*([*named, *command] if place == "before" else [*command, *named])).code == 0
    assert (tmp_path / "mine" / "library.sqlite").is_file()


def test_a_batch_keeps_the_order_and_its_bad_lines(quoth: Quoth, library: str, tmp_path: Path) -> None:
    lines = [
        '\ufeff{"id": "a", "question": "How long is CPEC?", "history": [], "language": "en"}',
        "{broken",
        "",
        '{"id": "c", "question": ""}',
        '{"id": 4, "question": "Who leads the embassy?", "history": ["How long is CPEC?"]}',
        '{"id": "e"}',
        '{"id": "f", "question": 7}',
        '{"id": "g", "question": "Why?", "history": "no list"}',
        '{"id": "h", "question": "Why?", "history": [1]}',
        '{"id": "i", "question": "\\ud800"}',
        '["j"]',
        '{"id": "k", "question": "中国", "history": null}',
    ]
    (tmp_path / "questions.jsonl").write_text("\n".join(lines), encoding="utf-8")
    asked = quoth("ask", "--batch", "questions.jsonl", "--json")
    assert (asked.code, asked.err) == (3, "")
    assert [row["id"] for row in asked.rows] == ["a", None, "c", 4, "e", "f", "g", "h", "i", None, "k"]
    assert [row["id"] for row in asked.rows if "error" not in row] == ["a", 4, "k"]
    for row in asked.rows:
        assert list(row) == (["id", "error"] if "error" in row else _REPLY)
        assert "\n" not in row.get("error", "")


def test_a_batch_of_good_lines_exits_0(quoth: Quoth, library: str, tmp_path: Path) -> None:
    (tmp_path / "questions.jsonl").write_text('{"id": "a", "question": "How long is CPEC?"}\n')
    assert quoth("ask", "--batch", "questions.jsonl", "--json").code == 0


def test_a_model_that_cannot_be_had_ends_a_batch_at_once(
    quoth: Quoth, library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no line's fault."""

    def unavailable(settings: object) -> Encoder:
        raise ModelUnavailable("no model here")

    monkeypatch.setattr(bot.cli, "make_encoder", unavailable)
    (tmp_path / "questions.jsonl").write_text('{"id": "a", "question": "How long is CPEC?"}\n' * 3)
    refused = quoth("ask", "--batch", "questions.jsonl", "--json")
    assert (refused.code, refused.out, refused.err) == (3, "", "quoth: no model here\n")


def test_a_conversation_ends_with_an_empty_line_or_the_end(
    quoth: Quoth, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "How long is CPEC?\n" + "x" * 3000 + "\nAnd who built it?\n\nnever read\n"
    for typed, quotes in ((said, 2), ("How long is CPEC?", 1), ("", 0)):
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        chatted = quoth("chat")
        assert chatted.code == 0
        assert chatted.out.count("passage answers") + chatted.out.count("do not say") == quotes
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"How long\xff is CPEC?\n\xe2"), encoding="utf-8"))
    assert quoth("chat").code == 0


# Looking after the collection


def test_sources_are_a_list_of_documents(quoth: Quoth, library: str) -> None:
    listed = quoth("sources", "--json")
    (documents,) = listed.rows
    assert (listed.code, listed.err) == (0, "")
    assert [list(document) for document in documents] == [_DOCUMENT] * 3
    assert [document["published"] for document in documents] == ["2024-09-16T17:31", None, "2021-12-14"]
    told = quoth("sources")
    assert (told.code, told.err) == (0, "3 documents\n")
    assert all(document["id"] in told.out for document in documents)


def test_show_prints_the_body_and_nothing_else_of_the_page(quoth: Quoth, library: str) -> None:
    (documents,) = quoth("sources", "--json").rows
    shown = quoth("show", documents[0]["id"])
    assert (shown.code, shown.err) == (0, "")
    assert documents[0]["title"] in shown.out
    assert "Skip to Content" not in shown.out


def test_show_keeps_a_headline_in_its_line_and_drops_the_carriage_returns_of_windows(
    quoth: Quoth, tmp_path: Path
) -> None:
    row = {"id": "a", "title": "Real\n\n│ Forged.", "text": PORT + "\r\n" + PORT}
    (tmp_path / "a.jsonl").write_text(json.dumps(row))
    assert quoth("ingest", "a.jsonl").code == 0
    shown = quoth("show", "a")
    assert shown.out.startswith("Real │ Forged.\n")
    assert "\N{REPLACEMENT CHARACTER}" not in shown.out


def test_remove_check_prune_and_reindex_say_what_they_did(quoth: Quoth, library: str) -> None:
    (documents,) = quoth("sources", "--json").rows
    removed = quoth("remove", documents[0]["id"])
    assert (removed.code, removed.out, removed.err) == (0, "", f"removed {documents[0]['id']}\n")
    checked = quoth("check")
    assert (checked.code, checked.err) == (0, "")
    assert checked.out.startswith("2 documents, ")
    pruned = quoth("prune", "--before", "2999-01-01")
    assert (pruned.code, pruned.out, pruned.err) == (0, "", "dropped 0 replaced snapshots\n")
    reindexed = quoth("reindex")
    assert (reindexed.code, reindexed.err) == (0, "")
    assert reindexed.out.startswith("reindexed 2 documents, ")


def test_a_damaged_library_exits_4_with_each_fault_a_line(quoth: Quoth, library: str, tmp_path: Path) -> None:
    path = tmp_path / library / "library.sqlite"
    content = path.read_bytes()
    assert b"8,000 megawatts" in content
    path.write_bytes(content.replace(b"8,000 megawatts", b"9,000 megawatts"))
    checked = quoth("check")
    assert checked.code == 4
    assert "its text is not what was stored" in checked.out
    assert is_one_line(checked.err)
    asked = quoth("ask", "--json", "How many megawatts did CPEC phase one add?")
    assert (asked.code, asked.out) == (4, "")
    assert is_one_line(asked.err)
    path.write_bytes(b"no database" + content[11:])
    for command in (["sources"], ["check"], ["ask", "Who?"], ["ingest", "."]):
        refused = quoth(*command)
        assert (refused.code, refused.out) == (4, "")
        assert is_one_line(refused.err)


def test_another_model_is_refused_with_the_command_that_repairs(
    quoth: Quoth, library: str, other_encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot.cli, "make_encoder", lambda settings: other_encoder)
    refused = quoth("ask", "How long is CPEC?")
    assert (refused.code, refused.out) == (4, "")
    assert "run `quoth reindex`" in refused.err
    assert quoth("reindex").code == 0
    assert quoth("ask", "How long is CPEC?").code == 0


def test_a_busy_library_is_one_line_and_exits_3(quoth: Quoth, library: str, tmp_path: Path) -> None:
    writer = Library.open(tmp_path / library)
    with writing(writer):
        for command in (["ingest", "."], ["remove", "x"], ["prune", "--before", "2026-01-31"], ["reindex"]):
            refused = quoth(*command)
            assert (refused.code, refused.out) == (3, ""), command
            assert is_one_line(refused.err)
            assert "is writing" in refused.err
        assert quoth("ask", "How long is CPEC?").code == 0
    writer.close()


def test_a_good_ingest_exits_0_and_counts(quoth: Quoth, tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text(PORT)
    first, second = quoth("ingest", "good.txt"), quoth("ingest", "good.txt")
    assert (first.code, first.out, first.err) == (0, "added 1, unchanged 0, replaced 0, refused 0\n", "")
    assert (second.code, second.out, second.err) == (0, "added 0, unchanged 1, replaced 0, refused 0\n", "")


# The process around it


@pytest.mark.parametrize(("command", "stream"), [("sources", "stdout"), ("sources", "stderr"), ("chat", "stdin")])
def test_a_stream_that_was_closed_leaves_no_traceback(
    quoth: Quoth, library: str, monkeypatch: pytest.MonkeyPatch, command: str, stream: str
) -> None:
    monkeypatch.setattr(sys, stream, None)  # as Python starts under `quoth sources >&-`
    assert quoth(command).code == 0


def test_only_the_output_is_called_the_output(quoth: Quoth, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w") as full, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", full)
        told = quoth("sources")
    assert (told.code, is_one_line(told.err.removeprefix("3 documents\n"))) == (3, True)
    assert "the output cannot be written" in told.err

    def failing(*arguments: object) -> None:
        raise OSError(36, "File name too long", "elsewhere")

    monkeypatch.setattr(bot.cli, "_engine", failing)
    told = quoth("sources")
    assert (told.code, is_one_line(told.err)) == (3, True)
    assert "output" not in told.err
    assert "elsewhere" in told.err


@pytest.mark.parametrize("question", ["How much is $350 million?", 'He said "it\'s $(Q)" # `so`', "سی پیک کیا ہے؟"])
def test_make_asks_what_was_typed(question: str, tmp_path: Path) -> None:
    text = (Path(__file__).parent.parent / "Makefile").read_text(encoding="utf-8")
    copy = text.replace("ask: setup", "ask:").replace("$(BIN)/quoth ask", "printf '%s'")
    (tmp_path / "Makefile").write_text(copy, encoding="utf-8")
    # These tests are themselves run by make, whose variables would make the inner one say in which folder it is.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    for given, extra in ((["Q=" + question], {}), ([], {"Q": question})):
        command = ["make", "-f", "Makefile", "ask", *given]
        asked = subprocess.run(command, cwd=tmp_path, capture_output=True, env=environment | extra, check=False)
        assert (asked.stdout.decode(), asked.stderr) == (question, b"")


@pytest.mark.slow
def test_a_disk_that_takes_no_more_is_one_line_and_the_library_stays_whole(
    quoth: Quoth, tmp_path: Path, bag_of_words_process: list[str]
) -> None:
    """At several sizes, so that it is the store, an index or the first file that finds no room."""
    (tmp_path / "good.txt").write_text(PORT)
    assert quoth("ingest", "good.txt").code == 0
    rows = [json.dumps({"id": f"d{number}", "text": PORT * 3}) for number in range(200)]
    (tmp_path / "more.jsonl").write_text("\n".join(rows))
    for kilobytes in (1, 4, 16, 40, 64, 80, 100, 128, 256, 400, 512):
        limit = kilobytes * 1024

        def full(limit: int = limit) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

        command = [*bag_of_words_process, "ingest", "more.jsonl"]
        ingested = subprocess.run(command, capture_output=True, text=True, preexec_fn=full, check=False)
        assert ingested.returncode == 3, (kilobytes, ingested)
        assert is_one_line(ingested.stderr), (kilobytes, ingested.stderr)
        assert quoth("check").code == 0, kilobytes
    assert quoth("ingest", "more.jsonl").code == 0
    assert quoth("check").out.startswith("201 documents")


@pytest.mark.slow
def test_output_that_cannot_be_written_leaves_no_traceback(
    quoth: Quoth, library: str, bag_of_words_process: list[str]
) -> None:
    command = [*bag_of_words_process, "--library", library, "sources", "--json"]
    with Path("/dev/full").open("w") as full:
        told = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert told.returncode == 3
    assert is_one_line(told.stderr)
    reader, writer = os.pipe()
    os.close(reader)
    told = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (told.returncode, told.stderr) == (0, "")


@pytest.mark.slow
def test_a_latin_terminal_still_gets_urdu(quoth: Quoth, tmp_path: Path, bag_of_words_process: list[str]) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": "a", "text": PORT, "title": "بندرگاہ"}))
    assert quoth("ingest", "a.jsonl").code == 0
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    shown = subprocess.run([*bag_of_words_process, "show", "a"], capture_output=True, env=environment, check=True)
    assert "بندرگاہ" in shown.stdout.decode()
