from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from shapely import contains_xy

from ocrpipe.geometry import polygon
from ocrpipe.synthesis.canvas import LINE_GAP, Canvas, Piece, Style
from ocrpipe.synthesis.fonts import FontLibrary
from ocrpipe.synthesis.pages import KINDS, render_page
from ocrpipe.synthesis.preview import contact_sheet, outlined
from ocrpipe.synthesis.text import TextSource
from ocrpipe.synthesis.typesetting import Area, Typesetter
from ocrpipe.synthesis.warps import warp


@pytest.fixture(scope="module")
def style(fonts: FontLibrary) -> Style:
    return Style(fonts.pick(np.random.default_rng(0), "latin"), 30)


def _ink(canvas: Canvas) -> tuple[int, int, int, int]:
    ys, xs = np.nonzero(np.asarray(canvas.image.convert("L")) < 128)
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_page_scans_to_quads_inside_it(
    kind: str, fonts: FontLibrary, texts: TextSource
) -> None:
    page = render_page(np.random.default_rng(KINDS.index(kind)), fonts, texts, kind=kind, strength=1.5)
    height, width = page.image.shape[:2]
    assert page.image.dtype == np.uint8 and page.image.shape[2] == 3
    assert page.kind == kind and len(page.quads) == len(page.texts)
    assert all(text.strip() == text != "" for text in page.texts)
    for quad in (*page.quads, *page.ignored):
        assert all(0 <= x <= width and 0 <= y <= height for x, y in quad)
    for (ax, ay), (bx, by), (cx, cy), (dx, dy) in page.quads:
        assert bx > ax and cx > dx and dy > ay and cy > by


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_renders_whatever_the_seed(kind: str, fonts: FontLibrary, texts: TextSource) -> None:
    lines = [
        len(render_page(np.random.default_rng(seed), fonts, texts, kind=kind).quads) for seed in range(12)
    ]
    assert max(lines) > 2


def test_all_ink_of_a_page_of_text_lies_in_its_quads(fonts: FontLibrary, texts: TextSource) -> None:
    rng = np.random.default_rng(3)
    page = Typesetter(Canvas(600, 800), rng, fonts, texts, "en", 18)
    for i in range(4):
        page.paragraph(page.prose(120), Area(40, 40, 560, 760), 60 + 170 * i)
    covered = np.zeros((800, 600), np.bool_)
    for box in page.canvas.boxes:
        covered[int(box.top) : int(np.ceil(box.bottom)), int(box.left) - 1 : int(np.ceil(box.right)) + 1] = (
            True
        )
    dark = np.asarray(page.canvas.image.convert("L")) < 128
    assert len(page.canvas.boxes) >= 12
    assert dark.any() and (dark & ~covered).sum() < 0.02 * dark.sum()


def test_a_box_is_tight_at_the_ends_and_covers_the_height(style: Style) -> None:
    canvas = Canvas(400, 100)
    canvas.text(40, 60, "Hagp", style)
    left, top, right, bottom = _ink(canvas)
    (box,) = canvas.boxes
    assert box.left == pytest.approx(left, abs=2) and box.right == pytest.approx(right, abs=2)
    assert top - 4 <= box.top <= top + 1 and bottom - 1 <= box.bottom <= bottom + 4


def test_height_goes_by_the_kind_of_letters(style: Style) -> None:
    assert style.extent("none") == style.extent("gypsy dHf")
    assert style.extent("HALL")[1] < style.extent("Hall")[1]


@pytest.mark.parametrize(("gap", "lines"), [(0.3, ["left right"]), (3.0, ["left", "right"])])
def test_pieces_of_a_row_are_one_line_when_near(style: Style, gap: float, lines: list[str]) -> None:
    canvas = Canvas(800, 100)
    start = 20 + style.width("left") + gap * LINE_GAP * style.size
    canvas.row([Piece("right", style, start), Piece("left", style, 20)], 60)
    assert [box.text for box in canvas.boxes] == lines


@pytest.mark.parametrize(("line_gap", "lines"), [(0.6, ["left", "right"]), (1.4, ["left right"])])
def test_how_near_is_the_pages_own(style: Style, line_gap: float, lines: list[str]) -> None:
    canvas = Canvas(800, 100, line_gap=line_gap)
    start = 20 + style.width("left") + style.size
    canvas.row([Piece("left", style, 20), Piece("right", style, start)], 60)
    assert [box.text for box in canvas.boxes] == lines


