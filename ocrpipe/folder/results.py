"""What a run yields, and a page as the manifest stores it."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path

from ocrpipe.result import Page


@dataclass(frozen=True, slots=True)
class PageResult:
    """A page that was read.

    Attributes:
        path: The file it is in.
        number: Its number there, from 1.
        page: What was read.
        seconds: How long that took, from opening the file on.
    """

    path: Path
    number: int
    page: Page
    seconds: float


@dataclass(frozen=True, slots=True)
class Failure:
    """A page, a file or an output that could not be had.

    Attributes:
        path: The file that was to be read.
        number: The page, from 1; ``None`` where the whole file is concerned.
        error: Name of the error's class, such as ``UnreadableImageError`` or, for an overdue page,
            ``TimeoutError``.
        message: What went wrong, in a line.
        traceback: File that says where, if there is more to say.
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
    """How far a run has come.

    Attributes:
        done: Pages read by this run.
        failed: Pages, files and outputs that failed in this run.
        kept: Pages that an earlier run had read and that are as they were.
        kept_failed: Pages that had failed in an earlier run and were not tried again.
        documents: Files that hold pages or should, as far as they have been looked at.
        skipped: Things that are not read, such as files of unknown types.
        written: Result files written.
        left: Pages left to read, an estimate as long as files are; ``None`` before files are counted.
        seconds: Time since the run began.
        failures: The first thousand of all failures, those of earlier runs too.
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


def printable(text: str) -> str:
    """The text with bytes of file names that are no UTF-8 in escapes; as it is, no file could take it."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # half a surrogate pair from elsewhere
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


def pack(text: str) -> bytes:
    """A page's JSON as the manifest holds it."""
    return zlib.compress(text.encode(), 1)


def unpack(stored: bytes) -> Page:
    """The page that was packed."""
    return Page.from_dict(json.loads(zlib.decompress(stored)))
