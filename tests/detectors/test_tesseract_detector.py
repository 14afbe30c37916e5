from __future__ import annotations

import shutil

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ocrpipe import plugins
from ocrpipe.engines.tesseract import detector as module
from ocrpipe.engines.tesseract.detector import TesseractDetector
from ocrpipe.engines.tesseract.program import Glyph, TesseractLine
from ocrpipe.errors import MissingExtraError
from ocrpipe.page import Quad
from ocrpipe.testing import check_detector

needs_tesseract = pytest.mark.needs_program("tesseract")

BOX = (10.0, 20.0, 110.0, 40.0)
WORDS = ((Glyph("a", BOX, 0.9), Glyph("b", BOX, 0.5)), (Glyph("c", BOX, 0.5),))


class Fixed:
    """Stands in for the program, and finds the same on every page."""

    def __init__(self, *lines: TesseractLine) -> None:
        self.lines, self.languages = list(lines), "eng"

    def read(self, images: list[NDArray[np.uint8]]) -> list[list[TesseractLine]]:
        return [self.lines for _ in images]


def finding(monkeypatch: pytest.MonkeyPatch, *lines: TesseractLine) -> TesseractDetector:
    monkeypatch.setattr(module, "Tesseract", lambda *_, **__: Fixed(*lines))
    return TesseractDetector()


@pytest.mark.parametrize(
    ("slope", "angle", "quad"),
    [
        (0.0, 0, ((10, 20), (110, 20), (110, 40), (10, 40))),
        (0.05, 0, ((10, 20), (110, 25), (110, 40), (10, 35))),
        (-0.05, 0, ((10, 25), (110, 20), (110, 35), (10, 40))),
        (9.0, 0, ((10, 20), (110, 39), (110, 40), (10, 21))),
        (0.0, 180, ((110, 40), (10, 40), (10, 20), (110, 20))),
        (0.3, 270, ((110, 20), (110, 40), (10, 40), (10, 20))),
        (0.3, 90, ((10, 40), (10, 20), (110, 20), (110, 40))),
    ],
)
def test_quads_follow_the_baseline_from_the_texts_own_corner(
    slope: float, angle: int, quad: Quad, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = finding(monkeypatch, TesseractLine(BOX, slope, angle, WORDS))
    page = np.random.default_rng(1).integers(0, 255, (50, 120, 3)).astype(np.uint8)
    (line,) = plugins.detect(detector, page, "tesseract")
    assert line.quad == quad
    assert line.score == pytest.approx(0.6)


def test_what_has_no_area_is_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = finding(monkeypatch, TesseractLine((10, 20, 10, 40), 0, 0, WORDS))
    assert detector.detect(np.random.default_rng(1).integers(0, 255, (50, 120, 3)).astype(np.uint8)) == ()


@needs_tesseract
def test_it_keeps_the_contract() -> None:
    check_detector(TesseractDetector("eng"))


@needs_tesseract
def test_boxes_are_where_the_ink_is() -> None:
    page = np.full((140, 420, 3), 255, np.uint8)
    for y in (50, 100):
        cv2.putText(page, "Invoice 2024", (30, y), cv2.FONT_HERSHEY_SIMPLEX, 1, (20, 20, 90), 2, cv2.LINE_AA)
    found = plugins.detect(TesseractDetector("eng"), page, "tesseract")
    ys, xs = np.nonzero(page[:70].max(axis=2) < 150)
    assert np.abs(np.array(found[0].quad[0]) - (xs.min(), ys.min())).max() < 5
    assert np.abs(np.array(found[0].quad[2]) - (xs.max() + 1, ys.max() + 1)).max() < 5
    assert [line.quad[0][1] - found[0].quad[0][1] for line in found] == pytest.approx([0, 50], abs=2)
    assert all(0.5 < line.score <= 1 for line in found)


def test_the_missing_program_reaches_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(MissingExtraError, match="not on the path"):
        plugins.load_detector("tesseract")
