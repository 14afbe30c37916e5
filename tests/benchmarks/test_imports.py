"""Every benchmark can be started: what it imports from the package is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
SCRIPTS = sorted(path.name for path in FOLDER.glob("*.py") if "__main__" in path.read_text("utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_it_explains_itself(script: str) -> None:
    for package in ("pikepdf", "rich"):
        pytest.importorskip(package, reason=f"pip install {package}")
    done = subprocess.run([sys.executable, FOLDER / script, "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout.lower()
