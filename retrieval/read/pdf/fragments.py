"""The letters of a page into fragments: words side by side, without the raised marks of notes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from retrieval.read.pdf.letters import BREAK, CJK, RIGHT_TO_LEFT, WIDEST_SPACE, Fragment, Letters, is_on_page
from retrieval.read.pdf.right_to_left import fragments_both_ways

__all__ = ["SAME_LINE", "fragments"]

SAME_LINE = 0.4  # em between the baselines of one line

_TOKEN = re.compile(r"[^\s\x00-\x1f\x7f-\x9f]+\x02?")
_PHYSICAL_LINE = re.compile(r"[^\r\n\x02]+\x02?")
_LETTER = re.compile(r"[^\W\d_]")
# A word with a note's mark on it, were the mark raised: `list.1`, `tax*,`; or a note's first word, `1The`.
_MAY_BE_MARKED = re.compile(r"[\W\d_]*[^\W\d_].*[\d*†‡§]|[\d*†‡§]+\W*[^\W\d_]")
_MARK = re.compile(r"\d{1,3}|[*†‡§]{1,3}|[a-z]")
_UNIT_OR_VARIABLE = re.compile(r"(?<![^\W\d_])(?:[^\W\d_]|[kcdm]m|mi|ft|yd|in|sec)$")
_NOTE_NUMBER = re.compile(r"(?m)^[^\S\n]*(\d{1,3}|[*†‡§]{1,3})")
_PRESENTATION_FORM = re.compile("[\ufb00-\ufb06\ufb13-\ufb17\ufb1d-\ufbb1\ufbd3-\ufd3d\ufd50-\ufdc7\ufe70-\ufefc]+")
_SMALL = 0.85  # of the letters before it: a mark's
_SAME_SPACE = 0.03  # em between the spaces of a stretched line


def fragments(letters: Letters) -> list[Fragment]:
    """The fragments of a page, mirrored where it is read from the right, so that lines begin at their left.

    Text that stands on its side beside the page's own is left out, as what libraries stamp on margins.
    """
    found: list[Fragment] = []
    notes = set(_NOTE_NUMBER.findall(letters.text))
    from_right = len(RIGHT_TO_LEFT.findall(letters.text))
    for line in _PHYSICAL_LINE.finditer(letters.text):
        if from_right and RIGHT_TO_LEFT.search(line[0]):
            found.extend(fragments_both_ways(letters, *line.span()))
        else:
            _add_words(letters, *line.span(), notes, found)
    found = _unstretched(found)
    is_from_right = 2 * from_right > len(_LETTER.findall(letters.text))
    for fragment in found:
        # Letters in their own form, where a PDF has them in that of a place in a word or of a ligature.
        fragment.text = _PRESENTATION_FORM.sub(lambda forms: unicodedata.normalize("NFKC", forms[0]), fragment.text)
        if is_from_right:
            fragment.left, fragment.right = -fragment.right, -fragment.left
    return found


def _add_words(letters: Letters, start: int, end: int, notes: set[str], found: list[Fragment]) -> None:
    """Adds the words of a left-to-right line to the fragments, the last of which may go on."""
    text = letters.text
    for token in _TOKEN.finditer(text, start, end):
        word = _word(letters, *token.span(), notes)
        if word is None:
            continue
        before = found[-1] if found else None
        if before and _is_raised_mark(word, before):
            is_kept = _is_kept(before.text, word.text, notes)
            before.text += word.text if is_kept else word.text.lstrip("0123456789*†‡§")
            before.right = max(before.right, word.right)
            before.ends_in_space = word.ends_in_space
            continue
        if not word.text:
            continue
        if before and _is_mark_of_line(before, word):
            found.pop()
            before = found[-1] if found else None
        if before and _is_beside(before, word):
            touches_cjk = CJK.match(word.text) or CJK.match(before.text[-1])
            is_apart = before.ends_in_space or not touches_cjk or word.left - before.right > 0.5 * word.em
            is_after_space = not token.start() or text[token.start() - 1].isspace()
            before.text += " " + word.text if is_apart and is_after_space else word.text
            before.right, before.em = max(before.right, word.right), max(before.em, word.em)
            before.ends_in_space = word.ends_in_space
        elif not letters.is_on_its_side(token.start()):
            found.append(word)


def _word(letters: Letters, start: int, end: int, notes: set[str]) -> Fragment | None:
    """A word by itself; `None` where it stands nowhere on the page."""
    left, right, bottom, top = letters.box(start)
    base, em = letters.base(start), letters.em(start, top - bottom)
    if not is_on_page(left, right, base, em):
        return None
    _, last_right, last_bottom, last_top = letters.box(end - 1) if end - start > 1 else (left, right, bottom, top)
    text = letters.text[start:end].replace(BREAK, "-")
    if abs((last_top - last_bottom) - (top - bottom)) > 0.1 * em or _MAY_BE_MARKED.match(text):
        text = _unmarked(letters, start, end, notes)
        last_em = letters.em(end - 1, last_top - last_bottom)
        if last_em > em:
            base, em = letters.base(end - 1), last_em
    after = end + (letters.text[end : end + 1] == "\x00")  # the second half of a pair
    return Fragment(text, left, max(right, last_right), base, em, letters.is_written_space(after))


def _is_raised_mark(word: Fragment, before: Fragment) -> bool:
    return (
        word.em < _SMALL * before.em
        and 0.1 < (word.base - before.base) / before.em < 0.8
        and abs(word.left - before.right) < 0.4 * before.em
        and _MARK.fullmatch(word.text.rstrip(".,;:")) is not None
    )


def _is_mark_of_line(mark: Fragment, word: Fragment) -> bool:
    """Whether a small raised number stands before the first word of a line."""
    return (
        mark.text.isdigit()
        and len(mark.text) < 4
        and mark.em < _SMALL * word.em
        and -0.1 * word.em < word.left - mark.right < 3 * word.em
        and 0.1 < (mark.base - word.base) / word.em < 0.8
    )


def _is_beside(before: Fragment, word: Fragment) -> bool:
    em = max(word.em, before.em)
    gap = word.left - before.right
    return abs(word.base - before.base) < SAME_LINE * em and -0.3 * word.em < gap < WIDEST_SPACE * em


def _unmarked(letters: Letters, start: int, end: int, notes: set[str]) -> str:
    """A word without the raised marks of notes."""
    boxes = [letters.box(index) for index in range(start, end)]
    heights = [top - bottom for _, _, bottom, top in boxes]
    tall = max(heights)
    base = letters.base(start + heights.index(tall))
    is_raised = [
        height < _SMALL * tall and letters.base(index) > base + 0.1 * tall
        for index, height in enumerate(heights, start)
    ]
    kept = ""
    for run in re.finditer("r+|.", "".join("r" if raised else "." for raised in is_raised)):
        part = letters.text[start + run.start() : start + run.end()].replace(BREAK, "-")
        is_mark = run[0][0] == "r" and _MARK.fullmatch(part.rstrip(".,")) and not part.isalpha()
        if not is_mark or _is_kept(kept, part, notes):
            kept += part
    return kept


def _is_kept(before: str, mark: str, notes: set[str]) -> bool:
    """Whether a raised number is a power (14 km2, 10 6), not a note's mark; unless a line begins with that number."""
    number = mark.rstrip(".,;:")
    if not number.isdigit():
        return mark[:1].isalpha()
    if before[-1:].isdigit():
        return number not in notes
    return _UNIT_OR_VARIABLE.search(before) is not None


def _unstretched(found: Sequence[Fragment]) -> list[Fragment]:
    """The fragments, where words that spaces of one width part are one: a line that was stretched to its column's."""
    runs: list[list[Fragment]] = []
    for fragment in found:
        before = runs[-1][-1] if runs else None
        if before and before.base == fragment.base and before.right < fragment.left:
            runs[-1].append(fragment)
        else:
            runs.append([fragment])
    whole: list[Fragment] = []
    for position, run in enumerate(runs):
        gaps = [second.left - first.right for first, second in pairwise(run)]
        beside = runs[max(0, position - 1) : position] + runs[position + 1 : position + 2]
        # The cells of a table may stand at one distance too: a stretched line ends where the one beside it does.
        is_even = (
            len(run) > 2
            and max(gaps) - min(gaps) < _SAME_SPACE * run[0].em
            and any(abs(line[-1].right - run[-1].right) < 0.2 * run[0].em for line in beside)
        )
        if is_even and not any(" " in fragment.text for fragment in run):
            text = " ".join(fragment.text for fragment in run)
            whole.append(replace(run[-1], text=text, left=run[0].left, em=max(fragment.em for fragment in run)))
        else:
            whole.extend(run)
    return whole
