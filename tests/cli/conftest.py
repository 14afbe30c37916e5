"""Fake engines under the names of the built-in ones, and pages that they can read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from typer.testing import CliRunner, Result

from ocrpipe import plugins
from ocrpipe.cli import app
from ocrpipe.detectors.base import TextLine
from ocrpipe.recognizers.base import CharSpan, Recognition

Run = Callable[..., Result]


class BarDetector:
    """Takes all that is dark for one line."""

    def detect(self, image: NDArray[np.uint8]) -> Sequence[TextLine]:
        ys, xs = np.nonzero(image[:, :, 0] < 128)
        if not xs.size:
            return ()
        x0, y0, x1, y1 = float(xs.min()), float(ys.min()), float(xs.max() + 1), float(ys.max() + 1)
        return (TextLine(((x0, y0), (x1, y0), (x1, y1), (x0, y1)), 0.75),)


class LoudDetector(BarDetector):
    """Prints while it works."""

    def __init__(self) -> None:
        print("made")

    def detect(self, image: NDArray[np.uint8]) -> Sequence[TextLine]:
        print("found something")
        return super().detect(image)


class BarRecognizer:
    """Reads a bar of n hundred pixels as "第n page"."""

    def recognize(self, crops: Sequence[NDArray[np.uint8]]) -> Sequence[Recognition]:
        return [self._read(crop.shape[1], round(max(crop.shape[:2]) / 100)) for crop in crops]

    def _read(self, width: int, number: int) -> Recognition:
        text = f"第{number} page"
        step = width / len(text)
        spans = (CharSpan(c, 0.9, i * step, (i + 1) * step) for i, c in enumerate(text))
        return Recognition(text, tuple(spans))


class InterruptedRecognizer:
    """Somebody presses Ctrl-C while it reads."""

    def recognize(self, crops: Sequence[NDArray[np.uint8]]) -> Sequence[Recognition]:
        raise KeyboardInterrupt


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command line with the fakes as ``ctpn`` and ``crnn``."""
    module = ModuleType("fake_engines")
    for engine in (BarDetector, LoudDetector, BarRecognizer, InterruptedRecognizer):
        setattr(module, engine.__name__, engine)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    fakes = (
        plugins.Plugin("ctpn", "detectors", "fake_engines:BarDetector", "ocrpipe", "1"),
        plugins.Plugin("loud", "detectors", "fake_engines:LoudDetector", "other", "2"),
        plugins.Plugin("crnn", "recognizers", "fake_engines:BarRecognizer", "ocrpipe", "1"),
        plugins.Plugin("interrupted", "recognizers", "fake_engines:InterruptedRecognizer", "other", "2"),
    )
    monkeypatch.setattr(
        plugins,
        "describe",
        lambda kind, name=None: tuple(one for one in fakes if one.kind == kind and name in (None, one.name)),
    )

    def invoke(*arguments: object, input: bytes | None = None) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], input=input)

    return invoke


def draw_page(number: int) -> Image.Image:
    """A page that the fakes read as ``第<number> page``."""
    page = Image.new("L", (100 * number + 60, 400), 255)
    ImageDraw.Draw(page).rectangle((30, 180, 29 + 100 * number, 209), fill=0)
    return page


@pytest.fixture
def make_page(tmp_path: Path) -> Callable[[str, int], Path]:
    """Writes a page that the fakes read as ``第<number> page``."""

    def make(name: str, number: int) -> Path:
        draw_page(number).save(tmp_path / name)
        return tmp_path / name

    return make


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """A TIFF of pages 1, 2 and 3."""
    path = tmp_path / "document.tiff"
    first, *others = (draw_page(number) for number in (1, 2, 3))
    first.save(path, save_all=True, append_images=others)
    return path
