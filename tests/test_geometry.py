from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocrpipe import geometry
from ocrpipe.errors import ConfigError
from ocrpipe.geometry import Image
from ocrpipe.page import Quad

angles = st.floats(-180, 180)
coordinates = st.floats(-500, 500)
sides = st.floats(5, 300)


def rectangle(x: float, y: float, width: float, height: float, angle: float = 0.0) -> Quad:
    """A rectangle turned about its top-left corner."""
    along = np.array([math.cos(math.radians(angle)), math.sin(math.radians(angle))])
    down = np.array([-along[1], along[0]])
    start = np.array([x, y])
    return geometry.to_quad(
        [start, start + width * along, start + width * along + height * down, start + height * down]
    )


def smooth_page(height: int = 240, width: int = 320) -> Image:
    """Every channel changes slowly, so resampling it twice loses little."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)], -1).astype(
        np.uint8
    )


@given(coordinates, coordinates, sides, sides, st.floats(-44, 44), st.permutations(range(4)))
@settings(max_examples=60, deadline=None)
def test_order_quad_finds_the_top_left_whatever_the_order(
    x: float, y: float, width: float, height: float, angle: float, order: list[int]
) -> None:
    quad = rectangle(x, y, width, height, angle)
    np.testing.assert_allclose(geometry.order_quad([quad[i] for i in order]), quad)


def test_order_quad_of_a_segment_is_the_same_for_every_order() -> None:
    flat = [(0.0, 5.0), (10.0, 5.0), (10.0, 5.0), (0.0, 5.0)]
    assert {geometry.order_quad(points) for points in permutations(flat)} == {geometry.to_quad(flat)}


@given(coordinates, coordinates, sides, sides, angles)
@settings(max_examples=60, deadline=None)
def test_size_and_angle_describe_the_rectangle(
    x: float, y: float, width: float, height: float, angle: float
) -> None:
    quad = rectangle(x, y, width, height, angle)
    assert geometry.quad_size(quad) == pytest.approx((width, height))
    assert math.cos(math.radians(geometry.quad_angle(quad) - angle)) == pytest.approx(1.0)


@given(coordinates, coordinates, sides, sides, angles, st.floats(-179, 179))
@settings(max_examples=60, deadline=None)
def test_apply_undoes_itself_with_the_inverse(
    x: float, y: float, width: float, height: float, angle: float, by: float
) -> None:
    quad = rectangle(x, y, width, height, angle)
    _, matrix = geometry.rotate(np.zeros((20, 30), np.uint8), by)
    moved = geometry.apply(matrix, quad)
    back = np.asarray(np.linalg.inv(matrix), dtype=np.float64)
    assert geometry.quad_size(moved) == pytest.approx((width, height))
    np.testing.assert_allclose(geometry.apply(back, moved), quad, atol=1e-6)


def test_apply_divides_by_the_perspective_row() -> None:
    matrix = np.array([[2.0, 0, 0], [0, 2.0, 0], [0, 0, 4.0]])
    assert geometry.apply(matrix, rectangle(10, 20, 8, 4)) == rectangle(5, 10, 4, 2)


@given(sides, sides, st.floats(-40, 40))
@settings(max_examples=40, deadline=None)
def test_min_area_quad_recovers_the_rectangle_around_its_points(
    width: float, height: float, angle: float
) -> None:
    quad = rectangle(300, 300, width, height, angle)
    inner = [geometry.span_quad(quad, t, t)[0] for t in (0.2, 0.7)]
    np.testing.assert_allclose(geometry.min_area_quad([*quad, *inner]), quad, atol=0.05)


@given(st.lists(st.tuples(coordinates, coordinates, sides, sides), min_size=1, max_size=6), angles)
@settings(max_examples=40, deadline=None)
def test_enclosing_quad_holds_all_its_quads(
    boxes: list[tuple[float, float, float, float]], angle: float
) -> None:
    quads = [rectangle(*box, angle) for box in boxes]
    around = geometry.enclosing_quad(quads, angle)
    assert math.cos(math.radians(geometry.quad_angle(around) - angle)) == pytest.approx(1.0)
    outside = geometry.polygon(around).buffer(1e-6)
    assert all(outside.contains(geometry.polygon(quad)) for quad in quads)
    if len(quads) == 1:
        np.testing.assert_allclose(around, quads[0], atol=1e-6)


def test_clip_quad_stays_inside_the_image() -> None:
    assert geometry.clip_quad(rectangle(-5, 10, 200, 90), 100, 80) == rectangle(0, 10, 100, 70)


def test_span_quad_follows_the_reading_direction() -> None:
    upside_down = rectangle(100, 50, 80, 20, 180)
    np.testing.assert_allclose(
        geometry.span_quad(upside_down, 0.25, 0.5), rectangle(80, 50, 20, 20, 180), atol=1e-9
    )


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (rectangle(0, 0, 10, 10), 1.0),
        (rectangle(5, 0, 10, 10), 1 / 3),
        (rectangle(20, 0, 10, 10), 0.0),
        (rectangle(5, 5, 0, 0), 0.0),
        (((0.0, 0.0), (10.0, 10.0), (10.0, 0.0), (0.0, 10.0)), 1.0),  # crossed corners
    ],
)
def test_overlap_is_intersection_over_union(other: Quad, expected: float) -> None:
    assert geometry.overlap(rectangle(0, 0, 10, 10), other) == pytest.approx(expected)


def test_overlap_of_two_points_is_zero() -> None:
    assert geometry.overlap(rectangle(3, 3, 0, 0), rectangle(3, 3, 0, 0)) == 0.0


@given(st.floats(-180, 180), st.integers(30, 80), st.integers(10, 40))
@settings(max_examples=40, deadline=None)
def test_rectify_gives_a_drawn_pattern_back(angle: float, width: int, height: int) -> None:
    pattern = smooth_page()[80 : 80 + height, 100 : 100 + width]
    framed = np.pad(pattern, ((60, 60), (60, 60), (0, 0)), mode="edge")
    page, matrix = geometry.rotate(framed, angle)
    crop = geometry.rectify(page, geometry.apply(matrix, rectangle(60, 60, width, height)))
    assert crop.shape == pattern.shape
    assert np.abs(crop.astype(int) - pattern).max() <= 4


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rectify_of_a_turned_page_is_exact(degrees: int) -> None:
    page = np.random.default_rng(1).integers(0, 255, (50, 70, 3), dtype=np.uint8)
    quad = geometry.apply(geometry.turn_matrix(70, 50, degrees), rectangle(10, 20, 40, 15))
    crop = geometry.rectify(geometry.turn(page, degrees), quad)
    np.testing.assert_array_equal(crop, page[20:35, 10:50])
    assert not np.shares_memory(crop, page)


def test_the_slice_and_the_warp_agree_on_where_pixels_lie() -> None:
    page = smooth_page()
    sliced = geometry.rectify(page, rectangle(100, 80, 90, 30, 0.2))
    warped = geometry.rectify(page, rectangle(100, 80, 90, 30, 0.6))
    assert np.abs(sliced.astype(int) - warped).max() <= 2


def test_rectify_repeats_the_border_outside_the_image() -> None:
    page = np.full((40, 60), 200, np.uint8)
    for quad in (rectangle(-20, -20, 50, 30), rectangle(40, 20, 50, 30, 20), rectangle(500, 400, 50, 30, 7)):
        crop = geometry.rectify(page, quad)
        assert crop.shape == (30, 50)
        assert (crop == 200).all()


def test_rectify_pads_by_a_fraction_of_the_height() -> None:
    page = smooth_page()
    for angle in (0.0, 10.0):
        crop = geometry.rectify(page, rectangle(100, 80, 100, 20, angle), pad=0.25)
        assert crop.shape == (30, 110, 3)
        plain = geometry.rectify(page, rectangle(100, 80, 100, 20, angle))
        assert np.abs(crop[5:-5, 5:-5].astype(int) - plain).max() <= 1


def test_rectify_leaves_a_tall_quad_tall() -> None:
    assert geometry.rectify(smooth_page(), rectangle(100, 20, 20, 150, 3)).shape == (150, 20, 3)


@pytest.mark.parametrize(
    "quad", [rectangle(5, 5, 0, 0), rectangle(5, 5, 20, 0, 30), rectangle(5, 5, 0, 20, 30)]
)
def test_rectify_of_a_flat_quad_has_at_least_a_pixel(quad: Quad) -> None:
    assert min(geometry.rectify(smooth_page(), quad).shape) >= 1


@pytest.mark.parametrize("degrees", [0, 90, 180, 270, -90])
def test_turn_matrix_says_where_turn_puts_a_pixel(degrees: int) -> None:
    page = np.zeros((30, 50), np.uint8)
    page[7, 11] = 255
    spot = geometry.apply(geometry.turn_matrix(50, 30, degrees), rectangle(11, 7, 1, 1))
    y, x = np.argwhere(geometry.turn(page, degrees) == 255)[0]
    np.testing.assert_allclose(np.mean(spot, axis=0), (x + 0.5, y + 0.5))


def test_turn_refuses_other_angles() -> None:
    with pytest.raises(ConfigError, match="45"):
        geometry.turn(np.zeros((3, 3), np.uint8), 45)


def test_rotate_keeps_the_whole_page_and_fills_with_paper() -> None:
    page = np.full((100, 140, 3), (250, 240, 230), np.uint8)
    page[50, 70] = 0
    turned, matrix = geometry.rotate(page, 30)
    corners = np.asarray(geometry.apply(matrix, rectangle(0, 0, 140, 100)))
    assert corners.min() == pytest.approx(0, abs=1e-9)
    assert turned.shape[1] == math.ceil(corners[:, 0].max())
    assert turned.shape[0] == math.ceil(corners[:, 1].max())
    assert corners[1, 1] > corners[0, 1]  # clockwise: the right end of the top side goes down
    assert turned[0, 0].tolist() == [250, 240, 230]
    x, y = np.mean(geometry.apply(matrix, rectangle(70, 50, 1, 1)), axis=0).astype(int)
    assert turned[y - 1 : y + 2, x - 1 : x + 2].min() < 150


def test_rotate_by_nothing_changes_nothing() -> None:
    page = smooth_page(30, 40)
    turned, matrix = geometry.rotate(page, 0.0)
    np.testing.assert_array_equal(turned, page)
    np.testing.assert_array_equal(matrix, np.eye(3))


def test_quads_that_share_an_edge_do_not_overlap() -> None:
    """GEOS 3.14.1 gave the whole area of one as what these two have in common."""
    upper = geometry.to_quad(
        [
            (110.64460522272266, 76.32674062940097),
            (312.35521047760807, 45.849999863567746),
            (316.69515812097796, 74.57398556285412),
            (114.98455286609254, 105.05072632868735),
        ]
    )
    lower = geometry.to_quad(
        [
            (114.98455286609256, 105.05072632868735),
            (316.69515812097796, 74.57398556285412),
            (321.0351057643478, 103.29797126214049),
            (119.32450050946242, 133.77471202797372),
        ]
    )
    assert geometry.overlap(upper, lower) < 1e-6
    assert geometry.overlap(upper, upper) == pytest.approx(1)


@pytest.mark.parametrize("angle", [3.0, 20.0, 45.0, 88.0])
@pytest.mark.parametrize("pad", [-0.06, -0.2])
def test_negative_padding_leaves_something_of_tall_and_tilted_quads(angle: float, pad: float) -> None:
    image = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    corners = geometry.rotate_points([(-2, -80), (2, -80), (2, 80), (-2, 80)], angle)
    quad = geometry.to_quad([(150 + x, 150 + y) for x, y in corners])
    assert min(geometry.rectify(image, quad, pad=pad).shape[:2]) >= 1
