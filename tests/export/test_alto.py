from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from ocrpipe.export.alto import document_to_alto
from ocrpipe.page import Char, Line, Paragraph, Word
from ocrpipe.result import Page

etree = pytest.importorskip("lxml.etree", reason="needs the extra ocrpipe[dev]")

SCHEMAS = Path(__file__).parents[1] / "data" / "schemas"
NAMESPACE = "{http://www.loc.gov/standards/alto/ns-v4#}"


class Local(etree.Resolver):  # type: ignore[misc,name-defined]
    """Finds beside the schema what it imports by address."""

    def resolve(self, url: str, public_id: str | None, context: Any) -> Any:
        return self.resolve_filename(str(SCHEMAS / url.rpartition("/")[2]), context)


def load_schema() -> Any:
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(Local())
    return etree.XMLSchema(etree.parse(SCHEMAS / "alto-4-3.xsd", parser))


SCHEMA = load_schema()


def checked(*pages: Page) -> ET.Element:
    """The document, which the schema admits."""
    data = document_to_alto(pages).encode()
    SCHEMA.assertValid(etree.fromstring(data))
    return ET.fromstring(data)


def test_the_schema_is_at_work(page: Page) -> None:
    for right, wrong in (("PrintSpace", "Printspace"), ('WC="0.', 'WC="7.'), ("string_1_2", "string_1_1")):
        text = document_to_alto([page])
        assert right in text
        assert not SCHEMA.validate(etree.fromstring(text.replace(right, wrong).encode()))


def find(root: ET.Element, name: str) -> list[ET.Element]:
    return list(root.iter(NAMESPACE + name))


def test_content(page: Page) -> None:
    root = checked(page)
    lines = [
        [string.get("CONTENT") for string in line.findall(f"{NAMESPACE}String")]
        for line in find(root, "TextLine")
    ]
    assert lines == [[word.text for word in line.words] for line in page.lines]
    assert len(find(root, "SP")) == sum(len(words) - 1 for words in lines)
    assert [glyph.get("CONTENT") for glyph in find(root, "Glyph")] == [
        c.text for w in page.words for c in w.chars
    ]
    assert [block.get("LANG") for block in find(root, "TextBlock")] == ["zh", "en"]
    assert find(root, "fileName")[0].text == page.source
    (sheet,) = find(root, "Page")
    assert (sheet.get("WIDTH"), sheet.get("HEIGHT"), sheet.get("PHYSICAL_IMG_NR")) == ("400", "300", "3")
    assert {block.get("ROTATION") for block in find(root, "TextBlock")} == {None}


def test_geometry(page: Page) -> None:
    root = checked(page)
    first, second = find(root, "TextLine")[:2]
    assert [first.get(name) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")] == ["40", "40", "200", "20"]
    assert first.get("BASELINE") == "40,60 240,60"
    assert find(first, "Polygon")[0].get("POINTS") == "40,40 240,40 240,60 40,60"
    space = find(second, "SP")[0]
    assert (space.get("HPOS"), space.get("WIDTH")) == ("100", "10")


def test_turned_and_skewed(turned: tuple[Page, Any], skewed: Page) -> None:
    page, _ = turned
    turns = [float(block.get("ROTATION", 0)) for block in find(checked(page), "TextBlock")]
    assert turns == [page.orientation] * 2
    assert {block.get("ROTATION") for block in find(checked(skewed), "TextBlock")} == {"-5.00"}


def test_positions_are_whole_pixels(skewed: Page) -> None:  # the schema has floats, readers expect integers
    names = ("HPOS", "VPOS", "WIDTH", "HEIGHT")
    elements = checked(skewed).iter()
    values = [element.attrib[name] for element in elements for name in names if name in element.attrib]
    assert len(values) > 4 * len(skewed.words) and all(map(str.isdecimal, values))


@pytest.mark.parametrize(
    "words", [(), (Word("e\u0301\0", ((0.0, 0.0),) * 4, 1.0, (Char("e\u0301", ((0.0, 0.0),) * 4, 1),)),)]
)
def test_odd_lines(words: tuple[Word, ...]) -> None:
    quad = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
    root = checked(Page(10, 10, (Paragraph((Line("e\u0301\0", quad, 1.0, words),), quad),)))
    assert find(root, "String")[0].get("CONTENT") == "e\u0301"


def test_several_pages(page: Page, skewed: Page) -> None:
    root = checked(page, Page(10, 10), skewed, page)
    sheets = find(root, "Page")
    assert [len(find(sheet, "TextLine")) for sheet in sheets] == [4, 0, 4, 4]
    assert [sheet.get("ID") for sheet in sheets] == ["page_1", "page_2", "page_3", "page_4"]
    assert not find(root, "fileName")  # they come from several files


def test_empty_pages_and_lines() -> None:
    assert not find(checked(Page(10, 10)), "TextBlock")
    quad = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
    assert not find(checked(Page(10, 10, (Paragraph((Line("", quad, 0.0, ()),), quad),))), "TextLine")
