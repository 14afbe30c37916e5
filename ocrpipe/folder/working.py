"""How each task is done; what goes wrong with a file is an answer, not an exception."""

from __future__ import annotations

import errno
import hashlib
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from ocrpipe.errors import OcrError, UnreadableImageError
from ocrpipe.folder.manifest import Manifest
from ocrpipe.folder.results import pack, printable
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

if TYPE_CHECKING:
    from ocrpipe.pipeline import Pipeline

_CHUNK = 1 << 22
_FATAL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}


class Working:
    """Does tasks, with a pipeline that is made when the first page is to be read.

    Args:
        settings: How pages are read.
        alive: Called after a step that a page's time should not include.
    """

    def __init__(self, settings: ReadSettings, alive: Callable[[], None] = lambda: None) -> None:
        self._settings = settings
        self._alive = alive
        self._pipeline: Pipeline | None = None

    def do(self, task: Task) -> Outcome:
        """Do a task.

        Raises:
            Exception: The pipeline can't be made; nothing else.
        """
        if isinstance(task, Read) and self._pipeline is None:
            self._pipeline = self._settings.pipeline()
            self._alive()
        start = perf_counter()
        try:
            if isinstance(task, Inspect):
                return self._inspect(task)
            return self._read(task) if isinstance(task, Read) else self._write(task)
        except Exception as error:  # engines and decoders raise anything
            return _failed(error, perf_counter() - start, task)

    def _inspect(self, task: Inspect) -> Outcome:
        identity = Identity.of(task.path)
        try:
            if not task.known and not _is_document(task.path):
                return Unknown()
            with _unchanged(task.path, task.key, identity):
                sha256 = self._sha256(task.path)
                pages = _count_pages(task.path, self._settings.password)
        except OcrError as error:
            if not task.known and not isinstance(error, Passing):  # it looked like a document by accident
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
            )
        page = replace(self._pipeline.read(image.image), source=task.key, number=image.number, dpi=image.dpi)
        text = page_to_json(page)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return Reading(page, pack(text), digest, perf_counter() - start)

    def _write(self, task: Write) -> Outcome:
        from ocrpipe.export import FORMATS, document_bytes
        from ocrpipe.io.files import write_whole

        with Manifest(task.manifest.parent) as manifest:
            pages = [manifest.result(task.key, number) for number in task.numbers]
        shown = FORMATS[task.format].has_images
        with _unchanged(task.path, task.key, task.identity) if shown else nullcontext():
            data = document_bytes(pages, task.format, source=task.path, password=self._settings.password)
        task.target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(task.target, data)
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


def _count_pages(path: Path, password: str | None) -> int:
    """Pages of a document, at least 1; further ones than a damaged frame can't be counted."""
    import pypdfium2

    from ocrpipe.io import documents, images

    with images.open_stream(path) as stream:
        if images.is_pdf(stream):
            try:
                document = pypdfium2.PdfDocument(stream, password=password)
            except Exception:
                document = None
                _forget_last_error()
            if document is not None:
                count = len(document)
                document.close()
                if count:
                    return count
            for _ in documents.pages(path, dpi=1, password=password, numbers=(1,)):
                pass  # raises the error that says it best
            return 1
        image = images.identify(stream, str(path))
        if image.format != "TIFF":
            return 1
        count = 1
        try:
            while True:
                image.seek(count)
                count += 1
        except EOFError:
            return count
        except Exception:  # reading the next one will say what is wrong with it
            return count + 1


def _forget_last_error() -> None:
    """PDFium, where it gives no reason, is taken to give the last file's, such as a wrong password."""
    import pypdfium2

    with suppress(pypdfium2.PdfiumError):
        pypdfium2.PdfDocument(b"no PDF")


@contextmanager
def _unchanged(path: Path, key: str, identity: Identity) -> Iterator[None]:
    """Whatever went wrong in between, a file that is another one now is the reason."""
    _check_unchanged(path, key, identity)
    try:
        yield
    finally:
        _check_unchanged(path, key, identity)


def _check_unchanged(path: Path, key: str, identity: Identity) -> None:
    try:
        found = Identity.of(path)
    except OSError as error:
        raise Passing(f"{key} vanished: {error.strerror}") from error
    if found != identity:
        raise Passing(f"{key} changed while it was being read; run again")


class Passing(UnreadableImageError):
    """A file is not now what it was a moment ago, which says nothing of what it will be."""


def _failed(error: Exception, seconds: float, task: Task) -> Failed:
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    code = cause.errno if isinstance(cause, OSError) else None
    passing = isinstance(error, Passing) or code is not None  # Pillow's own OSErrors have no number
    return Failed(
        error=UnreadableImageError.__name__ if isinstance(error, Passing) else type(error).__name__,
        message=printable(" ".join(str(error).split())) or type(error).__name__,
        traceback=printable("".join(traceback.format_exception(error))),
        passing=passing,
        fatal=isinstance(task, Write) and code in _FATAL,
        seconds=seconds,
    )
