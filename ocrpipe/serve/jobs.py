"""Documents that are being read, page by page, and what became of them."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ocrpipe.errors import ConfigError, OcrError, UnreadableImageError
from ocrpipe.folder.results import pack, unpack
from ocrpipe.io import documents
from ocrpipe.io.selection import PageSelection
from ocrpipe.serve.documents import Document
from ocrpipe.serve.problems import Problem, problem_of, without_paths
from ocrpipe.serve.uploads import Upload

if TYPE_CHECKING:
    from ocrpipe.pipeline import OnStage
    from ocrpipe.result import Page

State = Literal["queued", "running", "done", "failed", "cancelled"]


class Reader(Protocol):
    """What reads pages: a ``Pipeline``, or another object with this method."""

    def read_document(
        self, source: Path, *, dpi: float, password: str | None, pages: Sequence[int], on_stage: OnStage
    ) -> Iterator[Page]:
        """Read the given pages; ``on_stage`` is called after each stage and may raise."""


@dataclass(frozen=True, slots=True)
class Request:
    """How a document is to be read.

    Attributes:
        pages: A selection such as ``"1-3,7-"``; all by default.
        dpi: Resolution PDF pages are rendered at.
        password: Of a locked PDF.
        max_pages: Most pages that are read.
        page_timeout: Most seconds for a page.
    """

    pages: str | None = None
    dpi: float = documents.DPI
    password: str | None = None
    max_pages: int = 2000
    page_timeout: float = 120.0


class Stopped(Exception):
    """Raised between two stages of a page whose job was cancelled."""


class Job(Document):
    """A document that is read by worker threads, one page each; safe to use from several threads.

    Args:
        upload: The file; closed with the job.
        request: How it is to be read.
        doubtful: Characters of lower confidence are counted.
    """

    def __init__(self, upload: Upload, request: Request, *, doubtful: float = 0.9) -> None:
        self.id, self.name, self.password = secrets.token_urlsafe(16), upload.name, request.password
        self.state: State = "queued"
        self.problem: Problem | None = None
        self.total: int | None = None
        self.used = time.monotonic()
        self.events: list[tuple[str, dict[str, Any]]] = []
        self._upload, self._request, self._doubtful = upload, request, doubtful
        self._lock = threading.RLock()
        self._results: dict[int, bytes] = {}
        self._told: dict[int, dict[str, Any]] = {}
        self._corrections: dict[int, dict[int, str]] = {}
        self._listeners: list[Callable[[], None]] = []
        self._failed: dict[int, Problem] = {}
        self._todo: list[int] | None = None
        self._active = 0

    # -- reading, by the workers

    @property
    def finished(self) -> bool:
        """Whether nothing more will be read."""
        return self.state in ("done", "failed", "cancelled")

    @property
    def failures(self) -> tuple[Problem, ...]:
        """The reasons why pages could not be read, by page number."""
        with self._lock:
            return tuple(self._failed[number] for number in sorted(self._failed))

    def prepare(self) -> None:
        """Count the pages; the first step of the work."""
        with self._lock:
            if self.state != "queued":
                return
            self._set_state("running")
        try:
            numbers = self._count()
        except Exception as error:  # decoders raise errors of many kinds
            self._end("failed", self._problem(error))
            return
        with self._lock:
            if not self.finished:
                self.total, self._todo = len(numbers), list(numbers)
                self._emit("started", {"total": self.total})
                self._end_if_done()

    def take(self) -> int | None:
        """The next page to read, which must be given to ``read_page``; ``None`` if there is none."""
        with self._lock:
            if self.finished or not self._todo:
                return None
            self._active += 1
            return self._todo.pop(0)

    @property
    def has_more(self) -> bool:
        """Whether there are pages to take."""
        with self._lock:
            return not self.finished and bool(self._todo)

    @property
    def left(self) -> int:
        """Pages still to be read, 1 for a document that was not counted yet."""
        with self._lock:
            if self.finished:
                return 0
            return 1 if self._todo is None else len(self._todo) + self._active

    def read_page(self, reader: Reader, number: int) -> None:
        """Read a page and store the result, or why there is none."""
        start = time.monotonic()

        def check(_: object) -> None:
            if self.finished:
                raise Stopped
            if time.monotonic() - start > self._request.page_timeout:
                raise TimeoutError(f"page {number} took longer than {self._request.page_timeout:g} s")

        request, page, problem = self._request, None, None
        try:
            with self._upload.opened() as path:
                (page,) = reader.read_document(
                    path, dpi=request.dpi, password=request.password, pages=(number,), on_stage=check
                )
        except (Stopped, FileNotFoundError):  # cancelled; a closed job has no file
            problem = Problem(409, "the job was cancelled")
        except Exception as error:  # engines raise errors of many kinds
            problem = self._problem(error)
        self._store(number, page, problem, time.monotonic() - start)

    def _store(self, number: int, page: Page | None, problem: Problem | None, seconds: float) -> None:
        from ocrpipe.export.json import page_to_json

        stored = b""
        if page is not None:
            page = replace(page, source=self.name)
            stored = pack(page_to_json(page))
        with self._lock:
            self._active -= 1
            if self.finished:
                return
            if page is not None:
                self._results[number], self._told[number] = stored, self._described(page)
                self._emit("page", self._told[number] | {"seconds": round(seconds, 3)})
            elif problem is not None:
                self._failed[number] = problem
                self._emit("page", {"number": number, "error": problem.detail})
            self._end_if_done()

    def _count(self) -> Sequence[int]:
        request = self._request
        with self._upload.opened() as path:
            total = documents.count_pages(path, password=request.password)
        numbers: Sequence[int] = range(1, total + 1)
        if request.pages is not None:
            selection = PageSelection.parse(request.pages)
            if beyond := selection.beyond(total):
                plural = "s" * (total != 1)
                raise UnreadableImageError(f"{self.name} has {total} page{plural}, no page {beyond}")
            numbers = selection.numbers(total)
        if len(numbers) > request.max_pages:
            raise ConfigError(f"{self.name} has {len(numbers)} pages; at most {request.max_pages} are read")
        return numbers

    def _problem(self, error: Exception) -> Problem:
        if isinstance(error, OcrError):
            message = without_paths(str(error), {str(self._upload.path): self.name})
            error = type(error)(message).with_traceback(error.__traceback__)
        return problem_of(error)

    def _end_if_done(self) -> None:
        if not self._todo and not self._active:
            failed = self.failures
            self._end(*(("done", None) if self._results or not failed else ("failed", failed[0])))

    def _end(self, state: State, problem: Problem | None = None) -> None:
        with self._lock:
            if self.finished:
                return
            self.problem = problem
            self.used = time.monotonic()
            self._set_state(state)

    def _set_state(self, state: State) -> None:
        self.state = state
        self._emit("state", {"state": state, **({"error": self.problem.detail} if self.problem else {})})

    # -- for the API

    def cancel(self) -> None:
        """Read no more pages; the one in progress ends with its stage."""
        self._end("cancelled")

    def close(self) -> None:
        """Cancel it and remove its file."""
        self.cancel()
        self._upload.close()

    def described(self) -> dict[str, Any]:
        """Its state, for an answer."""
        with self._lock:
            return {
                "id": self.id,
                "name": self.name,
                "state": self.state,
                "total": self.total,
                "read": len(self._results),
                "failed": [
                    {"number": number, "error": problem.detail}
                    for number, problem in sorted(self._failed.items())
                ],
                "error": self.problem.detail if self.problem else None,
            }

    def pages(self) -> list[dict[str, Any]]:
        """What is told of each page that was read."""
        with self._lock:
            corrected = {number: len(texts) for number, texts in self._corrections.items()}
            return [
                self._told[number] | {"corrected": corrected.get(number, 0)}
                for number in sorted(self._results)
            ]

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after each event, in any thread; returns what ends that."""
        with self._lock:
            self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def numbers(self) -> Sequence[int]:
        """The pages that were read, in order."""
        with self._lock:
            return sorted(self._results)

    def read(self, number: int) -> Page:
        """A page as it was read."""
        with self._lock:
            self.used = time.monotonic()
            stored = self._results.get(number)
        if stored is None:
            raise Problem(404, f"page {number} was not read")
        return unpack(stored)

    def corrections(self, number: int) -> dict[int, str]:
        """The right text by index in the lines of the page as it was read."""
        with self._lock:
            return dict(self._corrections.get(number, {}))

    def put_correction(self, number: int, index: int, text: str | None) -> None:
        """Store the right text of a line, or with ``None`` what was read."""
        with self._lock:
            texts = self._corrections.setdefault(number, {})
            texts.pop(index, None)
            if text is not None:
                texts[index] = text
            self._emit("corrected", {"number": number, "line": index})

    def correct(self, number: int, index: int, text: str | None, was: str | None) -> dict[str, object]:
        """As for every document; of two that correct a line at a time, one gets 409."""
        with self._lock:
            return super().correct(number, index, text, was)

    @contextmanager
    def source(self) -> Iterator[Path]:
        """The uploaded file."""
        try:
            with self._upload.opened() as path:
                yield path
        except FileNotFoundError:
            raise Problem(404, "there is no such job, or it is not kept any more") from None
        except OcrError as error:
            raise self._problem(error) from error

    def _described(self, page: Page) -> dict[str, Any]:
        doubtful = sum(char.confidence < self._doubtful for line in page.lines for char in line.chars)
        return {
            "number": page.number,
            "lines": len(page.lines),
            "confidence": round(page.confidence, 4),
            "doubtful": doubtful,
            "corrected": 0,
        }

    def _emit(self, name: str, data: dict[str, Any]) -> None:
        with self._lock:
            self.events.append((name, data))
            listeners = list(self._listeners)
        for listener in listeners:
            listener()
