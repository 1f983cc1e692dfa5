"""The fake Bot API server: python-telegram-bot, unmodified, is taken where Telegram takes it, and refused where not."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from telegram import Bot, ReplyParameters
from telegram.error import ChatMigrated, Forbidden, InvalidToken, NetworkError, RetryAfter
from telegram_calls import CLIENT, api, bot_does, refusal, said, sends
from telegram_server import CUT, Limits, Server, telegram

pytestmark = pytest.mark.filterwarnings("ignore:Deprecated since version v22.2")  # RetryAfter tells of its future

WRONG = "1:another"


@pytest.fixture
def server() -> Iterator[Server]:
    with telegram() as here:
        yield here


def test_a_message_too_soon_is_refused_with_429_and_edits_count(server: Server) -> None:
    reader, other = server.private(7), server.private(8)
    server.limits = Limits(chat=(1, 600.0))
    first = sends(server, reader, "x")
    sends(server, other, "x")
    with pytest.raises(RetryAfter):
        bot_does(server, lambda bot: bot.edit_message_text("y", chat_id=7, message_id=first.message_id))
    after = server.faults[-1].answer["parameters"]["retry_after"]
    assert 500 < after <= 600
    assert server.faults[-1].description == f"Too Many Requests: retry after {after}"
    server.sent = [(at - 600, chat) for at, chat in server.sent]  # ten minutes go by
    bot_does(server, lambda bot: bot.edit_message_text("y", chat_id=7, message_id=first.message_id))


def test_groups_and_the_whole_bot_have_limits_of_their_own(server: Server) -> None:
    group, reader = server.group(), server.private()
    server.limits = Limits(chat=(9, 0.1), group=(2, 600.0), everything=(4, 600.0))
    answers = [api(server, "sendMessage", chat_id=group.id, text=str(n)) for n in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 500 < answers[2].json()["parameters"]["retry_after"] <= 600
    answers = [api(server, "sendMessage", chat_id=reader.id, text=str(n)) for n in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]


def test_who_has_blocked_the_bot_gets_nothing(server: Server) -> None:
    reader, group, shy = server.private(), server.group(), server.private(8, started=False)
    server.blocks(reader)
    server.blocks(group)
    for chat, words in (
        (reader, "bot was blocked by the user"),
        (group, "bot was kicked from the group chat"),
        (shy, "bot can't initiate conversation with a user"),
    ):
        with pytest.raises(Forbidden, match=words):
            sends(server, chat, "x")
    (update, _) = bot_does(server, lambda bot: bot.get_updates())
    assert update.my_chat_member.new_chat_member.status == "kicked"
    server.unblocks(reader)
    shy.starts("from_a-link")
    sends(server, shy, "x")
    with pytest.raises(ValueError, match="payload"):
        shy.starts("a=b")
    assert refusal(server, lambda bot: bot.send_message(99, "x")) == "Bad Request: chat not found"


def test_a_group_that_has_become_a_supergroup_tells_its_new_id(server: Server) -> None:
    group = server.group()
    above = server.migrates(group)
    with pytest.raises(ChatMigrated) as caught:
        sends(server, group, "x")
    assert caught.value.new_chat_id == above.id
    sends(server, above, "x")
    left, came = bot_does(server, lambda bot: bot.get_updates())
    assert (left.message.migrate_to_chat_id, came.message.migrate_from_chat_id) == (above.id, group.id)


def test_in_a_group_only_commands_mentions_and_replies_arrive(server: Server) -> None:
    group, ali = server.group(), server.private(9, first_name="Ali")
    sends(server, group, "an answer")
    group.says("hello quoth_bot", by=ali)
    group.says("mail me@quoth_bot.org", by=ali)
    group.says("/ask@other_bot how long?")
    group.says("/ask how long?", by=ali)
    group.says("😀 @Quoth_bot how long?")
    group.says("and how wide?", reply_to=group.messages[0], quote="answer")
    updates = bot_does(server, lambda bot: bot.get_updates())
    assert said(updates) == ["/ask how long?", "😀 @Quoth_bot how long?", "and how wide?"]
    assert updates[0].effective_user.first_name == "Ali"
    assert updates[1].message.parse_entities() == {updates[1].message.entities[0]: "@Quoth_bot"}
    assert (updates[2].message.quote.text, updates[2].message.quote.position) == ("answer", 3)
    server.group(privacy=False).says("anything")
    assert said(bot_does(server, lambda bot: bot.get_updates(offset=-1))) == ["anything"]


def test_an_answer_goes_to_a_topic_that_exists(server: Server) -> None:
    forum = server.group(topics=True)
    topic = forum.topic("Tunnels")
    asked = forum.says("/ask how long?", thread=topic)
    (update,) = bot_does(server, lambda bot: bot.get_updates())
    assert (update.message.message_thread_id, update.message.is_topic_message) == (topic, True)
    sends(server, forum, "x", message_thread_id=topic)
    sends(server, forum, "y", reply_parameters=ReplyParameters(asked))
    assert [shown.thread_id for shown in forum.messages] == [topic, topic]
    missing = refusal(server, lambda bot: bot.send_message(forum.id, "x", message_thread_id=99))
    assert missing == "Bad Request: message thread not found"


def test_a_chain_of_replies_is_a_thread_but_no_topic(server: Server) -> None:
    """A bot that answers with whatever thread id it saw is refused."""
    group = server.group(supergroup=True)
    asked = group.says("/ask how long?")
    group.says("/ask again", reply_to=asked)
    update = bot_does(server, lambda bot: bot.get_updates())[1]
    assert (update.message.message_thread_id, update.message.is_topic_message) == (asked, None)
    words = refusal(server, lambda bot: bot.send_message(group.id, "x", message_thread_id=asked))
    assert words == "Bad Request: message thread not found"


def test_files_come_and_go_up_to_their_limits(server: Server) -> None:
    reader = server.private()
    reader.sends_document("سوال.pdf", b"%PDF-1.7", caption="/add")
    reader.sends_document("big.pdf", b"%PDF", size=20 * 2**20 + 1)
    small, big = bot_does(server, lambda bot: bot.get_updates())
    assert (small.message.document.file_name, small.message.caption_entities[0].type) == ("سوال.pdf", "bot_command")

    async def download(bot: Bot) -> bytes:
        return bytes(await (await bot.get_file(small.message.document.file_id)).download_as_bytearray())

    assert bot_does(server, download) == b"%PDF-1.7"
    assert refusal(server, lambda bot: bot.get_file(big.message.document.file_id)) == "Bad Request: file is too big"
    assert "wrong file_id" in refusal(server, lambda bot: bot.get_file("gone"))
    assert CLIENT.get(f"{server.file_base}1:wrong/documents/document-1").status_code == 404
    more: Any = {"filename": "x.bib", "caption": "<b>x</b>", "parse_mode": "HTML"}
    bot_does(server, lambda bot: bot.send_document(7, b"@article{x}", **more))
    assert [(shown.file, shown.of("bold")) for shown in reader.messages] == [(("x.bib", b"@article{x}"), ["x"])]
    too_long = refusal(server, lambda bot: bot.send_document(7, b"x", caption="x" * 1025))
    assert too_long == "Bad Request: message caption is too long"
    assert refusal(server, lambda bot: bot.send_document(7, b"")) == "Bad Request: file must be non-empty"


def test_what_is_no_text_arrives_as_what_it_is(server: Server) -> None:
    reader = server.private()
    kinds = ["sticker", "photo", "voice", "audio", "video", "location"]
    for kind in kinds:
        reader.sends(kind)
    updates = bot_does(server, lambda bot: bot.get_updates())
    assert [next(kind for kind in kinds if getattr(update.message, kind)) for update in updates] == kinds
    assert said(updates) == [None] * 6


def test_chat_actions_members_and_chats_are_as_telegrams(server: Server) -> None:
    reader, group = server.private(username="sara_k"), server.group("Tunnels")
    bot_does(server, lambda bot: bot.send_chat_action(7, "typing"))
    assert "wrong parameter action" in refusal(server, lambda bot: bot.send_chat_action(7, "dancing"))
    assert bot_does(server, lambda bot: bot.get_chat(7)).username == reader.user["username"]
    assert bot_does(server, lambda bot: bot.get_chat_administrators(group.id)) == ()
    assert bot_does(server, lambda bot: bot.get_chat_member(group.id, group.user["id"])).status == "member"
    assert [call.arguments["action"] for call in server.called("sendChatAction")] == ["typing", "dancing"]


def test_injected_failures_come_so_often_and_are_no_faults(server: Server) -> None:
    reader = server.private()
    server.fail("sendMessage", 429, retry_after=3)
    server.fail("sendMessage", 502)
    server.fail("sendMessage", CUT)
    for error in (RetryAfter, NetworkError, NetworkError):
        with pytest.raises(error):
            sends(server, reader, "x")
    assert reader.messages == []
    server.fail("*", CUT, done=True)
    with pytest.raises(NetworkError):
        sends(server, reader, "done, but nobody knows")
    assert len(reader.wait(1)) == 1
    server.fail("sendMessage", 200, seconds=0.1)
    started = time.monotonic()
    sends(server, reader, "late")
    assert time.monotonic() - started >= 0.1
    assert server.faults == []
    with pytest.raises(AssertionError, match="not so after"):
        reader.wait(3, seconds=0.05)


def test_a_server_that_goes_away_in_the_middle_of_a_poll_does_so_at_once(server: Server) -> None:
    """So a test ends quickly while its bot still runs."""
    with telegram() as other:
        where = f"{other.api_base}{other.token}/getUpdates?timeout=50"

        def polls() -> None:
            with pytest.raises(httpx.RemoteProtocolError):
                CLIENT.get(where, timeout=60)

        thread = threading.Thread(target=polls, daemon=True)
        thread.start()
        other.until(lambda: other._poller is not None)
    thread.join(5)
    assert not thread.is_alive()


def test_an_unknown_method_and_a_wrong_token_are_faults(server: Server) -> None:
    server.private()
    with pytest.raises(InvalidToken):
        bot_does(server, lambda bot: bot.send_dice(7))
    with pytest.raises(InvalidToken):
        bot_does(server, lambda bot: bot.get_me(), token=WRONG)
    assert CLIENT.get(f"{server.api_base}nonsense/getMe").json()["description"] == "Not Found"
    assert CLIENT.get(f"http://127.0.0.1:{server.port}/").status_code == 404
    assert [(fault.method, fault.status, fault.description) for fault in server.faults[:3]] == [
        ("sendDice", 404, "Not Found: method not found"),
        ("getMe", 401, "Unauthorized"),
        ("getMe", 404, "Not Found"),
    ]


def test_methods_are_taken_by_get_by_form_and_by_json(server: Server) -> None:
    reader = server.private()
    where = f"{server.api_base}{server.token}/SENDMESSAGE"
    markup = json.dumps({"inline_keyboard": [[{"text": "x", "callback_data": "x"}]]})
    CLIENT.get(where, params={"chat_id": 7, "text": " a"})
    CLIENT.post(where, data={"chat_id": 7, "text": "b", "reply_markup": markup})
    CLIENT.post(where, json={"chat_id": 7, "text": "{c}", "reply_markup": markup})
    assert [(shown.text, len(shown.keyboard)) for shown in reader.messages] == [("a", 0), ("b", 1), ("{c}", 1)]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = CLIENT.post(where, content=b"chat_id=7&text=%ff", headers=form)
    assert answer.json()["description"] == "Bad Request: strings must be encoded in UTF-8"
