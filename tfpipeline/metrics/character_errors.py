"""The character error rate as a metric of `model.compile`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from tfpipeline.metrics.error_rate import ErrorRate


@keras.saving.register_keras_serializable(package="tfpipeline")
class CharacterErrorRate(ErrorRate):
    """Edits of characters / characters of the references, over all utterances (1 is 100 %).

    The hypothesis is the best path: the largest logit of each frame, repeats merged, blanks
    dropped. It takes the same `y` as `tfpipeline.losses.CTC`, and runs inside the compiled step.

    Args:
        blank: index of the blank symbol.
        grams: those of `tfpipeline.losses.GramCTC`, if the symbols are grams.
        name: of the metric.

    Example:

    >>> model.compile("adam", CTC(), metrics=[CharacterErrorRate()])
    """

    def __init__(
        self, blank: int = 0, grams: Sequence[Sequence[int]] | None = None, name: str = "cer"
    ) -> None:
        super().__init__(blank, grams, name)

    def tokens_of(self, symbols: Any, mask: Any) -> tuple[Any, Any]:
        return symbols, mask
