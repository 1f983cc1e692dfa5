"""What the engine is asked for a chat, and what of the collection stands around its reply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.telegram import lists, render
from bot.telegram.keeping import restored
from bot.telegram.message import Message, View
from bot.telegram.store import Kept
from bot.telegram.strings import Language
from retrieval.datamodel import Answer, Excerpt, Reply
from retrieval.engine import Engine
from retrieval.followup import resolve

__all__ = ["Result", "again", "asked", "excerpts_of", "found", "rendered", "view_of"]


@dataclass(frozen=True, slots=True)
class Result:
    """A reply, how far the collection reaches, and the publishers of the documents that tell the same story."""

    reply: Reply
    documents: int
    newest: str | None
    names: dict[str, str]


def asked(engine: Engine, question: str, history: Sequence[str], top: int) -> Result:
    """The reply to a question."""
    return _around(engine, engine.ask(question, history=history, top=top))


def again(kept: Kept, engine: Engine) -> Result | None:
    """A kept reply again; None where it can no longer be given."""
    reply = restored(kept, engine)
    return None if reply is None else _around(engine, reply)


def _around(engine: Engine, reply: Reply) -> Result:
    others = {other for excerpt in excerpts_of(reply) for other in excerpt.also_in}
    outlets = engine.library.outlets(sorted(others))
    names = {document_id: publisher for document_id, (publisher, _) in outlets.items() if publisher}
    return Result(reply, engine.library.count_documents(), engine.library.newest_publication(), names)


def excerpts_of(reply: Reply) -> tuple[Excerpt, ...]:
    """What a reply shows, whether it answers or is only nearest."""
    return reply.excerpts if isinstance(reply, Answer) else reply.nearest


def view_of(result: Result, language: Language, token: str, history: Sequence[str] = ()) -> View:
    """How a reader sees it who asked the questions of `history` before."""
    question = result.reply.question
    return View(
        language=language,
        token=token,
        total=len(excerpts_of(result.reply)),
        documents=result.documents,
        newest=result.newest,
        leans=resolve(question, history) != question,
        names=result.names,
    )


def rendered(result: Result, view: View) -> Message:
    """The reply as a message."""
    reply = result.reply
    return render.answer(reply, view) if isinstance(reply, Answer) else render.abstention(reply, view)


def found(excerpts: Sequence[Excerpt], first: int, view: View) -> Message:
    """Passages in plain lines, from the `first` on."""
    return lists.search_results(excerpts[first : first + lists.LIST_PAGE], replace(view, first=first))
