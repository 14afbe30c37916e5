"""A report in one HTML file: figures, and the errors on each set's worst pages.

A page is shown with its boxes over the image, strips of the clusters with most errors with reference and
hypothesis, and the whole text as a diff. Images are scaled down and inline: the file needs no other.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator, Sequence
from html import escape as escape_markup
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rapidfuzz.distance import Levenshtein

from ocrpipe.errors import OcrError
from ocrpipe.evaluation.calibration import reliability_svg
from ocrpipe.evaluation.dataset import PredictedLine, ReferenceLine
from ocrpipe.evaluation.metrics import Cluster, Comparison
from ocrpipe.evaluation.report import rows
from ocrpipe.evaluation.results import PageResult, SetResult
from ocrpipe.geometry import enclosing_quad, quad_angle, quad_size, rectify
from ocrpipe.io.files import atomic_file
from ocrpipe.io.images import load
from ocrpipe.page import Quad

MAX_PAGE_SIDE = 1200
MAX_STRIP_SIDE = 1100
MAX_STRIPS = 12
WORDS_PER_PAGE = 10

_STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 1240px; padding: 0 1em }
table { border-collapse: collapse }
td { padding: .2em .8em; text-align: right; border-bottom: 1px solid #ddd }
td:first-child { text-align: left } tr:first-child { font-weight: bold }
details { margin: .6em 0; border-top: 1px solid #ccc; padding-top: .4em } summary { cursor: pointer }
ins { background: #c8f0c8; text-decoration: none } del { background: #f8c8c8 }
.diff { white-space: pre-wrap; font-family: ui-monospace, monospace; overflow-wrap: anywhere }
.strip { margin: .6em 0 } .strip img, .word img { display: block; max-width: 100% }
.words { display: flex; flex-wrap: wrap; gap: 1em } .error { color: #b00 }
svg.page { width: 100%; height: auto } svg.page polygon { fill-opacity: .08; stroke-width: 1.5 }
polygon { vector-effect: non-scaling-stroke }
.correct { stroke: #2a2; fill: #2a2 } .wrong { stroke: #e80; fill: #e80 } .extra { stroke: #c0c; fill: #c0c }
.missed { stroke: #d00; fill: #d00 } .ignored { stroke: #888; fill: #888 }
.unscored { stroke: #06c; fill: #06c }
.reliability .frame { fill: none; stroke: #888 } .reliability .bar { fill: #06c }
.reliability .ideal { stroke: #888; stroke-dasharray: 4 } .reliability text { font-size: 12px }
"""

_LEGEND = (
    "Boxes: green correct, orange with errors, magenta not in the ground truth, red missed, grey not scored, "
    "blue where the ground truth has no lines. Text: <del>only in the ground truth</del>, "
    "<ins>only in the hypothesis</ins>."
)


_NOT_HTML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def escape(text: str) -> str:
    """The text as HTML, with characters that are invalid in HTML replaced by U+FFFD."""
    return escape_markup(_NOT_HTML.sub("\ufffd", text))


