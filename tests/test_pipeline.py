from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import ocrpipe
from ocrpipe.detectors.base import TextLine
from ocrpipe.errors import ConfigError, PluginError, UnreadableImageError
from ocrpipe.geometry import quad_angle, quad_size, turn
from ocrpipe.page import Quad
from ocrpipe.pipeline import Options, Pipeline, Stage
from ocrpipe.recognizers.base import CharSpan, Recognition

Pixels = NDArray[np.uint8]


class Bars:
    """Finds black bars wider than high."""

    def detect(self, image: Pixels) -> Sequence[TextLine]:
        ink = (image[..., 0] < 100).astype(np.uint8)
        count, _, stats, _ = cv2.connectedComponentsWithStats(ink)
        lines = []
        for x, y, w, h, _ in stats[1:count].tolist():
            if w > 2 * h:
                quad: Quad = ((x, y), (x + w, y), (x + w, y + h), (x, y + h))
                lines.append(TextLine(quad, 0.9))
        return lines


class Notches:
    """Reads a bar as "up" if its notch is at the lower right, with little confidence otherwise."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, ...]] = []

    def recognize(self, crops: Sequence[Pixels]) -> Sequence[Recognition]:
        self.seen.extend(crop.shape for crop in crops)
        read = []
        for crop in crops:
            height, width = crop.shape[:2]
            corners = {
                name: float(part.mean())
                for name, part in {
                    "right": crop[height // 2 :, -width // 6 :],
                    "left": crop[: height // 2, : width // 6],
                }.items()
            }
            sure = 0.95 if corners["right"] > corners["left"] else 0.5
            half = width / 2
            read.append(Recognition("up", (CharSpan("u", sure, 0, half), CharSpan("p", sure, half, width))))
        return read


def page(count: int = 8) -> Pixels:
    """Bars of text height with a notch at the lower right of each."""
    image = np.full((600, 800, 3), 255, np.uint8)
    for row in range(count):
        y = 60 + 60 * row
        image[y : y + 24, 100 : 600 - 20 * row] = 0
        image[y + 12 : y + 24, 560 - 20 * row : 600 - 20 * row] = 255
    return image


def options(settings: dict[str, object] | None = None) -> Options:
    return Options().with_settings({"orientation.deskew": False, **(settings or {})})


def pipeline(settings: dict[str, object] | None = None) -> Pipeline:
    return Pipeline(Bars(), Notches(), options=options(settings))


AS_IT_LIES: dict[str, object] = {"orientation.quarter_turns": False}


def test_lines_words_and_characters_are_in_the_callers_pixels() -> None:
    found = pipeline().read(page())
    assert (found.width, found.height, found.orientation, found.skew) == (800, 600, 0, 0.0)
    assert [line.text for line in found.lines] == ["up"] * 8
    first = found.lines[0]
    assert first.quad == ((100, 60), (600, 60), (600, 84), (100, 84))
    assert first.confidence == pytest.approx(0.95)
    assert first.score == 0.9
    assert first.chars[0].quad[1][0] == pytest.approx(350, abs=2)


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_turned_pages_are_read_upright_with_quads_on_the_page_as_given(turned: int) -> None:
    found = pipeline().read(turn(page(), turned))
    assert found.orientation == -turned % 360
    assert [line.text for line in found.lines] == ["up"] * 8
    assert all(abs((quad_angle(line.quad) - turned + 180) % 360 - 180) < 1 for line in found.lines)
    assert quad_size(found.lines[0].quad) == pytest.approx((500, 24), abs=1)


def test_orientation_is_left_alone_if_asked() -> None:
    found = pipeline(AS_IT_LIES).read(turn(page(), 180))
    assert found.orientation == 0
    assert all(line.confidence == pytest.approx(0.5) for line in found.lines)


def test_lines_below_the_least_confidence_are_left_out() -> None:
    assert pipeline(AS_IT_LIES | {"filter.min_confidence": 0.6}).read(turn(page(), 180)).lines == ()


@pytest.mark.parametrize(
    ("finds", "reads", "score", "least", "count"),
    [
        (True, True, 0.9, 0.86, 0),  # confidence .95 times score .9 is .855
        (True, True, 0.9, 0.85, 8),
        (True, True, 0.5, 0.45, 8),
        (False, True, 0.9, 0.86, 8),  # the score says nothing
        (False, False, 0.5, 0.86, 8),
        (True, False, 0.9, 0.86, 8),  # confidence alone counts, but for faint lines
        (True, False, 0.6, 0.45, 0),
    ],
)
def test_confidence_counts_by_the_score_where_both_are_probabilities(
    finds: bool, reads: bool, score: float, least: float, count: int
) -> None:
    class Scored(Bars):
        calibrated = finds

        def detect(self, image: Pixels) -> Sequence[TextLine]:
            return [TextLine(line.quad, score) for line in super().detect(image)]

    reader = Notches()
    reader.calibrated = reads  # type: ignore[attr-defined]
    pipe = Pipeline(Scored(), reader, options=options({"filter.min_confidence": least}))
    assert len(pipe.read(page()).lines) == count


def test_crops_have_the_margin_asked_for() -> None:
    reader = Notches()
    Pipeline(Bars(), reader, options=options({"reading.pad": 0.5})).read(page(1))
    assert reader.seen[0][:2] == (48, 524)


@pytest.mark.parametrize("turned", [0, 90])
def test_a_detector_may_say_what_to_cut_out_beside_the_lines_box(turned: int) -> None:
    class Roomy(Bars):
        def detect(self, image: Pixels) -> Sequence[TextLine]:
            def around(quad: Quad) -> Quad:
                (a, b), (c, d) = quad[0], quad[2]
                return (a - 10, b - 10), (c + 10, b - 10), (c + 10, d + 10), (a - 10, d + 10)

            return [TextLine(around(line.quad), 0.9, crop=line.quad) for line in super().detect(image)]

    reader = Notches()
    pipe = Pipeline(Roomy(), reader, options=options())
    line = pipe.read(turn(page(), turned)).lines[0]
    assert (24, 500) in {shape[:2] for shape in reader.seen}
    assert quad_size(line.quad) == pytest.approx((520, 44), abs=1)
    assert quad_size(line.words[0].quad) == pytest.approx((500, 24), abs=1)
    (found,) = pipe.detect(page(1))
    assert found.crop == ((100, 60), (600, 60), (600, 84), (100, 84))


@pytest.mark.parametrize("value", [0, 255])
def test_a_blank_page_is_an_empty_page(value: int) -> None:
    found = pipeline().read(np.full((300, 200), value, np.uint8))
    assert found.lines == ()
    assert found.text == ""
    assert found.confidence == 0.0


def test_detect_gives_the_lines_only() -> None:
    lines = pipeline().detect(page(3))
    assert [line.quad[0] for line in lines] == [(100, 60), (100, 120), (100, 180)]


def test_recognize_gives_one_reading_per_crop() -> None:
    crops = [np.zeros((20, 100, 3), np.uint8)] * 3
    assert len(pipeline().recognize(crops)) == 3
    assert pipeline().recognize([]) == ()


def test_documents_come_page_by_page(tmp_path: Path) -> None:
    frames = [Image.fromarray(page(n)) for n in (2, 5)]
    path = tmp_path / "two.tif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    pages = list(pipeline().read_document(path))
    assert [len(one.lines) for one in pages] == [2, 5]
    assert [one.number for one in pages] == [1, 2]
    assert pages[0].source == str(path)


def test_several_threads_share_a_pipeline() -> None:
    shared, results = pipeline(), {}
    images = {n: page(n) for n in range(1, 9)}

    def work(n: int) -> None:
        results[n] = len(shared.read(images[n]).lines)

    threads = [threading.Thread(target=work, args=(n,)) for n in images]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {n: n for n in images}


def test_the_callers_thread_settings_stay() -> None:
    before = torch.get_num_threads(), cv2.getNumThreads()
    seen: list[tuple[int, int]] = []

    class Spy(Bars):
        def detect(self, image: Pixels) -> Sequence[TextLine]:
            seen.append((torch.get_num_threads(), cv2.getNumThreads()))
            return super().detect(image)

    Pipeline(Spy(), "crnn", threads=before[0] + 1).read(page(1))
    assert {*seen, (torch.get_num_threads(), cv2.getNumThreads())} == {before}


def test_each_stage_reports_what_it_did() -> None:
    stages: list[Stage] = []
    pipeline().read(page(3), on_stage=stages.append)
    counts = {stage.name: stage.counts for stage in stages}
    assert list(counts) == [
        "load",
        "detect",
        "crop and recognize",
        "orientation",
        "filter",
        "rotated text",
        "layout",
        "assembly",
    ]
    for name in ("detect", "crop and recognize", "filter"):
        assert counts[name]["lines"] == 3
    assert all(stage.seconds >= 0 for stage in stages)


def test_pages_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", logger="ocrpipe"):
        pipeline().read(page(3))
    assert "3 lines" in caplog.messages[-1]
    assert any("detect" in message for message in caplog.messages)


def test_detected_lines_begin_at_the_texts_own_top_left() -> None:
    for turned in (0, 90, 180, 270):
        lines = pipeline().detect(turn(page(), turned))
        assert len(lines) == 8
        assert all(abs((quad_angle(line.quad) - turned + 180) % 360 - 180) < 1 for line in lines)


def test_a_failing_plugin_is_named() -> None:
    class Broken:
        def detect(self, image: Pixels) -> Sequence[TextLine]:
            raise ZeroDivisionError("oops")

    with pytest.raises(PluginError, match="Broken.*oops"):
        Pipeline(Broken(), Notches()).read(page(1))


@pytest.mark.parametrize(
    "settings", [{"reading.pad": -1.0}, {"filter.min_confidence": 2.0}, {"load.max_pixels": 0}]
)
def test_options_out_of_range_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="out of range"):
        options(settings)


def test_no_threads_are_refused() -> None:
    with pytest.raises(ConfigError, match="threads"):
        Pipeline(Bars(), Notches(), threads=0)


def test_images_over_the_limit_are_refused() -> None:
    with pytest.raises(UnreadableImageError):
        pipeline({"load.max_pixels": 100}).read(page())


def test_the_public_names_are_there() -> None:
    for name in ocrpipe.__all__:
        assert getattr(ocrpipe, name) is not None
    assert set(ocrpipe.__all__) <= set(dir(ocrpipe))
    with pytest.raises(AttributeError):
        _ = ocrpipe.nonsense


def test_the_pipeline_is_loaded_at_its_first_use(imported: Callable[[str], set[str]]) -> None:
    assert {"ocrpipe.pipeline", "torch"}.isdisjoint(imported("import ocrpipe"))
    assert "ocrpipe.pipeline" in imported("import ocrpipe; ocrpipe.Pipeline")


class Ruler:
    """Reads everything as a rule."""

    def recognize(self, crops: Sequence[Pixels]) -> Sequence[Recognition]:
        spans = tuple(CharSpan("-", 0.9, i, i + 1) for i in range(8))
        return [Recognition("-" * 8, spans)] * len(crops)


@pytest.mark.parametrize(("rules", "lines"), [(False, 0), (True, 8)])
def test_rules_are_left_out_unless_asked_for(rules: bool, lines: int) -> None:
    settings = options(AS_IT_LIES | {"filter.rules": rules})
    assert len(Pipeline(Bars(), Ruler(), options=settings).read(page()).lines) == lines


class Closer:
    """More confident in lower crops, as of those cut closer to the ink; remembers their heights."""

    def __init__(self) -> None:
        self.heights: list[int] = []

    def recognize(self, crops: Sequence[Pixels]) -> Sequence[Recognition]:
        self.heights += [crop.shape[0] for crop in crops]
        return [
            Recognition("x", (CharSpan("x", 1 - crop.shape[0] / 100, 0, crop.shape[1]),)) for crop in crops
        ]


@pytest.mark.parametrize(("below", "heights"), [(0.9, {24, 21}), (0.7, {24}), (0.0, {24})])
def test_doubtful_lines_are_cut_closer_and_the_reading_with_higher_confidence_counts(
    below: float, heights: set[int]
) -> None:
    reader = Closer()
    settings = options(AS_IT_LIES | {"reading.second_pass_below": below})
    found = Pipeline(Bars(), reader, options=settings).read(page(2))
    assert set(reader.heights) == heights
    assert [line.confidence for line in found.lines] == pytest.approx([1 - min(heights) / 100] * 2)


class Wider(Closer):
    """More confident in higher crops."""

    def recognize(self, crops: Sequence[Pixels]) -> Sequence[Recognition]:
        return [
            Recognition(
                one.text, tuple(CharSpan(c.text, 1 - c.confidence, c.start, c.end) for c in one.chars)
            )
            for one in super().recognize(crops)
        ]


def test_a_second_reading_that_is_less_sure_is_forgotten() -> None:
    settings = options(AS_IT_LIES | {"filter.min_confidence": 0.0})
    found = Pipeline(Bars(), Wider(), options=settings).read(page(1))
    assert found.lines[0].confidence == pytest.approx(0.24)


class Doubtful(Notches):
    """Reads what lies upside down a little better, if at all."""

    def __init__(self, upright: float, upside_down: float) -> None:
        super().__init__()
        self.confidence = {0.95: upright, 0.5: upside_down}

    def recognize(self, crops: Sequence[Pixels]) -> Sequence[Recognition]:
        return [
            Recognition(
                one.text,
                tuple(CharSpan(c.text, self.confidence[c.confidence], c.start, c.end) for c in one.chars),
            )
            for one in super().recognize(crops)
        ]


@pytest.mark.parametrize(("upside_down", "turned"), [(0.55, 0), (0.65, 180)])
def test_a_page_is_only_turned_by_a_clear_margin(upside_down: float, turned: int) -> None:
    found = Pipeline(Bars(), Doubtful(0.5, upside_down), options=options()).read(page())
    assert found.orientation == turned


class Lines(Notches):
    """Two columns of two lines each; says that each line continues in the one below it, or in none."""

    def __init__(self, goes_on: float) -> None:
        super().__init__()
        self.asked: list[tuple[str, str]] = []
        self.goes_on = goes_on

    def continuation(self, before: str, after: str) -> float:
        self.asked.append((before, after))
        return self.goes_on


@pytest.mark.parametrize(("goes_on", "down"), [(6.0, True), (-6.0, False)])
def test_the_recognizers_language_tells_columns_from_rows(goes_on: float, down: bool) -> None:
    page = np.full((400, 600, 3), 255, np.uint8)
    for x in (40, 330):
        for y in range(40, 240, 32):
            page[y : y + 20, x : x + 120] = 0
            page[y + 10 : y + 20, x + 95 : x + 120] = 60
    recognizer = Lines(goes_on)
    pipeline = Pipeline(Bars(), recognizer)
    lefts = [round(line.quad[0][0], -2) for line in pipeline.read(page).lines]
    assert recognizer.asked
    assert (lefts == sorted(lefts)) is down
