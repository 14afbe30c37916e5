"""Tesseract, the system's program, and what it says as hOCR; shared by the adapters of both kinds.

A call is one process, or a few that share its images: starting one and loading its language data costs more
than reading a line.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from ocrpipe.errors import ConfigError, MissingExtraError, PluginError

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

_PREFERRED = ("chi_sim", "eng")
_LINES = {"ocr_line", "ocr_header", "ocr_caption", "ocr_textfloat"}
_PER_PROCESS = 4  # images that are worth a process of their own


@dataclass(frozen=True, slots=True)
class Glyph:
    """A character, or a word where Tesseract tells no more: its text, place and confidence in 0..1."""

    text: str
    box: Box
    confidence: float


@dataclass(frozen=True, slots=True)
class FoundLine:
    """A line of text.

    Attributes:
        box: Around all of it.
        slope: Of its baseline, pixels down for each to the right.
        angle: Degrees that its text is turned counter-clockwise: 0, 90, 180 or 270.
        words: Each word's characters, or the word itself as the only one.
    """

    box: Box
    slope: float
    angle: int
    words: tuple[tuple[Glyph, ...], ...]


class Tesseract:
    """The program with languages that it has.

    Args:
        languages: As the program takes them, joined by ``+``; by default Simplified Chinese and English, as
            far as they are installed.
        threads: Processes that a call may use at once; by default as many as there are cores.

    Raises:
        MissingExtraError: There is no program, or no data for a language.
        ConfigError: ``threads`` is less than 1.
    """

    def __init__(self, languages: str | None, threads: int | None) -> None:
        if threads is not None and threads < 1:
            raise ConfigError(f"threads must be at least 1, not {threads}")
        program = shutil.which("tesseract")
        if program is None:
            raise MissingExtraError(
                "the program tesseract is not on the path: apt install tesseract-ocr tesseract-ocr-chi-sim, "
                "or see https://tesseract-ocr.github.io/tessdoc/Installation.html"
            )
        listed = subprocess.run([program, "--list-langs"], capture_output=True, text=True, check=False)
        installed = listed.stdout.split()
        wanted = languages.split("+") if languages else [name for name in _PREFERRED if name in installed]
        missing = [name for name in wanted or _PREFERRED if name not in installed]
        if missing:
            packages = " ".join(f"tesseract-ocr-{name.lower().replace('_', '-')}" for name in missing)
            raise MissingExtraError(
                f"tesseract has no data for {' and '.join(missing)}: apt install {packages}"
            )
        self._program = program
        self._threads = threads or os.cpu_count() or 1
        self.languages = "+".join(wanted)

    def read(self, images: Sequence[NDArray[np.uint8]], *options: str) -> list[list[FoundLine]]:
        """The lines of each image: H×W or H×W×3 (RGB), uint8.

        Args:
            images: What to read; shared out among as many processes as there may be and pay.
            options: Of the program, such as ``"--psm", "7"``.

        Raises:
            PluginError: The program failed; with what it said.
        """
        count = max(1, min(self._threads, len(images) // _PER_PROCESS))
        shares = [images[first::count] for first in range(count)]
        with ThreadPoolExecutor(count) as pool:
            read = list(pool.map(lambda share: self._run(share, options), shares))
        return [read[i % count][i // count] for i in range(len(images))]

    def _run(self, images: Sequence[NDArray[np.uint8]], options: Sequence[str]) -> list[list[FoundLine]]:
        if not images:
            return []
        with TemporaryDirectory(prefix="ocrpipe-") as folder:
            paths = [Path(folder, f"{i}.pnm") for i in range(len(images))]
            for path, image in zip(paths, images, strict=True):
                path.write_bytes(_pnm(image))
            listing = Path(folder, "images.txt")
            listing.write_text("".join(f"{path}\n" for path in paths), "utf-8")
            command = [self._program, str(listing), "-", "-l", self.languages, *options, "hocr"]
            # its own threads wait for each other more than they work
            environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
            done = subprocess.run(command, capture_output=True, env=environment, check=False)
        try:
            pages = parse(done.stdout.decode("utf-8"))
        except ElementTree.ParseError:  # it has said why on stderr
            pages = []
        if done.returncode or len(pages) != len(images):
            said = done.stderr.decode("utf-8", "replace").split("\n")
            reason = next((line for line in reversed(said) if line.strip()), f"exit code {done.returncode}")
            raise PluginError(f"tesseract read {len(pages)} of {len(images)} images: {reason.strip()}")
        return pages


def parse(hocr: str) -> list[list[FoundLine]]:
    """The lines of each page of an hOCR document, those without text left out."""
    root = ElementTree.fromstring(hocr.encode("utf-8"))
    return [
        [
            line
            for element in page.iter()
            if element.get("class") in _LINES
            for line in [_line(element)]
            if line.words
        ]
        for page in _of_class(root, "ocr_page")
    ]


def _line(element: ElementTree.Element) -> FoundLine:
    title = element.get("title", "")
    words = (_word(word) for word in _of_class(element, "ocrx_word"))
    slope, angle = _numbers(title, "baseline"), _numbers(title, "textangle")
    return FoundLine(
        _box(title, "bbox"),
        slope[0] if slope else 0.0,
        round(angle[0]) % 360 if angle else 0,
        tuple(word for word in words if word),
    )


def _word(element: ElementTree.Element) -> tuple[Glyph, ...]:
    chars = _of_class(element, "ocrx_cinfo")
    if chars:
        glyphs = [_glyph(char, "x_bboxes", "x_conf") for char in chars]
    else:
        glyphs = [_glyph(element, "bbox", "x_wconf")]
    return tuple(glyph for glyph in glyphs if glyph.text)


def _glyph(element: ElementTree.Element, box: str, confidence: str) -> Glyph:
    title = element.get("title", "")
    (percent,) = _numbers(title, confidence) or (0.0,)
    text = "".join(element.itertext()).strip()
    return Glyph(text, _box(title, box), min(max(percent / 100, 0.0), 1.0))


def _box(title: str, name: str) -> Box:
    left, top, right, bottom = _numbers(title, name)
    return left, top, right, bottom


def _numbers(title: str, name: str) -> tuple[float, ...]:
    found = re.search(rf"(?:^|;)\s*{name}((?:\s+-?[\d.]+)+)", title)
    return tuple(float(number) for number in found[1].split()) if found else ()


def _of_class(element: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [one for one in element.iter() if one.get("class") == name]


def _pnm(image: NDArray[np.uint8]) -> bytes:
    kind = "P5" if image.ndim == 2 else "P6"
    return f"{kind} {image.shape[1]} {image.shape[0]} 255\n".encode() + image.tobytes()
