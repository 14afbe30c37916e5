"""Synthetic scanned pages with the ground truth of every text line, to train a detector on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrpipe.page import Quad
from ocrpipe.synthesis import effects, forms, layouts, letterheads, marks, receipts
from ocrpipe.synthesis.canvas import LINE_GAP, Canvas
from ocrpipe.synthesis.fonts import FontLibrary
from ocrpipe.synthesis.text import TextSource
from ocrpipe.synthesis.typesetting import Typesetter
from ocrpipe.synthesis.warps import warp

Rng = np.random.Generator
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class SynthPage:
    """A page and what is on it.

    Attributes:
        image: H×W×3 uint8 RGB.
        quads: The text lines, clockwise from the text's own top left, in pixels; tight to the ink at both
            ends, from a little above the capitals' or ascenders' height to a little below the baseline
            or, where small letters occur, the descenders' depth.
        texts: What the lines say.
        ignored: Areas of writing that is neither text to find nor background: in a stamp, along an edge, cut
            off, or no longer legible.
        kind: Name of the layout.
    """

    image: NDArray[np.uint8]
    quads: list[Quad]
    texts: list[str]
    ignored: list[Quad]
    kind: str


@dataclass(frozen=True)
class _Kind:
    draw: Callable[[Typesetter], None]
    weight: float
    aspect: tuple[float, float] = (1.25, 1.5)
    """Height over width."""
    ems: tuple[float, float] = (40, 85)
    """Size of the running text, as ems across the page."""
    width: tuple[int, int] = (700, 1700)
    bitonal: float = 0.08
    """Share of pages that are black and white only, on top of those that the scan effects make so."""
    fax: float = 0.015
    """Share of pages with a fax header along an edge."""
    line_gap: float = LINE_GAP
    """Gap within a row, in line heights, that parts lines; a receipt's columns are close together."""


_KINDS = {
    "book": _Kind(layouts.book, 2.0, ems=(24, 60), bitonal=0.35),
    "paper": _Kind(layouts.paper, 3.0, ems=(44, 80)),
    "newspaper": _Kind(layouts.newspaper, 1.2, ems=(58, 95), width=(900, 1700)),
    "report": _Kind(layouts.report, 2.5, ems=(38, 75)),
    "letter": _Kind(layouts.letter, 1.0, ems=(38, 70), bitonal=0.3, fax=0.15),
    "contents": _Kind(layouts.contents, 0.5, ems=(35, 65)),
    "title": _Kind(layouts.title, 0.7, ems=(14, 40)),
    "slide": _Kind(layouts.slide, 0.6, aspect=(0.56, 0.75), ems=(30, 55)),
    "plate": _Kind(layouts.plate, 0.7, ems=(35, 70)),
    "form": _Kind(forms.form, 3.5, ems=(38, 70), width=(700, 1400), bitonal=0.35, fax=0.15),
    "tables": _Kind(forms.tables, 2.5, aspect=(0.6, 1.4), ems=(42, 85)),
    "receipt": _Kind(receipts.receipt, 3.5, aspect=(1.4, 2.8), width=(450, 1100), line_gap=0.85),
    "invoice": _Kind(forms.invoice, 0.8, ems=(42, 72)),
}
KINDS = tuple(_KINDS)
"""Names of the layouts."""

_LONGEST_SIDE = 2300
_LEAST_CONTRAST = 12.0


def render_page(
    rng: Rng,
    fonts: FontLibrary,
    texts: TextSource,
    *,
    kind: str | None = None,
    language: str | None = None,
    strength: float = 1.0,
) -> SynthPage:
    """Draw a page and scan it.

    Args:
        rng: Makes every choice; the same state gives the same page.
        fonts: Fonts to choose from.
        texts: Where the text comes from.
        kind: One of ``KINDS``, by default drawn by their weights.
        language: "en" or "zh", by default either.
        strength: How hard the scan effects are; 0 leaves the page as it was drawn, upright and clean.
    """
    if kind is None:
        weights = np.array([each.weight for each in _KINDS.values()])
        kind = KINDS[int(rng.choice(len(KINDS), p=weights / weights.sum()))]
    page = _typesetter(rng, fonts, texts, _KINDS[kind], language)
    _KINDS[kind].draw(page)
    if strength > 0:
        _dirty(page, _KINDS[kind].fax)
    canvas = page.canvas
    boxes, ignored = canvas.boxes, [box.quad for box in canvas.ignored]
    quads, image = [box.quad for box in boxes], np.asarray(canvas.image)
    if strength > 0:
        whole = [*quads, *ignored]
        image, moved = warp(image, rng, whole, curled=kind == "receipt")
        image = _scan(image, rng, page.em, strength, _KINDS[kind].bitonal)
        quads, ignored = moved[: len(quads)], moved[len(quads) :]
    legible = _legible(image, quads)
    return SynthPage(
        image=image,
        quads=[_inside(quad, image) for quad, keep in zip(quads, legible, strict=True) if keep],
        texts=[box.text for box, keep in zip(boxes, legible, strict=True) if keep],
        ignored=[
            _inside(quad, image)
            for quad in (*ignored, *(quad for quad, keep in zip(quads, legible, strict=True) if not keep))
        ],
        kind=kind,
    )


