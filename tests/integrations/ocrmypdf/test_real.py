"""The sample page with the weights that ship: what text comes out, and whether it covers the ink."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pypdfium2
import pytest
from PIL import Image

from ocrpipe.geometry import turn

pytest.importorskip("ocrmypdf", minversion="17.13", reason="needs the extra ocrpipe[ocrmypdf], Python 3.11")

import ocrmypdf

DOCS = Path(__file__).parents[3] / "docs"
DPI = 150


def run(image: Image.Image, folder: Path, **options: object) -> Path:
    image.save(folder / "scan.png", dpi=(DPI, DPI))
    given: dict[str, Any] = {"ocr_engine": "ocrpipe", "output_type": "pdf", "progress_bar": False, **options}
    ocrmypdf.ocr(folder / "scan.png", folder / "out.pdf", language=["eng", "chi_sim"], **given)
    return folder / "out.pdf"


@pytest.fixture
def sample() -> Image.Image:
    return Image.open(DOCS / "sample.png")


def found(text: str) -> float:
    """Share of the page's words that are in a text as they stand."""
    expected = (DOCS / "sample.txt").read_text("utf-8").split()
    missing = Counter(expected) - Counter(text.split())
    return 1 - missing.total() / len(expected)


@pytest.mark.slow
@pytest.mark.parametrize("renderer", ["fpdf2", "sandwich"])
def test_english_and_chinese(
    renderer: str, sample: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    out = run(sample, tmp_path, pdf_renderer=renderer, sidecar=tmp_path / "out.txt")
    with pypdfium2.PdfDocument(out) as pdf:
        text = pdf[0].get_textpage().get_text_range()
    assert found(text) > 0.95
    assert not re.search("[\u4e00-\u9fff] +[\u4e00-\u9fff]", text)
    sidecar = (tmp_path / "out.txt").read_text("utf-8")
    assert found(sidecar) > 0.95
    assert "\n\n这条大江从西方的高山流来，经过三个县，到东门外去。正月\n水少，" in sidecar


@pytest.mark.slow
@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_turned_and_skewed_pages_come_out_straight_and_covered(
    turned: int, sample: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    askew = sample.rotate(-2.0, Image.Resampling.BICUBIC, fillcolor=235)  # clockwise; 0.7° it has itself
    page = Image.fromarray(turn(np.asarray(askew), turned))
    out = run(page, tmp_path, rotate_pages=True, deskew=True)
    with pypdfium2.PdfDocument(out) as pdf:
        shown = pdf[0].render(scale=DPI / 72, grayscale=True).to_numpy().squeeze()
        text = pdf[0].get_textpage()
        height = pdf[0].get_height()
        boxes = [text.get_charbox(index, loose=True) for index in range(text.count_chars())]
        read = text.get_text_range()
    assert shown.shape[0] > shown.shape[1]
    assert found(read) > 0.93  # a space after the numbers of a list is lost now and then

    covered = np.zeros(shown.shape, bool)
    for left, bottom, right, top in boxes:
        x0, y0, x1, y1 = (round(v * DPI / 72) for v in (left, height - top, right, height - bottom))
        covered[y0:y1, x0:x1] = True
    ink = cv2.morphologyEx((shown < 120).astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)) > 0
    assert (ink & covered).sum() / ink.sum() > 0.98
    lines = (
        cv2.dilate(ink.astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    )  # half the gap between two lines
    assert (covered & lines).sum() / covered.sum() > 0.85  # boxes have room around the ink
