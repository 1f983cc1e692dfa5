"""Every sentence that a reader can see, in English, Urdu and Chinese: a file each, in the form of `wording.py`."""

from __future__ import annotations

from typing import TypeAlias

from bot.telegram import strings_en, strings_ur, strings_zh, wording

__all__ = ["EN", "UR", "ZH", "Language", "Strings", "strings"]

Language: TypeAlias = wording.Language
Strings: TypeAlias = wording.Strings

EN = strings_en.EN
UR = strings_ur.UR
ZH = strings_zh.ZH

_ALL: dict[Language, Strings] = {"en": EN, "ur": UR, "zh": ZH}


def strings(language: Language) -> Strings:
    """The sentences of the reader's language."""
    return _ALL[language]
