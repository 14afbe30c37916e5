from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from typer.testing import CliRunner, Result

from ocrpipe.cli import app
from ocrpipe.folder import Failure, FolderRun, Summary, report
from ocrpipe.folder.settings import ReadSettings
from ocrpipe.folder.tasks import Task

Run = Callable[..., Result]
Save = Callable[..., Path]


@pytest.fixture
def run(site: Path, inline: list[Task], tree: Path, tmp_path: Path) -> Run:
    """Runs ``ocrpipe folder`` with the fakes on the tree."""

    def invoke(*options: str) -> Result:
        engines = ["--detector", "bars", "--recognizer", "lengths"]
        arguments = ["folder", str(tree), "--out", str(tmp_path / "out"), *engines, *options]
        return CliRunner().invoke(app, arguments)

    return invoke


def test_everything_goes_to_stderr(run: Run, tree: Path, tmp_path: Path) -> None:
    (tree / "notes.doc").write_text("nothing")
    result = run("--format", "txt, json")
    assert (result.exit_code, result.stdout) == (0, "")
    *skipped, last = result.stderr.splitlines()
    assert skipped == ["not read: notes.doc (of no known type)"]
    assert last.startswith("8 pages read in ")
    assert last.endswith(", 10 files written, 1 not read")
    assert (tmp_path / "out" / "a" / "book.json").exists()
    assert run().stderr.splitlines()[-1].endswith(", 8 read before, 0 files written, 1 not read")


def test_failures_are_reported_and_strict_makes_them_an_exit_code(run: Run, tree: Path) -> None:
    (tree / "bad.png").write_text("no image")
    result = run()
    assert result.exit_code == 0
    assert result.stderr.count(f"failed: {tree / 'bad.png'} is not an image") == 1
    assert result.stderr.splitlines()[-1].endswith("5 files written, 1 failed")
    assert run("--strict").exit_code == 1


def test_strict_counts_failures_of_earlier_runs(run: Run, tree: Path, save_page: Save) -> None:
    save_page(tree / "raises.png", 93)
    assert run().exit_code == 0
    result = run("--strict")
    assert result.exit_code == 1
    assert "0 failed and 1 before (--retry-failed)" in result.stderr
    assert "1 failed" in run("--retry-failed").stderr


def test_quiet_reports_failures_only(run: Run, tree: Path) -> None:
    assert run("--quiet").stderr == ""
    (tree / "bad.png").write_text("no image")
    (line,) = run("-q").stderr.splitlines()
    assert line.startswith("failed: ")


def test_json_log(run: Run, tree: Path, tmp_path: Path) -> None:
    (tree / "bad.png").write_text("no image")
    (tree / "notes.doc").write_text("nothing")
    rows = [json.loads(line) for line in run("--log-json", "--workers", "1").stderr.splitlines()]
    assert [row["event"] for row in rows].count("page") == 8
    first = rows[0]
    assert (first["path"], first["page"], first["lines"]) == (str(tree / "a" / "book.pdf"), 1, 1)
    assert first["confidence"] == pytest.approx(0.9)
    assert first["pages_per_second"] > 0
    (failure,) = (row for row in rows if row["event"] == "failure")
    assert (failure["error"], failure["page"]) == ("UnreadableImageError", None)
    assert Path(failure["traceback"]).exists()
    assert rows[-2] == {"event": "skipped", "path": "notes.doc", "reason": "of no known type"}
    assert rows[-1]["event"] == "summary"
    assert (rows[-1]["done"], rows[-1]["failed"], rows[-1]["written"]) == (8, 1, 5)


