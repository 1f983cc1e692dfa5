"""Numbers as people write them, in English, Urdu and Chinese, each with its value, its kind and where it stands.

One regular expression cuts out the signs that a number may be made of; a short grammar then puts them together:
an amount with its currency and magnitude, a percentage, a year, or an ordinal with what it counts. What may be an
everyday word as well (the Urdu "a", the pronoun I, a single Han numeral) counts only where its neighbours say so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple, TypeAlias

from retrieval.analyze import INTEGER
from retrieval.datamodel import Span
from retrieval.numerals import (
    AFTER_GIVE,
    AFTER_PRONOUN,
    BEFORE_GIVE,
    BEFORE_PRONOUN,
    COUNTED,
    COUNTED_IN_URDU,
    GLUED_SCALES,
    HAN_COUNTED,
    HAN_DIGITS,
    HAN_NUMERAL,
    NUMBERED,
    Role,
    han_scale,
    han_value,
    sense,
)

__all__ = ["Quantity", "quantities"]

Kind: TypeAlias = Literal["cardinal", "ordinal", "year", "percent", "money"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in a text: equal values for equal amounts, whatever the language.

    `of` is the currency's code for money and what an ordinal counts ("phase" for every word of that meaning), where
    the text says so. `span` covers the whole phrase, with the currency, the magnitude and the percent sign.
    """

    value: float
    kind: Kind
    of: str | None
    span: Span


class _Token(NamedTuple):
    role: Role
    value: Decimal
    name: str
    start: int
    end: int
    is_guarded: bool = False


_Step: TypeAlias = tuple[list[Quantity], int]
_LONGEST_NUMBER = 24  # signs; longer ones are keys and hashes
_TOKEN = re.compile(
    rf"(?P<digits>(?:(?<!\d[.٫．]){INTEGER}[.٫．]\d+(?![.٫．]?\d)|{INTEGER})(?P<suffix>(?:st|nd|rd|th)\b|\s?ویں|\s?واں)?)"
    r"|(?P<phrase>[Pp]er\s[Cc]ent(?!\w)|فی\sصد(?!\w))"
    r"|(?P<latin>[Uu]\.[Ss]\.|[A-Za-z\u00c0-\u024f]+)"
    r"|(?P<arabic>[\u0620-\u065f\u066e-\u06d3\u06d5-\u06ef\u06fa-\u06fc\u200c]+)"
    rf"|(?P<rank>第\s?(?:\d{{1,4}}|{HAN_NUMERAL}{{1,9}}))"
    rf"|(?P<numeral>{HAN_NUMERAL}+(?:点[〇零一二三四五六七八九]+)?)(?!分之)"
    r"|(?P<sign>百分之|个?百分点|美元|美金|欧元|英镑|港元|日元|卢比|人民币|元|阶段|部分|世纪|季度|[期轮章卷]"
    r"|美国|巴基斯坦|印度|[$＄€£¥￥₨₹%％٪Ⅰ-Ⅻⅰ-ⅻ])"
)
_SEPARATORS = str.maketrans("٫．", "..", ",٬，")
_NEAR = re.compile(r"[ \t\u00a0\u202f]{0,2}[-‐‑]?\n?[ \t]{0,2}")
_PREFIXED = re.compile(r"[.:]?[ \t\u00a0]{0,2}")  # Rs. 142
_NUMBERED_GAP = re.compile(r"[ \t\u00a0\n]{0,2}|[ \t]?[-–‐‑][ \t]?|[.۔]")  # Phase-I; a full stop and a space part
_RANGE = re.compile("[-–/]")
_UP_TO = re.compile(r"\s?[-–—~～至到]\s?|\s(?:to|سے|تا)\s")  # 20 to 30 percent
_YEAR = re.compile(r"(?:19|20)\d\d$")
_CONJUNCTION = re.compile(r"\s?(?:,|、|/|&|and|or|to|اور|یا|و|和|[-–])\s?", re.IGNORECASE)
_AND = re.compile(r"[ -]and[ -]", re.IGNORECASE)
_ARTICLE_BEFORE = re.compile(r"(?<![\w'’])(?P<half>half[ -])?an?[ -]$", re.IGNORECASE)
_WORD_BEFORE = re.compile(r"([^\W\d_]+)([^\w]*)$")
_WORD_AFTER = re.compile(r"[ \t\u00a0]([^\W\d_]+)")
_GLUED_LETTERS = re.compile(r"[A-Za-z]+")
_QUANTIFIED = re.compile(r"(?:than|least|nearly|almost|approximately|roughly)\s$", re.IGNORECASE)


