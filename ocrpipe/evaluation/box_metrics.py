"""Detected boxes against those of the ground truth.

DetEval (Wolf and Jolion, "Object count/area graphs for the evaluation of object detection and segmentation
algorithms", IJDAR 2006): a match needs area recall 0.8 and area precision 0.4; one reference box split into
several detections, or several joined in one, count 0.8 each. F50 is the plain one-to-one F at IoU 0.5.

Boxes are N×4 float64 arrays, ``left, top, right, bottom`` in pixels of the page
after deskewing by ``tilt``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocrpipe.page import Quad
from ocrpipe.statistics import weighted_median

Boxes = NDArray[np.float64]

AREA_RECALL = 0.8
AREA_PRECISION = 0.4
SPLIT_CREDIT = 0.8

_TINY = 1e-9
_MAX_ANGLE = math.pi / 6


@dataclass(frozen=True, slots=True)
class BoxCounts:
    """The counts behind P, R and F; those of several pages add up.

    Attributes:
        recalled: DetEval credit of the ground truth.
        precise: DetEval credit of the detections.
        references: Number of ground-truth boxes.
        detections: Number of detected boxes.
        matches: One-to-one pairs at IoU 0.5.
    """

    recalled: float = 0.0
    precise: float = 0.0
    references: int = 0
    detections: int = 0
    matches: int = 0

    @property
    def recall(self) -> float:
        """DetEval recall."""
        return self.recalled / max(1, self.references)

    @property
    def precision(self) -> float:
        """DetEval precision."""
        return self.precise / max(1, self.detections)

    @property
    def f(self) -> float:
        """Harmonic mean of DetEval's precision and recall."""
        return 2 * self.recall * self.precision / max(_TINY, self.recall + self.precision)

    @property
    def f50(self) -> float:
        """F of one-to-one matches at IoU 0.5."""
        return 2 * self.matches / max(1, self.references + self.detections)

    def __add__(self, other: BoxCounts) -> BoxCounts:
        return BoxCounts(
            self.recalled + other.recalled,
            self.precise + other.precise,
            self.references + other.references,
            self.detections + other.detections,
            self.matches + other.matches,
        )


def tilt(quads: Sequence[Quad]) -> float:
    """Median direction of lines, weighted by length; in radians, clockwise positive.

    Lines steeper than 30° are left out; 0.0 where none remains.
    """
    sides = [(math.atan2(b[1] - a[1], b[0] - a[0]), math.dist(a, b)) for a, b, _, _ in quads]
    sides = [(angle, length) for angle, length in sides if abs(angle) < _MAX_ANGLE]
    return weighted_median(*zip(*sides, strict=True)) if sides else 0.0


def axis_aligned_boxes(quads: Sequence[Quad], tilt: float) -> Boxes:
    """Axis-aligned bounding boxes after rotating the page by ``-tilt``; tight for lines of a skewed page."""
    x, y = np.asarray(quads, dtype=np.float64).reshape(-1, 4, 2).transpose(2, 0, 1)
    cos, sin = math.cos(tilt), math.sin(tilt)
    x, y = x * cos + y * sin, -x * sin + y * cos
    return np.stack([x.min(1), y.min(1), x.max(1), y.max(1)], axis=1)


def areas(boxes: Boxes) -> NDArray[np.float64]:
    """Area of each box."""
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    return np.asarray(np.maximum(0.0, width) * np.maximum(0.0, height))


def intersections(a: Boxes, b: Boxes) -> NDArray[np.float64]:
    """Area of the intersection of each of the N boxes of ``a`` with each of the M of ``b``, N×M."""
    starts = np.maximum(a[:, None, :2], b[None, :, :2])
    ends = np.minimum(a[:, None, 2:], b[None, :, 2:])
    return np.asarray(np.maximum(0.0, ends - starts).prod(axis=2))


def count_boxes(references: Boxes, detections: Boxes) -> BoxCounts:
    """Score the detections of one page."""
    recalled, precise = _deteval(references, detections)
    return BoxCounts(recalled, precise, len(references), len(detections), _matches(references, detections))


def _deteval(references: Boxes, detections: Boxes) -> tuple[float, float]:
    common = intersections(references, detections)
    recall = common / np.maximum(_TINY, areas(references))[:, None]
    precision = common / np.maximum(_TINY, areas(detections))[None, :]

    hits = (recall >= AREA_RECALL) & (precision >= AREA_PRECISION)
    alone = hits & (hits.sum(axis=1) == 1)[:, None] & (hits.sum(axis=0) == 1)[None, :]
    reference_done, detection_done = alone.any(axis=1), alone.any(axis=0)
    recalled = precise = float(alone.sum())

    for i in np.flatnonzero(~reference_done):
        parts = np.flatnonzero(~detection_done & (precision[i] >= AREA_PRECISION) & (common[i] > 0))
        if parts.size and sum(recall[i, parts].tolist()) >= AREA_RECALL:
            credit = 1.0 if parts.size == 1 else SPLIT_CREDIT
            recalled, precise = recalled + credit, precise + credit * parts.size
            reference_done[i] = detection_done[parts] = True

    for j in np.flatnonzero(~detection_done):
        parts = np.flatnonzero(~reference_done & (recall[:, j] >= AREA_RECALL))
        if parts.size and sum(precision[parts, j].tolist()) >= AREA_PRECISION:
            credit = 1.0 if parts.size == 1 else SPLIT_CREDIT
            recalled, precise = recalled + credit * parts.size, precise + credit
            detection_done[j] = reference_done[parts] = True
    return recalled, precise


def _matches(references: Boxes, detections: Boxes) -> int:
    """Number of one-to-one pairs at IoU 0.5, assigned greedily from the highest IoU."""
    common = intersections(references, detections)
    iou = common / np.maximum(_TINY, areas(references)[:, None] + areas(detections)[None, :] - common)
    taken_references: set[int] = set()
    taken_detections: set[int] = set()
    for _, i, j in sorted(((iou[i, j], i, j) for i, j in np.argwhere(iou >= 0.5).tolist()), reverse=True):
        if i not in taken_references and j not in taken_detections:
            taken_references.add(i)
            taken_detections.add(j)
    return len(taken_references)
