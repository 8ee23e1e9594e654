"""What every compression expects of its model."""

from __future__ import annotations

from typing import Any

import keras

from tfpipeline.compress.compression_error import CompressionError


def check_built(model: Any) -> None:
    """Raise a `CompressionError` unless it is a Keras model with weights."""
    if not isinstance(model, keras.Model):
        raise CompressionError(
            f"`model` must be a keras.Model; received {model!r}: load a file with "
            "tfpipeline.load_model(path)."
        )
    if not model.built:
        raise CompressionError(
            f"`model` must be built and trained first; {model.name!r} is not built."
        )
