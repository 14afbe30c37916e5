"""Reading columns of vertical text: cut into characters, laid side by side, read as horizontal lines.

A column is read upright first. Where characters are doubtful it is read once more as it lies, from the side:
Latin words, brackets and dashes are set so in vertical text. What reads better so is turned in a last strip,
which is read in one go, so that the recogniser and its language model see the whole line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from ocrpipe.detectors.base import TextLine
from ocrpipe.errors import ConfigError
from ocrpipe.geometry import Image, clip_quad, quad_size, rectify, span_quad, turn
from ocrpipe.recognizers.base import CharSpan, Recognition
from ocrpipe.stages.frame import PageFrame
from ocrpipe.stages.glyph_cells import CellOptions, cut, estimate_pitch
from ocrpipe.stages.reading import Reading
from ocrpipe.stages.strips import Column, Piece, column_of, lay_out

Recognize = Callable[[Sequence[Image]], Sequence[Recognition]]
"""Reads crops that each hold one line, H×W×3 RGB, uint8."""

_BRACKETS = frozenset("()[]{}<>（）［］｛｝〈〉《》「」『』【】〔〕—–…‥~～")  # turned in vertical text
_STROKES = frozenset("|丨Il1i!\"'`,._-·:;")  # what strokes of hanzi look like from the side
_FLAT = frozenset('一-—–_~^⌒″"：:|1Il丨︙')  # what turned brackets, dashes and dots look like upright


@dataclass(frozen=True, slots=True)
class ColumnOptions:
    """How columns of vertical text are read.

    Attributes:
        doubtful_below: A column with a character of a lower confidence is read from the side as well.
        min_sideways: Least confidence of characters that are set sideways.
        min_gain: Least ratio of a part's confidence from the side to that upright; 1 for brackets.
        room: Pixels at both ends of a column, in its widths, in which a glyph that its crop cuts is looked
            for.
        max_loss: Confidence that a column may lose by having parts turned.
        gap: Blank between upright characters, in pitches, from which a space between them is kept.
    """

    doubtful_below: float = 0.97
    min_sideways: float = 0.5
    min_gain: float = 1.5
    room: float = 0.8
    max_loss: float = 0.01
    gap: float = 0.6

    def __post_init__(self) -> None:
        if not 0 <= self.min_sideways <= 1 or not 0 <= self.doubtful_below <= 1 or self.min_gain < 1:
            raise ConfigError(f"options out of range: {self}")


_SAME_SIZE = 1.2  # largest ratio of the sizes of characters that are set alike
_LONG = 4  # characters from which a column shows its pitch
_DEFAULT = ColumnOptions()
_CELLS = CellOptions()
Cuts = list[tuple[int, int]]


@dataclass(slots=True)
class _Work:
    """A column on its way through the passes."""

    column: Column
    pitch: float
    cells: Cuts
    sideways: list[bool]
    strip: Image
    pieces: list[Piece]


def read_columns(
    frame: PageFrame,
    lines: Sequence[TextLine],
    recognize: Recognize,
    options: ColumnOptions = _DEFAULT,
    cell_options: CellOptions = _CELLS,
    *,
    sideways: bool = True,
) -> list[Reading]:
    """Read columns of upright characters from the caller's own pixels.

    Args:
        frame: The page.
        lines: In the level view's coordinates; each quad begins at the first character's right and runs down
            the column.
        recognize: Reads crops.
        options: Which parts are read from the side.
        cell_options: How columns are cut into characters.
        sideways: Whether to look for parts that are set sideways.

    Returns:
        A reading for each line, in the order given; spans are pixels along the column.
    """
    columns = []
    for line in lines:
        crop, before, length = _crop(frame, line, options)
        columns.append(column_of(crop, before, length, cell_options))
    works = _cut_all(columns, cell_options)
    present = [work for work in works if work]
    upright = recognize([work.strip for work in present])
    results = {id(work): (one, work) for work, one in zip(present, upright, strict=True)}
    if sideways:
        results |= _turned_parts(results, recognize, options, cell_options)
    readings = []
    for line, work in zip(lines, works, strict=True):
        recognition, length = Recognition("", ()), 1
        if work:
            recognition = _placed(*results[id(work)], options, cell_options)
            length = work.column.length
        readings.append(Reading(line, recognition, length, 0.0, vertical=True))
    return readings


def _crop(frame: PageFrame, line: TextLine, options: ColumnOptions) -> tuple[Image, int, int]:
    """A crop with some room at both ends, the pixels before the line's own first, and how many it has."""
    quad = frame.page_quad(line.crop or line.quad)
    length, width = quad_size(quad)
    room = options.room * width / max(length, 1.0)
    wide = clip_quad(span_quad(quad, -room, 1 + room), frame.width, frame.height)
    crop = rectify(frame.image, wide)
    before = math.dist(quad[0], wide[0])
    return crop, round(before), max(1, min(round(length), crop.shape[1] - round(before)))


