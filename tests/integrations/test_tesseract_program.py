"""The program stands in for itself as a small script here, so that all of this runs without Tesseract."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from ocrpipe.engines.tesseract.program import Glyph, Tesseract, TesseractLine, parse
from ocrpipe.errors import ConfigError, MissingExtraError, PluginError

HOCR = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
    "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml"><body>
<div class='ocr_page' title='image "a; bbox.pnm"; bbox 0 0 90 40'>
 <p class='ocr_par' title="bbox 1 2 80 30">
  <span class='ocr_line' title="bbox 1 2 80 12; baseline -0.05 -6; x_size 27">
   <span class='ocrx_word' title='bbox 1 2 30 12; x_wconf 90'>
    <span class='ocrx_cinfo' title='x_bboxes 1 2 14 12; x_conf 98.5'>R</span>
    <span class='ocrx_cinfo' title='x_bboxes 15 2 30 12; x_conf 101'>&amp;</span>
   </span>
   <span class='ocrx_word' title='bbox 40 2 80 12; x_wconf 50'><strong>D <em>x</em></strong></span>
  </span>
  <span class='ocr_header' title="bbox 1 20 80 30; textangle 180; x_size 9">
   <span class='ocrx_word' title='bbox 1 20 80 30; x_wconf 7'>东</span>
  </span>
  <span class='ocr_line' title="bbox 1 31 80 33; baseline 0 0"><span class='ocrx_word'
   title='bbox 1 31 80 33; x_wconf 95'> </span></span>
 </p>
</div>
<div class='ocr_page' title='image "b.pnm"; bbox 0 0 5 5'></div>
</body></html>
"""

PROGRAM = """#!{python}
import os, pathlib, sys
if sys.argv[1] == "--list-langs":
    print("List of available languages (2):\\nchi_sim\\neng")
    sys.exit()
images = pathlib.Path(sys.argv[1]).read_text().splitlines()
with open({log!r}, "a") as log:
    print(len(images), os.environ["OMP_THREAD_LIMIT"], *sys.argv[2:], file=log)
if {broken}:
    print("Error opening data file\\nfailed!\\n", file=sys.stderr)
    sys.exit({broken} - 1)
print("<html><body>")
for image in images:
    head = pathlib.Path(image).read_bytes().split(b"\\n")[0].decode()
    print(f"<div class='ocr_page'><span class='ocr_line' title='bbox 0 0 9 9'><span class='ocrx_word'"
          f" title='bbox 0 0 9 9; x_wconf 50'>{{head}}</span></span></div>")
print("</body></html>")
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, *, broken: int = 0) -> None:
    program = folder / "tesseract"
    program.write_text(PROGRAM.format(python=sys.executable, log=str(folder / "log"), broken=broken), "utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


posix = pytest.mark.skipif(os.name != "posix", reason="the stand-in is a script")


def test_hocr_becomes_lines_of_characters() -> None:
    first, second = parse(HOCR)
    assert second == []
    assert first == [
        TesseractLine(
            (1, 2, 80, 12),
            -0.05,
            0,
            (
                (Glyph("R", (1, 2, 14, 12), 0.985), Glyph("&", (15, 2, 30, 12), 1.0)),
                (Glyph("D x", (40, 2, 80, 12), 0.5),),
            ),
        ),
        TesseractLine((1, 20, 80, 30), 0.0, 180, ((Glyph("东", (1, 20, 80, 30), 0.07),),)),
    ]


@posix
def test_images_are_shared_out_and_come_back_in_order(
    tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch)
    tesseract = Tesseract(None, threads=3)
    assert tesseract.languages == "chi_sim+eng"
    images = [np.zeros((3, i + 1) if i % 2 else (3, i + 1, 3), np.uint8) for i in range(10)]
    read = [lines[0].words[0][0].text for lines in tesseract.read(images, "--psm", "13")]
    assert read == [f"P{'5' if i % 2 else '6'} {i + 1} 3 255" for i in range(10)]
    assert log.read_text().splitlines() == ["5 1 - -l chi_sim+eng --psm 13 hocr"] * 2
    assert tesseract.read([]) == []


@posix
@pytest.mark.parametrize("broken", [1, 2])
def test_what_the_program_says_is_passed_on(
    broken: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it ends with an error or only without an answer."""
    install(tmp_path, monkeypatch, broken=broken)
    with pytest.raises(PluginError, match="^tesseract read 0 of 1 images: failed!$"):
        Tesseract("eng", threads=1).read([np.zeros((3, 3), np.uint8)])


@posix
def test_missing_data_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch)
    with pytest.raises(MissingExtraError, match="no data for chi_tra: apt install tesseract-ocr-chi-tra"):
        Tesseract("eng+chi_tra", threads=None)


def test_missing_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtraError, match="tesseract is not on the path: apt install tesseract-ocr"):
        Tesseract(None, threads=None)


def test_no_threads_make_no_sense() -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        Tesseract(None, threads=0)
