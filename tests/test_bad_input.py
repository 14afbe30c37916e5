"""What a user may hand over by mistake: an empty page or one clear line, never a traceback, never a hang.

Hangs show as too much work: crops that are recognised, pixels that are decoded."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pikepdf
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from rapidfuzz.distance import Levenshtein
from skimage import data
from typer.testing import CliRunner, Result

import ocrpipe
from ocrpipe.cli import app
from ocrpipe.errors import OcrError, UnreadableImageError, UnsupportedSourceError
from ocrpipe.geometry import turn
from ocrpipe.pipeline import Pipeline
from ocrpipe.recognizers.base import Recognition
from ocrpipe.recognizers.crnn.recognizer import CRNNRecognizer

TESTS = Path(__file__).parent
SAMPLE = TESTS.parent / "docs" / "sample.png"
LATIN = TESTS / "data" / "fonts" / "NotoSerif-subset.ttf"


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert "Traceback" not in result.output
    return result


def saved(image: Image.Image, path: Path) -> Path:
    image.save(path)
    return path


def blank(folder: Path) -> Path:
    return saved(Image.new("L", (850, 1100), 255), folder / "blank.png")


def black(folder: Path) -> Path:
    return saved(Image.new("RGB", (850, 1100)), folder / "black.png")


def pixel(folder: Path) -> Path:
    return saved(Image.new("RGB", (1, 1), "white"), folder / "pixel.png")


def noise(folder: Path) -> Path:
    grain = np.random.default_rng(0).integers(0, 256, (700, 500), np.uint8)
    return saved(Image.fromarray(grain), folder / "noise.png")


@pytest.fixture
def crops(monkeypatch: pytest.MonkeyPatch) -> list[NDArray[np.uint8]]:
    """The crops that the recogniser was given."""
    seen: list[NDArray[np.uint8]] = []
    recognize = CRNNRecognizer.recognize

    def record(self: CRNNRecognizer, crops: Sequence[NDArray[np.uint8]]) -> tuple[Recognition, ...]:
        seen.extend(crops)
        return recognize(self, crops)

    monkeypatch.setattr(CRNNRecognizer, "recognize", record)
    return seen


@pytest.mark.parametrize("make", [blank, black, pixel, noise])
def test_pages_without_text_are_empty(
    make: Callable[[Path], Path], tmp_path: Path, crops: list[NDArray[np.uint8]]
) -> None:
    result = run("read", file := make(tmp_path))
    assert (result.exit_code, result.stdout.strip()) == (0, "")
    warning = f"ocrpipe: {file}, page 1: there is ink on the page, but no text was read\n"
    assert result.stderr == (warning if make is noise else "")
    assert len(crops) < 20


def test_a_photograph_has_next_to_no_text(tmp_path: Path, crops: list[NDArray[np.uint8]]) -> None:
    picture = Image.fromarray(data.astronaut())  # type: ignore[no-untyped-call]
    photograph = saved(picture, tmp_path / "photograph.png")
    page = Pipeline().read(photograph)
    assert len("".join(page.text.split())) < 20
    assert len(crops) < 50


def test_twenty_thousand_pixels_each_way_are_refused(tmp_path: Path) -> None:
    huge = saved(Image.new("1", (20_000, 20_000), 1), tmp_path / "huge.png")
    result = run("read", huge)
    assert result.exit_code == UnreadableImageError.exit_code
    assert result.stderr.count("\n") == 1 and "20000" in result.stderr and "huge.png" in result.stderr


def test_a_page_upside_down_reads_as_the_page() -> None:
    upright = np.asarray(Image.open(SAMPLE))
    pipeline = Pipeline()
    page = pipeline.read(turn(upright, 180))
    assert page.orientation == 180
    assert page.text == pipeline.read(upright).text


def test_a_line_eight_thousand_pixels_long(tmp_path: Path) -> None:
    font = ImageFont.truetype(str(LATIN), 15)
    sentence = "Every spring the clerk walks down to the river and reads the figures cut into the stone. "
    text = (sentence * 20)[: int(8000 / font.getlength(sentence) * len(sentence)) - 4]
    image = Image.new("L", (8000, 20), 255)
    ImageDraw.Draw(image).text((4, 1), text, fill=0, font=font)
    result = run("read", saved(image, tmp_path / "long.png"))
    assert result.exit_code == 0
    assert Levenshtein.normalized_distance(text, result.stdout.strip()) < 0.03


def png_cut_short(folder: Path) -> Path:
    path = folder / "short.png"
    path.write_bytes(SAMPLE.read_bytes()[:20_000])
    return path


def png_garbled(folder: Path) -> Path:
    bytes_ = bytearray(SAMPLE.read_bytes())
    bytes_[60:4000] = b"\0" * 3940
    path = folder / "garbled.png"
    path.write_bytes(bytes_)
    return path


def nothing(folder: Path) -> Path:
    path = folder / "nothing.png"
    path.touch()
    return path


def text_file(folder: Path) -> Path:
    path = folder / "text.png"
    path.write_text("Dear Sir,\nthis is no picture.\n")
    return path


def locked_pdf(folder: Path) -> Path:
    path = folder / "locked.pdf"
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(path, encryption=pikepdf.Encryption(owner="owner", user="user"))
    return path


def damaged_pdf(folder: Path) -> Path:
    path = folder / "damaged.pdf"
    path.write_bytes(b"%PDF-1.7\nand then nothing that makes sense\n%%EOF")
    return path


def folder_named_png(folder: Path) -> Path:
    path = folder / "folder.png"
    path.mkdir()
    return path


@pytest.mark.parametrize(
    ("make", "kind", "why"),
    [
        (png_cut_short, UnreadableImageError, ""),
        (png_garbled, UnreadableImageError, ""),
        (nothing, UnreadableImageError, "empty"),
        (text_file, UnreadableImageError, ""),
        (locked_pdf, UnreadableImageError, "password"),
        (damaged_pdf, UnreadableImageError, "damaged"),
        (folder_named_png, OcrError, ""),
        (lambda folder: folder / "missing.png", OcrError, ""),
    ],
)
def test_what_cannot_be_read_is_one_clear_line(
    make: Callable[[Path], Path], kind: type[OcrError], why: str, tmp_path: Path
) -> None:
    path = make(tmp_path)
    result = run("read", path)
    assert result.stdout == "" and result.exit_code != 0
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("ocrpipe: ") and path.name in result.stderr and why in result.stderr
    with pytest.raises(kind):
        list(ocrpipe.read_document(path))


def test_the_good_ones_among_them_are_read(tmp_path: Path) -> None:
    bad = [nothing(tmp_path), text_file(tmp_path), locked_pdf(tmp_path)]
    result = run("read", bad[0], SAMPLE, bad[1], bad[2])
    assert "The Stone at the East Gate" in result.stdout
    assert result.stderr.count("\n") == 3 and result.exit_code == UnreadableImageError.exit_code


def test_the_password_opens_a_locked_pdf(tmp_path: Path) -> None:
    result = run("read", locked_pdf(tmp_path), "--password", "user")
    assert (result.exit_code, result.stdout.strip(), result.stderr) == (0, "", "")


@pytest.mark.parametrize("source", [None, 3, [1, 2], io.StringIO("text"), {"image": 1}])
def test_what_is_no_source_is_named(source: object) -> None:
    with pytest.raises(UnsupportedSourceError):
        ocrpipe.read(source)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "shape", [(0, 0), (0, 5, 3), (5, 0, 3), (5,), (5, 5, 2), (2, 5, 5, 3)], ids=lambda shape: str(shape)
)
def test_arrays_that_are_no_images_are_named(shape: Sequence[int]) -> None:
    with pytest.raises(OcrError):
        ocrpipe.read(np.zeros(shape, np.uint8))
