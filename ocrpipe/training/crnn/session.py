"""A training session from end to end: fonts, corpora, renderers, model, validation, shipping.

Start its process with ``ocrpipe.environment.TRAINING`` in the environment; without that it crawls.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ocrpipe.characters import is_hanzi
from ocrpipe.environment import on_terminate
from ocrpipe.errors import ConfigError
from ocrpipe.evaluation.dataset import load_dataset
from ocrpipe.evaluation.text_metrics import TextCounts, count_errors, normalize, same_word
from ocrpipe.geometry import rectify
from ocrpipe.io import images
from ocrpipe.plugins import load_detector
from ocrpipe.pretrained.loader import FOLDER, Card, blended, load, save
from ocrpipe.recognizers.base import Recognizer
from ocrpipe.recognizers.crnn.charset import Charset, default_charset
from ocrpipe.recognizers.crnn.language import CharacterModel
from ocrpipe.recognizers.crnn.model import CRNN, CRNNConfig
from ocrpipe.recognizers.crnn.recognizer import CRNNRecognizer
from ocrpipe.synthesis.fonts import FONT_FOLDERS, FontLibrary
from ocrpipe.synthesis.lines import LineRenderer, LineStyle
from ocrpipe.synthesis.pages import render_page
from ocrpipe.synthesis.patterns import PATTERNS, choice
from ocrpipe.synthesis.text import TextSource, corpus_files
from ocrpipe.training.crnn.classes import ClassTracker, extend_charset
from ocrpipe.training.crnn.detected import DetectedLines
from ocrpipe.training.crnn.pool import LinePool, Render
from ocrpipe.training.crnn.training import (
    Log,
    TrainConfig,
    Trainer,
    Validate,
    averaged_weights,
    build,
    load_checkpoint,
)

_PATTERN_LINES = {"en": 200_000, "zh": 150_000}
_CAPITALS = 0.16
_LARGE_FONT = 5_000_000  # bytes


def renderer(
    corpora: Path,
    charset: Charset,
    style: LineStyle | None = None,
    *,
    detected: float = 0.0,
    weights: Path | None = None,
) -> Render:
    """What renders random lines with the system's fonts and the corpora's text.

    Args:
        corpora: Folder of text (see ``ocrpipe.synthesis.text.TextSource``).
        charset: Has the texts' characters.
        style: What is rendered.
        detected: Share of the lines that the shipped detector cuts from rendered pages.
        weights: File of how often characters are drawn, see ``ocrpipe.synthesis.text.ClassWeights``.
    """
    texts, fonts = TextSource(corpora, frozenset(charset.characters), weights), FontLibrary.system()
    draw = LineRenderer(fonts, texts, style).render
    if not detected:
        return draw
    cut = DetectedLines(
        partial(render_page, fonts=fonts, texts=texts), load_detector("ctpn", threads=1)
    ).render
    return lambda rng: cut(rng) if rng.random() < detected else draw(rng)


def train(
    corpora: Path,
    config: TrainConfig,
    *,
    model: CRNNConfig | None = None,
    start: str | Path | None = None,
    validation: Sequence[Path] = (),
    style: LineStyle | None = None,
    detected: float = 0.0,
    workers: int = 1,
    reuse: float = 1.5,
    log: Log | None = None,
) -> CRNN:
    """Train a CRNN, going on from the run's checkpoint if there is one.

    Args:
        corpora: Folder of text (see ``ocrpipe.synthesis.text.TextSource``).
        config: How to train.
        model: Shape of a new network.
        start: Weights to start from where there is no checkpoint, their shape going before ``model``: a path,
            or the name of shipped ones.
        validation: Folders with gt.jsonl whose real lines the model is measured on; never trained on.
        style: What is rendered.
        detected: Share of the lines that the shipped detector cuts from rendered pages.
        workers: Background renderers.
        reuse: Times a rendered line is used.
        log: Called with each log record.

    Returns:
        The trained network; the run's checkpoint holds it too.

    Raises:
        ocrpipe.errors.ConfigError: There are no usable fonts or texts, or a validation set has no lines.
        ocrpipe.errors.WeightsError: The weights to start from or the checkpoint cannot be used.
    """
    charset = default_charset()
    network = build(charset, model, config.seed) if start is None else starting_network(start, charset)
    weights = config.run / "class_weights.json"
    validate = _with_classes(real_line_errors(validation, charset), charset, weights) if validation else None
    trainer = Trainer(network, charset, config, validate=validate, log=log)
    make = partial(renderer, corpora, charset, style, detected=detected, weights=weights)
    seed = int.from_bytes(os.urandom(4), "big")  # a resumed run must see new lines
    with LinePool(
        make, charset, workers=workers, reuse=reuse, height=network.config.height, seed=seed
    ) as pool:
        fit(trainer, pool)
    return network


def real_line_errors(folders: Sequence[Path], charset: Charset, limit: int = 150) -> Validate:
    """What measures a network on ``limit`` real lines of each set: ``error_rate`` by the folder's name.

    Raises:
        ocrpipe.errors.ConfigError: A set has no lines that count.
    """
    crops = {folder.name: real_crops(folder, limit) for folder in folders}

    def validate(network: CRNN) -> dict[str, float]:
        recognizer = CRNNRecognizer.from_model(network, charset)
        return {name: round(error_rate(recognizer, some), 4) for name, some in crops.items()}

    return validate


def _with_classes(validate: Validate, charset: Charset, weights: Path) -> Validate:
    """``validate`` with the share of the hanzi that is misread, which also renews their weights."""
    hanzi = [c for c in charset.characters if is_hanzi(c)]
    files = [path for folder in FONT_FOLDERS for path in sorted(folder.rglob("*")) if _is_large_font(path)]
    faces = [
        font for font in FontLibrary.from_files(files).fonts if "han" in font.kinds and font.covers("啤鼈峯")
    ]
    tracker = ClassTracker(charset, hanzi, weights, faces) if faces else None

    def measured(network: CRNN) -> dict[str, float]:
        figures = validate(network)
        if tracker:
            recognizer = CRNNRecognizer.from_model(network, charset)
            figures["hanzi_misread"] = round(tracker.measure(recognizer), 4)
        return figures

    return measured


def _is_large_font(path: Path) -> bool:
    """Whether it is a font file with room for all hanzi; to open the others only takes time."""
    return path.suffix.lower() in {".ttf", ".otf", ".ttc"} and path.stat().st_size > _LARGE_FONT


def fit(trainer: Trainer, pool: LinePool) -> None:
    """Train, ending with a checkpoint where the process is told to terminate."""
    with on_terminate(trainer.stop):
        trainer.fit(pool)


def starting_network(start: str | Path, charset: Charset) -> CRNN:
    """The network of weights to start from: a path, or the name of shipped ones.

    Where the weights have another charset, the rows of the characters that both have are kept.

    Raises:
        ocrpipe.errors.WeightsError: They are missing or damaged.
    """
    tensors, card = load(start)
    return extend_charset(tensors, CRNNConfig.from_dict(card.config), card.charset, charset)


@dataclass(frozen=True)
class RealCrop:
    """A line of a real page, cut along its ground truth."""

    image: NDArray[np.uint8]
    text: str
    casefold: bool
    word: bool


def real_crops(folder: Path, limit: int | None = None, seed: int = 0) -> list[RealCrop]:
    """Crops of a set's lines, or a fixed random choice of ``limit`` of them.

    Ground truth that is upper-case throughout is compared without case.

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
        crops.append(RealCrop(rectify(loaded[page.image], line.quad), line.text, upper, page.level == "word"))
    return crops


