"""Progress of a run on stderr: a live bar on a terminal, lines if piped, or JSON."""

from __future__ import annotations

import json
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Protocol, TextIO

from ocrpipe.folder.results import Failure, PageResult, Summary
from ocrpipe.folder.run import FolderRun

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_LINE_INTERVAL = 10.0  # seconds between lines
_UPDATE_INTERVAL = 0.5  # seconds between updates
_WINDOW = 60.0  # seconds over which the speed is averaged
_MAX_REPORTED = 1000  # failures remembered as reported; a summary lists no more
_MAX_NAMED = 20  # skipped files and failures at the end


class Reporter(Protocol):
    """Reports the results of a run, its progress, and its end."""

    def report(self, result: PageResult | Failure, summary: Summary) -> None:
        """Report a result."""

    def update(self, summary: Summary) -> None:
        """Report the progress; called at intervals, in a thread of its own."""

    def end(self, run: FolderRun) -> None:
        """Report the end of the run."""


@contextmanager
def reporting(run: FolderRun, *, quiet: bool = False, log_json: bool = False) -> Iterator[Reporter]:
    """The reporter for these options and the type of stderr; a live bar is removed at the end.

    The progress of ``run`` is also updated between results: models take seconds to load, a page may take
    minutes, and a run yields nothing for pages that were read before.
    """
    with _reporting(quiet, log_json) as reporter:
        ended = threading.Event()

        def update() -> None:
            while not ended.wait(_UPDATE_INTERVAL):
                reporter.update(run.summary)

        updates = threading.Thread(target=update, daemon=True)
        updates.start()
        try:
            yield reporter
        finally:
            ended.set()
            updates.join()


@contextmanager
def _reporting(quiet: bool, log_json: bool) -> Iterator[Reporter]:
    if log_json:
        yield JsonReporter(sys.stderr)
        return
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield LineReporter(sys.stderr, quiet=quiet)
        return
    from rich.progress import BarColumn, Progress, TextColumn

    with Progress(
        BarColumn(bar_width=None), TextColumn("{task.description}"), console=console, transient=True
    ) as progress:
        yield BarReporter(progress)


class Speed:
    """Pages per second over the last minute."""

    def __init__(self) -> None:
        self._times: deque[float] = deque([monotonic()])

    def count(self) -> None:
        """Count a finished page."""
        self._times.append(monotonic())
        while len(self._times) > 2 and self._times[-1] - self._times[0] > _WINDOW:
            self._times.popleft()

    @property
    def pages_per_second(self) -> float:
        """Over the last minute, or since the start; 0 before the first page."""
        return (len(self._times) - 1) / max(1e-6, self._times[-1] - self._times[0])


def progress_line(summary: Summary, speed: float) -> str:
    """The progress of a run in one line: done, failed, left, speed, time left."""
    parts = [f"{summary.done:,} done", f"{summary.failed:,} failed"]
    if summary.kept:
        parts.append(f"{summary.kept:,} done before")
    if summary.left is not None:
        parts.append(f"{summary.left:,} left")
    if speed:
        parts.append(f"{speed:.2f} pages/s")
        if summary.left:
            parts.append(f"about {_duration(summary.left / speed)} to go")
    return ", ".join(parts)


def summary_line(summary: Summary) -> str:
    """The result of a run in one line."""
    parts = [f"{_count(summary.done, 'page')} read in {_duration(summary.seconds)}"]
    if summary.kept:
        parts.append(f"{summary.kept:,} read before")
    parts.append(f"{_count(summary.written, 'file')} written")
    if summary.failed or summary.kept_failed:
        before = f" and {summary.kept_failed:,} before (--retry-failed)" if summary.kept_failed else ""
        parts.append(f"{summary.failed:,} failed{before}")
    if summary.skipped:
        parts.append(f"{summary.skipped:,} not read")
    return ", ".join(parts)


class LineReporter:
    """A line every ten seconds and for every failure; only for failures if ``quiet``."""

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        self._stream, self._quiet = stream, quiet
        self._speed, self._last = Speed(), monotonic()
        self._reported = _Reported()

    def report(self, result: PageResult | Failure, summary: Summary) -> None:
        """Print a line for a failure."""
        self._speed.count()
        if isinstance(result, Failure):
            self._reported.add(result)
            self._print(_failed(result))

    def update(self, summary: Summary) -> None:
        """Print a line if it is due."""
        if not self._quiet and monotonic() - self._last >= _LINE_INTERVAL:
            self._last = monotonic()
            self._print(progress_line(summary, self._speed.pages_per_second))

    def end(self, run: FolderRun) -> None:
        """Print skipped files, earlier failures and the summary."""
        if not self._quiet:
            for line in _closing(run, self._reported):
                self._print(line)

    def _print(self, line: str) -> None:
        self._stream.write(f"{line}\n")  # in one call, or lines of two threads could mix
        self._stream.flush()


