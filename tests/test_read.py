"""Files become readings, or one line that says why not."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.datamodel import Metadata, Reading
from retrieval.errors import RefusedSource
from retrieval.read import readings, sources
from retrieval.read.metadata import plausible_names, plausible_title, web_address
from retrieval.read.original import Original
from retrieval.read.text import LARGEST_TEXT_BYTES

_URDU = "سی پیک کے پہلے مرحلے سے گرڈ میں بجلی شامل ہوئی۔ دوسرا مرحلہ شروع ہو رہا ہے۔"
_ARABIC = "قال السفير إن التجارة بين البلدين نمت في العام الماضي. وأضاف أن التعاون سيستمر."
_HARBOUR = b"The harbour of Gwadar opened a new terminal on Monday, and twelve ships came. "
_CHINESE = "中巴经济走廊第一阶段新增电力八千多兆瓦。巴基斯坦大使说，合作前景广阔。"


def _read(path: Path, raw: bytes) -> list[Reading | RefusedSource]:
    path.write_bytes(raw)
    return list(readings(Original.of_file(path, path.name, fetched_at="2024-09-16T00:00:00+00:00")))


def _text(path: Path, raw: bytes) -> str:
    (reading,) = _read(path, raw)
    assert isinstance(reading, Reading), reading
    return reading.snapshot.text


def _reason(path: Path, raw: bytes) -> str:
    (refused,) = _read(path, raw)
    assert isinstance(refused, RefusedSource), refused
    assert "\n" not in refused.reason
    return refused.reason


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "page.txt"


def test_a_text_file_is_one_reading_with_both_digests(file: Path) -> None:
    raw = b"\xef\xbb\xbfOne.\r\nTwo.\r\n"
    (reading,) = _read(file, raw)
    assert isinstance(reading, Reading)
    assert reading.snapshot.text == "One.\r\nTwo.\r\n"
    assert hashlib.sha256(raw).hexdigest() == reading.snapshot.bytes_sha256
    assert (reading.key, reading.snapshot.source, reading.document_id) == ("page.txt", "page.txt", None)


def test_the_key_is_the_source_without_detours(file: Path) -> None:
    file.write_bytes(b"One.")
    (reading,) = readings(Original.of_file(file, "./folder/../page.txt", fetched_at="now"))
    assert isinstance(reading, Reading)
    assert reading.key == "page.txt"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("text", [_URDU, _CHINESE, "The port opened – “at last”.\r\nIt did.\n"])
def test_unicode_is_read_with_and_without_a_byte_order_mark(file: Path, encoding: str, text: str) -> None:
    assert text == _text(file, text.encode(encoding))


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("gb18030", _CHINESE),
        ("gb18030", "CPEC: " + _CHINESE * 3_000),
        ("big5", "中國政府宣布經濟合作計畫，雙方將在電力與鐵路方面擴大投資。"),
        ("cp1256", _ARABIC),
        ("cp1256", _URDU.replace("ی", "ي").replace("ۓ", "ے").replace("۔", ".")),
        ("cp1251", "Президент сообщил о новых экономических мерах и поездке в Китай."),
        ("cp1252", "The port “at last” opened, it’s said – and trade grew with Pakistan’s help."),
    ],
)
def test_an_old_encoding_is_told_or_refused_but_never_misread(file: Path, encoding: str, text: str) -> None:
    assert text == _text(file, text.encode(encoding))


@pytest.mark.parametrize(
    "stray",
    [
        b"\x81\x8d\x8f",  # was read as a Chinese character
        b"\xff\xfe\xfd",  # as Icelandic, or Cyrillic
        b"\xb5\xc4",
        b"\xff",
        b"\x8f",
        b"\xd6",
        b" \xe9 ",
    ],
    ids=bytes.hex,
)
@pytest.mark.parametrize("times", [1, 40])
@pytest.mark.parametrize("text", [_HARBOUR.decode(), _URDU, _CHINESE])
def test_a_few_stray_bytes_in_ascii_or_utf_8_are_refused_and_no_guess(
    file: Path, stray: bytes, times: int, text: str
) -> None:
    half = (text * times).encode()
    assert "in no encoding that can be told" in _reason(file, half + b"of " + stray + b"Gwadar. " + half)


@pytest.mark.parametrize(
    "raw",
    [
        b"ab \x81\x8d\x8f",
        b"Gwadar \xff\xfe\xfd\xfc",
        "萨克森花园用波兰语怎么说？".encode("gb18030"),  # as UTF-16 it is rare Korean
        "什么帮助喇嘛决".encode("gb18030"),
        b"\xa5\x5c\xb6\x7d\x93\x4a\x8a\x61\x9c\x52 \x95\x5f" * 3,
    ],
)
def test_a_short_line_that_could_be_several_things_is_refused(file: Path, raw: bytes) -> None:
    assert "in no encoding that can be told" in _reason(file, raw)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("iso8859-2", "Rząd Polski ogłosił w środę nową umowę o współpracy gospodarczej. "),
        ("cp1254", "Cumhurbaşkanı Türkiye ile Pakistan arasındaki anlaşmayı açıkladı. "),
        ("mac-roman", "The café’s owner said “it’s open” – at last – and the crowd cheered. "),
        ("cp437", "The protégé of Ögede paid £5 in a café at 30 °C. "),
    ],
)
def test_other_western_encodings_are_not_taken_for_windows_1252(file: Path, encoding: str, text: str) -> None:
    assert "in no encoding that can be told" in _reason(file, (text * 4).encode(encoding))


@pytest.mark.parametrize(
    "text",
    [
        "He said: “Yes.” It’s – the café in Zürich, 20 °C, costs €5 … and Émile’s naïve façade.",
        "À Paris, le président a dit que la Chine était prête à coopérer.",
        "Die Straße nach Österreich führt über München, sagte er.",
    ],
)
def test_western_letters_and_marks_in_their_places_are_read(file: Path, text: str) -> None:
    assert text == _text(file, text.encode("cp1252"))


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"%PDF-1.7 rest", "a PDF"),
        (b"\x89PNG\r\n\x1a\n....", "a PNG picture"),
        (b"PK\x03\x04....", "a ZIP archive"),
        (gzip.compress(b"text"), "a gzip archive"),
        (b"<!DOCTYPE html>\n<html><body>One.</body></html>", "an HTML page"),
        (b"One.\0Two.", "binary data"),
        (bytes(range(256)) * 40, "binary data"),
        (b"A" + bytes(range(1, 9)) * 20, "binary data"),
        (b"Caf\xe9\xff\xfe", "in no encoding that can be told"),
        (b"\xff\xfe" + _HARBOUR, "its mark ff fe before other text"),
        (b"\xfe\xff" + _HARBOUR, "its mark fe ff before other text"),
        (b"", "an empty file"),
        (b" \r\n\t\n", "an empty file"),
    ],
)
def test_what_is_no_text_is_refused_by_what_it_is(file: Path, raw: bytes, found: str) -> None:
    assert found in _reason(file, raw)


def test_a_file_past_the_limit_is_refused_before_it_is_read(file: Path) -> None:
    with file.open("wb") as stream:
        stream.truncate(2 * LARGEST_TEXT_BYTES)
    (refused,) = readings(Original.of_file(file, "page.txt", fetched_at="now"))
    assert isinstance(refused, RefusedSource)
    assert refused.reason == "expected at most 100 MB, found 200 MB; split the file"


def test_a_missing_file_is_refused(file: Path) -> None:
    (refused,) = readings(Original.of_file(file, "page.txt", fetched_at="now"))
    assert isinstance(refused, RefusedSource)


def test_front_matter_is_what_a_markdown_file_says_of_itself(tmp_path: Path) -> None:
    fields = (
        "title: 'Grid: a report'\ndate: 2024-09-16\nauthors: [Jane Doe, \"Li Wei\"]\nurl: https://a.org/b\nlang: en-GB"
    )
    (reading,) = _read(tmp_path / "page.md", f"---\n{fields}\n---\n# Grid\n\nIt grew.\n".encode())
    assert isinstance(reading, Reading)
    expected = Metadata(
        title="Grid: a report",
        published="2024-09-16",
        url="https://a.org/b",
        authors=("Jane Doe", "Li Wei"),
        language="en",
    )
    assert expected == reading.metadata
    assert reading.snapshot.text.startswith("---\n")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("https://a.org/b?c#d", "https://a.org/b?c#d"),
        (" http://[::1]:80/گوادر\n", "http://[::1]:80/گوادر"),
        ("http://[x", None),
        ("http://a.org:99999/", None),
        ("https:///b", None),
        ("ftp://a.org/", None),
        ("a.org/b", None),
        ("https://a.org/b c", None),
        ("", None),
    ],
)
def test_a_web_address_is_one_that_can_be_taken_apart(tmp_path: Path, written: str, expected: str | None) -> None:
    assert web_address(written) == expected
    (reading,) = _read(tmp_path / "page.md", f"---\nurl: {written.strip()}\n---\nIt grew.\n".encode())
    assert isinstance(reading, Reading)
    assert reading.metadata.url == expected


@pytest.mark.parametrize(
    "title",
    [
        " Gwadar’s \n harbour opens ",
        "Printing money: how banks work",
        "Untitled: a life",
        "Microsoft Word and its critics",
        "无标题的故事",
        "گوادر کی بندرگاہ",
    ],
)
def test_a_title_that_a_person_wrote_is_kept(title: str) -> None:
    assert plausible_title(title) == " ".join(title.split())


@pytest.mark.parametrize(
    "title",
    "|2024|...|Word|Word Document|New Microsoft Word Document (2)|Neues Microsoft Word-Dokument|Microsoft Word - a.doc"
    "|PowerPoint Presentation|PowerPoint 演示文稿|Untitled|untitled-2|Untitled design|Title|No title|Document Title"
    "|document1|new document 3|Template|slide 3|Print job|report.qxd|Report final.DOCX|文档 1|新建 Microsoft Word 文档"
    "|无标题|Bro\ufffdken".split("|"),
)
def test_a_title_that_a_program_made_is_absent(title: str) -> None:
    assert plausible_title(title) is None


def test_names_that_a_machine_goes_by_are_absent() -> None:
    people = ("Adminbi Khan", "Root Cause Ltd", "Userov Ivan", "Dell Curry", "王芳", "ثنا بلوچ", "Author A. Authorson")
    machines = (
        "admin|Administrator|admin@example.org|User|user 2|Microsoft Office User|Windows User|Default User|HP|Dell 5590"
        "|Lenovo User|HP Inc.|Asus|desktop-4F2|LAPTOP-9K|root|owner|Unknown|Unknown Author|author|test|python-docx"
        "|用户|微软用户|管理员|作者|-|x| "
    )
    assert plausible_names([*machines.split("|"), *people, f" {people[0]} "]) == people


def _jsonl(path: Path, lines: list[object]) -> list[Reading | RefusedSource]:
    written = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=True) for line in lines]
    return _read(path, "\n".join(written).encode())


@pytest.fixture
def jsonl(tmp_path: Path) -> Path:
    return tmp_path / "documents.jsonl"


def test_each_line_of_jsonl_is_one_reading(jsonl: Path) -> None:
    line = {"id": "a", "text": " One.\r\nTwo. ", "title": "T", "published": "2024-09", "language": "EN", "extra": [1]}
    first, second = _jsonl(jsonl, [line, "", {"id": "b", "text": "سی پیک", "authors": ["Jane"], "url": None}])
    assert isinstance(first, Reading)
    assert isinstance(second, Reading)
    assert (first.key, first.document_id, first.snapshot.text) == ("a/", "a", " One.\r\nTwo. ")
    assert Metadata(title="T", published="2024-09", language="en") == first.metadata
    assert (second.metadata.authors, second.snapshot.text) == (("Jane",), "سی پیک")


def test_a_broken_line_17_is_named_and_the_rest_is_read(jsonl: Path) -> None:
    lines: list[object] = [{"id": str(number), "text": "One."} for number in range(1, 21)]
    lines[16] = '{"id": "17", "text": '
    found = _jsonl(jsonl, lines)
    refused = [item for item in found if isinstance(item, RefusedSource)]
    assert (len(found), len(refused)) == (20, 1)
    start = "line 17: expected an object with id and text, found no JSON from character"
    assert refused[0].reason.startswith(start)
    assert refused[0].reason.endswith("; correct the line")


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ([1], "found a list"),
        ("null", "found null"),
        ({"text": "One."}, "found one without id"),
        ({"id": "", "text": "One."}, "found one without id"),
        ({"id": "a"}, "found one without text"),
        ({"id": 7, "text": "One."}, "expected id as a string, found a number"),
        ({"id": "a", "text": " \n"}, "found only white space"),
        ({"id": "a", "text": "One.\ud800"}, "found half a surrogate pair at 5"),
        ({"id": "a\0", "text": "One."}, "found a NUL character"),
        ({"id": "a", "text": "One.", "title": 7}, "expected title as a string"),
        ({"id": "a", "text": "One.", "authors": "Jane"}, "expected authors as a list of strings"),
        ({"id": "a", "text": "One.", "published": "16 Sep 2024"}, "expected published as an ISO 8601 date"),
        ({"id": "a", "text": "One.", "published": "2024-02-30"}, "expected published as an ISO 8601 date"),
        ({"id": "a", "text": "One.", "language": "in English"}, "expected language as a code"),
        ("[" * 100_000, "found JSON that is too deep or too long"),
    ],
)
def test_a_line_that_cannot_be_used_is_refused_with_what_was_found(jsonl: Path, line: object, part: str) -> None:
    refused, reading = _jsonl(jsonl, [line, {"id": "next", "text": "Two."}])
    assert isinstance(refused, RefusedSource)
    assert isinstance(reading, Reading)
    assert part in refused.reason
    assert "\n" not in refused.reason


@pytest.mark.parametrize("date", ["2024", "2024-09", "2024-09-16", "2024-09-16T17:31", "2024-09-16T17:31:05.5+05:00"])
def test_a_date_of_iso_8601_is_kept_as_it_is_given(jsonl: Path, date: str) -> None:
    (reading,) = _jsonl(jsonl, [{"id": "a", "text": "One.", "published": date}])
    assert isinstance(reading, Reading)
    assert date == reading.metadata.published


def test_a_space_before_the_time_is_stored_as_t(jsonl: Path) -> None:
    (line,) = _jsonl(jsonl, [{"id": "a", "text": "One.", "published": "2024-09-16 17:31"}])
    (page,) = _read(jsonl.with_name("page.md"), b"---\ndate: 2024-09-16 17:31\n---\nOne.\n")
    assert isinstance(line, Reading)
    assert isinstance(page, Reading)
    assert line.metadata.published == page.metadata.published == "2024-09-16T17:31"


def test_an_id_like_a_files_path_is_not_the_files_key(jsonl: Path) -> None:
    (page,) = _read(jsonl.with_name("page.txt"), b"One.")
    (line,) = _jsonl(jsonl, [{"id": "page.txt", "text": "Two."}])
    assert isinstance(page, Reading)
    assert isinstance(line, Reading)
    assert page.key != line.key
    assert line.document_id == "page.txt"


def test_an_id_given_twice_refuses_the_second_line(jsonl: Path) -> None:
    first, second = _jsonl(jsonl, [{"id": "a", "text": "One."}, {"id": "a", "text": "Two."}])
    assert isinstance(first, Reading)
    assert isinstance(second, RefusedSource)
    assert second.reason == "line 2: expected an id of its own, found the id of line 1; correct the line"


@pytest.mark.parametrize("raw", [b"", b"\n\n", '{"id": "a"}'.encode("utf-16"), b"PK\x03\x04", b"\0\0\0"])
def test_a_file_that_is_no_jsonl_is_refused_once(jsonl: Path, raw: bytes) -> None:
    assert _reason(jsonl, raw)


def test_a_line_in_another_encoding_is_refused_alone(jsonl: Path) -> None:
    found = _read(jsonl, b'{"id": "a", "text": "caf\xe9"}\n{"id": "b", "text": "Two."}')
    assert [RefusedSource, Reading] == [type(item) for item in found]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    names = ["b.txt", "a.md", "sub/c.jsonl", "README.md", "readme.txt", ".hidden.txt", ".git/d.txt", "e.png", "sub/f"]
    for name in names:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("One.", encoding="utf-8")
    yield tmp_path / "in"
    (tmp_path / "in").chmod(0o755)


def _names(*typed: str) -> list[str]:
    return [item.source for item in sources(typed, fetched_at="now") if not isinstance(item, RefusedSource)]


def _refused(*typed: str) -> list[tuple[str, str]]:
    return [(item.source, item.reason) for item in sources(typed, fetched_at="now") if isinstance(item, RefusedSource)]


def test_a_folder_gives_its_files_in_order_without_readmes_and_hidden_ones(folder: Path) -> None:
    assert _names("in") == ["in/a.md", "in/b.txt", "in/sub/c.jsonl", "in/sub/f"]
    assert _refused("in") == []


def test_the_source_starts_as_it_was_typed(folder: Path) -> None:
    assert _names("./in/sub/") == ["./in/sub/c.jsonl", "./in/sub/f"]


def test_a_file_that_is_named_itself_is_always_tried(folder: Path) -> None:
    assert _names("in/README.md", "in/e.png", "in/.hidden.txt") == ["in/README.md", "in/e.png", "in/.hidden.txt"]


def test_what_is_not_there_is_refused_and_the_rest_is_read(folder: Path) -> None:
    assert _names("nowhere.txt", "in/b.txt", "", "a\0b") == ["in/b.txt"]
    assert [source for source, _ in _refused("nowhere.txt", "in/b.txt", "", "a\0b")] == ["nowhere.txt", "", "a\0b"]


def test_a_folder_without_a_file_to_read_is_refused(folder: Path) -> None:
    (folder / "none").mkdir()
    assert [source for source, _ in _refused("in/none")] == ["in/none"]


def test_pipes_and_links_in_a_circle_are_refused(folder: Path) -> None:
    os.mkfifo(folder / "pipe.txt")
    (folder / "loop.txt").symlink_to("loop.txt")
    (folder / "sub" / "up").symlink_to(folder, target_is_directory=True)
    assert _names("in") == ["in/a.md", "in/b.txt", "in/sub/c.jsonl", "in/sub/f"]
    assert [source for source, _ in _refused("in")] == ["in/loop.txt", "in/pipe.txt", "in/sub/up"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(folder: Path) -> None:
    (folder / "b.txt").chmod(0)
    assert [source for source, _ in _refused("in")] == ["in/b.txt"]


def test_importing_the_readers_loads_no_detector() -> None:
    program = "import sys, retrieval.read; print('charset_normalizer' in sys.modules, 'py3langid' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False False"
