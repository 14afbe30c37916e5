"""Tasks of workers and their outcomes: plain, picklable values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ocrpipe.result import Page


class Identity(NamedTuple):
    """Attributes that identify the state of a file without reading it."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> Identity:
        """Of an existing file; raises ``OSError`` if it is missing."""
        status = path.stat()
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


@dataclass(frozen=True, slots=True)
class Inspect:
    """Determine the type, hash and number of pages of a file.

    Attributes:
        path: The file.
        key: Its relative path.
        known: Whether its suffix is that of an image or PDF.
    """

    path: Path
    key: str
    known: bool

    def __str__(self) -> str:
        return f"inspect {self.key}"


@dataclass(frozen=True, slots=True)
class Read:
    """Read page ``number`` (from 1) of a file, which must have this identity."""

    path: Path
    key: str
    number: int
    identity: Identity

    def __str__(self) -> str:
        return f"read page {self.number} of {self.key}"


@dataclass(frozen=True, slots=True)
class Write:
    """Write a document's result in one format.

    Attributes:
        path: The document.
        key: Its relative path.
        format: Name of the format.
        target: The file to write.
        manifest: The file with the pages' results.
        numbers: The pages that were read.
        digest: Of the output's input.
        identity: Of the document, which must be unchanged if the format has images.
        foreign: Whether the target is a file that no run has written; then the task fails.
    """

    path: Path
    key: str
    format: str
    target: Path
    manifest: Path
    numbers: tuple[int, ...]
    digest: str
    identity: Identity
    foreign: bool = False

    def __str__(self) -> str:
        return f"write {self.key} as {self.format}"


Task = Inspect | Read | Write


@dataclass(frozen=True, slots=True)
class Inspected:
    """A document: its identity, the sha256 of its content, its number of pages."""

    identity: Identity
    sha256: str
    pages: int


@dataclass(frozen=True, slots=True)
class Unknown:
    """A file without pages and without the suffix of an image or PDF."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A page that was read.

    Attributes:
        page: The result; its source is the document's relative path.
        stored: The page as compressed JSON, see ``pack``.
        digest: The sha256 of that JSON before compression.
        seconds: Time from opening the file to the result.
    """

    page: Page
    stored: bytes
    digest: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Written:
    """The file was written."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A task that failed.

    Attributes:
        error: Name of the exception's class.
        message: The reason, in one line.
        traceback: The traceback; empty if there is none.
        passing: Whether the failure is independent of the file's content: it vanished, or changed.
        fatal: Whether all other tasks would fail as well: the disk is full, or the output folder read-only.
        seconds: Time spent.
    """

    error: str
    message: str
    traceback: str = ""
    passing: bool = False
    fatal: bool = False
    seconds: float = 0.0


Outcome = Inspected | Unknown | Reading | Written | Failed
