"""The files of a tree, folder by folder in natural order, and the names of their results."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ocrpipe.export import FORMATS
from ocrpipe.folder.database import APPLICATION
from ocrpipe.folder.globs import Globs
from ocrpipe.folder.manifest import NAME
from ocrpipe.io.names import printable

SUFFIXES = frozenset(
    "png jpg jpeg jpe jfif tif tiff bmp dib gif webp jp2 j2k j2c jpx ppm pgm pbm pnm avif heic heif "
    "pdf".split()
)
"""Suffixes of files with pages; such a file without pages is a failure, not an unknown type."""

_RESULTS = tuple(format.suffix for format in FORMATS.values())
# ".page" of "page.xml", and the like
_LEADS = tuple(f".{suffix.rpartition('.')[0]}" for suffix in _RESULTS if "." in suffix)


@dataclass(frozen=True, slots=True)
class Document:
    """A file that may have pages.

    Attributes:
        path: Its path.
        key: Its path relative to the root, with ``/`` between names; bytes that are not UTF-8 are escaped.
        stem: Relative path of its results, without suffix; unique in the tree.
        known: Whether its suffix is in ``SUFFIXES``; otherwise its type is determined from its content.
    """

    path: Path
    key: str
    stem: str
    known: bool


@dataclass(frozen=True, slots=True)
class Skipped:
    """An entry of the tree that is not read: its relative path, and the reason."""

    key: str
    reason: str


def walk(root: Path, globs: Globs, output: Path | None = None) -> Iterator[Document | Skipped]:
    """Every selected file below ``root``; hidden files and folders are ignored.

    Links to files are read under the link's name. A link to a folder within the tree is skipped, since its
    files are found at their own path; one that leads out of the tree is followed, unless that folder was
    visited before. So cycles end, and nothing is read twice.

    Args:
        root: The root of the tree; a single file is selected whatever ``globs`` say.
        globs: Which files are selected.
        output: A folder that is not entered.
    """
    if root.is_file():
        key = printable(root.name)
        yield Document(root, key, stems([key])[key], True)
        return
    steps = _Walk(root, globs, output)
    open_folders = [steps.folder(root, "")]  # a stack, since the depth of recursion is limited
    while open_folders:
        entry = next(open_folders[-1], None)
        if entry is None:
            open_folders.pop()
        elif isinstance(entry, _Folder):
            open_folders.append(steps.folder(entry.path, entry.prefix))
        else:
            yield entry


def natural_key(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """A sort key that orders ``page2`` before ``page10`` and ignores case."""
    parts = re.split(r"([0-9]+)", name)
    keys = [(0, int(part), "") if part.isdecimal() else (1, 0, part.casefold()) for part in parts if part]
    return keys, name


def stems(names: Sequence[str], folders: Sequence[str] = ()) -> dict[str, str]:
    """For each file of a folder the name of its results, without suffix.

    It is the file's name without its suffix if no other file's results could have the same name, otherwise
    the full name: the results of ``b.pdf`` and ``b.tif`` are ``b.pdf.txt`` and ``b.tif.txt``. It depends on
    the names only.

    Args:
        names: All files of the folder.
        folders: All folders beside them; results must have other names.
    """
    taken: dict[str, int] = {}
    for name in names:
        for lead in {*_leads(name), *(_leads(_short(name)) if _is_known(name) else ())}:
            taken[lead] = taken.get(lead, 0) + 1
    beside = {folder.casefold() for folder in folders}
    chosen_stems: dict[str, str] = {}
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
        chosen_stems[name] = chosen
    return chosen_stems


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to enter, and the prefix of its files' keys."""

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
            if prefix and _is_output(folder):
                yield Skipped(prefix.rstrip("/"), "the output folder of another run")
                return
            with os.scandir(folder) as scan:
                entries = sorted(scan, key=lambda entry: natural_key(entry.name))
        except OSError as error:
            yield Skipped(prefix.rstrip("/") or ".", f"cannot be listed: {error.strerror}")
            return
        entries = [entry for entry in entries if not entry.name.startswith(".")]
        kinds = {entry.name: self._kind(entry, prefix) for entry in entries}
        printables = _unique_printable([entry.name for entry in entries])
        files = [printables[name] for name, kind in kinds.items() if kind == "file"]
        names = stems(files, [printables[name] for name, kind in kinds.items() if kind == "folder"])
        for entry in entries:
            key, kind = prefix + printables[entry.name], kinds[entry.name]
            if kind == "file":
                stem = prefix + names[printables[entry.name]]
                yield Document(Path(entry.path), key, stem, _is_known(entry.name))
            elif kind == "folder":
                yield _Folder(Path(entry.path), f"{key}/")
            elif kind:
                yield Skipped(key, kind)

    def _kind(self, entry: os.DirEntry[str], prefix: str) -> str:
        """``file``, ``folder``, empty for entries that are not selected, or the reason to skip it."""
        key = prefix + printable(entry.name)
        try:
            mode = entry.stat().st_mode
        except OSError as error:
            is_selected = self._globs.takes_file(key)
            reason = "a broken link" if entry.is_symlink() else f"cannot be looked at: {error.strerror}"
            return reason if is_selected else ""
        if stat.S_ISDIR(mode):
            if not self._globs.enters(key):
                return ""
            return "a link within the tree" if entry.is_symlink() and self._within(entry) else "folder"
        if not self._globs.takes_file(key):
            return ""
        return "file" if stat.S_ISREG(mode) else "not a regular file"

    def _within(self, link: os.DirEntry[str]) -> bool:
        """Whether the target of a link is also reached without the link."""
        target = Path(os.path.realpath(link.path))
        with suppress(ValueError):
            return not any(part.startswith(".") for part in target.relative_to(self._root).parts)
        return False


def _unique_printable(names: Sequence[str]) -> dict[str, str]:
    """The printable form of each name of a folder, each different."""
    unique = {name: name for name in names if printable(name) == name}
    used = {name.casefold() for name in unique}
    for name in names:
        if name not in unique:
            stem, dot, suffix = printable(name).rpartition(".")
            chosen, count = printable(name), 1
            while chosen.casefold() in used:
                count += 1
                chosen = f"{stem}~{count}{dot}{suffix}" if stem else f"{suffix}~{count}"
            used.add(chosen.casefold())
            unique[name] = chosen
    return unique


def _is_output(folder: Path) -> bool:
    """Whether a folder has a manifest, so that it is the output of another run."""
    try:
        with (folder / NAME).open("rb") as stream:
            head = stream.read(72)
    except OSError:
        return False
    return head.startswith(b"SQLite format 3") and head[68:72] == APPLICATION.to_bytes(4, "big")


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _is_known(name: str) -> bool:
    return name.rpartition(".")[2].lower() in SUFFIXES and not name.startswith(".")


def _short(name: str) -> str:
    return name.rpartition(".")[0] or name


def _leads(name: str) -> tuple[str, ...]:
    """The case-folded beginnings, up to the last suffix, of all names of results with this stem."""
    return tuple(name.casefold() + lead for lead in ("", *_LEADS))
