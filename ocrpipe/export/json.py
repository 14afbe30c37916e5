"""JSON, and the plain dicts behind it: all data of a ``Page``, written and read without loss.

The schema, version 1 (an incompatible one will get another number)::

    {"schema": "ocrpipe.page/1",
     "width": 2480, "height": 3508, "orientation": 0, "skew": 0.4,
     "source": "scan.png", "number": 1, "dpi": 300.0,
     "paragraphs": [
       {"quad": [[x, y], [x, y], [x, y], [x, y]],
        "lines": [
          {"text": "...", "quad": [...], "confidence": 0.98, "score": 0.99,
           "words": [
             {"text": "...", "quad": [...], "confidence": 0.98,
              "chars": [{"text": "字", "quad": [...], "confidence": 0.97}]}]}]}]}

Where there are warnings, ``"warnings": [{"code": "lines-left-out", "message": "...", "count": 2}]`` is added,
whose count may be null, where lines were not kept, ``"rejected": [...]``, of lines as above, and where there
are tables::

    "tables": [
      {"quad": [...], "rows": 2, "columns": 2,
       "cells": [{"row": 0, "column": 0, "row_span": 1, "column_span": 2, "header": true,
                  "quad": [...], "text": "...", "lines": [4, 5]}]}]

whose lines are numbers of the page's lines, from 0 in reading order, so that a text that is corrected there
is corrected in the table; ``text`` is for other readers. A line that is not on the page is given as above.

A column of vertical text has ``"direction": "vertical"``; a line without it is horizontal.

``source`` and ``dpi`` may be null. Quads, angles and confidences are as in ``ocrpipe.page``. A document is
``{"schema": "ocrpipe.document/1", "pages": [...]}``, of pages as above.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from ocrpipe.errors import UnsupportedSourceError
from ocrpipe.io.names import printable
from ocrpipe.page import (
    Cell,
    Char,
    Direction,
    Line,
    PageContent,
    PageWarning,
    Paragraph,
    Point,
    Quad,
    Table,
    Word,
)

SCHEMA = "ocrpipe.page/1"
DOCUMENT_SCHEMA = "ocrpipe.document/1"

PageType = TypeVar("PageType", bound=PageContent)


def page_to_json(page: PageContent) -> str:
    """The page as one line of JSON."""
    data = page_to_dict(page)
    if page.source is not None:
        data["source"] = printable(page.source)
    return json.dumps(data, ensure_ascii=False, allow_nan=False) + "\n"


def document_to_json(pages: Sequence[PageContent]) -> str:
    """A document as JSON, a line a page."""
    lines = ",\n".join(page_to_json(page).rstrip("\n") for page in pages)
    return f'{{"schema": "{DOCUMENT_SCHEMA}", "pages": [\n{lines}\n]}}\n'


def pages_from_dict(data: dict[str, Any], page_class: type[PageType]) -> tuple[PageType, ...]:
    """The pages of a document, or the one page, that was written as JSON; see ``page_from_dict``.

    Raises:
        UnsupportedSourceError: The data does not match the schema; the message names the first mismatch.
    """
    node = _Node(data, "document")
    schema = node["schema"].value
    if schema == SCHEMA:
        return (page_from_dict(data, page_class),)
    if schema != DOCUMENT_SCHEMA:
        raise UnsupportedSourceError(f"document.schema is {schema!r}, not {DOCUMENT_SCHEMA!r}")
    return tuple(_page(page, page_class) for page in node["pages"].items())


def page_to_dict(page: PageContent) -> dict[str, Any]:
    """The page as plain dicts, lists, numbers and strings."""
    described: dict[str, Any] = {
        "schema": SCHEMA,
        "width": page.width,
        "height": page.height,
        "orientation": page.orientation,
        "skew": float(page.skew),
        "source": page.source,
        "number": page.number,
        "dpi": None if page.dpi is None else float(page.dpi),
        "paragraphs": [
            {"quad": _points(paragraph.quad), "lines": [_line_to_dict(line) for line in paragraph.lines]}
            for paragraph in page.paragraphs
        ],
    }
    if page.warnings:
        described["warnings"] = [asdict(warning) for warning in page.warnings]
    if page.rejected:
        described["rejected"] = [_line_to_dict(line) for line in page.rejected]
    if page.tables:
        numbers: dict[Line, int] = {}
        for number, line in enumerate(page.lines):
            numbers.setdefault(line, number)
        described["tables"] = [_table_to_dict(table, numbers) for table in page.tables]
    return described


def page_from_dict(data: dict[str, Any], page_class: type[PageType]) -> PageType:
    """The page that ``page_to_dict`` described; unknown keys are ignored.

    Args:
        data: The description.
        page_class: What to make of it: ``PageContent``, or ``ocrpipe.Page``, which has methods that need
            this package and is therefore not imported here.

    Raises:
        UnsupportedSourceError: The data does not match the schema; the message names the first mismatch.
    """
    return _page(_Node(data, "page"), page_class)


def _page(page: _Node, page_class: type[PageType]) -> PageType:
    schema = page["schema"].value
    if schema != SCHEMA:
        raise UnsupportedSourceError(f"{page.path}.schema is {schema!r}, not {SCHEMA!r}")
    paragraphs = tuple(
        Paragraph(tuple(_line(line) for line in paragraph["lines"].items()), _quad(paragraph["quad"]))
        for paragraph in page["paragraphs"].items()
    )
    lines = [line for paragraph in paragraphs for line in paragraph.lines]
    return page_class(
        width=page["width"].integer(minimum=0),
        height=page["height"].integer(minimum=0),
        orientation=page["orientation"].one_of(0, 90, 180, 270),
        skew=page["skew"].number(),
        source=None if page["source"].value is None else page["source"].text(),
        number=page["number"].integer(minimum=1),
        dpi=None if page["dpi"].value is None else page["dpi"].positive(),
        paragraphs=paragraphs,
        warnings=tuple(_warning(warning) for warning in page.optional_items("warnings")),
        rejected=tuple(_line(line) for line in page.optional_items("rejected")),
        tables=tuple(_table(table, lines) for table in page.optional_items("tables")),
    )


def _line_to_dict(line: Line) -> dict[str, Any]:
    described: dict[str, Any] = {
        "text": line.text,
        "quad": _points(line.quad),
        "confidence": float(line.confidence),
        "score": float(line.score),
        "words": [
            _piece_to_dict(word) | {"chars": [_piece_to_dict(char) for char in word.chars]}
            for word in line.words
        ],
    }
    if line.direction != "horizontal":
        described["direction"] = line.direction
    return described


def _table_to_dict(table: Table, numbers: dict[Line, int]) -> dict[str, Any]:
    return {
        "quad": _points(table.quad),
        "rows": table.rows,
        "columns": table.columns,
        "cells": [
            {
                "row": cell.row,
                "column": cell.column,
                "row_span": cell.row_span,
                "column_span": cell.column_span,
                "header": cell.is_header,
                "quad": _points(cell.quad),
                "text": cell.text,
                "lines": [numbers[line] if line in numbers else _line_to_dict(line) for line in cell.lines],
            }
            for cell in table.cells
        ],
    }


def _piece_to_dict(piece: Word | Char) -> dict[str, Any]:
    return {"text": piece.text, "quad": _points(piece.quad), "confidence": float(piece.confidence)}


def _points(quad: Quad) -> list[list[float]]:
    return [[float(x), float(y)] for x, y in quad]


@dataclass(frozen=True, slots=True)
class _Node:
    """A value and its path, for messages."""

    value: Any
    path: str

    def __getitem__(self, key: str) -> _Node:
        if not isinstance(self.value, dict):
            raise self.error("an object")
        if key not in self.value:
            raise UnsupportedSourceError(f"{self.path} has no {key!r}")
        return _Node(self.value[key], f"{self.path}.{key}")

    def items(self) -> list[_Node]:
        if not isinstance(self.value, (list, tuple)):
            raise self.error("a list")
        return [_Node(item, f"{self.path}[{index}]") for index, item in enumerate(self.value)]

    def optional_items(self, key: str) -> list[_Node]:
        return self[key].items() if key in self.value else []

    def direction(self) -> Direction:
        """The line's; a value that a later version may add counts as horizontal."""
        return "vertical" if self.value.get("direction") == "vertical" else "horizontal"

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.error("a string")
        return self.value

    def integer(self, *, minimum: int) -> int:
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            raise self.error("a whole number")
        if self.value < minimum:
            raise self.error(f"at least {minimum}")
        return self.value

    def one_of(self, *values: int) -> int:
        if isinstance(self.value, bool) or self.value not in values:
            raise self.error(f"one of {', '.join(map(str, values))}")
        return int(self.value)

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.error("true or false")
        return self.value

    def positive(self) -> float:
        if not self.number() > 0:
            raise self.error("positive")
        return self.number()

    def number(self) -> float:
        if not isinstance(self.value, (int, float)) or isinstance(self.value, bool):
            raise self.error("a number")
        if not math.isfinite(self.value):
            raise self.error("a finite number")
        return float(self.value)

    def error(self, expected: str) -> UnsupportedSourceError:
        shown = repr(self.value)
        return UnsupportedSourceError(f"{self.path} is {shown[:40]}{'…' * (len(shown) > 40)}, not {expected}")


