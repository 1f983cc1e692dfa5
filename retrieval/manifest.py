"""What a dense index consists of, with the checksums by which a byte that flips on the disk is found."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

from retrieval.checksums import Checksums, checksum
from retrieval.errors import DamagedLibrary

__all__ = ["Manifest", "damaged"]

FORMAT = 4
FILE = "manifest.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """The languages of each segment, the rows of main that are gone, and the checksum of each file."""

    segments: dict[str, list[str]]
    gone: dict[str, list[int]]
    crc32: dict[str, int]

    @classmethod
    def of(
        cls,
        folder: Path,
        segments: dict[str, list[str]],
        gone: dict[str, list[int]],
        *,
        known: Mapping[str, int] = MappingProxyType({}),
    ) -> Manifest:
        """That of what was written into `folder`; the checksums of the files that are `known` are not made anew."""
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        names = {str(path.relative_to(folder)): path for path in files}
        crc32 = {name: known[name] if name in known else checksum(path) for name, path in names.items()}
        return cls(segments, {language: rows for language, rows in gone.items() if rows}, crc32)

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The manifest in `folder`; `DamagedLibrary` where it is not what was written."""
        try:
            written = json.loads((folder / FILE).read_text(encoding="utf-8"))
            found, own = written["format"], written["own_crc32"] if written["format"] == FORMAT else 0
            manifest = cls(written["segments"], written["gone"], written["crc32"]) if found == FORMAT else None
        except OSError as fault:
            raise damaged(folder, "its manifest is missing") from fault
        except (ValueError, KeyError, TypeError) as fault:
            raise damaged(folder, "its manifest cannot be read") from fault
        if manifest is None:
            raise damaged(folder, f"format {FORMAT} was expected, {found} found")
        if own != manifest._own_crc32():
            raise damaged(folder, "its manifest is not what was written")
        return manifest

    def write(self, folder: Path) -> None:
        """Write it into `folder`."""
        written = {"format": FORMAT, **asdict(self), "own_crc32": self._own_crc32()}
        (folder / FILE).write_text(json.dumps(written, indent=1), encoding="utf-8")

    def compare(self, folder: Path, checksums: Checksums, *, segments: Collection[str] | None = None) -> None:
        """`DamagedLibrary` unless every file in `folder`, or in these segments of it, is what was written."""
        expected = {
            name: crc32 for name, crc32 in self.crc32.items() if segments is None or name.partition("/")[0] in segments
        }
        if fault := checksums.fault(folder, expected):
            raise damaged(folder, fault)

    def _own_crc32(self) -> int:
        return zlib.crc32(json.dumps(asdict(self), sort_keys=True).encode())


def damaged(folder: Path, what: str) -> DamagedLibrary:
    """That the index in `folder` is not what was written."""
    return DamagedLibrary(f"the dense index in {folder} is damaged ({what}); run `quoth reindex`")
