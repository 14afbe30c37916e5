"""The character language model in the package beside the recogniser: counted, not trained."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import chain
from pathlib import Path

import numpy as np
import torch

from ocrpipe.pretrained.loader import FOLDER, Card, save
from ocrpipe.recognizers.crnn.charset import default_charset
from ocrpipe.recognizers.crnn.language import CharacterModel
from ocrpipe.synthesis.patterns import PATTERNS, choice
from ocrpipe.synthesis.text import corpus_files

_PATTERN_LINES = {"en": 200_000, "zh": 150_000}
_CAPITALS = 0.16
"""Fraction of the pattern lines in capitals."""


def export_language(corpora: Path, *, recipe: str, folder: Path = FOLDER) -> Path:
    """Count a language model in the texts of a folder and in patterns, and write it with its card.

    Args:
        corpora: Folder of text (see ``ocrpipe.synthesis.text.TextSource``).
        recipe: What the texts are, for the card.
        folder: Where ``language.safetensors`` and its card go; the package's own by default.

    Returns:
        The model's path.

    Raises:
        ocrpipe.errors.ConfigError: There is no text, or a file is not UTF-8.
    """
    characters = default_charset().characters
    files = dict(corpus_files(corpora))
    model = CharacterModel.build(chain(*files.values(), _pattern_lines()), characters)
    tensors = {name: torch.from_numpy(array) for name, array in model.arrays().items()}
    config = {"order": model.order, "files": [path.name for path in files], "patterns": _PATTERN_LINES}
    card = Card("language", "", config, characters, date.today().isoformat(), recipe)
    return save(tensors, card, folder)


def _pattern_lines() -> Iterator[str]:
    """Prices, dates, codes, labels, which forms, receipts and tables consist of and texts hardly have."""
    rng = np.random.default_rng(0)
    for language, count in _PATTERN_LINES.items():
        for _ in range(count):
            text = choice(rng, PATTERNS[language])(rng)
            yield text.upper() if rng.random() < _CAPITALS else text
