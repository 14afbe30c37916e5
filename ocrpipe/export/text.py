"""Plain text."""

from __future__ import annotations

from collections.abc import Sequence

from ocrpipe.page import PageContent


def page_to_text(page: PageContent) -> str:
    """The text in reading order: lines, with a blank line between paragraphs; empty for an empty page."""
    return f"{page.text}\n" if page.text else ""


def document_to_text(pages: Sequence[PageContent]) -> str:
    """The pages' texts, separated by form feeds: n - 1 for n pages, empty pages included."""
    return "\f".join(page_to_text(page).replace("\f", "") for page in pages)
