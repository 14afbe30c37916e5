"""The directories of a TIFF, read without decoding anything: which are pages, and their tags.

Specification: TIFF 6.0 and BigTIFF. Pillow finds a directory by walking from the first one, and compares each
with all before it; here a file of 100,000 directories takes one pass.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

NEW_SUBFILE_TYPE, SUBFILE_TYPE = 254, 255

_REDUCED, _MASK = 1, 4  # bits of NewSubfileType
_OLD_REDUCED = 2  # value of SubfileType
_MAX_ENTRIES = 4096  # of a directory; one with more is damaged


@dataclass(frozen=True, slots=True)
class Directories:
    """The chain of directories.

    Attributes:
        offsets: Position of each, in the order of the chain.
        pages: Indices of those that are pages, not thumbnails, levels of a pyramid or masks.
        damaged: Whether the chain ends in something that is not a directory.
    """

    offsets: tuple[int, ...]
    pages: tuple[int, ...]
    damaged: bool


def directories(stream: BinaryIO) -> Directories:
    """Walk the chain; the stream's position afterwards is undefined.

    A directory whose NewSubfileType has bit 0 (reduced resolution) or 2 (transparency mask), or whose
    SubfileType is 2, is not a page. If no page is left, all are pages.
    """
    offsets: dict[int, None] = {}
    pages: list[int] = []
    damaged = False
    try:
        stream.seek(0)
        layout, offset = _header(stream.read(16))
        while offset and offset not in offsets:
            kinds, following = _directory(stream, layout, offset)
            if not kinds[0] & (_REDUCED | _MASK) and kinds[1] != _OLD_REDUCED:
                pages.append(len(offsets))
            offsets[offset] = None
            offset = following
    except (ValueError, struct.error, OSError, OverflowError):
        damaged = True
    if damaged or not pages:
        pages += range(len(offsets), len(offsets) + damaged) if pages else range(len(offsets) + damaged)
    return Directories(tuple(offsets), tuple(pages), damaged)


@dataclass(frozen=True, slots=True)
class _Layout:
    order: str
    count: struct.Struct
    entry: struct.Struct  # tag, type, number of values, value or offset
    link: struct.Struct


def _header(head: bytes) -> tuple[_Layout, int]:
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None:
        raise ValueError("no TIFF")
    (version,) = struct.unpack(f"{order}H", head[2:4])
    big = version == 43
    count, entry, link = ("Q", "HHQ8s", "Q") if big else ("H", "HHI4s", "I")
    layout = _Layout(order, *(struct.Struct(order + kind) for kind in (count, entry, link)))
    start = 8 if big else 4
    return layout, layout.link.unpack(head[start : start + layout.link.size])[0]


def _directory(stream: BinaryIO, layout: _Layout, offset: int) -> tuple[tuple[int, int], int]:
    """NewSubfileType and SubfileType, 0 if missing, and the next directory's offset."""
    stream.seek(offset)
    (count,) = layout.count.unpack(stream.read(layout.count.size))
    if not 0 < count <= _MAX_ENTRIES:
        raise ValueError("no directory")
    data = stream.read(count * layout.entry.size + layout.link.size)
    kinds = {NEW_SUBFILE_TYPE: 0, SUBFILE_TYPE: 0}
    for index in range(count):
        tag, kind, number, value = layout.entry.unpack_from(data, index * layout.entry.size)
        if tag in kinds and number == 1:
            kinds[tag] = struct.unpack(
                layout.order + ("H" if kind == 3 else "I"), value[: 2 if kind == 3 else 4]
            )[0]
        elif tag > SUBFILE_TYPE:
            break  # entries are in ascending order
    (following,) = layout.link.unpack_from(data, count * layout.entry.size)
    return (kinds[NEW_SUBFILE_TYPE], kinds[SUBFILE_TYPE]), following
