"""The manifest of an output folder: documents, pages, settings, results and outputs.

An SQLite file, ``manifest.sqlite``, in write-ahead mode; what a call has stored survives a crash of the
process or the machine. Page 0 of a document is the file as a whole, if it can't be opened. Tables:

``documents``  path, size, mtime_ns, ctime_ns, inode, sha256, pages
``pages``      path, number, sha256 (of the file), settings (their fingerprint), state (done or failed),
               error, message, traceback (a file's name), passing, seconds, lines, confidence,
               digest (of the result), warnings (their codes, with counts), finished (seconds since 1970)
``results``    path, number, page (compressed JSON)
``outputs``    path, format, name (of the file), digest (of its input; empty until it is written)
``skipped``    path, reason: what the last run did not read
``tree``       root: the folder or file that the last run read
``corrections``  path, number, sha256 (of the file), quad (JSON), read, text, changed: what people corrected
"""

from __future__ import annotations

import hashlib
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from ocrpipe.errors import OcrError
from ocrpipe.folder.corrections import Corrections
from ocrpipe.folder.database import Database
from ocrpipe.folder.results import unpack
from ocrpipe.folder.tasks import Failed, Identity, Inspected, Reading
from ocrpipe.result import Page

NAME = "manifest.sqlite"
HIDDEN = ".ocrpipe"


@dataclass(frozen=True, slots=True)
class PageRow:
    """A page's row, without its result; the attributes are the columns of ``pages``."""

    path: str
    number: int
    sha256: str
    settings: str
    state: str
    error: str | None
    message: str | None
    traceback: str | None
    passing: bool
    seconds: float
    lines: int | None
    confidence: float | None
    digest: str | None
    warnings: str | None


_COLUMNS = (
    "path, number, sha256, settings, state, error, message, traceback, passing, seconds, lines, confidence, "
    "digest, warnings"
)


