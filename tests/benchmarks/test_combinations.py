"""The table of combinations, with readers that are known: what stands in it, and in which order they read."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ocrpipe.page import Char, Line, Paragraph, Quad, Word
from ocrpipe.recognizers.base import Recognition
from ocrpipe.result import Page

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
QUAD: Quad = ((10.0, 10.0), (90.0, 10.0), (90.0, 30.0), (10.0, 30.0))
ASIDE: Quad = ((10.0, 60.0), (90.0, 60.0), (90.0, 80.0), (10.0, 80.0))


class Fake:
    """Reads the same line from every page, and takes its time by a clock of its own."""

    order: list[str] = []
    clock = 0.0  # seconds

    def __init__(self, name: str, text: str, quad: Quad, seconds: float) -> None:
        self.name, self.text, self.quad, self.seconds = name, text, quad, seconds

    def read(self, source: Path) -> Page:
        self.order.append(self.name)
        Fake.clock += self.seconds
        chars = tuple(Char(char, self.quad, 0.9) for char in self.text)
        line = Line(self.text, self.quad, 0.9, (Word(self.text, self.quad, 0.9, chars),))
        return Page(100, 100, (Paragraph((line,), self.quad),))

    def recognize(self, crops: Sequence[NDArray[np.uint8]]) -> Sequence[Recognition]:
        raise NotImplementedError


@pytest.fixture
def combinations(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setattr("ocrpipe.evaluation.run.perf_counter", lambda: Fake.clock)
    for name in ("combinations", "pages"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module("combinations")


def make_set(folder: Path, pages: int, **row: Any) -> Path:
    folder.mkdir()
    rows = []
    for number in range(pages):
        Image.new("L", (100, 100), 255).save(folder / f"{number}.png")
        rows.append({"image": f"{number}.png", **row})
    (folder / "gt.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return folder


def test_a_row_a_set_and_a_column_a_combination(
    combinations: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = make_set(tmp_path / "lines", 3, lines=[{"text": "abcd", "quad": QUAD}])
    books = make_set(tmp_path / "books", 1, level="page", text="ABCD", lines=[])
    fakes = {"a+b": Fake("a", "abcd", QUAD, 0.02), "c+d": Fake("c", "abxd", ASIDE, 0.08)}
    monkeypatch.setattr(combinations, "load", lambda names, threads: fakes)
    Fake.order.clear()
    assert combinations.main([str(lines), str(books), "--limit", "2", "--casefold", "books"]) == 0

    assert "".join(Fake.order) == "ac" + "acca" + "ac"  # once to warm up, then another one first on each page
    printed = capsys.readouterr().out
    assert printed.startswith(combinations.LEGEND)
    head, rule, *rows, _, caption = printed.removeprefix(combinations.LEGEND).strip().splitlines()
    assert head == "| set | pages | a + b | c + d |"
    assert rule == "| --- | --: | --: | --: |"
    cells = [[cell.strip().split(" · ") for cell in row.strip("|").split("|")] for row in rows]
    assert [row[:2] for row in cells] == [[["lines"], ["2"]], [["books"], ["1"]], [["all"], ["3"]]]
    assert [row[2] for row in cells] == [
        [".000", "1.00", "×1.00"],
        [".000", "–", "×1.00"],
        [".000", "1.00", "×1.00"],
    ]
    assert [row[3] for row in cells] == [
        ["2.000", ".00", "×4.00"],
        [".250", "–", "×4.00"],
        ["1.125", ".00", "×4.00"],
    ]
    assert "3 pages, --threads 2; a+b took 0.02" in caption


def test_stopped_it_shows_the_sets_that_are_done(
    combinations: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first, second = (
        make_set(tmp_path / name, 1, lines=[{"text": "abcd", "quad": QUAD}]) for name in ("first", "second")
    )
    fake = Fake("a", "abcd", QUAD, 0.01)
    monkeypatch.setattr(combinations, "load", lambda names, threads: {"a+b": fake})
    measure = combinations.measure

    def stopping(dataset: Any, *others: Any) -> Any:
        if dataset.name == "second":
            os.kill(os.getpid(), signal.SIGTERM)
        return measure(dataset, *others)

    monkeypatch.setattr(combinations, "measure", stopping)
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert combinations.main([str(first), str(second)]) == 0
        with pytest.raises(SystemExit, match="before the first set"):
            combinations.main([str(second)])
    finally:
        signal.signal(signal.SIGTERM, before)
    printed = capsys.readouterr().out
    assert "| first | 1 |" in printed and "second" not in printed


def test_what_cannot_be_loaded_is_left_out_and_named(
    combinations: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert combinations.load(["nothing+crnn"], 1) == {}
    assert "nothing+crnn skipped: unknown detector 'nothing'" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [("--limit", "0"), ("no/such/set",)])
def test_nonsense_is_refused(
    combinations: ModuleType, wrong: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        combinations.main(wrong)
    assert "must be at least 1" in (error := capsys.readouterr().err) or "no/such/set is not a set" in error