def _typesetter(
    rng: Rng, fonts: FontLibrary, texts: TextSource, kind: _Kind, language: str | None
) -> Typesetter:
    low, high = kind.width
    width = int(low + (high - low) * rng.random() ** 0.7)
    height = int(width * rng.uniform(*kind.aspect))
    if height > _LONGEST_SIDE:
        width, height = width * _LONGEST_SIDE // height, _LONGEST_SIDE
    language = language or ("zh" if "han" in fonts.kinds and rng.random() < 0.45 else "en")
    canvas = Canvas(width, height, line_gap=kind.line_gap)
    return Typesetter(canvas, rng, fonts, texts, language, width / rng.uniform(*kind.ems))


def _dirty(page: Typesetter, fax: float) -> None:
    """What happened to the sheet before it was scanned; it was faxed with the given probability."""
    if page.chance(fax):
        letterheads.fax_line(page)
    if page.chance(0.12):
        marks.stamp(page)
    if page.chance(0.1):
        marks.scribble(page)
    if page.chance(0.35):
        marks.scanner_marks(page)


def _scan(image: Pixels, rng: Rng, em: float, strength: float, bitonal: float) -> Pixels:
    """Scan effects; gentler where the text is small, so that it stays text."""
    if rng.random() < bitonal:
        grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
        grey = effects.blur(grey, rng, min(1.0, em / 22))
        if rng.random() < 0.3:
            grey = effects.ink(grey, rng)
        grey = effects.binarise(grey, rng)
        return _rgb(effects.speckle(grey, rng, 0.0005) if rng.random() < 0.5 else grey)
    if rng.random() < 0.55:
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    elif rng.random() < 0.3:
        tint = rng.integers(190, 256, 3).astype(np.uint16)
        image = (image * tint // 255).astype(np.uint8)
    image = effects.degrade(image, rng, strength * float(rng.uniform(0.3, 1.2)) * min(1.0, em / 22))
    return _rgb(255 - image if rng.random() < 0.01 else image)


def _rgb(image: Pixels) -> Pixels:
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)


def _legible(image: Pixels, quads: Sequence[Quad]) -> list[bool]:
    """Which lines are wholly on the page and still stand out from what is around them."""
    height, width = image.shape[:2]
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    verdicts = []
    for quad in quads:
        corners = np.asarray(quad)
        left, top = np.floor(corners.min(axis=0)).astype(int)
        right, bottom = np.ceil(corners.max(axis=0)).astype(int)
        patch = grey[max(0, top) : bottom, max(0, left) : right]
        whole = left > -3 and top > -3 and right < width + 3 and bottom < height + 3
        verdicts.append(bool(whole and patch.size and _contrast(patch) > _LEAST_CONTRAST))
    return verdicts


def _contrast(patch: Pixels) -> float:
    """Difference of light and dark in grey levels, noise averaged away."""
    height, width = patch.shape
    scale = min(1.0, 14 / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    soft = cv2.blur(cv2.resize(patch, size, interpolation=cv2.INTER_AREA), (2, 2))
    low, high = np.percentile(soft, (4, 96))
    return float(high - low)


def _inside(quad: Quad, image: Pixels) -> Quad:
    height, width = image.shape[:2]
    (a, b, c, d) = ((min(max(x, 0.0), float(width)), min(max(y, 0.0), float(height))) for x, y in quad)
    return a, b, c, d
