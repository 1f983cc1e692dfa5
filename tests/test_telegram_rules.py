"""What the fake Bot API server takes and refuses: texts, keyboards, replies, edits, queries, commands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from telegram import (
    BotCommand,
    BotCommandScopeChat,
    InlineQueryResultArticle,
    InputTextMessageContent,
    MessageEntity,
    ReplyParameters,
)
from telegram_calls import api, bot_does, keyboard, refusal, refused_text, sends
from telegram_rules import units
from telegram_server import Server, telegram


@pytest.fixture
def server() -> Iterator[Server]:
    with telegram() as here:
        yield here


# Text


def test_a_text_of_4096_units_is_taken_and_one_more_is_not(server: Server) -> None:
    """Lengths count after parsing, in UTF-16 units."""
    reader = server.private()
    sends(server, reader, "<b>" + "x" * 4094 + "😀</b>", parse_mode="HTML")
    assert units(reader.messages[0].text) == 4096
    assert refused_text(server, "x" * 4095 + "😀") == "Bad Request: message is too long"
    assert refused_text(server, "<b>x</b>" * 4100, parse_mode="HTML") == "Bad Request: text is too long"


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "message text is empty"), (" \n ", "text must be non-empty"), ("<b></b>", "text must be non-empty")],
)
def test_an_empty_text_is_refused(server: Server, text: str, words: str) -> None:
    server.private()
    assert refused_text(server, text, parse_mode="HTML") == f"Bad Request: {words}"


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("a < b", 'can\'t parse entities: Unsupported start tag "" at byte offset 2'),
        ("<3", "can't parse entities: Unclosed start tag at byte offset 0"),
        ("<p>x</p>", 'can\'t parse entities: Unsupported start tag "p" at byte offset 0'),
        ("<b>x", "can't parse entities: Can't find end tag corresponding to start tag \"b\""),
        ("<b><i>x</b></i>", 'can\'t parse entities: Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
    ],
)
def test_html_that_telegram_cannot_parse_is_refused_in_its_words(server: Server, html: str, words: str) -> None:
    server.private()
    assert refused_text(server, html, parse_mode="HTML") == f"Bad Request: {words}"


def test_all_of_telegrams_tags_are_taken(server: Server) -> None:
    reader = server.private()
    tags = "b strong i em s strike del u ins tg-spoiler code pre blockquote".split()
    html = " ".join(f"<{tag}>{tag}</{tag}>" for tag in tags)
    sends(
        server,
        reader,
        html + ' <span class="tg-spoiler">x</span> <tg-emoji emoji-id="1">👍</tg-emoji>',
        parse_mode="HTML",
    )
    (shown,) = reader.messages
    assert shown.of("bold") == ["b", "strong"]
    assert shown.of("spoiler") == ["tg-spoiler", "x"]
    assert shown.of("blockquote") == ["blockquote"]
    assert shown.text.endswith("👍")


def test_references_are_read_as_telegram_reads_them(server: Server) -> None:
    reader = server.private()
    sends(server, reader, "&lt;&gt;&amp;&quot;&#39; &nbsp; &apos; R&D", parse_mode="HTML")
    assert reader.messages[0].text == "<>&\"' &nbsp; &apos; R&D"


def test_the_101st_entity_is_dropped_in_silence(server: Server) -> None:
    reader = server.private()
    sends(server, reader, " ".join(f"<b>{n}</b>" for n in range(120)), parse_mode="HTML")
    assert reader.messages[0].of("bold") == [str(n) for n in range(100)]


def test_a_link_that_telegram_does_not_like_vanishes_and_its_text_stays(server: Server) -> None:
    reader = server.private()
    bad = ["javascript:alert(1)", "file:///etc/passwd", "http://localhost/x", ""]
    good = ["https://example.org/a#:~:text=first%20words,last", "https://example.org/سرنگ?a=1&amp;b=2"]
    html = " ".join(f'<a href="{url}">{n}</a>' for n, url in enumerate([*bad, *good]))
    sends(server, reader, html, parse_mode="HTML")
    (shown,) = reader.messages
    assert shown.text == "0 1 2 3 4 5"
    links = [(entity.of, entity.url) for entity in shown.entities if entity.type == "text_link"]
    assert links == [("4", good[0]), ("5", "https://example.org/سرنگ?a=1&b=2")]


def test_blank_ends_and_control_characters_go_and_entities_stay_where_they_were(server: Server) -> None:
    """Isolates survive, the older embeddings of direction do not."""
    reader = server.private()
    sends(server, reader, " \n a\r\u202b\t\u2066😀\u2069 <b>end </b>\n", parse_mode="HTML")
    (shown,) = reader.messages
    assert shown.text == "a \u2066😀\u2069 end"
    assert shown.of("bold") == ["end"]


def test_commands_mentions_and_addresses_are_found_in_a_plain_text(server: Server) -> None:
    reader = server.private()
    entities = [MessageEntity(MessageEntity.BOLD, 0, 2), MessageEntity(MessageEntity.TEXT_LINK, 3, 1, url="file://x")]
    sends(server, reader, "😀 x https://dawn.com @someone /help", entities=entities)
    (shown,) = reader.messages
    types = [(entity.type, entity.of) for entity in shown.entities]
    assert types == [("bold", "😀"), ("url", "https://dawn.com"), ("mention", "@someone"), ("bot_command", "/help")]


# Keyboards, replies, edits


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"text": "x", "callback_data": "ت" * 32 + "x"}], "BUTTON_DATA_INVALID"),
        ([{"text": "x", "callback_data": ""}], "BUTTON_DATA_INVALID"),
        ([{"text": "x"}], "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"),
        (
            [{"text": "x", "url": "http://localhost/"}],
            "inline keyboard button URL 'http://localhost/' is invalid: Wrong HTTP URL",
        ),
        ([{"text": "x", "callback_data": "x"}] * 9, "reply markup is too long"),
    ],
)
def test_a_bad_button_is_refused(server: Server, rows: list[dict[str, str]], words: str) -> None:
    server.private()
    answer = api(server, "sendMessage", chat_id=7, text="x", reply_markup={"inline_keyboard": [rows]})
    assert answer.json() == {"ok": False, "error_code": 400, "description": f"Bad Request: {words}"}


def test_a_keyboard_of_100_buttons_of_64_bytes_is_taken_and_one_more_is_not(server: Server) -> None:
    reader = server.private()
    row = {str(n): "ت" * 32 for n in range(5)}
    sends(server, reader, "x", reply_markup=keyboard(*[row] * 20))
    assert [len(row) for row in reader.messages[0].keyboard] == [5] * 20
    assert (
        refused_text(server, "x", reply_markup=keyboard(*[row] * 20, {"x": "x"}))
        == "Bad Request: reply markup is too long"
    )


def test_a_reply_quotes_an_exact_part_of_the_message_or_is_refused(server: Server) -> None:
    reader = server.private()
    asked = reader.says("How long is the 😀 tunnel?" + "x" * 1025)
    quoted = ReplyParameters(asked, quote="<b>the 😀 tunnel</b>", quote_parse_mode="HTML")
    sends(server, reader, "Nine kilometres", reply_parameters=quoted)
    assert [(shown.reply_to, shown.quote) for shown in reader.messages] == [(asked, "the 😀 tunnel")]
    for quote in ("the tunnel", "x" * 1025):
        words = refused_text(server, "x", reply_parameters=ReplyParameters(asked, quote=quote))
        assert words == "Bad Request: QUOTE_TEXT_INVALID"
    missing = ReplyParameters(99)
    assert refused_text(server, "x", reply_parameters=missing) == "Bad Request: message to be replied not found"
    lenient = ReplyParameters(99, allow_sending_without_reply=True)
    assert sends(server, reader, "x", reply_parameters=lenient).reply_to_message is None


def test_an_edit_changes_something_and_without_a_keyboard_removes_it(server: Server) -> None:
    reader = server.private()
    first = sends(server, reader, "<b>x</b>", parse_mode="HTML", reply_markup=keyboard({"More": "m"}))
    where = {"chat_id": 7, "message_id": first.message_id}
    same = {"text": "<b>x</b>", "parse_mode": "HTML", "reply_markup": keyboard({"More": "m"}), **where}
    assert "message is not modified" in refusal(server, lambda bot: bot.edit_message_text(**same))
    bot_does(server, lambda bot: bot.edit_message_text("<b>x</b>", parse_mode="HTML", **where))
    (shown,) = reader.messages
    assert (shown.keyboard, shown.edited, shown.of("bold")) == ((), True, ["x"])
    bot_does(server, lambda bot: bot.edit_message_reply_markup(reply_markup=keyboard({"Back": "b"}), **where))
    assert [[button.callback_data for button in row] for row in reader.messages[0].keyboard] == [["b"]]
    again = refusal(server, lambda bot: bot.edit_message_reply_markup(reply_markup=keyboard({"Back": "b"}), **where))
    assert "message is not modified" in again
    assert refusal(server, lambda bot: bot.edit_message_text("x" * 4097, **where)) == "Bad Request: MESSAGE_TOO_LONG"


def test_only_messages_of_its_own_that_stand_can_be_edited(server: Server) -> None:
    reader = server.private()
    asked = reader.says("x")
    edit = refusal(server, lambda bot: bot.edit_message_text("y", chat_id=7, message_id=asked))
    assert edit == "Bad Request: message can't be edited"
    bot_does(server, lambda bot: bot.delete_message(7, asked))
    edit = refusal(server, lambda bot: bot.edit_message_text("y", chat_id=7, message_id=asked))
    assert edit == "Bad Request: message to edit not found"
    assert refusal(server, lambda bot: bot.delete_message(7, asked)) == "Bad Request: message to delete not found"
    asked = server.group().says("/x")
    assert "message to delete not found" in refusal(server, lambda bot: bot.delete_message(7, asked))


# Queries, commands


def test_a_pressed_button_is_answered_once_and_soon(server: Server) -> None:
    reader = server.private()
    sends(server, reader, "x", reply_markup=keyboard({"More": "m:1"}))
    pressed = reader.presses(reader.messages[0], "More")
    (update,) = bot_does(server, lambda bot: bot.get_updates())
    assert (update.callback_query.data, update.callback_query.message.text) == ("m:1", "x")
    too_long = refusal(server, lambda bot: bot.answer_callback_query(pressed.id, "x" * 201))
    assert too_long == "Bad Request: MESSAGE_TOO_LONG"
    bot_does(server, lambda bot: bot.answer_callback_query(pressed.id, "x" * 200))
    assert len(pressed.wait()["text"]) == 200
    old = "Bad Request: query is too old and response timeout expired or query ID is invalid"
    assert refusal(server, lambda bot: bot.answer_callback_query(pressed.id)) == old
    late = reader.presses(1, "m:1")
    server.callback_seconds = 0.0
    assert refusal(server, lambda bot: bot.answer_callback_query(late.id)) == old
    with pytest.raises(LookupError):
        reader.presses(1, "gone")
    reader.presses(1, "gone", stale=True)
    assert bot_does(server, lambda bot: bot.get_updates(offset=-1))[0].callback_query.data == "gone"


def article(id_: str, text: str = "x", **more: Any) -> InlineQueryResultArticle:
    return InlineQueryResultArticle(id_, "title", InputTextMessageContent(text, parse_mode="HTML"), **more)


def test_an_inline_query_is_answered_with_results_that_telegram_takes(server: Server) -> None:
    reader = server.private()
    asked = server.inline(reader, "tunnel")
    (update,) = bot_does(server, lambda bot: bot.get_updates())
    assert (update.inline_query.id, update.inline_query.query) == (asked.id, "tunnel")
    results = [article(f"{n:064}", f"<b>{n}</b>") for n in range(50)]
    bot_does(server, lambda bot: bot.answer_inline_query(asked.id, results, next_offset="n" * 64))
    assert [result["formatted"].text for result in asked.wait()["results"]] == [str(n) for n in range(50)]
    with pytest.raises(ValueError, match="256"):
        server.inline(reader, "x" * 257)


@pytest.mark.parametrize(
    ("results", "more", "words"),
    [
        ([article(str(n)) for n in range(51)], {}, "RESULTS_TOO_MUCH"),
        ([article("x" * 65)], {}, "RESULT_ID_INVALID"),
        ([article("")], {}, "RESULT_ID_INVALID"),
        ([article("x"), article("x")], {}, "RESULT_ID_DUPLICATE"),
        ([article("x")], {"next_offset": "ت" * 33}, "NEXT_OFFSET_INVALID"),
        (
            [article("x", "<3")],
            {},
            "can't parse inline query result: Can't parse entities: Unclosed start tag at byte offset 0",
        ),
        ([article("x", "x" * 4097)], {}, "MESSAGE_TOO_LONG"),
        ([article("x", reply_markup=keyboard({"x": "x" * 65}))], {}, "BUTTON_DATA_INVALID"),
    ],
)
def test_bad_inline_results_are_refused(
    server: Server, results: list[InlineQueryResultArticle], more: dict[str, str], words: str
) -> None:
    asked = server.inline(server.private(), "tunnel")
    answer = {"inline_query_id": asked.id, "results": [result.to_dict() for result in results], **more}
    assert api(server, "answerInlineQuery", **answer).json()["description"] == f"Bad Request: {words}"
    assert asked.answer is None


def test_commands_are_kept_by_scope_and_language(server: Server) -> None:
    plain, urdu = [BotCommand("help", "What this is")], [BotCommand("help", "یہ کیا ہے")]
    here = BotCommandScopeChat(7)
    bot_does(
        server,
        lambda bot: bot.set_my_commands(plain),
        lambda bot: bot.set_my_commands(urdu, scope=here, language_code="ur"),
    )
    assert bot_does(server, lambda bot: bot.get_my_commands(scope=here, language_code="ur")) == tuple(urdu)
    assert bot_does(server, lambda bot: bot.get_my_commands(language_code="ur")) == ()
    assert set(server.commands) == {("default", ""), ("chat:7", "ur")}
    bot_does(server, lambda bot: bot.delete_my_commands(scope=here, language_code="ur"))
    assert list(server.commands) == [("default", "")]


@pytest.mark.parametrize(
    ("command", "more", "words"),
    [
        (("Help", "x"), {}, "BOT_COMMAND_INVALID"),
        (("h" * 33, "x"), {}, "command length must not exceed 32"),
        (("help", ""), {}, "command description must be non-empty"),
        (("help", "x" * 257), {}, "command description length must not exceed 256"),
        (("help", "x"), {"language_code": "urd"}, "invalid language code specified"),
        (("help", "x"), {"scope": {"type": "moon"}}, "can't parse BotCommandScope: Unsupported type specified"),
    ],
)
def test_bad_commands_are_refused(server: Server, command: tuple[str, str], more: dict[str, Any], words: str) -> None:
    commands = [dict(zip(("command", "description"), command, strict=True))]
    answer = api(server, "setMyCommands", commands=commands, **more)
    assert answer.json()["description"] == f"Bad Request: {words}"


def test_the_bot_says_of_itself_what_it_set(server: Server) -> None:
    bot_does(
        server,
        lambda bot: bot.set_my_description("Answers by quotes"),
        lambda bot: bot.set_my_short_description("اقتباس", language_code="ur"),
        lambda bot: bot.set_my_name("Quoth"),
    )
    assert bot_does(server, lambda bot: bot.get_my_description(language_code="ur")).description == "Answers by quotes"
    assert bot_does(server, lambda bot: bot.get_my_short_description()).short_description == ""
    assert bot_does(server, lambda bot: bot.get_my_name()).name == "Quoth"
    assert "is too long" in refusal(server, lambda bot: bot.set_my_description("x" * 513))
    assert bot_does(server, lambda bot: bot.get_me()).username == "quoth_bot"
