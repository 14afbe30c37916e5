"""Plain text."""

from __future__ import annotations

from collections.abc import Sequence

from ocrpipe.page import PageContent


def page_to_text(page: PageContent) -> str:
    """The text in reading order: a line each, a blank line between paragraphs; empty for an empty page."""
    return f"{page.text}\n" if page.text else ""


def document_to_text(pages: Sequence[PageContent]) -> str:
    """The pages' texts with a form feed between two, so that n pages have n - 1 of them, empty ones too."""
    return "\f".join(page_to_text(page).replace("\f", "") for page in pages)
