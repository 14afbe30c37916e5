"""What a network must compute for a known image, for its weights' card.

``python -m ocrpipe.training.selftest pretrained/ctpn.safetensors`` adds it to the cards of existing weights.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ocrpipe.errors import ConfigError
from ocrpipe.io.files import write_whole
from ocrpipe.pretrained.loader import Card, built, load, read_card
from ocrpipe.pretrained.selftest import projections

if TYPE_CHECKING:
    from torch import Tensor


@torch.inference_mode()
def selftest_of(tensors: dict[str, Tensor], card: Card) -> list[list[float]]:
    """The ``selftest`` of a card, computed by torch in single precision.

    Args:
        tensors: The model's state, as it is stored.
        card: Its config is a CRNN's where there is a charset, otherwise a CTPN's.

    Raises:
        ocrpipe.errors.ConfigError: The config is of another model.
    """
    try:
        return _of_recognizer(tensors, card) if card.charset else _of_detector(tensors, card)
    except (RuntimeError, TypeError) as error:
        raise ConfigError(
            f"the state is not of a model that {card.name}'s card describes: {error}"
        ) from error


def _of_recognizer(tensors: dict[str, Tensor], card: Card) -> list[list[float]]:
    from ocrpipe.recognizers.crnn.config import CRNNConfig
    from ocrpipe.recognizers.crnn.model import CRNN
    from ocrpipe.recognizers.crnn.recognizer import selftest_outputs
    from ocrpipe.recognizers.crnn.torch_network import TorchNetwork

    config = CRNNConfig.from_dict(card.config)
    model = built(lambda: CRNN(config), tensors)
    network = TorchNetwork(model, "cpu", 1, 1.0, bf16=False)
    return _rounded(projections(selftest_outputs(network, config, 1.0)))


def _of_detector(tensors: dict[str, Tensor], card: Card) -> list[list[float]]:
    from ocrpipe.detectors.ctpn.config import CTPNConfig
    from ocrpipe.detectors.ctpn.detector import selftest_outputs
    from ocrpipe.detectors.ctpn.model import CTPN
    from ocrpipe.detectors.ctpn.torch_network import TorchNetwork

    config = CTPNConfig.from_dict(card.config)
    network = TorchNetwork(built(lambda: CTPN(config), tensors), "cpu", 1, bf16=False)
    return _rounded(projections(selftest_outputs(network, config)))


def _rounded(numbers: list[list[float]]) -> list[list[float]]:
    return [[float(f"{value:.4g}") for value in some] for some in numbers]


def add_selftest(weights: Path) -> None:
    """Add the self-test to the card of existing weights; nothing else of it changes.

    Raises:
        ocrpipe.errors.WeightsError: The weights or their card are missing or damaged.
        ocrpipe.errors.ConfigError: They are of no network.
    """
    path = weights.with_suffix(".json")
    card = read_card(path)
    tensors, _ = load(weights)
    described = json.loads(path.read_text("utf-8"))
    described["selftest"] = selftest_of(tensors, card)
    write_whole(path, (json.dumps(described, ensure_ascii=False, indent=1) + "\n").encode())


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        add_selftest(Path(argument))
