"""Detectors and recognisers, built-in and installed: found by name, created, and their results validated.

Names come from the entry-point groups ``ocrpipe.detectors`` and ``ocrpipe.recognizers`` of all installed
distributions, ocrpipe included. Listing imports none of them, so a broken plug-in only affects those who use
it. A built-in's name always means the built-in; a name that two other distributions define is an error, so
that the meaning of a name does not depend on the order of installation.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import metadata
from textwrap import shorten
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from ocrpipe.detectors.base import Detector, TextLine
from ocrpipe.errors import ConfigError, OcrError, PluginError
from ocrpipe.page import Quad
from ocrpipe.recognizers.base import CharSpan, Recognition, Recognizer
from ocrpipe.settings import Settings, configured

Kind = Literal["detectors", "recognizers"]

_log = logging.getLogger(__name__)

_METHODS: dict[Kind, str] = {"detectors": "detect", "recognizers": "recognize"}
_UNKNOWN = "?"
_MAX_SHOWN = 200  # characters of an invalid value in a message
_EDGE_TOLERANCE = 1.0  # pixels beyond the edge, for the rounding of plug-ins


@dataclass(frozen=True, slots=True)
class Plugin:
    """One installed plug-in, not yet imported.

    Attributes:
        name: Its name for ``Pipeline`` and the command line.
        kind: ``"detectors"`` or ``"recognizers"``.
        target: Its location as ``module:attribute``; a class, or a function that returns an instance.
        distribution: Name of the installed distribution that provides it.
        version: That distribution's version.
    """

    name: str
    kind: Kind
    target: str
    distribution: str
    version: str

    @property
    def builtin(self) -> bool:
        """Whether it comes with ocrpipe."""
        return self.distribution == "ocrpipe"

    def __str__(self) -> str:
        return f"{_noun(self.kind)} {self.name!r} ({self.target}, from {self.distribution} {self.version})"


def describe(kind: Kind, name: str | None = None) -> tuple[Plugin, ...]:
    """Every installed plug-in of a kind, built-ins first, then by name; a name defined twice occurs twice.

    Args:
        kind: Detectors or recognisers.
        name: Only those of this name.
    """
    plugins = (
        Plugin(entry.name, kind, entry.value, *_owner(entry))
        for entry in _entry_points(f"ocrpipe.{kind}")
        if name in (None, entry.name)
    )
    return tuple(sorted(plugins, key=lambda plugin: (not plugin.builtin, plugin.name, plugin.distribution)))


def names(kind: Kind) -> tuple[str, ...]:
    """The names that ``load_detector`` or ``load_recognizer`` accepts, built-ins first."""
    return tuple(dict.fromkeys(plugin.name for plugin in describe(kind)))


def load_detector(
    spec: str | Detector,
    *,
    device: str = "cpu",
    threads: int | None = None,
    options: Settings | None = None,
    runtime: str = "auto",
) -> Detector:
    """A detector from its name, or the object given, if it has a ``detect`` method.

    Args:
        spec: Name of an installed plug-in, or a detector.
        device: ``"cpu"``, ``"cuda"`` or ``"mps"``; handed to plug-ins that have a ``device`` parameter.
        threads: Processor threads a call may use; handed to plug-ins that have a ``threads`` parameter.
            ``None`` leaves them their own default.
        options: Options of a plug-in that is given by name, by their names; it must have a parameter
            ``options`` and say by its attribute ``Options`` which dataclass that takes.
        runtime: ``"auto"``, ``"openvino"`` or ``"torch"``; handed to plug-ins that have a ``runtime``
            parameter, as the built-in networks do.

    Raises:
        PluginError: The name is unknown or claimed twice, the plug-in cannot be imported or made, or it has
            no such method. Errors of ocrpipe that it raises, such as a missing extra, pass unchanged.
    """
    return cast(Detector, _load("detectors", spec, device, threads, options or {}, runtime))


def load_recognizer(
    spec: str | Recognizer,
    *,
    device: str = "cpu",
    threads: int | None = None,
    options: Settings | None = None,
    runtime: str = "auto",
) -> Recognizer:
    """A recogniser from its name, or the object given, if it has a ``recognize`` method.

    Arguments and errors are those of `load_detector`.
    """
    return cast(Recognizer, _load("recognizers", spec, device, threads, options or {}, runtime))


def detect(detector: Detector, image: NDArray[np.uint8], name: str) -> tuple[TextLine, ...]:
    """Call a detector on an H×W×3 RGB page and validate its result.

    Raises:
        PluginError: It raised an error or returned an invalid result; the message names it as ``name``.
    """
    with _blaming(f"detector {name!r} failed"):
        return check_lines(detector.detect(image), image.shape[1], image.shape[0], name)


def recognize(
    recognizer: Recognizer, crops: Sequence[NDArray[np.uint8]], name: str
) -> tuple[Recognition, ...]:
    """Call a recogniser on line crops and validate its result.

    Raises:
        PluginError: It raised an error or returned an invalid result; the message names it as ``name``.
    """
    with _blaming(f"recognizer {name!r} failed"):
        return check_recognitions(recognizer.recognize(crops), [crop.shape[1] for crop in crops], name)


def check_lines(lines: Sequence[TextLine], width: int, height: int, name: str) -> tuple[TextLine, ...]:
    """The lines that the detector ``name`` found on a page of ``width`` × ``height``, as plain floats.

    Corners up to one pixel outside the page are moved to its edge.

    Raises:
        PluginError: Not a sequence of `TextLine`, a corner that is not finite or outside the page, corners
            that are not clockwise, or a score outside 0..1.
    """
    _check_sequence("detectors", lines, TextLine, name)
    return tuple(
        TextLine(
            _checked_quad(line.quad, width, height, f"detector {name!r}: line {i}"),
            _checked_probability(line.score, f"detector {name!r}: line {i}: score"),
            None
            if line.crop is None
            else _checked_quad(line.crop, width, height, f"detector {name!r}: line {i}: crop"),
        )
        for i, line in enumerate(lines)
    )


def check_recognitions(
    recognitions: Sequence[Recognition], widths: Sequence[int], name: str
) -> tuple[Recognition, ...]:
    """The results of the recogniser ``name`` for crops of these ``widths``, with spans as plain floats.

    Ends of spans up to one pixel outside the crop are moved to its edge.

    Raises:
        PluginError: Not one `Recognition` per crop, characters that differ from the text, a span outside the
            crop or with its ends exchanged, or a confidence outside 0..1.
    """
    _check_sequence("recognizers", recognitions, Recognition, name)
    if len(recognitions) != len(widths):
        raise PluginError(f"recognizer {name!r} gave {len(recognitions)} results for {len(widths)} crops")
    return tuple(
        _checked_recognition(recognition, width, f"recognizer {name!r}: crop {i}")
        for i, (recognition, width) in enumerate(zip(recognitions, widths, strict=True))
    )


def _entry_points(group: str) -> list[metadata.EntryPoint]:
    """The entry points of all distributions; a distribution with a damaged list is skipped."""
    try:
        return list(metadata.entry_points(group=group))
    except Exception:  # a damaged list raises errors of many kinds, and hides all other lists
        entries = (entry for each in metadata.distributions() for entry in _entry_points_of(each, group))
        return list(dict.fromkeys(entries))  # a distribution may be on the path twice


def _entry_points_of(distribution: metadata.Distribution, group: str) -> list[metadata.EntryPoint]:
    try:
        return list(distribution.entry_points.select(group=group))
    except Exception as error:
        _log.warning("skipped the damaged entry points of a distribution: %s", error)
        return []


def _owner(entry: metadata.EntryPoint) -> tuple[str, str]:
    """Name and version of the distribution; unknown for one that was removed in part."""
    try:
        info = entry.dist.metadata if entry.dist is not None else None
        return (info["Name"] or _UNKNOWN, info["Version"] or _UNKNOWN) if info else (_UNKNOWN, _UNKNOWN)
    except Exception:  # the error of importlib without metadata depends on the Python version
        return _UNKNOWN, _UNKNOWN


def _noun(kind: Kind) -> str:
    return kind.removesuffix("s")


def _load(
    kind: Kind, spec: object, device: str, threads: int | None, options: Settings, runtime: str
) -> object:
    if isinstance(spec, str):
        plugin = _find(kind, spec)
        made, who = _make(plugin, device, threads, options, runtime), str(plugin)
    else:
        owner = spec if isinstance(spec, type) else type(spec)
        made, who = spec, f"{_noun(kind)} {owner.__name__}"
        if options:
            raise ConfigError(f"{who} is an object: give it its options {', '.join(options)} yourself")
    if isinstance(made, type):
        raise PluginError(f"{who} is a class where an instance is needed")
    if not callable(getattr(made, _METHODS[kind], None)):
        raise PluginError(f"{who} has no method {_METHODS[kind]}()")
    _log.info("loaded %s", who)
    return made


def _find(kind: Kind, name: str) -> Plugin:
    matches = describe(kind, name)
    if not matches:
        known = names(kind)
        close = get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise PluginError(f"unknown {_noun(kind)} {name!r}, known are: {', '.join(known)}{hint}")
    if len(matches) > 1 and not matches[0].builtin:
        owners = " and ".join(f"{plugin.distribution} {plugin.version}" for plugin in matches)
        raise PluginError(f"{_noun(kind)} {name!r} is claimed by {owners}: uninstall one, or give an object")
    return matches[0]


def _make(plugin: Plugin, device: str, threads: int | None, options: Settings, runtime: str) -> object:
    entry = metadata.EntryPoint(plugin.name, plugin.target, f"ocrpipe.{plugin.kind}")
    with _blaming(f"{plugin} cannot be loaded"):
        factory = entry.load()
        offered: dict[str, Any] = {"device": device, "runtime": runtime}
        if threads is not None:
            offered["threads"] = threads
        known = _parameters(factory)
        if options:
            kind = getattr(factory, "Options", None)
            if kind is None or "options" not in known:
                raise ConfigError(f"{plugin} has no options: cannot set {', '.join(options)}")
            offered["options"] = configured(kind(), options, known_as=_noun(plugin.kind))
        return factory(**{name: value for name, value in offered.items() if name in known})


def _parameters(factory: Callable[..., object]) -> Collection[str]:
    try:
        return inspect.signature(factory).parameters
    except ValueError:  # some classes written in C have no signature
        return ()


@contextmanager
def _blaming(what: str) -> Iterator[None]:
    """Turn any error within the block into a ``PluginError`` of one line."""
    try:
        yield
    except OcrError:
        raise
    except (Exception, SystemExit, GeneratorExit) as error:  # importing a script may call sys.exit
        reason = " ".join(f"{type(error).__name__}: {_message_of(error)}".split())
        raise PluginError(f"{what}: {reason}") from error


def _message_of(error: BaseException) -> str:
    """An error's message, fit for any file; an exception of a plug-in may fail at that too."""
    try:
        return str(error).encode("utf-8", "backslashreplace").decode("utf-8")
    except Exception:
        return "its message cannot be had"


