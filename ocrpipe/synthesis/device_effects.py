"""Scan effects as batched tensor operations, the same on a CPU and a GPU: the counterpart of ``effects``.

A batch is a float tensor (N, 1, H, W), 0 black to 1 white, dark text on a light background, whose lines
stand in the upper left at the resolution of the simulated scan; what is beyond a line's own size repeats its
edge (see ``device_sampling.extend_edges``). Every effect takes such a batch, a strength for each line, (N,),
and a generator of the batch's device, and returns a new batch of the same shape. Lengths are in pixels. At
strength 0 an effect changes nothing, at 1 it is as strong as that of the same name in ``effects``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from ocrpipe.synthesis.device_sampling import sample, smooth_noise, uniform

Effect = Callable[[Tensor, Tensor, torch.Generator | None], Tensor]

_MAX_RADIUS = 6
"""Of blur kernels, in pixels."""
_KERNELS: tuple[tuple[int, int], ...] = ((2, 2), (1, 2), (2, 1), (2, 2), (3, 3))
"""Height and width of the neighbourhoods of ``ink``."""
_LUMINANCE = (
    "16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56 14 17 22 29 51 87 80 62"
    " 18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92 49 64 78 87 103 121 120 101"
    " 72 92 95 98 112 100 103 99"
)
"""Quantisation table of JPEG's annex K (ITU-T T.81), row by row."""


