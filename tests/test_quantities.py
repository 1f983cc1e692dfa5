from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.quantities import Quantity, quantities

TEXTS = st.lists(
    st.one_of(
        st.text(max_size=4),
        st.sampled_from(
            "8,000 2024 25 ۸۰۰۰ 3.5 million crore ارب روپے phase I II first 第 二 期 亿 百分之 三十 % $ US Rs"
            " two hundred twenty five and a half ایک نو دو سو ساڑھے FY - / . th , dollars فیز ون 年 元 one of".split()
        ),
        st.just(" "),
    )
).map("".join)


def found(text: str) -> list[tuple[float, str, str | None, str]]:
    return [(quantity.value, quantity.kind, quantity.of, quantity.span.of(text)) for quantity in quantities(text)]


def values(text: str) -> list[float]:
    return [quantity.value for quantity in quantities(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("over 8,000 megawatts", (8000, "8,000")),
        ("۸۰۰۰ میگاواٹ", (8000, "۸۰۰۰")),
        ("８０００兆瓦", (8000, "８０００")),
        ("a 3,000-kilometer network", (3000, "3,000")),
        ("35 crore", (35e7, "35 crore")),
        ("2.5bn", (2.5e9, "2.5bn")),
        ("5亿千瓦时", (5e8, "5亿")),
        ("35万千瓦", (35e4, "35万")),
        ("5千瓦时", (5, "5")),
        ("1亿2000万", (12e7, "1亿2000万")),
        ("三百万", (3e6, "三百万")),
        ("一千二百", (1200, "一千二百")),
        ("二十五亿", (25e8, "二十五亿")),
        ("十二", (12, "十二")),
        ("两个", (2, "两")),
        ("twenty-five", (25, "twenty-five")),
        ("two hundred and fifty thousand", (250_000, "two hundred and fifty thousand")),
        ("half a million", (500_000, "half a million")),
        ("a dozen", (12, "a dozen")),
        ("دو سو پچاس", (250, "دو سو پچاس")),
        ("ساڑھے تین کروڑ", (35e6, "ساڑھے تین کروڑ")),
        ("نو رکنی کمیٹی", (9, "نو")),
        ("اسی ہزار", (80_000, "اسی ہزار")),
        ("2,024", (2024, "2,024")),
        ("2024 megawatts", (2024, "2024")),
        ("2024兆瓦", (2024, "2024")),
        ("more than 2000", (2000, "2000")),
        ("2000多年前", (2000, "2000")),
    ],
)
def test_a_cardinal_has_its_value_and_its_magnitude(text: str, expected: tuple[float, str]) -> None:
    value, written = expected
    assert found(text) == [(value, "cardinal", None, written)]


@pytest.mark.parametrize(
    ("text", "value", "currency"),
    [
        ("350 million dollars", 350e6, "USD"),
        ("$350m", 350e6, "USD"),
        ("US$2.4 billion", 24e8, "USD"),
        ("2.4 billion U.S. dollars", 24e8, "USD"),
        ("24亿美元", 24e8, "USD"),
        ("ایک ارب ڈالر", 1e9, "USD"),
        ("Rs1.2 trillion", 12e11, "PKR"),
        ("Rs. 142 billion", 142e9, "PKR"),
        ("142 ارب روپے", 142e9, "PKR"),
        ("پچاس کروڑ روپے", 50e7, "PKR"),
        ("ڈھائی ارب روپے", 25e8, "PKR"),
        ("1 lakh crore rupees", 1e12, "PKR"),
        ("500 Indian rupees", 500, "INR"),
        ("28.8亿元", 28.8e8, "CNY"),
        ("5亿元人民币", 5e8, "CNY"),
        ("1.2万亿元", 1.2e12, "CNY"),
        ("£3 million", 3e6, "GBP"),
        ("20 million euros", 20e6, "EUR"),
    ],
)
def test_money_has_its_currency_and_its_span_is_the_whole_phrase(text: str, value: float, currency: str) -> None:
    assert found(text) == [(value, "money", currency, text)]


@pytest.mark.parametrize("text", ["20-30%", "20 to 30 percent", "20 سے 30 فیصد", "百分之二十到三十", "20%至30%"])
def test_both_figures_of_a_range_are_percentages(text: str) -> None:
    assert [(quantity.value, quantity.kind) for quantity in quantities(text)] == [(20, "percent"), (30, "percent")]


def test_the_chinese_comma_parts_numbers() -> None:
    assert values("分别有100，200，300人") == [100, 200, 300]
    assert values("８，０００兆瓦") == [8000]


def test_the_first_figure_of_a_range_has_the_magnitude_of_the_second() -> None:
    assert values("$2-3 billion") == [2e9, 3e9]


@pytest.mark.parametrize(
    "text", ["30%", "30 per cent", "30 percent", "30 فیصد", "30 فی صد", "百分之三十", "百分之30", "٪".join(["30", ""])]
)
def test_a_percentage_is_one_however_written(text: str) -> None:
    assert found(text) == [(30, "percent", None, text)]


