"""Text to lexical terms, by the script of each run of characters, never by the language of the whole text.

English words are stemmed (Snowball; Porter 1980), accents folded; words in Arabic script get one letter for each group
of variants and lose the commonest endings; Han, Kana and Hangul are cut into overlapping bigrams; digits of any script
become ASCII. Letters and digits part company ("$350m" gives
`350` and `m`, "F-16" and "F16" the same two terms), so that spelling does not decide what is found.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from threading import Lock
from typing import NamedTuple

import Stemmer

from retrieval.datamodel import Span

__all__ = ["INTEGER", "Placed", "Word", "content_terms", "placed", "terms", "words"]

_LONGEST_TERM = 64  # characters; a line of base64 must not become one term of a megabyte

_BIGRAM_SCRIPTS = (
    "\u1100-\u11ff\u3005-\u3007\u3021-\u3029\u3041-\u3096\u3099-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f"
    "\u3131-\u318e\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97c\uac00-\ud7fb\uf900-\ufaff"
    "\uff66-\uff9f\uffa1-\uffdc\U0001b000-\U0001b16f\U00020000-\U000323af"
)
_ARABIC_LETTERS = (
    "\u0620-\u064a\u066e\u066f\u0671-\u06d3\u06d5\u06e5\u06e6\u06ee\u06ef\u06fa-\u06fc\u06ff\u0750-\u077f"
    "\u0870-\u0887\u0889-\u088e\u08a0-\u08c9\ufb50-\ufbb1\ufbd3-\ufd3d\ufd50-\ufdfb\ufe70-\ufefc"
)
_ARABIC_MARKS = (
    "\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0897-\u089f\u08ca-\u08ff"
)
_JOINERS = "\u00ad\u200c\u200d"  # soft hyphen, zero width non-joiner and joiner: they shape a word, they do not end it
# Python's \w leaves out combining marks, and with them the vowels of Hindi: they are listed here, by general category.
_MARKS = "".join(chr(point) for point in range(0x300, 0x1E00) if unicodedata.category(chr(point))[0] == "M")
_LETTER = rf"[^\W\d_{_BIGRAM_SCRIPTS}{_ARABIC_LETTERS}]"
_WORD = rf"{_LETTER}(?:{_LETTER}+|[{_MARKS}{_JOINERS}]+)*"

# 8,000 and 1,50,000 are grouped, 2021,2022 is two years; 3.5 is a decimal, 27.06.2025 three numbers.
# The groups have a limit, or a row of a table ("12,34,56" and on) would be read again from each of its numbers. The
# Chinese comma parts numbers (100，200，300人); only between full-width digits it is their thousands sign.
_THOUSANDS = "(?:[,٬]|(?<=[０-９])，(?=[０-９]))"
INTEGER = rf"(?:\d{{1,3}}(?:{_THOUSANDS}\d{{2,3}}){{0,6}}{_THOUSANDS}\d{{3}}(?!\d)|\d+)"
_NUMBER = rf"(?:(?<!\d[.٫．]){INTEGER}[.٫．]\d+(?![.٫．]?\d)|{INTEGER})(?:(?:st|nd|rd|th|ST|ND|RD|TH)\b)?"
_TOKEN = re.compile(
    rf"(?P<number>{_NUMBER})"
    rf"|(?P<bigrams>[{_BIGRAM_SCRIPTS}]+)"
    rf"|(?P<arabic>[{_ARABIC_LETTERS}][{_ARABIC_LETTERS}{_ARABIC_MARKS}{_JOINERS}]*)"
    rf"|(?P<initials>(?<!\w)(?:[A-Za-z]\.)+[A-Za-z](?!\w))"
    rf"|(?P<word>{_WORD}(?:['’ʼ＇]{_WORD})*)"
)
# One reader's character: a consonant with its vowels where Hangul or Kana come decomposed.
_CLUSTER = re.compile(r"[\u1100-\u115f][\u1160-\u11a7][\u11a8-\u11ff]?|.[\u3099\u309a\uff9e\uff9f]*", re.DOTALL)

_ACCENTS = re.compile(r"[\u0300-\u036f]")
_UNDECOMPOSED = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th"})
_APOSTROPHES = str.maketrans("’ʼ＇", "'''")
_SILENT = re.compile(rf"[{_JOINERS}]")

_ARABIC_SILENT = re.compile(rf"[{_ARABIC_MARKS}{_JOINERS}\u0640]|ء$")
_ARABIC_VARIANTS = str.maketrans("يىئېكڪهەةۀۂۃؤأإآٱۓ", "ییییککہہہہہہوااااے")
# In Urdu ھ marks an aspirate (کھا, eat, is not کہا, said); after any other letter people type ھ and ہ alike.
_ASPIRATE_TYPED_FOR_HEH = re.compile("(?<![بپتٹجچدڈڑکگ])ھ")
# The article of Arabic (Recall@1 on XQuAD 81.4 -> 87.8 %) and the endings of Urdu plurals and genders (60.9 -> 62.7 %
# on 1,500 paragraphs of UQA). Enough letters must be left: والدین (parents) is not دین (faith).
_ARABIC_ARTICLE = re.compile("^(?:ال(?=...)|[وفبک]ال(?=....)|لل(?=...))")
_URDU_ENDING = re.compile("(?<=..)(?:یوں|یاں|وں|یں|ے|ا|ی|ہ)$")


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ACRONYMS_LIKE_STOPWORDS = frozenset({"IT", "US", "WHO"})
_ENGLISH_STOPWORDS = _listed(
    """
    a about after all also am an and any are aren't as at be been before being between both but by can can't
    could did didn't do does doesn't doing don't during each every for from had has hasn't have haven't he her
    here hers him his how how's i i'm if in into is isn't it it's its itself just let let's many me more most
    much my no nor of off on once only or other our out over own per please s same she should so some such t
    tell than that that's the their them then there there's these they this those through to too under until up
    upon us very was wasn't we were weren't what what's when when's where where's which while who who's whom
    whose why with would you your
    """
)
_URDU_STOPWORDS = _listed(
    """
    کا کی کے کو نے سے میں پر ہے ہیں تھا تھی تھے ہو ہوا ہوی ہوے ہوں ہوگا ہوگی ہوتا ہوتی ہوتے اور یا کہ یہ وہ اس
    ان جو جس جن اسے انہیں انہوں اسی بھی تک لیے گا گی گے کر کرنا کرنے کرتا کرتے کرتی کیا کیے رہا رہی رہے جا گیا
    گیی گیے تو ہی ایک ساتھ والا والی والے اپنا اپنی اپنے ہم اپ ہمارے کون کونسا کونسی کونسے کس کن کب کہاں کیسے
    کیسا کیسی کیوں کتنا کتنی کتنے بتاو بتایں
    """
)
# Only characters that are rarely part of another word: 和 stands in 和平 (peace), 及 in 埃及 (Egypt).
_CHINESE_STOPWORDS = re.compile(
    "为什么|什么|怎么样|怎么|怎样|如何|多少|多大|多长|多久|几个|几年|几月|几次|几天|哪些|哪个|哪里|哪儿|哪位|哪年|哪|谁|何时|何地|"
    "请问|是否|这个|那个|这些|那些|我们|你们|他们|以及|的|了|吗|呢|吧|是|着"
)

_stemmer = Stemmer.Stemmer("english", 0)  # without its own cache: _pieces remembers whole tokens
_stemmer_lock = Lock()  # one stemmer must not work for two threads at a time


@dataclass(frozen=True, slots=True)
class Word:
    """A term, and the code points of the original text it came from. Bigrams of one run overlap."""

    term: str
    span: Span
    is_stopword: bool


class Placed(NamedTuple):
    """A term; `start` and `end` count code points from the text's first, or a token's."""

    term: str
    start: int
    end: int
    is_stopword: bool


def terms(text: str) -> list[str]:
    """The terms of `text`, in order, with repeats: what is indexed, and what a question is searched by."""
    found: list[str] = []
    for match in _TOKEN.finditer(text):
        if match.lastgroup == "bigrams":
            found += _pairs([character for character, _, _ in _characters(match[0])])
        else:
            found += [piece.term for piece in _pieces_of(match)]
    return found


def content_terms(text: str) -> list[str]:
    """The terms of `text` that bear meaning: without stopwords and the words questions are made of."""
    return [piece.term for match in _TOKEN.finditer(text) for piece in _pieces_of(match) if not piece.is_stopword]


def words(text: str) -> list[Word]:
    """The same terms as `terms`, each with where it stands; sorted by the start of its span."""
    return [Word(piece.term, Span(piece.start, piece.end), piece.is_stopword) for piece in placed(text)]


def placed(text: str) -> list[Placed]:
    """The same as `words`, in plain tuples: for whoever looks through much text."""
    found: list[Placed] = []
    for match in _TOKEN.finditer(text):
        first = match.start()
        found += [Placed(term, first + start, first + end, stop) for term, start, end, stop in _pieces_of(match)]
    return found


def _pieces_of(match: re.Match[str]) -> tuple[Placed, ...]:
    kind, token = match.lastgroup or "", match[0]
    if kind == "bigrams":
        return _bigrams(token)
    if len(token) <= _LONGEST_TERM:
        return _pieces(kind, token)
    return _pieces.__wrapped__(kind, token)  # what will not come again is not remembered


@lru_cache(maxsize=2**15)
def _pieces(kind: str, token: str) -> tuple[Placed, ...]:
    """The terms of a token that is no run of bigrams; tokens repeat, so they are remembered."""
    whole = len(token)
    if kind == "number":
        return (Placed(_number(token), 0, whole, is_stopword=False),)
    if kind == "initials":
        return (Placed(token.replace(".", "").casefold(), 0, whole, is_stopword=False),)
    composed = unicodedata.normalize("NFKC", token)
    if composed != token and _TOKEN.fullmatch(composed) is None:
        # ½ is 1⁄2 and ﷺ a sentence: no longer one token, and each part stands for the whole sign.
        return tuple(Placed(term, 0, whole, is_stopword=False) for term in terms(composed))
    if kind == "arabic":
        unified = _unified(composed)
        stem = _URDU_ENDING.sub("", _ARABIC_ARTICLE.sub("", unified))
        return (Placed(stem, 0, whole, is_stopword=unified in _URDU_STOPWORDS),) if stem else ()
    term = _folded(composed)
    is_stopword = term in _ENGLISH_STOPWORDS and composed not in _ACRONYMS_LIKE_STOPWORDS
    if term.isascii():
        with _stemmer_lock:
            term = _stemmer.stemWord(term)
    return (Placed(term, 0, whole, is_stopword=is_stopword),)


def _number(token: str) -> str:
    """Digits of any script in ASCII, with a point for decimals and nothing between thousands."""
    digits = []
    for character in token[:_LONGEST_TERM]:
        value = unicodedata.decimal(character, None)
        if value is not None:
            digits.append(str(value))
        elif character in ".٫．":
            digits.append(".")
    return "".join(digits)


def _folded(token: str) -> str:
    """A word without case, accents and invisible characters."""
    if token.isascii():
        return token.casefold()[:_LONGEST_TERM]
    plain = _SILENT.sub("", token).translate(_APOSTROPHES).casefold()
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", plain)).translate(_UNDECOMPOSED)
    return unicodedata.normalize("NFKC", bare)[:_LONGEST_TERM]


def _unified(token: str) -> str:
    """A word of Arabic script with one letter for each group of variants, without vowel signs; perhaps empty."""
    bare = _ARABIC_SILENT.sub("", token).translate(_ARABIC_VARIANTS)
    return _ASPIRATE_TYPED_FOR_HEH.sub("ہ", bare)[:_LONGEST_TERM]


def _bigrams(run: str) -> tuple[Placed, ...]:
    """Overlapping pairs of characters, each with where it stands. What touches a stopword is one."""
    characters = _characters(run)
    stopwords = {position for match in _CHINESE_STOPWORDS.finditer(run) for position in range(*match.span())}
    starts = [start for _, start, _ in characters]
    ends = [end for _, _, end in characters]
    return tuple(
        Placed(term, start, end, not stopwords.isdisjoint(range(start, end)))
        for term, start, end in zip(
            _pairs([character for character, _, _ in characters]), starts, ends[1:] or ends, strict=False
        )
    )


def _pairs(characters: list[str]) -> list[str]:
    """The bigrams of a run; a run of one stays as it is."""
    if len(characters) == 1:
        return characters
    return [first + second for first, second in pairwise(characters)]


def _characters(run: str) -> list[tuple[str, int, int]]:
    """The composed characters of a run, each with where it starts and ends in it."""
    if unicodedata.is_normalized("NFKC", run):
        return [(character, position, position + 1) for position, character in enumerate(run)]
    return [(unicodedata.normalize("NFKC", match[0]), *match.span()) for match in _CLUSTER.finditer(run)]
