from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ocrpipe.errors import ConfigError, OcrError, UnreadableImageError
from ocrpipe.export import overlay
from ocrpipe.export.overlay import draw
from ocrpipe.page import Line, Paragraph
from ocrpipe.result import Page


def coloured(picture: Image.Image) -> NDArray[np.bool_]:
    pixels = np.asarray(picture).astype(int)
    is_coloured: NDArray[np.bool_] = pixels.max(axis=2) - pixels.min(axis=2) > 40
    return is_coloured


@pytest.mark.parametrize("background", [0, 128, 255])
def test_boxes_and_numbers_show_on_any_page(turned: tuple[Page, NDArray[np.uint8]], background: int) -> None:
    page, picture = turned
    image = np.full_like(picture, background)
    marked = coloured(draw(page, image=image))
    assert marked.shape == (page.height, page.width)
    for line in page.lines:
        for x, y in line.quad:
            near = marked[max(int(y) - 2, 0) : int(y) + 3, max(int(x) - 2, 0) : int(x) + 3]
            assert near.any()
        (x0, y0), _, _, (x3, y3) = line.quad
        x, y = (x0 + x3) / 2, (y0 + y3) / 2
        badge = marked[int(y) - 12 : int(y) + 12, int(x) - 12 : int(x) + 12]
        assert badge.mean() > 0.15
    assert not coloured(Image.fromarray(image)).any()  # the caller's image is unchanged


def test_the_callers_image_is_left_alone(page: Page, picture: NDArray[np.uint8]) -> None:
    before = picture.copy()
    draw(page, image=picture)
    np.testing.assert_array_equal(picture, before)


def test_a_paragraph_has_its_own_colour(page: Page, picture: NDArray[np.uint8]) -> None:
    drawn = np.asarray(draw(page, image=np.full_like(picture, 255)))
    colours = [tuple(drawn[int(line.quad[1][1]), int(line.quad[1][0]) - 1]) for line in page.lines]
    assert colours[0] == colours[1] != colours[2] == colours[3]


@pytest.mark.parametrize("font", ["any", "none"])
def test_text_beside(
    turned: tuple[Page, NDArray[np.uint8]], monkeypatch: pytest.MonkeyPatch, font: str
) -> None:
    page, picture = turned
    if font == "none":
        monkeypatch.setattr(overlay, "_chinese_font", lambda: None)
    both = draw(page, image=picture, text=True)
    assert both.size == (2 * page.width, page.height)
    np.testing.assert_array_equal(
        np.asarray(both.crop((0, 0, page.width, page.height))), np.asarray(draw(page, image=picture))
    )
    sheet = np.asarray(both.crop((page.width, 0, 2 * page.width, page.height)).convert("L"))
    for line in page.lines:
        xs, ys = zip(*line.quad, strict=True)
        inside = sheet[int(min(ys)) + 2 : int(max(ys)) - 2, int(min(xs)) + 2 : int(max(xs)) - 2]
        assert 0.001 < (inside < 128).mean() < 0.5
        outside = sheet[int(max(ys)) + 2 : int(max(ys)) + 8, int(min(xs)) : int(max(xs))]
        assert not outside.size or (outside < 40).mean() < 0.02


def test_no_boxes_for_missing_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlay, "_chinese_font", lambda: None)
    font = overlay._font(20)
    assert overlay._drawable("Ab 1 中文。", font) == "Ab 1 ···"


def test_odd_pages() -> None:
    assert draw(Page(1, 1), image=np.zeros((1, 1), np.uint8), text=True).size == (2, 1)
    far = ((-50.0, -50.0), (900.0, -50.0), (900.0, -40.0), (-50.0, -40.0))
    flat = ((3.0, 3.0),) * 4
    lines = (Line("outside", far, 1.0, ()), Line("a point", flat, 1.0, ()), Line("", far, 0.0, ()))
    page = Page(20, 20, (Paragraph(lines, far),))
    assert draw(page, image=np.zeros((20, 20), np.uint8), text=True).size == (40, 20)


def test_the_source_is_opened_again(page: Page, picture: NDArray[np.uint8], tmp_path: Path) -> None:
    with pytest.raises(UnreadableImageError, match="does not exist"):
        draw(page)
    with pytest.raises(ConfigError, match="no source"):
        draw(Page(5, 5))
    path = tmp_path / "scan.png"
    Image.fromarray(picture).save(path)
    reopened = draw(Page(400, 300, page.paragraphs, source=str(path)))
    np.testing.assert_array_equal(np.asarray(reopened), np.asarray(draw(page, image=picture)))
    with pytest.raises(ConfigError, match="the page 401×300"):
        draw(Page(401, 300, source=str(path)))


@pytest.mark.parametrize(("suffix", "format"), [(".png", "PNG"), (".JPG", "JPEG"), (".webp", "WEBP")])
def test_saving(page: Page, picture: NDArray[np.uint8], tmp_path: Path, suffix: str, format: str) -> None:
    path = tmp_path / f"overlay{suffix}"
    page.draw(path, image=picture)
    with Image.open(path) as image:
        assert (image.format, image.size) == (format, (400, 300))


@pytest.mark.parametrize("name", ["overlay.doc", "overlay"])
def test_saving_in_no_picture_format(page: Page, picture: Any, tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="picture format"):
        page.draw(tmp_path / name, image=picture)
    with pytest.raises(OcrError, match="cannot write"):
        page.draw(tmp_path / "missing" / "overlay.png", image=picture)
