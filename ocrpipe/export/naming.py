"""Which file name means which format."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from ocrpipe.errors import ConfigError

WITH_PICTURES = frozenset({"html", "pdf"})
"""Formats that hold a document's pictures, so that writing them opens it again."""

_SUFFIXES = {"alto": "xml", "pagexml": "page.xml", "labelstudio": "labelstudio.json"}
_OTHER_SUFFIXES = {"htm": "html", "text": "txt"}


def suffix_of(format: str) -> str:
    """What the names of a format's files end in, without the dot, such as ``xml`` for ``alto``."""
    return _SUFFIXES.get(format, format)


def format_of(path: str | os.PathLike[str], format: str | None, known: Collection[str]) -> str:
    """The format given, else the one that the path's suffix means.

    Raises:
        ConfigError: It is none of the known ones; the message names them.
    """
    if format is not None:
        check_format(format, known)
        return format
    name = Path(path).name.lower()
    suffixes = {suffix_of(one): one for one in known} | {one: one for one in known} | _OTHER_SUFFIXES
    for suffix in sorted(suffixes, key=len, reverse=True):
        if name.endswith(f".{suffix}") and suffixes[suffix] in known:
            return suffixes[suffix]
    raise ConfigError(f"no format by the suffix of {str(path)!r}; there are {', '.join(known)}")


def check_format(format: str, known: Collection[str]) -> None:
    """Nothing for a format among the known ones.

    Raises:
        ConfigError: It is none of them; the message names them.
    """
    if format not in known:
        raise ConfigError(f"unknown format {format!r}; there are {', '.join(known)}")
