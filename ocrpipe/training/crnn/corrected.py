"""Corrected lines (line images with their text) to fine-tune on.

Two conventions are read: pages with ``gt.jsonl`` (see ``ocrpipe.evaluation.dataset``), whose lines are
cropped along their quads, and line images beside ``NAME.gt.txt``, as kraken and Tesseract's training take
them.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrpipe.errors import ConfigError, OcrError
from ocrpipe.evaluation.dataset import load_dataset
from ocrpipe.geometry import quad_size, rectify, to_quad
from ocrpipe.io import images
from ocrpipe.page import Quad
from ocrpipe.recognizers.crnn.charset import Charset
from ocrpipe.synthesis import effects
from ocrpipe.synthesis.lines import NO_CENTERS, LineSample
from ocrpipe.synthesis.text import clean
from ocrpipe.training.crnn.lines import to_training

Image: TypeAlias = NDArray[np.uint8]
Rng = np.random.Generator

_TRANSCRIPT = ".gt.txt"
_SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"}
_MAX_HEIGHT = 64  # pixels of a line's height: twice the network's input
_MARGIN = 0.4  # fraction of a line's height kept around it, for random crops
_MAX_NAMES = 3  # that a report gives as examples
_VARIANTS = ("", ".bin", ".nrm")  # what kraken and Tesseract's training put before an image's suffix
_NOT_IN_CHARSET = "the charset lacks characters of their text"


@dataclass(frozen=True, slots=True)
class CorrectedLine:
    """A line of text with what surrounds it.

    Attributes:
        name: Path of its image below the folder, ``#`` and its number on the page where there are several.
        text: Its text, in the charset's characters.
        image: H×W uint8, grey, dark on light: the line, axis-aligned, and a margin around it.
        quad: The line's corners in ``image``, clockwise from the text's top left, in pixels.
    """

    name: str
    text: str
    image: Image
    quad: Quad

    def crop(self) -> Image:
        """The line alone, H×W uint8."""
        return rectify(self.image, self.quad)


@dataclass(frozen=True, slots=True)
class Skipped:
    """Lines that cannot be trained on, for one reason."""

    reason: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        more = len(self.names) - _MAX_NAMES
        examples = ", ".join(self.names[:_MAX_NAMES]) + (f" and {more} more" if more > 0 else "")
        count = "1 line" if len(self.names) == 1 else f"{len(self.names)} lines"
        return f"{count} left out, {self.reason}: {examples}"


@dataclass(frozen=True, slots=True)
class CorrectedData:
    """The lines of a folder in a fixed order, and those that had to be left out."""

    lines: tuple[CorrectedLine, ...]
    skipped: tuple[Skipped, ...]


class _Unusable(Exception):
    """Why a line is left out, and the characters that are the reason."""

    def __init__(self, reason: str, characters: str = "") -> None:
        super().__init__(reason)
        self.characters = characters


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    text: str
    image: Path | None
    quad: Quad | None


def load_lines(folder: Path, charset: Charset, height: int = 32) -> CorrectedData:
    """Read a folder in either convention, or in both at once.

    Line images may lie in folders below; images without a transcript are passed over. Texts are composed
    (NFC), their spaces merged, full-width letters that the charset lacks narrowed.

    Args:
        folder: Holds ``gt.jsonl`` or files ``NAME.gt.txt``.
        charset: Lines with other characters are left out.
        height: Height of the network's input; lines with more characters than it has frames are left out.

    Raises:
        ocrpipe.errors.ConfigError: There is nothing of either kind, ``gt.jsonl`` is malformed or of whole
            pages' text, or no usable line is left.
    """
    alphabet = frozenset(charset.characters)
    lines: list[CorrectedLine] = []
    skipped: dict[str, list[str]] = {}
    unknown: Counter[str] = Counter()
    for entry, page in _with_images(_entries(folder)):
        try:
            line = _corrected_line(entry, page, alphabet)
            if to_training(LineSample(line.crop(), line.text, NO_CENTERS), charset, height) is None:
                raise _Unusable("more text than the image has room for")
        except _Unusable as reason:
            skipped.setdefault(str(reason), []).append(entry.name)
            unknown.update(reason.characters)
        else:
            lines.append(line)
    named = {_NOT_IN_CHARSET: f"{_NOT_IN_CHARSET} ({' '.join(c for c, _ in unknown.most_common())})"}
    reports = tuple(Skipped(named.get(reason, reason), tuple(names)) for reason, names in skipped.items())
    if not lines:
        raise ConfigError(f"{folder} holds no line to train on; {'; '.join(map(str, reports))}")
    return CorrectedData(tuple(lines), reports)


def hold_out(
    lines: Sequence[CorrectedLine], fraction: float
) -> tuple[list[CorrectedLine], list[CorrectedLine]]:
    """Split lines into those to train on and those to measure on, by a hash of their names.

    So a line stays on its side however many are added. With a fraction above 0 and two lines or more, there
    is at least one on either side.

    Raises:
        ocrpipe.errors.ConfigError: There is a single line.
    """
    if fraction <= 0:
        return list(lines), []
    if len(lines) < 2:
        raise ConfigError("a single line cannot be trained on and held out; give more, or hold out 0")
    ranked = sorted(lines, key=lambda line: _place(line.name))
    count = sum(_place(line.name) < fraction for line in ranked)
    held = {line.name for line in ranked[: min(max(1, count), len(lines) - 1)]}
    train = [line for line in lines if line.name not in held]
    return train, [line for line in lines if line.name in held]


class CorrectedLines:
    """Random lines with random crops and scan effects.

    Args:
        lines: One or more.
        degradation: Mean strength of the scan effects added to those that the images have.
    """

    def __init__(self, lines: Sequence[CorrectedLine], degradation: float = 0.25) -> None:
        self._lines, self._degradation = lines, degradation

    def render(self, rng: Rng) -> LineSample:
        """A random line in a random crop; the places of its characters are unknown."""
        line = self._lines[int(rng.integers(len(self._lines)))]
        crop = rectify(line.image, _varied(rng, line.quad))
        stretch = float(np.exp(rng.normal(0, 0.06)))
        width = max(4, round(crop.shape[1] * stretch))
        stretched = np.asarray(cv2.resize(crop, (width, crop.shape[0])), np.uint8)
        strength = self._degradation * float(rng.uniform(0, 2)) * effects.strength_for_height(crop.shape[0])
        return LineSample(effects.degrade(stretched, rng, strength), line.text, NO_CENTERS)


def _varied(rng: Rng, quad: Quad) -> Quad:
    """The quad with a detector's small errors: looser or tighter, slightly rotated."""
    length, height = quad_size(quad)
    loose = rng.random() < 0.5
    up, down = rng.uniform(-0.04, 0.2 if loose else 0.06, 2) * height
    before, after = rng.uniform(-0.02, 0.35 if loose else 0.12, 2) * height
    tilt = float(rng.uniform(-1, 1)) * min(0.015 * length, 0.06 * height) if rng.random() < 0.4 else 0.0
    outwards = [(-before, -up - tilt), (after, -up + tilt), (after, down + tilt), (-before, down - tilt)]
    return to_quad(np.asarray(quad) + outwards)


