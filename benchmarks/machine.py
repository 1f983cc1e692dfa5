"""What a figure was measured on: the line that stands above each table."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import shutil
import subprocess
from pathlib import Path

__all__ = ["ROOT", "heading"]

ROOT = Path(__file__).resolve().parent.parent


def heading(*packages: str) -> str:
    """Machine, cores, date, commit, and the versions of Python and `packages`, on one line."""
    date = datetime.datetime.now(datetime.UTC).date()
    versions = [f"{package} {importlib.metadata.version(package)}" for package in packages]
    return ", ".join(
        [
            _processor(),
            f"{os.cpu_count()} cores",
            f"{date}",
            _commit(),
            f"Python {platform.python_version()}",
            *versions,
        ]
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def _commit() -> str:
    """The commit that stands checked out, and whether files differ from it."""
    git = shutil.which("git")
    if git is None:
        return "no commit known"
    # Without its optional locks, a look at the state never gets in the way of somebody who commits.
    command = [git, "--no-optional-locks", "describe", "--always", "--exclude=*", "--dirty= with changes"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return f"commit {found.stdout.strip()}" if found.returncode == 0 else "no commit known"
