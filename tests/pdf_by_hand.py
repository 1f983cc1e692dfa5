"""PDFs by hand, as the tests of reading them need them: of objects, of lines, of letters, locked, turned."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence

__all__ = ["built", "drawn", "locked", "page_of", "shown", "stream", "turned"]


def built(objects: Sequence[bytes], trailer: bytes = b"") -> bytes:
    """A PDF of these objects, the first of which is its catalogue."""
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    out += b"trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, start)
    return bytes(out)


def stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<</Length %d%s>>\nstream\n%s\nendstream" % (len(data), entries, data)


def page_of(
    content: bytes,
    *,
    catalogue: bytes = b"",
    resources: bytes = b"",
    font: bytes = b"",
    entries: bytes = b"",
    rotate: int = 0,
    more: Sequence[bytes] = (),
    trailer: bytes = b"",
) -> bytes:
    """A PDF of one page with one font, F; further objects count from 6."""
    return built(
        [
            b"<</Type/Catalog/Pages 2 0 R%s>>" % catalogue,
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 700 800]/Rotate %d/Contents 4 0 R" % rotate
            + b"/Resources<</Font<</F 5 0 R>>%s>>>>" % resources,
            stream(content, entries),
            font or b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            *more,
        ],
        trailer,
    )


def shown(*lines: str) -> bytes:
    """The content of a page with these lines."""
    return b"".join(
        b"BT /F 12 Tf 50 %d Td (%s) Tj ET\n" % (700 - 15 * n, line.encode()) for n, line in enumerate(lines)
    )


def drawn(letters: Sequence[str], narrow: frozenset[str] = frozenset()) -> bytes:
    """A page with letters as they stand from left to right, `narrow` ones of no width, and a font that names them."""
    names = sorted(set(letters))
    codes = {letter: code for code, letter in enumerate(names, 1)}
    pairs = "".join(f"<{codes[letter]:02x}> <{letter.encode('utf-16-be').hex()}>\n" for letter in names)
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def\n"
        f"1 begincodespacerange <00> <ff> endcodespacerange {len(names)} beginbfchar\n{pairs}endbfchar\n"
        "endcmap CMapName currentdict /CMap defineresource pop end end"
    )
    widths = " ".join("0" if letter in narrow else "500" for letter in names)
    font = (
        f"<</Type/Font/Subtype/TrueType/BaseFont/Made/FirstChar 1/LastChar {len(names)}/Widths[{widths}]"
        "/ToUnicode 6 0 R"
        "/FontDescriptor<</Type/FontDescriptor/FontName/Made/Flags 4/FontBBox[0 -200 1000 800]/Ascent 800/Descent -200"
        "/ItalicAngle 0/StemV 80>>>>"
    )
    codes_shown = "".join(f"{codes[letter]:02x}" for letter in letters)
    content = f"BT /F 12 Tf 50 700 Td <{codes_shown}> Tj ET".encode()
    return page_of(content, font=font.encode(), more=[stream(cmap.encode())])


def turned(quarters: int, content: bytes) -> bytes:
    """The content turned to the left by so many quarters, about the middle of its page."""
    matrix = [b"1 0 0 1 0 0", b"0 1 -1 0 750 50", b"-1 0 0 -1 700 800", b"0 -1 1 0 -50 750"][quarters]
    return b"q %s cm\n%sQ\n" % (matrix, content)


def locked(password: bytes, content: bytes) -> bytes:
    """A PDF of one page encrypted by the standard's first method (RC4, 40 bits), opened by the password."""
    padding = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
    padded = (password + padding)[:32]
    owner = _rc4(hashlib.md5((b"owner" + padding)[:32]).digest()[:5], padded)  # noqa: S324 - as the standard has it
    permissions = struct.pack("<i", -64)
    key = hashlib.md5(padded + owner + permissions + b"0123456789abcdef").digest()[:5]  # noqa: S324
    sealed = _rc4(hashlib.md5(key + b"\x04\0\0\0\0").digest()[:10], content)  # noqa: S324
    encrypt = b"<</Filter/Standard/V 1/R 2/P -64/O<%s>/U<%s>>>" % (
        owner.hex().encode(),
        _rc4(key, padding).hex().encode(),
    )
    name = b"0123456789abcdef".hex().encode()
    return page_of(sealed, trailer=b"/Encrypt %s/ID[<%s><%s>]" % (encrypt, name, name))


def _rc4(key: bytes, data: bytes) -> bytes:
    state = list(range(256))
    other = 0
    for one in range(256):
        other = (other + state[one] + key[one % len(key)]) % 256
        state[one], state[other] = state[other], state[one]
    out = bytearray()
    one = other = 0
    for byte in data:
        one = (one + 1) % 256
        other = (other + state[one]) % 256
        state[one], state[other] = state[other], state[one]
        out.append(byte ^ state[(state[one] + state[other]) % 256])
    return bytes(out)
