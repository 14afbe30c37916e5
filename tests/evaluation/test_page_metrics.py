from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ocrpipe.evaluation.box_metrics import BoxCounts
from ocrpipe.evaluation.dataset import PredictedLine, Prediction, ReferenceLine, ReferencePage
from ocrpipe.evaluation.metrics import Cluster, Comparison, compare
from ocrpipe.page import Quad


def quad(left: float, top: float, width: float, height: float = 10) -> Quad:
    right, bottom = left + width, top + height
    return (left, top), (right, top), (right, bottom), (left, bottom)


def page(*lines: ReferenceLine, dont_care: tuple[Quad, ...] = ()) -> ReferencePage:
    return ReferencePage(Path("a.png"), lines=lines, dont_care=dont_care)


def read(*lines: tuple[str, Quad]) -> Prediction:
    return Prediction("a.png", tuple(PredictedLine(text, place) for text, place in lines))


def texts(comparison: Comparison) -> list[tuple[str, str]]:
    return [(cluster.reference, cluster.hypothesis) for cluster in comparison.clusters]


def test_a_split_row_is_no_text_error() -> None:
    reference = page(ReferenceLine("Total amount due", quad(0, 0, 160)))
    prediction = read(("due", quad(130, 1, 30)), ("Total amount", quad(0, 0, 120)))
    comparison = compare(reference, prediction)
    assert texts(comparison) == [("Total amount due", "Total amount due")]
    assert comparison.text.spaced_edits == 0
    assert comparison.boxes.matches == 1
    assert comparison.boxes.precise == 1.6


def test_a_joined_row_is_no_text_error() -> None:
    reference = page(ReferenceLine("right", quad(100, 0, 50)), ReferenceLine("left", quad(0, 1, 40)))
    comparison = compare(reference, read(("left right", quad(0, 0, 150))))
    assert texts(comparison) == [("left right", "left right")]


def test_rows_come_from_top_to_bottom() -> None:
    reference = page(ReferenceLine("one two", quad(0, 0, 100, 40)))
    prediction = read(("two", quad(0, 22, 100)), ("one", quad(50, 2, 50)))
    assert texts(compare(reference, prediction)) == [("one two", "one two")]


def test_missed_and_extra_lines_are_deletions_and_insertions() -> None:
    reference = page(ReferenceLine("abc", quad(0, 0, 50)))
    comparison = compare(reference, read(("xy", quad(0, 100, 50))))
    assert texts(comparison) == [("abc", ""), ("", "xy")]
    assert (comparison.text.edits, comparison.text.chars) == (5, 3)
    assert comparison.boxes == BoxCounts(0, 0, 1, 1, 0)


def test_slight_overlap_does_not_join_neighbouring_rows() -> None:
    reference = page(ReferenceLine("upper", quad(0, 0, 100)), ReferenceLine("lower", quad(0, 9, 100)))
    prediction = read(("upper", quad(0, 0, 100, 12)), ("lower", quad(0, 9, 100)))
    assert texts(compare(reference, prediction)) == [("upper", "upper"), ("lower", "lower")]


def test_dont_care_lines_and_regions_are_left_out() -> None:
    reference = page(
        ReferenceLine("text", quad(0, 0, 100)),
        ReferenceLine("$x^2$", quad(0, 30, 100), has_math=True),
        ReferenceLine("scrawl", quad(0, 60, 100), ignore=True),
        dont_care=(quad(0, 90, 200, 100),),
    )
    prediction = read(
        ("text", quad(0, 0, 100)),
        ("x2", quad(10, 30, 80)),
        ("serawl", quad(0, 60, 100)),
        ("cell", quad(20, 120, 50)),
        ("beside", quad(180, 120, 60)),
    )
    comparison = compare(reference, prediction)
    assert texts(comparison) == [("text", "text"), ("", "beside")]
    assert [line.text for line in comparison.ignored] == ["x2", "serawl", "cell"]
    assert (comparison.boxes.references, comparison.boxes.detections) == (1, 2)


def test_a_line_that_counts_is_scored_even_inside_a_dont_care_region() -> None:
    reference = page(ReferenceLine("caption", quad(10, 10, 80)), dont_care=(quad(0, 0, 200, 100),))
    comparison = compare(reference, read(("caption", quad(10, 10, 80))))
    assert (comparison.text.edits, comparison.ignored) == (0, ())


def test_page_level_is_one_string_in_the_order_given() -> None:
    reference = ReferencePage(Path("a.png"), level="page", text="first\n\nsecond")
    lines = (("second", quad(0, 0, 50)), ("first", quad(0, 50, 50)))
    assert compare(reference, read(*lines[::-1])).text.spaced_edits == 0
    shuffled = compare(reference, read(*lines))
    assert shuffled.text.word_edits == 2
    assert shuffled.boxes == BoxCounts()


def test_casefold() -> None:
    reference = page(ReferenceLine("TOTAL", quad(0, 0, 50)))
    prediction = read(("Total", quad(0, 0, 50)))
    assert compare(reference, prediction).text.edits == 4
    assert compare(reference, prediction, casefold=True).text.edits == 0


def test_an_empty_page_read_empty_is_right() -> None:
    assert compare(page(), read()) == Comparison((), Cluster("", "", (), ()).counts, BoxCounts())


def test_the_pages_text_is_compared_in_the_order_given() -> None:
    lines = [ReferenceLine("first", quad(0, 0, 50)), ReferenceLine("second", quad(0, 20, 60))]
    reference = replace(page(*lines, dont_care=(quad(0, 60, 90),)), text="first\n\nsecond")
    found = [("first", quad(0, 0, 50)), ("second", quad(0, 20, 60)), ("table", quad(5, 61, 60, 8))]
    right = compare(reference, read(*found))
    assert right.page is not None
    assert (right.page.edits, right.page.chars) == (0, 11)
    wrong = compare(reference, read(*reversed(found)))
    assert wrong.text == right.text
    assert wrong.page is not None
    assert wrong.page.edits > 0
    assert compare(page(*lines), read(*found)).page is None
