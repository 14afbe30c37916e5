"""Characters at the ends of a column that a detector left out.

Its proposals follow the bulk of a line and may stop short of a first or last character that is small or
stands a little apart. Ink that goes on along the column at the distance of a character belongs to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrpipe.detectors.base import TextLine
from ocrpipe.geometry import Image, quad_size, rectify, span_quad, turn
from ocrpipe.stages.glyph_cells import CellOptions, column_ink
from ocrpipe.stages.vertical import VerticalOptions

_RULED = 0.85  # fraction of a row that is ink where it is a rule across the column
_LARGEST = 1.3  # height of a character at most, in widths of a column
_CONTRAST = 48  # grey levels between the darkest and the lightest pixel where there may be ink
_SMALLEST = 0.35  # width or height of one at least


def with_ends(
    grey: Image,
    columns: Sequence[TextLine],
    others: Sequence[TextLine],
    options: VerticalOptions,
    cells: CellOptions,
) -> list[TextLine]:
    """Columns with what was left out at their ends.

    Args:
        grey: The level view, H×W, uint8.
        columns: In its coordinates.
        others: Horizontal lines, which belong to no column.
        options: How far away the next character may be, and how far is looked.
        cells: How ink is told from rules.
    """
    rest = grey.copy()
    paper = int(np.median(grey))
    for line in (*columns, *others):
        cv2.fillPoly(rest, [np.round(np.asarray(line.crop or line.quad)).astype(np.int32)], paper)
    result = []
    for line in columns:
        quad = line.crop or line.quad
        length, width = quad_size(quad)
        room = options.end_reach * width / max(length, 1.0)
        upright = turn(rectify(rest, span_quad(quad, -room, 1 + room)), 90)
        ink, _ = (
            column_ink(upright, cells) if np.ptp(upright) >= _CONTRAST else (np.zeros_like(upright), None)
        )
        first, last = round(options.end_reach * width), len(ink) - round(options.end_reach * width)
        before = _walk(ink[:first][::-1], width, options.max_break, cells.blank)
        after = _walk(ink[last:], width, options.max_break, cells.blank)
        if before or after:
            start, end = -before / length, 1 + after / length
            line = TextLine(
                span_quad(line.quad, start, end), line.score, line.crop and span_quad(line.crop, start, end)
            )
        result.append(line)
    return result


def _walk(ink: NDArray[np.uint8], width: float, max_break: float, blank: float) -> int:
    """How many rows, from the first one on, characters go on for."""
    rows = ink.mean(axis=1) if ink.size else np.zeros(0)
    reach = at = 0
    while at < len(rows):
        start = at
        while start < len(rows) and rows[start] <= blank:
            start += 1
        end = start
        while end < len(rows) and blank < rows[end] < _RULED:
            end += 1
        if start - at > max_break * width or end >= len(rows) or rows[end] >= _RULED:
            break  # too far away, or it goes on beyond what is looked at
        across = np.flatnonzero(ink[start:end].any(axis=0))
        extent = max(end - start, int(across[-1] - across[0]) + 1 if len(across) else 0)
        if end - start > _LARGEST * width or extent < _SMALLEST * width:
            break
        reach = at = end
    return reach
