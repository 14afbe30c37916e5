"""The strokes of hanzi as lines that a pen follows, from a file that ``docs/make_handwriting.py`` makes.

The file is an npz of flat arrays: the strokes of all characters, and the points of all strokes, in a row.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ocrpipe.errors import ConfigError

STROKES_FILE = "hanzi-strokes.npz"
"""Name of the file in a folder of fonts."""

Stroke = NDArray[np.float32]
"""(N, 2) x to the right and y downwards, in ems, from the upper left of the character's square."""


class PenStrokes:
    """Strokes of characters, in the order in which they are written.

    Args:
        strokes: The strokes of each character.
    """

    def __init__(self, strokes: Mapping[str, Sequence[Stroke]]) -> None:
        counts = [len(of_one) for of_one in strokes.values()]
        lengths = [len(stroke) for of_one in strokes.values() for stroke in of_one]
        points = [stroke for of_one in strokes.values() for stroke in of_one]
        self._first = dict(zip(strokes, np.cumsum([0, *counts]).tolist(), strict=False))
        self._counts = dict(zip(strokes, counts, strict=True))
        self._starts = np.cumsum([0, *lengths])
        self._points = np.concatenate(points) if points else np.empty((0, 2), np.float32)

    def __contains__(self, character: str) -> bool:
        return character in self._first

    def __len__(self) -> int:
        return len(self._first)

    def of(self, character: str) -> list[Stroke]:
        """The strokes of a character that is in ``self``."""
        first = self._first[character]
        return [
            self._points[self._starts[i] : self._starts[i + 1]]
            for i in range(first, first + self._counts[character])
        ]

    def save(self, path: Path) -> None:
        """Write the file, with coordinates in thousandths of an em."""
        np.savez_compressed(
            path,
            characters=np.array(list(self._first), np.str_),
            counts=np.array(list(self._counts.values()), np.uint8),
            lengths=np.diff(self._starts).astype(np.uint8),
            points=np.round(self._points * 1000).astype(np.int16),
        )

    @classmethod
    def load(cls, path: Path) -> PenStrokes:
        """Read a file of ``save``.

        Raises:
            ocrpipe.errors.ConfigError: It is damaged or another kind of file.
        """
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                characters = [str(c) for c in file["characters"]]
                counts, lengths = file["counts"].astype(int), file["lengths"].astype(int)
                points = file["points"].astype(np.float32) / 1000
            if len(characters) != len(counts) or counts.sum() != len(lengths) or lengths.sum() != len(points):
                raise ValueError("the arrays do not fit together")
            if points.shape[1:] != (2,):
                raise ValueError("points have no two coordinates")
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise ConfigError(f"{path} holds no pen strokes: {error}") from error
        strokes = np.split(points, np.cumsum(lengths)[:-1])
        ends = np.cumsum(counts)
        return cls({c: strokes[end - n : end] for c, n, end in zip(characters, counts, ends, strict=True)})


def find_strokes(folders: Iterable[Path]) -> PenStrokes | None:
    """The pen strokes that lie among the fonts of the folders; None where there are none.

    Raises:
        ocrpipe.errors.ConfigError: The file is damaged.
    """
    for folder in folders:
        for path in sorted(folder.rglob(STROKES_FILE)):
            return PenStrokes.load(path)
    return None
