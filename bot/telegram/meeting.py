"""What is no question: a greeting, thanks, "who are you", a word, a novel. Each is met with a sentence of its own."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from bot.telegram.strings import Language, Strings

__all__ = ["Meeting", "Sentence", "language_of", "met", "sentence", "whole_number"]

LONGEST_CHARACTERS = 2000
MOST_WORDS = 300
FEWEST_LETTERS = 4  # of a single word of Chinese; an alphabet needs two words

Meeting: TypeAlias = Literal["greeting", "thanks", "who_are_you", "too_short", "too_long"]
Trouble: TypeAlias = Literal["busy", "expired", "failed", "one_moment", "too_many", "not_invited", "not_permitted"]
Sentence: TypeAlias = Meeting | Trouble

_SAID: dict[Meeting, re.Pattern[str]] = {
    "greeting": re.compile(
        r"(?:hi|hello|hey|hiya|good (?:morning|afternoon|evening|day)|greetings|salaa?m|as+alaa?m.{0,20}|"
        r"السلام علیکم.{0,30}|سلام|ہیلو|آداب|你好|您好|嗨|早上好|下午好|晚上好|大家好)"
        r"(?: there| all| everyone| bot| quoth)?",
        re.IGNORECASE,
    ),
    "thanks": re.compile(
        r"(?:thanks?|thank you|thx|ty|many thanks|cheers)(?: (?:so|very) much| a lot| quoth)?|"
        r"(?:بہت )?(?:بہت )?شکریہ|مہربانی|谢谢(?:你|您)?|多谢|感谢",
        re.IGNORECASE,
    ),
    "who_are_you": re.compile(
        r"(?:who|what) (?:are|r) (?:you|u)|what is this(?: bot)?|what can you do|what do you do|"
        r"(?:آپ|تم) کون (?:ہیں|ہو)|یہ کیا ہے|你是谁|您是谁|你是什么|你能做什么",
        re.IGNORECASE,
    ),
}
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")
_URDU = re.compile(r"[\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff]")
_CHINESE = re.compile(r"[\u3400-\u9fff]")
_LATIN = re.compile(r"[A-Za-z]")


def met(text: str) -> Meeting | None:
    """The sentence that a text is met with; None where it is a question to be answered."""
    bare = " ".join(_EDGES.sub("", text).split())
    for sentence, pattern in _SAID.items():
        if pattern.fullmatch(bare):
            return sentence
    words = bare.split()
    if len(text) > LONGEST_CHARACTERS or len(words) > MOST_WORDS:
        return "too_long"
    if len(_CHINESE.findall(bare)) >= FEWEST_LETTERS or len(words) > 1:
        return None
    return "too_short"


def language_of(text: str, chosen: str | None, client: str | None) -> Language:
    """The language to reply in: that of the text's script, else (a command, a picture) the chosen one, the client's."""
    if _URDU.search(text):
        return "ur"
    if _CHINESE.search(text):
        return "zh"
    if _LATIN.search(text):
        return "en"
    for told in (chosen, (client or "")[:2].lower()):
        match told:
            case "en" | "ur" | "zh":
                return told
    return "en"


def whole_number(text: str) -> int | None:
    """The number that somebody typed, or a button holds; None where it is none, or nobody can mean one so large."""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def sentence(words: Strings, name: Sentence) -> str:
    """The sentence in a language."""
    return str(getattr(words, name)).format(limit=words.number(LONGEST_CHARACTERS))
