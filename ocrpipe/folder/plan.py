"""The tasks of a run on a tree, and the consequences of each outcome.

All of the bookkeeping is here and in the manifest; the code that executes the tasks, on one machine or many,
is independent of it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from ocrpipe.errors import OcrError
from ocrpipe.export import FORMATS
from ocrpipe.folder.manifest import HIDDEN, Manifest, PageRow
from ocrpipe.folder.results import Failure, PageResult, Summary
from ocrpipe.folder.settings import RunSettings
from ocrpipe.folder.tasks import (
    Failed,
    Identity,
    Inspect,
    Inspected,
    Outcome,
    Read,
    Reading,
    Task,
    Unknown,
    Write,
)
from ocrpipe.folder.walk import Document, Skipped
from ocrpipe.io.files import write_whole

_log = logging.getLogger(__name__)

_MAX_LISTED = 1000  # failures in a summary


@dataclass(slots=True)
class _Open:
    """A document with pages to be read."""

    document: Document
    inspected: Inspected
    numbers: Iterator[int]
    left: int = field(default=0)


class Plan:
    """Provides tasks and processes their outcomes, in any order.

    Args:
        manifest: Where every outcome is stored at once.
        output: The output folder.
        files: The files of the tree.
        fingerprint: Of the settings pages are read with.
        run: What to write, and what to read again.
    """

    def __init__(
        self,
        manifest: Manifest,
        output: Path,
        files: Iterator[Document | Skipped],
        fingerprint: str,
        run: RunSettings,
    ) -> None:
        self._manifest, self._output, self._files = manifest, output, files
        self._fingerprint, self._run = fingerprint, run
        self._urgent: deque[Write] = deque()
        self._reading: deque[_Open] = deque()
        self._open: dict[str, _Open] = {}
        self._inspecting: dict[str, Document] = {}
        self._counts = Summary()
        self._waiting = 0
        self._failures: list[Failure] = []

    def next_task(self) -> Task | None:
        """The next task; ``None`` if there is none before the next outcome."""
        while True:
            if self._urgent:
                return self._urgent.popleft()
            if self._reading:
                opened = self._reading[0]
                number = next(opened.numbers, None)
                if number is not None:
                    document = opened.document
                    return Read(document.path, document.key, number, opened.inspected.identity)
                self._reading.popleft()
                continue
            file = next(self._files, None)
            if file is None:
                return None
            if isinstance(file, Skipped):
                self._skip(file)
            elif not self._is_unchanged(file):
                self._inspecting[file.key] = file
                return Inspect(file.path, file.key, file.known)

    def finished(self, task: Task, outcome: Outcome) -> list[PageResult | Failure]:
        """Store an outcome.

        Returns:
            The results for the caller of the run.

        Raises:
            OcrError: The output folder can't be written any more.
        """
        if isinstance(outcome, Failed):
            _log.info("failed to %s: %s: %s", task, outcome.error, outcome.message)
        if isinstance(task, Inspect):
            return self._inspected(self._inspecting.pop(task.key), outcome)
        if isinstance(task, Read):
            return self._read(self._open[task.key], task.number, outcome)
        return self._written(task, outcome)

    def summary(self, files: int | None, seconds: float) -> Summary:
        """The progress of the run.

        Args:
            files: Number of files of the tree, if known already; their pages are estimated.
            seconds: Time since the run began.
        """
        counts, left = self._counts, None
        if files is not None:
            pages = counts.done + counts.failed + counts.kept + counts.kept_failed + self._waiting
            unseen = max(0, files - counts.documents - counts.skipped)
            left = self._waiting + round(unseen * max(1.0, pages / max(1, counts.documents)))
        return replace(counts, left=left, seconds=seconds, failures=tuple(self._failures))

    def _is_unchanged(self, file: Document) -> bool:
        """Whether a file need not be inspected; if so, its pages are planned."""
        known = None if self._run.force else self._manifest.document(file.key)
        with suppress(OSError):
            if known and Identity.of(file.path) == known.identity:
                self._plan_pages(file, known)
                return True
        return False

    def _skip(self, skipped: Skipped) -> None:
        _log.debug("skipped %s: %s", skipped.key, skipped.reason)
        self._counts.skipped += 1
        self._manifest.put_skipped(skipped.key, skipped.reason)

    def _inspected(self, file: Document, outcome: Outcome) -> list[PageResult | Failure]:
        if isinstance(outcome, Unknown):
            self._skip(Skipped(file.key, "of no known type"))
        elif isinstance(outcome, Inspected):
            self._manifest.put_document(file.key, outcome)
            self._plan_pages(file, outcome)
        elif isinstance(outcome, Failed):
            self._counts.documents += 1
            traceback = self._save_traceback(file.key, 0, outcome)
            self._manifest.put_failure(file.key, 0, "", self._fingerprint, outcome, traceback)
            for format in self._run.formats:
                self._remove_output(file.key, format)
            return [self._failure(file.path, None, outcome, traceback)]
        return []

    def _plan_pages(self, file: Document, inspected: Inspected) -> None:
        self._counts.documents += 1
        rows = self._manifest.pages(file.key)
        numbers = []
        for number in range(1, inspected.pages + 1):
            row = rows.get(number)
            if row is None or self._run.force or not self._is_final(row, inspected):
                numbers.append(number)
            elif row.state == "done":
                self._counts.kept += 1
            else:
                self._counts.kept_failed += 1
                self._list(_stored_failure(file.path, row, self._output))
        self._waiting += len(numbers)
        opened = _Open(file, inspected, iter(numbers), len(numbers))
        if numbers:
            self._open[file.key] = opened
            self._reading.append(opened)
        else:
            self._plan_outputs(opened)

    def _is_final(self, row: PageRow, inspected: Inspected) -> bool:
        if (row.sha256, row.settings) != (inspected.sha256, self._fingerprint):
            return False
        return row.state == "done" or not (self._run.retry_failed or row.passing)

    def _read(self, opened: _Open, number: int, outcome: Outcome) -> list[PageResult | Failure]:
        file, sha256 = opened.document, opened.inspected.sha256
        results: list[PageResult | Failure] = []
        if isinstance(outcome, Reading):
            self._manifest.put_reading(file.key, number, sha256, self._fingerprint, outcome)
            _traceback_file(self._output, file.key, number).unlink(missing_ok=True)
            self._counts.done += 1
            corrected = number in self._manifest.corrections.numbers(file.key)
            page = self._manifest.corrected(file.key, number) if corrected else outcome.page
            page = replace(page, source=str(file.path))
            results.append(PageResult(file.path, number, page, outcome.seconds))
        elif isinstance(outcome, Failed):
            traceback = self._save_traceback(file.key, number, outcome)
            self._manifest.put_failure(file.key, number, sha256, self._fingerprint, outcome, traceback)
            results.append(self._failure(file.path, number, outcome, traceback))
        self._waiting -= 1
        opened.left -= 1
        if not opened.left:
            del self._open[file.key]
            self._plan_outputs(opened)
        return results

    def _plan_outputs(self, opened: _Open) -> None:
        """Plan the files of a document that are missing or were written from other results."""
        file, inspected = opened.document, opened.inspected
        rows = self._manifest.pages(file.key)
        digests = {
            number: row.digest
            for number, row in rows.items()
            if (row.sha256, row.settings, row.state) == (inspected.sha256, self._fingerprint, "done")
        }
        for number in self._manifest.corrections.numbers(file.key) & digests.keys():
            digests[number] = f"{digests[number]}{self._manifest.corrections_digest(file.key, number)}"
        numbers = tuple(sorted(digests))
        for format in self._run.formats:
            if not numbers:
                self._remove_output(file.key, format)
                continue
            results = [(number, digests[number]) for number in numbers]
            images = inspected.sha256 if FORMATS[format].has_images else None
            content = json.dumps([format, inspected.pages, results, images])
            digest = hashlib.sha256(content.encode()).hexdigest()
            name = f"{file.stem}.{FORMATS[format].suffix}"
            target = self._output / name
            if self._manifest.output(file.key, format) != (name, digest) or not target.is_file():
                paths = (target, self._manifest.path, numbers)
                foreign = not self._manifest.has_output(name) and os.path.lexists(target)
                if not foreign:  # noted before it is written, so that a run after a kill overwrites it
                    self._claim(file.key, format, name)
                self._urgent.append(
                    Write(file.path, file.key, format, *paths, digest, inspected.identity, foreign)
                )

    def _claim(self, key: str, format: str, name: str) -> None:
        """Note that an output is to be written; the document's output of another name is removed."""
        earlier = self._manifest.output(key, format)
        if earlier and earlier[0] != name:  # a new file beside it made the names longer
            (self._output / earlier[0]).unlink(missing_ok=True)
        self._manifest.put_output(key, format, name, "")

    def _written(self, task: Write, outcome: Outcome) -> list[PageResult | Failure]:
        if isinstance(outcome, Failed):
            if outcome.fatal:
                raise OcrError(outcome.message)
            traceback = self._save_traceback(f"{task.key}.{task.format}", 0, outcome)
            return [self._failure(task.path, None, outcome, traceback)]
        name = task.target.relative_to(self._output).as_posix()
        self._manifest.put_output(task.key, task.format, name, task.digest)
        self._counts.written += 1
        return []

    def _remove_output(self, key: str, format: str) -> None:
        """Remove the output of an earlier run for a document that has no result now."""
        earlier = self._manifest.output(key, format)
        if earlier:
            (self._output / earlier[0]).unlink(missing_ok=True)
            self._manifest.drop_output(key, format)

    def _failure(self, path: Path, number: int | None, failed: Failed, traceback: str | None) -> Failure:
        self._counts.failed += 1
        traceback_path = self._output / traceback if traceback else None
        failure = Failure(path, number, failed.error, failed.message, traceback_path)
        self._list(failure)
        return failure

    def _list(self, failure: Failure) -> None:
        if len(self._failures) < _MAX_LISTED:
            self._failures.append(failure)

    def _save_traceback(self, key: str, number: int, failed: Failed) -> str | None:
        """Name of the file, relative to the output folder; ``None`` without a traceback or on a full disk."""
        if not failed.traceback:
            return None
        path = _traceback_file(self._output, key, number)
        with suppress(OcrError):
            write_whole(path, f"{key}, page {number}\n{failed.traceback}\n".encode())
            return path.relative_to(self._output).as_posix()
        return None


def _traceback_file(output: Path, key: str, number: int) -> Path:
    name = hashlib.sha256(key.encode()).hexdigest()[:16]
    return output / HIDDEN / "tracebacks" / f"{name}-{number}.txt"


def _stored_failure(path: Path, row: PageRow, output: Path) -> Failure:
    """The failure that a row describes."""
    traceback = output / row.traceback if row.traceback else None
    return Failure(path, row.number or None, row.error or "", row.message or "", traceback)