@pytest.mark.parametrize(("gap", "lines"), [(0.2, ["Date: 1845"]), (0.4, ["Date:", "1845"])])
def test_what_is_filled_in_in_another_face_is_a_line_of_its_own(
    style: Style, gap: float, lines: list[str]
) -> None:
    canvas, other = Canvas(800, 100), replace(style, size=style.size - 2)
    start = 20 + style.width("Date:") + gap * style.size
    canvas.row([Piece("Date:", style, 20), Piece("1845", other, start)], 60)
    assert [box.text for box in canvas.boxes] == lines


def test_text_is_not_written_over_text_nor_off_the_page(style: Style) -> None:
    canvas = Canvas(300, 100)
    canvas.text(20, 60, "first", style)
    before = np.asarray(canvas.image).copy()
    canvas.text(30, 62, "second", style)
    canvas.text(280, 60, "third", style)
    assert [box.text for box in canvas.boxes] == ["first"]
    assert (np.asarray(canvas.image) == before).all()


def test_an_area_is_free_where_no_text_is(style: Style) -> None:
    canvas = Canvas(300, 100)
    canvas.text(20, 60, "first", style)
    canvas.ignore(200, 20, 250, 60)
    (box,) = canvas.boxes
    assert canvas.is_free(box.right, box.top, 200, box.bottom)
    assert not canvas.is_free(box.right - 1, box.top, 200, box.bottom)
    assert not canvas.is_free(box.right, box.top, 201, box.bottom)


def test_truncated_text_is_the_longest_that_fits(style: Style) -> None:
    width = style.width("some wo")
    assert style.truncated("some words", width + 0.1) == "some wo"
    assert style.truncated("some words", 1000) == "some words" and style.truncated("some", 1) == ""


def test_what_the_font_lacks_is_left_out(style: Style) -> None:
    canvas = Canvas(300, 100)
    canvas.text(20, 60, "a\U0001f600b", style)
    assert [box.text for box in canvas.boxes] == ["ab"]


def test_quads_follow_the_warp() -> None:
    image = np.full((600, 500, 3), 255, np.uint8)
    image[200:230, 100:400] = 0
    quad = ((100.0, 200.0), (400.0, 200.0), (400.0, 230.0), (100.0, 230.0))
    moved = 0
    for seed in range(12):
        warped, (moved_quad,) = warp(image, np.random.default_rng(seed), [quad], likely_curled=True)
        ys, xs = np.nonzero(warped[20:-20, 20:-20, 0] < 128)
        points = np.stack((xs + 20, ys + 20), axis=1)
        around = polygon(moved_quad).buffer(60)
        near = points[contains_xy(around, points)]
        assert polygon(moved_quad).area == pytest.approx(len(near), rel=0.1)
        assert abs(near.mean(axis=0) - np.mean(moved_quad, axis=0)).max() < 3
        moved += moved_quad != quad
    assert moved > 4


def test_the_same_seed_gives_the_same_page(fonts: FontLibrary, texts: TextSource) -> None:
    first, second = (render_page(np.random.default_rng(8), fonts, texts, kind="form") for _ in range(2))
    assert first.quads == second.quads and first.texts == second.texts
    assert (first.image == second.image).all()


def test_columns_are_lines_of_their_own(fonts: FontLibrary, texts: TextSource) -> None:
    page = render_page(np.random.default_rng(5), fonts, texts, kind="newspaper", language="en", strength=0)
    widths = sorted(quad[1][0] - quad[0][0] for quad in page.quads)
    assert len(page.quads) > 30
    assert widths[len(widths) // 2] < page.image.shape[1] / 2.5


def test_paragraph_lines_follow_at_the_pitch(fonts: FontLibrary, texts: TextSource) -> None:
    page = Typesetter(Canvas(600, 800), np.random.default_rng(1), fonts, texts, "en", 16)
    page.paragraph(page.prose(300), Area(40, 40, 560, 700), 60, pitch=25, justified=False)
    bottoms = [box.bottom for box in page.canvas.boxes]
    assert len(bottoms) > 3
    assert all(15 < b - a < 35 for a, b in pairwise(bottoms))


def test_contact_sheet_places_images_in_a_grid() -> None:
    black = np.zeros((200, 100, 3), np.uint8)
    sheet = contact_sheet([black, black[..., 0], black], ["a", "b", "c"], columns=2, cell=(50, 100))
    assert sheet.shape == (2 * (100 + 26), 2 * 56, 3)
    assert (sheet[:100, :50] == 0).all() and (sheet[126:226, :50] == 0).all()
    assert not (sheet[126:226, 56:106] == 0).all()


def test_outlined_marks_the_quad_on_a_copy() -> None:
    image = np.full((50, 50, 3), 255, np.uint8)
    marked = outlined(image, [((10, 10), (40, 10), (40, 30), (10, 30))])
    assert (image == 255).all()
    assert tuple(marked[10, 20]) == (230, 0, 0) and (marked[20, 20] == 255).all()
