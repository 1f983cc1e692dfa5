"""An Office file as a package of parts (ECMA-376 part 2, the Open Packaging Conventions; OPC): a guarded ZIP archive.

A part is unpacked as a stream, bounded whatever the archive declares, and its XML is told to a `Target`; which part
means what stands in the relations of the package and of each part.
"""

from __future__ import annotations

import io
import posixpath
import struct
import zipfile
import zlib
from collections.abc import Iterator

from retrieval.errors import RefusedSource

__all__ = [
    "LARGEST_PART_BYTES",
    "LARGEST_UNPACKED_BYTES",
    "MOST_ENTRIES",
    "SAVE_AGAIN",
    "Package",
    "Target",
    "UnfitError",
]

LARGEST_PART_BYTES = 100_000_000  # of XML, unpacked
LARGEST_UNPACKED_BYTES = 300_000_000  # of all parts
MOST_ENTRIES = 10_000
SAVE_AGAIN = "open it in Word and save it again as .docx"
_STEEPEST = 100  # unpacked bytes a packed one, past the first megabyte: Word's XML has up to 40
_MEGABYTE = 1_000_000
_CHUNK_BYTES = 65_536

_OLD_OFFICE = b"\xd0\xcf\x11\xe0"
_ENTRY = b"PK\x01\x02"  # stands before each entry of the archive's directory
# What zipfile raises for a damaged archive, beside its own error.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OSError, struct.error, OverflowError)


class UnfitError(Exception):
    """A target's word that the XML is not what it reads, or too much of it: the text is the reason for a refusal."""


class Target:
    """What lxml tells of a stream of XML, names as "{namespace}name"; this one passes all by.

    A method that raises `UnfitError` stops the stream, and so does a document type.
    """

    def doctype(self, *_: object) -> None:
        """A document type is declared: the stream is unfit."""
        # Word's own XML has none, and entities in it can grow without bound.
        found = "one that declares a document type (DOCTYPE)"
        raise UnfitError(f"expected a Word file (.docx), found {found}; {SAVE_AGAIN}")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def end(self, tag: str) -> None:
        """An element ends."""

    def data(self, text: str) -> None:
        """Characters stand here."""

    def close(self) -> None:
        """The stream ends; each target keeps what it was told."""


class Package:
    """The parts of an Office file, by their names, which the format compares without regard to case.

    `RefusedSource` where `raw` is no ZIP archive, is damaged, or holds more than `MOST_ENTRIES` files or, by its own
    word, more than `LARGEST_UNPACKED_BYTES`.
    """

    def __init__(self, raw: bytes, source: str) -> None:
        self._source, self._size = source, len(raw)
        if raw.startswith(_OLD_OFFICE):
            found = "a file with a password or an old .doc; save it as .docx without a password"
            raise RefusedSource(source, f"expected a Word file (.docx), found {found}")
        if not raw.startswith(b"PK"):
            found = "an empty file" if not raw else "another format"
            raise RefusedSource(source, f"expected a Word file (.docx), found {found}; {SAVE_AGAIN}")
        # Counted before zipfile makes an object of each; the number that the archive gives of itself can lie.
        if raw.count(_ENTRY) > MOST_ENTRIES:
            found = f"an archive of more than {MOST_ENTRIES} files"
            raise RefusedSource(source, f"expected a Word file (.docx), found {found}; {SAVE_AGAIN}")
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(raw))
        except _DAMAGE as error:
            raise self._damaged() from error
        self._entries = {_part_name(entry.filename): entry for entry in self._archive.infolist()}
        if sum(entry.file_size for entry in self._archive.infolist()) > LARGEST_UNPACKED_BYTES:
            raise self._too_large(LARGEST_UNPACKED_BYTES)

    def __contains__(self, part: str) -> bool:
        return _part_name(part) in self._entries

    def related(self, kind: str, *, of: str = "") -> str | None:
        """The part that is the target of the first relation whose type ends in `kind`; `None` where there is none.

        The relations are those of the part `of`, or of the package; targets outside it do not count. `RefusedSource`
        as `parse` says.
        """
        folder, name = posixpath.split(of)
        relations = posixpath.join(folder, "_rels", f"{name}.rels")
        found = _Relations(kind)
        if relations in self:
            self.parse(relations, found)
        if found.part is None:
            return None
        part = _part_name(posixpath.join("/", folder, found.part.replace("\\", "/")))
        return part if part in self else None

    def parse(self, part: str, target: Target) -> None:
        """Tells `target` what the XML of a part holds, piece by piece; `KeyError` where there is no such part.

        `RefusedSource` where the part is damaged or encrypted, where `target` raises `UnfitError`, and where it unpacks
        to more than `LARGEST_PART_BYTES` or a hundred times its packed size, whatever it declares.
        """
        from lxml import etree

        parser = etree.XMLParser(
            target=target, resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False
        )
        try:
            for chunk in self._chunks(part):
                parser.feed(chunk)
            parser.close()
        except UnfitError as error:
            raise RefusedSource(self._source, str(error)) from error
        except (etree.LxmlError, AssertionError, ValueError) as error:
            raise self._damaged() from error

    def _chunks(self, part: str) -> Iterator[bytes]:
        entry = self._entries[_part_name(part)]
        if entry.flag_bits & 0x1:
            found = "a file with a password; save it without one"
            raise RefusedSource(self._source, f"expected a Word file (.docx), found {found}")
        if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:  # LZMA asks for memory as it likes
            raise self._damaged()
        if entry.file_size > LARGEST_PART_BYTES:
            raise self._too_large(LARGEST_PART_BYTES)
        most = min(LARGEST_PART_BYTES, max(_MEGABYTE, _STEEPEST * min(entry.compress_size, self._size)))
        read = 0
        try:
            with self._archive.open(entry) as stream:
                while chunk := stream.read(_CHUNK_BYTES):
                    read += len(chunk)
                    if read > most:
                        break
                    yield chunk
        except _DAMAGE as error:
            raise self._damaged() from error
        if read > LARGEST_PART_BYTES:
            raise self._too_large(LARGEST_PART_BYTES)
        if read > most:
            found = f"one that unpacks to more than {_STEEPEST} times its size"
            raise RefusedSource(self._source, f"expected a Word file (.docx), found {found}; {SAVE_AGAIN}")

    def _damaged(self) -> RefusedSource:
        return RefusedSource(self._source, f"expected a Word file (.docx), found it damaged; {SAVE_AGAIN}")

    def _too_large(self, limit: int) -> RefusedSource:
        reason = f"expected at most {limit // _MEGABYTE} MB once unpacked, found more; split the file"
        return RefusedSource(self._source, reason)


class _Relations(Target):
    """The first internal target among relations of one kind."""

    def __init__(self, kind: str) -> None:
        self.part: str | None = None
        self._kind = kind

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """A relation begins."""
        fits = tag.endswith("}Relationship") and attributes.get("Type", "").endswith(self._kind)
        if fits and self.part is None and attributes.get("TargetMode") != "External":
            self.part = attributes.get("Target")


def _part_name(name: str) -> str:
    """A part's name as the format compares them: without regard to case."""
    return posixpath.normpath("/" + name.replace("\\", "/").lstrip("/")).lstrip("/").lower()