def _place(name: str) -> float:
    """A hash of the name, in 0..1."""
    digest = hashlib.sha256(unicodedata.normalize("NFC", name).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 256**6


def _entries(folder: Path) -> list[_Entry]:
    """All lines that the folder lists, those of a page next to each other."""
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder")
    transcripts = sorted(folder.rglob(f"*{_TRANSCRIPT}"))
    has_pages = (folder / "gt.jsonl").is_file()
    if not (transcripts or has_pages):
        raise ConfigError(f"{folder} holds neither gt.jsonl nor line images with NAME{_TRANSCRIPT}")
    entries = list(_page_lines(folder)) if has_pages else []
    line_images = _images(folder) if transcripts else {}
    for path in transcripts:
        name = path.name.removesuffix(_TRANSCRIPT)
        candidates = (line_images.get(path.with_name(name + variant)) for variant in _VARIANTS)
        image = next(filter(None, candidates), None)
        named = image or path
        entries.append(_Entry(named.relative_to(folder).as_posix(), _read(path), image, None))
    return entries


def _page_lines(folder: Path) -> Iterator[_Entry]:
    dataset = load_dataset(folder)
    if dataset.level == "page":
        raise ConfigError(f"{folder}/gt.jsonl has whole pages' text only; training needs that of lines")
    for page in dataset.pages:
        name = page.image.relative_to(folder).as_posix()
        for number, line in enumerate(page.lines, 1):
            if line.counts:
                yield _Entry(f"{name}#{number}", line.text, page.image, line.quad)


def _images(folder: Path) -> dict[Path, Path]:
    """The images under a folder by their path without suffix."""
    return {p.with_suffix(""): p for p in sorted(folder.rglob("*")) if p.suffix.lower() in _SUFFIXES}


def _read(transcript: Path) -> str:
    try:
        return transcript.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{transcript} is not UTF-8 ({error.reason})") from error


def _with_images(entries: Sequence[_Entry]) -> Iterator[tuple[_Entry, Image | str]]:
    """Each line with its page, or with the reason why there is none; one page at a time is in memory."""
    last: Path | None = None
    page = _page(None)
    for entry in entries:
        if entry.image != last:
            last, page = entry.image, _page(entry.image)
        yield entry, page


def _page(path: Path | None) -> Image | str:
    if path is None or not path.is_file():
        return "their image is missing"
    try:
        return np.asarray(cv2.cvtColor(images.load(path), cv2.COLOR_RGB2GRAY), np.uint8)
    except OcrError:
        return "their image cannot be read"


def _corrected_line(entry: _Entry, page: Image | str, alphabet: frozenset[str]) -> CorrectedLine:
    text = _normalized(entry.text, alphabet)
    if isinstance(page, str):
        raise _Unusable(page)
    image, quad = _with_margin(page, entry.quad)
    return CorrectedLine(entry.name, text, image, quad)


def _normalized(text: str, alphabet: frozenset[str]) -> str:
    """The text in the charset's characters."""
    composed = "".join(c for c in unicodedata.normalize("NFC", text) if unicodedata.category(c) != "Cf")
    if not composed.strip():
        raise _Unusable("their text is empty")
    if len(composed.strip().splitlines()) > 1:
        raise _Unusable("their text is of several lines")
    unknown = {c for c in composed if not c.isspace() and not clean(c, alphabet)}
    if unknown:
        raise _Unusable(_NOT_IN_CHARSET, "".join(sorted(unknown)))
    return clean(composed, alphabet)


def _with_margin(page: Image, quad: Quad | None) -> tuple[Image, Quad]:
    """A line, axis-aligned and with a margin, and its quad in it; without a quad, the page is the line."""
    height = quad_size(quad)[1] if quad else page.shape[0]
    margin = round(_MARGIN * height)
    if quad:
        image = rectify(page, quad, pad=_MARGIN)
    else:
        edge = np.concatenate([page[0], page[-1], page[:, 0], page[:, -1]])
        sides, paper = (margin,) * 4, (int(np.median(edge)),)
        image = np.asarray(cv2.copyMakeBorder(page, *sides, cv2.BORDER_CONSTANT, value=paper), np.uint8)
    scale = min(1.0, _MAX_HEIGHT / max(1.0, height))
    if scale < 1:
        size = tuple(max(1, round(side * scale)) for side in image.shape[1::-1])
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    low, middle, high = np.percentile(image, (1, 50, 99))
    if middle - low < high - middle:
        image = 255 - image
    left = top = margin * scale
    right, bottom = image.shape[1] - left, image.shape[0] - top
    return image, to_quad([(left, top), (right, top), (right, bottom), (left, bottom)])
