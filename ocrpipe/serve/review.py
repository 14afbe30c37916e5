"""The output folder of a run over a tree, opened to be corrected; see ``ocrpipe.folder``."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ocrpipe.corrections import Correction
from ocrpipe.errors import OcrError, UnsupportedSourceError
from ocrpipe.folder.manifest import Manifest, PageRow
from ocrpipe.folder.tasks import Identity
from ocrpipe.io.names import Passwords
from ocrpipe.result import Page
from ocrpipe.serve.documents import Document
from ocrpipe.serve.problems import Problem, without_paths

_MAX_LISTED = 500


class Review:
    """The documents of an output folder; corrections go to its manifest.

    Args:
        output: The output folder.
        tree: The folder or file that was read, if it is not where it was then.
        passwords: Of locked PDFs.

    Raises:
        OcrError: It is no output folder, or the tree is not there.
    """

    def __init__(self, output: Path, tree: Path | None = None, passwords: Passwords = None) -> None:
        with Manifest(output):  # so that a folder without a manifest does not get one
            pass
        self.manifest = Manifest(output, writable=True)
        self.lock = threading.RLock()
        self.passwords = passwords
        stored = self.manifest.tree()
        if tree is None and stored is None:
            self.close()
            raise UnsupportedSourceError(f"{output} does not tell what was read; give it as --source")
        self.tree = tree if tree is not None else Path(stored or "")
        if not self.tree.exists():
            self.close()
            raise UnsupportedSourceError(f"{self.tree} does not exist; give what was read as --source")
        self._order: list[PageRow] = []
        self._paths: dict[str, str] = {}
        self._sort()

    def close(self) -> None:
        """Close the manifest; all corrections are stored already."""
        self.manifest.close()

    def routes(self) -> list[Route]:
        """The endpoints that only a review has."""
        return [
            Route("/v1/pages", self.list_pages, methods=["GET"]),
            Route("/v1/jobs/{id}", self.status, methods=["GET"]),
        ]

    def get(self, id: str) -> ReviewedDocument:
        """The document of an id.

        Raises:
            Problem: 404 if there is none.
        """
        path = self._paths.get(id)
        if path is None:
            raise Problem(404, "there is no such document")
        return ReviewedDocument(self, id, path)

    async def list_pages(self, request: Request) -> Response:
        """Pages of the folder, the worst first: those that failed, then by confidence."""
        query = request.query_params
        offset, limit = (
            int(value) if (value := query.get(name, "")).isdecimal() and len(value) < 10 else default
            for name, default in (("offset", 0), ("limit", 100))
        )
        return JSONResponse(await run_in_threadpool(self._listed, offset, min(limit, _MAX_LISTED)))

    async def status(self, request: Request) -> Response:
        """A document of the folder."""
        document = self.get(request.path_params["id"])
        numbers = await run_in_threadpool(document.numbers)
        described = {"id": document.id, "name": document.name, "state": "done", "read": len(numbers)}
        return JSONResponse(described)

    def _listed(self, offset: int, limit: int) -> dict[str, Any]:
        with self.lock:
            if offset == 0:
                self._sort()
            counts = self.manifest.corrections.counts()
        pages = [
            {
                "id": id_of(row.path),
                "name": row.path,
                "number": row.number,
                "state": row.state,
                "confidence": row.confidence,
                "lines": row.lines,
                "corrected": counts.get((row.path, row.number), 0),
                "error": self.hidden(row.message, row.path) if row.message else None,
            }
            for row in self._order[offset : offset + limit]
        ]
        return {"total": len(self._order), "offset": offset, "pages": pages}

    def hidden(self, message: str, path: str) -> str:
        """A message without the place of the tree."""
        return without_paths(message, {str(self.path_of(path)): path, str(self.tree): ""})

    def path_of(self, key: str) -> Path:
        """The file of a document."""
        return self.tree if self.tree.is_file() else self.tree / key

    def _sort(self) -> None:
        rows = list(self.manifest.rows())
        self._order = sorted(
            rows,
            key=lambda row: (row.state == "done", 1.0 if row.confidence is None else row.confidence),
        )
        self._paths = {id_of(row.path): row.path for row in rows}


def id_of(path: str) -> str:
    """What the API calls the document of a relative path."""
    return hashlib.sha256(path.encode()).hexdigest()[:24]


class ReviewedDocument(Document):
    """A document of an output folder."""

    def __init__(self, review: Review, id: str, path: str) -> None:
        self._review, self.id, self.name = review, id, path
        self.password = review.passwords

    def numbers(self) -> Sequence[int]:
        """The pages that were read, in order."""
        with self._review.lock:
            rows = self._review.manifest.pages(self.name)
        return sorted(number for number, row in rows.items() if row.state == "done")

    def read(self, number: int) -> Page:
        """A page as it was read."""
        with self._review.lock:
            row = self._review.manifest.pages(self.name).get(number)
            if row is None or row.state != "done":
                raise Problem(404, f"page {number} was not read")
            return self._review.manifest.result(self.name, number)

    def corrections(self, number: int) -> dict[int, str]:
        """The right text by index in the lines of the page as it was read."""
        with self._review.lock:
            return self._review.manifest.corrections.texts(self.name, number, self.read(number))

    def put_correction(self, number: int, index: int, text: str | None) -> None:
        """Store the right text of a line, or with ``None`` what was read."""
        line = self.read(number).lines[index]
        with self._review.lock:
            corrections = self._review.manifest.corrections
            if text is None:
                corrections.drop(self.name, number, line.quad)
            else:
                corrections.put(self.name, number, Correction(line.quad, line.text, text))

    def correct(self, number: int, index: int, text: str | None, was: str | None) -> dict[str, object]:
        """As for every document; of two that correct a line at a time, one gets 409."""
        with self._review.lock:
            return super().correct(number, index, text, was)

    @contextmanager
    def source(self) -> Iterator[Path]:
        """The document's file, which must be as it was when it was read."""
        path = self._review.path_of(self.name)
        with self._review.lock:
            known = self._review.manifest.document(self.name)
        try:
            changed = known is None or Identity.of(path)[:2] != known.identity[:2]
        except OSError:
            raise Problem(410, f"{self.name} is not there any more") from None
        if changed:
            raise Problem(409, f"{self.name} has changed since it was read; run ocrpipe folder again")
        try:
            yield path
        except OcrError as error:
            raise type(error)(self._review.hidden(str(error), self.name)) from error
