"""Lines that a detector crops from rendered pages: which are kept, and with what text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ocrpipe.detectors.base import TextLine
from ocrpipe.errors import ConfigError
from ocrpipe.geometry import apply, to_quad, turn_matrix
from ocrpipe.page import Quad
from ocrpipe.recognizers.crnn.charset import default_charset
from ocrpipe.synthesis.pages import SynthPage
from ocrpipe.training.crnn.detected import DetectedLines, crop_lines
from ocrpipe.training.crnn.lines import to_training


def box(left: float, top: float, right: float, bottom: float) -> Quad:
    return to_quad([(left, top), (right, top), (right, bottom), (left, bottom)])


def page(lines: dict[str, Quad], ignored: Sequence[Quad] = ()) -> SynthPage:
    image = np.full((200, 400, 3), 255, np.uint8)
    image[:, ::7] = 0
    return SynthPage(image, list(lines.values()), list(lines), list(ignored), "form")


def texts(on: SynthPage, *found: Quad) -> list[str]:
    return [sample.text for sample in crop_lines(on, [TextLine(quad, 1.0) for quad in found])]


ROW = {"Name:": box(20, 50, 80, 70), "Ada": box(120, 50, 160, 70)}


def test_a_line_has_its_text_and_the_crop_that_was_found() -> None:
    (sample,) = crop_lines(page(ROW), [TextLine(box(10, 40, 100, 80), 1.0, crop=box(18, 49, 82, 72))])
    assert sample.text == "Name:"
    assert sample.image.shape == (23, 64)
    assert not len(sample.centers)


def test_lines_of_a_row_are_joined_from_left_to_right() -> None:
    backwards = page(dict(reversed(ROW.items())))
    assert texts(backwards, box(18, 48, 165, 72)) == ["Name: Ada"]


def test_no_space_comes_between_han() -> None:
    row = {"姓名": box(20, 50, 80, 70), "王": box(120, 50, 160, 70)}
    assert texts(page(row), box(18, 48, 165, 72)) == []
    assert texts(page(row), box(18, 48, 85, 72)) == ["姓名"]


@pytest.mark.parametrize(
    "found",
    [
        box(18, 48, 140, 72),  # half of the second line
        box(30, 48, 82, 72),  # a part
        box(18, 60, 82, 80),  # its lower half
        box(200, 100, 300, 120),  # nothing
    ],
)
def test_what_is_no_whole_line_is_left_out(found: Quad) -> None:
    assert texts(page(ROW), found) == []


def test_a_neighbouring_row_in_the_crop_is_no_part_of_the_text() -> None:
    lines = {"above": box(20, 30, 200, 50), "below": box(20, 56, 200, 76)}
    assert texts(page(lines), box(18, 44, 202, 78)) == ["below"]


def test_crops_with_areas_to_ignore_are_left_out() -> None:
    assert texts(page(ROW, [box(60, 55, 90, 90)]), box(18, 48, 85, 72)) == []


@given(st.floats(-8, 8))
def test_a_tilted_page_gives_the_same_lines(angle: float) -> None:
    def turned(quad: Quad) -> Quad:
        radians = np.radians(angle)
        spin = np.array(
            [[np.cos(radians), -np.sin(radians), 0], [np.sin(radians), np.cos(radians), 0], [0, 0, 1]]
        )
        return apply(spin, quad)

    lines = {text: turned(quad) for text, quad in ROW.items()}
    assert texts(page(lines), turned(box(18, 48, 85, 72)), turned(box(18, 48, 165, 72))) == [
        "Name:",
        "Name: Ada",
    ]


def test_a_page_rotated_by_90_degrees_gives_the_same_lines() -> None:
    spin = turn_matrix(400, 200, 90)
    lines = {text: apply(spin, quad) for text, quad in ROW.items()}
    level = page(ROW).image
    rotated = SynthPage(np.rot90(level, -1).copy(), list(lines.values()), list(lines), [], "form")
    (sample,) = crop_lines(rotated, [TextLine(apply(spin, box(18, 48, 85, 72)), 1.0)])
    assert sample.text == "Name:" and sample.image.shape == (24, 67)


class Finds:
    def __init__(self, *quads: Quad) -> None:
        self.quads = quads

    def detect(self, image: NDArray[np.uint8]) -> Sequence[TextLine]:
        return [TextLine(quad, 1.0) for quad in self.quads]


def test_lines_come_in_random_order_and_can_be_trained_on() -> None:
    source = DetectedLines(lambda rng: page(ROW), Finds(box(18, 48, 85, 72), box(118, 48, 165, 72)))
    rng = np.random.default_rng(0)
    samples = [source.render(rng) for _ in range(40)]
    assert {sample.text for sample in samples} == {"Name:", "Ada"}
    assert [sample.text for sample in samples] != ["Name:", "Ada"] * 20
    assert all(to_training(sample, default_charset()) for sample in samples)


def test_a_detector_that_finds_nothing_is_an_error() -> None:
    source = DetectedLines(lambda rng: page(ROW), Finds())
    with pytest.raises(ConfigError, match="finds no lines"):
        source.render(np.random.default_rng(0))
