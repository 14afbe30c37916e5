from __future__ import annotations

import io
import lzma
import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from ocrpipe.errors import ConfigError, OcrError
from ocrpipe.recognizers.crnn.charset import Charset
from ocrpipe.synthesis import font_cache
from ocrpipe.synthesis.fonts import Font, FontLibrary
from ocrpipe.training import pack as module
from ocrpipe.training.font_subset import subset_face
from ocrpipe.training.pack import pack, unpack

_FONTS = Path(__file__).parents[1] / "data" / "fonts"
CHARSET = Charset("ABCabcegrxyz0123456789.,iM的一是不了在人有我他这中大来上国")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "_LARGE_FONT", 70_000)


@pytest.fixture
def fonts(tmp_path: Path) -> Path:
    """A font with hanzi, a Latin one, and one that is held back."""
    folder = tmp_path / "system" / "some"
    folder.mkdir(parents=True)
    shutil.copy(next(_FONTS.glob("NotoSansCJK*")), folder)
    latin = next(path for path in sorted(_FONTS.glob("*.ttf")) if "CJK" not in path.name)
    shutil.copy(latin, folder / "Plain-Regular.ttf")
    shutil.copy(latin, folder / "Vollkorn-Regular.ttf")
    return tmp_path / "system"


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    folder = tmp_path / "texts"
    folder.mkdir()
    rng = np.random.default_rng(0)
    prose = [" ".join(f"{n:x}" for n in rng.integers(0, 9999, 12)) for _ in range(2000)]
    (folder / "en_prose.txt").write_text("\n".join(prose + prose[:50]), encoding="utf-8")
    (folder / "zh_prose.txt").write_text("中国人在这来了，我不是一人。\n大国\n大国\n", encoding="utf-8")
    (folder / "zh_words.txt").write_text("中国\n" * 33 + "大人\n", encoding="utf-8")
    return folder


def names(fonts: Sequence[Font]) -> list[str]:
    return sorted(font.path.name for font in fonts)


def test_a_bundle_has_fonts_and_texts_and_is_as_small_as_asked(
    fonts: Path, corpora: Path, tmp_path: Path
) -> None:
    out = tmp_path / "bundle.tar"
    manifest = pack(corpora, out, limit=150_000, charset=CHARSET, folders=[fonts])
    assert out.stat().st_size <= 150_000
    assert [font["name"].rpartition("/")[2] for font in manifest["fonts"]] == [
        "NotoSansCJKsc-subset.otf",
        "Plain-Regular.ttf",
    ]
    assert all(font["licence"] and font["bytes"] > font["packed"] > 0 for font in manifest["fonts"])
    folder, texts = unpack(out, tmp_path / "unpacked")
    assert names(FontLibrary.system([folder]).fonts) == ["NotoSansCJKsc-subset.otf", "Plain-Regular.ttf"]
    assert (texts / "zh_prose.txt").read_text("utf-8").splitlines() == [
        "中国人在这来了，我不是一人。",
        "大国",
    ]
    assert (texts / "zh_words.txt").read_text("utf-8").split() == ["中国", "中国", "中国", "大人"]
    prose = (texts / "en_prose.txt").read_text("utf-8").splitlines()
    assert len(prose) == len(set(prose)) == 2000


def test_large_texts_are_sampled(fonts: Path, corpora: Path, tmp_path: Path) -> None:
    out = tmp_path / "bundle.tar"
    sizes = {}
    for limit in (70_000, 90_000):
        manifest = pack(corpora, out, limit=limit, charset=CHARSET, folders=[fonts])
        assert out.stat().st_size <= limit
        sizes[limit] = {text["name"]: text["lines"] for text in manifest["texts"]}
        assert sizes[limit]["corpora/zh_prose.txt"] == 2
    assert 100 < sizes[70_000]["corpora/en_prose.txt"] < sizes[90_000]["corpora/en_prose.txt"] <= 2000


def test_unpacked_fonts_are_not_inspected_again(
    fonts: Path, corpora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "bundle.tar"
    pack(corpora, out, limit=150_000, charset=CHARSET, folders=[fonts])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))
    folder, _ = unpack(out, tmp_path / "unpacked")

    def inspect(path: Path) -> list[Any]:
        raise AssertionError(f"{path} is inspected")

    monkeypatch.setattr(font_cache, "inspect_font", inspect)
    library = FontLibrary.system([folder])
    assert {"han", "latin"} <= library.kinds
    assert all(font.covers("AC") for font in library.fonts)


def test_a_subset_draws_as_the_font_does() -> None:
    path = next(_FONTS.glob("NotoSansCJK*"))
    data, _ = subset_face(path, 0, map(ord, "中国Ab "))
    assert len(data) < path.stat().st_size / 4
    drawn = []
    for font in (str(path), io.BytesIO(data)):
        face = ImageFont.truetype(font, 40, layout_engine=ImageFont.Layout.BASIC)
        canvas = Image.new("L", (200, 60), 255)
        ImageDraw.Draw(canvas).text((5, 5), "中国Ab", font=face, fill=0)
        drawn.append(np.asarray(canvas, np.float32))
    assert float(np.abs(drawn[0] - drawn[1]).mean()) < 8  # hinting apart


def test_a_limit_without_room_is_an_error(fonts: Path, corpora: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="fonts for Chinese"):
        pack(corpora, tmp_path / "bundle.tar", limit=5_000, charset=CHARSET, folders=[fonts])


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bundle.tar"
    path.write_bytes(b"nothing")
    with pytest.raises(OcrError, match="cannot be unpacked"):
        unpack(path, tmp_path / "unpacked")
    evil = tmp_path / "x.xz"
    evil.write_bytes(lzma.compress(b"x"))
    with tarfile.open(path, "w") as archive:
        archive.add(evil, "../x.xz")
    with pytest.raises(OcrError, match="no bundle"):
        unpack(path, tmp_path / "unpacked")
