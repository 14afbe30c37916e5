"""Random crops of pages with their targets, as the detector is trained on them, and their data loader."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrpipe.detectors.ctpn.anchors import AnchorGrid
from ocrpipe.page import Quad
from ocrpipe.training.ctpn.targets import Targets, assign
from ocrpipe.training.loader import DataLoader

Image = NDArray[np.uint8]
Quads = NDArray[np.float64]


class LabelledPage(Protocol):
    """A page to train on, for instance an ``ocrpipe.synthesis.pages.SynthPage``."""

    @property
    def image(self) -> Image:
        """H×W×3 RGB or H×W grey."""

    @property
    def quads(self) -> Sequence[Quad]:
        """Lines of text, clockwise from the text's top left, in pixels."""

    @property
    def ignored(self) -> Sequence[Quad]:
        """Areas that are neither text nor background."""


PageSource = Callable[[np.random.Generator], LabelledPage]

BODY_HEIGHTS = (9.0, 44.0)
RARE_HEIGHTS = (6.5, 100.0)
"""Heights in pixels to which a page's body text is scaled for most crops, and for one in six."""
_AHEAD, _CHUNK = 64, 4
"""Crops that are made ahead of training, and that a process sends at a time."""


@dataclass(frozen=True)
class CropConfig:
    """What the crops are like.

    Attributes:
        size: Side of the square crops in pixels, a multiple of 32; fixed, so that kernels compile once.
        channels: 1 for grey, 3 for RGB.
        stride: Grid of the network in pixels, (down, across).
        heights: Its anchor heights in pixels, ascending.
        pages: Pages that a process keeps in memory.
        crops_per_page: Crops made for each new page that is rendered.
    """

    size: int
    channels: int
    stride: tuple[int, int]
    heights: tuple[float, ...]
    pages: int = 48
    crops_per_page: int = 24


@dataclass(frozen=True, slots=True)
class TrainingCrop:
    """A crop ready for training.

    Attributes:
        image: channels×size×size uint8.
        targets: What its anchors are to predict.
    """

    image: Image
    targets: Targets


def synthetic_pages(corpora: Path, alphabet: str, fonts: Sequence[Path] = ()) -> PageSource:
    """The project's own renderer of pages.

    Args:
        corpora: Folder of text (see ``ocrpipe.synthesis.text.TextSource``).
        alphabet: Characters that may occur.
        fonts: Folders of fonts, by default the system's.

    Raises:
        ocrpipe.errors.ConfigError: There are no usable fonts or texts.
    """
    from ocrpipe.synthesis.fonts import FONT_FOLDERS, FontLibrary
    from ocrpipe.synthesis.pages import render_page
    from ocrpipe.synthesis.text import TextSource

    texts = TextSource(corpora, frozenset(alphabet))
    return partial(render_page, fonts=FontLibrary.system(fonts or FONT_FOLDERS), texts=texts)


def random_crop(
    image: Image, quads: Quads, known: NDArray[np.bool_], size: int, rng: np.random.Generator
) -> tuple[Image, Quads]:
    """A size×size window of the page, scaled, slightly rotated and stretched.

    Args:
        image: H×W or H×W×3.
        quads: N×4×2 in the page's pixels.
        known: N flags, which of the quads are lines of text; the window is mostly placed on one of these.
        size: Side of the window.
        rng: Makes the choices.

    Returns:
        The window, and all quads in its pixels. They may reach beyond it: the targets clip them.
    """
    height, width = image.shape[:2]
    lines = quads[known]
    tall = np.hypot(*(lines[:, 3] - lines[:, 0]).T) if len(lines) else np.array([min(height, width) / 50])
    low, high = RARE_HEIGHTS if rng.random() < 1 / 6 else BODY_HEIGHTS
    target = math.exp(rng.uniform(math.log(low), math.log(high)))
    # The page is not shrunk to less than 0.7 of the window.
    scale = float(np.clip(target / max(np.median(tall), 1.0), 0.7 * size / max(height, width), 3.0))
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
    """Random brightness, contrast, gamma, blur, low resolution, noise, JPEG compression and inversion."""
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


def training_crops(
    make_pages: Callable[[], PageSource], config: CropConfig, rng: np.random.Generator
) -> Iterator[TrainingCrop]:
    """Endless random crops of pages, with their targets.

    Pages stay in memory and are replaced one by one, since rendering one costs more than cropping many.
    """
    grid = AnchorGrid.of((config.size, config.size), config.stride, config.heights)
    render, pages = make_pages(), list[tuple[Image, Quads, NDArray[np.bool_]]]()
    while True:
        page = render(rng)
        quads = np.asarray([*page.quads, *page.ignored], float).reshape(-1, 4, 2)
        entry = (_as_channels(page.image, config.channels), quads, np.arange(len(quads)) < len(page.quads))
        if len(pages) < config.pages:
            pages.append(entry)
        else:
            pages[rng.integers(len(pages))] = entry
        for _ in range(config.crops_per_page):
            image, quads, known = pages[rng.integers(len(pages))]
            window, boxes = random_crop(image, quads, known, config.size, rng)
            window = augment(window, rng).reshape(config.size, config.size, config.channels)
            yield TrainingCrop(np.ascontiguousarray(window.transpose(2, 0, 1)), assign(boxes, grid, known))


def crop_loader(
    make_pages: Callable[[], PageSource],
    config: CropConfig,
    batch_size: int,
    *,
    workers: int = 1,
    seed: Sequence[int] = (0,),
) -> DataLoader[TrainingCrop]:
    """Batches of crops, each used once.

    Args:
        make_pages: Called once in each process; returns what makes a page. It is pickled.
        config: What the crops are like.
        batch_size: Crops of a batch.
        workers: See ``DataLoader``, as ``seed``.
        seed: Of what is rendered.
    """
    ahead = max(_AHEAD, 2 * batch_size)
    return DataLoader(
        partial(training_crops, make_pages, config),
        bucket_of=_size,
        batch_size=lambda size: batch_size,
        workers=workers,
        capacity=ahead + max(1, workers) * _CHUNK,
        ahead=ahead,
        once=True,
        chunk=_CHUNK,
        seed=seed,
    )


def _size(crop: TrainingCrop) -> int:
    return int(crop.image.shape[-1])


def _as_channels(image: Image, channels: int) -> Image:
    if channels == 1 and image.ndim == 3:
        return _filter(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
    if channels == 3 and image.ndim == 2:
        return np.repeat(image[:, :, None], 3, axis=2)
    return image


def _filter(image: Any) -> Image:
    return np.asarray(image, np.uint8)
