"""Inputs and outputs of a model, by name, and samples checked against them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfpipeline.export.errors import ExportError
from tfpipeline.export.samples.positions import spread_positions

Samples = dict[str, np.ndarray]
"""Model inputs by name, each `(samples, ...)`."""

_TIME_AXIS = 1


@dataclass(frozen=True)
class TensorSpec:
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
    """Inputs and outputs of a Keras model.

    Args:
        inputs: In the order in which the model takes them.
        outputs: In the order in which it gives them.
        structure: The nested lists and dicts in which the model is called with its inputs.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    structure: Any

    @property
    def timed_outputs(self) -> frozenset[str]:
        """The outputs with a time axis."""
        return frozenset(spec.name for spec in self.outputs if spec.has_time)

    def shapes(self, samples: Samples, frames: int | None) -> list[tuple[int, ...]]:
        """Each input's shape at batch 1: as the samples', with the time axis cut to `frames`."""
        shapes = []
        for spec in self.inputs:
            shape = list(samples[spec.name].shape[1:])
            if frames is not None and spec.has_time:
                shape[0] = frames
            shapes.append((1, *shape))
        return shapes

    def frames(self, samples: Samples) -> int | None:
        """Time steps of the samples, None for a model without a free time axis."""
        return next(
            (samples[p.name].shape[_TIME_AXIS] for p in self.inputs if p.has_time),
            None,
        )

    def check(self, argument: str, samples: Any, limit: int | None = None) -> Samples:
        """Check model inputs and return them by name, float32 or int32.

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
            spec.name: _check(argument, spec, array, limit)
            for spec, array in zip(self.inputs, arrays, strict=True)
        }
        if len(set(lengths)) > 1:
            raise ExportError(
                f"{argument} has {lengths} samples for the model's inputs: expected the same "
                "number for each"
            )
        return checked

    def count(self, samples: Any) -> int:
        """Return how many samples `check` finds where it has no limit."""
        return len(self._arrays("samples", samples)[0])

    def _arrays(self, argument: str, samples: Any) -> list[Any]:
        if isinstance(samples, Mapping):
            unknown = samples.keys() ^ {spec.name for spec in self.inputs}
            if unknown:
                raise ExportError(
                    f"{argument} has keys {sorted(samples)}, expected "
                    f"{[spec.name for spec in self.inputs]}, the names of the model's inputs"
                )
            return [samples[spec.name] for spec in self.inputs]
        if isinstance(samples, list | tuple) and len(self.inputs) > 1:
            return list(samples)
        return [samples]


def _check(argument: str, spec: TensorSpec, samples: Any, limit: int | None) -> np.ndarray:
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
    axes = [free.get(i, "size") if n is None else str(n) for i, n in enumerate(spec.shape)]
    fits = values.ndim == len(spec.shape) + 1 and all(
        size == wanted or (wanted is None and size)
        for size, wanted in zip(values.shape[1:], spec.shape, strict=True)
    )
    if not fits or not len(values):
        raise ExportError(
            f"{argument} must have the shape (samples, {', '.join(axes)}) with at least one "
            f"sample, received {values.shape}: pass model inputs, for example x_train[:200]"
        )
    if np.issubdtype(np.dtype(spec.dtype), np.integer):
        integers = values.astype(np.int32)
        if (integers != values).any():
            raise ExportError(
                f"{argument} must hold integers of 32 bits for input {spec.name!r}, received "
                f"values from {values.min()} to {values.max()}: pass them as the model takes them"
            )
        return integers
    values = values.astype(np.float32)
    if not np.isfinite(values).all():
        raise ExportError(f"{argument} contains NaN or infinity: remove those samples")
    return values
