"""Scan effects: degradation by printing, paper, scanners and fax machines.

Every effect takes a uint8 image, H×W (grey) or H×W×3 (RGB), with dark text on a light background, and a numpy
Generator, and returns a new uint8 image of the same shape. Sizes are in pixels: as in a real scan, small text
suffers more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Image: TypeAlias = NDArray[np.uint8]
Rng = np.random.Generator
T = TypeVar("T")
Scalar = TypeVar("Scalar", bound=np.generic)


def blur(image: Image, rng: Rng, strength: float = 1.0) -> Image:
    """Defocus, or a short motion blur."""
    if rng.random() < 0.8:
        return _u8(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 1.0)) * strength))
    length = int(rng.integers(2, 3 + round(2 * strength)))
    kernel = np.full((1, length), 1 / length, np.float32)
    return _u8(cv2.filter2D(image, -1, kernel if rng.random() < 0.5 else kernel.T))


def resample(image: Image, rng: Rng, min_factor: float = 0.45) -> Image:
    """Loss of resolution: scaled down, by ``min_factor`` at most, and up again."""
    height, width = image.shape[:2]
    factor = float(rng.uniform(min_factor, 0.95))
    small = (max(2, round(width * factor)), max(2, round(height * factor)))
    down = cv2.resize(image, small, interpolation=cv2.INTER_AREA if rng.random() < 0.7 else cv2.INTER_LINEAR)
    return _u8(
        cv2.resize(down, (width, height), interpolation=_choice(rng, (cv2.INTER_LINEAR, cv2.INTER_CUBIC)))
    )


def noise(image: Image, rng: Rng, strength: float = 1.0) -> Image:
    """Gaussian sensor noise, of single pixels or slightly blurred."""
    sigma = float(rng.uniform(2, 16)) * strength
    grain = _grain(rng, image.shape, sigma)
    if rng.random() < 0.3:
        grain = np.asarray(cv2.blur(grain, (2, 2)), np.int16) * 2
    return _u8(np.clip(image + _per_channel(image, grain), 0, 255))


def speckle(image: Image, rng: Rng, density: float = 0.004) -> Image:
    """Dust: dark and light dots of one to three pixels."""
    out: Image = image.copy()
    height, width = image.shape[:2]
    count = rng.poisson(density * height * width * rng.random())
    ys, xs = rng.integers(height, size=count), rng.integers(width, size=count)
    for y, x, value, size in zip(ys, xs, rng.integers(0, 256, count), rng.integers(1, 4, count), strict=True):
        out[y : y + max(1, size - 1), x : x + size] = value if value < 60 or value > 200 else 0
    return out


def jpeg(image: Image, rng: Rng, min_quality: int = 15) -> Image:
    """JPEG artefacts, of quality ``min_quality`` or better."""
    flags = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(min_quality, 90))]
    encoded = cv2.imencode(".jpg", image, flags)[1]
    return _u8(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE if image.ndim == 2 else cv2.IMREAD_COLOR))


def binarise(image: Image, rng: Rng) -> Image:
    """Black and white only, as fax and bitonal scans, with an imperfect threshold."""
    grey = image if image.ndim == 2 else _u8(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
    low, high = np.percentile(grey[::2, ::2], (2, 90))
    threshold = low + (high - low) * float(rng.uniform(0.35, 0.75))
    if rng.random() < 0.3:
        light = (grey + _grain(rng, grey.shape, float(rng.uniform(4, 22)))) > threshold
    else:
        light = grey > threshold
    bitonal = _u8(light * 255)
    return bitonal if image.ndim == 2 else np.repeat(bitonal[..., None], 3, axis=2)


def coarse(image: Image, rng: Rng) -> Image:
    """Binarised at a lower resolution and scaled up smoothly, as a fax or a rescaled bitmap."""
    height, width = image.shape[:2]
    factor = float(rng.uniform(min(1.0, max(0.6, 18 / height)), 1.0))  # illegible below 18 px
    size = (max(2, round(width * factor)), max(2, round(height * factor)))
    bitonal = binarise(_u8(cv2.resize(image, size, interpolation=cv2.INTER_AREA)), rng)
    interpolation = _choice(rng, (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA))
    scaled = _u8(cv2.resize(bitonal, (width, height), interpolation=interpolation))
    return (
        _u8(cv2.GaussianBlur(scaled, (0, 0), float(rng.uniform(0.3, 0.7)))) if rng.random() < 0.4 else scaled
    )


def ink(image: Image, rng: Rng) -> Image:
    """Ink spread or loss: strokes thicker or thinner by up to a pixel."""
    kernel = np.ones(_choice(rng, ((2, 2), (1, 2), (2, 1), (2, 2), (3, 3))), np.uint8)
    changed = cv2.erode(image, kernel) if rng.random() < 0.6 else cv2.dilate(image, kernel)
    weight = float(rng.uniform(0.25, 0.9))
    return _u8(cv2.addWeighted(changed, weight, image, 1 - weight, 0))


def broken(image: Image, rng: Rng) -> Image:
    """Strokes faded in patches, as from worn type, dry ribbons and thermal printers."""
    height, width = image.shape[:2]
    cell = float(rng.uniform(1.5, 8))
    field = _smooth(rng, height, width, cell)
    fading = np.clip((field - rng.uniform(0.45, 0.7)) * rng.uniform(2, 6), 0, 1).astype(np.float32)
    background = np.percentile(image[::2, ::2], 90)
    return _u8(image + (background - image.astype(np.float32)).clip(0) * _per_channel(image, fading))


def uneven_light(image: Image, rng: Rng) -> Image:
    """Uneven illumination: a shadow or a gradient across the page."""
    height, width = image.shape[:2]
    corners = rng.uniform(0.55, 1.05, (2, 2)).astype(np.float32)
    light = cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR)
    return _u8(np.clip(image * _per_channel(image, light), 0, 255))


def paper(image: Image, rng: Rng) -> Image:
    """Paper texture, from fibres to creases."""
    height, width = image.shape[:2]
    field = _smooth(rng, height, width, float(rng.uniform(1.5, 40)))
    amount = float(rng.uniform(4, 36))
    texture = ((field - 0.5) * amount).astype(np.float32)
    return _u8(np.clip(image + _per_channel(image, texture), 0, 255))


def contrast(image: Image, rng: Rng) -> Image:
    """Reduced contrast with a random gamma: faded ink, dark paper."""
    low, high = float(rng.uniform(0, 110)), float(rng.uniform(170, 255))
    curve = np.linspace(0, 1, 256) ** float(np.exp(rng.uniform(-0.5, 0.5)))
    return _u8(cv2.LUT(image, (low + (high - low) * curve).astype(np.uint8)))


def bleed_through(image: Image, rng: Rng) -> Image:
    """Text of the reverse side showing through, mirrored and blurred."""
    other = cv2.GaussianBlur(cv2.flip(image, 1), (0, 0), float(rng.uniform(0.8, 2.0)))
    other = np.roll(other, int(rng.integers(1, max(2, image.shape[0]))), axis=0)
    show_through = 255 - ((255 - other.astype(np.float32)) * float(rng.uniform(0.08, 0.3)))
    return _u8(np.minimum(image, show_through))


def sharpen(image: Image, rng: Rng) -> Image:
    """Unsharp masking, as by a scanner or a camera."""
    soft = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.8, 2.0)))
    amount = float(rng.uniform(0.3, 1.5))
    return _u8(cv2.addWeighted(image, 1 + amount, soft, -amount, 0))


def bands(image: Image, rng: Rng) -> Image:
    """Horizontal or vertical streaks, as from a dirty drum or a worn thermal head."""
    height, width = image.shape[:2]
    vertical = rng.random() < 0.5
    profile = _smooth(rng, 1, width, 2.0)[0] if vertical else _smooth(rng, 1, height, 2.0)[0]
    streaks = ((profile - 0.5) * float(rng.uniform(10, 60))).astype(np.float32)
    field = np.broadcast_to(streaks[None, :] if vertical else streaks[:, None], (height, width))
    return _u8(np.clip(image + _per_channel(image, field), 0, 255))


def degrade(image: Image, rng: Rng, strength: float = 1.0) -> Image:
    """Apply a random selection of the effects above, in the order print, paper, optics, sensor, file.

    Args:
        image: H×W or H×W×3 uint8.
        rng: Source of all random choices.
        strength: Scales the probability of each effect: 0 leaves the image unchanged, 1 is an office scan of
            mixed quality, 2 (the maximum) is hard to read.
    """
    probabilities = {
        broken: 0.10,
        ink: 0.30,
        contrast: 0.40,
        bleed_through: 0.08,
        paper: 0.20,
        uneven_light: 0.12,
        bands: 0.04,
        blur: 0.35,
        resample: 0.30,
        noise: 0.35,
        speckle: 0.08,
        sharpen: 0.10,
        binarise: 0.14,
        coarse: 0.12,
        jpeg: 0.30,
    }
    for effect, probability in probabilities.items():
        if rng.random() < probability * min(strength, 2.0):
            image = effect(image, rng)
    return image


def strength_for_height(height: int) -> float:
    """Factor in .15 … 1 for the strength of ``degrade`` on a line crop ``height`` pixels high."""
    return min(1.0, max(0.15, (height - 8) / 18))


def _smooth(rng: Rng, height: int, width: int, cell: float) -> NDArray[np.float32]:
    """Smooth noise in 0 … 1 with features of about ``cell`` pixels."""
    coarse = rng.random((max(2, round(height / cell) + 1), max(2, round(width / cell) + 1)), np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _grain(rng: Rng, shape: tuple[int, ...], sigma: float) -> NDArray[np.int16]:
    """Gaussian noise, H×W; OpenCV's generator is four times as fast as numpy's."""
    grain = np.empty(shape[:2], np.int16)
    cv2.setRNGSeed(int(rng.integers(2**31)))
    cv2.randn(grain, np.zeros(1), np.full(1, sigma))
    return grain


def _per_channel(image: Image, plane: NDArray[Scalar]) -> NDArray[Scalar]:
    """The H×W plane in a shape that broadcasts over the channels of the image."""
    return plane if image.ndim == 2 else plane[..., None]


def _choice(rng: Rng, items: Sequence[T]) -> T:
    return items[int(rng.integers(len(items)))]


def _u8(array: object) -> Image:
    return np.asarray(array, np.uint8)
