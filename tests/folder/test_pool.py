"""What the pool does apart from doing tasks; see test_killed for workers that die."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic
from types import ModuleType

import pytest

from ocrpipe.errors import OcrError
from ocrpipe.folder.pool import Pool
from ocrpipe.folder.settings import ReadSettings
from ocrpipe.folder.tasks import Failed, Inspect, Inspected, Outcome, Task, Unknown
from ocrpipe.folder.worker import receive, send


def outcomes(pool: Pool, *tasks: Task) -> list[Outcome]:
    waiting, found = list(tasks), []
    while waiting or pool.busy:
        while waiting and pool.has_room:
            pool.submit(waiting.pop(0))
        found += [outcome for _, outcome in pool.wait()]
    return found


def test_messages_are_whole_or_the_end() -> None:
    stream = io.BytesIO()
    send(stream, {"a": 1})
    send(stream, b"x" * 100_000)
    stream.seek(0)
    assert receive(stream) == {"a": 1}
    assert receive(stream) == b"x" * 100_000
    with pytest.raises(EOFError):
        receive(stream)
    for cut in (3, 20):
        with pytest.raises(EOFError):
            receive(io.BytesIO(stream.getvalue()[:cut]))


def test_files_are_inspected_without_loading_models(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no image")
    (tmp_path / "b").write_text("nothing")
    tasks = [Inspect(tmp_path / name, name, name == "a.png") for name in ("a.png", "b")]
    # Neither engine exists, and nobody asks for them.
    with Pool(ReadSettings("nosuch", "nosuch"), 1, 60) as pool:
        failed, unknown = outcomes(pool, *tasks)
    assert isinstance(failed, Failed)
    assert failed.error == "UnreadableImageError"
    assert "Traceback" in failed.traceback
    assert isinstance(unknown, Unknown)
    assert pool.lost == 0


def test_workers_and_tasks_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "ocrpipe.folder")
    (tmp_path / "a.png").write_text("no image")
    with Pool(ReadSettings("nosuch", "nosuch"), 1, 60) as pool:
        pool.submit(Inspect(tmp_path / "a.png", "a.png", True))
        first = pool._workers[0].process
        first.kill()
        while not (found := pool.wait()):
            pass
        second = pool._workers[0].process
    assert isinstance(found[0][1], Failed)
    assert caplog.messages == [
        f"worker {first.pid} started",
        f"worker {first.pid}: inspect a.png, attempt 1",
        f"worker {first.pid} was ended by signal 9, perhaps out of memory; "
        "its task: inspect a.png, attempt 1",
        f"worker {second.pid} started",
        f"worker {second.pid}: inspect a.png, attempt 2",
    ]


def test_a_caller_that_is_away_for_long_does_not_make_pages_late(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("L", (5, 5)).save(tmp_path / "a.png")
    with Pool(ReadSettings("nosuch", "nosuch"), 1, 60) as pool:
        pool.submit(Inspect(tmp_path / "a.png", "a.png", True))
        deadline = monotonic() + 60
        while pool._events.qsize() < 2:  # one that it is alive, one with the outcome
            assert monotonic() < deadline
        (worker,) = pool._workers
        worker.deadline = 0.0
        ((_, outcome),) = pool.wait()
    assert isinstance(outcome, Inspected)
    assert outcome.pages == 1


@pytest.mark.parametrize("module", [subprocess, tempfile])
def test_no_process_to_be_had(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, module: ModuleType) -> None:
    def none_left(*_: object, **__: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(module, "Popen" if module is subprocess else "TemporaryFile", none_left)
    with (
        Pool(ReadSettings(), 1, 60) as pool,
        pytest.raises(OcrError, match="no worker process can be started"),
    ):
        pool.submit(Inspect(tmp_path, "a", True))


def test_importing_the_worker_loads_no_models() -> None:
    code = "import sys, ocrpipe.folder, ocrpipe.folder.worker; print({'torch', 'cv2'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
