"""PAGE-XML of 2019-07-15, the exchange format of eScriptorium, Transkribus, OCR-D and other tools.

Schema: http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15/pagecontent.xsd
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from xml.etree import ElementTree as ET

from ocrpipe import _version
from ocrpipe.errors import ConfigError
from ocrpipe.export.parts import clean, language, words
from ocrpipe.page import Line, PageContent, Paragraph, Point, Word

_NAMESPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
_LANGUAGES = {"zh": "Chinese", "en": "English"}
_FIXED_TIME = (
    "1970-01-01T00:00:00Z"  # required by the schema; the real time would make files of equal pages differ
)


def page_to_pagexml(page: PageContent) -> str:
    """The page as an XML document, to be written as UTF-8."""
    root = ET.Element(
        "PcGts",
        {
            "xmlns": _NAMESPACE,
            "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
            "xsi:schemaLocation": f"{_NAMESPACE} {_NAMESPACE}/pagecontent.xsd",
        },
    )
    metadata = ET.SubElement(root, "Metadata")
    for tag, text in (
        ("Creator", f"ocrpipe {_version.__version__}"),
        ("Created", _FIXED_TIME),
        ("LastChange", _FIXED_TIME),
    ):
        ET.SubElement(metadata, tag).text = text
    sheet = ET.SubElement(root, "Page", _page_attributes(page))
    if page.paragraphs:
        order = ET.SubElement(ET.SubElement(sheet, "ReadingOrder"), "OrderedGroup", {"id": "order"})
        for index in range(len(page.paragraphs)):
            reference = {"index": str(index), "regionRef": f"region_{index + 1}"}
            ET.SubElement(order, "RegionRefIndexed", reference)
    line_numbers, word_numbers, glyph_numbers = count(1), count(1), count(1)
    for number, paragraph in enumerate(page.paragraphs, 1):
        region = _add_region(sheet, paragraph, page, number)
        for line in paragraph.lines:
            element = _add_line(region, line, page, next(line_numbers))
            for word in words(line):
                _add_word(element, word, page, next(word_numbers), glyph_numbers)
            _add_text(element, line.text, line.confidence)
        _add_text(region, paragraph.text, paragraph.confidence)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def document_to_pagexml(pages: Sequence[PageContent]) -> str:
    """The single page of a document as an XML document.

    Raises:
        ConfigError: There are several pages or none; the schema has one page a file.
    """
    if len(pages) != 1:
        raise ConfigError(
            f"a PAGE-XML file holds one page, not {len(pages)}; save each page to a file of its own"
        )
    return page_to_pagexml(pages[0])


def _page_attributes(page: PageContent) -> dict[str, str]:
    attributes = {
        "imageFilename": clean(page.source or ""),
        "imageWidth": str(page.width),
        "imageHeight": str(page.height),
        "conf": f"{page.confidence:.4f}",
    }
    if page.dpi:
        resolution = f"{page.dpi:g}"
        attributes |= {"imageXResolution": resolution, "imageYResolution": resolution}
        attributes["imageResolutionUnit"] = "PPI"
    if angle := 180 - (180 - page.orientation - page.skew) % 360:  # within -180..180, clockwise as ours
        attributes["orientation"] = f"{angle:.3f}"
    return attributes


def _add_region(sheet: ET.Element, paragraph: Paragraph, page: PageContent, number: int) -> ET.Element:
    attributes = {"id": f"region_{number}", "type": "paragraph"}
    attributes["primaryLanguage"] = _LANGUAGES[language(paragraph.text)]
    if paragraph.lines and all(line.direction == "vertical" for line in paragraph.lines):
        attributes |= {"readingDirection": "top-to-bottom", "textLineOrder": "right-to-left"}
    region = ET.SubElement(sheet, "TextRegion", attributes)
    _add_points(region, "Coords", paragraph.quad, page)
    return region


def _add_line(region: ET.Element, line: Line, page: PageContent, number: int) -> ET.Element:
    attributes = {"id": f"line_{number}"}
    if line.direction == "vertical":
        attributes["readingDirection"] = "top-to-bottom"
    element = ET.SubElement(region, "TextLine", attributes)
    _add_points(element, "Coords", line.quad, page)
    _add_points(element, "Baseline", (line.quad[3], line.quad[2]), page)
    return element


def _add_word(
    line: ET.Element, word: Word, page: PageContent, number: int, glyph_numbers: count[int]
) -> None:
    element = ET.SubElement(line, "Word", {"id": f"word_{number}"})
    _add_points(element, "Coords", word.quad, page)
    for char in word.chars:
        glyph = ET.SubElement(element, "Glyph", {"id": f"glyph_{next(glyph_numbers)}"})
        _add_points(glyph, "Coords", char.quad, page)
        _add_text(glyph, char.text, char.confidence)
    _add_text(element, word.text, word.confidence)


def _add_points(parent: ET.Element, tag: str, points: Sequence[Point], page: PageContent) -> None:
    """Points rounded to whole pixels and clipped to the page, as the schema requires."""
    inside = ((min(max(round(x), 0), page.width), min(max(round(y), 0), page.height)) for x, y in points)
    ET.SubElement(parent, tag, {"points": " ".join(f"{x},{y}" for x, y in inside)})


def _add_text(parent: ET.Element, text: str, confidence: float) -> None:
    element = ET.SubElement(parent, "TextEquiv", {"conf": f"{confidence:.4f}"})
    ET.SubElement(element, "Unicode").text = clean(text)
