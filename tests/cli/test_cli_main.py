from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ocrpipe
from ocrpipe.environment import TRAINING, restart_for_training


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, **environment},
        check=False,
    )


def test_version() -> None:
    done = python("-m", "ocrpipe", "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"ocrpipe {ocrpipe.__version__}\n", "")


def test_help_loads_nothing_heavy() -> None:
    show = "import sys; from typer.testing import CliRunner; from ocrpipe.cli import app"
    run = "out = CliRunner().invoke(app, ['train', 'crnn', '--help']).stdout"
    heavy = "print('--corpora' in out, {'torch', 'cv2', 'numpy', 'scipy'} & set(sys.modules))"
    assert python("-c", f"{show}; {run}; {heavy}").stdout == "True set()\n"


def test_usage_error_is_exit_code_2() -> None:
    done = python("-m", "ocrpipe", "raed")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Did you mean 'read'" in done.stderr


def test_errors_are_one_line_whatever_the_locale() -> None:
    done = python("-m", "ocrpipe", "read", "a.png", "--format", "无", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ocrpipe: unknown format '无'")
    assert len(done.stderr.splitlines()) == 1


def test_training_restarts_with_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, list[str], dict[str, str]]] = []
    monkeypatch.setattr(os, "execve", lambda *call: calls.append(call))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "ocrpipe", "train", "crnn"])
    for name in TRAINING:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MALLOC_MMAP_MAX_", "7")

    restart_for_training()
    ((executable, arguments, environment),) = calls
    assert arguments == [executable, "-m", "ocrpipe", "train", "crnn"]
    assert environment.items() >= {**TRAINING, "MALLOC_MMAP_MAX_": "7"}.items()

    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    restart_for_training()
    assert len(calls) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="settings of Linux's C library")
def test_restart_keeps_the_process(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys; from ocrpipe.environment import restart_for_training\n"
        "print(os.getpid(), sys.argv[1:], os.environ.get('MALLOC_MMAP_MAX_'), flush=True)\n"
        "restart_for_training()\n"
    )
    clean = {name: value for name, value in os.environ.items() if name not in TRAINING}
    done = subprocess.run(
        [sys.executable, script, "a", "b c"], capture_output=True, text=True, env=clean, check=True
    )
    first, second = done.stdout.splitlines()
    assert first.endswith("['a', 'b c'] None")
    assert second == first.replace("None", TRAINING["MALLOC_MMAP_MAX_"])


@pytest.mark.skipif(sys.platform != "linux", reason="only there libtiff can be told apart")
def test_what_libraries_print_about_damaged_files(tmp_path: Path) -> None:
    marks = np.random.default_rng(0).random((300, 400)) > 0.9
    fax, broken = tmp_path / "fax.tif", tmp_path / "broken.tif"
    for path, start in ((fax, 200), (broken, 12)):
        Image.fromarray(marks).save(path, compression="group4")
        data = bytearray(path.read_bytes())
        data[start : start + 50] = b"\xaa" * 50
        if path is broken:
            data = data[: len(data) // 2]
        path.write_bytes(data)
    command = [sys.executable, "-m", "ocrpipe", "read", str(fax), str(broken), "--detector", "classical"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    first, *warnings, last = result.stderr.splitlines()
    assert first.startswith("ocrpipe: ") and "fax.tif is damaged and read in part" in first
    assert all(line.startswith(f"ocrpipe: {fax}, page 1: ") for line in warnings)
    assert last.startswith(f"ocrpipe: {broken} cannot be decoded: ")
