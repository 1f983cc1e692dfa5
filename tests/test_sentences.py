"""Sentences end where a reader ends them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.sentences import split

_SEEDS = Path(__file__).parent.parent / "seeds"


def _sentences(text: str) -> list[str]:
    return [span.of(text) for span in split(text)]


@pytest.mark.parametrize(
    "sentences",
    [
        ["Dr. Smith went home.", "He slept."],
        ["U.S. officials said so.", "Nobody else did."],
        ["It starts at 5 p.m. on Monday.", "Come early."],
        ["We met at 5 p.m.", "The next day we left."],
        ["J. K. Rowling wrote it.", "It sold."],
        ["See No. 5 for Rs. 50 or 3.5 pounds, e.g. this one.", "It is cheap."],
        ["Lt. Gen. Khan of Acme Inc. said so.", "Prof. Dr. Ali agreed."],
        ["Huawei, JD. Com and Tencent could send their delegations.", "They may."],
        ["He lives in Washington, D.C. and works there.", "She does not."],
        ["The U.S. withdrew.", "China stayed."],
        ["It was built in Phase I.", "CPEC grew."],
        ["It ended in 2023.", "Then came 2024."],
        ["1. First come in.", "2. Then go out."],
        ["What?!", "Really...", "Yes."],
        ["Wait... and see."],
        ["A dog vs. a cat.", "Trade vs. Aid was its title."],
        ["Visit www.thenews.com.pk, Express.pk or a.b@c.com today.", "Thanks."],
        ['"How can it be?" Khurshidi asked during the proceedings.', "He left."],
        ['"Is it fit for the 21st century?\'" he said, adding more.', "Then he left."],
        ['"One MoU, in the food.', "So, that's why I say it's very productive,\" he said."],
        ["“No, I’m not.”", "He left."],
        ["He left (at last.)", "She stayed."],
        ["It fell.[1]", "It rose.[citation needed]", "It fell."],
        ["The image shows a road. — AFP/File"],
        ["Trump said: “We won!!!”", "He smiled."],
        ["وہ گیا۔", "کیا آپ آئے؟", "ہاں!", "شرح 2۔5 فیصد رہی۔"],
        ["ایم۔کیو۔ایم نے کہا۔", "جواب نہیں آیا۔"],
        ["ذهب الرجل.", "هل عاد؟", "نعم."],
        ["वह गया।", "ठीक है।"],
        ["डॉ. शर्मा आए।", "वे गए।"],
        ["他说：“是的。”", "然后他走了。"],
    ],
)
def test_sentences_with_spaces_between(sentences: list[str]) -> None:
    assert sentences == _sentences(" ".join(sentences))


@pytest.mark.parametrize(
    "sentences",
    [
        ["他来了。", "为什么？", "好！", "走吧……”", "“好的。”"],
        ["他说：“是的。”", "然后走了。"],
        ["“我们要努力。”他说。", "大家鼓掌。"],
        ["“为什么？”的问题没有答案。", "《谁是最可爱的人？》一文很有名。"],
        ["交汇之地……诸多角色里，他们看重一个定义。", "对。"],
        ["growth.", "Therefore, I believe so."],
        ["They are investigating Siddiq.", "The ACC said so."],
        ["He resigned this week.", "“No I'm not,” he said."],
        ["It grew by 30%.", "He said so."],
        ["It is in Asia.", "The rest is not."],
        ['"We are."', "He left."],
        ["وہ گیا۔", "وہ آیا۔"],
    ],
)
def test_sentences_without_spaces_between(sentences: list[str]) -> None:
    assert sentences == _sentences("".join(sentences))


@pytest.mark.parametrize("text", ["Node.JS is here", "JD.Com sells", "v2.5 of Express.pk", "https://a.org/Page.Next"])
def test_a_full_stop_inside_a_name_ends_nothing(text: str) -> None:
    assert [text] == _sentences(text)


def test_a_line_break_is_white_space_and_a_blank_line_ends_a_sentence() -> None:
    assert _sentences("  one two\nthree\n \nfour\r\n\r\nfive\n") == ["one two\nthree", "four", "five"]


def test_nothing_but_white_space_holds_no_sentence() -> None:
    assert _sentences(" \n\u00a0\t\n\n ") == []


def test_the_seeds_own_traps_end_where_a_reader_ends_them() -> None:
    text = (_SEEDS / "003_d365d839ec9b3bba.txt").read_text(encoding="utf-8")
    sentences = _sentences(text)
    assert '"Recently, we are seeing more than 30% IT export growth.' in sentences
    huawei = "Some top Chinese companies like Huawei, JD. Com and Tencent could send their delegations to Pakistan"
    assert [f'{huawei} to discuss further cooperation," Badar added.'] == [s for s in sentences if "Huawei" in s]


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from(".!?…。؟۔ \n\"'”’“ABab1[]"))))
def test_spans_are_trimmed_in_order_and_cover_all_but_white_space(text: str) -> None:
    position = 0
    for span in split(text):
        assert text[position : span.start].strip() == ""
        assert span.of(text) == span.of(text).strip() != ""
        position = span.end
    assert text[position:].strip() == ""


@pytest.mark.parametrize("unit", ["a", "a.", "a. ", ". ", '."', 'a."A', "“", "?“A", "\n ", "[1]", ".[a", "中。”", "۔ا"])
def test_time_is_linear_in_hostile_text(unit: str) -> None:
    def seconds(repeats: int) -> float:
        text = unit * repeats
        taken = []
        for _ in range(2):
            start = time.process_time()
            split(text)
            taken.append(time.process_time() - start)
        return min(taken)

    seconds(1_000)
    assert seconds(16_000) < 32 * max(seconds(2_000), 0.001)
