"""The engine ray, on a Ray of this machine's own."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ocrpipe.errors import MissingExtraError
from ocrpipe.folder import FolderRun, stored_results
from ocrpipe.folder.tasks import Task

Start = Callable[..., FolderRun]
Contents = Callable[[Path], dict[str, bytes]]
Save = Callable[..., Path]


pytestmark = pytest.mark.xdist_group("ray")  # two Rays at once want twice the memory


def environment(site: Path) -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))
    # without the niceness, Ray's processes get little time on a busy machine
    return {**os.environ, "PYTHONPATH": path, "RAY_worker_niceness": "0"}


@pytest.mark.slow
def test_ray_gives_the_same_bytes_and_failures(
    start: Start,
    inline: list[Task],
    tree: Path,
    tmp_path: Path,
    site: Path,
    contents: Contents,
    save_page: Save,
) -> None:
    pytest.importorskip("ray", reason="needs the extra ocrpipe[ray]")
    save_page(tree / "raises.png", 93)
    (tree / "bad.png").write_text("no image")
    (tree / "notes.doc").write_text("nothing")
    list(start(tree, tmp_path / "inline", formats=("txt", "json")))
    kinds = [str(type(result)) for result in stored_results(tmp_path / "inline")]

    out = tmp_path / "ray"
    engines = ["--detector", "bars", "--recognizer", "lengths", "--engine", "ray", "--workers", "1"]
    arguments = ["folder", str(tree), "--out", str(out), "--format", "txt,json", *engines]
    settings = environment(site)
    command = [sys.executable, "-m", "ocrpipe", *arguments]
    done = subprocess.run(command, env=settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "2 failed, 1 not read" in done.stderr.splitlines()[-1]
    assert contents(out) == contents(tmp_path / "inline")
    assert [str(type(result)) for result in stored_results(out)] == kinds
    again = start(tree, out, formats=("txt", "json"))  # the manifest is any engine's
    assert len(list(again)) == 1  # the file that can't be opened
    assert (again.summary.kept, again.summary.written) == (8, 0)


CLUSTER = """
import ray
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
print(ray.get_runtime_context().gcs_address, flush=True)
input()
"""


@pytest.mark.slow
def test_a_cluster_that_is_running_is_used_and_left_running(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path, site: Path, contents: Contents
) -> None:
    pytest.importorskip("ray", reason="needs the extra ocrpipe[ray]")
    list(start(tree, tmp_path / "inline"))
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    settings = environment(site) | token
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-c", CLUSTER], env=settings, text=True, **pipes) as cluster:  # type: ignore[call-overload]
        address = cluster.stdout.readline().strip()
        arguments = ["folder", str(tree), "--out", str(tmp_path / "ray"), "--workers", "1", "--quiet"]
        arguments += ["--detector", "bars", "--recognizer", "lengths", "--engine", "ray"]
        command = [sys.executable, "-m", "ocrpipe", *arguments, "--ray-address", address]
        done = subprocess.run(command, env=settings, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        assert cluster.poll() is None
        cluster.communicate("\n")
    assert contents(tmp_path / "ray") == contents(tmp_path / "inline")


def test_without_ray(start: Start, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ocrpipe\[ray\]'"):
        list(start(tree, tmp_path / "out", engine="ray"))
