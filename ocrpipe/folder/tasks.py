"""What workers are asked to do and what they answer: plain values that can be pickled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ocrpipe.result import Page


class Identity(NamedTuple):
    """What tells, without reading a file, that it is still the one it was."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> Identity:
        """Of the file that is there now; ``OSError`` where none is."""
        found = path.stat()
        return cls(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


@dataclass(frozen=True, slots=True)
class Inspect:
    """Find out what a file holds.

    Attributes:
        path: The file.
        key: Its relative path.
        known: Whether its name says that it holds pages.
    """

    path: Path
    key: str
    known: bool

    def __str__(self) -> str:
        return f"inspect {self.key}"


@dataclass(frozen=True, slots=True)
class Read:
    """Read page ``number`` (from 1) of a file, which must still be of this identity."""

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
        manifest: Where the pages' results are.
        numbers: The pages that were read.
        digest: Of what the file is made of.
        identity: What the document must still be, where its pictures are shown.
    """

    path: Path
    key: str
    format: str
    target: Path
    manifest: Path
    numbers: tuple[int, ...]
    digest: str
    identity: Identity

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
    """A file that holds no pages and does not claim to."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A page that was read.

    Attributes:
        page: The page; its source is the document's relative path.
        stored: The page as compressed JSON, see ``pack``.
        digest: The sha256 of that JSON before compression.
        seconds: From opening the file to the result.
    """

    page: Page
    stored: bytes
    digest: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Written:
    """The file is there, whole."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A task that could not be done.

    Attributes:
        error: Name of the exception's class.
        message: What went wrong, in a line.
        traceback: Where, in many lines.
        passing: Whether it says nothing about the file's content: it vanished, or changed meanwhile.
        fatal: Whether no other task could do better: the disk is full, or the output folder read-only.
        seconds: Spent on it.
    """

    error: str
    message: str
    traceback: str = ""
    passing: bool = False
    fatal: bool = False
    seconds: float = 0.0


Outcome = Inspected | Unknown | Reading | Written | Failed
