"""Training examples: random crops of pages, with their targets, made in background processes."""

from __future__ import annotations

import math
import multiprocessing
import queue
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrpipe.detectors.ctpn.anchors import AnchorGrid
from ocrpipe.errors import OcrError
from ocrpipe.page import Quad
from ocrpipe.training.ctpn.targets import Targets, assign

Image = NDArray[np.uint8]
Quads = NDArray[np.float64]


class LabelledPage(Protocol):
    """A page to learn from, for instance an ``ocrpipe.synthesis.pages.SynthPage``."""

    @property
    def image(self) -> Image:
        """H×W×3 RGB or H×W grey."""

    @property
    def quads(self) -> Sequence[Quad]:
        """Lines of text, clockwise from the text's top-left, in pixels."""

    @property
    def ignored(self) -> Sequence[Quad]:
        """Areas that are neither text to find nor background."""


PageSource = Callable[[np.random.Generator], LabelledPage]

BODY_HEIGHTS = (9.0, 44.0)
RARE_HEIGHTS = (6.5, 100.0)
"""Heights in pixels to which a page's body text is scaled for most crops, and for one in six."""


@dataclass(frozen=True)
class CropConfig:
    """What the examples look like.

    Attributes:
        size: Side of the square crops in pixels, a multiple of 32; fixed, so that kernels compile once.
        channels: 1 for grey, 3 for RGB.
        stride: Grid of the network, (down, across).
        heights: Its anchor heights.
        pages: Pages a worker keeps in memory.
        crops_per_page: Crops made for each new page that is rendered.
    """

    size: int
    channels: int
    stride: tuple[int, int]
    heights: tuple[float, ...]
    pages: int = 48
    crops_per_page: int = 24


def synthetic_pages(corpora: Path) -> PageSource:
    """The project's own renderer, with the system's fonts and the text in a folder of corpora."""
    from ocrpipe.recognizers.crnn.charset import default_charset
    from ocrpipe.synthesis.fonts import FontLibrary
    from ocrpipe.synthesis.pages import render_page
    from ocrpipe.synthesis.text import TextSource

    texts = TextSource(corpora, frozenset(default_charset().characters))
    return partial(render_page, fonts=FontLibrary.system(), texts=texts)


def random_crop(
    image: Image, quads: Quads, known: NDArray[np.bool_], size: int, rng: np.random.Generator
) -> tuple[Image, Quads]:
    """A size×size window of the page, scaled, slightly turned and stretched.

    Args:
        image: H×W or H×W×3.
        quads: N×4×2 in the page's pixels.
        known: N flags, which of the quads are lines of text; the window is mostly laid around one of these.
        size: Side of the window.
        rng: Makes the choices.

    Returns:
        The window, and all quads in its pixels. They may reach beyond it: the targets cut them at its border.
    """
    height, width = image.shape[:2]
    lines = quads[known]
    tall = np.hypot(*(lines[:, 3] - lines[:, 0]).T) if len(lines) else np.array([min(height, width) / 50])
    low, high = RARE_HEIGHTS if rng.random() < 1 / 6 else BODY_HEIGHTS
    wanted = math.exp(rng.uniform(math.log(low), math.log(high)))
    # A page is not shrunk to a stamp in an empty window.
    scale = float(np.clip(wanted / max(np.median(tall), 1.0), 0.7 * size / max(height, width), 3.0))
    stretch = math.exp(rng.normal(0, 0.05))
    angle = rng.normal(0, 1.0) if rng.random() < 0.85 else rng.uniform(-8, 8)

    if len(lines) and rng.random() < 0.8:
        quad = lines[rng.integers(len(lines))]
        center = quad[0] + rng.random() * (quad[1] - quad[0]) + rng.random() * (quad[3] - quad[0])
        center = center + rng.uniform(-0.5, 0.5, 2) * size / scale
    else:
        center = rng.random(2) * (width, height)
    margin = np.minimum(0.35 * size / scale, (width / 2, height / 2))
    center = np.clip(center, margin, (width, height) - margin)

    # Shrinking by area first: an affine warp alone would alias.
    shrink = min(1.0, scale)
    reach = size / scale
    x0, y0 = np.clip((center - reach).astype(int), 0, (width - 1, height - 1))
    x1, y1 = np.clip((center + reach).astype(int) + 1, (x0 + 1, y0 + 1), (width, height))
    window = image[y0:y1, x0:x1]
    if shrink < 1:
        small = (max(1, round((x1 - x0) * shrink)), max(1, round((y1 - y0) * shrink)))
        window = np.asarray(cv2.resize(window, small, interpolation=cv2.INTER_AREA), np.uint8)
    across, down = window.shape[1] / (x1 - x0), window.shape[0] / (y1 - y0)

    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([scale * stretch, scale / stretch])
    offset = size / 2 - linear @ center
    from_window = np.linalg.inv(np.diag([across, down]))
    warp = np.column_stack([linear @ from_window, linear @ (x0, y0) + offset])
    paper = int(np.median(image[::16, ::16])) if rng.random() < 0.7 else int(rng.integers(256))
    crop = cv2.warpAffine(
        window,
        warp,
        (size, size),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(paper,) * 3,
    )
    return np.asarray(crop, np.uint8), quads @ linear.T + offset


