from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from hypothesis import given
from hypothesis import strategies as st

from ocrpipe.errors import OcrError
from ocrpipe.synthesis import font_cache, font_inspection
from ocrpipe.synthesis.font_cache import cache_folder, cached_faces
from ocrpipe.synthesis.font_inspection import FaceInfo, inspect_font
from ocrpipe.synthesis.fonts import Font, FontLibrary

SERIF = Path(__file__).parents[1] / "data" / "fonts" / "NotoSerif-subset.ttf"


def font_without(path: Path, characters: str) -> Path:
    with TTFont(SERIF) as font:
        for table in font["cmap"].tables:
            for character in characters:
                table.cmap.pop(ord(character), None)
        font.save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two fonts and a file that is none."""
    fonts = tmp_path / "fonts"
    fonts.mkdir()
    font_without(fonts / "A.ttf", "é")
    font_without(fonts / "B.ttf", "ñö")
    (fonts / "C.ttf").write_text("no font")
    return fonts


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache's file, not there yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "ocrpipe" / "fonts.json.gz"


@pytest.fixture
def inspected(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the font files inspected so far."""
    names: list[str] = []

    def record(path: Path) -> list[FaceInfo]:
        names.append(path.name)
        return inspect_font(path)

    monkeypatch.setattr(font_cache, "inspect_font", record)
    return names


@pytest.fixture
def load(folder: Path, inspected: list[str]) -> Callable[[], tuple[tuple[Font, ...], str]]:
    """Loads the library: its fonts, and initials of the files inspected for it."""

    def fonts() -> tuple[tuple[Font, ...], str]:
        inspected.clear()
        library = FontLibrary.system([folder])
        return library.fonts, "".join(name[0] for name in inspected)

    return fonts


Load = Callable[[], tuple[tuple[Font, ...], str]]


def test_known_files_are_not_inspected_again_even_if_they_are_no_fonts(
    cache: Path, load: Load, folder: Path
) -> None:
    fonts, inspected = load()
    assert inspected == "ABC" and cache.is_file()
    assert [font.path.name for font in fonts] == ["A.ttf", "B.ttf"]
    assert fonts == FontLibrary.from_files(sorted(folder.iterdir())).fonts
    assert load() == (fonts, "")


def test_a_changed_file_is_inspected_again(cache: Path, load: Load, folder: Path) -> None:
    load()
    font_without(folder / "A.ttf", "ab")  # another size
    os.utime(folder / "B.ttf", ns=(0, 0))
    fonts, inspected = load()
    assert inspected == "AB"
    assert [font.path.name for font in fonts] == ["B.ttf"]
    assert load() == (fonts, "")


def test_changed_rules_begin_a_new_cache(cache: Path, load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    load()
    monkeypatch.setattr(font_cache, "_rules", lambda: "new rules")
    assert [load()[1] for _ in range(2)] == ["ABC", ""]


def test_the_rules_are_the_code_that_inspects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = tmp_path / "font_inspection.py"
    changed.write_bytes(Path(font_inspection.__file__).read_bytes() + b"\n# changed")
    before = font_cache._rules()
    assert before == font_cache._rules()
    monkeypatch.setattr(font_inspection, "__file__", str(changed))
    assert font_cache._rules() != before


def content(cache: Path) -> str:
    return gzip.decompress(cache.read_bytes()).decode()


def replaced(old: str, new: str) -> Callable[[bytes], bytes]:
    """Damages the cache's JSON."""
    return lambda data: gzip.compress(gzip.decompress(data).replace(old.encode(), new.encode()))


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: b"", id="empty"),
        pytest.param(lambda data: b"garbage", id="not gzip"),
        pytest.param(lambda data: data[: len(data) // 2], id="half"),
        pytest.param(lambda data: data[:-3], id="cut off"),
        pytest.param(lambda data: data[:40] + bytes([data[40] ^ 255]) + data[41:], id="flipped bits"),
        pytest.param(lambda data: gzip.compress(b"{"), id="not JSON"),
        pytest.param(lambda data: gzip.compress(b"\xff"), id="not UTF-8"),
        pytest.param(lambda data: gzip.compress(b"[1]"), id="a list"),
        pytest.param(lambda data: gzip.compress(b"[" * 100_000), id="deeply nested"),
        pytest.param(replaced('"fonts":', '"fonts":[],"x":'), id="fonts are a list"),
        pytest.param(replaced("[[0,[", "[[[0],["), id="index is a list"),
        pytest.param(replaced(",false,[", ",0,["), id="unicase is a number"),
        pytest.param(replaced('"latin"', "7"), id="kind is a number"),
        pytest.param(replaced("false,[32,", 'false,["32",'), id="length is text"),
        pytest.param(replaced("false,[32,", "false,[-32,"), id="negative"),
        pytest.param(replaced("false,[32,", "false,[9999999,"), id="beyond Unicode"),
        pytest.param(replaced("false,[32,", "false,[32,1,"), id="odd number of lengths"),
    ],
)
def test_a_damaged_cache_is_renewed(cache: Path, load: Load, damage: Callable[[bytes], bytes]) -> None:
    fonts, _ = load()
    data = cache.read_bytes()
    cache.write_bytes(damage(data))
    assert cache.read_bytes() != data
    again, inspected = load()
    assert again == fonts and set(inspected) >= {"A", "B"}
    assert load() == (fonts, "")


