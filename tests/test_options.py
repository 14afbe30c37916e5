"""Options by name, and the page of the docs that lists them."""

from __future__ import annotations

import runpy
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from ocrpipe.detectors.ctpn import CTPNDetector, DetectorOptions
from ocrpipe.errors import ConfigError, PluginError
from ocrpipe.options import Options
from ocrpipe.pipeline import Pipeline
from ocrpipe.recognizers.crnn import Decoding
from ocrpipe.settings import configured

DOCS = Path(__file__).parents[1] / "docs"


def test_values_and_texts_set_the_same() -> None:
    by_value = Options().with_settings(
        {"orientation.deskew": False, "reading.pad": 0.1, "filter.min_rule_length": 4}
    )
    by_text = Options().with_settings(
        ["orientation.deskew=false", "reading.pad=.1", "filter.min_rule_length=4"]
    )
    assert by_value == by_text != Options()
    assert not by_text.orientation.deskew
    assert by_text.reading.pad == 0.1 and by_text.filter.min_rule_length == 4


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("deskew=false", "names are STAGE.OPTION"),
        ("orientation.deskew", "NAME=VALUE"),
        ("nowhere.deskew=false", "STAGE is one of load, pdf, orientation"),
        ("orientation.nonsense=1", "orientation has quarter_turns, deskew"),
        ("orientation.deskew=perhaps", "no value for orientation.deskew, which takes bool"),
        ("orientation.sample_lines=many", "which takes int"),
        ("reading.pad=7", "out of range"),
        ("reading.pad.left=7", "single value"),
    ],
)
def test_settings_that_make_no_sense_are_explained(setting: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Options().with_settings([setting])


def test_options_of_engines_reach_them() -> None:
    options = Options().with_settings(
        [
            "detector.text_height=24",
            "detector.lines.min_score=.6",
            "detector.margin=.1,.2",
            "recognizer.language=0",
        ]
    )
    pipeline = Pipeline(options=options)
    detector: Any = pipeline._detector
    recognizer: Any = pipeline._recognizer
    assert detector.options.text_height == 24.0 and detector.options.lines.min_score == 0.6
    assert detector.options.margin == (0.1, 0.2)
    assert recognizer._decoding == Decoding(language=0.0)


@pytest.mark.parametrize(
    ("detector", "setting", "message"),
    [
        ("ctpn", "detector.nonsense=1", "detector has text_height"),
        ("classical", "detector.text_height=1", "no options"),
    ],
)
def test_options_that_an_engine_lacks_are_refused(detector: str, setting: str, message: str) -> None:
    with pytest.raises((ConfigError, PluginError), match=message):
        Pipeline(detector, options=Options().with_settings([setting]))


def test_an_object_has_its_options_already() -> None:
    with pytest.raises(ConfigError, match="object"):
        Pipeline(CTPNDetector(), options=Options().with_settings(["detector.text_height=24"]))


def test_nested_options_are_reached_by_dots() -> None:
    options = configured(DetectorOptions(), {"scale.max_side": "1000", "lines.nms": 0.4})
    assert (options.scale.max_side, options.lines.nms) == (1000, 0.4)


def test_every_option_is_documented_and_the_page_is_up_to_date() -> None:
    made = runpy.run_path(str(DOCS / "make_options.py"))

    def check(kind: type) -> None:
        described = made["described"](kind)
        for option in fields(kind):
            assert described.get(option.name), f"{kind.__name__}.{option.name}"
            if is_dataclass(option.default):
                check(type(option.default))

    for kind in (Options, DetectorOptions, Decoding):
        check(kind)
    assert (DOCS / "options.md").read_text("utf-8") == made["page"](), "run python docs/make_options.py"
