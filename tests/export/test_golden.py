"""Each export format against a file of tests/data/golden, byte by byte.

After an intended change: ``pytest tests/export/test_golden.py --renew-golden``, then review the difference.

JPEG, Parquet and PDF files also depend on the versions of the libraries that write them. Of html the picture
is therefore left out, of parquet the table is compared, of pdf the contents of its page, and of the overlay
the pixels.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ocrpipe import _version
from ocrpipe.export import FORMATS, document_bytes
from ocrpipe.page import Cell, Char, Line, Paragraph, Point, Quad, Table, Word
from ocrpipe.result import Page

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
WIDTH, HEIGHT = 320, 200

Check = Callable[[str, bytes], None]


def make_line(text: str, left: float, top: float, slope: float = 0.0) -> Line:
    """A line 16 pixels high that falls by ``slope`` pixels a pixel; hanzi are 16 wide, the rest 8."""

    def place(x: float, y: float) -> Point:
        return left + x - slope * y, top + y + slope * x

    def quad(start: float, end: float) -> Quad:
        return place(start, 0), place(end, 0), place(end, 16), place(start, 16)

    words, x = [], 0.0
    for word in text.split(" "):
        chars, start = [], x
        for number, char in enumerate(word):
            width = 16.0 if char >= "\u2e80" else 8.0
            chars.append(Char(char, quad(x, x + width), (15 - number % 4) / 16))
            x += width
        confidence = sum(char.confidence for char in chars) / len(chars)
        words.append(Word(word, quad(start, x), confidence, tuple(chars)))
        x += 8
    confidences = [char.confidence for word in words for char in word.chars]
    return Line(text, quad(0, x - 8), sum(confidences) / len(confidences), tuple(words), 0.875)


def make_paragraph(*lines: Line) -> Paragraph:
    xs, ys = zip(*(point for line in lines for point in line.quad), strict=True)
    left, top, right, bottom = min(xs), min(ys), max(xs), max(ys)
    return Paragraph(lines, ((left, top), (right, top), (right, bottom), (left, bottom)))


@pytest.fixture
def golden_page(monkeypatch: pytest.MonkeyPatch) -> Page:
    """Two paragraphs, Chinese and English, a sloping line, and characters that XML and CSV must escape."""
    monkeypatch.setattr(_version, "__version__", "0.0.0")
    chinese = make_paragraph(make_line("水面的高度，2024年", 40, 20), make_line("每月 3 次。", 40, 45.5))
    english = make_paragraph(
        make_line('A "pencil" & <rubber>', 40, 100), make_line("sloping, by 1/16", 48, 140, 1 / 16)
    )
    return Page(WIDTH, HEIGHT, (chinese, english), 0, -0.25, "scans/page 1.png", 2, 150.0)


@pytest.fixture
def structured_page() -> Page:
    """A page's header, a heading, a paragraph, a list, a table without spans, one with, and a number."""
    rows = (("Ware", "Price"), ("pencil | red", "1.50"), ("纸", ""))
    plain = make_table(
        [(i, j, 1, 1, text) for i, texts in enumerate(rows) for j, text in enumerate(texts)],
        40,
        260,
        header=1,
    )
    spanned = make_table(
        [(0, 0, 2, 1, "年"), (0, 1, 1, 2, "高度"), (1, 1, 1, 1, "3"), (1, 2, 1, 1, "4")], 40, 340
    )
    heading = Line("Wares & Prices", ((40, 60), (320, 60), (320, 90), (40, 90)), 1.0, ())
    paragraphs = (
        make_paragraph(make_line("Yearbook 1923", 40, 10)),
        Paragraph((heading,), heading.quad),
        make_paragraph(
            make_line("Of the wares that were sold", 40, 120),
            make_line("each year, some were remem-", 40, 140),
            make_line("bered.", 40, 160),
        ),
        make_paragraph(make_line("• pencils", 40, 200), make_line("• paper", 40, 220)),
        Paragraph(plain.lines, plain.quad),
        Paragraph(spanned.lines, spanned.quad),
        make_paragraph(make_line("17", 150, 470)),
    )
    return Page(WIDTH, 500, paragraphs, number=3, tables=(plain, spanned))


def make_table(
    cells: list[tuple[int, int, int, int, str]], left: float, top: float, header: int = 0
) -> Table:
    """From row, column, spans and text of each cell; rows are 20 pixels high, columns 80 wide."""

    def quad(row: int, column: int, height: int, width: int) -> Quad:
        x, y = left + 80 * column, top + 20 * row
        return (x, y), (x + 80 * width, y), (x + 80 * width, y + 20 * height), (x, y + 20 * height)

    made = tuple(
        Cell(
            row,
            column,
            quad(row, column, height, width),
            (make_line(text, left + 80 * column + 2, top + 20 * row + 2),) if text else (),
            height,
            width,
            row < header,
        )
        for row, column, height, width, text in cells
    )
    rows = max(row + height for row, _, height, _, _ in cells)
    columns = max(column + width for _, column, _, width, _ in cells)
    return Table(rows, columns, made, quad(0, 0, rows, columns))


