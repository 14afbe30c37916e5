"""Telling on stderr how a run goes: a live bar on a terminal, lines where it is piped, or JSON."""

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

_EVERY = 10.0  # seconds between lines
_PULSE = 0.5  # seconds between looks at how far a run has come
_WINDOW = 60.0  # seconds that the speed is a mean of
_NAMED = 20  # of what was skipped or failed earlier


class Report(Protocol):
    """Is told of all that a run yields, of how far it has come in between, and of its end."""

    def tell(self, result: PageResult | Failure, summary: Summary) -> None:
        """Something is finished."""

    def pulse(self, summary: Summary) -> None:
        """Time has passed; called in a thread of its own."""

    def end(self, run: FolderRun) -> None:
        """All is."""


@contextmanager
def reporting(run: FolderRun, *, quiet: bool = False, log_json: bool = False) -> Iterator[Report]:
    """The kind of report that was asked for and that stderr can show; it is cleared away on leaving.

    It shows how ``run`` comes along while nothing is told to it: models take seconds to load, a page may take
    minutes, and of pages that were read before a run yields nothing.
    """
    with _reporting(quiet, log_json) as report:
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(_PULSE):
                report.pulse(run.summary)

        watching = threading.Thread(target=watch, daemon=True)
        watching.start()
        try:
            yield report
        finally:
            ended.set()
            watching.join()


@contextmanager
def _reporting(quiet: bool, log_json: bool) -> Iterator[Report]:
    if log_json:
        yield JsonReport(sys.stderr)
        return
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield LineReport(sys.stderr, quiet=quiet)
        return
    from rich.progress import BarColumn, Progress, TextColumn

    with Progress(
        BarColumn(bar_width=None), TextColumn("{task.description}"), console=console, transient=True
    ) as progress:
        yield BarReport(progress)


class Speed:
    """Pages a second, as of late."""

    def __init__(self) -> None:
        self._times: deque[float] = deque([monotonic()])

    def count(self) -> None:
        """A page is finished."""
        self._times.append(monotonic())
        while len(self._times) > 2 and self._times[-1] - self._times[0] > _WINDOW:
            self._times.popleft()

    @property
    def pages_a_second(self) -> float:
        """Over the last minute, or since the beginning; 0 before the first page."""
        return (len(self._times) - 1) / max(1e-6, self._times[-1] - self._times[0])


def standing(summary: Summary, speed: float) -> str:
    """How far a run has come, in a line: done, failed, left, speed, time left."""
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


def conclusion(summary: Summary) -> str:
    """What a run did, in a line."""
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


class LineReport:
    """A line every ten seconds and for every failure; only the latter if ``quiet``."""

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        self._stream, self._quiet = stream, quiet
        self._speed, self._last = Speed(), monotonic()

    def tell(self, result: PageResult | Failure, summary: Summary) -> None:
        """A line for a failure."""
        self._speed.count()
        if isinstance(result, Failure):
            self._print(_failed(result))

    def pulse(self, summary: Summary) -> None:
        """A line, where one is due."""
        if not self._quiet and monotonic() - self._last >= _EVERY:
            self._last = monotonic()
            self._print(standing(summary, self._speed.pages_a_second))

    def end(self, run: FolderRun) -> None:
        """What was skipped, what had failed earlier, and the conclusion."""
        if not self._quiet:
            for line in _closing(run):
                self._print(line)

    def _print(self, line: str) -> None:
        self._stream.write(f"{line}\n")  # at once, or two threads' lines could mix
        self._stream.flush()


class BarReport:
    """A bar with figures beside it; failures scroll by above."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._speed = progress, Speed()
        self._task: TaskID = progress.add_task("starting", total=None)

    def tell(self, result: PageResult | Failure, summary: Summary) -> None:
        """Move the bar."""
        self._speed.count()
        if isinstance(result, Failure):
            self._print(_failed(result))
        self.pulse(summary)

    def pulse(self, summary: Summary) -> None:
        """Move the bar."""
        seen = summary.done + summary.failed + summary.kept + summary.kept_failed
        self._progress.update(
            self._task,
            completed=seen,
            total=None if summary.left is None else seen + summary.left,
            description=standing(summary, self._speed.pages_a_second),
        )

    def end(self, run: FolderRun) -> None:
        """The same last lines as without a terminal."""
        for line in _closing(run):
            self._print(line)

    def _print(self, line: str) -> None:
        self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)


class JsonReport:
    """A line of JSON for everything that happens."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._speed = stream, Speed()

    def tell(self, result: PageResult | Failure, summary: Summary) -> None:
        """One of ``{"event": "page", …}`` and ``{"event": "failure", …}``."""
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
        tally = {"done": summary.done, "failed": summary.failed, "left": summary.left}
        self._print({**row, **tally, "pages_per_second": round(self._speed.pages_a_second, 3)})

    def pulse(self, summary: Summary) -> None:
        """Nothing; every page's line says how far the run has come."""

    def end(self, run: FolderRun) -> None:
        """A line ``{"event": "skipped", …}`` for each thing that was not read, and the summary."""
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
        # a file's name may hold bytes that are no text; as an escape of JSON they come through
        text = text.encode("utf-8", "backslashreplace").decode("utf-8")
        print(text, file=self._stream, flush=True)


def _closing(run: FolderRun) -> Iterator[str]:
    summary = run.summary
    for path, reason in run.skipped(_NAMED):
        yield f"not read: {path} ({reason})"
    if summary.skipped > _NAMED:
        yield f"not read: {summary.skipped - _NAMED:,} more, see the manifest's table skipped"
    if summary.failed + summary.kept_failed:
        named = summary.failures[:_NAMED]
        yield from (_failed(failure) for failure in named)
        more = summary.failed + summary.kept_failed - len(named)
        if more:
            yield f"failed: {more:,} more, see the manifest's table pages"
    yield conclusion(summary)


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
