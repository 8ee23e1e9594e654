"""A tokenizer beside a model: whether the two fit, and samples that are texts."""

from __future__ import annotations

from typing import Any

import keras

from tfpipeline.export.errors import ExportError
from tfpipeline.export.samples.signature import ModelSignature, Samples
from tfpipeline.export.tokenizer.exported_tokenizer import (
    ExportedTokenizer,
    export_tokenizer,
    read_given,
)
from tfpipeline.export.tokenizer.text_samples import ids_of, texts_of
from tfpipeline.tokenization import read_tokenizer

_MOST_COMPARED = 1000


class TextInput:
    """The tokenizer of an export.

    Args:
        model: The Keras model, which takes its ids.
        tokenizer: What the user passed.
        calibration: Samples as the user has them: texts, or anything else.
        verification: The same.

    Attributes:
        calibration: The samples with ids in the place of texts.
        verification: The same.

    Raises:
        ExportError: the tokenizer is of no known kind, or has a part that cannot be exported.
    """

    def __init__(
        self, model: keras.Model, tokenizer: Any, calibration: Any, verification: Any
    ) -> None:
        self._model = model
        self._given = read_given(tokenizer)
        self._texts: list[bytes] = []
        frames = _frames(model)
        self.calibration = self._as_ids(calibration, frames)
        if frames is None and getattr(self.calibration, "ndim", 0) == 2:
            frames = self.calibration.shape[1]
        self.verification = self._as_ids(verification, frames)

    def _as_ids(self, samples: Any, frames: int | None) -> Any:
        texts = texts_of(samples)
        if texts is None:
            return samples
        self._texts += texts[:_MOST_COMPARED]
        return ids_of(self._given, texts, frames)

    def export(
        self, signature: ModelSignature, samples: Samples, bounded: bool
    ) -> ExportedTokenizer:
        """Write the tokenizer down for a model of this signature.

        Raises:
            ExportError: the model does not take its ids.
        """
        shapes = [spec.shape for spec in signature.inputs]
        if len(shapes) != 1 or len(shapes[0]) != 1:
            raise ExportError(
                "tokenizer is for a model with one input of ids (batch, time), received inputs of "
                f"{[('batch', *shape) for shape in shapes]}: leave tokenizer out"
            )
        frames = samples[signature.inputs[0].name].shape[1]
        exported = export_tokenizer(self._given, frames, bounded, self._texts)
        self._check_rows(read_tokenizer(exported.data).largest_id)
        return exported

    def _check_rows(self, largest: int) -> None:
        """Compare with the table of embeddings, where it is the model's only one."""
        tables = [layer for layer in self._model._flatten_layers() if _is_embedding(layer)]
        if len(tables) == 1 and largest >= tables[0].input_dim:
            raise ExportError(
                f"tokenizer: {self._given.name} gives ids up to {largest}, expected less than "
                f"{tables[0].input_dim}, the rows of layer {tables[0].name!r}: pass the tokenizer "
                "that the model was trained with"
            )


def _frames(model: keras.Model) -> int | None:
    """Return how many ids the model takes, where that is fixed."""
    shapes = [tensor.shape for tensor in getattr(model, "inputs", None) or []]
    return shapes[0][1] if len(shapes) == 1 and len(shapes[0]) == 2 else None


def _is_embedding(layer: Any) -> bool:
    return isinstance(getattr(layer, "input_dim", None), int) and hasattr(layer, "output_dim")
