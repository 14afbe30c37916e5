"""How well one text goes on in another, by the character language model."""

from __future__ import annotations

from ocrpipe.characters import is_cjk
from ocrpipe.recognizers.crnn.language import BOUNDARY, CharacterModel

_FIRST = 3  # characters of the second text; later ones depend on these more than on the first text


def continuation(model: CharacterModel, before: str, after: str) -> float:
    """How much likelier a text begins as it does after another one than by itself.

    Lines of Latin text are joined by a space, words broken by a hyphen without it.

    Args:
        model: The language model.
        before: A line, of which the last characters count.
        after: What may be the next line, of which the first characters count.

    Returns:
        The difference of natural logarithms of probabilities; 0.0 where either text is empty.
    """
    before, after = before.strip()[1 - model.order :], after.strip()[:_FIRST]
    if not before or not after:
        return 0.0
    if before.endswith("-") and before[-2:-1].isalpha():
        before = before[:-1]
    elif not is_cjk(before[-1]) and not is_cjk(after[0]):
        before += " "
    context = [index for index in model.indices(before) if index != BOUNDARY]
    alone: list[int] = []
    total = 0.0
    for index in model.indices(after):
        if index != BOUNDARY:
            total += model.log_prob((*context, *alone)[1 - model.order :], index)
            total -= model.log_prob(alone[1 - model.order :], index)
            alone.append(index)
    return total
