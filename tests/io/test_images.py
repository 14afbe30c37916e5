"""Every kind of source gives the same RGB page, and every kind of bad one a clear error."""

from __future__ import annotations

import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image, ImageFile

from ocrpipe.errors import MissingExtraError, OcrError, UnreadableImageError, UnsupportedSourceError
from ocrpipe.io import decoding, images
from ocrpipe.io.images import load, name_of

RED, WHITE = (255, 0, 0), (255, 255, 255)


UPRIGHT: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {  # EXIF 2.3, table of tag 274
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].transpose(1, 0, 2),
    8: lambda stored: np.rot90(stored, 1),
}


def picture() -> Image.Image:
    """12×8, red in its left half, blue in its right, a black corner at the top left."""
    image = Image.new("RGB", (12, 8), "red")
    image.paste("blue", (6, 0, 12, 8))
    image.paste("black", (0, 0, 2, 2))
    return image


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    stream = BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def noise(width: int = 300, height: int = 200) -> Image.Image:
    return Image.fromarray(np.random.default_rng(7).integers(0, 255, (height, width, 3), dtype=np.uint8))


def test_all_ways_to_hand_over_a_file_agree(tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    picture().save(path)
    expected = np.asarray(picture())
    with path.open("rb") as stream:
        stream.seek(5)  # wherever it stands
        for source in (
            path,
            str(path),
            path.read_bytes(),
            stream,
            BytesIO(path.read_bytes()),
            picture(),
            expected,
        ):
            pixels = load(source)
            assert pixels.dtype == np.uint8 and pixels.flags.c_contiguous and pixels.flags.writeable
            np.testing.assert_array_equal(pixels, expected)
        assert not stream.closed


def test_a_pipe_that_cannot_seek_is_read() -> None:
    class Pipe(BytesIO):
        def seek(self, *_: Any) -> int:
            raise OSError("not seekable")

    np.testing.assert_array_equal(load(Pipe(encoded(picture()))), np.asarray(picture()))


@pytest.mark.parametrize("format", ["PNG", "TIFF", "BMP", "GIF", "PPM"])
def test_lossless_formats_go_by_content_not_by_name(tmp_path: Path, format: str) -> None:
    path = tmp_path / "page.jpg"
    path.write_bytes(encoded(picture(), format))
    np.testing.assert_array_equal(load(path), np.asarray(picture()))


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "JPEG2000"])
def test_lossy_formats(format: str) -> None:
    image = noise().resize((60, 40)).resize((300, 200))
    assert np.abs(load(encoded(image, format)).astype(int) - np.asarray(image)).mean() < 10


@pytest.mark.parametrize(
    "mode", ["1", "L", "P", "RGB", "RGBA", "LA", "RGBX", "CMYK", "YCbCr", "HSV", "I", "F", "PA"]
)
def test_pillow_modes(mode: str) -> None:
    grey = Image.fromarray(np.repeat([[0, 255], [255, 0]], 4, axis=0).astype(np.uint8))
    image = grey.convert("RGBA").convert("PA") if mode == "PA" else grey.convert("RGB").convert(mode)
    assert image.mode == mode
    np.testing.assert_allclose(load(image), np.asarray(grey.convert("RGB")), atol=1)


def test_lab_mode() -> None:
    lab = Image.merge("LAB", [Image.new("L", (2, 2), value) for value in (255, 128, 128)])
    np.testing.assert_allclose(load(lab), 255, atol=2)


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_sixteen_bit_modes_scale_to_eight(dtype: str) -> None:
    values = (np.array([[0, 100, 255]]) * 257).astype(dtype)
    image = Image.fromarray(values)
    assert image.mode.startswith("I;16")
    assert load(image)[0, :, 0].tolist() == [0, 100, 255]


def test_sixteen_bit_png() -> None:
    image = Image.fromarray((np.array([[0, 100, 255]]) * 257).astype(np.uint16))
    assert load(encoded(image))[0, :, 0].tolist() == [0, 100, 255]


@pytest.mark.parametrize(
    ("values", "mode"),
    [([0, 128, 255], "I"), ([0, 128 * 257, 65535], "I"), ([0, 128 / 255, 1], "F"), ([0, 128, 255], "F")],
)
def test_modes_without_a_stated_range(values: list[float], mode: str) -> None:
    image = Image.fromarray(np.array([values], np.int32 if mode == "I" else np.float32))
    assert image.mode == mode
    assert load(image)[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize("values", [[-1, 3], [0, 70000]])
def test_modes_without_a_stated_range_refuse_nonsense(values: list[int]) -> None:
    with pytest.raises(UnreadableImageError, match="outside 0..65535"):
        load(Image.fromarray(np.array([values], np.int32)))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "La", "RGBa", "PA"])
