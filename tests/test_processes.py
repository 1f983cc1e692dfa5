"""Real processes and kills: what was committed stays, what was not leaves no trace, and nobody need be restarted."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from retrieval.library import Library
from retrieval.models import DEFAULT_MODEL, FORMAT, prepare

pytestmark = pytest.mark.slow

_SEEDS = Path(__file__).parent.parent / "seeds"
_QUOTH = [sys.executable, "-m", "bot"]
_PREPARE = "from retrieval.models import prepare; print(prepare().identity)"
_DOCUMENTS = 60


@pytest.fixture(scope="module", autouse=True)
def prepared_model() -> None:
    """So that a kill hits what it is meant for."""
    prepare()


def run(*command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def article(number: int, version: int) -> str:
    """Some eight hundred characters that no other document holds."""
    lines = [
        f"Station {number} reported in edition {version} that gauge {gauge} stood at {number * gauge + version} metres."
        for gauge in range(1, 13)
    ]
    return " ".join(lines)


def write_articles(path: Path, version: int) -> None:
    rows = [{"id": f"station-{number}", "text": article(number, version)} for number in range(_DOCUMENTS)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def stored(folder: Path) -> dict[str, str]:
    library = Library.open(folder)
    try:
        return {document.id: document.snapshot.text for document in library.documents()}
    finally:
        library.close()


def test_a_kill_at_any_moment_of_an_ingest_leaves_a_whole_library_that_can_be_finished(tmp_path: Path) -> None:
    """Ten times, each with all documents changed, so that every kill has something to interrupt."""
    write_articles(tmp_path / "news.jsonl", 10)
    begun = time.monotonic()
    assert run(*_QUOTH, "--library", "alone", "ingest", "news.jsonl", cwd=tmp_path).returncode == 0
    whole = time.monotonic() - begun  # of one that is left alone: machines differ
    Library.open(tmp_path / "library").close()  # a kill before there is one is no matter of `check`
    moments = random.Random(7)
    hit = 0
    for version in range(10):
        write_articles(tmp_path / "news.jsonl", version)
        with subprocess.Popen([*_QUOTH, "ingest", "news.jsonl"], cwd=tmp_path, stderr=subprocess.DEVNULL) as ingest:
            try:
                ingest.wait(whole * moments.uniform(0.05, 0.95))
            except subprocess.TimeoutExpired:
                hit += 1
                ingest.kill()
        checked = run(*_QUOTH, "check", cwd=tmp_path)
        assert (checked.returncode, checked.stderr) == (0, ""), checked
        for identifier, text in stored(tmp_path / "library").items():
            assert text in {article(int(identifier.removeprefix("station-")), past) for past in range(version + 1)}
    assert hit >= 5, "too few kills came in time"
    finished = run(*_QUOTH, "ingest", "news.jsonl", cwd=tmp_path)
    assert finished.returncode == 0
    assert finished.stdout.endswith("refused 0\n")
    assert stored(tmp_path / "library") == {f"station-{number}": article(number, 9) for number in range(_DOCUMENTS)}
    assert run(*_QUOTH, "check", cwd=tmp_path).returncode == 0
    assert not list((tmp_path / "library" / "indexes").glob("*.partial"))


def test_a_fresh_process_answers_from_the_seeds_without_torch(tmp_path: Path) -> None:
    assert run(*_QUOTH, "--library", "named", "ingest", str(_SEEDS), cwd=tmp_path).returncode == 0
    ask = (
        "import sys, bot.cli\n"
        "code = bot.cli.main(['--library', 'named', 'ask', 'How many megawatts did CPEC phase one add?'])\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)\n"
        "sys.exit(code)"
    )
    asked = run(sys.executable, "-c", ask, cwd=tmp_path)
    assert asked.returncode == 0
    assert "8,000 megawatts" in asked.stdout
    assert {"torch", "sentence_transformers", "transformers", "onnx", "huggingface_hub"} & set(
        asked.stderr.split()
    ) == set()


def test_a_process_that_answers_sees_what_another_ingests_and_never_stops_answering(
    tmp_path: Path, bag_of_words_process: list[str]
) -> None:
    write_articles(tmp_path / "news.jsonl", 0)
    (tmp_path / "rain.jsonl").write_text(
        json.dumps({"id": "rain", "text": "Heavy rain closed the Karakoram highway for three days."})
    )
    assert run(*bag_of_words_process, "ingest", "news.jsonl", cwd=tmp_path).returncode == 0
    answering = subprocess.Popen(
        [*bag_of_words_process, "ask", "--batch", "/dev/stdin", "--json"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert answering.stdin is not None
    assert answering.stdout is not None

    def nearest() -> str:
        assert answering.stdin is not None
        assert answering.stdout is not None
        answering.stdin.write('{"id": 1, "question": "Which highway did heavy rain close?"}\n')
        answering.stdin.flush()
        reply = json.loads(answering.stdout.readline())
        return str([*reply["excerpts"], *reply["nearest"]][0]["document"]["id"])

    assert nearest() != "rain"
    with subprocess.Popen([*bag_of_words_process, "ingest", "rain.jsonl"], cwd=tmp_path) as ingest:
        while ingest.poll() is None:
            nearest()
    assert nearest() == "rain"
    answering.communicate()
    assert answering.returncode == 0


def test_a_kill_while_the_model_is_prepared_leaves_nothing_half_made(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "quoth" / "models"
    with subprocess.Popen(
        [sys.executable, "-c", _PREPARE], cwd=tmp_path, env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    ) as preparing:
        while not list(folder.glob("*.partial/sentence-transformers/*")) and preparing.poll() is None:
            time.sleep(0.05)
        time.sleep(2)
        preparing.kill()
    assert [path.name for path in folder.iterdir() if not path.name.startswith(".")] == [
        f"{DEFAULT_MODEL}-{FORMAT}.partial"
    ]
    prepared = run(sys.executable, "-c", _PREPARE, cwd=tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert (prepared.returncode, prepared.stdout) == (0, f"{prepare().identity}\n"), prepared.stderr
    assert [path.name for path in folder.iterdir() if not path.name.startswith(".")] == [f"{DEFAULT_MODEL}-{FORMAT}"]
    assert sorted(path.name for path in (folder / f"{DEFAULT_MODEL}-{FORMAT}").iterdir()) == [
        "graph.onnx",
        "graph.onnx.data",
        "model.json",
        "sentence-transformers",
        "tokenizer.json",
        "unigram.bin",
    ]
