"""The commands and their arguments, as they are typed and as `--help` tells them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from typing import NoReturn, TypeAlias

__all__ = ["Options", "make_parser", "one_line"]

Options: TypeAlias = argparse.Namespace


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, as all of ours are."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {one_line(message)}; run `{self.prog} --help` for the usage\n")


def make_parser(run_of: Mapping[str, Callable[[Options], int]]) -> argparse.ArgumentParser:
    """The parser of the command line: what it parses says in `run` what runs the command, as `run_of` names it."""
    parser = _Parser(prog="quoth", description="Answers from your documents, in your documents' own words.")
    parser.add_argument("--library", metavar="DIR", help="the library's folder (else $QUOTH_LIBRARY, else ./library)")
    shared = _Parser(add_help=False)
    shared.add_argument("--library", metavar="DIR", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, summary: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:], parents=[shared])
        added.set_defaults(run=run_of[name], command=name)
        return added

    ingest = command("ingest", "read files, folders and web pages into the library")
    ingest.add_argument("source", nargs="*", metavar="SOURCE", help="a file, a folder of files, or a URL")
    ingest.add_argument("--feed", action="append", default=[], metavar="URL", help="what is new in a feed or sitemap")
    ingest.add_argument(
        "--watch", action="append", default=[], metavar="FOLDER|FEED", help="go on with what comes, until Ctrl-C"
    )
    ingest.add_argument("--every", type=_minutes, default=10, metavar="MINUTES", help="how often feeds are read (10)")
    ingest.epilog = (
        "Formats: text, Markdown, JSON lines, saved pages (.html, .htm, .html.gz, .mhtml), PDF, Word (.docx)"
    )

    ask = command("ask", "answer one question, or abstain")
    ask.epilog = 'Words in the question that narrow it: since:2023  until:2024-06  from:"Express Tribune"'
    ask.add_argument("question", nargs="?", metavar="QUESTION")
    ask.add_argument("--history", action="append", default=[], metavar="Q", help="an earlier question, oldest first")
    ask.add_argument("--top", type=_count, default=3, metavar="N", help="how many passages at most (3)")
    ask.add_argument("--batch", metavar="FILE.jsonl", help="a question a line; a reply a line, with --json")
    ask.add_argument("--json", action="store_true", help="one JSON object a reply")

    command("chat", "a conversation, with follow-ups")

    verify = command("verify", "tell whether a quote is real, and where it stands")
    verify.add_argument("quote", metavar="QUOTE", help="a sentence or more, of at most 2,000 characters")
    verify.add_argument("--json", action="store_true", help="one JSON object")

    sources = command("sources", "list the documents")
    sources.add_argument("--json", action="store_true", help="a JSON list of document objects")
    show = command("show", "print a document's text")
    show.add_argument("document", metavar="DOCUMENT", help="an id, as `quoth sources` lists them")
    show.add_argument("--json", action="store_true", help="a JSON object with the whole snapshot")
    remove = command("remove", "remove a document and its snapshot")
    remove.add_argument("document", metavar="DOCUMENT", help="an id, as `quoth sources` lists them")
    prune = command("prune", "drop the snapshots that were replaced before a date")
    prune.add_argument("--before", required=True, type=_date, metavar="DATE", help="ISO 8601, such as 2026-01-31")
    telegram = command("telegram", "run the Telegram bot (its token in QUOTH_TELEGRAM_TOKEN)")
    telegram.add_argument("--webhook", action="store_true", help="be called by Telegram instead of asking it")
    command("check", "look for damage: re-hash every snapshot, compare the indexes with the store")
    backup = command("backup", "write the whole library to one file, while others use it")
    backup.add_argument("file", metavar="FILE", help="what stands there gives way once the backup is whole")
    restore = command("restore", "make a library of a backup, where there is none")
    restore.add_argument("file", metavar="FILE", help="as `quoth backup` wrote it")
    reindex = command("reindex", "make passages, embeddings and indexes anew")
    reindex.add_argument("--model", metavar="NAME", help="a sentence-transformers folder or hub name")
    return parser


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 50:
        raise argparse.ArgumentTypeError(f"expected a number from 1 to 50, found {text!r}")
    return int(text)


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0
    if not 0.1 <= minutes <= 1440:
        raise argparse.ArgumentTypeError(f"expected minutes from 0.1 to 1440, found {text!r}")
    return minutes


def _date(text: str) -> str:
    from datetime import date

    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected a date such as 2026-01-31, found {text!r}") from error


def one_line(text: str) -> str:
    """A message that a file's name or content cannot break into several lines, nor use to command the terminal."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+", " ", text)
