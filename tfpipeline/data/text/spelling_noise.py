"""Spelling errors as fingers make them."""

from __future__ import annotations

from random import Random

_FEWEST_LETTERS = 4
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEIGHBOURS = {
    key: row[max(0, place - 1) : place] + row[place + 1 : place + 2]
    for row in _KEYS
    for place, key in enumerate(row)
}


def misspelled(draw: Random, word: str, share: float) -> str:
    """Return a word that has an error with this probability, in all but its first letter.

    Two letters change places, one is missing, doubled, or that of the key beside it. Words of less
    than four letters, and numbers, stay as they are.

    Args:
        draw: the source of random numbers.
        word: in lower case.
        share: probability of an error.

    Example:
        >>> misspelled(Random(0), "author", 1.0) != "author"
        True
    """
    if len(word) < _FEWEST_LETTERS or not word.isalpha() or draw.random() >= share:
        return word
    place = draw.randrange(1, len(word) - 1)
    before, letter, after = word[:place], word[place], word[place + 1 :]
    kind = draw.randrange(4)
    if kind == 0:
        return before + after[0] + letter + after[1:]
    if kind == 1:
        return before + after
    if kind == 2:
        return before + letter * 2 + after
    return before + draw.choice(_NEIGHBOURS.get(letter, letter)) + after
