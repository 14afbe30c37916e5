from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]


@pytest.fixture
def dataset(tmp_path: Path, make_page: Callable[[str, int], Path]) -> Path:
    """Two pages; of the second, three letters are not what the fakes read."""
    rows = []
    for number, text in ((2, "第2 page"), (4, "第4 PAPER")):
        quad = [[30, 180], [30 + 100 * number, 180], [30 + 100 * number, 210], [30, 210]]
        image = make_page(f"{number}.png", number).name
        rows.append({"image": image, "level": "line", "lines": [{"text": text, "quad": quad}]})
    (tmp_path / "gt.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return tmp_path


def test_figures_as_json(run: Run, dataset: Path) -> None:
    (figures,) = json.loads(run("evaluate", dataset, "--json").stdout)
    assert (figures["set"], figures["pages"], figures["F"]) == (dataset.name, 2, 1.0)
    assert figures["CER"] == pytest.approx(5 / 13)
    (figures,) = json.loads(run("evaluate", dataset, "--json", "--casefold").stdout)
    assert figures["CER"] == pytest.approx(2 / 13)
    (figures,) = json.loads(run("evaluate", dataset, "--json", "--limit", 1).stdout)
    assert (figures["pages"], figures["CER"]) == (1, 0)


def test_table_and_worst_pages(run: Run, dataset: Path) -> None:
    result = run("evaluate", dataset, "--worst", 2)
    assert result.stderr == ""
    assert "0.385" in result.stdout
    assert f"{dataset.name}/4.png" in result.stdout
    assert f"{dataset.name}/2.png" not in result.stdout


def test_report_and_predictions_are_written(run: Run, dataset: Path, tmp_path: Path) -> None:
    run("evaluate", dataset, "--html", tmp_path / "r.html", "--save-predictions", tmp_path / "read")
    assert "4.png" in (tmp_path / "r.html").read_text("utf-8")
    first, _ = (tmp_path / "read" / f"{dataset.name}.jsonl").read_text("utf-8").splitlines()
    assert json.loads(first)["lines"][0]["text"] == "第2 page"


def test_what_is_no_set(run: Run, tmp_path: Path) -> None:
    result = run("evaluate", tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "gt.jsonl" in result.stderr


def test_lines_alone(run: Run, dataset: Path) -> None:
    (figures,) = json.loads(run("evaluate", dataset, "--lines", "--json").stdout)
    assert (figures["set"], figures["lines"]) == (dataset.name, 2)
    result = run("evaluate", dataset, "--lines", "--routing", "--worst", 1)
    assert result.exit_code == 0 and "99 % from" in result.stdout and "第4 PAPER" in result.stdout
    assert "99 % from" not in run("evaluate", dataset, "--lines").stdout


def test_routing_is_printed_on_request(run: Run, dataset: Path) -> None:
    assert "99 % from" in run("evaluate", dataset, "--routing").stdout
    assert "99 % from" not in run("evaluate", dataset).stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--lines", "--predictions", "a.jsonl"], "contradict each other"),
        (["--classes", "FONT"], "--classes takes no SET"),
    ],
)
def test_modes_that_contradict_each_other(
    run: Run, dataset: Path, arguments: list[str], message: str, tmp_path: Path
) -> None:
    (tmp_path / "font.ttf").touch()
    given = [str(tmp_path / "font.ttf") if argument == "FONT" else argument for argument in arguments]
    result = run("evaluate", dataset, *given)
    assert result.exit_code == 2 and message in result.stderr
    result = run("evaluate")
    assert result.exit_code == 2 and "no SET to evaluate" in result.stderr


def test_a_file_that_is_no_font(run: Run, tmp_path: Path) -> None:
    (tmp_path / "font.ttf").write_text("letters")
    result = run("evaluate", "--classes", tmp_path / "font.ttf")
    assert result.exit_code == 2 and "is no font" in result.stderr