class Manifest:
    """An open manifest; a context manager that closes it.

    Args:
        folder: The output folder.
        writable: Whether to create the manifest if it is missing, and to change it.

    Raises:
        OcrError: It is missing, damaged or of another program, or the folder can't be written.
    """

    def __init__(self, folder: Path, *, writable: bool = False) -> None:
        self.path = folder / NAME
        if not writable and not self.path.is_file():
            raise OcrError(f"{folder} has no {NAME}; it is not an output folder of ocrpipe")
        self._db = Database(self.path, writable=writable)
        self.corrections = Corrections(self._db)

    def __enter__(self) -> Manifest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; all changes are stored already."""
        self._db.close()

    def document(self, path: str) -> Inspected | None:
        """The stored state of a document."""
        columns = "size, mtime_ns, ctime_ns, inode, sha256, pages"
        with self._db.errors():
            row = self._db.execute(f"SELECT {columns} FROM documents WHERE path = ?", (path,)).fetchone()
        return Inspected(Identity(*row[:4]), row[4], row[5]) if row else None

    def put_document(self, path: str, inspected: Inspected) -> None:
        """Store the state of a document; pages of other content are deleted."""
        with self._db.transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?, ?, ?)",
                (path, *inspected.identity, inspected.sha256, inspected.pages),
            )
            stale = "path = ? AND (number = 0 OR number > ? OR number IN (SELECT number FROM pages WHERE "
            stale += "path = ? AND sha256 != ?))"
            for table in ("results", "pages"):
                self._db.execute(
                    f"DELETE FROM {table} WHERE {stale}", (path, inspected.pages, path, inspected.sha256)
                )

    def put_reading(self, path: str, number: int, sha256: str, settings: str, reading: Reading) -> None:
        """Store the result of a page."""
        page = reading.page
        row = (path, number, sha256, settings, "done", None, None, None, False, reading.seconds)
        with self._db.transaction():
            warnings = ", ".join(
                warning.code if warning.count is None else f"{warning.code} {warning.count}"
                for warning in page.warnings
            )
            self._put_row((*row, len(page.lines), page.confidence, reading.digest, warnings or None))
            self._db.execute(
                "INSERT OR REPLACE INTO results VALUES (?, ?, ?)", (path, number, reading.stored)
            )

    def put_failure(
        self, path: str, number: int, sha256: str, settings: str, failed: Failed, traceback: str | None
    ) -> None:
        """Store the failure of a page, or with number 0 of a file; ``traceback`` is the name of a file."""
        row = (path, number, sha256, settings, "failed", failed.error, failed.message, traceback)
        with self._db.transaction():
            if number == 0:
                for table in ("documents", "pages", "results"):
                    self._db.execute(f"DELETE FROM {table} WHERE path = ?", (path,))
            self._put_row((*row, failed.passing, failed.seconds, None, None, None, None))
            self._db.execute("DELETE FROM results WHERE path = ? AND number = ?", (path, number))

    def pages(self, path: str) -> dict[int, PageRow]:
        """A document's rows by page number."""
        with self._db.errors():
            rows = self._db.execute(f"SELECT {_COLUMNS} FROM pages WHERE path = ?", (path,)).fetchall()
        return {row[1]: _row(row) for row in rows}

    def rows(self, state: str | None = None) -> Iterator[PageRow]:
        """All rows, or those of a state, by path and number; the manifest may change during iteration."""
        last = ("", -1)
        where = "(path, number) > (?, ?)" + (" AND state = ?" if state else "")
        query = f"SELECT {_COLUMNS} FROM pages WHERE {where} ORDER BY path, number LIMIT 200"
        while True:
            with self._db.errors():
                rows = self._db.execute(query, (*last, state) if state else last).fetchall()
            if not rows:
                return
            yield from map(_row, rows)
            last = rows[-1][:2]

    def result(self, path: str, number: int) -> Page:
        """The result of a page; its source is the document's relative path.

        Raises:
            OcrError: There is no such page, or its row is damaged.
        """
        with self._db.errors():
            query = "SELECT page FROM results WHERE path = ? AND number = ?"
            row = self._db.execute(query, (path, number)).fetchone()
        if row is None:
            raise OcrError(f"{self.path} has no result for page {number} of {path}")
        try:
            return unpack(row[0])
        except (OcrError, ValueError, zlib.error) as error:
            raise OcrError(f"the result of page {number} of {path} in {self.path} is damaged") from error

    def corrected(self, path: str, number: int) -> Page:
        """The result of a page with people's corrections; raises as ``result``."""
        page = self.result(path, number)
        texts = self.corrections.texts(path, number, page)
        if not texts:
            return page
        from ocrpipe.corrections import corrected_page

        return corrected_page(page, texts)

    def corrections_digest(self, path: str, number: int) -> str:
        """A digest of the corrections that change the result of a page; empty without any."""
        if number not in self.corrections.numbers(path):
            return ""
        texts = self.corrections.texts(path, number, self.result(path, number))
        return hashlib.sha256(repr(sorted(texts.items())).encode()).hexdigest() if texts else ""

    def put_tree(self, root: str) -> None:
        """Store what is read: an absolute path."""
        with self._db.transaction():
            self._db.execute("DELETE FROM tree")
            self._db.execute("INSERT INTO tree VALUES (?)", (root,))

    def tree(self) -> str | None:
        """What the last run read; ``None`` if that was before it was stored."""
        with self._db.errors():
            row = self._db.execute("SELECT root FROM tree").fetchone()
        return row[0] if row else None

    def output(self, path: str, format: str) -> tuple[str, str] | None:
        """Name and digest of the file that a document was written to."""
        with self._db.errors():
            query = "SELECT name, digest FROM outputs WHERE path = ? AND format = ?"
            row = self._db.execute(query, (path, format)).fetchone()
        return (row[0], row[1]) if row else None

    def has_output(self, name: str) -> bool:
        """Whether a run on this output folder has written a file of that name."""
        with self._db.errors():
            return self._db.execute("SELECT 1 FROM outputs WHERE name = ?", (name,)).fetchone() is not None

    def put_output(self, path: str, format: str, name: str, digest: str) -> None:
        """Store that a document was written; an equal file name of another document is deleted."""
        with self._db.transaction():
            self._db.execute("DELETE FROM outputs WHERE name = ?", (name,))
            self._db.execute(
                "INSERT OR REPLACE INTO outputs VALUES (?, ?, ?, ?)", (path, format, name, digest)
            )

    def drop_output(self, path: str, format: str) -> None:
        """Delete the entry of a written document."""
        with self._db.transaction():
            self._db.execute("DELETE FROM outputs WHERE path = ? AND format = ?", (path, format))

    def clear_skipped(self) -> None:
        """Clear the list of skipped files."""
        with self._db.transaction():
            self._db.execute("DELETE FROM skipped")

    def put_skipped(self, path: str, reason: str) -> None:
        """Store a skipped file."""
        with self._db.transaction():
            self._db.execute("INSERT OR REPLACE INTO skipped VALUES (?, ?)", (path, reason))

    def skipped(self, limit: int = -1) -> list[tuple[str, str]]:
        """Path and reason of what the last run skipped."""
        with self._db.errors():
            return self._db.execute("SELECT * FROM skipped ORDER BY path LIMIT ?", (limit,)).fetchall()

    def _put_row(self, values: Sequence[object]) -> None:
        marks = ", ".join("?" * (len(values) + 1))
        statement = f"INSERT OR REPLACE INTO pages ({_COLUMNS}, finished) VALUES ({marks})"
        self._db.execute(statement, (*values, time.time()))


def _row(values: tuple[Any, ...]) -> PageRow:
    return PageRow(*values)
