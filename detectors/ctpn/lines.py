"""From proposals to lines of text: suppression, linking, side refinement, rotated quads.

All lines of a page are built at once with arrays. Nothing here is quadratic in the number of proposals:
overlaps are looked for among neighbours in sorted columns only.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ocrpipe.detectors.ctpn.anchors import AnchorGrid, Floats, vertical_iou
from ocrpipe.statistics import weighted_median

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class LineOptions:
    """Thresholds of the text-line construction.

    Attributes:
        min_score: Lowest score of a proposal.
        min_line_score: Lowest mean score of a line's proposals.
        nms: Vertical IoU from which the weaker of two proposals in a column goes.
        gap: Widest gap between the refined ends of neighbouring proposals of a line, in their heights.
        hole: Widest run of missing proposals within a line, likewise.
        overlap: Minimum vertical overlap of neighbours, as a fraction of the smaller height.
        similarity: Smallest ratio of neighbours' heights.
        min_height: Smallest height of a line in pixels.
    """

    min_score: float = 0.5
    min_line_score: float = 0.5
    nms: float = 0.3
    gap: float = 0.7
    hole: float = 1.5
    overlap: float = 0.7
    similarity: float = 0.6
    min_height: float = 3.0


@dataclass(frozen=True)
class Proposals:
    """N fixed-width proposals, parallel arrays in pixels.

    Attributes:
        column: Column of the grid.
        center: Vertical centre.
        height: Height.
        score: Probability of text, 0…1.
        left: Where the line's left end is, if it is near; otherwise somewhere further left.
        right: Likewise its right end.
    """

    column: Ints
    center: Floats
    height: Floats
    score: Floats
    left: Floats
    right: Floats

    def __len__(self) -> int:
        return len(self.column)

    def __getitem__(self, index: Ints | NDArray[np.bool_]) -> Proposals:
        return Proposals(*(getattr(self, field.name)[index] for field in fields(self)))


@dataclass(frozen=True)
class Lines:
    """M lines: ``quads`` M×4×2 in pixels, clockwise from the text's top-left, and ``scores`` M."""

    quads: Floats
    scores: Floats


def decode(
    score: NDArray[np.float32],
    vertical: NDArray[np.float32],
    side: NDArray[np.float32],
    grid: AnchorGrid,
    min_score: float,
) -> Proposals:
    """Proposals of one image from the network's outputs, at most one a cell.

    Two lines never share a cell, so only the best of a cell's anchors is kept. This bounds what
    the rest costs, whatever a page shows.

    Args:
        score: rows×columns×k logits.
        vertical: rows×columns×k×2, see ``model.Prediction``.
        side: rows×columns×k×2.
        grid: The image's anchors.
        min_score: Least probability.
    """
    best = score.argmax(axis=2)
    row, column = np.nonzero(score.max(axis=2) > np.log(min_score / (1 - min_score)))
    size = best[row, column]
    anchor = np.asarray(grid.heights)[size]
    shift, growth = vertical[row, column, size].astype(float).T
    left, right = side[row, column, size].astype(float).T * grid.stride[1] + grid.center_x(column)
    return Proposals(
        column,
        grid.center_y(row) + shift * anchor,
        anchor * np.exp(np.clip(growth, -2, 2)),
        1 / (1 + np.exp(-score[row, column, size].astype(float))),
        left,
        right,
    )


def suppress(proposals: Proposals, threshold: float) -> Proposals:
    """Non-maximum suppression within columns; what is left is sorted by column, then centre.

    Equals the greedy kind, run in parallel: a proposal stays once every better one that overlaps it has gone.
    """
    p = proposals[np.lexsort((proposals.center, proposals.column))]
    first, second = _overlapping(p, threshold)
    wins = (p.score[first] > p.score[second]) | ((p.score[first] == p.score[second]) & (first < second))
    better, worse = np.where(wins, first, second), np.where(wins, second, first)
    kept, gone = np.zeros(len(p), bool), np.zeros(len(p), bool)
    while not (kept | gone).all():
        waits = np.zeros(len(p), bool)
        waits[worse] = True
        kept |= ~gone & ~waits
        gone[worse[kept[better]]] = True
        open_ = ~gone[worse] & ~gone[better]
        better, worse = better[open_], worse[open_]
    return p[kept]


def _overlapping(p: Proposals, threshold: float) -> tuple[Ints, Ints]:
    """Pairs in a column whose vertical IoU exceeds the threshold; ``p`` is sorted by column and centre."""
    # IoU > t needs heights within a factor of t, and centres closer than (1 − t) / (1 + t) · (h₁ + h₂) / 2.
    tallest = p.height.max(initial=1.0)
    key = p.column * (p.center.max(initial=0) + 4 * tallest) + p.center
    reach = (1 - threshold) / (1 + threshold) * (p.height + np.minimum(tallest, p.height / threshold)) / 2
    count = np.searchsorted(key, key + reach, side="right") - np.arange(len(p)) - 1
    first = np.repeat(np.arange(len(p)), count)
    second = first + 1 + np.arange(len(first)) - np.repeat(np.cumsum(count) - count, count)
    overlaps = vertical_iou(p.center[first], p.height[first], p.center[second], p.height[second]) > threshold
    return first[overlaps], second[overlaps]


def link(proposals: Proposals, stride: int, options: LineOptions) -> Ints:
    """Join neighbours into lines; needs proposals as ``suppress`` leaves them.

    Two proposals belong together when each is the other's nearest and best fitting neighbour.

    Returns:
        N labels, one number for each line.
    """
    right = _neighbours(proposals, stride, options, 1)
    left = _neighbours(proposals, stride, options, -1)
    own = np.arange(len(proposals))
    mutual = (right >= 0) & (left[right] == own)
    root = own.copy()
    root[right[mutual]] = own[mutual]
    # Pointer jumping: each step doubles the distance along the chain.
    while (root[root] != root).any():
        root = root[root]
    return np.unique(root, return_inverse=True)[1].reshape(-1)


