"""Page selections such as ``1-3,7,9-``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ocrpipe.errors import ConfigError

_RANGE = re.compile(r"\s*([0-9]+)\s*(?:(-)\s*([0-9]+)?)?\s*")


@dataclass(frozen=True, slots=True)
class PageSelection:
    """Ranges of 1-based page numbers, in the order given.

    Attributes:
        ranges: First and last number of each range; the last is ``None`` for the document's last page.
    """

    ranges: tuple[tuple[int, int | None], ...]

    @classmethod
    def parse(cls, text: str) -> PageSelection:
        """The selection that a text such as ``1-3,7,9-`` describes.

        Raises:
            ConfigError: The text is invalid.
        """
        ranges: list[tuple[int, int | None]] = []
        for part in text.split(","):
            match = _RANGE.fullmatch(part)
            first = int(match[1]) if match and len(match[1]) < 10 else 0
            last: int | None = first
            if match and match[2]:
                last = int(match[3]) if match[3] else None
            if first < 1 or (last is not None and last < first):
                raise ConfigError(f"pages are given as in 1-3,7,9-, not as {text!r}")
            ranges.append((first, last))
        return cls(tuple(ranges))

    def numbers(self, total: int) -> tuple[int, ...]:
        """The selected pages of a document of ``total`` pages, each once; others are left out."""
        selected: dict[int, None] = {}
        for first, last in self.ranges:
            selected |= dict.fromkeys(range(first, min(total, total if last is None else last) + 1))
        return tuple(selected)

    def beyond(self, total: int) -> int | None:
        """The first selected page that a document of ``total`` pages does not have."""
        for first, last in self.ranges:
            if first > total or (last is not None and last > total):
                return max(first, total + 1)
        return None
