"""Text into sentence spans, where a reader would end them: English, Urdu, Arabic, Hindi, Chinese.

One regular expression finds the places where a sentence may end; a few plain rules then look at the word before and
the word after. What a rule cannot tell stays one sentence: a quote that is too long is still true.
"""

from __future__ import annotations

import re

from retrieval.datamodel import Span

__all__ = ["split"]

_CLOSING = "\"'”’」』）)\\]】》〉»"
_OPENING = "\"'“‘「『（([【《〈«"

# [1], [a], [citation needed], [来源请求]: a note on the sentence before it.
_NOTE = r"\[(?:\d{1,3}|[a-z][a-z ]{0,22}|[^\x00-\x7f]{1,8})\]"
# Urdu is often typed with “ and ‘ as the closing marks: they close where nothing follows them directly.
_CANDIDATE = re.compile(
    rf"(?P<mark>[.!?…]+|[。！？｡．؟۔।॥]+[.!?…。！？｡．؟۔।॥]*)"
    rf"(?P<closers>(?:[{_CLOSING}]|[“‘](?=[\s“‘{_CLOSING}]|$))*(?:{_NOTE})*)"
    r"|(?P<blank>\n[^\S\n]*\n|\u2029)"
)
_WHITE = re.compile(r"\s*")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_WORD_BEFORE = 24


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TITLES = _words(
    "adm adv amb asst atty brig capt cdr cmdr col comdr cpl cpt dr engr fr gen gov hon insp lt maj messrs mr mrs"
    " ms mt mx prof pte rep reps rev sen sens sgt smt supt डॉ प्रो श्री"
)
_LATIN = _words("e.g i.e eg ie cf viz vs v ca approx")
_BEFORE_NUMBER = _words(
    "no nos nr rs re vol p pp fig figs art sec ch para eq ext op pt us jan feb mar apr jun jul aug sep sept oct nov dec"
)
_MAYBE_LAST = _words(
    "inc ltd co corp bros jr sr st ave blvd rd dept univ etc al pvt llc plc jan feb mar apr aug sep sept oct nov "
    "dec ft assn govt"
)
_DOTTED = re.compile(r"(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,2}")
_COUNTED = _words("act article chapter class division grade group part phase schedule section stage type war")
_STARTERS = _words(
    "a according additionally after all also although an and another any as at because before besides both but by"
    " despite during each earlier even every following for from furthermore hence he her here his how however i if in"
    " instead it its last later many meanwhile moreover most my neither nevertheless no nobody none not now on once one"
    " only other others our over police she since so some still such that the their then there therefore these they"
    " this those though thus to today until we what when where whether while who why with yesterday yet you your"
)
_DOMAINS = _words("com net org gov edu co pk cn uk io ai tv info")
_SAID = (
    "said says asked asks added adds told tells wrote writes replied recalled remarked questioned wondered exclaimed"
    " declared shouted stated insisted quipped explained argued concluded tweeted posted continued"
).replace(" ", "|")
_ATTRIBUTION = re.compile(rf"\s+(?:[A-Z][\w.'’-]{{0,24}}\s+){{1,4}}(?:{_SAID})\b")
_ATTRIBUTION_HAN = re.compile(r"[^\s。！？“”，]{0,12}(?:说|表示|指出|称|强调|认为|写道|问道|问|告诉|介绍|答道|喊道)")
_HAN = re.compile(r"[㐀-鿿豈-﫿]")
_CLAUSE_GOES_ON_HAN = frozenset("的等之是和与及")
_ABBREVIATED = re.compile(r"[۔.][^\W\d_]{1,4}$")
_ABBREVIATION_GOES_ON = re.compile(r"[^\W\d_]{1,4}[۔.][^\W\d_]")


def split(text: str) -> list[Span]:
    """The sentences of `text`, one paragraph, in order: trimmed spans that cover all its characters but white space.

    A line break is white space, a blank line ends a sentence. Quotation marks and brackets that close right after a
    full stop belong to the sentence that they close.
    """
    spans: list[Span] = []
    start = 0
    for candidate in _CANDIDATE.finditer(text):
        end = _end(text, start, candidate)
        if end is not None:
            _append_trimmed(spans, text, start, end)
            start = end
    _append_trimmed(spans, text, start, len(text))
    return spans


