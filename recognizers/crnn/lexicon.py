"""Lexicon decoding: the most probable word near the greedy one, found with a BK-tree."""

from __future__ import annotations

from collections.abc import Iterable

from rapidfuzz.distance import Levenshtein

from ocrpipe.recognizers.crnn.charset import Charset
from ocrpipe.recognizers.crnn.decoding import LogProbs, align, greedy, label_log_probs
from ocrpipe.recognizers.ctc import Emission


class BKTree:
    """Words to be searched by edit distance (Burkhard & Keller, CACM 16(4), 1973).

    A node's child at distance d holds all words at distance d from it, so by the triangle inequality a search
    within r of a query at distance q need only follow the children q-r..q+r.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._root: _Node | None = None
        self._size = 0
        for word in words:
            self._add(word)

    def __len__(self) -> int:
        """Number of distinct words."""
        return self._size

    def search(self, query: str, max_distance: int) -> list[tuple[str, int]]:
        """Words within ``max_distance`` edits (insert, delete, replace) of ``query``.

        Returns:
            Word and distance, the nearest first.
        """
        found: list[tuple[str, int]] = []
        nodes = [self._root] if self._root else []
        while nodes:
            node = nodes.pop()
            distance = Levenshtein.distance(query, node.word)
            if distance <= max_distance:
                found.append((node.word, distance))
            nodes.extend(
                child for edge, child in node.children.items() if abs(edge - distance) <= max_distance
            )
        return sorted(found, key=lambda match: (match[1], match[0]))

    def _add(self, word: str) -> None:
        if self._root is None:
            self._root, self._size = _Node(word), 1
            return
        node = self._root
        while distance := Levenshtein.distance(word, node.word):
            if distance not in node.children:
                node.children[distance] = _Node(word)
                self._size += 1
                return
            node = node.children[distance]


class _Node:
    __slots__ = ("children", "word")

    def __init__(self, word: str) -> None:
        self.word = word
        self.children: dict[int, _Node] = {}


def lexicon_decode(
    log_probs: LogProbs, charset: Charset, tree: BKTree, *, max_distance: int = 3
) -> list[Emission]:
    """Decode one word to the lexicon: Shi et al., "CRNN", arXiv 1507.05717, section 2.3.2.

    The words of ``tree`` within ``max_distance`` edits of the greedy text are rescored by their exact CTC
    probability, and the most probable is aligned to the frames.

    Args:
        log_probs: (T, C) log-probabilities of a crop of one word, or of one line if the lexicon holds lines.
        charset: Characters of the classes; words with other characters are no candidates.
        tree: The lexicon. Case and width are taken as they are.
        max_distance: Edit distance from the greedy text; 3 in the paper.

    Returns:
        The emissions of the chosen word, or of the greedy text where the lexicon has no candidate.
    """
    path = greedy(log_probs)
    text = charset.decode([emission.label for emission in path])
    near = (word for word, _ in tree.search(text, max_distance))
    candidates = [charset.encode(word) for word in near if all(character in charset for character in word)]
    if not candidates:
        return path
    scores = label_log_probs(log_probs, candidates)
    best = int(scores.argmax())
    return align(log_probs, candidates[best]) if scores[best] > float("-inf") else path
