from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocrpipe.page import Line, Quad
from ocrpipe.recognizers.base import CharSpan, Recognition
from ocrpipe.stages.assembly import build_line
from ocrpipe.stages.filtering import is_rule

QUAD: Quad = ((100.0, 50.0), (300.0, 50.0), (300.0, 70.0), (100.0, 70.0))


def reading(text: str, *, pitch: float = 10.0, start: float = 0.0, confidence: float = 0.9) -> Recognition:
    """Characters of one width side by side."""
    chars = tuple(
        CharSpan(char, confidence, start + i * pitch, start + (i + 1) * pitch) for i, char in enumerate(text)
    )
    return Recognition(text, chars)


def built(text: str) -> Line:
    return build_line(reading(text), QUAD, 10.0 * max(len(text), 1), 0.8)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("two words", ["two", "words"]),
        ("  runs   of\u00a0 spaces ", ["runs", "of", "spaces"]),
        ("中 文　字", ["中文字"]),
        ("句号。 下句", ["句号。下句"]),
        ("他说 “你好” 了", ["他说“你好”了"]),
        ("the “word” here", ["the", "“word”", "here"]),
        ("第 3 章 CNN 模型", ["第", "3", "章", "CNN", "模型"]),
        ("한국 사람", ["한국", "사람"]),
        ("𠀀 中", ["𠀀中"]),
        ("", []),
        ("   ", []),
    ],
)
def test_words_split_at_spaces_that_count(text: str, words: list[str]) -> None:
    line = built(text)
    assert [word.text for word in line.words] == words
    assert line.text == " ".join(words)


def test_nothing_read_is_an_empty_line() -> None:
    assert built("") == Line("", QUAD, 0.0, (), 0.8)
    assert built(" ") == Line("", QUAD, 0.0, (), 0.8)


def test_characters_lie_where_their_spans_are() -> None:
    line = build_line(reading("ab cd"), QUAD, 50.0, 1.0)
    assert line.quad == QUAD
    assert line.chars[3].quad == ((260.0, 50.0), (300.0, 50.0), (300.0, 70.0), (260.0, 70.0))
    assert line.words[0].quad == ((100.0, 50.0), (180.0, 50.0), (180.0, 70.0), (100.0, 70.0))


def test_a_margin_of_the_crop_is_not_part_of_the_quad() -> None:
    line = build_line(reading("ab", pitch=25, start=5), QUAD, 60.0, 1.0, margin=5.0)
    assert [char.quad[0][0] for char in line.chars] == [100.0, 200.0]


def test_spans_beyond_the_crop_end_at_the_quad() -> None:
    line = build_line(reading("ab", pitch=60, start=-10), QUAD, 100.0, 1.0)
    assert (line.words[0].quad[0], line.words[0].quad[1]) == (QUAD[0], QUAD[1])


def test_a_character_without_text_is_no_space() -> None:
    spans = tuple(CharSpan(char, 0.9, 0, 1) for char in ("a", "", "b"))
    assert build_line(Recognition("ab", spans), QUAD, 3.0, 1.0).text == "ab"


def test_confidence_is_the_mean_without_spaces() -> None:
    spans = [CharSpan(char, value, 0, 1) for char, value in (("a", 0.5), (" ", 0.0), ("b", 0.9), ("c", 0.7))]
    line = build_line(Recognition("a bc", tuple(spans)), QUAD, 4.0, 1.0)
    assert line.confidence == pytest.approx(0.7)
    assert line.min_confidence == 0.5
    assert [word.confidence for word in line.words] == pytest.approx([0.5, 0.8])


@given(st.text(alphabet="aZ9 。中文“-"))
@settings(max_examples=100, deadline=None)
def test_only_spaces_are_lost_and_none_are_made(text: str) -> None:
    line = built(text)
    assert "".join(char.text for char in line.chars) == text.replace(" ", "")
    assert all(word.text == "".join(char.text for char in word.chars) for word in line.words)
    assert len(line.words) <= len(text.split())


@pytest.mark.parametrize(
    "text",
    [
        "------",
        "=" * 40,
        "- - - - - -",
        "* * * * * *",
        "=S============",
        "_.-_.-",
        "__",
        "_ _",
        "………",
        ".",
        "·",
    ],
)
def test_rules_drawn_with_characters(text: str) -> None:
    assert is_rule(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "…",
        "...",
        "***",
        "-----",
        "Total ......",
        "--- 3 ---",
        "-12.50-",
        "1-2-3-4-5",
        "-",
        ":",
        "*",
        "xxxxx",
        "0" * 12,
    ],
)
def test_texts_that_are_no_rules(text: str) -> None:
    assert not is_rule(text)
