from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from ocrpipe.detectors.base import TextLine
from ocrpipe.geometry import Image
from ocrpipe.page import Quad
from ocrpipe.stages.tiles import detect_in_tiles, tiles


def bars(image: Image) -> Sequence[TextLine]:
    """Every black bar, also what of it an image's border leaves."""
    stats = cv2.connectedComponentsWithStats((image[..., 0] < 128).astype(np.uint8))[2][1:]
    lines = []
    for x, y, w, h, _ in stats.tolist():
        quad: Quad = ((x, y), (x + w, y), (x + w, y + h), (x, y + h))
        lines.append(TextLine(quad, 0.9, quad))
    return lines


@pytest.mark.parametrize(("height", "width"), [(3508, 2480), (7016, 4961), (2779, 936), (5999, 100), (1, 9)])
def test_ordinary_pages_are_one_tile(height: int, width: int) -> None:
    assert tiles(height, width) == [(0, height)]


@pytest.mark.parametrize(("height", "width"), [(6000, 750), (24_000, 750), (40_000, 40), (30_000, 9000)])
def test_tiles_cover_a_tall_picture_and_overlap(height: int, width: int) -> None:
    rows = tiles(height, width)
    sizes = {end - start for start, end in rows}
    assert len(sizes) == 1 and sizes == {max(2000, 2 * width)}
    assert rows[0][0] == 0 and rows[-1][1] == height
    overlaps = [before[1] - after[0] for before, after in zip(rows, rows[1:], strict=False)]
    assert min(overlaps) >= 0.2 * max(sizes) - 1


@pytest.mark.parametrize("step", [52, 84, 399])
def test_each_line_is_found_once_and_whole(step: int) -> None:
    page = np.full((24_000, 300, 3), 255, np.uint8)
    tops = range(30, 24_000 - step, step)
    for top in tops:
        page[top : top + step // 2, 20:200] = 0
        page[top + 3 : top + step // 2, 210:280] = 0
    calls: list[int] = []

    def detect(image: Image) -> Sequence[TextLine]:
        calls.append(image.shape[0])
        return bars(image)

    lines = detect_in_tiles(page, detect)
    assert max(calls) == 2000
    left = sorted(line.quad for line in lines if line.quad[0][0] == 20)
    assert left == [((20, y), (200, y), (200, y + step // 2), (20, y + step // 2)) for y in tops]
    assert len(lines) == 2 * len(tops)
    assert all(line.crop == line.quad for line in lines)


def test_a_column_without_gaps_is_not_reported_twice() -> None:
    """A picture beside the text leaves no row free for the seam."""
    page = np.full((7000, 300, 3), 255, np.uint8)
    page[:, 250:] = 0
    tops = range(30, 6900, 60)
    for top in tops:
        page[top : top + 30, 20:200] = 0
    lines = [line.quad[0][1] for line in detect_in_tiles(page, bars) if line.quad[0][0] == 20]
    assert sorted(lines) == list(tops)
