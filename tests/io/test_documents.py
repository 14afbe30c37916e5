"""PDF and TIFF page by page, and what happens with damaged, locked and absurd ones."""

from __future__ import annotations

import gc
import os
import struct
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2 as pdfium
import pytest
from PIL import Image
from PIL.TiffImagePlugin import AppendingTiffWriter

from ocrpipe.errors import ConfigError, UnreadableImageError, UnsupportedSourceError
from ocrpipe.io import documents, images
from ocrpipe.io.documents import pages, reopen
from ocrpipe.io.tiff import directories

SHADES = (40, 120, 200)


def sheets(size: tuple[int, int] = (144, 72)) -> list[Image.Image]:
    """Grey sheets, each of its own shade, black in the top left quarter."""
    images = [Image.new("L", size, shade) for shade in SHADES]
    for image in images:
        image.paste(0, (0, 0, size[0] // 2, size[1] // 2))
    return images


def pdf(**options: Any) -> bytes:
    """A page of 144 × 72 points for each sheet."""
    first, *rest = sheets()
    stream = BytesIO()
    first.save(stream, "PDF", save_all=True, append_images=rest, resolution=72, **options)
    return stream.getvalue()


def locked_pdf(password: str) -> bytes:
    pikepdf = pytest.importorskip("pikepdf", reason="needs the extra ocrpipe[pdf]")
    stream = BytesIO()
    with pikepdf.open(BytesIO(pdf())) as document:
        document.save(stream, encryption=pikepdf.Encryption(owner="owner", user=password))
    return stream.getvalue()


def sized_pdf(width: float, height: float, extra: str = "") -> bytes:
    """One blank page of that many points, written by hand."""
    objects = (
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] {extra} >>",
    )
    body = "%PDF-1.4\n" + "".join(f"{n} 0 obj {text} endobj\n" for n, text in enumerate(objects, 1))
    return (body + "trailer << /Root 1 0 R >>\n").encode()


def tiff(compression: str | None = None, **options: Any) -> bytes:
    first, *rest = sheets()
    stream = BytesIO()
    first.save(stream, "TIFF", save_all=True, append_images=rest, compression=compression, **options)
    return stream.getvalue()


def shade(page: documents.PageImage) -> float:
    return float(page.image[-5, -5].mean())


def test_pdf_pages_come_in_order_at_the_resolution_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "book.bin"  # the content says what it is
    path.write_bytes(pdf())
    for source in (path, path.read_bytes(), BytesIO(path.read_bytes())):
        found = list(pages(source))
        assert [page.number for page in found] == [1, 2, 3]
        assert [page.image.shape for page in found] == [(200, 400, 3)] * 3
        assert [page.dpi for page in found] == [200.0] * 3
        np.testing.assert_allclose([shade(page) for page in found], SHADES, atol=3)
        assert found[0].image[10, 10].max() < 10 and found[0].image.dtype == np.uint8
    assert next(pages(path, dpi=72)).image.shape == (72, 144, 3)


def test_pdf_colours_are_rgb() -> None:
    stream = BytesIO()
    Image.new("RGB", (50, 50), (250, 100, 0)).save(stream, "PDF")
    red, green, blue = next(pages(stream)).image[20, 20]
    assert red > 240 and 90 < green < 110 and blue < 10


def test_a_rotated_pdf_page_is_upright() -> None:
    assert next(pages(sized_pdf(144, 72, "/Rotate 90"), dpi=72)).image.shape == (144, 72, 3)


def test_pdf_pages_are_rendered_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []
    closed: list[int] = []
    load, close = pdfium.PdfDocument.get_page, pdfium.PdfPage.close

    def get_page(self: pdfium.PdfDocument, index: int) -> pdfium.PdfPage:
        opened.append(index)
        return load(self, index)

    def close_page(self: pdfium.PdfPage) -> None:
        closed.append(1)
        close(self)

    monkeypatch.setattr(pdfium.PdfDocument, "get_page", get_page)
    monkeypatch.setattr(pdfium.PdfPage, "close", close_page)
    iterator = pages(pdf())
    next(iterator)
    assert (opened, len(closed)) == ([0], 1)
    next(iterator)
    assert (opened, len(closed)) == ([0, 1], 2)
    del iterator
    gc.collect()
    assert opened == [0, 1]


@pytest.mark.parametrize("password", ["", "secret"])
def test_a_long_pdf_is_reopened_on_the_way(monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    monkeypatch.setattr(documents, "_REOPEN_AFTER", 2)
    opened: list[int] = []
    open_pdf = documents.open_pdf

    def count_open(*arguments: Any) -> pdfium.PdfDocument:
        opened.append(1)
        return open_pdf(*arguments)

    monkeypatch.setattr(documents, "open_pdf", count_open)
    found = list(pages(locked_pdf(password), password=password))
    np.testing.assert_allclose([shade(page) for page in found], SHADES, atol=3)
    assert len(opened) == 2


@pytest.mark.parametrize("make", [pdf, tiff])
def test_chosen_pages(make: Any) -> None:
    found = list(pages(make(), numbers=(3, 1)))
    assert [page.number for page in found] == [3, 1]
    np.testing.assert_allclose([shade(page) for page in found], [SHADES[2], SHADES[0]], atol=3)
    with pytest.raises(UnreadableImageError, match="no page 4"):
        list(pages(make(), numbers=(1, 4)))
    with pytest.raises(ConfigError, match="start at 1"):
        next(pages(make(), numbers=(0,)))


def test_password() -> None:
    data = locked_pdf("secret")
    with pytest.raises(UnreadableImageError, match="is locked; give its password"):
        next(pages(data))
    with pytest.raises(UnreadableImageError, match="is locked, by another password"):
        next(pages(data, password="wrong"))
    assert len(list(pages(data, password="secret"))) == 3
    assert len(list(pages(locked_pdf("")))) == 3  # locked against editing only
    assert len(list(pages(pdf(), password="none is needed"))) == 3


@pytest.mark.parametrize("data", [b"%PDF-1.7\nnothing else", b"%PDF-1.7\n" + b"\0" * 5000])
def test_damaged_pdf(data: bytes) -> None:
    with pytest.raises(UnreadableImageError, match="<bytes> is damaged"):
        next(pages(data))


def test_truncated_pdf() -> None:
    with pytest.raises(UnreadableImageError, match="is damaged|cannot be rendered|has no pages"):
        list(pages(pdf()[:400]))


def test_pdf_without_pages() -> None:
    empty = sized_pdf(10, 10).replace(b"/Kids [3 0 R] /Count 1", b"/Kids [] /Count 0")
    with pytest.raises(UnreadableImageError, match="is damaged|has no pages"):
        next(pages(empty))


def test_pages_before_a_missing_one_are_yielded() -> None:
    data = sized_pdf(72, 72).replace(b"/Kids [3 0 R] /Count 1", b"/Kids [3 0 R 9 0 R] /Count 2")
    iterator = pages(data)
    assert next(iterator).number == 1
    with pytest.raises(UnreadableImageError, match="page 2 of <bytes> cannot be rendered"):
        next(iterator)


def test_an_absurdly_large_pdf_page_is_rendered_smaller() -> None:
    page = next(pages(sized_pdf(14400, 7200), max_pixels=100_000))
    height, width, _ = page.image.shape
    assert 95_000 < height * width < 101_000
    assert width == pytest.approx(2 * height, abs=2)
    assert page.dpi == pytest.approx(width * 72 / 14400, rel=0.01)


@pytest.mark.parametrize("limit", [50, 997, 1009, 99_991])
@pytest.mark.parametrize("size", [(612, 792), (30, 14400), (14400, 14399)])
def test_a_pdf_page_stays_within_the_limit_though_its_sides_are_rounded_up(
    size: tuple[int, int], limit: int
) -> None:
    height, width, _ = next(pages(sized_pdf(*size), max_pixels=limit)).image.shape
    assert height * width <= limit


def test_a_speck_of_a_pdf_page() -> None:
    assert next(pages(sized_pdf(0.01, 0.01))).image.shape == (1, 1, 3)


@pytest.mark.parametrize("dpi", [0, -5, float("nan"), float("inf")])
def test_dpi_must_be_positive(dpi: float) -> None:
    with pytest.raises(ConfigError, match="dpi"):
        next(pages(pdf(), dpi=dpi))


def test_several_threads_at_once() -> None:
    data = pdf()
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: [shade(page) for page in pages(data, dpi=50)], range(16)):
            np.testing.assert_allclose(found, SHADES, atol=3)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_tiff_frames(compression: str | None) -> None:
    found = list(pages(tiff(compression, dpi=(300, 300))))
    assert [page.number for page in found] == [1, 2, 3]
    assert [shade(page) for page in found] == list(SHADES)
    assert [page.dpi for page in found] == [300.0] * 3


def test_tiff_frames_of_other_sizes_modes_and_orientations() -> None:
    first, second, third = sheets()
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = BytesIO()
    with AppendingTiffWriter(stream, new=True) as writer:  # save_all gives each an EXIF of its own since 11.2
        first.save(writer, "TIFF")
        writer.newFrame()
        second.convert("1").save(writer, "TIFF", exif=exif)
        writer.newFrame()
        third.resize((30, 20)).convert("CMYK").save(writer, "TIFF")
        writer.newFrame()
        stream = BytesIO(stream.getvalue())  # the writer closes its own
    assert [page.image.shape for page in pages(stream)] == [(72, 144, 3), (144, 72, 3), (20, 30, 3)]


def test_a_damaged_tiff_frame_is_named() -> None:
    data = bytearray(tiff("tiff_lzw"))
    with Image.open(BytesIO(data)) as image:
        image.seek(1)
        offset = image.tag_v2[273][0]
    data[offset : offset + 20] = b"\xff" * 20
    iterator = pages(bytes(data))
    assert shade(next(iterator)) == SHADES[0]
    with pytest.raises(UnreadableImageError, match="frame 2 of <bytes> cannot be decoded"):
        next(iterator)


def test_a_truncated_tiff_is_no_shorter_document() -> None:
    data = tiff()
    iterator = pages(data[: len(data) * 2 // 3])
    assert next(iterator).number == 1
    with pytest.raises(UnreadableImageError, match=r"frame [23] of <bytes>"):
        list(iterator)


def test_a_tiff_whose_frames_run_in_a_circle_ends() -> None:
    data = bytearray(tiff())
    with Image.open(BytesIO(data)) as image:
        image.seek(2)
        last = image._frame_pos
    entries = int.from_bytes(data[last[2] : last[2] + 2], "little")
    link = last[2] + 2 + 12 * entries
    data[link : link + 4] = last[0].to_bytes(4, "little")
    assert len(list(pages(bytes(data)))) == 3


def test_only_the_frames_of_a_tiff_are_pages() -> None:
    first, *rest = sheets()
    stream = BytesIO()
    first.save(stream, "GIF", save_all=True, append_images=rest)
    assert [page.number for page in pages(stream)] == [1]
    with pytest.raises(UnreadableImageError, match="has 1 page, no page 2"):
        next(pages(stream, numbers=(2,)))


@pytest.mark.parametrize(
    ("format", "claim", "dpi"), [("PNG", (300, 300), 300.0), ("JPEG", (204, 196), 204.0), ("PNG", None, None)]
)
def test_an_image_is_one_page_with_the_dpi_it_claims(
    format: str, claim: tuple[int, int] | None, dpi: float | None
) -> None:
    stream = BytesIO()
    sheets()[0].save(stream, format, **({"dpi": claim} if claim else {}))
    for source in (stream, Image.open(BytesIO(stream.getvalue()))):
        (page,) = pages(source)
        assert (page.number, page.dpi, page.image.shape) == (1, dpi, (72, 144, 3))


def test_a_nonsense_dpi_is_no_claim() -> None:
    image = sheets()[0]
    for claim in ((0, 0), (float("nan"), 1), ("x", 1), ()):
        image.info["dpi"] = claim
        (page,) = pages(image)
        assert page.dpi is None


@pytest.mark.parametrize(
    ("claim", "shape", "dpi"), [((204, 98), (150, 144), 204.0), ((98, 204), (72, 300), 204.0)]
)
@pytest.mark.parametrize("format", ["TIFF", "JPEG"])
def test_unequal_resolutions_are_scaled_to_square_pixels(
    format: str, claim: tuple[int, int], shape: tuple[int, int], dpi: float
) -> None:
    stream = BytesIO()
    sheets()[0].save(stream, format, dpi=claim)
    (page,) = pages(stream)
    assert (page.image.shape[:2], page.dpi) == (shape, dpi)
    np.testing.assert_array_equal(images.load(stream), page.image)
    (page,) = pages(stream, max_pixels=144 * 72)  # where the larger size is too large, the smaller one
    assert page.image.size <= 3 * 144 * 72 and page.dpi == 98.0


def test_a_scaled_pillow_image_is_its_owners_business() -> None:
    stream = BytesIO()
    sheets()[0].save(stream, "PNG", dpi=(204, 98))
    with Image.open(stream) as image:
        (page,) = pages(image.resize((100, 100)))
    assert page.image.shape == (100, 100, 3)


def test_fax_turned_by_its_exif_orientation() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = BytesIO()
    sheets()[0].save(stream, "JPEG", dpi=(204, 98), exif=exif)
    (page,) = pages(stream)
    assert (page.image.shape[:2], page.dpi) == ((144, 150), 204.0)


@pytest.mark.parametrize("claim", [None, (1, 1), (20, 20), (300, 1), (50_000, 50_000)])
def test_an_implausible_resolution_is_none(claim: tuple[int, int] | None) -> None:
    (page,) = pages(tiff_of(sheets()[0], **({"dpi": claim} if claim else {})))
    assert (page.dpi, page.image.shape) == (None, (72, 144, 3))


def tiff_of(image: Image.Image, **options: Any) -> bytes:
    stream = BytesIO()
    image.save(stream, "TIFF", **options)
    return stream.getvalue()


@pytest.mark.parametrize("compressed", [True, False])
def test_the_user_unit_counts(compressed: bool) -> None:
    pikepdf = pytest.importorskip("pikepdf", reason="needs the extra ocrpipe[pdf]")
    stream = BytesIO()
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(144, 72)).obj["/UserUnit"] = 2.5
        mode = pikepdf.ObjectStreamMode
        pdf.save(stream, object_stream_mode=mode.generate if compressed else mode.disable)
    assert (b"UserUnit" in stream.getvalue()) is not compressed
    (page,) = pages(stream, dpi=72)
    assert (page.image.shape, page.dpi) == ((180, 360, 3), 72.0)


def test_a_narrow_pdf_page_is_no_longer_than_other_pictures() -> None:
    (page,) = pages(sized_pdf(14_000_000, 0.01))
    assert page.image.shape[1] <= images.MAX_SIDE


def with_kinds(kinds: list[int]) -> bytes:
    """The sheets as a TIFF whose directories have these values of NewSubfileType."""
    data = bytearray(tiff(tiffinfo={254: 0}))
    for found, kind in zip(directories(BytesIO(data)).offsets, kinds, strict=True):
        assert data[found + 2 : found + 4] == b"\xfe\0"
        data[found + 10 : found + 14] = kind.to_bytes(4, "little")
    return bytes(data)


@pytest.mark.parametrize(
    ("kinds", "shades"),
    [([0, 1, 4], [0]), ([2, 2, 2], [0, 1, 2]), ([1, 0, 0], [1, 2]), ([1, 1, 1], [0, 1, 2])],
)
def test_thumbnails_and_masks_are_no_pages(kinds: list[int], shades: list[int]) -> None:
    data = with_kinds(kinds)
    found = list(pages(data))
    assert [page.number for page in found] == list(range(1, len(shades) + 1))
    assert [shade(page) for page in found] == [SHADES[index] for index in shades]
    assert documents.count_pages(data) == len(shades)


class CountedReads(BytesIO):
    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        return super().read(size)


def test_directories_are_found_in_one_pass() -> None:
    count, entries = 100_000, 1
    chain = b"".join(
        struct.pack("<HHHII", entries, 254, 4, 1, 0)
        + struct.pack("<I", 8 + 18 * (index + 1) if index + 1 < count else 0)
        for index in range(count)
    )
    stream = CountedReads(b"II*\0\x08\0\0\0" + chain)
    found = directories(stream)
    assert (len(found.pages), found.damaged) == (count, False)
    assert stream.reads < 5 * count


@pytest.mark.parametrize("order", ["<", ">"])
def test_big_tiff(order: str) -> None:
    mark = b"II" if order == "<" else b"MM"
    head = mark + struct.pack(f"{order}HHHQ", 43, 8, 0, 16)
    first = struct.pack(f"{order}QHHQQQ", 1, 254, 4, 1, 0, 0)
    assert directories(BytesIO(head + first)).offsets == (16,)


def test_page_selections() -> None:
    data = tiff()
    for text, numbers in (("2-", [2, 3]), ("3,1-2", [3, 1, 2]), ("1-2,2,1", [1, 2]), ("1-", [1, 2, 3])):
        assert [page.number for page in pages(data, numbers=text)] == numbers
    with pytest.raises(UnreadableImageError, match="no page 4"):
        next(pages(data, numbers="2-9999999"))
    with pytest.raises(ConfigError, match="pages are given"):
        next(pages(data, numbers="0-"))


def test_several_passwords() -> None:
    data = locked_pdf("secret")
    assert len(list(pages(data, password=("wrong", "secret")))) == 3
    assert len(list(pages(locked_pdf(""), password="unneeded"))) == 3
    with pytest.raises(UnreadableImageError, match="is locked, by another password"):
        next(pages(data, password=("wrong", "false")))
    assert documents.count_pages(data, password=("wrong", "secret")) == 3


def test_pipes_are_read(tmp_path: Path) -> None:
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(fifo.write_bytes, tiff())
        assert len(list(pages(fifo))) == 3
        writing.result()


@pytest.mark.parametrize("url", ["https://example.org/a.png", "file:///tmp/a.png"])
def test_urls_are_refused(url: str) -> None:
    with pytest.raises(UnsupportedSourceError, match="is a URL; download it"):
        next(pages(url))


def test_arrays_are_one_page() -> None:
    (page,) = pages(np.zeros((5, 7), np.uint8))
    assert (page.image.shape, page.number, page.dpi) == ((5, 7, 3), 1, None)


def test_limits_and_kinds_are_those_of_images(tmp_path: Path) -> None:
    for make in (tiff, lambda: sheets()[0]):
        with pytest.raises(UnreadableImageError, match="over the limit"):
            next(pages(make(), max_pixels=100))
    with pytest.raises(UnreadableImageError, match="does not exist"):
        next(pages(tmp_path / "missing.pdf"))
    with pytest.raises(UnsupportedSourceError, match="cannot read a page"):
        next(pages(12))  # type: ignore[arg-type]


def test_reopen_gives_the_same_pixels(tmp_path: Path) -> None:
    for name, data in (("a.pdf", pdf()), ("a.tif", tiff(dpi=(300, 300))), ("big.pdf", sized_pdf(999, 777))):
        (tmp_path / name).write_bytes(data)
        for page in pages(tmp_path / name, max_pixels=200_000):
            again = reopen(tmp_path / name, page.number, page.dpi)
            np.testing.assert_array_equal(again, page.image)
