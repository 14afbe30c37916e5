"""Batches of lines of different sizes as tensors: random values, resampling, warps and the final scaling.

See ``device_effects`` for what a batch is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

_QUANTILE_ROWS, _QUANTILE_COLUMNS = 16, 96
"""Points of a line that its contrast is measured at."""


def uniform(count: int, low: float, high: float, like: Tensor, generator: torch.Generator | None) -> Tensor:
    """(count,) random values on the device of ``like``."""
    return low + (high - low) * torch.rand(count, generator=generator, device=like.device)


def smooth_noise(x: Tensor, cells: Tensor, generator: torch.Generator | None) -> Tensor:
    """Smooth noise in 0..1 of the batch's shape, with features of ``cells`` (N,) pixels, at least 1."""
    field = torch.rand(x.shape, generator=generator, device=x.device)
    return sample(field, 1 / cells, 1 / cells)


def sample(x: Tensor, step_x: Tensor, step_y: Tensor) -> Tensor:
    """Each line resampled bilinearly from its upper left: scaled by 1 / step.

    Args:
        x: The batch.
        step_x: (N,) pixels of the source that a pixel of the result advances.
        step_y: The same downwards.
    """
    height, width = x.shape[2:]
    columns = (torch.arange(width, device=x.device) + 0.5) * step_x[:, None] - 0.5
    rows = (torch.arange(height, device=x.device) + 0.5) * step_y[:, None] - 0.5
    return _at(x, columns[:, None].expand(-1, height, -1), rows[..., None].expand(-1, -1, width))


