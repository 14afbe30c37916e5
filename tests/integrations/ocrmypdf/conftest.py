"""Fake engines known to ocrpipe by name, also in other processes, pages drawn for them, and a font."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

ENGINES = Path(__file__).parent / "engines"
CHINESE = Path(__file__).parents[2] / "data" / "fonts" / "NotoSansCJKsc-subset.otf"
ENTRY_POINTS = """
[ocrpipe.detectors]
bars = ocrmypdf_engines:Bars
broken = ocrmypdf_engines:Broken
[ocrpipe.recognizers]
notches = ocrmypdf_engines:Notches
"""

Draw = Callable[..., NDArray[np.uint8]]
Scan = Callable[..., Path]


@pytest.fixture(autouse=True)
def system_fonts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder that OCRmyPDF looks for fonts in, with one of Chinese, whatever is installed."""
    provider = pytest.importorskip(
        "ocrmypdf.font", reason="needs the extra ocrpipe[ocrmypdf], Python 3.11"
    ).SystemFontProvider
    folder = tmp_path / "fonts"
    folder.mkdir()
    (folder / "NotoSansSC-Regular.otf").symlink_to(CHINESE)
    monkeypatch.setattr(provider, "SYSTEM_FONT_DIRS", dict.fromkeys(provider.SYSTEM_FONT_DIRS, [folder]))
    return folder


@pytest.fixture
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of the fakes, installed."""
    info = tmp_path / "site" / "ocrmypdf_engines-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ocrmypdf-engines\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    for folder in (ENGINES, info.parent):
        monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", f"{ENGINES}:{info.parent}")
    sys.modules.pop("ocrmypdf_engines", None)
    import ocrmypdf_engines  # type: ignore[import-not-found]

    module: ModuleType = ocrmypdf_engines
    return module


@pytest.fixture
def draw(engines: ModuleType) -> Draw:
    """A page of bars that the fakes read as the texts of these numbers, one below the other."""

    def page(*numbers: int) -> NDArray[np.uint8]:
        image = np.full((1000, 900, 3), 255, np.uint8)
        high = engines.HEIGHT
        for row, number in enumerate(numbers):
            top, right = 150 + 3 * high * row, 100 + engines.width(number)
            image[top : top + high, 100:right] = 0
            image[top + high // 2 + 5 : top + high - 3, right - high // 2 : right - 3] = 255
        return image

    return page


@pytest.fixture
def scan(tmp_path: Path) -> Scan:
    """A PDF of images, a page each, at 100 dpi."""

    def save(*images: NDArray[np.uint8]) -> Path:
        path = tmp_path / "scan.pdf"
        first, *others = (Image.fromarray(image).convert("L") for image in images)
        first.save(path, resolution=100, save_all=True, append_images=others)
        return path

    return save
