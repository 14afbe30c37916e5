"""A lock, so that only one run is active on an output folder."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ocrpipe.errors import ConfigError, OcrError


class RunLock:
    """The lock of the active run on an output folder; the system releases it however the process ends.

    It is SQLite's lock of an empty database, which works on every system.

    Args:
        path: The lock file; its folder must exist.
        folder: The output folder, for messages.

    Raises:
        ConfigError: Another run holds the lock.
        OcrError: The folder can't be written.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=0, check_same_thread=False)
        except sqlite3.Error as error:
            raise OcrError(f"cannot lock {folder}: {error}") from error
        try:
            self._db.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            self._db.close()
            if "locked" in str(error):
                message = f"another run is at work on {folder}; wait for it or stop it"
                raise ConfigError(message) from error
            raise OcrError(f"cannot lock {folder}: {error}") from error

    def release(self) -> None:
        """Release the lock."""
        self._db.close()
