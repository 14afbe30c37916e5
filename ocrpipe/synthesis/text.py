"""Text to render, in the characters of an alphabet: running text from corpora, and patterns."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from ocrpipe.errors import ConfigError
from ocrpipe.synthesis.patterns import PATTERNS, Rng, choice

_FULL_WIDTH = str.maketrans({chr(0xFF01 + i): chr(0x21 + i) for i in range(94)} | {"\u3000": " "})
_ENTRIES = ("words", "company", "addresses", "chengyu")
_JOINTS = ("", "", "", "", "", "", "的", "、", "，", "；", "和", "与", "及", "。")


def clean(text: str, alphabet: frozenset[str]) -> str:
    """The text in the alphabet's characters.

    Full-width forms that the alphabet lacks are narrowed to ASCII, other characters dropped, spaces merged.
    """
    composed = unicodedata.normalize("NFC", text)
    narrowed = "".join(c if c in alphabet else c.translate(_FULL_WIDTH) for c in composed)
    return " ".join("".join(c if c in alphabet else " " if c.isspace() else "" for c in narrowed).split())


def is_han(character: str) -> bool:
    """Whether the character is a Chinese one or Chinese punctuation, which take no spaces."""
    return (
        "\u3400" <= character <= "\u9fff"
        or "\u3000" <= character <= "\u303f"
        or "\uff00" <= character <= "\uffef"
    )


class TextSource:
    """Draws pieces of text. The corpora's lines are kept in memory, cleaned when drawn.

    Args:
        folder: Holds UTF-8 text files, one sentence or paragraph a line; a name starting with ``zh`` means
            Chinese, one starting with ``en`` English; ``words``, ``company``, ``addresses`` or ``chengyu`` in
            a name mean a list of short entries, of which ``words`` are also strung together to running text.
        alphabet: Characters that may occur.

    Raises:
        ocrpipe.errors.ConfigError: The folder lacks text in one of the two languages, or a file is not UTF-8.
    """

    def __init__(self, folder: Path, alphabet: frozenset[str]) -> None:
        self.alphabet = alphabet
        self._hanzi = sorted(c for c in alphabet if "\u4e00" <= c <= "\u9fff")
        self._running: dict[str, list[list[str]]] = {"en": [], "zh": []}
        self._entries: dict[str, list[list[str]]] = {"en": [], "zh": []}
        self._words: list[list[str]] = []
        for path, lines in corpus_files(folder):
            short = any(mark in path.stem for mark in _ENTRIES)
            (self._entries if short else self._running)[path.stem[:2]].append(lines)
            if path.stem.startswith("zh") and "words" in path.stem:
                self._words.append(lines)
        self._vocabulary: list[str] = []
        for language, files in self._running.items():
            if not files:
                raise ConfigError(f"no running text {language}*.txt in {folder}")

    def running(self, rng: Rng, language: str, length: int) -> str:
        """About ``length`` characters of running text ("en" or "zh"), starting anywhere in a sentence."""
        for _ in range(20):
            file = choice(rng, self._running[language])
            text = clean(choice(rng, file), self.alphabet)
            if language == "zh":
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

    def rare_hanzi(self, rng: Rng, length: int) -> str:
        """Hanzi drawn uniformly, so that the long tail is seen too."""
        return "".join(rng.choice(self._hanzi, length))

    def pattern(self, rng: Rng, language: str) -> str:
        """A date, a price, a code, an address, a label: what forms, receipts and tables hold."""
        return clean(choice(rng, PATTERNS[language])(rng), self.alphabet) or "0"

    def symbols(self, rng: Rng, length: int) -> str:
        """Characters drawn uniformly from all that are not hanzi: the tail of punctuation and symbols."""
        pool = sorted(c for c in self.alphabet if not "\u4e00" <= c <= "\u9fff" and c != " ")
        return "".join(rng.choice(pool, length))


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
