from __future__ import annotations

import re
from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from ocrpipe.synthesis import charts
from ocrpipe.synthesis.canvas import Box, Canvas
from ocrpipe.synthesis.fonts import FontLibrary
from ocrpipe.synthesis.plots import ChartPanel
from ocrpipe.synthesis.text import TextSource
from ocrpipe.synthesis.typesetting import Area, Typesetter

_AREA = Area(60, 50, 640, 450)


def _page(fonts: FontLibrary, texts: TextSource, seed: int) -> Typesetter:
    language = ("en", "zh")[seed % 2]
    return Typesetter(Canvas(700, 500), np.random.default_rng(seed), fonts, texts, language, 20)


def _chart(fonts: FontLibrary, texts: TextSource, seed: int) -> list[Box]:
    page = _page(fonts, texts, seed)
    charts.chart(page, _AREA)
    return page.canvas.boxes


def test_a_chart_has_labels_within_its_frame(fonts: FontLibrary, texts: TextSource) -> None:
    labels = [_chart(fonts, texts, seed) for seed in range(40)]
    counts = sorted(map(len, labels))
    assert counts[0] >= 1 and counts[20] > 8
    for box in (box for boxes in labels for box in boxes):
        assert _AREA.left - 2 <= box.left < box.right <= _AREA.right + 2
        assert _AREA.top - 2 <= box.top < box.bottom <= _AREA.bottom + 2


def test_labels_lie_apart(fonts: FontLibrary, texts: TextSource) -> None:
    for seed in range(40):
        for first, second in combinations(_chart(fonts, texts, seed), 2):
            height = max(first.bottom - first.top, second.bottom - second.top)
            beside = min(first.bottom, second.bottom) - max(first.top, second.top) > 0.25 * height
            gap = max(second.left - first.right, first.left - second.right)
            assert not beside or gap > 0.95 * height, (seed, first, second)


def test_values_below_zero_and_shares_occur(fonts: FontLibrary, texts: TextSource) -> None:
    said = Counter(box.text for seed in range(60) for box in _chart(fonts, texts, seed))
    assert any(re.fullmatch(r"-[\d,.]+\D*", text) for text in said)
    assert any(re.fullmatch(r"[\d.]+%", text) for text in said)


def test_the_figures_are_on_the_picture(fonts: FontLibrary, texts: TextSource) -> None:
    for seed in range(10):
        page = _page(fonts, texts, seed)
        charts.chart(page, _AREA)
        grey = np.asarray(page.canvas.image.convert("L"), np.int16)
        for box in page.canvas.boxes:
            patch = grey[int(box.top) : int(box.bottom) + 1, int(box.left) : int(box.right) + 1]
            assert np.ptp(patch) > 60, (seed, box)


def test_a_label_too_near_another_is_not_written(fonts: FontLibrary, texts: TextSource) -> None:
    page = _page(fonts, texts, 0)
    panel = ChartPanel(page, _AREA, page.body)
    assert panel.label("12", 200, 200)
    end = page.canvas.boxes[0].right
    assert not panel.label("34", end + 0.8 * page.em, 200)
    assert not panel.label("34", 200, 200 + 0.6 * page.em)
    assert not panel.label("34", _AREA.right - 2, 300)
    assert panel.label("34", end + 2 * page.em, 200)
    assert [box.text for box in page.canvas.boxes] == ["12", "34"]


@pytest.mark.parametrize("seed", range(4))
def test_a_pair_has_captions_and_sources(seed: int, fonts: FontLibrary, texts: TextSource) -> None:
    page = Typesetter(Canvas(900, 700), np.random.default_rng(seed), fonts, texts, "en", 16)
    after = charts.chart_pair(page, Area(40, 40, 860, 660), 60)
    captions = [box for box in page.canvas.boxes if box.text.startswith("Figure ")]
    sources = [box for box in page.canvas.boxes if box.text.startswith("Source:")]
    assert len(captions) == len(sources) == 2
    assert all(caption.bottom < source.top < after for caption in captions for source in sources)
    assert captions[0].right < captions[1].left
    assert charts.chart_pair(page, Area(40, 40, 860, 660), 600) == 600
