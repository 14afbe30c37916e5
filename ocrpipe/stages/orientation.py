"""Orientation of a page: candidate turns from its ink, decided by reading them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ocrpipe.detectors.base import TextLine
from ocrpipe.geometry import Image, quad_angle, quad_size
from ocrpipe.page import Quad
from ocrpipe.stages.frame import PageFrame
from ocrpipe.stages.reading import Reading
from ocrpipe.stages.skew import Mask, OrientationOptions, skew_of_ink, text_ink, turns_of_ink
from ocrpipe.stages.vertical import VerticalOptions, han_fraction, runs_across

_MAX_TILT = 15.0  # degrees; steeper lines do not count for the tilt of a level view
_BARS = frozenset("1Il|!i[]()-—–―_=.·'\"*~一")  # what bars, rules and specks are mistaken for
_DEFAULT = OrientationOptions()
_VERTICAL = VerticalOptions()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A page in one orientation: its lines and what was read from them.

    Attributes:
        frame: The page and its level view.
        lines: Detected lines, in the view's coordinates.
        readings: Of the first of ``lines``; the others have not been read.
        vertical: Whether the page's text runs in columns; ``lines`` are the horizontal ones then.
    """

    frame: PageFrame
    lines: tuple[TextLine, ...]
    readings: tuple[Reading, ...]
    vertical: bool = False

    @property
    def characters(self) -> int:
        """Number of characters read, spaces excluded."""
        return sum(1 for _ in _confidences(self.readings))

    @property
    def confidence(self) -> float:
        """Mean confidence of those characters; 0.0 where there are none."""
        values = list(_confidences(self.readings))
        return sum(values) / len(values) if values else 0.0


Find = Callable[[PageFrame], Sequence[TextLine]]
"""Finds the lines of a page's level view, in the view's coordinates."""
Read = Callable[[PageFrame, Sequence[TextLine]], Sequence[Reading]]
"""Reads lines of a page's level view."""


def find_upright(
    image: Image,
    find: Find,
    read: Read,
    options: OrientationOptions = _DEFAULT,
    *,
    whole: bool = True,
    read_columns: Read | None = None,
    vertical: VerticalOptions = _VERTICAL,
) -> Candidate:
    """Find the orientation in which a page reads best.

    The likeliest turn is read first; others are tried only where its confidence is low or it has few
    characters. Both directions of an axis are compared on the same lines, and a page is left as given unless
    another turn is better by ``stay_margin``.

    Args:
        image: H×W×3 RGB, uint8.
        find: Detects lines.
        read: Reads them.
        options: Thresholds.
        whole: Read all lines of the result, or only a sample of the longest.
        read_columns: Reads lines of upright characters that run down; None looks for no vertical text.
        vertical: What makes a page vertical. Such a page is tried where the ink runs in columns that do not
            read well from the side.
    """
    base = PageFrame(image)
    ink = text_ink(image, options) if options.quarter_turns or options.deskew else None
    turns = turns_of_ink(ink, options) if ink is not None and options.quarter_turns else (0,)
    sample = None if whole else options.sample_lines
    aside = turns[0] != 0 and read_columns is not None
    best = _candidate(
        _levelled(base, turns[0], ink, options), find, read, options.sample_lines if aside else sample
    )
    if aside and read_columns is not None:
        if not _reads_well(best, options):
            columns = _vertical_page(best, find, read, read_columns, options, vertical)
            if columns:
                return columns
        best = _read_rest(best, read) if whole else best
    if len(turns) == 1 or _reads_well(best, options):
        return best
    views = {turns[0]: best}
    evidence = {turns[0]: _evidence(_longest_read(best, options), options)}
    for turned in dict.fromkeys((*turns[::2], 0, 90)):
        if turned and turned not in turns and max(evidence.values()) >= options.fair_evidence:
            continue
        if turned not in views:
            frame = _levelled(base, turned, ink, options)
            views[turned] = _candidate(frame, find, read, options.sample_lines)
            evidence[turned] = _evidence(views[turned].readings, options)
        view = views[turned]
        flipped = tuple(map(upside_down, longest(view.lines, options.sample_lines)))
        evidence[(turned + 180) % 360] = _evidence(read(view.frame, flipped), options)
    if read_columns and turns[0] == 0 and max(evidence.values()) < options.fair_evidence:
        columns = _vertical_page(best, find, read, read_columns, options, vertical)
        if columns:
            return columns
    evidence[0] += options.stay_margin
    turned = max(evidence, key=lambda turn: evidence[turn])
    if turned == turns[0]:
        return best
    if turned not in views:
        views[turned] = _candidate(_levelled(base, turned, ink, options), find, read, options.sample_lines)
    found = views[turned]
    full = _read_rest(found, read) if whole else found
    worse = _evidence(full.readings, options) < _evidence(best.readings, options)
    return best if worse and turned else full


