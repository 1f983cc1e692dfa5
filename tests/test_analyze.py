from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.analyze import Word, content_terms, terms, words
from retrieval.datamodel import Span

# Characters of every script that has a rule of its own, among any others.
TEXTS = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("aé'’.,- ½Ⅱﷺ㎞8۸٨８،٬٫یيىکكہھهآئءـ\u200c\u200d\u00ad中国的么한국ᄒ\u1161\u11abガｶﾞक़ि"),
    )
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The minister's plans", ["the", "minist", "plan"]),
        ("the ministers’ plans", ["the", "minist", "plan"]),
        ("the minister’s plans", ["the", "minist", "plan"]),
        ("CAFÉ café cafe\u0301", ["cafe", "cafe", "cafe"]),
        ("Øresund Łódź straße", ["oresund", "lodz", "strass"]),
        ("industrial-cooperation", ["industri", "cooper"]),
        ("co\u00adoperation", ["cooper"]),
        (
            "the U.S. and the U.S.-China talks at 5 p.m.",
            ["the", "us", "and", "the", "us", "china", "talk", "at", "5", "pm"],
        ),
        ("growth.Therefore", ["growth", "therefor"]),
        ("ＣＰＥＣ snake_case", ["cpec", "snake", "case"]),
        ("phase Ⅱ", ["phase", "ii"]),
    ],
)
def test_latin_words_are_stemmed_and_folded(text: str, expected: list[str]) -> None:
    """Case, accents, possessives, hyphens and full-width forms do not decide what is found."""
    assert expected == terms(text)


@pytest.mark.parametrize("number", ["8000", "8,000", "۸۰۰۰", "۸٬۰۰۰", "٨٠٠٠", "८०००", "８，０００"])
def test_a_number_is_the_same_in_every_script(number: str) -> None:
    assert terms(number) == ["8000"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3,000-kilometer", ["3000", "kilomet"]),
        ("$350m", ["350", "m"]),
        ("1,50,000 rupees", ["150000", "rupe"]),
        ("2021,2022", ["2021", "2022"]),
        ("100，200，300", ["100", "200", "300"]),
        ("3.5% ٣٫٥", ["3.5", "3.5"]),
        ("27.06.2025", ["27", "06", "2025"]),
        ("ends in 2024.", ["end", "in", "2024"]),
        ("the 2nd and the 14th", ["the", "2", "and", "the", "14"]),
        ("F-16 F16 G20", ["f", "16", "f", "16", "g", "20"]),
        ("第14届", ["第", "14", "届"]),
        ("½ cup", ["1", "2", "cup"]),
    ],
)
def test_numbers_keep_their_value(text: str, expected: list[str]) -> None:
    """Thousands separators go, decimals stay, units part from their numbers."""
    assert expected == terms(text)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("كي", "کی"),  # Arabic keyboard
        ("ھے", "ہے"),
        ("رھا", "رہا"),
        ("تمھیں", "تمہیں"),
        ("هوں", "ہوں"),
        ("آئی", "ائی"),
        ("لئے", "لیے"),
        ("مؤثر", "موثر"),
        ("پـــاکستان", "پاکستان"),
        ("مُلک", "ملک"),
        ("علماء", "علما"),
        ("لوگوں", "لوگ"),  # plurals and genders
        ("منصوبے", "منصوبہ"),
        ("کمپنیاں", "کمپنی"),
        ("پاکستانی", "پاکستان"),
        ("والحكومة", "حکومہ"),  # the article
        ("می\u200cرود", "میرود"),
        ("ﭘﺎﮐﺴﺘﺎﻥ", "پاکستان"),  # presentation forms
        ("أحمد", "احمد"),
    ],
)
def test_arabic_letter_variants_are_one_letter(typed: str, meant: str) -> None:
    assert terms(meant) == terms(typed)
    assert len(terms(typed)) == 1


@pytest.mark.parametrize(("word", "other"), [("کھا", "کہا"), ("والدین", "دین"), ("میں", "می"), ("کالونی", "ونی")])
def test_words_that_mean_something_else_stay_apart(word: str, other: str) -> None:
    """Eat and said; parents and faith; what is left after cutting must be a word."""
    assert terms(word) != terms(other)


