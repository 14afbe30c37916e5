"""One run over a tree: walk, plan, workers and manifest together."""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from types import TracebackType

from ocrpipe.errors import ConfigError, OcrError, UnsupportedSourceError
from ocrpipe.folder.globs import Globs
from ocrpipe.folder.lock import RunLock
from ocrpipe.folder.manifest import HIDDEN, Manifest
from ocrpipe.folder.plan import Plan
from ocrpipe.folder.pool import Pool
from ocrpipe.folder.results import Failure, PageResult, Summary
from ocrpipe.folder.settings import ReadSettings, RunSettings
from ocrpipe.folder.walk import Document, Skipped, walk
from ocrpipe.io.files import remove_temporaries
from ocrpipe.io.names import is_url, printable

_log = logging.getLogger(__name__)


class FolderRun(Iterator[PageResult | Failure]):
    """Reads a tree during iteration; see ``read_folder``.

    Results that were yielded are stored, so that nothing is lost by ending early, by ``close`` or as a
    context manager.

    Args:
        source: The tree to read, or a single file.
        output: The output folder.
        reading: How pages are read.
        run: How the work is done.

    Raises:
        ConfigError: The formats, or the two folders, are invalid.
        MissingExtraError: A format needs an extra that is not installed.
        PluginError: An engine is unknown.
        UnsupportedSourceError: The source does not exist, or is neither a folder nor a file.
    """

    def __init__(self, source: Path, output: Path, reading: ReadSettings, run: RunSettings) -> None:
        if not source.exists():
            if is_url(str(source)):
                raise UnsupportedSourceError(f"{source} is a URL; download it and give a folder or file")
            raise UnsupportedSourceError(f"{source} does not exist")
        if not (source.is_dir() or source.is_file()):
            raise UnsupportedSourceError(f"{source} is neither a folder nor a file")
        source_path, output_path = source.resolve(), output.resolve()
        if source_path == output_path or (source.is_dir() and source_path.is_relative_to(output_path)):
            raise ConfigError(f"{output} holds {source}; results need a folder of their own")
        from ocrpipe.export.saving import check_extras

        for format in run.formats:
            check_extras(format)
        self._source, self._output, self._reading, self._run = source, output, reading, run
        self._globs = Globs(run.include, run.exclude)
        self._fingerprint = reading.fingerprint()
        self._plan: Plan | None = None
        self._files: int | None = None
        self._began, self._ended = monotonic(), 0.0
        self._results = self._iterate()

    def __iter__(self) -> FolderRun:
        return self

    def __next__(self) -> PageResult | Failure:
        return next(self._results)

    def __enter__(self) -> FolderRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the run; the next one continues where it stopped."""
        self._results.close()

    @property
    def summary(self) -> Summary:
        """The progress of the run."""
        if self._plan is None:
            return Summary()
        return self._plan.summary(self._files, (self._ended or monotonic()) - self._began)

    def skipped(self, limit: int = -1) -> list[tuple[str, str]]:
        """Relative path and reason of the files that the run did not read."""
        with Manifest(self._output) as manifest:
            return manifest.skipped(limit)

    def _iterate(self) -> Generator[PageResult | Failure, None, None]:
        self._began = monotonic()
        hidden = self._output / HIDDEN
        with _write_errors(self._output):
            (hidden / "tracebacks").mkdir(parents=True, exist_ok=True)
        lock = RunLock(hidden / "lock.sqlite", self._output)
        try:
            unclean = hidden / "unclean"
            if unclean.exists():
                remove_temporaries(self._output)
            with _write_errors(self._output):
                unclean.touch()
            with Manifest(self._output, writable=True) as manifest:
                manifest.clear_skipped()
                manifest.put_tree(printable(str(self._source.absolute())))
                _log.info("reading %r to %r", str(self._source), str(self._output))
                _log.debug("%s, fingerprint %s", self._run, self._fingerprint)  # a password is not for logs
                self._plan = Plan(manifest, self._output, self._walk(), self._fingerprint, self._run)
                threading.Thread(target=self._count, daemon=True).start()
                lost = yield from self._execute(self._plan)
            if not lost:  # a lost worker may have left a temporary file
                unclean.unlink(missing_ok=True)
        finally:
            self._ended = monotonic()
            lock.release()
            counts = self.summary
            _log.info(
                "ended: %d pages read, %d failed, %d read before, %d files written",
                *(counts.done, counts.failed, counts.kept, counts.written),
            )

    def _execute(self, plan: Plan) -> Generator[PageResult | Failure, None, int]:
        """Execute all tasks; returns how many workers were lost."""
        if self._run.engine == "ray":
            from ocrpipe.folder import ray_engine

            return (yield from ray_engine.execute(plan, self._reading, self._run))
        with Pool(
            self._reading, self._run.workers, self._run.page_timeout, memory_limit=self._run.memory_limit
        ) as pool:
            results: list[PageResult | Failure] = []
            while True:
                while pool.has_room and (task := plan.next_task()):
                    pool.submit(task)
                yield from results  # the workers work while the caller does
                if not pool.busy:
                    return pool.lost
                outcomes = pool.wait()
                results = [result for outcome in outcomes for result in plan.finished(*outcome)]

    def _walk(self) -> Iterator[Document | Skipped]:
        return walk(self._source, self._globs, self._output)

    def _count(self) -> None:
        count = 0
        for _ in self._walk():
            if self._ended:
                return
            count += 1
        self._files = count


@contextmanager
def _write_errors(output: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OcrError(f"cannot write {output}: {error.strerror}") from error
