"""The language of a text: by its script where that tells, else by a small classifier among the script's languages."""

from __future__ import annotations

import functools
import re
from copy import copy
from typing import Protocol, cast

__all__ = ["UNKNOWN", "detect"]

UNKNOWN = "und"

_SAMPLE = 10_000
_FEWEST_LETTERS = 12
_LOWEST_PROBABILITY = 0.8

_SCRIPTS = {
    "arabic": re.compile("[\u0620-\u06d3\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc]"),
    "cyrillic": re.compile("[\u0400-\u052f]"),
    "devanagari": re.compile("[\u0904-\u0939\u0958-\u0961]"),
    "han": re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"),
    "hangul": re.compile("[\uac00-\ud7a3\u1100-\u11ff]"),
    "kana": re.compile("[\u3041-\u30fa]"),
    "latin": re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]"),
    "bn": re.compile("[\u0985-\u09b9]"),
    "el": re.compile("[\u0386-\u03ff]"),
    "gu": re.compile("[\u0a85-\u0ab9]"),
    "he": re.compile("[\u05d0-\u05ea]"),
    "hy": re.compile("[\u0531-\u0586]"),
    "ka": re.compile("[\u10a0-\u10ff]"),
    "pa": re.compile("[\u0a05-\u0a39]"),
    "ta": re.compile("[\u0b85-\u0bb9]"),
    "te": re.compile("[\u0c05-\u0c39]"),
    "th": re.compile("[\u0e01-\u0e4e]"),
}
# Letters that Urdu writes and Arabic, Persian and Pashto do not; one in a hundred tells it from a name in passing.
_URDU_LETTERS = re.compile("[ٹڈڑںےہھۓ]")
_URDU_SHARE = 0.01
_KANA_SHARE = 0.05
# A Chinese paragraph holds Latin names, a Latin one hardly ever Chinese; and a character says more than a letter.
_WEIGHTS = {"han": 3.0, "kana": 3.0, "hangul": 2.0}
_CANDIDATES = {
    "arabic": ("ar", "fa", "ps", "ug", "ur"),
    "cyrillic": ("be", "bg", "kk", "ky", "mk", "mn", "ru", "sr", "uk"),
    "devanagari": ("hi", "mr", "ne"),
    "latin": (
        *("af", "az", "bs", "ca", "cs", "cy", "da", "de", "en", "es", "et", "eu", "fi", "fr", "ga", "gl", "hr", "hu"),
        *("id", "is", "it", "lt", "lv", "ms", "nb", "nl", "nn", "no", "pl", "pt", "ro", "sk", "sl", "sq", "sv", "sw"),
        *("tl", "tr", "vi"),
    ),
}


class _Identifier(Protocol):
    @property
    def labels(self) -> list[str]: ...
    def set_languages(self, langs: list[str]) -> None: ...
    def classify(self, text: str) -> tuple[str, float]: ...


def detect(text: str) -> str:
    """The language of `text` in ISO 639-1, `und` where it is unsure; the first ten thousand characters are read."""
    sample = text[:_SAMPLE]
    counts = {script: len(pattern.findall(sample)) for script, pattern in _SCRIPTS.items()}
    script = max(counts, key=lambda name: (counts[name] * _WEIGHTS.get(name, 1.0), name))
    if not counts[script]:
        return UNKNOWN
    if script in {"han", "kana"}:
        return "ja" if counts["kana"] > _KANA_SHARE * (counts["han"] + counts["kana"]) else "zh"
    if script == "hangul":
        return "ko"
    if script == "arabic" and len(_URDU_LETTERS.findall(sample)) > _URDU_SHARE * counts["arabic"]:
        return "ur"
    if script not in _CANDIDATES:
        return script
    return _classified(sample, script) if counts[script] >= _FEWEST_LETTERS else UNKNOWN


def _classified(sample: str, script: str) -> str:
    language, probability = _classifier(script).classify(sample)
    return language if probability >= _LOWEST_PROBABILITY else UNKNOWN


@functools.cache
def _classifier(script: str) -> _Identifier:
    """py3langid, for the languages of one script only."""
    identifier = copy(_identifier())  # setting its languages replaces its tables, it changes none
    known = set(identifier.labels)
    identifier.set_languages([language for language in _CANDIDATES[script] if language in known])
    return identifier


@functools.cache
def _identifier() -> _Identifier:
    """py3langid, imported here for the texts that need it: it takes the better part of a second to load."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return cast("_Identifier", LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True))