def _append_trimmed(spans: list[Span], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    stripped = piece.strip()
    if stripped:
        first = start + len(piece) - len(piece.lstrip())
        spans.append(Span(first, first + len(stripped)))


def _end(text: str, start: int, candidate: re.Match[str]) -> int | None:
    """Where the sentence from `start` ends at this candidate, or `None` where it goes on."""
    mark, closers = candidate["mark"], candidate["closers"]
    end = candidate.end()
    if mark is None or end == len(text):
        return end
    follower = text[end]
    if follower in ",，、;；:：،؛":
        return None
    if mark[0] in ".!?…":
        return _end_at_western_mark(text, start, candidate)
    if mark[0] == "۔" and _is_inside_token(text, candidate.start(), end):
        return None
    if closers:
        return None if _goes_on_after_han_quotation(text, mark, closers, end) else end
    return end


def _is_inside_token(text: str, mark_at: int, end: int) -> bool:
    """Whether the stop stands inside a figure (2۔5) or between an abbreviation's letters (ایم۔کیو۔ایم)."""
    before, after = text[mark_at - 1 : mark_at], text[end]
    if before.isdigit() and after.isdigit():
        return True
    if not after.isalpha():
        return False
    return bool(_ABBREVIATION_GOES_ON.match(text, end) or _ABBREVIATED.search(text, max(0, mark_at - 6), mark_at))


def _goes_on_after_han_quotation(text: str, mark: str, closers: str, end: int) -> bool:
    if text[end].isspace():
        return False
    if mark[-1] in "？！?!" and (closers[-1] in "》〉）)】" or text[end] in _CLAUSE_GOES_ON_HAN):
        return True
    return closers[-1] in "》〉" or bool(_ATTRIBUTION_HAN.match(text, end, end + 20))


def _end_at_western_mark(text: str, start: int, candidate: re.Match[str]) -> int | None:
    closers, end = candidate["closers"], candidate.end()
    follower = text[end]
    if not follower.isspace():
        return _end_without_space(text, start, candidate)
    reached = _WHITE.match(text, end)
    following = reached.end() if reached else end
    if following == len(text):
        return end
    first = text[following]
    if first.islower() or first in ".!?…—,;:":
        return None
    if candidate["mark"][-1] != ".":
        quoted = bool(closers) and closers[-1] in "\"'”’"
        return None if quoted and _ATTRIBUTION.match(text, end, end + 140) else end
    if len(candidate["mark"]) > 1:
        return end
    return None if _is_abbreviation(text, start, candidate.start(), following) else end


def _is_abbreviation(text: str, start: int, mark_at: int, following: int) -> bool:
    """Whether the full stop at `mark_at` belongs to the word before it, and the sentence goes on at `following`."""
    words = text[max(start, mark_at - _WORD_BEFORE) : mark_at].split()
    if not words or text[mark_at - 1].isspace():
        return False
    written = words[-1].lstrip(_OPENING).rpartition("-")[2].rpartition("/")[2]
    word = written.lower()
    first = text[following]
    if word in _TITLES or word in _LATIN:
        return True
    if first.isdigit() and word in _BEFORE_NUMBER and (word not in {"no", "us", "re"} or written[0].isupper()):
        return True
    if written.isdigit() and len(written) <= 3 and not text[start : mark_at - len(written)].strip():
        return True
    next_word = _WORD.match(text, following)
    next_lower = next_word[0].lower() if next_word else ""
    if next_lower in {"com", "net", "org"}:
        return True
    if len(written) == 1 and written.isalpha() and not _HAN.match(written):
        counted = len(words) > 1 and words[-2].lower() in _COUNTED
        return not counted and next_lower not in _STARTERS
    if word in _MAYBE_LAST or _DOTTED.fullmatch(written):
        return next_lower not in _STARTERS
    return False


def _end_without_space(text: str, start: int, candidate: re.Match[str]) -> int | None:
    """The end where the next character follows at once: `growth.Therefore`, `week.“No`, but not `thenews.com.pk`."""
    mark, closers, mark_at, end = candidate["mark"], candidate["closers"], candidate.start(), candidate.end()
    follower = text[end]
    before = text[mark_at - 1 : mark_at]
    if follower in "“‘「『《":
        return end
    if _HAN.match(follower):
        ends = "…" not in mark and (mark[-1] in "!?") and not closers
        return end if ends or (closers and not _goes_on_after_han_quotation(text, mark, closers, end)) else None
    if not follower.isalpha() or follower.islower() or not before:
        return None
    if closers and closers[-1] in "\"'":
        opens = text.count(closers[-1], start, end - 1) % 2 == 0
        return end - 1 if opens else end
    if closers:
        return end
    if _is_arabic(follower):
        apart = _is_arabic(before) and not _is_inside_token(text, mark_at, end)
        return end if apart and not text[max(start, mark_at - 2) : mark_at - 1].isspace() else None
    return end if _starts_new_sentence(text, start, mark_at, end) else None


def _is_arabic(character: str) -> bool:
    return "؀" <= character <= "ۿ"


def _starts_new_sentence(text: str, start: int, mark_at: int, end: int) -> bool:
    next_word = _WORD.match(text, end)
    if next_word is None:
        return False
    word = next_word[0]
    if word.lower() in _DOMAINS or (len(word) > 1 and not word[1].islower() and word[1] not in "'’"):
        return False
    window = text[max(start, mark_at - _WORD_BEFORE) : mark_at].split()
    written = window[-1].lstrip(_OPENING) if window else ""
    if any(part in written for part in ("@", "://", "www.", "/")):
        return False
    last = written[-1:]
    if not (
        last.islower() or last.isdigit() or last in "%)" or (last.isupper() and written.isalpha() and len(written) > 1)
    ):
        return False
    known = written.lower()
    return len(written) > 1 and known not in _TITLES and known not in _MAYBE_LAST and known not in _BEFORE_NUMBER
