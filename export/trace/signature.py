"""Reads what a model takes and returns: names, shapes and types of its inputs and outputs.

Names are those that the user gave. Keras makes up a name for what has none ("keras_tensor_3",
"dense_12"), and it changes from run to run; a single such input is called "x", a single such output
"scores", several "x_0", "x_1" and "scores_0", "scores_1".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from tfpipeline.export.errors import ExportError, reason_of
from tfpipeline.export.samples.signature import ModelSignature, TensorSpec
from tfpipeline.export.trace.model_state import state_kept


def signature_of(model: keras.Model, example: Any) -> ModelSignature:
    """Read a Sequential or functional model; a subclassed one from an example of its input."""
    if getattr(model, "inputs", None):
        return _of_functional(model)
    return _of_subclassed(model, example)


def fixed_frames(model: keras.Model) -> int | None:
    """Return the time steps of a model that takes sequences of one length only."""
    shapes = [tensor.shape for tensor in getattr(model, "inputs", None) or []]
    fixed: int | None = shapes[0][1] if len(shapes) == 1 and len(shapes[0]) == 3 else None
    return fixed


def _of_functional(model: keras.Model) -> ModelSignature:
    struct = getattr(model, "_inputs_struct", None)
    if struct is None:  # Sequential keeps its functional twin inside
        struct = model.inputs[0] if len(model.inputs) == 1 else list(model.inputs)
    given = _keys(struct) or [tensor.name for tensor in model.inputs]
    names = _names(given, "x", _is_input_name)
    inputs = tuple(
        TensorSpec(name, tuple(tensor.shape[1:]), _spec_dtype(name, tensor.dtype))
        for name, tensor in zip(names, model.inputs, strict=True)
    )
    made_up = _made_up_names(model)
    found = _keys(getattr(model, "_outputs_struct", None)) or list(
        getattr(model, "output_names", None) or [model.layers[-1].name]
    )
    if len(found) != len(model.outputs):
        found = [""] * len(model.outputs)
    outputs = tuple(
        TensorSpec(name, tuple(tensor.shape[1:]), str(tensor.dtype))
        for name, tensor in zip(
            _names(found, "scores", lambda name: not name or name in made_up),
            model.outputs,
            strict=True,
        )
    )
    return ModelSignature(inputs, outputs, struct)


def _of_subclassed(model: keras.Model, example: Any) -> ModelSignature:
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
        TensorSpec(
            name,
            (None, *value.shape[2:]) if longer and value.ndim == 3 else value.shape[1:],
            _spec_dtype(name, value.dtype.name if value.dtype != np.float64 else "float32"),
        )
        for name, value in flat.items()
    )
    names = list(result) if isinstance(result, dict) else [""] * len(leaves)
    outputs = tuple(
        TensorSpec(
            name, _free_where(leaf.shape, other), keras.backend.standardize_dtype(leaf.dtype)
        )
        for name, leaf, other in zip(
            _names(names, "scores", lambda n: not n),
            leaves,
            longer or [tuple(leaf.shape) for leaf in leaves],
            strict=True,
        )
    )
    return ModelSignature(inputs, outputs, structure)


def _keys(struct: Any) -> list[str]:
    """Return the keys of a dict of tensors, in the order in which Keras flattens it."""
    return sorted(struct) if isinstance(struct, dict) else []


def _flat(example: Any) -> dict[str, np.ndarray]:
    if isinstance(example, Mapping):
        return {name: np.asarray(value) for name, value in example.items()}
    values = list(example) if isinstance(example, list | tuple) else [example]
    names = _names([""] * len(values), "x", lambda name: not name)
    return {name: np.asarray(value) for name, value in zip(names, values, strict=True)}


def _spec_dtype(name: str, dtype: str) -> str:
    """Return the type of an input in the files, which Keras converts to what the model wants."""
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
    """Return a shape without its batch axis, with None where `other` has another size."""
    pairs = zip(shape[1:], other[1:], strict=True)
    return tuple(size if size == twin else None for size, twin in pairs)


def _names(found: Sequence[str], stem: str, made_up: Any) -> list[str]:
    if len(found) == 1:
        return [stem if made_up(found[0]) else found[0]]
    return [f"{stem}_{i}" if made_up(name) else name for i, name in enumerate(found)]


def _is_input_name(name: str) -> bool:
    return re.fullmatch(r"(keras_tensor|input_layer|input)(_\d+)?", name) is not None


def _made_up_names(model: keras.Model) -> set[str]:
    """Return the names of layers that Keras chose from their class."""
    made_up = set()
    for layer in model._flatten_layers(include_self=False):
        own = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", type(layer).__name__)
        if re.fullmatch(rf"{re.escape(own.lower())}(_\d+)?", layer.name):
            made_up.add(layer.name)
    return made_up
