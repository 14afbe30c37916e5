"""Fine-tuning on corrected lines of one's own, among rendered ones so that the rest is not forgotten."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor

from ocrpipe.errors import ConfigError
from ocrpipe.recognizers.crnn.charset import Charset, default_charset
from ocrpipe.recognizers.crnn.model import CRNN
from ocrpipe.recognizers.crnn.recognizer import CRNNRecognizer
from ocrpipe.synthesis.fonts import FontLibrary
from ocrpipe.synthesis.lines import LineRenderer, LineSample
from ocrpipe.synthesis.patterns import PATTERNS, choice
from ocrpipe.synthesis.text import TextSource, is_han
from ocrpipe.training.crnn.data import OwnLine, OwnLines, hold_out, load_lines
from ocrpipe.training.crnn.pool import LinePool, Render, to_training
from ocrpipe.training.crnn.session import RealCrop, error_rate, fit, real_crops, starting_network
from ocrpipe.training.crnn.training import Log, TrainConfig, Trainer

_FONT_FILES = 300
_MEASURED = 150  # lines of a set; a validation must not cost more than it tells
_STAND_INS = 400


@dataclass(frozen=True)
class FinetuneConfig(TrainConfig):
    """How to fine-tune: a short cycle from good weights, with CTC alone.

    Attributes:
        hold_out: Share of the lines that is measured on, not trained on.
        mix: Share of rendered lines among those trained on.
        blend: How far to go from the weights that were started from to the tuned ones, above 0 up to 1. Short
            of the whole way most of what was learnt is there, and little has been lost (arXiv 2109.01903).
    """

    run: Path = Path("runs/finetune")
    minutes: float = 5.0
    batch_pixels: int = 6_144
    learning_rate: float = 6e-4
    decay: float = 0.7
    ema_decay: float = 0.0
    frames_only: float = 0.0
    frames_fade: float = 0.0
    weight_decay: float = 0.0
    warm_steps: int = 30
    freeze_norms: bool = True
    checkpoint_minutes: float = 1.0
    validate_minutes: float = 2.0
    warm_lines: int = 1_000
    hold_out: float = 0.1
    mix: float = 0.5
    blend: float = 0.6

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.frames_fade > 0:
            raise ConfigError("frames_fade must be 0: where characters lie in one's own lines is not known")
        if not (0 <= self.hold_out < 1 and 0 <= self.mix < 1):
            raise ConfigError(
                f"hold_out {self.hold_out} and mix {self.mix} must be shares of 0 up to below 1"
            )
        if not 0 < self.blend <= 1:
            raise ConfigError(f"blend {self.blend} must be above 0 and at most 1")


@dataclass(frozen=True, slots=True)
class Figure:
    """Error rate (see ``session.error_rate``) of one set of lines before and after.

    Attributes:
        name: Of the set.
        lines: How many there are.
        before: With the weights that were started from.
        after: With the tuned ones; ``None`` where the training was stopped before its end.
    """

    name: str
    lines: int
    before: float
    after: float | None


def finetune(
    folders: Sequence[Path],
    config: FinetuneConfig,
    *,
    corpora: Path | None = None,
    start: str | Path = "crnn",
    validation: Sequence[Path] = (),
    workers: int = 1,
    log: Log | None = None,
    say: Callable[[str], None] | None = None,
) -> tuple[Figure, ...]:
    """Train on the folders' lines, going on from the run's checkpoint if there is one.

    Args:
        folders: One or more; see ``ocrpipe.training.crnn.data.load_lines``.
        config: How to train.
        corpora: Text of the rendered lines (see ``ocrpipe.synthesis.text.TextSource``); without, they say
            what one's own lines say, patterns such as dates, and hanzi in no order.
        start: Weights to start from: a path, or the name of shipped ones.
        validation: Folders with gt.jsonl to measure on besides; never trained on.
        workers: Background renderers.
        log: Called with each log record.
        say: Called with what the user should know: what was read, and what had to be left out.

    Returns:
        What was measured on: each folder's held-out lines, ordinary rendered lines where there are any in the
        mixture, and each folder of ``validation``.

    Raises:
        ocrpipe.errors.ConfigError: A folder holds no usable lines, or there are no fonts or texts to render.
        ocrpipe.errors.MissingExtraError: Rendering needs fontTools.
        ocrpipe.errors.WeightsError: The weights to start from or the checkpoint cannot be used.
    """
    charset, say = default_charset(), say or (lambda text: None)
    network = starting_network(start, charset)
    height = network.config.height
    lines, sets = _own(folders, config.hold_out, charset, height, say)
    make_rendered: Callable[[], Render] | None = None
    if config.mix:
        texts = tuple(line.text for line in lines)
        make_rendered = partial(rendered_lines, corpora, texts, charset, some_fonts())
        sets["rendered"] = sample_crops(make_rendered(), charset, _MEASURED, height)
    sets |= {str(folder): real_crops(folder, limit=_MEASURED) for folder in validation}
    after: dict[str, float] = {}

    def measure(model: CRNN) -> dict[str, float]:
        recognizer = CRNNRecognizer.from_model(model, charset)
        return {name: round(error_rate(recognizer, crops), 4) for name, crops in sets.items()}

    def validate(model: CRNN) -> dict[str, float]:
        after.update(measure(model))
        return dict(after)

    before = measure(network)
    origin = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    finish = partial(blend, origin=origin, share=config.blend)
    trainer = Trainer(network, charset, config, validate=validate if sets else None, log=log, finish=finish)
    if trainer.resume() and trainer.share >= 1:
        say(f"the training in {config.run} is over: raise the minutes for more, or name another run")
        trainer.validate()
    else:
        make = partial(mixture, lines, make_rendered, config.mix)
        with LinePool(
            make,
            charset,
            workers=workers,
            capacity=20_000,
            lead=config.warm_lines,
            height=height,
            seed=int.from_bytes(os.urandom(4), "big"),  # a resumed run must see new lines
        ) as pool:
            fit(trainer, pool)
    if trainer.share < 1:
        after.clear()
    return tuple(Figure(name, len(sets[name]), rate, after.get(name)) for name, rate in before.items())


def blend(model: CRNN, *, origin: Mapping[str, Tensor], share: float) -> None:
    """Take a model's weights back to ``share`` of the way from ``origin``'s to its own (arXiv 2109.01903)."""
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(torch.lerp(origin[name], tensor, share))


def _own(
    folders: Sequence[Path], share: float, charset: Charset, height: int, say: Callable[[str], None]
) -> tuple[list[OwnLine], dict[str, list[RealCrop]]]:
    """The folders' lines to train on, and by name the sets that are held out."""
    lines: list[OwnLine] = []
    sets: dict[str, list[RealCrop]] = {}
    for folder in folders:
        data = load_lines(folder, charset, height)
        mine, held = hold_out(data.lines, share)
        say(f"{folder}: {len(mine)} lines to train on, {len(held)} held out")
        for skipped in data.skipped:
            say(f"{folder}: {skipped}")
        lines += mine
        if held:
            sets[f"held out of {folder}"] = [
                RealCrop(line.crop(), line.text, casefold=False, word=False) for line in held
            ]
    return lines, sets


