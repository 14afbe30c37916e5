"""A digest of the source code that reads pages.

Two states of a development tree have the same version: after a changed threshold, results of
an earlier run must not be taken for current ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_PARTS = (
    "characters",
    "detectors",
    "engines",
    "environment",
    "geometry",
    "graphs",
    "io",
    "kernels",
    "options",
    "page",
    "pipeline",
    "plugins",
    "pretrained",
    "recognizers",
    "runtime",
    "settings",
    "stages",
    "statistics",
    "threads",
)
"""Parts of ocrpipe that a result depends on; tests/test_architecture.py compares them with the imports."""

_SUFFIXES = (".py", ".txt")  # code, and character lists


@cache
def code_digest() -> str:
    """The sha256 over all source files that take part in reading a page; computed once in a process."""
    return digest_of(source_files())


def source_files() -> dict[str, Path]:
    """The files by their names within the package, such as ``stages/layout.py``; nothing is imported."""
    files: dict[str, Path] = {}
    for part in _PARTS:
        spec = find_spec(f"ocrpipe.{part}")
        if spec is None:
            continue
        for folder in map(Path, spec.submodule_search_locations or ()):
            paths = (path for path in folder.rglob("*") if path.suffix in _SUFFIXES)
            files |= {f"{part}/{path.relative_to(folder).as_posix()}": path for path in paths}
        if not spec.submodule_search_locations and spec.origin:
            files[f"{part}.py"] = Path(spec.origin)
    return files


def digest_of(files: Mapping[str, Path]) -> str:
    """The sha256 over names and contents, independent of the order of the files."""
    digest = hashlib.sha256()
    for name in sorted(files):
        content = files[name].read_bytes()
        digest.update(f"{name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()
