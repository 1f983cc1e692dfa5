"""Draws the README's pictures: parts of the tests' conversations with the real model, as the Telegram app shows them.

    .venv/bin/python docs/pictures/draw.py

It needs the Debian packages chromium, pngquant, fonts-noto-core, fonts-noto-cjk and fonts-noto-color-emoji, and the
repository's `make setup-dev` (Pillow comes with weasyprint). The bot answers as it does; only the look is drawn here.
"""

from __future__ import annotations

import html
import itertools
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

_HERE = Path(__file__).parent
sys.path[:0] = [str(_HERE.parent.parent), str(_HERE.parent.parent / "tests")]

from telegram_chats import Shown  # noqa: E402 - found by the line above
from telegram_conversations import BOT, SAID, Scene, Turn, conversation, listening  # noqa: E402
from telegram_rules import Entity  # noqa: E402

SCALE = 2
MOST_PIXELS_HIGH = 1600
MOST_BYTES = 250_000


@dataclass(frozen=True, slots=True)
class Picture:
    """A file, and the screens in it side by side, each of some scenes of the conversation in one language."""

    name: str
    code: str
    is_dark: bool
    screens: Sequence[Sequence[str]]


PICTURES = (
    Picture("english.png", "en", is_dark=False, screens=[["question"], ["context"], ["near miss"]]),
    Picture("urdu.png", "ur", is_dark=True, screens=[["question"], ["upload asked"]]),
    Picture("chinese.png", "zh", is_dark=False, screens=[["question"], ["near miss"]]),
)


def main() -> None:
    """Holds the conversations, and draws."""
    with tempfile.TemporaryDirectory() as folder, listening(Path(folder)) as (server, _):
        for picture in PICTURES:
            scenes = {scene.name: scene for scene in conversation(server, SAID[picture.code])}
            page = Path(folder, "page.html")
            page.write_text(_page(picture, scenes), encoding="utf-8")
            _photograph(page, _HERE / picture.name, len(picture.screens))


def _photograph(page: Path, file: Path, screens: int) -> None:
    """The page as a PNG of few colours, without what is empty around it."""
    size = f"{screens * 420 + 60},{2 * MOST_PIXELS_HIGH}"
    options = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--force-device-scale-factor={SCALE}"]
    options += ["--default-background-color=00000000", f"--window-size={size}", f"--screenshot={file}"]
    subprocess.run(["chromium", *options, str(page)], check=True, capture_output=True)  # noqa: S603, S607
    with Image.open(file) as image:
        cropped = image.crop(image.getbbox())
    cropped.save(file)
    subprocess.run(["pngquant", "--force", "--strip", "--ext", ".png", "32", str(file)], check=True)  # noqa: S603, S607
    told = f"{file.name}: {cropped.width} × {cropped.height}, {file.stat().st_size // 1000} kB"
    if cropped.height > MOST_PIXELS_HIGH or file.stat().st_size > MOST_BYTES:
        raise SystemExit(f"too big: {told}")
    print(told)  # noqa: T201 - a script


def _page(picture: Picture, scenes: Mapping[str, Scene]) -> str:
    look = "dark" if picture.is_dark else "light"
    screens = "".join(_screen([scenes[name] for name in names]) for names in picture.screens)
    return (
        f'<!DOCTYPE html><html lang="{picture.code}"><meta charset="utf-8"><style>{_STYLE}</style>'
        f'<body class="{look}"><main>{screens}</main>'
    )


def _screen(scenes: Iterable[Scene]) -> str:
    turns = "".join(_turn(turn) for scene in scenes for turn in scene.turns if turn.shown)
    return f"<section>{_HEADER}<div class=chat>{turns}</div></section>"


def _turn(turn: Turn) -> str:
    assert turn.shown is not None  # noqa: S101 - those without are passed over
    side = "in" if turn.who == BOT else "out"
    rows = "".join(f"<div class=row>{''.join(map(_button, row))}</div>" for row in _labels(turn.shown))
    keys = f"<div class=keys>{rows}</div>" if rows else ""
    return f'<div class="turn {side}"><div class=bubble>{"".join(_blocks(turn.shown))}</div>{keys}</div>'


def _labels(shown: Shown) -> Iterator[list[tuple[str, str]]]:
    """The rows of buttons: each label, and the sign that Telegram sets into the button's corner."""
    for row in shown.keyboard:
        yield [(one.text, "↗" if one.url or one.switch_inline_query is not None else "") for one in row]


def _button(labelled: tuple[str, str]) -> str:
    label, sign = labelled
    corner = f"<i>{sign}</i>" if sign else ""
    return f'<div class=key dir="auto">{html.escape(label)}{corner}</div>'


