"""Tesseract as a recogniser: the crops of a page in one or several processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ocrpipe.engines.tesseract.program import Glyph, Tesseract, TesseractLine
from ocrpipe.errors import ConfigError
from ocrpipe.recognizers.base import CharSpan, Recognition

# Page segmentation modes. "7" searches the crop for a line and may find none with a single letter; "13" takes
# the whole crop for the line and may read bars and dashes in wide margins.
_LINE = "7"
_RAW_LINE = "13"


class TesseractRecognizer:
    """Reads crops with the system's Tesseract; an instance may be used by several threads.

    Spans and confidences of characters are Tesseract's; older versions output both for words only, whose
    width is then divided evenly, each character having the word's confidence.

    Args:
        languages: Such as "chi_sim+eng", the default as far as installed.
        threads: Maximum concurrent processes of a call; by default as many as there are cores.

    Raises:
        MissingExtraError: The program or the data of a language is missing.
        ConfigError: ``threads`` is less than 1.
    """

    def __init__(self, languages: str | None = None, *, threads: int | None = None) -> None:
        self._tesseract = Tesseract(languages, threads)

    def recognize(self, crops: Sequence[NDArray[np.uint8]]) -> Sequence[Recognition]:
        """Read crops of single lines; see ``ocrpipe.recognizers.base.Recognizer``.

        Raises:
            ConfigError: A crop has no pixels.
            PluginError: The program failed.
        """
        for i, crop in enumerate(crops):
            if not crop.size:
                raise ConfigError(f"crop {i} has no pixels")
        results = [Recognition("", ())] * len(crops)
        pending = [i for i, crop in enumerate(crops) if np.ptp(crop) > 0]  # it reads dashes in blank crops
        for mode in (_LINE, _RAW_LINE):
            pages = self._tesseract.read(
                [crops[i] for i in pending], "--psm", mode, "-c", "hocr_char_boxes=1"
            )
            for i, lines in zip(pending, pages, strict=True):
                results[i] = _recognition(lines, crops[i].shape[1])
            pending = [i for i in pending if not results[i].text]
        return tuple(results)


def _recognition(lines: Iterable[TesseractLine], width: int) -> Recognition:
    chars: list[CharSpan] = []
    for word in (word for line in lines for word in line.words):
        spans = [span for glyph in word for span in _spans(glyph, width)]
        if chars:
            last, following = chars[-1], spans[0]
            ends = sorted((last.end, following.start))
            chars.append(CharSpan(" ", min(last.confidence, following.confidence), ends[0], ends[1]))
        chars += spans
    return Recognition("".join(char.text for char in chars), tuple(chars))


def _spans(glyph: Glyph, width: int) -> Iterator[CharSpan]:
    left, right = (min(max(x, 0.0), float(width)) for x in (glyph.box[0], glyph.box[2]))
    step = (right - left) / len(glyph.text)
    for i, text in enumerate(glyph.text):
        yield CharSpan(text, glyph.confidence, left + i * step, left + (i + 1) * step)
