from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from ocrpipe.cli import app
from ocrpipe.evaluation.dataset import load_dataset

FONTS = Path(__file__).parents[1] / "data" / "fonts"


@pytest.fixture
def synth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # of fonts
    corpora = tmp_path / "corpora"
    corpora.mkdir()
    (corpora / "en.txt").write_text("The river has 12 boats, and all of them are blue.\n" * 3, "utf-8")
    (corpora / "zh.txt").write_text("中国人在这里，有大有小，他来了。\n" * 3, "utf-8")

    def invoke(what: str, *arguments: object) -> Result:
        options = ["--corpora", corpora, "--fonts", FONTS, *arguments]
        return CliRunner().invoke(app, ["synth", what, *map(str, options)])

    return invoke


def test_lines_are_a_set_of_crops(synth: Callable[..., Result], tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    result = synth("lines", "--count", 5, "--preview", sheet, "--out", tmp_path / "set")
    assert (result.exit_code, result.stdout) == (0, "")
    dataset = load_dataset(tmp_path / "set")
    assert (dataset.level, len(dataset.pages)) == ("word", 5)
    for page in dataset.pages:
        with Image.open(page.image) as image:
            assert page.lines[0].quad[2] == image.size
        assert page.lines[0].text.strip()
    with Image.open(sheet) as image:
        assert image.width > 3 * 500


def test_pages_are_a_set_with_quads(synth: Callable[..., Result], tmp_path: Path) -> None:
    result = synth("pages", "--count", 2, "--kind", "letter", "--out", tmp_path / "set")
    assert (result.exit_code, result.stdout) == (0, "")
    dataset = load_dataset(tmp_path / "set")
    assert (dataset.level, len(dataset.pages)) == ("line", 2)
    assert all(page.lines for page in dataset.pages)


def test_the_same_seed_gives_the_same_set(synth: Callable[..., Result], tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        synth("lines", "--count", 3, "--seed", seed, "--out", tmp_path / name)
    a, b, c = ((tmp_path / name / "images" / "000002.png").read_bytes() for name in "abc")
    assert a == b != c


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "--preview or --out"),
        (("--preview", "sheet.nothing"), "picture format"),
        (("--kind", "x"), "layout"),
    ],
)
def test_nonsense_is_refused(
    synth: Callable[..., Result], tmp_path: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    out = ("--out", tmp_path / "set") if "--kind" in arguments else ()
    result = synth("pages", *arguments, *out)
    assert result.exit_code == 2
    assert complaint in result.stderr


def test_no_set_is_overwritten(synth: Callable[..., Result], tmp_path: Path) -> None:
    assert synth("lines", "--count", 1, "--out", tmp_path / "set").exit_code == 0
    assert synth("lines", "--count", 1, "--out", tmp_path / "set").exit_code == 2
