"""A training session of the detector: pages, network, validation.

Its process should have ``ocrpipe.environment.TRAINING`` in its environment; without, a CPU is much slower.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from ocrpipe.detectors.base import Detector
from ocrpipe.detectors.ctpn.detector import CTPNDetector
from ocrpipe.detectors.ctpn.model import CTPN, CTPNConfig
from ocrpipe.evaluation.box_metrics import BoxCounts
from ocrpipe.evaluation.dataset import PredictedLine, Prediction, load_dataset
from ocrpipe.evaluation.metrics import compare
from ocrpipe.io import images
from ocrpipe.training.checkpoint import Checkpoint
from ocrpipe.training.ctpn.config import CTPNTrainConfig
from ocrpipe.training.ctpn.crops import CropConfig, PageSource, crop_loader
from ocrpipe.training.ctpn.objective import ctpn_task, new_network, starting_network
from ocrpipe.training.loop import Log, Trainer


def train(
    make_pages: Callable[[], PageSource],
    config: CTPNTrainConfig,
    *,
    model: CTPNConfig | None = None,
    start: str | None = None,
    validation: Sequence[Path] = (),
    workers: int = 1,
    log: Log | None = None,
    on_save: Callable[[Checkpoint], None] | None = None,
    deadline: float | None = None,
    clock: Callable[[], float] | None = None,
) -> CTPN:
    """Train a CTPN; resumes from the run's checkpoint if there is one.

    Args:
        make_pages: Called once in each process, which must be able to unpickle it; returns what makes a page,
            for instance ``functools.partial(synthetic_pages, corpora, alphabet)``.
        config: How to train.
        model: Shape of the network; by default the one of ``start``, or the slim one.
        start: Weights to start from where there is no checkpoint: a path, or the name of the package's own.
        validation: Folders with gt.jsonl whose pages the model is measured on; never trained on.
        workers: Processes that make crops; 0 makes them in this one.
        log: Called with each log record.
        on_save: Called with each checkpoint after it is written.
        deadline: When the run is over, see ``ocrpipe.training.loop.Trainer``.
        clock: See ``ocrpipe.training.loop.Trainer``.

    Returns:
        The network with the averaged weights; the run's checkpoint holds them too.

    Raises:
        ocrpipe.errors.ConfigError: There are no usable fonts or texts.
        ocrpipe.errors.WeightsError: The weights to start from or the checkpoint cannot be used.
    """
    network = starting_network(start, model) if start else new_network(model, config.seed)
    validate = partial(page_figures, folders=validation) if validation else None
    trainer = Trainer(
        ctpn_task(network),
        config,
        validate=validate,
        log=log,
        on_save=on_save,
        deadline=deadline,
        clock=clock,
    )
    trainer.resume()
    if trainer.fraction >= 1:
        trainer.validate()
        return trainer.averaged()
    shape = network.config
    crops = CropConfig(
        config.crop_size, shape.channels, shape.stride, shape.heights, config.pages, config.crops_per_page
    )
    with crop_loader(make_pages, crops, config.batch_size, workers=workers, seed=trainer.data_seed) as loader:
        trainer.fit(loader)
    return trainer.averaged()


def page_figures(network: CTPN, folders: Sequence[Path], limit: int = 20) -> dict[str, float]:
    """DetEval's F on the first pages of each set, by the set's name.

    Pages are not deskewed or rotated first, so only sets of level pages are meaningful.

    Args:
        network: The network in training; it is copied.
        folders: Set folders with gt.jsonl whose ground truth has lines.
        limit: Pages of each.
    """
    return detector_figures(CTPNDetector.from_model(network), folders, limit)


def detector_figures(
    detector: Detector, folders: Sequence[Path], limit: int | None = None
) -> dict[str, float]:
    """DetEval's F of a detector on the first ``limit`` pages of each set, as in ``page_figures``."""
    figures = {}
    for folder in folders:
        dataset = load_dataset(folder)
        counts = BoxCounts()
        for page in dataset.pages[:limit]:
            lines = tuple(PredictedLine("", line.quad) for line in detector.detect(images.load(page.image)))
            counts += compare(page, Prediction(page.name, lines)).boxes
        figures[dataset.name] = round(counts.f, 4)
    return figures
