from __future__ import annotations

import pytest
import torch
from torch import nn

from ocrpipe.training.averaging import interpolate
from ocrpipe.training.ema import EMA


def model_of(value: float) -> nn.Module:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(value)
    return model


def test_the_average_begins_with_the_model_and_follows_it() -> None:
    model = model_of(1.0)
    ema = EMA(model, decay=0.9)
    with torch.no_grad():
        model[0].weight.fill_(3.0)  # type: ignore[index]
    assert ema.tensors["0.weight"].eq(1.0).all()
    ema.update(model, step=1_000)
    assert ema.tensors["0.weight"] == pytest.approx(torch.full((2, 2), 0.9 * 1.0 + 0.1 * 3.0))


def test_the_first_steps_forget_the_starting_weights() -> None:
    model = model_of(0.0)
    ema = EMA(model, decay=0.999)
    with torch.no_grad():
        model[0].weight.fill_(1.0)  # type: ignore[index]
    ema.update(model, step=0)
    assert ema.tensors["0.weight"].eq(0.9).all()  # not 0.001


def test_counters_are_copied() -> None:
    model = model_of(0.0)
    ema = EMA(model, decay=0.9)
    model(torch.randn(4, 2))
    ema.update(model, step=5)
    assert ema.tensors["1.num_batches_tracked"].item() == 1


def test_a_saved_average_is_loaded() -> None:
    first, second = EMA(model_of(1.0), 0.9), EMA(model_of(2.0), 0.9)
    second.load(first.tensors)
    assert all(torch.equal(second.tensors[name], tensor) for name, tensor in first.tensors.items())
    assert second.tensors["0.weight"] is not first.tensors["0.weight"]


@pytest.mark.parametrize("fraction", [0.0, 0.25, 1.0])
def test_weights_are_interpolated_and_counters_kept(fraction: float) -> None:
    first, second = model_of(1.0).state_dict(), model_of(2.0).state_dict()
    first["1.num_batches_tracked"] += 7
    between = interpolate(first, second, fraction)
    assert between["0.bias"].tolist() == pytest.approx([1.0 + fraction] * 2)
    assert between["1.num_batches_tracked"].item() == 7