class BarReporter:
    """A bar with figures beside it; failures are printed above."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._speed = progress, Speed()
        self._task: TaskID = progress.add_task("starting", total=None)
        self._reported = _Reported()

    def report(self, result: PageResult | Failure, summary: Summary) -> None:
        """Update the bar."""
        self._speed.count()
        if isinstance(result, Failure):
            self._reported.add(result)
            self._print(_failed(result))
        self.update(summary)

    def update(self, summary: Summary) -> None:
        """Update the bar."""
        finished = summary.done + summary.failed + summary.kept + summary.kept_failed
        self._progress.update(
            self._task,
            completed=finished,
            total=None if summary.left is None else finished + summary.left,
            description=progress_line(summary, self._speed.pages_per_second),
        )

    def end(self, run: FolderRun) -> None:
        """Print the same last lines as without a terminal."""
        for line in _closing(run, self._reported):
            self._print(line)

    def _print(self, line: str) -> None:
        self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)


class _Reported:
    """The failures reported so far, up to the number that a summary lists."""

    def __init__(self) -> None:
        self._failures: set[Failure] = set()

    def __contains__(self, failure: Failure) -> bool:
        return failure in self._failures

    def add(self, failure: Failure) -> None:
        """Note a failure."""
        if len(self._failures) < _MAX_REPORTED:
            self._failures.add(failure)


class JsonReporter:
    """A line of JSON for every event."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._speed = stream, Speed()

    def report(self, result: PageResult | Failure, summary: Summary) -> None:
        """Print ``{"event": "page", …}`` or ``{"event": "failure", …}``."""
        self._speed.count()
        row: dict[str, object] = {"path": str(result.path), "page": result.number}
        if isinstance(result, PageResult):
            row |= {
                "event": "page",
                "seconds": round(result.seconds, 3),
                "lines": len(result.page.lines),
                "confidence": round(result.page.confidence, 4),
            }
        else:
            traceback = str(result.traceback) if result.traceback else None
            row |= {"event": "failure", "error": result.error, "message": result.message}
            row |= {"traceback": traceback}
        counts = {"done": summary.done, "failed": summary.failed, "left": summary.left}
        self._print({**row, **counts, "pages_per_second": round(self._speed.pages_per_second, 3)})

    def update(self, summary: Summary) -> None:
        """Nothing; the line of every page has the progress."""

    def end(self, run: FolderRun) -> None:
        """Print ``{"event": "skipped", …}`` for each skipped file, and the summary."""
        for path, reason in run.skipped():
            self._print({"event": "skipped", "path": path, "reason": reason})
        summary = run.summary
        self._print(
            {
                "event": "summary",
                "done": summary.done,
                "failed": summary.failed,
                "kept": summary.kept,
                "kept_failed": summary.kept_failed,
                "documents": summary.documents,
                "skipped": summary.skipped,
                "written": summary.written,
                "seconds": round(summary.seconds, 3),
            }
        )

    def _print(self, row: dict[str, object]) -> None:
        text = json.dumps(row, ensure_ascii=False)
        # bytes of file names that are not UTF-8 are escaped as JSON does
        text = text.encode("utf-8", "backslashreplace").decode("utf-8")
        print(text, file=self._stream, flush=True)


def _closing(run: FolderRun, reported: _Reported) -> Iterator[str]:
    summary = run.summary
    for path, reason in run.skipped(_MAX_NAMED):
        yield f"not read: {path} ({reason})"
    if summary.skipped > _MAX_NAMED:
        yield f"not read: {summary.skipped - _MAX_NAMED:,} more, see the manifest's table skipped"
    if summary.failed + summary.kept_failed:
        named = [failure for failure in summary.failures if failure not in reported][:_MAX_NAMED]
        yield from (_failed(failure) for failure in named)
        more = summary.kept_failed - len(named)
        if more > 0:
            yield f"failed: {more:,} more, see the manifest's table pages"
    yield summary_line(summary)


def _failed(failure: Failure) -> str:
    return f"failed: {' '.join(str(failure).split())}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 90:
        return f"{whole} s"
    minutes = round(whole / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
