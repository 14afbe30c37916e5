from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ocrpipe import plugins
from ocrpipe.detectors.base import Detector, TextLine
from ocrpipe.errors import MissingExtraError, PluginError
from ocrpipe.recognizers.base import CharSpan, Recognition

BOX = ((1.0, 2.0), (11.0, 2.0), (11.0, 8.0), (1.0, 8.0))
LINE = TextLine(BOX, 0.5)

Install = Callable[..., str]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a distribution with one module on the path, as an installer would leave it there."""

    def install(name: str, code: str, *, kind: str = "detectors", offers: str = "") -> str:
        site = tmp_path / name
        info = site / f"{name}-1.2.dist-info"
        info.mkdir(parents=True)
        module = f"plugin_{name}"
        (site / f"{module}.py").write_text(code)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[ocrpipe.{kind}]\n{offers or name} = {module}:Plugin\n")
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.delitem(sys.modules, module, raising=False)
        return module

    return install


GOOD = """
class Plugin:
    def detect(self, image): return []
    def recognize(self, crops): return []
"""


def test_builtins_come_through_the_same_door() -> None:
    assert {"ctpn", "classical"} <= set(plugins.names("detectors"))
    assert "crnn" in plugins.names("recognizers")
    classical = next(plugin for plugin in plugins.describe("detectors") if plugin.name == "classical")
    assert classical.builtin
    assert classical.distribution == "ocrpipe"
    assert classical.target == "ocrpipe.detectors.classical:ClassicalDetector"


def test_a_plugin_is_listed_unimported_and_loaded_by_name(install: Install) -> None:
    module = install("acme", GOOD)
    listed = plugins.describe("detectors")
    assert [plugin.builtin for plugin in listed] == sorted((p.builtin for p in listed), reverse=True)
    acme = next(plugin for plugin in listed if plugin.name == "acme")
    assert (acme.distribution, acme.version, acme.target) == ("acme", "1.2", "plugin_acme:Plugin")
    assert not acme.builtin
    assert module not in sys.modules
    assert type(plugins.load_detector("acme")).__module__ == module


def test_a_recognizer_is_found_in_its_own_group(install: Install) -> None:
    install("reader", GOOD, kind="recognizers")
    assert "reader" not in plugins.names("detectors")
    assert hasattr(plugins.load_recognizer("reader"), "recognize")


def test_device_goes_to_those_who_take_it(install: Install) -> None:
    install("plain", GOOD)
    taking = "class Plugin:\n    def __init__(self, *, device): self.device = device\n    detect = print"
    install("fast", taking)
    loaded: Any = plugins.load_detector("fast", device="cuda")
    assert loaded.device == "cuda"
    plugins.load_detector("plain", device="cuda")


def test_threads_go_to_those_who_take_them(install: Install) -> None:
    install("plain", GOOD, kind="recognizers")
    taking = (
        "class Plugin:\n    def __init__(self, *, threads=7): self.threads = threads\n    recognize = print"
    )
    install("parallel", taking, kind="recognizers")
    given: Any = plugins.load_recognizer("parallel", threads=3)
    default: Any = plugins.load_recognizer("parallel")
    assert (given.threads, default.threads) == (3, 7)
    plugins.load_recognizer("plain", threads=3)


def test_a_plugin_may_be_a_function_that_makes_one(install: Install) -> None:
    install("made", GOOD.replace("class Plugin", "class Made") + "def Plugin(device): return Made()")
    assert type(plugins.load_detector("made")).__name__ == "Made"


def test_an_object_is_taken_as_it_is() -> None:
    class Mine:
        def detect(self, image: object) -> list[TextLine]:
            return []

    mine = Mine()
    assert plugins.load_detector(mine) is mine
    with pytest.raises(PluginError, match=r"recognizer Mine has no method recognize\(\)"):
        plugins.load_recognizer(mine)  # type: ignore[arg-type]
    with pytest.raises(PluginError, match="detector Mine is a class where an instance is needed"):
        plugins.load_detector(Mine)  # type: ignore[arg-type]


def test_an_unknown_name_lists_the_known_and_the_closest() -> None:
    with pytest.raises(PluginError, match="unknown detector 'ctnp'.*classical.*did you mean 'ctpn'"):
        plugins.load_detector("ctnp")
    with pytest.raises(PluginError, match="known are: .*crnn") as caught:
        plugins.load_recognizer("zzzzzz")
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("import no_such_module_anywhere", "ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
        ("1/0", "ZeroDivisionError"),
        ("raise SystemExit('usage: plugin FILE')", "SystemExit: usage: plugin FILE"),
        ("class Other: pass", "AttributeError"),
        ("class Plugin:\n    def __init__(self): raise ValueError('no\\nmodel')", "ValueError: no model"),
        ("class Plugin:\n    def __init__(self, size): pass", "TypeError.*size"),
        ("class Plugin: pass", r"no method detect\(\)"),
        ("def Plugin(): return int", "is a class where an instance"),
        ("Plugin = 3", "TypeError: .*not a callable"),
    ],
)
def test_a_broken_plugin_is_named_with_its_distribution(install: Install, code: str, complaint: str) -> None:
    install("broken", code)
    assert "broken" in plugins.names("detectors")
    with pytest.raises(PluginError, match=complaint) as caught:
        plugins.load_detector("broken")
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("detector 'broken' (plugin_broken:Plugin, from broken 1.2)")


def test_errors_of_ours_keep_their_own_words(install: Install) -> None:
    code = "from ocrpipe.errors import MissingExtraError\nraise MissingExtraError('pip install it')"
    install("extra", code)
    with pytest.raises(MissingExtraError, match="^pip install it$"):
        plugins.load_detector("extra")


def test_a_name_with_two_owners_is_refused(install: Install) -> None:
    install("first", GOOD, offers="same")
    install("second", GOOD, offers="same")
    assert plugins.names("detectors").count("same") == 1
    owners = [plugin.distribution for plugin in plugins.describe("detectors") if plugin.name == "same"]
    assert owners == ["first", "second"]
    with pytest.raises(PluginError, match="'same' is claimed by first 1.2 and second 1.2"):
        plugins.load_detector("same")


def test_a_builtin_keeps_its_name(install: Install) -> None:
    install("squatter", GOOD, offers="classical")
    assert type(plugins.load_detector("classical")).__module__ == "ocrpipe.detectors.classical"


def test_a_half_removed_distribution_hides_nothing(install: Install, tmp_path: Path) -> None:
    install("torn", GOOD)
    (tmp_path / "torn" / "torn-1.2.dist-info" / "METADATA").unlink()
    torn = next(plugin for plugin in plugins.describe("detectors") if plugin.name == "torn")
    assert (torn.distribution, torn.version, torn.builtin) == ("?", "?", False)
    assert {"ctpn", "classical"} <= set(plugins.names("detectors"))


@pytest.mark.parametrize(
    "damage", [b"[ocrpipe.detectors]\nno target\n", b"[ocrpipe.detectors]\n\xff = a:b\n"]
)
def test_a_damaged_list_of_plugins_hides_nobody_elses(
    damage: bytes, install: Install, tmp_path: Path
) -> None:
    install("acme", GOOD)
    install("torn", GOOD)
    (tmp_path / "torn" / "torn-1.2.dist-info" / "entry_points.txt").write_bytes(damage)
    assert {"ctpn", "classical", "acme"} <= set(plugins.names("detectors"))
    assert "torn" not in plugins.names("detectors")
    assert type(plugins.load_detector("acme")).__module__ == "plugin_acme"


def test_listing_imports_nothing_heavy() -> None:
    code = (
        "import sys; from ocrpipe import plugins; assert plugins.names('detectors');"
        "assert not {'torch', 'cv2', 'skimage'} & set(sys.modules), 'heavy'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_good_lines_come_back_as_plain_floats() -> None:
    quad = np.array(BOX, dtype=np.float32)
    (line,) = plugins.check_lines([TextLine(quad, np.float32(0.5))], 20, 10, "x")  # type: ignore[arg-type]
    assert line == LINE
    assert type(line.score) is float
    assert type(line.quad) is tuple
    assert type(line.quad[0][0]) is float


def test_rounding_at_the_edge_is_forgiven() -> None:
    quad = ((-0.5, 0.0), (20.9, 0.0), (20.9, 10.5), (-0.5, 10.5))
    (line,) = plugins.check_lines([TextLine(quad, 1.0)], 20, 10, "x")
    assert line.quad == ((0.0, 0.0), (20.0, 0.0), (20.0, 10.0), (0.0, 10.0))


def moved(dx: float, dy: float) -> TextLine:
    a, b, c, d = ((x + dx, y + dy) for x, y in BOX)
    return TextLine((a, b, c, d), 0.5)


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (None, "returned NoneType, not a sequence of TextLine"),
        (iter([LINE]), "not a sequence of TextLine"),
        (np.zeros((1, 4, 2)), "returned ndarray"),
        ([LINE, BOX], "item 1 is tuple, not TextLine"),
        ([TextLine(BOX[:3], 0.5)], r"line 0: quad .* is not four \(x, y\) corners"),  # type: ignore[arg-type]
        ([TextLine("abcd", 0.5)], "not four"),  # type: ignore[arg-type]
        ([TextLine((1, 2, 3, 4), 0.5)], "not four"),  # type: ignore[arg-type]
        ([LINE, moved(float("nan"), 0)], "line 1: quad .* is not finite"),
        ([moved(float("inf"), 0)], "is not finite"),
        ([moved(-3, 0)], "leaves the page of 20×10"),
        ([moved(0, -4)], "leaves the page"),
        ([moved(11, 0)], "leaves the page"),
        ([moved(0, 4)], "leaves the page"),
        ([TextLine(BOX[::-1], 0.5)], "does not run clockwise"),
        ([TextLine((BOX[0], BOX[1], BOX[3], BOX[2]), 0.5)], "does not run clockwise"),
        ([TextLine((BOX[0],) * 4, 0.5)], "does not run clockwise"),
        ([TextLine(BOX, 0.5, moved(11, 0).quad)], "line 0: crop: quad .* leaves the page"),
        ([TextLine(BOX, 0.5, np.array(BOX[::-1]))], "crop: quad .* does not run clockwise"),  # type: ignore[arg-type]
        ([TextLine(BOX, 1.5)], "score 1.5 is not a number in 0..1"),
        ([TextLine(BOX, -0.1)], "score"),
        ([TextLine(BOX, float("nan"))], "score nan"),
        ([TextLine(BOX, "high")], "score 'high'"),  # type: ignore[arg-type]
    ],
)
def test_bad_lines_are_refused_by_name(lines: Any, complaint: str) -> None:
    with pytest.raises(PluginError, match=complaint) as caught:
        plugins.check_lines(lines, 20, 10, "acme")
    assert str(caught.value).startswith("detector 'acme'")


def read(text: str = "ab", start: Any = 1.0, end: Any = 5.0, confidence: Any = 0.5) -> Recognition:
    return Recognition(text, (CharSpan("a", 1.0, 0.0, 1.0), CharSpan("b", confidence, start, end)))


def test_good_recognitions_come_back_as_plain_floats() -> None:
    (checked,) = plugins.check_recognitions([read(end=np.float32(10.5))], [10], "x")
    assert checked == read(end=10.0)
    assert type(checked.chars[1].end) is float


@pytest.mark.parametrize(
    ("recognitions", "complaint"),
    [
        (None, "returned NoneType, not a sequence of Recognition"),
        (["ab"], "item 0 is str, not Recognition"),
        ([], "gave 0 results for 1 crops"),
        ([read(), read()], "gave 2 results for 1 crops"),
        ([read(text="abc")], "crop 0: chars do not make up the text 'abc'"),
        ([Recognition(None, ())], "None is no text that can be written"),  # type: ignore[arg-type]
        ([Recognition("a", None)], "chars are None"),  # type: ignore[arg-type]
        ([Recognition("a", ("a",))], "not a sequence of CharSpan"),  # type: ignore[arg-type]
        ([read(start=6.0)], "'b' spans"),
        ([read(start=-2.0)], r"not within 0\.\.10"),
        ([read(end=12.0)], r"not within 0\.\.10"),
        ([read(end=float("nan"))], "'b' spans"),
        ([read(end="5")], "'b' spans"),
        ([read(confidence=1.1)], "confidence 1.1"),
        ([read(confidence=float("nan"))], "confidence nan"),
        ([read(confidence=None)], "confidence None"),
    ],
)
def test_bad_recognitions_are_refused_by_name(recognitions: Any, complaint: str) -> None:
    with pytest.raises(PluginError, match=complaint) as caught:
        plugins.check_recognitions(recognitions, [10], "acme")
    assert str(caught.value).startswith("recognizer 'acme'")


class Fixed:
    """Answers every call with the same value, or raises it."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def detect(self, image: object) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    recognize = detect