def _neighbours(p: Proposals, stride: int, options: LineOptions, step: int) -> Ints:
    """For each proposal its best neighbour to the right (step 1) or left (−1), −1 where there is none."""
    best = np.full(len(p), -1)
    if not len(p):
        return best
    span = p.center.max() + 2 * p.height.max() + 1
    key = p.column * span + p.center
    open_ = np.arange(len(p))
    for distance in range(1, int(options.hole * p.height.max() / stride) + 2):
        open_ = open_[(best[open_] < 0) & ((distance - 1) * stride <= options.hole * p.height[open_])]
        column = p.column[open_] + step * distance
        at = np.searchsorted(key, column * span + p.center[open_])
        fit = np.zeros(len(open_))
        for candidate in (np.maximum(at - 1, 0), np.minimum(at, len(p) - 1)):
            left, right = (open_, candidate) if step > 0 else (candidate, open_)
            score = np.where(p.column[candidate] == column, _fit(p, left, right, options), 0)
            best[open_] = np.where(score > fit, candidate, best[open_])
            fit = np.maximum(fit, score)
    return best


def _fit(p: Proposals, a: Ints, b: Ints, options: LineOptions) -> Floats:
    """How well ``a`` fits ``b``, right of it: overlap times likeness of height, 0 for too little."""
    low, high = np.minimum(p.height[a], p.height[b]), np.maximum(p.height[a], p.height[b])
    shared = (p.height[a] + p.height[b]) / 2 - np.abs(p.center[a] - p.center[b])
    overlap = np.clip(shared / low, 0, 1)
    fits = (overlap >= options.overlap) & (low / high >= options.similarity)
    # Ends predicted on both sides separate columns even if no proposal is missing between them.
    fits &= p.left[b] - p.right[a] <= options.gap * low
    return np.where(fits, overlap * low / high, 0)


def build(proposals: Proposals, stride: int, options: LineOptions | None = None) -> Lines:
    """Lines of one image.

    Args:
        proposals: As ``decode`` gives them.
        stride: Width of a column in pixels.
        options: Thresholds.

    Returns:
        Rotated rectangles, whose ends are the side-refined ones of the outermost proposals; a line's score is
        the mean of its proposals', compared with no other line's.
    """
    options = options or LineOptions()
    p = suppress(proposals[proposals.score >= options.min_score], options.nms)
    if not len(p):
        return Lines(np.zeros((0, 4, 2)), np.zeros(0))
    label = link(p, stride, options)
    quads = _rectangles(p, label, stride)
    scores = np.bincount(label, p.score) / np.bincount(label)
    height = np.hypot(*(quads[:, 3] - quads[:, 0]).T)
    good = (scores >= options.min_line_score) & (height >= options.min_height)
    return Lines(quads[good], scores[good])


def _rectangles(p: Proposals, label: Ints, stride: int) -> Floats:
    """A rotated rectangle for each line: robust straight fits through tops and bottoms of a common slope."""
    x = (p.column + 0.5) * stride
    count = np.bincount(label)
    height = _robust_mean(p.height, label)
    slope, middle, level = _robust_fit(x, p.center, label, height)

    order = np.lexsort((x, label))
    last = np.cumsum(count) - 1
    start, end = order[last - count + 1], order[last]
    # A refined end lies within the reach the network learned; elsewhere its offset is noise.
    left = np.clip(p.left[start], x[start] - 1.5 * stride, x[start] + stride / 2)
    right = np.clip(p.right[end], x[end] - stride / 2, x[end] + 1.5 * stride)
    right = np.maximum(right, left + 2)

    along = np.stack([np.ones_like(slope), slope], axis=1) / np.hypot(1, slope)[:, None]
    down = np.stack([-along[:, 1], along[:, 0]], axis=1) * (height / np.hypot(1, slope) / 2)[:, None]
    a = np.stack([left, level + slope * (left - middle)], axis=1)
    b = np.stack([right, level + slope * (right - middle)], axis=1)
    return np.stack([a - down, b - down, b + down, a + down], axis=1)


def _robust_mean(values: Floats, label: Ints) -> Floats:
    """Mean of each group, outliers weighted down."""
    mean = _sums(values, label) / np.bincount(label)
    for _ in range(4):
        weight = _huber(values - mean[label], 0.05 * mean[label])
        mean = _sums(weight * values, label) / _sums(weight, label)
    return mean


def _robust_fit(x: Floats, y: Floats, label: Ints, height: Floats) -> tuple[Floats, Floats, Floats]:
    """Straight line ``y = level + slope · (x − middle)`` of each group, by Huber-weighted least squares.

    A group too short to have a slope leans towards the page's.
    """
    weight = np.ones_like(x)
    page = 0.0
    for _ in range(5):
        total = _sums(weight, label)
        middle = _sums(weight * x, label) / total
        level = _sums(weight * y, label) / total
        dx, dy = x - middle[label], y - level[label]
        spread, shared = _sums(weight * dx * dx, label), _sums(weight * dx * dy, label)
        page = weighted_median(shared / np.maximum(spread, 1), spread)
        prior = (3 * height) ** 2
        slope = (shared + prior * page) / (spread + prior)
        weight = _huber(dy - slope[label] * dx, 0.04 * height[label])
    return slope, middle, level


def _sums(values: Floats, label: Ints) -> Floats:
    """Sum of each group."""
    return np.asarray(np.bincount(label, values), float)


def _huber(error: Floats, scale: Floats) -> Floats:
    return 1 / np.maximum(1, np.abs(error) / np.maximum(scale, 1e-6))
