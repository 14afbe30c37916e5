"""The tables of CRNN shapes and CTPN grids, of runs that have ended."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

PAGE = np.full((1050, 800), 255, np.uint8)

Load = Callable[[str], ModuleType]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    threads = torch.get_num_threads()
    monkeypatch.setattr(torch, "set_num_threads", lambda _: threads)

    def loaded(name: str) -> ModuleType:
        module = importlib.import_module(name)
        monkeypatch.setattr(module, "restart_for_training", lambda: None)
        return module

    return loaded


def ended(folder: Path, figures: dict[str, Any]) -> None:
    folder.mkdir(parents=True)
    (folder / "figures.json").write_text(json.dumps(figures), encoding="utf-8")


def test_shapes_that_ended_are_told_and_not_trained_again(
    load: Load, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = load("crnn_shapes")
    monkeypatch.setattr(shapes, "_WIDTH", 64)
    ended(tmp_path / "runs" / "no-bottleneck", {"lines": 41_234, "forms": 0.1234})
    (tmp_path / "forms").mkdir()
    shapes.main(
        tmp_path, [tmp_path / "forms"], runs=tmp_path / "runs", threads=1, only=["no bottleneck"], lines=64
    )
    head, _, row = capsys.readouterr().out.splitlines()
    assert head == "| shape | parameters | ms a line | lines | forms |"
    assert re.fullmatch(r"\| no bottleneck \| \d\.\d M \| \d+\.\d \| 41,234 \| 0\.123 \|", row)


def test_grids_that_ended_are_told_and_not_trained_again(
    load: Load, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    grids = load("ctpn_grids")
    monkeypatch.setattr(grids, "_HEIGHT", 64)
    monkeypatch.setattr(
        grids, "detector_figures", lambda detector, sets, limit: {"forms": detector.working_scale(PAGE)}
    )
    for number, (down, across) in enumerate(grids.GRIDS):
        ended(tmp_path / f"{across}x{down}", {"crops": 1_000 + number, "forms": number / 10})
    grids.main(tmp_path, [tmp_path / "forms"], runs=tmp_path, threads=1)
    first, second = capsys.readouterr().out.split("\n\n")
    rows = first.splitlines()[2:]
    assert [row.split(" | ")[0] for row in rows] == ["| 16 × 8", "| 16 × 16", "| 8 × 16", "| 8 × 8"]
    assert [row.split(" | ")[2:] for row in rows][1] == ["1,001", "0.100 |"]
    scales = dict(row.strip("| ").split(" | ") for row in second.splitlines()[2:])
    assert scales["lines of 20 px"] == "0.286"  # a page without text is taken for lines of 70 px
    assert scales["lines of 28 px"] == "0.400"
    assert scales["short side 600 px (the paper's)"] == "0.750"
    assert scales["as it is"] == "1.000"
