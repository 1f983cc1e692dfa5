"""A character table as SentencePiece's precompiled map: the form in which `tokenizers` takes a normaliser.

The map is a double-array trie (Darts-clone) over the UTF-8 of what is replaced, and the replacements, each ended by a
NUL. A unit of 32 bits: bit 8 says that a value hangs below, bits 10 up hold the offset to the children (in steps of
256 where bit 9 is set), bits 0 to 7 the label; a value's unit has bit 31 set.
Source: github.com/s-yata/darts-clone, github.com/google/sentencepiece `builder.cc`.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import TypeAlias

__all__ = ["charsmap"]

Trie: TypeAlias = "dict[int, Trie | int]"
END = 0  # the label under which a key's value hangs; no UTF-8 of a character but NUL holds it


def charsmap(table: Mapping[int, tuple[int, ...]]) -> bytes:
    """The precompiled map that replaces each code point of `table` by its code points (perhaps none)."""
    replacements = bytearray()
    root: Trie = {}
    for code_point, target in sorted(table.items()):
        _insert(root, chr(code_point).encode(), len(replacements))
        replacements += "".join(map(chr, target)).encode() + b"\0"
    units = _double_array(root)
    return struct.pack("<I", 4 * len(units)) + struct.pack(f"<{len(units)}I", *units) + bytes(replacements)


def _insert(root: Trie, key: bytes, value: int) -> None:
    node = root
    for label in key:
        child = node.setdefault(label, {})
        assert isinstance(child, dict)  # noqa: S101 - only END holds a number
        node = child
    node[END] = value


def _double_array(root: Trie) -> list[int]:
    """Lay the trie out: the children of the unit at `i` stand at `i ^ offset ^ label`."""
    units = [0]
    taken = {0}
    bases = set()  # a unit knows its label, not its parent: no two nodes may share a base
    free = 1  # no unit below is free
    pending: list[tuple[int, Trie]] = [(0, root)]
    while pending:
        position, node = pending.pop()
        free = max(free, len(units) - 1024)  # the crowded part is not worth searching again for every node
        while free in taken:
            free += 1
        first = min(node)
        candidate = free
        while candidate ^ first in bases or any(candidate ^ first ^ label in taken for label in node):
            candidate += 1
        base = candidate ^ first
        bases.add(base)
        taken.update(base ^ label for label in node)
        units.extend([0] * (max(taken) + 1 - len(units)))
        units[position] |= (base ^ position) << 10
        if (base ^ position) >= 1 << 21:
            raise ValueError("the table is too large for a plain offset")
        for label, child in node.items():
            if isinstance(child, dict):
                units[base ^ label] = label
                pending.append((base ^ label, child))
            else:
                units[position] |= 1 << 8
                units[base] = child | 1 << 31
    units.extend([0] * (-len(units) % 256 + 256))  # a look-up of any byte from any unit stays inside
    return units
