from __future__ import annotations

from ocrpipe.export.text import page_to_text
from ocrpipe.result import Page


def test_paragraphs_and_lines(page: Page) -> None:
    assert page_to_text(page) == (
        "中华人民共和国宪法，\n2024年 Python 语言\n\nThe <quick> & brown\n“fox” jumps\n"
    )


def test_an_empty_page_is_an_empty_file() -> None:
    assert page_to_text(Page(10, 10)) == ""
