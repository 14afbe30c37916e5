"""The one place that knows every stage: an image in, a ``Page`` out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from ocrpipe import plugins
from ocrpipe.detectors.base import Detector, TextLine
from ocrpipe.errors import ConfigError
from ocrpipe.geometry import Matrix, apply, clip_quad, quad_size, rectify, rotate, turn, turn_matrix
from ocrpipe.io import documents, images
from ocrpipe.io.images import Source
from ocrpipe.page import Line, Page, Paragraph, Quad
from ocrpipe.recognizers.base import Recognition, Recognizer
from ocrpipe.stages.assembly import build_line, is_rule
from ocrpipe.stages.layout import arrange
from ocrpipe.stages.orientation import estimate_skew, quarter_turns
from ocrpipe.stages.rotated import lay_down, sideways_strips

_SURE = 0.85  # mean confidence of a page that is certainly the right way up
_SAMPLE = 8  # lines read to find which way up a page is
_CLOSER = 0.06  # of a line's height: how much less room a doubtful line gets at its second reading
_FAINT = 0.7  # probability of a line up to which it needs a recogniser whose confidence means something
_UPENDED = 0.8  # least confidence in a line that stands upright along the page
_UPENDED_LETTERS = 3  # and the fewest letters and digits in it


@dataclass(frozen=True, slots=True)
class Options:
    """How a page is read; nothing sticks from call to call.

    Attributes:
        orientation: Find and undo quarter turns; pages that are upright pay nothing for it.
        deskew: Find and undo a skew of up to ±15°.
        pad: Margin around what the detector says to cut out, as a fraction of its height. Room costs the
            recogniser resolution; a negative one cuts into the detector's box.
        reread: Lines read with less confidence are cut out closer to the ink and read again, and the surer
            reading counts; 0 reads every line once.
        min_confidence: Lines read with less confidence are left out: mostly smudges and pictures. The
            confidence is taken times the detector's score where both are probabilities (see
            ``ocrpipe.detectors.base.Detector``).
        rules: Keep lines of dashes, asterisks and the like that only divide the page, blanks and lone dots.
        sideways: Also look for lines that stand upright along the page's text, such as numbers on its margin.
            They come last, each as a paragraph of its own.
        max_pixels: Larger images are refused.
    """

    orientation: bool = True
    deskew: bool = True
    pad: float = 0.0
    reread: float = 0.9
    min_confidence: float = 0.45
    rules: bool = False
    sideways: bool = True
    max_pixels: int = images.MAX_PIXELS

    def __post_init__(self) -> None:
        shares = (self.reread, self.min_confidence)
        if not -0.2 <= self.pad <= 1 or not all(0 <= share <= 1 for share in shares) or self.max_pixels < 1:
            raise ConfigError(f"options out of range: {self}")


@dataclass(frozen=True, slots=True)
class _View:
    """The page as it was turned for the detector, and what was found on it, in the caller's pixels.

    ``upright`` is the page as the detector saw it, ``back`` leads from its pixels to the caller's.
    """

    turned: int
    skew: float
    lines: tuple[TextLine, ...]
    upright: NDArray[np.uint8]
    back: Matrix


class Pipeline:
    """Detects, crops, reads and arranges. Immutable, and safe to use from several threads at once.

    Args:
        detector: Name of an installed detector, or any object with ``detect``.
        recognizer: Name of an installed recogniser, or any object with ``recognize``.
        threads: Processor threads a call may use, also told to plug-ins that take it; by default whatever
            torch and OpenCV are set to.
        device: "cpu", "cuda" or "mps", for the built-in models and plug-ins that take it.
        options: How pages are read.

    Raises:
        ocrpipe.errors.PluginError: A name is unknown, or what it stands for cannot be loaded.
        ocrpipe.errors.WeightsError: Weights are missing or damaged.
        ocrpipe.errors.ConfigError: An option makes no sense.
    """

    def __init__(
        self,
        detector: str | Detector = "ctpn",
        recognizer: str | Recognizer = "crnn",
        *,
        threads: int | None = None,
        device: str = "cpu",
        options: Options | None = None,
    ) -> None:
        if threads is not None and threads < 1:
            raise ConfigError(f"threads must be at least 1, not {threads}")
        self._detector = plugins.load_detector(detector, device=device, threads=threads)
        self._recognizer = plugins.load_recognizer(recognizer, device=device, threads=threads)
        self._names = (_name(detector), _name(recognizer))
        self._calibrated = _is_calibrated(self._detector), _is_calibrated(self._recognizer)
        self._threads = threads
        self.options = options or Options()

    def read(self, source: Source) -> Page:
        """Read one page.

        Args:
            source: Path, bytes, binary file object, PIL image, or array (H×W, H×W×1/3/4; RGB).

        Returns:
            The page; one without text has no paragraphs.

        Raises:
            ocrpipe.errors.UnsupportedSourceError: This kind of thing is not read.
            ocrpipe.errors.UnreadableImageError: Empty, damaged, or larger than ``options.max_pixels``.
            ocrpipe.errors.PluginError: A plug-in failed.
        """
        image = images.load(source, max_pixels=self.options.max_pixels)
        return self._read(image, images.name_of(source))

    def read_document(
        self, source: Source, *, dpi: float = documents.DPI, password: str | None = None
    ) -> Iterator[Page]:
        """Read a PDF or a multi-page TIFF, a page at a time, in memory that does not grow.

        Args:
            source: As for ``read``; a single image is a document of one page.
            dpi: Resolution PDF pages are rendered at; coordinates are pixels of that rendering.
            password: Of a locked PDF.

        Raises:
            ocrpipe.errors.OcrError: As ``read``; also a wrong password or a damaged page.
        """
        name = images.name_of(source)
        for page in documents.pages(source, dpi=dpi, password=password, max_pixels=self.options.max_pixels):
            yield self._read(page.image, name, page.number, page.dpi)

    def detect(self, source: Source) -> tuple[TextLine, ...]:
        """Only find the lines; quads are in the image's pixels, whichever way its text runs.

        Lines that stand upright along the page are not among them: which are text takes reading.
        """
        image = images.load(source, max_pixels=self.options.max_pixels)
        with _using_threads(self._threads):
            return self._view(image, self._turns(image)[0]).lines

    def recognize(self, crops: Sequence[NDArray[np.uint8]]) -> tuple[Recognition, ...]:
        """Only read crops that each hold one upright line: H×W or H×W×3 (RGB), uint8."""
        with _using_threads(self._threads):
            return plugins.recognize(self._recognizer, crops, self._names[1])

    def _read(
        self, image: NDArray[np.uint8], name: str | None, number: int = 1, dpi: float | None = None
    ) -> Page:
        height, width = image.shape[:2]
        with _using_threads(self._threads):
            view, found = self._upright(image)
            lines = [line for line in found if self._counts(line)]
            upended = tuple(Paragraph((line,), line.quad) for line in self._sideways(image, view, lines))
        angle = view.skew - view.turned
        paragraphs = arrange(lines, angle=angle) + upended
        return Page(width, height, paragraphs, view.turned, round(-view.skew, 3) + 0.0, name, number, dpi)

    def _counts(self, line: Line) -> bool:
        finds, reads = self._calibrated
        weight = line.score if finds and reads else 1.0
        faint = finds and not reads and line.score < _FAINT
        sure = line.text and not faint and line.confidence * weight >= self.options.min_confidence
        return bool(sure and (self.options.rules or not is_rule(line.text)))

    def _upright(self, image: NDArray[np.uint8]) -> tuple[_View, list[Line]]:
        """The page read the right way up. Only where that reads badly are other ways tried."""
        turns = self._turns(image)
        view = self._view(image, turns[0])
        lines = self._lines(image, view.lines)
        best = view, lines, _confidence(lines)
        if len(turns) == 1 or not lines or best[2] >= _SURE:
            return view, lines
        for turned in turns[1:]:
            view = self._view(image, turned)
            sample = sorted(view.lines, key=lambda line: -quad_size(line.quad)[0])[:_SAMPLE]
            if _confidence(self._lines(image, sample)) > best[2]:
                lines = self._lines(image, view.lines)
                best = max(best, (view, lines, _confidence(lines)), key=lambda one: one[2])
        return best[0], best[1]

    def _turns(self, image: NDArray[np.uint8]) -> tuple[int, ...]:
        return quarter_turns(image) if self.options.orientation else (0,)

    def _view(self, image: NDArray[np.uint8], turned: int) -> _View:
        """Find the lines of the page turned clockwise by ``turned`` and straightened."""
        height, width = image.shape[:2]
        upright, matrix = turn(image, turned), turn_matrix(width, height, turned)
        skew = estimate_skew(upright) if self.options.deskew else 0.0
        if skew:
            upright, straighten = rotate(upright, -skew)
            matrix = straighten @ matrix
        found = plugins.detect(self._detector, upright, self._names[0])
        back: Matrix = np.asarray(np.linalg.inv(matrix), np.float64)
        lines = tuple(_moved(one, back, width, height) for one in found)
        lines = tuple(line for line in lines if min(quad_size(line.quad)) >= 1)
        return _View(turned, skew, lines, upright, back)

    def _sideways(self, image: NDArray[np.uint8], view: _View, lines: Sequence[Line]) -> list[Line]:
        """Lines that stand upright where none of those read lies, in the direction that reads better."""
        if not self.options.sideways or not lines:
            return []
        there = np.asarray(np.linalg.inv(view.back), np.float64)
        height, width = image.shape[:2]
        found: list[TextLine] = []
        for strip in sideways_strips(view.upright, [apply(there, line.quad) for line in lines]):
            part, back = lay_down(view.upright, strip)
            seen = plugins.detect(self._detector, part, self._names[0])
            moved = (_moved(one, view.back @ back, width, height) for one in seen)
            found += [one for one in moved if quad_size(one.quad)[0] > 2 * quad_size(one.quad)[1]]
        both = self._lines(image, [*found, *map(_upside_down, found)])
        better = [
            max(pair, key=lambda line: line.confidence)
            for pair in zip(both[: len(found)], both[len(found) :], strict=True)
        ]
        return [line for line in better if line.confidence >= _UPENDED and _letters(line) >= _UPENDED_LETTERS]

    def _lines(self, image: NDArray[np.uint8], found: Sequence[TextLine]) -> list[Line]:
        """Read the found lines from the image's own pixels, doubtful ones twice."""
        lines = self._cut_and_read(image, found, self.options.pad)
        doubtful = [i for i, line in enumerate(lines) if line.confidence < self.options.reread]
        again = self._cut_and_read(image, [found[i] for i in doubtful], self.options.pad - _CLOSER)
        for i, line in zip(doubtful, again, strict=True):
            lines[i] = max(lines[i], line, key=lambda one: one.confidence)
        return lines

    def _cut_and_read(self, image: NDArray[np.uint8], found: Sequence[TextLine], pad: float) -> list[Line]:
        if not found:
            return []
        cuts = [line.crop or line.quad for line in found]
        crops = [rectify(image, cut, pad=pad) for cut in cuts]
        read = plugins.recognize(self._recognizer, crops, self._names[1])
        return [
            build_line(one, line.quad, crop.shape[1], line.score, cut=cut, margin=pad * quad_size(cut)[1])
            for one, line, crop, cut in zip(read, found, crops, cuts, strict=True)
        ]


