"""Read weights and the card that describes them; nothing is used whose checksum does not match."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ocrpipe.errors import WeightsError
from ocrpipe.io.files import write_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

Network = TypeVar("Network", bound="nn.Module")

FOLDER = Path(__file__).resolve().parent

_MAX_CARD = 4_000_000  # bytes; a charset of all hanzi has 300,000
_CALIBRATION = (0.01, 100.0)
_MAX_OUTPUTS, _MAX_NUMBERS, _MAX_NUMBER = 10, 100, 1e9  # of a self-test

WEIGHTS_OF = {"ctpn": ("ctpn",), "crnn": ("crnn", "language")}
"""Names of the weights that each built-in engine loads; the other engines have none here."""


@dataclass(frozen=True)
class Card:
    """What stands beside a weights file, as ``<name>.json``.

    Attributes:
        name: Of the model: "ctpn", "crnn".
        sha256: Of the whole .safetensors file, in hexadecimal.
        config: The model's configuration.
        charset: Characters of classes 1, 2, …; empty for a detector.
        date: When the weights were made, ISO 8601.
        recipe: How they were trained.
        accuracy: Figures measured with them, by public name of the set; under "over" by how much they exceed
            those of other engines.
        licence: SPDX identifier.
        calibration: Temperature the logits are divided by, for confidences that mean something.
        selftest: What the network must compute for a known image, see ``selftest``; without it, an engine
            does not test itself when it is loaded.
    """

    name: str
    sha256: str
    config: dict[str, Any]
    charset: str = ""
    date: str = ""
    recipe: str = ""
    accuracy: dict[str, Any] = field(default_factory=dict)
    licence: str = "Apache-2.0"
    calibration: float = 1.0
    selftest: list[list[float]] = field(default_factory=list)


def load(name: str | Path) -> tuple[dict[str, Tensor], Card]:
    """Weights, as float32 tensors of torch, and their card; see ``load_arrays``."""
    arrays, card = load_arrays(name)
    return tensors_of(arrays), card


def tensors_of(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
    """Arrays as tensors of torch, with numbers in single precision."""
    import numpy as np
    import torch

    return {
        key: torch.from_numpy(array.astype(np.float32) if array.dtype.kind == "f" else array.copy())
        for key, array in arrays.items()
    }


def load_arrays(name: str | Path) -> tuple[dict[str, NDArray[Any]], Card]:
    """Weights, of the types that they are stored in, and their card; torch is not imported.

    Args:
        name: Of weights in the package ("ctpn", "crnn"), or the path of a .safetensors file with its
            card beside it.

    Raises:
        ocrpipe.errors.WeightsError: The file or its card is missing or damaged; of a damaged file the message
            names both checksums.
    """
    path = FOLDER / f"{name}.safetensors" if Path(name).suffix == "" else Path(name)
    card = read_card(path.with_suffix(".json"))
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"cannot read the weights {path}: {error.strerror}") from error
    found = hashlib.sha256(data).hexdigest()
    if found != card.sha256:
        raise WeightsError(f"the weights {path} are damaged: sha256 is {found}, its card says {card.sha256}")
    from safetensors import SafetensorError
    from safetensors.numpy import load as parse

    try:
        arrays: dict[str, NDArray[Any]] = dict(
            sorted(parse(data).items())
        )  # their order is random, and counts in a pickle
    except (SafetensorError, KeyError) as error:  # a type of number that NumPy lacks is a KeyError
        raise WeightsError(f"{path} is no safetensors file: {error}") from error
    for key, array in arrays.items():
        if not is_finite(array):
            raise WeightsError(f"the weights {path} are of no use: {key} holds numbers that are not finite")
    if not any(bool(array.any()) for array in arrays.values()):
        raise WeightsError(f"the weights {path} are of no use: all of them are zero")
    return arrays, card


def is_finite(array: NDArray[Any]) -> bool:
    """Whether all numbers are finite; of half precision by their bits, ten times as fast."""
    import numpy as np

    if array.dtype == np.float16:
        return not bool(((array.view(np.uint16) & 0x7C00) == 0x7C00).any())
    return bool(np.isfinite(array).all())


def built(make: Callable[[], Network], tensors: Mapping[str, Tensor]) -> Network:
    """A network with weights; it is laid out without memory first, so that nothing is made that does not fit.

    Args:
        make: Makes the network.
        tensors: Its state.

    Raises:
        RuntimeError: Names, shapes or kinds of number differ; the message names a tensor.
    """
    import torch

    with torch.device("meta"):
        wanted = make().state_dict()
    for key in [*wanted, *tensors]:
        if key not in wanted or key not in tensors:
            raise RuntimeError(f"{key} is {'missing' if key in wanted else 'unknown'}")
        shape, found = tuple(wanted[key].shape), tuple(tensors[key].shape)
        if shape != found or wanted[key].is_floating_point() != tensors[key].is_floating_point():
            raise RuntimeError(
                f"{key} is {tensors[key].dtype}{list(found)}, not {wanted[key].dtype}{list(shape)}"
            )
    network = make()
    network.load_state_dict(dict(tensors))
    return network


def checksums(engine: str) -> list[str]:
    """The sha256 of all weights of a built-in engine, as their cards state them; torch is not imported.

    Raises:
        ocrpipe.errors.WeightsError: A card is missing or damaged.
    """
    return [read_card(FOLDER / f"{name}.json").sha256 for name in WEIGHTS_OF.get(engine, ())]


def read_card(path: Path) -> Card:
    """The card at ``path``.

    Raises:
        ocrpipe.errors.WeightsError: It is missing or not a card.
    """
    try:
        if path.stat().st_size > _MAX_CARD:
            raise ValueError(f"it is larger than {_MAX_CARD:,} bytes")
        card = Card(**json.loads(path.read_text(encoding="utf-8"), parse_constant=_refused))
        low, high = _CALIBRATION
        if not (
            isinstance(card.config, dict)
            and isinstance(card.charset, str)
            and isinstance(card.sha256, str)
            and low <= card.calibration <= high
            and _holds_numbers(card.selftest)
        ):
            raise ValueError("its config, charset, sha256, calibration or selftest is of no use")
        return card
    except OSError as error:
        raise WeightsError(f"cannot read the card {path}: {error.strerror}") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise WeightsError(f"{path} is no weights card: {error}") from error


def _holds_numbers(selftest: object) -> bool:
    """Whether it is a short list of lists of numbers."""
    return (
        isinstance(selftest, list)
        and len(selftest) <= _MAX_OUTPUTS
        and all(isinstance(some, list) and len(some) <= _MAX_NUMBERS for some in selftest)
        and all(
            isinstance(value, (int, float)) and abs(value) < _MAX_NUMBER
            for some in selftest
            for value in some
        )
    )


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is no number of a card")


def save(
    tensors: dict[str, Tensor],
    card: Card,
    folder: Path = FOLDER,
    selftest: Callable[[dict[str, Tensor], Card], list[list[float]]] | None = None,
) -> Path:
    """Write weights in half precision with their card, each file atomically.

    Args:
        tensors: The model's state.
        card: Its ``sha256`` is filled in here, and its ``selftest``, which other weights' cannot be.
        folder: Where ``<card.name>.safetensors`` and ``.json`` go.
        selftest: Computes ``Card.selftest`` from the state that is written; by default there is none.

    Returns:
        The weights' path.

    Raises:
        ocrpipe.errors.WeightsError: A number is too large for half precision, or is none.
    """
    from safetensors.torch import save as serialise

    halves = {k: (t.half() if t.is_floating_point() else t).contiguous() for k, t in tensors.items()}
    for key, half in halves.items():
        if not half.isfinite().all():
            raise WeightsError(f"the weights {card.name} cannot be saved: {key} is not finite as float16")
    data = serialise(halves)
    tested = (
        selftest({k: t.float() if t.is_floating_point() else t for k, t in halves.items()}, card)
        if selftest
        else []
    )
    described = {**asdict(card), "sha256": hashlib.sha256(data).hexdigest(), "selftest": tested}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{card.name}.safetensors"
    write_whole(path, data)
    text = json.dumps(described, ensure_ascii=False, indent=1) + "\n"
    write_whole(path.with_suffix(".json"), text.encode())
    return path
