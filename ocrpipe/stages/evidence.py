"""Whether two groups of lines side by side are columns of text, or cells of common rows.

Columns of a newspaper are often as level as the rows of a table, so no single sign decides. Several are added
up as log-odds, as a naive Bayes classifier does: positive for columns, negative for rows.

- Level: cells of a row share their height on the page; lines of independent columns do by chance, or because
  they are set on one grid.
- Language: the end of a line of running text continues in the line below; a cell does not.
- Edges: running text fills its lines up to the right edge.
- Kind: figures, and labels that end in a colon, belong to the row they are in.

All distances are relative to line heights.
"""

from __future__ import annotations

import math
import re
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from statistics import median

from ocrpipe.characters import is_cjk
from ocrpipe.stages.boxes import Box, LayoutOptions, T
from ocrpipe.stages.cells import Cell, cells, step

Continuation = Callable[[str, str], float]
"""How much likelier a text is after another one than by itself: the difference of log-probabilities."""

_LABEL = re.compile(r"[:：]\s*$")
_LABELLED = re.compile(r"[^\W\d_][^:：]{0,14}[:：]\s*\S")
_STOPS = re.compile(r"[，。；、！？]|[^\W\d_][,.;!?](?:\s|$)")
_OPEN_END = re.compile(r"\s.*[^\W\d_][,;]?$")  # several words, the last of which may be within a sentence
_HYPHEN = re.compile(r"[^\W\d_]-$")
_ITEM = re.compile(r"\s*[(（]?(\d{1,2})\s*[.．)）、]\s*[^\W\d]")  # a list's number, then a letter or hanzi


def column_evidence(
    left: Sequence[Box[T]],
    right: Sequence[Box[T]],
    continuation: Continuation | None,
    options: LayoutOptions,
) -> dict[str, float]:
    """Log-odds that two sides of a gutter are columns, by sign; their sum decides.

    Args:
        left: Of each row the box nearest the gutter, from top to bottom.
        right: Likewise.
        continuation: The language model; without one, the other signs decide.
        options: Weights.
    """
    sides = (left, right)
    few, many = sorted(sides, key=len)
    signs = {"prior": -options.row_prior}
    if _longest_count(right) >= options.min_list_items:
        signs["list"] = options.list_weight  # numbers at the left count the rows of a table
    signs["level"] = _level(few, many, options)
    level = 1 / (1 + math.exp(signs["level"]))  # the other signs of rows tell nothing of what is not level
    figures = max(_share(_is_figure, side) for side in sides)
    signs["figures"] = -level * options.figure_weight * min(max(2.5 * figures - 0.75, 0.0), 1.0)
    labels = max(
        _share(lambda box: bool(_LABEL.search(box.line.text)), left),
        min(_share(lambda box: bool(_LABELLED.match(box.line.text)), side) for side in sides),
    )
    signs["labels"] = -level * options.label_weight * labels
    if _are_headed(left, right):
        signs["labels"] = 0.0
        signs["heads"] = options.head_weight
    if any(box.is_region for side in sides for box in side) and len(many) > 1:
        signs["region"] = options.region_weight
    space = min(box.left for box in right) - max(box.right for box in left)
    height = max(median(box.height for box in many), 1.0)
    area = space * _facing(left, right) / height**2
    signs["gutter"] = -options.gutter_weight * max(1 - area / options.min_gutter_area, 0.0)
    if few is right or not _is_sparse(few, many):
        language = _language(sides, continuation, options)
        signs["language"] = language if language > 0 else level * language
        prose = [_prose(side, options) for side in sides]
        signs["prose"] = options.prose_weight * (min(prose) + 0.25 * max(prose))
    return signs


def _level(few: Sequence[Box[T]], many: Sequence[Box[T]], options: LayoutOptions) -> float:
    """Log-odds by how the lines, or cells, of one side lie beside those of the other."""
    height = max(median(box.height for box in many), 1.0)
    steps = [(below.middle - above.middle) / height for above, below in pairwise(many)]
    usual = max(median(steps) if steps else 0.0, 1.0)
    lines = [Cell((box,)) for box in few], [Cell((box,)) for box in many]
    together = cells(few, options), cells(many, options)
    total = max(
        sum(math.log(0.9 * usual * near + 0.1) for near in _nearness(*pair, height, options))
        for pair in (lines, together)
    )
    by_chance = options.level_columns + (1 - options.level_columns) * math.exp(-min(total, 50.0))
    return min(math.log(by_chance), options.max_offset)


def _nearness(
    few: Sequence[Cell[T]], many: Sequence[Cell[T]], height: float, options: LayoutOptions
) -> Iterator[float]:
    """Of each cell the density of a normal distribution at its distance to the nearest one beside it."""
    places = sorted({place for cell in many for place in (cell.middle, cell.boxes[0].middle)})
    for cell in few:
        offset = min(
            abs(place - own) for own in (cell.middle, cell.boxes[0].middle) for place in _around(places, own)
        )
        deviations = offset / min(height, cell.boxes[0].height) / options.level_spread
        yield math.exp(-(deviations**2) / 2) / (options.level_spread * math.sqrt(2 * math.pi))


