"""Texts with one label each, in memory: what the readers of text classification sets return."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class TextSamples:
    """Training, validation or test data.

    Args:
        texts: as they were read, one string each.
        y: int32 `(samples,)`, indices into the set's `labels`.
    """

    texts: tuple[str, ...]
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.y)


@dataclasses.dataclass(frozen=True)
class LabelledTexts:
    """Texts with one label each.

    Args:
        labels: names of the classes.
        train, validation, test: the splits.
        provenance: where the texts come from and what was done to them; values that JSON can hold.

    Example:
        >>> data = load_trec("TREC")                                        # doctest: +SKIP
        >>> words = WordTokenizer.fit(data.train.texts)                     # doctest: +SKIP
        >>> x = words.encode(data.train.texts, length=20)                   # doctest: +SKIP
        >>> model.fit(x, data.train.y)                                      # doctest: +SKIP
    """

    labels: tuple[str, ...]
    train: TextSamples
    validation: TextSamples
    test: TextSamples
    provenance: dict[str, Any]

    def splits(self) -> dict[str, TextSamples]:
        """Return the splits by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def summary(self) -> str:
        """Return one line of counts."""
        counts = ", ".join(f"{len(split)} {name}" for name, split in self.splits().items())
        words = sum(len(text.split()) for text in self.train.texts) / max(1, len(self.train))
        return (
            f"{self.provenance.get('name', 'texts')}: {counts} texts of {words:.1f} words on "
            f"average, {len(self.labels)} classes."
        )


def samples_of(texts: Sequence[str], numbers: Sequence[int]) -> TextSamples:
    """Return a split of texts and the numbers of their labels."""
    return TextSamples(tuple(texts), np.asarray(numbers, np.int32))


def hold_out(samples: TextSamples, share: float, seed: int) -> tuple[TextSamples, TextSamples]:
    """Split samples in two, so that equal texts are on the same side.

    Args:
        samples: in any order, which both sides keep.
        share: of the different texts, that the second side gets; at least one text on each side.
        seed: of the draw.
    """
    different = list(dict.fromkeys(samples.texts))
    count = min(max(1, round(share * len(different))), max(1, len(different) - 1))
    drawn = np.random.default_rng(seed).permutation(len(different))[:count]
    held = {different[index] for index in drawn}
    chosen = np.fromiter((text in held for text in samples.texts), bool, len(samples))

    def side(keep: np.ndarray) -> TextSamples:
        return TextSamples(
            tuple(text for text, kept in zip(samples.texts, keep, strict=True) if kept),
            samples.y[keep],
        )

    return side(~chosen), side(chosen)


def check_share(function: str, share: float) -> None:
    """Refuse a share of validation texts that is no number between 0 and 1.

    Raises:
        ValueError: naming the function.
    """
    number = isinstance(share, (int, float)) and not isinstance(share, bool)
    if not number or not 0 < share < 1:
        raise ValueError(
            f"{function}: validation_share must be a number between 0 and 1, the part of the "
            f"training texts that validates; received {share!r}."
        )