@pytest.mark.parametrize(
    "text",
    [
        "phase one",
        "phase 1",
        "Phase-I",
        "Phase I",
        "first phase",
        "1st stage",
        "فیز ون",
        "فیز 1",
        "پہلا مرحلہ",
        "پہلے مرحلے",
        "第一阶段",
        "第1期",
        "一期",
    ],
)
def test_phase_one_is_one_ordinal_in_every_language(text: str) -> None:
    assert found(text) == [(1, "ordinal", "phase", text)]


@pytest.mark.parametrize(
    "text",
    ["phase two", "phase ii", "Phase II", "second phase", "فیز ٹو", "دوسرے مرحلے", "مرحلہ دوم", "第二期", "二期"],
)
def test_phase_two_is_not_phase_one(text: str) -> None:
    assert found(text) == [(2, "ordinal", "phase", text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("World War II", [(2, "ordinal", "war", "War II")]),
        ("the 14th session", [(14, "ordinal", "session", "14th session")]),
        ("21st century", [(21, "ordinal", "century", "21st century")]),
        ("14ویں", [(14, "ordinal", None, "14ویں")]),
        ("第14届", [(14, "ordinal", None, "第14")]),
        ("first and second phases", [(1, "ordinal", "phase", "first"), (2, "ordinal", "phase", "second phases")]),
        ("phases I and II", [(1, "ordinal", "phase", "phases I"), (2, "ordinal", "phase", "II")]),
        ("In this phase I think", []),
        ("twice per second", []),
        ("two phases", [(2, "cardinal", None, "two")]),
    ],
)
def test_an_ordinal_tells_what_it_counts(text: str, expected: list[tuple[float, str, str | None, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024", [2024]),
        ("۲۰۲۴", [2024]),
        ("2024年", [2024]),
        ("二〇二四年", [2024]),
        ("FY26", [2026]),
        ("FY2025-26", [2025, 2026]),
        ("2025-26", [2025, 2026]),
        ("2013-2018", [2013, 2018]),
        ("The 2024 CIFTIS", [2024]),
    ],
)
def test_years(text: str, expected: list[float]) -> None:
    assert [(quantity.value, quantity.kind) for quantity in quantities(text)] == [(year, "year") for year in expected]


@pytest.mark.parametrize("text", ["16 September 2024", "2024年9月16日", "2024-09-16", "16/9/2024"])
def test_a_date_has_a_day_and_a_year(text: str) -> None:
    read = {(quantity.value, quantity.kind) for quantity in quantities(text)}
    assert read >= {(16, "cardinal"), (2024, "year")}


@pytest.mark.parametrize(
    "text",
    [
        "one of the",
        "no one",
        "ایک شخص",
        "بتا دو",
        "اسی طرح",
        "نو منتخب",
        "三峡",
        "一带一路",
        "数十",
        "千万不要",
        "星期三",
        "十分",
        "F-16 and ML-1",
        "G20",
        "5G",
        "hundreds of",
        "I was",
    ],
)
def test_words_and_names_that_only_look_like_numbers_are_left_out(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize("text", ["9" * 25, "一" + "亿" * 600, "9" + "亿" * 600])
def test_a_row_of_signs_that_no_number_has_is_not_read_as_one(text: str) -> None:
    """Six hundred magnitudes are more digits than Python will print."""
    assert [value for value in values(text) if value > 9] == []


@settings(max_examples=50)
@given(TEXTS)
def test_spans_re_slice_in_order_without_overlap(text: str) -> None:
    end = 0
    for quantity in quantities(text):
        assert end <= quantity.span.start
        assert quantity.span.of(text).strip()
        end = quantity.span.end


@pytest.mark.parametrize(
    "piece", ["1,", "1 million ", "9亿", "phase I and ", "二", "سو ", "twenty ", "a ", "$", "1-", "第", "9"]
)
def test_time_is_linear(piece: str) -> None:
    """Eight times as much of one sign takes eight times as long, give or take."""

    def seconds(characters: int) -> float:
        text = piece * (characters // len(piece))
        start = time.process_time()
        quantities(text)
        return time.process_time() - start

    # The better of two, since a collection of garbage may fall into one.
    few, many = (min(seconds(characters) for _ in range(2)) for characters in (500, 4_000))
    assert many < 4 * 8 * max(few, 0.001)


def test_equal_amounts_are_equal_in_every_language() -> None:
    forms = ["350 million", "35 crore", "3.5亿", "35 کروڑ", "三亿五千万"]
    assert {quantity.value for form in forms for quantity in quantities(form)} == {350e6}


def test_a_quantity_cannot_be_changed() -> None:
    quantity = quantities("12")[0]
    assert isinstance(quantity, Quantity)
    with pytest.raises(AttributeError):
        quantity.value = 13  # type: ignore[misc]
