from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ocrpipe import export
from ocrpipe.errors import ConfigError, OcrError
from ocrpipe.page import PageContent
from ocrpipe.result import Page

BEGINNINGS = {
    "a.txt": "中华",
    "a.json": '{"schema": "ocrpipe.page/1"',
    "a.hocr": "<?xml",
    "a.md": "中华",
    "a.markdown": "中华",
    "a.xlsx": "PK",
    "a.alto": "<?xml",
    "a.xml": "<?xml",
    "a.page.xml": "<?xml",
    "a.csv": "source,page,",
    "a.parquet": "PAR1",
    "a.labelstudio.json": '[\n {\n  "data"',
    "a.html": "<!DOCTYPE html>",
    "a.HTM": "<!DOCTYPE html>",
    "a.pdf": "%PDF-",
}


@pytest.mark.parametrize("name", BEGINNINGS)
def test_the_suffix_says_the_format(
    page: Page, picture: NDArray[np.uint8], tmp_path: Path, name: str
) -> None:
    if name in ("a.pdf", "a.parquet"):
        module = "pikepdf" if name == "a.pdf" else "pyarrow"
        pytest.importorskip(module, reason="needs the extras ocrpipe[pdf,tables]")
    path = tmp_path / name
    page.save(str(path), image=picture)
    assert path.read_bytes().startswith(BEGINNINGS[name].encode())
    assert (b"alto" in path.read_bytes()) == (name in ("a.alto", "a.xml"))
    assert (b"PcGts" in path.read_bytes()) == (name == "a.page.xml")


def test_the_format_can_be_given(page: Page, tmp_path: Path) -> None:
    page.save(tmp_path / "page.out", "txt")
    page.save(tmp_path / "page.txt", format="json")
    assert (tmp_path / "page.out").read_text(encoding="utf-8") == page.text + "\n"
    assert (tmp_path / "page.txt").read_text(encoding="utf-8").startswith("{")


@pytest.mark.parametrize(("name", "format"), [("page", None), ("page.doc", None), ("page.txt", "word")])
def test_unknown_formats_name_the_known_ones(
    page: Page, tmp_path: Path, name: str, format: str | None
) -> None:
    with pytest.raises(ConfigError, match="there are txt, md, json, hocr, alto, pagexml, html, pdf, csv"):
        page.save(tmp_path / name, format)
    assert not list(tmp_path.iterdir())


def test_a_writer_can_be_added(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def count(page: PageContent, image: Any) -> bytes:
        return str(len(page.lines)).encode()

    monkeypatch.setitem(export.FORMATS, "count", export.Format(lambda pages, scans: b"", count, "count"))
    page.save(tmp_path / "page.count")
    assert (tmp_path / "page.count").read_bytes() == b"4"


def test_a_folder_that_is_not_there(page: Page, tmp_path: Path) -> None:
    with pytest.raises(OcrError, match="cannot write"):
        page.save(tmp_path / "missing" / "page.txt")


def test_pdf_opens_the_source_again(page: Page, picture: NDArray[np.uint8], tmp_path: Path) -> None:
    pytest.importorskip("pikepdf", reason="needs the extra ocrpipe[pdf]")
    Image.fromarray(picture).save(tmp_path / "scan.png")
    Page(400, 300, page.paragraphs, source=str(tmp_path / "scan.png")).save(tmp_path / "scan.pdf")
    assert (tmp_path / "scan.pdf").read_bytes().startswith(b"%PDF-")
