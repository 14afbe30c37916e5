from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ocrpipe.errors import OcrError
from ocrpipe.io.files import atomic_file, remove_temporaries, write_whole


def test_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "page.txt"
    for data in (b"one", b"", b"three"):
        write_whole(path, data)
        assert path.read_bytes() == data
    assert [found.name for found in tmp_path.iterdir()] == ["page.txt"]


def test_rights_are_those_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    write_whole(tmp_path / "whole", b"")
    rights = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert len(rights) == 1


def test_a_failure_leaves_the_earlier_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "page.txt"
    write_whole(path, b"earlier")

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OcrError, match="cannot write .*page.txt: No space left on device"):
        write_whole(path, b"later")
    assert path.read_bytes() == b"earlier"
    assert [found.name for found in tmp_path.iterdir()] == ["page.txt"]


def test_an_error_in_the_block_leaves_the_earlier_file(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_whole(path, b"earlier")
    with pytest.raises(ZeroDivisionError), atomic_file(path) as stream:
        stream.write(b"half")
        raise ZeroDivisionError
    assert path.read_bytes() == b"earlier"
    with atomic_file(path) as stream:
        stream.write(b"in ")
        stream.write(b"parts")
        assert path.read_bytes() == b"earlier"
    assert path.read_bytes() == b"in parts"
    assert [found.name for found in tmp_path.iterdir()] == ["report.html"]


def test_what_killed_processes_left_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "notes.tmp").touch()
    with atomic_file(folder / "page.txt") as stream:
        temporary = Path(stream.name)
    temporary.touch()
    remove_temporaries(tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == ["notes.tmp", "page.txt"]


def test_the_final_name_never_holds_half_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "page.txt"
    seen: list[bool] = []
    sync = os.fsync

    def look(descriptor: int) -> None:
        seen.append(path.exists())
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", look)
    write_whole(path, b"x" * 100_000)
    assert seen == [False, True]  # the file before it gets its name, the folder after


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_bytes() == b"new"


@pytest.mark.parametrize("name", ["missing/page.txt", ".", "nul\0l", "x" * 300])
def test_places_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(OcrError, match="cannot write"):
        write_whole(tmp_path / name, b"")
    assert not list(tmp_path.iterdir())


def test_devices_are_not_replaced() -> None:
    with pytest.raises(OcrError, match="not a regular file"):
        write_whole("/dev/null", b"")
