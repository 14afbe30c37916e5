"""Where characters end that a network placed by their middles only."""

from __future__ import annotations

from collections.abc import Sequence


def spans_around(centers: Sequence[float], reach: float, width: float) -> list[tuple[float, float]]:
    """From the middles of a line's characters to where each starts and ends.

    Args:
        centers: Middles along the crop in pixels, in ascending order.
        reach: The most that a character extends to either side, in pixels.
        width: Of the crop in pixels.

    Returns:
        Start and end of each: halfway to its neighbours, no farther than ``reach``, within the crop.
    """
    spans = []
    for i, center in enumerate(centers):
        left = (centers[i - 1] + center) / 2 if i else center - reach
        right = (center + centers[i + 1]) / 2 if i + 1 < len(centers) else center + reach
        start, end = max(left, center - reach), min(right, center + reach)
        spans.append((min(max(start, 0.0), width), min(max(end, 0.0), width)))
    return spans
