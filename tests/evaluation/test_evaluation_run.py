from __future__ import annotations

import json
import re
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console

from ocrpipe.errors import ConfigError, UnreadableImageError
from ocrpipe.evaluation.dataset import load_dataset, read_predictions
from ocrpipe.evaluation.html import diff
from ocrpipe.evaluation.report import print_results, to_json
from ocrpipe.evaluation.run import evaluate, evaluate_sets, score_sets
from ocrpipe.page import Char, Line, Paragraph, Quad, Word
from ocrpipe.recognizers.base import CharSpan, Recognition
from ocrpipe.result import Page

QUAD: Quad = ((10.0, 10.0), (90.0, 10.0), (90.0, 30.0), (10.0, 30.0))


def make_set(folder: Path, level: str, texts: Sequence[str]) -> Path:
    (folder / "images").mkdir(parents=True)
    rows = []
    for number, text in enumerate(texts):
        image = f"images/{number}.png"
        # The fake reader hypotheses a page's number from its grey.
        Image.new("L", (100, 40), number).save(folder / image)
        row: dict[str, Any] = {"image": image, "level": level}
        rows.append(row | ({"text": text} if level == "page" else {"lines": [{"text": text, "quad": QUAD}]}))
    (folder / "gt.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return folder


class Reader:
    """Reads the texts it was given, page after page; raises on ``None``."""

    def __init__(self, *texts: str | None) -> None:
        self.texts = texts

    def text(self, number: int) -> str:
        text = self.texts[number]
        if text is None:
            raise UnreadableImageError(f"page {number} is <damaged>")
        return text

    def read(self, source: Path, /) -> Page:
        text = self.text(int(source.stem))
        words = tuple(
            Word(word, QUAD, 0.9, tuple(Char(letter, QUAD, 0.9) for letter in word)) for word in text.split()
        )
        lines = (Line(text, QUAD, 0.9, words),) if text else ()
        return Page(100, 40, (Paragraph(lines, QUAD),) if lines else ())

    def recognize(self, crops: Sequence[NDArray[np.uint8]], /) -> Sequence[Recognition]:
        texts = [self.text(int(crop[0, 0, 0])) for crop in crops]
        return [Recognition(text, tuple(CharSpan(letter, 0.8, 0, 1) for letter in text)) for text in texts]


def test_pages_are_read_and_scored(tmp_path: Path) -> None:
    dataset = load_dataset(make_set(tmp_path / "set", "line", ["one two", "three", "four"]))
    seen: list[tuple[str, int, int]] = []
    result = evaluate(dataset, Reader("one two", "thxee", ""), progress=lambda *step: seen.append(step))
    assert seen == [("set", 1, 3), ("set", 2, 3), ("set", 3, 3)]
    assert [page.cer for page in result.pages] == [0.0, 0.2, 1.0]
    assert result.text.cer == 5 / 15
    assert result.boxes.recall == pytest.approx(2 / 3)
    assert result.boxes.precision == 1.0
    assert result.seconds_per_page > 0
    assert result.reliability.count == 11
    assert result.reliability.ece == pytest.approx(abs(0.9 - 10 / 11))
    assert [page.reference.name for page in result.worst(5)] == ["2.png", "1.png"]


def test_an_unreadable_page_counts_as_empty_and_is_listed(tmp_path: Path) -> None:
    dataset = load_dataset(make_set(tmp_path / "set", "page", ["abc", "abc"]))
    result = evaluate(dataset, Reader("abc", None))
    assert result.text.cer == 0.5
    (failed,) = result.failed
    assert (failed.reference.name, failed.prediction.error) == ("1.png", "page 1 is <damaged>")


def test_words_are_recognised_from_crops(tmp_path: Path) -> None:
    folder = make_set(tmp_path / "words", "word", ["Don't", "2010", "stop", "lost"])
    (folder / "images" / "3.png").write_bytes(b"not a picture")
    result = evaluate(load_dataset(folder), Reader("DONT", "2010", "step", "lost"))
    assert result.word_accuracy == 0.5
    assert result.text.edits == 3 + 1 + 1 + 4
    assert [page.reference.name for page in result.failed] == ["3.png"]
    assert result.figures()["F"] is None


def test_limit_and_casefold(tmp_path: Path) -> None:
    dataset = load_dataset(make_set(tmp_path / "set", "line", ["ABC", "never read"]))
    result = evaluate(dataset, Reader("abc"), limit=1, casefold=True)
    assert (len(result.pages), result.text.cer) == (1, 0.0)
    assert result.reliability.bins[0].accuracy == 1.0
    with pytest.raises(ConfigError, match="limit is 0"):
        evaluate(dataset, Reader("abc"), limit=0)


def test_sets_are_checked_before_anything_is_read(tmp_path: Path) -> None:
    good = make_set(tmp_path / "good", "line", ["abc"])
    (tmp_path / "other").mkdir()
    with pytest.raises(ConfigError, match="holds no gt.jsonl"):
        evaluate_sets([good, tmp_path / "bad"], Reader())
    with pytest.raises(ConfigError, match="no set"):
        evaluate_sets([], Reader())
    with pytest.raises(ConfigError, match="share a name"):
        evaluate_sets([good, make_set(tmp_path / "other" / "good", "line", ["abc"])], Reader())


def test_predictions_and_report_are_written(tmp_path: Path) -> None:
    folders = [
        make_set(tmp_path / "lines", "line", ["one <two>", "three", "four"]),
        make_set(tmp_path / "books", "page", ["one two", "three"]),
        make_set(tmp_path / "words", "word", ["one", "three"]),
    ]
    saved, html = tmp_path / "out" / "predictions", tmp_path / "out" / "report.html"
    reader = Reader("one <tvo>", "three", None)
    results = evaluate_sets(folders, reader, save_predictions=saved, html=html)
    for result in results:
        wanted = tuple(page.prediction for page in result.pages)
        assert read_predictions(saved / f"{result.name}.jsonl") == wanted
    report = html.read_text("utf-8")
    assert "http" not in re.sub(r"<!DOCTYPE[^>]*>", "", report)
    assert "one &lt;t<del>w</del><ins>v</ins>o&gt;" in report
    assert "2.png not read: page 2 is &lt;damaged&gt;" in report
    assert report.count("<details>") == 2 + 1
    assert report.count('class="word"') == 1
    assert report.count('<svg class="reliability"') == 3
    assert 'class="wrong"' in report
    assert 'class="missed"' in report
    assert report.count("data:image/jpeg;base64,") == 2 * 2 + 1 + 1


def test_the_report_shows_only_the_worst_pages(tmp_path: Path) -> None:
    folder = make_set(tmp_path / "set", "line", ["aaaa"] * 5)
    html = tmp_path / "report.html"
    evaluate_sets([folder], Reader("aaaa", "aaab", "abbb", "aabb", "aaaa"), html=html, html_pages=2)
    assert re.findall(r"<summary>(\S+): CER (\S+),", html.read_text("utf-8")) == [
        ("2.png", "0.750"),
        ("3.png", "0.500"),
    ]


def test_diff_escapes_and_marks() -> None:
    assert diff("a<b", "a<b") == "a&lt;b"
    assert diff("abcde", "acde&") == "a<del>b</del>cde<ins>&amp;</ins>"
    assert diff("", "x") == "<ins>x</ins>"


def test_the_table_fits_and_lists_what_went_wrong(tmp_path: Path) -> None:
    folders = [
        make_set(tmp_path / "a_long_set_name", "line", ["abcd", "abcd", "abcd"]),
        make_set(tmp_path / "books", "page", ["abcd", "abcd"]),
    ]
    results = evaluate_sets(folders, Reader("abcd", "abxd", None))
    console = Console(width=80)
    with console.capture() as capture:
        print_results(results, worst=2, console=console)
    text = capture.get()
    rows = [line.split() for line in text.splitlines()]
    titles = ["set", "pages", "CER", "CERsp", "WER", "order", "P", "R", "F", "F50", "ECE", "s/page"]
    assert rows[0] == titles
    assert rows[2][:10] == [
        "a_long_set_name",
        "3",
        "0.417",
        "0.417",
        "0.667",
        "–",
        "1.000",
        "0.667",
        "0.800",
        "0.800",
    ]
    assert rows[3][:3] == ["books", "2", "0.125"]
    assert rows[3][5:10] == ["0.125", *["–"] * 4]
    assert rows[4:] == [
        ["a_long_set_name:", "2.png", "not", "read:", "page", "2", "is", "<damaged>"],
        ["1.000", "a_long_set_name/2.png"],
        ["0.250", "a_long_set_name/1.png"],
        ["0.250", "books/1.png"],
    ]


def test_results_go_to_standard_output_by_default(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = evaluate_sets([make_set(tmp_path / "words", "word", ["abcd"])], Reader("abcd"))
    print_results(results)
    assert capsys.readouterr().out.split()[:7] == ["set", "pages", "CER", "CERsp", "WER", "words", "ECE"]


def test_predictions_are_scored_instead_of_reading(tmp_path: Path) -> None:
    folders = [make_set(tmp_path / name, "line", ["abcd", "abcd"]) for name in ("one", "two")]
    read = evaluate_sets(folders, Reader(*["abcd", "abxd"] * 2), save_predictions=tmp_path / "saved")
    scored = score_sets(folders, tmp_path / "saved")
    assert [result.figures() for result in scored] == [result.figures() for result in read]
    (first,) = score_sets(folders[:1], tmp_path / "saved" / "one.jsonl", limit=1)
    assert (first.text.edits, len(first.pages)) == (0, 1)
    with pytest.raises(ConfigError, match="a folder of <set>.jsonl"):
        score_sets(folders, tmp_path / "saved" / "one.jsonl")


def test_json_holds_every_figure(tmp_path: Path) -> None:
    results = evaluate_sets([make_set(tmp_path / "set", "line", ["abcd"])], Reader("abxd"))
    (figures,) = json.loads(to_json(results))
    assert figures["CER"] == 0.25
    assert figures["word_accuracy"] is None
    assert set(figures) >= {
        "set",
        "pages",
        "CER",
        "CERsp",
        "WER",
        "CERorder",
        "Fsp",
        "R",
        "P",
        "F",
        "F50",
        "ECE",
        "sec_per_page",
    }


def test_a_quad_far_beyond_the_image_costs_no_memory(tmp_path: Path) -> None:
    folder = make_set(tmp_path / "set", "line", ["right", "right"])
    rows = [json.loads(row) for row in (folder / "gt.jsonl").read_text("utf-8").splitlines()]
    rows[0]["lines"][0]["quad"] = [[0, 0], [40_000, 300], [39_000, 40_000], [-10, 39_000]]
    rows[1]["lines"][0]["quad"] = [[5_000, 5_000], [9_000, 5_000], [9_000, 5_100], [5_000, 5_100]]
    (folder / "gt.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    html = tmp_path / "report.html"
    tracemalloc.start()
    evaluate_sets([folder], Reader("wro\0ng", "wrong"), html=html)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100 << 20
    assert "\0" not in html.read_text("utf-8") and "\ufffd" in html.read_text("utf-8")


def test_corners_must_be_finite(tmp_path: Path) -> None:
    folder = make_set(tmp_path / "set", "line", ["right"])
    text = (folder / "gt.jsonl").read_text("utf-8").replace("[90.0", "[NaN", 1)
    (folder / "gt.jsonl").write_text(text, "utf-8")
    with pytest.raises(ConfigError, match="is not finite"):
        load_dataset(folder)
