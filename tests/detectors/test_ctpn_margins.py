from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrpipe.detectors.ctpn.anchors import Floats
from ocrpipe.detectors.ctpn.margins import expand, expand_apart
from ocrpipe.geometry import overlap, to_quad

MARGIN, LEAST = (0.1, 0.4), 0.05


def rows(tops: list[float], height: float = 20.0, degrees: float = 0.0) -> Floats:
    """Lines of text one under the other, all from 100 to 300 px, on a page turned by ``degrees``."""
    quads = np.array([[[100, t], [300, t], [300, t + height], [100, t + height]] for t in tops], float)
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.asarray(quads @ turn, float)


@pytest.mark.parametrize("degrees", [0.0, 7.0, -12.0])
def test_a_line_by_itself_gets_all_the_room(degrees: float) -> None:
    expected = np.array([[98, 92], [302, 92], [302, 128], [98, 128]]) @ rows_turn(degrees)
    alone = rows([100], degrees=degrees)
    assert np.allclose(expand(alone, MARGIN)[0], expected)
    assert np.allclose(expand_apart(alone, MARGIN, LEAST)[0], expected)


def rows_turn(degrees: float) -> Floats:
    angle = np.radians(degrees)
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


@given(gap=st.floats(2.1, 15.9), degrees=st.floats(-14, 14))
def test_lines_share_what_is_between_them(gap: float, degrees: float) -> None:
    first, second = expand_apart(rows([100, 120 + gap], degrees=degrees), MARGIN, LEAST)
    assert np.allclose(first[3], second[0]) and np.allclose(first[2], second[1])
    assert overlap(to_quad(first), to_quad(second)) < 1e-6


def test_however_close_lines_are_they_get_the_least() -> None:
    first, second = expand_apart(rows([100, 118]), MARGIN, LEAST)
    assert first[3][1] == pytest.approx(121) and second[0][1] == pytest.approx(117)


def test_neighbours_in_a_row_take_nothing_from_each_other() -> None:
    quads = rows([100, 100.5])
    quads[1] += (205, 0)
    assert np.allclose(expand_apart(quads, MARGIN, LEAST), expand(quads, MARGIN))


@pytest.mark.parametrize("degrees", [0.0, 9.0])
def test_a_single_figure_gets_the_room_of_its_width(degrees: float) -> None:
    figure = np.array([[[100, 100], [105, 100], [105, 120], [100, 120]]], float) @ rows_turn(degrees)
    expected = np.array([[99.5, 98], [105.5, 98], [105.5, 122], [99.5, 122]]) @ rows_turn(degrees)
    assert np.allclose(expand_apart(figure, MARGIN, LEAST)[0], expected)


def test_an_empty_page_stays_one() -> None:
    assert expand_apart(np.zeros((0, 4, 2)), MARGIN, LEAST).shape == (0, 4, 2)
