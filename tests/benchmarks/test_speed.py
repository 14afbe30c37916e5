from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
FAKES = """
import sys, time
sys.path.insert(0, {benchmarks!r})
import engines, speed

def fake(seconds, text):
    def load(threads, lang):
        return f"{{threads}}-{{lang}}", lambda page: time.sleep(seconds) or text
    return load

def absent(threads, lang):
    raise ModuleNotFoundError("No module named 'absent'")

def breaks(threads, lang):
    def read(page):
        if page.name == "1.png":
            raise ValueError("will not")
        return "x"
    return "1", read

engines.ENGINES.clear()
engines.ENGINES["absent"] = absent
engines.ENGINES["fast"] = fake(0.02, "a b")
engines.ENGINES["slow"] = fake(0.06, "abcd")
engines.ENGINES["breaks"] = breaks
if __name__ == "__main__":
    speed.main()
"""


@pytest.mark.slow
def test_engines_take_turns_and_ratios_are_to_the_first_one_found(tmp_path: Path) -> None:
    for number in range(5):
        Image.new("L", (8, 8)).save(tmp_path / f"{number}.png")
    script = tmp_path / "run.py"
    script.write_text(FAKES.format(benchmarks=str(ROOT / "benchmarks")), "utf-8")
    command = [sys.executable, str(script), str(tmp_path), "--json", "--threads", "3", "--limit", "4"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)

    assert "absent skipped: ModuleNotFoundError: No module named 'absent'" in done.stderr
    assert "left out: breaks on 1.png: ValueError: will not" in done.stderr
    report = json.loads(done.stdout)
    fast, slow = report["engines"]["fast"], report["engines"]["slow"]
    assert (report["threads"], fast["pages"], slow["pages"]) == (3, 3, 3)
    assert (fast["ratio_of_medians"], fast["ratio_of_totals"]) == (1.0, 1.0)
    assert slow["ratio_of_medians"] == pytest.approx(slow["median"] / fast["median"])
    assert slow["ratio_of_totals"] == pytest.approx(slow["total"] / fast["total"])
    assert slow["total"] >= 3 * 0.06
    assert (fast["chars"], slow["chars"]) == (6, 12)
    assert fast["peak"] > 1e6