def _cut_all(columns: Sequence[Column | None], options: CellOptions) -> list[_Work | None]:
    """The columns cut into characters; those of one size have one pitch, which short ones do not show."""
    groups: list[list[Column]] = []
    for column in sorted((one for one in columns if one), key=lambda one: one.size):
        if groups and column.size <= _SAME_SIZE * groups[-1][0].size:
            groups[-1].append(column)
        else:
            groups.append([column])
    pitches: dict[int, float] = {}
    ratios: list[float] = []
    for group in groups:
        size = median(one.size for one in group)
        pitch = estimate_pitch([one.profile for one in group], size, options)
        if pitch and any(one.length > _LONG * pitch for one in group):
            pitches |= {id(one): pitch for one in group}
            ratios.append(pitch / size)
    usual = median(ratios) if ratios else 1.0
    works: list[_Work | None] = []
    for one in columns:
        if one is None:
            works.append(None)
            continue
        pitch = pitches.get(id(one), usual * one.size)
        cells = cut(one.profile, pitch, options)
        works.append(_work(one, pitch, cells, [False] * len(cells)))
    return works


def _work(column: Column, pitch: float, cells: Cuts, sideways: list[bool]) -> _Work:
    strip, pieces = lay_out(column, cells, sideways, pitch)
    return _Work(column, pitch, cells, sideways, strip, pieces)


def _turned_parts(
    upright: dict[int, tuple[Recognition, _Work]],
    recognize: Recognize,
    options: ColumnOptions,
    cell_options: CellOptions,
) -> dict[int, tuple[Recognition, _Work]]:
    """Those columns that have parts set sideways, read with these turned; by the keys they came with."""
    chosen = {
        key: (recognition, work)
        for key, (recognition, work) in upright.items()
        if _is_doubtful(recognition, work, options)
    }
    again: dict[int, _Work] = {}
    pictures = [turn(work.column.picture, 270) for _, work in chosen.values()]
    aside = recognize(pictures) if pictures else ()
    for (key, (first, work)), side in zip(chosen.items(), aside, strict=True):
        cells, flags = _recut(work, first, side, options, cell_options)
        if any(flags):
            again[key] = _work(work.column, work.pitch, cells, flags)
    last = recognize([work.strip for work in again.values()]) if again else ()
    return {
        key: (recognition, work)
        for (key, work), recognition in zip(again.items(), last, strict=True)
        if recognition.confidence >= upright[key][0].confidence - options.max_loss
    }


def _is_doubtful(upright: Recognition, work: _Work, options: ColumnOptions) -> bool:
    """Whether a character was read with little confidence, or a part as nothing."""
    parts = [_solid(chars) for chars in _by_piece(upright.chars, work.pieces)]
    return any(
        not chars or min(char.confidence for char in chars) < options.doubtful_below for chars in parts
    )


def _recut(
    work: _Work,
    upright: Recognition,
    aside: Recognition,
    options: ColumnOptions,
    cell_options: CellOptions,
) -> tuple[Cuts, list[bool]]:
    """The column's cells with the parts that read better from the side as one cell each.

    Args:
        work: The column.
        upright: What was read in its strip.
        aside: What was read in its picture from the side; spans are pixels along the picture.
        options: When the one is better.
        cell_options: How the rest is cut again.

    Returns:
        Cells, and whether each is set sideways.
    """
    column, side = work.column, aside.chars
    pairs: list[tuple[list[CharSpan], list[CharSpan]]] = []
    for (start, end), chars in zip(work.cells, _by_piece(upright.chars, work.pieces), strict=True):
        over = [char for char in side if start <= (char.start + char.end) / 2 < end]
        pairs.append((_solid(chars), _solid(over)))
    flags = [_reads_sideways(one, other, options.min_gain, options) for one, other in pairs]
    for i in [*range(1, len(flags)), *range(len(flags) - 2, -1, -1)]:  # a word goes on in the next cell
        beside = any(flags[j] for j in (i - 1, i + 1) if 0 <= j < len(flags))
        flags[i] |= beside and _reads_sideways(pairs[i][0], pairs[i][1], 1.0, options)
    runs: Cuts = []
    for i, flag in enumerate(flags):
        if not flag:
            continue
        start, end = _extent(work.cells[i], pairs[i][1], work.column, work.pitch)
        if runs and start <= runs[-1][1] + 0.5 * work.pitch:
            runs[-1] = runs[-1][0], max(end, runs[-1][1])
        else:
            runs.append((start, end))
    cells: Cuts = []
    turned: list[bool] = []
    profile, at = column.profile, 0
    for start, end in [*runs, (len(profile), len(profile))]:
        between = cut(profile[at:start], work.pitch, cell_options) if start > at else []
        cells += [(at + low, at + high) for low, high in between]
        turned += [False] * len(between)
        if end > start:
            cells.append((start, end))
            turned.append(True)
        at = end
    return cells, turned


