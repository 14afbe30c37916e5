"""A page of both languages, upright or turned, with a picture to go with it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray

from ocrpipe.page import Char, Line, Paragraph, Point, Quad, Word
from ocrpipe.result import Page

WIDTH, HEIGHT = 400, 300
RENEW = "--renew-golden"
PARAGRAPHS = (
    ("中华人民共和国宪法，", "2024年 Python 语言"),
    ("The <quick> & brown", "“fox” jumps"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(RENEW, action="store_true", help="write tests/data/golden anew instead of comparing")


@pytest.fixture
def renew_golden(pytestconfig: pytest.Config) -> bool:
    """Whether golden files are to be written; this folder's options are only known if it is given by name."""
    return bool(pytestconfig.getoption(RENEW, default=False))


def straight(left: float, top: float, right: float, bottom: float) -> Quad:
    return (left, top), (right, top), (right, bottom), (left, bottom)


def make_line(text: str, top: float) -> Line:
    """A line of 20 pixels' height; a character is 20 wide if Han, else 10, a space 10."""
    words: list[Word] = []
    left = 40.0
    for piece in text.split(" "):
        chars = []
        for index, char in enumerate(piece):
            right = left + (20 if ord(char) > 0x2E80 else 10)
            chars.append(Char(char, straight(left, top, right, top + 20), 0.5 + 0.5 / (index + 1)))
            left = right
        confidence = sum(char.confidence for char in chars) / len(chars)
        quad = straight(chars[0].quad[0][0], top, left, top + 20)
        words.append(Word(piece, quad, confidence, tuple(chars)))
        left += 10
    every = [char.confidence for word in words for char in word.chars]
    quad = straight(40, top, words[-1].quad[1][0], top + 20)
    return Line(text, quad, sum(every) / len(every), tuple(words), 0.9)


def make_page() -> Page:
    paragraphs = []
    for index, texts in enumerate(PARAGRAPHS):
        lines = tuple(make_line(text, 40 + 120 * index + 40 * row) for row, text in enumerate(texts))
        right = max(line.quad[1][0] for line in lines)
        quad = straight(40, lines[0].quad[0][1], right, lines[-1].quad[2][1])
        paragraphs.append(Paragraph(lines, quad))
    return Page(WIDTH, HEIGHT, tuple(paragraphs), source='sc;an "1".png', number=3, dpi=150.0)


Item = TypeVar("Item", Page, Paragraph, Line, Word, Char)


def moved(item: Item, place: Callable[[Point], Point]) -> Item:
    """The same page, paragraph, line, word or character with all its corners put elsewhere."""
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(item):
        value = getattr(item, field.name)
        if field.name == "quad":
            changes["quad"] = tuple(place(point) for point in value)
        elif isinstance(value, tuple):
            changes[field.name] = tuple(moved(part, place) for part in value)
    return dataclasses.replace(item, **changes)


@pytest.fixture
def page() -> Page:
    return make_page()


@pytest.fixture
def picture() -> NDArray[np.uint8]:
    """White, with a black bar where each line is."""
    image = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    for line in make_page().lines:
        (left, top), _, (right, bottom), _ = line.quad
        image[int(top) : int(bottom), int(left) : int(right)] = 0
    return image


@pytest.fixture(params=[0, 90, 180, 270])
def turned(request: pytest.FixtureRequest, picture: NDArray[np.uint8]) -> tuple[Page, NDArray[np.uint8]]:
    """The page as it lies in the scanner after a clockwise turn, and its picture."""
    turn: int = request.param
    place: Callable[[Point], Point] = {
        0: lambda p: p,
        90: lambda p: (HEIGHT - p[1], p[0]),
        180: lambda p: (WIDTH - p[0], HEIGHT - p[1]),
        270: lambda p: (p[1], WIDTH - p[0]),
    }[turn]
    image = np.ascontiguousarray(np.rot90(picture, -turn // 90))
    height, width = image.shape[:2]
    page = dataclasses.replace(moved(make_page(), place), width=width, height=height, orientation=-turn % 360)
    return page, image


@pytest.fixture
def skewed() -> Page:
    """The page turned clockwise by 5 degrees about its middle."""
    cos, sin = math.cos(math.radians(5)), math.sin(math.radians(5))

    def place(point: Point) -> Point:
        x, y = point[0] - WIDTH / 2, point[1] - HEIGHT / 2
        return WIDTH / 2 + cos * x - sin * y, HEIGHT / 2 + sin * x + cos * y

    return dataclasses.replace(moved(make_page(), place), skew=-5.0)
