"""The sample page that ships, and the script it was made with."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from PIL import Image

DOCS = Path(__file__).parents[1] / "docs"


def test_sample_is_what_its_script_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = runpy.run_path(str(DOCS / "make_sample.py"))
    main = script["main"]
    monkeypatch.setitem(main.__globals__, "HERE", tmp_path)
    main()
    assert (tmp_path / "sample.txt").read_bytes() == (DOCS / "sample.txt").read_bytes()
    with Image.open(tmp_path / "sample.png") as made, Image.open(DOCS / "sample.png") as shipped:
        assert (made.mode, made.size) == (shipped.mode, shipped.size) == ("L", (1200, 1600))


def test_sample_is_small() -> None:
    assert (DOCS / "sample.png").stat().st_size < 300_000
