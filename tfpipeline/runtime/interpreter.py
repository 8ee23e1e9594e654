"""Runs an exported whole-sequence model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.runtime.errors import ModelFileError
from tfpipeline.runtime.session import Session


class Interpreter:
    """Runs a whole-sequence model that tfpipeline exported, portable or fused.

    It uses the TensorFlow Lite interpreter that is installed, unmodified; fused models get our
    plug-in.

    Args:
        path: A `.tflite` file written by `tfpipeline.export.export`.
        num_threads: Threads of the interpreter.
        runtime: "litert", "tflite_runtime" or "tf"; None takes the first one installed.
        delegate_options: Options of the plug-in (`isa`, `verbose`), for fused models.

    Raises:
        ModelFileError: the file is missing, damaged, not ours, or a streaming model.
        NativeLibraryError: the model is fused and the plug-in cannot be loaded.

    Example:
        >>> scores = Interpreter("kws.fused.tflite").predict(features)  # doctest: +SKIP
    """

    def __init__(
        self,
        path: str | Path,
        num_threads: int = 1,
        runtime: str | None = None,
        delegate_options: Mapping[str, str | int | bool] | None = None,
    ) -> None:
        self._session = Session(path, num_threads, runtime, delegate_options)
        if self._session.card["streaming"]:
            raise ModelFileError(
                f"{self._session.path} is a streaming model (one time step a call): "
                "use tfpipeline.Streamer"
            )
        self.invoke = self._session.invoke

    @property
    def card(self) -> dict[str, Any]:
        """The model card."""
        return self._session.card

    @property
    def runtime(self) -> str:
        """Name and version of the runtime in use."""
        return self._session.runtime

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of the first input, such as `(1, time, features)`."""
        return tuple(self._session.inputs[0]["shape"])

    def set_input(self, x: np.ndarray | Mapping[str, np.ndarray]) -> None:
        """Writes one sample, with or without a batch axis of 1; then call `invoke()`."""
        for entry in self._session.inputs:
            value = self._session.by_name("x", x)[entry["name"]]
            expected = tuple(entry["shape"])
            if value.shape == expected[1:]:
                value = value[None]
            if value.shape != expected:
                raise ValueError(
                    f"{entry['name']} must have the shape {expected}, received "
                    f"{tuple(value.shape)}: pad or cut the time axis, or use a streaming model for "
                    "any length"
                )
            self._session.set_input(entry, value)

    def output(self) -> np.ndarray | dict[str, np.ndarray]:
        """What the last `invoke()` gave, without its batch axis; a dict for several outputs."""
        found = {entry["name"]: self._session.output(entry)[0] for entry in self._session.outputs}
        return _single(found)

    def predict(self, x: np.ndarray | Mapping[str, np.ndarray]) -> Any:
        """Runs samples one after the other.

        Args:
            x: `(batch, time, features)`, or whatever the model takes with a batch axis in front; a
                dict by name for several inputs.

        Returns:
            float32 scores `(batch, labels)`, or `(batch, time, labels)` for a model whose last
            layer returns sequences; a dict by name for several outputs.
        """
        samples = self._session.by_name("x", x)
        for entry in self._session.inputs:
            value, rank = samples[entry["name"]], len(entry["shape"])
            if value.ndim != rank:
                axes = ", ".join(["batch", *(str(size) for size in entry["shape"][1:])])
                raise ValueError(
                    f"{entry['name']} must have the shape ({axes}), received {value.shape}: "
                    "add the batch axis with x[None]"
                )
        count = len(next(iter(samples.values())))
        results: dict[str, list[np.ndarray]] = {e["name"]: [] for e in self._session.outputs}
        for i in range(count):
            self.set_input({name: value[i] for name, value in samples.items()})
            self.invoke()
            for entry in self._session.outputs:
                results[entry["name"]].append(self._session.output(entry)[0])
        return _single(
            {
                name: np.stack(found) if found else np.zeros((0,), np.float32)
                for name, found in results.items()
            }
        )


def _single(values: dict[str, np.ndarray]) -> Any:
    return next(iter(values.values())) if len(values) == 1 else values
