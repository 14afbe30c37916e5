from __future__ import annotations

import cv2
import numpy as np
import pytest

from ocrpipe.errors import ConfigError
from ocrpipe.geometry import Image, rotate_points, to_quad
from ocrpipe.page import Line
from ocrpipe.stages.boxes import LayoutOptions
from ocrpipe.stages.ruling import RulingOptions, ruled_tables
from ocrpipe.stages.tables import table_regions

HEIGHT = 20
OPTIONS = RulingOptions()


def blank(grey: int = 255) -> Image:
    return np.full((600, 900, 3), grey, np.uint8)


def text(name: str, x: float, y: float, width: float = 80, height: float = HEIGHT) -> Line:
    return Line(name, ((x, y), (x + width, y), (x + width, y + height), (x, y + height)), 1.0, ())


def grid(
    page: Image, columns: list[int], rows: list[int], *, grey: int = 120, sides: bool = True, width: int = 1
) -> None:
    """Ruled lines at the given places."""
    for y in rows:
        cv2.line(page, (columns[0], y), (columns[-1], y), (grey,) * 3, width)
    for x in columns if sides else columns[1:-1]:
        cv2.line(page, (x, rows[0]), (x, rows[-1]), (grey,) * 3, width)


def found(page: Image, lines: list[Line]) -> list[list[list[str]]]:
    tables = ruled_tables(page, [line.quad for line in lines], HEIGHT, OPTIONS)
    return [[[lines[i].text for i in cell] for cell in table.reading] for table in tables]


COLUMNS, ROWS = [50, 250, 450, 650], [100, 160, 220, 280]
CELLS = [text(f"r{r}c{c}", COLUMNS[c] + 20, ROWS[r] + 20) for r in range(3) for c in range(3)]
NAMES = [[line.text] for line in CELLS]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1, 3])
def test_cells_come_row_by_row(dark: bool, width: int) -> None:
    page = blank(30 if dark else 255)
    grid(page, COLUMNS, ROWS, grey=120, width=width)
    assert found(page, CELLS[::-1]) == [NAMES]


def test_a_table_without_lines_at_its_sides() -> None:
    page = blank()
    grid(page, COLUMNS, ROWS, sides=False)
    assert found(page, CELLS) == [NAMES]


@pytest.mark.parametrize("angle", [-1.2, 1.2])
def test_rows_that_rise_or_fall(angle: float) -> None:
    page = blank()
    grid(page, COLUMNS, ROWS)
    matrix = cv2.getRotationMatrix2D((0, 0), -angle, 1.0)
    turned = cv2.warpAffine(page, matrix, (900, 600), borderValue=(255, 255, 255)).astype(np.uint8)
    lines = [Line(one.text, to_quad(rotate_points(one.quad, angle)), 1.0, ()) for one in CELLS]
    assert found(turned, lines) == [NAMES]


def test_a_cell_over_several_rows_is_read_with_the_first() -> None:
    page = blank()
    grid(page, [150, 350, 550], ROWS)
    cv2.rectangle(page, (50, 100), (150, 280), (120,) * 3, 1)
    tall = [text(name, 80, 130 + 40 * i, 20) for i, name in enumerate("购买方")]
    cells = [text(f"r{r}c{c}", 170 + 200 * c, ROWS[r] + 20) for r in range(3) for c in range(2)]
    assert found(page, [*cells, *tall]) == [[["购", "买", "方"], *([cell.text] for cell in cells)]]


def test_touching_glyphs_are_no_ruled_line() -> None:
    page = blank()
    grid(page, COLUMNS, ROWS)
    for cell in CELLS:  # a dash as long as the text
        (x, y), (right, bottom) = cell.quad[0], cell.quad[2]
        middle = int(y + bottom) // 2
        cv2.line(page, (int(x), middle), (int(right) + 60, middle), (0, 0, 0), 3)
    wide = [text(cell.text, cell.quad[0][0], cell.quad[0][1], 140) for cell in CELLS]
    assert found(page, wide) == [NAMES]


def test_a_frame_and_underlines_are_no_table() -> None:
    page = blank()
    cv2.rectangle(page, (20, 20), (880, 580), (0, 0, 0), 2)
    cv2.line(page, (50, 130), (400, 130), (0, 0, 0), 1)
    assert found(page, CELLS) == []
    assert found(page, []) == []


def test_what_is_outside_the_table_is_left() -> None:
    page = blank()
    grid(page, COLUMNS, ROWS)
    above, below = text("above", 50, 40, 300), text("below", 50, 340, 300)
    second = text("more", 70, 135, 60, 18)
    lines = [below, *CELLS, second, above]
    regions, rest, _ = table_regions(page, lines, layout=LayoutOptions(), ruling=OPTIONS)
    (region,) = regions
    assert rest == [below, above]
    assert [line.text for line in region.lines][:3] == ["r0c0", "more", "r0c1"]
    assert region.text.startswith("r0c0\nmore\n")
    assert len(region.blocks) == 1
    regions, rest, _ = table_regions(page, lines[:2], layout=LayoutOptions(), ruling=OPTIONS)
    assert (regions, rest) == ([], lines[:2])


def test_a_cell_with_much_text_has_paragraphs_of_its_own() -> None:
    page = blank()
    grid(page, [50, 450, 850], [100, 320, 540])
    long = [text(f"text {i}", 70, 110 + 28 * i, 340) for i in range(7)]
    others = [text(name, x, y) for name, x, y in (("b", 470, 120), ("c", 70, 340), ("d", 470, 340))]
    regions, *_ = table_regions(page, [*others, *long], layout=LayoutOptions(), ruling=OPTIONS)
    texts = [[line.text for line in block.lines] for region in regions for block in region.blocks]
    assert texts == [[line.text for line in long], ["b", "c", "d"]]


def test_options_are_checked() -> None:
    with pytest.raises(ConfigError):
        RulingOptions(min_fill=0)
    with pytest.raises(ConfigError):
        LayoutOptions(level_spread=0)
