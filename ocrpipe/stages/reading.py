"""Cut crops of lines from the page and read them; those of low confidence twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ocrpipe.detectors.base import TextLine
from ocrpipe.errors import ConfigError
from ocrpipe.geometry import Image
from ocrpipe.page import Quad
from ocrpipe.recognizers.base import Recognition
from ocrpipe.stages.frame import PageFrame

Recognize = Callable[[Sequence[Image]], Sequence[Recognition]]
"""Reads crops that each hold one line, H×W×3 RGB, uint8."""


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """How lines are cut out and read.

    Attributes:
        pad: Margin around the detector's crop quad, as a fraction of its height; negative values cut into it.
            A wider margin costs the recogniser resolution.
        second_pass_below: Lines read with a lower confidence are cut out closer to the ink and read again,
            and the reading with the higher confidence is kept; 0 reads every line once.
        second_pass_margin: By how much ``pad`` is smaller at the second pass, a fraction likewise.
    """

    pad: float = 0.0
    second_pass_below: float = 0.9
    second_pass_margin: float = 0.06

    def __post_init__(self) -> None:
        if (
            not -0.2 <= self.pad <= 1
            or not 0 <= self.second_pass_below <= 1
            or abs(self.second_pass_margin) > 0.5
        ):
            raise ConfigError(f"options out of range: {self}")


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read from a line, in the level view's coordinates.

    Attributes:
        line: Where the line is, and the detector's score.
        recognition: Its text, with spans in pixels of the crop.
        crop_width: Width of the crop in pixels.
        pad: Margin of the crop around ``line``'s own, as a fraction of its height.
        vertical: Whether it is a column of upright characters; its quad runs down the column.
    """

    line: TextLine
    recognition: Recognition
    crop_width: int
    pad: float
    vertical: bool = False

    @property
    def quad(self) -> Quad:
        """Corners of the line."""
        return self.line.quad

    @property
    def text(self) -> str:
        """What was read, as the recogniser gave it."""
        return self.recognition.text

    @property
    def confidence(self) -> float:
        """Mean confidence of the characters."""
        return self.recognition.confidence

    @property
    def score(self) -> float:
        """The detector's confidence that there is a line."""
        return self.line.score


def read_lines(
    frame: PageFrame, lines: Sequence[TextLine], recognize: Recognize, options: ReadingOptions
) -> list[Reading]:
    """Read lines of a page's level view from the caller's own pixels.

    Args:
        frame: The page.
        lines: In the view's coordinates.
        recognize: Reads crops.
        options: Margins and the second pass.

    Returns:
        A reading for each line, in the order given.
    """
    readings = _read_once(frame, lines, recognize, options.pad)
    doubtful = [i for i, reading in enumerate(readings) if reading.confidence < options.second_pass_below]
    closer = options.pad - options.second_pass_margin
    second = _read_once(frame, [lines[i] for i in doubtful], recognize, closer)
    for i, reading in zip(doubtful, second, strict=True):
        readings[i] = max(readings[i], reading, key=lambda either: either.confidence)
    return readings


def _read_once(
    frame: PageFrame, lines: Sequence[TextLine], recognize: Recognize, pad: float
) -> list[Reading]:
    if not lines:
        return []
    crops = [frame.crop(line.crop or line.quad, pad) for line in lines]
    return [
        Reading(line, recognition, crop.shape[1], pad)
        for line, recognition, crop in zip(lines, recognize(crops), crops, strict=True)
    ]
