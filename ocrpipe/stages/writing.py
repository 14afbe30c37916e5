"""Reading order of a page with horizontal and vertical text.

A block of columns is arranged as the lines that they are when the page is turned by 90° anticlockwise: from
right to left is from top to bottom then, and tiers of columns are columns of lines. Its paragraphs enter the
order of the horizontal text as one.
"""

from __future__ import annotations

from collections.abc import Sequence

from ocrpipe.stages.boxes import Block, LayoutOptions
from ocrpipe.stages.layout import arrange
from ocrpipe.stages.orientation import residual_tilt
from ocrpipe.stages.reading import Reading
from ocrpipe.stages.vertical import Box, VerticalOptions, blocks_of, box_of, lying, standing

_LAYOUT = LayoutOptions()
_VERTICAL = VerticalOptions()


def with_columns(
    blocks: Sequence[Block[Reading]],
    columns: Sequence[Reading],
    layout: LayoutOptions = _LAYOUT,
    vertical: VerticalOptions = _VERTICAL,
) -> list[Block[Reading]]:
    """Paragraphs of a page in reading order, those of its columns among the others.

    Args:
        blocks: Paragraphs of the horizontal text, in reading order, in the level view's coordinates.
        columns: Columns of vertical text, likewise.
        layout: Thresholds for columns, rows and paragraphs.
        vertical: Which columns stand together.
    """
    blocks = list(blocks)
    for group in blocks_of(columns, vertical):
        paragraphs = arrange_columns(group, layout)
        at = _place(_around(paragraphs), [box_of(block.quad) for block in blocks])
        blocks[at:at] = paragraphs
    return blocks


def arrange_columns(columns: Sequence[Reading], options: LayoutOptions = _LAYOUT) -> list[Block[Reading]]:
    """Paragraphs of a block of columns, from right to left."""
    lines = lying(columns)
    own = dict(zip(map(id, lines), columns, strict=True))
    tilt = residual_tilt(line.quad for line in lines)
    return [
        Block(tuple(own[id(line)] for line in block.lines), standing(block.quad))
        for block in arrange(lines, angle=tilt, options=options)
    ]


def _around(blocks: Sequence[Block[Reading]]) -> Box:
    boxes = [box_of(block.quad) for block in blocks]
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _place(box: Box, others: Sequence[Box]) -> int:
    """Where a block enters the order of others: after what stands above it, else before what stands below."""
    shared = [i for i, other in enumerate(others) if min(box[2], other[2]) > max(box[0], other[0])]
    middle = (box[1] + box[3]) / 2
    above = [i for i in shared if others[i][3] <= middle]
    if above:
        return above[-1] + 1
    below = [i for i in shared if others[i][1] >= middle]
    if below:
        return below[0]
    return sum(other[3] <= box[1] for other in others)