def _vertical_page(
    view: Candidate,
    find: Find,
    read: Read,
    read_columns: Read,
    options: OrientationOptions,
    vertical: VerticalOptions,
) -> Candidate | None:
    """The page with its columns upright, if the lines of a view read as columns of upright characters.

    Args:
        view: A view in which columns of text are horizontal lines.
        find: Finds lines.
        read: Reads them.
        read_columns: Reads them as columns.
        options: Thresholds.
        vertical: Likewise of vertical text.
    """
    best, least = None, max(vertical.min_evidence, _evidence(_longest_read(view, options), options))
    lines = longest(view.lines, options.sample_lines)
    for turned, some in ((90, lines), (270, tuple(map(upside_down, lines)))):
        readings = list(read_columns(view.frame, some))
        evidence = _evidence(readings, options)
        if evidence >= least and han_fraction(readings) >= vertical.min_han:
            best, least = (turned, readings), evidence
    if best is None:
        return None
    frame = replace(view.frame, turned=(view.frame.turned + best[0]) % 360)
    found = tuple(find(frame))
    across = read(frame, longest(found, options.sample_lines))
    if runs_across(across, best[1], vertical):
        return None
    return Candidate(frame, found, (), True)


def compare_turns(
    image: Image, find: Find, read: Read, options: OrientationOptions = _DEFAULT
) -> list[tuple[int, float, int]]:
    """Read a page's longest lines in each orientation that its ink allows, or in all if those read badly.

    The same lines are read as detected and rotated by 180°, so that both directions are compared on them.

    Returns:
        Clockwise turn in degrees, mean confidence and number of the characters read, the best first.
    """
    ink = text_ink(image, options)
    results: list[tuple[int, float, int]] = []
    turns = turns_of_ink(ink, options)
    for turned in dict.fromkeys((*turns[::2], 0, 90)):
        if turned not in turns and any(
            confidence >= options.min_confidence and characters >= options.clear_characters
            for _, confidence, characters in results
        ):
            continue
        frame = _levelled(PageFrame(image), turned, ink, options)
        lines = longest(find(frame), options.sample_lines)
        for extra, some in ((0, lines), (180, tuple(map(upside_down, lines)))):
            candidate = Candidate(frame, some, tuple(read(frame, some)))
            results.append(((turned + extra) % 360, candidate.confidence, candidate.characters))
    return sorted(results, key=lambda result: -result[1])


def upright_turn(
    results: Sequence[tuple[int, float, int]], options: OrientationOptions = _DEFAULT
) -> tuple[int, float]:
    """The best turn of those of ``compare_turns``, and its certainty, from 0.0 to 1.0."""
    (turned, best, characters), (_, second, _) = results[:2]
    if not characters:
        return 0, 0.0
    margin = min(1.0, (best - second) / options.clear_margin)
    return turned, margin * min(1.0, characters / options.clear_characters)


def page_skew(image: Image, options: OrientationOptions = _DEFAULT) -> float:
    """Skew of the text in degrees within ±``max_skew``, clockwise positive, at any quarter turn of the page.

    Args:
        image: H×W×3 RGB, uint8.
        options: Thresholds.
    """
    ink = text_ink(image, options)
    return _skew(PageFrame(image, turns_of_ink(ink, options)[0]), ink, options)


