"""Numbers of words or characters."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

UNKNOWN = "<unk>"
END = "<eos>"
LEVELS = ("word", "character")
_ID = "i"


class Vocabulary:
    """The symbols of a text and their numbers.

    Args:
        symbols: words or characters, each one once, by number.

    Example:
        >>> vocabulary = Vocabulary(["<unk>", "a", "b"])
        >>> vocabulary.encode(["b", "a", "x"]).tolist()
        [2, 1, 0]
    """

    def __init__(self, symbols: Sequence[str]) -> None:
        self.symbols = tuple(symbols)
        self._numbers = {symbol: number for number, symbol in enumerate(self.symbols)}
        if len(self._numbers) != len(self.symbols) or UNKNOWN not in self._numbers:
            raise ValueError(
                f"Vocabulary: symbols must be different and hold {UNKNOWN!r}; received "
                f"{len(self.symbols)} with {len(self._numbers)} different ones."
            )
        self.unknown = self._numbers[UNKNOWN]

    def __len__(self) -> int:
        return len(self.symbols)

    def encode(self, symbols: Iterable[str]) -> np.ndarray:
        """Return int32 numbers; what is no symbol has the number of `<unk>`."""
        # An array takes four bytes a symbol, a list of numbers eight times that.
        numbers = array(_ID, (self._numbers.get(symbol, self.unknown) for symbol in symbols))
        return np.frombuffer(numbers, np.intc).astype(np.int32)

    def decode(self, numbers: Iterable[int]) -> list[str]:
        """Return the symbols of numbers."""
        return [self.symbols[number] for number in numbers]


def fit_vocabulary(symbols: Iterable[str], most: int | None = None, least: int = 1) -> Vocabulary:
    """Return the vocabulary of a training text: `<unk>`, and its symbols from the commonest on.

    Args:
        symbols: of the training text.
        most: the commonest that are kept, with `<unk>`; None for all.
        least: times that a kept symbol occurs.
    """
    counts = Counter(symbols)
    counts.pop(UNKNOWN, None)
    kept = [symbol for symbol, count in counts.items() if count >= least]
    # Symbols that are as common as each other are in the order of the alphabet.
    ordered = sorted(kept, key=lambda symbol: (-counts[symbol], symbol))
    return Vocabulary([UNKNOWN, *(ordered if most is None else ordered[: most - 1])])


def words_of_lines(text: str) -> Iterator[str]:
    """Yield the words of a text that is split by spaces already, and `<eos>` after each line."""
    # One at a time: a list of all words would take ten times the memory of the text.
    in_line = False
    for match in re.finditer(r"\n|\S+", text):
        if match[0] != "\n":
            yield match[0]
            in_line = True
        elif in_line:
            yield END
            in_line = False
    if in_line:
        yield END


def words_of_prose(text: str) -> Iterator[str]:
    """Yield lower-case words, numbers and signs, and `<eos>` after each paragraph."""
    for paragraph in re.split(r"\n\s*\n", text):
        if words := re.findall(r"[^\W_]+|[^\w\s]|_", paragraph.lower()):
            yield from words
            yield END
