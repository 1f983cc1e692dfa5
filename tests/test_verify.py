"""Is this quote real: exact, altered with that difference, spliced from those places, or absent."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from conftest import PORT, RAIN, SCHOOL, BagOfWords, Quoth, is_one_line, lines
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from retrieval.datamodel import Document
from retrieval.engine import Engine
from retrieval.errors import BadQuestion
from retrieval.sentences import split
from retrieval.settings import Settings
from retrieval.verify import LONGEST_QUOTE, Verdict

URDU = "وزیر اعظم نے کہا کہ گوادر بندرگاہ پر ۱۲ جہاز ایک ساتھ آ سکتے ہیں۔ کام مئی میں مکمل ہوا۔"
CHINESE = "中巴经济走廊是“一带一路”的重要项目，总投资约四百六十亿美元。瓜达尔港于2016年正式开航。"


@pytest.fixture
def filled(engine: Engine, source: Path) -> Engine:
    engine.ingest([str(source), str(lines(source.with_name("others.jsonl"), urdu=URDU, chinese=CHINESE))])
    return engine


def places(verdict: Verdict) -> list[tuple[str, str]]:
    return [(place.excerpt.document.id, place.excerpt.text) for place in verdict.places]


def told(verdict: Verdict, place: int = 0) -> list[tuple[str, str, str]]:
    """Kind, words of the quote and words of the source of each difference."""
    return [
        (
            one.kind,
            verdict.quote[slice(*one.quote)],
            verdict.places[one.place].excerpt.document.snapshot.text[slice(*one.source)],
        )
        for one in verdict.differences
        if one.place == place
    ]


# Exact


def test_a_sentence_of_a_document_is_exact_where_it_stands(filled: Engine) -> None:
    verdict = filled.verify("It can handle twelve ships at once.")
    assert (verdict.kind, verdict.typography, verdict.differences) == ("exact", False, ())
    assert places(verdict) == [("port", "It can handle twelve ships at once.")]


@pytest.mark.parametrize("marks", ['""', "“”", "''", "«»", "「」", "”“"])
def test_quotation_marks_around_the_quote_are_not_of_it(filled: Engine, marks: str) -> None:
    verdict = filled.verify(f" {marks[0]}twelve ships at once{marks[1]} ")
    assert (verdict.kind, verdict.quote, verdict.typography) == ("exact", "twelve ships at once", False)


@pytest.mark.parametrize("text", [URDU, CHINESE])
def test_urdu_and_chinese_stand_exactly_too(filled: Engine, text: str) -> None:
    for sentence in split(text):
        verdict = filled.verify(sentence.of(text))
        assert (verdict.kind, verdict.typography) == ("exact", False)
        assert places(verdict)[0][1] == sentence.of(text)


@pytest.mark.parametrize(
    ("quote", "stands"),
    [
        ("THE POLICE SAID", "the police said"),
        ("Nobody was  hurt,\nthe police said", "Nobody was hurt, the police said"),
        ("中巴经济走廊是「一带一路」的重要项目,总投资", "中巴经济走廊是“一带一路”的重要项目，总投资"),
        ("پر 12 جهاز ايك ساتھ", "پر ۱۲ جہاز ایک ساتھ"),
        ("瓜达尔港于２０１６年", "瓜达尔港于2016年"),
    ],
)
def test_what_only_the_setting_changes_is_exact_but_for_typography(filled: Engine, quote: str, stands: str) -> None:
    verdict = filled.verify(quote)
    assert (verdict.kind, verdict.typography, verdict.differences) == ("exact", True, ())
    assert places(verdict)[0][1] == stands


def test_dashes_apostrophes_and_words_broken_at_a_line_end_are_typography(engine: Engine, tmp_path: Path) -> None:
    text = "The long-term plan – it’s “on track” – gives better infor-\nmation to the 2015–2020 planners of Gwadar."
    engine.ingest([str(lines(tmp_path / "plan.jsonl", plan=text))])
    for quote in (
        "The long‑term plan -- it's ‘on track’ — gives better",
        "gives better information to the 2015-2020 planners",
    ):
        verdict = engine.verify(quote)
        assert (verdict.kind, verdict.typography, verdict.differences) == ("exact", True, ())


def test_a_quote_that_is_set_alike_comes_before_one_that_is_not(engine: Engine, tmp_path: Path) -> None:
    engine.ingest(
        [str(lines(tmp_path / "a.jsonl", a="We – all of us – agreed on it.", b="We - all of us - agreed on it."))]
    )
    verdict = engine.verify("We - all of us - agreed")
    assert [identifier for identifier, _ in places(verdict)] == ["b", "a"]
    assert not verdict.typography


def test_a_quote_may_run_over_passages_and_paragraphs(engine: Engine, tmp_path: Path) -> None:
    """Three passages: neither the words of the quote nor most of them stand in one."""
    filler = "This is a line that fills the page to its end. " * 16
    middle = "So it was, as they had all been told by her at noon."
    text = f"{filler}It was just so on that day.\n\n{middle}\n\nAnd it is so now. {filler}"
    engine.ingest([str(lines(tmp_path / "long.jsonl", long=text))])
    assert engine.library.count_passages() == 3
    verdict = engine.verify(f"so on that day. {middle} And it is so")
    assert (verdict.kind, verdict.typography) == ("exact", True)
    assert places(verdict) == [
        ("long", "so on that day.\n\nSo it was, as they had all been told by her at noon.\n\nAnd it is so")
    ]


def test_every_document_that_holds_the_quote_is_named(engine: Engine, tmp_path: Path) -> None:
    engine.ingest([str(lines(tmp_path / "a.jsonl", a=PORT, b=RAIN, c=f"Again. {PORT}"))])
    assert [identifier for identifier, _ in places(engine.verify("twelve ships at once"))] == ["a", "c"]


# Half a word, half a figure


@pytest.mark.parametrize(
    ("text", "quote", "difference"),
    [
        ("They spent 12 million on the road.", "2 million on the road", ("replaced", "2", "12")),
        ("They spent 1.2 million on the road.", "2 million on the road", ("replaced", "2", "1.2")),
        ("Growth came to (-5 percent this year", "5 percent this year", ("replaced", "5", "-5")),
        ("The plan is impossible to finish now.", "possible to finish now", ("replaced", "possible", "impossible")),
        ("一共有一百二十个项目完工。", "二十个项目完工", ("replaced", "二十", "一百二十")),
    ],
)
def test_half_a_figure_or_word_is_another(
    engine: Engine, tmp_path: Path, text: str, quote: str, difference: tuple[str, str, str]
) -> None:
    engine.ingest([str(lines(tmp_path / "a.jsonl", a=text))])
    verdict = engine.verify(quote)
    assert (verdict.kind, told(verdict)) == ("altered", [difference])


# Altered


@pytest.mark.parametrize(
    ("quote", "difference"),
    [
        ("It can not handle twelve ships at once.", ("inserted", "not", "")),
        ("It can handle twenty ships at once.", ("replaced", "twenty", "twelve")),
        ("Heavy rain closed the highway for three days.", ("deleted", "", "Karakoram")),
        ("Heavy rain closed the Karakoram highway for 3 days.", ("replaced", "3", "three")),
        ("The harbour of Gwadar opened a new terminal", ("deleted", "", "cargo")),
        ("Heavy closed the Karakoram highway", ("deleted", "", "rain")),
        ("A school for girls in Lahore, has won the national", ("inserted", ",", "")),
        ("总投资约四百八十亿美元", ("replaced", "四百八十亿", "四百六十亿")),
        ("瓜达尔港于2016年未正式开航", ("inserted", "未", "")),
        ("瓜达尔港于2015年正式开航", ("replaced", "2015", "2016")),
        ("گوادر بندرگاہ پر ۲۱ جہاز ایک ساتھ آ سکتے ہیں", ("replaced", "۲۱", "۱۲")),
        ("بندرگاہ پر ۱۲ جہاز ایک ساتھ نہیں آ سکتے ہیں", ("inserted", "نہیں", "")),
    ],
)
def test_a_changed_word_is_altered_with_that_difference(
    filled: Engine, quote: str, difference: tuple[str, str, str]
) -> None:
    verdict = filled.verify(quote)
    assert (verdict.kind, told(verdict), verdict.typography) == ("altered", [difference], False)


def test_the_source_of_an_altered_quote_is_shown_in_its_own_words(filled: Engine) -> None:
    verdict = filled.verify("It can handle twenty ships at once.")
    assert places(verdict) == [("port", "It can handle twelve ships at once.")]
    (place,) = verdict.places
    (mark,) = place.excerpt.highlights
    assert mark.of(PORT) == "twelve"


def test_what_is_otherwise_set_is_told_of_an_altered_quote_too(filled: Engine) -> None:
    verdict = filled.verify("IT can handle twenty ships at once.")
    assert (verdict.kind, verdict.typography, told(verdict)) == ("altered", True, [("replaced", "twenty", "twelve")])


# Shortened


def test_an_ellipsis_within_a_paragraph_is_an_honest_cut(filled: Engine) -> None:
    for ellipsis in ("…", "...", "[…]", "[...]", "(…)"):
        verdict = filled.verify(f"The harbour of Gwadar {ellipsis} a new cargo terminal on Monday.")
        assert (verdict.kind, verdict.shortened, verdict.typography) == ("exact", True, False)
        assert told(verdict) == [("replaced", ellipsis, "opened")]
        assert places(verdict) == [("port", "The harbour of Gwadar opened a new cargo terminal on Monday.")]


def test_an_ellipsis_at_an_end_says_nothing(filled: Engine) -> None:
    verdict = filled.verify("… can handle twelve ships …")
    assert (verdict.kind, verdict.shortened, places(verdict)) == ("exact", False, [("port", "can handle twelve ships")])


def test_an_ellipsis_that_stands_in_the_source_is_no_cut(engine: Engine, tmp_path: Path) -> None:
    engine.ingest([str(lines(tmp_path / "a.jsonl", a="We waited… and waited for the ship to come."))])
    verdict = engine.verify("We waited... and waited for the ship")
    assert (verdict.kind, verdict.shortened, verdict.typography) == ("exact", False, True)


def test_an_ellipsis_between_single_words_or_over_paragraphs_is_no_honest_cut(engine: Engine, tmp_path: Path) -> None:
    text = f"{PORT}\n\nThe minister never said that the plan of the government failed."
    engine.ingest([str(lines(tmp_path / "a.jsonl", a=text))])
    assert engine.verify("The minister … failed").kind != "exact"
    verdict = engine.verify("opened a new cargo terminal … the plan of the government failed")
    assert verdict.kind == "spliced"
    assert places(verdict) == [("a", "opened a new cargo terminal"), ("a", "the plan of the government failed")]


def test_an_altered_word_beside_an_ellipsis_is_told(filled: Engine) -> None:
    verdict = filled.verify("The harbour of Gwadar … a new oil terminal on Monday.")
    assert verdict.kind == "altered"
    assert told(verdict) == [("replaced", "…", "opened"), ("replaced", "oil", "cargo")]


# Spliced


def test_sentences_of_two_documents_are_spliced(filled: Engine) -> None:
    verdict = filled.verify("It can handle twelve ships at once. Nobody was hurt, the police said.")
    assert (verdict.kind, verdict.differences, verdict.typography) == ("spliced", (), False)
    assert places(verdict) == [
        ("port", "It can handle twelve ships at once."),
        ("rain", "Nobody was hurt, the police said."),
    ]
    assert [place.quote.of(verdict.quote) for place in verdict.places] == [text for _, text in places(verdict)]


def test_what_was_left_out_of_one_document_and_what_links_the_pieces_is_told(engine: Engine, tmp_path: Path) -> None:
    text = (
        "The bridge was finished in the spring. It cost more than the ministry had planned. Trains cross it daily now."
    )
    engine.ingest([str(lines(tmp_path / "a.jsonl", a=text))])
    verdict = engine.verify("The bridge was finished in the spring and Trains cross it daily now.")
    assert verdict.kind == "spliced"
    assert places(verdict) == [("a", "The bridge was finished in the spring"), ("a", "Trains cross it daily now.")]
    left_out = ". It cost more than the ministry had planned. "
    assert told(verdict) == [("inserted", "and", ""), ("deleted", "", left_out)]


def test_sentences_in_another_order_are_spliced(filled: Engine) -> None:
    verdict = filled.verify("Nobody was hurt, the police said. Heavy rain closed the Karakoram highway for three days.")
    assert (verdict.kind, [identifier for identifier, _ in places(verdict)]) == ("spliced", ["rain", "rain"])


# Absent


@pytest.mark.parametrize(
    "quote",
    [
        "Seven purple elephants voted to abolish Tuesday.",
        "The of a for in has on",
        "紫色的大象昨天投票废除星期二",
        "بنفشی ہاتھی اڑتے ہوئے چاند پر گئے",
        "the moon of the sea for the sun",
    ],
)
def test_nonsense_is_absent_and_no_model_is_loaded_to_tell(filled: Engine, folder: Path, quote: str) -> None:
    engine = Engine(folder, Settings(), lambda: pytest.fail("the model is loaded"))
    assert engine.verify(quote) == Verdict(quote, "absent")
    engine.close()


def test_nothing_stands_in_an_empty_library(engine: Engine) -> None:
    assert engine.verify("It can handle twelve ships.") == Verdict("It can handle twelve ships.", "absent")


def test_what_cannot_be_quoted_is_absent(engine: Engine, tmp_path: Path) -> None:
    """An outlet's boilerplate, and what stands outside the bodies."""
    notice = "Subscribe to our daily newsletter for more stories."
    texts = {"a": PORT, "b": SCHOOL, "c": RAIN}
    path = tmp_path / "news.jsonl"
    rows = [{"id": key, "text": f"{text} {notice}", "publisher": "The Post"} for key, text in texts.items()]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    engine.ingest([str(path)])
    assert engine.verify(notice).kind == "absent"
    assert engine.verify(f"It can handle twelve ships at once. {notice}").kind != "exact"
    assert engine.verify("It can handle twelve ships at once.").kind == "exact"


