"""A text's language is told by its script, then by a classifier, else it is unknown."""

from __future__ import annotations

import subprocess
import sys

import pytest

from retrieval.language import UNKNOWN, detect


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "The ambassador said that trade between the two countries grew last year."),
        ("fr", "Le président a dit que le commerce entre les deux pays a augmenté."),
        ("ur", "سی پیک کے پہلے مرحلے سے گرڈ میں آٹھ ہزار میگاواٹ بجلی شامل ہوئی۔"),
        ("ar", "قال الرئيس إن التجارة بين البلدين نمت في العام الماضي."),
        ("fa", "رئیس جمهور گفت که تجارت میان دو کشور در سال گذشته رشد کرده است."),
        ("hi", "राष्ट्रपति ने कहा कि दोनों देशों के बीच व्यापार बढ़ा है।"),
        ("zh", "中巴经济走廊(CPEC)第一阶段新增电力。"),
        ("ja", "大統領は両国の貿易が伸びたと述べた。"),
        ("ko", "대통령은 무역이 늘었다고 말했다."),
        ("ru", "Президент сообщил, что торговля между двумя странами выросла."),
    ],
)
def test_the_language_of_a_sentence(language: str, text: str) -> None:
    assert language == detect(text)


@pytest.mark.parametrize("text", ["", "12345 !?", "Hm.", "xq zrt wvb kkl"])
def test_what_cannot_be_told_is_unknown(text: str) -> None:
    assert detect(text) == UNKNOWN


def test_an_english_text_that_quotes_chinese_is_english() -> None:
    text = "The ambassador called the corridor 走廊, which is the Chinese word for it, and praised the new road."
    assert detect(text) == "en"


def test_urdu_is_told_without_loading_the_classifier() -> None:
    program = "import sys; from retrieval.language import detect; detect('یہ ہے'); print('py3langid' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
