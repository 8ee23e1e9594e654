"""What both error rates share: edits and reference tokens, added up over the corpus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfpipeline.losses.grams import check_gram_logits, check_grams
from tfpipeline.losses.packed_labels import check_shapes, split_labels, well_formed
from tfpipeline.metrics.token_edits import (
    count,
    edit_distances,
    greedy_tokens,
    spelled,
)


class ErrorRate(keras.metrics.Metric):
    """Sum of edits / sum of reference tokens over all utterances, greedily decoded."""

    def __init__(self, blank: int, grams: Sequence[Sequence[int]] | None, name: str) -> None:
        super().__init__(name=name, dtype="float32")
        if grams is not None and blank != 0:
            raise ValueError(f"`blank` must be 0 with `grams`, as in GramCTC; received {blank!r}.")
        self.blank = blank
        self.grams = None if grams is None else check_grams(grams)
        self.edits = self.add_weight(name="edits", initializer="zeros")
        self.tokens = self.add_weight(name="tokens", initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch.

        A label that the losses answer with NaN makes the rate NaN: one with the blank or a negative
        number before a symbol, with a symbol without a logit, or with more frames than there are.

        Args:
            y_true: `(batch, 1 + max_label)`, from `tfpipeline.losses.pack_labels`.
            y_pred: logits, `(batch, frames, symbols)`.
            sample_weight: of each utterance, `(batch,)`, for its edits and its tokens.
        """
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        check_shapes(type(self).__name__, y_true, y_pred, self.blank)
        if self.grams is not None:
            check_gram_logits(y_pred, self.grams)
        frames, labels, _ = split_labels(y_true, self.blank)
        decoded = greedy_tokens(y_pred, frames, self.blank)
        if self.grams is not None:
            decoded = spelled(*decoded, self.grams)
        reference = self.tokens_of(labels, labels != self.blank)
        edits = edit_distances(*reference, *self.tokens_of(*decoded))
        known = well_formed(y_true, self.blank) & (frames <= ops.shape(y_pred)[1])
        known = known & ops.all(self._is_known(labels, ops.shape(y_pred)[2]), axis=1)
        edits = ops.where(known, edits, float("nan"))
        tokens = ops.cast(count(reference[1]), "float32")
        if sample_weight is not None:
            weight = ops.reshape(ops.cast(sample_weight, "float32"), (-1,))
            edits, tokens = edits * weight, tokens * weight
        self.edits.assign_add(ops.sum(edits))
        self.tokens.assign_add(ops.sum(tokens))

    def _is_known(self, labels: Any, symbols: Any) -> Any:
        """Which of the labels, padding included, a model of so many symbols can spell."""
        if self.grams is None:
            return labels < symbols
        characters = sorted({self.blank, *(gram[0] for gram in self.grams if len(gram) == 1)})
        known = ops.convert_to_tensor(characters, dtype="int32")
        return ops.any(ops.equal(labels[:, :, None], known), axis=2)

    def tokens_of(self, symbols: Any, mask: Any) -> tuple[Any, Any]:
        """Return the tokens that are compared, and which of them count."""
        raise NotImplementedError

    def result(self) -> Any:
        return ops.divide_no_nan(self.edits, self.tokens)

    def get_config(self) -> dict[str, Any]:
        grams = None if self.grams is None else [list(gram) for gram in self.grams]
        return {"name": self.name, "blank": self.blank, "grams": grams}
