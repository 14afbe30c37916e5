from __future__ import annotations

import pytest

from ocrpipe.recognizers.base import CharSpan, Recognition, Recognizer


def test_confidence_is_the_mean_over_what_is_no_space() -> None:
    chars = (CharSpan("a", 0.9, 0, 1), CharSpan(" ", 0.1, 1, 2), CharSpan("b", 0.5, 2, 3))
    assert Recognition("a b", chars).confidence == pytest.approx(0.7)


@pytest.mark.parametrize("chars", [(), (CharSpan(" ", 0.9, 0, 1),)])
def test_confidence_of_nothing_is_zero(chars: tuple[CharSpan, ...]) -> None:
    assert Recognition("".join(char.text for char in chars), chars).confidence == 0.0


def test_any_object_with_the_method_is_a_recognizer() -> None:
    class Mute:
        def recognize(self, crops: object) -> tuple[Recognition, ...]:
            return ()

    assert isinstance(Mute(), Recognizer) and not isinstance(object(), Recognizer)
