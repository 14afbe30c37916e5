"""Columns of vertical text: found, cut, read, put in order, and told from horizontal text."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ocrpipe
from ocrpipe.detectors.base import TextLine
from ocrpipe.geometry import rotate
from ocrpipe.page import Quad
from ocrpipe.recognizers.base import CharSpan, Recognition
from ocrpipe.stages.endings import with_ends
from ocrpipe.stages.glyph_cells import CellOptions, column_ink, cut, estimate_pitch
from ocrpipe.stages.layout import arrange
from ocrpipe.stages.reading import Reading
from ocrpipe.stages.strips import column_of
from ocrpipe.stages.vertical import VerticalOptions, separate
from ocrpipe.stages.writing import with_columns

from .vertical_pages import page_of

POEM = ("天下之事在于人心。", "前人有言，行之以德。", "大江东去，白日西来，", "千里同行不得见。")


@pytest.fixture(scope="module")
def pipe() -> ocrpipe.Pipeline:
    return ocrpipe.Pipeline(threads=1)


def text_of(page: ocrpipe.Page) -> str:
    return "".join(page.text.split())


# Cutting


@given(
    pitch=st.integers(12, 60),
    fills=st.lists(st.floats(0.55, 0.9), min_size=3, max_size=20),
    start=st.integers(0, 40),
)
def test_glyphs_at_a_pitch_are_cells(pitch: int, fills: list[float], start: int) -> None:
    profile = np.zeros(start + pitch * len(fills) + 20)
    glyphs = []
    for i, fill in enumerate(fills):
        length = max(2, round(fill * pitch))
        top = start + i * pitch + (pitch - length) // 2
        profile[top : top + length] = 0.3
        glyphs.append((top, top + length))
    cells = cut(profile, pitch)
    assert len(cells) == len(glyphs)
    for (top, bottom), (first, last) in zip(cells, glyphs, strict=True):
        assert top <= first and last <= bottom
    found = estimate_pitch([profile], pitch * 0.95)
    assert found is None or len(fills) < 8 or abs(found - pitch) < 0.12 * pitch


@given(
    profile=st.lists(st.sampled_from([0.0, 0.01, 0.1, 0.5, 1.0]), min_size=1, max_size=200),
    pitch=st.floats(4, 60),
)
def test_every_inked_row_is_in_one_cell(profile: list[float], pitch: float) -> None:
    rows = np.array(profile)
    cells = cut(rows, pitch)
    covered = np.zeros(len(rows), int)
    for start, end in cells:
        assert 0 <= start < end <= len(rows)
        covered[start:end] += 1
    assert covered.max(initial=0) <= 1
    assert (covered[rows > CellOptions().blank] == 1).all()


def test_a_character_of_two_parts_is_one_cell() -> None:
    profile = np.zeros(40 * 6)
    for i in range(6):
        profile[40 * i + 4 : 40 * i + 36] = 0.4
    profile[40 * 2 + 4 : 40 * 3 - 4] = 0
    profile[40 * 2 + 6 : 40 * 2 + 10] = profile[40 * 2 + 30 : 40 * 2 + 34] = 0.8  # such as the strokes of 二
    assert len(cut(profile, 40)) == 6


@pytest.mark.parametrize("lean", [0.0, 0.4])
def test_rules_beside_a_column_are_no_glyphs(lean: float) -> None:
    grey = np.full((400, 44), 255, np.uint8)
    for i in range(10):
        cv2.rectangle(grey, (10, 40 * i + 6), (32, 40 * i + 34), 0, 3)
    shift = round(400 * np.tan(np.radians(lean)))
    cv2.line(grey, (40 - shift, 0), (40, 399), 0, 2)
    cv2.line(grey, (2, 0), (2 + shift, 399), 0, 2)
    ink, rules = column_ink(grey)
    assert not ink[:, :6].any() and not ink[:, 37:].any()
    assert ink[:, 8:35].any() and rules.any()


def test_a_dash_in_the_middle_is_no_rule() -> None:
    grey = np.full((300, 44), 255, np.uint8)
    cv2.line(grey, (22, 100), (22, 190), 0, 3)
    ink, rules = column_ink(grey)
    assert ink[120, 22] and not rules.any()


def test_a_glyph_that_its_crop_cuts_is_taken_whole() -> None:
    crop = np.full((40, 200, 3), 255, np.uint8)
    crop[8:32, 50:80] = 0  # begins before the column's first row, 60
    column = column_of(crop, 60, 100, CellOptions())
    assert column is not None
    assert np.flatnonzero(column.profile)[0] - column.start == 50 - 60
    frame = crop.copy()
    frame[:, 55:58] = 0  # a rule across the column is not reached for
    column = column_of(frame, 60, 100, CellOptions())
    assert column is not None and np.flatnonzero(column.profile)[0] >= column.start


# Telling and order


def down(left: float, top: float, right: float, bottom: float, text: str = "字") -> Reading:
    quad: Quad = ((right, top), (right, bottom), (left, bottom), (left, top))
    spans = tuple(CharSpan(char, 0.9, 0.0, 1.0) for char in text)
    return Reading(TextLine(quad, 1.0), Recognition(text, spans), 10, 0.0, vertical=True)


def across(left: float, top: float, right: float, bottom: float, text: str = "字") -> Reading:
    quad: Quad = ((left, top), (right, top), (right, bottom), (left, bottom))
    return Reading(TextLine(quad, 1.0), Recognition(text, (CharSpan(text, 0.9, 0.0, 1.0),)), 10, 0.0)


@given(order=st.permutations(range(6)), lean=st.floats(-1.5, 1.5))
def test_columns_are_read_from_right_to_left(order: list[int], lean: float) -> None:
    columns = [down(500 - 60 * i, 100 + lean * i, 540 - 60 * i, 600 + lean * i, str(i)) for i in range(6)]
    blocks = with_columns([], [columns[i] for i in order])
    assert [line.text for block in blocks for line in block.lines] == list("012345")


def test_tiers_of_columns_are_read_one_after_the_other() -> None:
    upper = [down(700 - 60 * i, 100, 740 - 60 * i, 500, f"u{i}") for i in range(8)]
    lower = [down(700 - 60 * i, 600, 740 - 60 * i, 1000, f"l{i}") for i in range(8)]
    blocks = with_columns([], [*lower, *upper])
    read = [line.text for block in blocks for line in block.lines]
    assert read == [f"u{i}" for i in range(8)] + [f"l{i}" for i in range(8)]


def test_horizontal_lines_stay_above_and_below_a_block() -> None:
    columns = [down(300 - 60 * i, 100, 340 - 60 * i, 500, str(i)) for i in range(3)]
    lines = [across(150, 600, 250, 630, "page"), across(100, 40, 300, 70, "head")]
    blocks = with_columns(arrange(lines), columns)
    read = [line.text for block in blocks for line in block.lines]
    assert read == ["head", "0", "1", "2", "page"]


def test_a_block_beside_horizontal_text_does_not_cut_it() -> None:
    lines = [across(50, 100 + 50 * i, 600, 130 + 50 * i, f"h{i}") for i in range(8)]
    columns = [down(900 - 60 * i, 100, 940 - 60 * i, 450, f"v{i}") for i in range(3)]
    read = [line.text for block in with_columns(arrange(lines), columns) for line in block.lines]
    assert read.index("v0") + 2 == read.index("v2")
    assert [text for text in read if text[0] == "h"] == [f"h{i}" for i in range(8)]


def test_a_page_number_below_a_column_is_no_part_of_it() -> None:
    columns = [down(300 - 60 * i, 100, 340 - 60 * i, 500).line for i in range(4)]
    columns[1] = down(240, 100, 280, 580).line
    number = across(238, 545, 282, 575).line
    found, rest = separate(columns, [number])
    assert rest == [number]
    assert max(y for line in found for _, y in line.quad) <= 546


def test_parts_of_a_column_are_joined_and_rows_of_it_dropped() -> None:
    columns = [down(300 - 60 * i, 100, 340 - 60 * i, 500).line for i in range(4)]
    parts = [down(240, 100, 280, 300).line, down(240, 310, 280, 500).line]
    rows = [across(100, 110 + 40 * i, 345, 150 + 40 * i).line for i in range(5)]
    found, rest = separate([columns[0], *parts, *columns[2:]], rows)
    assert len(found) == 4 and not rest


# Reading


@pytest.mark.parametrize("rules", [False, True])
def test_a_page_of_columns_is_read(pipe: ocrpipe.Pipeline, rules: bool) -> None:
    image = page_of(POEM, rules=rules, heading="文章")
    page = pipe.read(image)
    assert text_of(page) == "文章" + "".join(POEM)
    assert page.orientation == 0
    columns = [line for line in page.lines if line.direction == "vertical"]
    assert [line.text for line in columns] == list(POEM)
    for line in columns:
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = line.quad
        assert y1 - y0 > 200 and y2 - y3 > 200  # down the column, beginning at the top right
        assert x0 > x3 and x1 > x2
        tops = [char.quad[0][1] for char in line.chars]
        assert tops == sorted(tops)
        for i, char in enumerate(line.chars):
            ys = [y for _, y in char.quad]
            assert abs((min(ys) + max(ys)) / 2 - (162 + 36 * (i + 0.5))) < 12  # at its place in the picture


def test_latin_words_lie_on_their_side(pipe: ocrpipe.Pipeline) -> None:
    text = ("今日所用Linux方法得之，", "见于一九十年，人人能行。", "其事在百家之中。")
    assert text_of(pipe.read(page_of(text))) == "".join(text)


def test_a_tilted_and_a_turned_page(pipe: ocrpipe.Pipeline) -> None:
    tilted, _ = rotate(page_of(POEM), 1.2)
    page = pipe.read(tilted)
    assert text_of(page) == "".join(POEM)
    assert 0.7 < abs(page.skew) < 1.7
    upside_down = np.ascontiguousarray(np.rot90(page_of(POEM), 2))
    page = pipe.read(upside_down)
    assert text_of(page) == "".join(POEM) and page.orientation == 180


def test_columns_set_wide_apart_are_told_from_rows(pipe: ocrpipe.Pipeline) -> None:
    page = pipe.read(page_of([column[:7] for column in POEM], gap=2.0))
    assert text_of(page) == "".join(column[:7] for column in POEM)


def test_detect_gives_columns_and_headings(pipe: ocrpipe.Pipeline) -> None:
    lines = pipe.detect(page_of(POEM, heading="文章"))
    tall = [line for line in lines if abs(line.quad[1][1] - line.quad[0][1]) > 100]
    assert len(tall) == len(POEM) and len(lines) == len(POEM) + 1


@pytest.mark.parametrize("name", ["letter", "notice", "list", "scan"])
def test_horizontal_pages_are_the_same_without_the_stage(pipe: ocrpipe.Pipeline, name: str) -> None:
    path = Path(__file__).parent / "data" / "pages" / f"{name}.png"
    options = ocrpipe.Options().with_settings({"vertical.enabled": False})
    without = ocrpipe.Pipeline(threads=1, options=options).read(path)
    page = pipe.read(path)
    assert page == without
    assert all(line.direction == "horizontal" for line in page.lines)


def test_characters_that_the_detector_left_out_are_added() -> None:
    grey = np.full((600, 300), 255, np.uint8)
    for i in range(10):
        cv2.rectangle(grey, (210, 100 + 40 * i), (238, 128 + 40 * i), 0, 3)
    cv2.rectangle(grey, (206, 560), (242, 563), 0, -1)  # a frame below, a character's height away
    short = down(204, 136, 244, 460).line
    (line,) = with_ends(grey, [short], [], VerticalOptions(end_reach=2.5), CellOptions())
    ys = [y for _, y in line.quad]
    assert 90 <= min(ys) <= 101 and 488 <= max(ys) <= 500
    number = across(206, 456, 242, 492).line  # what a horizontal line holds is not taken
    (line,) = with_ends(grey, [short], [number], VerticalOptions(end_reach=2.5), CellOptions())
    assert max(y for _, y in line.quad) == 460
