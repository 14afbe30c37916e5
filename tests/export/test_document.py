"""Documents of several pages, in the formats that hold only text."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ocrpipe.errors import ConfigError, UnsupportedSourceError
from ocrpipe.export import document_bytes, save_document, suffix_of
from ocrpipe.export.json import document_from_dict
from ocrpipe.page import Line, Page, Paragraph


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
    with pytest.raises(ConfigError, match="there are txt, json"):
        save_document(pages, tmp_path / name, format)
    assert not list(tmp_path.iterdir())


def test_suffixes() -> None:
    assert [suffix_of(name) for name in ("txt", "alto", "hocr")] == ["txt", "xml", "hocr"]
