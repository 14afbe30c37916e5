from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ocrpipe.errors import ConfigError
from ocrpipe.export import FORMATS, suffix_of
from ocrpipe.folder.globs import Globs
from ocrpipe.folder.walk import _RESULTS, Document, natural_key, stems, walk


def test_it_knows_what_results_are_called() -> None:
    assert set(_RESULTS) == set(map(suffix_of, FORMATS))


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def keys(root: Path, output: Path | None = None, **globs: tuple[str, ...]) -> list[str]:
    return [file.key for file in walk(root, Globs(**globs), output) if isinstance(file, Document)]


def reasons(root: Path) -> dict[str, str]:
    return {file.key: file.reason for file in walk(root, Globs()) if not isinstance(file, Document)}


def test_files_come_in_natural_order_folder_by_folder(tmp_path: Path) -> None:
    touch(tmp_path, "p10.png", "p9.png", "P1.png", "box2/a.png", "box10/a.png", "q.png")
    assert keys(tmp_path) == ["box2/a.png", "box10/a.png", "P1.png", "p9.png", "p10.png", "q.png"]


def test_natural_order_is_total() -> None:
    names = ["a", "A", "a1", "a01", "1", "²", "10", "9x", ""]
    assert len({str(natural_key(name)) for name in names}) == len(names)
    assert sorted(names, key=natural_key)[:4] == ["", "1", "9x", "10"]


def test_hidden_files_and_the_output_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, ".hidden.png", ".git/a.png", "out/old.png", "a.png")
    assert keys(tmp_path, tmp_path / "out") == ["a.png"]


def test_what_is_neither_file_nor_folder_is_reported_and_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "gone.png").symlink_to("nowhere")
    assert keys(tmp_path) == []
    assert reasons(tmp_path) == {"pipe.png": "not a regular file", "gone.png": "a broken link"}


def test_loops_of_links_end_and_nothing_is_met_twice(tmp_path: Path) -> None:
    root = touch(tmp_path / "scans", "a/1.png", "b/2.png")
    outside = touch(tmp_path / "outside", "3.png")
    (root / "a" / "up").symlink_to(root)
    (root / "a" / "beside").symlink_to(root / "b")
    (root / "b" / "self").symlink_to(root / "b")
    (root / "out1").symlink_to(outside)
    (root / "out2").symlink_to(outside)
    (outside / "back").symlink_to(root)
    (outside / "self").symlink_to(outside)
    assert keys(root) == ["a/1.png", "b/2.png", "out1/3.png"]


def test_folders_may_lie_as_deep_as_they_like(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    depth = sys.getrecursionlimit() + 50
    monkeypatch.chdir(tmp_path)
    for _ in range(depth):
        Path("d").mkdir()
        os.chdir("d")
    Path("deep.png").touch()
    try:
        assert keys(tmp_path) == ["d/" * depth + "deep.png"]
    finally:  # whoever clears temporary folders away may recurse
        Path("deep.png").unlink()
        for _ in range(depth):
            os.chdir("..")
            Path("d").rmdir()


def test_a_link_to_a_hidden_folder_of_the_tree_is_followed(tmp_path: Path) -> None:
    touch(tmp_path, ".store/1.png")
    (tmp_path / "shown").symlink_to(tmp_path / ".store")
    assert keys(tmp_path) == ["shown/1.png"]


def test_a_link_to_a_file_is_read_under_its_name(tmp_path: Path) -> None:
    touch(tmp_path, "real.png")
    (tmp_path / "link.png").symlink_to("real.png")
    assert keys(tmp_path) == ["link.png", "real.png"]


def test_names_that_are_no_utf8_are_escaped(tmp_path: Path) -> None:
    with (tmp_path / os.fsdecode(b"caf\xe9.png")).open("wb"):
        pass
    (document,) = walk(tmp_path, Globs())
    assert isinstance(document, Document)
    assert document.key == r"caf\xe9.png"
    assert document.path.exists()


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        (("*.PDF",), ["a/1.pdf", "a/b/2.pdf"]),
        (("a/*.pdf",), ["a/1.pdf"]),
        (("a/**",), ["a/1.pdf", "a/b/2.pdf", "a/b/x[1].png"]),
        (("**/b/*.png",), ["a/b/x[1].png"]),
        (("?.pdf", "p[0-9].png"), ["a/1.pdf", "a/b/2.pdf", "p3.png"]),
        (("p[!0-9].png",), ["pq.png"]),
        (("x[[]1].png",), ["a/b/x[1].png"]),
        (("/pq.png",), ["pq.png"]),
        (("b.pdf",), []),
    ],
)
def test_include(tmp_path: Path, patterns: tuple[str, ...], found: list[str]) -> None:
    touch(tmp_path, "a/1.pdf", "a/b/2.pdf", "a/b/x[1].png", "p3.png", "pq.png")
    assert sorted(keys(tmp_path, include=patterns)) == found


def test_exclude_leaves_out_files_and_whole_folders(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.pdf", "a/old/2.pdf", "old/3.pdf", "4.tmp.pdf")
    assert keys(tmp_path, exclude=("old/", "*.tmp.*")) == ["a/1.pdf"]
    assert keys(tmp_path, exclude=("a/old",), include=("*/*",)) == ["a/1.pdf", "old/3.pdf"]


def test_an_empty_pattern_is_refused() -> None:
    with pytest.raises(ConfigError, match="empty"):
        Globs(include=("",))


@pytest.mark.parametrize(
    ("names", "folders", "expected"),
    [
        (["b.pdf", "c.tif"], [], {"b.pdf": "b", "c.tif": "c"}),
        (["b.pdf", "b.tif"], [], {"b.pdf": "b.pdf", "b.tif": "b.tif"}),
        (["b.pdf", "B.tif"], [], {"b.pdf": "b.pdf", "B.tif": "B.tif"}),
        (["b.png", "b.txt"], [], {"b.png": "b", "b.txt": "b.txt"}),
        (["b", "b.png"], [], {"b": "b", "b.png": "b.png"}),
        (["b.pdf", "b.pdf.png"], [], {"b.pdf": "b", "b.pdf.png": "b.pdf.png"}),
        (["b.pdf", "b.page.png"], [], {"b.pdf": "b.pdf", "b.page.png": "b.page.png"}),
        (["b.pdf", "B.pdf"], [], {"b.pdf": "b.pdf", "B.pdf": "B.pdf~2"}),
        (["b.pdf"], ["b.txt", "b.scans"], {"b.pdf": "b~2"}),
    ],
)
def test_stems(names: list[str], folders: list[str], expected: dict[str, str]) -> None:
    assert stems(names, folders) == expected


def test_results_of_no_two_files_share_a_name() -> None:
    """Whatever a folder holds, in every format, on systems that ignore case as well."""
    parts = ["b", "B", "b.page", "b.pdf", "b.labelstudio", "b.pdf~2", "b~2"]
    names = [f"{part}{suffix}" for part in parts for suffix in ("", ".pdf", ".PNG", ".xml", ".page.png")]
    names = sorted(set(names))
    for order in (names, names[::-1]):
        found = stems(order)
        results = [
            f"{stem}.{suffix}".lower()
            for stem in found.values()
            for suffix in ("txt", "json", "xml", "page.xml", "labelstudio.json", "pdf")
        ]
        assert len(set(results)) == len(results)
