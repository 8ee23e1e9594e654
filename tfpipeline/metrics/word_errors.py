"""The word error rate as a metric of `model.compile`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from tfpipeline.metrics.error_rate import ErrorRate
from tfpipeline.metrics.token_edits import word_tokens


@keras.saving.register_keras_serializable(package="tfpipeline")
class WordErrorRate(ErrorRate):
    """Edits of words / words of the references, over all utterances (1 is 100 %).

    Words are what one or more spaces separate; otherwise as `CharacterErrorRate`.

    Args:
        space: index of the space, as in `Alphabet().space`.
        blank: index of the blank symbol.
        grams: those of `tfpipeline.losses.GramCTC`, if the symbols are grams.
        name: of the metric.

    Raises:
        ValueError: when `space` is not the index of a symbol beside the blank.
    """

    def __init__(
        self,
        space: int,
        blank: int = 0,
        grams: Sequence[Sequence[int]] | None = None,
        name: str = "wer",
    ) -> None:
        if not isinstance(space, int) or isinstance(space, bool) or space < 0 or space == blank:
            raise ValueError(
                f"`space` must be the index of the space and not the blank, {blank}; received "
                f"{space!r}; an alphabet without a space has no words."
            )
        super().__init__(blank, grams, name)
        self.space = space

    def tokens_of(self, symbols: Any, mask: Any) -> tuple[Any, Any]:
        return word_tokens(symbols, mask, self.space)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "space": self.space}
