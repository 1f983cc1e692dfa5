"""The words that numbers are written with, in English, Urdu and Chinese, and the words that tell a number from a name.

They are lists to be read and added to; how the words of a text are put together is the matter of `quantities`.
"""

from __future__ import annotations

import re
from decimal import Decimal
from enum import Enum, auto
from functools import cache, lru_cache
from math import prod
from typing import NamedTuple

__all__ = [
    "AFTER_GIVE",
    "AFTER_PRONOUN",
    "BEFORE_GIVE",
    "BEFORE_PRONOUN",
    "COUNTED",
    "COUNTED_IN_URDU",
    "GLUED_SCALES",
    "HAN_COUNTED",
    "HAN_DIGITS",
    "HAN_NUMERAL",
    "NUMBERED",
    "Role",
    "Sense",
    "han_scale",
    "han_value",
    "sense",
]


class Role(Enum):
    """What a sign does in a number."""

    DIGITS = auto()
    SMALL = auto()  # a word for a number below a hundred
    HAN = auto()
    SCALE = auto()
    ORDINAL = auto()
    ROMAN = auto()
    HEAD = auto()
    CURRENCY = auto()
    NATION = auto()
    PERCENT = auto()
    PER_HUNDRED = auto()  # 百分之: the number follows
    FISCAL_YEAR = auto()
    HALF = auto()  # ساڑھے: and a half


class Sense(NamedTuple):
    """What a word means: its number, or its code or canonical head. A guarded word needs a neighbour that counts."""

    role: Role
    value: Decimal = Decimal(0)
    name: str = ""
    is_guarded: bool = False


HAN_NUMERAL = "(?:[〇零一二两三四五六七八九十百万亿]|千(?![瓦米克卡]))"
HAN_DIGITS = "〇一二三四五六七八九"
_HAN_SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}
# What is counted directly after a single numeral; without it 三 may stand in a name (三峡), 十 in "very" (十分).
HAN_COUNTED = re.compile(
    "[个名家年月日天次项位人条座米吨元成倍国岁届期户辆台艘架所周号%％]|公里|千米|千瓦|兆瓦|小时|分钟|阶段|美元|卢比|百分点"
)

# A bare 2024 before one of these is a number of them, not a year.
COUNTED = re.compile(
    r"[\s-]?(?:(?:mega|kilo|giga)?watts?|[mkg]w|kwh|kilomet(?:er|re)s?|km|met(?:er|re)s?|miles?|tons?|tonnes?|acres?|"
    r"hectares?|people|persons?|participants|students|workers|employees|soldiers|troops|jobs|houses|homes|families|"
    r"companies|enterprises|schools|units|points|seats|vehicles|buses|trucks|containers|barrels|years|days|hours|"
    r"delegates|members|villages|میگا|کلو|میٹر|ٹن|ایکڑ|افراد|لوگ|طلب|ملازم|خاندان|گھر|یونٹ|کمپنیو|کمپنیا|سال|"
    r"兆瓦|千瓦|公里|[米吨人名家个户辆台套所亩座条次项件艘架多余])",
    re.IGNORECASE,
)
COUNTED_IN_URDU = re.compile(
    r"\s(?:رکنی|روزہ|سالہ|ماہ|ماہی|سال|دن|دنوں|گھنٹے|منٹ|بجے|افراد|ممالک|کمپنیوں|منصوبے|منصوبوں|میگاواٹ|کلومیٹر|"
    r"میٹر|ٹن|ارکان|ستمبر|اکتوبر|نومبر|دسمبر|جنوری|فروری|مارچ|اپریل|مئی|جون|جولائی|اگست)(?!\w)"
)
BEFORE_GIVE = frozenset("دے کر بتا چھوڑ رکھ لکھ بھیج سنا بنا دکھا".split())
AFTER_GIVE = frozenset("کہ تو نا نہ گے گا جو".split())
BEFORE_PRONOUN = frozenset("no any every each this that which the another".split())
AFTER_PRONOUN = frozenset(
    "think am have had would will shall believe hope mean want know say said see saw do did can could may might"
    " should must mentioned told went made worked".split()
)
NUMBERED = frozenset(
    "phase part war class volume chapter article section unit tier grade group division category type step level"
    " season schedule".split()
)

