"""Traces a Keras model with its recurrent layers as opaque marker ops.

The converter cannot quantize recurrence, and does not need to: each recurrent layer becomes one
custom op `tfpipeline.marker` that carries nothing but a number, while every other layer is
converted as usual. The two lowerings later replace the markers by what they stand for.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfpipeline.export.errors import ExportError, reason_of
from tfpipeline.export.graph.markers import (
    MARKER,
    Delay,
    Marked,
    MarkedLayer,
    number_in_scope,
    scope_of,
)
from tfpipeline.export.samples.signature import ModelSignature
from tfpipeline.export.trace.causal_padding import delay_of, delayed_call
from tfpipeline.export.trace.embedding_lookup import lookup_call
from tfpipeline.export.trace.predictions import pack
from tfpipeline.export.trace.recurrent_layers import recurrent_step
from tfpipeline.export.trace.time_distributed import merged_call
from tfpipeline.export.trace.trace_errors import sentence_for
from tfpipeline.export.trace.written_dense import written_call
from tfpipeline.protocol import RecurrentStep

_INSTEAD = {
    "initial_state": "expected calls of the layer with its input only, which start at zero; a "
    "stream's states are inputs of the file (streaming=True)",
    "mask": "remove Masking and mask_zero=True, which make masks, and for sequences of several "
    "lengths export with length='bounded', where recurrent layers stop at the given length",
}
"""What to do without an argument of a recurrent layer's call."""


