"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from ocrpipe.errors import OcrError


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file under a temporary name in its folder, sync it to the disk, and rename it into place.

    Whoever looks sees the old file or the new one, never half of one, even after a crash or on a full disk.

    Raises:
        OcrError: It can't be written there; an earlier file of that name is untouched.
    """
    try:
        target = Path(path).resolve()
        if target.exists() and not target.is_file():
            raise OcrError(f"cannot write {path}: it is not a regular file")
        _replace(target, data)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise OcrError(f"cannot write {path}: {reason}") from error


def _replace(target: Path, data: bytes) -> None:
    temporary = target.with_name(f".ocrpipe-{secrets.token_hex(6)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make a rename last; where folders can't be opened or synced (Windows), it has to do without."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
