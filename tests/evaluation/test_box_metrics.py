from __future__ import annotations

import math

import numpy as np
import pytest

from ocrpipe.evaluation.box_metrics import (
    BoxCounts,
    Boxes,
    axis_aligned_boxes,
    count_boxes,
    intersections,
    tilt,
)
from ocrpipe.page import Quad


def boxes(*rows: tuple[float, float, float, float]) -> Boxes:
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def turned(left: float, top: float, width: float, height: float, angle: float) -> Quad:
    cos, sin = math.cos(angle), math.sin(angle)
    corners = [(left, top), (left + width, top), (left + width, top + height), (left, top + height)]
    a, b, c, d = ((x * cos - y * sin, x * sin + y * cos) for x, y in corners)
    return a, b, c, d


ROW = (0.0, 0.0, 100.0, 10.0)
LEFT, RIGHT = (0.0, 0.0, 50.0, 10.0), (50.0, 0.0, 100.0, 10.0)
THIRDS = (0.0, 0.0, 33.0, 10.0), (33.0, 0.0, 66.0, 10.0), (66.0, 0.0, 100.0, 10.0)


@pytest.mark.parametrize(
    ("references", "found", "counts"),
    [
        (boxes(ROW), boxes(ROW), BoxCounts(1, 1, 1, 1, 1)),
        (boxes(ROW), boxes(LEFT, RIGHT), BoxCounts(0.8, 1.6, 1, 2, 1)),
        (boxes(*THIRDS), boxes(ROW), BoxCounts(0.8 * 3, 0.8, 3, 1, 0)),
        (boxes(ROW), boxes((0, 0, 79, 10)), BoxCounts(0, 0, 1, 1, 1)),
        (boxes(ROW), boxes((0, 0, 100, 26)), BoxCounts(0, 0, 1, 1, 0)),
        (boxes(ROW), boxes((0, 0, 100, 24)), BoxCounts(1, 1, 1, 1, 0)),
        (boxes(ROW), boxes(), BoxCounts(0, 0, 1, 0, 0)),
        (boxes(), boxes(ROW), BoxCounts(0, 0, 0, 1, 0)),
        (boxes(), boxes(), BoxCounts()),
    ],
    ids=["equal", "split", "joined", "too short", "too high", "loose", "missed", "extra", "nothing"],
)
def test_count_boxes(references: Boxes, found: Boxes, counts: BoxCounts) -> None:
    assert count_boxes(references, found) == counts


def test_each_box_is_matched_once() -> None:
    counts = count_boxes(boxes(ROW), boxes(ROW, ROW))
    assert (counts.matches, counts.detections) == (1, 2)
    assert counts.f50 == pytest.approx(2 / 3)


def test_rates() -> None:
    counts = BoxCounts(1, 1, 2, 1, 1) + BoxCounts(1, 1, 2, 3, 0)
    assert (counts.recall, counts.precision) == (0.5, 0.5)
    assert counts.f == pytest.approx(0.5)
    assert counts.f50 == 0.25
    assert BoxCounts().f == 0.0


@pytest.mark.parametrize("degrees", [-8.0, 0.0, 3.0])
def test_a_skewed_page_gets_tight_boxes(degrees: float) -> None:
    angle = math.radians(degrees)
    quads = [turned(10, 20 * k, 200, 12, angle) for k in range(1, 6)] + [turned(0, 0, 20, 5, 0.0)]
    assert tilt(quads) == pytest.approx(angle)
    upright = axis_aligned_boxes(quads[:1], angle)
    assert upright.tolist() == [pytest.approx([10, 20, 210, 32])]


def test_steep_lines_do_not_tilt_a_page() -> None:
    assert tilt([turned(0, 0, 100, 10, math.pi / 2)]) == 0.0
    assert tilt([]) == 0.0


def test_intersections_of_disjoint_boxes_are_zero() -> None:
    shared = intersections(boxes(LEFT), boxes(RIGHT, (60, 50, 70, 60), (40, 5, 60, 20)))
    assert shared.tolist() == [[0.0, 0.0, 50.0]]
