from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ocrpipe.detectors.ctpn.anchors import AnchorGrid, vertical_iou
from ocrpipe.detectors.ctpn.model import SLIM_HEIGHTS, VGG_HEIGHTS
from ocrpipe.training.ctpn.targets import assign, cut

GRID = AnchorGrid.of((320, 320), (8, 16), SLIM_HEIGHTS)


def boxes(*rows: tuple[float, float, float, float]) -> NDArray[np.float64]:
    return np.array([[[a, b], [c, b], [c, d], [a, d]] for a, b, c, d in rows]).reshape(-1, 4, 2)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_piece_of_every_line_gets_an_anchor(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    rows = []
    for _ in range(count):
        x, y = data.draw(st.floats(0, 300)), data.draw(st.floats(0, 300))
        rows.append((x, y, x + data.draw(st.floats(2, 200)), y + data.draw(st.floats(4, 150))))
    quads = boxes(*rows)
    tilt = np.radians(data.draw(st.floats(-10, 10)))
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    quads = (quads - 160) @ turn.T + 160

    targets, pieces = assign(quads, GRID), cut(quads, GRID)
    assert len(np.unique(targets.index)) == len(targets.index)
    assert (targets.labels.reshape(-1)[targets.index] == 1).all()
    assert (targets.labels == 1).sum() == len(targets.index)
    row, column, size = np.unravel_index(targets.index, GRID.shape)
    height = np.asarray(GRID.heights)[size]
    center, tall = (
        GRID.center_y(row) + targets.vertical[:, 0] * height,
        height * np.exp(targets.vertical[:, 1]),
    )
    for i in np.flatnonzero(pieces.learned):
        near = (column == pieces.column[i]) & (np.abs(center - pieces.center[i]) < 0.1)
        assert (near & (np.abs(tall - pieces.height[i]) < 0.1)).any(), i


@pytest.mark.parametrize("height", [7, 8, 10, 16, 20, 24])
@pytest.mark.parametrize("start", [0.0, 1.7, 3.9, 6.2])
def test_tightly_set_lines_never_share_a_cell(height: int, start: float) -> None:
    tops = start + 1.2 * height * np.arange(10)
    quads = boxes(*((10, top, 300, top + height) for top in tops))
    row, column, size = np.unravel_index(assign(quads, GRID).index, GRID.shape)
    best: dict[tuple[int, int], int] = {}
    pieces = cut(quads, GRID)
    anchor = np.asarray(GRID.heights)[size]
    for i in range(len(pieces.line)):
        here = column == pieces.column[i]
        iou = vertical_iou(GRID.center_y(row), anchor, pieces.center[i], pieces.height[i]) * here
        cell = (int(row[iou.argmax()]), int(pieces.column[i]))
        assert iou.max() > 0.3
        assert best.setdefault(cell, int(pieces.line[i])) == pieces.line[i]


def test_anchors_with_little_overlap_are_background_and_the_rest_undecided() -> None:
    targets = assign(boxes((32, 100, 96, 120)), GRID)
    column = targets.labels[:, 3]
    iou = vertical_iou(
        GRID.center_y(np.arange(GRID.rows))[:, None],
        np.asarray(GRID.heights),
        np.array(110.0),
        np.array(20.0),
    )
    assert (column[iou >= 0.5] == 1).all()
    assert (column[(iou >= 0.3) & (iou < 0.5)] == -1).all()
    assert (column[iou < 0.3] == 0).all()
    assert (targets.labels[:, 10] == 0).all()


def test_sides_are_exact_near_the_ends_and_far_elsewhere() -> None:
    targets = assign(boxes((37, 100, 251, 120)), GRID)
    _, column, _ = np.unravel_index(targets.index, GRID.shape)
    center = GRID.center_x(column)
    assert (targets.near == (np.abs(np.array([37, 251]) - center[:, None]) <= 32)).all()
    ends = center[:, None] + 16 * targets.side
    assert targets.side[~targets.near[:, 0], 0] == pytest.approx(-2)
    assert targets.side[~targets.near[:, 1], 1] == pytest.approx(2)
    assert ends[targets.near[:, 0], 0] == pytest.approx(37, abs=1e-3)
    assert ends[targets.near[:, 1], 1] == pytest.approx(251, abs=1e-3)
    assert 0 < targets.near[:, 0].sum() < len(column)


def test_a_narrow_line_across_two_columns_keeps_one() -> None:
    _, column, _ = np.unravel_index(assign(boxes((14, 100, 19, 116)), GRID).index, GRID.shape)
    assert set(column) == {1}


def test_a_line_beyond_the_border_keeps_its_part() -> None:
    targets = assign(boxes((-200, 100, 72, 120)), GRID)
    _, column, _ = np.unravel_index(targets.index, GRID.shape)
    assert set(column) == {0, 1, 2, 3, 4}
    at_border = column == 0
    assert GRID.center_x(column[at_border]) + 16 * targets.side[at_border, 0] == pytest.approx(0, abs=1e-3)
    assert len(assign(boxes((400, 0, 500, 20), (-90, 0, -10, 20)), GRID).index) == 0


def test_a_line_cut_along_its_length_is_undecided() -> None:
    targets = assign(boxes((10, -15, 300, 8)), GRID)
    assert len(targets.index) == 0
    assert (targets.labels == -1).any()


def test_unknown_areas_are_neither_text_nor_background() -> None:
    targets = assign(boxes((10, 100, 150, 120), (170, 100, 310, 120)), GRID, np.array([True, False]))
    _, column, _ = np.unravel_index(targets.index, GRID.shape)
    assert column.max() == 9
    assert (targets.labels[:, 12] == -1).sum() > 3
    assert not (targets.labels[:, 12] == 1).any()


def test_no_lines_give_background() -> None:
    targets = assign(np.zeros((0, 4, 2)), GRID)
    assert not targets.labels.any()
    assert targets.vertical.shape == targets.side.shape == (0, 2)


def test_the_papers_grid_reaches_its_largest_text() -> None:
    grid = AnchorGrid.of((640, 640), (16, 16), VGG_HEIGHTS)
    targets = assign(boxes((0, 100, 640, 373)), grid)
    _, _, size = np.unravel_index(targets.index, grid.shape)
    assert 9 in size
    assert np.abs(targets.vertical).max() < 0.8
