"""A short run of the fuzz driver; and that it finds what it looks for."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "fuzz.py"


@pytest.mark.slow
def test_damaged_files_and_odd_pages_end_in_results_or_errors_of_ours(tmp_path: Path) -> None:
    counts = ["--images", "1000", "--documents", "150", "--reads", "12"]
    command = [sys.executable, str(SCRIPT), *counts, "--keep", str(tmp_path / "found")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "0 problems in 1162 cases" in done.stdout and done.stderr == ""
    assert not (tmp_path / "found").exists()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_inputs() -> None:
    sys.path.insert(0, str(SCRIPT.parent))
    try:
        module = import_module("fuzz")
    finally:
        sys.path.remove(str(SCRIPT.parent))
    counts = {"image": 30, "document": 10, "read": 5}
    first, second, other = ([case.data for case in module.cases(seed, counts)] for seed in (1, 1, 2))
    assert first == second != other


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ("raise ZeroDivisionError('x')", "ZeroDivisionError"),
        ("import os; os.abort()", "ended with code -6"),
        ("import time; time.sleep(600)", "took over 0.5 s"),
        ("import fuzz; raise fuzz.OcrError('two' + chr(10) + 'lines')", "not one line"),
        ("return bytes(b'1' * 700_000_000)", "MB at its peak"),
    ],
)
def test_faults_are_found(fault: str, problem: str, tmp_path: Path) -> None:
    seconds = 0.5 if "sleep" in fault else 120
    package = tmp_path / "sitecustomize.py"
    package.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(SCRIPT.parent)!r})\n"
        "import fuzz\n"
        f"fuzz.MAX_SECONDS, fuzz.MAX_BYTES = {seconds}, 400_000_000\n"
        f"def load(data):\n    {fault}\n"
        "fuzz.images.load = load\n"
    )
    runner = "import fuzz; fuzz.main()"
    done = subprocess.run(
        [sys.executable, "-c", runner, "--images", "2", "--documents", "0", "--reads", "0"],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": f"{tmp_path}:{SCRIPT.parent}", "PATH": ""},
    )
    assert done.returncode == 1, done.stderr
    assert problem in done.stdout and "2 problems in 2 cases" in done.stdout
