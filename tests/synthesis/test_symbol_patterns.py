from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from ocrpipe.recognizers.crnn.charset import default_charset
from ocrpipe.synthesis.fonts import FontLibrary
from ocrpipe.synthesis.lines import LineRenderer, LineStyle
from ocrpipe.synthesis.symbol_patterns import SYMBOL_PATTERNS
from ocrpipe.synthesis.text import TextSource

ALPHABET = frozenset(default_charset().characters)


@pytest.fixture(scope="module")
def texts(make_texts: Callable[[str, str, frozenset[str]], TextSource]) -> TextSource:
    english = "The quick brown fox jumps over the lazy dog and then it goes on\nWell then\n"
    return make_texts(english, "中国人在这来了我不是一人大国有大有中他来了\n", ALPHABET)


def words(length: int) -> str:
    return "x" * length


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_form_is_in_the_charset(language: str) -> None:
    """What the charset lacks is dropped from the label and never drawn: the form would be another one."""
    rng = np.random.default_rng(0)
    for generate in set(SYMBOL_PATTERNS[language]):
        for _ in range(400):
            text = generate(rng, words).replace("−", "-")  # one label for both
            assert text and set(text) <= ALPHABET | {" "}, text


def test_symbols_that_were_hardly_ever_drawn_are_drawn_often(texts: TextSource) -> None:
    """At least six times in 10,000 lines of the ordinary mixture of printed lines."""
    renderer, rng, counts = (
        LineRenderer(FontLibrary([]), texts, LineStyle()),
        np.random.default_rng(0),
        Counter[str](),
    )
    for i in range(20_000):
        counts.update(set(renderer._chinese(rng)[0] if i % 2 else renderer._english(rng)))
    for symbol in "§×【】—÷≤≥≠©℃μ\\{}|☑□○²³¹；：":
        assert counts[symbol] >= 12, (symbol, counts[symbol])


def test_look_alikes_numbers_and_brackets_occur(texts: TextSource) -> None:
    rng = np.random.default_rng(1)
    drawn = [texts.symbols_in_context(rng, "en") for _ in range(4000)]
    everything = "\n".join(drawn)
    for part in ("AI", "Part II", "III", "IV", "(AI)", "\n-\n", "\n—\n", "%", " × ", "m²"):
        assert part in everything, part
    assert sum(text.isdigit() and len(text) == 1 for text in drawn) > 10
    numbers = [text for text in drawn if "," in text and text.replace(",", "").replace(".", "").isdigit()]
    assert len(numbers) > 50
    chinese = "\n".join(texts.symbols_in_context(rng, "zh") for _ in range(3000))
    for part in ("：\n", "——", "【", "AI", "（"):
        assert part in chinese, part
    assert all(0 < len(text) <= 70 for text in drawn)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_fraction_is_the_styles(texts: TextSource, language: str) -> None:
    def lines(contexts: float) -> str:
        style = LineStyle(contexts=contexts, symbols=0.0, every_class=0.0, traditional=0.0)
        renderer, rng = LineRenderer(FontLibrary([]), texts, style), np.random.default_rng(0)
        draw = renderer._english if language == "en" else lambda rng: renderer._chinese(rng)[0]
        return "".join(draw(rng) for _ in range(400))

    rare = "≤≥≠§÷※"
    assert not set(lines(0.0)) & set(rare)
    assert len(set(lines(1.0)) & set(rare)) > 3