def quantities(text: str) -> list[Quantity]:
    """The numbers in `text`, in order, without overlap."""
    return list(_Reader(text).quantities())


def _tokens(text: str) -> Iterator[_Token]:
    """The signs of `text` that a number may be made of, in order."""
    digits_end = -1
    for match in _TOKEN.finditer(text):
        kind, written, (start, end) = match.lastgroup, match[0], match.span()
        if kind in {"digits", "numeral"} and len(written) > _LONGEST_NUMBER:
            continue
        if kind == "digits":
            yield _digits(match)
            digits_end = end
        elif kind == "rank":
            value = _rank(written)
            if value is not None:
                yield _Token(Role.ORDINAL, value, "", start, end)
        elif kind == "numeral":
            token = _han_scale(match) if start == digits_end else _han_number(text, match)
            if token is not None:
                yield token
        else:
            meaning = sense(written)
            if meaning is not None:
                yield _Token(meaning.role, meaning.value, meaning.name, start, end, meaning.is_guarded)


def _digits(match: re.Match[str]) -> _Token:
    """A number in digits; `name` is its plain digits where it may be a year, or empty."""
    suffix = match["suffix"] or ""
    written = match["digits"].removesuffix(suffix)
    plain = written if written.isdecimal() else written.translate(_SEPARATORS)
    name = plain if plain is written else ""
    return _Token(Role.ORDINAL if suffix else Role.DIGITS, Decimal(plain), name, *match.span())


def _rank(written: str) -> Decimal | None:
    counted = written[1:].strip()
    if counted.isdecimal():
        return Decimal(counted)
    return han_value(counted)


def _han_scale(match: re.Match[str]) -> _Token | None:
    """The magnitude right after digits."""
    value = han_scale(match[0])
    return None if value is None else _Token(Role.SCALE, value, "", *match.span())


def _han_number(text: str, match: re.Match[str]) -> _Token | None:
    """A number in Han numerals, or `None` where the same characters more likely belong to a word."""
    written, (start, end) = match[0], match.span()
    if text[max(0, start - 1) : start] in {"数", "几", "好"} or text[end : end + 1] == "几":
        return None
    if len(written) == 4 and all(character in HAN_DIGITS for character in written) and text[end : end + 1] == "年":
        year = "".join(str(HAN_DIGITS.index(character)) for character in written)
        return _Token(Role.DIGITS, Decimal(year), year, start, end)
    value = han_value(written)
    if value is None:
        return None
    before = text[max(0, start - 3) : start]
    if len(written) == 1 and not before.endswith("百分之"):
        if written in "百千万亿" or not HAN_COUNTED.match(text, end):
            return None
        if written == "一" and text[end] != "期":
            return None
    return _Token(Role.HAN, value, "", start, end)


