"""What a model takes and returns: names, shapes and types of its inputs and outputs.

Names are those that the user gave. Keras makes up a name for what has none ("keras_tensor_3",
"dense_12"), and it changes from run to run; a single such input is called "x", a single such output
"scores", several "x_0", "x_1" and "scores_0", "scores_1".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from tfpipeline.export.errors import ExportError, reason_of
from tfpipeline.export.samples.positions import spread_positions
from tfpipeline.export.trace.model_state import state_kept

Samples = dict[str, np.ndarray]
"""Model inputs by name, each `(samples, ...)`."""

_TIME_AXIS = 1
_PREDICT_BATCH = 256


@dataclass(frozen=True)
class Port:
    """An input or output.

    Args:
        name: The name in the exported file.
        shape: Without the batch axis; None where the size is free.
        dtype: NumPy name of its type.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str

    @property
    def has_time(self) -> bool:
        """Whether its first axis is free, as that of a sequence is."""
        return bool(self.shape) and self.shape[0] is None


@dataclass(frozen=True)
class ModelSignature:
    """Inputs and outputs of a Keras model."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    structure: Any

    @classmethod
    def of(cls, model: keras.Model, example: Any) -> ModelSignature:
        """Reads a Sequential or functional model; a subclassed one from an example of its input."""
        if getattr(model, "inputs", None):
            return cls._of_functional(model)
        return cls._of_subclassed(model, example)

    @classmethod
    def _of_functional(cls, model: keras.Model) -> ModelSignature:
        struct = getattr(model, "_inputs_struct", None)
        if struct is None:  # Sequential keeps its functional twin inside
            struct = model.inputs[0] if len(model.inputs) == 1 else list(model.inputs)
        given = _keys(struct) or [tensor.name for tensor in model.inputs]
        names = _names(given, "x", _is_input_name)
        inputs = tuple(
            Port(name, tuple(tensor.shape[1:]), _port_dtype(name, tensor.dtype))
            for name, tensor in zip(names, model.inputs, strict=True)
        )
        made_up = _made_up_names(model)
        found = _keys(getattr(model, "_outputs_struct", None)) or list(
            getattr(model, "output_names", None) or [model.layers[-1].name]
        )
        if len(found) != len(model.outputs):
            found = [""] * len(model.outputs)
        outputs = tuple(
            Port(name, tuple(tensor.shape[1:]), str(tensor.dtype))
            for name, tensor in zip(
                _names(found, "scores", lambda name: not name or name in made_up),
                model.outputs,
                strict=True,
            )
        )
        return cls(inputs, outputs, struct)

    @classmethod
    def _of_subclassed(cls, model: keras.Model, example: Any) -> ModelSignature:
        if example is None:
            raise ExportError(
                "model is a subclassed keras.Model without Input: expected calibration or "
                "verification data, from which its inputs can be read"
            )
        flat = _flat(example)
        structure: Any = dict(flat) if isinstance(example, Mapping) else list(flat.values())
        if not isinstance(example, Mapping) and len(flat) == 1:
            structure = next(iter(flat.values()))

        def call(values: Mapping[str, np.ndarray]) -> Any:
            tensors = [keras.ops.convert_to_tensor(v) for v in values.values()]
            return model(keras.tree.pack_sequence_as(structure, tensors))

        one = {name: value[:1] for name, value in flat.items()}
        try:
            with state_kept(model):
                result = call(one)
        except Exception as error:
            # Whatever a user's `call` raises.
            shapes = ", ".join(str(value.shape) for value in one.values())
            raise ExportError(
                f"the model cannot be called with a sample of shape {shapes}: {reason_of(error)}"
            ) from error
        leaves = keras.tree.flatten(result)
        with state_kept(model):
            longer = _longer_outputs(call, one)
        inputs = tuple(
            Port(
                name,
                (None, *value.shape[2:]) if longer and value.ndim == 3 else value.shape[1:],
                _port_dtype(name, value.dtype.name if value.dtype != np.float64 else "float32"),
            )
            for name, value in flat.items()
        )
        names = list(result) if isinstance(result, dict) else [""] * len(leaves)
        outputs = tuple(
            Port(name, _free_where(leaf.shape, other), keras.backend.standardize_dtype(leaf.dtype))
            for name, leaf, other in zip(
                _names(names, "scores", lambda n: not n),
                leaves,
                longer or [tuple(leaf.shape) for leaf in leaves],
                strict=True,
            )
        )
        return cls(inputs, outputs, structure)

    @property
    def timed_outputs(self) -> frozenset[str]:
        """The outputs with a time axis."""
        return frozenset(port.name for port in self.outputs if port.has_time)

    def pack(self, values: Sequence[Any]) -> Any:
        """The inputs, in order, in the structure that the model is called with."""
        return keras.tree.pack_sequence_as(self.structure, list(values))

    def shapes(self, samples: Samples, frames: int | None) -> list[tuple[int, ...]]:
        """Each input's shape at batch 1: as the samples', with the time axis cut to `frames`."""
        shapes = []
        for port in self.inputs:
            shape = list(samples[port.name].shape[1:])
            if frames is not None and port.has_time:
                shape[0] = frames
            shapes.append((1, *shape))
        return shapes

    def frames(self, samples: Samples) -> int | None:
        """Time steps of the samples, None for a model without a free time axis."""
        return next(
            (samples[p.name].shape[_TIME_AXIS] for p in self.inputs if p.has_time),
            None,
        )

    def predict(self, model: keras.Model, samples: Samples) -> Samples:
        """Keras' outputs by name, float32 or, of decisions, booleans.

        The model is afterwards as it was, states of stateful layers included.
        """
        with state_kept(model):
            parts = self._predict(model, samples)
        return {
            port.name: np.concatenate([_real(part[i]) for part in parts])
            for i, port in enumerate(self.outputs)
        }

    def _predict(self, model: keras.Model, samples: Samples) -> list[list[Any]]:
        count = len(next(iter(samples.values())))
        stateful = any(getattr(layer, "stateful", False) for layer in _layers(model))
        # A stateful model carries what one sample left into the next, and its batch size is fixed.
        size = 1 if stateful else count
        copies = (self._fixed_batch(model) or 1) if stateful else 1
        if any(isinstance(layer, keras.layers.TimeDistributed) for layer in _layers(model)):
            # At its second length Keras 3.15 makes a graph for all, which fails in this layer.
            model.make_predict_function(force=True)
        parts = []
        for start in range(0, count, size):
            some = [samples[port.name][start : start + size] for port in self.inputs]
            packed = self.pack([np.repeat(values, copies, axis=0) for values in some])
            if stateful:
                _reset_states(model)
            batch = copies if stateful else min(size, _PREDICT_BATCH)
            found = model.predict(packed, verbose=0, batch_size=batch)
            parts.append([leaf[:size] for leaf in keras.tree.flatten(found)])
        return parts

    @staticmethod
    def _fixed_batch(model: keras.Model) -> int | None:
        inputs = getattr(model, "inputs", None)
        size: int | None = inputs[0].shape[0] if inputs else None
        return size

    def check(self, argument: str, samples: Any, limit: int | None = None) -> Samples:
        """Checks model inputs and returns them by name, float32 or int32.

        Args:
            argument: What the user calls them, for messages.
            samples: An array for a single input, or a dict or list of arrays.
            limit: Take no more than this many, at even distances.
        """
        arrays = self._arrays(argument, samples)
        if len(arrays) != len(self.inputs):
            raise ExportError(
                f"{argument} has {len(arrays)} arrays, expected {len(self.inputs)}, one for each "
                "input of the model"
            )
        lengths = [len(array) if getattr(array, "ndim", 1) else 0 for array in arrays]
        checked = {
            port.name: _check(argument, port, array, limit)
            for port, array in zip(self.inputs, arrays, strict=True)
        }
        if len(set(lengths)) > 1:
            raise ExportError(
                f"{argument} has {lengths} samples for the model's inputs: expected the same "
                "number for each"
            )
        return checked

    def count(self, samples: Any) -> int:
        """How many samples `check` finds where it has no limit."""
        return len(self._arrays("samples", samples)[0])

    def _arrays(self, argument: str, samples: Any) -> list[Any]:
        if isinstance(samples, Mapping):
            unknown = samples.keys() ^ {port.name for port in self.inputs}
            if unknown:
                raise ExportError(
                    f"{argument} has keys {sorted(samples)}, expected "
                    f"{[port.name for port in self.inputs]}, the names of the model's inputs"
                )
            return [samples[port.name] for port in self.inputs]
        if isinstance(samples, list | tuple) and len(self.inputs) > 1:
            return list(samples)
        return [samples]


def _check(argument: str, port: Port, samples: Any, limit: int | None) -> np.ndarray:
    try:
        values = np.asarray(samples)
    except ValueError:
        raise ExportError(
            f"{argument} has arrays of several shapes for one input: expected one array "
            "(samples, ...); leave labels out"
        ) from None
    if values.dtype.kind not in "biuf" and values.dtype.name != "bfloat16":
        raise ExportError(f"{argument} must hold numbers, received values of type {values.dtype}")
    if values.ndim and limit is not None and len(values) > limit:
        values = values[list(spread_positions(len(values), limit))]
    free = {0: "time"}
    axes = [free.get(i, "size") if n is None else str(n) for i, n in enumerate(port.shape)]
    fits = values.ndim == len(port.shape) + 1 and all(
        size == wanted or (wanted is None and size)
        for size, wanted in zip(values.shape[1:], port.shape, strict=True)
    )
    if not fits or not len(values):
        raise ExportError(
            f"{argument} must have the shape (samples, {', '.join(axes)}) with at least one "
            f"sample, received {values.shape}: pass model inputs, for example x_train[:200]"
        )
    if np.issubdtype(np.dtype(port.dtype), np.integer):
        integers = values.astype(np.int32)
        if (integers != values).any():
            raise ExportError(
                f"{argument} must hold integers of 32 bits for input {port.name!r}, received "
                f"values from {values.min()} to {values.max()}: pass them as the model takes them"
            )
        return integers
    values = values.astype(np.float32)
    if not np.isfinite(values).all():
        raise ExportError(f"{argument} contains NaN or infinity: remove those samples")
    return values


def _real(leaf: Any) -> np.ndarray:
    values = np.asarray(leaf)
    return values if values.dtype.kind == "b" else values.astype(np.float32)


def _keys(struct: Any) -> list[str]:
    """The keys of a dict of tensors, in the order in which Keras flattens it."""
    return sorted(struct) if isinstance(struct, dict) else []


def _flat(example: Any) -> dict[str, np.ndarray]:
    if isinstance(example, Mapping):
        return {name: np.asarray(value) for name, value in example.items()}
    values = list(example) if isinstance(example, list | tuple) else [example]
    names = _names([""] * len(values), "x", lambda name: not name)
    return {name: np.asarray(value) for name, value in zip(names, values, strict=True)}


def _layers(model: keras.Model) -> list[Any]:
    return list(model._flatten_layers(include_self=False))


def _reset_states(model: keras.Model) -> None:
    for layer in _layers(model):
        if getattr(layer, "stateful", False):
            layer.reset_state()


def _port_dtype(name: str, dtype: str) -> str:
    """The type of an input in the files: Keras converts it to the one that the model wants."""
    try:
        kind = np.dtype(dtype if dtype != "bfloat16" else "float32")
    except TypeError:  # "string"
        kind = np.dtype(str)
    if kind == np.float64 or kind.kind not in "fiu":
        raise ExportError(
            f"input {name!r} has dtype {dtype}, expected float32 or an integer type: build the "
            "model with it"
        )
    return "float32" if kind.kind == "f" else "int32"


def _longer_outputs(
    call: Callable[[Mapping[str, np.ndarray]], Any], inputs: Mapping[str, np.ndarray]
) -> list[tuple[int, ...]] | None:
    """Shapes of a subclassed model's outputs for sequences twice as long; None if it takes none.

    Only calling it shows whether the length is free, and which outputs have a time axis.
    """
    if not any(value.ndim == 3 for value in inputs.values()):
        return None
    try:
        result = call(
            {
                name: np.concatenate([value, value], axis=1) if value.ndim == 3 else value
                for name, value in inputs.items()
            }
        )
    except Exception:
        # Whatever a user's `call` raises: it wants the length of the example.
        return None
    return [tuple(leaf.shape) for leaf in keras.tree.flatten(result)]


def _free_where(shape: Sequence[int], other: Sequence[int]) -> tuple[int | None, ...]:
    """A shape without its batch axis, with None where `other` has another size."""
    pairs = zip(shape[1:], other[1:], strict=True)
    return tuple(size if size == twin else None for size, twin in pairs)


def _names(found: Sequence[str], stem: str, made_up: Any) -> list[str]:
    if len(found) == 1:
        return [stem if made_up(found[0]) else found[0]]
    return [f"{stem}_{i}" if made_up(name) else name for i, name in enumerate(found)]


def _is_input_name(name: str) -> bool:
    return re.fullmatch(r"(keras_tensor|input_layer|input)(_\d+)?", name) is not None


def _made_up_names(model: keras.Model) -> set[str]:
    """Names of layers that Keras chose from their class."""
    made_up = set()
    for layer in model._flatten_layers(include_self=False):
        own = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", type(layer).__name__)
        if re.fullmatch(rf"{re.escape(own.lower())}(_\d+)?", layer.name):
            made_up.add(layer.name)
    return made_up
