"""One page's prediction against its ground truth: clusters of matching lines, and their counts.

A cluster is a ground-truth line and every predicted line that overlaps it. Its lines are joined row by row,
left to right, into a reference and a hypothesis, so that splitting or joining a row is no text error (only a
box error). Two lines overlap where they have more than half of the smaller box in common, or more than 0.3 of
it and half of the smaller height. Predictions mostly within don't-care lines or regions, and in no line that
is scored, are ignored. Ground truth of level ``page`` is compared as one string in the order given.

Where the page's text in reading order is known, it is also compared as one string with the predicted lines in
the order given, without those in regions that are not transcribed.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from ocrpipe.evaluation.box_metrics import (
    BoxCounts,
    Boxes,
    areas,
    axis_aligned_boxes,
    count_boxes,
    intersections,
    tilt,
)
from ocrpipe.evaluation.dataset import PredictedLine, Prediction, ReferenceLine, ReferencePage
from ocrpipe.evaluation.paragraph_metrics import ParagraphCounts, count_paragraphs
from ocrpipe.evaluation.table_metrics import TableCounts, count_tables
from ocrpipe.evaluation.text_metrics import SpaceCounts, TextCounts, count_errors, count_spaces, normalize

_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Cluster:
    """Overlapping lines of the ground truth and of the prediction.

    Attributes:
        reference: Normalised text of the ground truth, joined in reading order; empty where it has none.
        hypothesis: Normalised text of the prediction, likewise; empty where the text was missed.
        reference_lines: The ground truth's lines in reading order; none on a page of level ``page``.
        hypothesis_lines: The prediction's lines in reading order.
    """

    reference: str
    hypothesis: str
    reference_lines: tuple[ReferenceLine, ...]
    hypothesis_lines: tuple[PredictedLine, ...]

    @property
    def counts(self) -> TextCounts:
        """Text errors of the cluster."""
        return count_errors(self.reference, self.hypothesis)

    @property
    def spaces(self) -> SpaceCounts:
        """Spaces of its Latin text."""
        return count_spaces(self.reference, self.hypothesis)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The scores of one page.

    Attributes:
        clusters: In the order of the ground truth; predictions without a match come last.
        text: Text errors of all clusters.
        boxes: Box counts; all zero on a page of level ``page``.
        ignored: Predictions in don't-care regions, which are not scored.
        page: Errors of the page's text in reading order; None where it is not known.
        spaces: Spaces of Latin text in all clusters.
        tables: Scores of its tables.
        paragraphs: Scores of its paragraphs, of lines outside the tables; none where they are not known.
    """

    clusters: tuple[Cluster, ...]
    text: TextCounts
    boxes: BoxCounts
    ignored: tuple[PredictedLine, ...] = ()
    page: TextCounts | None = None
    spaces: SpaceCounts = SpaceCounts()
    tables: TableCounts = TableCounts()
    paragraphs: ParagraphCounts = ParagraphCounts()


def compare(reference: ReferencePage, prediction: Prediction, *, casefold: bool = False) -> Comparison:
    """Score one page.

    Args:
        reference: The ground truth.
        prediction: What was recognised.
        casefold: Whether case is ignored.
    """
    if reference.level == "page":
        whole = _whole(reference, prediction.lines, casefold)
        tables = count_tables(reference.tables, prediction.tables)
        return Comparison(
            (whole,), whole.counts, BoxCounts(), page=whole.counts, spaces=whole.spaces, tables=tables
        )

    scored_lines = [line for line in reference.lines if line.counts]
    angle = tilt([line.quad for line in scored_lines])
    dont_care = [line.quad for line in reference.lines if not line.counts] + list(reference.dont_care)
    scored_boxes = axis_aligned_boxes([line.quad for line in scored_lines], angle)
    boxes = axis_aligned_boxes([line.quad for line in prediction.lines], angle)

    page = None
    if reference.text:
        is_known = _is_scored(boxes, scored_boxes, axis_aligned_boxes(reference.dont_care, angle))
        page = _whole(reference, list(compress(prediction.lines, is_known)), casefold).counts
    is_scored = _is_scored(boxes, scored_boxes, axis_aligned_boxes(dont_care, angle))
    hypothesis_lines = list(compress(prediction.lines, is_scored))
    ignored = tuple(compress(prediction.lines, ~is_scored))
    boxes = boxes[is_scored]

    clusters = []
    for references, hypotheses in _components(_overlapping(scored_boxes, boxes)):
        ours = tuple(scored_lines[k] for k in _reading_order(scored_boxes, references))
        theirs = tuple(hypothesis_lines[k] for k in _reading_order(boxes, hypotheses))
        clusters.append(Cluster(_joined(ours, casefold), _joined(theirs, casefold), ours, theirs))
    text = sum((cluster.counts for cluster in clusters), TextCounts())
    spaces = sum((cluster.spaces for cluster in clusters), SpaceCounts())
    tables = count_tables(reference.tables, prediction.tables)
    pairs = _paragraphs(
        clusters, axis_aligned_boxes([table.quad for table in reference.tables], angle), angle
    )
    counts = count_boxes(scored_boxes, boxes)
    return Comparison(tuple(clusters), text, counts, ignored, page, spaces, tables, count_paragraphs(pairs))


