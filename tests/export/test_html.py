from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ocrpipe.errors import ConfigError
from ocrpipe.export.html import page_to_html
from ocrpipe.io.images import load
from ocrpipe.result import Page


class Reader(HTMLParser):
    """Keeps the text of each paragraph, and checks that what is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.paragraphs: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        attributes = dict(attrs)
        self.ids += [attributes["id"]] if "id" in attributes else []
        if tag == "a":
            self.targets.append(attributes["href"].removeprefix("#"))
        if tag != "meta":
            self.open.append(tag)
        if tag == "p":
            self.paragraphs.append("")

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "p" in self.open:
            self.paragraphs[-1] += data


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert not reader.open
    return reader


def test_the_text_can_be_copied(page: Page) -> None:
    assert read(page_to_html(page)).paragraphs == [paragraph.text for paragraph in page.paragraphs]


def test_without_an_image_there_is_none(page: Page) -> None:
    assert "<svg" not in page_to_html(page)


def test_the_image_is_inside_and_its_lines_lead_to_the_text(page: Page, picture: NDArray[np.uint8]) -> None:
    text = page_to_html(page, picture)
    reader = read(text)
    assert reader.targets == reader.ids == ["line-1", "line-2", "line-3", "line-4"]
    found = re.search(r'href="data:image/jpeg;base64,([^"]+)"', text)
    assert found
    shown = load(b64decode(found[1]))
    assert shown.shape == picture.shape and np.abs(shown.astype(int) - picture).mean() < 5
    assert text.count("<polygon") == 4 and 'points="40.0,40.0 240.0,40.0 240.0,60.0 40.0,60.0"' in text
    assert not re.search(r"(?:src|href)=\"(?!data:|#)", text)  # nothing from elsewhere


def test_a_strip_too_long_for_jpeg() -> None:
    page = Page(66_000, 1)
    assert "data:image/png" in page_to_html(page, np.zeros((1, 66_000), np.uint8))


def test_an_image_of_another_size(page: Page, picture: NDArray[np.uint8]) -> None:
    with pytest.raises(ConfigError, match="the image is 399×300 pixels, the page 400×300"):
        page_to_html(page, picture[:, 1:])


def test_markup_in_names_is_text(page: Page) -> None:
    assert "<title>&lt;b&gt;&amp;.png</title>" in page_to_html(replace(page, source="<b>&.png"))


def test_an_empty_page() -> None:
    assert read(page_to_html(Page(5, 5))).paragraphs == []