def blur(x: Tensor, strength: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Defocus, often unequal in the two directions, or a short motion blur in one of them."""
    n = len(x)
    sigma = uniform(n, 0.3, 1.0, x, generator) * strength
    unequal = uniform(n, 0.7, 1.3, x, generator)
    motion = (uniform(n, 0, 1, x, generator) < 0.2) * strength.clamp(max=1)
    length = 1 + motion * uniform(n, 1, 3, x, generator)
    along = uniform(n, 0, 1, x, generator) < 0.5
    sigma = torch.where(motion > 0, sigma * 0.3, sigma)
    one = torch.ones_like(length)
    across, down = torch.where(along, length, one), torch.where(along, one, length)
    return filtered(x, sigma * unequal, sigma / unequal, across, down)


def resample(
    x: Tensor, strength: Tensor, generator: torch.Generator | None = None, min_factor: float = 0.45
) -> Tensor:
    """Loss of resolution: scaled down, by ``min_factor`` at most, and up again."""
    factor = 1 - (1 - uniform(len(x), min_factor, 0.95, x, generator)) * strength.clamp(max=1)
    return sample(_shrunk(x, factor), factor, factor)


def noise(x: Tensor, strength: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Gaussian sensor noise, of single pixels or slightly blurred."""
    n = len(x)
    grain = torch.randn(x.shape, generator=generator, device=x.device)
    soft = F.avg_pool2d(F.pad(grain, (1, 0, 1, 0)), 2, 1) * 2
    grain = torch.where(_of_each(uniform(n, 0, 1, x, generator) < 0.3), soft, grain)
    return (x + _of_each(uniform(n, 2, 16, x, generator) / 255 * strength) * grain).clamp(0, 1)


def salt_and_pepper(
    x: Tensor, strength: Tensor, generator: torch.Generator | None = None, density: float = 0.004
) -> Tensor:
    """Dust: dark and light dots of one to three pixels, three of four dark."""
    field = torch.rand(x.shape, generator=generator, device=x.device)
    level = _of_each(uniform(len(x), 0, density, x, generator) * strength)
    dark, light = (field < 0.75 * level).float(), (field > 1 - 0.25 * level).float()
    large = F.max_pool2d(F.pad(dark, (2, 0, 1, 0)), (2, 3), 1)
    dark = torch.where(_of_each(uniform(len(x), 0, 1, x, generator) < 0.5), large, dark)
    shade = _of_each(uniform(len(x), 0, 0.2, x, generator))
    return torch.where(dark > 0, torch.minimum(x, shade), torch.where(light > 0, torch.ones_like(x), x))


def ink(x: Tensor, strength: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Ink spread or loss, by erosion and dilation: strokes thicker or thinner by up to a pixel."""
    n = len(x)
    sign = _of_each(torch.where(uniform(n, 0, 1, x, generator) < 0.6, -1.0, 1.0))
    kernel = _of_each((uniform(n, 0, len(_KERNELS), x, generator)).floor())
    signed, changed = sign * x, sign * x
    for number, (down, across) in enumerate(_KERNELS):
        before = (across // 2, (across - 1) // 2, down // 2, (down - 1) // 2)
        pooled = F.max_pool2d(F.pad(signed, before, mode="replicate"), (down, across), 1)
        changed = torch.where(kernel == number, pooled, changed)
    weight = _of_each(uniform(n, 0.25, 0.9, x, generator) * strength.clamp(max=1))
    return torch.lerp(x, sign * changed, weight)


def broken(x: Tensor, strength: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Strokes faded in patches, as from worn type, dry ribbons and thermal printers."""
    n = len(x)
    field = smooth_noise(x, uniform(n, 1.5, 8, x, generator), generator)
    start = _of_each(uniform(n, 0.45, 0.7, x, generator))
    slope = _of_each(uniform(n, 2, 6, x, generator))
    fading = ((field - start) * slope).clamp(0, 1) * _of_each(strength.clamp(max=1))
    return x + (x.amax((2, 3), keepdim=True) - x) * fading


def contrast(x: Tensor, strength: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Reduced contrast with a random gamma: faded ink, dark paper."""
    n, amount = len(x), strength.clamp(max=1)
    low = _of_each(uniform(n, 0, 110 / 255, x, generator) * amount)
    high = _of_each(1 - uniform(n, 0, 85 / 255, x, generator) * amount)
    gamma = _of_each((uniform(n, -0.5, 0.5, x, generator) * amount).exp())
    return low + (high - low) * x.clamp(0, 1) ** gamma


def uneven_light(x: Tensor, strength: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Uneven illumination: a shadow or a gradient across the line."""
    corners = 0.55 + 0.5 * torch.rand((len(x), 1, 2, 2), generator=generator, device=x.device)
    light = F.interpolate(corners, x.shape[2:], mode="bilinear", align_corners=True)
    return (x * (1 + (light - 1) * _of_each(strength.clamp(max=1)))).clamp(0, 1)


def paper(x: Tensor, strength: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Paper texture, from fibres to creases."""
    n = len(x)
    field = smooth_noise(x, uniform(n, 1.5, 40, x, generator), generator)
    amount = _of_each(uniform(n, 4, 36, x, generator) / 255 * strength)
    return (x + (field - 0.5) * amount).clamp(0, 1)


def bands(x: Tensor, strength: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Horizontal or vertical streaks, as from a dirty drum or a worn thermal head."""
    n = len(x)
    field = smooth_noise(x, torch.full((n,), 2.0, device=x.device), generator)
    vertical = _of_each(uniform(n, 0, 1, x, generator) < 0.5)
    profile = torch.where(vertical, field[:, :, :1], field[..., :1])
    amount = _of_each(uniform(n, 10, 60, x, generator) / 255 * strength)
    return (x + (profile - 0.5) * amount).clamp(0, 1)


def bleed_through(x: Tensor, strength: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Another line of the batch, of the reverse side, showing through: mirrored, blurred and faint."""
    n, height = len(x), x.shape[2]
    sigma = uniform(n, 0.8, 2.0, x, generator)
    other = filtered(x.roll(1, 0).flip(3), sigma, sigma)
    shift = (uniform(n, 0, 1, x, generator) * height).long()
    rows = (torch.arange(height, device=x.device) + shift[:, None]) % height
    other = other.gather(2, rows[:, None, :, None].expand_as(other))
    amount = _of_each(uniform(n, 0.08, 0.3, x, generator) * strength)
    return torch.minimum(x, 1 - (1 - other) * amount)


def sharpen(x: Tensor, strength: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Unsharp masking, as by a scanner or a camera."""
    sigma = uniform(len(x), 0.8, 2.0, x, generator)
    amount = _of_each(uniform(len(x), 0.3, 1.5, x, generator) * strength)
    return (x + amount * (x - filtered(x, sigma, sigma))).clamp(0, 1)


def binarise(x: Tensor, strength: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Black and white only, as fax and bitonal scans, with an imperfect threshold."""
    n = len(x)
    ordered = x[:, :, ::2, ::2].flatten(1).sort(1).values
    low, high = (ordered[:, round(q * (ordered.shape[1] - 1))] for q in (0.02, 0.9))
    threshold = low + (high - low) * uniform(n, 0.35, 0.75, x, generator)
    grainy = (uniform(n, 0, 1, x, generator) < 0.3) * uniform(n, 4, 22, x, generator) / 255
    grain = torch.randn(x.shape, generator=generator, device=x.device) * _of_each(grainy)
    return torch.lerp(x, (x + grain > _of_each(threshold)).float(), _of_each(strength.clamp(max=1)))


def coarse(x: Tensor, strength: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Binarised at a lower resolution and scaled up smoothly, as a fax or a rescaled bitmap."""
    factor = 1 - uniform(len(x), 0, 0.4, x, generator) * strength.clamp(max=1)
    bitonal = sample(binarise(_shrunk(x, factor), strength, generator), factor, factor)
    soft = (uniform(len(x), 0, 1, x, generator) < 0.4) * uniform(len(x), 0.3, 0.7, x, generator)
    return torch.where(_of_each(strength > 0), filtered(bitonal, soft, soft), x)


def jpeg(x: Tensor, strength: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """JPEG artefacts, of quality 15 to 90: quantised coefficients of the cosine transform of 8×8 pixels."""
    n, _, height, width = x.shape
    quality = uniform(n, 15, 90, x, generator)
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)
    steps = ((_table(x.device) * scale[:, None, None] + 50) / 100).floor().clamp(1, 255)
    padded = F.pad(x, (0, -width % 8, 0, -height % 8), mode="replicate")[:, 0] * 255 - 128
    rows, columns = padded.shape[1] // 8, padded.shape[2] // 8
    blocks = padded.reshape(n, rows, 8, columns, 8).transpose(2, 3)
    basis = _cosines(x.device)
    steps = steps[:, None, None]
    quantised = (basis @ blocks @ basis.t() / steps).round() * steps
    restored = (basis.t() @ quantised @ basis).transpose(2, 3).flatten(3).flatten(1, 2)
    restored = ((restored[:, None, :height, :width] + 128) / 255).clamp(0, 1)
    return torch.where(_of_each(strength > 0), restored, x)


def ruled_lines(x: Tensor, strength: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """A rule across the line, horizontal or, near an end, vertical, one or two pixels thick."""
    n, _, height, width = x.shape
    vertical = _of_each(uniform(n, 0, 1, x, generator) < 0.25)
    thickness = _of_each(1 + (uniform(n, 0, 1, x, generator) < 0.3).float())
    y = _of_each(uniform(n, 0, height, x, generator))
    place = uniform(n, 0, 0.06, x, generator)
    x0 = _of_each(torch.where(uniform(n, 0, 1, x, generator) < 0.5, place, 1 - place) * width)
    rows = torch.arange(height, device=x.device)[:, None] - y
    columns = torch.arange(width, device=x.device) - x0
    position = torch.where(vertical, columns.expand(x.shape), rows.expand(x.shape))
    on_rule = (position >= 0) & (position < thickness)
    shade = 1 - (1 - _of_each(uniform(n, 0, 0.6, x, generator))) * _of_each(strength.clamp(max=1))
    return torch.where(on_rule, torch.minimum(x, shade), x)


def invert(x: Tensor, strength: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Light text on a dark background."""
    return torch.lerp(x, 1 - x, _of_each(strength.clamp(max=1)))


def filtered(
    x: Tensor,
    sigma_x: Tensor,
    sigma_y: Tensor,
    length_x: Tensor | None = None,
    length_y: Tensor | None = None,
) -> Tensor:
    """Each line convolved with a separable kernel of its own, a Gaussian times a box.

    Args:
        x: The batch.
        sigma_x: (N,) standard deviation across, in pixels; 0 for none.
        sigma_y: (N,) standard deviation down.
        length_x: (N,) pixels of the box across, 1 for none.
        length_y: (N,) pixels of the box down.
    """
    for sigma, length, across in ((sigma_x, length_x, True), (sigma_y, length_y, False)):
        steps = torch.arange(-_MAX_RADIUS, _MAX_RADIUS + 1, device=x.device)
        kernel = (-0.5 * (steps / sigma.clamp(min=0.05)[:, None]) ** 2).exp()
        if length is not None:
            kernel = kernel * (sigma > 0)[:, None] + (steps == 0) * (sigma <= 0)[:, None]
            box = ((length[:, None] + 1) / 2 - steps.abs()).clamp(0, 1)
            kernel = torch.where((length > 1)[:, None], box, kernel)
        kernel = (kernel / kernel.sum(1, keepdim=True))[:, None, None]
        pad = (_MAX_RADIUS, _MAX_RADIUS, 0, 0) if across else (0, 0, _MAX_RADIUS, _MAX_RADIUS)
        planes = F.pad(x, pad, mode="replicate").transpose(0, 1)
        x = F.conv2d(planes, kernel if across else kernel.transpose(2, 3), groups=len(sigma)).transpose(0, 1)
    return x


def _shrunk(x: Tensor, factor: Tensor) -> Tensor:
    """Each line scaled down by its factor (N,), against aliasing first blurred, in the batch's upper left."""
    sigma = 0.35 * (1 / factor - 1).clamp(min=0) ** 0.5
    return sample(filtered(x, sigma, sigma), 1 / factor, 1 / factor)


def _of_each(values: Tensor) -> Tensor:
    """(N,) values that broadcast over a batch."""
    return values[:, None, None, None]


@lru_cache(maxsize=8)
def _cosines(device: torch.device) -> Tensor:
    """The orthonormal 8×8 matrix of the discrete cosine transform."""
    rows = [
        [math.sqrt((1 if k == 0 else 2) / 8) * math.cos(math.pi * (2 * i + 1) * k / 16) for i in range(8)]
        for k in range(8)
    ]
    return torch.tensor(rows, device=device)


@lru_cache(maxsize=8)
def _table(device: torch.device) -> Tensor:
    return torch.tensor([float(step) for step in _LUMINANCE.split()], device=device).view(8, 8)


PRINT: tuple[tuple[Effect, float], ...] = (
    (ink, 0.30),
    (broken, 0.10),
    (bleed_through, 0.05),
    (ruled_lines, 0.03),
)
"""What printing and age do to black text on white, with the probability of each at strength 1."""
SCAN: tuple[tuple[Effect, float], ...] = (
    (contrast, 0.40),
    (paper, 0.20),
    (uneven_light, 0.12),
    (bands, 0.04),
    (blur, 0.35),
    (resample, 0.30),
    (noise, 0.35),
    (salt_and_pepper, 0.08),
    (sharpen, 0.10),
    (binarise, 0.14),
    (coarse, 0.12),
    (jpeg, 0.30),
)
"""What paper, optics, sensor and file add, likewise."""


def degrade(
    x: Tensor,
    strength: Tensor,
    generator: torch.Generator | None,
    choices: torch.Generator | None = None,
    effects: Sequence[tuple[Effect, float]] = (*PRINT, *SCAN),
) -> Tensor:
    """A random selection of the effects for each line, in their order, as ``effects.degrade`` makes it.

    Lines are selected on the CPU, so that nothing waits for the device and each effect is computed only for
    its own.

    Args:
        x: The batch.
        strength: (N,) on the CPU: scales the probabilities, 0 for none, 2 at most.
        generator: Of the batch's device.
        choices: Selects the effects; of the CPU.
        effects: Which, each with its probability.
    """
    x = x.clone()
    for effect, probability in effects:
        draws = torch.rand(len(x), generator=choices)
        chosen = (draws < probability * strength.clamp(max=2)).nonzero()[:, 0]
        if len(chosen):
            if x.is_cuda:
                chosen = chosen.pin_memory().to(x.device, non_blocking=True)
            lines = x.index_select(0, chosen)
            x.index_copy_(0, chosen, effect(lines, torch.ones(len(lines), device=x.device), generator))
    return x
