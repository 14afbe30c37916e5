"""Runs and workers that are really killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ocrpipe.errors import OcrError, PluginError
from ocrpipe.folder import Failure, FolderRun, PageResult, stored_results
from ocrpipe.folder.tasks import Task

Start = Callable[..., FolderRun]
Contents = Callable[[Path], dict[str, bytes]]
Save = Callable[..., Path]

ENGINES = Path(__file__).parent / "engines"


def command(tree: Path, out: Path, *options: str) -> list[str]:
    engines = ["--detector", "bars", "--recognizer", "lengths"]
    arguments = ["folder", str(tree), "--out", str(out), *engines, *options]
    return [sys.executable, "-m", "ocrpipe", *arguments]


def environment(site: Path, **more: str) -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **more}


def loaded(site: Path) -> set[int]:
    """Ids of the worker processes that have loaded the models."""
    return {int(path.name.partition("-")[2]) for path in site.glob("loaded-*")}


def wait_until_gone(pids: set[int], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while any(Path(f"/proc/{pid}/cmdline").exists() for pid in pids):
        assert time.monotonic() < deadline, "a worker outlived its run"
        time.sleep(0.05)


def test_workers_read_a_tree(
    start: Start, tree: Path, tmp_path: Path, site: Path, contents: Contents
) -> None:
    run = start(tree, tmp_path / "out", workers=2, formats=("txt", "json"))
    results = list(run)
    assert len(results) == 8
    assert all(isinstance(result, PageResult) for result in results)
    assert 1 <= len(loaded(site)) <= 2  # the models are loaded once a worker
    wait_until_gone(loaded(site))
    assert contents(tmp_path / "out")["a/book.txt"] == b"page 3\n\fpage 4\n\fpage 5\n"
    assert list(start(tree, tmp_path / "out", formats=("txt", "json"))) == []


@pytest.mark.slow
def test_outputs_do_not_depend_on_workers(
    start: Start, tree: Path, tmp_path: Path, contents: Contents, request: pytest.FixtureRequest
) -> None:
    list(start(tree, tmp_path / "processes", workers=3, formats=("txt", "json")))
    request.getfixturevalue("inline")
    list(start(tree, tmp_path / "inline", formats=("txt", "json")))
    assert contents(tmp_path / "processes") == contents(tmp_path / "inline")


@pytest.mark.slow
def test_pages_that_kill_their_worker_or_hang_fail_alone(
    start: Start, tree: Path, tmp_path: Path, site: Path, save_page: Save
) -> None:
    save_page(tree / "kills.png", 90)
    save_page(tree / "once.png", 91)
    save_page(tree / "hangs.png", 92)
    run = start(tree, tmp_path / "out", workers=2, page_timeout=10)
    results = list(run)
    failures = {result.path.name: result for result in results if isinstance(result, Failure)}
    assert set(failures) == {"kills.png", "hangs.png"}
    killed, hung = failures["kills.png"], failures["hangs.png"]
    assert (killed.error, killed.number) == ("ChildProcessError", 1)
    assert "signal 9, perhaps out of memory, twice" in killed.message
    assert (hung.error, hung.message) == ("TimeoutError", "took more than 10 seconds")
    assert len(results) == 11
    assert (site / "killed").exists()  # by the page that was read at the second attempt
    assert (tmp_path / "out" / "once.txt").read_text() == "page 91\n"
    wait_until_gone(loaded(site))
    again = start(tree, tmp_path / "out")
    assert list(again) == []
    assert again.summary.kept_failed == 2


@pytest.mark.slow
def test_a_worker_killed_from_outside_costs_nothing(
    start: Start, tree: Path, tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOLDER_SECONDS", "0.2")
    run = start(tree, tmp_path / "out")
    results = [next(run)]
    (victim,) = loaded(site)
    os.kill(victim, signal.SIGKILL)
    results += run
    assert len(results) == 8
    assert all(isinstance(result, PageResult) for result in results)
    assert len(loaded(site)) == 2


@pytest.mark.slow
def test_a_pipeline_that_cannot_be_made_ends_the_run(start: Start, tree: Path, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="cannot be loaded"):
        list(start(tree, tmp_path / "out", recognizer="missing"))
    with pytest.raises(OcrError, match="workers die while they load the models: ended with code 7"):
        list(start(tree, tmp_path / "out", recognizer="unmakable"))


@pytest.mark.slow
def test_killed_at_each_of_its_steps(
    tmp_path: Path, site: Path, save_page: Save, save_document: Save
) -> None:
    tree = tmp_path / "scans"
    save_document(tree / "a" / "fax.tif", 3, 93, 4)
    save_page(tree / "one.png", 5)
    (tree / "notes.txt").write_text("nothing to read")
    (tmp_path / "work").mkdir()
    script = str(ENGINES / "kill_everywhere.py")
    arguments = [sys.executable, script, str(tree), str(tmp_path / "work")]
    done = subprocess.run(arguments, env=environment(site), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["problems"] == []
    assert report["pages"] == 4
    assert report["steps"] > 60


@pytest.mark.slow
def test_kill_9_again_and_again(
    start: Start, tree: Path, tmp_path: Path, site: Path, save_document: Save, contents: Contents
) -> None:
    """The real thing: the command, its workers, and SIGKILL after each second page."""
    save_document(tree / "long.tif", *range(2, 12))
    formats = ["--format", "txt,json,pdf"]
    list(start(tree, tmp_path / "whole", workers=2, formats=("txt", "json", "pdf")))
    whole, out = contents(tmp_path / "whole"), tmp_path / "out"
    kills, stored = 0, 0
    while True:
        options = [*formats, "--workers", "2", "--log-json"]
        settings = environment(site, FOLDER_SECONDS="0.1")
        run = subprocess.Popen(command(tree, out, *options), env=settings, stderr=subprocess.PIPE, text=True)
        assert run.stderr
        with run.stderr as lines:
            events = 0
            for line in lines:
                events += json.loads(line)["event"] == "page"
                if events == 4:
                    time.sleep(0.037 * kills)
                    run.kill()
        if run.wait() == 0:
            break
        kills += 1
        wait_until_gone(loaded(site))
        # A file that was being written is left behind until the next run.
        complete = {name: data for name, data in contents(out).items() if not name.endswith(".tmp")}
        assert complete.items() <= whole.items()
        now = sum(1 for _ in stored_results(out))
        assert now >= stored + 4  # all that was reported is kept
        stored = now
    assert kills >= 2
    assert contents(out) == whole
    assert not list(out.rglob("*.tmp"))


@pytest.mark.slow
def test_a_second_run_is_refused_and_ctrl_c_ends_the_first(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path, site: Path, save_page: Save
) -> None:
    hangs = save_page(tree / "a" / "c.png", 92)  # after the book's three pages; the run cannot end by itself
    settings = environment(site)
    arguments = command(tree, tmp_path / "out", "--log-json", "--workers", "1")
    run = subprocess.Popen(arguments, env=settings, stderr=subprocess.PIPE, text=True)
    assert run.stderr
    with run.stderr as lines:
        assert json.loads(next(lines))["event"] == "page"
        second = subprocess.run(arguments, env=settings, capture_output=True, text=True)
        assert second.returncode == 2
        assert second.stderr.startswith("ocrpipe: another run is at work on")
        run.send_signal(signal.SIGINT)
        assert run.wait(120) == 130
    wait_until_gone(loaded(site))
    hangs.unlink()
    results = list(start(tree, tmp_path / "out"))
    assert 0 < len(results) < 8


@pytest.mark.slow
@pytest.mark.needs_program("sh")
@pytest.mark.needs_program("unshare")
def test_a_disk_that_is_really_full(
    start: Start, tree: Path, tmp_path: Path, site: Path, save_document: Save, contents: Contents
) -> None:
    save_document(tree / "long.tif", *range(2, 60))
    mounted = tmp_path / "small"
    mounted.mkdir()
    one = " ".join(command(tree, mounted / "out", "--format", "json,pdf,html", "--workers", "1", "--quiet"))
    script = f"""
        mount -t tmpfs -o size=600k none {mounted} || exit 77
        {one}; echo first $?
        mount -o remount,size=64m {mounted}
        {one}; echo second $?
        cp -r {mounted}/out {tmp_path}/out
    """
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", script],
        env=environment(site),
        capture_output=True,
        text=True,
    )
    if "first" not in done.stdout:
        pytest.skip("needs leave to mount a file system: root, or user namespaces")
    assert done.stdout.split("\n")[:2] == ["first 1", "second 0"], done
    assert any(reason in done.stderr for reason in ("No space left", "full")), done.stderr
    assert len(done.stderr.splitlines()) == 1
    list(start(tree, tmp_path / "whole", formats=("json", "pdf", "html")))
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def nested_forms(depth: int) -> bytes:
    """A PDF of a few kilobytes whose forms each draw the next ten times."""
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 100] /Contents 4 0 R "
        "/Resources << /XObject << /F 5 0 R >> >> >>",
        "<< /Length 5 >>\nstream\n/F Do\nendstream",
    ]
    for level in range(depth):
        inner = "/F Do " * 10 if level + 1 < depth else "0 0 10 10 re f " * 10
        resources = f"/Resources << /XObject << /F {len(objects) + 2} 0 R >> >>" if level + 1 < depth else ""
        objects.append(
            f"<< /Type /XObject /Subtype /Form /BBox [0 0 100 100] {resources} /Length {len(inner)} >>\n"
            f"stream\n{inner}\nendstream"
        )
    body = "%PDF-1.4\n" + "".join(f"{n} 0 obj {text} endobj\n" for n, text in enumerate(objects, 1))
    return (body + "trailer << /Root 1 0 R >>\n").encode()


@pytest.mark.skipif(sys.platform != "linux", reason="only there memory can be limited")
def test_a_file_that_takes_all_memory_fails_by_itself(start: Start, save_page: Save, tmp_path: Path) -> None:
    root = tmp_path / "scans"
    save_page(root / "good.png", 4)
    (root / "bomb.pdf").write_bytes(nested_forms(8))
    run = start(root, tmp_path / "out", memory_limit=700 << 20, page_timeout=120)
    failures = [one for one in run if isinstance(one, Failure)]
    assert [one.path.name for one in failures] == ["bomb.pdf"]
    assert (tmp_path / "out" / "good.txt").read_text() == "page 4\n"
