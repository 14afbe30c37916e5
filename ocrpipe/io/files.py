"""Atomic writing: a file appears under its name complete, or not at all."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ocrpipe.errors import OcrError

_log = logging.getLogger(__name__)

_PREFIX, _SUFFIX = ".ocrpipe-", ".tmp"


@contextmanager
def atomic_file(path: str | os.PathLike[str], *, follow: bool = True) -> Iterator[BinaryIO]:
    """A file to write to, that replaces ``path`` when the block ends without an error.

    It is written under a temporary name in the same folder, synced to the disk and renamed; then the folder
    is synced. A reader sees the earlier file or the new one, never a part of it, even after a crash or on a
    full disk.

    Args:
        path: The file.
        follow: Whether a symbolic link is followed; otherwise it is replaced.

    Raises:
        OcrError: The file can't be written; an earlier file of that name is unchanged.
    """
    try:
        target = Path(path).resolve() if follow else Path(path).absolute()
        if target.exists() and not target.is_file():
            raise OcrError(f"cannot write {path}: it is not a regular file")
        temporary = target.with_name(f"{_PREFIX}{secrets.token_hex(6)}{_SUFFIX}")
        stream = temporary.open("xb")
    except (OSError, ValueError) as error:
        raise _cannot_write(path, error) from error
    try:
        with stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(target)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise _cannot_write(path, error) from error
        raise
    _sync_folder(target.parent)
    _log.debug("wrote %r", str(path))


def write_whole(path: str | os.PathLike[str], data: bytes, *, follow: bool = True) -> None:
    """Write a file as ``atomic_file`` does.

    Raises:
        OcrError: The file can't be written; an earlier file of that name is unchanged.
    """
    with atomic_file(path, follow=follow) as stream:
        stream.write(data)


def remove_temporaries(folder: Path) -> None:
    """Remove what killed processes left in a tree: files under the temporary names of ``atomic_file``."""
    for path in folder.rglob(f"{_PREFIX}*{_SUFFIX}"):
        with suppress(OSError):
            path.unlink()


def _cannot_write(path: str | os.PathLike[str], error: OSError | ValueError) -> OcrError:
    return OcrError(f"cannot write {path}: {error.strerror if isinstance(error, OSError) else error}")


def _sync_folder(folder: Path) -> None:
    """Make a rename durable, where the system can open and sync folders (not on Windows)."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