def test_transparency_is_laid_on_white(mode: str) -> None:
    image = Image.new("RGBA", (4, 1), (0, 0, 0, 0))
    image.putpixel((0, 0), (0, 0, 0, 255))
    if mode == "PA":
        alpha, image = image.getchannel("A"), image.convert("RGB").convert("P")
        image.putalpha(alpha)
    elif mode != "RGBA":
        image = image.convert("LA" if mode == "La" else image.mode).convert(mode)
    assert image.mode == mode
    assert load(image)[0].tolist() == [[0, 0, 0], [*WHITE], [*WHITE], [*WHITE]]


def test_a_transparent_palette_entry_is_white() -> None:
    palette = Image.new("P", (2, 1))
    palette.putpalette([*RED, 0, 0, 255])
    palette.putpixel((1, 0), 1)
    for transparency in (1, bytes([255, 0])):
        assert load(encoded(palette, transparency=transparency))[0].tolist() == [[*RED], [*WHITE]]


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_a_transparent_colour_is_white(mode: str) -> None:
    image = Image.new(mode, (2, 1), 0)
    transparency = (0, 0, 0) if mode == "RGB" else 0
    assert load(encoded(image, transparency=transparency))[0].tolist() == [[*WHITE], [*WHITE]]


def test_half_transparency_blends() -> None:
    pixels = np.array([[[0, 0, 0, 128]]], np.uint8)
    assert load(pixels)[0, 0].tolist() == [127, 127, 127]


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_exif_orientation_of_files_and_pillow_images(format: str, orientation: int) -> None:
    stored = picture().resize((120, 80), Image.Resampling.NEAREST)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(stored, format, exif=exif)
    expected = UPRIGHT[orientation](np.asarray(stored))
    for source in (data, Image.open(BytesIO(data))):
        pixels = load(source)
        assert pixels.shape == expected.shape
        assert np.abs(pixels.astype(int) - expected).mean() < 12


def test_damaged_metadata_does_not_cost_the_page() -> None:
    data = encoded(picture(), exif=b"Exif\0\0nonsense")
    np.testing.assert_array_equal(load(data), np.asarray(picture()))


ARRAYS = st.sampled_from([np.bool_, np.uint8, np.uint16, np.float32, np.float64]).flatmap(
    lambda dtype: arrays(
        dtype,
        st.tuples(st.integers(1, 5), st.integers(1, 5), st.sampled_from([1, 3])),
        elements=st.floats(0, 1, width=32) if np.issubdtype(dtype, np.floating) else None,
    )
)


@given(ARRAYS)
@settings(max_examples=60, deadline=None)
def test_arrays_of_every_type_scale_to_eight_bits(array: NDArray[Any]) -> None:
    top = {"b": 1.0, "f": 1.0}.get(array.dtype.kind) or float(np.iinfo(array.dtype).max)
    array.flags.writeable = False
    for variant in (array, array[::-1, ::-1][::-1, ::-1], np.asfortranarray(array)):
        pixels = load(variant)
        assert pixels.shape == (*array.shape[:2], 3)
        np.testing.assert_allclose(pixels, np.broadcast_to(array * (255.0 / top), pixels.shape), atol=1)
        assert not np.shares_memory(pixels, variant)


def test_array_shapes() -> None:
    grey = np.arange(6, dtype=np.uint8).reshape(2, 3)
    expected = np.repeat(grey[..., None], 3, axis=2)
    np.testing.assert_array_equal(load(grey), expected)
    np.testing.assert_array_equal(load(grey[..., None]), expected)
    np.testing.assert_array_equal(load(np.dstack([expected, np.full((2, 3), 255, np.uint8)])), expected)
    assert load(np.zeros((1, 1), np.uint8)).shape == (1, 1, 3)
    for shape in ((4,), (2, 3, 2), (3, 10, 20), (1, 2, 3, 3)):
        with pytest.raises(UnsupportedSourceError, match="shape"):
            load(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("value", [-0.1, 1.5, 255.0, np.nan, np.inf])
def test_float_arrays_outside_their_range(value: float) -> None:
    with pytest.raises(UnreadableImageError, match=r"must lie in 0\.\.1"):
        load(np.full((2, 2), value))


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.complex64, object])
def test_arrays_of_other_types(dtype: Any) -> None:
    with pytest.raises(UnsupportedSourceError, match="give bool, uint8, uint16 or float"):
        load(np.zeros((2, 2), dtype))


