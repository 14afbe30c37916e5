"""What networks run on: chosen in one place, without torch on a CPU, compiled once, safe across forks."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rapidfuzz.distance import Levenshtein

from ocrpipe import runtime
from ocrpipe.errors import ConfigError, MissingExtraError
from ocrpipe.io import cache
from ocrpipe.pipeline import Pipeline
from ocrpipe.runtime import CompiledNetwork, choose_runtime

pytest.importorskip("openvino")

SAMPLE = Path(__file__).parents[1] / "docs" / "sample.png"


class Doubled:
    """A network; picklable, unlike a function within a test."""

    made = 0

    def __call__(self) -> object:
        from openvino import Model
        from openvino import opset13 as ops

        Doubled.made += 1
        x = ops.parameter([-1], np.float32)
        return Model([ops.result(ops.multiply(x, ops.constant(np.float32(2))))], [x], "doubled")


def doubled(key: str = "", copies: int = 1) -> CompiledNetwork:
    return CompiledNetwork(Doubled(), key, copies=copies, bf16=False)


def test_runtimes_follow_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_runtime("auto", "cpu") == choose_runtime("openvino", "cpu") == "openvino"
    assert choose_runtime("auto", "cuda") == choose_runtime("torch", "cpu") == "torch"
    with pytest.raises(ConfigError, match="must be one of auto, openvino, torch"):
        choose_runtime("onnx", "cpu")
    with pytest.raises(ConfigError, match="not 'cuda'"):
        choose_runtime("openvino", "cuda")
    monkeypatch.setattr(runtime, "_is_installed", lambda name: name == "torch")
    assert choose_runtime("auto", "cpu") == "torch"
    with pytest.raises(MissingExtraError, match="pip install openvino"):
        choose_runtime("openvino", "cpu")
    monkeypatch.setattr(runtime, "_is_installed", lambda name: False)
    with pytest.raises(MissingExtraError, match=r"'cuda' needs torch: pip install 'ocrpipe\[torch\]'"):
        choose_runtime("auto", "cuda")


def test_the_runtime_reaches_both_engines() -> None:
    for name in ("torch", "openvino"):
        pipeline = Pipeline(threads=1, runtime=name)
        assert pipeline._detector.runtime == pipeline._recognizer.runtime == name  # type: ignore[attr-defined]
    with pytest.raises(ConfigError):
        Pipeline(runtime="none")


def test_both_runtimes_read_the_sample_alike() -> None:
    """But for a doubtful space: in bfloat16 the last digits of one runtime are not those of the other."""
    pages = [Pipeline(threads=1, runtime=name).read(SAMPLE) for name in ("torch", "openvino")]
    assert "".join(pages[0].text.split()) == "".join(pages[1].text.split())
    assert Levenshtein.distance(pages[0].text, pages[1].text) <= 2
    for a, b in zip(pages[0].lines, pages[1].lines, strict=True):
        assert a.confidence == pytest.approx(b.confidence, abs=0.05)


def test_reading_on_a_cpu_loads_neither_torch_nor_openvinos_converters(
    imported: Callable[[str], set[str]],
) -> None:
    """All of what a page takes, an export included."""
    loaded = imported(
        f"import ocrpipe; page = ocrpipe.read({str(SAMPLE)!r}); assert page.text; page.to_dict()"
    )
    assert "openvino" in loaded
    unwanted = {
        "torch",
        "openvino.tools.ovc",
        "openvino_telemetry",
        "onnxruntime",
        "scipy",
        "shapely",
        "rapidfuzz",
        "pypdfium2",
        "pydantic",
        "skimage",
        "pandas",
        "matplotlib",
        "rich",
        "typer",
        "fontTools",
        "pikepdf",
        "ocrpipe.training",
        "ocrpipe.synthesis",
        "ocrpipe.evaluation",
    }
    assert not loaded & unwanted


def test_reading_an_image_loads_only_the_command_and_the_format_it_takes(
    imported: Callable[[str], set[str]],
) -> None:
    """As ``ocrpipe read``; typer itself may need rich's or pydantic's modules."""
    loaded = imported(
        "import contextlib, io\n"
        f"sys.argv = ['ocrpipe', 'read', {str(SAMPLE)!r}, '--threads', '1']\n"
        "from ocrpipe.cli import main\n"
        "out = io.StringIO()\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(out):\n"
        "    main()\n"
        "assert 'Stone' in out.getvalue()"
    )
    assert "ocrpipe.cli.read" in loaded
    others = {f"ocrpipe.cli.{name}" for name in ("folder", "stages", "evaluate", "train", "synth", "plugins")}
    formats = {f"ocrpipe.export.{name}" for name in ("alto", "hocr", "html", "pagexml", "pdf", "labelstudio")}
    libraries = {"torch", "rich.console", "shapely", "rapidfuzz", "pypdfium2", "scipy", "pandas", "pikepdf"}
    assert not loaded & (others | formats | libraries)


def test_read_folder_and_export_work_without_torch(tmp_path: Path) -> None:
    """With a torch that cannot be imported, in worker processes as well."""
    (tmp_path / "blocked" / "torch").mkdir(parents=True)
    (tmp_path / "blocked" / "torch" / "__init__.py").write_text("raise ImportError('blocked')\n")
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "page.png").write_bytes(SAMPLE.read_bytes())
    path = os.pathsep.join(filter(None, [str(tmp_path / "blocked"), os.environ.get("PYTHONPATH")]))

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "ocrpipe", *arguments]
        environment = os.environ | {"PYTHONPATH": path}
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    text = run("read", "scans/page.png", "--threads", "1")
    assert "Stone" in text
    run("read", "scans/page.png", "--out", "page.hocr")
    run("folder", "scans", "--out", "out", "--format", "txt,json,alto", "--workers", "1", "--strict")
    assert (tmp_path / "out" / "page.txt").read_text("utf-8").strip() == text.strip()
    assert "Stone" in (tmp_path / "page.hocr").read_text("utf-8")


def test_training_without_torch_names_the_extra(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['torch'] = None\n")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", "import ocrpipe.training.loop"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert "MissingExtraError: this needs torch: pip install 'ocrpipe[torch]'" in done.stderr


def test_a_compiled_network_is_kept_for_the_next_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    before = Doubled.made
    x = np.arange(3, dtype=np.float32)
    for _ in range(2):
        assert doubled("a")(x)[0].tolist() == [0, 2, 4]
    assert Doubled.made == before + 1
    (kept,) = (tmp_path / "ocrpipe").glob("network-*.blob")
    doubled("b").prepare()
    assert Doubled.made == before + 2 and len(list(kept.parent.iterdir())) == 2
    for damaged in (b"", kept.read_bytes()[:-1], kept.read_bytes() + b"x"):
        kept.write_bytes(damaged)
        assert doubled("a")(x)[0].tolist() == [0, 2, 4]
    assert Doubled.made == before + 5
    doubled("a").prepare()
    assert Doubled.made == before + 5  # the damaged file has been replaced


def test_without_a_cache_folder_networks_are_compiled_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    x = np.ones(1, np.float32)
    assert doubled("a")(x)[0].tolist() == [2]

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(cache, "write_whole", full)
    assert doubled("a")(x)[0].tolist() == [2]
    monkeypatch.setattr(cache, "cache_folder", lambda: None)
    assert doubled("a")(x)[0].tolist() == [2]


def test_networks_can_be_pickled_and_shared_by_threads() -> None:
    from concurrent.futures import ThreadPoolExecutor

    for copies in (1, 3):
        network = pickle.loads(pickle.dumps(doubled(copies=copies)))
        with ThreadPoolExecutor(6) as pool:
            found = list(pool.map(network, [np.full(5, i, np.float32) for i in range(60)]))
        assert [one.tolist() for (one,) in found] == [[2 * i] * 5 for i in range(60)]


_FORK = """
import os, signal, sys
import numpy as np
import ocrpipe
from ocrpipe.pipeline import Pipeline
pipeline = Pipeline(threads=2)
page = pipeline.read(sys.argv[1])
child = os.fork()
if not child:
    signal.alarm(120)
    assert pipeline.read(sys.argv[1]) == page
    del pipeline
    sys.exit(0)  # not at once: what was inherited is taken apart, or must not be
assert os.waitpid(child, 0)[1] == 0
del pipeline
child = os.fork()
if not child:
    signal.alarm(120)
    try:
        Pipeline(threads=2)
    except ocrpipe.PluginError as error:
        assert "make the pipeline before the fork" in str(error)
        sys.exit(0)
    sys.exit(7)
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_of_a_fork_reads_and_ends_or_fails_at_once() -> None:
    command = [sys.executable, "-W", "ignore", "-c", _FORK, str(SAMPLE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr


_SIZES = """
import sys
from pathlib import Path
import numpy as np
from ocrpipe.detectors.ctpn.detector import CTPNDetector
network = CTPNDetector(threads=1)._network
def read(number):
    network(np.full((320 + 32 * (number % 8), 320 + 32 * (number // 8)), 255, np.uint8))
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6
read(39)  # the largest
before = read(0)
print(max(read(number) for number in range(39)) - before)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_memory_does_not_grow_with_the_number_of_page_sizes() -> None:
    """Of 40 sizes; with OpenVINO's own number of kernels it grew by 230 MB."""
    done = subprocess.run([sys.executable, "-c", _SIZES], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 150
