"""Output files: none is written twice, and no source is overwritten."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ocrpipe.errors import ConfigError, UnreadableImageError, UnsupportedSourceError
from ocrpipe.io.names import is_url, printable

STDIO = Path("-")


class Claims:
    """The files that a command reads or writes; each can be claimed once.

    Args:
        sources: Files that are read.
    """

    def __init__(self, sources: Sequence[Path]) -> None:
        self._owners = {_key(source): "" for source in sources if source != STDIO}

    def claim(self, path: Path, what: str) -> Path:
        """Claim a file for an output.

        Args:
            path: The file.
            what: Name of the output, for messages.

        Raises:
            ConfigError: It is a source, or claimed already.
        """
        owner = self._owners.get(_key(path))
        if owner == "":
            raise ConfigError(f"{path} would be overwritten")
        if owner is not None:
            raise ConfigError(f"{owner} and {what} would both go to {path}")
        self._owners[_key(path)] = what
        return path

    def is_free(self, path: Path) -> bool:
        """Whether a file may be claimed."""
        return _key(path) not in self._owners


@dataclass(frozen=True)
class Target:
    """Output files of documents, or of their pages.

    Attributes:
        path: A file, or a folder for files named after their sources.
        is_folder: Whether it is a folder.
        suffix: Of files in a folder, without the dot.
        claims: The files of the command.
    """

    path: Path
    is_folder: bool
    suffix: str
    claims: Claims

    @classmethod
    def of(cls, where: str | None, files: Sequence[Path], suffix: str, claims: Claims) -> Target | None:
        """The target of an option, with the first file of each document claimed.

        Raises:
            ConfigError: It would overwrite a source or a result.
            OSError: The folder can't be made.
        """
        if where is None:
            return None
        path = Path(where)
        ends_in_slash = where.endswith(("/", os.sep))
        if len(files) > 1 and path.name.endswith(f".{suffix}") and not (ends_in_slash or path.is_dir()):
            raise ConfigError(
                f"several FILEs need a folder, such as {path.with_name(path.stem)}/, not {path}"
            )
        target = cls(path, len(files) > 1 or ends_in_slash or path.is_dir(), suffix, claims)
        for file in files:
            claims.claim(target.first(file), printable(str(file)))
        if target.is_folder:
            path.mkdir(parents=True, exist_ok=True)
        return target

    def first(self, file: Path) -> Path:
        """The file of a document, or of its first page."""
        stem, suffix = self._parts(file.stem if file != STDIO else "stdin")
        return self._folder / f"{stem}{suffix}"

    def page(self, file: Path, number: int) -> Path:
        """The file of a page; that of a page after the first is claimed.

        Raises:
            ConfigError: It is claimed already.
        """
        if number == 1:
            return self.first(file)
        for name in (file.stem, file.name):  # page 2 of book.pdf and book-2.png would have one name
            stem, suffix = self._parts(name if file != STDIO else "stdin")
            path = self._folder / f"{stem}-{number}{suffix}"
            if self.claims.is_free(path) or not self.is_folder:
                break
        return self.claims.claim(path, f"page {number} of {printable(str(file))}")

    @property
    def _folder(self) -> Path:
        return self.path if self.is_folder else self.path.parent

    def _parts(self, stem: str) -> tuple[str, str]:
        suffix = f".{self.suffix}"
        if self.is_folder:
            return stem, suffix
        if self.path.name.endswith(suffix):
            return self.path.name.removesuffix(suffix), suffix
        return self.path.stem, self.path.suffix


@contextmanager
def on_disk(file: Path) -> Iterator[Path]:
    """A source as a regular file: the file itself, or a temporary copy of stdin (``-``) or a pipe.

    Raises:
        UnsupportedSourceError: It is a URL.
        UnreadableImageError: It is a folder.
    """
    import shutil
    import sys
    import tempfile

    if file.is_dir():
        raise UnreadableImageError(
            f"{file} is a folder; ocrpipe folder {file} --out FOLDER reads all documents in it"
        )
    is_pipe = file.exists() and not file.is_file()
    if file != STDIO and not is_pipe:
        if is_url(str(file)) and not file.exists():
            raise UnsupportedSourceError(f"{file} is a URL; download it and give the file, or - for stdin")
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="ocrpipe-") as folder:
        copy = Path(folder, "stdin" if file == STDIO else file.name)
        with copy.open("wb") as stream:
            if file == STDIO:
                shutil.copyfileobj(sys.stdin.buffer, stream)
            else:
                with file.open("rb") as pipe:
                    shutil.copyfileobj(pipe, stream)
        yield copy


def _key(path: Path) -> str:
    return os.path.normcase(os.path.realpath(path))
