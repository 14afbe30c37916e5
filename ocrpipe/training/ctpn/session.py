"""What surrounds a training: figures on real pages, and shipping the weights."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import torch

from ocrpipe.detectors.base import Detector
from ocrpipe.detectors.ctpn.detector import CTPNDetector
from ocrpipe.detectors.ctpn.model import CTPN
from ocrpipe.errors import WeightsError
from ocrpipe.evaluation.box_metrics import BoxCounts
from ocrpipe.evaluation.dataset import PredictedLine, Prediction, load_dataset
from ocrpipe.evaluation.metrics import compare
from ocrpipe.io import images
from ocrpipe.pretrained.loader import FOLDER, Card, blended, save


def real_page_figures(model: CTPN, folders: Sequence[Path], limit: int = 20) -> dict[str, float]:
    """DetEval's F on the first pages of each set, under the set's name.

    Pages go to the detector as they are, so only sets of upright pages mean anything.

    Args:
        model: The network in training; it is copied.
        folders: Set folders with gt.jsonl whose ground truth has lines.
        limit: Pages of each.
    """
    return figures(CTPNDetector.from_model(model), folders, limit)


def figures(detector: Detector, folders: Sequence[Path], limit: int | None = None) -> dict[str, float]:
    """DetEval's F of a detector on the first ``limit`` pages of each set, as in ``real_page_figures``."""
    found = {}
    for folder in folders:
        dataset = load_dataset(folder)
        counts = BoxCounts()
        for page in dataset.pages[:limit]:
            lines = tuple(PredictedLine("", line.quad) for line in detector.detect(images.load(page.image)))
            counts += compare(page, Prediction(page.name, lines)).boxes
        found[dataset.name] = round(counts.f, 4)
    return found


def ship(
    checkpoint: Path,
    *,
    recipe: str,
    accuracy: dict[str, Any],
    blend: tuple[str | Path, float] | None = None,
    folder: Path = FOLDER,
) -> Path:
    """Write a checkpoint's averaged weights, in half precision, as the package's own.

    Args:
        checkpoint: The run's ``checkpoint.pt``.
        recipe: How it was trained, for the card.
        accuracy: Figures measured with it, for the card.
        blend: Other weights and their share, see ``ocrpipe.pretrained.loader.blended``.
        folder: Where ``ctpn.safetensors`` and its card go.

    Returns:
        The weights' path.

    Raises:
        WeightsError: It is no checkpoint of a CTPN, or the other weights cannot be used.
    """
    try:
        state = torch.load(checkpoint, weights_only=True)
        weights, config = state["average"], state["config"]
    except Exception as error:  # torch.load raises anything from OSError to UnpicklingError
        reason = str(error).partition("\n")[0]
        raise WeightsError(f"{checkpoint} is no checkpoint of a CTPN: {reason}") from error
    card = Card(
        "ctpn", sha256="", config=config, date=date.today().isoformat(), recipe=recipe, accuracy=accuracy
    )
    return save(blended(weights, config, *blend) if blend else weights, card, folder)
