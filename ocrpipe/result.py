"""The result class of the public API: a page's content with methods that save, draw and convert it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ocrpipe.page import PageContent

if TYPE_CHECKING:
    import pandas
    from PIL import Image

    from ocrpipe.io.images import Source

_PageType = TypeVar("_PageType", bound="Page")


class Page(PageContent):
    """What was read from one page.

    Its data are those of ``PageContent``: ``width``, ``height``, ``paragraphs``, ``orientation``, ``skew``,
    ``source``, ``number``, ``dpi``, ``warnings``, ``rejected``, ``tables``, and properties derived from them:
    ``text``, ``lines``, ``words``, ``confidence``.
    """

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists, numbers and strings, fit for JSON; ``from_dict`` gives back an equal page."""
        from ocrpipe.export.json import page_to_dict

        return page_to_dict(self)

    @classmethod
    def from_dict(cls: type[_PageType], data: dict[str, Any]) -> _PageType:
        """The page that ``to_dict`` described.

        Raises:
            ocrpipe.errors.UnsupportedSourceError: ``data`` does not match the schema.
        """
        from ocrpipe.export.json import page_from_dict

        return page_from_dict(data, cls)

    def to_dataframe(self) -> pandas.DataFrame:
        """The lines as a pandas table, a row a line; ``ocrpipe.export.tables`` describes the columns.

        Raises:
            ocrpipe.errors.MissingExtraError: The extra ``ocrpipe[tables]`` is not installed.
        """
        from ocrpipe.export.tables import document_to_dataframe

        return document_to_dataframe((self,))

    def save(self, path: str | Path, format: str | None = None, *, image: Source | None = None) -> None:
        """Write the page to ``path``; the format goes by the suffix unless given.

        The file is written atomically: under a temporary name, then renamed.

        Args:
            path: Where to write.
            format: ``txt``, ``md``, ``json``, ``hocr``, ``alto``, ``pagexml``, ``html``, ``pdf``, ``csv``,
                ``parquet``, ``xlsx`` or ``labelstudio``.
            image: The page's image; html shows no image without it, pdf opens ``source`` again.

        Raises:
            ocrpipe.errors.OcrError: The format is unknown, or the file can't be made or written.
        """
        from ocrpipe.export import save

        save(self, path, format, image=image)

    def draw(
        self, path: str | Path | None = None, image: Source | None = None, *, text: bool = False
    ) -> Image.Image:
        """Overlay boxes and reading order on the page's image.

        Args:
            path: Where to write the picture, if anywhere.
            image: The page's image; by default ``source`` is opened again, since a result holds no pixels.
            text: Whether to add the recognised text, on a sheet to the right of the image.

        Returns:
            An RGB picture of the page's size, twice as wide with ``text``.
        """
        from ocrpipe.export.overlay import draw

        return draw(self, path, image, text=text)


def document_from_dict(data: dict[str, Any]) -> tuple[Page, ...]:
    """The pages of a document, or the single page, from parsed JSON.

    Raises:
        ocrpipe.errors.UnsupportedSourceError: The data does not match the schema; the message names the first
            mismatch.
    """
    from ocrpipe.export.json import pages_from_dict

    return pages_from_dict(data, Page)