def _is_calibrated(engine: object) -> bool:
    return bool(getattr(engine, "calibrated", False))


def _letters(line: Line) -> int:
    return sum(char.text.isalnum() for char in line.chars)


def _moved(line: TextLine, matrix: Matrix, width: int, height: int) -> TextLine:
    """The line in the pixels that the matrix leads to, cut at their image's border."""

    def moved(quad: Quad) -> Quad:
        return clip_quad(apply(matrix, quad), width, height)

    return TextLine(moved(line.quad), line.score, line.crop and moved(line.crop))


def _upside_down(line: TextLine) -> TextLine:
    """The same place, read in the opposite direction."""

    def turned(quad: Quad) -> Quad:
        return (*quad[2:], *quad[:2])

    return TextLine(turned(line.quad), line.score, line.crop and turned(line.crop))


def _confidence(lines: Sequence[Line]) -> float:
    chars = [char.confidence for line in lines for char in line.chars]
    return sum(chars) / len(chars) if chars else 0.0


def _name(plugin: object) -> str:
    return plugin if isinstance(plugin, str) else type(plugin).__name__


@contextmanager
def _using_threads(count: int | None) -> Iterator[None]:
    """Let torch and OpenCV use ``count`` threads within the block; both settings are the process's own."""
    if count is None:
        yield
        return
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(count)
    cv2.setNumThreads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])