def test_without_a_place_to_write_fonts_are_inspected_each_time(
    tmp_path: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))  # no folder can be made there
    assert [load()[1] for _ in range(2)] == ["ABC", "ABC"]


def test_on_a_full_disk_fonts_are_inspected_each_time(
    cache: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OcrError(f"cannot write {path}: no space left on device")

    monkeypatch.setattr(font_cache, "write_whole", full)
    assert [load()[1] for _ in range(2)] == ["ABC", "ABC"]
    assert not cache.exists()


def test_a_user_without_a_home_folder_has_no_cache(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("could not determine home directory")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    assert cache_folder() is None
    assert [load()[1] for _ in range(2)] == ["ABC", "ABC"]


def test_the_folder_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for value, folder in (
        (str(tmp_path / "x"), tmp_path / "x" / "ocrpipe"),
        ("", tmp_path / ".cache" / "ocrpipe"),
        ("relative", tmp_path / ".cache" / "ocrpipe"),
    ):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert cache_folder() == folder


def test_two_processes_keep_each_others_entries(cache: Path, folder: Path, inspected: list[str]) -> None:
    first = cached_faces([folder / "A.ttf"])
    next(first)  # has read the cache, and saves it at its end
    list(cached_faces([folder / "B.ttf"]))
    assert not list(first)
    inspected.clear()
    list(cached_faces(sorted(folder.iterdir())))
    assert inspected == ["C.ttf"]


def test_the_cache_may_be_used_many_times_at_once(cache: Path, load: Load, folder: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        libraries = list(pool.map(lambda _: FontLibrary.system([folder]).fonts, range(12)))
    assert all(fonts == libraries[0] for fonts in libraries)
    assert load() == (libraries[0], "")
    assert [path.name for path in cache.parent.iterdir()] == [cache.name]


def test_an_interrupted_run_keeps_what_it_inspected(
    cache: Path, load: Load, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(path: Path) -> list[FaceInfo]:
        if path.name == "B.ttf":
            raise KeyboardInterrupt
        return inspect_font(path)

    with monkeypatch.context() as patch:
        patch.setattr(font_cache, "inspect_font", interrupt)
        with pytest.raises(KeyboardInterrupt):
            FontLibrary.system([folder])
    assert load()[1] == "BC"


def test_a_killed_run_keeps_what_was_saved_at_intervals(
    cache: Path, folder: Path, inspected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(font_cache, "_SAVE_INTERVAL", 2)
    running = cached_faces(sorted(folder.iterdir()))
    next(running), next(running)
    assert {Path(path).name for path in json.loads(content(cache))["fonts"]} == {"A.ttf", "B.ttf"}
    del running


def test_files_that_are_gone_leave_the_cache(cache: Path, load: Load, folder: Path) -> None:
    load()
    (folder / "A.ttf").unlink()
    font_without(folder / "D.ttf", "é")
    assert load()[1] == "D"
    fonts = json.loads(content(cache))["fonts"]
    assert sorted(Path(path).name for path in fonts) == ["B.ttf", "C.ttf", "D.ttf"]


def test_files_that_cannot_be_opened_are_left_out_and_tried_again(cache: Path, folder: Path) -> None:
    (folder / "D.ttf").mkdir()  # opening it fails
    assert [path.name for path, _ in cached_faces(sorted(folder.iterdir()))] == ["A.ttf", "B.ttf", "C.ttf"]
    assert not list(cached_faces([folder / "missing.ttf"]))
    fonts = json.loads(content(cache))["fonts"]
    assert sorted(Path(path).name for path in fonts) == ["A.ttf", "B.ttf", "C.ttf"]


@given(
    st.integers(0, 9),
    st.frozensets(st.sampled_from(("latin", "han", "mono"))),
    st.frozensets(st.integers(0, 300) | st.integers(0, 0x10FFFF)),
    st.booleans(),
)
def test_encoding_keeps_everything(
    index: int, kinds: frozenset[str], coverage: frozenset[int], unicase: bool
) -> None:
    face = FaceInfo(index, kinds, coverage, unicase)
    plain = json.loads(json.dumps(font_cache.encode_face(face)))
    assert font_cache.decode_face(*plain) == face


def test_hanzi_take_little_room() -> None:
    face = FaceInfo(0, frozenset({"han"}), frozenset(range(0x4E00, 0x9FA6)))
    assert font_cache.encode_face(face)[3] == [0x4E00, 0x9FA6 - 0x4E00]
