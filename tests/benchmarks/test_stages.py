from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_every_stage_takes_its_time_and_they_add_up() -> None:
    page = str(ROOT / "docs" / "sample.png")
    command = [sys.executable, "benchmarks/stages.py", page, "--rounds", "2", "--threads", "1"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=ROOT, env={"COLUMNS": "200", "PATH": ""}
    )
    row = next(line for line in done.stdout.splitlines() if "sample.png" in line).split()
    _, lines, characters, *seconds, total = row
    stages = [float(one) for one in seconds]
    assert int(lines) > 5 and int(characters) > 50
    assert len(stages) == 8 and min(stages) >= 0 and sum(seconds > 0 for seconds in stages) >= 5
    assert 0.5 * float(total) < sum(stages) <= float(total) + 0.006
