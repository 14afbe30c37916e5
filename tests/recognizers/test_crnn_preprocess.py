from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ocrpipe.recognizers.crnn.preprocess import BUCKET, MAX_WIDTH, prepare, scale_of, to_input


def print_of(text: str, ink: int = 40, paper: int = 220, scale: float = 1.0) -> NDArray[np.uint8]:
    crop = np.full((round(40 * scale), round(24 * len(text) * scale)), paper, np.uint8)
    place, thickness = (round(4 * scale), round(30 * scale)), round(2 * scale)
    cv2.putText(crop, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, ink, thickness, cv2.LINE_AA)
    return crop


@given(st.integers(1, 120), st.integers(1, 400), st.booleans(), st.sampled_from([32, 48]))
@settings(max_examples=150, deadline=None)
def test_any_crop_becomes_a_bucket_of_the_height(height: int, width: int, grey: bool, wanted: int) -> None:
    rng = np.random.default_rng(height * 1000 + width)
    crop = rng.integers(0, 256, (height, width) if grey else (height, width, 3), dtype=np.uint8)
    before = crop.copy()
    prepared = prepare(crop, wanted)
    assert prepared.dtype == np.uint8 and prepared.shape[0] == wanted
    assert prepared.shape[1] % BUCKET == 0
    text_width = round(width * scale_of(crop, wanted))
    assert text_width + 4 <= prepared.shape[1] < text_width + 4 + BUCKET
    assert np.array_equal(crop, before)


def test_very_long_crops_are_squeezed() -> None:
    crop = print_of("long " * 40)
    crop = np.tile(crop, (1, 10))[:8]
    assert prepare(crop).shape == (32, MAX_WIDTH)
    assert scale_of(crop) * crop.shape[1] == MAX_WIDTH - 4


def test_contrast_and_polarity_make_no_difference() -> None:
    reference = prepare(print_of("Invoice")).astype(float)
    for ink, paper in ((120, 180), (0, 255), (230, 60), (255, 0)):
        assert np.abs(prepare(print_of("Invoice", ink, paper)) - reference).mean() < 4
    assert reference.min() == 0 and np.median(reference) > 240


def test_resolution_makes_little_difference() -> None:
    small, large = (prepare(print_of("Invoice", scale=scale)) for scale in (2.0, 6.0))
    assert small.shape == large.shape
    assert np.corrcoef(small.ravel(), large.ravel())[0, 1] > 0.85


def test_grey_reads_like_colour() -> None:
    crop = print_of("Total 12.50")
    assert np.array_equal(prepare(crop), prepare(np.repeat(crop[..., None], 3, axis=2)))


@pytest.mark.parametrize("value", [0, 128, 255])
def test_noise_on_a_blank_crop_is_not_blown_up(value: int) -> None:
    noise = np.random.default_rng(0).integers(-2, 3, (40, 200))
    prepared = prepare(np.clip(value + noise, 0, 255).astype(np.uint8))
    assert prepared.std() < 12


def test_padding_is_background() -> None:
    prepared = prepare(print_of("ab"))
    assert (prepared[:, -4:] == np.median(prepared)).all()


def test_input_runs_from_ink_to_paper() -> None:
    assert to_input(np.array([0, 255], np.uint8)).tolist() == pytest.approx([-1, 1])
    assert to_input(np.zeros((2, 3), np.uint8)).dtype == np.float32