def test_an_urdu_question_keeps_what_it_asks_for() -> None:
    question = "سی پیک فیز ون سے گرڈ میں کتنے میگاواٹ بجلی آئی؟"
    assert terms(question) == ["سی", "پیک", "فیز", "ون", "سے", "گرڈ", "میں", "کتن", "میگاواٹ", "بجل", "ای"]
    assert content_terms(question) == ["سی", "پیک", "فیز", "ون", "گرڈ", "میگاواٹ", "بجل", "ای"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("中国", ["中国"]),
        ("中", ["中"]),
        ("中巴经济", ["中巴", "巴经", "经济"]),
        ("CPEC项目。一", ["cpec", "项目", "一"]),
        ("한국어", ["한국", "국어"]),
        (unicodedata.normalize("NFD", "한국어"), ["한국", "국어"]),
        ("カナ ｶﾞﾅ", ["カナ", "ガナ"]),
    ],
)
def test_scripts_without_spaces_become_bigrams(text: str, expected: list[str]) -> None:
    assert expected == terms(text)


def test_a_chinese_question_keeps_what_it_asks_for() -> None:
    """What touches a question word ("how to say") is no content either."""
    assert [term for term in content_terms("萨克森花园用波兰语怎么说？") if term not in {"森花", "用波"}] == [
        "萨克",
        "克森",
        "花园",
        "园用",
        "波兰",
        "兰语",
    ]
    assert content_terms("什么？谁？多少吗？") == []


def test_devanagari_words_keep_their_vowels() -> None:
    assert terms("भारत की राजधानी दिल्ली है।") == ["भारत", "की", "राजधानी", "दिल्ली", "है"]


def test_english_question_words_are_stopwords_but_acronyms_are_not() -> None:
    assert content_terms("How much is the IT export growth?") == ["it", "export", "growth"]
    assert content_terms("Is it an export?") == ["export"]
    assert content_terms("Who is the WHO chief?") == ["who", "chief"]


def test_words_say_where_terms_stand_in_the_original_text() -> None:
    """Normalisation changes the length of what it touches, never an offset."""
    assert [
        Word("1", Span(0, 1), is_stopword=False),
        Word("2", Span(0, 1), is_stopword=False),
        Word("the", Span(2, 5), is_stopword=True),
        Word("8000", Span(6, 11), is_stopword=False),
        Word("minist", Span(12, 22), is_stopword=False),
        Word("中国", Span(23, 25), is_stopword=False),
        Word("国人", Span(24, 26), is_stopword=False),
    ] == words("½ The 8,000 minister’s 中国人")


def test_a_word_without_end_is_cut() -> None:
    """A line of base64 must not become a term of its own length."""
    assert terms("a" * 100_000) == ["a" * 64]
    assert terms("1" * 100_000) == ["1" * 64]


@pytest.mark.parametrize("row", ["12,", "1.", "a.", "a'", "١٬", "کا\u200c", "का"])
def test_a_line_without_end_takes_time_in_proportion(row: str) -> None:
    """A table of numbers in one line would take the square of its length, were groups of digits without a limit."""
    assert len(terms(row * 50_000)) <= 50_000


@pytest.mark.parametrize("text", ["", "  \n", "?!…—", "\u200d\u0301", "😀", "\ud800"])
def test_text_without_letters_has_no_terms(text: str) -> None:
    assert terms(text) == []


@given(TEXTS)
def test_every_span_slices_the_text_it_came_from(text: str) -> None:
    """Spans are non-empty, inside the text, in order; the terms are those that are indexed."""
    found = words(text)
    assert all(word.span.of(text) for word in found)
    assert sorted(word.span.start for word in found) == [word.span.start for word in found]
    assert terms(text) == [word.term for word in found]
    assert content_terms(text) == [word.term for word in found if not word.is_stopword]


@given(TEXTS)
def test_a_term_is_one_word_for_the_engine(text: str) -> None:
    """Never empty, and without white space: terms travel joined by spaces."""
    assert all([term] == term.split() for term in terms(text))


@given(TEXTS, TEXTS)
def test_lines_are_analysed_each_for_itself(first: str, second: str) -> None:
    assert terms(first) + terms(second) == terms(first + "\n" + second)