def residual_tilt(quads: Iterable[Quad]) -> float:
    """Median angle of lines in a level view, weighted by length: the error of the skew estimate.

    Lines at 15 degrees or more do not follow the page's text direction and are not counted.

    Returns:
        Degrees, clockwise positive; 0.0 for no lines.
    """
    tilts = sorted((_within_half_turn(quad_angle(quad)), quad_size(quad)[0]) for quad in quads)
    tilts = [(tilt, length) for tilt, length in tilts if abs(tilt) < _MAX_TILT]
    rest = sum(length for _, length in tilts) / 2
    for tilt, length in tilts:
        rest -= length
        if rest <= 0:
            return tilt
    return 0.0


def longest(lines: Iterable[TextLine], count: int) -> tuple[TextLine, ...]:
    """At most ``count`` lines, the longest first."""
    return tuple(sorted(lines, key=lambda line: -quad_size(line.quad)[0])[:count])


def upside_down(line: TextLine) -> TextLine:
    """The line's quads with the opposite reading direction."""

    def turned(quad: Quad) -> Quad:
        return (*quad[2:], *quad[:2])

    return TextLine(turned(line.quad), line.score, line.crop and turned(line.crop))


def _candidate(frame: PageFrame, find: Find, read: Read, sample: int | None) -> Candidate:
    lines = tuple(find(frame))
    if sample is not None:
        first = longest(lines, sample)
        chosen = set(map(id, first))
        lines = (*first, *(line for line in lines if id(line) not in chosen))
    return Candidate(frame, lines, tuple(read(frame, lines[:sample])))


def _reads_well(candidate: Candidate, options: OrientationOptions) -> bool:
    """Whether no other turn need be tried; bars and strokes also read well, but as few characters."""
    enough = options.clear_characters if candidate.frame.turned else 1
    few = sum(1 for _ in _text_confidences(candidate.readings)) < enough
    return candidate.confidence >= options.min_confidence and not few


def _evidence(readings: Sequence[Reading], options: OrientationOptions) -> float:
    """Mean confidence of the lines' characters, scaled down where they are few; from 0.0 to 1.0."""
    values = list(_text_confidences(readings))
    if not values:
        return 0.0
    return sum(values) / len(values) * min(1.0, len(values) / options.clear_characters)


def _text_confidences(readings: Iterable[Reading]) -> Iterator[float]:
    """Confidences of the characters, without those that bars and rules are mistaken for."""
    chars = (char for reading in readings for char in reading.recognition.chars)
    return (char.confidence for char in chars if char.text.strip() and char.text not in _BARS)


def _longest_read(candidate: Candidate, options: OrientationOptions) -> list[Reading]:
    chosen = set(map(id, longest(candidate.lines, options.sample_lines)))
    return [reading for reading in candidate.readings if id(reading.line) in chosen]


def _read_rest(candidate: Candidate, read: Read) -> Candidate:
    rest = candidate.lines[len(candidate.readings) :]
    return Candidate(candidate.frame, candidate.lines, (*candidate.readings, *read(candidate.frame, rest)))


def _levelled(base: PageFrame, turned: int, ink: Mask | None, options: OrientationOptions) -> PageFrame:
    frame = PageFrame(base.image, turned)
    if ink is None or not options.deskew:
        return frame
    return replace(frame, skew=_skew(frame, ink, options))


def _skew(frame: PageFrame, ink: Mask, options: OrientationOptions) -> float:
    """Skew of a page after its quarter turn; ``ink`` is that of the page as given."""
    return skew_of_ink(text_ink(frame.turned_image, options) if frame.turned else ink, options)


def _confidences(readings: Iterable[Reading]) -> Iterator[float]:
    chars = (char for reading in readings for char in reading.recognition.chars)
    return (char.confidence for char in chars if not char.text.isspace())


def _within_half_turn(angle: float) -> float:
    """The same angle within -180..180 degrees."""
    return (angle + 180) % 360 - 180