def error_rate(recognizer: Recognizer, crops: Sequence[RealCrop]) -> float:
    """Character error rate without spaces; for sets of words the share of words misread."""
    texts = [one.text for one in recognizer.recognize([crop.image for crop in crops])]
    if all(crop.word for crop in crops):
        return 1 - float(
            np.mean([same_word(crop.text, text) for crop, text in zip(crops, texts, strict=True)])
        )
    counts = TextCounts()
    for crop, text in zip(crops, texts, strict=True):
        counts += count_errors(*(normalize(t, casefold=crop.casefold) for t in (crop.text, text)))
    return counts.cer


def _pattern_lines() -> Iterator[str]:
    """Prices, dates, codes, labels: what texts hardly have and forms, receipts and tables are full of."""
    rng = np.random.default_rng(0)
    for language, count in _PATTERN_LINES.items():
        for _ in range(count):
            text = choice(rng, PATTERNS[language])(rng)
            yield text.upper() if rng.random() < _CAPITALS else text


def ship_language(corpora: Path, *, recipe: str, folder: Path = FOLDER) -> Path:
    """Count a language model in the texts of a folder and in patterns, and write it as the package's own.

    Args:
        corpora: Folder of text (see ``ocrpipe.synthesis.text.TextSource``).
        recipe: What the texts are, for the card.
        folder: Where ``language.safetensors`` and its card go.

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


def ship(
    checkpoint: Path,
    *,
    recipe: str,
    accuracy: dict[str, float],
    calibration: float = 1.0,
    blend: tuple[str | Path, float] | None = None,
    folder: Path = FOLDER,
) -> Path:
    """Write a checkpoint's weights, in half precision, as the package's own.

    Args:
        checkpoint: The run's ``checkpoint.pt``.
        recipe: How it was trained, for the card.
        accuracy: Figures measured with it, for the card.
        calibration: See ``Card``.
        blend: Other weights and their share, see ``ocrpipe.pretrained.loader.blended``.
        folder: Where ``crnn.safetensors`` and its card go.

    Returns:
        The weights' path.

    Raises:
        ocrpipe.errors.WeightsError: It is no checkpoint of a CRNN, or the other weights cannot be used.
    """
    state = load_checkpoint(checkpoint)
    charset = default_charset()
    card = Card(
        "crnn",
        sha256="",
        config=state["model_config"],
        charset=charset.characters,
        date=date.today().isoformat(),
        recipe=recipe,
        accuracy=accuracy,
        calibration=calibration,
    )
    weights = averaged_weights(state)
    if blend:
        weights = blended(weights, card.config, *blend)
    return save(weights, card, folder)
