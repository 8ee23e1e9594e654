"""A loaded model: interpreter, plug-in and card. What `Interpreter` and `Streamer` share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.errors import TfpipelineError
from tfpipeline.runtime.backends import backend, load_delegate
from tfpipeline.runtime.errors import ModelFileError
from tfpipeline.runtime.model_card import read_card
from tfpipeline.runtime.tflite_file import TFLiteFile

_OUR_OPS = "tfpipeline."


class Session:
    """Loads a `.tflite` file that tfpipeline exported, with the plug-in where it needs it.

    Args:
        path: The model.
        num_threads: Threads of the interpreter.
        runtime: "litert", "tflite_runtime" or "tf"; None takes the first one installed.
        delegate_options: Options of the plug-in, for fused models.

    Raises:
        ModelFileError: the file is missing, damaged, or not ours.
        NativeLibraryError: the model is fused and the plug-in cannot be loaded.
    """

    def __init__(
        self,
        path: str | Path,
        num_threads: int = 1,
        runtime: str | None = None,
        delegate_options: Mapping[str, str | int | bool] | None = None,
    ) -> None:
        file = TFLiteFile(path)
        self.path = file.path
        self.card: dict[str, Any] = read_card(file)
        chosen = backend(runtime)
        self.runtime = f"{chosen.name} {chosen.version}"
        # Kept as an attribute: the delegate must outlive the interpreter.
        self._delegates = []
        if any(name.startswith(_OUR_OPS) for name in file.custom_ops()):
            try:
                self._delegates.append(load_delegate(chosen.name, **dict(delegate_options or {})))
            except TfpipelineError as error:
                raise type(error)(f"{self.path} needs the tfpipeline plug-in: {error}") from error
        try:
            self._interpreter = chosen.interpreter(
                str(self.path),
                num_threads=num_threads,
                experimental_delegates=self._delegates or None,
            )
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelFileError(f"{self.path} cannot be loaded: {error}") from error
        self._inputs = {d["name"]: d for d in self._interpreter.get_input_details()}
        self._outputs = {d["name"]: d for d in self._interpreter.get_output_details()}
        for kind, details in (("input", self._inputs), ("output", self._outputs)):
            for name in self._names(kind):
                if name not in details:
                    raise ModelFileError(
                        f"{self.path} has no {kind} {name!r}, which its card names: it was edited; "
                        "export the model again"
                    )
        self.invoke = self._interpreter.invoke

    def _names(self, kind: str) -> list[str]:
        return [entry["name"] for entry in self.card[f"{kind}s"]] + [
            state[kind] for state in self.card["states"]
        ]

    def input_shape(self, name: str) -> tuple[int, ...]:
        return tuple(int(size) for size in self._inputs[name]["shape"])

    def zeros(self, name: str) -> np.ndarray:
        """A zero value for an input; every state starts from it."""
        return np.zeros(self.input_shape(name), self._inputs[name]["dtype"])

    def set(self, name: str, value: np.ndarray) -> None:
        """Writes an input."""
        self._interpreter.set_tensor(self._inputs[name]["index"], value)

    def get(self, name: str) -> np.ndarray:
        """Reads an output."""
        value: np.ndarray = self._interpreter.get_tensor(self._outputs[name]["index"])
        return value

    def encode(self, x: np.ndarray) -> np.ndarray:
        """Float features in the type of the model's input: the card has the scale."""
        entry = self.card["inputs"][0]
        if entry["dtype"] == "float32":
            return x.astype(np.float32)
        levels = np.rint(x.astype(np.float32) / np.float32(entry["scale"])) + entry["zero_point"]
        return np.clip(levels, -128, 127).astype(np.int8)

    def decode(self, scores: np.ndarray) -> np.ndarray:
        """The model's output as float32."""
        entry = self.card["outputs"][0]
        if entry["dtype"] == "float32":
            return scores
        centred = scores.astype(np.float32) - np.float32(entry["zero_point"])
        return centred * np.float32(entry["scale"])
