"""The Tesseract program and its hOCR output; used by both adapters.

A call starts one process, or a few for the images in batches: starting a process and loading language data
takes longer than reading a line.
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

_DEFAULT_LANGUAGES = ("chi_sim", "eng")
_LINES = {"ocr_line", "ocr_header", "ocr_caption", "ocr_textfloat"}
_MIN_PER_PROCESS = 4  # images; fewer are not worth another process


@dataclass(frozen=True, slots=True)
class Glyph:
    """A character, or a word if Tesseract outputs no characters: its text, box and confidence in 0..1."""

    text: str
    box: Box
    confidence: float


@dataclass(frozen=True, slots=True)
class TesseractLine:
    """A line of text.

    Attributes:
        box: Its bounding box.
        slope: Of its baseline, pixels down per pixel to the right.
        angle: Counter-clockwise rotation of its text in degrees: 0, 90, 180 or 270.
        words: Each word's characters, or the word as its only element.
    """

    box: Box
    slope: float
    angle: int
    words: tuple[tuple[Glyph, ...], ...]


class Tesseract:
    """The program with its languages.

    Args:
        languages: In the program's form, joined by ``+``; by default Simplified Chinese and English, as far
            as installed.
        threads: Maximum concurrent processes of a call; by default as many as there are cores.

    Raises:
        MissingExtraError: The program, or the data of a language, is missing.
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
        wanted = (
            languages.split("+") if languages else [name for name in _DEFAULT_LANGUAGES if name in installed]
        )
        missing = [name for name in wanted or _DEFAULT_LANGUAGES if name not in installed]
        if missing:
            packages = " ".join(f"tesseract-ocr-{name.lower().replace('_', '-')}" for name in missing)
            raise MissingExtraError(
                f"tesseract has no data for {' and '.join(missing)}: apt install {packages}"
            )
        self._program = program
        self._threads = threads or os.cpu_count() or 1
        self.languages = "+".join(wanted)

    def read(self, images: Sequence[NDArray[np.uint8]], *options: str) -> list[list[TesseractLine]]:
        """The lines of each image: H×W or H×W×3 (RGB), uint8.

        Args:
            images: Images of pages or lines; read in batches by several processes, if there are enough.
            options: Options of the program, such as ``"--psm", "7"``.

        Raises:
            PluginError: The program failed; the message has its last line of output.
        """
        count = max(1, min(self._threads, len(images) // _MIN_PER_PROCESS))
        batches = [images[first::count] for first in range(count)]
        with ThreadPoolExecutor(count) as pool:
            results = list(pool.map(lambda batch: self._run(batch, options), batches))
        return [results[i % count][i // count] for i in range(len(images))]

    def _run(self, images: Sequence[NDArray[np.uint8]], options: Sequence[str]) -> list[list[TesseractLine]]:
        if not images:
            return []
        with TemporaryDirectory(prefix="ocrpipe-") as folder:
            paths = [Path(folder, f"{i}.pnm") for i in range(len(images))]
            for path, image in zip(paths, images, strict=True):
                path.write_bytes(_pnm(image))
            listing = Path(folder, "images.txt")
            listing.write_text("".join(f"{path}\n" for path in paths), "utf-8")
            command = [self._program, str(listing), "-", "-l", self.languages, *options, "hocr"]
            # its own threads make it slower
            environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
            done = subprocess.run(command, capture_output=True, env=environment, check=False)
        try:
            pages = parse(done.stdout.decode("utf-8"))
        except ElementTree.ParseError:  # the reason is on stderr
            pages = []
        if done.returncode or len(pages) != len(images):
            output = done.stderr.decode("utf-8", "replace").split("\n")
            reason = next((line for line in reversed(output) if line.strip()), f"exit code {done.returncode}")
            raise PluginError(f"tesseract read {len(pages)} of {len(images)} images: {reason.strip()}")
        return pages


def parse(hocr: str) -> list[list[TesseractLine]]:
    """The lines of each page of an hOCR document, except those without text."""
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


def _line(element: ElementTree.Element) -> TesseractLine:
    title = element.get("title", "")
    words = (_word(word) for word in _of_class(element, "ocrx_word"))
    slope, angle = _numbers(title, "baseline"), _numbers(title, "textangle")
    return TesseractLine(
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
    match = re.search(rf"(?:^|;)\s*{name}((?:\s+-?[\d.]+)+)", title)
    return tuple(float(number) for number in match[1].split()) if match else ()


def _of_class(element: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [child for child in element.iter() if child.get("class") == name]


def _pnm(image: NDArray[np.uint8]) -> bytes:
    kind = "P5" if image.ndim == 2 else "P6"
    return f"{kind} {image.shape[1]} {image.shape[0]} 255\n".encode() + image.tobytes()
