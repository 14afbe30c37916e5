"""hOCR 1.2, structured like Tesseract's, which hocr-tools and OCRmyPDF read.

Lines are children of ``p.ocr_par``: OCRmyPDF's parser ignores any others. Boxes are whole pixels; a line's
slope goes into ``baseline``, the direction of a line that does not run from left to right into ``textangle``.
Columns of vertical text have neither, but the style ``writing-mode: vertical-rl``, on the line and, where all
lines of a paragraph are such, on that.
The specification wants boxes of lines, and of paragraphs, that hardly overlap: overlapping ones are trimmed.

Specification: http://kba.github.io/hocr-spec/1.2/
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import count
from xml.etree import ElementTree as ET

from ocrpipe import _version
from ocrpipe.export.parts import Box, box, clean, common_source, language, separated, words
from ocrpipe.page import Line, PageContent, Quad

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" '
    '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\n'
)
_VERTICAL = "writing-mode: vertical-rl"
_CAPABILITIES = "ocr_page ocr_par ocr_line ocrx_word ocrp_lang"


def page_to_hocr(page: PageContent) -> str:
    """The page as an XHTML document, to be written as UTF-8."""
    return document_to_hocr((page,))


def document_to_hocr(pages: Sequence[PageContent]) -> str:
    """The pages as one XHTML document, an ``ocr_page`` each, to be written as UTF-8."""
    text = "\n".join(page.text for page in pages)
    html = ET.Element("html", {"xmlns": "http://www.w3.org/1999/xhtml", "lang": language(text)})
    head = ET.SubElement(html, "head")
    ET.SubElement(head, "title").text = clean(common_source(pages) or "ocrpipe")
    for name, content in (
        ("ocr-system", f"ocrpipe {_version.__version__}"),
        ("ocr-capabilities", _CAPABILITIES),
        ("ocr-number-of-pages", str(len(pages))),
    ):
        ET.SubElement(head, "meta", {"name": name, "content": content})
    body = ET.SubElement(html, "body")
    body.text = "\n"
    for index, page in enumerate(pages, 1):
        _add_page(body, page, index)
    ET.indent(html)
    return f"{_HEAD}{ET.tostring(html, encoding='unicode')}\n"


def _add_page(body: ET.Element, page: PageContent, index: int) -> None:
    properties = [f"bbox 0 0 {page.width} {page.height}", f"ppageno {page.number - 1}"]
    if page.source:
        quotable = clean(page.source).translate({ord('"'): "%22", ord(";"): "%3B"})
        properties.insert(0, f'image "{quotable}"')
    if page.dpi:
        properties.append(f"scan_res {round(page.dpi)} {round(page.dpi)}")
    div = _add(body, "div", "ocr_page", f"page_{index}", properties)
    div.text = "\n"  # an empty page would be <div />, which HTML parsers take for an open tag
    line_numbers, word_numbers = count(1), count(1)
    line_boxes = iter(separated([box(line.quad, page) for line in page.lines]))
    boxes = separated([box(paragraph.quad, page) for paragraph in page.paragraphs])
    for number, (paragraph, bounds) in enumerate(zip(page.paragraphs, boxes, strict=True), 1):
        p = _add(div, "p", "ocr_par", f"par_{index}_{number}", [_bbox(bounds)])
        p.set("lang", language(paragraph.text))
        p.set("dir", "ltr")
        if paragraph.lines and all(line.direction == "vertical" for line in paragraph.lines):
            p.set("style", _VERTICAL)
        p.text = "\n"
        for line in paragraph.lines:
            id = f"line_{index}_{next(line_numbers)}"
            span = _add(p, "span", "ocr_line", id, _line_properties(line, next(line_boxes)))
            if line.direction == "vertical":
                span.set("style", _VERTICAL)
            span.text = "\n"
            for word in words(line):
                id = f"word_{index}_{next(word_numbers)}"
                title = [_bbox(box(word.quad, page)), f"x_wconf {round(100 * word.confidence)}"]
                _add(span, "span", "ocrx_word", id, title).text = clean(word.text)


def _add(parent: ET.Element, tag: str, kind: str, id: str, properties: list[str]) -> ET.Element:
    return ET.SubElement(parent, tag, {"class": kind, "id": id, "title": "; ".join(properties)})


def _bbox(bounds: Box) -> str:
    return f"bbox {bounds.left} {bounds.top} {bounds.right} {bounds.bottom}"


def _line_properties(line: Line, bounds: Box) -> list[str]:
    from ocrpipe.geometry import quad_angle  # here, since it brings OpenCV

    size = f"x_size {math.dist(line.quad[0], line.quad[3]):.1f}"
    if line.direction == "vertical":
        return [_bbox(bounds), size]
    angle = quad_angle(line.quad)
    # textangle is counter-clockwise
    direction = _baseline(line.quad, bounds) if abs(angle) < 45 else f"textangle {-angle % 360:.1f}"
    return [_bbox(bounds), direction, size]


def _baseline(quad: Quad, bounds: Box) -> str:
    """The quad's lower side: slope, and offset in pixels from the bottom left corner of its box."""
    _, _, (right, right_y), (left, left_y) = quad
    slope = (right_y - left_y) / (right - left) if right != left else 0.0
    offset = left_y + slope * (bounds.left - left) - bounds.bottom
    return f"baseline {round(slope, 4) or 0:.4f} {round(offset)}"