def _paragraphs(clusters: Sequence[Cluster], tables: Boxes, angle: float) -> list[tuple[Hashable, Hashable]]:
    """Paragraphs in the ground truth and the prediction of what is one line in both, outside of tables."""
    single = [
        (cluster.reference_lines[0], cluster.hypothesis_lines[0])
        for cluster in clusters
        if len(cluster.reference_lines) == len(cluster.hypothesis_lines) == 1
    ]
    boxes = axis_aligned_boxes([line.quad for line, _ in single], angle)
    inside = intersections(boxes, tables).sum(axis=1) > 0.5 * areas(boxes)
    known = compress(single, ~inside)
    pairs: list[tuple[Hashable, Hashable]] = [(one.block, other.paragraph) for one, other in known]
    return [] if any(None in pair for pair in pairs) else pairs


def _whole(reference: ReferencePage, lines: Sequence[PredictedLine], casefold: bool) -> Cluster:
    """The page's text in reading order against all lines in the order given."""
    known = normalize(reference.text, casefold=casefold)
    return Cluster(known, _joined(lines, casefold), (), tuple(lines))


def _joined(lines: Sequence[ReferenceLine] | Sequence[PredictedLine], casefold: bool) -> str:
    return " ".join(normalize(line.text, casefold=casefold) for line in lines)


def _is_scored(boxes: Boxes, references: Boxes, dont_care: Boxes) -> NDArray[np.bool_]:
    """Which predictions are scored: all but those mostly inside don't-care regions and in no scored line."""
    size = areas(boxes)
    divisor = np.maximum(_TINY, size)
    is_excused = intersections(boxes, dont_care).sum(axis=1) / divisor > 0.5
    is_needed = (intersections(boxes, references) / divisor[:, None] > 0.5).any(axis=1)
    return np.asarray((size <= 0) | ~is_excused | is_needed)


def _overlapping(references: Boxes, hypotheses: Boxes) -> NDArray[np.bool_]:
    """Which ground-truth line overlaps which predicted line, N×M."""
    common = intersections(references, hypotheses)
    fraction = common / np.maximum(_TINY, np.minimum(areas(references)[:, None], areas(hypotheses)[None, :]))
    top = np.maximum(references[:, None, 1], hypotheses[None, :, 1])
    bottom = np.minimum(references[:, None, 3], hypotheses[None, :, 3])
    heights = np.minimum(_heights(references)[:, None], _heights(hypotheses)[None, :])
    height_fraction = (bottom - top) / np.maximum(_TINY, heights)
    return np.asarray((common > 0) & ((fraction > 0.5) | ((fraction > 0.3) & (height_fraction > 0.5))))


def _heights(boxes: Boxes) -> NDArray[np.float64]:
    return np.asarray(boxes[:, 3] - boxes[:, 1])


def _components(overlapping: NDArray[np.bool_]) -> list[tuple[list[int], list[int]]]:
    """Connected components of the bipartite graph: indices of references and of hypotheses, ascending."""
    references, hypotheses = overlapping.shape
    parent = list(range(references + hypotheses))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for i, j in np.argwhere(overlapping).tolist():
        parent[root(i)] = root(references + j)
    members: dict[int, tuple[list[int], list[int]]] = {}
    for i in range(references):
        members.setdefault(root(i), ([], []))[0].append(i)
    for j in range(hypotheses):
        members.setdefault(root(references + j), ([], []))[1].append(j)
    return list(members.values())


def _reading_order(boxes: Boxes, members: Sequence[int]) -> list[int]:
    """Rows from top to bottom, each from left to right; a row is what overlaps its topmost box vertically."""
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