def _blocks(shown: Shown) -> Iterator[str]:
    """The text in its paragraphs and quotes, each in the direction of its own first strong letter, as Telegram does."""
    text, position = shown.text.encode("utf-16-le"), 0
    quotes = [entity for entity in shown.entities if entity.type.endswith("blockquote")]
    for quote in [*quotes, None]:
        end = quote.offset if quote else len(text) // 2
        between = _paragraphs(text, position, end, shown.entities)
        if quote and between and not between[-1]:  # the line's end before a quote
            between.pop()
        if position and between and not between[0]:  # and the one after
            between.pop(0)
        yield from (f'<p dir="auto">{one}</p>' if one else "<p class=gap></p>" for one in between)
        if quote:
            position = quote.offset + quote.length
            inside = "<br>".join(_paragraphs(text, quote.offset, position, shown.entities))
            kind = "folded" if quote.type.startswith("expandable") else "open"
            yield f'<blockquote class={kind} dir="auto"><div>{inside}</div></blockquote>'


def _paragraphs(text: bytes, start: int, end: int, entities: Sequence[Entity]) -> list[str]:
    """Each line of a part of the text as HTML; places are UTF-16 units."""
    if start >= end:
        return []
    lines, at = [], start
    for line in text[2 * start : 2 * end].decode("utf-16-le").split("\n"):
        upto = at + len(line.encode("utf-16-le")) // 2
        lines.append(_inline(text, at, upto, entities))
        at = upto + 1
    return lines


_TAGS = {"bold": "b", "text_link": "u", "bot_command": "u", "mention": "u", "url": "u"}


def _inline(text: bytes, start: int, end: int, entities: Sequence[Entity]) -> str:
    spans = [
        (max(one.offset, start), min(one.offset + one.length, end), _TAGS[one.type])
        for one in entities
        if one.type in _TAGS and one.offset < end and start < one.offset + one.length
    ]
    edges = sorted({start, end, *(edge for low, high, _ in spans for edge in (low, high))})
    parts = []
    for low, high in itertools.pairwise(edges):
        tags = [tag for begins, ends, tag in spans if begins <= low and high <= ends]
        shown = html.escape(text[2 * low : 2 * high].decode("utf-16-le"))
        parts.append("".join(f"<{tag}>" for tag in tags) + shown + "".join(f"</{tag}>" for tag in reversed(tags)))
    return "".join(parts)


_HEADER = "<header><span class=back>‹</span><span class=face>Q</span><div><b>Quoth</b><small>bot</small></div></header>"
_STYLE = """
* { box-sizing: border-box; margin: 0; padding: 0 }
body { padding: 4px; font: 14px/18px "Noto Sans", "Noto Sans CJK SC", "Noto Sans Arabic", "Noto Color Emoji" }
.light { --wall: #d5e2ee; --bar: #fff; --ink: #000; --dim: #7d8b99; --in: #fff; --out: #e3fdc9; --accent: #2481cc;
         --quote: #2481cc14; --key: #6d8fae; --keyink: #fff; --edge: #c3cdd6 }
.dark { --wall: #0e1621; --bar: #17212b; --ink: #f5f5f5; --dim: #7f91a4; --in: #182533; --out: #2b5278;
        --accent: #6ab3f3; --quote: #6ab3f31f; --key: #22384d; --keyink: #e4eef7; --edge: #0b1119 }
:lang(ur) { line-height: 20px }
main { display: flex; gap: 24px; width: max-content; color: var(--ink) }
section { width: 390px; border-radius: 22px; overflow: hidden; background: var(--wall); border: 1px solid var(--edge) }
header { display: flex; align-items: center; gap: 10px; height: 54px; padding: 0 14px; background: var(--bar) }
header b, header small { display: block; line-height: 18px; font-size: 15px }
header small { color: var(--dim); font-size: 13px }
.back { color: var(--accent); font-size: 32px; line-height: 30px; padding-bottom: 6px }
.face { width: 36px; height: 36px; border-radius: 50%; background: #4f8fc9; color: #fff; text-align: center;
        font: bold 19px/36px "Noto Serif" }
.chat { padding: 10px 8px 12px; display: flex; flex-direction: column; gap: 8px }
.turn { max-width: 366px }
.in { align-self: flex-start }
.out { align-self: flex-end }
.bubble { padding: 7px 11px 8px; border-radius: 16px; overflow-wrap: break-word }
.in .bubble { background: var(--in); border-bottom-left-radius: 5px }
.out .bubble { background: var(--out); border-bottom-right-radius: 5px }
.gap { height: 10px }
u { color: var(--accent); text-decoration: none }
blockquote { position: relative; margin: 3px 0; padding: 3px 9px 4px; background: var(--quote); border-radius: 5px;
             border-inline-start: 3px solid var(--accent); font-size: 13.5px; line-height: 18px }
.folded div { display: -webkit-box; -webkit-line-clamp: 3; -webkit-box-orient: vertical; overflow: hidden }
.folded::after { content: "⌄"; position: absolute; right: 6px; bottom: 3px; color: var(--accent); font-size: 15px;
                 line-height: 15px }
.keys { margin-top: 4px; display: flex; flex-direction: column; gap: 4px }
.row { display: flex; gap: 4px }
.key { position: relative; flex: 1; padding: 6px 4px; border-radius: 8px; background: var(--key); color: var(--keyink);
       text-align: center; font-size: 13.5px; line-height: 20px; white-space: nowrap }
.key i { position: absolute; right: 5px; top: 2px; font: 9px/10px "DejaVu Sans"; opacity: 0.8 }
"""

if __name__ == "__main__":
    main()
