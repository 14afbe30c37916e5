"""The CRNN as a ``Recognizer``: crops in, text with per-character positions and confidences out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ocrpipe.errors import ConfigError, WeightsError
from ocrpipe.pretrained.loader import Card, load_arrays
from ocrpipe.pretrained.selftest import compare, pattern
from ocrpipe.recognizers.base import CharSpan, Recognition
from ocrpipe.recognizers.crnn.charset import Charset
from ocrpipe.recognizers.crnn.config import STRIDE, CRNNConfig
from ocrpipe.recognizers.crnn.continuation import continuation
from ocrpipe.recognizers.crnn.decoding import align, prefix_beam
from ocrpipe.recognizers.crnn.language import BOUNDARY, Candidates, CharacterModel, relabelled, rescore
from ocrpipe.recognizers.crnn.network import Features, Network
from ocrpipe.recognizers.crnn.preprocess import prepare, scale_of
from ocrpipe.recognizers.ctc import BLANK, Emission, collapse
from ocrpipe.recognizers.spans import spans_around
from ocrpipe.runtime import choose_runtime
from ocrpipe.threads import available_threads

if TYPE_CHECKING:
    from ocrpipe.recognizers.crnn.lexicon import BKTree
    from ocrpipe.recognizers.crnn.model import CRNN


@dataclass(frozen=True)
class Decoding:
    """How frames become text.

    Attributes:
        language: Weight of the character language model that rescores characters read with little confidence;
            0 does without. It has no part in beam search and lexicon decoding.
        rescore_below: Characters with a lower confidence are rescored.
        candidates: Classes that a character to be rescored may be.
        candidate_range: Natural logarithm of the ratio of the best candidate's probability to the last one's.
        beam_width: Hypotheses of the prefix beam search; 1 decodes greedily.
        lexicon: If not empty, a line is read as one of these words where one is within ``max_distance`` edits
            of what was read (arXiv 1507.05717, section 2.3.2).
        max_distance: See ``lexicon``.
        batch_pixels: Summed padded width of a batch in torch: 16 lines of 768 px. OpenVINO takes lines
            in rows, in a batch for each thread.
        max_padding: Fraction of the pixels of a batch in torch that may be padding.
    """

    language: float = 0.2
    rescore_below: float = 0.9
    candidates: int = 6
    candidate_range: float = 5.0
    beam_width: int = 1
    lexicon: tuple[str, ...] = ()
    max_distance: int = 3
    batch_pixels: int = 12_288
    max_padding: float = 0.2

    def __post_init__(self) -> None:
        counts = self.beam_width, self.candidates, self.batch_pixels
        if min(counts) < 1 or self.max_distance < 0 or self.language < 0 or not 0 <= self.max_padding < 1:
            raise ConfigError(f"these settings of decoding make no sense: {self}")

    @property
    def best_path(self) -> bool:
        """Whether each frame's most probable class is what counts."""
        return self.beam_width == 1 and not self.lexicon


_TEST_WIDTH = 64  # pixels

_DEFAULT = Decoding()
_INK_ONLY = Decoding(language=0.0)


