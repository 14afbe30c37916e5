"""Plain text."""

from __future__ import annotations

from ocrpipe.page import Page


def page_to_text(page: Page) -> str:
    """The text in reading order: a line each, a blank line between paragraphs; empty for an empty page."""
    return f"{page.text}\n" if page.text else ""
