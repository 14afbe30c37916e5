"""The sample page that ships, and the script it was made with."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

DOCS = Path(__file__).parents[1] / "docs"


def test_sample_is_what_its_script_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = runpy.run_path(str(DOCS / "make_sample.py"))
    main, levels = script["main"], script["GREYS"]
    monkeypatch.setitem(main.__globals__, "HERE", tmp_path)
    main()
    assert (tmp_path / "sample.txt").read_bytes() == (DOCS / "sample.txt").read_bytes()
    with Image.open(tmp_path / "sample.png") as made, Image.open(DOCS / "sample.png") as shipped:
        assert (made.mode, made.size) == (shipped.mode, shipped.size) == ("L", (1200, 1600))
        difference = np.abs(np.asarray(made, int) - np.asarray(shipped, int))
    # Equal with the tested versions of Pillow and OpenCV; others may round a pixel to the next level of grey.
    assert (difference > 2 * 255 / (levels - 1)).mean() < 1e-4 and difference.mean() < 0.5


def test_sample_is_small() -> None:
    assert (DOCS / "sample.png").stat().st_size < 300_000
