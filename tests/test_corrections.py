"""Corrected text: what a line says, and where its words and characters lie."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrpipe.corrections import Correction, corrected_line, corrected_page, located
from ocrpipe.geometry import apply, rotation_matrix, span_quad
from ocrpipe.page import Char, Line, Paragraph, Quad, Word
from ocrpipe.result import Page

QUAD: Quad = ((100.0, 50.0), (500.0, 50.0), (500.0, 80.0), (100.0, 80.0))


def box(left: float, right: float, top: float = 50.0, bottom: float = 80.0) -> Quad:
    return (left, top), (right, top), (right, bottom), (left, bottom)


def line_of(text: str, quad: Quad = QUAD, *, margin: float = 0.02) -> Line:
    """A line whose characters and spaces are equally wide, with a margin at both ends."""
    step = (1 - 2 * margin) / max(len(text), 1)
    words, place = [], margin
    for part in text.split(" "):
        chars = tuple(
            Char(char, span_quad(quad, place + i * step, place + (i + 1) * step), 0.7)
            for i, char in enumerate(part)
        )
        if chars:
            quads = (chars[0].quad[0], chars[-1].quad[1], chars[-1].quad[2], chars[0].quad[3])
            words.append(Word(part, quads, 0.7, chars))
        place += (len(part) + 1) * step
    return Line(" ".join(word.text for word in words), quad, 0.7 if words else 0.0, tuple(words), 0.9)


def corners(quad: Quad) -> list[float]:
    return [value for point in quad for value in point]


def lefts(line: Line) -> list[float]:
    return [char.quad[0][0] for char in line.chars]


def test_confirmed_text_keeps_every_quad() -> None:
    line = line_of("one two three")
    same = corrected_line(line, "  one two  three ")
    assert same.text == line.text
    assert [char.quad for char in same.chars] == [char.quad for char in line.chars]
    for corrected, word in zip(same.words, line.words, strict=True):
        assert corners(corrected.quad) == pytest.approx(corners(word.quad))
    assert {same.confidence, *(char.confidence for char in same.chars)} == {1.0}
    assert (same.quad, same.score) == (line.quad, line.score)


def test_a_replaced_character_takes_its_place() -> None:
    line = line_of("he11o world")
    fixed = corrected_line(line, "hello world")
    assert fixed.text == "hello world"
    for char, was in zip(fixed.chars, line.chars, strict=True):
        assert (
            char.quad == was.quad
            if was.text != "1"
            else corners(char.quad) == pytest.approx(corners(was.quad))
        )


def test_a_word_split_in_two_gets_two_places() -> None:
    line = line_of("thequick fox")
    fixed = corrected_line(line, "the quick fox")
    assert [word.text for word in fixed.words] == ["the", "quick", "fox"]
    assert [char.quad for char in fixed.chars] == [char.quad for char in line.chars]
    the, quick, _ = fixed.words
    assert the.quad[1][0] <= quick.quad[0][0]


def test_a_missing_character_in_the_middle_moves_its_neighbours_only() -> None:
    line = line_of("abcdefghijklmnopqrstuvwxyz".replace("m", ""))
    fixed = corrected_line(line, "abcdefghijklmnopqrstuvwxyz")
    kept = {char.text: char.quad for char in line.chars}
    moved = [char.text for char in fixed.chars if char.quad != kept.get(char.text)]
    assert "m" in moved and len(moved) <= 4
    starts = lefts(fixed)
    assert starts == sorted(starts) and len(set(starts)) == 26


def test_text_missing_at_the_end_uses_the_rest_of_the_line() -> None:
    whole = line_of("total 12345", margin=0.0)
    cut = replace(whole, words=whole.words[:1], text="total")
    fixed = corrected_line(cut, "total 12345")
    for char, truth in zip(fixed.chars, whole.chars, strict=True):
        assert char.quad[0][0] == pytest.approx(truth.quad[0][0], abs=20)


def test_hanzi_are_twice_as_wide_as_letters() -> None:
    fixed = corrected_line(Line("", QUAD, 0.0, ()), "ab中文")
    widths = [char.quad[1][0] - char.quad[0][0] for char in fixed.chars]
    assert widths[2] == pytest.approx(2 * widths[0]) and sum(widths) == pytest.approx(400)


def test_a_line_of_a_turned_page_stays_on_its_line() -> None:
    turned = apply(rotation_matrix(30), QUAD)
    fixed = corrected_line(line_of("rotated txt", turned), "rotated text")
    back = [apply(rotation_matrix(-30), char.quad) for char in fixed.chars]
    for quad in back:
        assert (quad[0][1], quad[2][1]) == pytest.approx((50.0, 80.0))
    assert [quad[0][0] for quad in back] == sorted(quad[0][0] for quad in back)


def test_characters_of_a_column_stay_below_each_other() -> None:
    quad: Quad = ((10.0, 0.0), (40.0, 0.0), (40.0, 120.0), (10.0, 120.0))
    chars = tuple(Char(c, box(10, 40, 30.0 * i, 30.0 * i + 30), 0.6) for i, c in enumerate("竖排文宇"))
    line = Line("竖排文宇", quad, 0.6, (Word("竖排文宇", quad, 0.6, chars),))
    fixed = corrected_line(line, "竖排文字")
    assert [char.quad for char in fixed.chars[:3]] == [char.quad for char in chars[:3]]
    assert corners(fixed.chars[3].quad) == pytest.approx(corners(chars[3].quad))
    (word,) = fixed.words
    assert [tuple(map(round, point)) for point in word.quad] == [(10, 0), (40, 0), (40, 120), (10, 120)]


def test_combining_marks_stay_with_their_letter() -> None:
    fixed = corrected_line(line_of("cafe"), "cafe\u0301")
    assert [char.text for char in fixed.chars] == ["c", "a", "f", "e\u0301"]


texts = st.text(st.sampled_from("abcde 中文。"), max_size=24)


@given(texts, texts, st.floats(-180, 180))
def test_any_text_fits_any_line(read: str, typed: str, angle: float) -> None:
    quad = apply(rotation_matrix(angle), QUAD)
    line = line_of(read, quad)
    fixed = corrected_line(line, typed)
    assert fixed.text == " ".join(typed.split())
    assert [word.text for word in fixed.words] == typed.split()
    assert fixed.confidence == (1.0 if typed.split() else 0.0)
    places = []
    for char in fixed.chars:
        upright = apply(rotation_matrix(-angle), char.quad)
        assert all(math.isfinite(value) for point in upright for value in point)
        assert 99.9 <= upright[0][0] <= upright[1][0] <= 500.1
        assert (upright[0][1], upright[3][1]) == pytest.approx((50.0, 80.0))
        places.append((upright[0][0], upright[1][0]))
    for (_, end), (start, _) in zip(places, places[1:], strict=False):
        assert start >= end - 0.1
    assert all(end > start for start, end in places)


def page_of(*texts: str) -> Page:
    lines = [line_of(text, box(100, 500, 50.0 + 40 * i, 80.0 + 40 * i)) for i, text in enumerate(texts)]
    return Page(600, 400, tuple(Paragraph((line,), line.quad) for line in lines))


def test_lines_of_a_page_are_replaced_and_left_out() -> None:
    page = page_of("first", "secand", "|||")
    fixed = corrected_page(page, {1: "second", 2: " "})
    assert isinstance(fixed, Page) and fixed.text == "first\n\nsecond"
    assert fixed.lines[0] is page.lines[0]
    assert corrected_page(page, {}) is page
    with pytest.raises(IndexError, match="3 lines, no line 3"):
        corrected_page(page, {3: ""})


def test_a_line_without_text_that_nobody_touched_stays() -> None:
    page = page_of("first", "")
    assert len(corrected_page(page, {0: "1st"}).lines) == 2


def test_corrections_find_their_lines_again_after_another_reading() -> None:
    corrections = [Correction(line.quad, line.text, "x") for line in page_of("a", "b", "c").lines[1:]]
    again = page_of("A", "B")
    moved = Page(
        600,
        400,
        tuple(
            Paragraph((replace(line, quad=tuple((x + 3, y - 2) for x, y in line.quad)),), line.quad)  # type: ignore[arg-type]
            for line in again.lines
        ),
    )
    assert located(again, corrections) == {1: "x"}
    assert located(moved, corrections) == {1: "x"}  # and the third line is not there any more
    assert located(Page(10, 10), corrections) == {}
