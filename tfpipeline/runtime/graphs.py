"""A graph of a loaded model, ready to be fed: the main one, or one behind a signature."""

from __future__ import annotations

from typing import Any

import numpy as np


class MainGraph:
    """The graph that an interpreter runs by default."""

    def __init__(self, interpreter: Any) -> None:
        interpreter.allocate_tensors()
        self._interpreter = interpreter
        self.inputs = {d["name"]: d for d in interpreter.get_input_details()}
        self.outputs = {d["name"]: d for d in interpreter.get_output_details()}
        self.invoke = interpreter.invoke

    def set(self, name: str, value: np.ndarray) -> None:
        """Write an input."""
        self._interpreter.set_tensor(self.inputs[name]["index"], value)

    def get(self, name: str) -> np.ndarray:
        """Read an output."""
        value: np.ndarray = self._interpreter.get_tensor(self.outputs[name]["index"])
        return value


class SignatureGraph:
    """The graph of a signature; inputs that were never set are zeros.

    Signature runners, which all runtimes have, take all inputs at once: they wait here.
    """

    def __init__(self, interpreter: Any, key: str) -> None:
        self._runner = interpreter.get_signature_runner(key)
        self.inputs: dict[str, Any] = self._runner.get_input_details()
        self.outputs: dict[str, Any] = self._runner.get_output_details()
        self._values = {
            name: np.zeros(details["shape"], details["dtype"])
            for name, details in self.inputs.items()
        }
        self._results: dict[str, np.ndarray] = {}

    def set(self, name: str, value: np.ndarray) -> None:
        """Write an input."""
        self._values[name] = value

    def invoke(self) -> None:
        """Run the graph."""
        self._results = self._runner(**self._values)

    def get(self, name: str) -> np.ndarray:
        """Read an output."""
        return self._results[name]