def _around(places: Sequence[float], place: float) -> Sequence[float]:
    at = bisect(places, place)
    return places[max(at - 1, 0) : at + 1]


def _facing(left: Sequence[Box[T]], right: Sequence[Box[T]]) -> float:
    """Pixels of the page's height along which both sides have lines."""
    return min(left[-1].bottom, right[-1].bottom) - max(left[0].top, right[0].top)


def _language(
    sides: Sequence[Sequence[Box[T]]], continuation: Continuation | None, options: LayoutOptions
) -> float:
    """Log-odds by how lines continue below them rather than beside them, which cells do not."""
    if continuation is None:
        return 0.0
    total = 0.0
    for side in sides:
        own = cells(side, options)
        pairs = [(above.boxes[-1], below.boxes[0]) for above, below in pairwise(own)]
        total += options.continuation_weight * sum(
            _continues(above.line.text, below.line.text, continuation, options)
            for above, below in pairs
            if step(above, below) <= options.max_prose_step and not _has_figure(above, below)
        )
    left, right = sides
    middles = [box.middle for box in right]
    for box in left:
        at = bisect(middles, box.middle)
        for other in right[max(at - 1, 0) : at + 1]:
            if abs(other.middle - box.middle) < 0.3 * box.height and not _has_figure(box, other):
                value = _continues(box.line.text, other.line.text, continuation, options)
                total -= options.across_weight * max(value, 0.0)
    return max(min(total, options.max_language), -options.max_list_sign)


def _continues(before: str, after: str, continuation: Continuation, options: LayoutOptions) -> float:
    latin = not (is_cjk(before[-1:]) or is_cjk(after[:1]))
    middle = options.latin_continuation if latin else options.continuation
    limit = options.max_continuation
    return max(min(continuation(before, after), limit), -limit) - middle


def _prose(side: Sequence[Box[T]], options: LayoutOptions) -> float:
    """From 0 to 1, how much a column looks like running text: full lines, stops, words that go on below."""
    if len(side) < 2:
        return 0.0
    texts = [box.line.text.strip() for box in side]
    height = max(median(box.height for box in side), 1.0)
    full = 0
    for i, box in enumerate(side[:-1]):  # near the edge of the lines around it: a heading may be wider
        edge = max(other.right for other in side[max(i - 2, 0) : i + 3])
        full += edge - box.right <= max(1.2 * height, 0.15 * box.width)
    width = median(box.width for box in side) / height
    narrow = options.max_cell_width
    wide = max(min((width - narrow) / (options.min_prose_width - narrow), 1.0), 0.0)
    stops = min(3 * sum(bool(_STOPS.search(text)) for text in texts) / len(texts), 1.0)
    going_on = [
        bool(_HYPHEN.search(above)) or (below[:1].islower() and bool(_OPEN_END.search(above)))
        for above, below in pairwise(texts)
        if above and below
    ]
    lower = min(2 * sum(going_on) / len(going_on), 1.0) if going_on else 0.0
    words = 1 - _share(_is_figure, side)
    return words * max(wide * full / (len(side) - 1) * (0.55 + 0.45 * stops), 0.8 * lower)


def _share(is_one: Callable[[Box[T]], bool], boxes: Sequence[Box[T]]) -> float:
    return sum(map(is_one, boxes)) / max(len(boxes), 1)


def _is_figure(box: Box[T]) -> bool:
    """Whether a cell holds a figure, a date, a sum, a mark, or nothing."""
    text = box.line.text.replace(" ", "")
    letters = sum(char.isalpha() for char in text)
    return 2 * letters < len(text) or len(text) < 2


def _has_figure(*boxes: Box[T]) -> bool:
    return any(map(_is_figure, boxes))


def _are_headed(left: Sequence[Box[T]], right: Sequence[Box[T]]) -> bool:
    """Whether each side has one label, level with the other's, and it stands over the lines below it."""
    found = []
    for side in (left, right):
        labels = [i for i, box in enumerate(side) if _LABEL.search(box.line.text)]
        if len(labels) != 1 or len(side) - labels[0] < 3:
            return False
        found.append(side[labels[0]])
    return abs(found[0].middle - found[1].middle) < 0.3 * found[0].height


def _is_sparse(few: Sequence[Box[T]], many: Sequence[Box[T]]) -> bool:
    """Whether lines stand alone beside several lines each, as markers of a list's items do."""
    if len(few) < 2:
        return True
    own = median(step(above, below) for above, below in pairwise(few))
    other = median([step(above, below) for above, below in pairwise(many)] or [own])
    return own > 1.7 * other


def _longest_count(boxes: Sequence[Box[T]]) -> int:
    """The most boxes below each other that are numbered one after the other, with text after the number."""
    numbers = [_ITEM.match(box.line.text) for box in boxes]
    longest = count = 0
    before = -1
    for match in numbers:
        number = int(match[1]) if match else -1
        count = count + 1 if match and number == before + 1 else int(bool(match))
        before = number
        longest = max(longest, count)
    return longest
