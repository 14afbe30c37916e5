"""Whole runs of OCRmyPDF with fake engines, without Tesseract: what is on the pages, and where."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pikepdf
import pypdfium2
import pytest
from numpy.typing import NDArray
from shapely.geometry import box
from shapely.ops import unary_union

import ocrpipe
from ocrpipe.geometry import rotate, turn

pytest.importorskip("ocrmypdf", minversion="17.13", reason="needs the extra ocrpipe[ocrmypdf], Python 3.11")

import ocrmypdf
from ocrmypdf.api import _hocr_to_ocr_pdf, _pdf_to_hocr

from ocrpipe.integrations.ocrmypdf import reading

Draw = Callable[..., NDArray[np.uint8]]
Scan = Callable[..., Path]
Run = Callable[..., "list[Result]"]

DPI = 100
OPTIONS: dict[str, Any] = {
    "ocr_engine": "ocrpipe",
    "ocrpipe_detector": "bars",
    "ocrpipe_recognizer": "notches",
    "output_type": "pdf",
    "optimize": 0,
    "progress_bar": False,
}


@dataclass
class Result:
    """A page of the output as a reader shows it.

    Attributes:
        text: What it gives out, a line each.
        ink: Boxes of the bars in pixels, from top to bottom.
        cells: Boxes around each line's text, in the same order.
    """

    text: list[str]
    ink: list[Any]
    cells: list[Any]

    def overlaps(self) -> list[float]:
        """Intersection over union of each bar and its text."""
        pairs = zip(self.ink, self.cells, strict=True)
        return [ink.intersection(cells).area / ink.union(cells).area for ink, cells in pairs]


def results(path: Path) -> list[Result]:
    with pypdfium2.PdfDocument(path) as pdf:
        return [result(page) for page in pdf]


def result(page: pypdfium2.PdfPage) -> Result:
    shown = page.render(scale=DPI / 72, grayscale=True).to_numpy()
    shown = (shown[..., 0] if shown.ndim == 3 else shown) < 100
    stats = cv2.connectedComponentsWithStats(shown.astype(np.uint8))[2][1:].tolist()
    bars = [box(x, y, x + w, y + h) for x, y, w, h, area in stats if area > 400]

    text = page.get_textpage()
    left, bottom, right, top = page.get_mediabox()
    assert (left, bottom) == (0, 0)
    rotation = page.get_rotation()

    def place(x: float, y: float) -> tuple[float, float]:
        """From the page's own axes, y up, to those of the page as shown, y down."""
        shown = {0: (x, top - y), 90: (y, x), 180: (right - x, y), 270: (top - y, right - x)}
        return shown[rotation]

    lines: list[list[Any]] = [[]]
    for index in range(text.count_chars()):
        if text.get_text_range(index, 1) in ("\r", "\n"):
            lines.append([])
        elif not text.get_text_range(index, 1).isspace():
            x0, y0, x1, y1 = text.get_charbox(index, loose=True)
            corners = np.array([place(x0, y0), place(x1, y1)]) * DPI / 72
            lines[-1].append(box(*corners.min(axis=0), *corners.max(axis=0)))
    cells = [unary_union(line).envelope for line in lines if line]
    by_height = [sorted(boxes, key=lambda one: one.bounds[1]) for boxes in (bars, cells)]
    return Result([line.strip() for line in text.get_text_range().splitlines()], *by_height)