_ENGLISH_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    " seventeen eighteen nineteen"
)
_ENGLISH_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ENGLISH_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth"
    " fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
)
_ROMANS = "i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx"
_URDU_SMALL = (
    "صفر ایک دو تین چار پانچ چھ سات آٹھ نو دس گیارہ بارہ تیرہ چودہ پندرہ سولہ سترہ اٹھارہ انیس بیس اکیس بائیس تئیس"
    " چوبیس پچیس چھبیس ستائیس اٹھائیس انتیس تیس اکتیس بتیس تینتیس چونتیس پینتیس چھتیس سینتیس اڑتیس انتالیس چالیس"
    " اکتالیس بیالیس تینتالیس چوالیس پینتالیس چھیالیس سینتالیس اڑتالیس انچاس پچاس اکیاون باون ترپن چون پچپن چھپن"
    " ستاون اٹھاون انسٹھ ساٹھ اکسٹھ باسٹھ تریسٹھ چونسٹھ پینسٹھ چھیاسٹھ سڑسٹھ اڑسٹھ انہتر ستر اکہتر بہتر تہتر چوہتر"
    " پچہتر چھہتر ستتر اٹھہتر اناسی اسی اکیاسی بیاسی تراسی چوراسی پچاسی چھیاسی ستاسی اٹھاسی نواسی نوے اکیانوے بانوے"
    " ترانوے چورانوے پچانوے چھیانوے ستانوے اٹھانوے ننانوے"
)
# Each is also an everyday word: a, new, base, better, that very, granddaughter, since.
_URDU_GUARDED = frozenset("ایک نو بیس بہتر اسی نواسی چون".split())
_URDU_ORDINALS = {
    1: "پہلا پہلی پہلے",
    2: "دوسرا دوسری دوسرے",
    3: "تیسرا تیسری تیسرے",
    4: "چوتھا چوتھی چوتھے",
    5: "پانچواں پانچویں",
    6: "چھٹا چھٹی چھٹے",
    7: "ساتواں ساتویں",
    8: "آٹھواں آٹھویں",
    9: "نواں نویں",
    10: "دسواں دسویں",
    11: "گیارہواں گیارہویں",
    12: "بارہواں بارہویں",
    13: "تیرہواں تیرہویں",
    14: "چودہواں چودہویں",
    15: "پندرہواں پندرہویں",
    20: "بیسواں بیسویں",
    21: "اکیسواں اکیسویں",
}
# Also before and ago, other, holiday, verse: an ordinal only directly before what it counts.
_URDU_GUARDED_ORDINALS = frozenset("پہلے دوسرا دوسری دوسرے چھٹی نویں".split())
_URDU_AFTER_HEAD = {1: "ون اول", 2: "ٹو دوم", 3: "تھری سوم", 4: "فور چہارم", 5: "فائیو پنجم"}
_SCALES = {
    12: "dozen",
    100: "hundred سو",
    10**3: "thousand thousands ہزار",
    10**5: "lakh lakhs lac lacs لاکھ",
    10**6: "million millions mn ملین",
    10**7: "crore crores کروڑ",
    10**9: "billion billions bn بلین ارب",
    10**11: "کھرب",
    10**12: "trillion trillions tn trn ٹریلین",
}
GLUED_SCALES = {"k": Decimal(10**3), "m": Decimal(10**6), "b": Decimal(10**9)}  # after money only: 350m is a length
_CURRENCIES = {
    "USD": "$ ＄ usd dollar dollars ڈالر ڈالرز 美元 美金",
    "PKR": "₨ rs pkr rupee rupees روپے روپیہ روپیے روپوں 卢比",
    "INR": "₹ inr",
    "CNY": "¥ ￥ cny rmb yuan یوآن 人民币 元",
    "EUR": "€ eur euro euros یورو 欧元",
    "GBP": "£ gbp پاؤنڈ 英镑",
    "HKD": "港元",
    "JPY": "yen ین 日元",
    "SAR": "riyal riyals ریال",
    "AED": "dirham dirhams درہم",
}
# The nation before a currency's name may change which one it is: Indian rupees, Canadian dollars.
_NATIONS = {
    "USD": "us u.s. american امریکی 美国",
    "PKR": "pakistani پاکستانی 巴基斯坦",
    "CNY": "chinese چینی",
    "INR": "indian بھارتی انڈین 印度",
    "CAD": "canadian کینیڈین",
    "AUD": "australian آسٹریلوی",
    "HKD": "hk",
}
_HEADS = {
    "phase": "phase phases stage stages فیز مرحلہ مرحلے 阶段 期",
    "part": "part parts حصہ حصے 部分",
    "round": "round rounds 轮",
    "century": "century صدی 世纪",
    "quarter": "quarter سہماہی 季度",
    "volume": "volume volumes 卷",
    "chapter": "chapter chapters باب 章",
    "war": "war wars",
    "class": "class classes",
    "category": "category categories",
    "congress": "congress",
} | {
    head: f"{head} {head}s"
    for head in (
        "session article section unit tier grade group division type step level season schedule corridor edition"
        " term tranche summit meeting conference forum anniversary visit half"
    ).split()
}
_LONGEST_WORD = 32
_ARABIC_VARIANTS = str.maketrans("يىكأۀ", "ییکاہ", "\u200c\u064b\u064e\u064f\u0650\u0651\u0652\u0670")


