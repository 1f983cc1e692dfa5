"""The command line: the only place that prints. Results on stdout, notices and progress on stderr.

Exit 0 when all went well, an abstention included; 2 wrong usage; 3 bad input; 4 a damaged library.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.arguments import Options, make_parser, one_line
from retrieval.errors import BadQuestion, InputError, QuothError, RefusedSource

if TYPE_CHECKING:  # nothing of the engine is loaded for --help
    from bot.terminal import Reach, Style
    from retrieval.encode import Encoder
    from retrieval.engine import Engine
    from retrieval.ingest import Report
    from retrieval.reader import Reader
    from retrieval.settings import Settings

__all__ = ["main", "make_encoder", "make_reader"]

SEEDS = "seeds"
MAKERS = {"ingest", "ask", "chat"}  # the commands that make a library where there is none


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the process's exit code."""
    _open_closed_streams()
    for stream, errors in ((sys.stdin, "replace"), (sys.stdout, "backslashreplace"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):  # Urdu under a Latin locale, a file's name that is no text
            stream.reconfigure(encoding="utf-8", errors=errors)
    options = make_parser(_COMMANDS).parse_args(arguments)
    options.engine = None
    try:
        code = int(options.run(options))
        _say("", end="", flush=True)
    except QuothError as error:
        _notice(f"quoth: {one_line(str(error))}")
        return error.exit_code
    except KeyboardInterrupt:
        _notice("quoth: stopped; what was committed is kept")
        return 130
    except BrokenPipeError:  # whoever read our output has seen enough
        _give_up_stdout()
        return 0
    except OSError as error:
        _notice(f"quoth: a file cannot be used ({one_line(str(error))}): check the disk, or name another place")
        return InputError.exit_code
    finally:
        if options.engine is not None:
            options.engine.close()
    return code


# Commands


def _ingest(options: Options) -> int:
    from bot.progress import progress

    if not (options.source or options.feed or options.watch):
        _notice("quoth ingest: expected a file, folder or URL, found none; run `quoth ingest --help` for the usage")
        return 2
    engine = _engine(options)
    if options.source or options.feed:
        with progress("ingesting") as told:
            report = engine.ingest(options.source, feeds=options.feed, progress=told)
        _say(_summary(report))
        if not options.watch:
            return InputError.exit_code if report.refused else 0
    from bot.watch import watch

    _notice(f"watching {', '.join(map(one_line, options.watch))}; Ctrl-C ends it")
    watch(engine, options.watch, minutes=options.every, tell=lambda report: _say(_summary(report), flush=True))
    return 0


def _ask(options: Options) -> int:
    if options.batch is not None:
        return _ask_batch(options)
    if options.question is None:
        _notice('quoth: expected a question, or --batch FILE.jsonl: quoth ask "How long is CPEC?"')
        return 2
    from bot.records import reply_record

    engine = _engine(options)
    engine.check(options.question, options.history)
    _begin_with_seeds(engine, options)
    engine.warm_up()
    begun = time.perf_counter()
    reply = engine.ask(options.question, history=options.history, top=options.top)
    elapsed_ms = 1000 * (time.perf_counter() - begun)
    if options.json:
        _say(json.dumps(reply_record(reply, identifier=None, elapsed_ms=elapsed_ms), ensure_ascii=False))
    else:
        _say(_text(engine, reply))
    return 0


def _ask_batch(options: Options) -> int:
    if options.question is not None or options.history or not options.json:
        _notice("quoth: expected --batch FILE.jsonl with --json and without a question: each line has its own")
        return 2
    from bot.records import reply_record

    engine = _engine(options)
    _begin_with_seeds(engine, options)
    failed = False
    for identifier, question, history in _questions(options.batch):
        begun = time.perf_counter()
        try:
            if isinstance(question, BadQuestion):
                raise question
            reply = engine.ask(question, history=history, top=options.top)
        except BadQuestion as error:  # a disk or a model that fails is no line's fault: it ends the run
            failed = True
            record: dict[str, Any] = {"id": identifier, "error": one_line(str(error))}
        else:
            elapsed_ms = 1000 * (time.perf_counter() - begun)
            record = reply_record(reply, identifier=identifier, elapsed_ms=elapsed_ms)
        _say(json.dumps(record, ensure_ascii=False), flush=True)
    return InputError.exit_code if failed else 0


def _questions(path: str) -> Iterator[tuple[Any, str | BadQuestion, list[str]]]:
    """The id, question and history of each line of the file; a bad line's error stands in the question's place."""
    try:
        with Path(path).open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _question(number, line)
    except OSError as error:
        raise RefusedSource(path, f"expected a file of questions, found: {error.strerror}; check the path") from error


def _question(number: int, line: bytes) -> tuple[Any, str | BadQuestion, list[str]]:
    identifier = None
    try:
        row = json.loads(line.decode("utf-8-sig"))
        if not isinstance(row, dict):
            raise TypeError("no object")
        identifier = row.get("id")
        question, history = row["question"], row.get("history") or []
        if not isinstance(question, str) or not isinstance(history, list):
            raise TypeError("a question that is no string, or a history that is no list")
        if not all(isinstance(earlier, str) for earlier in history):
            raise TypeError("a history with other things than strings")
    except (ValueError, TypeError, KeyError, RecursionError):
        shape = '{"id": …, "question": "…", "history": ["…"]}'
        return identifier, BadQuestion(f"line {number}: expected {shape}, found something else; correct the line"), []
    return identifier, question, history


def _chat(options: Options) -> int:
    engine = _engine(options)
    _begin_with_seeds(engine, options)
    engine.warm_up()
    _notice("Ask in English, Urdu or Chinese. An empty line, or Ctrl-D, ends the conversation.")
    history: list[str] = []
    while True:
        print("\n> " if sys.stdin.isatty() else "", end="", file=sys.stderr, flush=True)
        question = sys.stdin.readline().strip()
        if not question:
            return 0
        try:
            reply = engine.ask(question, history=history)
        except BadQuestion as error:
            _notice(f"quoth: {one_line(str(error))}")
            continue
        _say(_text(engine, reply), end="\n\n", flush=True)
        history.append(question)


def _verify(options: Options) -> int:
    engine = _engine(options)
    begun = time.perf_counter()
    verdict = engine.verify(options.quote)
    elapsed_ms = 1000 * (time.perf_counter() - begun)
    if options.json:
        from bot.records import verdict_record

        _say(json.dumps(verdict_record(verdict, elapsed_ms=elapsed_ms), ensure_ascii=False))
    else:
        from bot.terminal import verdict_text

        _say(verdict_text(verdict, *_reach_and_style(engine)))
    return 0


def _sources(options: Options) -> int:
    engine = _engine(options)
    if options.json:
        from bot.records import document_record

        _say(json.dumps([document_record(document) for document in engine.documents()], ensure_ascii=False))
        return 0
    from bot.terminal import sources_text

    for document in engine.documents():
        _say(sources_text(document, engine.also_in(document)))
    count = engine.library.count_documents()
    _notice(f"{count} document{'' if count == 1 else 's'}")
    return 0


def _show(options: Options) -> int:
    from bot.terminal import printable, printable_line

    document = _engine(options).document(options.document)
    if options.json:
        from bot.records import shown_record

        _say(json.dumps(shown_record(document), ensure_ascii=False))
        return 0
    text = document.snapshot.text
    _say(printable_line(document.title or "") or "untitled")
    for span in document.body:
        _say(f"\n{printable(span.of(text))}")
    return 0


def _remove(options: Options) -> int:
    _engine(options).remove(options.document)
    _notice(f"removed {one_line(options.document)}")
    return 0


def _prune(options: Options) -> int:
    dropped = _engine(options).prune(options.before)
    _notice(f"dropped {dropped} replaced snapshot{'' if dropped == 1 else 's'}")
    return 0


def _check(options: Options) -> int:
    from bot.terminal import printable_line

    engine = _engine(options)
    faults = 0
    for fault in engine.faults():
        faults += 1
        _say(printable_line(fault))
    if faults:
        _notice(f"quoth: {faults} fault{'' if faults == 1 else 's'}: restore a backup, or ingest the sources anew")
        return 4
    _say(f"{engine.library.count_documents()} documents, {engine.library.count_passages()} passages: all is well")
    return 0


def _backup(options: Options) -> int:
    from retrieval.backup import backup

    library = _engine(options).library
    backup(library, Path(options.file))
    _notice(f"{library.count_documents()} documents are in {one_line(options.file)}")
    return 0


def _restore(options: Options) -> int:
    from contextlib import closing

    from bot.settings import read_settings
    from retrieval.backup import restore

    folder = read_settings(options.library).library
    with closing(restore(Path(options.file), folder)) as library:
        documents = library.count_documents()
    _notice(f"{documents} documents are in {one_line(str(folder))}; its indexes come with the next use")
    return 0


def _telegram(options: Options) -> int:
    import logging

    from bot.telegram.settings import read_environment_file, read_telegram_settings

    read_environment_file()
    settings = read_telegram_settings()
    level = (os.environ.get("QUOTH_LOG_LEVEL") or "WARNING").upper()
    if level not in logging.getLevelNamesMapping():
        raise InputError(
            f"QUOTH_LOG_LEVEL: expected DEBUG, INFO, WARNING or ERROR, found {level}; correct it, or unset it"
        )
    logging.basicConfig(
        level=level,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    from bot.telegram.app import run

    engine = _engine(options)
    run(
        settings,
        engine.another,
        engine.library.folder,
        webhook=options.webhook,
        figures=os.environ.get("QUOTH_METRICS_LISTEN"),
    )
    return 0


def _reindex(options: Options) -> int:
    from bot.progress import progress

    engine = _engine(options, model=options.model)
    with progress("reindexing") as told:
        report = engine.reindex(progress=told)
    _say(f"reindexed {report.replaced} documents, {report.passages} passages, with {engine.encoder.identity}")
    return InputError.exit_code if report.refused else 0


_LOOKING_AFTER = (_sources, _show, _remove, _prune, _check, _backup, _restore, _reindex)
_RUNS = (_ingest, _ask, _chat, _verify, _telegram, *_LOOKING_AFTER)
_COMMANDS = {run.__name__.removeprefix("_"): run for run in _RUNS}  # `quoth ask` is run by `_ask`


# What the commands share


def _engine(options: Options, *, model: str | None = None) -> Engine:
    """The engine of the library that `options` name; only the commands in `MAKERS` make one where there is none."""
    from dataclasses import replace

    from bot.settings import read_settings
    from retrieval.engine import Engine
    from retrieval.library import Library, storing

    chosen = read_settings(options.library)
    settings = chosen.engine if model is None else replace(chosen.engine, model=model)
    with storing(chosen.library):
        is_there = options.command in MAKERS or chosen.library.is_file() or Library.is_in(chosen.library)
    if not is_there:
        raise InputError(
            f"expected a library in {chosen.library}, found none: name its folder by --library, "
            "or make it by `quoth ingest SOURCE`"
        )
    options.is_default_library = chosen.is_default_library
    reader = (lambda: make_reader(settings)) if settings.reader else None
    engine = Engine(chosen.library, settings, lambda: make_encoder(settings), reader)
    options.engine = engine  # for `main` to close
    return engine


def make_encoder(settings: Settings) -> Encoder:
    """The model of the settings, prepared where it is not yet, and loaded when something is to be encoded."""
    from retrieval.encode import OnnxEncoder
    from retrieval.models import cache_folder, prepare
    from retrieval.remembering import RememberingEncoder

    model = prepare(settings.model, notice=_notice)
    if not settings.remembered_megabytes:
        return OnnxEncoder(model, threads=settings.threads)
    return RememberingEncoder(
        model.identity,
        lambda: OnnxEncoder(model, threads=settings.threads),
        cache_folder(),
        megabytes=settings.remembered_megabytes,
    )


def make_reader(settings: Settings) -> Reader:
    """The reader that comes with Quoth, with the default model's tokenizer, whichever model encodes."""
    from retrieval.models import prepare, unigram_alone
    from retrieval.reader import OnnxReader

    unigram = prepare(settings.model, notice=_notice).unigram
    return OnnxReader(unigram if unigram.exists() else unigram_alone(notice=_notice), threads=settings.threads)


def _begin_with_seeds(engine: Engine, options: Options) -> None:
    """A newcomer's first question finds something: the seeds, once, and only in a default library never written."""
    if not options.is_default_library or engine.library.generation:
        return
    seeds = SEEDS if Path(SEEDS).is_dir() else str(Path(__file__).resolve().parent.parent / SEEDS)
    if not Path(seeds).is_dir():
        return
    from bot.progress import progress

    _notice(f"the library is new: reading {seeds} into {engine.library.folder} first")
    with progress("ingesting") as told:
        report = engine.ingest([seeds], progress=told)
    _notice(_summary(report))


def _text(engine: Engine, reply: Any) -> str:
    from bot.terminal import reply_text

    return reply_text(reply, *_reach_and_style(engine))


def _reach_and_style(engine: Engine) -> tuple[Reach, Style]:
    from bot.terminal import Reach, Style

    width = min(shutil.get_terminal_size((100, 24)).columns, 100)
    reach = Reach(engine.library.count_documents(), engine.library.newest_publication())
    return reach, Style(width=width, bold=sys.stdout.isatty())


def _summary(report: Report) -> str:
    counts = f"added {report.added}, unchanged {report.unchanged}, replaced {report.replaced}"
    refused = [f"refused {one_line(str(error))}" for error in report.refused]
    return "\n".join([f"{counts}, refused {len(refused)}", *refused])


def _notice(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _say(text: str, *, end: str = "\n", flush: bool = False) -> None:
    """Print a result; `InputError` where the output takes no more."""
    try:
        print(text, end=end, flush=flush)
    except BrokenPipeError:
        raise
    except OSError as error:
        _give_up_stdout()
        reason = f"the output cannot be written ({error.strerror or error})"
        raise InputError(f"{reason}: make room, or name another place") from error


def _open_closed_streams() -> None:
    """Python has None for a stream that was closed before it began (`quoth sources >&-`): the null device instead."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - no path; stays open


def _give_up_stdout() -> None:
    """Let the interpreter flush into nothing when it ends, instead of failing again."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        with open(os.devnull, "wb") as nothing:  # noqa: PTH123 - the null device is no path
            os.dup2(nothing.fileno(), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
