"""How OCRmyPDF gets to know the engine: by name only, with options that reach the workers."""

from __future__ import annotations

import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from ocrpipe.errors import MissingExtraError

pytest.importorskip("ocrmypdf", minversion="17.13", reason="needs the extra ocrpipe[ocrmypdf], Python 3.11")

import ocrmypdf
import pluggy
from ocrmypdf._options import OcrOptions
from ocrmypdf._plugin_manager import OcrmypdfPluginManager
from ocrmypdf._validation import check_options
from ocrmypdf.api import setup_plugin_infrastructure
from ocrmypdf.cli import get_options_and_plugins

from ocrpipe.integrations.ocrmypdf import options as plugin_options
from ocrpipe.integrations.ocrmypdf.engine import OcrpipeEngine


def parsed(*arguments: str) -> tuple[OcrOptions, OcrmypdfPluginManager]:
    return get_options_and_plugins([*arguments, "in.pdf", "out.pdf"])


def chosen(*arguments: str) -> object:
    options, plugins = parsed(*arguments)
    return plugins.get_ocr_engine(options=options)


def test_reads_only_where_it_is_asked_for_by_name() -> None:
    assert isinstance(chosen("--ocr-engine", "ocrpipe"), OcrpipeEngine)
    for other in ([], ["--ocr-engine", "auto"], ["--ocr-engine", "tesseract"], ["--ocr-engine", "none"]):
        assert not isinstance(chosen(*other), OcrpipeEngine)
    assert not isinstance(setup_plugin_infrastructure().get_ocr_engine(options=None), OcrpipeEngine)


def test_command_line_without_the_engine_is_refused() -> None:
    parser = ArgumentParser()
    plugin_options.add_arguments(parser)  # another parser, which has no --ocr-engine
    assert parser.parse_args(["--ocrpipe-threads", "3"]).ocrpipe_threads == 3
    with pytest.raises(SystemExit):
        parsed("--ocr-engine", "easyocr")


def test_options_and_their_defaults() -> None:
    options, _ = parsed("--ocr-engine", "ocrpipe")
    assert options.ocrpipe == plugin_options.OcrpipeOptions(detector="ctpn", recognizer="crnn", threads=None)
    options, _ = parsed(
        "--ocrpipe-detector", "classical", "--ocrpipe-recognizer", "x", "--ocrpipe-threads", "3"
    )
    assert options.ocrpipe == plugin_options.OcrpipeOptions(detector="classical", recognizer="x", threads=3)


@pytest.mark.parametrize(
    ("arguments", "pages", "threads"),
    [
        ([], 1, 8),
        ([], 2, 4),
        ([], 100, 1),
        (["--jobs", "3"], 100, 2),
        (["--jobs", "16"], 100, 1),
        (["--jobs", "2", "--ocrpipe-threads", "5"], 100, 5),
    ],
)
def test_threads_share_the_cores_and_reach_worker_processes(
    arguments: list[str], pages: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin_options, "available_cpu_count", lambda: 8)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    options, plugins = parsed("--ocr-engine", "ocrpipe", *arguments)
    plugins.validate(pdfinfo=[None] * pages, options=options)  # type: ignore[arg-type]
    assert options.ocrpipe.threads == threads
    sent = OcrOptions.model_validate_json_safe(options.model_dump_json_safe())
    assert sent.ocrpipe == options.ocrpipe


def test_other_engines_are_left_alone() -> None:
    options, plugins = parsed("--ocrpipe-detector", "no-such-thing")
    plugins.validate(pdfinfo=[None], options=options)  # type: ignore[arg-type]
    assert options.ocrpipe.threads is None


@pytest.mark.parametrize("kind", ["detector", "recognizer"])
def test_names_that_are_not_installed_are_refused_at_once(kind: str) -> None:
    options, plugins = parsed("--ocr-engine", "ocrpipe", f"--ocrpipe-{kind}", "ctpm")
    with pytest.raises(ocrmypdf.BadArgsError, match=f"--ocrpipe-{kind} ctpm: known are c"):
        check_options(options, plugins)


def test_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    options, plugins = parsed("--ocr-engine", "ocrpipe", "-l", "eng+chi_sim")
    check_options(options, plugins)
    options, plugins = parsed("--ocr-engine", "ocrpipe", "-l", "deu")
    with pytest.raises(ocrmypdf.MissingDependencyError, match="deu"):
        check_options(options, plugins)
    options, plugins = parsed("--ocr-engine", "ocrpipe", "-l", "deu", "--ocrpipe-recognizer", "rapidocr")
    assert OcrpipeEngine.languages(options) == set()


def test_tesseract_is_missed_only_by_who_needs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    options, plugins = parsed("--ocr-engine", "ocrpipe")
    check_options(options, plugins)
    options, plugins = parsed("--ocr-engine", "tesseract")
    with pytest.raises(ocrmypdf.MissingDependencyError, match="tesseract"):
        check_options(options, plugins)


def test_setting_up_twice_is_harmless() -> None:
    plugins = setup_plugin_infrastructure()
    again = setup_plugin_infrastructure(plugin_manager=plugins)
    checks = {
        check.plugin_name: check.function for check in again.pluggy_manager.hook.check_options.get_hookimpls()
    }
    tesseract: Any = checks["ocrmypdf.builtin_plugins.tesseract_ocr"]
    assert tesseract._check.__module__ == "ocrmypdf.builtin_plugins.tesseract_ocr"


def imported(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The plug-in as it is on a fresh import."""
    import importlib

    for name in [name for name in sys.modules if name.startswith("ocrpipe.integrations.ocrmypdf")]:
        monkeypatch.delitem(sys.modules, name)
    return importlib.import_module("ocrpipe.integrations.ocrmypdf")


@pytest.mark.parametrize("version", ["16.13.0", "17.12.1"])
def test_keeps_still_under_an_older_ocrmypdf(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    older = SimpleNamespace(__version__=version, OcrElement=object)
    monkeypatch.setitem(sys.modules, "ocrmypdf", older)
    manager = pluggy.PluginManager("ocrmypdf")
    plugin = imported(monkeypatch)
    manager.register(plugin)
    assert manager.get_hookcallers(plugin) == []


def test_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ocrmypdf", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ocrpipe\[ocrmypdf\]'"):
        imported(monkeypatch)


def test_runs_with_other_engines_load_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from ocrmypdf.cli import get_options_and_plugins\n"
        "from ocrmypdf._validation import check_options\n"
        "for engine in ('none', 'ocrpipe'):\n"
        "    options, plugins = get_options_and_plugins(['--ocr-engine', engine, 'in.pdf', 'out.pdf'])\n"
        "    plugins.check_options(options=options) if engine == 'ocrpipe' else None\n"
        "    plugins.validate(pdfinfo=[None], options=options)\n"
        "    str(plugins.get_ocr_engine(options=options))\n"
        "print(*{'torch', 'cv2', 'fontTools', 'shapely'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "ocrpipe.integrations.ocrmypdf" not in done.stdout
    assert done.stdout.split() == []
