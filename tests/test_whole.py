"""A folder is whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.whole import remove_leftovers, whole_folder


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_folder_appears_only_when_all_went_well(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "a" / "b") as partial:
        (partial / "inside").mkdir()
        (partial / "inside" / "file").write_text("1")
        assert not (tmp_path / "a" / "b").exists()
    assert names(tmp_path) == ["a", "a/b", "a/b/inside", "a/b/inside/file"]


def test_what_fails_leaves_what_stood_there(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "old").write_text("1")

    def killed() -> None:
        with whole_folder(tmp_path / "a") as partial:
            (partial / "new").write_text("2")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed()
    assert names(tmp_path) == ["a", "a/old"]


def test_a_new_folder_replaces_the_old_one_whole(tmp_path: Path) -> None:
    for name in ("old", "new"):
        with whole_folder(tmp_path / "a") as partial:
            (partial / name).write_text(name)
    assert names(tmp_path) == ["a", "a/new"]


def test_what_a_killed_writer_left_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "a.partial").mkdir()
    (tmp_path / "a.partial" / "half").write_text("1")
    (tmp_path / "kept").mkdir()
    remove_leftovers(tmp_path)
    assert names(tmp_path) == ["kept"]


def test_half_made_things_of_before_are_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "a.partial").mkdir()
    (tmp_path / "a.partial" / "half").write_text("1")
    with whole_folder(tmp_path / "a") as partial:
        assert names(partial) == []
    assert names(tmp_path) == ["a"]