def stack(lines: Sequence[NDArray[np.uint8]], *, pin: bool = False) -> tuple[Tensor, Tensor]:
    """H×W lines of different sizes as one (N, 1, H, W) uint8 tensor, and their sizes (N, 2) as height, width.

    H and W are multiples of 8. What is beyond a line is undefined until ``extend_edges``.

    Args:
        lines: At least one.
        pin: Whether to use page-locked memory, from which a GPU copies in the background.
    """
    sizes = np.array([line.shape for line in lines], np.int64)
    height, width = (int(-(-size // 8) * 8) for size in sizes.max(0))
    images = torch.empty((len(lines), 1, height, width), dtype=torch.uint8, pin_memory=pin)
    for plane, line in zip(images.numpy()[:, 0], lines, strict=True):
        plane[: line.shape[0], : line.shape[1]] = line
    return images, torch.from_numpy(sizes)


def extend_edges(images: Tensor, sizes: Tensor) -> Tensor:
    """The uint8 batch of ``stack`` as floats, what is beyond each line repeating its edge.

    Args:
        images: (N, 1, H, W) uint8.
        sizes: (N, 2) height and width of each line, on the same device.
    """
    height, width = images.shape[2:]
    rows = torch.minimum(torch.arange(height, device=images.device), sizes[:, :1] - 1)
    columns = torch.minimum(torch.arange(width, device=images.device), sizes[:, 1:] - 1)
    x = images.gather(2, rows[:, None, :, None].expand_as(images))
    x = x.gather(3, columns[:, None, None].expand_as(images))
    return x.float() / 255


def warp(
    x: Tensor, sizes: Tensor, centers: Tensor, strength: Tensor, generator: torch.Generator | None
) -> tuple[Tensor, Tensor]:
    """A small shear and a small horizontal wave, which move characters by a third of the height at most.

    Args:
        x: The batch.
        sizes: (N, 2) height and width of each line, on the batch's device.
        centers: (N, L) centre x of each character in pixels.
        strength: (N,); 0 changes nothing.
        generator: Of the batch's device.

    Returns:
        The warped batch, and the centres in it.
    """
    n = len(x)
    height, width = (sizes[:, i, None].float() for i in (0, 1))
    shear = (uniform(n, -0.12, 0.12, x, generator) * strength)[:, None]
    amplitude = (uniform(n, 0, 0.15, x, generator) * strength)[:, None] * height
    period = uniform(n, 4, 16, x, generator)[:, None] * height
    phase = uniform(n, 0, 2 * torch.pi, x, generator)[:, None]
    columns = torch.arange(x.shape[3], device=x.device).expand(n, -1)
    rows = torch.arange(x.shape[2], device=x.device).expand(n, -1)
    wave = amplitude * torch.sin(2 * torch.pi * columns / period + phase)
    source_x = (columns + wave)[:, None] + (shear * (rows - (height - 1) / 2))[..., None]
    warped = _at(x, source_x, rows[..., None].expand_as(source_x))
    # The inverse to first order: the wave's slope is below .25.
    moved = centers - amplitude * torch.sin(2 * torch.pi * centers / period + phase)
    moved = centers - amplitude * torch.sin(2 * torch.pi * moved / period + phase)
    return torch.where((strength > 0)[:, None, None, None], warped, x), moved.clamp(min=0).minimum(width - 1)


def scaled(x: Tensor, sizes: Tensor, widths: Tensor, height: int, width: int) -> Tensor:
    """The lines at the network's height with even contrast, as ``crnn.preprocess.prepare`` makes them.

    Args:
        x: The batch.
        sizes: (N, 2) height and width of each line, on the batch's device.
        widths: (N,) width of each in the result.
        height: Height of the result.
        width: Width of the result; what is beyond a line's own is filled with its median.

    Returns:
        (N, 1, height, width), dark on light, 0..1.
    """
    steps = sizes / torch.stack([torch.full_like(widths, height), widths], 1)  # pixels of the source
    spread = 0.25 * steps * (steps > 1)  # averages over a pixel of the result where it shrinks
    last = sizes - 1.0
    total = torch.zeros((len(x), 1, height, width), device=x.device)
    for dy, dx in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        rows = (torch.arange(height, device=x.device) + 0.5) * steps[:, :1] - 0.5 + dy * spread[:, :1]
        columns = (torch.arange(width, device=x.device) + 0.5) * steps[:, 1:] - 0.5 + dx * spread[:, 1:]
        rows, columns = (v.clamp(min=0).minimum(last[:, i, None]) for i, v in enumerate((rows, columns)))
        total += _at(x, columns[:, None].expand(-1, height, -1), rows[..., None].expand(-1, -1, width))
    return _even_contrast(total / 4, widths)


def _even_contrast(x: Tensor, widths: Tensor) -> Tensor:
    """Stretch the 1st to 99th percentile to 0..1, turn light on dark over, fill what is beyond the line."""
    n, _, height, width = x.shape
    rows = torch.linspace(0, height - 1, min(height, _QUANTILE_ROWS), device=x.device).long()
    fractions = torch.linspace(0, 1, _QUANTILE_COLUMNS, device=x.device)
    columns = (fractions * (widths[:, None] - 1)).round().long()
    points = x[:, 0, rows].gather(2, columns[:, None].expand(-1, len(rows), -1)).flatten(1).sort(1).values
    low, middle, high = (points[:, round(q * (points.shape[1] - 1)), None] for q in (0.01, 0.5, 0.99))
    plain = high - low < 8 / 255
    low, high = torch.where(plain, middle - 0.25, low), torch.where(plain, middle + 0.25, high)
    turned = middle - low < high - middle
    even = (x[:, 0] - low[..., None]) / (high - low)[..., None]
    filling = (middle - low) / (high - low)
    even, filling = torch.where(turned[..., None], 1 - even, even), torch.where(turned, 1 - filling, filling)
    inside = (torch.arange(width, device=x.device) < widths[:, None])[:, None]
    return torch.where(inside, even, filling[..., None])[:, None].clamp(0, 1)


def _at(x: Tensor, columns: Tensor, rows: Tensor) -> Tensor:
    """Bilinear samples at (N, H', W') coordinates in pixels; beyond the batch its edge repeats."""
    height, width = x.shape[2:]
    grid = torch.stack([columns * (2 / max(1, width - 1)) - 1, rows * (2 / max(1, height - 1)) - 1], 3)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=True)
