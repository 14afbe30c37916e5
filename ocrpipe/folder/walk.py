"""The files of a tree, folder by folder in natural order, and where the results of each belong."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ocrpipe.export import FORMATS
from ocrpipe.folder.globs import Globs
from ocrpipe.folder.results import printable

SUFFIXES = frozenset(
    "png jpg jpeg jpe jfif tif tiff bmp dib gif webp jp2 j2k j2c jpx ppm pgm pbm pnm avif heic heif "
    "pdf".split()
)
"""What files are called that hold pages; one of these that doesn't is a failure, not an unknown type."""

_RESULTS = tuple(format.suffix for format in FORMATS.values())
# ".page" of "page.xml", and the like
_LEADS = tuple(f".{suffix.rpartition('.')[0]}" for suffix in _RESULTS if "." in suffix)


@dataclass(frozen=True, slots=True)
class Document:
    """A file that may hold pages.

    Attributes:
        path: To open it by.
        key: Its path relative to the root, with ``/`` between names; bytes that are no UTF-8 are escaped.
        stem: Relative path of its results, without suffix; no two files of a tree share one.
        known: Whether its name has a suffix of a document; otherwise its content has to say it.
    """

    path: Path
    key: str
    stem: str
    known: bool


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something in the tree that is not read: its relative path, and why not."""

    key: str
    reason: str


def walk(root: Path, globs: Globs, output: Path | None = None) -> Iterator[Document | Skipped]:
    """Every file below ``root`` that is meant; hidden files and folders are passed over in silence.

    Links to files are read under the link's name. A link to a folder within the tree is skipped, for what it
    holds is found where it is; one that leads out of the tree is followed, unless that folder was seen
    before. So loops end, and nothing is read twice.

    Args:
        root: Where to begin.
        globs: Which files are meant.
        output: A folder to keep out of.
    """
    steps = _Walk(root, globs, output)
    open_folders = [steps.folder(root, "")]  # rather than recursion, which has an end
    while open_folders:
        found = next(open_folders[-1], None)
        if found is None:
            open_folders.pop()
        elif isinstance(found, _Folder):
            open_folders.append(steps.folder(found.path, found.prefix))
        else:
            yield found


def natural_key(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Sorts ``page2`` before ``page10``, whatever the case."""
    parts = re.split(r"([0-9]+)", name)
    keys = [(0, int(part), "") if part.isdecimal() else (1, 0, part.casefold()) for part in parts if part]
    return keys, name


def stems(names: Sequence[str], folders: Sequence[str] = ()) -> dict[str, str]:
    """For each file of a folder the name of its results, without suffix.

    That is its own name without the suffix where no other file's results could get that name, otherwise the
    whole name: of ``b.pdf`` and ``b.tif`` come ``b.pdf.txt`` and ``b.tif.txt``. It depends on the names only.

    Args:
        names: All files of the folder.
        folders: All folders beside them, whose names results must not get.
    """
    taken: dict[str, int] = {}
    for name in names:
        for lead in {*_leads(name), *(_leads(_short(name)) if _is_known(name) else ())}:
            taken[lead] = taken.get(lead, 0) + 1
    beside = {folder.casefold() for folder in folders}
    found: dict[str, str] = {}
    used: set[str] = set()
    for name in names:
        short = _short(name)
        alone = _is_known(name) and all(taken[lead] == 1 for lead in _leads(short))
        chosen = whole = short if alone else name
        count = 1
        while used & {*_leads(chosen)} or beside & {f"{chosen.casefold()}.{end}" for end in _RESULTS}:
            count += 1
            chosen = f"{whole}~{count}"
        used |= {*_leads(chosen)}
        found[name] = chosen
    return found


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to enter, and what the keys of all it holds begin with."""

    path: Path
    prefix: str


class _Walk:
    def __init__(self, root: Path, globs: Globs, output: Path | None) -> None:
        self._globs = globs
        self._root = Path(os.path.realpath(root))
        self._seen = {_identity(output)} if output and output.exists() else set()

    def folder(self, folder: Path, prefix: str) -> Iterator[Document | Skipped | _Folder]:
        try:
            identity = _identity(folder)
            if identity in self._seen:
                return
            self._seen.add(identity)
            with os.scandir(folder) as scan:
                entries = sorted(scan, key=lambda entry: natural_key(entry.name))
        except OSError as error:
            yield Skipped(prefix.rstrip("/") or ".", f"cannot be listed: {error.strerror}")
            return
        entries = [entry for entry in entries if not entry.name.startswith(".")]
        kinds = {entry.name: self._kind(entry, prefix) for entry in entries}
        files = [printable(name) for name, kind in kinds.items() if kind == "file"]
        names = stems(files, [printable(name) for name, kind in kinds.items() if kind == "folder"])
        for entry in entries:
            key, kind = prefix + printable(entry.name), kinds[entry.name]
            if kind == "file":
                stem = prefix + names[printable(entry.name)]
                yield Document(Path(entry.path), key, stem, _is_known(entry.name))
            elif kind == "folder":
                yield _Folder(Path(entry.path), f"{key}/")
            elif kind:
                yield Skipped(key, kind)

    def _kind(self, entry: os.DirEntry[str], prefix: str) -> str:
        """``file``, ``folder``, empty for what is not meant, or else why it is skipped."""
        key = prefix + printable(entry.name)
        try:
            mode = entry.stat().st_mode
        except OSError as error:
            wanted = self._globs.takes_file(key)
            reason = "a broken link" if entry.is_symlink() else f"cannot be looked at: {error.strerror}"
            return reason if wanted else ""
        if stat.S_ISDIR(mode):
            if not self._globs.enters(key):
                return ""
            return "a link within the tree" if entry.is_symlink() and self._within(entry) else "folder"
        if not self._globs.takes_file(key):
            return ""
        return "file" if stat.S_ISREG(mode) else "not a regular file"

    def _within(self, link: os.DirEntry[str]) -> bool:
        """Whether the folder that a link leads to is met without it."""
        target = Path(os.path.realpath(link.path))
        with suppress(ValueError):
            return not any(part.startswith(".") for part in target.relative_to(self._root).parts)
        return False


def _identity(folder: Path) -> tuple[int, int]:
    found = folder.stat()
    return found.st_dev, found.st_ino


def _is_known(name: str) -> bool:
    return name.rpartition(".")[2].lower() in SUFFIXES and not name.startswith(".")


def _short(name: str) -> str:
    return name.rpartition(".")[0] or name


def _leads(name: str) -> tuple[str, ...]:
    """What files' names may begin with, up to their last suffix, that are called so."""
    return tuple(name.casefold() + lead for lead in ("", *_LEADS))
