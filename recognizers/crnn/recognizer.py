"""The CRNN as a ``Recognizer``: crops in, text with per-character positions and confidences out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ocrpipe.environment import has_bf16
from ocrpipe.errors import ConfigError, PluginError, WeightsError
from ocrpipe.pretrained.loader import built, load
from ocrpipe.recognizers.base import CharSpan, Recognition
from ocrpipe.recognizers.crnn.charset import Charset
from ocrpipe.recognizers.crnn.continuation import continuation
from ocrpipe.recognizers.crnn.decoding import align, prefix_beam
from ocrpipe.recognizers.crnn.language import BOUNDARY, Candidates, CharacterModel, relabelled, rescore
from ocrpipe.recognizers.crnn.lexicon import BKTree, lexicon_decode
from ocrpipe.recognizers.crnn.model import CRNN, STRIDE, CRNNConfig, Residual, Stage
from ocrpipe.recognizers.crnn.preprocess import prepare, scale_of, to_input
from ocrpipe.recognizers.crnn.transcription import BestClasses
from ocrpipe.recognizers.ctc import BLANK, Emission, collapse
from ocrpipe.recognizers.spans import spans_around
from ocrpipe.threads import TorchWorkers, available_threads


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
        batch_pixels: Summed padded width of a batch: 16 lines of 768 px.
        max_padding: Fraction of a batch's pixels that may be padding.
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


_DEFAULT = Decoding()
_INK_ONLY = Decoding(language=0.0)


class CRNNRecognizer:
    """Reads line crops.

    What is read from a crop does not depend on the other crops of a call: each is scaled and padded by
    itself, and where widths differ within a batch, what lies beyond a crop's own end is masked everywhere.

    Args:
        weights: A .safetensors file with its card; by default those in the package.
        device: "cpu", "cuda", "mps" …
        threads: Processor threads of a call; by default as many as the process may run.
        options: Greedy decoding by default, rescored by the language model.
        bf16: Compute in bfloat16; by default where the processor has instructions for it.

    Raises:
        ocrpipe.errors.WeightsError: The weights are missing, damaged or do not fit.

    Attributes:
        calibrated: Confidences are probabilities.
        Options: Type of ``options``.
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
    ) -> None:
        name = weights or "crnn"
        tensors, card = load(name)
        try:
            config, charset = CRNNConfig.from_dict(card.config), Charset(card.charset)
        except (TypeError, ValueError) as error:
            raise WeightsError(f"the card of the weights {name} is no CRNN's: {error}") from error
        try:
            model = built(lambda: CRNN(config), tensors)
        except RuntimeError as error:
            raise WeightsError(
                f"the weights {name} do not fit their card's configuration: {error}"
            ) from error
        self._set_up(model, charset, device, threads, options, bf16, card.calibration)

    @classmethod
    def from_model(
        cls,
        model: CRNN,
        charset: Charset,
        *,
        threads: int | None = None,
        options: Decoding = _INK_ONLY,
        bf16: bool | None = None,
    ) -> CRNNRecognizer:
        """A recogniser around a copy of a ready model, as training needs it: without the language."""
        copy = CRNN(model.config)
        copy.load_state_dict(model.state_dict())
        self = cls.__new__(cls)
        self._set_up(copy, charset, "cpu", threads, options, bf16, 1.0)
        return self

    def _set_up(
        self,
        model: CRNN,
        charset: Charset,
        device: str,
        threads: int | None,
        decoding: Decoding,
        bf16: bool | None,
        temperature: float,
    ) -> None:
        if model.config.classes != len(charset):
            raise WeightsError(f"the model has {model.config.classes} classes, its charset {len(charset)}")
        self._charset = charset
        self._height = model.config.height
        self._device = torch.device(device)
        # A worker a batch: the steps of an LSTM are too small to be divided among threads.
        self._workers = TorchWorkers(threads or available_threads(), 1)
        self._decoding = decoding
        self._tree = BKTree(decoding.lexicon) if decoding.lexicon else None
        self._language = load_language() if decoding.language and decoding.best_path else None
        if self._language:
            self._indices = (BOUNDARY, *self._language.indices(charset.characters))
        self._bf16 = has_bf16() and self._device.type == "cpu" if bf16 is None else bf16
        self._model = _fused(model.eval()).to(self._device)
        self._model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        precision = torch.bfloat16 if self._bf16 else torch.float32
        self._classes = BestClasses(self._model.classify, temperature, precision)

    def recognize(self, crops: Sequence[NDArray[np.uint8]]) -> tuple[Recognition, ...]:
        """Read upright single-line crops; see ``ocrpipe.recognizers.base.Recognizer``.

        Raises:
            ocrpipe.errors.ConfigError: A crop has no pixels or is not H×W or H×W×3 uint8.
        """
        for i, crop in enumerate(crops):
            _check(crop, i)
        prepared = [prepare(crop, self._height) for crop in crops]
        batches = list(_batches([image.shape[1] for image in prepared], self._decoding))
        decoded = self._workers.map(self._decode, [[prepared[i] for i in batch] for batch in batches])
        found: dict[int, Recognition] = {}
        for batch, emissions in zip(batches, decoded, strict=True):
            for i, emitted in zip(batch, emissions, strict=True):
                found[i] = self._place(emitted, crops[i].shape[1], scale_of(crops[i], self._height))
        return tuple(found[i] for i in range(len(crops)))

    @property
    def continuation(self) -> Callable[[str, str], float] | None:
        """How well a text goes on in another, by the language model; None where none is used."""
        return partial(continuation, self._language) if self._language else None

    @torch.inference_mode()
    def _decode(self, images: list[NDArray[np.uint8]]) -> list[list[Emission]]:
        widths = [image.shape[1] for image in images]
        white = np.full((len(images), self._height, max(widths)), 255, np.uint8)
        for row, image in zip(white, images, strict=True):
            row[:, : image.shape[1]] = image
        inputs = torch.from_numpy(to_input(white))[:, None].to(
            self._device, memory_format=torch.channels_last
        )
        frames = [width // STRIDE for width in widths]
        mask = None if len(set(widths)) == 1 else torch.tensor(frames, device=self._device)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16):
            features = self._model.features(inputs, mask)
        if not features.sum().isfinite():
            raise PluginError("recognizer 'crnn' computed numbers that are not finite")
        lines = [line[:count] for line, count in zip(features, frames, strict=True)]
        if not self._decoding.best_path:
            return [self._search(self._classes.log_probs(line).cpu().numpy()) for line in lines]
        winners = (part.cpu().numpy() for part in self._classes.best(torch.cat(lines)))
        labels, values = (np.split(part, np.cumsum(frames)[:-1]) for part in winners)
        found = [collapse(*one) for one in zip(labels, values, strict=True)]
        return [self._rescored(*one) for one in zip(found, lines, strict=True)] if self._language else found

    def _rescored(self, emissions: list[Emission], features: Tensor) -> list[Emission]:
        """The emissions after the language model has chosen among the candidates of doubtful ones."""
        options = self._decoding
        doubtful = [i for i, emission in enumerate(emissions) if emission.confidence < options.rescore_below]
        if not doubtful or self._language is None:
            return emissions
        frames = [emissions[i].frame for i in doubtful]
        count = min(options.candidates, len(self._charset))
        likeliest = self._classes.log_probs(features[frames]).topk(count, -1)
        candidates = [Candidates((emission.label,), (0.0,)) for emission in emissions]
        for i, values, labels in zip(
            doubtful, likeliest.values.tolist(), likeliest.indices.tolist(), strict=True
        ):
            near = [
                (label, value)
                for label, value in zip(labels, values, strict=True)
                if label != BLANK and value > values[0] - options.candidate_range
            ]
            candidates[i] = Candidates(*zip(*near, strict=True))
        best = rescore(candidates, self._language, self._indices, self._decoding.language)
        return relabelled(emissions, best, candidates)

    def _search(self, log_probs: NDArray[np.float32]) -> list[Emission]:
        if self._tree is not None:
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
    tensors, card = load(weights or "language")
    return CharacterModel.from_arrays(
        {name: tensor.numpy() for name, tensor in tensors.items()}, card.charset
    )


