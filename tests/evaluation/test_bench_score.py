"""Our figures against those of the bench's own scorer, on other engines' outputs and on random pages."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ocrpipe.evaluation.dataset import load_dataset, read_predictions
from ocrpipe.evaluation.results import SetResult, score

BENCH = os.environ.get("OCRPIPE_BENCH")
pytestmark = pytest.mark.needs_bench
SAME = ("pages", "chars", "CER", "CERsp", "WER", "R", "P", "F", "F50", "sec_per_page")


def peer_outputs() -> list[Path]:
    return sorted((Path(BENCH) / "peers").glob("*/*.jsonl")) if BENCH else [Path("peers/engine/set.jsonl")]


def assert_same(result: SetResult, reference: Path, predictions: Path, *flags: str) -> None:
    command = [
        sys.executable,
        str(Path(BENCH or "") / "score.py"),
        str(reference),
        str(predictions),
        "--json",
        *flags,
    ]
    wanted = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    figures = result.figures()
    assert {key: figures[key] or 0 for key in SAME} == {
        key: pytest.approx(wanted[key], abs=1e-9) for key in SAME
    }


@pytest.mark.parametrize("casefold", [False, True], ids=["as-is", "casefold"])
@pytest.mark.parametrize("output", peer_outputs(), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_figures_on_peers_outputs_are_equal(output: Path, casefold: bool) -> None:
    folder = Path(BENCH or "") / "dev" / output.stem
    result = score(load_dataset(folder), read_predictions(output), casefold=casefold)
    assert_same(result, folder / "gt.jsonl", output, *["--casefold"] * casefold)


@pytest.fixture(scope="module")
def scorer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_score", Path(BENCH or "") / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def random_rows(seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """A crowded page of overlapping integer boxes, where ties and chains are common."""
    rng = random.Random(seed)

    def line() -> dict[str, Any]:
        left, top = rng.randrange(0, 80, 10), rng.randrange(0, 60, 4)
        right, bottom = left + rng.randrange(0, 60, 10), top + rng.choice((0, 4, 8, 10, 20))
        shift = rng.choice((0, 0, 0, 3))
        corners = [[left, top], [right, top + shift], [right, bottom + shift], [left, bottom]]
        return {"text": "".join(rng.choices("aB 中…—", k=rng.randrange(6))), "quad": corners}

    references = [line() for _ in range(rng.randrange(8))]
    for reference in references:
        reference["ignore"] = rng.random() < 0.15
    regions = [line()["quad"] for _ in range(rng.randrange(3))]
    hypotheses = [
        dict(rng.choice(references)) if references and rng.random() < 0.4 else line()
        for _ in range(rng.randrange(8))
    ]
    name = f"{seed}.png"
    return {"image": name, "lines": references, "no_line_gt_regions": regions}, {
        "image": name,
        "lines": hypotheses,
    }


def test_counts_of_random_pages_are_equal(scorer: ModuleType, tmp_path: Path) -> None:
    rows = [random_rows(seed) for seed in range(300)]
    (tmp_path / "gt.jsonl").write_text("\n".join(json.dumps(reference) for reference, _ in rows), "utf-8")
    (tmp_path / "read.jsonl").write_text("\n".join(json.dumps(read) for _, read in rows), "utf-8")
    result = score(load_dataset(tmp_path), read_predictions(tmp_path / "read.jsonl"))
    for page, (reference, read) in zip(result.pages, rows, strict=True):
        wanted = scorer.page(reference, read, False)
        text, boxes = page.comparison.text, page.comparison.boxes
        ours = {
            "ed": text.edits,
            "n": text.chars,
            "eds": text.spaced_edits,
            "ns": text.spaced_chars,
            "wd": text.word_edits,
            "wn": text.words,
            "rec": pytest.approx(boxes.recalled, abs=1e-9),
            "pre": pytest.approx(boxes.precise, abs=1e-9),
            "G": boxes.references,
            "P": boxes.detections,
            "k50": boxes.matches,
        }
        assert wanted == ours, page.reference.name
    assert_same(result, tmp_path / "gt.jsonl", tmp_path / "read.jsonl")
