"""The stock converter, for comparison: what a user gets without this project."""

from __future__ import annotations

import os
from pathlib import Path

import keras
import tensorflow as tf

from tfpipeline.export.convert.worker import ConversionJob, convert
from tfpipeline.export.errors import ExportError
from tfpipeline.export.trace.exportable import check_model
from tfpipeline.export.trace.names import check_names
from tfpipeline.export.work_folder import work_folder


def convert_stock(
    model: keras.Model, path: str | Path, frames: int, quantize: str = "dynamic"
) -> Path:
    """Convert a Keras model with TensorFlow's own converter, at batch 1 and a fixed length.

    Args:
        model: A Keras model with one input `(batch, time, features)`.
        path: The `.tflite` file to write.
        frames: Number of time steps; the recurrent layers stay a WHILE loop.
        quantize: "dynamic" (int8 weights, float32 activations) or "float32".

    Raises:
        ExportError: `quantize` is unknown.
        ConversionError: the converter failed.
    """
    if quantize not in ("dynamic", "float32"):
        raise ExportError(f"quantize must be 'dynamic' or 'float32', received {quantize!r}")
    check_model(model)
    check_names(model)
    target = Path(path)
    with work_folder(target.parent) as work:
        module = tf.Module()
        module.model = model
        # Keras tracks its variables by its own means, the SavedModel wants them by TensorFlow's.
        module.tracked = [weight.value for weight in model.variables]
        signature = tf.TensorSpec((1, frames, input_features(model)), tf.float32, name="x")
        module.scores = tf.function(lambda x: {"scores": model(x, training=False)}, autograph=False)
        traced = module.scores.get_concrete_function(signature)
        tf.saved_model.save(module, str(work / "model"), signatures=traced)
        convert([ConversionJob(str(work / "model"), str(work / target.name), quantize)], work)
        os.replace(work / target.name, target)
    return target


def input_features(model: keras.Model) -> int:
    """Return the size of the feature axis of the model's one input `(batch, time, features)`."""
    inputs = model.inputs or []
    if len(inputs) != 1 or len(inputs[0].shape) != 3 or inputs[0].shape[-1] is None:
        raise ExportError(
            "model must have one input of shape (batch, time, features), received inputs "
            f"{[tuple(x.shape) for x in inputs]}: build it with Input((None, features))"
        )
    return int(inputs[0].shape[-1])
