"""Pictures go into a PDF as their files hold them, and look as they do."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, features

from ocrpipe.export import document_bytes
from ocrpipe.export.pdf import page_to_pdf
from ocrpipe.io import images
from ocrpipe.io.documents import pages
from ocrpipe.result import Page

pikepdf = pytest.importorskip("pikepdf", reason="needs the extra ocrpipe[pdf]")
pytest.importorskip("fontTools", reason="needs the extra ocrpipe[pdf]")

SIZE = (90, 60)


def photo(mode: str = "RGB") -> Image.Image:
    """A picture without any symmetry."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    pixels = np.stack([x * 2, y * 4, (x + y) % 97], axis=2).astype(np.uint8)
    pixels[5:20, 5:30] = 0
    return Image.fromarray(pixels).convert(mode)


def page_of(path: Path) -> Page:
    (found,) = pages(path)
    height, width = found.image.shape[:2]
    return Page(width, height, source=str(path), dpi=72)


def the_image(data: bytes) -> Any:
    with pikepdf.open(BytesIO(data)) as pdf:
        stream = pdf.pages[0].Resources.XObject.Image
        return (
            stream.get("/Filter"),
            stream.read_raw_bytes(),
            stream.get("/ColorSpace"),
            stream.BitsPerComponent,
        )


def rendered(data: bytes) -> NDArray[np.uint8]:
    (shown,) = pages(data, dpi=72)
    return shown.image


def check_look(data: bytes, path: Path, tolerance: float = 3) -> None:
    expected = images.load(path)
    shown = rendered(data)
    assert shown.shape == expected.shape
    assert np.abs(shown.astype(int) - expected).mean() < tolerance


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_as_it_is(tmp_path: Path, mode: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a.jpg"
    photo(mode).save(path, exif=exif, quality=95)
    data = page_to_pdf(page_of(path))
    assert the_image(data)[:2] == (pikepdf.Name.DCTDecode, path.read_bytes())
    check_look(data, path, 40 if mode == "CMYK" else 3)  # of CMYK two programs have two opinions


def test_a_profile_goes_along(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for name in ("a.jpg", "a.png"):
        photo().save(tmp_path / name, icc_profile=profile)
        data = page_to_pdf(page_of(tmp_path / name))
        assert the_image(data)[2][0] == pikepdf.Name.ICCBased
        check_look(data, tmp_path / name)


@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_a_png_as_it_is(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "a.png"
    photo(mode).save(path)
    data = page_to_pdf(page_of(path))
    filter, content, _, bits = the_image(data)
    assert (filter, bits) == (pikepdf.Name.FlateDecode, 8) and content in path.read_bytes()
    check_look(data, path, 0.5)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp"])
def test_black_and_white_is_group_4(tmp_path: Path, name: str) -> None:
    if not features.check("libtiff"):
        pytest.skip("Pillow is without libtiff")
    path = tmp_path / name
    photo("L").point(lambda value: 255 * (value > 60)).convert("1").save(path)
    data = page_to_pdf(page_of(path))
    assert the_image(data)[0] == pikepdf.Name.CCITTFaxDecode and the_image(data)[3] == 1
    check_look(data, path, 0.5)


def test_a_fax_is_as_small_as_its_file(tmp_path: Path) -> None:
    if not features.check("libtiff"):
        pytest.skip("Pillow is without libtiff")
    path = tmp_path / "fax.tif"
    picture = photo("L").resize((1728, 1100)).point(lambda value: 255 * (value > 60)).convert("1")
    picture.save(path, compression="group4", dpi=(204, 98))
    page = page_of(path)
    assert (page.width, page.height) == (1728, 2290)
    data = page_to_pdf(page)
    assert len(the_image(data)[1]) <= path.stat().st_size
    check_look(data, path, 2)


@pytest.mark.parametrize(
    ("name", "mode", "options"),
    [
        ("alpha.png", "RGBA", {}),
        ("a.bmp", "RGB", {}),
        ("a.tif", "RGB", {"compression": "tiff_lzw"}),
        ("a.gif", "P", {}),
        ("clear.png", "P", {"transparency": 3}),
    ],
)
def test_what_was_without_loss_stays_so(tmp_path: Path, name: str, mode: str, options: Any) -> None:
    path = tmp_path / name
    photo(mode).save(path, **options)
    data = page_to_pdf(page_of(path))
    assert the_image(data)[0] == pikepdf.Name.FlateDecode
    check_look(data, path, 0.5)


def test_an_interlaced_png(tmp_path: Path) -> None:
    header = bytearray()
    path = tmp_path / "a.png"
    photo("L").save(path)
    header += path.read_bytes()[:29]
    assert header[28] == 0  # Pillow writes none; the reader must look at the flag
    from ocrpipe.export import pdf_images

    data = bytearray(path.read_bytes())
    data[28] = 1
    assert pdf_images._png(bytes(data)) is None
    data[28] = 0
    assert pdf_images._png(bytes(data)) is not None


def test_frames_of_a_tiff(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    photo("L").save(path, save_all=True, append_images=[photo("L").transpose(Image.Transpose.ROTATE_180)])
    read = [
        Page(found.image.shape[1], found.image.shape[0], source=str(path), number=found.number, dpi=72)
        for found in pages(path)
    ]
    shown = [found.image for found in pages(document_bytes(read, "pdf", source=path), dpi=72)]
    np.testing.assert_allclose(shown[0], shown[1][::-1, ::-1], atol=1)
    assert np.abs(shown[0].astype(int) - images.load(path)).mean() < 0.5


def test_another_page_than_the_file_holds(tmp_path: Path) -> None:
    from ocrpipe.errors import ConfigError

    photo().save(tmp_path / "a.png")
    with pytest.raises(ConfigError, match="the image is 90×60 pixels, the page 10×10"):
        page_to_pdf(Page(10, 10, source=str(tmp_path / "a.png")))
