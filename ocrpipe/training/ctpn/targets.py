"""From ground-truth lines to what the heads are to predict.

A line is cut into the columns of the grid; each piece is an interval (centre, height) to be matched with the
column's anchors by vertical overlap. Every piece gets at least its best anchor, so that no ground truth is
left out. This runs in the data loader's processes, hence numpy only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocrpipe.detectors.ctpn.anchors import AnchorGrid, Floats, vertical_iou

POSITIVE_IOU = 0.5
NEGATIVE_IOU = 0.3
SIDE_REACH = 32.0
"""Pixels from a line's end within which a column's side offset is learned, as in the paper. Beyond it, the
target is this distance, so that the network also predicts where there is no end."""
_MIN_COVER = 0.3
"""Fraction of a column that a line must cover for its piece to be learned; less is left undecided."""
_MIN_VISIBLE = 0.6
"""Fraction of a piece's height that must lie inside the image for it to be learned."""


@dataclass(frozen=True)
class Targets:
    """What one image's anchors are to predict.

    Attributes:
        labels: int8, rows×columns×k: 1 text, 0 not, −1 undecided.
        index: int64, P positions of the positives in the flattened ``labels``.
        vertical: float32, P×2: ``v_c``, ``v_h``.
        side: float32, P×2: offsets of the line's left and right end up to ``SIDE_REACH``, in anchor widths.
        near: bool, P×2: which of these ends lie within reach.
    """

    labels: NDArray[np.int8]
    index: NDArray[np.int64]
    vertical: NDArray[np.float32]
    side: NDArray[np.float32]
    near: NDArray[np.bool_]


@dataclass(frozen=True)
class Pieces:
    """Lines cut into columns: parallel arrays of S pieces, in pixels.

    ``line`` is the index of the piece's line, ``left`` and ``right`` are the ends of that whole line,
    ``learned`` is false where too little of the piece is visible.
    """

    line: NDArray[np.int64]
    column: NDArray[np.int64]
    center: Floats
    height: Floats
    left: Floats
    right: Floats
    learned: NDArray[np.bool_]


def cut(quads: Floats, grid: AnchorGrid) -> Pieces:
    """Cut lines into the grid's columns; what lies outside the image is cut off.

    Args:
        quads: N×4×2 corners in pixels, clockwise from the text's top left, tilted by less than 45°.
        grid: The image's anchors.
    """
    down, across = grid.stride
    bottom_edge, right_edge = grid.rows * down, grid.columns * across
    corners = np.asarray(quads, float).reshape(-1, 4, 2)
    left = np.clip((corners[:, 0, 0] + corners[:, 3, 0]) / 2, 0, right_edge)
    right = np.clip((corners[:, 1, 0] + corners[:, 2, 0]) / 2, 0, right_edge)
    first = np.floor(left / across).astype(np.int64)
    count = np.where(right > left, np.ceil(right / across).astype(np.int64) - first, 0)

    line = np.repeat(np.arange(len(count)), count)
    column = first[line] + np.arange(len(line)) - np.repeat(np.cumsum(count) - count, count)
    start = np.maximum(column * across, left[line])
    end = np.minimum((column + 1) * across, right[line])
    cover = end - start
    widest = np.zeros(len(count))
    np.maximum.at(widest, line, cover)

    middle = (start + end) / 2
    top = _edge(corners[line, 0], corners[line, 1], middle)
    bottom = _edge(corners[line, 3], corners[line, 2], middle)
    full = np.maximum(bottom - top, 1e-6)
    top, bottom = np.maximum(top, 0), np.minimum(bottom, bottom_edge)
    height = bottom - top
    learned = ((cover >= _MIN_COVER * across) | (cover == widest[line])) & (height >= _MIN_VISIBLE * full)

    seen = height > 1
    return Pieces(
        line[seen],
        column[seen],
        (top + bottom)[seen] / 2,
        height[seen],
        left[line][seen],
        right[line][seen],
        learned[seen],
    )


