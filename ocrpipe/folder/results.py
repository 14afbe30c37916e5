"""The results of a run, and their form in the manifest."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path

from ocrpipe.io.names import printable
from ocrpipe.result import Page


@dataclass(frozen=True, slots=True)
class PageResult:
    """A page that was read.

    Attributes:
        path: Its file.
        number: Its number in the file, from 1.
        page: The result.
        seconds: Time for reading it, from opening the file.
    """

    path: Path
    number: int
    page: Page
    seconds: float


@dataclass(frozen=True, slots=True)
class Failure:
    """A page, a file or an output that failed.

    Attributes:
        path: The file.
        number: The page, from 1; ``None`` for the whole file.
        error: Name of the error's class, such as ``UnreadableImageError`` or, for an overdue page,
            ``TimeoutError``.
        message: The reason, in one line.
        traceback: File with the traceback, if there is one.
    """

    path: Path
    number: int | None
    error: str
    message: str
    traceback: Path | None = None

    def __str__(self) -> str:
        path = printable(str(self.path))
        if f" {path} " in f" {self.message} ":
            return self.message
        page = f", page {self.number}" if self.number else ""
        return f"{path}{page}: {self.message}"


@dataclass(slots=True)
class Summary:
    """The progress of a run.

    Attributes:
        done: Pages read by this run.
        failed: Pages, files and outputs that failed in this run.
        kept: Unchanged pages that an earlier run had read.
        kept_failed: Pages that had failed in an earlier run and were not read again.
        documents: Files with pages, or that should have pages, as far as they were inspected.
        skipped: Files that are not read, such as those of unknown types.
        written: Result files written.
        left: Pages left to read, estimated while there are files left; ``None`` before files are counted.
        seconds: Time since the run began.
        failures: The first thousand failures, including those of earlier runs.
    """

    done: int = 0
    failed: int = 0
    kept: int = 0
    kept_failed: int = 0
    documents: int = 0
    skipped: int = 0
    written: int = 0
    left: int | None = None
    seconds: float = 0.0
    failures: tuple[Failure, ...] = ()


def pack(text: str) -> bytes:
    """A page's JSON, compressed for the manifest."""
    return zlib.compress(text.encode(), 1)


def unpack(stored: bytes) -> Page:
    """The page of ``pack``."""
    return Page.from_dict(json.loads(zlib.decompress(stored)))
