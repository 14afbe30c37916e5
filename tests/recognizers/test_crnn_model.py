from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from ocrpipe.errors import ConfigError
from ocrpipe.recognizers.crnn.model import CRNN, STRIDE, CRNNConfig

SLIM = CRNNConfig(30, channels=(8, 12, 16, 20), hidden=16, bottleneck=12)
JOINED = replace(SLIM, bottleneck=0, join=10)
PAPER = CRNNConfig.paper(37)
configs = pytest.mark.parametrize("config", [SLIM, JOINED, PAPER], ids=["slim", "joined", "paper"])


def model_of(config: CRNNConfig) -> CRNN:
    """With statistics in its batch normalisations that are not those of a new one."""
    torch.manual_seed(0)
    model = CRNN(config)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None:
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2)
    return model.eval()


def images_of(widths: list[int]) -> list[Tensor]:
    return [torch.randn(1, 1, 32, width, generator=torch.Generator().manual_seed(width)) for width in widths]


@configs
@torch.inference_mode()
def test_valid_frames_do_not_depend_on_what_lies_beyond_them(config: CRNNConfig) -> None:
    model, widths = model_of(config), [128, 4, 64, 36]
    images = images_of(widths)
    batch = torch.full((len(widths), 1, 32, 160), 7.0)
    for row, image in zip(batch, images, strict=True):
        row[..., : image.shape[3]] = image[0]
    frames = torch.tensor(widths) // STRIDE
    together = model(batch, frames)
    for image, logits, count in zip(images, together, frames.tolist(), strict=True):
        alone = model(image)[0]
        assert alone.shape == (count, config.classes)
        assert (alone - logits[:count]).abs().max() < 1e-5
        assert alone.std() > 1e-3


@configs
@torch.inference_mode()
def test_without_the_mask_padding_would_leak(config: CRNNConfig) -> None:
    """The test above can fail: the same padding, not masked, changes the valid frames."""
    model, (image,) = model_of(config), images_of([64])
    padded = torch.cat([image, torch.full((1, 1, 32, 64), 7.0)], dim=3)
    assert (model(padded)[0, :16] - model(image)[0]).abs().max() > 1e-4


@configs
@pytest.mark.parametrize("width", [4, 32, 100, 256])
@torch.inference_mode()
def test_there_is_a_frame_every_four_pixels(config: CRNNConfig, width: int) -> None:
    assert model_of(config)(torch.zeros(2, 1, 32, width)).shape == (2, width // 4, config.classes)


@torch.inference_mode()
def test_a_frame_looks_at_its_own_pixels() -> None:
    """Of a network without its LSTMs, which see the whole line, frame t responds to pixels around 4t + 2."""
    for config in (SLIM, PAPER):
        model = model_of(config)
        base, marked = torch.zeros(1, 1, 32, 256), torch.zeros(1, 1, 32, 256)
        marked[..., 128:132] = 3.0
        columns = []
        for x in (base, marked):
            for stage in model.stages:
                x = stage(x, lambda t: t)
            columns.append(x.flatten(1, 2)[0])
        response = (columns[1] - columns[0]).abs().sum(0)
        center = float((response * (torch.arange(64) + 0.5)).sum() / response.sum())
        assert center == pytest.approx(32.5, abs=1.5)


def test_the_paper_configuration_is_the_paper_s_network() -> None:
    """Table 1 of arXiv 1507.05717, and the 8.3 M parameters it speaks of."""
    model = CRNN(PAPER)
    assert round(sum(p.numel() for p in model.parameters()) / 1e6, 1) == 8.3
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert [c.out_channels for c in convolutions] == [64, 128, 256, 256, 512, 512, 512]
    assert [c.kernel_size for c in convolutions] == [(3, 3)] * 6 + [(2, 2)]
    assert [c.padding for c in convolutions] == [(1, 1)] * 6 + [(0, 0)]
    layers = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d))]
    kinds = "".join({nn.Conv2d: "C", nn.BatchNorm2d: "B", nn.MaxPool2d: "P"}[type(m)] for m in layers)
    assert kinds == "CPCPCCPCBCBPC"
    assert [m.kernel_size for m in layers if isinstance(m, nn.MaxPool2d)] == [(2, 2), (2, 2), (2, 1), (2, 1)]
    heights, x = [], torch.zeros(1, 1, 32, 100)
    for stage in model.stages:
        x = stage(x, lambda t: t)
        heights.append(tuple(x.shape[1:]))
    assert heights == [
        (64, 16, 50),
        (128, 8, 25),
        (256, 8, 25),
        (256, 4, 25),
        (512, 4, 25),
        (512, 2, 25),
        (512, 1, 25),
    ]
    lstms = [m for m in model.modules() if isinstance(m, nn.LSTM)]
    assert len(lstms) == 4 and {m.hidden_size for m in lstms} == {256}


def test_parameter_names_of_the_default_stay() -> None:
    """Checkpoints and shipped weights are loaded by them."""
    names = list(CRNN(CRNNConfig(30)).state_dict())
    assert [n for n in names if n.startswith("stages.2")] == [
        f"stages.2.body.{layer}.{name}"
        for layers in ((0, 1), (3, 4))
        for layer in layers
        for name in (
            ["weight"]
            if layer in (0, 3)
            else ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
        )
    ]
    assert sorted({n.split(".")[0] for n in names}) == ["classify", "neck", "rnn", "stages"]
    assert {n.rpartition(".")[0] for n in names if n.startswith("rnn")} == {
        f"rnn.{i}.{way}" for i in (0, 1) for way in ("forth", "back")
    }
    assert len({n.split(".")[1] for n in names if n.startswith("stages")}) == 7


@configs
def test_configurations_survive_json(config: CRNNConfig) -> None:
    assert CRNNConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_a_configuration_from_before_a_field_existed_still_loads() -> None:
    known = {key: value for key, value in SLIM.to_dict().items() if key != "join"}
    assert CRNNConfig.from_dict(known) == SLIM


@pytest.mark.parametrize(
    "change",
    [
        {"colour": 1},
        {"backbone": "resnet"},
        {"classes": 1},
        {"classes": "many"},
        {"hidden": 0},
        {"join": -1},
        {"channels": [8, 8]},
        {"height": 30},
        {"backbone": "vgg", "height": 48},
    ],
)
def test_configurations_that_make_no_sense_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        CRNNConfig.from_dict({**SLIM.to_dict(), **change})


def test_the_number_of_classes_is_needed() -> None:
    with pytest.raises(ConfigError, match="classes"):
        CRNNConfig.from_dict({})


@torch.inference_mode()
def test_other_heights() -> None:
    assert model_of(replace(SLIM, height=48))(torch.zeros(1, 1, 48, 64)).shape == (1, 16, 30)
