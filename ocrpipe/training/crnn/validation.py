"""Error rates of a network in training, on lines of real pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ocrpipe.errors import ConfigError
from ocrpipe.evaluation.dataset import load_dataset
from ocrpipe.evaluation.text_metrics import TextCounts, count_errors, normalize, same_word
from ocrpipe.geometry import rectify
from ocrpipe.io import images
from ocrpipe.recognizers.base import Recognizer
from ocrpipe.recognizers.crnn.charset import Charset
from ocrpipe.recognizers.crnn.model import CRNN
from ocrpipe.recognizers.crnn.recognizer import CRNNRecognizer

Validate = Callable[[CRNN], dict[str, float]]


@dataclass(frozen=True)
class ReferenceCrop:
    """A line with its reference text.

    Attributes:
        image: H×W×3 RGB or H×W grey.
        text: The reference.
        casefold: Whether case does not count.
        word: Whether it is a single word of a set of words.
    """

    image: NDArray[np.uint8]
    text: str
    casefold: bool = False
    word: bool = False


def line_errors(folders: Sequence[Path], charset: Charset, limit: int = 150) -> Validate:
    """What measures a network on ``limit`` lines of each set: ``error_rate`` by the folder's name.

    Raises:
        ocrpipe.errors.ConfigError: A set has no lines that count.
    """
    return errors_of({folder.name: reference_crops(folder, limit) for folder in folders}, charset)


def errors_of(sets: dict[str, list[ReferenceCrop]], charset: Charset) -> Validate:
    """What measures a network on sets of lines: ``error_rate`` by the set's name."""

    def validate(network: CRNN) -> dict[str, float]:
        recognizer = CRNNRecognizer.from_model(network, charset)
        return {name: round(error_rate(recognizer, crops), 4) for name, crops in sets.items()}

    return validate


def reference_crops(folder: Path, limit: int | None = None, seed: int = 0) -> list[ReferenceCrop]:
    """Crops of a set's lines along their quads, or a fixed random choice of ``limit`` of them.

    References that are upper-case throughout are compared without case.

    Raises:
        ocrpipe.errors.ConfigError: The set has no lines that count.
    """
    dataset = load_dataset(folder)
    wanted = [
        (page, line) for page in dataset.pages for line in page.lines if line.counts and line.text.strip()
    ]
    if not wanted:
        raise ConfigError(f"no line of {folder} counts, so nothing can be measured on it")
    if limit is not None and len(wanted) > limit:
        chosen = np.random.default_rng(seed).permutation(len(wanted))[:limit]
        wanted = [wanted[i] for i in sorted(chosen)]
    upper = all(line.text.upper() == line.text for _, line in wanted)
    loaded: dict[Path, NDArray[np.uint8]] = {}
    crops = []
    for page, line in wanted:
        if page.image not in loaded:
            loaded = {page.image: images.load(page.image)}
        image = rectify(loaded[page.image], line.quad)
        crops.append(ReferenceCrop(image, line.text, upper, page.level == "word"))
    return crops


def error_rate(recognizer: Recognizer, crops: Sequence[ReferenceCrop]) -> float:
    """Character error rate without spaces; for sets of words the fraction of words misread."""
    texts = [recognition.text for recognition in recognizer.recognize([crop.image for crop in crops])]
    if all(crop.word for crop in crops):
        return 1 - float(
            np.mean([same_word(crop.text, text) for crop, text in zip(crops, texts, strict=True)])
        )
    counts = TextCounts()
    for crop, text in zip(crops, texts, strict=True):
        counts += count_errors(*(normalize(t, casefold=crop.casefold) for t in (crop.text, text)))
    return counts.cer
