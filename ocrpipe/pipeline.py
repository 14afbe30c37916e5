"""The stages in order: an image in, a ``Page`` out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ocrpipe import plugins
from ocrpipe.detectors.base import Detector, TextLine
from ocrpipe.errors import ConfigError
from ocrpipe.geometry import Image, quad_size
from ocrpipe.io import documents, images
from ocrpipe.io.images import Source
from ocrpipe.io.names import Passwords
from ocrpipe.io.pdf_text import StoredText
from ocrpipe.options import Options
from ocrpipe.recognizers.base import Recognition, Recognizer
from ocrpipe.result import Page
from ocrpipe.runtime import choose_runtime
from ocrpipe.stages.assembly import assemble, assemble_paragraph, assemble_tables
from ocrpipe.stages.endings import with_ends
from ocrpipe.stages.evidence import Continuation
from ocrpipe.stages.filtering import is_rejected, is_text
from ocrpipe.stages.frame import PageFrame
from ocrpipe.stages.layout import arrange_page
from ocrpipe.stages.orientation import Candidate, compare_turns, find_upright, residual_tilt, upright_turn
from ocrpipe.stages.quality import page_warnings
from ocrpipe.stages.reading import Reading, read_lines
from ocrpipe.stages.rotated import find_rotated
from ocrpipe.stages.stored import take_stored
from ocrpipe.stages.tables import table_regions
from ocrpipe.stages.tiles import detect_in_tiles
from ocrpipe.stages.vertical import find_columns, separate
from ocrpipe.stages.vertical_columns import read_columns
from ocrpipe.stages.writing import with_columns
from ocrpipe.threads import available_threads

__all__ = ["Options", "Pipeline", "Stage"]

_log = logging.getLogger(__name__)

NO_TEXT = StoredText()

_BUILT_IN = ("ctpn", "crnn")


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage of a page did.

    Attributes:
        name: "load", "stored text", "detect", "crop and recognize", "orientation", "filter", "rotated text",
            "layout" or "assembly". Finding out which way up a page is detects and recognises too; the time of
            that is reported under those names and not under "orientation".
        seconds: Wall-clock time of the stage by itself.
        counts: What it dealt with, such as ``{"lines": 48}``.
    """

    name: str
    seconds: float
    counts: Mapping[str, float]


OnStage = Callable[[Stage], object]


