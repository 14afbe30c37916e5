"""The writing direction of columns in the formats, and their text in a PDF."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from ocrpipe.export.alto import document_to_alto
from ocrpipe.export.hocr import page_to_hocr
from ocrpipe.export.pagexml import page_to_pagexml
from ocrpipe.page import Char, Line, Paragraph, Quad, Word
from ocrpipe.result import Page

SCHEMAS = Path(__file__).parents[1] / "data" / "schemas"
COLUMNS = ("先帝创业未半", "而中道崩殂，", "今天下三分。")
SIZE, STEP, RIGHT, TOP = 24, 40, 260, 30


def cell(number: int, first: int, last: int) -> Quad:
    right, top, bottom = RIGHT - STEP * number, TOP + SIZE * first, TOP + SIZE * last
    return (right, top), (right, bottom), (right - SIZE, bottom), (right - SIZE, top)


def column(number: int, text: str) -> Line:
    chars = tuple(Char(char, cell(number, i, i + 1), 0.9) for i, char in enumerate(text))
    quad = cell(number, 0, len(text))
    return Line(text, quad, 0.9, (Word(text, quad, 0.9, chars),), 0.95, "vertical")


@pytest.fixture
def vertical() -> Page:
    lines = tuple(column(i, text) for i, text in enumerate(COLUMNS))
    left, bottom = RIGHT - 2 * STEP - SIZE, TOP + 6 * SIZE
    quad: Quad = ((RIGHT, TOP), (RIGHT, bottom), (left, bottom), (left, TOP))
    return Page(300, 220, (Paragraph(lines, quad),), dpi=100.0)


def test_json_keeps_the_direction_and_tolerates_its_absence(vertical: Page) -> None:
    data = vertical.to_dict()
    assert Page.from_dict(data) == vertical
    for line in data["paragraphs"][0]["lines"]:
        assert line.pop("direction") == "vertical"
    assert {line.direction for line in Page.from_dict(data).lines} == {"horizontal"}
    data["paragraphs"][0]["lines"][0]["direction"] = "spiral"  # of a later version, say
    assert Page.from_dict(data).lines[0].direction == "horizontal"


def test_horizontal_lines_are_written_as_before(page: Page) -> None:
    assert "direction" not in str(page.to_dict())
    assert "writing-mode" not in page_to_hocr(page)
    assert "BASEDIRECTION" not in document_to_alto([page])
    assert "readingDirection" not in page_to_pagexml(page)


def test_hocr(vertical: Page) -> None:
    root = ET.fromstring(page_to_hocr(vertical).split("\n", 2)[2])
    lines = [element for element in root.iter() if element.get("class") == "ocr_line"]
    assert len(lines) == 3
    for line in lines:
        assert line.get("style") == "writing-mode: vertical-rl"
        title = line.get("title", "")
        assert "textangle" not in title and "baseline" not in title and "x_size 24.0" in title
    (paragraph,) = [element for element in root.iter() if element.get("class") == "ocr_par"]
    assert paragraph.get("style") == "writing-mode: vertical-rl"


def test_alto(vertical: Page) -> None:
    etree = pytest.importorskip("lxml.etree")
    first, *rest = vertical.paragraphs[0].lines
    two = dataclasses.replace(
        first, text="先帝 创业", words=(column(0, "先帝").words[0], _shifted(column(0, "创业").words[0], 3))
    )
    page = dataclasses.replace(
        vertical, paragraphs=(dataclasses.replace(vertical.paragraphs[0], lines=(two, *rest)),)
    )
    text = document_to_alto([page])
    parser = etree.XMLParser()
    parser.resolvers.add(_Beside(etree))
    etree.XMLSchema(etree.parse(SCHEMAS / "alto-4-3.xsd", parser)).assertValid(
        etree.fromstring(text.encode())
    )
    root = ET.fromstring(text)
    lines = [element for element in root.iter() if element.tag.endswith("}TextLine")]
    assert [line.get("BASEDIRECTION") for line in lines] == ["ttb"] * 3
    (gap,) = [element for element in root.iter() if element.tag.endswith("}SP")]
    top, height = int(gap.get("VPOS", "")), int(gap.get("HEIGHT", ""))
    assert (top, height) == (TOP + 2 * SIZE, SIZE)  # between the words, down the column


def _shifted(word: Word, cells: int) -> Word:
    def down(quad: Quad) -> Quad:
        a, b, c, d = ((x, y + SIZE * cells) for x, y in quad)
        return a, b, c, d

    chars = tuple(dataclasses.replace(char, quad=down(char.quad)) for char in word.chars)
    return dataclasses.replace(word, quad=down(word.quad), chars=chars)


def _Beside(etree: Any) -> Any:
    class Resolver(etree.Resolver):  # type: ignore[misc]
        def resolve(self, url: str, public_id: str | None, context: Any) -> Any:
            return self.resolve_filename(str(SCHEMAS / Path(url).name), context)

    return Resolver()


def test_pagexml(vertical: Page) -> None:
    text = page_to_pagexml(vertical)
    if etree := pytest.importorskip("lxml.etree"):
        schema = etree.XMLSchema(etree.parse(SCHEMAS / "pagecontent-2019-07-15.xsd"))
        schema.assertValid(etree.fromstring(text.encode()))
    root = ET.fromstring(text)
    (region,) = [element for element in root.iter() if element.tag.endswith("}TextRegion")]
    assert region.get("readingDirection") == "top-to-bottom"
    assert region.get("textLineOrder") == "right-to-left"
    lines = [element for element in root.iter() if element.tag.endswith("}TextLine")]
    assert {line.get("readingDirection") for line in lines} == {"top-to-bottom"}


@pytest.fixture
def pdf(vertical: Page, tmp_path: Path) -> Path:
    pytest.importorskip("pikepdf")
    path = tmp_path / "page.pdf"
    vertical.save(path, image=np.full((220, 300, 3), 255, np.uint8))
    return path


def test_a_viewer_selects_the_characters_where_they_are(pdf: Path) -> None:
    pdfium = pytest.importorskip("pypdfium2")
    with pdfium.PdfDocument(pdf) as document:
        page = document[0]
        text = page.get_textpage()
        found = text.get_text_range().replace("\r\n", "\n").split("\n")
        assert [line for line in found if line] == list(COLUMNS)
        scale = 300 / page.get_width()
        for index in range(text.count_chars()):
            char = text.get_text_range(index, 1)
            place = [(n, c.index(char)) for n, c in enumerate(COLUMNS) if char in c]
            if not char.strip() or len(place) != 1:
                continue
            left, bottom, right, top = text.get_charbox(index, loose=True)
            quad = cell(place[0][0], place[0][1], place[0][1] + 1)
            middle = np.mean(quad, axis=0)
            assert abs((left + right) / 2 * scale - middle[0]) < 4
            assert abs(220 - (bottom + top) / 2 * scale - middle[1]) < 4


@pytest.mark.needs_program("pdftotext")
@pytest.mark.parametrize("mode", [[], ["-raw"]])
def test_pdftotext_gives_the_columns_in_order(pdf: Path, mode: list[str]) -> None:
    result = subprocess.run(["pdftotext", *mode, str(pdf), "-"], capture_output=True, text=True, check=True)
    assert "".join(result.stdout.split()) == "".join(COLUMNS)
