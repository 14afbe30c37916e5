"""A pen that writes strokes with a writer's habits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrpipe.synthesis.line_drawing import Mask
from ocrpipe.synthesis.pen_strokes import Stroke

Rng = np.random.Generator
Points = NDArray[np.float32]

_SHIFT = 4
"""Fractional bits of the coordinates that are drawn."""
_LARGE = 34
"""Pixels of a character from which corners are cut a second time."""


@dataclass(frozen=True)
class Writer:
    """Habits of a writer; lengths are in ems.

    Attributes:
        pen: Width of the strokes.
        pressure: How much the width varies along a stroke, 0 … 1.
        slant: Shift to the right per height.
        climb: How much horizontal strokes rise to the right.
        proportions: Width of a hanzi over its height.
        joins: Probability that the pen stays on the paper between two strokes near to each other.
        haste: How far corners are cut, 0 … 1.
        unsteady: Standard deviation of a stroke's place and size.
        spacing: Space after a hanzi.
        wander: How far the baseline strays.
    """

    pen: float
    pressure: float
    slant: float
    climb: float
    proportions: float
    joins: float
    haste: float
    unsteady: float
    spacing: float
    wander: float


@dataclass(frozen=True)
class Placed:
    """A character to write: its strokes, its height in pixels, and where its square's upper left is."""

    strokes: Sequence[Stroke]
    size: float
    place: tuple[float, float]


def random_writer(rng: Rng) -> Writer:
    """A writer, most of them neat."""
    hasty = float(rng.beta(1.2, 2.5))
    return Writer(
        pen=float(rng.uniform(0.025, 0.06) if rng.random() < 0.8 else rng.uniform(0.06, 0.11)),
        pressure=float(rng.uniform(0, 0.25) if rng.random() < 0.6 else rng.uniform(0.2, 0.6)),
        slant=float(rng.normal(0.03, 0.08)),
        climb=float(rng.uniform(0.0, 0.14)),
        proportions=float(rng.uniform(0.78, 1.05)),
        joins=0.45 * hasty * float(rng.random()),
        haste=hasty,
        unsteady=0.006 + 0.022 * hasty,
        spacing=float(rng.normal(0.05, 0.08)),
        wander=float(rng.uniform(0.0, 0.08)),
    )


def write(rng: Rng, canvas: Mask, characters: Sequence[Placed], writer: Writer, scale: int) -> None:
    """Write characters onto a canvas ``scale`` times as large as their sizes and places say.

    All strokes are computed at once: one at a time, numpy's calls took three quarters of the time.
    """
    strokes = [stroke for character in characters for stroke in character.strokes]
    if not strokes:
        return
    owner = np.repeat(np.arange(len(characters)), [len(c.strokes) for c in characters])
    sizes = np.array([c.size for c in characters], np.float32)[owner]
    places = np.array([c.place for c in characters], np.float32)[owner]
    turned = rng.normal(0, 0.02, len(characters))[owner]
    grown = np.exp(rng.normal(0, writer.unsteady, (len(strokes), 2)))
    moved = rng.normal(0, writer.unsteady, (len(strokes), 2))
    of = np.repeat(np.arange(len(strokes)), [len(stroke) for stroke in strokes])
    points = (np.concatenate(strokes) - 0.5) * grown[of] + moved[of]
    x = points[:, 0] * writer.proportions
    y = points[:, 1] - (writer.climb + turned[of]) * x
    x = x - (writer.slant - turned[of]) * y
    corners = np.stack([x + 0.5 * writer.proportions, y + 0.5], 1) * sizes[of, None] + places[of]
    path, of = _rounded(corners.astype(np.float32), of, 0.25 * min(1.0, 0.4 + writer.haste))
    if sizes.max() > _LARGE:
        path, of = _rounded(path, of, 0.25)
    widths = scale * writer.pen * sizes * np.exp(rng.normal(0, 0.08, len(strokes)))
    pieces = _pieces(path, of, widths.astype(np.float64), writer.pressure)
    for join in _joins(rng, path, of, owner, sizes, writer.joins):
        pieces[max(1, round(0.6 * scale * writer.pen * float(sizes[0])))].append(join)
    for width, paths in pieces.items():
        fixed = [np.round(piece * (scale << _SHIFT)).astype(np.int32) for piece in paths]
        cv2.polylines(canvas, fixed, False, 255, width, cv2.LINE_AA, _SHIFT)


def _rounded(path: Points, of: NDArray[np.intp], cut: float) -> tuple[Points, NDArray[np.intp]]:
    """The strokes with their corners cut (Chaikin's algorithm).

    Args:
        path: (N, 2) points of all strokes.
        of: (N,) the stroke of each.
        cut: Fraction of a segment that is cut off on either side of a corner.
    """
    same = of[1:] == of[:-1]
    start, end, stroke = path[:-1][same], path[1:][same], of[1:][same]
    cuts = np.empty((2 * len(start), 2), np.float32)
    cuts[0::2] = start + cut * (end - start)
    cuts[1::2] = end - cut * (end - start)
    changes = stroke[1:] != stroke[:-1]
    first, last = np.append(True, changes), np.append(changes, True)
    cuts[0::2][first] = start[first]
    cuts[1::2][last] = end[last]
    return cuts, np.repeat(stroke, 2)


def _pieces(
    path: Points, of: NDArray[np.intp], widths: NDArray[np.float64], pressure: float
) -> defaultdict[int, list[Points]]:
    """The strokes in pieces of one width in whole pixels each, by width."""
    segments = np.flatnonzero(of[1:] == of[:-1])
    stroke = of[segments]
    counts = np.bincount(stroke, minlength=len(widths))
    along = np.arange(len(stroke)) - (np.cumsum(counts) - counts)[stroke]
    along = along / np.maximum(1, counts[stroke] - 1)
    width = widths[stroke]
    if pressure >= 0.1:
        width = width * (1 + pressure * (0.35 - np.abs(1.6 * along - 0.5) ** 1.5))
    whole = np.maximum(1, np.round(width)).astype(int)
    changes = np.flatnonzero((stroke[1:] != stroke[:-1]) | (whole[1:] != whole[:-1])) + 1
    starts = np.concatenate([[0], changes]) if len(segments) else changes
    ends = np.concatenate([changes, [len(segments)]]) if len(segments) else changes
    pieces: defaultdict[int, list[Points]] = defaultdict(list)
    for i, j in zip(starts.tolist(), ends.tolist(), strict=True):
        pieces[int(whole[i])].append(path[segments[i] : segments[j - 1] + 2])
    return pieces


def _joins(
    rng: Rng,
    path: Points,
    of: NDArray[np.intp],
    owner: NDArray[np.intp],
    sizes: NDArray[np.float32],
    probability: float,
) -> list[Points]:
    """Paths from the ends of strokes to the starts of the next ones of the same character."""
    breaks = np.flatnonzero(of[1:] != of[:-1])
    ends, starts, strokes = path[breaks], path[breaks + 1], of[breaks]
    near = np.hypot(*(starts - ends).T) < 0.45 * sizes[strokes]
    joined = near & (owner[of[breaks + 1]] == owner[strokes]) & (rng.random(len(breaks)) < probability)
    middles = (ends + starts) / 2 + rng.normal(0, 0.03, ends.shape) * sizes[strokes, None]
    return list(np.stack([ends, middles, starts], 1)[joined].astype(np.float32))
