from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from ocrpipe.detectors.ctpn import CTPN, CTPNConfig
from ocrpipe.detectors.ctpn.anchors import AnchorGrid
from ocrpipe.detectors.ctpn.model import Prediction
from ocrpipe.detectors.ctpn.network import OpenVINONetwork
from ocrpipe.detectors.ctpn.torch_network import fuse
from ocrpipe.errors import ConfigError
from ocrpipe.training.ctpn.loss import Batch, ctpn_loss
from ocrpipe.training.ctpn.targets import assign

TINY = CTPNConfig(widths=(4, 4, 8, 8, 8), hidden=4, features=8)
LINES = np.array([[[20, 40], [100, 40], [100, 60], [20, 60]]], float)


@pytest.mark.parametrize(
    ("config", "cells"),
    [
        (TINY, (12, 8)),
        (replace(TINY, stride=(16, 16)), (6, 8)),
        (replace(TINY, stride=(16, 8)), (6, 16)),
        (replace(TINY, stride=(8, 8)), (12, 16)),
        (CTPNConfig.paper(), (6, 8)),
    ],
)
def test_outputs_lie_on_the_grid(config: CTPNConfig, cells: tuple[int, int]) -> None:
    images = torch.zeros(2, config.channels, 96, 128, dtype=torch.uint8)
    with torch.inference_mode():
        prediction = CTPN(config).eval()(images)
    assert prediction.score.shape == (2, *cells, 10)
    assert prediction.vertical.shape == prediction.side.shape == (2, *cells, 10, 2)


def test_the_slim_network_is_slim() -> None:
    assert sum(p.numel() for p in CTPN().parameters()) < 1.5e6


def test_rows_are_read_in_both_directions_but_apart() -> None:
    model = CTPN(TINY).eval()
    rows = torch.zeros(2, 8, 8, requires_grad=True)
    model.lstm(rows)[0][0, 4].sum().backward()
    assert rows.grad is not None
    assert (rows.grad[0].abs().sum(1) > 0).all()
    assert not rows.grad[1].any()


def test_config_round_trips_through_json() -> None:
    for config in (TINY, replace(TINY, stride=(8, 8)), CTPNConfig.paper()):
        assert CTPNConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize("config", [CTPNConfig(), CTPNConfig.paper()])
def test_cards_that_tell_no_stride_are_of_the_first_one(config: CTPNConfig) -> None:
    data = config.to_dict()
    del data["stride"]
    assert CTPNConfig.from_dict(data) == config


@pytest.mark.parametrize(
    "data",
    [
        {"backbone": "resnet"},
        {"channels": 2},
        {"heights": [20, 10]},
        {"heigths": [8]},
        {"stride": [4, 16]},
        {"stride": [8]},
        {"backbone": "vgg16", "stride": [8, 16]},
    ],
)
def test_senseless_configs_are_refused(data: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        CTPNConfig.from_dict(data)


def test_folding_normalisation_changes_no_output() -> None:
    model = CTPN(TINY)
    model(torch.randint(0, 255, (4, 1, 64, 64)))  # moves the running statistics away from their start
    model.eval()
    images = torch.randint(0, 255, (1, 1, 64, 96))
    with torch.inference_mode():
        before = model(images)
        fuse(model)
        after = model(images)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in model.modules())
    for a, b in zip(before, after, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


def right(batch: Batch, shape: tuple[int, ...]) -> Prediction:
    score = torch.where(batch.labels == 1, 20.0, -20.0)
    vertical, side = torch.zeros(2, *shape, 2)
    vertical.view(-1, 2)[batch.positives] = batch.vertical
    side.view(-1, 2)[batch.positives] = batch.side
    return Prediction(score, vertical, side)


def test_loss_is_nothing_where_all_is_right_and_sees_each_head() -> None:
    grid = AnchorGrid.of((96, 128), (8, 16), TINY.heights)
    batch = Batch.of([assign(LINES, grid), assign(np.zeros((0, 4, 2)), grid), assign(LINES + 8, grid)])
    shape = (3, *grid.shape)
    good = right(batch, shape)
    assert ctpn_loss(good, batch).total.item() == pytest.approx(0, abs=1e-6)
    wrong = ctpn_loss(Prediction(-good.score, good.vertical + 1, good.side + 1), batch)
    assert wrong.score > 10
    assert wrong.vertical.item() == pytest.approx(2 * (1 - 1 / 18), rel=1e-4)
    assert wrong.side.item() == pytest.approx(1 - 1 / 18, rel=1e-4)
    assert wrong.total.item() == pytest.approx((wrong.score + wrong.vertical + 2 * wrong.side).item())


def test_undecided_anchors_cost_nothing() -> None:
    grid = AnchorGrid.of((96, 128), (8, 16), TINY.heights)
    batch = Batch.of([assign(LINES, grid)])
    good = right(batch, (1, *grid.shape))
    score = torch.where(batch.labels == -1, 50.0, good.score)
    assert ctpn_loss(good._replace(score=score), batch).score.item() == pytest.approx(0, abs=1e-6)


def test_a_batch_without_text_has_a_finite_loss() -> None:
    grid = AnchorGrid.of((64, 64), (8, 16), TINY.heights)
    batch = Batch.of([assign(np.zeros((0, 4, 2)), grid)])
    loss = ctpn_loss(CTPN(TINY)(torch.zeros(1, 1, 64, 64)), batch)
    loss.total.backward()  # type: ignore[no-untyped-call]
    assert torch.isfinite(loss.total)


@pytest.mark.parametrize(
    "config",
    [
        replace(TINY, stride=(8, 16)),
        replace(TINY, channels=3, stride=(16, 16)),
        replace(TINY, heights=(8.0, 20.0), stride=(16, 8)),
        replace(TINY, stride=(8, 8)),
        CTPNConfig.paper(),
    ],
)
def test_openvino_computes_what_torch_does(config: CTPNConfig) -> None:
    pytest.importorskip("openvino")
    torch.manual_seed(0)
    model = CTPN(config).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d) and module.running_mean is not None:
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2)
    for head in (model.score, model.vertical, model.side):
        torch.nn.init.normal_(head.weight, std=1.0)
    shape = (96, 160) if config.channels == 1 else (96, 160, 3)
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    arrays = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    found = OpenVINONetwork(config, arrays, "", threads=2, bf16=False)(image)
    pixels = torch.from_numpy(image.reshape(*shape[:2], -1).transpose(2, 0, 1)[None].copy())
    with torch.inference_mode():
        expected = [part[0].numpy() for part in model(pixels)]
    for a, b in zip(expected, found, strict=True):
        assert a.shape == b.shape
        assert np.abs(a - b).max() < 1e-4 * max(1.0, np.abs(a).max())
    assert np.abs(expected[0]).std() > 1e-3