@pytest.mark.parametrize("quote", ["", "  ", "Gwadar", "“Gwadar”", "走廊", "?!", "…"])
def test_a_single_word_is_no_quote(filled: Engine, quote: str) -> None:
    with pytest.raises(BadQuestion, match="two words or more"):
        filled.verify(quote)


def test_a_quote_has_a_longest_length(filled: Engine) -> None:
    assert filled.verify("a word " * (LONGEST_QUOTE // 7)).kind in {"absent", "altered"}
    with pytest.raises(BadQuestion, match="at most 2,000 characters"):
        filled.verify("a word " * LONGEST_QUOTE)


# Any quote


@pytest.fixture(scope="module")
def seeds(seeded: Path) -> Engine:
    return Engine(seeded, Settings(), lambda: BagOfWords("bag-of-words@1", 64))


_WORD = re.compile(r"[^\W_]+(?:[.,'’:/–-][^\W_]+)*")
_shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def picked(data: st.DataObject, engine: Engine, fewest: int) -> tuple[Document, list[re.Match[str]]]:
    """A run of words of one paragraph of one document."""
    document = data.draw(st.sampled_from(list(engine.documents())))
    text = document.snapshot.text
    found = [list(_WORD.finditer(text, span.start, span.end)) for span in document.body]
    words = data.draw(st.sampled_from([one for one in found if len(one) >= fewest]))
    first = data.draw(st.integers(0, len(words) - fewest))
    count = data.draw(st.integers(fewest, min(len(words) - first, 60)))
    return document, words[first : first + count]


@_shared
@given(st.data())
def test_any_run_of_words_of_a_body_is_exact(seeds: Engine, data: st.DataObject) -> None:
    document, words = picked(data, seeds, 3)
    quote = document.snapshot.text[words[0].start() : words[-1].end()]
    assume(len(quote) <= LONGEST_QUOTE)
    verdict = seeds.verify(quote)
    assert verdict.kind == "exact"
    assert verdict.quote in places(verdict)[0][1] or verdict.typography


@_shared
@given(
    st.text(min_size=1, max_size=200)
    | st.lists(st.sampled_from("the … ' - a 2 China 中 。 ۲۰ said [...] .".split())).map(" ".join)
)
def test_any_text_gets_a_verdict_whose_ranges_lie_in_it(seeds: Engine, text: str) -> None:
    try:
        verdict = seeds.verify(text)
    except BadQuestion:
        return
    assert (verdict.kind == "absent") == (not verdict.places)
    for place in verdict.places:
        assert place.quote.end <= len(verdict.quote)
    for one in verdict.differences:
        assert 0 <= one.quote[0] <= one.quote[1] <= len(verdict.quote)
        assert (one.quote[0], one.source[0]) != (one.quote[1], one.source[1])


@_shared
@given(st.data(), st.sampled_from(["replaced", "inserted", "deleted"]))
def test_any_word_changed_is_altered_with_that_difference(seeds: Engine, data: st.DataObject, kind: str) -> None:
    document, words = picked(data, seeds, 14)
    text = document.snapshot.text
    start, end = words[0].start(), words[-1].end()
    # Far from both ends: where "world-class" is gone, to say "kilometers of" otherwise would be less to change.
    at = words[data.draw(st.integers(6, len(words) - 7))]
    new = "" if kind == "deleted" else "xyzzy" if kind == "replaced" else f"xyzzy {at[0]}"
    verdict = seeds.verify(text[start : at.start()] + new + text[at.end() : end])
    assert verdict.kind == "altered"
    here, there = "" if kind == "deleted" else "xyzzy", "" if kind == "inserted" else at[0]
    ((found, quoted, stood),) = told(verdict)
    assert (found, quoted, stood.strip()) == (kind, here, there)


@_shared
@given(st.data())
def test_any_digit_changed_is_altered_with_that_figure(seeds: Engine, data: st.DataObject) -> None:
    runs = [
        (document.snapshot.text, list(_WORD.finditer(document.snapshot.text, span.start, span.end)))
        for document in seeds.documents()
        for span in document.body
    ]
    figures = [
        (text, words[at - 6 : at + 7], words[at])
        for text, words in runs
        for at in range(6, len(words) - 6)
        if words[at][0].isdecimal() and words[at][0].isascii()
    ]
    text, words, figure = data.draw(st.sampled_from(figures))
    changed = figure[0][:-1] + str((int(figure[0][-1]) + 1) % 10)
    quote = text[words[0].start() : figure.start()] + changed + text[figure.end() : words[-1].end()]
    verdict = seeds.verify(quote)
    assert (verdict.kind, told(verdict)) == ("altered", [("replaced", changed, figure[0])])


# The command line


def test_verify_says_what_is_altered(quoth: Quoth, source: Path) -> None:
    quoth("ingest", source.name)
    run = quoth("verify", "“It can not handle twenty ships at once.”")
    assert (run.code, run.err) == (0, "")
    assert run.out == (
        "Altered: my documents say this otherwise.\n"
        "\n"
        "│ It can handle twelve ships at once.\n"
        "│               ▔▔▔▔▔▔\n"
        "  — news.jsonl, line 1, characters 61-96\n"
        "  ≠ the quote adds “not”\n"
        "  ≠ the quote has “twenty”, the source “twelve”\n"
    )


def test_verify_says_where_a_quote_stands_or_how_far_it_looked(quoth: Quoth, source: Path) -> None:
    quoth("ingest", str(source))
    exact = quoth("verify", "twelve ships at once")
    assert exact.out.startswith("Exact: my documents say so, word for word.\n\n│ twelve ships at once\n  — ")
    spliced = quoth("verify", "It can handle twelve ships at once. Nobody was hurt, the police said.")
    assert spliced.out.startswith("Spliced: put together from 2 places.\n")
    absent = quoth("verify", "Seven purple elephants voted to abolish Tuesday.")
    assert (absent.code, absent.out) == (0, "Not in my documents.\nI searched 3 documents.\n")
    typography = quoth("verify", "TWELVE SHIPS")
    assert typography.out.startswith("Exact but for typography (quotation marks, dashes, white space, case): ")
    cut = quoth("verify", "The harbour of Gwadar … a new cargo terminal")
    assert cut.out.startswith("Exact, and shortened: what the ellipses leave out is marked.\n")


def test_verify_writes_json_as_promised(quoth: Quoth, source: Path) -> None:
    quoth("ingest", str(source))
    (record,) = quoth("verify", '"It can handle twenty ships at once."', "--json").rows
    assert record.pop("elapsed_ms") >= 0
    (place,) = record.pop("places")
    document = place.pop("document")
    assert (document["id"], document["source"]) == ("port", str(source))
    assert place == {
        "start": 61,
        "end": 96,
        "page": None,
        "text": "It can handle twelve ships at once.",
        "quote": [0, 35],
    }
    assert record == {
        "quote": "It can handle twenty ships at once.",
        "verdict": "altered",
        "typography": False,
        "shortened": False,
        "differences": [{"kind": "replaced", "quote": [14, 20], "source": [75, 81], "place": 0}],
    }


def test_verify_refuses_what_is_no_quote(quoth: Quoth, source: Path) -> None:
    quoth("ingest", str(source))
    run = quoth("verify", "Gwadar")
    assert (run.code, run.out, is_one_line(run.err)) == (3, "", True)