def _reads_sideways(
    upright: list[CharSpan], side: list[CharSpan], gain: float, options: ColumnOptions
) -> bool:
    """Whether a cell holds characters that are set sideways."""
    side = [char for char in side if _may_turn(char)]
    if not side:
        return False
    confidence = float(np.mean([char.confidence for char in side]))
    own = float(np.mean([char.confidence for char in upright])) if upright else 0.0
    if confidence < options.min_sideways:
        return False
    if side[0].text in _BRACKETS and (not upright or upright[0].text in _FLAT):
        return confidence >= min(own, 0.7)
    if all(char.text in _STROKES for char in side):
        return False
    return confidence >= gain * own


def _may_turn(char: CharSpan) -> bool:
    return char.text in _BRACKETS or (char.text.isascii() and char.text.isprintable())


def _extent(cell: tuple[int, int], side: Sequence[CharSpan], column: Column, pitch: float) -> tuple[int, int]:
    """Where the part of a cell begins and ends that is set sideways, at blank rows.

    A bracket alone has its whole cell, which tells the recogniser which one it is.
    """
    inside = [char for char in side if _may_turn(char)]
    low, high = float(cell[0]), float(cell[1])
    if len(side) > 1 or inside[0].text not in _BRACKETS:
        low, high = inside[0].start, inside[-1].end
    start, end = _blank_near(column, low, pitch), _blank_near(column, high, pitch)
    blank, reach = column.profile <= 0.02, round(0.25 * pitch)  # room for the space around a word
    while start > max(0, low - reach) and blank[start - 1]:
        start -= 1
    while end < min(len(blank), high + reach) and blank[end]:
        end += 1
    return start, end


def _blank_near(column: Column, place: float, pitch: float) -> int:
    """The row near a place that has the least ink, the nearest of several."""
    reach = max(1, round(0.3 * pitch))
    first = max(0, round(place) - reach)
    rows = np.arange(first, min(len(column.ink), round(place) + reach + 1))
    if not len(rows):
        return min(max(round(place), 0), len(column.ink))
    ink = column.profile[rows] + 0.002 * np.abs(rows - place)
    return int(rows[int(ink.argmin())])


def _by_piece(chars: Sequence[CharSpan], pieces: Sequence[Piece]) -> list[list[CharSpan]]:
    """The characters of a strip in the parts that their middles lie in."""
    found: list[list[CharSpan]] = [[] for _ in pieces]
    at = 0
    for char in chars:
        middle = (char.start + char.end) / 2
        while at + 1 < len(pieces) and middle >= pieces[at].right:
            at += 1
        if pieces:
            found[at].append(char)
    return found


def _solid(chars: Sequence[CharSpan]) -> list[CharSpan]:
    return [char for char in chars if not char.text.isspace()]


def _placed(
    recognition: Recognition, work: _Work, options: ColumnOptions, cell_options: CellOptions
) -> Recognition:
    """What was read in a strip, with spans along the column; a character that fills a cell has all of it.

    Upright letters stand a cell apart, which is no space; where the column has none, none is kept.
    """
    origin, limit = work.column.start, float(work.column.length)
    inked = work.column.profile > cell_options.blank
    chars: list[CharSpan] = []
    space: CharSpan | None = None
    before: Piece | None = None
    for piece, inside in zip(work.pieces, _by_piece(recognition.chars, work.pieces), strict=True):
        solid = _solid(inside)
        scale = (piece.end - piece.start) / (piece.right - piece.left)
        for char in inside:
            start, end = (piece.start + (x - piece.left) * scale for x in (char.start, char.end))
            if len(solid) == 1 and not piece.sideways and not char.text.isspace():
                start, end = piece.start, piece.end
            start, end = (min(max(y - origin, 0.0), limit) for y in (start, end))
            placed = CharSpan(char.text, char.confidence, start, max(start, end))
            if char.text.isspace():
                space = placed
                continue
            if space is not None and _is_spaced(before, piece, inked, work.pitch, options):
                chars.append(space)
            space, before = None, piece
            chars.append(placed)
    return Recognition("".join(char.text for char in chars), tuple(chars))


def _is_spaced(
    before: Piece | None, piece: Piece, inked: np.ndarray, pitch: float, options: ColumnOptions
) -> bool:
    """Whether a space that was read between two characters is one in the column."""
    if before is None or before is piece or before.sideways or piece.sideways:
        return True
    low, high = (before.start + before.end) / 2, (piece.start + piece.end) / 2
    blank = ~inked[round(low) : round(high)]
    longest = run = 0
    for one in blank.tolist():
        run = run + 1 if one else 0
        longest = max(longest, run)
    return longest > options.gap * pitch
