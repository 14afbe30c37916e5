from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocrpipe.synthesis import effects
from ocrpipe.synthesis.effects import Image, Rng

EFFECTS: tuple[Callable[[Image, Rng], Image], ...] = (
    effects.bands,
    effects.binarise,
    effects.coarse,
    effects.bleed_through,
    effects.blur,
    effects.broken,
    effects.contrast,
    effects.degrade,
    effects.ink,
    effects.jpeg,
    effects.noise,
    effects.paper,
    effects.resample,
    effects.sharpen,
    effects.speckle,
    effects.uneven_light,
)


def print_of(height: int, width: int, channels: int = 1, seed: int = 0) -> Image:
    """Dark strokes on light ground."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width), 235, np.uint8)
    for x in rng.integers(0, width, max(1, width // 6)):
        image[height // 4 : height // 4 * 3 + 1, x : x + 2] = rng.integers(0, 60)
    return image if channels == 1 else np.repeat(image[..., None], 3, axis=2)


@given(
    st.sampled_from(EFFECTS),
    st.integers(2, 80),
    st.integers(2, 80),
    st.sampled_from([1, 3]),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=400, deadline=None)
def test_effects_keep_shape_type_and_input_whatever_the_size(
    effect: Callable[[Image, Rng], Image], height: int, width: int, channels: int, seed: int
) -> None:
    image = print_of(height, width, channels, seed)
    before = image.copy()
    changed = effect(image, np.random.default_rng(seed))
    assert changed.shape == image.shape and changed.dtype == np.uint8
    assert np.array_equal(image, before)


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: str(effect.__name__))
def test_effects_change_the_image_and_a_seed_tells_how(effect: Callable[[Image, Rng], Image]) -> None:
    image = print_of(40, 160)
    results = [effect(image, np.random.default_rng(seed)) for seed in range(12)]
    assert sum(not np.array_equal(image, result) for result in results) >= 8
    assert len({result.tobytes() for result in results}) >= 3
    assert all(
        np.array_equal(result, effect(image, np.random.default_rng(seed)))
        for seed, result in enumerate(results)
    )


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: str(effect.__name__))
def test_the_text_can_still_be_told_from_the_paper(effect: Callable[[Image, Rng], Image]) -> None:
    image = print_of(40, 160)
    for seed in range(12):
        result = effect(image, np.random.default_rng(seed)).astype(float)
        assert result[image > 200].mean() > result[image < 60].mean() + 10


def test_grey_effects_treat_channels_alike() -> None:
    for effect in set(EFFECTS) - {effects.jpeg, effects.degrade}:
        grey, colour = (effect(print_of(30, 70, n), np.random.default_rng(4)) for n in (1, 3))
        assert np.abs(colour.astype(int) - grey[..., None]).max() <= 1, effect.__name__


def test_binarised_is_black_and_white() -> None:
    for seed in range(20):
        assert set(np.unique(effects.binarise(print_of(30, 90), np.random.default_rng(seed)))) <= {0, 255}


def test_strength_scales_degradation() -> None:
    image = print_of(40, 160)

    def loss(strength: float) -> float:
        changed = (effects.degrade(image, np.random.default_rng(seed), strength) for seed in range(40))
        return float(np.mean([np.abs(result.astype(float) - image).mean() for result in changed]))

    assert loss(0.0) == 0.0 < loss(0.4) < loss(1.8)
