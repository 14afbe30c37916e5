"""Text that is stored in PDF pages: extracted, taken where it is right, and else read."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ocrpipe.cli import app
from ocrpipe.errors import ConfigError
from ocrpipe.folder import read_folder
from ocrpipe.io import documents
from ocrpipe.options import Options
from ocrpipe.pipeline import Pipeline, Stage

LINES = (
    "The committee met on Tuesday at noon",
    "to hear the annual report of its",
    "treasurer, who had counted 1,204 books",
    "and 36 maps in the reading room.",
)


def content(lines: Sequence[str], mode: int = 0, size: float = 14, leading: float = 24) -> bytes:
    shown = " ".join(f"({line}) Tj T*" for line in lines)
    return f"BT {mode} Tr /F {size} Tf {leading} TL 1 0 0 1 60 300 Tm {shown} ET\n".encode("latin-1")


def pdf_of(*contents: bytes, rotate: int = 0) -> bytes:
    """A PDF with a page of 400×360 points for each content, written by hand: no package is needed."""
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(contents)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(contents)} /Kids [{kids}] >>".encode(),
        font,
    ]
    for i, data in enumerate(contents):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 400 360] /Rotate {rotate} "
            f"/Resources << /Font << /F 3 0 R >> >> /Contents {5 + 2 * i} 0 R >>".encode()
        )
        objects.append(f"<< /Length {len(data)} >>\nstream\n".encode() + data + b"\nendstream")
    out, offsets = BytesIO(), []
    out.write(b"%PDF-1.7\n")
    for number, item in enumerate(objects, 1):
        offsets.append(out.tell())
        out.write(f"{number} 0 obj\n".encode() + item + b"\nendobj\n")
    start = out.tell()
    out.write(f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode())
    out.writelines(f"{offset:010} 00000 n \n".encode() for offset in offsets)
    out.write(f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode())
    return out.getvalue()


def misspelt(lines: Sequence[str]) -> list[str]:
    """What nobody reads on the page, but is close to it."""
    return [line.replace("e", "c") for line in lines]


@pytest.fixture(scope="module")
def skipping() -> Pipeline:
    return Pipeline(threads=1, options=Options().with_settings(["pdf.text=skip"]))


def read_page(pipeline: Pipeline, data: bytes) -> tuple[str, set[str]]:
    """The page's text, and the stages that it went through."""
    stages: list[Stage] = []
    (page,) = pipeline.read_document(data, on_stage=stages.append)
    return page.text, {stage.name for stage in stages}


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_lines_are_placed_on_the_rendered_page(rotate: int) -> None:
    turned = {0: "1 0 0 1 60 300", 90: "0 1 -1 0 60 60", 180: "-1 0 0 -1 340 60", 270: "0 -1 1 0 340 300"}
    data = content(LINES).replace(b"1 0 0 1 60 300", turned[rotate].encode())
    (page,) = documents.pages(pdf_of(data, rotate=rotate), dpi=144, with_text=True)
    assert tuple(line.text for line in page.stored.lines) == LINES
    assert page.stored.others == 0
    height, width = page.image.shape[:2]
    for index, line in enumerate(page.stored.lines):
        assert line.boxes.shape == (len(line.text), 4)
        assert (line.boxes[:, 0] <= line.boxes[:, 2]).all() and (line.boxes[:, 1] < line.boxes[:, 3]).all()
        left, top = line.boxes[:, :2].min(0)
        right, bottom = line.boxes[:, 2:].max(0)
        assert 0 <= left < right <= width and 0 <= top < bottom <= height
        ink = page.image[int(top) : int(bottom) + 1, int(left) : int(right) + 1].min()
        assert ink < 60 and page.image[int(top) : int(bottom), : int(left) - 3].min() > 200
        assert abs(left - 120) < 6 and abs(bottom - 120 - 48 * index) < 14


def test_text_across_the_page_is_counted_apart() -> None:
    across = content(["Confidential"]).replace(b"1 0 0 1 60 300", b"0 1 -1 0 30 100")
    (page,) = documents.pages(pdf_of(content(LINES) + across), with_text=True)
    assert [line.text for line in page.stored.lines] == list(LINES) and page.stored.others == 12


def test_columns_on_one_baseline_are_lines_of_their_own() -> None:
    row = b"BT /F 12 Tf 1 0 0 1 40 300 Tm (left column) Tj 1 0 0 1 240 300 Tm (right column) Tj ET"
    (page,) = documents.pages(pdf_of(row), with_text=True)
    assert [line.text for line in page.stored.lines] == ["left column", "right column"]


def test_it_is_only_extracted_on_request() -> None:
    (page,) = documents.pages(pdf_of(content(LINES)))
    assert not page.stored.lines


def test_a_text_that_is_visible_is_taken_verbatim(skipping: Pipeline) -> None:
    text, stages = read_page(skipping, pdf_of(content(LINES)))
    assert text.split() == " ".join(LINES).split() and "orientation" not in stages


