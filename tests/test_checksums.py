"""Checksums of files: what is written to, or replaced, is read again; what is not, is not."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import pytest

from retrieval.checksums import Checksums, checksum

OLD, NEW = b"every byte is compared", b"every bite is compared"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(OLD)
    return path


def _write_unseen(path: Path, content: bytes) -> None:
    """As a disk that decays: no time of the file changes."""
    state = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def test_a_checksum_is_of_every_byte(tmp_path: Path) -> None:
    content = os.urandom((2 << 20) + 7)
    (tmp_path / "large").write_bytes(content)
    assert checksum(tmp_path / "large") == zlib.crc32(content)


def test_a_file_that_stands_as_it_stood_is_not_read_again(file: Path, tmp_path: Path) -> None:
    before = Checksums()
    before.of(file)
    _write_unseen(file, NEW)
    (tmp_path / "linked").hardlink_to(file)  # as one generation of indexes shares its files with the next
    assert Checksums(before).of(tmp_path / "linked") == zlib.crc32(OLD)
    assert Checksums().of(file) == zlib.crc32(NEW)


def test_a_file_that_was_written_to_is_read_again(file: Path) -> None:
    before = Checksums()
    before.of(file)
    file.write_bytes(NEW)
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1))  # a clock that ticks slower than two writes come
    assert Checksums(before).of(file) == zlib.crc32(NEW)


def test_another_file_in_its_place_is_read(file: Path, tmp_path: Path) -> None:
    before = Checksums()
    before.of(file)
    state = file.stat()
    (tmp_path / "other").write_bytes(NEW)
    os.utime(tmp_path / "other", ns=(state.st_atime_ns, state.st_mtime_ns))
    (tmp_path / "other").replace(file)
    assert Checksums(before).of(file) == zlib.crc32(NEW)


def test_what_a_generation_left_out_is_not_remembered_for_the_next(file: Path) -> None:
    first = Checksums()
    first.of(file)
    second = Checksums(first)
    _write_unseen(file, NEW)
    assert Checksums(second).of(file) == zlib.crc32(NEW)
