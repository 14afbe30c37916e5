from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocrpipe.errors import ConfigError, OcrError, UnsupportedSourceError
from ocrpipe.export import save_document
from ocrpipe.export.json import page_from_dict, page_to_dict, page_to_json
from ocrpipe.page import Cell, Char, Line, PageWarning, Paragraph, Table, Word
from ocrpipe.result import Page

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
POINTS = st.tuples(NUMBERS, NUMBERS)
QUADS = st.tuples(POINTS, POINTS, POINTS, POINTS)


def some(items: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(items, max_size=2).map(tuple)


CHARS = st.builds(Char, TEXTS, QUADS, NUMBERS)
WORDS = st.builds(Word, TEXTS, QUADS, NUMBERS, some(CHARS))
LINES = st.builds(Line, TEXTS, QUADS, NUMBERS, some(WORDS), NUMBERS)

PAGES = st.builds(
    Page,
    width=st.integers(0),
    height=st.integers(0),
    paragraphs=some(st.builds(Paragraph, some(LINES), QUADS)),
    orientation=st.sampled_from([0, 90, 180, 270]),
    skew=NUMBERS,
    source=st.none() | TEXTS,
    number=st.integers(1),
    dpi=st.none() | st.floats(0, exclude_min=True, allow_infinity=False),
    warnings=some(st.builds(PageWarning, TEXTS, TEXTS, st.none() | st.integers(0))),
    rejected=some(LINES),
)


@given(PAGES)
@settings(max_examples=40, deadline=None)
def test_round_trip_is_exact(page: Page) -> None:
    assert page_from_dict(page_to_dict(page), Page) == page
    text = page_to_json(page)
    again = Page.from_dict(json.loads(text))
    assert again == page
    assert page_to_json(again) == text


def test_numbers_of_numpy_become_plain(page: Page) -> None:
    half = np.float32(0.5)
    char = Char("x", ((half, half),) * 4, half)
    line = Line("x", char.quad, half, (Word("x", char.quad, half, (char,)),), half)
    page = Page(2, 2, (Paragraph((line,), char.quad),), skew=half, dpi=half)
    assert Page.from_dict(json.loads(page_to_json(page))) == page


def test_the_schema_is_named(page: Page) -> None:
    data = page.to_dict()
    assert data["schema"] == "ocrpipe.page/1"
    assert list(data) == [
        "schema", "width", "height", "orientation", "skew", "source", "number", "dpi", "paragraphs",
    ]  # fmt: skip
    with pytest.raises(UnsupportedSourceError, match="page.schema is 'ocrpipe.page/2'"):
        page_from_dict(data | {"schema": "ocrpipe.page/2"}, Page)


def test_unknown_keys_are_passed_over(page: Page) -> None:
    assert page_from_dict(page.to_dict() | {"note": "by hand"}, Page) == page


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_junk_anywhere_is_a_clear_error_or_a_page(data: st.DataObject) -> None:
    char = Char("x", ((0.0, 1.0),) * 4, 0.5)
    line = Line("x", char.quad, 0.5, (Word("x", char.quad, 0.5, (char,)),))
    tree: Any = page_to_dict(Page(2, 2, (Paragraph((line,), char.quad),)))
    node = tree
    while True:
        key = data.draw(st.sampled_from(list(node) if isinstance(node, dict) else range(len(node))))
        if not isinstance(node[key], (dict, list)) or not node[key] or data.draw(st.booleans()):
            break
        node = node[key]
    if data.draw(st.booleans()):
        node[key] = data.draw(JUNK)
    else:
        del node[key]
    try:
        assert isinstance(page_from_dict(tree, Page), Page)
    except OcrError as error:
        assert str(error).startswith("page")


@pytest.mark.parametrize("junk", [None, [], "page", 3, {}])
def test_what_is_no_page_at_all(junk: Any) -> None:
    with pytest.raises(UnsupportedSourceError):
        page_from_dict(junk, Page)


def test_the_message_says_where(page: Page) -> None:
    data = page.to_dict()
    data["paragraphs"][1]["lines"][0]["quad"][2] = [1, "2"]
    with pytest.raises(UnsupportedSourceError) as caught:
        page_from_dict(data, Page)
    assert str(caught.value) == "page.paragraphs[1].lines[0].quad[2][1] is '2', not a number"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("width", -5),
        ("height", -1),
        ("orientation", 45),
        ("number", 0),
        ("dpi", -1),
        ("dpi", 0),
        ("orientation", True),
    ],
)
def test_numbers_out_of_range_are_named(page: Page, key: str, value: object) -> None:
    with pytest.raises(UnsupportedSourceError, match=f"page.{key} is "):
        Page.from_dict({**page.to_dict(), key: value})


def test_a_page_is_no_sequence_of_pages(page: Page, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"such as \[page\]"):
        save_document(page, tmp_path / "a.json")  # type: ignore[arg-type]


PLAIN = [Line(text, ((0.0, 0.0),) * 4, 1.0, ()) for text in ("a", "b", "c")]
CELLS = st.builds(
    Cell,
    row=st.integers(0, 2),
    column=st.integers(0, 2),
    quad=QUADS,
    lines=some(st.sampled_from(PLAIN)),
    is_header=st.booleans(),
)


@given(some(st.builds(Table, st.integers(3, 5), st.integers(3, 5), some(CELLS), QUADS)))
@settings(max_examples=30, deadline=None)
def test_tables_round_trip(tables: tuple[Table, ...]) -> None:
    """Lines of the page, and "c", which is none of them."""
    paragraph = Paragraph(tuple(PLAIN[:2]), PLAIN[0].quad)
    page = Page(10, 10, (paragraph,), tables=tables)
    again = Page.from_dict(json.loads(page_to_json(page)))
    assert again == page
    on_page = {id(line) for line in again.lines}
    lines = [line for table in again.tables for line in table.lines]
    assert all((id(line) in on_page) == (line.text != "c") for line in lines)


def table_page(page: Page) -> Page:
    quad = page.lines[0].quad
    cells = (Cell(0, 0, quad, page.lines[:1]), Cell(0, 1, quad, page.lines[1:2], is_header=True))
    return replace(page, tables=(Table(1, 2, cells, quad),))


def test_cells_hold_the_numbers_of_lines(page: Page) -> None:
    data = table_page(page).to_dict()
    first, second = data["tables"][0]["cells"]
    assert (first["lines"], second["lines"], second["header"]) == ([0], [1], True)
    data["paragraphs"][0]["lines"][0]["text"] = "corrected"
    corrected = Page.from_dict(data)
    assert corrected.tables[0].cells[0].text == corrected.lines[0].text == "corrected"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("lines", [99], "tables\\[0\\].cells\\[0\\].lines\\[0\\] is 99, not a line of the page"),
        ("column", 2, "a cell within 1 rows and 2 columns"),
        ("row_span", 0, "row_span is 0, not at least 1"),
        ("header", 1, "header is 1, not true or false"),
    ],
)
def test_a_table_that_makes_no_sense(page: Page, key: str, value: object, message: str) -> None:
    data = table_page(page).to_dict()
    data["tables"][0]["cells"][0][key] = value
    with pytest.raises(UnsupportedSourceError, match=message):
        Page.from_dict(data)
