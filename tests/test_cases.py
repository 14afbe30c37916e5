"""Pictures of faults that users reported, in the folder OCRPIPE_CASES: those about the reading order."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

from ocrpipe.evaluation.dataset import ReferencePage, load_dataset
from ocrpipe.evaluation.text_metrics import count_errors, normalize
from ocrpipe.pipeline import Pipeline

CASES = os.environ.get("OCRPIPE_CASES")
MAX_CER = 0.01
"""A single misread character of the smaller pictures; any fault of order costs ten times that."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CASES is None, reason="needs the pictures in OCRPIPE_CASES, no part of this repository"
    ),
]


@cache
def pages() -> dict[str, ReferencePage]:
    return {page.image.stem: page for page in load_dataset(Path(CASES or "") / "pages").pages}


@cache
def pipeline() -> Pipeline:
    return Pipeline(threads=1)


@pytest.mark.parametrize(
    "name",
    [
        "gen_table_wrapped",
        "gen_two_blocks_en",
        "gen2_news_10",
        "gen2_news_12",
        "gen2_news_14",
        "gen2_news_18",
        "gen2_newsen_16",
        "gen2_newsen_20",
        "gen2_newsen_24",
        "gen2_newsen_30",
        "gen2_receipt",
        "gen2_form_kv",
        "gen4_menu",
        "gen5_two_columns_13",
    ],
)
def test_the_text_is_read_in_order(name: str) -> None:
    page = pages()[name]
    counts = count_errors(normalize(page.text), normalize(pipeline().read(page.image).text))
    assert counts.cer <= MAX_CER
