"""Selection of files in a tree: glob patterns for paths relative to its root."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ocrpipe.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Globs:
    """Patterns to include and to exclude.

    ``*`` and ``?`` match within a name, ``**`` across folders, ``[a-z]`` one of these characters. A pattern
    without a slash applies to names at any depth, one with a slash to whole relative paths. Case is ignored.

    Attributes:
        include: A file must match one of these; an empty tuple means every file.
        exclude: Files and folders that match one of these are excluded.

    Raises:
        ConfigError: A pattern is empty.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not all(pattern.strip("/") for pattern in (*self.include, *self.exclude)):
            raise ConfigError("a pattern to include or exclude is empty")

    def takes_file(self, path: str) -> bool:
        """Whether the file at this relative path, with ``/`` between names, is selected."""
        return (not self.include or _matches(self.include, path)) and not _matches(self.exclude, path)

    def enters(self, path: str) -> bool:
        """Whether files in the folder at this relative path may be selected."""
        return not _matches(self.exclude, path)


def _matches(patterns: Sequence[str], path: str) -> bool:
    return any(_regex(pattern).fullmatch(path) for pattern in patterns)


_compiled: dict[str, re.Pattern[str]] = {}


def _regex(pattern: str) -> re.Pattern[str]:
    if pattern not in _compiled:
        text = pattern.rstrip("/")
        text = text.removeprefix("/") if "/" in text else f"**/{text}"
        _compiled[pattern] = re.compile(_translate(text), re.IGNORECASE | re.DOTALL)
    return _compiled[pattern]


def _translate(pattern: str) -> str:
    tokens = re.split(r"(\*\*/|/\*\*$|\*\*|\*|\?|\[!?[^\]]+\])", pattern)
    wild = {"**/": "(?:.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = []
    for token in tokens:
        if token in wild:
            parts.append(wild[token])
        elif token.startswith("[") and token.endswith("]") and len(token) > 2:
            inside = token[1:-1].replace("\\", r"\\").replace("[", r"\[")
            inside = "^" + inside[1:] if inside.startswith("!") else inside.replace("^", r"\^")
            parts.append(f"[{inside}]")
        else:
            parts.append(re.escape(token))
    return "".join(parts)