@pytest.mark.parametrize("source", [np.zeros((0, 5)), np.zeros((5, 0, 3)), Image.new("RGB", (0, 0))])
def test_no_pixels(source: Any) -> None:
    with pytest.raises(UnreadableImageError, match="no pixels"):
        load(source)


@pytest.mark.parametrize("source", [None, 5, ["page.png"], object()])
def test_sources_of_other_kinds(source: Any) -> None:
    with pytest.raises(UnsupportedSourceError, match="cannot read a page from"):
        load(source)


def test_files_that_are_no_images(tmp_path: Path) -> None:
    def refused(name: str, data: bytes, message: str) -> None:
        (tmp_path / name).write_bytes(data)
        for source in (tmp_path / name, data):
            with pytest.raises(UnreadableImageError, match=message):
                load(source)

    refused("text.png", b"Dear Sir,\n", "not an image of a known kind")
    refused("poem.png", b"P5 is how this text begins", "cannot be decoded")
    refused("empty.png", b"", "is empty")
    refused(
        "vector.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image of a known kind"
    )
    with pytest.raises(UnreadableImageError, match="does not exist"):
        load(tmp_path / "missing.png")
    with pytest.raises(UnreadableImageError, match="is a folder"):
        load(tmp_path)
    with pytest.raises(UnreadableImageError, match="cannot be opened"):
        load("null\0byte.png")


def test_file_objects_that_cannot_be_read(tmp_path: Path) -> None:
    closed = BytesIO(b"x")
    closed.close()
    with pytest.raises(UnreadableImageError, match="closed"):
        load(closed)
    (tmp_path / "page.txt").write_text("x")
    with (tmp_path / "page.txt").open() as stream, pytest.raises(UnsupportedSourceError, match="mode 'rb'"):
        load(stream)  # type: ignore[arg-type]


