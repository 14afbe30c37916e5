"""ALTO 4.4, the XML of libraries and archives.

Schema: https://www.loc.gov/standards/alto/v4/alto-4-4.xsd
"""

from __future__ import annotations

from itertools import count
from xml.etree import ElementTree as ET

import ocrpipe
from ocrpipe.export.parts import Box, box, clean, language, words
from ocrpipe.page import Line, Page, Point, Word

_NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
_SCHEMA = "http://www.loc.gov/standards/alto/v4/alto-4-4.xsd"


def page_to_alto(page: Page) -> str:
    """The page as an XML document, to be written as UTF-8; glyphs carry the characters' confidences."""
    alto = ET.Element(
        "alto",
        {
            "xmlns": _NAMESPACE,
            "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
            "xsi:schemaLocation": f"{_NAMESPACE} {_SCHEMA}",
            "SCHEMAVERSION": "4.4",
        },
    )
    _add_description(alto, page)
    size = {"WIDTH": str(page.width), "HEIGHT": str(page.height)}
    attributes = {"ID": "page_1", "PHYSICAL_IMG_NR": str(page.number), **size, "PC": f"{page.confidence:.4f}"}
    if turn := page.orientation + page.skew:
        attributes["ROTATION"] = f"{turn:.2f}"  # ours turns the page upright, ALTO's the text away from it
    sheet = ET.SubElement(ET.SubElement(alto, "Layout"), "Page", attributes)
    space = ET.SubElement(sheet, "PrintSpace", {"HPOS": "0", "VPOS": "0", **size})
    line_numbers, word_numbers = count(1), count(1)
    for number, paragraph in enumerate(page.paragraphs, 1):
        block = _add(space, "TextBlock", f"block_{number}", box(paragraph.quad, page))
        block.set("LANG", language(paragraph.text))
        for line in paragraph.lines:
            _add_line(block, line, page, next(line_numbers), word_numbers)
    ET.indent(alto)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(alto, encoding="unicode")}\n'


def _add_description(alto: ET.Element, page: Page) -> None:
    description = ET.SubElement(alto, "Description")
    ET.SubElement(description, "MeasurementUnit").text = "pixel"
    if page.source:
        source = ET.SubElement(description, "sourceImageInformation")
        ET.SubElement(source, "fileName").text = clean(page.source)
    processing = ET.SubElement(description, "Processing", {"ID": "ocr_1"})
    ET.SubElement(processing, "processingCategory").text = "contentGeneration"
    software = ET.SubElement(processing, "processingSoftware")
    ET.SubElement(software, "softwareName").text = "ocrpipe"
    ET.SubElement(software, "softwareVersion").text = ocrpipe.__version__


def _add_line(block: ET.Element, line: Line, page: Page, number: int, word_numbers: count[int]) -> None:
    pieces = words(line)
    if not pieces:
        return  # the schema wants a String in every TextLine
    element = _add(block, "TextLine", f"line_{number}", box(line.quad, page))
    element.set("BASELINE", _points(line.quad[3], line.quad[2]))
    ET.SubElement(ET.SubElement(element, "Shape"), "Polygon", {"POINTS": _points(*line.quad)})
    end: Box | None = None
    for word in pieces:
        at = box(word.quad, page)
        if end is not None:
            gap = Box(min(end.right, at.left), at.top, max(end.right, at.left), at.bottom)
            ET.SubElement(element, "SP", _position(gap))
        _add_word(element, word, page, next(word_numbers))
        end = at


def _add_word(line: ET.Element, word: Word, page: Page, number: int) -> None:
    string = _add(line, "String", f"string_{number}", box(word.quad, page))
    string.set("CONTENT", clean(word.text))
    string.set("WC", f"{word.confidence:.4f}")
    for char in word.chars:
        if len(clean(char.text)) == 1:  # all that the schema allows
            attributes = {"CONTENT": char.text, "GC": f"{char.confidence:.4f}"}
            ET.SubElement(string, "Glyph", {**attributes, **_position(box(char.quad, page))})


def _add(parent: ET.Element, tag: str, id: str, at: Box) -> ET.Element:
    return ET.SubElement(parent, tag, {"ID": id, **_position(at)})


def _position(at: Box) -> dict[str, str]:
    return {"HPOS": str(at.left), "VPOS": str(at.top), "WIDTH": str(at.width), "HEIGHT": str(at.height)}


def _points(*points: Point) -> str:
    return " ".join(f"{round(x)},{round(y)}" for x, y in points)
