"""Text rotated by 90° along a page."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ocrpipe.geometry import apply, clip_quad, overlap, rotate, to_quad, turn
from ocrpipe.page import Quad
from ocrpipe.pipeline import Options, Pipeline
from ocrpipe.result import Page
from ocrpipe.stages.rotated import RotatedOptions, rotated_strips, turned_strip

SAMPLE = Path(__file__).parents[1] / "docs" / "sample.png"
NUMBER = "82490517"
Pixels = NDArray[np.uint8]


def grey(image: Pixels) -> Pixels:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def box(left: float, top: float, right: float, bottom: float) -> Quad:
    return to_quad([(left, top), (right, top), (right, bottom), (left, bottom)])


LINES = [box(100, y, 500, y + 24) for y in range(100, 400, 40)]


def page_with(text: str, size: float, *, at: tuple[int, int], turned: int = 90) -> tuple[Pixels, Quad]:
    """A page with a text turned clockwise, and where that is."""
    (width, height), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 2)
    label = np.full((height + below + 4, width, 3), 255, np.uint8)
    cv2.putText(label, text, (0, height + 2), cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), 2, cv2.LINE_AA)
    label = turn(label, turned)
    image = np.full((700, 600, 3), 255, np.uint8)
    x, y = at
    image[y : y + label.shape[0], x : x + label.shape[1]] = label
    return image, box(x, y, x + label.shape[1], y + label.shape[0])


@pytest.mark.parametrize("turned", [90, 270])
@pytest.mark.parametrize("dark", [False, True])
def test_a_column_of_glyphs_is_found(turned: int, dark: bool) -> None:
    image, place = page_with(NUMBER, 0.8, at=(540, 300), turned=turned)
    (strip,) = rotated_strips(grey(255 - image if dark else image), LINES)
    assert overlap(strip, place) > 0.4
    assert strip[0][0] < place[0][0] < place[2][0] < strip[2][0]
    assert strip[0][1] < place[0][1] + 2 and strip[2][1] > place[2][1] - 2


def test_what_was_read_is_not_looked_at_again() -> None:
    image, place = page_with(NUMBER, 0.8, at=(540, 300))
    assert rotated_strips(grey(image), [*LINES, place]) == []


def test_small_print_is_left_alone() -> None:
    image, _ = page_with(NUMBER, 0.3, at=(540, 300))
    assert rotated_strips(grey(image), LINES) == []


def test_text_that_lies_is_no_column() -> None:
    image, _ = page_with(NUMBER, 0.8, at=(300, 500), turned=0)
    assert rotated_strips(grey(image), LINES) == []


def test_rules_and_blots_are_no_columns() -> None:
    image = np.full((700, 600, 3), 255, np.uint8)
    image[50:650, 540:544] = 0
    image[50:650, 560:580] = 0
    assert rotated_strips(grey(image), LINES) == []


def test_nothing_is_looked_for_on_a_page_without_lines() -> None:
    image, _ = page_with(NUMBER, 0.8, at=(540, 300))
    assert rotated_strips(grey(image), []) == []


def test_a_strip_at_the_border_stays_on_the_page() -> None:
    image, _ = page_with(NUMBER, 0.8, at=(572, 578))
    for strip in rotated_strips(grey(image), LINES):
        assert clip_quad(strip, 600, 700) == strip


def test_a_strip_laid_down_leads_back() -> None:
    image, place = page_with(NUMBER, 0.8, at=(540, 300))
    part, back = turned_strip(image, place)
    width, height = place[2][0] - place[0][0], place[2][1] - place[0][1]
    assert part.shape[:2] == (width, height)
    assert np.allclose(apply(back, box(0, 0, height, width)), [place[3], place[0], place[1], place[2]])


# From here on with the weights that ship.


@pytest.fixture(scope="module")
def sample() -> Pixels:
    """The sample page with a wider right margin."""
    image = np.asarray(Image.open(SAMPLE).convert("RGB"))
    return np.asarray(cv2.copyMakeBorder(image, 0, 0, 0, 150, cv2.BORDER_REPLICATE), np.uint8)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline()


def stamped(image: Pixels, turned: int) -> tuple[Pixels, Quad]:
    label, place = page_with(NUMBER, 1.2, at=(10, 10), turned=turned)
    (left, top), _, (right, bottom), _ = ((round(x), round(y)) for x, y in place)
    out = image.copy()
    part = label[top:bottom, left:right]
    out[900 : 900 + part.shape[0], 1240 : 1240 + part.shape[1]] = part
    return out, box(1240, 900, 1240 + part.shape[1], 900 + part.shape[0])


def last(page: Page) -> tuple[str, Quad]:
    return page.paragraphs[-1].text, page.paragraphs[-1].quad


@pytest.mark.parametrize("turned", [90, 270])
def test_a_number_on_the_margin_is_read_last_whichever_way_it_runs(
    sample: Pixels, pipeline: Pipeline, turned: int
) -> None:
    image, place = stamped(sample, turned)
    plain, found = pipeline.read(sample), pipeline.read(image)
    text, quad = last(found)
    assert text == NUMBER
    assert overlap(quad, place) > 0.5
    start = place[1] if turned == 90 else place[3]
    assert np.hypot(*np.subtract(quad[0], start)) < 15
    before, after = ("".join(page.text.split()) for page in (plain, found))
    assert after == before + NUMBER
    assert found.orientation == 0


def test_a_skewed_page_that_lies_has_its_number_too(sample: Pixels, pipeline: Pipeline) -> None:
    image, place = stamped(sample, 90)
    skewed, matrix = rotate(image, 4)
    found = pipeline.read(turn(skewed, 180))
    text, quad = last(found)
    assert text == NUMBER
    height, width = skewed.shape[:2]
    there = to_quad([(width - x, height - y) for x, y in apply(matrix, place)])
    assert overlap(quad, there) > 0.5


def test_it_is_left_out_if_asked(sample: Pixels) -> None:
    image, _ = stamped(sample, 90)
    assert NUMBER not in Pipeline(options=Options(rotated=RotatedOptions(enabled=False))).read(image).text