def _check_sequence(kind: Kind, values: object, of: type, name: str) -> None:
    who = f"{_noun(kind)} {name!r}"
    if not isinstance(values, Sequence):
        raise PluginError(f"{who} returned {type(values).__name__}, not a sequence of {of.__name__}")
    for i, value in enumerate(values):
        if not isinstance(value, of):
            raise PluginError(f"{who}: item {i} is {type(value).__name__}, not {of.__name__}")


def _checked_quad(quad: object, width: int, height: int, where: str) -> Quad:
    try:
        corners = np.asarray(quad, dtype=np.float64)
    except Exception:  # a quad may be any object
        corners = np.empty(0)
    shown = shorten(str(quad), _MAX_SHOWN)
    if corners.shape != (4, 2):
        raise PluginError(f"{where}: quad {shown} is not four (x, y) corners")
    clipped = np.clip(corners, 0.0, (width, height))
    if not np.abs(clipped - corners).max() <= _EDGE_TOLERANCE:  # false for NaN as well
        raise PluginError(f"{where}: quad {shown} is not finite or leaves the page of {width}×{height}")
    x, y = clipped.T
    if (x * np.roll(y, -1) - y * np.roll(x, -1)).sum() <= 0:  # twice the area, positive when clockwise
        raise PluginError(f"{where}: quad {shown} does not run clockwise around an area")
    a, b, c, d = clipped.tolist()
    return (a[0], a[1]), (b[0], b[1]), (c[0], c[1]), (d[0], d[1])


