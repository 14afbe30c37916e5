"""Vertical text: columns of upright characters, read from right to left, each from top to bottom.

A detector of lines finds such columns on a page turned by 90° anticlockwise, as lines of characters that lie
on their side. What it finds so is told from horizontal text by reading it as columns; headings, captions and
page numbers that run from left to right stay what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from ocrpipe.characters import is_cjk
from ocrpipe.detectors.base import TextLine
from ocrpipe.errors import ConfigError
from ocrpipe.geometry import Image, apply, quad_size, rotation_matrix, span_quad, turn, turn_matrix
from ocrpipe.page import Quad
from ocrpipe.stages.frame import PageFrame
from ocrpipe.stages.reading import Reading

Detect = Callable[[Image], Sequence[TextLine]]
"""Finds the lines of an image, H×W×3 RGB, uint8."""
Box = tuple[float, float, float, float]
_LYING = rotation_matrix(-90).round()
_WIDE = 1.3  # length of a horizontal line over its height from which it is one, not a character
_STACKED = 1.4  # length of a short column over its width from which it is two characters
_FEW = 4  # hanzi from which their distances tell something


@dataclass(frozen=True, slots=True)
class VerticalOptions:
    """How vertical text is told from horizontal. Lengths are in widths of a column.

    Attributes:
        enabled: Look for vertical text.
        min_evidence: Least mean confidence of a page's longest columns, read as such; few characters count
            for less.
        min_han: Least fraction of hanzi among their characters: stacked digits are a table's.
        max_tightness: Least ratio of the distances between hanzi along rows and along columns: what is set
            closer along rows is horizontal.
        min_length: Least length of a column that is one by itself; shorter ones stand among such.
        max_width: Largest ratio of the widths of a short column and the usual one, and of their inverse.
        reach: How far beyond the columns a short one may lie.
        max_break: Largest space within a column; what is found below a larger one is another column.
        end_reach: How far beyond the ends of a column characters are looked for that the detector left out; 0
            looks for none, since frames of pages may be taken for characters.
        max_overlap: Largest fraction of a horizontal line that columns may cover.
        tail: By how much a column that ends with a horizontal line, a page number say, is longer than the
            others.
        max_gap: Largest space between columns of one block.
        max_drop: Largest such space in the direction of the text.
    """

    enabled: bool = True
    min_evidence: float = 0.6
    min_han: float = 0.5
    max_tightness: float = 0.9
    min_length: float = 2.0
    max_width: float = 1.7
    reach: float = 1.5
    max_break: float = 0.5
    end_reach: float = 0.0
    max_overlap: float = 0.3
    tail: float = 0.8
    max_gap: float = 4.0
    max_drop: float = 30.0

    def __post_init__(self) -> None:
        fractions = (self.min_evidence, self.min_han, self.max_overlap)
        if not all(0 <= fraction <= 1 for fraction in fractions) or self.min_length < 1 or self.max_width < 1:
            raise ConfigError(f"options out of range: {self}")


_DEFAULT = VerticalOptions()


def han_fraction(readings: Sequence[Reading]) -> float:
    """Fraction of hanzi, kana and their punctuation among the characters read; 0.0 for none."""
    chars = [char for reading in readings for char in reading.text if not char.isspace()]
    return sum(map(is_cjk, chars)) / len(chars) if chars else 0.0


def runs_across(
    across: Sequence[Reading], columns: Sequence[Reading], options: VerticalOptions = _DEFAULT
) -> bool:
    """Whether rows of a page are set tighter than its columns, which makes its text horizontal.

    Args:
        across: What was read of its longest horizontal lines.
        columns: What was read of its longest columns.
        options: Thresholds.
    """
    pitches = [_pitch(one) for one in columns]
    usual = median([pitch for pitch in pitches if pitch] or [0.0])
    tight = [
        sum(not char.text.isspace() for char in one.recognition.chars)
        for one in across
        if one.confidence >= options.min_evidence and 0 < _pitch(one) < options.max_tightness * usual
    ]
    characters = sum(not char.text.isspace() for one in columns for char in one.recognition.chars)
    return sum(tight) > 0.5 * characters


def _pitch(reading: Reading) -> float:
    """Usual distance from hanzi to hanzi in pixels; 0.0 where there are few."""
    middles = [(char.start + char.end) / 2 for char in reading.recognition.chars if is_cjk(char.text)]
    return median(b - a for a, b in pairwise(middles)) if len(middles) >= _FEW else 0.0


def find_columns(frame: PageFrame, detect: Detect) -> list[TextLine]:
    """What the detector finds on the view turned by 90° anticlockwise, in the view's coordinates.

    Returns:
        Lines whose quads begin at a column's top right and run down it.
    """
    turned = turn(frame.level, 270)
    back = turn_matrix(turned.shape[1], turned.shape[0], 90)
    lines = []
    for line in detect(turned):
        quad, crop = (part and frame.clip(apply(back, part)) for part in (line.quad, line.crop))
        assert quad is not None
        if min(quad_size(quad)) >= 1:
            lines.append(TextLine(quad, line.score, crop))
    return lines


def separate(
    found: Sequence[TextLine],
    horizontal: Sequence[TextLine],
    options: VerticalOptions = _DEFAULT,
    more: Sequence[TextLine] = (),
) -> tuple[list[TextLine], list[TextLine]]:
    """Columns and horizontal lines of a page of vertical text.

    Args:
        found: From ``find_columns``.
        horizontal: What the detector found on the upright view.
        options: Lengths and overlaps.
        more: Columns found on another view; they count where ``found`` lacks something.

    Returns:
        The columns, and the horizontal lines that no column covers.
    """
    wide = [box_of(line.crop or line.quad) for line in horizontal if _wide(line)]
    found, more = (
        [
            line
            for line in some
            if _ratio(line) >= _STACKED
            or _covered(box_of(line.crop or line.quad), wide) <= options.max_overlap
        ]
        for some in (found, more)
    )
    found = _joined(found, more, options)
    columns = [line for line in found if _ratio(line) >= options.min_length]
    if not columns:
        return [], list(horizontal)
    width = median(quad_size(line.crop or line.quad)[1] for line in columns)
    columns = _without_tails(columns, horizontal, width, options)
    boxes = [box_of(line.crop or line.quad) for line in columns]
    for line in found:
        own = quad_size(line.crop or line.quad)[1]
        if (
            _ratio(line) >= options.min_length
            or not 1 / options.max_width <= own / width <= options.max_width
        ):
            continue
        box = box_of(line.crop or line.quad)
        beside = _is_among(box, boxes, options.reach * width, anywhere=_ratio(line) >= _STACKED)
        if beside and not any(_covered(box, [one]) > options.max_overlap for one in wide):
            columns.append(line)
    boxes = [box_of(line.crop or line.quad) for line in columns]
    rest = [
        line for line in horizontal if _covered(box_of(line.crop or line.quad), boxes) <= options.max_overlap
    ]
    return columns, rest


def blocks_of(columns: Sequence[Reading], options: VerticalOptions = _DEFAULT) -> list[list[Reading]]:
    """Columns that stand together, in groups from right to left."""
    groups: list[list[Reading]] = []
    for column in sorted(columns, key=lambda one: (-box_of(one.quad)[2], one.quad)):
        left, top, right, bottom = box_of(column.quad)
        reach = options.max_gap * (right - left)
        near = [
            group
            for group in groups
            if any(_beside((left, top, right, bottom), box_of(one.quad), reach, options) for one in group)
        ]
        joined = [one for group in near for one in group]
        groups = [group for group in groups if all(group is not one for one in near)]
        groups.append([*joined, column])
    return groups


def lying(readings: Sequence[Reading]) -> list[Reading]:
    """Columns as the lines they are where the page is turned by 90° anticlockwise; the origin stays."""
    return [replace(one, line=TextLine(apply(_LYING, one.quad), one.score)) for one in readings]


def standing(quad: Quad) -> Quad:
    """Undoes what ``lying`` does to a quad."""
    return apply(_LYING.T, quad)


def _joined(found: Sequence[TextLine], more: Sequence[TextLine], options: VerticalOptions) -> list[TextLine]:
    """Columns whose parts were found one by one as one, with what ``more`` adds to them."""
    joined: list[TextLine] = []
    for line in (*sorted(found, key=_top), *sorted(more, key=_top)):
        for i, other in enumerate(joined):
            one, two = sorted((other, line), key=_top)
            parts = min(_ratio(one), _ratio(two)) >= _STACKED  # a page number below is no part
            if parts and _continues(box_of(one.quad), box_of(two.quad), options):
                whole = _together(one, two)
                gain = quad_size(whole.quad)[0] - quad_size(other.quad)[0]
                if gain > options.max_break * quad_size(other.quad)[1]:  # else it is the same once more
                    joined[i] = whole
                break
        else:
            joined.append(line)
    return joined


def _top(line: TextLine) -> tuple[object, ...]:
    return box_of(line.quad)[1], line.quad


def _continues(upper: Box, lower: Box, options: VerticalOptions) -> bool:
    """Whether one box goes on, on the same axis, in another that does not begin higher."""
    widths = sorted((upper[2] - upper[0], lower[2] - lower[0]))
    shared = min(upper[2], lower[2]) - max(upper[0], lower[0])
    alike = widths[1] <= options.max_width * widths[0] and shared >= 0.7 * widths[0]
    return alike and lower[1] - upper[3] <= options.max_break * widths[0]


def _together(upper: TextLine, lower: TextLine) -> TextLine:
    """One line from the beginning of the one to the end of that which ends lower."""

    def joined(first: Quad, second: Quad) -> Quad:
        last = second if second[1][1] + second[2][1] > first[1][1] + first[2][1] else first
        return first[0], last[1], last[2], first[3]

    crops = upper.crop or upper.quad, lower.crop or lower.quad
    return TextLine(joined(upper.quad, lower.quad), max(upper.score, lower.score), joined(*crops))


def _without_tails(
    columns: Sequence[TextLine], horizontal: Sequence[TextLine], width: float, options: VerticalOptions
) -> list[TextLine]:
    """Columns without the horizontal lines above or below them that the detector took for their ends."""
    tops, bottoms = (
        sorted(side) for side in zip(*(box_of(c.crop or c.quad)[1::2] for c in columns), strict=True)
    )
    if len(columns) < 3:
        return list(columns)
    result = []
    for line in columns:
        left, top, right, bottom = box_of(line.crop or line.quad)
        first, last = 0.0, 1.0
        for other in horizontal:
            box = box_of(other.crop or other.quad)
            if not _wide(other) or _covered(box, [(left, top, right, bottom)]) <= options.max_overlap:
                continue
            length = max(bottom - top, 1.0)
            end = bottoms[-2] if bottom == bottoms[-1] else bottoms[-1]
            start = tops[1] if top == tops[0] else tops[0]
            if bottom > end + options.tail * width and box[1] >= end - 0.2 * width and top < end - 2 * width:
                last = min(last, (box[1] - top) / length)
            if (
                top < start - options.tail * width
                and box[3] <= start + 0.2 * width
                and bottom > start + 2 * width
            ):
                first = max(first, (box[3] - top) / length)
        if (first, last) != (0.0, 1.0) and first < last:
            quad, crop = (part and span_quad(part, first, last) for part in (line.quad, line.crop))
            assert quad is not None
            result.append(TextLine(quad, line.score, crop))
        else:
            result.append(line)
    return result


def _ratio(line: TextLine) -> float:
    length, width = quad_size(line.crop or line.quad)
    return length / max(width, 1.0)


def _wide(line: TextLine) -> bool:
    """Whether a horizontal line has more than one character."""
    return _ratio(line) >= _WIDE


def box_of(quad: Quad) -> Box:
    """Left, top, right and bottom of a quad."""
    xs, ys = zip(*quad, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _is_among(box: Box, boxes: Sequence[Box], reach: float, *, anywhere: bool) -> bool:
    """Whether a box lies beside a column, and no higher or lower than any unless that does not matter."""
    top, bottom = min(one[1] for one in boxes), max(one[3] for one in boxes)
    inside = box[1] >= top - 0.5 * reach and box[3] <= bottom + 0.5 * reach
    return (inside or anywhere) and any(max(box[0] - one[2], one[0] - box[2]) <= reach for one in boxes)


def _covered(box: Box, boxes: Sequence[Box]) -> float:
    """Fraction of a box that others cover, taken as not overlapping each other."""
    area = max((box[2] - box[0]) * (box[3] - box[1]), 1e-6)
    covered = 0.0
    for one in boxes:
        width = min(box[2], one[2]) - max(box[0], one[0])
        height = min(box[3], one[3]) - max(box[1], one[1])
        covered += max(width, 0.0) * max(height, 0.0)
    return covered / area


def _beside(one: Box, other: Box, reach: float, options: VerticalOptions) -> bool:
    """Whether two columns stand in one block; a short one, an author's name, may stand far below."""
    across = max(one[0] - other[2], other[0] - one[2])
    down = max(one[1] - other[3], other[1] - one[3])
    return across <= reach and down <= options.max_drop * (one[2] - one[0])