class CRNNRecognizer:
    """Reads line crops.

    What is read from a crop does not depend on the other crops of a call: each is scaled and padded by
    itself, and where several share a row or a batch, what lies beyond a crop's own end is masked everywhere.

    Args:
        weights: A .safetensors file with its card; by default those in the package.
        device: "cpu", "cuda", "mps" …
        threads: Processor threads of a call; by default as many as the process may run.
        options: Greedy decoding by default, rescored by the language model.
        bf16: Compute in bfloat16; by default where the processor has instructions for it.
        runtime: "openvino", "torch" or "auto"; see ``ocrpipe.runtime.choose_runtime``.

    Raises:
        ocrpipe.errors.WeightsError: The weights are missing, damaged or do not fit.
        ocrpipe.errors.ConfigError: The runtime is unknown, or does not run on the device.
        ocrpipe.errors.MissingExtraError: The runtime is not installed.

    Attributes:
        calibrated: Confidences are probabilities.
        Options: Type of ``options``.
        runtime: "openvino" or "torch".
    """

    calibrated = True
    Options = Decoding

    def __init__(
        self,
        weights: str | Path | None = None,
        *,
        device: str = "cpu",
        threads: int | None = None,
        options: Decoding = _DEFAULT,
        bf16: bool | None = None,
        runtime: str = "auto",
    ) -> None:
        self.runtime = choose_runtime(runtime, device)
        name = weights or "crnn"
        arrays, card = load_arrays(name)
        try:
            config, charset = CRNNConfig.from_dict(card.config), Charset(card.charset)
        except (TypeError, ValueError) as error:
            raise WeightsError(f"the card of the weights {name} is no CRNN's: {error}") from error
        if config.classes != len(charset):
            raise WeightsError(f"the model has {config.classes} classes, its charset {len(charset)}")
        count = threads or available_threads()
        if self.runtime == "openvino":
            network: Network = _openvino_network(config, arrays, card, name, count, bf16)
        else:
            from ocrpipe.recognizers.crnn.torch_network import TorchNetwork, model_of

            model = model_of(config, arrays, name)
            network = TorchNetwork(model, device, count, card.calibration, bf16)
        if card.selftest:
            outputs = selftest_outputs(network, config, card.calibration)
            compare(outputs, card.selftest, f"recognizer 'crnn' on {self.runtime} with the weights {name}")
        self._set_up(network, config, charset, options)

    @classmethod
    def from_model(
        cls,
        model: CRNN,
        charset: Charset,
        *,
        threads: int | None = None,
        options: Decoding = _INK_ONLY,
        bf16: bool | None = None,
        runtime: str = "torch",
    ) -> CRNNRecognizer:
        """A recogniser around a copy of a ready model, as training needs it: without the language."""
        config = model.config
        if config.classes != len(charset):
            raise WeightsError(f"the model has {config.classes} classes, its charset {len(charset)}")
        self = cls.__new__(cls)
        self.runtime = choose_runtime(runtime, "cpu")
        count = threads or available_threads()
        if self.runtime == "openvino":
            from ocrpipe.recognizers.crnn.openvino_network import OpenVINONetwork

            arrays = {name: tensor.cpu().numpy().copy() for name, tensor in model.state_dict().items()}
            network: Network = OpenVINONetwork(config, arrays, "", count, 1.0, bf16)
        else:
            from ocrpipe.recognizers.crnn.model import CRNN
            from ocrpipe.recognizers.crnn.torch_network import TorchNetwork

            copy = CRNN(config)
            copy.load_state_dict(model.state_dict())
            network = TorchNetwork(copy, "cpu", count, 1.0, bf16)
        self._set_up(network, config, charset, options)
        return self

    def _set_up(self, network: Network, config: CRNNConfig, charset: Charset, decoding: Decoding) -> None:
        self._network = network
        self._charset = charset
        self._height = config.height
        self._decoding = decoding
        self._tree: BKTree | None = None
        if decoding.lexicon:
            from ocrpipe.recognizers.crnn.lexicon import BKTree

            self._tree = BKTree(decoding.lexicon)
        self._language = load_language() if decoding.language and decoding.best_path else None
        if self._language:
            self._indices = (BOUNDARY, *self._language.indices(charset.characters))

    def recognize(self, crops: Sequence[NDArray[np.uint8]]) -> tuple[Recognition, ...]:
        """Read upright single-line crops; see ``ocrpipe.recognizers.base.Recognizer``.

        Raises:
            ocrpipe.errors.ConfigError: A crop has no pixels or is not H×W or H×W×3 uint8.
        """
        for i, crop in enumerate(crops):
            _check(crop, i)
        prepared = [prepare(crop, self._height) for crop in crops]
        options, widths = self._decoding, [image.shape[1] for image in prepared]
        batches = self._network.batches(widths, options.batch_pixels, options.max_padding)
        decoded = self._network.map(self._decode, [[prepared[i] for i in batch] for batch in batches])
        found: dict[int, Recognition] = {}
        for batch, emissions in zip(batches, decoded, strict=True):
            for i, emitted in zip(batch, emissions, strict=True):
                found[i] = self._place(emitted, crops[i].shape[1], scale_of(crops[i], self._height))
        return tuple(found[i] for i in range(len(crops)))

    @property
    def continuation(self) -> Callable[[str, str], float] | None:
        """How well a text goes on in another, by the language model; None where none is used."""
        return partial(continuation, self._language) if self._language else None

    def _decode(self, images: list[NDArray[np.uint8]]) -> list[list[Emission]]:
        lines = self._network.features(images)
        if not self._decoding.best_path:
            return [self._search(self._network.log_probs(line)) for line in lines]
        found = [collapse(*one) for one in self._network.winners(lines)]
        return self._rescored(found, lines) if self._language else found

    def _rescored(self, lines: list[list[Emission]], features: list[Features]) -> list[list[Emission]]:
        """The emissions after the language model has chosen among the candidates of doubtful ones."""
        options = self._decoding
        doubtful = [
            [i for i, emission in enumerate(line) if emission.confidence < options.rescore_below]
            for line in lines
        ]
        asked = [i for i, some in enumerate(doubtful) if some]
        if not asked:
            return lines
        likeliest = self._network.likeliest(
            [features[i] for i in asked],
            [[lines[i][j].frame for j in doubtful[i]] for i in asked],
            min(options.candidates, len(self._charset)),
        )
        rescored = list(lines)
        for i, (labels, values) in zip(asked, likeliest, strict=True):
            rescored[i] = self._chosen(lines[i], doubtful[i], labels, values)
        return rescored

    def _chosen(
        self,
        emissions: list[Emission],
        doubtful: list[int],
        likeliest: list[list[int]],
        log_probs: list[list[float]],
    ) -> list[Emission]:
        """A line's emissions, the doubtful ones of which may be any of the likeliest labels."""
        assert self._language is not None
        candidates = [Candidates((emission.label,), (0.0,)) for emission in emissions]
        for i, values, labels in zip(doubtful, log_probs, likeliest, strict=True):
            near = [
                (label, value)
                for label, value in zip(labels, values, strict=True)
                if label != BLANK and value > values[0] - self._decoding.candidate_range
            ]
            candidates[i] = Candidates(*zip(*near, strict=True))
        best = rescore(candidates, self._language, self._indices, self._decoding.language)
        return relabelled(emissions, best, candidates)

    def _search(self, log_probs: NDArray[np.float32]) -> list[Emission]:
        if self._tree is not None:
            from ocrpipe.recognizers.crnn.lexicon import lexicon_decode

            limit = self._decoding.max_distance
            return lexicon_decode(log_probs, self._charset, self._tree, max_distance=limit)
        return align(log_probs, prefix_beam(log_probs, beam_width=self._decoding.beam_width)[0].labels)

    def _place(self, emissions: list[Emission], width: int, scale: float) -> Recognition:
        """Spans of the characters, at most as wide as a hanzi."""
        centers = [(emission.frame + 0.5) * STRIDE / scale for emission in emissions]
        spans = tuple(
            CharSpan(self._charset.decode([emission.label]), emission.confidence, start, end)
            for emission, (start, end) in zip(
                emissions, spans_around(centers, 0.5 * self._height / scale, width), strict=True
            )
        )
        return Recognition("".join(span.text for span in spans), spans)


