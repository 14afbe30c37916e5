"""Synthetic scanned pages with the ground truth of every text line, to train a detector."""

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
    """A page image with its ground truth.

    Attributes:
        image: H×W×3 uint8 RGB.
        quads: The text lines, in pixels, clockwise from the top left corner in reading direction. Left and
            right are tight to the ink; top is just above the capitals or ascenders, bottom just below the
            baseline or, with small letters, the descenders.
        texts: The text of each line.
        ignored: "Don't care" regions of text that is neither to detect nor background: in a stamp, along an
            edge, cut off, or illegible.
        kind: Name of the layout, one of ``KINDS``.
    """

    image: NDArray[np.uint8]
    quads: list[Quad]
    texts: list[str]
    ignored: list[Quad]
    kind: str


@dataclass(frozen=True)
class _Layout:
    """How pages of a kind are drawn.

    Attributes:
        draw: Draws the page.
        weight: Relative probability of the kind.
        aspect: Range of height over width.
        ems: Range of the page's width in ems of the running text.
        width: Range of the page's width in pixels.
        bitonal: Fraction of pages that are black and white only, besides those that ``effects`` binarises.
        fax: Fraction of pages with a fax header along an edge.
        line_gap: See ``canvas.LINE_GAP``; the columns of a receipt are close together.
    """

    draw: Callable[[Typesetter], None]
    weight: float
    aspect: tuple[float, float] = (1.25, 1.5)
    ems: tuple[float, float] = (40, 85)
    width: tuple[int, int] = (700, 1700)
    bitonal: float = 0.08
    fax: float = 0.015
    line_gap: float = LINE_GAP


_LAYOUTS = {
    "book": _Layout(layouts.book, 2.0, ems=(24, 60), bitonal=0.35),
    "paper": _Layout(layouts.paper, 3.0, ems=(44, 80)),
    "newspaper": _Layout(layouts.newspaper, 1.2, ems=(58, 95), width=(900, 1700)),
    "report": _Layout(layouts.report, 2.5, ems=(38, 75)),
    "letter": _Layout(layouts.letter, 1.0, ems=(38, 70), bitonal=0.3, fax=0.15),
    "contents": _Layout(layouts.contents, 0.5, ems=(35, 65)),
    "title": _Layout(layouts.title, 0.7, ems=(14, 40)),
    "slide": _Layout(layouts.slide, 0.6, aspect=(0.56, 0.75), ems=(30, 55)),
    "figure": _Layout(layouts.figure_page, 0.7, ems=(35, 70)),
    "form": _Layout(forms.form, 3.5, ems=(38, 70), width=(700, 1400), bitonal=0.35, fax=0.15),
    "tables": _Layout(forms.tables, 2.5, aspect=(0.6, 1.4), ems=(42, 85)),
    "receipt": _Layout(receipts.receipt, 3.5, aspect=(1.4, 2.8), width=(450, 1100), line_gap=0.85),
    "invoice": _Layout(forms.invoice, 0.8, ems=(42, 72)),
}
KINDS = tuple(_LAYOUTS)
"""Names of the layouts."""

_MAX_SIDE = 2300
"""Pixels."""
_MIN_CONTRAST = 12.0
"""Grey levels between text and background, below which a line is illegible."""


def render_page(
    rng: Rng,
    fonts: FontLibrary,
    texts: TextSource,
    *,
    kind: str | None = None,
    language: str | None = None,
    strength: float = 1.0,
) -> SynthPage:
    """Draw a page and simulate a scan of it.

    Args:
        rng: Source of all random choices; the same state gives the same page.
        fonts: Fonts to choose from.
        texts: Source of the text.
        kind: One of ``KINDS``, by default a random one.
        language: "en" or "zh", by default a random one.
        strength: Strength of the scan effects; 0 leaves the page undistorted and clean.
    """
    if kind is None:
        weights = np.array([layout.weight for layout in _LAYOUTS.values()])
        kind = KINDS[int(rng.choice(len(KINDS), p=weights / weights.sum()))]
    layout = _LAYOUTS[kind]
    page = _typesetter(rng, fonts, texts, layout, language)
    layout.draw(page)
    if strength > 0:
        _add_marks(page, layout.fax)
    canvas = page.canvas
    boxes, ignored = canvas.boxes, [box.quad for box in canvas.ignored]
    quads, image = [box.quad for box in boxes], np.asarray(canvas.image)
    if strength > 0:
        image, warped = warp(image, rng, [*quads, *ignored], likely_curled=kind == "receipt")
        image = _scan(image, rng, page.em, strength, layout.bitonal)
        quads, ignored = warped[: len(quads)], warped[len(quads) :]
    legible = _legible(image, quads)
    return SynthPage(
        image=image,
        quads=[_clipped(quad, image) for quad, keep in zip(quads, legible, strict=True) if keep],
        texts=[box.text for box, keep in zip(boxes, legible, strict=True) if keep],
        ignored=[
            _clipped(quad, image)
            for quad in (*ignored, *(quad for quad, keep in zip(quads, legible, strict=True) if not keep))
        ],
        kind=kind,
    )


def _typesetter(
    rng: Rng, fonts: FontLibrary, texts: TextSource, layout: _Layout, language: str | None
) -> Typesetter:
    low, high = layout.width
    width = int(low + (high - low) * rng.random() ** 0.7)
    height = int(width * rng.uniform(*layout.aspect))
    if height > _MAX_SIDE:
        width, height = width * _MAX_SIDE // height, _MAX_SIDE
    language = language or ("zh" if "han" in fonts.kinds and rng.random() < 0.45 else "en")
    canvas = Canvas(width, height, line_gap=layout.line_gap)
    return Typesetter(canvas, rng, fonts, texts, language, width / rng.uniform(*layout.ems))


def _add_marks(page: Typesetter, fax: float) -> None:
    """Add a fax header with the probability ``fax``, and sometimes stamps, pen strokes and scanner marks."""
    if page.chance(fax):
        letterheads.fax_header(page)
    if page.chance(0.12):
        marks.stamp(page)
    if page.chance(0.1):
        marks.pen_stroke(page)
    if page.chance(0.35):
        marks.scanner_marks(page)


def _scan(image: Pixels, rng: Rng, em: float, strength: float, bitonal: float) -> Pixels:
    """Apply scan effects, weaker ones where the text is small, so that it stays legible."""
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
    """For each line, whether it is completely on the page and has enough contrast."""
    height, width = image.shape[:2]
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    legible = []
    for quad in quads:
        corners = np.asarray(quad)
        left, top = np.floor(corners.min(axis=0)).astype(int)
        right, bottom = np.ceil(corners.max(axis=0)).astype(int)
        patch = grey[max(0, top) : bottom, max(0, left) : right]
        complete = left > -3 and top > -3 and right < width + 3 and bottom < height + 3
        legible.append(bool(complete and patch.size and _contrast(patch) > _MIN_CONTRAST))
    return legible


def _contrast(patch: Pixels) -> float:
    """Difference of light and dark in grey levels, with noise averaged out."""
    height, width = patch.shape
    scale = min(1.0, 14 / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    soft = cv2.blur(cv2.resize(patch, size, interpolation=cv2.INTER_AREA), (2, 2))
    low, high = np.percentile(soft, (4, 96))
    return float(high - low)


def _clipped(quad: Quad, image: Pixels) -> Quad:
    height, width = image.shape[:2]
    (a, b, c, d) = ((min(max(x, 0.0), float(width)), min(max(y, 0.0), float(height))) for x, y in quad)
    return a, b, c, d
