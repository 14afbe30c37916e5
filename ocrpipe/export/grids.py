"""A page's tables by themselves: HTML, CSV, and a workbook (XLSX, ECMA-376) with a sheet for each.

Text of a cell is in one line, words divided at a hyphen are whole. Cells are text, never numbers or formulas.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from html import escape
from io import BytesIO, StringIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from ocrpipe.export.parts import clean
from ocrpipe.export.structure import joined
from ocrpipe.export.tables import escaped_formula
from ocrpipe.page import Cell, PageContent, Table

_MAX_XLSX_TEXT = 32_767  # characters of a cell, a limit of the format
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def cell_text(cell: Cell) -> str:
    """The text of a cell in one line."""
    return joined([line.text for line in cell.lines])


def table_to_html(table: Table, content: Callable[[Cell], str] | None = None) -> str:
    """A ``<table>`` with spans, its header rows in ``<thead>``.

    Args:
        table: What to write.
        content: The markup of a cell's content; by default its text.
    """
    content = content or (lambda cell: escape(clean(cell_text(cell)), quote=False))
    by_row: list[list[Cell]] = [[] for _ in range(table.rows)]
    for cell in sorted(table.cells, key=lambda cell: cell.column):
        by_row[cell.row].append(cell)
    head = 0
    while head < table.rows and by_row[head] and all(cell.is_header for cell in by_row[head]):
        head += 1
    rows = [f"<tr>{''.join(_tag(cell, content(cell)) for cell in row)}</tr>" for row in by_row]
    parts = ["<table>"]
    parts += ["<thead>", *rows[:head], "</thead>"] if head else []
    parts += ["<tbody>", *rows[head:], "</tbody>"] if head < len(rows) else []
    return "\n".join([*parts, "</table>"])


def _tag(cell: Cell, content: str) -> str:
    name = "th" if cell.is_header else "td"
    spans = (("rowspan", cell.row_span), ("colspan", cell.column_span))
    attributes = "".join(f' {key}="{value}"' for key, value in spans if value > 1)
    return f"<{name}{attributes}>{content}</{name}>"


def table_to_csv(table: Table, *, escape_formulas: bool = False) -> str:
    """A table as CSV, a row each; a cell that spans several places has its text in the first of them.

    Args:
        table: What to write.
        escape_formulas: As for ``tables.document_to_csv``.
    """
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    for texts in _texts(table):
        writer.writerow([escaped_formula(text) if escape_formulas else text for text in texts])
    return stream.getvalue()


def _texts(table: Table) -> Iterator[list[str]]:
    for row, cells in enumerate(table.grid):
        yield [
            cell_text(cell) if cell is not None and (cell.row, cell.column) == (row, column) else ""
            for column, cell in enumerate(cells)
        ]


def document_to_xlsx(pages: Sequence[PageContent]) -> bytes:
    """A workbook with a sheet for each table, called by its page and number; an empty one without tables."""
    sheets = [
        (f"{page.number}-{number}" if page.number else str(number), table)
        for page in pages
        for number, table in enumerate(page.tables, 1)
    ]
    names = _unique([name for name, _ in sheets] or ["no table"])
    bodies = [_sheet(table) for _, table in sheets] or [
        f'{_XML}<worksheet xmlns="{_MAIN}"><sheetData/></worksheet>'
    ]
    files = {
        "[Content_Types].xml": f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        + "".join(
            f'<Override PartName="/xl/worksheets/sheet{i}.xml" ContentType="{_TYPE}.worksheet+xml"/>'
            for i in range(1, len(bodies) + 1)
        )
        + "</Types>",
        "_rels/.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>'
        + "".join(
            f'<sheet name="{escape(name)}" sheetId="{i}" r:id="rId{i}"/>' for i, name in enumerate(names, 1)
        )
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
        + "".join(
            f'<Relationship Id="rId{i}" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet{i}.xml"/>'
            for i in range(1, len(bodies) + 1)
        )
        + "</Relationships>",
    }
    files |= {f"xl/worksheets/sheet{i}.xml": body for i, body in enumerate(bodies, 1)}
    stream = BytesIO()
    with ZipFile(stream, "w", ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = ZipInfo(name)  # of 1980-01-01, so that equal pages give equal files
            info.compress_type = ZIP_DEFLATED
            archive.writestr(info, content.encode())
    return stream.getvalue()


def _unique(names: Sequence[str]) -> list[str]:
    """Names of sheets, which differ from each other: pages of several sources may have one number."""
    found: list[str] = []
    for name in names:
        tries = [name, *(f"{name} ({i})" for i in range(2, names.count(name) + 1))]
        found.append(next(one for one in tries if one not in found))
    return found


def _sheet(table: Table) -> str:
    rows = []
    for number, texts in enumerate(_texts(table), 1):
        cells = "".join(
            f'<c r="{_letters(column)}{number}" t="inlineStr"><is><t xml:space="preserve">'
            f"{escape(clean(text)[:_MAX_XLSX_TEXT], quote=False)}</t></is></c>"
            for column, text in enumerate(texts)
            if text
        )
        rows.append(f'<row r="{number}">{cells}</row>')
    merged = [
        f'<mergeCell ref="{_letters(cell.column)}{cell.row + 1}:'
        f'{_letters(cell.column + cell.column_span - 1)}{cell.row + cell.row_span}"/>'
        for cell in table.cells
        if cell.row_span > 1 or cell.column_span > 1
    ]
    merges = f'<mergeCells count="{len(merged)}">{"".join(merged)}</mergeCells>' if merged else ""
    return f'{_XML}<worksheet xmlns="{_MAIN}"><sheetData>{"".join(rows)}</sheetData>{merges}</worksheet>'


def _letters(column: int) -> str:
    """A, B, …, Z, AA, … of a column from 0."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
