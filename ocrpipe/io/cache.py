"""The user's cache folder: files that save time, and are made again wherever they are missing or damaged."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from ocrpipe.errors import OcrError
from ocrpipe.io.files import write_whole

_DIGEST = hashlib.sha256().digest_size


def cache_folder() -> Path | None:
    """Folder of ocrpipe's caches, in ``$XDG_CACHE_HOME`` or ``~/.cache``; None for a user without a home."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():  # to be ignored, says the XDG Base Directory Specification
        try:
            base = Path.home() / ".cache"
        except RuntimeError:
            return None
    return base / "ocrpipe"


def load_blob(name: str) -> bytes | None:
    """What ``save_blob`` has stored under a name; None where there is nothing, or it is damaged."""
    folder = cache_folder()
    if folder is None:
        return None
    try:
        data = (folder / name).read_bytes()
    except OSError:
        return None
    content = data[_DIGEST:]
    return content if hashlib.sha256(content).digest() == data[:_DIGEST] else None


def save_blob(name: str, content: bytes, *, replaces: str = "") -> None:
    """Store bytes with their checksum, as a whole; without effect where the folder cannot be written.

    Args:
        name: Of the file.
        content: The bytes.
        replaces: Pattern of files that are removed, those of earlier versions.
    """
    folder = cache_folder()
    if folder is None:
        return
    with suppress(OSError, OcrError):
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / name, hashlib.sha256(content).digest() + content)
        for old in folder.glob(replaces) if replaces else ():
            if old.name != name:
                old.unlink(missing_ok=True)