@pytest.fixture
def image(golden_page: Page) -> NDArray[np.uint8]:
    """White, with a grey bar where each line is."""
    pixels = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    for line in golden_page.lines:
        left, top, right, bottom = map(int, (*line.quad[0], *line.quad[2]))
        pixels[top:bottom, left:right] = 128
    return pixels


@pytest.fixture
def check(renew_golden: bool) -> Check:
    """Compares content with the golden file of a name, or writes that."""

    def compare(name: str, content: bytes) -> None:
        if renew_golden:
            GOLDEN.mkdir(parents=True, exist_ok=True)
            (GOLDEN / name).write_bytes(content)
        assert content.decode() == (GOLDEN / name).read_bytes().decode()  # as text, for a readable difference

    return compare


def without_picture(html: bytes) -> bytes:
    return re.sub(rb'base64,[^"]+', b"base64,PICTURE", html)


def table_of(parquet: bytes) -> bytes:
    """Columns and rows of a Parquet file."""
    from pyarrow.parquet import read_table

    table = read_table(BytesIO(parquet))
    columns = (f"{field.name}: {field.type}".replace("item: ", "element: ") for field in table.schema)
    rows = (json.dumps(row, ensure_ascii=False) for row in table.to_pylist())
    return "\n".join([*columns, *rows, ""]).encode()


def parts_of(pdf: bytes) -> bytes:
    """A PDF's page attributes, content and text mapping."""
    import pikepdf

    with pikepdf.open(BytesIO(pdf)) as document:
        (page,) = document.pages
        ((_, font),) = page.Resources.Font.items()
        image = page.Resources.XObject.Image
        lines = [
            f"MediaBox {[float(side) for side in page.MediaBox]}, Rotate {int(page.Rotate)}",
            f"Image {int(image.Width)} x {int(image.Height)}, {image.ColorSpace}, {image.Filter}",
            f"Widths {[int(width) for width in font.DescendantFonts[0].W[1]]}",
            page.Contents.read_bytes().decode(),
            font.ToUnicode.read_bytes().decode(),
        ]
    return "\n".join([*lines, ""]).encode()


def sheets_of(xlsx: bytes) -> bytes:
    """The files of a workbook, one after the other."""
    with ZipFile(BytesIO(xlsx)) as archive:
        return b"\n".join(name.encode() + b"\n" + archive.read(name) for name in archive.namelist()) + b"\n"


COMPARED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "html": ("page.html", without_picture),
    "parquet": ("page.parquet.txt", table_of),
    "pdf": ("page.pdf.txt", parts_of),
    "xlsx": ("page.xlsx.txt", sheets_of),
}


@pytest.mark.parametrize("format", FORMATS)
def test_a_page(golden_page: Page, image: NDArray[np.uint8], check: Check, format: str) -> None:
    if format in ("parquet", "pdf"):
        module = "pyarrow" if format == "parquet" else "pikepdf"
        pytest.importorskip(module, reason="needs the extras ocrpipe[pdf,tables]")
    name, part = COMPARED.get(format, (f"page.{FORMATS[format].suffix}", bytes))
    check(name, part(FORMATS[format].page(golden_page, image)))


@pytest.mark.parametrize("format", ["txt", "json"])
def test_a_document(golden_page: Page, check: Check, format: str) -> None:
    """Of these formats a document of one page differs from a page."""
    pages = [golden_page, Page(WIDTH, HEIGHT, source=golden_page.source, number=3)]
    check(f"document.{format}", document_bytes(pages, format))


@pytest.mark.parametrize("format", ["md", "html", "json", "xlsx"])
def test_a_page_with_structure(structured_page: Page, check: Check, format: str) -> None:
    name, part = COMPARED.get(format, (f"page.{format}", bytes))
    check(name.replace("page", "structured"), part(FORMATS[format].page(structured_page, None)))


def test_the_overlay(golden_page: Page, image: NDArray[np.uint8], renew_golden: bool) -> None:
    path = GOLDEN / "overlay.png"
    drawn = golden_page.draw(image=image)
    if renew_golden:
        drawn.save(path)
    with Image.open(path) as golden:
        np.testing.assert_array_equal(np.asarray(drawn), np.asarray(golden))
