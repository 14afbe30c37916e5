"""Tables as CSV, XLSX and HTML."""

from __future__ import annotations

import csv
from html.parser import HTMLParser
from io import BytesIO, StringIO
from xml.etree import ElementTree
from zipfile import ZipFile

from hypothesis import given, settings
from hypothesis import strategies as st

from ocrpipe.export.grids import cell_text, document_to_xlsx, table_to_csv, table_to_html
from ocrpipe.page import Cell, Line, Quad, Table
from ocrpipe.result import Page

QUAD: Quad = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
NAMES = {"": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Cells that cover every place once."""
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 30))
    taken: set[tuple[int, int]] = set()
    cells = []
    for row in range(rows):
        for column in range(columns):
            if (row, column) in taken:
                continue
            height, width = (
                draw(st.integers(1, min(3, rows - row))),
                draw(st.integers(1, min(3, columns - column))),
            )
            places = {(row + i, column + j) for i in range(height) for j in range(width)}
            if places & taken:
                height, width, places = 1, 1, {(row, column)}
            taken |= places
            text = draw(TEXTS)
            lines = (Line(text, QUAD, 1.0, ()),) if text else ()
            cells.append(Cell(row, column, QUAD, lines, height, width, is_header=row == 0))
    return Table(rows, columns, tuple(cells), QUAD)


def one_cell(text: str) -> Table:
    return Table(1, 1, (Cell(0, 0, QUAD, (Line(text, QUAD, 1.0, ()),)),), QUAD)


class Cells(HTMLParser):
    """Row, column and spans of each cell, as a browser lays them out."""

    def __init__(self) -> None:
        super().__init__()
        self.row = -1
        self.taken: set[tuple[int, int]] = set()
        self.found: list[tuple[int, int, int, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.row += 1
        elif tag in ("td", "th"):
            spans = dict(attrs)
            height, width = int(spans.get("rowspan") or 1), int(spans.get("colspan") or 1)
            column = next(i for i in range(999) if (self.row, i) not in self.taken)
            self.taken |= {(self.row + i, column + j) for i in range(height) for j in range(width)}
            self.found.append((self.row, column, height, width))


@given(tables())
@settings(max_examples=60, deadline=None)
def test_html_has_every_cell_where_it_is(table: Table) -> None:
    parser = Cells()
    parser.feed(table_to_html(table))
    assert parser.found == [(cell.row, cell.column, cell.row_span, cell.column_span) for cell in table.cells]


@given(tables())
@settings(max_examples=60, deadline=None)
def test_csv_has_every_text_once(table: Table) -> None:
    rows = list(csv.reader(StringIO(table_to_csv(table), newline="")))
    assert [len(row) for row in rows] == [table.columns] * table.rows
    for row, texts in enumerate(rows):
        for column, text in enumerate(texts):
            cell = table.grid[row][column]
            is_first = cell is not None and (cell.row, cell.column) == (row, column)
            assert text == (cell_text(cell) if cell is not None and is_first else "")


def test_formulas_in_csv() -> None:
    assert table_to_csv(one_cell("=1+1")) == "=1+1\n"
    assert table_to_csv(one_cell("=1+1"), escape_formulas=True) == "'=1+1\n"


@given(st.lists(tables(), max_size=3))
@settings(max_examples=30, deadline=None)
def test_a_workbook_has_a_sheet_a_table(found: list[Table]) -> None:
    page = Page(10, 10, number=7, tables=tuple(found))
    content = document_to_xlsx([page])
    assert content == document_to_xlsx([page])
    with ZipFile(BytesIO(content)) as archive:
        names = [
            sheet.get("name")
            for sheet in ElementTree.fromstring(archive.read("xl/workbook.xml")).findall(".//{*}sheet")
        ]
        assert names == ([f"7-{i}" for i in range(1, len(found) + 1)] or ["no table"])
        for number, table in enumerate(found, 1):
            sheet = ElementTree.fromstring(archive.read(f"xl/worksheets/sheet{number}.xml"))
            texts = {cell.get("r"): "".join(cell.itertext()) for cell in sheet.findall(".//c", NAMES)}
            assert texts == {place(cell): cell_text(cell) for cell in table.cells if cell_text(cell)}
            merged = {one.get("ref", "").split(":")[0] for one in sheet.findall(".//mergeCell", NAMES)}
            assert merged == {place(cell) for cell in table.cells if max(cell.row_span, cell.column_span) > 1}


def place(cell: Cell) -> str:
    """A1 and so on; there are less than 53 columns."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return f"{'A' if cell.column > 25 else ''}{letters[cell.column % 26]}{cell.row + 1}"


def test_sheets_of_several_sources_have_names_of_their_own() -> None:
    pages = [Page(1, 1, source=name, tables=(one_cell(name),)) for name in ("a", "b")]
    with ZipFile(BytesIO(document_to_xlsx(pages))) as archive:
        assert b'name="1-1"' in archive.read("xl/workbook.xml")
        assert b'name="1-1 (2)"' in archive.read("xl/workbook.xml")
