"""The images of a document's pages, opened again one at a time, since results have no pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ocrpipe.errors import ConfigError
from ocrpipe.export.parts import checked_image, common_source
from ocrpipe.io import documents, images
from ocrpipe.io.images import MAX_PIXELS
from ocrpipe.io.names import Passwords
from ocrpipe.page import PageContent


@dataclass(frozen=True, slots=True)
class Scans:
    """The source of the images of a document's pages.

    Attributes:
        source: The file that was read, an image, PDF or TIFF; by default each page's own ``source``.
        password: Of a locked PDF, or several to try.
        replace_text: Whether the text that the pages of a PDF have is hidden from text extraction.
        rotate_pages: Whether pages of a PDF are shown upright.
    """

    source: Path | None = None
    password: Passwords = None
    replace_text: bool = False
    rotate_pages: bool = False

    def of(self, page: PageContent) -> NDArray[np.uint8]:
        """The page's image, rendered or decoded as when the page was read.

        Returns:
            H×W×3, RGB, uint8, of the page's size.

        Raises:
            ConfigError: The page has no source, or the image is of another size than the page.
            OcrError: The source can't be read.
        """
        source = self.source or page.source
        if source is None:
            raise ConfigError("the page has no source to open again; give its image")
        (page_image,) = documents.pages(
            source,
            dpi=page.dpi or documents.DPI,
            password=self.password,
            # a page that was read is not too large; the sides of PDF pages may be rounded up by a pixel
            max_pixels=max(MAX_PIXELS, (page.width + 1) * (page.height + 1)),
            numbers=(page.number,),
        )
        return checked_image(page_image.image, page)

    def pdf(self, pages: Sequence[PageContent]) -> Path | None:
        """The PDF that all pages come from; ``None`` if they come from images or several files.

        Raises:
            OcrError: The source can't be read.
        """
        source = self.source or common_source(pages)
        if source is None:
            return None
        with images.open_stream(source) as stream:
            return Path(source) if images.is_pdf(stream) else None
