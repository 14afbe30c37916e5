"""Documents of several pages."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ocrpipe.errors import ConfigError, UnreadableImageError, UnsupportedSourceError
from ocrpipe.export import FORMATS, document_bytes, save_document, suffix_of
from ocrpipe.page import Line, Paragraph
from ocrpipe.result import Page, document_from_dict


@pytest.fixture
def pages(page: Page) -> list[Page]:
    """A page, an empty one, and the first again."""
    return [replace(page, number=1), Page(5, 7, number=2), replace(page, number=3)]


def test_a_form_feed_stands_between_pages(pages: list[Page]) -> None:
    text = document_bytes(pages, "txt").decode()
    assert text.split("\f") == [pages[0].text + "\n", "", pages[2].text + "\n"]


def test_a_form_feed_that_was_read_makes_no_page() -> None:
    quad = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
    page = Page(9, 9, (Paragraph((Line("a\fb", quad, 1.0, ()),), quad),))
    assert document_bytes([page, page], "txt") == b"ab\n\fab\n"


def test_json_comes_back_as_it_was(pages: list[Page]) -> None:
    data = json.loads(document_bytes(pages, "json"))
    assert list(data) == ["schema", "pages"] and data["schema"] == "ocrpipe.document/1"
    assert document_from_dict(data) == tuple(pages)
    assert [Page.from_dict(one) for one in data["pages"]] == pages
    assert document_from_dict(pages[0].to_dict()) == (pages[0],)


def test_json_that_is_no_document_says_where(pages: list[Page]) -> None:
    data = json.loads(document_bytes(pages, "json"))
    with pytest.raises(UnsupportedSourceError, match="document.schema is 'ocrpipe.document/2'"):
        document_from_dict(data | {"schema": "ocrpipe.document/2"})
    del data["pages"][1]["width"]
    with pytest.raises(UnsupportedSourceError, match=r"document.pages\[1\] has no 'width'"):
        document_from_dict(data)


def test_which_formats_open_the_document_again(page: Page, tmp_path: Path) -> None:
    opening = set()
    for format in FORMATS:
        try:
            document_bytes([page], format, source=tmp_path / "gone.png")
        except UnreadableImageError:
            opening.add(format)
    assert opening == {name for name, format in FORMATS.items() if format.has_images}


def test_a_document_without_pages() -> None:
    assert document_bytes([], "txt") == b""
    assert document_from_dict(json.loads(document_bytes([], "json"))) == ()


def test_it_is_saved_by_its_suffix_or_format(pages: list[Page], tmp_path: Path) -> None:
    save_document(pages, tmp_path / "book.JSON")
    save_document(pages, tmp_path / "book.out", "txt")
    assert (tmp_path / "book.JSON").read_bytes() == document_bytes(pages, "json")
    assert (tmp_path / "book.out").read_bytes() == document_bytes(pages, "txt")


@pytest.mark.parametrize(("name", "format"), [("book", None), ("book.doc", None), ("book.txt", "word")])
def test_unknown_formats_name_the_known_ones(
    pages: list[Page], tmp_path: Path, name: str, format: str | None
) -> None:
    with pytest.raises(ConfigError, match="there are txt, md, json"):
        save_document(pages, tmp_path / name, format)
    assert not list(tmp_path.iterdir())


def test_hocr_and_alto_number_pages_by_their_place(pages: list[Page]) -> None:
    for format, name in (("hocr", "id"), ("alto", "ID")):
        root = ET.fromstring(document_bytes([*pages, pages[0]], format))
        ids = [element.get(name, "") for element in root.iter() if element.get(name)]
        assert len(set(ids)) == len(ids)
        assert [id for id in ids if id.startswith("page_")] == [f"page_{n}" for n in (1, 2, 3, 4)]
    numbers = [element.get("PHYSICAL_IMG_NR") for element in root.iter() if element.tag.endswith("}Page")]
    assert numbers == ["1", "2", "3", "1"]
    with pytest.raises(ConfigError, match="at least one page"):
        document_bytes([], "alto")


def test_html_shows_the_images_of_a_source(
    pages: list[Page], picture: NDArray[np.uint8], tmp_path: Path
) -> None:
    frames = [Image.fromarray(image) for image in (picture, np.zeros((7, 5, 3), np.uint8), picture)]
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:])
    shown = document_bytes(pages, "html", source=tmp_path / "a.tif").decode()
    plain = document_bytes(pages, "html").decode()
    assert (shown.count("data:image/jpeg"), plain.count("data:image/jpeg")) == (3, 0)
    for text in (shown, plain):
        assert text.count("<section") == 3
        assert re.findall(r'id="line-(\d+)"', text) == [str(n) for n in range(1, 9)]
    assert re.findall(r'href="#line-(\d+)"', shown) == [str(n) for n in range(1, 9)]
    with pytest.raises(ConfigError, match="the image is 400×300 pixels, the page 5×7"):
        document_bytes([replace(pages[1], number=1)], "html", source=tmp_path / "a.tif")


@pytest.mark.parametrize("format", [name for name in FORMATS if name not in ("pdf", "pagexml")])
def test_equal_pages_give_equal_bytes(pages: list[Page], format: str) -> None:
    again = [Page.from_dict(page.to_dict()) for page in pages]
    assert document_bytes(pages, format) == document_bytes(again, format)


def test_suffixes() -> None:
    assert [suffix_of(name) for name in ("txt", "alto", "hocr")] == ["txt", "xml", "hocr"]