def test_names_that_are_no_utf8(run: Run, tree: Path, save_page: Save) -> None:
    (tree / os.fsdecode(b"bad\xe9.png")).write_text("no image")
    save_page(tree / os.fsdecode(b"caf\xe9.png"), 5)
    stderr = run("--format", "txt,pdf,html").stderr
    assert rf"failed: {tree}/bad\xe9.png is not an image" in stderr
    assert stderr.splitlines()[-1].endswith("18 files written, 1 failed")
    rows = [json.loads(line) for line in run("--log-json", "--force").stderr.splitlines()]
    assert {row.get("path") for row in rows} >= {
        str(tree / os.fsdecode(name)) for name in (b"bad\xe9.png", b"caf\xe9.png")
    }


def test_the_time_of_a_page_reaches_the_pool(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from ocrpipe.folder import run as module

    limits, pool = [], vars(module)["Pool"]

    def noted(settings: ReadSettings, workers: int, page_timeout: float, **memory: int | None) -> object:
        limits.append((workers, page_timeout, memory["memory_limit"]))
        return pool(settings, workers, page_timeout, **memory)

    monkeypatch.setattr(module, "Pool", noted)
    assert run("--page-timeout", "2.5", "--workers", "3").exit_code == 0
    assert run("--memory-limit", "2000").exit_code == run("--memory-limit", "0").exit_code == 0
    assert [limit[2] for limit in limits] == [4096 << 20, 2000 << 20, None]
    assert limits[0] == (3, 2.5, 4096 << 20)
    assert run("--memory-limit", "100").exit_code == 2
    assert run("--page-timeout", "0").exit_code == 2


def test_globs_and_force(run: Run, tree: Path) -> None:
    assert run("--include", "*.png", "--exclude", "b/").stderr.startswith("1 page read in ")
    assert run("--include", "*.png", "--force").stderr.startswith("3 pages read in ")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--format", "docx"], 2),
        (["--quiet", "--log-json"], 2),
        (["--ray-address", "auto"], 2),
        (["--detector", "nosuch"], 7),
    ],
)
def test_mistakes_are_one_line(run: Run, options: list[str], code: int) -> None:
    result = run(*options)
    assert result.exit_code == code
    (line,) = result.stderr.splitlines()
    assert line.startswith("ocrpipe: ")


def test_a_line_now_and_then_where_nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(report, "_LINE_INTERVAL", 0.0)
    lines = report.LineReporter(stream)
    summary = Summary(done=1200, failed=1, kept=3, left=600)
    lines.report(Failure(Path("a"), 2, "E", "why\nand how"), summary)
    lines.update(summary)
    first, second = stream.getvalue().splitlines()
    assert first == "failed: a, page 2: why and how"
    assert second.startswith("1,200 done, 1 failed, 3 done before, 600 left, ")
    assert " pages/s, about " in second


def test_progress_is_reported_while_nothing_is_finished(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "_LINE_INTERVAL", 0.0)
    monkeypatch.setattr(report, "_UPDATE_INTERVAL", 0.001)

    class Run:
        summary = Summary(kept=3, left=600)

    output = ""
    with report.reporting(cast(FolderRun, Run())):
        deadline = time.monotonic() + 60
        while "600 left" not in output:
            assert time.monotonic() < deadline
            output += capsys.readouterr().err
    assert output.startswith("0 done, 0 failed, 3 done before, 600 left\n")
    capsys.readouterr()
    time.sleep(0.02)
    assert capsys.readouterr().err == ""


def test_a_bar_where_somebody_does() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120)
    with Progress(BarColumn(), TextColumn("{task.description}"), console=console) as progress:
        bar = report.BarReporter(progress)
        bar.report(Failure(Path("[a]"), None, "E", "why"), Summary(done=2, failed=1, left=6))
        (task,) = progress.tasks
        assert (task.completed, task.total) == (3, 9)
        assert str(task.description).startswith("2 done, 1 failed, 6 left, ")
        bar.update(Summary(kept=4, left=4))
        assert (task.completed, task.total) == (4, 8)
    assert "failed: [a]: why" in stream.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (5300, "88 min"), (9000, "2 h 30 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert report._duration(seconds) == text
