"""File names and passwords as callers give them."""

from __future__ import annotations

import re
from collections.abc import Sequence

Passwords = str | Sequence[str] | None
"""A password, or several to try for each document."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def printable(text: str) -> str:
    """The text with bytes of file names that are not UTF-8 escaped, so that it can be encoded."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # an unpaired surrogate
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


def is_url(name: str) -> bool:
    """Whether a name is a URL; also with a single slash, to which ``pathlib`` reduces two."""
    return _URL.match(name) is not None


def candidates(password: Passwords) -> tuple[str, ...]:
    """The passwords to try, in order; the empty one first, for files that are locked against editing only."""
    given = (password,) if isinstance(password, str) else tuple(password or ())
    return tuple(dict.fromkeys(("", *given)))
