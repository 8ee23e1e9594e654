"""Characters and the symbols of a CTC model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

ENGLISH = " abcdefghijklmnopqrstuvwxyz'"


class Alphabet:
    """Characters as symbol indices 1, 2, ...; index 0 is the blank.

    Args:
        characters: each once, in the order of their indices; by default the space, a to z and the
            apostrophe, so that `len(alphabet)`, the width of the logits, is 29.
        grams: groups of characters that are a symbol each as well, after the characters, for
            `tfpipeline.losses.GramCTC`.

    Attributes:
        characters, grams: as given.
        space: index of the space, or None if there is none.
        gram_indices: the characters of each symbol but the blank, as indices.

    Raises:
        ValueError: when a character or gram occurs twice, a gram has a character that is not in the
            alphabet or is one, or there are no characters.

    >>> alphabet = Alphabet()
    >>> alphabet.encode("a b")
    [2, 1, 3]
    >>> alphabet.decode([2, 1, 3])
    'a b'
    """

    blank = 0

    def __init__(self, characters: str = ENGLISH, grams: Sequence[str] = ()) -> None:
        if not isinstance(characters, str) or not characters:
            raise ValueError(f"`characters` must be a str, not empty; received {characters!r}.")
        twice = sorted({c for c in characters if characters.count(c) > 1})
        if twice:
            raise ValueError(f"`characters` must have each character once; {twice} come twice.")
        self.characters = characters
        self._indices = {character: i for i, character in enumerate(characters, start=1)}
        self.space = self._indices.get(" ")
        self.grams = tuple(grams)
        self.gram_indices = tuple(tuple(self.encode(symbol)) for symbol in (*characters, *grams))
        short = [gram for gram in self.grams if len(gram) < 2]
        if short or len(set(self.grams)) < len(self.grams):
            raise ValueError(
                "`grams` must have two or more characters and come once; received "
                f"{list(self.grams)}."
            )

    def __len__(self) -> int:
        """Return the number of symbols, the blank included: the width of the logits."""
        return 1 + len(self.characters) + len(self.grams)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Alphabet) and (other.characters, other.grams) == (
            self.characters,
            self.grams,
        )

    def __hash__(self) -> int:
        return hash((self.characters, self.grams))

    def __repr__(self) -> str:
        more = f", {list(self.grams)!r}" if self.grams else ""
        return f"Alphabet({self.characters!r}{more})"

    def encode(self, text: str) -> list[int]:
        """Return the indices of the characters of `text`; ValueError for one that has none."""
        try:
            return [self._indices[character] for character in text]
        except KeyError as missing:
            raise ValueError(
                f"`text` must consist of the characters {self.characters!r}; received "
                f"{missing.args[0]!r} in {text!r}; replace it, or name it in `characters`."
            ) from None

    def decode(self, indices: Iterable[int]) -> str:
        """Return the text of `indices`; ValueError for the blank or an index out of range."""
        found = [int(index) for index in indices]
        wrong = [index for index in found if not 1 <= index < len(self)]
        if wrong:
            raise ValueError(
                f"`indices` must be from 1 to {len(self) - 1}; received {wrong[0]}; drop blanks "
                "first, as greedy_decode does."
            )
        return "".join((*self.characters, *self.grams)[index - 1] for index in found)
