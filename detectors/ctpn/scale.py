"""How high the text on a page is, cheaply: the heights of its connected components."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrpipe.statistics import weighted_median


@dataclass(frozen=True)
class ScaleOptions:
    """How the height of a page's text is measured.

    Attributes:
        max_side: Pixels to which the longer side is shrunk first.
        window: Width of the surroundings, in pixels at that scale, that ink is compared with; odd.
        contrast: Grey levels by which ink is darker than its surroundings.
        line_to_glyph: Height of a line, ascenders and descenders included, over that of its taller glyphs.
        min_glyphs: Glyphs below which there is nothing to measure.
    """

    max_side: int = 2000
    window: int = 51
    contrast: int = 20
    line_to_glyph: float = 1.3
    min_glyphs: int = 4


_DEFAULT = ScaleOptions()


def estimate_text_height(grey: NDArray[np.uint8], options: ScaleOptions = _DEFAULT) -> float | None:
    """Typical height of the lines of text; see ``text_heights``."""
    return text_heights(grey, options)[0]


def text_heights(
    grey: NDArray[np.uint8], options: ScaleOptions = _DEFAULT
) -> tuple[float | None, float | None]:
    """Typical height of the lines of text, and that of the smaller text.

    Letters dominate a page's components at any resolution, so the heights of those of plausible shape give
    their size, whatever the skew; to some ten percent on clean pages, to a factor of two on bad ones. Where
    pictures or coloured cells are taken for letters, they cover more of the page, but are fewer: the second
    height, for which every component counts the same, is that of the letters then.

    Args:
        grey: H×W, uint8, dark text on light or the reverse.
        options: Scale and thresholds.

    Returns:
        Pixels of ``grey``; None where there are too few components, for the second where there are
        none.
    """
    height, shrink = _glyph_heights(grey, options)
    if not len(height):
        return None, None
    smaller = float(np.median(height)) * options.line_to_glyph / shrink
    if len(height) < options.min_glyphs:
        return None, smaller
    # Dots, accents and specks out of the way, the taller letters mark the size.
    typical = weighted_median(height, height)
    height = height[(height > 0.5 * typical) & (height < 3 * typical)]
    tall = float(np.quantile(height, 0.7))
    return tall * options.line_to_glyph / shrink, smaller


def _glyph_heights(grey: NDArray[np.uint8], options: ScaleOptions) -> tuple[NDArray[np.float64], float]:
    """Heights of the components of plausible shape on a page shrunk to ``max_side``, and by what factor."""
    shrink: float = min(1.0, options.max_side / max(grey.shape))
    small = grey
    if shrink < 1:
        size = (max(1, round(grey.shape[1] * shrink)), max(1, round(grey.shape[0] * shrink)))
        small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    if np.median(small) < 128:
        small = 255 - small
    how, kind = cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV
    ink = cv2.adaptiveThreshold(small, 1, how, kind, options.window, options.contrast)
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    width, height, area = stats[1:, 2:].T.astype(float)
    glyphs = (height >= 4) & (height < max(small.shape) / 5) & (width < 6 * height) & (height < 8 * width)
    glyphs &= (area > 0.1 * width * height) & (area >= 8)
    return np.asarray(height[glyphs], np.float64), shrink
