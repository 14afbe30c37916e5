"""Which way up a page is and how it is skewed, asked apart from reading it."""

from __future__ import annotations

from collections.abc import Sequence

from ocrpipe.geometry import Image, quad_size, rectify, turn
from ocrpipe.pipeline import Pipeline
from ocrpipe.recognizers.base import Recognition
from ocrpipe.stages.orientation import estimate_skew, quarter_turns

_SAMPLE = 8  # lines read each way up
_CLEAR = 0.2  # by how much more surely text reads upright; 0.21 to 0.65 on real pages, either script
_FEW = 10  # characters; fewer may read well upside down by chance


def which_way_up(pipeline: Pipeline, image: Image) -> tuple[int, float]:
    """The clockwise quarter turn that makes a page upright, and how sure that is.

    The longest lines are read the way they lie and upside down; what counts is by how much the mean
    confidence of the characters differs. Lines of both axes are read where the image does not tell theirs.

    Args:
        pipeline: Finds and reads the lines; its ``options.orientation`` has to be off.
        image: H×W×3, RGB, uint8.

    Returns:
        0, 90, 180 or 270, and from 0.0, nothing to go by, to 1.0, beyond doubt.
    """
    found: list[tuple[float, int, int]] = []  # confidence, characters, turn
    turns = quarter_turns(image)
    for turned in turns[::2]:
        upright = turn(image, turned)
        lines = sorted(pipeline.detect(upright), key=lambda line: -quad_size(line.quad)[0])[:_SAMPLE]
        crops = [rectify(upright, line.quad) for line in lines]
        read = pipeline.recognize([*crops, *(turn(crop, 180) for crop in crops)])
        found.append((*_confidence(read[: len(crops)]), turned))
        found.append((*_confidence(read[len(crops) :]), (turned + 180) % 360))
    (best, characters, turned), (second, *_) = sorted(found, key=lambda one: -one[0])[:2]
    if not characters:
        return 0, 0.0
    return turned, min(1.0, (best - second) / _CLEAR) * min(1.0, characters / _FEW)


def skew(image: Image) -> float:
    """Direction of the text in degrees within ±15, clockwise positive, whatever its quarter turn.

    Args:
        image: H×W×3, RGB, uint8.
    """
    return estimate_skew(turn(image, quarter_turns(image)[0]))


def _confidence(read: Sequence[Recognition]) -> tuple[float, int]:
    """Mean confidence of the characters, and how many there are."""
    chars = [char.confidence for one in read for char in one.chars if not char.text.isspace()]
    return (sum(chars) / len(chars) if chars else 0.0), len(chars)