def test_words_and_characters_are_placed(skipping: Pipeline) -> None:
    (page,) = skipping.read_document(pdf_of(content(LINES)), dpi=144)
    assert [line.text for line in page.lines] == list(LINES)
    word = page.lines[2].words[-1]
    assert word.text == "books" and all(char.confidence == 1 for char in word.chars)
    assert page.lines[2].words[0].quad[1][0] < word.quad[0][0]


def test_a_page_whose_text_is_wrong_is_read(skipping: Pipeline) -> None:
    wrong = content(["entirely different words stand here"] * 4, 3)
    text, stages = read_page(skipping, pdf_of(scan_of(LINES) + wrong))
    assert "committee" in text and "different" not in text and "orientation" in stages


def test_a_page_of_which_little_is_stored_is_read(skipping: Pipeline) -> None:
    stored = content(LINES[:1], 3)
    text, stages = read_page(skipping, pdf_of(scan_of(LINES) + stored))
    assert "treasurer" in text and "orientation" in stages


def test_a_scan_with_the_right_layer_is_not_read(skipping: Pipeline) -> None:
    layer = misspelt(LINES)
    text, stages = read_page(skipping, pdf_of(scan_of(LINES) + content(layer, 3)))
    assert text.split() == " ".join(layer).split() and "orientation" not in stages


def test_without_the_option_all_pages_are_read() -> None:
    layer = misspelt(LINES)
    text, stages = read_page(Pipeline(threads=1), pdf_of(scan_of(LINES) + content(layer, 3)))
    assert "committee" in text and "orientation" in stages and "stored text" not in stages


def scan_of(lines: Sequence[str]) -> bytes:
    """The page's pixels as an inline image, without text."""
    (page,) = documents.pages(pdf_of(content(lines)), dpi=144)
    height, width = page.image.shape[:2]
    pixels = page.image[:, :, 0].tobytes().hex().encode()
    return (
        f"q 400 0 0 360 0 0 cm BI /W {width} /H {height} /CS /G /BPC 8 /F /AHx ID ".encode()
        + pixels
        + b"> EI Q\n"
    )


@pytest.mark.parametrize("command", ["read", "folder"])
def test_the_options_of_the_commands(command: str, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "in").mkdir()
    source = tmp_path / "in" / "a.pdf"
    source.write_bytes(pdf_of(scan_of(LINES) + content(misspelt(LINES), 3), content(LINES)))
    target = tmp_path / "a.txt" if command == "read" else tmp_path / "out"
    arguments = [command, str(source if command == "read" else source.parent), "--out", str(target)]
    result = CliRunner().invoke(app, [*arguments, "--skip-text", "--threads", "1"])
    assert result.exit_code == 0, result.output
    text = (target if command == "read" else target / "a.txt").read_text("utf-8")
    assert "Thc committcc" in text and "The committee" in text
    result = CliRunner().invoke(app, [*arguments, "--skip-text", "--force-ocr"])
    assert result.exit_code == ConfigError.exit_code


def test_folders_follow_the_options_mode(tmp_path: Path) -> None:
    pytest.importorskip("pikepdf", reason="needs the extra ocrpipe[pdf]")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.pdf").write_bytes(pdf_of(content(LINES)))
    texts = {}
    for mode in ("redo", "force"):
        options = Options().with_settings({"pdf.text": mode})
        with read_folder(tmp_path / "in", tmp_path / mode, formats=("pdf",), options=options) as run:
            list(run)
        (page,) = documents.pages(tmp_path / mode / "a.pdf", with_text=True)
        texts[mode] = [line.text for line in page.stored.lines]
    assert [" ".join(lines).count("committee") for lines in texts.values()] == [1, 1]


@pytest.mark.parametrize("rotate", [0, 90])
def test_pages_are_shown_upright_on_request(rotate: int, tmp_path: Path) -> None:
    pytest.importorskip("pikepdf", reason="needs the extra ocrpipe[pdf]")
    import numpy as np

    source = tmp_path / "a.pdf"
    turned = {0: b"-1 0 0 -1 340 60", 90: b"0 -1 1 0 60 300"}[rotate]  # upside down as it is shown
    source.write_bytes(pdf_of(content(LINES).replace(b"1 0 0 1 60 300", turned), rotate=rotate))
    shown: list[documents.PageImage] = []
    for arguments in ([], ["--rotate-pages"]):
        out = tmp_path / f"{len(arguments)}.pdf"
        result = CliRunner().invoke(app, ["read", str(source), "--out", str(out), "--force-ocr", *arguments])
        assert result.exit_code == 0, result.output
        shown += documents.pages(out, dpi=144, with_text=True)
    assert np.abs(shown[0].image[::-1, ::-1].astype(int) - shown[1].image).mean() < 6
    assert not shown[0].stored.lines
    assert "committee" in " ".join(line.text for line in shown[1].stored.lines)


def test_a_mode_that_is_unknown() -> None:
    with pytest.raises(ConfigError, match="redo, skip, force"):
        Options().with_settings(["pdf.text=keep"])
