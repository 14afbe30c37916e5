"""Scan effects: what printing, paper, scanners and fax machines do to text.

Every function takes a uint8 image, H×W (grey) or H×W×3 (RGB), dark text on a light ground, and a numpy
Generator, and returns a new uint8 image of the same shape. Sizes are in pixels, so what an effect does
depends on how many pixels a character has, as it does in a real scan.
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


def resample(image: Image, rng: Rng, lowest: float = 0.45) -> Image:
    """Loss of resolution: scaled down and up again."""
    height, width = image.shape[:2]
    factor = float(rng.uniform(lowest, 0.95))
    small = (max(2, round(width * factor)), max(2, round(height * factor)))
    down = cv2.resize(image, small, interpolation=cv2.INTER_AREA if rng.random() < 0.7 else cv2.INTER_LINEAR)
    return _u8(
        cv2.resize(down, (width, height), interpolation=_choice(rng, (cv2.INTER_LINEAR, cv2.INTER_CUBIC)))
    )


def noise(image: Image, rng: Rng, strength: float = 1.0) -> Image:
    """Sensor noise, fine or a little coarse."""
    sigma = float(rng.uniform(2, 16)) * strength
    grain = _grain(rng, image.shape, sigma)
    if rng.random() < 0.3:
        grain = np.asarray(cv2.blur(grain, (2, 2)), np.int16) * 2
    return _u8(np.clip(image + _over(image, grain), 0, 255))


def speckle(image: Image, rng: Rng, density: float = 0.004) -> Image:
    """Dust: dark and light dots of one to three pixels."""
    out: Image = image.copy()
    height, width = image.shape[:2]
    count = rng.poisson(density * height * width * rng.random())
    ys, xs = rng.integers(height, size=count), rng.integers(width, size=count)
    for y, x, value, size in zip(ys, xs, rng.integers(0, 256, count), rng.integers(1, 4, count), strict=True):
        out[y : y + max(1, size - 1), x : x + size] = value if value < 60 or value > 200 else 0
    return out


def jpeg(image: Image, rng: Rng, worst: int = 15) -> Image:
    """JPEG artefacts."""
    flags = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(worst, 90))]
    encoded = cv2.imencode(".jpg", image, flags)[1]
    return _u8(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE if image.ndim == 2 else cv2.IMREAD_COLOR))


def binarise(image: Image, rng: Rng) -> Image:
    """Black and white only, as in fax and bitonal archives, with a threshold that is often a bit off."""
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
    """Black and white at a lower resolution, smoothed again: a fax or a bitmap that was scaled later."""
    height, width = image.shape[:2]
    factor = float(rng.uniform(min(1.0, max(0.6, 18 / height)), 1.0))  # a line of less is no text any more
    size = (max(2, round(width * factor)), max(2, round(height * factor)))
    bitonal = binarise(_u8(cv2.resize(image, size, interpolation=cv2.INTER_AREA)), rng)
    how = _choice(rng, (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA))
    scaled = _u8(cv2.resize(bitonal, (width, height), interpolation=how))
    return (
        _u8(cv2.GaussianBlur(scaled, (0, 0), float(rng.uniform(0.3, 0.7)))) if rng.random() < 0.4 else scaled
    )


def ink(image: Image, rng: Rng) -> Image:
    """Ink spread or starved: strokes thicker or thinner by up to a pixel."""
    kernel = np.ones(_choice(rng, ((2, 2), (1, 2), (2, 1), (2, 2), (3, 3))), np.uint8)
    changed = cv2.erode(image, kernel) if rng.random() < 0.6 else cv2.dilate(image, kernel)
    share = float(rng.uniform(0.25, 0.9))
    return _u8(cv2.addWeighted(changed, share, image, 1 - share, 0))


def broken(image: Image, rng: Rng) -> Image:
    """Strokes fade in patches, as worn type, dry ribbons and thermal heads leave them."""
    height, width = image.shape[:2]
    cell = float(rng.uniform(1.5, 8))
    field = _smooth(rng, height, width, cell)
    veil = np.clip((field - rng.uniform(0.45, 0.7)) * rng.uniform(2, 6), 0, 1).astype(np.float32)
    ground = np.percentile(image[::2, ::2], 90)
    return _u8(image + (ground - image.astype(np.float32)).clip(0) * _over(image, veil))


def uneven_light(image: Image, rng: Rng) -> Image:
    """A shadow or a falling-off of light across the page."""
    height, width = image.shape[:2]
    corners = rng.uniform(0.55, 1.05, (2, 2)).astype(np.float32)
    light = cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR)
    return _u8(np.clip(image * _over(image, light), 0, 255))


def paper(image: Image, rng: Rng) -> Image:
    """Texture of paper, from fibres to crumpling."""
    height, width = image.shape[:2]
    field = _smooth(rng, height, width, float(rng.uniform(1.5, 40)))
    amount = float(rng.uniform(4, 36))
    texture = ((field - 0.5) * amount).astype(np.float32)
    return _u8(np.clip(image + _over(image, texture), 0, 255))


def contrast(image: Image, rng: Rng) -> Image:
    """Faded ink on darker paper, or a gamma that is off."""
    low, high = float(rng.uniform(0, 110)), float(rng.uniform(170, 255))
    curve = np.linspace(0, 1, 256) ** float(np.exp(rng.uniform(-0.5, 0.5)))
    return _u8(cv2.LUT(image, (low + (high - low) * curve).astype(np.uint8)))


def bleed_through(image: Image, rng: Rng) -> Image:
    """The other side of the sheet shines through, mirrored and soft."""
    other = cv2.GaussianBlur(cv2.flip(image, 1), (0, 0), float(rng.uniform(0.8, 2.0)))
    other = np.roll(other, int(rng.integers(1, max(2, image.shape[0]))), axis=0)
    veil = 255 - ((255 - other.astype(np.float32)) * float(rng.uniform(0.08, 0.3)))
    return _u8(np.minimum(image, veil))


def sharpen(image: Image, rng: Rng) -> Image:
    """A scanner's or camera's sharpening halo."""
    soft = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.8, 2.0)))
    amount = float(rng.uniform(0.3, 1.5))
    return _u8(cv2.addWeighted(image, 1 + amount, soft, -amount, 0))


def bands(image: Image, rng: Rng) -> Image:
    """Horizontal or vertical streaks of a dirty drum or a worn thermal head."""
    height, width = image.shape[:2]
    across = rng.random() < 0.5
    profile = _smooth(rng, 1, width, 2.0)[0] if across else _smooth(rng, 1, height, 2.0)[0]
    streaks = ((profile - 0.5) * float(rng.uniform(10, 60))).astype(np.float32)
    field = np.broadcast_to(streaks[None, :] if across else streaks[:, None], (height, width))
    return _u8(np.clip(image + _over(image, field), 0, 255))


def degrade(image: Image, rng: Rng, strength: float = 1.0) -> Image:
    """A random chain of the effects above, in the order print, paper, optics, sensor, file.

    ``strength`` scales how likely and how hard: 0 leaves the image as it is, 1 is an ordinary office scan
    now and then gone wrong, 2 is hard to read.
    """
    likely = {
        broken: 0.10,
        ink: 0.30,
        contrast: 0.40,
        bleed_through: 0.04,
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
    for effect, chance in likely.items():
        if rng.random() < chance * min(strength, 2.0):
            image = effect(image, rng)
    return image


def bearable(height: int) -> float:
    """The share of a degradation's strength that a line's crop of this height bears: small print less."""
    return min(1.0, max(0.15, (height - 8) / 18))


def _smooth(rng: Rng, height: int, width: int, cell: float) -> NDArray[np.float32]:
    """Smooth noise in 0..1 whose blobs are about ``cell`` pixels across."""
    coarse = rng.random((max(2, round(height / cell) + 1), max(2, round(width / cell) + 1)), np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _grain(rng: Rng, shape: tuple[int, ...], sigma: float) -> NDArray[np.int16]:
    """White noise, H×W; OpenCV's generator takes a quarter of numpy's time."""
    grain = np.empty(shape[:2], np.int16)
    cv2.setRNGSeed(int(rng.integers(2**31)))
    cv2.randn(grain, np.zeros(1), np.full(1, sigma))
    return grain


def _over(image: Image, plane: NDArray[Scalar]) -> NDArray[Scalar]:
    """The plane, H×W, shaped so that it can be added to each channel of the image."""
    return plane if image.ndim == 2 else plane[..., None]


def _choice(rng: Rng, items: Sequence[T]) -> T:
    return items[int(rng.integers(len(items)))]


def _u8(array: object) -> Image:
    return np.asarray(array, np.uint8)