def assign(quads: Floats, grid: AnchorGrid, known: NDArray[np.bool_] | None = None) -> Targets:
    """Match anchors with lines.

    Anchors that overlap a piece by ``POSITIVE_IOU``, and the best anchor of each piece, are text; those that
    overlap none by ``NEGATIVE_IOU`` are not. The others are undecided, as are those on pieces not learned.

    Args:
        quads: N×4×2 lines in pixels, see ``cut``.
        grid: The image's anchors.
        known: N flags; lines with a false one are neither text nor background. By default all are text.
    """
    pieces = cut(quads, grid)
    learned = pieces.learned if known is None else pieces.learned & known[pieces.line]
    piece, row, size, iou = _overlaps(pieces, grid)
    anchor = np.ravel_multi_index((row, pieces.column[piece], size), grid.shape)

    labels = np.zeros(grid.shape, np.int8)
    flat = labels.reshape(-1)
    flat[anchor[iou >= NEGATIVE_IOU]] = -1
    chosen = np.flatnonzero(learned[piece])
    chosen = chosen[_owners(piece[chosen], anchor[chosen], iou[chosen])]
    piece, row, size, anchor = piece[chosen], row[chosen], size[chosen], anchor[chosen]
    flat[anchor] = 1

    anchor_height = np.asarray(grid.heights)[size]
    center = (pieces.center[piece] - grid.center_y(row)) / anchor_height
    height = np.log(pieces.height[piece] / anchor_height)
    ends = np.stack([pieces.left[piece], pieces.right[piece]], axis=1)
    offset = ends - grid.center_x(pieces.column[piece])[:, None]
    return Targets(
        labels,
        anchor,
        np.stack([center, height], axis=1).astype(np.float32),
        (np.clip(offset, -SIDE_REACH, SIDE_REACH) / grid.stride[1]).astype(np.float32),
        np.abs(offset) <= SIDE_REACH,
    )


def _edge(start: Floats, end: Floats, x: Floats) -> Floats:
    """Height at ``x`` of the straight lines from ``start`` to ``end``."""
    run = end[:, 0] - start[:, 0]
    slope = (end[:, 1] - start[:, 1]) / np.where(np.abs(run) < 1e-6, 1e-6, run)
    heights: Floats = start[:, 1] + slope * (x - start[:, 0])
    return heights


def _overlaps(
    pieces: Pieces, grid: AnchorGrid
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Floats]:
    """Pairs of a piece and an anchor of its column that overlap: piece, row, index of the height, IoU."""
    heights = np.asarray(grid.heights)
    # Beyond this distance of centres no pair reaches NEGATIVE_IOU.
    reach = (pieces.height.max(initial=0) + heights[-1]) * (0.5 - NEGATIVE_IOU / (1 + NEGATIVE_IOU))
    window = np.arange(-int(reach / grid.stride[0]) - 1, int(reach / grid.stride[0]) + 2)
    middle = np.clip((pieces.center / grid.stride[0]).astype(np.int64), 0, grid.rows - 1)
    rows = middle[:, None] + window
    iou = vertical_iou(
        grid.center_y(rows)[:, :, None], heights, pieces.center[:, None, None], pieces.height[:, None, None]
    )
    iou[(rows < 0) | (rows >= grid.rows)] = 0
    piece, step, size = np.nonzero(iou > 0)
    return piece, rows[piece, step], size, iou[piece, step, size]


def _owners(piece: NDArray[np.int64], anchor: NDArray[np.int64], iou: Floats) -> NDArray[np.int64]:
    """Which of the pairs become positives: at most one for an anchor, at least one for a piece."""
    order = np.argsort(-iou, kind="stable")
    piece, anchor = piece[order], anchor[order]
    rounds: list[NDArray[np.int64]] = []
    left = np.arange(len(order))
    while len(left):
        # The best pair of each unmatched piece; of several with the same anchor, the one that overlaps most.
        candidates = left[np.unique(piece[left], return_index=True)[1]]
        candidates.sort()
        matched = candidates[np.unique(anchor[candidates], return_index=True)[1]]
        rounds.append(matched)
        left = left[~np.isin(piece[left], piece[matched]) & ~np.isin(anchor[left], anchor[matched])]
    best = np.concatenate(rounds) if rounds else np.zeros(0, np.int64)

    rest = np.flatnonzero((iou[order] >= POSITIVE_IOU) & ~np.isin(anchor, anchor[best]))
    rest = rest[np.unique(anchor[rest], return_index=True)[1]]
    owners: NDArray[np.int64] = order[np.concatenate([best, rest])]
    return owners