def _check(crop: NDArray[np.uint8], index: int) -> None:
    if not isinstance(crop, np.ndarray):
        raise ConfigError(f"crop {index} is {type(crop).__name__}, not an array")
    if crop.dtype != np.uint8 or not crop.size or not (crop.ndim == 2 or crop.shape[2:] == (3,)):
        wanted = "a non-empty H×W or H×W×3 uint8"
        raise ConfigError(f"crop {index} is {crop.dtype}{list(crop.shape)}, not {wanted}")


def _batches(widths: list[int], options: Decoding) -> Iterator[list[int]]:
    """Indices of similar widths together, so that little of a batch is padding."""
    batch: list[int] = []
    for i in sorted(range(len(widths)), key=lambda i: -widths[i]):
        if batch:
            widest = widths[batch[0]]
            full = (len(batch) + 1) * widest > options.batch_pixels
            if full or widths[i] < (1 - options.max_padding) * widest:
                yield batch
                batch = []
        batch.append(i)
    if batch:
        yield batch


def _fused(model: CRNN) -> CRNN:
    """The model with every batch normalisation folded into the convolution before it."""
    for stage in model.stages:
        for layers in (stage, stage.body) if isinstance(stage, Residual) else (stage,):
            if isinstance(layers, Stage):
                _fuse(layers)
    return model


def _fuse(stage: Stage) -> None:
    for i, layer in enumerate(stage):
        if isinstance(layer, nn.BatchNorm2d):
            convolution = stage[i - 1]
            assert isinstance(convolution, nn.Conv2d)  # so both backbones are built
            stage[i - 1] = fuse_conv_bn_eval(convolution, layer)
            stage[i] = nn.Identity()
