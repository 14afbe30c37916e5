"""A training session of the recogniser: fonts, texts, renderers, network, validation.

Its process should have ``ocrpipe.environment.TRAINING`` in its environment; without, a CPU is much slower.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from ocrpipe.characters import is_hanzi
from ocrpipe.plugins import load_detector
from ocrpipe.pretrained.loader import load
from ocrpipe.recognizers.crnn.charset import Charset, default_charset
from ocrpipe.recognizers.crnn.model import CRNN, CRNNConfig
from ocrpipe.recognizers.crnn.recognizer import CRNNRecognizer
from ocrpipe.synthesis.fonts import FONT_FOLDERS, FontLibrary
from ocrpipe.synthesis.lines import LineRenderer, LineStyle
from ocrpipe.synthesis.pages import render_page
from ocrpipe.synthesis.pen_strokes import find_strokes
from ocrpipe.synthesis.text import TextSource
from ocrpipe.training.checkpoint import Checkpoint
from ocrpipe.training.crnn.batches import clean_line_batches
from ocrpipe.training.crnn.classes import ClassTracker, extend_charset
from ocrpipe.training.crnn.config import CRNNTrainConfig
from ocrpipe.training.crnn.detected import DetectedLines
from ocrpipe.training.crnn.lines import Render, line_loader
from ocrpipe.training.crnn.objective import crnn_task, new_network
from ocrpipe.training.crnn.validation import Validate, line_errors
from ocrpipe.training.loop import Log, Trainer

CLASS_WEIGHTS = "class_weights.json"
"""Name of the file in a run's folder that says how often each hanzi is drawn."""
_LARGE_FONT = 5_000_000  # bytes
_RARE_HANZI = "啤鼈峯"  # what a face must have to measure all hanzi with it


def renderer(
    corpora: Path,
    charset: Charset,
    style: LineStyle | None = None,
    *,
    detected: float = 0.0,
    weights: Path | None = None,
    fonts: Sequence[Path] = FONT_FOLDERS,
) -> Render:
    """What renders random lines with a folder's fonts and the corpora's text.

    Args:
        corpora: Folder of text (see ``ocrpipe.synthesis.text.TextSource``).
        charset: Has the texts' characters.
        style: What is rendered.
        detected: Fraction of the lines that the package's detector crops from rendered pages.
        weights: File of how often characters are drawn, see ``ocrpipe.synthesis.text.ClassWeights``.
        fonts: Folders of fonts, by default the system's, and of pen strokes for handwriting (see
            ``ocrpipe.synthesis.pen_strokes``).
    """
    texts, library = TextSource(corpora, frozenset(charset.characters), weights), FontLibrary.system(fonts)
    draw = LineRenderer(library, texts, style, find_strokes(fonts)).render
    if not detected:
        return draw
    detector = load_detector("ctpn", threads=1)
    crop = DetectedLines(partial(render_page, fonts=library, texts=texts), detector).render
    return lambda rng: crop(rng) if rng.random() < detected else draw(rng)


def train(
    corpora: Path,
    config: CRNNTrainConfig,
    *,
    model: CRNNConfig | None = None,
    start: str | Path | None = None,
    validation: Sequence[Path] = (),
    style: LineStyle | None = None,
    detected: float = 0.0,
    workers: int = 1,
    reuse: float = 1.5,
    fonts: Sequence[Path] = FONT_FOLDERS,
    log: Log | None = None,
    on_save: Callable[[Checkpoint], None] | None = None,
    deadline: float | None = None,
) -> CRNN:
    """Train a CRNN with the default charset; resumes from the run's checkpoint if there is one.

    Args:
        corpora: Folder of text (see ``ocrpipe.synthesis.text.TextSource``).
        config: How to train.
        model: Shape of a new network.
        start: Weights to start from where there is no checkpoint, whose shape has precedence over ``model``:
            a path, or the name of the package's own. From another charset they are extended, see
            ``classes.extend_charset``.
        validation: Folders with gt.jsonl whose lines the model is measured on; never trained on.
        style: What is rendered.
        detected: Fraction of the lines that the package's detector crops from rendered pages.
        workers: Processes that render; 0 renders in this one.
        reuse: Times a rendered line is used; with ``device_effects`` it is the configuration's ``views``.
        fonts: Folders of fonts, by default the system's.
        log: Called with each log record.
        on_save: Called with each checkpoint after it is written.
        deadline: When the run is over, see ``ocrpipe.training.loop.Trainer``.

    Returns:
        The network with the averaged weights; the run's checkpoint holds them too.

    Raises:
        ocrpipe.errors.ConfigError: There are no usable fonts or texts, or a validation set has no lines.
        ocrpipe.errors.WeightsError: The weights to start from or the checkpoint cannot be used.
    """
    charset = default_charset()
    if start is None:
        network = new_network(charset, model, config.seed)
    else:
        network, charset = starting_network(start, charset)
    weights = config.run / CLASS_WEIGHTS
    validate = (
        _with_classes(line_errors(validation, charset), charset, weights, fonts) if validation else None
    )
    trainer = Trainer(
        crnn_task(network, charset, config),
        config,
        validate=validate,
        log=log,
        on_save=on_save,
        deadline=deadline,
    )
    trainer.resume()
    if trainer.fraction >= 1:
        trainer.validate()
        return trainer.averaged()
    style = style or LineStyle()
    drawn = replace(style, clean=True) if config.device_effects else style
    make = partial(renderer, corpora, charset, drawn, detected=detected, weights=weights, fonts=fonts)
    height, seed = network.config.height, trainer.data_seed
    loader = (
        clean_line_batches(
            make, charset, config, style.degradation, height=height, workers=workers, seed=seed
        )
        if config.device_effects
        else line_loader(
            make, charset, config.batch_pixels, height=height, workers=workers, reuse=reuse, seed=seed
        )
    )
    with loader:
        trainer.fit(loader)
    return trainer.averaged()


def starting_network(start: str | Path, charset: Charset | None = None) -> tuple[CRNN, Charset]:
    """The network of weights to start from, and its charset.

    Args:
        start: Their path, or the name of the package's own.
        charset: To extend the network to, see ``classes.extend_charset``; by default it keeps its own.

    Raises:
        ocrpipe.errors.WeightsError: The weights are missing or damaged.
    """
    tensors, card = load(start)
    charset = charset or Charset(card.charset)
    return extend_charset(tensors, CRNNConfig.from_dict(card.config), card.charset, charset), charset


def _with_classes(validate: Validate, charset: Charset, weights: Path, folders: Sequence[Path]) -> Validate:
    """``validate`` with the fraction of the hanzi that is misread, which also renews their weights."""
    hanzi = [c for c in charset.characters if is_hanzi(c)]
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if _is_large_font(path)]
    library = FontLibrary.from_files(files)
    faces = [font for font in library.fonts if "han" in font.kinds and font.covers(_RARE_HANZI)]
    if not faces:
        return validate
    tracker = ClassTracker(hanzi, weights, faces)

    def measured(network: CRNN) -> dict[str, float]:
        misread = tracker.measure(CRNNRecognizer.from_model(network, charset))
        return {**validate(network), "hanzi_misread": round(misread, 4)}

    return measured


def _is_large_font(path: Path) -> bool:
    """Whether a font file is large enough for all hanzi, so that smaller ones need not be opened."""
    return path.suffix.lower() in {".ttf", ".otf", ".ttc"} and path.stat().st_size > _LARGE_FONT
