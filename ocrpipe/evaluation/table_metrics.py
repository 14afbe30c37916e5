"""How like a table is to the one on the page: TEDS, and F1 of the relations of neighbouring cells.

TEDS: 1 - d / n, d being the edit distance of the trees ``table > tr > td`` and n the nodes of the larger one
(Zhong, ShafieiBavani and Jimeno Yepes, "Image-based table recognition", arXiv 1911.10683). To insert or
delete a node costs 1, to change the spans of a cell 1, to change its text the edit distance over the length
of the longer text. Header cells count as cells, and spaces and line breaks do not count.

Cell F1: of the pairs of texts that are next to each other in a row or a column, empty cells passed over
(Göbel et al., "A methodology for evaluating algorithms for table understanding in PDF documents", DocEng
2012); a pair is right where both texts are without error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser

import numpy as np
from rapidfuzz.distance import Levenshtein

from ocrpipe.evaluation.text_metrics import normalize
from ocrpipe.geometry import overlap
from ocrpipe.page import Quad, Table

_MIN_OVERLAP = 0.3  # intersection over union of two tables that are compared


@dataclass(frozen=True, slots=True)
class TableCell:
    """A cell's text and spans."""

    text: str
    row_span: int = 1
    column_span: int = 1


Rows = tuple[tuple[TableCell, ...], ...]
"""The cells that begin in each row, from left to right."""


@dataclass(frozen=True, slots=True)
class PlacedTable:
    """A table of the ground truth or a prediction."""

    quad: Quad
    rows: Rows


@dataclass(frozen=True, slots=True)
class TableCounts:
    """Scores of tables; those of several pages add up.

    Attributes:
        tables: Tables of the ground truth.
        found: Those that a predicted table lies on.
        teds: Sum of their TEDS; one that was not found has 0.
        matched: Relations that are in both tables.
        reference: Relations of the ground truth.
        hypothesis: Relations of the predictions that were compared.
    """

    tables: int = 0
    found: int = 0
    teds: float = 0.0
    matched: int = 0
    reference: int = 0
    hypothesis: int = 0

    def __add__(self, other: TableCounts) -> TableCounts:
        return TableCounts(
            self.tables + other.tables,
            self.found + other.found,
            self.teds + other.teds,
            self.matched + other.matched,
            self.reference + other.reference,
            self.hypothesis + other.hypothesis,
        )

    @property
    def mean_teds(self) -> float:
        """Mean TEDS of the ground truth's tables."""
        return self.teds / max(1, self.tables)

    @property
    def cell_f(self) -> float:
        """F1 of the relations of neighbouring cells."""
        return 2 * self.matched / max(1, self.reference + self.hypothesis)


def count_tables(reference: Sequence[PlacedTable], hypothesis: Sequence[PlacedTable]) -> TableCounts:
    """Score a page's tables, each against the one that lies on most of it.

    Predicted tables elsewhere are not scored: the ground truth need not hold all tables of a page.
    """
    total = TableCounts()
    left = list(hypothesis)
    for table in reference:
        best = max(left, key=lambda other: overlap(table.quad, other.quad), default=None)
        own = relations(table.rows)
        if best is None or overlap(table.quad, best.quad) < _MIN_OVERLAP:
            total += TableCounts(1, reference=own.total())
            continue
        left.remove(best)
        found = relations(best.rows)
        matched = (own & found).total()
        total += TableCounts(1, 1, teds(table.rows, best.rows), matched, own.total(), found.total())
    return total


def rows_of(table: Table) -> Rows:
    """The cells of a page's table."""
    rows: list[list[TableCell]] = [[] for _ in range(table.rows)]
    for cell in sorted(table.cells, key=lambda cell: cell.column):
        text = " ".join(line.text for line in cell.lines)
        rows[cell.row].append(TableCell(text, cell.row_span, cell.column_span))
    return tuple(map(tuple, rows))


def to_html(rows: Rows) -> str:
    """The table as HTML, as ground truth and predictions hold it."""
    html = ""
    for row in rows:
        html += "<tr>"
        for cell in row:
            spans = (("rowspan", cell.row_span), ("colspan", cell.column_span))
            attributes = "".join(f' {name}="{span}"' for name, span in spans if span > 1)
            html += f"<td{attributes}>{escape(cell.text, quote=False)}</td>"
        html += "</tr>"
    return f"<table>{html}</table>"


def from_html(html: str) -> Rows:
    """The rows of the first table; tags within a cell are passed over.

    Raises:
        ValueError: There is no table in it, or a span is no number.
    """
    parser = _Parser()
    parser.feed(html)
    parser.close()
    if not parser.rows:
        raise ValueError(f"no table in {html[:40]!r}")
    return tuple(map(tuple, parser.rows))


