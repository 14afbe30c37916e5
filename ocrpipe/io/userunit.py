"""The unit of PDF pages, which PDFium does not report; needs the extra ``ocrpipe[pdf]``."""

from __future__ import annotations

import logging
import mmap
from collections.abc import Iterable
from contextlib import suppress
from typing import BinaryIO

from ocrpipe.io.names import Passwords, candidates

_log = logging.getLogger(__name__)

_MIN_UNIT, _MAX_UNIT = 0.01, 75_000.0
_KEY, _COMPRESSED = b"/UserUnit", b"/ObjStm"


def user_units(stream: BinaryIO, numbers: Iterable[int], password: Passwords) -> dict[int, float]:
    """``UserUnit`` of pages (PDF 1.7, 14.1): page number to unit in points, for units other than 1.

    Args:
        stream: The PDF; its position is kept.
        numbers: 1-based numbers of the pages.
        password: As for ``documents.pages``.
    """
    at = stream.tell()
    try:
        plain = _contains(stream, _KEY)
        if not plain and not _contains(stream, _COMPRESSED):
            return {}
        return _read(stream, numbers, password, warn=plain)
    except Exception as error:  # damaged files raise errors of many kinds, but may be readable
        _log.debug("no UserUnit can be read: %s", error)
        return {}
    finally:
        stream.seek(at)


def _read(stream: BinaryIO, numbers: Iterable[int], password: Passwords, *, warn: bool) -> dict[int, float]:
    try:
        import pikepdf
    except ImportError:
        if warn:
            _log.warning("the PDF's UserUnit is ignored without pikepdf: pip install 'ocrpipe[pdf]'")
        return {}
    for candidate in candidates(password):
        stream.seek(0)
        with suppress(pikepdf.PasswordError), pikepdf.open(stream, password=candidate) as pdf:
            total = len(pdf.pages)
            values = {n: float(pdf.pages[n - 1].obj.get("/UserUnit", 1)) for n in numbers if n <= total}
            return {n: value for n, value in values.items() if value != 1 and _MIN_UNIT <= value <= _MAX_UNIT}
    return {}


def _contains(stream: BinaryIO, key: bytes) -> bool:
    try:
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return data.find(key) >= 0
    except (OSError, ValueError):  # not a file, or an empty one
        stream.seek(0)
        tail = b""
        while chunk := stream.read(1 << 20):
            if key in tail + chunk:
                return True
            tail = chunk[-len(key) :]
        return False
