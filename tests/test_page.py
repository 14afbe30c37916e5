from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, fields, replace

import pytest

from ocrpipe.geometry import rotate_points, to_quad
from ocrpipe.page import Char, Line, PageContent, Paragraph, Quad, Word
from ocrpipe.result import Page

QUAD: Quad = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))


def line(*words: str, confidence: float = 0.5) -> Line:
    built = tuple(
        Word(word, QUAD, confidence, tuple(Char(char, QUAD, confidence) for char in word)) for word in words
    )
    return Line(" ".join(words), QUAD, confidence, built)


def test_text_is_lines_and_paragraphs() -> None:
    page = Page(9, 9, (Paragraph((line("a", "b"), line("c")), QUAD), Paragraph((line("d"),), QUAD)))
    assert page.text == "a b\nc\n\nd"
    assert [found.text for found in page.lines] == ["a b", "c", "d"]
    assert [word.text for word in page.words] == ["a", "b", "c", "d"]
    assert [char.text for char in page.lines[0].chars] == ["a", "b"]


def test_confidence_is_the_mean_over_characters_not_over_lines() -> None:
    page = Page(9, 9, (Paragraph((line("abc", confidence=1.0), line("d", confidence=0.0)), QUAD),))
    assert page.confidence == page.paragraphs[0].confidence == 0.75
    assert [found.min_confidence for found in page.lines] == [1.0, 0.0]


def test_everything_with_a_quad_has_a_polygon() -> None:
    found = line("ab")
    for one in (found, found.words[0], found.chars[0], Paragraph((found,), QUAD)):
        assert one.polygon.area == 81 and one.polygon.bounds == (0, 0, 9, 9)


def test_a_page_can_be_pickled() -> None:
    page = Page(9, 9, (Paragraph((line("a", "b"),), QUAD),))
    assert pickle.loads(pickle.dumps(page)) == page
    assert not hasattr(page.lines[0], "__dict__")


def test_an_empty_page_is_a_page() -> None:
    page = Page(9, 9)
    assert (page.text, page.lines, page.words, page.confidence) == ("", (), (), 0.0)
    assert line().min_confidence == 0.0
    assert Page.from_dict(page.to_dict()) == page


def test_results_cannot_be_changed_and_can_be_compared() -> None:
    page = Page(9, 9, (Paragraph((line("a"),), QUAD),))
    with pytest.raises(FrozenInstanceError):
        page.width = 5  # type: ignore[misc]
    assert page == Page(9, 9, (Paragraph((line("a"),), QUAD),))
    assert len({page, Page(9, 9)}) == 2
    assert not hasattr(page, "__dict__")


def test_a_page_is_its_content_with_methods() -> None:
    content = PageContent(9, 8, (Paragraph((line("a"),), QUAD),), 90, -1.5, "a.png", 2, 300.0)
    page = Page(9, 8, content.paragraphs, 90, -1.5, "a.png", 2, 300.0)
    assert [getattr(page, field.name) for field in fields(page)] == [
        getattr(content, field.name) for field in fields(content)
    ]
    assert repr(page) == repr(content).replace("PageContent", "Page")
    assert type(replace(page, number=3)) is Page and type(pickle.loads(pickle.dumps(page))) is Page
    assert page != content  # one cannot be saved
    match page:
        case Page(width, height):
            assert (width, height) == (9, 8)


def test_lines_beside_each_other_share_a_line_of_the_text() -> None:
    def placed(text: str, x: float, y: float, angle: float) -> Line:
        corners = [(x, y), (x + 60, y), (x + 60, y + 20), (x, y + 20)]
        return Line(text, to_quad(rotate_points(corners, angle)), 1.0, ())

    for angle in (0.0, 5.0, 90.0, 180.0):
        lines = [
            placed("Tea", 10, 10, angle),
            placed("2.50", 200, 14, angle),
            placed("Coffee", 10, 40, angle),
            placed("3.10", 200, 40, angle),
            placed("Total", 200, 70, angle),
        ]
        assert Paragraph(tuple(lines), lines[0].quad).text == "Tea 2.50\nCoffee 3.10\nTotal"
    assert Paragraph((), lines[0].quad).text == ""
