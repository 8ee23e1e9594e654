"""The prefixes of a beam search, each once, and what the language model says of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tfpipeline.decoding.alphabet import Alphabet

LanguageModel = Callable[[tuple[str, ...], str], float]


class PrefixTree:
    """Prefixes as numbered nodes of a tree; node 0 is the empty one.

    The bonus of a prefix is alpha log p_LM + beta words over its words that a space has ended.
    """

    root = 0

    def __init__(
        self, alphabet: Alphabet, language_model: LanguageModel | None, alpha: float, beta: float
    ) -> None:
        self.alphabet = alphabet
        self._model, self._alpha, self._beta = language_model, alpha, beta
        self._parent, self._symbol = [-1], [alphabet.blank]
        self._child: dict[tuple[int, int], int] = {}
        self._history: list[tuple[str, ...]] = [()]
        self._word = [""]
        self._bonus = [0.0]
        self._final_bonus: dict[int, float] = {}

    def child(self, node: int, symbol: int) -> int:
        """Return the prefix that has `symbol` after that of `node`."""
        found = self._child.get((node, symbol))
        if found is not None:
            return found
        word, history = self._word[node], self._history[node]
        ends = symbol == self.alphabet.space
        self._parent.append(node)
        self._symbol.append(symbol)
        self._history.append((*history, word) if ends and word else history)
        self._word.append("" if ends else word + self.alphabet.characters[symbol - 1])
        self._bonus.append(self.final_bonus(node) if ends else self._bonus[node])
        self._child[node, symbol] = len(self._parent) - 1
        return len(self._parent) - 1

    def last_symbols(self, nodes: np.ndarray) -> np.ndarray:
        """Return the last symbol of each prefix; the blank for the empty one."""
        return np.array([self._symbol[node] for node in nodes])

    def parents_among(self, nodes: np.ndarray) -> np.ndarray:
        """Return for each node the position of its parent in `nodes`, or -1."""
        position = {int(node): index for index, node in enumerate(nodes)}
        return np.array([position.get(self._parent[node], -1) for node in nodes])

    def bonus(self, nodes: np.ndarray) -> np.ndarray:
        return np.array([self._bonus[node] for node in nodes])

    def bonuses(self, nodes: np.ndarray) -> np.ndarray:
        """Return `(nodes, symbols)`: the bonus of each prefix with one more symbol."""
        table = np.repeat(self.bonus(nodes)[:, None], len(self.alphabet), axis=1)
        if self._model is not None:
            table[:, self.alphabet.space] = [self.final_bonus(int(node)) for node in nodes]
        return table

    def final_bonus(self, node: int) -> float:
        """Return the bonus when the last word of the prefix ends here."""
        word = self._word[node]
        if self._model is None or not word:
            return self._bonus[node]
        if node not in self._final_bonus:
            rated = self._model(self._history[node], word)
            self._final_bonus[node] = self._bonus[node] + self._alpha * rated + self._beta
        return self._final_bonus[node]

    def text(self, node: int) -> str:
        symbols: list[int] = []
        while node != self.root:
            symbols.append(self._symbol[node])
            node = self._parent[node]
        return self.alphabet.decode(reversed(symbols))
