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
        self._bound: dict[str, Any] | None = self._session.card.get("length")
        self._length: int | None = None

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

    def set_input(
        self, x: np.ndarray | Mapping[str, np.ndarray], length: int | None = None
    ) -> None:
        """Writes one sample, with or without a batch axis of 1; then call `invoke()`.

        Args:
            x: The sample. Of a model exported with `length="bounded"` it may have fewer time steps
                than `input_shape`.
            length: Of such a model: how many time steps count; by default those of `x`.
        """
        values = self._session.by_name("x", x)
        if self._bound is not None:
            values = self._padded(values, length)
        elif length is not None:
            raise ValueError(
                f"length must be left out, received {length}: {self._session.path} takes sequences "
                "of one length; export with length='bounded'"
            )
        for entry in self._session.inputs:
            value = values[entry["name"]]
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

    def _padded(
        self, values: Mapping[str, np.ndarray], length: int | None
    ) -> dict[str, np.ndarray]:
        """The sample with zeros up to the bound; tells the model where it ends."""
        assert self._bound is not None
        most, found, steps = self._bound["max"], dict(values), set()
        for entry in self._session.inputs:
            value, rank = found[entry["name"]], len(entry["shape"])
            if not entry["time_axis"] or value.ndim not in (rank, rank - 1):
                continue
            axis = value.ndim - rank + 1
            steps.add(value.shape[axis])
            if 0 < value.shape[axis] < most:
                behind = [
                    (0, most - value.shape[axis] if i == axis else 0) for i in range(value.ndim)
                ]
                found[entry["name"]] = np.pad(value, behind)
        if len(steps) > 1:
            raise ValueError(
                f"inputs have {sorted(steps)} time steps, expected the same number for each: cut "
                "the longer ones"
            )
        given = length if length is not None else next(iter(steps), most)
        if not 1 <= given <= most:
            raise ValueError(
                f"a sequence must have 1 to {most} time steps, received {given}: cut it, or use a "
                "streaming model for any length"
            )
        self._length = int(given)
        self._session.set(self._bound["input"], np.array([given], np.int32))
        return found

    def _result(self, entry: Mapping[str, Any]) -> np.ndarray:
        value = self._session.output(entry)[0]
        # What lies after the end is not specified.
        return value[: self._length] if entry["time_axis"] else value

    def output(self) -> np.ndarray | dict[str, np.ndarray]:
        """What the last `invoke()` gave, without its batch axis; a dict for several outputs."""
        found = {entry["name"]: self._result(entry) for entry in self._session.outputs}
        return _single(found)

    def predict(self, x: np.ndarray | Mapping[str, np.ndarray]) -> Any:
        """Runs samples one after the other.

        Args:
            x: `(batch, time, features)`, or whatever the model takes with a batch axis in front; a
                dict by name for several inputs. Of a model exported with `length="bounded"` time
                may be anything up to that of `input_shape`.

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
                results[entry["name"]].append(self._result(entry))
        return _single(
            {
                name: np.stack(found) if found else np.zeros((0,), np.float32)
                for name, found in results.items()
            }
        )


def _single(values: dict[str, np.ndarray]) -> Any:
    return next(iter(values.values())) if len(values) == 1 else values
