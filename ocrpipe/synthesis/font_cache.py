"""A cache of what ``font_inspection`` finds out about font files: inspecting thousands of them takes minutes.

It is one gzipped JSON file in the user's cache folder, with the faces of each font file by path, size and
modification time. It is renewed when the code of the inspection or Pillow's version changes.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import PIL

from ocrpipe.errors import OcrError
from ocrpipe.io.cache import cache_folder as cache_folder
from ocrpipe.io.files import write_whole
from ocrpipe.synthesis import font_inspection
from ocrpipe.synthesis.font_inspection import FaceInfo, inspect_font

_MAX_CODE_POINT = 0x10FFFF
_SAVE_INTERVAL = 500
"""Inspected files after which the cache is saved, so that an interrupted run need not begin again."""

_Entries = dict[str, list[Any]]
"""By path: size, modification time in ns, and the faces as ``encode_face`` gives them."""


def cached_faces(paths: Iterable[Path]) -> Iterator[tuple[Path, list[FaceInfo]]]:
    """Each font file with its usable faces (see ``inspect_font``), from the user's cache where it has them.

    Files that can't be opened are left out. Several processes may use the cache at once: its file is replaced
    as a whole, and keeps the entries that others have added. A damaged cache is renewed; where none can
    be written, fonts are inspected each time.

    Raises:
        ocrpipe.errors.MissingExtraError: A file must be inspected, and fontTools is not installed.
    """
    folder = cache_folder()
    file = folder / "fonts.json.gz" if folder else None
    entries = _load(file)
    added: _Entries = {}
    try:
        for path in paths:
            key = str(path.absolute())
            try:
                status = path.stat()
                stamp = [status.st_size, status.st_mtime_ns]
                faces = _known_faces(entries.get(key), stamp)
                if faces is None:
                    faces = inspect_font(path)
                    added[key] = [*stamp, [encode_face(face) for face in faces]]
                    if len(added) % _SAVE_INTERVAL == 0:
                        _save(file, added)
            except OSError:
                continue
            yield path, faces
    finally:
        if added:
            _save(file, added)


def add_to_cache(faces: Mapping[Path, Sequence[FaceInfo]]) -> None:
    """Enter font files whose faces are known already, so that they need not be inspected."""
    entries: _Entries = {}
    for path, known in faces.items():
        status = path.stat()
        entries[str(path.absolute())] = [status.st_size, status.st_mtime_ns, [encode_face(f) for f in known]]
    folder = cache_folder()
    _save(folder / "fonts.json.gz" if folder else None, entries)


def _rules() -> str:
    """Identifies the rules by which fonts are inspected."""
    source = Path(font_inspection.__file__).read_bytes()
    return hashlib.sha256(source + PIL.__version__.encode()).hexdigest()


def _load(file: Path | None) -> _Entries:
    """The entries of a cache file; none if it is missing, damaged or made by other rules."""
    if file is None:
        return {}
    try:
        content = json.loads(gzip.decompress(file.read_bytes()))
        if content["rules"] == _rules() and isinstance(content["fonts"], dict):
            fonts: _Entries = content["fonts"]
            return fonts
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, RecursionError):
        pass
    return {}


def _save(file: Path | None, added: _Entries) -> None:
    """Add entries to a cache file, and remove those of fonts that are gone."""
    if file is None:
        return
    with suppress(OSError, OcrError):
        file.parent.mkdir(parents=True, exist_ok=True)
        entries = {key: entry for key, entry in (_load(file) | added).items() if _exists(key)}
        content = json.dumps({"rules": _rules(), "fonts": entries}, separators=(",", ":"))
        write_whole(file, gzip.compress(content.encode(), compresslevel=6, mtime=0))


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def _known_faces(entry: Any, stamp: list[int]) -> list[FaceInfo] | None:
    """The faces of a cache entry; None if there is none for this size and time, or if it is damaged."""
    try:
        *entry_stamp, faces = entry
        return [decode_face(*face) for face in faces] if entry_stamp == stamp else None
    except (TypeError, ValueError):
        return None


def encode_face(face: FaceInfo) -> list[Any]:
    """The face in plain values; the coverage as alternating lengths of gaps and of ranges of code points."""
    lengths, end = [], 0
    for start, stop in _ranges(sorted(face.coverage)):
        lengths += [start - end, stop - start]
        end = stop
    return [face.index, sorted(face.kinds), face.unicase, lengths]


def _ranges(codes: list[int]) -> Iterator[tuple[int, int]]:
    """Start and stop (exclusive) of the runs of consecutive numbers in a sorted list."""
    start = 0
    for i in range(1, len(codes) + 1):
        if i == len(codes) or codes[i] != codes[i - 1] + 1:
            yield codes[start], codes[i - 1] + 1
            start = i


def decode_face(index: int, kinds: list[str], unicase: bool, lengths: list[int]) -> FaceInfo:
    """The face encoded by ``encode_face``.

    Raises:
        ValueError: Its code points are out of range.
        TypeError: A value has another type.
    """
    if (
        type(index) is not int
        or type(unicase) is not bool
        or not all(isinstance(kind, str) for kind in kinds)
    ):
        raise TypeError("not a face")
    ranges, end = [], 0
    for gap, length in zip(lengths[::2], lengths[1::2], strict=True):
        ranges.append(range(end + gap, end + gap + length))
        end += gap + length
        if gap < 0 or length < 1 or end > _MAX_CODE_POINT + 1:
            raise ValueError("code points out of range")
    return FaceInfo(index, frozenset(kinds), frozenset(chain.from_iterable(ranges)), unicase)
