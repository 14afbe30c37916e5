"""Installed plug-ins on the command line: listed whatever they are, and named where they fail."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ocrpipe.cli import app

SAMPLE = Path(__file__).parents[2] / "docs" / "sample.png"
OUTSIDE = "((0, 0), (10, 0), (10, -9), (0, -9))"
DETECTORS = {  # name: (what it gives, what is said of it)
    "acme-shape": ("[TextLine(((0, 0), (9, 9)), 1.0)]", "line 0: quad ((0, 0), (9, 9)) is not four"),
    "acme-type": ("image", "returned ndarray, not a sequence of TextLine"),
    "acme-nan": (
        "[TextLine(((0, 0), (9, 0), (9, float('nan')), (0, 9)), 1.0)]",
        "line 0: quad ((0, 0), (9, 0), (9, nan), (0, 9)) is not finite",
    ),
    "acme-outside": (
        f"[TextLine({OUTSIDE}, 1.0)]",
        f"line 0: quad {OUTSIDE} is not finite or leaves the page",
    ),
    "acme-raises": ("[1 / 0]", "failed: ZeroDivisionError: division by zero"),
}
RECOGNIZERS = {
    "acme-few": ("[]", "gave 0 results for"),
    "acme-nan": (
        "[Recognition('a', (CharSpan('a', float('nan'), 0, 1),)) for crop in crops]",
        "crop 0: confidence nan is not a number in 0..1",
    ),
    "acme-raises": ("[1 / 0]", "failed: ZeroDivisionError: division by zero"),
}


def offer(detectors: dict[str, str], recognizers: dict[str, str]) -> str:
    groups = {"ocrpipe.detectors": detectors, "ocrpipe.recognizers": recognizers}
    rows = (
        f"[{group}]\n" + "".join(f"{n} = {t}\n" for n, t in group_of.items())
        for group, group_of in groups.items()
    )
    return "\n".join(rows)


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution of broken engines, as an installer would leave it."""
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    code = ["from ocrpipe.detectors.base import TextLine", "from ocrpipe.recognizers.base import *"]
    targets: list[dict[str, str]] = []
    for method, argument, broken in (("detect", "image", DETECTORS), ("recognize", "crops", RECOGNIZERS)):
        targets.append({})
        for name, (given, _) in broken.items():
            made = f"{method}_{name[5:]}"
            code += [f"class {made}:", f"    def {method}(self, {argument}):", f"        return {given}"]
            targets[-1][name] = f"acme_engines:{made}"
    missing = {"acme-import": "acme_missing:Engine", "acme-[/bold]": "acme_engines:Nothing [extra]"}
    (info / "entry_points.txt").write_text(offer(targets[0] | missing, targets[1]))
    (tmp_path / "acme_engines.py").write_text("\n".join(code))
    (tmp_path / "acme_missing.py").write_text("import no_such_module_anywhere\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for module in ("acme_engines", "acme_missing"):
        monkeypatch.delitem(sys.modules, module, raising=False)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.usefixtures("acme")
def test_broken_plugins_are_listed_with_the_others() -> None:
    result = run("detectors")
    assert (result.exit_code, result.stderr) == (0, "")
    rows = [line.split() for line in result.stdout.splitlines()[2:]]
    assert ["acme-[/bold]", "acme", "1.0", "acme_engines:Nothing", "[extra]"] in rows
    assert {"ctpn", "classical", "acme-import", *DETECTORS} <= {row[0] for row in rows}
    names = {line.split()[0] for line in run("recognizers").stdout.splitlines()[2:]}
    assert {"crnn", *RECOGNIZERS} <= names


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("detector", "acme-import", "cannot be loaded: ModuleNotFoundError: No module named 'no_such"),
        ("detector", "acme-[/bold]", "cannot be loaded: AttributeError"),
        *(("detector", name, said) for name, (_, said) in DETECTORS.items()),
        *(("recognizer", name, said) for name, (_, said) in RECOGNIZERS.items()),
    ],
)
def test_a_broken_plugin_costs_one_line_that_names_it(kind: str, name: str, said: str) -> None:
    other = ("--recognizer", "crnn") if kind == "detector" else ("--detector", "classical")
    result = run("read", SAMPLE, f"--{kind}", name, *other)
    assert (result.exit_code, result.stdout) == (7, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"ocrpipe: {kind} '{name}'")
    assert said in line