def test_a_pdf_points_to_read_document(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedSourceError, match="read_document"):
        load(b"%PDF-1.7\n...")


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP", "JPEG2000", "PPM"])
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.95])
def test_truncated_files(format: str, kept: float) -> None:
    data = encoded(noise(), format)
    assert load(data).shape == (200, 300, 3)
    with pytest.raises(UnreadableImageError):
        load(data[: int(len(data) * kept)])
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_a_truncated_pillow_image() -> None:
    data = encoded(noise(), "JPEG")
    with pytest.raises(UnreadableImageError, match="truncated"):
        load(Image.open(BytesIO(data[: len(data) // 2])))


def test_corrupt_png() -> None:
    data = bytearray(encoded(Image.new("L", (300, 200), 255)))
    data[len(data) // 2] ^= 1  # Pillow alone decodes this without a word
    with pytest.raises(UnreadableImageError, match="cannot be decoded"):
        load(bytes(data))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_scrambled_files_never_raise_anything_else(data: st.DataObject) -> None:
    format = data.draw(st.sampled_from(["PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP", "JPEG2000", "PPM"]))
    content = bytearray(encoded(noise(16, 12), format))
    for position, byte in data.draw(
        st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=8)
    ):
        content[position] = byte
    try:
        pixels = load(bytes(content), max_pixels=1_000_000)
    except OcrError as error:
        assert "\n" not in str(error)
    else:
        assert pixels.ndim == 3 and pixels.dtype == np.uint8


def test_an_absurdly_large_file_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "huge.png"
    Image.new("1", (20_000, 20_000)).save(path)

    def load_pixels(self: ImageFile.ImageFile) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load_pixels)
    with pytest.raises(UnreadableImageError, match=r"20000×20000 pixels, over the limit of 200,000,000"):
        load(path)
    with pytest.raises(UnreadableImageError, match="decoded"):  # as any other would be
        load(encoded(picture()))


def test_the_limit_is_settable(monkeypatch: pytest.MonkeyPatch) -> None:
    for source in (picture(), encoded(picture()), np.asarray(picture())):
        assert load(source, max_pixels=96).shape == (8, 12, 3)
        with pytest.raises(UnreadableImageError, match="over the limit of 95"):
            load(source, max_pixels=95)
    # Pillow's own limit neither warns nor refuses below ours, and is the caller's again afterwards.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    for format in ("PNG", "JPEG", "TIFF", "BMP"):
        assert load(encoded(picture(), format)).shape == (8, 12, 3)
    assert Image.MAX_IMAGE_PIXELS == 10


def test_name_of(tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    picture().save(path)
    assert name_of(path) == name_of(str(path)) == str(path)
    with path.open("rb") as stream, Image.open(path) as image:
        assert name_of(stream) == name_of(image) == str(path)
    for nameless in (b"...", BytesIO(), picture(), np.zeros((2, 2))):
        assert name_of(nameless) is None


@pytest.mark.parametrize(("bits", "tagged"), [(10, False), (12, False), (10, True), (16, False)])
def test_fewer_bits_in_a_tiff_of_sixteen(bits: int, tagged: bool) -> None:
    top = (1 << bits) - 1
    values = np.full((40, 60), top, np.uint16)
    values[10:20, 10:30] = top // 4
    if tagged:
        values[:] = values // 4 * 2  # darker than the largest value that the tag allows
    stream = BytesIO()
    Image.fromarray(values).save(stream, "TIFF", **({"tiffinfo": {341: top}} if tagged else {}))
    pixels = load(stream)
    assert pixels[0, 0, 0] == pytest.approx(127 if tagged else 255, abs=1)
    assert pixels[15, 15, 0] == pytest.approx(pixels[0, 0, 0] / 4, abs=2)


def test_strips_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    for mode in ("1", "L", "P", "RGBA", "CMYK", "LA"):
        image = Image.fromarray(rng.integers(0, 256, (30, 20, 4), np.uint8)).convert(mode)
        for orientation in range(1, 9):
            exif = Image.Exif()
            exif[0x0112] = orientation
            stream = BytesIO()
            image.save(stream, "TIFF", exif=exif)
            whole = load(stream)
            with monkeypatch.context() as patched:
                patched.setattr(decoding, "_STRIP", 70)
                np.testing.assert_array_equal(load(stream), whole)


@pytest.mark.parametrize("shape", [(1, 100_001), (100_001, 1)])
def test_no_side_is_endless(shape: tuple[int, int]) -> None:
    with pytest.raises(UnreadableImageError, match="no side may be over 100,000"):
        load(np.zeros(shape, np.uint8))
    stream = BytesIO()
    Image.new("1", shape).save(stream, "PNG")
    with pytest.raises(UnreadableImageError, match="no side may be over 100,000"):
        load(stream)


def test_a_jpeg_of_very_many_scans_is_refused_at_once() -> None:
    stream = BytesIO()
    Image.new("L", (64, 64)).save(stream, "JPEG", progressive=True)
    data = stream.getvalue()
    assert load(data).shape == (64, 64, 3)
    first = data.index(b"\xff\xda")
    second = data.index(b"\xff\xda", first + 1)
    bomb = data[:first] + data[first:second] * 200 + data[second:]
    with pytest.raises(UnreadableImageError, match="scans"):
        load(bomb)


def test_scans_count_by_their_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = BytesIO()
    Image.new("L", (640, 640)).save(stream, "JPEG", progressive=True)
    scans = stream.getvalue().count(b"\xff\xda")
    assert 1 < scans < 20
    monkeypatch.setattr(decoding, "_MAX_SCANNED", scans * 640 * 640)
    assert load(stream.getvalue()).shape == (640, 640, 3)
    monkeypatch.setattr(decoding, "_MAX_SCANNED", scans * 640 * 640 - 1)
    with pytest.raises(UnreadableImageError, match="scans of 640×640 pixels"):
        load(stream.getvalue())


def damaged_fax() -> bytes:
    marks = np.random.default_rng(0).random((300, 400)) > 0.9
    stream = BytesIO()
    Image.fromarray(marks).save(stream, "TIFF", compression="group4")
    data = bytearray(stream.getvalue())
    data[200:250] = b"\xaa" * 50
    return bytes(data)


@pytest.mark.skipif(sys.platform != "linux", reason="only there libtiff can be told apart")
def test_damaged_ccitt_is_told_as_a_log_record(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    assert load(damaged_fax()).shape == (300, 400, 3)
    (record,) = caplog.records
    assert record.levelname == "WARNING" and "is damaged and read in part" in record.getMessage()
    assert "Bad code word" in record.getMessage()
    assert capfd.readouterr().err == ""


def test_memory_that_runs_out_has_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(images, "to_oriented_rgb", fails)
    with pytest.raises(UnreadableImageError, match="cannot be decoded: there is not enough memory"):
        load(Image.new("L", (5, 5)))


def heic() -> bytes:
    return b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 40


def test_heic_needs_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    with pytest.raises(MissingExtraError, match=r"pip install 'ocrpipe\[heif\]'"):
        load(heic())


def test_heic(monkeypatch: pytest.MonkeyPatch) -> None:
    pillow_heif = pytest.importorskip("pillow_heif", reason="needs the extra ocrpipe[heif]")
    stream = BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (64, 48), (200, 10, 10))).save(stream)
    assert load(stream).shape == (48, 64, 3)
