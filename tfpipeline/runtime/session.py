"""A loaded model: interpreter, plug-in and card. What `Interpreter` and `Streamer` share."""

from __future__ import annotations

import os
from collections.abc import Mapping
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.errors import TfpipelineError
from tfpipeline.runtime.backends import backend, load_delegate
from tfpipeline.runtime.card_schema import CardError, check_tensors
from tfpipeline.runtime.errors import InputError, ModelFileError
from tfpipeline.runtime.graphs import MainGraph, SignatureGraph
from tfpipeline.runtime.model_card import STEP, read_card, step_card
from tfpipeline.runtime.tflite_file import TFLiteFile

_OUR_OPS = "tfpipeline."
_MOST_THREADS = 1024


class Session:
    """Loads a `.tflite` file that tfpipeline exported, with the plug-in where it needs it.

    Args:
        path: The model.
        num_threads: Threads of the interpreter.
        runtime: "litert", "tflite_runtime" or "tf"; None takes the first one installed.
        delegate_options: Options of the plug-in, for fused models.
        step: Take the streaming signature of a file that holds both.

    Raises:
        InputError: an argument is not what it should be.
        ModelFileError: the file is missing, damaged, or not ours.
        NativeLibraryError: the model is fused and the plug-in cannot be loaded.
    """

    def __init__(
        self,
        path: str | Path,
        num_threads: int = 1,
        runtime: str | None = None,
        delegate_options: Mapping[str, str | int | bool] | None = None,
        *,
        step: bool = False,
    ) -> None:
        _check_arguments(path, num_threads, delegate_options)
        file = TFLiteFile(path)
        self.path = file.path
        self.card: dict[str, Any] = read_card(file)
        apart = step_card(self.card) if step else None
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
                num_threads=int(num_threads),
                experimental_delegates=self._delegates or None,
            )
            self._graph: MainGraph | SignatureGraph
            if apart is None:
                self._graph = MainGraph(self._interpreter)
            else:
                self.card = apart
                self._graph = SignatureGraph(self._interpreter, STEP)
        except (ValueError, RuntimeError) as error:
            raise ModelFileError(f"{self.path} cannot be loaded: {error}") from error
        try:
            check_tensors(self.card, self._graph.inputs, self._graph.outputs)
        except CardError as error:
            raise ModelFileError(
                f"{self.path} {error}: it was edited; export the model again"
            ) from error

    def invoke(self) -> None:
        """Run the graph.

        Raises:
            InputError: the runtime refuses the values, such as an index beyond an embedding.
        """
        try:
            self._graph.invoke()
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{self.path} cannot run on this input: {reason}") from error

    @property
    def inputs(self) -> list[dict[str, Any]]:
        """What the model's card says of each input; states are apart."""
        found: list[dict[str, Any]] = self.card["inputs"]
        return found

    @property
    def outputs(self) -> list[dict[str, Any]]:
        """The same for each output."""
        found: list[dict[str, Any]] = self.card["outputs"]
        return found

    def by_name(self, argument: str, values: Any) -> dict[str, np.ndarray]:
        """Return the values of all inputs by name, from an array for a single one or a mapping."""
        names = [entry["name"] for entry in self.inputs]
        if not isinstance(values, Mapping):
            if len(names) > 1:
                raise InputError(
                    f"{argument} must be a dict with an array for each of {names}, received "
                    f"{type(values).__name__}"
                )
            values = {names[0]: values}
        if set(values) != set(names):
            given = sorted(map(str, values))
            raise InputError(f"{argument} must have the keys {names}, received {given}")
        try:
            return {name: np.asarray(values[name]) for name in names}
        except (ValueError, TypeError) as error:
            raise InputError(f"{argument} must hold arrays of numbers: {error}") from error

    def reset_states(self) -> None:
        """Set every state to zero again."""
        if any("variable" in state for state in self.card["states"]):
            self._interpreter.get_signature_runner("reset")()
            return
        for state in self.card["states"]:
            details = self._graph.inputs[state["input"]]
            zero = np.full(details["shape"], state.get("zero_point", 0), details["dtype"])
            self.set(state["input"], zero)

    def carry_states(self) -> None:
        """Feed the states that the last call put out to the next one."""
        for state in self.card["states"]:
            if "input" in state:
                self.set(state["input"], self.get(state["output"]))

    def states(self) -> dict[str, np.ndarray]:
        """Return the explicit states after the last call as real numbers, by name."""
        found = {}
        for state in self.card["states"]:
            if "input" in state:
                value = self.get(state["output"]).astype(np.float32)
                scale = state["scale"]
                centred = value - np.float32(state.get("zero_point", 0))
                found[state["output"]] = value if scale is None else centred * np.float32(scale)
        return found

    def set(self, name: str, value: np.ndarray) -> None:
        """Write an input."""
        self._graph.set(name, value)

    def get(self, name: str) -> np.ndarray:
        """Read an output."""
        return self._graph.get(name)

    def output(self, entry: Mapping[str, Any]) -> np.ndarray:
        """Return a model output, as float32 where it is a real number."""
        found = self.get(entry["name"])
        if entry["scale"] is None or entry["dtype"] == "float32":
            return found
        centred = found.astype(np.float32) - np.float32(entry["zero_point"])
        return centred * np.float32(entry["scale"])


def _check_arguments(path: Any, num_threads: Any, delegate_options: Any) -> None:
    """Blame an argument for what is wrong with it; the runtime would blame the file."""
    if not isinstance(path, str | os.PathLike):
        raise InputError(f"path must be the path of a .tflite file, received {path!r}")
    whole = isinstance(num_threads, Integral) and not isinstance(num_threads, bool)
    if not whole or not 1 <= num_threads <= _MOST_THREADS:
        raise InputError(
            f"num_threads must be a whole number from 1 to {_MOST_THREADS}, received "
            f"{num_threads!r}"
        )
    if delegate_options is not None and not isinstance(delegate_options, Mapping):
        raise InputError(
            "delegate_options must map names to values, for example {'isa': 'c'}, received "
            f"{delegate_options!r}"
        )