def load_language(weights: str | Path | None = None) -> CharacterModel:
    """The language model of a .safetensors file, by default the one in the package.

    Raises:
        ocrpipe.errors.WeightsError: The file is missing, damaged, or no language model.
    """
    arrays, card = load_arrays(weights or "language")
    return CharacterModel.from_arrays(
        {key: a.astype(np.float32) if a.dtype.kind == "f" else a for key, a in arrays.items()}, card.charset
    )


def selftest_outputs(network: Network, config: CRNNConfig, temperature: float) -> list[NDArray[np.float32]]:
    """What a network computes for the image of the self-test, as scores of no temperature and a mean of 0."""
    image = pattern(config.height, _TEST_WIDTH)

    def scores(images: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
        (line,) = network.features(images)
        return network.log_probs(line[::4])

    (found,) = network.map(scores, [[image]])
    return [temperature * (found - found.mean(1, keepdims=True))]


def _check(crop: NDArray[np.uint8], index: int) -> None:
    if not isinstance(crop, np.ndarray):
        raise ConfigError(f"crop {index} is {type(crop).__name__}, not an array")
    if crop.dtype != np.uint8 or not crop.size or not (crop.ndim == 2 or crop.shape[2:] == (3,)):
        wanted = "a non-empty H×W or H×W×3 uint8"
        raise ConfigError(f"crop {index} is {crop.dtype}{list(crop.shape)}, not {wanted}")


def _openvino_network(
    config: CRNNConfig,
    arrays: dict[str, NDArray[Any]],
    card: Card,
    name: str | Path,
    threads: int,
    bf16: bool | None,
) -> Network:
    from ocrpipe.recognizers.crnn.openvino_network import OpenVINONetwork

    try:
        return OpenVINONetwork(config, arrays, card.sha256, threads, card.calibration, bf16)
    except WeightsError as error:
        raise WeightsError(f"the weights {name} do not fit their card's configuration: {error}") from error