def sense(written: str) -> Sense | None:
    """What a word or a sign means for a number, in whatever case and letters it is written."""
    return _sense(written) if len(written) <= _LONGEST_WORD else _sense.__wrapped__(written)


@lru_cache(maxsize=2**14)  # words repeat; what is longer than a word will not come again
def _sense(written: str) -> Sense | None:
    return _lexicon().get(" ".join(written.translate(_ARABIC_VARIANTS).casefold().split()))


@cache
def _lexicon() -> dict[str, Sense]:
    """Every word that may belong to a number, and what it means."""
    senses: dict[str, Sense] = {}
    for word, number in zip(_ENGLISH_SMALL.split(), range(20), strict=True):
        senses[word] = Sense(Role.SMALL, Decimal(number))
    for word, number in zip(_ENGLISH_TENS.split(), range(20, 100, 10), strict=True):
        senses[word] = Sense(Role.SMALL, Decimal(number))
    for word, number in zip(_URDU_SMALL.split(), range(100), strict=True):
        senses[word] = Sense(Role.SMALL, Decimal(number), is_guarded=word in _URDU_GUARDED)
    for word, number in zip(_ENGLISH_ORDINALS.split(), range(1, 21), strict=True):
        senses[word] = Sense(Role.ORDINAL, Decimal(number))
    for word, number in zip(_ROMANS.split(), range(1, 21), strict=True):
        senses[word] = Sense(Role.ROMAN, Decimal(number))
    for number, sign in enumerate("ⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩⅪⅫ", start=1):
        senses[sign] = senses[sign.lower()] = Sense(Role.ROMAN, Decimal(number))
    for number, forms in _URDU_ORDINALS.items():
        for word in forms.split():
            senses[word] = Sense(Role.ORDINAL, Decimal(number), is_guarded=word in _URDU_GUARDED_ORDINALS)
    for number, forms in _URDU_AFTER_HEAD.items():
        senses |= dict.fromkeys(forms.split(), Sense(Role.ROMAN, Decimal(number)))
    for scale, forms in _SCALES.items():
        senses |= dict.fromkeys(forms.split(), Sense(Role.SCALE, Decimal(scale)))
    for role, table in ((Role.CURRENCY, _CURRENCIES), (Role.NATION, _NATIONS), (Role.HEAD, _HEADS)):
        for name, forms in table.items():
            senses |= dict.fromkeys(forms.split(), Sense(role, name=name))
    senses["per cent"] = senses["فی صد"] = Sense(Role.PERCENT)
    percent = "% ％ ٪ percent percentage pc فیصد 百分点 个百分点"
    senses |= dict.fromkeys(percent.split(), Sense(Role.PERCENT))
    senses["百分之"] = Sense(Role.PER_HUNDRED)
    senses["fy"] = Sense(Role.FISCAL_YEAR)
    senses["ساڑھے"] = Sense(Role.HALF)
    senses["ڈیڑھ"] = Sense(Role.SMALL, Decimal("1.5"))
    senses["ڈھائی"] = Sense(Role.SMALL, Decimal("2.5"))
    return senses


def han_scale(written: str) -> Decimal | None:
    """The value of a magnitude in Han numerals: 亿, 万亿, 千万."""
    if any(character not in _HAN_SCALES for character in written):
        return None
    return Decimal(prod(_HAN_SCALES[character] for character in written))


def han_value(written: str) -> Decimal | None:
    """The value of Han numerals that follow the grammar of numbers; 三四 (three or four) and 千万 (do) do not."""
    whole, _, fraction = written.partition("点")
    if whole[0] in "百千万亿":
        return None
    total = section = digit = 0
    has_digit = False
    for character in whole:
        scale = _HAN_SCALES.get(character)
        if scale is None:
            if has_digit and digit:
                return None
            digit, has_digit = 2 if character == "两" else "〇一二三四五六七八九零".index(character) % 10, True
        elif scale < 10**4:
            section += (digit if has_digit else 1) * scale
            digit, has_digit = 0, False
        else:
            section, digit, has_digit = section + digit, 0, False
            total, section = ((total + section) * scale, 0) if scale == 10**8 else (total + section * scale, 0)
    decimals = "".join(str("〇一二三四五六七八九零".index(character) % 10) for character in fraction)
    return Decimal(f"{total + section + digit}.{decimals or 0}")