class _Reader:
    """Puts the signs of one text together. Each `_read_…` looks at one position: what it found, and where to go on."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))

    def quantities(self) -> Iterator[Quantity]:
        position = 0
        while position < len(self._tokens):
            found, position = self._read(position)
            yield from found

    def _read(self, at: int) -> _Step:
        match self._tokens[at].role:
            case Role.HEAD:
                step = self._read_numbered(at)
            case Role.ORDINAL:
                step = self._read_ordinal(at)
            case Role.DIGITS:
                step = self._read_ordinal(at) or self._read_year(at) or self._read_amount(at)
            case Role.HAN:
                step = self._read_ordinal(at) or self._read_amount(at)
            case Role.FISCAL_YEAR:
                step = self._read_year(at)
            case Role.PER_HUNDRED:
                step = self._read_per_hundred(at)
            case Role.ROMAN | Role.PERCENT:
                step = None
            case _:
                step = self._read_amount(at)
        return step or ([], at + 1)

    def _token(self, at: int, *roles: Role) -> _Token | None:
        """The token at `at`, where there is one of these roles."""
        token = self._tokens[at] if at < len(self._tokens) else None
        return token if token and token.role in roles else None

    def _after(self, before: _Token, at: int, gap: re.Pattern[str], *roles: Role) -> _Token | None:
        """The token at `at`, where it is of these roles and nothing but `gap` parts it from `before`."""
        token = self._token(at, *roles)
        if token is None or not gap.fullmatch(self._text, before.end, token.start):
            return None
        return token

    def _next_word(self, end: int) -> str:
        match = _WORD_AFTER.match(self._text, end, end + 40)
        return match[1].casefold() if match else ""

    def _previous_word(self, start: int) -> str:
        match = _WORD_BEFORE.search(self._text, max(0, start - 24), start)
        return match[1].casefold() if match and not match[2].strip() else ""

    def _read_numbered(self, at: int) -> _Step | None:
        """Phase II, phase 1, فیز ون; and what is listed after it: phases I and II."""
        head = self._token(at, Role.HEAD)
        if head is None:
            return None
        number = self._after(head, at + 1, _NUMBERED_GAP, Role.ROMAN, Role.DIGITS, Role.SMALL)
        if number is None or not self._counts_after(head, number, at + 1):
            return None
        found = [Quantity(float(number.value), "ordinal", head.name, Span(head.start, number.end))]
        following = at + 2
        while True:
            listed = self._after(number, following, _CONJUNCTION, Role.ROMAN)
            if listed is None or (listed.value == 1 and self._text[listed.start] == "I"):
                return found, following
            number = listed
            found.append(Quantity(float(number.value), "ordinal", head.name, Span(number.start, number.end)))
            following += 1

    def _counts_after(self, head: _Token, number: _Token, at: int) -> bool:
        """Whether `number`, right after `head`, tells which one it is, and does not count what follows."""
        if head.name not in NUMBERED or number.value > 99 or number.value != int(number.value):
            return False
        if number.role is not Role.ROMAN:
            measured = self._after(number, at + 1, _NEAR, Role.SCALE, Role.PERCENT, Role.CURRENCY)
            return measured is None and not COUNTED.match(self._text, number.end)
        if self._text[number.start : number.end] != "I" or self._text[head.start].isupper():
            return True
        follower = self._next_word(number.end)
        return not follower if head.name != "phase" else follower not in AFTER_PRONOUN

    def _read_ordinal(self, at: int) -> _Step | None:
        """The second phase, the 14th session, 第一阶段, 二期, پہلے مرحلے; first and second phases."""
        token = self._token(at, Role.ORDINAL, Role.HAN, Role.DIGITS)
        if token is None:
            return None
        head = self._after(token, at + 1, _NEAR, Role.HEAD)
        if token.role is not Role.ORDINAL:
            if head is None or head.start != token.end or self._text[head.start : head.end] != "期":
                return None
            return [Quantity(float(token.value), "ordinal", "phase", Span(token.start, head.end))], at + 2
        if head is not None:
            return [Quantity(float(token.value), "ordinal", head.name, Span(token.start, head.end))], at + 2
        listed = self._after(token, at + 1, _CONJUNCTION, Role.ORDINAL)
        shared = self._after(listed, at + 2, _NEAR, Role.HEAD) if listed else None
        if token.is_guarded and shared is None:
            return [], at + 1
        if token.value == 2 and self._previous_word(token.start) in {"per", "every", "a"}:
            return [], at + 1
        of = shared.name if shared else None
        return [Quantity(float(token.value), "ordinal", of, Span(token.start, token.end))], at + 1

    def _read_year(self, at: int) -> _Step | None:
        """2024, 2024年, FY26, and both years of 2025-26."""
        marker = self._token(at, Role.FISCAL_YEAR)
        first = at + 1 if marker else at
        token = self._after(marker, first, _NUMBERED_GAP, Role.DIGITS) if marker else self._token(at, Role.DIGITS)
        if token is None or not token.name:
            return None
        value = int(token.value)
        if marker and len(token.name) == 2:
            value += 2000
        elif len(token.name) != 4 or not 1900 <= value < 2100 or (not marker and self._is_count(token, first)):
            return None
        end = token.end + 1 if self._text[token.end : token.end + 1] == "年" else token.end
        found = [Quantity(float(value), "year", None, Span(marker.start if marker else token.start, end))]
        second = self._after(token, first + 1, _RANGE, Role.DIGITS)
        is_next = second and len(second.name) == 2 and int(second.value) == (value + 1) % 100
        if second is None or not is_next or self._text[second.end : second.end + 1] in {"-", "/"}:
            return found, first + 1
        return [*found, Quantity(float(value + 1), "year", None, Span(second.start, second.end))], first + 2

    def _is_count(self, token: _Token, at: int) -> bool:
        """Whether four digits that look like a year tell how many."""
        text = self._text
        measured = self._after(token, at + 1, _NEAR, Role.SCALE, Role.PERCENT, Role.CURRENCY)
        return bool(
            measured
            or self._is_in_name(token)
            or COUNTED.match(text, token.end)
            or _QUANTIFIED.search(text, max(0, token.start - 16), token.start)
        )

    def _read_per_hundred(self, at: int) -> _Step | None:
        """百分之三十, and both of 百分之二十到三十."""
        sign = self._token(at, Role.PER_HUNDRED)
        number = self._after(sign, at + 1, _NEAR, Role.HAN, Role.DIGITS) if sign else None
        if sign is None or number is None:
            return None
        first = Quantity(float(number.value), "percent", None, Span(sign.start, number.end))
        second = self._after(number, at + 2, _UP_TO, Role.HAN, Role.DIGITS)
        if second is None:
            return [first], at + 2
        return [first, Quantity(float(second.value), "percent", None, Span(second.start, second.end))], at + 3

    def _read_amount(self, at: int) -> _Step | None:
        """A number with its magnitude, and the currency before or after it, or a percent sign."""
        before, first = self._currency(at)
        amount = self._amount(first)
        if amount is None:
            return None
        token, following = amount
        if before and not _PREFIXED.fullmatch(self._text, before.end, token.start):
            return None
        start = before.start if before else token.start
        if not before and self._is_in_name(token):
            return [], following
        glued = _GLUED_LETTERS.match(self._text, token.end)
        if glued and len(glued[0]) == 1 and glued[0] != "s":
            scale = GLUED_SCALES.get(glued[0].casefold()) if before else None
            if scale is None:
                return [], following
            token = token._replace(value=token.value * scale, end=glued.end())
        percent = self._after(token, following, _NEAR, Role.PERCENT)
        if percent or self._is_up_to_percent(token, following):
            end = percent.end if percent else token.end
            return [Quantity(float(token.value), "percent", None, Span(start, end))], following + bool(percent)
        after, beyond = self._currency(following)
        if after and _NEAR.fullmatch(self._text, token.end, after.start):
            more, further = self._currency(beyond)
            if more and _NEAR.fullmatch(self._text, after.end, more.start) and not self._amount(further):
                after, beyond = more, further
            of = before.name if before else after.name
            return [Quantity(float(token.value), "money", of, Span(start, after.end))], beyond
        kind: Kind = "money" if before else "cardinal"
        return [Quantity(float(token.value), kind, before.name if before else None, Span(start, token.end))], following

    def _is_up_to_percent(self, token: _Token, following: int) -> bool:
        """Whether this is the 20 of "20 to 30 percent"."""
        other = self._after(token, following, _UP_TO, Role.DIGITS, Role.SMALL)
        return other is not None and self._after(other, following + 1, _NEAR, Role.PERCENT) is not None

    def _currency(self, at: int) -> tuple[_Token | None, int]:
        """The currency at `at`, perhaps with its nation before it, and the position after; or nothing, and `at`."""
        token = self._token(at, Role.CURRENCY)
        if token:
            return token, at + 1
        nation = self._token(at, Role.NATION)
        token = self._after(nation, at + 1, _NEAR, Role.CURRENCY) if nation else None
        if nation is None or token is None:
            return None, at
        return token._replace(name=nation.name, start=nation.start), at + 2

    def _is_in_name(self, token: _Token) -> bool:
        """Whether the digits belong to a name: F-16, G20, ML-1."""
        if token.role is not Role.DIGITS or token.start == 0:
            return False
        position = token.start - 1
        text = self._text
        if text[position] == "-" and position > 0 and text[position - 1].isascii():
            return text[position - 1].isupper()
        return text[position].isascii() and text[position].isalpha()

    def _amount(self, at: int) -> tuple[_Token, int] | None:
        """The number that starts at `at` with all its magnitudes, as one token, and the position after it."""
        first = self._first(at)
        if first is None:
            return None
        token, position = first
        total, section, smallest = Decimal(0), token.value, Decimal("Infinity")
        last = token
        while position < len(self._tokens):
            scale = self._after(last, position, _NEAR, Role.SCALE)
            number = None if scale else self._continuation(last, position)
            if scale and scale.value == 100:
                if not section:
                    break
                section *= 100
            elif scale and section and scale.value < smallest:
                total, section, smallest = total + section * scale.value, Decimal(0), scale.value
            elif scale:
                total, section, smallest = (total + section) * scale.value, Decimal(0), scale.value
            elif number:
                section += number.value
            else:
                break
            last = self._tokens[position]
            position += 1
        if last is token and not self._is_number(token, position):
            return None
        amount = token._replace(value=total + section, end=last.end)
        return (self._scaled_like_its_range(amount, position) if last is token else amount), position

    def _scaled_like_its_range(self, token: _Token, following: int) -> _Token:
        """The 2 of "2-3 billion" is two billion."""
        other = self._after(token, following, _RANGE, Role.DIGITS)
        scale = self._after(other, following + 1, _NEAR, Role.SCALE) if other and not _YEAR.match(token.name) else None
        return token._replace(value=token.value * scale.value) if scale else token

    def _first(self, at: int) -> tuple[_Token, int] | None:
        """What an amount may start with, and the position after: a number, ساڑھے and a number, the a of "a million"."""
        token = self._token(at, Role.DIGITS, Role.SMALL, Role.HAN, Role.HALF, Role.SCALE)
        if token is None or token.role not in (Role.HALF, Role.SCALE):  # a tuple: an enum's hash is slow
            return (token, at + 1) if token else None
        if token.role is Role.HALF:
            number = self._after(token, at + 1, _NEAR, Role.SMALL, Role.DIGITS)
            return (token._replace(value=number.value + Decimal("0.5"), end=number.end), at + 2) if number else None
        article = _ARTICLE_BEFORE.search(self._text, max(0, token.start - 9), token.start)
        if article is None or self._previous_word(article.start()) in {"of", "many"}:
            return None
        one = Decimal("0.5") if article["half"] else Decimal(1)
        return token._replace(role=Role.SMALL, value=one, start=article.start(), end=token.start), at

    def _continuation(self, last: _Token, at: int) -> _Token | None:
        """The number at `at`, where it goes on with the one before: twenty-five, two hundred and six, 1亿2000万."""
        token = self._token(at, Role.SMALL, Role.DIGITS)
        if token is None:
            return None
        is_near = bool(_NEAR.fullmatch(self._text, last.end, token.start))
        if last.role is Role.SMALL:
            is_tens = last.value >= 20 and last.value % 10 == 0
            return token if is_near and is_tens and token.role is Role.SMALL and 0 < token.value < 10 else None
        if last.role is not Role.SCALE or not (is_near or _AND.fullmatch(self._text, last.end, token.start)):
            return None
        smaller = self._after(token, at + 1, _NEAR, Role.SCALE)
        if smaller and smaller.value < last.value:
            return token if is_near else None
        return token if token.role is Role.SMALL and last.value in {100, 1000} else None

    def _is_number(self, token: _Token, following: int) -> bool:
        """Whether a word on its own, without a magnitude, is a number, and not "a", "give", "new" or a pronoun."""
        if token.role is not Role.SMALL:
            return True
        text = self._text
        written = text[token.start : token.end].casefold()
        if token.is_guarded:
            is_percent = self._after(token, following, _NEAR, Role.PERCENT) is not None
            return is_percent or (written != "ایک" and bool(COUNTED_IN_URDU.match(text, token.end)))
        if written not in {"one", "دو"}:
            return token.end > token.start
        before, after = self._previous_word(token.start), self._next_word(token.end)
        if written == "one":
            return not (
                before in BEFORE_PRONOUN or after in {"of", "another"} or text[token.end : token.end + 1] in "'’"
            )
        return bool(after) and before not in BEFORE_GIVE and after not in AFTER_GIVE
