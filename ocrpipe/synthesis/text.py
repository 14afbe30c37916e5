"""Text to render, in the characters of an alphabet: running text from corpora, and patterns."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from ocrpipe.errors import ConfigError
from ocrpipe.synthesis.patterns import PATTERNS, Rng, choice

_FULL_WIDTH = str.maketrans({chr(0xFF01 + i): chr(0x21 + i) for i in range(94)} | {"\u3000": " "})
# Characters that look like others: they would teach that one shape has two names.
_LOOKALIKES = str.maketrans("−‐‑‒′″∕∙・∣∑∏∆\u2126µÐ", "----'\"/··|ΣΠΔΩμĐ")
_ENTRIES = ("words", "company", "addresses", "chengyu")
_JOINTS = ("", "", "", "", "", "", "的", "、", "，", "；", "和", "与", "及", "。")


def clean(text: str, alphabet: frozenset[str]) -> str:
    """The text in the alphabet's characters.

    Full-width forms that the alphabet lacks are narrowed to ASCII, other characters dropped, spaces merged.
    """
    composed = unicodedata.normalize("NFC", text).translate(_LOOKALIKES)
    narrowed = "".join(c if c in alphabet else c.translate(_FULL_WIDTH) for c in composed)
    return " ".join("".join(c if c in alphabet else " " if c.isspace() else "" for c in narrowed).split())


def is_hanzi(character: str) -> bool:
    """Whether the character is a Chinese one, of the basic block or an extension."""
    return "\u3400" <= character <= "\u9fff" or "\U00020000" <= character <= "\U0003ffff"


def is_han(character: str) -> bool:
    """Whether the character is a Chinese one or Chinese punctuation, which take no spaces."""
    return is_hanzi(character) or "\u3000" <= character <= "\u303f" or "\uff00" <= character <= "\uffef"


class ClassWeights:
    """How often each character is to be drawn, from a file that training renews.

    The file is JSON, character to weight; characters that it lacks weigh 1. It is read again after some
    thousand draws, so that what is still misread comes more often.

    Args:
        characters: Those to draw from.
        path: The file; without one, or until it exists, all weigh 1.
    """

    _RELOAD = 4_000  # draws

    def __init__(self, characters: Sequence[str], path: Path | None = None) -> None:
        self._characters, self._path = np.array(characters), path
        self._ends = np.arange(1, len(characters) + 1) / max(1, len(characters))
        self._draws = 0

    def draw(self, rng: Rng, count: int) -> list[str]:
        """So many characters, drawn independently."""
        if self._path and self._draws % self._RELOAD == 0 and self._path.exists():
            weights = json.loads(self._path.read_text("utf-8"))
            ends = np.cumsum([float(weights.get(c, 1.0)) for c in self._characters.tolist()])
            self._ends = ends / ends[-1]
        self._draws += 1
        drawn: list[str] = self._characters[np.searchsorted(self._ends, rng.random(count), "right")].tolist()
        return drawn


class TextSource:
    """Draws pieces of text. The corpora's lines are kept in memory, cleaned when drawn.

    Args:
        folder: Holds UTF-8 text files, one sentence or paragraph a line; a name starting with ``zh`` means
            Chinese, one starting with ``zht`` traditional Chinese, one starting with ``en`` English;
            ``words``, ``company``, ``addresses`` or ``chengyu`` in a name mean a list of short entries, of
            which ``words`` are also strung together to running text.
        alphabet: Characters that may occur.
        weights: How often each hanzi is drawn by ``hanzi``, see ``ClassWeights``.

    Raises:
        ocrpipe.errors.ConfigError: The folder lacks text in one of the two languages, or a file is not UTF-8.
    """

    def __init__(self, folder: Path, alphabet: frozenset[str], weights: Path | None = None) -> None:
        self.alphabet = alphabet
        self._hanzi = ClassWeights(sorted(c for c in alphabet if is_hanzi(c)), weights)
        self._symbols = ClassWeights(
            sorted(c for c in alphabet if not is_hanzi(c) and not c.isspace() and not _is_plain(c)), weights
        )
        self._running: dict[str, list[list[str]]] = {"en": [], "zh": [], "zht": []}
        self._entries: dict[str, list[list[str]]] = {"en": [], "zh": [], "zht": []}
        self._words: list[list[str]] = []
        for path, lines in corpus_files(folder):
            short = any(mark in path.stem for mark in _ENTRIES)
            language = "zht" if path.stem.startswith("zht") else path.stem[:2]
            (self._entries if short else self._running)[language].append(lines)
            if language == "zh" and "words" in path.stem:
                self._words.append(lines)
        self._vocabulary: list[str] = []
        for language, files in self._running.items():
            if not files and language != "zht":
                raise ConfigError(f"no running text {language}*.txt in {folder}")

    @property
    def traditional(self) -> bool:
        """Whether there is text in traditional Chinese ("zht")."""
        return bool(self._running["zht"])

    def running(self, rng: Rng, language: str, length: int) -> str:
        """About ``length`` characters of running text ("en", "zh" or "zht"), from anywhere in a sentence."""
        for _ in range(20):
            file = choice(rng, self._running[language])
            text = clean(choice(rng, file), self.alphabet)
            if language != "en":
                if len(text) < 2:
                    continue
                start = int(rng.integers(max(1, len(text) - length + 1))) if rng.random() < 0.8 else 0
                return text[start : start + length].strip()
            words = text.split()
            if not words:
                continue
            start = int(rng.integers(len(words))) if rng.random() < 0.7 else 0
            taken = words[start]
            for word in words[start + 1 :]:
                if len(taken) + 1 + len(word) > length:
                    break
                taken += " " + word
            return taken[: max(length, 24)].strip()
        return "0"

    def words(self, rng: Rng, length: int) -> str:
        """About ``length`` characters of Chinese words in a row, as in text of fields that the corpora lack.

        Half of the words are drawn as often as their lists hold them, half of all with the same chance, which
        brings the rarer ones. Without lists of words it is running text.
        """
        if not self._words:
            return self.running(rng, "zh", length)
        self._vocabulary = self._vocabulary or sorted(set(chain.from_iterable(self._words)))
        text = ""
        while len(text) < length:
            words = self._vocabulary if rng.random() < 0.5 else choice(rng, self._words)
            text += (choice(rng, _JOINTS) if text else "") + choice(rng, words).strip()
        return clean(text, self.alphabet)[:length] or "0"

    def paragraph(self, rng: Rng, language: str) -> str:
        """A whole line of a corpus file: a sentence or a paragraph; now and then Chinese words in a row."""
        if language == "zh" and rng.random() < 0.25:
            return self.words(rng, int(rng.integers(10, 90)))
        return clean(choice(rng, choice(rng, self._running[language])), self.alphabet) or "0"

    def entry(self, rng: Rng, language: str) -> str:
        """A word, a name or an address."""
        files = self._entries[language] or self._running[language]
        return clean(choice(rng, choice(rng, files)), self.alphabet)[:60] or "0"

    def hanzi(self, rng: Rng, length: int) -> str:
        """Hanzi drawn alike, or by the weights given, so that the rare ones are seen too."""
        return "".join(self._hanzi.draw(rng, length))

    def interspersed(self, rng: Rng, text: str, characters: str) -> str:
        """Running text some of whose characters are replaced by others, at random places."""
        places = rng.permutation(len(text))[: len(characters)]
        letters = list(text)
        for place, character in zip(places.tolist(), characters, strict=False):
            letters[place] = character
        return "".join(letters)

    def marked(self, rng: Rng, language: str, length: int) -> str:
        """Running text with symbols between its words or characters, with and without spaces."""
        text = self.running(rng, language, length)
        for symbol in self._symbols.draw(rng, int(rng.integers(1, 5))):
            place = int(rng.integers(len(text) + 1))
            left, right = choice(rng, (("", ""), (" ", " "), ("", " "), (" ", "")))
            text = f"{text[:place]}{left}{symbol * (2 if symbol in '—…' else 1)}{right}{text[place:]}"
        return " ".join(text.split())

    def pattern(self, rng: Rng, language: str) -> str:
        """A date, a price, a code, an address, a label: what forms, receipts and tables hold."""
        return clean(choice(rng, PATTERNS[language])(rng), self.alphabet) or "0"

    def symbols(self, rng: Rng, length: int) -> str:
        """Characters that are neither hanzi nor ASCII letters or digits, drawn alike or by weight."""
        return "".join(self._symbols.draw(rng, length))


def _is_plain(character: str) -> bool:
    return character.isascii() and character.isalnum()


def corpus_files(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """The files of a folder that hold Chinese or English text, with their lines; empty ones are left out.

    Raises:
        ocrpipe.errors.ConfigError: A file is not UTF-8.
    """
    for path in sorted(folder.glob("*.txt")):
        if path.stem[:2] in ("en", "zh") and (lines := _lines(path)):
            yield path, lines


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise ConfigError(f"the text file {path} is not UTF-8: {error}") from error