class Pipeline:
    """Detects, crops, reads and arranges. Immutable, and safe to use from several threads at once.

    Args:
        detector: Name of an installed detector, or any object with ``detect``.
        recognizer: Name of an installed recogniser, or any object with ``recognize``.
        threads: Processor threads that the engines may use, for those that are given by name; by default as
            many as the process may run. OpenCV's threads are the process's own setting and left as they are.
        device: "cpu", "cuda" or "mps", for the built-in models and plug-ins that take it.
        options: How pages are read.
        runtime: What the built-in networks run on: "openvino", "torch", or "auto", which is OpenVINO on the
            CPU where it is installed, and torch otherwise.

    Raises:
        ocrpipe.errors.PluginError: A name is unknown, or what it stands for cannot be loaded.
        ocrpipe.errors.WeightsError: Weights are missing or damaged.
        ocrpipe.errors.ConfigError: An option makes no sense, or the runtime does not run on the device.
        ocrpipe.errors.MissingExtraError: The runtime is not installed.
    """

    def __init__(
        self,
        detector: str | Detector = "ctpn",
        recognizer: str | Recognizer = "crnn",
        *,
        threads: int | None = None,
        device: str = "cpu",
        options: Options | None = None,
        runtime: str = "auto",
    ) -> None:
        if threads is not None and threads < 1:
            raise ConfigError(f"threads must be at least 1, not {threads}")
        self.options = options or Options()
        self._detector, self._recognizer = _both(
            partial(
                plugins.load_detector,
                detector,
                device=device,
                threads=threads,
                options=dict(self.options.detector),
                runtime=runtime,
            ),
            partial(
                plugins.load_recognizer,
                recognizer,
                device=device,
                threads=threads,
                options=dict(self.options.recognizer),
                runtime=runtime,
            ),
            at_once=(detector, recognizer) == _BUILT_IN
            and (threads or available_threads()) > 1
            and choose_runtime(runtime, device) == "openvino",
        )
        self._names = (_name(detector), _name(recognizer))
        self._continuation: Continuation | None = getattr(self._recognizer, "continuation", None)
        self._calibrated = _is_calibrated(self._detector), _is_calibrated(self._recognizer)

    def read(self, source: Source, *, on_stage: OnStage | None = None, stored: StoredText = NO_TEXT) -> Page:
        """Read one page.

        Args:
            source: Path, bytes, binary file object, PIL image, or array (H×W, H×W×1/3/4; RGB).
            stored: The text that is stored with the page, as ``documents.pages`` gives it; taken where
                ``options.pdf`` says so.
            on_stage: Called after each stage with what it did and how long it took; a stage may come more
                than once.

        Returns:
            The page; one without text has no paragraphs.

        Raises:
            ocrpipe.errors.UnsupportedSourceError: This kind of thing is not read.
            ocrpipe.errors.UnreadableImageError: Empty, damaged, or larger than ``options.load.max_pixels``.
            ocrpipe.errors.PluginError: A plug-in failed.
        """
        clock = _Clock(on_stage)
        with clock.stage("load") as counts:
            image = images.load(source, max_pixels=self.options.load.max_pixels)
            counts["pixels"] = image.shape[0] * image.shape[1]
        return self._read(image, images.name_of(source), clock, stored=stored)

    def read_document(
        self,
        source: Source,
        *,
        dpi: float = documents.DPI,
        password: Passwords = None,
        pages: Sequence[int] | str | None = None,
        on_stage: OnStage | None = None,
    ) -> Iterator[Page]:
        """Read a PDF or a multi-page TIFF, a page at a time, in memory that does not grow.

        Args:
            source: As for ``read``; a single image is a document of one page.
            dpi: Resolution PDF pages are rendered at; coordinates are pixels of that rendering.
            password: Of a locked PDF, or several to try.
            pages: Which pages, 1-based, in that order, or a selection such as ``"1-3,7-"``; all by default.
            on_stage: As for ``read``.

        Raises:
            ocrpipe.errors.OcrError: As ``read``; also a wrong password or a damaged page.
        """
        name = images.name_of(source)
        for page in documents.pages(
            source,
            dpi=dpi,
            password=password,
            max_pixels=self.options.load.max_pixels,
            numbers=pages,
            with_text=self.options.pdf.text == "skip",
        ):
            yield self._read(page.image, name, _Clock(on_stage), page.number, page.dpi, page.stored)

    def detect(self, source: Source) -> tuple[TextLine, ...]:
        """Only find the lines; quads are in the image's pixels and begin at the text's own top left.

        Which way up the page is takes reading a few lines. Text rotated by 90° along the page is not among
        the
        lines: what of it is text takes reading all of it.
        """
        image = images.load(source, max_pixels=self.options.load.max_pixels)
        upright = self._find_upright(image, _Clock(None), whole=False)
        frame, lines = upright.frame, upright.lines
        if upright.vertical:
            columns, across = self._separate(upright, _Clock(None))
            lines = (*columns, *across)
        return tuple(
            TextLine(frame.page_quad(line.quad), line.score, line.crop and frame.page_quad(line.crop))
            for line in lines
        )

    def recognize(self, crops: Sequence[NDArray[np.uint8]]) -> tuple[Recognition, ...]:
        """Only read crops that each hold one line, running from left to right: H×W or H×W×3 (RGB), uint8."""
        return plugins.recognize(self._recognizer, crops, self._names[1])

    def orientation(self, source: Source) -> tuple[int, float]:
        """The clockwise quarter turn that makes a page upright, and how certain that is.

        The longest lines are read the way they lie and upside down; what counts is by how much the mean
        confidence of the characters differs. Lines of both axes are read where the image does not show
        theirs.

        Returns:
            0, 90, 180 or 270, and from 0.0, nothing to go by, to 1.0, beyond doubt.
        """
        image = images.load(source, max_pixels=self.options.load.max_pixels)
        clock = _Clock(None)
        results = compare_turns(
            image,
            lambda frame: self._find(frame, clock),
            lambda frame, lines: self._read_lines(frame, lines, clock),
            self.options.orientation,
        )
        return upright_turn(results, self.options.orientation)

    def _read(
        self,
        image: Image,
        name: str | None,
        clock: _Clock,
        number: int = 1,
        dpi: float | None = None,
        stored: StoredText = NO_TEXT,
    ) -> Page:
        options = self.options
        taken = self._take_stored(image, stored, clock)
        upright = taken or self._find_upright(image, clock, whole=True)
        frame = upright.frame
        columns, readings = (
            self._read_vertical(upright, clock) if upright.vertical else ([], upright.readings)
        )
        with clock.stage("filter") as counts:
            kept, rejected = (list(readings), []) if taken else self._filtered(readings)
            columns, faint = self._filtered(columns)
            rejected += faint
            counts |= {"lines": len(kept) + len(columns), "left_out": len(rejected)}
        rotated: list[Reading] = []
        if not taken:
            rotated = self._find_rotated(frame, [*kept, *columns], clock)
            columns += [reading for reading in rotated if reading.vertical]
            rotated = [reading for reading in rotated if not reading.vertical]
        with clock.stage("layout") as counts:
            tilt = residual_tilt(reading.quad for reading in kept)
            regions, lines, ruled = table_regions(
                frame.level,
                kept,
                angle=tilt,
                continuation=self._continuation,
                layout=options.layout,
                ruling=options.ruling,
            )
            blocks, aligned = arrange_page(
                lines,
                regions=regions,
                angle=tilt,
                continuation=self._continuation,
                options=options.layout,
            )
            blocks = tuple(with_columns(blocks, columns, options.layout, options.vertical))
            counts |= {"paragraphs": len(blocks), "tables": len(ruled) + len(aligned)}
        with clock.stage("assembly"):
            paragraphs = [assemble_paragraph(frame, block.lines, block.quad) for block in blocks]
            read = [reading for block in blocks for reading in block.lines]
            lines_read = (line for paragraph in paragraphs for line in paragraph.lines)
            numbered = zip(map(id, read), enumerate(lines_read), strict=True)
            tables = assemble_tables(frame, [*ruled, *aligned], dict(numbered))
            paragraphs += [assemble_paragraph(frame, (reading,), reading.quad) for reading in rotated]
        page = Page(
            frame.width,
            frame.height,
            tuple(paragraphs),
            frame.turned,
            round(-frame.skew, 3) + 0.0,
            name,
            number,
            dpi,
            page_warnings(frame, [*kept, *columns], rejected),
            tuple(assemble(frame, reading) for reading in rejected),
            tables,
        )
        clock.log(name, number, page)
        return page

    def _take_stored(self, image: Image, stored: StoredText, clock: _Clock) -> Candidate | None:
        """The page with its stored text, if that is wanted and right."""
        if self.options.pdf.text != "skip" or not stored.lines:
            return None
        frame = PageFrame(image)
        with clock.stage("stored text") as counts:
            readings = take_stored(
                stored,
                lambda: self._find(frame, clock),
                lambda lines: self._read_lines(frame, lines, clock),
                self.options.pdf,
            )
            counts["lines"] = len(readings or ())
        if readings is None:
            return None
        return Candidate(frame, tuple(reading.line for reading in readings), tuple(readings))

    def _find_rotated(self, frame: PageFrame, kept: Sequence[Reading], clock: _Clock) -> list[Reading]:
        with clock.stage("rotated text") as counts:
            rotated = find_rotated(
                frame,
                kept,
                lambda part: self._detect(part, clock),
                lambda lines: self._read_lines(frame, lines, clock),
                self.options.rotated,
                (lambda lines: self._read_columns(frame, lines, clock))
                if self.options.vertical.enabled
                else None,
            )
            counts["lines"] = len(rotated)
        return list(rotated)

    def _filtered(self, readings: Sequence[Reading]) -> tuple[list[Reading], list[Reading]]:
        """The lines that are kept, and those with text that are not, from top to bottom."""
        options = self.options.filter
        kept, rejected = [], []
        for reading in readings:
            if is_text(reading, self._calibrated, options):
                kept.append(reading)
            elif is_rejected(reading, options):
                rejected.append(reading)
        return kept, sorted(rejected, key=lambda reading: reading.quad[0][1])

    def _find_upright(self, image: Image, clock: _Clock, *, whole: bool) -> Candidate:
        with clock.stage("orientation") as counts:
            upright = find_upright(
                image,
                lambda frame: self._find(frame, clock),
                lambda frame, lines: self._read_lines(frame, lines, clock),
                self.options.orientation,
                whole=whole,
                read_columns=(lambda frame, lines: self._read_columns(frame, lines, clock, sideways=False))
                if self.options.vertical.enabled
                else None,
                vertical=self.options.vertical,
            )
            counts |= {"turned": upright.frame.turned, "skew": upright.frame.skew}
        return upright

    def _separate(self, page: Candidate, clock: _Clock) -> tuple[list[TextLine], list[TextLine]]:
        """Columns of a page of vertical text, and its horizontal lines."""
        found = find_columns(
            page.frame, lambda turned: detect_in_tiles(turned, lambda part: self._detect(part, clock))
        )
        options = self.options
        columns, rest = separate(found, page.lines, options.vertical)
        return with_ends(page.frame.grey, columns, rest, options.vertical, options.cells), rest

    def _read_vertical(self, page: Candidate, clock: _Clock) -> tuple[list[Reading], Sequence[Reading]]:
        columns, lines = self._separate(page, clock)
        return self._read_columns(page.frame, columns, clock), self._read_lines(page.frame, lines, clock)

    def _find(self, frame: PageFrame, clock: _Clock) -> tuple[TextLine, ...]:
        """Lines of the level view, without what lies beyond the page's border."""
        found = detect_in_tiles(frame.level, lambda part: self._detect(part, clock))
        lines = (
            TextLine(frame.clip(line.quad), line.score, line.crop and frame.clip(line.crop)) for line in found
        )
        return tuple(line for line in lines if min(quad_size(line.quad)) >= 1)

    def _detect(self, image: Image, clock: _Clock) -> tuple[TextLine, ...]:
        with clock.stage("detect") as counts:
            lines = plugins.detect(self._detector, image, self._names[0])
            counts["lines"] = len(lines)
        return lines

    def _read_lines(self, frame: PageFrame, lines: Sequence[TextLine], clock: _Clock) -> list[Reading]:
        with clock.stage("crop and recognize") as counts:
            counts["lines"] = len(lines)
            return read_lines(frame, lines, self.recognize, self.options.reading)

    def _read_columns(
        self, frame: PageFrame, lines: Sequence[TextLine], clock: _Clock, *, sideways: bool = True
    ) -> list[Reading]:
        with clock.stage("crop and recognize") as counts:
            counts["lines"] = len(lines)
            options = self.options
            return read_columns(
                frame, lines, self.recognize, options.columns, options.cells, sideways=sideways
            )