def _warning(node: _Node) -> PageWarning:
    count = node["count"]
    return PageWarning(
        node["code"].text(), node["message"].text(), None if count.value is None else count.integer(minimum=0)
    )


def _table(node: _Node, lines: Sequence[Line]) -> Table:
    rows, columns = node["rows"].integer(minimum=1), node["columns"].integer(minimum=1)
    cells = tuple(_cell(cell, rows, columns, lines) for cell in node["cells"].items())
    return Table(rows, columns, cells, _quad(node["quad"]))


def _cell(node: _Node, rows: int, columns: int, lines: Sequence[Line]) -> Cell:
    cell = Cell(
        row=node["row"].integer(minimum=0),
        column=node["column"].integer(minimum=0),
        quad=_quad(node["quad"]),
        lines=tuple(_line_of(line, lines) for line in node["lines"].items()),
        row_span=node["row_span"].integer(minimum=1),
        column_span=node["column_span"].integer(minimum=1),
        is_header=node["header"].flag(),
    )
    if cell.row + cell.row_span > rows or cell.column + cell.column_span > columns:
        raise node.error(f"a cell within {rows} rows and {columns} columns")
    return cell


def _line_of(node: _Node, lines: Sequence[Line]) -> Line:
    """A line of the page by its number, or one of its own."""
    if isinstance(node.value, dict):
        return _line(node)
    number = node.integer(minimum=0)
    if number >= len(lines):
        raise node.error(f"a line of the page, which has {len(lines)}")
    return lines[number]


def _line(node: _Node) -> Line:
    return Line(
        text=node["text"].text(),
        quad=_quad(node["quad"]),
        confidence=node["confidence"].number(),
        words=tuple(_word(word) for word in node["words"].items()),
        score=node["score"].number(),
        direction=node.direction(),
    )


def _word(node: _Node) -> Word:
    chars = tuple(
        Char(char["text"].text(), _quad(char["quad"]), char["confidence"].number())
        for char in node["chars"].items()
    )
    return Word(node["text"].text(), _quad(node["quad"]), node["confidence"].number(), chars)


def _quad(node: _Node) -> Quad:
    points = node.items()
    if len(points) != 4:
        raise node.error("four points")
    first, second, third, fourth = (_point(point) for point in points)
    return first, second, third, fourth


def _point(node: _Node) -> Point:
    values = node.items()
    if len(values) != 2:
        raise node.error("a point [x, y]")
    return values[0].number(), values[1].number()
