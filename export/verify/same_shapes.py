"""Whether a file takes and gives what the model does, axis by axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.export.errors import VerificationError
from tfpipeline.export.samples.signature import ModelSignature, Samples, TensorSpec

_ANOTHER = "is it the model that was exported?"


def check_interface(path: Path, card: Mapping[str, Any], signature: ModelSignature) -> None:
    """Compare the model card of a file with a model's inputs and outputs.

    Raises:
        VerificationError: they have other names, numbers of axes, sizes or types. Only the size of
            a free axis may be any.
    """
    for what, specs in (("inputs", signature.inputs), ("outputs", signature.outputs)):
        entries = {entry["name"]: entry for entry in card[what]}
        names = [spec.name for spec in specs]
        if sorted(entries) != sorted(names):
            raise VerificationError(
                f"{path} has the {what} {sorted(entries)}, the model {sorted(names)}: {_ANOTHER}"
            )
        for spec in specs:
            _check_spec(path, what[:-1], entries[spec.name], spec)


def check_outputs(path: Path, card: Mapping[str, Any], found: Samples, expected: Samples) -> None:
    """Compare what a file gives for one sample with what Keras gives.

    A stream may be shorter along the time axis, by less than a chunk; nothing else may differ.

    Raises:
        VerificationError: something does.
    """
    for entry in card["outputs"]:
        name = entry["name"]
        ours, theirs = found[name].shape, expected[name].shape
        if ours == theirs:
            continue
        chunk = (card.get("chunk") or 1) if card["streaming"] and entry["time_axis"] else 1
        alike = len(ours) == len(theirs) and ours[1:] == theirs[1:]
        if alike and chunk > 1 and 0 < theirs[0] - ours[0] < chunk:
            continue
        raise VerificationError(
            f"{path} gives output {name!r} the shape {ours} for a sample, the model {theirs}: "
            f"{_ANOTHER}"
        )


def _check_spec(path: Path, what: str, entry: Mapping[str, Any], spec: TensorSpec) -> None:
    sizes: Sequence[int] = entry["shape"][1:]
    fits = len(sizes) == len(spec.shape) and all(
        wanted is None or size == wanted or (i == 0 and entry["time_axis"])
        for i, (size, wanted) in enumerate(zip(sizes, spec.shape, strict=True))
    )
    if not fits:
        # The first size of a stream is that of a call.
        free = ["any" if size is None else str(size) for size in spec.shape]
        raise VerificationError(
            f"{path} has the {what} {spec.name!r} of shape {_shape(sizes)} for a sample, the model "
            f"{_shape(free)}: {_ANOTHER}"
        )
    if _kind(entry["dtype"], entry.get("scale")) != _kind(spec.dtype, None):
        raise VerificationError(
            f"{path} has the {what} {spec.name!r} of type {entry['dtype']}, the model of type "
            f"{spec.dtype}: {_ANOTHER}"
        )


def _shape(sizes: Sequence[int | str]) -> str:
    return "(" + ", ".join(map(str, sizes)) + ")"


def _kind(dtype: str, scale: float | None) -> str:
    """Real numbers, integers or booleans: a quantized output has real numbers."""
    if scale or dtype in ("bfloat16", "float16", "float32", "float64"):
        return "f"
    kind = np.dtype(dtype).kind
    return "i" if kind == "u" else kind
