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
        """`(1, time, features)`."""
        return self._session.input_shape("x")

    def set_input(self, x: np.ndarray) -> None:
        """Writes one sample `(time, features)` or `(1, time, features)`; then call `invoke()`."""
        value = np.asarray(x)
        expected = self.input_shape
        if value.shape == expected[1:]:
            value = value[None]
        if value.shape != expected:
            raise ValueError(
                f"x must have the shape {expected}, received {np.shape(x)}: pad or cut the time "
                "axis, or use a streaming model for any length"
            )
        self._session.set("x", self._session.encode(value))

    def output(self) -> np.ndarray:
        """The scores of the last `invoke()`, float32 `(labels,)` or `(time, labels)`."""
        return self._session.decode(self._session.get("scores")[0])

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Runs samples `(batch, time, features)`, one after the other.

        Returns:
            float32 scores `(batch, labels)`, or `(batch, time, labels)` for a model whose last
            layer returns sequences.
        """
        samples = np.asarray(x)
        if samples.ndim != 3:
            raise ValueError(
                f"x must have the shape (batch, time, features), received {samples.shape}: "
                "add the batch axis with x[None]"
            )
        results = []
        for sample in samples:
            self.set_input(sample)
            self.invoke()
            results.append(self.output())
        return np.stack(results) if results else np.zeros((0,), np.float32)
