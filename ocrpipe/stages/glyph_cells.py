"""Cutting a column of vertical text into the cells of its characters.

Upright glyphs stand in a column one above the other at a constant pitch, about the height of a glyph. The
cuts are those that cross the least ink and leave cells of about that pitch: a shortest path over all cuts
(dynamic programming; see Casey and Lecolinet, "A survey of methods and strategies in character
segmentation", PAMI 1996, section 3.1). Coordinates are pixels of the column's upright picture: x to the right
across it, y down along it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrpipe.errors import ConfigError
from ocrpipe.geometry import Image

Mask = NDArray[np.uint8]
Profile = NDArray[np.float64]

_GAP_COST = 0.15  # of a blank stretch as long as the pitch: less than that of a cell of another length


@dataclass(frozen=True, slots=True)
class CellOptions:
    """How columns of vertical text are cut into characters.

    Attributes:
        rule_length: Least length of a rule beside a column, in widths of the column; no stroke is as long.
        rule_side: Fraction of a column's width, at either side, in which rules are looked for.
        min_pitch: Least distance from character to character, in heights of a character.
        max_pitch: Largest such distance.
        min_cell: Least length of a character, in pitches.
        max_cell: Largest such length.
        ink_weight: Cost of a cut through a row that is all ink, where a cell longer or shorter than the
            pitch by half costs 1.
        blank: Fraction of a row that may be ink where it counts as blank.
    """

    rule_length: float = 1.6
    rule_side: float = 0.25
    min_pitch: float = 0.8
    max_pitch: float = 2.8
    min_cell: float = 0.4
    max_cell: float = 1.5
    ink_weight: float = 6.0
    blank: float = 0.02

    def __post_init__(self) -> None:
        ordered = 0 < self.min_pitch <= self.max_pitch and 0 < self.min_cell <= 1 <= self.max_cell
        if not ordered or self.rule_length <= 0 or not 0 <= self.rule_side <= 0.5:
            raise ConfigError(f"options out of range: {self}")


_DEFAULT = CellOptions()


def column_ink(grey: Image, options: CellOptions = _DEFAULT) -> tuple[Mask, Mask]:
    """Glyphs of a column and the rules beside them, as 0 and 1.

    A rule is longer than any stroke and lies at a side of the column; a long line in its middle is a dash.

    Args:
        grey: H×W, uint8, dark on light or the reverse.
        options: Where rules are looked for.
    """
    low, middle, high = np.percentile(grey, (2, 50, 98))
    dark = 255 - grey if middle - low < high - middle else grey
    _, found = cv2.threshold(dark, 0, 1, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    ink = np.asarray(found, np.uint8)
    height, width = ink.shape
    side = round(options.rule_side * width)
    length = max(3, round(options.rule_length * width))
    rules = np.zeros_like(ink)
    if side and length <= height:
        wide = cv2.dilate(ink, np.ones((1, 3), np.uint8))  # a rule may lean by a pixel now and then
        long = cv2.morphologyEx(wide, cv2.MORPH_OPEN, np.ones((length, 1), np.uint8))
        rules[:, :side], rules[:, width - side :] = long[:, :side], long[:, width - side :]
        rules = np.asarray(cv2.dilate(rules, np.ones((3, 3), np.uint8)), np.uint8) & ink
    return ink & (1 - rules), rules


def estimate_pitch(
    profiles: Sequence[Profile], guess: float, options: CellOptions = _DEFAULT
) -> float | None:
    """Distance from character to character, from the ink of columns that are set alike.

    The common autocorrelation of the gaps between characters has its highest peak there.

    Args:
        profiles: Of each column the fraction of its width that is inked, at each pixel along it.
        guess: Height of a character in pixels.
        options: Least and largest pitch.

    Returns:
        Pixels; None where nothing repeats.
    """
    low = max(2, int(options.min_pitch * guess))
    high = int(np.ceil(options.max_pitch * guess)) + 1
    total, weight = np.zeros(high + 1), np.zeros(high + 1)
    for profile in profiles:
        inked = np.flatnonzero(profile > options.blank)
        if not len(inked):
            continue
        part = profile[inked[0] : inked[-1] + 1]
        gaps = np.maximum(0.0, 1 - part / max(0.5 * float(part.mean()), 1e-9))
        gaps = gaps - gaps.mean()
        for lag in range(low, min(high, len(gaps) - low) + 1):
            total[lag] += float(gaps[lag:] @ gaps[:-lag])
            weight[lag] += len(gaps) - lag
    known = np.flatnonzero(weight)
    if not len(known):
        return None
    score = np.full(len(total), -np.inf)
    score[known] = total[known] / weight[known] * np.exp(-0.5 * (np.log(known / guess) / 0.45) ** 2)
    best = int(score.argmax())
    if score[best] <= 0:
        return None
    before, peak, after = score[max(best - 1, 0)], score[best], score[min(best + 1, len(score) - 1)]
    bend = before - 2 * peak + after
    return best + (0.5 * float((before - after) / bend) if np.isfinite(bend) and bend < 0 else 0.0)


def cut(profile: Profile, pitch: float, options: CellOptions = _DEFAULT) -> list[tuple[int, int]]:
    """Where the characters of a column begin and end.

    Args:
        profile: Fraction of the column's width that is inked, at each pixel along it.
        pitch: Usual distance from character to character, in pixels.
        options: Lengths of cells, cost of cutting ink.

    Returns:
        Start and end of each character along the column, in order; every inked row lies in one of them.
    """
    count = len(profile)
    inked = profile > options.blank
    sums = np.concatenate([[0], np.cumsum(inked)])
    crossed = np.zeros(count + 1)
    if count > 1:
        crossed[1:-1] = np.minimum(profile[:-1], profile[1:])
    shortest = max(1, int(options.min_cell * pitch))
    lengths = np.arange(shortest, max(shortest, int(np.ceil(options.max_cell * pitch))) + 1)
    bend = (2 * (lengths / pitch - 1)) ** 2
    cost, came = np.full(count + 1, np.inf), np.zeros(count + 1, int)
    cost[0] = 0.0
    for end in range(1, count + 1):
        if end < shortest:  # a column that begins in the middle of a character
            cost[end] = 1 + options.ink_weight * crossed[end]
        if not inked[end - 1]:
            blank = cost[end - 1] + _GAP_COST / pitch
            if blank <= cost[end]:
                cost[end], came[end] = blank, end - 1
        starts = end - lengths[lengths <= end]
        if len(starts):
            costs = cost[starts] + bend[: len(starts)] + options.ink_weight * crossed[end]
            least = int(costs.argmin())
            if costs[least] < cost[end]:
                cost[end], came[end] = costs[least], starts[least]
    cells: list[tuple[int, int]] = []
    end = count
    while end > 0:
        start = int(came[end])
        if sums[end] > sums[start]:
            cells.append((start, end))
        end = start
    return cells[::-1]
