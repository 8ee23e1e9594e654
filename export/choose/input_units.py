"""Finds layers that would lose an input whose features have different units.

An input has one scale, and so has each column of a kernel. Beside pressures of a thousand a share
of a hundredth is then less than a step, though the layer that reads both may weigh them alike: the
kernel is small for the one and large for the other. Such a layer stays in float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from tfpipeline.export.modes import FLOAT32, INT16, ModeTable
from tfpipeline.export.samples.signature import ModelSignature, Samples
from tfpipeline.export.trace.recurrent_layers import recurrent_step

_WORST_ERROR = 0.25
"""Of a layer's product with its input, from rounding both to 8 bits. Ordinary layers have 0.02."""
_STEPS = 255
_MOST_SAMPLES = 64
_ELEMENTWISE = (
    keras.layers.BatchNormalization,
    keras.layers.Normalization,
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv1D,
    keras.layers.SeparableConv2D,
)


def layers_that_lose_units(
    model: keras.Model, signature: ModelSignature, samples: Samples, modes: ModeTable
) -> dict[str, str]:
    """Return the first layers that must stay in float32, each with the reason.

    Of a subclassed model, whose graph is not known, none is found.
    """
    found: dict[str, str] = {}
    inputs = getattr(model, "inputs", None) or ()
    known = {
        id(tensor): _Known(samples[spec.name][:_MOST_SAMPLES])
        for spec, tensor in zip(signature.inputs, inputs, strict=False)
    }
    for layer, read in _first_layers(model, known):
        values = read.values
        if values.dtype.kind != "f" or values.ndim < 2 or values.shape[-1] < 2:
            continue
        mode = modes.of(layer.name)
        if mode.activations == FLOAT32 and not mode.integer_weights:
            continue
        steps = _STEPS << 8 if mode.activations == INT16 else _STEPS
        if _error(layer, values, steps) > _WORST_ERROR:
            for name in (*read.makers, layer.name):
                found[name] = _reason(values)
    return found


def mixed_units(samples: Samples) -> str | None:
    """Return what speaks against one scale for all features of an input; None where nothing does.

    For models whose layers `layers_that_lose_units` cannot see.
    """
    for name, values in samples.items():
        if values.dtype.kind != "f" or values.ndim < 2 or values.shape[-1] < 2:
            continue
        rounding, deviation = _rounding(values, _STEPS), _deviations(values)
        varying = deviation[deviation > 0.0]
        if varying.size and rounding / varying.min() > _WORST_ERROR:
            return f"of input {name!r}, {_reason(values)}"
    return None


@dataclass(frozen=True)
class _Known:
    """A tensor that no weights had a part in: its values, and the layers that made it."""

    values: np.ndarray
    makers: tuple[str, ...] = ()


def _first_layers(model: Any, known: dict[int, _Known]) -> Iterator[tuple[Any, _Known]]:
    """Yield the first layers with weights on the ways from the inputs, each with what it reads.

    Layers without weights, such as one that joins inputs, are computed.
    """
    graph = getattr(model, "_functional", None) or model
    for operation in getattr(graph, "operations", ()):
        for node in operation._inbound_nodes:
            given = [known[id(tensor)] for tensor in node.input_tensors if id(tensor) in known]
            if not given or len(given) < len(node.input_tensors):
                continue
            if isinstance(operation, keras.Model):
                inner = getattr(operation, "inputs", None) or ()
                yield from _first_layers(operation, dict(zip(map(id, inner), given, strict=False)))
            elif getattr(operation, "weights", None):
                yield operation, given[0]
            else:
                values = {key: one.values for key, one in known.items()}
                arguments, options = node.arguments.fill_in(values)
                results = keras.tree.flatten(operation(*arguments, **options))
                makers = tuple(name for one in given for name in one.makers)
                if isinstance(operation, keras.layers.Layer):
                    makers += (operation.name,)
                for tensor, result in zip(node.outputs, results, strict=True):
                    array = np.asarray(keras.ops.convert_to_numpy(result))
                    known[id(tensor)] = _Known(array, makers)


def _error(layer: Any, values: np.ndarray, steps: int) -> float:
    """Return the error of a layer's product with its input over the product's own deviation."""
    deviation, rounding = _deviations(values), _rounding(values, steps)
    size = np.sqrt((values.reshape(-1, values.shape[-1]).astype(np.float64) ** 2).mean(axis=0))
    if isinstance(layer, _ELEMENTWISE):
        varying = deviation[deviation > 0.0]
        return float((rounding / varying).max()) if varying.size else 0.0
    worst = 0.0
    for kernel in _kernels(layer):
        rows = kernel.shape[0]
        if rows % len(deviation):
            continue
        times = rows // len(deviation)
        signal = (np.tile(deviation, times) ** 2) @ kernel**2
        steps_of_columns = 2.0 * np.abs(kernel).max(axis=0) / _STEPS / np.sqrt(12.0)
        noise = rounding**2 * (kernel**2).sum(axis=0)
        noise += (np.tile(size, times) ** 2).sum() * steps_of_columns**2
        if signal.sum() > 0.0:
            worst = max(worst, float(np.sqrt(noise.sum() / signal.sum())))
    return worst


def _deviations(values: np.ndarray) -> np.ndarray:
    return values.reshape(-1, values.shape[-1]).std(axis=0, dtype=np.float64)


def _rounding(values: np.ndarray, steps: int) -> float:
    """Return the deviation of an input's rounding error; its range of integers includes zero."""
    reach = max(float(values.max()), 0.0) - min(float(values.min()), 0.0)
    return reach / steps / float(np.sqrt(12.0))


def _kernels(layer: Any) -> Iterator[np.ndarray]:
    """Yield the matrices `(inputs, outputs)` that a layer multiplies its input by."""
    if isinstance(layer, keras.layers.RNN) or hasattr(layer, "export_step"):
        step = recurrent_step(layer)
        if step is not None:
            first, *rest = (np.asarray(matrix, np.float64) for matrix in step.kernel)
            for factor in rest:
                first = first @ factor
            yield first
    elif isinstance(layer, keras.layers.Wrapper | keras.layers.Bidirectional):
        for inner in layer._flatten_layers(include_self=False, recursive=False):
            yield from _kernels(inner)
    elif getattr(layer, "kernel", None) is not None:
        kernel = np.asarray(keras.ops.convert_to_numpy(layer.kernel), np.float64)
        yield kernel.reshape(-1, kernel.shape[-1])


def _reason(values: np.ndarray) -> str:
    reach = np.abs(values.reshape(-1, values.shape[-1])).max(axis=0)
    large = int(reach.argmax())
    small = int(np.where(reach > 0.0, reach, np.inf).argmin())
    return (
        f"its features have different units: number {large} reaches {reach[large]:.3g}, "
        f"number {small} {reach[small]:.3g}"
    )
