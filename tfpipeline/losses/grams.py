"""Grams: groups of characters that are one symbol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Grams = tuple[tuple[int, ...], ...]


def check_grams(grams: Sequence[Sequence[int]]) -> Grams:
    """Return the grams as tuples; they must be able to spell every text of their characters."""
    try:
        found = tuple(tuple(int(character) for character in gram) for gram in grams)
    except (TypeError, ValueError):
        raise ValueError(
            f"`grams` must be a sequence of character indices for each symbol; received {grams!r}."
        ) from None
    if not found or not all(found) or min(map(min, found)) < 1:
        raise ValueError(
            "`grams` must be the character indices of each symbol, 1 or more; received "
            f"{[list(gram) for gram in found]}."
        )
    if len(set(found)) < len(found):
        twice = next(gram for gram in found if found.count(gram) > 1)
        raise ValueError(f"`grams` must have each gram once; {list(twice)} comes twice.")
    alone = {gram[0] for gram in found if len(gram) == 1}
    missing = sorted({character for gram in found for character in gram} - alone)
    if missing:
        raise ValueError(
            f"`grams` must have every character alone as well; {missing} come in longer grams only."
        )
    longest = max(map(len, found))
    if (1 + max(map(max, found))) ** longest > 2**31:
        raise ValueError(
            f"`grams` must be shorter for so many characters; received one of {longest}, and the "
            "product of all choices has to stay below 2 ** 31."
        )
    return found


def check_gram_logits(logits: Any, grams: Grams) -> None:
    """Raise unless there is a logit for the blank and for each gram."""
    if logits.shape[2] != 1 + len(grams):
        raise ValueError(
            f"`y_pred` must have a logit for the blank and each of the {len(grams)} grams; "
            f"received {logits.shape[2]} logits."
        )


def frames_needed(label: Sequence[int], grams: Grams | None) -> int:
    """Return the least frames that hold a label: one a symbol, and one between equal neighbours."""
    known = {(character,) for character in label} if grams is None else set(grams)
    longest = max(map(len, known), default=1)
    # The least frames of the first i characters, by the gram that ends them.
    least: list[dict[tuple[int, ...], int]] = [{(): 0}]
    for i in range(1, len(label) + 1):
        ends: dict[tuple[int, ...], int] = {}
        for j in range(1, min(i, longest) + 1):
            gram = tuple(int(character) for character in label[i - j : i])
            if gram in known and least[i - j]:
                ends[gram] = 1 + min(
                    count + (before == gram) for before, count in least[i - j].items()
                )
        least.append(ends)
    if not least[-1]:
        raise ValueError(
            f"`labels` must consist of the characters in `grams`; received {list(label)}."
        )
    return min(least[-1].values())