@pytest.fixture
def run(tmp_path: Path, engines: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run OCRmyPDF with the fakes; no program is on the path."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(reading, "_loaded", {})

    def run(scan: Path, **options: Any) -> list[Result]:
        code = ocrmypdf.ocr(scan, tmp_path / "out.pdf", **{**OPTIONS, **options})
        assert code == ocrmypdf.ExitCode.ok
        return results(tmp_path / "out.pdf")

    return run


@pytest.mark.parametrize("renderer", ["auto", "fpdf2", "sandwich"])
def test_text_is_found_and_lies_over_the_ink(
    renderer: str, run: Run, draw: Draw, scan: Scan, tmp_path: Path, engines: ModuleType
) -> None:
    (page,) = run(scan(draw(0, 1, 2, 4)), pdf_renderer=renderer, sidecar=tmp_path / "out.txt")
    texts = [engines.TEXTS[number] for number in (0, 1, 2, 4)]
    assert page.text == texts
    assert min(page.overlaps()) > 0.85
    sidecar = (tmp_path / "out.txt").read_text("utf-8")
    assert [line for line in sidecar.splitlines() if line] == texts
    with pikepdf.open(tmp_path / "out.pdf") as pdf:
        assert f"ocrpipe {ocrpipe.__version__}" in str(pdf.docinfo.Creator)


def test_without_a_chinese_font_text_is_lower_but_lies_along_the_ink(
    run: Run, draw: Draw, scan: Scan, engines: ModuleType, system_fonts: Path
) -> None:
    """OCRmyPDF sets it in a font without shapes then, whose cells are lower."""
    (system_fonts / "NotoSansSC-Regular.otf").unlink()
    (page,) = run(scan(draw(0, 1, 2, 4)))
    assert page.text == [engines.TEXTS[number] for number in (0, 1, 2, 4)]
    for ink, cells in zip(page.ink, page.cells, strict=True):
        assert (cells.bounds[0], cells.bounds[2]) == pytest.approx((ink.bounds[0], ink.bounds[2]), abs=3)
        assert cells.intersection(ink).area > 0.9 * cells.area
        assert cells.area > 0.75 * ink.area


@pytest.mark.parametrize("turned", [90, 180, 270])
@pytest.mark.parametrize("deskew", [False, True])
def test_rotates_pages(
    turned: int, deskew: bool, run: Run, draw: Draw, scan: Scan, engines: ModuleType
) -> None:
    upright = draw(1, 2, 4)
    skewed = rotate(upright, -2.0)[0] if deskew else upright
    (page,) = run(scan(turn(skewed, turned)), rotate_pages=True, deskew=deskew)
    assert page.text == [engines.TEXTS[number] for number in (1, 2, 4)]
    assert [bar.bounds[2] - bar.bounds[0] for bar in page.ink] == pytest.approx(
        [engines.width(number) for number in (1, 2, 4)], abs=4
    )
    assert [bar.bounds[3] - bar.bounds[1] for bar in page.ink] == pytest.approx([engines.HEIGHT] * 3, abs=4)
    assert min(page.overlaps()) > 0.8


def test_deskew_alone(run: Run, draw: Draw, scan: Scan, engines: ModuleType) -> None:
    (page,) = run(scan(rotate(draw(1, 2, 4), -2.0)[0]), deskew=True)
    assert [bar.bounds[3] - bar.bounds[1] for bar in page.ink] == pytest.approx([engines.HEIGHT] * 3, abs=4)
    assert min(page.overlaps()) > 0.8


def test_a_turned_page_that_may_not_be_turned_is_read_where_it_lies(
    run: Run, draw: Draw, scan: Scan, engines: ModuleType
) -> None:
    (page,) = run(scan(turn(draw(1, 2, 4), 90)))
    assert sorted("".join(page.text).replace(" ", "")) == sorted(
        "".join(engines.TEXTS[number] for number in (1, 2, 4)).replace(" ", "")
    )
    ink, cells = unary_union(page.ink), unary_union(page.cells)
    assert ink.intersection(cells).area / ink.union(cells).area > 0.8


def test_pages_without_text(run: Run, draw: Draw, scan: Scan, tmp_path: Path) -> None:
    blank = np.full((1000, 900, 3), 255, np.uint8)
    pages = run(scan(blank, draw(1)), rotate_pages=True, deskew=True, sidecar=tmp_path / "out.txt")
    assert [len(page.text) for page in pages] == [0, 1]
    assert (tmp_path / "out.txt").read_text("utf-8") == "\fEvery spring the clerk walks\n"


def test_pages_in_threads_share_the_cores(
    run: Run, draw: Draw, scan: Scan, engines: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    engines.THREADS.clear()
    numbers = [0, 1, 4, 2, 1, 0]
    pages = run(scan(*map(draw, numbers)), jobs=2)
    assert [page.text for page in pages] == [[engines.TEXTS[number]] for number in numbers]
    assert {threads for _, threads in engines.THREADS} == {2}


def test_hocr_and_back(run: Run, draw: Draw, scan: Scan, tmp_path: Path, engines: ModuleType) -> None:
    work = tmp_path / "work"
    hocr = {name: OPTIONS[name] for name in ("ocr_engine", "ocrpipe_detector", "ocrpipe_recognizer")}
    work.mkdir()
    _pdf_to_hocr(scan(draw(1, 4)), work, **hocr)
    _hocr_to_ocr_pdf(work, tmp_path / "out.pdf", output_type="pdf", optimize=0, **hocr)
    (page,) = results(tmp_path / "out.pdf")
    assert page.text == [engines.TEXTS[1], engines.TEXTS[4]]
    assert min(page.overlaps()) > 0.6  # OCRmyPDF sets hOCR's lines on the lower edge of their boxes


@pytest.mark.slow
@pytest.mark.parametrize("how", [[], ["--no-use-threads"]])
def test_command_line_with_two_jobs(
    how: list[str], draw: Draw, scan: Scan, tmp_path: Path, engines: ModuleType
) -> None:
    command = [sys.executable, "-m", "ocrmypdf", "--ocr-engine", "ocrpipe", "--output-type", "pdf"]
    command += ["--ocrpipe-detector", "bars", "--ocrpipe-recognizer", "notches", "--jobs", "2", *how]
    document = scan(draw(1), draw(2), draw(4))
    done = subprocess.run(
        [*command, str(document), str(tmp_path / "out.pdf")],
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert [page.text for page in results(tmp_path / "out.pdf")] == [[engines.TEXTS[n]] for n in (1, 2, 4)]


def test_failures_are_told_in_a_line(draw: Draw, scan: Scan, run: Run) -> None:
    with pytest.raises(ocrmypdf.ExitCodeException, match="^the detector is out of paper$"):
        run(scan(draw(1)), ocrpipe_detector="broken")