def _checked_recognition(recognition: Recognition, width: int, where: str) -> Recognition:
    chars = recognition.chars
    if not isinstance(chars, Sequence) or not all(isinstance(char, CharSpan) for char in chars):
        raise PluginError(
            f"{where}: chars are {shorten(repr(chars), _MAX_SHOWN)}, not a sequence of CharSpan"
        )
    for text in (recognition.text, *(char.text for char in chars)):
        if not isinstance(text, str) or not _is_writable(text):
            raise PluginError(f"{where}: {shorten(ascii(text), _MAX_SHOWN)} is no text that can be written")
    if "".join(char.text for char in chars) != recognition.text:
        raise PluginError(
            f"{where}: chars do not make up the text {shorten(repr(recognition.text), _MAX_SHOWN)}"
        )
    return Recognition(recognition.text, tuple(_checked_span(char, width, where) for char in chars))


def _checked_span(char: CharSpan, width: int, where: str) -> CharSpan:
    ends = (char.start, char.end)
    if (
        not all(map(_is_number, ends))
        or not -_EDGE_TOLERANCE <= char.start <= char.end <= width + _EDGE_TOLERANCE
    ):
        raise PluginError(f"{where}: {char.text!r} spans {ends}, not within 0..{width}")
    start, end = (min(max(float(x), 0.0), float(width)) for x in ends)
    return CharSpan(char.text, _checked_probability(char.confidence, f"{where}: confidence"), start, end)


def _checked_probability(value: float, where: str) -> float:
    if not _is_number(value) or not 0.0 <= value <= 1.0:
        raise PluginError(f"{where} {value!r} is not a number in 0..1")
    return float(value)


def _is_writable(text: str) -> bool:
    """Whether UTF-8 can hold it: half of a surrogate pair it cannot."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number))
