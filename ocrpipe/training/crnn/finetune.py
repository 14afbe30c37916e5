"""Fine-tuning on corrected lines, mixed with rendered ones so that little else is forgotten."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ocrpipe.recognizers.crnn.charset import Charset
from ocrpipe.recognizers.crnn.model import CRNN
from ocrpipe.synthesis.fonts import FontLibrary
from ocrpipe.synthesis.lines import LineRenderer, LineSample
from ocrpipe.synthesis.patterns import PATTERNS, choice
from ocrpipe.synthesis.text import TextSource, is_han
from ocrpipe.training.averaging import interpolate
from ocrpipe.training.crnn.config import FinetuneConfig
from ocrpipe.training.crnn.corrected import CorrectedLine, CorrectedLines, hold_out, load_lines
from ocrpipe.training.crnn.lines import Render, line_loader, to_training
from ocrpipe.training.crnn.objective import crnn_task
from ocrpipe.training.crnn.session import starting_network
from ocrpipe.training.crnn.validation import ReferenceCrop, errors_of, reference_crops
from ocrpipe.training.loop import Log, Trainer

_MAX_FONT_FILES = 300
_MAX_MEASURED = 150  # lines of a set, so that a validation takes seconds
_CAPACITY = 20_000  # lines in the shuffle buffer
_STAND_INS = 400

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Figure:
    """Error rate (see ``validation.error_rate``) of one set of lines before and after.

    Attributes:
        name: Of the set.
        lines: How many there are.
        before: With the starting weights.
        after: With the fine-tuned ones; ``None`` where the training was stopped before its end.
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
    report: Report | None = None,
) -> tuple[Figure, ...]:
    """Train on the folders' lines; resumes from the run's checkpoint if there is one.

    Args:
        folders: One or more; see ``ocrpipe.training.crnn.corrected.load_lines``.
        config: How to train.
        corpora: Text of the rendered lines (see ``ocrpipe.synthesis.text.TextSource``); without, they have
            the texts of the corrected lines, patterns such as dates, and random hanzi.
        start: Weights to start from: a path, or the name of the package's own. Their charset is kept.
        validation: Folders with gt.jsonl to measure on as well; never trained on.
        workers: Processes that render; 0 renders in this one.
        log: Called with each log record.
        report: Called with messages for the user: what was read, and what had to be left out.

    Returns:
        Error rates of each folder's held-out lines, of ordinary rendered lines where the mixture has them,
        and of each folder of ``validation``.

    Raises:
        ocrpipe.errors.ConfigError: A folder holds no usable lines, or there are no fonts or texts to render.
        ocrpipe.errors.MissingExtraError: Rendering needs fontTools.
        ocrpipe.errors.WeightsError: The weights to start from or the checkpoint cannot be used.
    """
    report = report or (lambda text: None)
    network, charset = starting_network(start)
    height = network.config.height
    lines, sets = _load(folders, config.hold_out, charset, height, report)
    make_rendered: Callable[[], Render] | None = None
    if config.mix:
        texts = tuple(line.text for line in lines)
        make_rendered = partial(rendered_lines, corpora, texts, charset, some_fonts())
        sets["rendered"] = sample_crops(make_rendered(), charset, _MAX_MEASURED, height)
    sets |= {str(folder): reference_crops(folder, limit=_MAX_MEASURED) for folder in validation}
    measure, after = errors_of(sets, charset), dict[str, float]()

    def validate(model: CRNN) -> dict[str, float]:
        after.update(measure(model))
        return dict(after)

    before = measure(network)
    origin = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    def move_back(model: CRNN) -> None:
        model.load_state_dict(interpolate(model.state_dict(), origin, 1 - config.interpolation))

    trainer = Trainer(
        crnn_task(network, charset, config),
        config,
        validate=validate if sets else None,
        log=log,
        on_finish=move_back,
    )
    if trainer.resume() and trainer.fraction >= 1:
        report(f"the training in {config.run} is over: raise the minutes to go on, or name another run")
        trainer.validate()
    else:
        with line_loader(
            partial(mixture, lines, make_rendered, config.mix),
            charset,
            config.batch_pixels,
            height=height,
            workers=workers,
            capacity=_CAPACITY,
            ahead=config.prefetch,
            seed=trainer.data_seed,
        ) as loader:
            trainer.fit(loader)
    if trainer.fraction < 1:
        after.clear()
    return tuple(Figure(name, len(sets[name]), rate, after.get(name)) for name, rate in before.items())


def _load(
    folders: Sequence[Path], fraction: float, charset: Charset, height: int, report: Report
) -> tuple[list[CorrectedLine], dict[str, list[ReferenceCrop]]]:
    """The folders' lines to train on, and by name the sets that are held out."""
    lines: list[CorrectedLine] = []
    sets: dict[str, list[ReferenceCrop]] = {}
    for folder in folders:
        data = load_lines(folder, charset, height)
        train, held_out = hold_out(data.lines, fraction)
        report(f"{folder}: {len(train)} lines to train on, {len(held_out)} held out")
        for skipped in data.skipped:
            report(f"{folder}: {skipped}")
        lines += train
        if held_out:
            sets[f"held out of {folder}"] = [ReferenceCrop(line.crop(), line.text) for line in held_out]
    return lines, sets


def mixture(lines: Sequence[CorrectedLine], make_rendered: Callable[[], Render] | None, mix: float) -> Render:
    """What draws a rendered line with the probability ``mix``, else one of the lines given."""
    corrected = CorrectedLines(lines).render
    if make_rendered is None:
        return corrected
    rendered = make_rendered()

    def render(rng: np.random.Generator) -> LineSample:
        return rendered(rng) if rng.random() < mix else corrected(rng)

    return render


def some_fonts() -> FontLibrary:
    """So many of the system's fonts that ordinary print is covered, and no more, to start at once.

    Raises:
        ocrpipe.errors.ConfigError: There are none.
        ocrpipe.errors.MissingExtraError: fontTools is not installed.
    """
    fonts = FontLibrary.system(limit=_MAX_FONT_FILES)
    return fonts if {"han", "latin"} <= fonts.kinds else FontLibrary.system()


def rendered_lines(
    corpora: Path | None, texts: Sequence[str], charset: Charset, fonts: FontLibrary
) -> Render:
    """What renders ordinary lines.

    Args:
        corpora: Folder of text; without, the texts given and what needs no corpora stand in.
        texts: Of the corrected lines.
        charset: Characters that may occur.
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
    """Lines by language ("en", "zh") where there are no corpora: the texts, patterns, random hanzi."""
    rng = np.random.default_rng(0)
    hanzi = [c for c in charset.characters if "\u4e00" <= c <= "\u9fff"]
    english = [text for text in texts if not any(map(is_han, text))]
    chinese = [text for text in texts if any(map(is_han, text))]
    english += [choice(rng, PATTERNS["en"])(rng) for _ in range(_STAND_INS)]
    chinese += ["".join(rng.choice(hanzi, 30)) for _ in range(_STAND_INS)]
    return {"en": english, "zh": chinese}


def sample_crops(
    render: Render, charset: Charset, count: int, height: int = 32, seed: int = 1
) -> list[ReferenceCrop]:
    """The same ``count`` lines of a renderer every time, to measure on."""
    rng = np.random.default_rng(seed)
    crops: list[ReferenceCrop] = []
    while len(crops) < count:
        sample = render(rng)
        if to_training(sample, charset, height):
            crops.append(ReferenceCrop(sample.image, sample.text))
    return crops
