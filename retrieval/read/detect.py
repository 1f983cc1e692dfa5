"""Which old encoding bytes are convincingly in, if any. A refused file costs a minute, a wrong character trust."""

from __future__ import annotations

import re

__all__ = ["detected", "foreign_share"]

_SAMPLE_BYTES = 65_536

# Isolated, so that a rare encoding cannot win by chance. Others are refused, not guessed; so are those of Korean and
# Japanese, which stand here because short lines of Chinese and theirs are each other's likely misreadings.
_DETECTED = ["utf_16_le", "utf_16_be", "gb18030", "big5", "cp1256", "cp1251", "cp1252", "shift_jis", "euc_kr"]
_REFUSED = {"shift_jis", "euc_kr"}
_HIGHEST_MESS = 0.1
_FEWEST_FOREIGN_BYTES = 10
# Whole texts in an old encoding are foreign to a third and more (Chinese UTF-16 among names and figures);
# a damaged file in ASCII or UTF-8 to a few bytes in a thousand.
_LOWEST_FOREIGN_SHARE = 0.2
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]")

_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_LOWER = "a-zà-öø-üšœžß"
_UPPER = "A-ZÀ-ÖØ-ÜŠŒŽ"
# What Windows-1252 text hardly holds. Elsewhere in these places stand letters of Polish, Czech, Turkish or the Mac.
_UNLIKELY_WESTERN = re.compile(
    "[‚ƒˆ˜‰¡¤¦¨¬¯´¶¸¹¿÷ÐÝÞðýþÿŸ\x81\x8d\x8f\x90\x9d]"
    f"|[{_LOWER}{_UPPER}][“„«‹]|[”»›][{_LOWER}{_UPPER}]"
    f"|[{_LOWER}{_UPPER}][•€£¥¢™©®°§†‡±×½¼¾²³µºª][{_LOWER}{_UPPER}]"
    "|[à-öø-üšœžß](?=[A-Z])"
    f"|(?<![{_LOWER}{_UPPER}])™|(?<=[{_LOWER}])[À-ÖØ-ÜŠŒŽ]|[À-ÖØ-ÜŠŒŽ](?=[A-Z][a-z])"
    f"|(?<![{_LOWER}{_UPPER}])[á-öø-üšœžßÁ-ÖØ-ÜŠŒŽ](?![{_LOWER}{_UPPER}])"
)

_HANGUL = re.compile("[\uac00-\ud7a3]")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_HAN_SAMPLE = 2000
_LOWEST_COMMON_SHARE = 0.8
# The rows where the national standards put the characters of daily use: half their Han, nearly all of what is printed.
_COMMON_ROWS = (("gb2312", range(0xB0, 0xD8)), ("big5", range(0xA4, 0xC7)))


def foreign_share(raw: bytes) -> float:
    """The share of bytes that neither UTF-8 nor printable: what speaks for another encoding."""
    return _foreign(raw) / max(len(raw), 1)


def detected(raw: bytes) -> str | None:
    """The old encoding that `raw` is convincingly in, if any; the guess is by its first 64 KiB."""
    foreign = _foreign(raw)
    if foreign < _LOWEST_FOREIGN_SHARE * len(raw):
        return "cp1252" if b"\0" not in raw and _is_western(raw) else None
    if foreign < _FEWEST_FOREIGN_BYTES:
        return None
    sample = raw
    if len(raw) > _SAMPLE_BYTES:  # cut between lines, where no character of several bytes is cut in two
        sample = raw[: _SAMPLE_BYTES // 2 * 2]
        sample = sample[: sample.rfind(b"\n") & ~1] if b"\n" in sample and b"\0" not in sample else sample

    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=_DETECTED).best()
    if best is None or best.chaos > _HIGHEST_MESS or (best.encoding == "cp1252" and best.coherence == 0):
        return None
    return best.encoding if best.encoding not in _REFUSED and _is_everyday(str(best)) else None


def _foreign(raw: bytes) -> int:
    valid = raw.decode("utf-8", "ignore")
    return len(raw) - len(valid.encode()) + sum(1 for _ in _CONTROL.finditer(valid))


def _is_western(raw: bytes) -> bool:
    """Whether bytes past ASCII stand alone, and where Windows-1252 has curly quotes and the letters of names.

    Detectors take an English page with three curly quotes for Big5 or Cyrillic; there, such bytes stand together.
    """
    runs = alone = 0
    for run in _HIGH_RUN.finditer(raw):
        runs += 1
        alone += len(run[0]) == 1
    return alone >= 0.8 * runs > 0 and not _UNLIKELY_WESTERN.search(raw.decode("cp1252", "replace"))


def _is_everyday(text: str) -> bool:
    """Whether `text` is what people write: bytes that are no Han come out as rare ones, Chinese also as hangul."""
    if _HANGUL.search(text):
        return False
    characters = _HAN.findall(text)[:_HAN_SAMPLE]
    return sum(map(_is_common, characters)) >= _LOWEST_COMMON_SHARE * len(characters)


def _is_common(character: str) -> bool:
    return any(character.encode(encoding, "replace")[0] in rows for encoding, rows in _COMMON_ROWS)