def write_html(path: str | Path, results: Sequence[SetResult], *, pages: int = 10) -> None:
    """Write the report page by page, with one page's image in memory at a time.

    Args:
        path: The file, written atomically; missing folders are created.
        results: The sets, each with all of its figures.
        pages: How many of each set's worst pages to show; of a set of words, ten crops for each.

    Raises:
        OcrError: The file can't be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as file:
        file.writelines(part.encode() for part in _report(results, pages))


def diff(reference: str, hypothesis: str) -> str:
    """HTML that marks what only the reference (``del``) and only the hypothesis has (``ins``)."""
    parts = []
    for step in Levenshtein.opcodes(reference, hypothesis):
        missed = escape(reference[step.src_start : step.src_end])
        inserted = escape(hypothesis[step.dest_start : step.dest_end])
        if step.tag == "equal":
            parts.append(inserted)
        else:
            parts.append(f"<del>{missed}</del>" * bool(missed) + f"<ins>{inserted}</ins>" * bool(inserted))
    return "".join(parts)


def _report(results: Sequence[SetResult], pages: int) -> Iterator[str]:
    yield '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>ocrpipe evaluation</title>'
    yield f"<style>{_STYLE}</style></head><body>\n<h1>Evaluation</h1>\n<table>\n"
    for row in rows(results):
        yield f"<tr>{''.join(f'<td>{escape(value)}</td>' for value in row)}</tr>\n"
    yield f"</table>\n<p>{_LEGEND}</p>\n"
    for result in results:
        yield from _set(result, pages)
    yield "</body></html>\n"


def _set(result: SetResult, pages: int) -> Iterator[str]:
    yield f"<section><h2>{escape(result.name)}</h2>\n"
    for page in result.failed:
        message = f"{page.reference.name} not read: {page.prediction.error}"
        yield f'<p class="error">{escape(message)}</p>\n'
    if result.reliability.count:
        yield reliability_svg(result.reliability)
    if result.level == "word":
        words = result.worst(pages * WORDS_PER_PAGE)
        yield f'<p>The {len(words)} worst words</p><div class="words">'
        for page in words:
            texts = "".join(map(_diff_of, page.comparison.clusters))
            yield f'<div class="word">{_picture(_pixels(page))}{texts}</div>\n'
        yield "</div>"
    else:
        worst = result.worst(pages)
        yield f"<p>The {len(worst)} worst of {len(result.pages)} pages</p>\n"
        for page in worst:
            yield from _page(page)
    yield "</section>\n"


def _page(page: PageResult) -> Iterator[str]:
    counts = page.comparison.text
    yield f"<details><summary>{escape(page.reference.name)}: CER {page.cer:.3f}, {counts.edits} errors in "
    yield f"{counts.chars} characters, {page.prediction.seconds:.2f} s</summary>\n"
    image = _pixels(page)
    if image is not None:
        yield _overlay(image, page)
        worst = sorted(page.comparison.clusters, key=lambda cluster: cluster.counts.edits, reverse=True)
        for cluster in worst[:MAX_STRIPS] if page.reference.level == "line" else ():
            if cluster.counts.edits:
                strip = _picture(_cut(image, cluster), side=MAX_STRIP_SIDE)
                yield f'<div class="strip">{strip}{_diff_of(cluster)}</div>\n'
    yield "<h3>Text</h3>"
    yield from (f"{_diff_of(cluster)}\n" for cluster in page.comparison.clusters)
    yield "</details>\n"


def _diff_of(cluster: Cluster) -> str:
    return f'<div class="diff">{diff(cluster.reference, cluster.hypothesis)}</div>'


def _overlay(image: NDArray[np.uint8], page: PageResult) -> str:
    height, width = image.shape[:2]
    polygons = "".join(
        f'<polygon class="{kind}" points="{" ".join(f"{x:.0f},{y:.0f}" for x, y in quad)}">'
        f"<title>{escape(text)}</title></polygon>"
        for kind, quad, text in _shapes(page.comparison)
    )
    return (
        f'<svg class="page" viewBox="0 0 {width} {height}"><image width="{width}" height="{height}" '
        f'href="{_data_uri(image, MAX_PAGE_SIDE)}"/>{polygons}</svg>\n'
    )


def _shapes(comparison: Comparison) -> Iterator[tuple[str, Quad, str]]:
    """CSS class, quad and text of every box to draw: hypothesis lines, and missed reference lines."""
    for cluster in comparison.clusters:
        if not cluster.hypothesis_lines:
            yield from (("missed", line.quad, line.text) for line in cluster.reference_lines)
            continue
        if not cluster.reference_lines:
            kind = "unscored" if cluster.reference else "extra"
        else:
            kind = "wrong" if cluster.counts.edits else "correct"
        yield from ((kind, line.quad, line.text) for line in cluster.hypothesis_lines)
    yield from (("ignored", line.quad, line.text) for line in comparison.ignored)


def _cut(image: NDArray[np.uint8], cluster: Cluster) -> NDArray[np.uint8]:
    """The part of the page with all lines of a cluster, deskewed along the longest of them."""
    height, width = image.shape[:2]
    lines: list[ReferenceLine | PredictedLine] = [*cluster.reference_lines, *cluster.hypothesis_lines]
    # clipped to the image, since parts outside cost memory and are blank
    quads = [
        cast(Quad, tuple((min(max(x, 0.0), width), min(max(y, 0.0), height)) for x, y in line.quad))
        for line in lines
    ]
    angle = quad_angle(max(quads, key=lambda quad: quad_size(quad)[0]))
    enclosing = enclosing_quad(quads, angle)
    if min(quad_size(enclosing)) < 1:
        return np.full((1, 1, 3), 255, np.uint8)
    return rectify(image, enclosing, pad=0.2)


def _pixels(page: PageResult) -> NDArray[np.uint8] | None:
    try:
        return load(page.reference.image)
    except OcrError:
        return None


def _picture(image: NDArray[np.uint8] | None, *, side: int = MAX_PAGE_SIDE) -> str:
    return f'<img src="{_data_uri(image, side)}" alt="">' if image is not None else ""


def _data_uri(image: NDArray[np.uint8], side: int) -> str:
    """A JPEG of at most ``side`` pixels a side, inline."""
    picture = Image.fromarray(image)
    picture.thumbnail((side, side))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=60, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
