"""Checked against what alto-4-4.xsd says of the elements we use: children in order, attributes, their types.

The schema itself, under CC BY-SA 4.0, is not part of this repository. Where OCRPIPE_ALTO_XSD names a copy,
whose import of xlink.xsd can be resolved, it has the last word.
"""

from __future__ import annotations

import os
import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from ocrpipe.export.alto import document_to_alto
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


CONFIDENCE = r"0\.\d+|1\.0+"
NUMBER = r"-?\d+(\.\d+)?"
TYPES = {
    "ID": r"[A-Za-z_][\w.-]*",
    **dict.fromkeys(("WC", "GC", "PC"), CONFIDENCE),
    **dict.fromkeys(("PHYSICAL_IMG_NR", "ROTATION"), NUMBER),
    **dict.fromkeys(POSITION, r"\d+"),  # floats in the schema; whole pixels are what readers expect
    "LANG": r"[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*",
    **dict.fromkeys(("POINTS", "BASELINE"), r"\d+,\d+( \d+,\d+)+"),
}
TEXTS = {
    "MeasurementUnit": "pixel|mm10|inch1200",
    "processingCategory": "contentGeneration|contentModification|preOperation|postOperation|other",
}


def tag(element: ET.Element) -> str:
    assert element.tag.startswith(NAMESPACE)
    return element.tag.removeprefix(NAMESPACE)


def checked(*pages: Page) -> ET.Element:
    root = ET.fromstring(document_to_alto(pages).encode())
    ids: list[str] = []
    for element in root.iter():
        name = tag(element)
        children, required, optional = RULES[name]
        assert re.fullmatch(children, "".join(f"{tag(child)} " for child in element)), name
        attributes = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
        assert required <= set(attributes) <= required | optional
        for key, value in attributes.items():
            assert re.fullmatch(TYPES.get(key, ".*"), value), (name, key, value)
        assert not children or not (element.text or "").strip()
        assert re.fullmatch(TEXTS.get(name, r"(.|\s)*"), element.text or "")
        if name == "Glyph":
            assert len(attributes["CONTENT"]) == 1
        ids += [attributes["ID"]] if "ID" in attributes else []
    assert len(set(ids)) == len(ids)
    return root


def test_the_schema_itself(page: Page, skewed: Page, turned: tuple[Page, Any]) -> None:
    etree = pytest.importorskip("lxml.etree")
    path = os.environ.get("OCRPIPE_ALTO_XSD")
    if not path:
        pytest.skip("set OCRPIPE_ALTO_XSD to the file alto-4-4.xsd")
    schema = etree.XMLSchema(etree.parse(path))
    for pages in ([page], [skewed], [turned[0]], [page, Page(10, 10), skewed]):
        schema.assertValid(etree.fromstring(document_to_alto(pages).encode()))
    broken = document_to_alto([page]).replace("<PrintSpace", "<Printspace", 1)
    broken = broken.replace("</PrintSpace", "</Printspace", 1)
    assert not schema.validate(etree.fromstring(broken.encode()))


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
