"""Reads a Keras model that a C header can compute: a chain around one FastRNN or FastGRNN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from tfpipeline.export.errors import ExportError
from tfpipeline.export.trace.recurrent_layers import recurrent_step
from tfpipeline.microcontroller import Classifier
from tfpipeline.protocol import Factored, RecurrentStep

LINEAR, SOFTMAX, SIGMOID = "linear", "softmax", "sigmoid"
_ACTIVATIONS = (LINEAR, SOFTMAX, SIGMOID)
#: What does nothing in inference.
_TRAINING_ONLY = (
    keras.layers.Dropout,
    keras.layers.SpatialDropout1D,
    keras.layers.GaussianNoise,
    keras.layers.GaussianDropout,
    keras.layers.AlphaDropout,
    keras.layers.ActivityRegularization,
    keras.layers.Identity,
)
_EXPECTED = (
    "expected a chain of an optional Normalization, one FastRNN or FastGRNN, and an optional Dense "
    "layer with a softmax or sigmoid; export a .tflite file for this model"
)


@dataclass(frozen=True, eq=False)
class HeaderLayers:
    """What a chain of layers computes.

    Args:
        name: of the recurrent layer.
        step: what it computes.
        classifier: the dense layer behind it; None without one.
        normalization: mean and deviation of each feature, `(features,)`; None without one.
        activation: of the output: "linear", "softmax" or "sigmoid".
    """

    name: str
    step: RecurrentStep
    classifier: Classifier | None
    normalization: tuple[np.ndarray, np.ndarray] | None
    activation: str

    def activated(self, scores: np.ndarray) -> np.ndarray:
        """Return what the model makes of its scores."""
        if self.activation == SOFTMAX:
            powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
            return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
        if self.activation == SIGMOID:
            return np.asarray(0.5 + 0.5 * np.tanh(0.5 * scores))
        return scores


def header_layers(model: keras.Model) -> HeaderLayers:
    """Return the layers of a model.

    Raises:
        ExportError: the model is no chain, or has a layer or an option that C has no code for.
    """
    inputs, outputs = (getattr(model, name, None) or [] for name in ("inputs", "outputs"))
    if len(inputs) != 1 or len(outputs) != 1:
        raise ExportError(
            f"model has {len(inputs)} inputs and {len(outputs)} outputs that are known before it "
            f"is called; {_EXPECTED}"
        )
    found = _Reader()
    for operation in _chain(outputs[0]):
        found.take(operation)
    return found.layers()


def _chain(tensor: Any) -> list[Any]:
    """Return the operations between the input and a tensor, the first one first."""
    found: list[Any] = []
    while True:
        operation, node, _ = tensor._keras_history
        if isinstance(operation, keras.layers.InputLayer):
            return found[::-1]
        before = operation._inbound_nodes[node].input_tensors
        if len(before) != 1:
            raise ExportError(f"layer {operation.name!r} joins {len(before)} tensors; {_EXPECTED}")
        inner = getattr(operation, "outputs", None) or []
        known = isinstance(operation, keras.Model) and len(inner) == 1
        found += _chain(inner[0])[::-1] if known else [operation]
        tensor = before[0]


class _Reader:
    """Takes the operations of a chain one after another."""

    def __init__(self) -> None:
        self._name = ""
        self._step: RecurrentStep | None = None
        self._classifier: Classifier | None = None
        self._normalization: tuple[np.ndarray, np.ndarray] | None = None
        self._activation = LINEAR

    def layers(self) -> HeaderLayers:
        if self._step is None:
            raise ExportError(f"model has no recurrent layer; {_EXPECTED}")
        return HeaderLayers(
            self._name, self._step, self._classifier, self._normalization, self._activation
        )

    def take(self, operation: Any) -> None:
        if isinstance(operation, _TRAINING_ONLY):
            return
        if isinstance(operation, Factored) and not hasattr(operation, "export_step"):
            operation = operation.collapse()
        if isinstance(operation, keras.layers.Normalization) and self._is_first():
            self._normalization = _normalization(operation)
        elif hasattr(operation, "export_step") and self._step is None:
            self._name, self._step = operation.name, _step(operation)
        elif type(operation) is keras.layers.Dense and self._takes_classifier():
            self._classifier = _classifier(operation)
            self._activate(operation.name, operation.activation)
        elif isinstance(operation, keras.layers.Activation) and self._step is not None:
            self._activate(operation.name, operation.activation)
        elif _is_softmax(operation) and self._step is not None:
            self._activate(operation.name, keras.activations.softmax)
        else:
            raise ExportError(
                f"layer {operation.name!r} is a {type(operation).__name__}, which C has no code "
                f"for at its place; {_EXPECTED}"
            )

    def _is_first(self) -> bool:
        return self._step is None and self._normalization is None

    def _takes_classifier(self) -> bool:
        return self._step is not None and self._classifier is None and self._activation == LINEAR

    def _activate(self, name: str, function: Any) -> None:
        given = getattr(function, "__name__", str(function))
        if given == LINEAR:
            return
        if given not in _ACTIVATIONS or self._activation != LINEAR or self._classifier is None:
            raise ExportError(
                f"layer {name!r} has the activation {given!r}: a C header has scores of a Dense "
                "layer, with a softmax or sigmoid behind them or none; rebuild the layer with one "
                "of these, or export a .tflite file"
            )
        self._activation = given


def _is_softmax(operation: Any) -> bool:
    """Return whether it is a softmax over the classes."""
    return isinstance(operation, keras.layers.Softmax) and operation.axis == -1


def _normalization(layer: Any) -> tuple[np.ndarray, np.ndarray]:
    mean, variance = (
        np.asarray(keras.ops.convert_to_numpy(value), np.float64).reshape(-1)
        for value in (layer.mean, layer.variance)
    )
    features = int(layer._build_input_shape[-1])
    if layer.invert or mean.size not in (1, features):
        raise ExportError(
            f"layer {layer.name!r} has {mean.size} means for {features} features"
            f"{' and is inverted' if layer.invert else ''}: expected one for all, or one for each "
            "(axis=-1), not inverted"
        )
    deviation = np.maximum(np.sqrt(variance), keras.config.epsilon())
    return np.broadcast_to(mean, features), np.broadcast_to(deviation, features)


def _step(layer: Any) -> RecurrentStep:
    step = recurrent_step(layer)
    assert step is not None
    if step.go_backwards or step.projection is not None:
        what = "go_backwards=True" if step.go_backwards else "a projected output"
        raise ExportError(
            f"layer {layer.name!r} has {what}, which a step of a C header has not; rebuild the "
            "layer without it, or export a .tflite file"
        )
    return step


def _classifier(layer: Any) -> Classifier:
    kernel = np.asarray(keras.ops.convert_to_numpy(layer.kernel), np.float32)
    if layer.bias is None:
        return Classifier(kernel, np.zeros(kernel.shape[1], np.float32))
    return Classifier(kernel, np.asarray(keras.ops.convert_to_numpy(layer.bias), np.float32))