def test_calls_are_checked_against_what_was_given() -> None:
    page = np.zeros((10, 20, 3), dtype=np.uint8)
    detector: Detector = Fixed([LINE])
    assert plugins.detect(detector, page, "x") == (LINE,)
    with pytest.raises(PluginError, match="leaves the page of 9×10"):
        plugins.detect(detector, page[:, :9], "x")
    crop = np.zeros((5, 10), dtype=np.uint8)
    assert plugins.recognize(Fixed([read()]), [crop], "x") == (read(),)
    with pytest.raises(PluginError, match="1 results for 2 crops"):
        plugins.recognize(Fixed([read()]), [crop, crop], "x")


class Sly:
    """A value that fails as soon as anybody looks at it, as tensors do that need a gradient."""

    def __array__(self, *arguments: Any, **options: Any) -> Any:
        raise RuntimeError("cannot be converted")

    def __len__(self) -> int:
        raise RuntimeError("cannot be counted")


class SlySequence(Sly, Sequence[Recognition]):
    def __getitem__(self, index: Any) -> Any:
        raise RuntimeError("cannot be counted")


def test_whatever_is_returned_the_plugin_is_named() -> None:
    page = np.zeros((10, 20, 3), dtype=np.uint8)
    sly: Any = Sly()
    with pytest.raises(PluginError, match="^detector 'acme': line 0: quad .*Sly.* is not four"):
        plugins.detect(Fixed([TextLine(sly, 0.5)]), page, "acme")
    with pytest.raises(PluginError, match="^recognizer 'acme' failed: RuntimeError: cannot be counted"):
        plugins.recognize(Fixed(SlySequence()), [page], "acme")
    huge: Any = np.zeros((500, 2))
    with pytest.raises(PluginError, match="not four") as caught:
        plugins.detect(Fixed([TextLine(huge, 0.5)]), page, "acme")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_plugin_that_raises_is_named() -> None:
    page = np.zeros((10, 20, 3), dtype=np.uint8)
    with pytest.raises(PluginError, match="^detector 'acme' failed: KeyError: 'x'$"):
        plugins.detect(Fixed(KeyError("x")), page, "acme")
    with pytest.raises(PluginError, match="^recognizer 'acme' failed: RuntimeError: shape mismatch$"):
        plugins.recognize(Fixed(RuntimeError("shape\nmismatch")), [], "acme")
    with pytest.raises(MissingExtraError, match="^get it$"):
        plugins.detect(Fixed(MissingExtraError("get it")), page, "acme")


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Garbled(Exception):
    def __str__(self) -> str:
        return "half a pair: \ud83d"


@pytest.mark.parametrize("error", [Unspeakable(), Garbled(), GeneratorExit(), SystemExit(3)])
def test_whatever_a_plugin_raises_is_one_error_that_can_be_written(error: BaseException) -> None:
    class Raising:
        def detect(self, image: object) -> Any:
            raise error

    with pytest.raises(PluginError, match="detector 'raising' failed") as caught:
        plugins.detect(Raising(), np.zeros((5, 5, 3), np.uint8), "raising")
    assert str(caught.value).encode()


@pytest.mark.parametrize("text", [5, None, b"x", "\ud83d", "a\udcffb"])
def test_text_that_cannot_be_written_is_refused(text: Any) -> None:
    chars = (CharSpan(text, 0.5, 0, 1),)
    with pytest.raises(PluginError, match="recognizer 'odd': crop 0"):
        plugins.check_recognitions([Recognition(text, chars)], [5], "odd")
