"""Text to render, in a given alphabet: from corpora, generated from patterns, or random characters."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from ocrpipe.characters import is_hanzi
from ocrpipe.errors import ConfigError
from ocrpipe.synthesis.patterns import PATTERNS, Rng, choice
from ocrpipe.synthesis.symbol_patterns import SYMBOL_PATTERNS

_FULL_WIDTH = str.maketrans({chr(0xFF01 + i): chr(0x21 + i) for i in range(94)} | {"\u3000": " "})
_LOOKALIKES = str.maketrans("−‐‑‒′″∕∙・∣∑∏∆\u2126µÐ", "----'\"/··|ΣΠΔΩμĐ")
"""Characters drawn like others, which stand for both: one shape must have one label."""
_ENTRY_FILES = ("words", "company", "addresses", "chengyu")
_SEPARATORS = ("", "", "", "", "", "", "的", "、", "，", "；", "和", "与", "及", "。")


def clean(text: str, alphabet: frozenset[str]) -> str:
    """The text in characters of the alphabet.

    Normalised to NFC; look-alike characters are replaced by the common ones, full-width forms that are not in
    the alphabet by ASCII. Other characters are dropped, runs of white space become one space.
    """
    composed = unicodedata.normalize("NFC", text).translate(_LOOKALIKES)
    narrowed = "".join(c if c in alphabet else c.translate(_FULL_WIDTH) for c in composed)
    return " ".join("".join(c if c in alphabet else " " if c.isspace() else "" for c in narrowed).split())


def is_han(character: str) -> bool:
    """Whether the character is a CJK ideograph, CJK punctuation or a full-width form: set without spaces."""
    return is_hanzi(character) or "\u3000" <= character <= "\u303f" or "\uff00" <= character <= "\uffef"


class ClassWeights:
    """Draws characters by weights from a file that training updates, so that misread ones come more often.

    The file is JSON, character to weight; characters that are not in it have weight 1. It is read at the
    first draw and again every ``RELOAD_INTERVAL`` draws.

    Args:
        characters: The characters to draw from.
        path: The file; without one, or until it exists, all weights are 1.
    """

    RELOAD_INTERVAL = 4_000

    def __init__(self, characters: Sequence[str], path: Path | None = None) -> None:
        self._characters, self._path = np.array(list(characters), np.str_), path
        self._cumulative = np.arange(1, len(characters) + 1) / max(1, len(characters))
        self._draws = 0

    def draw(self, rng: Rng, count: int) -> list[str]:
        """``count`` characters, drawn independently; none if there are none to draw from."""
        if not self._characters.size:
            return []
        if self._path and self._draws % self.RELOAD_INTERVAL == 0 and self._path.exists():
            weights = json.loads(self._path.read_text("utf-8"))
            cumulative = np.cumsum([float(weights.get(c, 1.0)) for c in self._characters.tolist()])
            self._cumulative = cumulative / cumulative[-1]
        self._draws += 1
        indices = np.searchsorted(self._cumulative, rng.random(count), "right")
        drawn: list[str] = self._characters[indices].tolist()
        return drawn


class TextSource:
    """Draws pieces of text. The lines of the corpora are kept in memory and cleaned when drawn.

    Args:
        folder: Folder of UTF-8 text files with one sentence or paragraph a line. The start of a file's name
            is its language: ``zh`` Chinese, ``zht`` traditional Chinese, ``en`` English. ``words``,
            ``company``, ``addresses`` or ``chengyu`` in a name marks a list of short entries; ``words`` are
            also joined to running text.
        alphabet: Characters that may occur.
        weights: File of the weights with which ``hanzi`` and ``symbols`` draw, see ``ClassWeights``.

    Raises:
        ocrpipe.errors.ConfigError: There is no running text in Chinese or in English, or a file is not UTF-8.
    """

    def __init__(self, folder: Path, alphabet: frozenset[str], weights: Path | None = None) -> None:
        self.alphabet = alphabet
        self._hanzi = ClassWeights(sorted(c for c in alphabet if is_hanzi(c)), weights)
        self._symbols = ClassWeights(sorted(filter(_is_symbol, alphabet)), weights)
        self._running: dict[str, list[list[str]]] = {"en": [], "zh": [], "zht": []}
        self._entries: dict[str, list[list[str]]] = {"en": [], "zh": [], "zht": []}
        self._words: list[list[str]] = []
        for path, lines in corpus_files(folder):
            is_list = any(keyword in path.stem for keyword in _ENTRY_FILES)
            language = "zht" if path.stem.startswith("zht") else path.stem[:2]
            (self._entries if is_list else self._running)[language].append(lines)
            if language == "zh" and "words" in path.stem:
                self._words.append(lines)
        self._vocabulary: list[str] = []
        self._english_words: list[str] = []
        for language, files in self._running.items():
            if not files and language != "zht":
                raise ConfigError(f"no running text {language}*.txt in {folder}")

    @property
    def traditional(self) -> bool:
        """Whether there is running text in traditional Chinese ("zht")."""
        return bool(self._running["zht"])

    def running(self, rng: Rng, language: str, length: int) -> str:
        """About ``length`` characters of running text in "en", "zh" or "zht", from anywhere in a line."""
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
        """``length`` characters of random Chinese words, for vocabulary that the running text lacks.

        Half of the words are drawn by their frequency in the lists, half uniformly, which brings rare ones.
        Without lists of words it is running text.
        """
        if not self._words:
            return self.running(rng, "zh", length)
        self._vocabulary = self._vocabulary or sorted(set(chain.from_iterable(self._words)))
        text = ""
        while len(text) < length:
            words = self._vocabulary if rng.random() < 0.5 else choice(rng, self._words)
            text += (choice(rng, _SEPARATORS) if text else "") + choice(rng, words).strip()
        return clean(text, self.alphabet)[:length] or "0"

    def english_word(self, rng: Rng) -> str:
        """An English word: half of them by their frequency, half uniformly from the lists.

        Without lists of words it is one of running text.
        """
        lists = self._entries["en"]
        if not lists:
            return choice(rng, self.running(rng, "en", 40).split())
        self._english_words = self._english_words or sorted(
            {w for w in chain.from_iterable(lists) if w.strip()}
        )
        words = self._english_words if rng.random() < 0.5 else choice(rng, lists)
        return clean(choice(rng, words), self.alphabet).partition(" ")[0] or "0"

    def paragraph(self, rng: Rng, language: str) -> str:
        """A whole line of running text: a sentence or a paragraph; a quarter in Chinese are random words."""
        if language == "zh" and rng.random() < 0.25:
            return self.words(rng, int(rng.integers(10, 90)))
        return clean(choice(rng, choice(rng, self._running[language])), self.alphabet) or "0"

    def entry(self, rng: Rng, language: str) -> str:
        """A word, a name or an address; running text where there are no lists."""
        files = self._entries[language] or self._running[language]
        return clean(choice(rng, choice(rng, files)), self.alphabet)[:60] or "0"

    def hanzi(self, rng: Rng, length: int) -> str:
        """``length`` random hanzi, uniform or by the weights, so that rare ones are trained too."""
        return "".join(self._hanzi.draw(rng, length))

    def with_replacements(self, rng: Rng, text: str, characters: str) -> str:
        """``text`` with ``characters`` in place of its own at random positions; its length stays."""
        positions = rng.permutation(len(text))[: len(characters)]
        replaced = list(text)
        for position, character in zip(positions.tolist(), characters, strict=False):
            replaced[position] = character
        return "".join(replaced)

    def with_symbols(self, rng: Rng, language: str, length: int) -> str:
        """Running text with one to four symbols inserted, with or without spaces around them."""
        text = self.running(rng, language, length)
        for symbol in self._symbols.draw(rng, int(rng.integers(1, 5))):
            position = int(rng.integers(len(text) + 1))
            left, right = choice(rng, (("", ""), (" ", " "), ("", " "), (" ", "")))
            repeat = 2 if symbol in "—…" else 1  # Chinese sets them in pairs
            text = f"{text[:position]}{left}{symbol * repeat}{right}{text[position:]}"
        return " ".join(text.split())

    def pattern(self, rng: Rng, language: str) -> str:
        """A generated date, price, code, address or label, as in forms, receipts and tables."""
        return clean(choice(rng, PATTERNS[language])(rng), self.alphabet) or "0"

    def symbols_in_context(self, rng: Rng, language: str) -> str:
        """A generated text with rare symbols, look-alike letters or numbers where they occur."""

        def words(length: int) -> str:
            return self.running(rng, language, length).strip(" ,.;:，。；：、") or "0"

        generate = choice(rng, SYMBOL_PATTERNS[language])
        return clean(generate(rng, words), self.alphabet)[:70].strip() or "0"

    def symbols(self, rng: Rng, length: int) -> str:
        """``length`` random characters but hanzi, ASCII letters and digits, uniform or by the weights."""
        return "".join(self._symbols.draw(rng, length))


def _is_symbol(character: str) -> bool:
    ascii_alphanumeric = character.isascii() and character.isalnum()
    return not (is_hanzi(character) or character.isspace() or ascii_alphanumeric)


def corpus_files(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """The Chinese and English text files of a folder, each with its non-empty lines; empty files are skipped.

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
