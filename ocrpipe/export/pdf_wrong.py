"""Whether the visible text of a PDF page is stored correctly, by comparison with recognised text."""

from __future__ import annotations

import numpy as np
from rapidfuzz.distance import Levenshtein

from ocrpipe.characters import folded, is_plausible
from ocrpipe.export.pdf_text import Placing
from ocrpipe.export.pdf_visible import VisibleText
from ocrpipe.page import PageContent

_MAX_IMPLAUSIBLE = 0.5  # fraction of implausible characters above which the text is wrong
_MIN_CONFIDENCE = 0.8  # of lines that are compared
_MIN_COMPARED = 12  # characters
_MIN_SIMILARITY = 0.4  # below it the text is wrong; correct text has over .8


def is_wrong(page: PageContent, visible: VisibleText, place: Placing) -> bool:
    """Whether a page's visible text differs from the text recognised at the same position.

    Fonts without a Unicode map, or with a scrambled one, give control characters or wrong letters.

    Args:
        page: What was read.
        visible: The page's visible text.
        place: The map from the page's image to the PDF page.
    """
    if not visible.text:
        return False
    if np.mean([is_plausible(char) for char in visible.text]) < 1 - _MAX_IMPLAUSIBLE:
        return True
    x = (visible.boxes[:, 0] + visible.boxes[:, 2]) / 2
    y = (visible.boxes[:, 1] + visible.boxes[:, 3]) / 2
    compared, similar = 0, 0.0
    for line in page.lines:
        recognized = folded(line.text)
        if line.confidence < _MIN_CONFIDENCE or len(recognized) < 3:
            continue
        corners = np.array([place(corner) for corner in line.quad])
        (left, bottom), (right, top) = corners.min(axis=0), corners.max(axis=0)
        inside = np.flatnonzero((left <= x) & (x <= right) & (bottom <= y) & (y <= top))
        if not len(inside) or len(inside) < len(recognized) / 4:  # a stamp or a few drawn letters
            continue
        by_order = folded("".join(visible.text[index] for index in inside))
        by_place = folded(
            "".join(visible.text[index] for index in inside[np.argsort(x[inside], kind="stable")])
        )
        compared += len(recognized)
        similar += len(recognized) * max(
            Levenshtein.normalized_similarity(recognized, own) for own in (by_order, by_place)
        )
    return compared >= _MIN_COMPARED and similar < _MIN_SIMILARITY * compared
