from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ocrmypdf", minversion="17.13", reason="needs the extra ocrpipe[ocrmypdf], Python 3.11")

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "ocrmypdf_speed.py"


def measure(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": str(Path(sys.executable).parent)}
    command = [sys.executable, str(SCRIPT), "--runs", "1", "--pages", "2", "--jobs", "1", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


@pytest.mark.slow
def test_measures_whole_runs() -> None:
    done = measure("--engines", "ocrpipe", "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["pages"], figures["jobs"]) == (2, 1)
    row = figures["engines"]["ocrpipe"]
    assert row["chars"] > 1000
    assert row["cpu"] > 0
    assert row["wall"] > 0


@pytest.mark.slow
def test_says_what_an_engine_lacks() -> None:
    done = measure("--engines", "tesseract")
    assert done.returncode == 1
    assert "tesseract: " in done.stderr
    assert "Traceback" not in done.stderr


def test_engines_have_names() -> None:
    done = measure("--engines", "ocrpip")
    assert done.returncode == 2
    assert "unknown engine ocrpip; known are ocrpipe, tesseract, none" in done.stderr
