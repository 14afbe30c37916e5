"""The execution of each kind of task; an error of a file is an outcome, not an exception."""

from __future__ import annotations

import errno
import hashlib
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from ocrpipe.errors import OcrError, UnreadableImageError
from ocrpipe.folder.manifest import Manifest
from ocrpipe.folder.results import pack
from ocrpipe.folder.settings import ReadSettings
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
    Written,
)
from ocrpipe.io.names import printable

if TYPE_CHECKING:
    from ocrpipe.pipeline import Pipeline

_CHUNK = 1 << 22
_FATAL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}


class Working:
    """Executes tasks; the pipeline is created for the first page.

    Args:
        settings: How pages are read.
        alive: Called after a step that does not count towards the page timeout.
    """

    def __init__(self, settings: ReadSettings, alive: Callable[[], None] = lambda: None) -> None:
        self._settings = settings
        self._alive = alive
        self._pipeline: Pipeline | None = None

    def execute(self, task: Task) -> Outcome:
        """Execute a task.

        Raises:
            Exception: The pipeline can't be created; no other error is raised.
        """
        if isinstance(task, Read) and self._pipeline is None:
            self._pipeline = self._settings.pipeline()
            self._alive()
        start = perf_counter()
        try:
            if isinstance(task, Inspect):
                return self._inspect(task)
            return self._read(task) if isinstance(task, Read) else self._write(task)
        except Exception as error:  # engines and decoders raise errors of many kinds
            return _failed(error, perf_counter() - start, task)

    def _inspect(self, task: Inspect) -> Outcome:
        from ocrpipe.io import documents

        identity = Identity.of(task.path)
        try:
            if not task.known and not _is_document(task.path):
                return Unknown()
            with _unchanged(task.path, task.key, identity):
                sha256 = self._sha256(task.path)
                pages = documents.count_pages(task.path, password=self._settings.password)
        except OcrError as error:
            if not task.known and not isinstance(error, Passing):  # it only resembles a document
                return Unknown()
            raise
        return Inspected(identity, sha256, pages)

    def _read(self, task: Read) -> Outcome:
        from ocrpipe.export.json import page_to_json
        from ocrpipe.io import documents

        assert self._pipeline
        start = perf_counter()
        with _unchanged(task.path, task.key, task.identity):
            (image,) = documents.pages(
                task.path,
                dpi=self._settings.dpi,
                password=self._settings.password,
                max_pixels=self._pipeline.options.load.max_pixels,
                numbers=(task.number,),
                with_text=self._pipeline.options.pdf.text == "skip",
            )
        page = self._pipeline.read(image.image, stored=image.stored)
        page = replace(page, source=task.key, number=image.number, dpi=image.dpi)
        text = page_to_json(page)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return Reading(page, pack(text), digest, perf_counter() - start)

    def _write(self, task: Write) -> Outcome:
        from ocrpipe.export import FORMATS, document_bytes
        from ocrpipe.io.files import write_whole

        if task.foreign:
            raise OcrError(f"{task.target} is not the output of an earlier run and is not overwritten")
        with Manifest(task.manifest.parent) as manifest:
            pages = [manifest.corrected(task.key, number) for number in task.numbers]
        has_images = FORMATS[task.format].has_images
        with _unchanged(task.path, task.key, task.identity) if has_images else nullcontext():
            data = document_bytes(
                pages,
                task.format,
                source=task.path,
                password=self._settings.password,
                replace_text=self._settings.pdf.text == "force",
                rotate_pages=self._settings.pdf.rotate_pages,
            )
        task.target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(task.target, data, follow=False)
        return Written()

    def _sha256(self, path: Path) -> str:
        digest = hashlib.sha256()
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                self._alive()
        return digest.hexdigest()


def _is_document(path: Path) -> bool:
    from ocrpipe.io import images

    with images.open_stream(path) as stream:
        if images.is_pdf(stream):
            return True
        images.identify(stream, str(path))
    return True


@contextmanager
def _unchanged(path: Path, key: str, identity: Identity) -> Iterator[None]:
    """Raise ``Passing`` if the file changes within the block, in place of any other error."""
    _check_unchanged(path, key, identity)
    try:
        yield
    finally:
        _check_unchanged(path, key, identity)


def _check_unchanged(path: Path, key: str, identity: Identity) -> None:
    try:
        current = Identity.of(path)
    except OSError as error:
        raise Passing(f"{key} vanished: {error.strerror}") from error
    if current != identity:
        raise Passing(f"{key} changed while it was being read; run again")


class Passing(UnreadableImageError):
    """A file vanished or changed while it was read, so that another attempt may succeed."""


def _failed(error: Exception, seconds: float, task: Task) -> Failed:
    from ocrpipe.io.decoding import reason

    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    code = cause.errno if isinstance(cause, OSError) else None
    passing = isinstance(error, Passing) or code is not None  # Pillow's own OSErrors have no errno
    return Failed(
        error=UnreadableImageError.__name__ if isinstance(error, Passing) else type(error).__name__,
        message=printable(" ".join(reason(error).split())),
        traceback=printable("".join(traceback.format_exception(error))),
        passing=passing,
        fatal=isinstance(task, Write) and code in _FATAL,
        seconds=seconds,
    )
