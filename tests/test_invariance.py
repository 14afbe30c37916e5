"""The shipped weights on one page at many resolutions, skews and turns: the text stays the same."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from rapidfuzz.distance import Levenshtein

from ocrpipe.geometry import rotate, turn
from ocrpipe.pipeline import Pipeline

Pixels = NDArray[np.uint8]

TESTS = Path(__file__).parent
FONTS = TESTS / "data" / "fonts"
LATIN, HAN = FONTS / "NotoSerif-subset.ttf", FONTS / "NotoSansCJKsc-subset.otf"
TEXT = (TESTS.parent / "docs" / "sample.txt").read_text("utf-8").split("\n\n")
MARGIN, PITCH, SIZE = 0.9, 17.0, 11.0  # inches, points, points
WIDTH, HEIGHT = 8.27, 9.0  # inches


@cache
def page(dpi: int) -> Pixels:
    """The sample page's text in one column, a line each, drawn at a resolution."""
    image = Image.new("L", (round(WIDTH * dpi), round(HEIGHT * dpi)), 245)
    draw, y = ImageDraw.Draw(image), MARGIN * dpi
    for paragraph in TEXT:
        for line in paragraph.splitlines():
            font = LATIN if line.isascii() else HAN
            face = ImageFont.truetype(str(font), SIZE * dpi / 72)
            draw.text((MARGIN * dpi, y), line, fill=25, font=face, anchor="ls")
            y += PITCH * dpi / 72
        y += 0.5 * PITCH * dpi / 72
    assert y < HEIGHT * dpi
    return np.asarray(cv2.cvtColor(np.asarray(image), cv2.COLOR_GRAY2RGB), np.uint8)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline()


def text_of(pipeline: Pipeline, image: Pixels) -> str:
    return "".join(pipeline.read(image).text.split())


@pytest.fixture(scope="module")
def upright(pipeline: Pipeline) -> str:
    """What is read from the upright page at 200 dpi, which is nearly all of it."""
    text = text_of(pipeline, page(200))
    assert Levenshtein.normalized_distance("".join("".join(TEXT).split()), text) < 0.02
    return text


def difference(text: str, expected: str) -> float:
    return Levenshtein.distance(text, expected) / len(expected)


@pytest.mark.slow
@pytest.mark.parametrize("dpi", [75, 100, 150, 300, 600])
def test_resolution(pipeline: Pipeline, upright: str, dpi: int) -> None:
    assert difference(text_of(pipeline, page(dpi)), upright) <= 0.03


@pytest.mark.slow
@pytest.mark.parametrize("angle", [-10, -7, -3, -1, 0.5, 2, 5, 10])
def test_skew(pipeline: Pipeline, upright: str, angle: float) -> None:
    skewed, _ = rotate(page(200), angle)
    read = pipeline.read(skewed)
    assert read.skew == pytest.approx(-angle, abs=0.3)
    assert difference("".join(read.text.split()), upright) <= 0.03


@pytest.mark.slow
@pytest.mark.parametrize("turned", [90, 180, 270])
def test_quarter_turns(pipeline: Pipeline, upright: str, turned: int) -> None:
    read = pipeline.read(turn(page(200), turned))
    assert read.orientation == (360 - turned) % 360
    assert difference("".join(read.text.split()), upright) <= 0.03


@pytest.mark.slow
@pytest.mark.parametrize(("dpi", "angle", "turned"), [(100, 8, 90), (300, -9, 180), (150, -4, 270)])
def test_all_at_once(pipeline: Pipeline, upright: str, dpi: int, angle: float, turned: int) -> None:
    skewed, _ = rotate(page(dpi), angle)
    assert difference(text_of(pipeline, turn(skewed, turned)), upright) <= 0.03
