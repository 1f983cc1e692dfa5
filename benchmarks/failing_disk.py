"""A disk that fills up or fails, for the process that asks for it: by the kernel's own means, without privileges.

From a moment on a seccomp filter answers the system calls that need room with "no space left on device", those that
bring data to the disk with an input/output error, whoever makes them: Python, SQLite, faiss or tantivy. Or no file may
grow beyond a size, which cuts a write in two. Linux alone has these, on x86-64 and 64-bit ARM.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import struct
import threading
import time
from dataclasses import dataclass

__all__ = ["FULL", "KINDS", "NO_SYNC", "SHORT", "Failure", "fail", "is_possible"]

FULL = "no room is left"
NO_SYNC = "fsync fails"
SHORT = "a file may not grow"
KINDS = (FULL, NO_SYNC, SHORT)
LINE_BYTES = 1_000  # what a command says goes to a file, too

_OF_MACHINE = {"x86_64": 0, "aarch64": 1}
# Numbers of system calls on x86-64 and on 64-bit ARM; None where there is none.
_SECCOMP = (317, 277)
_WRITES = ((1, 64), (18, 68), (20, 66), (296, 70), (328, 287))  # write, pwrite64, writev, pwritev, pwritev2
_MAKES = ((83, None), (258, 34), (285, 47), (326, 285), (40, 71))  # mkdir(at), fallocate, copy_file_range, sendfile
_SYNCS = ((74, 82), (75, 83))  # fsync, fdatasync
_SET_NO_NEW_PRIVILEGES = 38  # of prctl
_SET_FILTER, _ALL_THREADS = 1, 1  # of seccomp
_LOAD, _EQUALS, _ABOVE, _RETURN = 0x20, 0x15, 0x25, 0x06  # of a filter's program
_NUMBER, _FIRST_ARGUMENT = 0, 16  # where the kernel puts them
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_STANDARD_ERROR = 2  # up to it, a process may write: they are no files of a library's


@dataclass(frozen=True, slots=True)
class Failure:
    """What fails, and after how many seconds; of a file that may not grow, at how many bytes."""

    kind: str
    after: float


def is_possible() -> bool:
    """Whether this machine has the means."""
    return platform.system() == "Linux" and platform.machine() in _OF_MACHINE


def fail(failure: Failure) -> None:
    """Let this process's disk fail from the moment on that `failure` names, for as long as it lives."""
    if failure.kind == SHORT:
        _soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (max(int(failure.after), LINE_BYTES), hard))
        return
    calls = _SYNCS if failure.kind == NO_SYNC else (*_WRITES, *_MAKES)
    column = _OF_MACHINE[platform.machine()]
    numbers = [numbers[column] for numbers in calls]
    code = errno.EIO if failure.kind == NO_SYNC else errno.ENOSPC
    program = _program(
        [number for number in numbers if number is not None],
        spared=[number[column] for number in _WRITES],
        code=code,
    )

    def later() -> None:
        time.sleep(failure.after)
        _install(program, _SECCOMP[column])

    threading.Thread(target=later, daemon=True).start()


def _program(numbers: list[int], *, spared: list[int], code: int) -> bytes:
    """A filter that answers these calls with an error, those `spared` only where they go to a file."""
    program = []
    for number in numbers:
        step = [
            struct.pack("HBBI", _LOAD, 0, 0, _NUMBER),
            struct.pack("HBBI", _EQUALS, 0, 3 if number in spared else 1, number),
        ]
        if number in spared:
            step.append(struct.pack("HBBI", _LOAD, 0, 0, _FIRST_ARGUMENT))
            step.append(struct.pack("HBBI", _ABOVE, 0, 1, _STANDARD_ERROR))
        step.append(struct.pack("HBBI", _RETURN, 0, 0, _ERROR | code))
        program += step
    return b"".join([*program, struct.pack("HBBI", _RETURN, 0, 0, _ALLOW)])


def _install(program: bytes, seccomp: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    held = ctypes.create_string_buffer(program)
    filter_ = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(held)))
    if libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.syscall(seccomp, _SET_FILTER, _ALL_THREADS, filter_):
        os.write(2, b"the kernel takes no filter\n")
        os._exit(70)
