"""The corrections of people, in a table of the manifest.

They belong to places on pages and not to results, so that they outlast reading the pages again.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from ocrpipe.folder.database import Database

if TYPE_CHECKING:
    from ocrpipe.corrections import Correction
    from ocrpipe.page import PageContent, Quad


class Corrections:
    """The corrections in a manifest; raises ``OcrError`` where that can't be read or written."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def numbers(self, path: str) -> frozenset[int]:
        """The pages of a document that have corrections."""
        with self._db.errors():
            rows = self._db.execute("SELECT DISTINCT number FROM corrections WHERE path = ?", (path,))
            return frozenset(number for (number,) in rows)

    def counts(self) -> dict[tuple[str, int], int]:
        """Number of corrections of each page that has some."""
        query = "SELECT path, number, count(*) FROM corrections GROUP BY path, number"
        with self._db.errors():
            return {(path, number): count for path, number, count in self._db.execute(query)}

    def texts(self, path: str, number: int, page: PageContent) -> dict[int, str]:
        """The right text by index in ``page.lines``.

        Corrections of other content of the file count where a line at their place reads as it read then:
        another page may have been added to the file.
        """
        rows = self._rows(path, number)
        if not rows:
            return {}
        from ocrpipe.corrections import located

        with self._db.errors():
            query = "SELECT sha256 FROM pages WHERE path = ? AND number = ?"
            current = self._db.execute(query, (path, number)).fetchone()
        texts: dict[int, str] = {}
        lines = page.lines
        for sha256, correction in rows:
            for index, text in located(page, (correction,)).items():
                if current == (sha256,) or lines[index].text == correction.read:
                    texts[index] = text
        return texts

    def put(self, path: str, number: int, correction: Correction) -> None:
        """Store a correction in place of any other of the same line."""
        with self._db.transaction():
            self._delete(path, number, correction.quad)
            self._db.execute(
                "INSERT INTO corrections SELECT path, number, sha256, ?, ?, ?, ? FROM pages "
                "WHERE path = ? AND number = ?",
                (_packed(correction.quad), correction.read, correction.text, time.time(), path, number),
            )

    def drop(self, path: str, number: int, quad: Quad) -> None:
        """Delete the corrections of a line."""
        with self._db.transaction():
            self._delete(path, number, quad)

    def _delete(self, path: str, number: int, quad: Quad) -> None:
        from ocrpipe.corrections import same_place

        for _, stored in self._rows(path, number):
            if same_place(stored.quad, quad):
                self._db.execute(
                    "DELETE FROM corrections WHERE path = ? AND number = ? AND quad = ?",
                    (path, number, _packed(stored.quad)),
                )

    def _rows(self, path: str, number: int) -> list[tuple[str, Correction]]:
        """The content hash that each correction was made for, and the correction; the oldest first."""
        query = "SELECT sha256, quad, read, text FROM corrections WHERE path = ? AND number = ?"
        with self._db.errors():
            rows = self._db.execute(f"{query} ORDER BY changed", (path, number)).fetchall()
        if not rows:
            return []
        from ocrpipe.corrections import Correction

        return [(row[0], Correction(_unpacked(row[1]), *row[2:])) for row in rows]


def _packed(quad: Quad) -> str:
    return json.dumps(quad)


def _unpacked(stored: str) -> Quad:
    a, b, c, d = (tuple(point) for point in json.loads(stored))
    return a, b, c, d
