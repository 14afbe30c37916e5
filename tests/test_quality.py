from __future__ import annotations

import cv2
import numpy as np
import pytest

from ocrpipe.detectors.base import TextLine
from ocrpipe.page import PageWarning, Quad
from ocrpipe.recognizers.base import CharSpan, Recognition
from ocrpipe.stages.frame import PageFrame
from ocrpipe.stages.quality import has_ink, page_warnings
from ocrpipe.stages.reading import Reading


def page(text: str = "") -> PageFrame:
    image = np.full((200, 300, 3), 255, np.uint8)
    cv2.putText(image, text, (20, 100), cv2.FONT_HERSHEY_SIMPLEX, 1, (0, 0, 0), 2, cv2.LINE_AA)
    return PageFrame(image)


def reading(confidence: float = 0.99, height: float = 20.0, text: str = "words and so on") -> Reading:
    quad: Quad = ((5, 5), (205, 5), (205, 5 + height), (5, 5 + height))
    spans = tuple(CharSpan(char, confidence, i, i + 1) for i, char in enumerate(text))
    return Reading(TextLine(quad, 1.0), Recognition(text, spans), 200, 0.0)


def codes(warnings: tuple[PageWarning, ...]) -> list[tuple[str, int | None]]:
    return [(warning.code, warning.count) for warning in warnings]


def test_a_page_that_reads_well_has_none() -> None:
    assert page_warnings(page("text"), [reading()] * 3, []) == ()


def test_a_blank_page_has_none() -> None:
    assert page_warnings(page(), [], []) == ()


def test_ink_without_text_is_told() -> None:
    assert codes(page_warnings(page("text"), [], [])) == [("ink-no-text", None)]


@pytest.mark.parametrize(("confidence", "count"), [(0.85, 1), (0.95, 0)])
def test_a_page_that_reads_badly_is_told(confidence: float, count: int) -> None:
    found = codes(page_warnings(page("text"), [reading(confidence)] * 3, []))
    assert found == [("low-confidence", None)] * count


def test_a_few_characters_say_nothing_of_the_script() -> None:
    assert page_warnings(page("text"), [reading(0.6, text="few")], []) == ()


def test_lines_left_out_are_counted_and_count_for_the_script() -> None:
    found = page_warnings(page("text"), [reading()], [reading(0.3)] * 2)
    assert codes(found) == [("low-confidence", None), ("lines-left-out", 2)]
    assert "2 lines left out" in found[1].message


@pytest.mark.parametrize(("heights", "told"), [((8, 9, 30), 2), ((8, 30, 30), 0)])
def test_small_text_is_told_where_most_lines_are(heights: tuple[float, ...], told: int) -> None:
    found = codes(page_warnings(page("text"), [reading(height=height) for height in heights], []))
    assert found == ([("small-text", told)] if told else [])


def test_ink_is_what_may_be_text() -> None:
    assert has_ink(page("text"))
    assert not has_ink(page())
    assert not has_ink(PageFrame(np.zeros((1, 1, 3), np.uint8)))