class MarkedModel:
    """A Keras model whose layers can be called as markers.

    Args:
        model: A built model; it is the same again after every use.
        signature: Its inputs and outputs.
        streaming: Whether the past that convolutions pad is marked too.

    Attributes:
        marked: What each marker stands for, by its number.
        layer_names: Names of all layers, by the number in the scopes of their ops.
    """

    def __init__(self, model: keras.Model, signature: ModelSignature, streaming: bool) -> None:
        self._model = model
        self._signature = signature
        self._calls: list[tuple[keras.layers.Layer, Callable[..., Any]]] = []
        self.marked: list[Marked] = []
        self.layer_names: list[str] = []
        self._layers: list[keras.layers.Layer] = []
        self._collect(model, streaming)

    def _collect(self, parent: Any, streaming: bool) -> None:
        for layer in parent._flatten_layers(include_self=False, recursive=False):
            if any(layer is other for other in self._layers):
                continue
            self._layers.append(layer)
            self.layer_names.append(layer.name)
            scope = scope_of(len(self.layer_names) - 1)
            step = recurrent_step(layer)
            delay = delay_of(layer) if streaming and step is None else None
            if step is not None:
                call = _marker_call(layer, step, len(self.marked))
                self._calls.append((layer, _scoped(scope, call)))
                self.marked.append(MarkedLayer(layer.name, step))
            elif delay is not None:
                marker = _delay_marker(delay, len(self.marked))
                self._calls.append((layer, _scoped(scope, delayed_call(layer, marker))))
                self.marked.append(delay)
            else:
                call = merged_call(layer) or written_call(layer) or lookup_call(layer)
                call = call or layer.call
                self._calls.append((layer, _scoped(scope, call)))
                # Inside of a TimeDistributed a causal convolution pads another axis than time.
                inner_is_time = not isinstance(layer, keras.layers.TimeDistributed)
                self._collect(layer, streaming and inner_is_time)

    def save(self, directory: Path, frames: dict[str, int | None], shapes: Any) -> None:
        """Save the model with markers as one SavedModel for each entry of `frames`.

        Args:
            directory: Existing folder; a SavedModel `directory/<key>` is written for each key.
            frames: Number of time steps by key, such as `{"whole": 98}`; None for a model
                without a time axis.
            shapes: Gives the shapes of the inputs at a number of time steps.

        Variables become constants while tracing, so that the result has none.
        """
        variables = self._model.variables
        for variable in variables:
            if not np.isfinite(np.asarray(variable.value, np.float32)).all():
                raise ExportError(
                    f"weight {variable.path!r} contains NaN or infinity: did the training diverge?"
                )
        constants = [tf.constant(np.asarray(keras.ops.convert_to_numpy(v))) for v in variables]

        def run(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            with keras.StatelessScope(state_mapping=list(zip(variables, constants, strict=True))):
                result = self._model(pack(self._signature, inputs), training=False)
            return {f"out_{i}": leaf for i, leaf in enumerate(keras.tree.flatten(result))}

        with self._replaced():
            for key, count in frames.items():
                function = tf.function(run, autograph=False)
                specs = [
                    tf.TensorSpec(shape, spec.dtype, name=f"in_{i}")
                    for i, (spec, shape) in enumerate(
                        zip(self._signature.inputs, shapes(count), strict=True)
                    )
                ]
                try:
                    traced = function.get_concrete_function(*specs)
                    # A function that the module has would be traced a second time.
                    tf.saved_model.save(tf.Module(), str(directory / key), signatures=traced)
                except ExportError as error:
                    # Raised within a layer's call, where Keras adds its own words to it.
                    raise ExportError(reason_of(error)) from None
                except Exception as error:
                    # Whatever a user's `call` raises.
                    raise ExportError(sentence_for(error, self._model, count)) from error

    @contextlib.contextmanager
    def _replaced(self) -> Iterator[None]:
        """While open, layers emit markers and scopes; instances are restored on exit."""
        mixed = [layer for layer in self._layers if layer.compute_dtype != "float32"]
        policies = [layer._dtype_policy for layer in mixed]
        own_calls = [vars(layer).get("call") for layer, _ in self._calls]
        try:
            for layer in mixed:
                # A model trained in mixed precision keeps float32 variables: export those. The
                # attribute itself, because the property writes into a map that layers share.
                layer._dtype_policy = keras.DTypePolicy("float32")
            for layer, call in self._calls:
                layer.call = call
            yield
        finally:
            for (layer, _), own in zip(self._calls, own_calls, strict=True):
                vars(layer).pop("call", None)
                if own is not None:
                    layer.call = own
            for layer, policy in zip(mixed, policies, strict=True):
                layer._dtype_policy = policy

    def layer_of(self, tensor_name: str) -> str | None:
        """Return the layer in whose scope an op was traced, from the name of its output."""
        number = number_in_scope(tensor_name)
        return None if number is None else self.layer_names[number]


def _scoped(scope: str, original: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        with tf.name_scope(scope):
            return original(*args, **kwargs)

    return call


def _marker(index: int, shape_of: Callable[[tf.Tensor], tuple[int, ...]]) -> Any:
    """Return a function that the converter turns into a marker op."""

    @tf.function(
        experimental_implements=(
            f'name: "{MARKER}" attr {{key: "tfl_fusable_op" value {{b: true}}}} '
            f'attr {{key: "index" value {{i: {index}}}}}'
        ),
        autograph=False,
    )
    def marker(x: tf.Tensor) -> tf.Tensor:
        # The body is never run: it only gives the op its type, and keeps x alive.
        return tf.zeros(shape_of(x)) + tf.reduce_sum(x)

    def call(x: tf.Tensor) -> tf.Tensor:
        output = marker(x)
        output.set_shape(shape_of(x))
        return output

    return call


def _delay_marker(delay: Delay, index: int) -> Any:
    return _marker(index, lambda x: (x.shape[0], x.shape[1] + delay.frames, *x.shape[2:]))


def _marker_call(layer: Any, step: RecurrentStep, index: int) -> Any:
    def shape_of(x: tf.Tensor) -> tuple[int, ...]:
        if step.return_sequences:
            return (x.shape[0], x.shape[1], step.units)
        return (x.shape[0], step.units)

    marker = _marker(index, shape_of)

    def call(
        inputs: tf.Tensor, initial_state: Any = None, mask: Any = None, training: bool = False
    ) -> tf.Tensor:
        for argument, value in (("initial_state", initial_state), ("mask", mask)):
            if value is not None:
                raise ExportError(
                    f"layer {layer.name!r} is called with {argument}, which export does not "
                    f"support: {_INSTEAD[argument]}"
                )
        output = marker(inputs)
        if step.projection is not None:
            output = keras.ops.matmul(output, tf.constant(step.projection))
        return output

    return call
