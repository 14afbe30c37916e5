"""Uploaded files: on disk without a name where the system can do that, so that none outlives the server."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from ocrpipe.io.names import printable

_MAX_NAME = 200  # characters
_NOT_SHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


class Upload:
    """A file that a client sent; removed when it is closed and nobody reads it any more.

    On Linux it never has a name: the system removes it however the process ends. Elsewhere it has one in the
    system's folder of temporary files.

    Args:
        name: What the client called it.
    """

    def __init__(self, name: str) -> None:
        self.name = shown_name(name)
        self.size = 0
        self._readers, self._closed, self._lock = 0, False, threading.Lock()
        self._nameless = sys.platform == "linux" and Path("/proc/self/fd").is_dir()
        # closed by ``close``, when the last reader is done
        self._file: IO[bytes] = (
            tempfile.TemporaryFile()  # noqa: SIM115
            if self._nameless
            else tempfile.NamedTemporaryFile(delete=False)  # noqa: SIM115
        )

    def write(self, data: bytes) -> None:
        """Append bytes."""
        self._file.write(data)
        self.size += len(data)

    @contextmanager
    def opened(self) -> Iterator[Path]:
        """A path that can be opened during the block, by this process alone.

        Raises:
            FileNotFoundError: The upload is closed.
        """
        with self._lock:
            if self._closed:
                raise FileNotFoundError(f"{self.name} is not kept any more")
            self._readers += 1
            self._file.flush()
        try:
            yield self.path
        finally:
            with self._lock:
                self._readers -= 1
                self._remove_if_unused()

    @property
    def path(self) -> Path:
        """What ``opened`` gives; a path of this process for a file without a name."""
        return Path(f"/proc/self/fd/{self._file.fileno()}" if self._nameless else self._file.name)

    def close(self) -> None:
        """Remove the file, at once or when the last reader is done."""
        with self._lock:
            self._closed = True
            self._remove_if_unused()

    def _remove_if_unused(self) -> None:
        if self._closed and not self._readers and not self._file.closed:
            name = self._file.name
            self._file.close()
            if not self._nameless:
                with suppress(OSError):
                    os.unlink(name)  # noqa: PTH108 - the name may be a number elsewhere


def shown_name(name: str) -> str:
    """The last part of a client's file name, without characters that hide or reorder others."""
    last = re.split(r"[/\\]", printable(name))[-1]
    return _NOT_SHOWN.sub("", last).strip()[:_MAX_NAME] or "document"
