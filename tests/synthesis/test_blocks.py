from __future__ import annotations

import re

import numpy as np

from ocrpipe.synthesis.blocks import labelled_paragraphs
from ocrpipe.synthesis.canvas import Canvas
from ocrpipe.synthesis.fonts import FontLibrary
from ocrpipe.synthesis.text import TextSource
from ocrpipe.synthesis.typesetting import Area, Typesetter


def test_a_mark_beside_a_paragraph_is_a_line_of_its_own(fonts: FontLibrary, texts: TextSource) -> None:
    for seed in range(10):
        page = Typesetter(Canvas(700, 900), np.random.default_rng(seed), fonts, texts, "en", 18)
        labelled_paragraphs(page, Area(50, 50, 650, 850), 70)
        alone = [box for box in page.canvas.boxes if box.left < 60]
        assert len(alone) >= 2
        assert all(re.fullmatch(r"[(\[]?(\d\d?|[A-H])[)\].]?", box.text) for box in alone), seed
        assert all(box.left > 70 for box in page.canvas.boxes if box not in alone)
