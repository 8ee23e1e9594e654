"""Files of a FastRNN or FastGRNN in the paper's integers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.array_file import ArrayFileError, read_array_file
from tfpipeline.compress.compression_error import CompressionError
from tfpipeline.microcontroller.weights_of_step import Classifier, weights_of_step
from tfpipeline.numerics.byte_cells import SCALARS, ByteWeights, CellWeights, quantize_bytes

_VERSION = 1
_SUFFIX = ".npz"


def save_bytes(weights: Any, path: str | Path, classifier: Any = None) -> ByteWeights:
    """Write a trained cell as an `.npz` of the integers that EdgeML's script makes.

    The arrays are `kernel_0`, `kernel_1` (of a factored one), `recurrent_kernel_0`,
    `recurrent_kernel_1`, `bias`, `classifier` and `classifier_bias` in int8, `scale` and the
    scalars (`alpha` and `beta`, or `zeta` and `nu`) in int32, `classifier_scale` in float64, and
    the name of the `cell`. An existing file is replaced when the new one is complete.

    Args:
        weights: a `FastRNN` or `FastGRNN` layer that is built, with piecewise-linear functions;
            `CellWeights`, or `ByteWeights` that are quantized already.
        path: where to; it ends with `.npz`.
        classifier: of a layer: the `Dense` behind it, or None.

    Returns:
        What was written.

    Raises:
        ValueError: the weights have no scale, see `quantize_bytes`; or the layer or the classifier
            has no integer form.
        CompressionError: the file cannot be written there.
    """
    path = Path(path)
    if path.suffix != _SUFFIX:
        raise CompressionError(f"{path} must end with {_SUFFIX}, which is what is written")
    if not isinstance(weights, CellWeights | ByteWeights):
        weights = _trained(weights, classifier)
    elif classifier is not None:
        raise ValueError(
            "`classifier` belongs to a layer; `CellWeights` and `ByteWeights` have their own"
        )
    stored = weights if isinstance(weights, ByteWeights) else quantize_bytes(weights)
    partial = path.with_name(f".partial-{path.name}")
    try:
        with partial.open("wb") as file:
            arrays: dict[str, Any] = dict(_arrays(stored))
            np.savez(file, **arrays)
        os.replace(partial, path)
    except OSError as error:
        raise CompressionError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return stored


def load_bytes(path: str | Path) -> ByteWeights:
    """Read what `save_bytes` wrote.

    Raises:
        CompressionError: the file is missing, damaged, or holds something else.
    """
    path = Path(path)
    if path.suffix != _SUFFIX or not path.is_file():
        raise CompressionError(f"{path} is no {_SUFFIX} file; give one that save_bytes wrote")
    try:
        found = read_array_file(path)
        if not isinstance(found, Mapping):
            raise ValueError("a single array")
        return _weights(found)
    except (ArrayFileError, KeyError, TypeError, ValueError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise CompressionError(
            f"{path} does not hold a cell in bytes ({reason}); write it with save_bytes"
        ) from error


def _trained(layer: Any, classifier: Any) -> CellWeights:
    """Return the trained numbers of a Keras layer and of the Dense layer behind it."""
    if not hasattr(layer, "export_step"):
        raise ValueError(
            "`weights` must be a FastRNN or FastGRNN layer, CellWeights or ByteWeights, received "
            f"{type(layer).__name__}"
        )
    step = layer.export_step()
    if step.projection is not None:
        raise ValueError(f"layer {layer.name!r} projects its output, which has no integer form")
    return weights_of_step(step, None if classifier is None else _dense(classifier, step.units))


def _dense(layer: Any, units: int) -> Classifier:
    import keras

    kernel = getattr(layer, "kernel", None)
    shape = None if kernel is None else tuple(kernel.shape)
    if shape is None or len(shape) != 2 or shape[0] != units:
        raise ValueError(
            f"`classifier` must be a built Dense layer of {units} inputs, received "
            f"{type(layer).__name__} with a kernel of shape {shape}"
        )
    values = keras.ops.convert_to_numpy(kernel)
    if layer.bias is None:
        return Classifier(values, np.zeros(shape[1], np.float32))
    return Classifier(values, keras.ops.convert_to_numpy(layer.bias))


def _arrays(weights: ByteWeights) -> dict[str, np.ndarray]:
    arrays = {f"kernel_{i}": w for i, w in enumerate(weights.kernel)}
    arrays |= {f"recurrent_kernel_{i}": u for i, u in enumerate(weights.recurrent_kernel)}
    arrays["bias"] = weights.bias
    for name in ("classifier", "classifier_bias"):
        array = getattr(weights, name)
        if array is not None:
            arrays[name] = array
    numbers = {"version": _VERSION, "scale": weights.scale, **weights.scalars}
    arrays |= {name: np.array(value, np.int32) for name, value in numbers.items()}
    arrays["classifier_scale"] = np.array(weights.classifier_scale, np.float64)
    return arrays | {"cell": np.array(weights.cell)}


def _weights(arrays: Mapping[str, np.ndarray]) -> ByteWeights:
    version = int(arrays["version"])
    if version != _VERSION:
        raise ValueError(f"version {version} of the format, this one reads {_VERSION}")
    cell = str(arrays["cell"])
    if cell not in SCALARS:
        raise ValueError(f"the cell {cell[:40]!r}, known are {list(SCALARS)}")

    def matrices(name: str) -> tuple[np.ndarray, ...]:
        # A file with a second factor has the first one, or none of them.
        count = 2 if f"{name}_1" in arrays else 1
        return tuple(arrays[f"{name}_{i}"] for i in range(count))

    return ByteWeights(
        cell=cell,
        kernel=matrices("kernel"),
        recurrent_kernel=matrices("recurrent_kernel"),
        bias=arrays["bias"],
        scale=int(arrays["scale"]),
        scalars={name: int(arrays[name]) for name in SCALARS[cell]},
        classifier=arrays.get("classifier"),
        classifier_bias=arrays.get("classifier_bias"),
        classifier_scale=float(arrays["classifier_scale"]),
    )
