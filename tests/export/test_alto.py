"""Checked against the parts of alto-4-4.xsd that we use: children in order, attributes, their types."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from ocrpipe.export.alto import page_to_alto
from ocrpipe.page import Char, Line, Page, Paragraph, Word

NAMESPACE = "{http://www.loc.gov/standards/alto/ns-v4#}"
POSITION = {"HPOS", "VPOS", "WIDTH", "HEIGHT"}

# Element: its children as a pattern, required attributes, optional ones.
RULES: dict[str, tuple[str, set[str], set[str]]] = {
    "alto": ("(Description )?Layout ", set(), {"SCHEMAVERSION", "schemaLocation"}),
    "Description": ("MeasurementUnit (sourceImageInformation )?(Processing )*", set(), set()),
    "MeasurementUnit": ("", set(), set()),
    "sourceImageInformation": ("(fileName )?", set(), set()),
    "fileName": ("", set(), set()),
    "Processing": ("(processingCategory )?(processingSoftware )?", {"ID"}, set()),
    "processingCategory": ("", set(), set()),
    "processingSoftware": ("(softwareName )?(softwareVersion )?", set(), set()),
    "softwareName": ("", set(), set()),
    "softwareVersion": ("", set(), set()),
    "Layout": ("(Page )+", set(), set()),
    "Page": ("(PrintSpace )?", {"ID", "PHYSICAL_IMG_NR"}, {"WIDTH", "HEIGHT", "PC", "ROTATION"}),
    "PrintSpace": ("(TextBlock )*", set(), POSITION),
    "TextBlock": ("(Shape )?(TextLine )*", {"ID"}, POSITION | {"LANG"}),
    "TextLine": ("(Shape )?(String (SP )?)+", set(), POSITION | {"ID", "BASELINE"}),
    "Shape": ("Polygon ", set(), set()),
    "Polygon": ("", {"POINTS"}, set()),
    "String": ("(Shape )?(Glyph )*", {"CONTENT"}, POSITION | {"ID", "WC"}),
    "SP": ("", set(), POSITION),
    "Glyph": ("(Shape )?", {"CONTENT"}, POSITION | {"ID", "GC"}),
}


def tag(element: ET.Element) -> str:
    assert element.tag.startswith(NAMESPACE)
    return element.tag.removeprefix(NAMESPACE)


def checked(page: Page) -> ET.Element:
    root = ET.fromstring(page_to_alto(page).encode())
    ids: list[str] = []
    for element in root.iter():
        children, required, optional = RULES[tag(element)]
        assert re.fullmatch(children, "".join(f"{tag(child)} " for child in element)), tag(element)
        attributes = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
        assert required <= set(attributes) <= required | optional
        for name in POSITION & set(attributes):
            assert int(attributes[name]) >= 0
        for name in {"WC", "GC", "PC"} & set(attributes):
            assert 0 <= float(attributes[name]) <= 1
        if tag(element) == "Glyph":
            assert len(attributes["CONTENT"]) == 1
        ids += [attributes["ID"]] if "ID" in attributes else []
    assert len(set(ids)) == len(ids) and all(re.fullmatch(r"[A-Za-z_][\w.-]*", id) for id in ids)
    return root


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
    assert sheet.get("ROTATION") is None


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
    (sheet,) = find(checked(page), "Page")
    assert float(sheet.get("ROTATION", 0)) == page.orientation
    assert find(checked(skewed), "Page")[0].get("ROTATION") == "-5.00"


@pytest.mark.parametrize(
    "words", [(), (Word("e\u0301\0", ((0.0, 0.0),) * 4, 1.0, (Char("e\u0301", ((0.0, 0.0),) * 4, 1),)),)]
)
def test_odd_lines(words: tuple[Word, ...]) -> None:
    quad = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
    root = checked(Page(10, 10, (Paragraph((Line("e\u0301\0", quad, 1.0, words),), quad),)))
    assert find(root, "String")[0].get("CONTENT") == "e\u0301"


def test_empty_pages_and_lines() -> None:
    assert not find(checked(Page(10, 10)), "TextBlock")
    quad = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
    assert not find(checked(Page(10, 10, (Paragraph((Line("", quad, 0.0, ()),), quad),))), "TextLine")
