"""The README says what is so: its commands exist, its reply is the real one, its settings are the known ones."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_every_command_of_the_readme_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = set(re.findall(r"^    (\w+) ", capsys.readouterr().out, re.MULTILINE))
    named = set(re.findall(r"^quoth (\w+)", README, re.MULTILINE))
    assert named <= listed
    assert {"ingest", "ask", "chat", "sources", "check", "reindex"} <= named


def test_every_make_target_of_the_readme_stands_in_the_makefile() -> None:
    named = set(re.findall(r"^make (\w+)", README, re.MULTILINE))
    targets = set(re.findall(r"^(\w+):", MAKEFILE, re.MULTILINE))
    assert named == {"ask", "test"}
    assert named <= targets


def test_every_setting_of_the_readme_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    from bot.settings import TELEGRAM_NAMES, read_settings

    values = {"QUOTH_LIBRARY": "shelf", "QUOTH_MODEL": "a", "QUOTH_THREADS": "1", "QUOTH_OPERATING_POINT": "0.4"}
    values["QUOTH_REMEMBERED_MEGABYTES"] = "0"
    values["QUOTH_READER"] = "off"
    values["QUOTH_WEB_ALLOWED"] = "intranet:80, 127.0.0.1:8080"
    named = set(re.findall(r"^\| `(QUOTH_\w+)`", README, re.MULTILINE))
    of_telegram = {name for name in named if name in TELEGRAM_NAMES}
    assert named - of_telegram == set(values)
    first = re.findall(r"^\| (`QUOTH_TELEGRAM_\w+`.*?) \|", README, re.MULTILINE)
    listed = {name for row in first for name in _spelt_out(row)} | {name for name in named if "TELEGRAM" not in name}
    assert listed >= set(TELEGRAM_NAMES)
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    chosen = read_settings(None)
    assert (str(chosen.library), chosen.is_default_library) == ("shelf", False)
    assert (chosen.engine.model, chosen.engine.threads, chosen.engine.operating_point) == ("a", 1, 0.4)
    assert chosen.engine.web_allowed == ("intranet:80", "127.0.0.1:8080")


def _spelt_out(row: str) -> list[str]:
    """`QUOTH_TELEGRAM_WEBHOOK_URL`, `_SECRET`: the names that a row of the table stands for."""
    first, *others = re.findall(r"`(\w+)`", row)
    stem = first.rpartition("_")[0]
    stem = stem.rpartition("_")[0] if first.endswith("_BASE") else stem
    return [first, *(stem + other for other in others)]


def test_every_link_of_the_readme_points_at_a_file() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


@pytest.mark.slow
def test_the_reply_of_the_readme_is_the_real_one(tmp_path: Path) -> None:
    """Asked as the README does, from the repository's root, of a new library."""
    (question,) = re.findall(r'^make ask Q="(.+)"$', README, re.MULTILINE)
    (promised,) = re.findall(r"```text\n(.*?)```", README, re.DOTALL)
    quoth = [sys.executable, "-m", "bot", "--library", str(tmp_path / "library")]
    subprocess.run([*quoth, "ingest", "seeds"], cwd=ROOT, check=True, capture_output=True)
    wide = {**os.environ, "COLUMNS": "100"}
    answer = subprocess.run([*quoth, "ask", question], cwd=ROOT, check=True, capture_output=True, text=True, env=wide)
    assert answer.stdout == promised


def test_the_card_is_of_the_reader_that_is_shipped() -> None:
    digest = hashlib.sha256((ROOT / "retrieval" / "reader.onnx").read_bytes()).hexdigest()
    assert digest in (ROOT / "docs" / "reader.md").read_text(encoding="utf-8")
