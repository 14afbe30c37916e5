"""Accuracy and speed of detectors and recognisers put together, as a table in Markdown.

    python benchmarks/combinations.py [SET...] [--limit 10] [--threads 2] [--combinations ctpn+crnn,…]

The combinations take turns page by page, another one first on each, so that a busy moment of the machine
hits all of them. Stopped with Ctrl-C or SIGTERM, it shows the sets that are done.
"""

from __future__ import annotations

import argparse
import signal
import statistics
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path

from pages import bench_sets, markdown

from ocrpipe import Pipeline
from ocrpipe.errors import ConfigError, OcrError
from ocrpipe.evaluation.dataset import Dataset, Prediction, load_dataset
from ocrpipe.evaluation.results import SetResult, score
from ocrpipe.evaluation.run import evaluate

COMBINATIONS = "ctpn+crnn,ctpn+rapidocr,rapidocr+crnn,rapidocr+rapidocr"
LEGEND = """\
Each cell: character error rate without spaces · DetEval's F of the boxes, where a set has boxes · how many
times as long as the first combination a page took, in the median."""
Results = Mapping[str, SetResult]
"""What came of one set, by combination."""


def load(names: Sequence[str], threads: int) -> dict[str, Pipeline]:
    """The combinations that can be loaded; the reasons for the others go to stderr."""
    found = {}
    for name in names:
        detector, _, recognizer = name.partition("+")
        try:
            found[name] = Pipeline(detector, recognizer, threads=threads)
        except OcrError as error:
            print(f"{name} skipped: {error}", file=sys.stderr)
    return found


def measure(dataset: Dataset, pipelines: Mapping[str, Pipeline], casefold: bool) -> dict[str, SetResult]:
    """Read a set with all combinations in turn, and score each."""
    names = list(pipelines)
    predictions: dict[str, list[Prediction]] = {name: [] for name in names}
    for number, page in enumerate(dataset.pages):
        shift = number % len(names)
        for name in (*names[shift:], *names[:shift]):
            (read,) = evaluate(replace(dataset, pages=(page,)), pipelines[name]).pages
            predictions[name].append(read.prediction)
            if read.prediction.error:
                print(f"{name}: {page.name}: {read.prediction.error}", file=sys.stderr)
        print(f"{dataset.name} {number + 1}/{len(dataset.pages)}", file=sys.stderr)
    return {name: score(dataset, predictions[name], casefold=casefold) for name in names}


def ratios(results: Results, name: str) -> list[float]:
    """How many times as long as the first combination each page took."""
    first = next(iter(results.values()))
    return [
        page.prediction.seconds / reference.prediction.seconds
        for page, reference in zip(results[name].pages, first.pages, strict=True)
    ]


def table(sets: Sequence[Results]) -> str:
    """A row a set, a column a combination; the last has means over the sets and the median of all pages."""
    names = list(sets[0])
    rows = [["set", "pages", *(name.replace("+", " + ") for name in names)]]
    for results in sets:
        first = results[names[0]]
        cells = [
            _cell(results[name].text.cer, _f(results[name]), statistics.median(ratios(results, name)))
            for name in names
        ]
        rows.append([first.name, str(len(first.pages)), *cells])
    if len(sets) > 1:
        pages = sum(len(results[names[0]].pages) for results in sets)
        rows.append(["all", str(pages), *(_summary(sets, name) for name in names)])
    return markdown(rows)


def _summary(sets: Sequence[Results], name: str) -> str:
    f = [value for results in sets if (value := _f(results[name])) is not None]
    times = [value for results in sets for value in ratios(results, name)]
    cer = statistics.mean(results[name].text.cer for results in sets)
    return _cell(cer, statistics.mean(f) if f else None, statistics.median(times))


def _f(result: SetResult) -> float | None:
    return result.boxes.f if result.level == "line" else None


def _cell(cer: float, f: float | None, ratio: float) -> str:
    return f"{_share(cer, 3)} · {'–' if f is None else _share(f, 2)} · ×{ratio:.2f}"


def _share(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".removeprefix("0")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Compare detectors and recognisers, interleaved.")
    parser.add_argument("sets", nargs="*", type=Path, help="default: the page sets of $OCRPIPE_BENCH/dev")
    parser.add_argument("--limit", type=int, help="pages of each set, the first ones; all by default")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--combinations", default=COMBINATIONS, help=f"the first one is the measure of time ({COMBINATIONS})"
    )
    parser.add_argument(
        "--casefold",
        action="append",
        default=["sroie"],
        metavar="SET",
        help="sets whose case is ignored (sroie)",
    )
    options = parser.parse_args(arguments)
    if options.limit is not None and options.limit < 1:
        parser.error("--limit must be at least 1")
    try:
        found = [load_dataset(folder) for folder in options.sets or bench_sets()]
    except ConfigError as error:
        parser.error(str(error))
    datasets = [replace(dataset, pages=dataset.pages[: options.limit]) for dataset in found]
    pipelines = load(options.combinations.split(","), options.threads)
    if not pipelines:
        raise SystemExit("no combination to measure")
    for pipeline in pipelines.values():  # what is loaded on first use is not timed
        evaluate(replace(datasets[0], pages=datasets[0].pages[:1]), pipeline)
    sets: list[Results] = []
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):  # what is done by then is shown
        for dataset in datasets:
            sets.append(measure(dataset, pipelines, dataset.name in options.casefold))
    if not sets:
        raise SystemExit("stopped before the first set was done")
    print(f"{LEGEND}\n\n{table(sets)}")
    seconds = [page.prediction.seconds for results in sets for page in next(iter(results.values())).pages]
    print(
        f"\n{date.today()}, {len(seconds)} pages, --threads {options.threads}; "
        f"{next(iter(pipelines))} took {statistics.median(seconds):.2f} s for the median page."
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
