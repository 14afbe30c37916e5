from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ocrpipe.detectors.ctpn.anchors import AnchorGrid, vertical_iou
from ocrpipe.detectors.ctpn.lines import LineOptions, Lines, Proposals, build, decode, link, suppress
from ocrpipe.detectors.ctpn.model import SLIM_HEIGHTS
from ocrpipe.training.ctpn.targets import assign

GRID = AnchorGrid.of((800, 800), (8, 16), SLIM_HEIGHTS)


def boxes(*rows: tuple[float, float, float, float], tilt: float = 0.0) -> NDArray[np.float64]:
    quads = np.array([[[a, b], [c, b], [c, d], [a, d]] for a, b, c, d in rows], float).reshape(-1, 4, 2)
    cos, sin = np.cos(np.radians(tilt)), np.sin(np.radians(tilt))
    turned: NDArray[np.float64] = (quads - 400) @ np.array([[cos, sin], [-sin, cos]]) + 400
    return turned


def perfect(quads: NDArray[np.float64], grid: AnchorGrid = GRID, noise: float = 0.0) -> Proposals:
    """What a network that learned its targets would propose."""
    rng = np.random.default_rng(0)
    targets = assign(quads, grid)
    score = np.full(grid.shape, -9, np.float32)
    vertical, side = np.zeros((2, *grid.shape, 2), np.float32)
    score.reshape(-1)[targets.index] = rng.normal(4, 0.5, len(targets.index))
    vertical.reshape(-1, 2)[targets.index] = targets.vertical + rng.normal(0, noise, targets.vertical.shape)
    side.reshape(-1, 2)[targets.index] = targets.side
    return decode(score, vertical, side, grid, 0.5)