def mixture(lines: Sequence[OwnLine], make_rendered: Callable[[], Render] | None, mix: float) -> Render:
    """What draws a rendered line with the probability ``mix``, else one of the lines given."""
    own = OwnLines(lines).render
    if make_rendered is None:
        return own
    rendered = make_rendered()

    def render(rng: np.random.Generator) -> LineSample:
        return rendered(rng) if rng.random() < mix else own(rng)

    return render


def some_fonts() -> FontLibrary:
    """As many of the system's fonts as keep ordinary print what it was, and no more, to start at once.

    Raises:
        ocrpipe.errors.ConfigError: There are none.
        ocrpipe.errors.MissingExtraError: fontTools is not installed.
    """
    fonts = FontLibrary.system(limit=_FONT_FILES)
    return fonts if {"han", "latin"} <= fonts.kinds else FontLibrary.system()


def rendered_lines(
    corpora: Path | None, texts: Sequence[str], charset: Charset, fonts: FontLibrary
) -> Render:
    """What renders ordinary lines.

    Args:
        corpora: Folder of text; where it is ``None``, the texts given and what needs no corpora stand in.
        texts: Of one's own lines.
        charset: What may occur.
        fonts: To set them in.

    Raises:
        ocrpipe.errors.ConfigError: The corpora lack text in one of the two languages.
    """
    alphabet = frozenset(charset.characters)
    if corpora:
        source = TextSource(corpora, alphabet)
    else:
        with TemporaryDirectory() as folder:  # a text source keeps in memory what it has read
            for language, lines in stand_ins(texts, charset).items():
                (Path(folder) / f"{language}.txt").write_text("\n".join(lines), encoding="utf-8")
            source = TextSource(Path(folder), alphabet)
    return LineRenderer(fonts, source).render


def stand_ins(texts: Sequence[str], charset: Charset) -> dict[str, list[str]]:
    """Lines by language ("en", "zh") where no corpora are given: the texts, patterns, hanzi in no order."""
    rng = np.random.default_rng(0)
    hanzi = [c for c in charset.characters if "\u4e00" <= c <= "\u9fff"]
    english = [text for text in texts if not any(map(is_han, text))]
    chinese = [text for text in texts if any(map(is_han, text))]
    english += [choice(rng, PATTERNS["en"])(rng) for _ in range(_STAND_INS)]
    chinese += ["".join(rng.choice(hanzi, 30)) for _ in range(_STAND_INS)]
    return {"en": english, "zh": chinese}


def sample_crops(
    render: Render, charset: Charset, count: int, height: int = 32, seed: int = 1
) -> list[RealCrop]:
    """The same ``count`` lines of a renderer every time, to measure on."""
    rng = np.random.default_rng(seed)
    crops: list[RealCrop] = []
    while len(crops) < count:
        sample = render(rng)
        if to_training(sample, charset, height):
            crops.append(RealCrop(sample.image, sample.text, casefold=False, word=False))
    return crops