class _Parser(HTMLParser):
    """Collects the cells of the first table."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[TableCell]] = []
        self._in_cell = self._done = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._done:
            return
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            if not self.rows:
                self.rows.append([])
            spans = dict(attrs)
            row_span, column_span = (max(int(spans.get(name) or 1), 1) for name in ("rowspan", "colspan"))
            self.rows[-1].append(TableCell("", row_span, column_span))
            self._in_cell = True
        elif tag == "br":
            self.handle_data(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "tr"):
            self._in_cell = False
        self._done |= tag == "table"

    def handle_data(self, data: str) -> None:
        if self._in_cell and not self._done:
            cell = self.rows[-1][-1]
            self.rows[-1][-1] = TableCell(cell.text + data, cell.row_span, cell.column_span)


def teds(reference: Rows, hypothesis: Rows) -> float:
    """Tree-edit-distance-based similarity, from 0 to 1."""
    one, other = _tree(reference), _tree(hypothesis)
    return 1 - _distance(one, other) / max(len(one), len(other))


def relations(rows: Rows) -> Counter[tuple[str, str, str]]:
    """Pairs of texts next to each other along a row or a column, empty cells passed over."""
    places: dict[tuple[int, int], int] = {}
    texts: list[str] = []
    for number, row in enumerate(rows):
        column = 0
        for cell in row:
            while (number, column) in places:
                column += 1
            texts.append(_plain(cell.text))
            for k in range(min(cell.row_span, len(rows) - number)):
                places |= {(number + k, column + j): len(texts) - 1 for j in range(cell.column_span)}
            column += cell.column_span
    pairs: set[tuple[int, int, str]] = set()
    for direction, axis in (("right", 0), ("down", 1)):
        before: tuple[int, int] | None = None  # row or column, and cell
        for place in sorted(places, key=lambda place: (place[axis], place[1 - axis])):
            cell_number, along = places[place], place[axis]
            if not texts[cell_number]:
                continue
            if before is not None and before[0] == along and before[1] != cell_number:
                pairs.add((before[1], cell_number, direction))
            before = along, cell_number
    return Counter((texts[first], texts[second], direction) for first, second, direction in pairs)


def _plain(text: str) -> str:
    return normalize(text).replace(" ", "")


@dataclass(frozen=True, slots=True)
class _Node:
    """A node in post-order: its label, and the first leaf below it."""

    tag: str
    spans: tuple[int, int]
    text: str
    leaf: int


def _tree(rows: Rows) -> list[_Node]:
    nodes: list[_Node] = []
    for row in rows:
        first = len(nodes)
        for cell in row:
            spans = cell.row_span, cell.column_span
            nodes.append(_Node("td", spans, _plain(cell.text), len(nodes)))
        nodes.append(_Node("tr", (1, 1), "", min(first, len(nodes))))
    return [*nodes, _Node("table", (1, 1), "", 0)]


def _change(one: _Node, other: _Node) -> float:
    if one.tag != other.tag or one.spans != other.spans:
        return 1.0
    return Levenshtein.normalized_distance(one.text, other.text)


def _distance(one: Sequence[_Node], other: Sequence[_Node]) -> float:
    """Edit distance of ordered trees (Zhang and Shasha, SIAM Journal on Computing 18, 1989)."""
    trees = np.zeros((len(one), len(other)))
    costs: dict[tuple[int, int], float] = {}
    for i in _key_roots(one):
        for j in _key_roots(other):
            first, second = one[i].leaf, other[j].leaf
            height, width = i - first + 2, j - second + 2
            forest = [[float(column) for column in range(width)]]
            for row in range(1, height):
                above = forest[-1]
                line = [above[0] + 1.0]
                node = first + row - 1
                for column in range(1, width):
                    mate = second + column - 1
                    best = min(above[column], line[-1]) + 1.0
                    if one[node].leaf == first and other[mate].leaf == second:
                        if (node, mate) not in costs:
                            costs[node, mate] = _change(one[node], other[mate])
                        best = min(best, above[column - 1] + costs[node, mate])
                        trees[node, mate] = best
                    else:
                        start = forest[one[node].leaf - first][other[mate].leaf - second]
                        best = min(best, start + float(trees[node, mate]))
                    line.append(best)
                forest.append(line)
    return float(trees[-1, -1])


def _key_roots(tree: Sequence[_Node]) -> Iterator[int]:
    """Of all nodes with one first leaf the highest."""
    return iter(sorted({node.leaf: i for i, node in enumerate(tree)}.values()))