def find(lines: Lines, quads: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each true line, how far the best found one is off at its worst corner."""
    off: NDArray[np.float64] = np.abs(lines.quads[:, None] - quads[None]).max(axis=(2, 3)).min(axis=0)
    return off


@pytest.mark.parametrize("tilt", [-10, -3, 0, 0.7, 8])
def test_lines_come_back_as_rotated_rectangles(tilt: float) -> None:
    quads = boxes(*((121, y, 683, y + 20) for y in range(150, 640, 30)), tilt=tilt)
    lines = build(perfect(quads, noise=0.02), 16)
    assert len(lines.quads) == len(quads)
    assert find(lines, quads).max() < 2.5
    assert (lines.scores > 0.9).all()


def test_a_line_of_one_proposal_has_both_ends() -> None:
    quads = boxes((402, 100, 413, 118))
    lines = build(perfect(quads), 16)
    assert len(lines.quads) == 1
    assert find(lines, quads)[0] < 0.5


@pytest.mark.parametrize("left", [400, 405, 412, 425])
def test_columns_stay_apart_even_without_an_empty_column_between(left: int) -> None:
    quads = boxes((50, 100, 380, 120), (left, 100, 700, 120))
    lines = build(perfect(quads), 16)
    assert len(lines.quads) == 2
    assert find(lines, quads).max() < 3


def test_columns_are_joined_where_the_gap_is_allowed() -> None:
    text = perfect(boxes((50, 100, 380, 120), (412, 100, 700, 120)))
    assert len(build(text, 16, LineOptions(gap=2.0, hole=2.0)).quads) == 1


def test_a_line_survives_a_missing_proposal() -> None:
    text = perfect(boxes((50, 100, 700, 120)))
    holed = text[text.column != 10]
    assert len(build(holed, 16).quads) == 1
    assert len(build(holed, 16, LineOptions(hole=0.5)).quads) == 2


def test_the_hole_that_breaks_a_line_grows_with_its_height() -> None:
    for height, whole in ((14, False), (60, True)):
        text = perfect(boxes((50, 100, 700, 100 + height)))
        holed = text[(text.column < 20) | (text.column > 21)]
        assert (len(build(holed, 16).quads) == 1) == whole


def test_a_heading_does_not_join_small_print_beside_it() -> None:
    lines = build(perfect(boxes((50, 100, 400, 160), (404, 120, 700, 138))), 16)
    assert len(lines.quads) == 2


def test_one_weak_proposal_bends_nothing() -> None:
    quads = boxes((50, 100, 700, 120))
    text = suppress(perfect(quads), 0.3)
    center = text.center.copy()
    center[5] += 5
    bent = Proposals(text.column, center, text.height, text.score, text.left, text.right)
    lines = build(bent, 16)
    assert len(lines.quads) == 1
    assert find(lines, quads)[0] < 0.6


def test_a_lines_score_depends_on_no_other_line() -> None:
    alone = build(perfect(boxes((50, 100, 400, 120))), 16)
    weak = perfect(boxes((50, 100, 400, 120)))
    strong = perfect(boxes((50, 300, 700, 320)))
    both = Proposals(*(np.concatenate([getattr(weak, f), getattr(strong, f)]) for f in vars(weak)))
    assert alone.scores[0] in build(both, 16).scores


def test_weak_lines_are_left_out() -> None:
    text = perfect(boxes((50, 100, 400, 120)))
    weak = Proposals(text.column, text.center, text.height, text.score * 0 + 0.6, text.left, text.right)
    assert len(build(weak, 16, LineOptions(min_line_score=0.7)).quads) == 0
    assert build(weak, 16).scores == pytest.approx([0.6])


def test_nothing_gives_nothing() -> None:
    lines = build(perfect(np.zeros((0, 4, 2))), 16)
    assert lines.quads.shape == (0, 4, 2)
    assert lines.scores.shape == (0,)


proposals = st.lists(
    st.tuples(st.integers(0, 3), st.floats(0, 60), st.floats(4, 40), st.floats(0.5, 1)), max_size=30
)


def as_proposals(rows: list[tuple[int, float, float, float]]) -> Proposals:
    column, center, height, score = np.array(rows, float).reshape(-1, 4).T
    return Proposals(column.astype(np.int64), center, height, score, column * 16, column * 16 + 16)


@settings(max_examples=100, deadline=None)
@given(proposals, st.floats(0.1, 0.7))
def test_suppression_is_the_greedy_one(rows: list[tuple[int, float, float, float]], threshold: float) -> None:
    rows = [(c, y, h, s + i * 1e-6) for i, (c, y, h, s) in enumerate(rows)]
    kept: list[tuple[int, float, float, float]] = []
    for row in sorted(rows, key=lambda row: -row[3]):
        rivals = [k for k in kept if k[0] == row[0]]
        iou = [vertical_iou(*(np.array([v]) for v in (row[1], row[2], k[1], k[2])))[0] for k in rivals]
        if all(value <= threshold for value in iou):
            kept.append(row)
    found = suppress(as_proposals(rows), threshold)
    assert sorted(found.score) == sorted(row[3] for row in kept)


@settings(max_examples=100, deadline=None)
@given(proposals)
def test_a_line_has_one_proposal_in_a_column(rows: list[tuple[int, float, float, float]]) -> None:
    kept = suppress(as_proposals(rows), 0.3)
    label = link(kept, 16, LineOptions())
    pairs = list(zip(label.tolist(), kept.column.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)


def test_ten_times_the_text_costs_ten_times_as_much(
    peak_memory: Callable[[Callable[[], object]], int],
) -> None:
    def cost(rows: int) -> int:
        grid = AnchorGrid.of((20 * rows + 40, 1600), (8, 16), SLIM_HEIGHTS)
        text = perfect(boxes(*((20, 20 + 20 * i, 1580, 36 + 20 * i) for i in range(rows))), grid)
        assert len(build(text, 16).quads) == rows
        return peak_memory(lambda: build(text, 16))

    assert cost(200) < 12 * cost(20)
