"""Kill a run at each of its steps, let another one finish, and compare: ``kill_everywhere.py TREE WORK``.

A step is an SQL statement, a sync or a rename. Runs are forked from this process and do their tasks
themselves, so that one takes a fraction of a second. Prints a line of JSON: the steps, and what went wrong.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ocrpipe.pipeline  # noqa: F401, once, before forking
from ocrpipe.folder import read_folder, run, stored_results
from ocrpipe.folder.settings import ReadSettings
from ocrpipe.folder.tasks import Outcome, Read, Task
from ocrpipe.folder.working import Working

TREE, WORK = Path(sys.argv[1]), Path(sys.argv[2])
FORMATS = ("txt", "json")


class Inline:
    """Stands in for the pool; notes how many pages were read."""

    read = 0
    lost = 0

    def __init__(
        self, settings: ReadSettings, workers: int, page_timeout: float, memory_limit: int | None = None
    ) -> None:
        self._working = Working(settings)
        self._tasks: list[Task] = []

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @property
    def has_room(self) -> bool:
        return not self._tasks

    @property
    def busy(self) -> bool:
        return bool(self._tasks)

    def submit(self, task: Task) -> None:
        self._tasks.append(task)

    def wait(self) -> list[tuple[Task, Outcome]]:
        task = self._tasks.pop()
        Inline.read += isinstance(task, Read)
        return [(task, self._working.execute(task))]


def count_steps(kill_at: int) -> list[int]:
    """Count steps from now on, and die at one of them."""
    steps = [0]

    def step(*_: object) -> None:
        steps[0] += 1
        if steps[0] == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def before(function: Callable[..., Any]) -> Callable[..., Any]:
        def stepping(*arguments: Any, **options: Any) -> Any:
            step()
            return function(*arguments, **options)

        return stepping

    connect = sqlite3.connect

    def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        connection.set_trace_callback(step)
        return connection

    sqlite3.connect = traced  # type: ignore[assignment]
    os.fsync = before(os.fsync)
    os.replace = before(os.replace)
    Path.replace = before(Path.replace)  # type: ignore[method-assign]
    return steps


def forked(out: Path, kill_at: int = 0) -> tuple[int, int] | None:
    """Steps and pages read of a run in a process of its own; ``None`` if it was killed."""
    readable, writable = os.pipe()
    child = os.fork()
    if not child:
        steps = count_steps(kill_at)
        settings: dict[str, Any] = {"detector": "bars", "recognizer": "lengths", "workers": 1}
        for _ in read_folder(TREE, out, formats=FORMATS, **settings):
            pass
        os.write(writable, json.dumps([steps[0], Inline.read]).encode())
        os._exit(0)
    os.close(writable)
    with os.fdopen(readable, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) == (not said), f"status {status}"
    return tuple(json.loads(said)) if said else None


def visible(out: Path) -> dict[str, bytes]:
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and not path.relative_to(out).parts[0].startswith(("manifest.sqlite", ".ocrpipe"))
    }


def main() -> None:
    vars(run)["Pool"] = Inline
    reference = forked(WORK / "whole")
    assert reference is not None
    steps, pages = reference
    whole = visible(WORK / "whole")
    problems = []
    for kill_at in range(1, steps + 1):
        out = WORK / f"killed-{kill_at}"
        if forked(out, kill_at) is not None:
            problems.append(f"{kill_at}: was not killed")
        seen = {name: data for name, data in visible(out).items() if not Path(name).name.startswith(".")}
        if not seen.items() <= whole.items():
            problems.append(f"{kill_at}: an output was there in part")
        try:
            stored = sum(1 for _ in stored_results(out))
        except ocrpipe.OcrError:  # killed before there was a manifest
            stored = 0
        finished = forked(out)
        if finished is None or finished[1] != pages - stored:
            problems.append(f"{kill_at}: {stored} pages were stored, then {finished} steps and pages")
        if visible(out) != whole:
            problems.append(f"{kill_at}: the outcome is another one: {sorted(visible(out))}")
    print(json.dumps({"steps": steps, "pages": pages, "problems": problems}))


main()
