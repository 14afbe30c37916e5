"""Direction of a page's text from its ink alone: small skew, and horizontal or vertical lines.

Both search for the angle at which the upper and lower edges of ink align. Ink is what is darker than its
surroundings and of the size of characters, closed so that the strokes of a hanzi are one component. Upper
edge pixels count +1, lower ones -1; at the text's angle their projection has the highest energy (the
differential profile of Postl, "Detection of linear oblique structures and skew scan in digitized documents",
ICPR 1986). Strips of the page are projected separately: the peak is then wide enough for a coarse search, and
columns with different baselines add up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrpipe.errors import ConfigError
from ocrpipe.geometry import Image

Mask = NDArray[np.uint8]
Edges = NDArray[np.float32]
"""3×N: x, y and sign of edge pixels."""


@dataclass(frozen=True, slots=True)
class OrientationOptions:
    """How the direction of a page's text is found.

    Attributes:
        quarter_turns: Detect and undo quarter turns.
        deskew: Detect and undo small skew.
        max_skew: Maximum skew that is undone, in degrees.
        working_side: Pages are scaled down to the area of a square of this side, in pixels, before ink is
            measured.
        ink_window: Width, in pixels at that scale, of the surroundings that ink is compared with; odd.
        ink_contrast: Minimum grey levels by which ink is darker than its surroundings.
        max_stroke: Thicker components, in pixels at that scale, are ignored as pictures or table grids.
        min_edges: Minimum number of edge pixels; with fewer nothing is measured.
        strip: Width of the strips that are projected separately, in pixels at that scale.
        clear_ratio: Minimum ratio of the best angle's energy to the median one; below it, skew is 0.
        runner_up_ratio: Likewise to the highest energy of an angle more than 2 degrees away.
        axis_evidence: Evidence (natural logarithm of a ratio) for horizontal or vertical lines from which the
            turns for the other axis are not tried.
        min_confidence: Mean confidence of a page's characters from which other turns are not tried.
        sample_lines: Maximum number of lines, the longest ones, that are read to compare turns.
        clear_margin: Difference of mean confidences from which a turn is certain; on real pages of either
            script text reads .21 to .65 better upright than upside down.
        clear_characters: Number of characters from which a turn may be certain; fewer may read well upside
            down by chance.
        stay_margin: Minimum advantage of a turn over the page as given, in mean confidence, which is scaled
            down where few characters are read.
        fair_evidence: Confidence, scaled likewise, from which turns that contradict the ink are not tried.
    """

    quarter_turns: bool = True
    deskew: bool = True
    max_skew: float = 15.0
    working_side: int = 1000
    ink_window: int = 31
    ink_contrast: int = 20
    max_stroke: int = 60
    min_edges: int = 60
    strip: float = 200.0
    clear_ratio: float = 2.0
    runner_up_ratio: float = 1.15
    axis_evidence: float = 0.5
    min_confidence: float = 0.85
    sample_lines: int = 8
    clear_margin: float = 0.2
    clear_characters: int = 10
    stay_margin: float = 0.08
    fair_evidence: float = 0.6

    def __post_init__(self) -> None:
        if not 0 < self.max_skew < 45 or self.working_side < 50 or self.sample_lines < 1:
            raise ConfigError(f"options out of range: {self}")
        if self.ink_window < 3 or self.ink_window % 2 == 0 or self.strip <= 0:
            raise ConfigError(f"options out of range: {self}")


_DEFAULT = OrientationOptions()


def estimate_skew(image: Image, options: OrientationOptions = _DEFAULT) -> float:
    """Direction of the text of a page whose lines run roughly from left to right.

    Without clear evidence it is 0.0: the best angle must have twice the energy of the median angle and 1.15
    times that of any other one more than 2° away. Real pages, skewed or not, reach more than 5 and 1.5,
    single lines and sparse tables 2.2 and 1.2; noise, specks and photographs stay below 1.8 and 1.15.

    Args:
        image: H×W×3 RGB or H×W grey, uint8.
        options: Scale, thresholds and limit.

    Returns:
        Degrees within ±``max_skew``, clockwise positive, mostly accurate to 0.1; rotate by its negative to
        undo it.
    """
    return skew_of_ink(text_ink(image, options), options)


def quarter_turns(image: Image, options: OrientationOptions = _DEFAULT) -> tuple[int, ...]:
    """Clockwise turns that may make a page upright, most likely first; see ``turns_of_ink``.

    Args:
        image: H×W×3 RGB or H×W grey, uint8.
        options: Scale and thresholds.
    """
    return turns_of_ink(text_ink(image, options), options)


def skew_of_ink(ink: Mask, options: OrientationOptions = _DEFAULT) -> float:
    """``estimate_skew`` of a page whose ink is known."""
    edges = _edges(ink)
    if edges.shape[1] < options.min_edges:
        return 0.0
    coarse = _coarse(options.max_skew)
    energy = _energy(_sample(edges, 12_000), coarse, options.strip)
    best = float(coarse[energy.argmax()])
    elsewhere = energy[np.abs(coarse - best) > 2.0].max()
    if energy.max() < max(
        options.clear_ratio * float(np.median(energy)), options.runner_up_ratio * elsewhere
    ):
        return 0.0

    edges = _sample(edges, 24_000)
    near = best + np.arange(-0.75, 0.751, 0.15)
    best = float(near[_energy(edges, near, 3 * options.strip).argmax()])
    step = 0.05
    fine = best + np.arange(-0.25, 0.251, step)
    energy = _energy(edges, fine, math.inf)
    top = int(np.clip(energy.argmax(), 1, len(fine) - 2))
    before, peak, after = energy[top - 1 : top + 2]
    bend = before - 2 * peak + after
    vertex = np.clip((before - after) / (2 * bend), -1, 1) if bend < 0 else 0.0
    return float(np.clip(fine[top] + step * vertex, -options.max_skew, options.max_skew))


def turns_of_ink(ink: Mask, options: OrientationOptions = _DEFAULT) -> tuple[int, ...]:
    """Clockwise turns that may make a page upright, most likely first.

    Horizontal and vertical lines, at any skew within ±15°, are distinguished by two measures: the energy of
    the edges' projections on both axes, and whether components of ink, characters merged with their nearest
    neighbours, are wide or tall. Which way up the text is takes reading it.

    Args:
        ink: From ``text_ink``.
        options: Thresholds.

    Returns:
        ``(0, 180)`` or ``(90, 270)`` where the evidence is clear, else all four, the likelier pair first.
    """
    across, down = (_sample(_edges(mask), 8_000) for mask in (ink, np.ascontiguousarray(ink.T)))
    if min(across.shape[1], down.shape[1]) < options.min_edges:
        return 0, 180, 90, 270
    coarse = _coarse(options.max_skew)[::2]
    rows, columns = (_energy(edges, coarse, options.strip) for edges in (across, down))
    evidence = 0.5 * math.log(rows.max() / columns.max()) + _elongation(ink)
    likelier = rows if evidence >= 0 else columns
    if likelier.max() < options.clear_ratio * np.median(likelier):
        return 0, 180, 90, 270
    turns = (0, 180, 90, 270) if evidence >= 0 else (90, 270, 0, 180)
    return turns if abs(evidence) < options.axis_evidence else turns[:2]


def text_ink(image: Image, options: OrientationOptions = _DEFAULT) -> Mask:
    """Ink of the size of characters, and thin rules, as 0 and 1 on a page scaled down.

    Args:
        image: H×W×3 RGB or H×W grey, uint8.
        options: Scale and thresholds.
    """
    height, width = image.shape[:2]
    scale = min(1.0, options.working_side / math.sqrt(height * width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY) if small.ndim == 3 else small
    if np.median(grey) < 96:
        grey = 255 - grey
    window = (options.ink_window, options.ink_window)
    surroundings = cv2.blur(grey, window, borderType=cv2.BORDER_REPLICATE)
    dark = (cv2.subtract(surroundings, grey) > options.ink_contrast).astype(np.uint8)

    # Pictures, table grids and the dark borders of a scan are too thick, or touch the edge.
    _, labels, stats, _ = cv2.connectedComponentsWithStats(dark, connectivity=8)
    x, y, w, h, area = stats.T
    thickness = np.minimum(w, h)
    inside = (x > 0) & (y > 0) & (x + w < size[0]) & (y + h < size[1])
    keep = inside & (thickness <= options.max_stroke) & (area >= 4)
    keep[0] = False
    if not keep.any():
        return np.zeros_like(dark)
    order = np.argsort(thickness[keep])
    fraction = np.cumsum(area[keep][order]) / area[keep].sum()
    gap = max(1, round(0.4 * thickness[keep][order][np.searchsorted(fraction, 0.5)]))
    closed = cv2.morphologyEx(keep[labels].astype(np.uint8), cv2.MORPH_CLOSE, np.ones((gap, gap), np.uint8))
    return np.asarray(closed, dtype=np.uint8)


def _coarse(limit: float) -> NDArray[np.float64]:
    """Angles of the coarse search in degrees, one degree beyond the limit."""
    return np.arange(-limit - 1, limit + 1.01, 0.5)


def _edges(ink: Mask) -> Edges:
    """Upper (+1) and lower (-1) edge pixels, jittered by up to half a pixel to avoid a bias to 0°."""
    change = np.diff(ink.astype(np.int8), axis=0, prepend=0, append=0)
    y, x = np.nonzero(change)
    jitter = np.random.default_rng(0).random((2, len(x)), dtype=np.float32) + 0.5
    return np.stack([x + jitter[0], y + jitter[1], change[y, x].astype(np.float32)])


def _sample(edges: Edges, count: int) -> Edges:
    """At most ``count`` edge pixels, evenly spaced in the array."""
    number = edges.shape[1]
    return edges if number <= count else edges[:, np.linspace(0, number - 1, count).astype(int)]


def _energy(edges: Edges, angles: NDArray[np.float64], strip: float) -> NDArray[np.float64]:
    """Energy of the projection at each angle, over strips of a width; 1.0 if no edges align."""
    x, y, sign = edges
    energy = []
    for angle in np.radians(angles):
        across = (y * math.cos(angle) - x * math.sin(angle)).astype(np.int32)
        along = ((x * math.cos(angle) + y * math.sin(angle)) / strip).astype(np.int32)
        across -= across.min()
        bins = across + (along - along.min()) * (int(across.max()) + 1)
        energy.append(float((np.bincount(bins, weights=sign) ** 2).sum()) / len(sign))
    return np.array(energy)


def _elongation(ink: Mask) -> float:
    """Mean logarithm of width over height of the components, weighted by the root of their box's area."""
    stats = cv2.connectedComponentsWithStats(ink, connectivity=8)[2][1:]
    w, h = stats[:, cv2.CC_STAT_WIDTH].astype(float), stats[:, cv2.CC_STAT_HEIGHT].astype(float)
    weight = np.sqrt(w * h)
    return float((np.clip(np.log(w / h), -1.5, 1.5) * weight).sum() / weight.sum())
