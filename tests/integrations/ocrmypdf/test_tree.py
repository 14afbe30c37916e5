"""The tree, drawn by OCRmyPDF's own renderer: where its text lies and what comes out of it."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from shapely.geometry import MultiPoint, Polygon

from ocrpipe.page import Paragraph, Quad
from ocrpipe.recognizers.base import CharSpan, Recognition
from ocrpipe.result import Page
from ocrpipe.stages.assembly import build_line

pytest.importorskip("ocrmypdf", minversion="17.13", reason="needs the extra ocrpipe[ocrmypdf], Python 3.11")

from ocrmypdf import BoundingBox, OcrClass
from ocrmypdf.font import MultiFontManager
from ocrmypdf.fpdf_renderer import Fpdf2PdfRenderer
from ocrmypdf.hocrtransform.hocr_parser import HocrParser

from ocrpipe.export.hocr import page_to_hocr
from ocrpipe.integrations.ocrmypdf.tree import page_to_tree

SIZE = 1000
DPI = 100.0
LENGTH, HEIGHT = 600, 40


def quad_at(angle: float) -> Quad:
    """A line through the middle of the page."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (LENGTH / 2, HEIGHT / 2)
    turned = corners @ np.array([[cos, sin], [-sin, cos]]) + SIZE / 2
    a, b, c, d = ((float(x), float(y)) for x, y in turned)
    return a, b, c, d


def page_of(*texts: str, angle: float = 0.0) -> Page:
    """Lines one above the other, a paragraph each, their characters evenly spread."""
    paragraphs = []
    for number, text in enumerate(texts):
        ends = np.linspace(0, LENGTH, len(text) + 1).tolist()
        spans = tuple(
            CharSpan(char, 0.9, start, end) for char, start, end in zip(text, ends, ends[1:], strict=False)
        )
        quad = quad_at(angle)
        if number:
            quad = tuple((x, y + 2 * HEIGHT * number) for x, y in quad)  # type: ignore[assignment]
        line = build_line(Recognition(text, spans), quad, LENGTH, 0.9, margin=0.0)
        paragraphs.append(Paragraph((line,), quad))
    return Page(SIZE, SIZE, tuple(paragraphs), dpi=DPI)


def drawn(page: Page, path: Path) -> tuple[str, list[tuple[str, Polygon]]]:
    """The text that comes out of the PDF, and its characters' cells in pixels of the page."""
    Fpdf2PdfRenderer(page_to_tree(page), DPI, MultiFontManager()).render(path)
    with pypdfium2.PdfDocument(path) as pdf:
        text = pdf[0].get_textpage()
        cells = []
        for index in range(text.count_chars()):
            char = text.get_text_range(index, 1)
            if not char.isspace():
                left, bottom, right, top = (v * DPI / 72 for v in text.get_charbox(index, loose=True))
                corners = ((left, top), (right, top), (right, bottom), (left, bottom))
                cells.append((char, Polygon([(x, SIZE - y) for x, y in corners])))
        return text.get_text_range(), cells


@pytest.mark.parametrize("angle", [0.0, 4.0, -4.0, 90.0, 93.0, 180.0, 270.0, -88.0])
def test_text_lies_over_its_line_whatever_its_direction(angle: float, tmp_path: Path) -> None:
    page = page_of("Every spring the clerk", angle=angle)
    _, cells = drawn(page, tmp_path / "text.pdf")
    # PDFium lists the words of a line that is upside down the other way round.
    words = page.words[::-1] if angle == 180 else page.words
    assert [char for char, _ in cells] == [char.text for word in words for char in word.chars]
    line = Polygon(page.lines[0].quad)
    assert line.buffer(2).contains(MultiPoint([cell.centroid for _, cell in cells]))
    direction = np.array([math.cos(math.radians(angle)), math.sin(math.radians(angle))])
    for word in words:
        middles = [np.array(cell.centroid.coords[0]) @ direction for _, cell in cells[: len(word.chars)]]
        del cells[: len(word.chars)]
        assert (np.diff(middles) > 0).all()
        start, end = (np.array(word.quad[corner]) @ direction for corner in (0, 1))
        assert start - 3 < middles[0] < middles[-1] < end + 3
        assert (middles[0] + middles[-1]) / 2 == pytest.approx((start + end) / 2, abs=0.3 * HEIGHT)


@pytest.mark.parametrize("angle", [0.0, 90.0, 180.0, 270.0])
def test_cells_cover_the_line_from_edge_to_edge(angle: float, tmp_path: Path) -> None:
    page = page_of("Every spring the clerk", angle=angle)
    _, cells = drawn(page, tmp_path / "text.pdf")
    around = MultiPoint([point for _, cell in cells for point in cell.exterior.coords]).envelope
    line = Polygon(page.lines[0].quad)
    assert around.intersection(line).area / around.union(line).area > 0.9


def test_a_sloping_line_is_no_higher_than_a_level_one() -> None:
    for angle in (0.0, 4.0, -4.0):
        (line,) = page_to_tree(page_of("Every", angle=angle)).lines
        assert line.bbox is not None
        assert line.bbox.height == pytest.approx(HEIGHT, rel=0.01)


def test_no_spaces_between_han_nor_around_figures_among_them(tmp_path: Path) -> None:
    texts = ["1932年八月，水到了城门", "东门外的石头", "Hello 世界 again"]
    text, _ = drawn(page_of(*texts), tmp_path / "text.pdf")
    assert [line.rstrip() for line in text.splitlines()] == texts


def test_elements_and_their_values() -> None:
    tree = page_to_tree(page_of("Every spring", "水面"), number=4)
    assert (tree.ocr_class, tree.page_number, tree.dpi) == (OcrClass.PAGE, 4, DPI)
    assert tree.bbox == BoundingBox(0, 0, SIZE, SIZE)
    assert len(tree.paragraphs) == len(tree.lines) == 2
    assert [line.language for line in tree.lines] == ["eng", "chi_sim"]
    assert [word.text for word in tree.words] == ["Every", "spring", "水面"]
    assert [word.confidence for word in tree.words] == pytest.approx([0.9] * 3)


def test_empty_page_and_control_characters() -> None:
    assert page_to_tree(Page(30, 40)).children == []
    assert page_to_tree(page_of("a\x00b")).words[0].text == "ab"


def test_their_hocr_parser_finds_what_the_tree_has(tmp_path: Path) -> None:
    page = page_of("Every spring", "水面")
    (tmp_path / "page.hocr").write_text(page_to_hocr(page), encoding="utf-8")
    parsed, tree = HocrParser(tmp_path / "page.hocr").parse(), page_to_tree(page)
    assert [word.text for word in parsed.words] == [word.text for word in tree.words]
    assert parsed.dpi == tree.dpi
    for theirs, ours in zip(parsed.words, tree.words, strict=True):
        assert asdict(theirs)["bbox"] == pytest.approx(asdict(ours)["bbox"], abs=1)
