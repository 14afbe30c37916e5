"""One page's prediction against its ground truth: which lines belong together, and the counts.

Lines are compared in clusters: a ground-truth line and every predicted line that overlaps it are joined, row
by row and left to right, into one string each, so that splitting or joining a row is no text error (the boxes
pay for it). Two lines overlap when they share more than half of the smaller box, or more than 0.3 of it and
half of the smaller height. Predictions that lie mostly in don't-care lines or regions, and in no line that
counts, are left out. Ground truth of level ``page`` is compared as one string in the order given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from ocrpipe.evaluation.box_metrics import (
    BoxCounts,
    Boxes,
    areas,
    count_boxes,
    intersections,
    tilt,
    upright_boxes,
)
from ocrpipe.evaluation.dataset import PredictedLine, Prediction, TruthLine, TruthPage
from ocrpipe.evaluation.text_metrics import TextCounts, count_errors, normalize

_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Cluster:
    """Lines of the ground truth and of the prediction that lie in one place.

    Attributes:
        truth: Normalised text of the ground truth, joined in reading order; empty where nothing should be.
        read: Normalised text of the prediction, likewise; empty where the text was missed.
        truth_lines: The ground truth's lines in reading order; none on a page of level ``page``.
        read_lines: The prediction's lines in reading order.
    """

    truth: str
    read: str
    truth_lines: tuple[TruthLine, ...]
    read_lines: tuple[PredictedLine, ...]

    @property
    def counts(self) -> TextCounts:
        """Text errors in this place."""
        return count_errors(self.truth, self.read)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How one page was read.

    Attributes:
        clusters: In the order of the ground truth, text found nowhere in it last.
        text: Text errors of all clusters.
        boxes: Box counts; all zero on a page of level ``page``.
        ignored: Predictions in don't-care regions, which are not scored.
    """

    clusters: tuple[Cluster, ...]
    text: TextCounts
    boxes: BoxCounts
    ignored: tuple[PredictedLine, ...] = ()


def compare(truth: TruthPage, prediction: Prediction, *, casefold: bool = False) -> Comparison:
    """Score one page.

    Args:
        truth: What it says.
        prediction: What was read.
        casefold: Whether case is ignored.
    """
    if truth.level == "page":
        read = " ".join(line.text for line in prediction.lines)
        cluster = Cluster(
            truth=normalize(truth.text, casefold=casefold),
            read=normalize(read, casefold=casefold),
            truth_lines=(),
            read_lines=prediction.lines,
        )
        return Comparison((cluster,), cluster.counts, BoxCounts())

    wanted = [line for line in truth.lines if line.counts]
    angle = tilt([line.quad for line in wanted])
    dont_care = [line.quad for line in truth.lines if not line.counts] + list(truth.dont_care)
    wanted_boxes = upright_boxes([line.quad for line in wanted], angle)
    boxes = upright_boxes([line.quad for line in prediction.lines], angle)

    scored = _scored(boxes, wanted_boxes, upright_boxes(dont_care, angle))
    read_lines = list(compress(prediction.lines, scored))
    ignored = tuple(compress(prediction.lines, ~scored))
    boxes = boxes[scored]

    clusters = []
    for truths, reads in _components(_linked(wanted_boxes, boxes)):
        here = tuple(wanted[k] for k in _reading_order(wanted_boxes, truths))
        found = tuple(read_lines[k] for k in _reading_order(boxes, reads))
        clusters.append(Cluster(_joined(here, casefold), _joined(found, casefold), here, found))
    text = sum((cluster.counts for cluster in clusters), TextCounts())
    return Comparison(tuple(clusters), text, count_boxes(wanted_boxes, boxes), ignored)


def _joined(lines: Sequence[TruthLine] | Sequence[PredictedLine], casefold: bool) -> str:
    return " ".join(normalize(line.text, casefold=casefold) for line in lines)


def _scored(boxes: Boxes, wanted: Boxes, dont_care: Boxes) -> NDArray[np.bool_]:
    """Which predictions count: all but those mostly inside don't-care regions."""
    size = areas(boxes)
    per_area = np.maximum(_TINY, size)
    excused = intersections(boxes, dont_care).sum(axis=1) / per_area > 0.5
    needed = (intersections(boxes, wanted) / per_area[:, None] > 0.5).any(axis=1)
    return np.asarray((size <= 0) | ~excused | needed)


def _linked(truths: Boxes, reads: Boxes) -> NDArray[np.bool_]:
    """Which ground-truth line overlaps which predicted line, N×M."""
    shared = intersections(truths, reads)
    part = shared / np.maximum(_TINY, np.minimum(areas(truths)[:, None], areas(reads)[None, :]))
    top = np.maximum(truths[:, None, 1], reads[None, :, 1])
    bottom = np.minimum(truths[:, None, 3], reads[None, :, 3])
    heights = np.minimum((truths[:, 3] - truths[:, 1])[:, None], (reads[:, 3] - reads[:, 1])[None, :])
    abreast = (bottom - top) / np.maximum(_TINY, heights)
    return np.asarray((shared > 0) & ((part > 0.5) | ((part > 0.3) & (abreast > 0.5))))


def _components(linked: NDArray[np.bool_]) -> list[tuple[list[int], list[int]]]:
    """Connected components of the two-sided graph: indices of truths and of reads, ascending."""
    truths, reads = linked.shape
    parent = list(range(truths + reads))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for i, j in np.argwhere(linked).tolist():
        parent[root(i)] = root(truths + j)
    members: dict[int, tuple[list[int], list[int]]] = {}
    for i in range(truths):
        members.setdefault(root(i), ([], []))[0].append(i)
    for j in range(reads):
        members.setdefault(root(truths + j), ([], []))[1].append(j)
    return list(members.values())


def _reading_order(boxes: Boxes, members: Sequence[int]) -> list[int]:
    """Rows from top to bottom, each from left to right; a row is what lies level with its topmost box."""
    centres = {k: (boxes[k, 1] + boxes[k, 3]) / 2 for k in members}
    heights = {k: boxes[k, 3] - boxes[k, 1] for k in members}
    rows: list[list[int]] = []
    for k in sorted(members, key=centres.__getitem__):
        first = rows[-1][0] if rows else k
        if rows and centres[k] - centres[first] < 0.5 * min(heights[k], heights[first]):
            rows[-1].append(k)
        else:
            rows.append([k])
    return [k for row in rows for k in sorted(row, key=lambda k: float(boxes[k, 0]))]
