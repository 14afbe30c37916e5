"""Lines for training with scan effects on the device: typeset clean, degraded there each time anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ocrpipe.recognizers.crnn.charset import BLANK, Charset
from ocrpipe.recognizers.crnn.model import STRIDE
from ocrpipe.recognizers.crnn.preprocess import BUCKET
from ocrpipe.synthesis.device_effects import PRINT, SCAN, degrade, invert
from ocrpipe.synthesis.device_sampling import extend_edges, scaled, uniform, warp
from ocrpipe.synthesis.device_sampling import stack as stack_images
from ocrpipe.synthesis.effects import strength_for_height
from ocrpipe.synthesis.lines import LineSample
from ocrpipe.training.crnn.config import CRNNTrainConfig
from ocrpipe.training.crnn.lines import Render, lines_of_batch
from ocrpipe.training.loader import DataLoader
from ocrpipe.training.prefetch import Prefetcher
from ocrpipe.training.task import Context

_MAX_HEIGHT = 64
"""Pixels; taller lines are scaled down before they are kept."""
_MARGIN = 4  # as in ocrpipe.recognizers.crnn.preprocess
_WARPED, _INVERTED = 0.15, 0.1
"""Fractions of the lines that are warped, and inverted."""
_NO_CENTER = -1.0


@dataclass(frozen=True, slots=True)
class CleanLine:
    """A line as it is kept until it is degraded.

    Attributes:
        image: H×W uint8 at the resolution of the simulated scan, H at most 64.
        label: Class indices, int16.
        centers: Centres of the characters in pixels of ``image``; empty where they are unknown.
        width: Width at the network's height, in pixels.
        degraded: Whether it is a scan already and gets no more effects.
    """

    image: NDArray[np.uint8]
    label: NDArray[np.int16]
    centers: NDArray[np.float32]
    width: int
    degraded: bool = False

    @property
    def bucket(self) -> int:
        """Width of the network's input, as ``preprocess.prepare`` pads it."""
        return -(-(self.width + _MARGIN) // BUCKET) * BUCKET


@dataclass(frozen=True)
class LineBatch:
    """Clean lines of one bucket as tensors, on the CPU until they are needed.

    Attributes:
        images: (N, 1, H, W) uint8, see ``device_sampling.stack``.
        sizes: (N, 2) int64, height and width of each.
        widths: (N,) int64, width of each at the network's height.
        labels: (N, L) int64 class indices, padded with the blank.
        lengths: (N,) int64.
        centers: (N, L) float32 in pixels, -1 where unknown or beyond the label.
        strength: (N,) float32, of the scan effects.
        clean: (N,) bool, whether a line is black on white still.
        bucket: Width of the network's input.
    """

    images: Tensor
    sizes: Tensor
    widths: Tensor
    labels: Tensor
    lengths: Tensor
    centers: Tensor
    strength: Tensor
    clean: Tensor
    bucket: int

    def __len__(self) -> int:
        return len(self.lengths)


def to_clean(sample: LineSample, charset: Charset, height: int) -> CleanLine | None:
    """The sample as it is kept; ``None`` where CTC can't align it or the charset lacks a character.

    Samples without known places of their characters are crops of rendered pages, which are scans already;
    finished ones have all effects they get.
    """
    if not sample.text or any(c not in charset for c in sample.text):
        return None
    image, centers = sample.image, sample.centers
    if image.shape[0] > _MAX_HEIGHT:
        factor = _MAX_HEIGHT / image.shape[0]
        size = max(4, round(image.shape[1] * factor)), _MAX_HEIGHT
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        centers = centers * np.float32(factor)
    width = max(4, round(image.shape[1] * height / image.shape[0]))
    label = charset.encode(sample.text)
    repeats = sum(a == b for a, b in zip(label, label[1:], strict=False))
    if len(label) + repeats > width / STRIDE:
        return None
    degraded = sample.finished or not len(centers)
    return CleanLine(image, np.asarray(label, np.int16), centers.astype(np.float32), width, degraded)


def clean_lines(
    make_render: Callable[[], Render], charset: Charset, height: int, rng: np.random.Generator
) -> Iterator[CleanLine]:
    """Endless rendered lines; those that cannot be trained on are left out."""
    render = make_render()
    while True:
        if line := to_clean(render(rng), charset, height):
            yield line


def clean_line_batches(
    make_render: Callable[[], Render],
    charset: Charset,
    config: CRNNTrainConfig,
    degradation: float,
    *,
    height: int = 32,
    workers: int = 1,
    seed: tuple[int, ...] = (0,),
) -> Prefetcher[CleanLine]:
    """Batches of clean lines of one width, assembled in a thread.

    Args:
        make_render: Called once in each process; returns what renders a clean line. It is pickled.
        charset: Turns text into class indices.
        config: Batches' pixels, device, and how often a line is used.
        degradation: Mean strength of the scan effects.
        height: Input height.
        workers: See ``DataLoader``, as ``seed``.
        seed: Of what is rendered and drawn.
    """
    loader = DataLoader(
        partial(clean_lines, make_render, charset, height),
        bucket_of=attrgetter("bucket"),
        batch_size=partial(lines_of_batch, config.batch_pixels),
        workers=workers,
        reuse=config.views,
        seed=seed,
    )
    pin = config.device != "cpu"
    return Prefetcher(loader, partial(_assemble, degradation, pin), depth=4 if pin else 1, seed=seed)


def _assemble(
    degradation: float, pin: bool, lines: Sequence[CleanLine], rng: np.random.Generator
) -> LineBatch:
    return stack(lines, degradation, rng, pin=pin)


def stack(
    lines: Sequence[CleanLine], degradation: float, rng: np.random.Generator, *, pin: bool = False
) -> LineBatch:
    """Lines of one bucket as a batch, each with a strength of its own for the scan effects.

    Args:
        lines: At least one.
        degradation: Mean strength, see ``ocrpipe.synthesis.lines.LineStyle``.
        rng: Draws the strengths.
        pin: Whether to use page-locked memory.
    """
    images, sizes = stack_images([line.image for line in lines], pin=pin)
    longest = max(len(line.label) for line in lines)
    labels = np.full((len(lines), longest), BLANK, np.int64)
    centers = np.full((len(lines), longest), _NO_CENTER, np.float32)
    for i, line in enumerate(lines):
        labels[i, : len(line.label)] = line.label
        centers[i, : len(line.centers)] = line.centers
    factors = [
        0.0 if line.degraded else strength_for_height(line.image.shape[0]) * degradation for line in lines
    ]
    strength = np.array(factors, np.float32) * rng.uniform(0, 2, len(lines)).astype(np.float32)
    return LineBatch(
        images,
        sizes,
        torch.tensor([line.width for line in lines]),
        torch.from_numpy(labels),
        torch.tensor([len(line.label) for line in lines]),
        torch.from_numpy(centers),
        torch.from_numpy(strength),
        torch.tensor([not line.degraded for line in lines]),
        lines[0].bucket,
    )


def render_inputs(batch: LineBatch, height: int, context: Context) -> tuple[Tensor, Tensor]:
    """The network's input from a batch of clean lines: coloured, degraded and scaled on the device.

    Args:
        batch: The lines, on the CPU.
        height: Height of the input.
        context: Device and generators.

    Returns:
        (N, 1, height, bucket) in -1..1, and (N, L) centres of the characters in frames, negative where
        unknown.
    """
    generator, choices = context.random.device, context.random.cpu
    images, sizes, widths, known = map(
        context.tensor, (batch.images, batch.sizes, batch.widths, batch.centers)
    )
    n, clean = len(batch), batch.clean.float()
    x = extend_edges(images, sizes)
    warped = clean * (torch.rand(n, generator=choices) < _WARPED)
    x, centers = warp(x, sizes, known, context.tensor(warped), generator)
    x = degrade(x, batch.strength, generator, choices, PRINT)
    x = coloured(x, context.tensor(clean), generator)
    x = degrade(x, batch.strength, generator, choices, SCAN)
    inverted = clean * (torch.rand(n, generator=choices) < _INVERTED)
    x = invert(x, context.tensor(inverted), generator)
    x = scaled(x, sizes, widths, height, batch.bucket)
    frames = centers * (widths / sizes[:, 1] / STRIDE)[:, None]
    return 2 * x - 1, torch.where(known < 0, known, frames)


def coloured(x: Tensor, strength: Tensor, generator: torch.Generator | None) -> Tensor:
    """Black on white lines in the colours of ``ocrpipe.synthesis.cropping.colour``.

    Ink is dark, the background light; some have a low contrast, some a shaded background.
    """
    n = len(x)
    ink, paper = uniform(n, 0, 90 / 255, x, generator), uniform(n, 190 / 255, 1, x, generator)
    kind = uniform(n, 0, 1, x, generator)
    faint = uniform(n, 0, 150 / 255, x, generator)
    ink = torch.where(kind < 0.15, faint, ink)
    light = (faint + uniform(n, 50 / 255, 180 / 255, x, generator)).clamp(max=1)
    paper = torch.where(kind < 0.15, light, paper)
    shaded = ((kind > 0.15) & (kind < 0.25))[:, None, None, None]
    shades = torch.rand((n, 1, 2, 6), generator=generator, device=x.device) * (90 / 255)
    shades = F.interpolate(shades, x.shape[2:], mode="bilinear", align_corners=True)
    ink, paper = ink[:, None, None, None], paper[:, None, None, None]
    base = torch.where(shaded, torch.maximum(paper - shades, torch.minimum(ink + 40 / 255, paper)), paper)
    return torch.where(strength[:, None, None, None] > 0, base + (ink - base) * (1 - x), x)
