"""One run at a time on an output folder."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ocrpipe.errors import ConfigError, OcrError


class RunLock:
    """Held by the run at work on an output folder; the system lets go of it however the process ends.

    It is SQLite's own lock on an empty database, which is the same on every system.

    Args:
        path: Of the lock's file; its folder must exist.
        folder: What messages call the output folder.

    Raises:
        ConfigError: Another run holds it.
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
        """Let another run begin."""
        self._db.close()
