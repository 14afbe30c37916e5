"""Lines side by side in rows, so that a network's calls are few, of few shapes, and hardly any padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

GAP = 1
"""Frames between lines, and after the last one of a row."""


class Place(NamedTuple):
    """Where a line stands: its row, and the first frame in it."""

    row: int
    start: int


def pack(lengths: Sequence[int], width: int) -> tuple[list[Place], int]:
    """Places for lines, the longest first, each in the first row with room (first-fit decreasing).

    Args:
        lengths: Frames of each line.
        width: Frames of a row, no fewer than the longest line and a gap.

    Returns:
        The place of each line, and the number of rows.
    """
    used: list[int] = []
    places = [Place(0, 0)] * len(lengths)
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        taken = lengths[i] + GAP
        row = next((row for row, start in enumerate(used) if start + taken <= width), len(used))
        if row == len(used):
            used.append(0)
        places[i] = Place(row, used[row])
        used[row] += taken
    return places, len(used)


def shared_out(lengths: Sequence[int], parts: int, most: int) -> list[list[int]]:
    """Lines in groups of about as many frames, each of lines of similar length.

    Args:
        lengths: Frames of each line.
        parts: Groups, at least, if there are as many lines.
        most: Frames of a group, at most, but for a longer line.

    Returns:
        Indices of the lines of each group.
    """
    total = sum(lengths)
    count = min(len(lengths), max(parts, -(-total // most)))
    groups: list[list[int]] = []
    done = 0
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if not groups or done >= total * len(groups) / count:
            groups.append([])
        groups[-1].append(i)
        done += lengths[i]
    return groups


def bucket(length: int, sizes: Sequence[int]) -> int:
    """The first of ascending sizes that is no smaller, or else a multiple of the last one."""
    return next((size for size in sizes if size >= length), -(-length // sizes[-1]) * sizes[-1])
