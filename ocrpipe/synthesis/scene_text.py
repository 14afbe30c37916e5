"""Texts as on signs, shop fronts, packages and labels: single words, numbers, prices, names of brands."""

from __future__ import annotations

from ocrpipe.synthesis.patterns import Rng, choice, digits
from ocrpipe.synthesis.text import TextSource, clean

_CONSONANTS = (
    "b c d f g h j k l m n p r s t v w z br ch cl dr fl gr kr pl pr qu sh sk sp st str th tr x".split()
)
_VOWELS = "a e i o u y ai au ea ee ie oo ou".split()
_CODAS = ("", "", "", "", *"n r s t l x m ck ll ns rd st th ng".split())
_STRIPPED = "\"'.,:;!?()[]{}“”‘’*-_/ "
_NUMBERS = 0.2
"""Fraction of the texts in Latin letters that are numbers, prices, telephone numbers and the like."""
_INVENTED = 0.1
"""Fraction that are pronounceable or random letters, as brands and number plates have them."""


def scene_text(rng: Rng, texts: TextSource) -> str:
    """A word, a few words, a number or a made-up name, in the case of signs: mostly capitals."""
    kind = rng.random()
    if kind < _NUMBERS:
        return clean(_number(rng), texts.alphabet) or "0"
    if kind < _NUMBERS + _INVENTED:
        text = _brand(rng) if rng.random() < 0.7 else _letters(rng)
    else:
        count = 1 if rng.random() < 0.87 else int(rng.integers(2, 4))
        text = " ".join(_word(rng, texts) for _ in range(count))
    return clean(_finished(rng, text), texts.alphabet) or "0"


def chinese_scene_text(rng: Rng, texts: TextSource) -> str:
    """One to ten characters, as on Chinese signs."""
    kind, length = rng.random(), int(rng.integers(1, 9))
    if kind < 0.2:
        return texts.entry(rng, "zh")[:10]
    if kind < 0.35:
        return texts.hanzi(rng, min(length, 4))
    return texts.words(rng, length)


def _word(rng: Rng, texts: TextSource) -> str:
    word = texts.english_word(rng)
    return word.strip(_STRIPPED) or word if rng.random() < 0.85 else word


def _finished(rng: Rng, text: str) -> str:
    """The text in capitals, small letters or both, sometimes with a punctuation mark."""
    case = rng.random()
    if case < 0.46:
        text = text.upper()
    elif case < 0.72:
        text = text.title() if case < 0.6 else text[:1].upper() + text[1:]
    elif case < 0.88:
        text = text.lower()
    ending = rng.random()
    if ending < 0.05:
        text += choice(rng, ("!", ".", ",", ":", "?", "...", "™", "®"))
    elif ending < 0.07:
        text += choice(rng, ("'s", "'S", "’s"))
    elif ending < 0.085:
        left, right = choice(rng, (("(", ")"), ('"', '"'), ("“", "”"), ("[", "]"), ("-", "-")))
        text = f"{left}{text}{right}"
    elif ending < 0.095:
        text = choice(rng, ("#", "@", "&", "-", "•")) + text
    return text


def _brand(rng: Rng) -> str:
    syllables = (
        choice(rng, _CONSONANTS) + choice(rng, _VOWELS) + choice(rng, _CODAS)
        for _ in range(int(rng.integers(1, 4)))
    )
    return "".join(syllables)


def _letters(rng: Rng) -> str:
    count = int(rng.integers(1, 7))
    return "".join(chr(0x41 + int(i)) for i in rng.integers(0, 26, count))


def _number(rng: Rng) -> str:
    price = f"{int(rng.integers(0, 100))}.{int(rng.integers(0, 100)):02}"
    letters = _letters(rng)[:3]
    hour, minute = int(rng.integers(24)), int(rng.integers(60))
    forms = (
        digits(rng, 1, 5),
        digits(rng, 1, 3),
        digits(rng, 4, 8),
        str(int(rng.integers(1850, 2031))),
        choice(rng, "$£€¥") + price,
        choice(rng, "$£€¥") + digits(rng, 1, 4),
        price,
        f"{int(rng.integers(1, 20))},{digits(rng, 3, 3)}",
        f"{int(rng.integers(1, 100))}%",
        f"{digits(rng, 3, 3)}-{digits(rng, 4, 4)}",
        f"{digits(rng, 3, 3)}-{digits(rng, 3, 3)}-{digits(rng, 4, 4)}",
        f"({digits(rng, 3, 3)}) {digits(rng, 3, 3)}-{digits(rng, 4, 4)}",
        f"{digits(rng, 3, 4)} {digits(rng, 3, 4)}",
        f"{letters}{digits(rng, 1, 4)}",
        f"{letters}-{digits(rng, 1, 4)}",
        f"{digits(rng, 1, 3)}{letters}",
        f"{hour}:{minute:02}",
        f"{hour % 12 or 12}:{minute:02}{choice(rng, ('am', 'pm', 'AM', 'PM'))}",
        f"{hour % 12 or 12}{choice(rng, ('am', 'pm', 'AM', 'PM'))}",
        choice(rng, ("1st", "2nd", "3rd", "1ST", "2ND", "3RD", "4th", "5TH", "10th", "20TH", "21st")),
        f"{digits(rng, 1, 3)}{choice(rng, ('kg', 'g', 'ml', 'ML', 'km', 'mph', 'm', 'W', 'V', 'GB', 'cm'))}",
        f"{digits(rng, 1, 2)}/{digits(rng, 1, 2)}",
        f"{digits(rng, 1, 2)}-{digits(rng, 1, 2)}",
        f"{digits(rng, 1, 2)}+",
        f"No.{digits(rng, 1, 3)}",
        f"#{digits(rng, 1, 3)}",
        f"x{digits(rng, 1, 2)}",
        f"www.{_brand(rng)}.{choice(rng, ('com', 'net', 'org', 'co.uk'))}",
        choice(rng, "0123456789"),
    )
    return str(choice(rng, forms))
