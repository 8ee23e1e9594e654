"""One `.tflite` file of anybody, ready to be invoked: inputs filled, tensors allocated."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.runtime.backends import Backend
from tfpipeline.runtime.errors import ModelFileError
from tfpipeline.runtime.model_card import CARD_METADATA, read_card
from tfpipeline.runtime.tflite_file import TFLiteFile

_OUR_OPS = "tfpipeline."


class FileRunner:
    """A model in a plain interpreter on one thread, with our plug-in where it has ops of ours.

    Real inputs are noise and integers with a scale any of their values, because the time of a
    model does not depend on what it hears. Other integers are zero, an index that every table has;
    a length is the longest, and states are those of a start. A size that the file leaves open is 1.

    Args:
        path: The file, with or without a model card.
        backend: The runtime.
        delegate: Our plug-in, for a file that `needs_plug_in`.
        seed: Of the noise.

    Attributes:
        unit: What a call takes: "utterance" or "frame" by the model card, else "call".
        note: Which sizes were left open; empty for none.

    Raises:
        ModelFileError: the file is missing, damaged, or nothing that the runtime runs.
    """

    def __init__(self, path: Path, backend: Backend, delegate: Any = None, seed: int = 0) -> None:
        card = _card(path)
        # Kept as an attribute: the delegate must outlive the interpreter.
        self._delegates = [] if delegate is None else [delegate]
        try:
            self._interpreter = backend.interpreter(
                str(path), num_threads=1, experimental_delegates=self._delegates or None
            )
            self._interpreter.allocate_tensors()
            inputs = self._interpreter.get_input_details()
            rng = np.random.default_rng(seed)
            for details in inputs:
                self._interpreter.set_tensor(details["index"], _value(details, card, rng))
            self._interpreter.invoke()
        except (ValueError, RuntimeError, TypeError) as error:
            raise ModelFileError(f"{path} cannot be run: {' '.join(str(error).split())}") from error
        self.invoke = self._interpreter.invoke
        self.unit = _unit(card)
        self.note = _open_sizes(inputs)

    def outputs(self) -> list[tuple[str, np.ndarray]]:
        """Return name and value of each output of the last call."""
        return [
            (str(details["name"]), np.array(self._interpreter.get_tensor(details["index"])))
            for details in self._interpreter.get_output_details()
        ]


def needs_plug_in(path: Path) -> bool:
    """Return whether the file calls ops of ours.

    Raises:
        ModelFileError: it is missing, damaged, or no `.tflite` file.
    """
    return any(name.startswith(_OUR_OPS) for name in TFLiteFile(path).custom_ops())


def _card(path: Path) -> Mapping[str, Any]:
    """Return the model card; empty for a file that somebody else wrote."""
    file = TFLiteFile(path)
    return {} if file.metadata(CARD_METADATA) is None else read_card(file)


def _value(
    details: Mapping[str, Any], card: Mapping[str, Any], rng: np.random.Generator
) -> np.ndarray:
    name, shape, dtype = details["name"], tuple(details["shape"]), np.dtype(details["dtype"])
    for state in card.get("states", ()):
        if state.get("input") == name:
            return np.full(shape, state.get("zero_point", 0), dtype)
    length = card.get("length") or {}
    if length.get("input") == name:
        return np.full(shape, length["max"], dtype)
    if dtype.kind == "f":
        return rng.normal(size=shape).astype(dtype)
    scale, _ = details["quantization"]
    if dtype.kind in "iu" and scale:
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    return np.zeros(shape, dtype)


def _unit(card: Mapping[str, Any]) -> str:
    if not card:
        return "call"
    if not card["streaming"]:
        return "utterance"
    chunk = card.get("chunk") or 1
    return "frame" if chunk == 1 else f"{chunk} frames"


def _open_sizes(inputs: list[dict[str, Any]]) -> str:
    """Name inputs with another open size than that of their first axis, which is the batch."""
    found = [
        f"{details['name']} {tuple(int(size) for size in details['shape'])}"
        for details in inputs
        if any(size == -1 for size in details.get("shape_signature", ())[1:])
    ]
    return f"sizes left open by the file were taken as 1: {', '.join(found)}" if found else ""
