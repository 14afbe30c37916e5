"""A page as the tree of elements that OCRmyPDF renders as its invisible text layer.

Its renderer sets each line's words along a baseline, in a font as large as the height of the line's box above
that baseline, and stretches each word to its box. It adds a space after a word unless that word and the next
are hanzi: therefore a word without spaces stays one word here.
"""

from __future__ import annotations

import math

import numpy as np
from ocrmypdf import Baseline, BoundingBox, OcrClass, OcrElement

from ocrpipe.export.parts import clean, language, words
from ocrpipe.geometry import apply, quad_angle, quad_size, turn_matrix
from ocrpipe.page import Line, PageContent, Paragraph, Quad, Word

_DESCENT = 0.215
"""Fraction of a line's height below its baseline, as in Noto Sans, the renderer's font: the glyph cells then
cover the line."""

_LANGUAGES = {"en": "eng", "zh": "chi_sim"}


def page_to_tree(page: PageContent, number: int = 0) -> OcrElement:
    """The page as an ``ocr_page`` of paragraphs, lines and words, in pixels of the page's image.

    Args:
        page: What was read; the renderer computes the page size from its ``dpi``.
        number: 0-based number of the page in the PDF.
    """
    return OcrElement(
        OcrClass.PAGE,
        BoundingBox(0, 0, page.width, page.height),
        children=[_paragraph(paragraph) for paragraph in page.paragraphs],
        dpi=page.dpi,
        page_number=number,
    )


def _paragraph(paragraph: Paragraph) -> OcrElement:
    lines = [_line(line) for line in paragraph.lines if words(line)]
    return OcrElement(OcrClass.PARAGRAPH, _box(paragraph.quad), children=lines, direction="ltr")


def _line(line: Line) -> OcrElement:
    """A line; its direction is given as a quarter turn and the remaining slope."""
    angle = quad_angle(line.quad)
    turned = round(angle / 90) * 90
    slope = math.tan(math.radians(angle - turned))
    height = quad_size(line.quad)[1]
    return OcrElement(
        OcrClass.LINE,
        _line_box(line.quad, turned, slope, height),
        confidence=line.confidence,
        children=[_word(word) for word in words(line)],
        direction="ltr",
        language=_LANGUAGES[language(line.text)],
        baseline=Baseline(slope, -_DESCENT * height),
        textangle=-turned % 360,  # counter-clockwise
    )


def _word(word: Word) -> OcrElement:
    return OcrElement(OcrClass.WORD, _box(word.quad), text=clean(word.text), confidence=word.confidence)


def _line_box(quad: Quad, turned: int, slope: float, height: float) -> BoundingBox:
    """A box as long as the line and as high as its text, at the start of the line.

    The bounding box of a sloping line is higher than its text, and the font would be too large.
    """
    level = apply(turn_matrix(0, 0, -turned), quad)
    left, right = (edge([x for x, _ in level]) for edge in (min, max))
    corner_x, corner_y = level[3]
    bottom = corner_y + slope * (left - corner_x)
    box = ((left, bottom - height), (right, bottom - height), (right, bottom), (left, bottom))
    return _box(apply(turn_matrix(0, 0, turned), box))


def _box(quad: Quad) -> BoundingBox:
    (left, top), (right, bottom) = np.min(quad, axis=0).tolist(), np.max(quad, axis=0).tolist()
    return BoundingBox(left, top, right, bottom)
