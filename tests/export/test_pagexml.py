from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from ocrpipe.errors import ConfigError
from ocrpipe.export import document_bytes
from ocrpipe.page import Char, Line, Paragraph, Word
from ocrpipe.result import Page

etree = pytest.importorskip("lxml.etree", reason="needs the extra ocrpipe[dev]")

SCHEMA = Path(__file__).parents[1] / "data" / "schemas" / "pagecontent-2019-07-15.xsd"
NAMESPACE = "{http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15}"


@pytest.fixture(scope="module")
def schema() -> Any:
    return etree.XMLSchema(etree.parse(SCHEMA))


def checked(page: Page, schema: Any) -> ET.Element:
    data = document_bytes([page], "pagexml")
    schema.assertValid(etree.fromstring(data))
    return ET.fromstring(data)


def texts(root: ET.Element, name: str) -> list[str | None]:
    path = f"{NAMESPACE}TextEquiv/{NAMESPACE}Unicode"
    return [element.findtext(path) for element in root.iter(NAMESPACE + name)]


def test_content(page: Page, schema: Any) -> None:
    root = checked(page, schema)
    assert texts(root, "TextRegion") == [paragraph.text for paragraph in page.paragraphs]
    assert texts(root, "TextLine") == [line.text for line in page.lines]
    assert texts(root, "Word") == [word.text for word in page.words]
    assert texts(root, "Glyph") == [char.text for word in page.words for char in word.chars]
    regions = list(root.iter(f"{NAMESPACE}TextRegion"))
    order = [one.get("regionRef") for one in root.iter(f"{NAMESPACE}RegionRefIndexed")]
    assert order == [region.get("id") for region in regions]
    assert [region.get("primaryLanguage") for region in regions] == ["Chinese", "English"]
    line = next(root.iter(f"{NAMESPACE}TextLine"))
    assert line[0].get("points") == "40,40 240,40 240,60 40,60" and line[1].get("points") == "40,60 240,60"
    sheet = root[1]
    assert sheet.get("imageFilename") == page.source and sheet.get("orientation") is None


def test_turned_and_skewed_pages(turned: tuple[Page, Any], skewed: Page, schema: Any) -> None:
    page, _ = turned
    expected = {0: None, 90: "90.000", 180: "180.000", 270: "-90.000"}[page.orientation]
    assert checked(page, schema)[1].get("orientation") == expected
    assert checked(skewed, schema)[1].get("orientation") == "-5.000"


def test_odd_pages(schema: Any) -> None:
    quad = ((-3.0, 0.4), (19.0, 0.0), (9.0, 9.0), (0.0, 9.0))
    char = Char("e\u0301\0", quad, 1.0)
    lines = (
        Line("", quad, 0.0, ()),
        Line("by hand", quad, 1.0, ()),
        Line(char.text, quad, 1.0, (Word(char.text, quad, 1.0, (char,)),)),
    )
    root = checked(Page(10, 10, (Paragraph(lines, quad),)), schema)
    assert texts(root, "Glyph") == ["e\u0301"] and texts(root, "Word") == ["by hand", "e\u0301"]
    assert next(root.iter(f"{NAMESPACE}Coords")).get("points") == "0,0 10,0 9,9 0,9"
    assert not list(checked(Page(10, 10), schema).iter(f"{NAMESPACE}ReadingOrder"))


def test_one_page_a_file(page: Page) -> None:
    assert document_bytes([page], "pagexml") == document_bytes([replace(page)], "pagexml")
    for pages in ([], [page, page]):
        with pytest.raises(ConfigError, match=f"holds one page, not {len(pages)}"):
            document_bytes(pages, "pagexml")
