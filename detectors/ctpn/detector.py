"""The detector: a page in, its lines of text out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrpipe.detectors.base import TextLine
from ocrpipe.detectors.ctpn.anchors import AnchorGrid
from ocrpipe.detectors.ctpn.config import CTPNConfig
from ocrpipe.detectors.ctpn.lines import LineOptions, build, decode
from ocrpipe.detectors.ctpn.margins import expand, expand_apart
from ocrpipe.detectors.ctpn.network import Network, OpenVINONetwork, Predicted
from ocrpipe.detectors.ctpn.scale import ScaleOptions, text_heights
from ocrpipe.errors import ConfigError, PluginError, WeightsError
from ocrpipe.geometry import clip_quad, to_quad
from ocrpipe.pretrained.selftest import compare, pattern
from ocrpipe.runtime import choose_runtime
from ocrpipe.threads import available_threads

if TYPE_CHECKING:
    from ocrpipe.detectors.ctpn.model import CTPN

_MULTIPLE = 32
_MIN_WIDTH = 64  # pixels; a multiple of _MULTIPLE
_SOLID = 0.7  # score from which a line is certain
_FEW = 3  # with fewer such lines, a second scale is tried
_CLOSER = 1.4  # minimum ratio of the two scales then
_MUCH_CLOSER = 3.5  # ratio from which it is always tried; 161 real pages have at most 2.5


@dataclass(frozen=True)
class DetectorOptions:
    """Scale, margins and thresholds of the detector.

    Attributes:
        text_height: Pixels to which a page's typical line height is scaled.
        max_pixels: Maximum number of pixels of the scaled page, which bounds time and memory.
        max_enlargement: Maximum factor by which a page is enlarged.
        default_lines: Assumed number of lines per page height where there are too few glyphs to measure.
        max_default_height: Maximum line height, in pixels, assumed for an image that may be a single line.
        scale: How text height is measured.
        margin: Margin of quads around the ink, at the ends, and above and below, in line heights. The
            network's own boxes are tight; annotators and other detectors draw larger ones. Lines that are
            closer share the space between them.
        crop_margin: Likewise of crops; a wider margin costs the recogniser resolution.
        lines: Thresholds of the text-line construction.
    """

    text_height: float = 20.0
    max_pixels: int = 3_000_000
    max_enlargement: float = 3.0
    default_lines: float = 60.0
    max_default_height: float = 70.0
    scale: ScaleOptions = ScaleOptions()
    margin: tuple[float, float] = (0.22, 0.27)
    crop_margin: tuple[float, float] = (0.02, 0.06)
    lines: LineOptions = LineOptions()

    def __post_init__(self) -> None:
        if self.text_height <= 0 or self.max_pixels < _MULTIPLE**2 or self.max_enlargement <= 0:
            raise ConfigError(f"options out of range: {self}")


class CTPNDetector:
    """Finds lines of text with a CTPN. One instance may serve several threads.

    Args:
        weights: Path of a .safetensors file with its card beside it; by default those in the package.
        device: "cpu", "cuda" or "mps".
        threads: Processor threads of a call; by default as many as the process may run.
        options: Scale, margins and thresholds.
        runtime: "openvino", "torch" or "auto"; see ``ocrpipe.runtime.choose_runtime``.

    Raises:
        WeightsError: The weights are missing, damaged, or not a CTPN's.
        ConfigError: The runtime is unknown, or does not run on the device.
        MissingExtraError: The runtime is not installed.

    Attributes:
        calibrated: Scores are probabilities.
        Options: Type of ``options``.
        runtime: "openvino" or "torch".
    """

    calibrated = True
    Options = DetectorOptions

    def __init__(
        self,
        weights: str | Path | None = None,
        *,
        device: str = "cpu",
        threads: int | None = None,
        options: DetectorOptions | None = None,
        runtime: str = "auto",
    ) -> None:
        from ocrpipe.pretrained.loader import load_arrays

        self.runtime = choose_runtime(runtime, device)
        arrays, card = load_arrays(weights or "ctpn")
        count = threads or available_threads()
        try:
            config = CTPNConfig.from_dict(card.config)
            if self.runtime == "openvino":
                network: Network = OpenVINONetwork(config, arrays, card.sha256, count)
            else:
                network = _torch_network(config, arrays, device, count)
        except (ConfigError, WeightsError, RuntimeError, TypeError) as error:
            reason = str(error).splitlines()[0]
            raise WeightsError(
                f"{weights or 'ctpn'} does not hold the weights of a CTPN: {reason}"
            ) from error
        if card.selftest:
            outputs = selftest_outputs(network, config)
            compare(
                outputs,
                card.selftest,
                f"detector 'ctpn' on {self.runtime} with the weights {weights or 'ctpn'}",
            )
        self._prepare(network, config, options)

    @classmethod
    def from_model(
        cls,
        model: CTPN,
        *,
        device: str = "cpu",
        threads: int | None = None,
        options: DetectorOptions | None = None,
        runtime: str = "torch",
    ) -> CTPNDetector:
        """A detector around a network at hand, for instance one in training; the network is copied."""
        detector = cls.__new__(cls)
        detector.runtime = choose_runtime(runtime, device)
        count = threads or available_threads()
        if detector.runtime == "openvino":
            arrays = {name: tensor.cpu().numpy().copy() for name, tensor in model.state_dict().items()}
            network: Network = OpenVINONetwork(model.config, arrays, "", count)
        else:
            from ocrpipe.detectors.ctpn.model import CTPN
            from ocrpipe.detectors.ctpn.torch_network import TorchNetwork

            copy = CTPN(model.config)
            copy.load_state_dict(model.state_dict())
            network = TorchNetwork(copy, device, count)
        detector._prepare(network, model.config, options)
        return detector

    def _prepare(self, network: Network, config: CTPNConfig, options: DetectorOptions | None) -> None:
        self.config = config
        self.options = options or DetectorOptions()
        self._network = network

    def detect(self, image: NDArray[np.uint8]) -> Sequence[TextLine]:
        """Find the lines of text on a page whose lines run from left to right within a few degrees.

        Args:
            image: H×W×3, RGB, uint8; never empty.

        Returns:
            Lines as rotated rectangles, cut at the image's border, in its pixels.
        """
        grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
        if np.ptp(grey) == 0:
            return ()
        scale, closer = self.working_scales(grey)
        lines = self._lines_at(scale, image, grey)
        # Pictures and coloured cells may have been taken for glyphs, or there were too few glyphs to measure.
        if closer > (_MUCH_CLOSER if _solid(lines) >= _FEW else _CLOSER) * scale:
            lines = max(lines, self._lines_at(closer, image, grey), key=_solid)
        return lines

    def _lines_at(
        self, scale: float, image: NDArray[np.uint8], grey: NDArray[np.uint8]
    ) -> tuple[TextLine, ...]:
        """Lines that are found on the page scaled by a factor."""
        height, width = grey.shape
        scaled = _resize(grey if self.config.channels == 1 else image, scale)
        padded, grid = self._pad(scaled)
        score, vertical, side = self._predict(padded)
        proposals = decode(score, vertical, side, grid, self.options.lines.min_score)
        lines = build(proposals, grid.stride[1], self.options.lines)

        back = width / scaled.shape[1], height / scaled.shape[0]
        margin, crop_margin = self.options.margin, self.options.crop_margin
        quads, crops = (
            [clip_quad(to_quad(quad), width, height) for quad in some * back]
            for some in (expand_apart(lines.quads, margin, crop_margin[1]), expand(lines.quads, crop_margin))
        )
        return tuple(
            TextLine(quad, float(score), crop)
            for quad, score, crop in zip(quads, lines.scores, crops, strict=True)
            if cv2.contourArea(np.asarray(crop, np.float32)) > 1
        )

    def _predict(self, image: NDArray[np.uint8]) -> Predicted:
        """The network's scores, vertical coordinates and side offsets of an H×W or H×W×C image."""
        prediction = self._network(image)
        if not all(np.isfinite(part.sum()) for part in prediction):
            raise PluginError("detector 'ctpn' computed numbers that are not finite")
        return prediction

    def working_scale(self, grey: NDArray[np.uint8]) -> float:
        """Factor that scales a page's text to ``text_height``."""
        return self.working_scales(grey)[0]

    def working_scales(self, grey: NDArray[np.uint8]) -> tuple[float, float]:
        """Likewise for the page's typical text, and for its smaller text, which is 0.0 without any ink."""
        height, width = grey.shape
        options = self.options
        # Without enough glyphs to measure, an image may be a single line or a page of text of common size.
        line, page = min(0.7 * height, options.max_default_height), height / options.default_lines
        typical, smaller = text_heights(grey, options.scale)
        most = min(options.max_enlargement, math.sqrt(options.max_pixels / (height * width)))
        scale = min(options.text_height / (typical or max(line, page)), most)
        return scale, min(options.text_height / smaller, most) if smaller else 0.0

    def _pad(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], AnchorGrid]:
        """The image on a canvas of its own paper, with sides that the network's strides divide."""
        height, width = image.shape[:2]
        # In bfloat16, oneDNN's convolutions of narrower pages differ from call to call, NaN included.
        bottom, right = -height % _MULTIPLE, max(_MIN_WIDTH - width, -width % _MULTIPLE)
        paper = [float(np.median(channel)) for channel in cv2.split(image)]
        canvas = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_CONSTANT, value=paper)
        size = (height + bottom, width + right)
        return np.asarray(canvas, np.uint8), AnchorGrid.of(size, self.config.stride, self.config.heights)


def _torch_network(config: CTPNConfig, arrays: dict[str, NDArray[Any]], device: str, threads: int) -> Network:
    from ocrpipe.detectors.ctpn.model import CTPN
    from ocrpipe.detectors.ctpn.torch_network import TorchNetwork
    from ocrpipe.pretrained.loader import built, tensors_of

    return TorchNetwork(built(lambda: CTPN(config), tensors_of(arrays)), device, threads)


def selftest_outputs(network: Network, config: CTPNConfig) -> Predicted:
    """What a network computes for the image of the self-test."""
    image = pattern(_MULTIPLE, _MIN_WIDTH)
    return network(image if config.channels == 1 else np.dstack([image] * config.channels))


def _solid(lines: Sequence[TextLine]) -> int:
    return sum(line.score >= _SOLID for line in lines)


def _resize(image: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)
