"""What the parts of a page are, and Markdown that a CommonMark parser shows as the page's text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocrpipe.export.markdown import document_to_markdown, escaped_line, page_to_markdown, table_to_gfm
from ocrpipe.export.structure import joined, structure
from ocrpipe.page import Cell, Line, Paragraph, Point, Quad, Table
from ocrpipe.result import Page

MarkdownIt = pytest.importorskip("markdown_it").MarkdownIt  # comes with rich

WIDTH, HEIGHT = 1000, 1400
PROSE = [
    "The old clock above the gate of the town had not",
    "struck for many years, and no one could remem-",
    "ber who had wound it last. In spring a man came",
    "and asked for the key.",
]


def box(left: float, top: float, right: float, bottom: float) -> Quad:
    return (left, top), (right, top), (right, bottom), (left, bottom)


def line(text: str, x: float, y: float, height: float = 20.0) -> Line:
    width = sum(0.5 if char.isascii() else 1.0 for char in text) * height
    return Line(text, box(x, y, x + width, y + height), 1.0, ())


def paragraph(texts: Sequence[str], y: float, x: float = 100, height: float = 20.0) -> Paragraph:
    lines = tuple(line(text, x, y + 1.4 * height * i, height) for i, text in enumerate(texts))
    return Paragraph(lines, box(x, y, x + 500, y + 1.4 * height * len(texts)))


def page(*paragraphs: Paragraph, tables: tuple[Table, ...] = ()) -> Page:
    return Page(WIDTH, HEIGHT, paragraphs, tables=tables)


def table(rows: Sequence[Sequence[str]], *, header: bool = True, y: float = 700) -> Table:
    """A cell for each text, at its row and column."""
    cells = tuple(
        Cell(
            i,
            j,
            box(100 * j, y + 30 * i, 100 * j + 100, y + 30 * i + 30),
            (line(text, 100 * j, y + 30 * i),) if text else (),
            is_header=header and i == 0,
        )
        for i, row in enumerate(rows)
        for j, text in enumerate(row)
    )
    return Table(len(rows), len(rows[0]), cells, box(0, y, 100 * len(rows[0]), y + 30 * len(rows)))


def shown(markdown: str) -> str:
    """Markdown as a parser of GFM tables renders it."""
    return str(MarkdownIt("commonmark").enable("table").render(markdown))


def visible(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def test_every_kind_of_part() -> None:
    rows = [("name", "year"), ("ink", "2019"), ("pen", "2020")]
    grid = table(rows)
    content = page(
        paragraph(["Annals of the clock, 1923"], 30),
        paragraph(["On Clocks"], 120, height=40),
        paragraph(PROSE, 220),
        paragraph(["3.1 The Key of the Gate"], 380),
        paragraph(["• a key of iron", "• a key of brass, which", "was lost"], 440),
        paragraph(["1. first", "2. second"], 560),
        paragraph(["Table 2. Things that were sold"], 650),
        Paragraph(grid.lines, grid.quad),
        paragraph(["* It was found again."], 1250, height=16),
        paragraph(["– 17 –"], 1340),
        tables=(grid,),
    )
    assert [part.kind for part in structure(content)] == [
        "header", "heading", "paragraph", "heading", *["item"] * 4, "caption", "table", "footnote", "number",
    ]  # fmt: skip
    assert page_to_markdown(content) == (
        "<!-- header: Annals of the clock, 1923 -->\n\n"
        "# On Clocks\n\n"
        "The old clock above the gate of the town had not struck for many years, and no one could remember "
        "who had wound it last. In spring a man came and asked for the key.\n\n"
        "### 3.1 The Key of the Gate\n\n"
        "- a key of iron\n- a key of brass, which was lost\n1. first\n2. second\n\n"
        "*Table 2. Things that were sold*\n\n"
        "| name | year |\n| --- | --- |\n| ink | 2019 |\n| pen | 2020 |\n\n"
        "<small>\\* It was found again.</small>\n\n"
        "<!-- number: – 17 – -->\n"
    )


def test_every_line_is_in_one_part(golden_pages: list[Page]) -> None:
    for content in golden_pages:
        parts = structure(content)
        numbers = [i for part in parts for row in part.lines for i in row]
        held = [one for part in parts if part.table for one in part.table.lines]
        assert sorted(numbers) == sorted(set(numbers))
        assert len(numbers) + len(held) == len(content.lines)


@pytest.fixture
def golden_pages() -> list[Page]:
    grid = table([("a", "b"), ("c", "d")])
    lines = (line("above", 100, 600), *grid.lines, line("below", 100, 900))
    return [
        page(),
        page(paragraph(PROSE, 300), paragraph(["12"], 1350)),
        page(Paragraph(lines, box(0, 0, 10, 10)), tables=(grid,)),
        page(paragraph(["1) x", "y", "2) z"], 300), paragraph(["续表 3", *PROSE], 500)),
    ]


def turned(content: Page, degrees: int) -> Page:
    """The page as it lies in an image that has to be turned clockwise by so much to be upright."""

    def place(x: float, y: float) -> Point:
        return {0: (x, y), 90: (y, WIDTH - x), 180: (WIDTH - x, HEIGHT - y), 270: (HEIGHT - y, x)}[degrees]

    def moved(quad: Quad) -> Quad:
        a, b, c, d = (place(x, y) for x, y in quad)
        return a, b, c, d

    paragraphs = tuple(
        Paragraph(tuple(Line(one.text, moved(one.quad), 1.0, ()) for one in each.lines), moved(each.quad))
        for each in content.paragraphs
    )
    width, height = (HEIGHT, WIDTH) if degrees in (90, 270) else (WIDTH, HEIGHT)
    return Page(width, height, paragraphs, degrees)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_places_are_those_on_the_upright_page(degrees: int) -> None:
    upright = page(
        paragraph(["Annals of the clock, 1923"], 30), paragraph(PROSE * 2, 500), paragraph(["23"], 1340)
    )
    assert [part.kind for part in structure(turned(upright, degrees))] == ["header", "paragraph", "number"]
    middle = page(paragraph(PROSE * 2, 200), paragraph(["23"], 700))
    assert [part.kind for part in structure(turned(middle, degrees))] == ["paragraph", "paragraph"]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["one", "two"], "one two"),
        (["remem-", "ber"], "remember"),
        (["soft\u00ad", "ware"], "software"),
        (["COVID-", "19 cases"], "COVID-19 cases"),
        (["Smith-", "Jones"], "Smith-Jones"),
        (["春天的", "时候"], "春天的时候"),
        (["使用", "Python 语言"], "使用 Python 语言"),
        (["完成，", "then"], "完成，then"),
        (["a -", "b"], "a - b"),
        (["", "x", ""], "x"),
    ],
)
def test_lines_are_joined(texts: list[str], expected: str) -> None:
    assert joined(texts) == expected


def test_a_poem_and_an_address_keep_their_lines() -> None:
    texts = ["The sea is wide", "and I cannot", "get over, and neither have I"]
    assert page_to_markdown(page(paragraph(texts, 100))) == "\\\n".join(texts) + "\n"


def test_spans_and_two_headers_are_html() -> None:
    quad = box(0, 0, 1, 1)
    cells = (Cell(0, 0, quad, (line("a | <b>", 0, 0),), column_span=2), Cell(1, 0, quad), Cell(1, 1, quad))
    spanned = Table(2, 2, cells, quad)
    content = page(Paragraph(spanned.lines, quad), tables=(spanned,))
    assert table_to_gfm(spanned) is None
    assert page_to_markdown(content) == (
        '<table>\n<tbody>\n<tr><td colspan="2">a | &lt;b&gt;</td></tr>\n'
        "<tr><td></td><td></td></tr>\n</tbody>\n</table>\n"
    )
    two = table([("a", "b")] * 3)
    headed = tuple(Cell(c.row, c.column, c.quad, c.lines, is_header=c.row < 2) for c in two.cells)
    assert table_to_gfm(Table(3, 2, headed, two.quad)) is None


def test_no_header_is_made_up() -> None:
    assert table_to_gfm(table([("1", "2"), ("3", "4")], header=False)) == (
        "|  |  |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |"
    )


def test_pages_of_a_document() -> None:
    first, second = page(paragraph(["one"], 300)), page(paragraph(["two"], 300))
    second = Page(WIDTH, HEIGHT, second.paragraphs, number=2)
    assert document_to_markdown([first, second]) == "one\n\n<!-- page 2 -->\n\ntwo\n"
    assert document_to_markdown([]) == "" and page_to_markdown(page()) == ""


MARKUP = st.text(st.sampled_from("ab1 .)#*_-+=|\\`~<>[]()!&;:$\"'字，@/"), min_size=1, max_size=14).filter(
    str.strip
)


@given(st.lists(st.lists(MARKUP, min_size=2, max_size=2), min_size=2, max_size=4))
@settings(max_examples=150, deadline=None)
def test_any_text_of_a_cell_is_shown_as_it_is(rows: list[list[str]]) -> None:
    markdown = table_to_gfm(table(rows))
    assert markdown is not None
    html = shown(markdown)
    cells = [visible(cell) for cell in re.findall(r"<t[hd]>(.*?)</t[hd]>", html, re.DOTALL)]
    assert cells == [" ".join(text.split()) for row in rows for text in row]


@given(MARKUP)
@settings(max_examples=300, deadline=None)
def test_any_line_is_shown_as_it_is(text: str) -> None:
    html = shown(escaped_line(text))
    assert html.startswith("<p>") and visible(html) == " ".join(text.split())


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
@settings(max_examples=100, deadline=None)
def test_any_text_can_be_written(text: str) -> None:
    content = page(paragraph([text, text], 300), paragraph([text], 20), *[paragraph(PROSE, 500)] * 2)
    page_to_markdown(content).encode()
