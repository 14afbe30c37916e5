"""ALTO 4.3, an XML format of libraries and archives; files are also valid under the schema of 4.2.

Schema: https://www.loc.gov/standards/alto/v4/alto-4-3.xsd
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from xml.etree import ElementTree as ET

from ocrpipe import _version
from ocrpipe.errors import ConfigError
from ocrpipe.export.parts import Box, box, clean, common_source, language, words
from ocrpipe.page import Direction, Line, PageContent, Point, Word

_NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
_SCHEMA = "http://www.loc.gov/standards/alto/v4/alto-4-3.xsd"


def document_to_alto(pages: Sequence[PageContent]) -> str:
    """The pages as one XML document, a ``Page`` each, to be written as UTF-8.

    Glyphs carry the characters' confidences.

    Raises:
        ConfigError: There is no page, which the schema does not allow.
    """
    if not pages:
        raise ConfigError("an ALTO file needs at least one page")
    alto = ET.Element(
        "alto",
        {
            "xmlns": _NAMESPACE,
            "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
            "xsi:schemaLocation": f"{_NAMESPACE} {_SCHEMA}",
            "SCHEMAVERSION": "4.3",
        },
    )
    _add_description(alto, common_source(pages))
    layout = ET.SubElement(alto, "Layout")
    for index, page in enumerate(pages, 1):
        _add_page(layout, page, index)
    ET.indent(alto)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(alto, encoding="unicode")}\n'


def _add_page(layout: ET.Element, page: PageContent, index: int) -> None:
    size = {"WIDTH": str(page.width), "HEIGHT": str(page.height)}
    attributes = {"ID": f"page_{index}", "PHYSICAL_IMG_NR": str(page.number), **size}
    attributes["PC"] = f"{page.confidence:.4f}"
    sheet = ET.SubElement(layout, "Page", attributes)
    space = ET.SubElement(sheet, "PrintSpace", {"HPOS": "0", "VPOS": "0", **size})
    # the clockwise correction of the page is the counter-clockwise rotation of the text
    rotation = page.orientation + page.skew
    line_numbers, word_numbers = count(1), count(1)
    for number, paragraph in enumerate(page.paragraphs, 1):
        block = _add(space, "TextBlock", f"block_{index}_{number}", box(paragraph.quad, page))
        block.set("LANG", language(paragraph.text))
        if rotation:
            block.set("ROTATION", f"{rotation:.2f}")
        for line in paragraph.lines:
            if line_words := words(line):  # the schema wants a String in every TextLine
                element = _add_line(block, line, page, f"line_{index}_{next(line_numbers)}")
                for word, gap in _with_gaps(line_words, page, line.direction):
                    if gap:
                        ET.SubElement(element, "SP", _position(gap))
                    _add_word(element, word, page, f"string_{index}_{next(word_numbers)}")


def _add_description(alto: ET.Element, source: str | None) -> None:
    description = ET.SubElement(alto, "Description")
    ET.SubElement(description, "MeasurementUnit").text = "pixel"
    if source:
        image = ET.SubElement(description, "sourceImageInformation")
        ET.SubElement(image, "fileName").text = clean(source)
    processing = ET.SubElement(description, "Processing", {"ID": "ocr_1"})
    ET.SubElement(processing, "processingCategory").text = "contentGeneration"
    software = ET.SubElement(processing, "processingSoftware")
    ET.SubElement(software, "softwareName").text = "ocrpipe"
    ET.SubElement(software, "softwareVersion").text = _version.__version__


def _add_line(block: ET.Element, line: Line, page: PageContent, id: str) -> ET.Element:
    element = _add(block, "TextLine", id, box(line.quad, page))
    if line.direction == "vertical":
        element.set("BASEDIRECTION", "ttb")  # and the baseline is the column's left side
    element.set("BASELINE", _points(line.quad[3], line.quad[2]))
    ET.SubElement(ET.SubElement(element, "Shape"), "Polygon", {"POINTS": _points(*line.quad)})
    return element


def _with_gaps(
    line_words: Sequence[Word], page: PageContent, direction: Direction
) -> Iterator[tuple[Word, Box | None]]:
    """Each word of a line and the space before it; ``None`` for the first word."""
    previous: Box | None = None
    for word in line_words:
        current = box(word.quad, page)
        gap = None
        if previous:
            if direction == "vertical":
                top, bottom = sorted((previous.bottom, current.top))
                gap = Box(current.left, top, current.right, bottom)
            else:
                left, right = sorted((previous.right, current.left))
                gap = Box(left, current.top, right, current.bottom)
        yield word, gap
        previous = current


def _add_word(line: ET.Element, word: Word, page: PageContent, id: str) -> None:
    string = _add(line, "String", id, box(word.quad, page))
    string.set("CONTENT", clean(word.text))
    string.set("WC", f"{word.confidence:.4f}")
    for char in word.chars:
        if len(clean(char.text)) == 1:  # all that the schema allows
            attributes = {"CONTENT": char.text, "GC": f"{char.confidence:.4f}"}
            ET.SubElement(string, "Glyph", {**attributes, **_position(box(char.quad, page))})


def _add(parent: ET.Element, tag: str, id: str, bounds: Box) -> ET.Element:
    return ET.SubElement(parent, tag, {"ID": id, **_position(bounds)})


def _position(bounds: Box) -> dict[str, str]:
    left, top, width, height = map(str, (bounds.left, bounds.top, bounds.width, bounds.height))
    return {"HPOS": left, "VPOS": top, "WIDTH": width, "HEIGHT": height}


def _points(*points: Point) -> str:
    return " ".join(f"{round(x)},{round(y)}" for x, y in points)
