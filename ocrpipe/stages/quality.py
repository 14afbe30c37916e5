"""Warnings about a page: text that was left out, read with low confidence or too small."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ocrpipe.geometry import quad_size
from ocrpipe.page import PageWarning
from ocrpipe.stages.frame import PageFrame
from ocrpipe.stages.reading import Reading
from ocrpipe.stages.skew import text_ink

# Characters of pages in a script that the models know have a mean confidence of .94 or more, of pages in
# another one, or in unknown hanzi, .23 to .85.
_LOW_CONFIDENCE = 0.88
_MIN_CHARACTERS = 10
_SMALL = 10.0  # pixels of a line's height, ascenders and descenders included; below it characters are guessed
_MIN_INK = 20  # pixels of ink at the scale of ``text_ink``, below which a page counts as blank


def page_warnings(
    frame: PageFrame, kept: Sequence[Reading], rejected: Sequence[Reading]
) -> tuple[PageWarning, ...]:
    """Warnings about a page.

    Args:
        frame: The page.
        kept: Lines that are in the result.
        rejected: Lines of text that were read with low confidence.
    """
    warnings = []
    if not kept and (rejected or has_ink(frame)):
        warnings.append(PageWarning("ink-no-text", "there is ink on the page, but no text was read"))
    chars = (char for reading in (*kept, *rejected) for char in reading.recognition.chars)
    confidences = [char.confidence for char in chars if not char.text.isspace()]
    mean = sum(confidences) / len(confidences) if confidences else 1.0
    if len(confidences) >= _MIN_CHARACTERS and mean < _LOW_CONFIDENCE:
        message = (
            f"much of the page reads badly, with a mean confidence of {mean:.2f}: "
            "a script that is not supported, handwriting or a poor image"
        )
        warnings.append(PageWarning("low-confidence", message))
    small = sum(quad_size(reading.line.crop or reading.quad)[1] < _SMALL for reading in kept)
    if 2 * small > len(kept):
        message = f"the text is small: {_lines(small)} under {_SMALL:g} px high; a higher resolution helps"
        warnings.append(PageWarning("small-text", message, small))
    if rejected:
        message = f"{_lines(len(rejected))} left out, read with too little confidence"
        warnings.append(PageWarning("lines-left-out", message, len(rejected)))
    return tuple(warnings)


def has_ink(frame: PageFrame) -> bool:
    """Whether anything on the page may be text."""
    return int(np.count_nonzero(text_ink(frame.image))) >= _MIN_INK


def _lines(count: int) -> str:
    return f"{count} line{'s' * (count != 1)}"
