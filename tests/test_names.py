from __future__ import annotations

import time
import tomllib
from collections import defaultdict
from importlib.resources import files

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from retrieval.names import known

TABLE: dict[str, dict[str, dict[str, str]]] = tomllib.loads(
    files("retrieval").joinpath("names.toml").read_text(encoding="utf-8")
)
FORMS = [
    (kind, concept, form)
    for kind, sections in TABLE.items()
    for entries in sections.values()
    for concept, forms in entries.items()
    for form in forms.split(" | ")
]
TEXTS = st.lists(
    st.one_of(st.text(max_size=3), st.sampled_from([form.removeprefix("=") for _, _, form in FORMS]), st.just(" "))
).map("".join)


def concepts(text: str) -> list[str]:
    return [match.concept for match in known(text)]


@pytest.mark.parametrize(
    ("texts", "concept"),
    [
        (["China", "Chinese", "CHINA’S", "چین", "چینی", "中国"], "china"),
        (["Pakistani", "Pakistan's", "پاکستانی", "巴基斯坦"], "pakistan"),
        (["CPEC", "China-Pakistan economic corridor", "سی پیک", "中巴经济走廊", "中巴走廊"], "cpec"),
        (
            ["SCO", "Shanghai Cooperation Organization", "شنگھائی تعاون تنظیم", "上合组织"],
            "shanghai cooperation organisation",
        ),
        (["Belt and Road", "Belt-and-Road Initiative", "بیلٹ اینڈ روڈ", "一带一路"], "belt and road"),
        (["ambassador", "Ambassadors", "سفیر", "大使"], "ambassador"),
        (["embassy", "embassies", "سفارت خانے", "大使馆", "使馆"], "ambassador"),
        (["prime minister", "PM", "وزیراعظم", "وزیر اعظم", "总理"], "prime minister"),
        (["foreign minister", "وزیر خارجہ", "外交部长"], "foreign minister"),
        (["Xi Jinping", "شی جن پنگ", "习近平"], "xi jinping"),
        (["megawatts", "MW", "میگاواٹ", "兆瓦"], "megawatt"),
        (["MoUs", "memoranda of understanding", "مفاہمتی یادداشت", "谅解备忘录"], "memorandum of understanding"),
        (["Türkiye", "Turkish", "ترکیہ", "土耳其"], "turkey"),
    ],
)
def test_one_key_for_every_language_and_spelling(texts: list[str], concept: str) -> None:
    assert [concepts(text) for text in texts] == [[concept]] * len(texts)


@pytest.mark.parametrize(
    "text",
    [
        "who told us it is raw",
        "Important people may march",
        "at 5 PM",
        "the presidency",
        "he heads the team and leads it",
        "其中国有资本",
        "巴",
        "دور حاضر",
        "ترک کر دیا",
        "جمع کرایا",
    ],
)
def test_words_that_only_look_like_names_are_none(text: str) -> None:
    assert concepts(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("سپلائی چین", ["supply chain"]),
        ("چینی کی قیمت", ["sugar"]),
        ("卡塔尔", ["qatar"]),
        ("China Global Television Network", ["cgtn"]),
        ("东南亚", ["southeast asia"]),
        ("Maryam Nawaz Sharif", ["maryam nawaz"]),
        (
            "deputy prime minister and foreign minister Ishaq Dar",
            ["deputy prime minister", "foreign minister", "ishaq dar"],
        ),
        ("中国驻巴基斯坦大使馆", ["china", "pakistan", "ambassador"]),
        ("وزیراعظم شہباز شریف", ["prime minister", "shehbaz sharif"]),
    ],
)
def test_the_longest_form_wins(text: str, expected: list[str]) -> None:
    assert concepts(text) == expected


def test_a_full_stop_parts_the_words_of_a_name() -> None:
    assert concepts("They talked to the World. Bank officials left.") == ["bank"]


@settings(max_examples=50)
@example("Afghanistan¼Afghanistan")
@given(TEXTS)
def test_spans_re_slice_in_order_without_overlap(text: str) -> None:
    end = 0
    for match in known(text):
        assert end <= match.span.start
        assert match.span.of(text)
        end = match.span.end


@pytest.mark.parametrize("piece", ["China ", "中", "中国", "pakistan peoples ", "چین ", "1", "'"])
def test_time_is_linear(piece: str) -> None:
    def seconds(characters: int) -> float:
        text = piece * (characters // len(piece))
        start = time.process_time()
        known(text)
        return time.process_time() - start

    # The better of two, since a collection of garbage may fall into one.
    few, many = (min(seconds(characters) for _ in range(2)) for characters in (500, 4_000))
    assert many < 4 * 8 * max(few, 0.001)


def test_no_form_stands_under_two_concepts() -> None:
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for _, concept, form in FORMS:
        owners[form.removeprefix("=").casefold()].add(concept)
    assert {form: names for form, names in owners.items() if len(names) > 1} == {}


def test_every_form_matches_itself() -> None:
    def itself(kind: str, concept: str, form: str) -> list[tuple[str, str, int, int]]:
        return [(kind, concept, 0, len(form))]

    wrong = {
        form
        for kind, concept, form in ((kind, concept, form.removeprefix("=")) for kind, concept, form in FORMS)
        if [(match.kind, match.concept, match.span.start, match.span.end) for match in known(form)]
        != itself(kind, concept, form)
    }
    assert wrong == set()


def test_concepts_are_lower_case_and_unique_and_sorted_in_their_section() -> None:
    sections = [list(entries) for kinds in TABLE.values() for entries in kinds.values()]
    keys = [key for section in sections for key in section]
    assert [section for section in sections if section != sorted(section)] == []
    assert len(set(keys)) == len(keys)
    assert [key for key in keys if key != key.lower()] == []


def test_han_forms_have_two_characters_or_more() -> None:
    assert [form for _, _, form in FORMS if len(form) < 2] == []
