from __future__ import annotations

import numpy as np
import pytest

from ocrpipe.synthesis import letterheads
from ocrpipe.synthesis.canvas import Canvas
from ocrpipe.synthesis.fonts import FontLibrary
from ocrpipe.synthesis.text import TextSource
from ocrpipe.synthesis.typesetting import Area, Typesetter

_AREA = Area(80, 90, 820, 1110)


def _page(fonts: FontLibrary, texts: TextSource, seed: int) -> Typesetter:
    language = ("en", "zh")[seed % 2]
    return Typesetter(Canvas(900, 1200), np.random.default_rng(seed), fonts, texts, language, 18)


@pytest.mark.parametrize("seed", range(12))
def test_a_letterhead_is_a_large_name_over_small_lines(
    seed: int, fonts: FontLibrary, texts: TextSource
) -> None:
    page = _page(fonts, texts, seed)
    after = letterheads.letterhead(page, _AREA)
    name, *lines = page.canvas.boxes
    assert lines and all(line.bottom - line.top < name.bottom - name.top for line in lines)
    assert all(box.bottom < after and box.right <= _AREA.right + 2 for box in page.canvas.boxes)


def test_a_fax_line_lies_along_an_edge_in_pieces(fonts: FontLibrary, texts: TextSource) -> None:
    counts = []
    for seed in range(30):
        page = _page(fonts, texts, seed)
        letterheads.fax_header(page)
        boxes, height = sorted(page.canvas.boxes, key=lambda box: box.left), page.canvas.height
        counts.append(len(boxes))
        assert all(
            box.bottom < 0.03 * height + page.em * 1.6 or box.top > 0.97 * height - page.em * 1.6
            for box in boxes
        )
        assert all(b.left - a.right > a.bottom - a.top for a, b in zip(boxes, boxes[1:], strict=False))
    assert max(counts) >= 5 and sorted(counts)[5] >= 2


def test_what_is_added_keeps_off_the_text_there_is(fonts: FontLibrary, texts: TextSource) -> None:
    written = 0
    for seed in range(40):
        page = _page(fonts, texts, seed)
        for y in (20, 40, 75, 1125, 1180):
            page.canvas.text(100 if seed % 3 else 500, y, "Well then", page.body)
        there = len(page.canvas.boxes)
        letterheads.fax_header(page)
        letterheads.serial_number(page, _AREA)
        letterheads.handwritten_note(page)
        letterheads.serial_number(page, _AREA)
        boxes = page.canvas.boxes
        written += len(boxes) - there
        for i, box in enumerate(boxes[there:], there):
            for other in boxes[:i]:
                apart = (
                    box.right <= other.left + 1
                    or other.right <= box.left + 1
                    or box.bottom <= other.top + 1
                    or other.bottom <= box.top + 1
                )
                assert apart, (seed, box, other)
    assert written > 60


def test_a_serial_number_stands_in_a_corner(fonts: FontLibrary, texts: TextSource) -> None:
    for seed in range(12):
        page = _page(fonts, texts, seed)
        letterheads.serial_number(page, _AREA)
        (box,) = page.canvas.boxes
        assert 5 <= sum(c.isdigit() for c in box.text) <= 10
        assert abs(box.left - _AREA.left) < 4 or abs(box.right - _AREA.right) < 4
        assert box.top > _AREA.bottom or box.bottom < _AREA.top