def _both(
    first: Callable[[], Detector], second: Callable[[], Recognizer], *, at_once: bool
) -> tuple[Detector, Recognizer]:
    """What two functions return, called one after the other or in two threads."""
    if not at_once:
        return first(), second()
    with ThreadPoolExecutor(1) as pool:
        later = pool.submit(second)
        return first(), later.result()


@dataclass(slots=True)
class _Clock:
    """Times the stages of one page; nested stages are not counted twice."""

    report: OnStage | None
    stages: list[Stage] = field(default_factory=list)
    inner: list[float] = field(default_factory=lambda: [0.0])

    @contextmanager
    def stage(self, name: str) -> Iterator[dict[str, float]]:
        counts: dict[str, float] = {}
        start = time.perf_counter()
        self.inner.append(0.0)
        yield counts
        seconds = time.perf_counter() - start
        own = seconds - self.inner.pop()
        self.inner[-1] += seconds
        stage = Stage(name, own, counts)
        self.stages.append(stage)
        if self.report:
            self.report(stage)

    def log(self, name: str | None, number: int, page: Page) -> None:
        """The page and its stages, for those who look for a fault."""
        if _log.isEnabledFor(logging.DEBUG):
            for stage in self.stages:
                counts = ", ".join(f"{key} {value:g}" for key, value in stage.counts.items())
                _log.debug("%s, page %d: %s %.4f s (%s)", name, number, stage.name, stage.seconds, counts)
        for warning in page.warnings:
            _log.info("%s, page %d: %s", name, number, warning.message)
        _log.info(
            "%s, page %d: %d x %d px, turned %d, skew %.2f, %d lines",
            name,
            number,
            page.width,
            page.height,
            page.orientation,
            page.skew,
            len(page.lines),
        )


def _is_calibrated(engine: object) -> bool:
    return bool(getattr(engine, "calibrated", False))


def _name(plugin: object) -> str:
    return plugin if isinstance(plugin, str) else type(plugin).__name__