def augment(image: Image, rng: np.random.Generator) -> Image:
    """Brightness, contrast, gamma, blur, low resolution, noise, JPEG and now and then a negative."""
    out = image
    if rng.random() < 0.2:
        out = _filter(cv2.GaussianBlur(out, (0, 0), rng.uniform(0.3, 1.1)))
    if rng.random() < 0.15:
        factor = rng.uniform(0.5, 0.9)
        small = cv2.resize(out, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        how = cv2.INTER_LINEAR if rng.random() < 0.7 else cv2.INTER_NEAREST
        out = _filter(cv2.resize(small, (out.shape[1], out.shape[0]), interpolation=how))
    if rng.random() < 0.6:
        ramp = np.linspace(0, 1, 256) ** math.exp(rng.normal(0, 0.3))
        low, high = rng.uniform(-0.1, 0.35), rng.uniform(0.65, 1.1)
        out = _filter(cv2.LUT(out, np.clip((low + ramp * (high - low)) * 255, 0, 255).astype(np.uint8)))
    if rng.random() < 0.3:
        noise = rng.normal(0, rng.uniform(2, 18), out.shape[:2]).astype(np.float32)
        noisy = out.astype(np.float32) + (noise if out.ndim == 2 else noise[:, :, None])
        out = np.clip(noisy, 0, 255).astype(np.uint8)
    if rng.random() < 0.15:
        _, coded = cv2.imencode(".jpg", out, (cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 80))))
        out = _filter(cv2.imdecode(coded, cv2.IMREAD_UNCHANGED))
    if rng.random() < 0.05:
        out = 255 - out
    return out


def examples(
    source: PageSource, config: CropConfig, rng: np.random.Generator
) -> Iterator[tuple[Image, Targets]]:
    """Endless examples: channels×size×size images and their targets.

    Pages stay in memory and are replaced one by one, since rendering one costs more than cropping many.
    """
    grid = AnchorGrid.of((config.size, config.size), config.stride, config.heights)
    pages: list[tuple[Image, Quads, NDArray[np.bool_]]] = []
    while True:
        page = source(rng)
        quads = np.asarray([*page.quads, *page.ignored], float).reshape(-1, 4, 2)
        entry = (_as_channels(page.image, config.channels), quads, np.arange(len(quads)) < len(page.quads))
        if len(pages) < config.pages:
            pages.append(entry)
        else:
            pages[rng.integers(len(pages))] = entry
        for _ in range(config.crops_per_page):
            image, quads, known = pages[rng.integers(len(pages))]
            crop, boxes = random_crop(image, quads, known, config.size, rng)
            crop = augment(crop, rng).reshape(config.size, config.size, config.channels)
            yield np.ascontiguousarray(crop.transpose(2, 0, 1)), assign(boxes, grid, known)


class Feeder:
    """``examples`` from background processes; with ``workers=0`` from this one.

    Use as a context manager: leaving it ends the processes.

    Args:
        make_source: Called once in each process; gives what makes a page.
        config: What the examples look like.
        workers: Number of processes.
        seed: Of all their choices.
    """

    def __init__(
        self, make_source: Callable[[], PageSource], config: CropConfig, *, workers: int, seed: int
    ) -> None:
        rngs = [np.random.default_rng([seed, number]) for number in range(max(1, workers))]
        self._local = (make_source, config, rngs[0])
        context = multiprocessing.get_context("spawn")
        self._queue: Any = context.Queue(maxsize=64)
        self._processes = [
            context.Process(target=_work, args=(self._queue, make_source, config, rng), daemon=True)
            for rng in rngs[:workers]
        ]

    def __enter__(self) -> Iterator[tuple[Image, Targets]]:
        if not self._processes:
            make_source, config, rng = self._local
            return examples(make_source(), config, rng)
        for process in self._processes:
            process.start()
        return self._receive()

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.terminate()
            process.join()
        self._queue.close()

    def _receive(self) -> Iterator[tuple[Image, Targets]]:
        while True:
            try:
                item = self._queue.get(timeout=10)
            except queue.Empty:
                if not all(process.is_alive() for process in self._processes):
                    raise OcrError("a process that makes training examples died") from None
                continue
            if isinstance(item, str):
                raise OcrError(f"making a training example failed:\n{item}")
            yield item


def _work(
    sink: Any, make_source: Callable[[], PageSource], config: CropConfig, rng: np.random.Generator
) -> None:
    cv2.setNumThreads(1)
    try:
        for example in examples(make_source(), config, rng):
            sink.put(example)
    except Exception:
        sink.put(traceback.format_exc())


def _as_channels(image: Image, channels: int) -> Image:
    if channels == 1 and image.ndim == 3:
        return _filter(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
    if channels == 3 and image.ndim == 2:
        return np.repeat(image[:, :, None], 3, axis=2)
    return image


def _filter(image: Any) -> Image:
    return np.asarray(image, np.uint8)
