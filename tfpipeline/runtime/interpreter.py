"""Runs an exported whole-sequence model."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.runtime.errors import InputError, ModelFileError
from tfpipeline.runtime.session import Session
from tfpipeline.runtime.values import to_tensor


class Interpreter:
    """Runs a whole-sequence model that tfpipeline exported, portable or fused.

    It uses the TensorFlow Lite interpreter that is installed, unmodified; fused models get our
    plug-in.

    Threads may share one: `predict` answers them in turn. Of `set_input`, `invoke` and `output` a
    thread that was overtaken by another one's input gets an error, never the other's result. To run
    at the same time they need an interpreter each.

    Args:
        path: A `.tflite` file written by `tfpipeline.export.export`.
        num_threads: Threads of the interpreter.
        runtime: "litert", "tflite_runtime" or "tf"; None takes the first one installed.
        delegate_options: Options of the plug-in (`isa`, `verbose`), for fused models.

    Raises:
        InputError: `num_threads` or another argument is not what it should be.
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
        self._lock = threading.RLock()
        # Which input the tensors hold, and which one each thread wrote.
        self._written = 0
        self._own = threading.local()
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
        """Write one sample, with or without a batch axis of 1; then call `invoke()`.

        Args:
            x: The sample. Of a model exported with `length="bounded"` it may have fewer time steps
                than `input_shape`.
            length: Of such a model: how many time steps of `x` count; by default all of them.

        Raises:
            InputError: another shape, values that are not finite or do not fit the type of the
                input, or a length that is no whole number of the time steps of `x`.
        """
        with self._lock:
            self._write(x, length)
            self._written += 1
            self._own.written = self._written

    def invoke(self) -> None:
        """Run the model on what `set_input` wrote."""
        with self._lock:
            self._check_thread()
            self._session.invoke()

    def _check_thread(self) -> None:
        # A thread that wrote nothing was handed the work by one that did.
        if getattr(self._own, "written", self._written) != self._written:
            raise InputError(
                f"{self._session.path}: another thread wrote its input between set_input() and "
                "output() of this one: use predict(), or an Interpreter for each thread"
            )

    def _write(self, x: Any, length: int | None) -> None:
        values, counted = self._session.by_name("x", x), None
        if self._bound is not None:
            values, counted = self._padded(values, length)
        elif length is not None:
            raise InputError(
                f"length must be left out, received {length}: {self._session.path} takes sequences "
                "of one length; export with length='bounded'"
            )
        tensors = {}
        for entry in self._session.inputs:
            value = values[entry["name"]]
            expected = tuple(entry["shape"])
            if value.shape == expected[1:]:
                value = value[None]
            if value.shape != expected:
                raise InputError(
                    f"{entry['name']} must have the shape {expected}, received "
                    f"{tuple(value.shape)}: pad or cut the time axis, or use a streaming model for "
                    "any length"
                )
            tensors[entry["name"]] = to_tensor(entry, value)
        # All or nothing: a sample that is refused leaves the one before.
        for name, tensor in tensors.items():
            self._session.set(name, tensor)
        if self._bound is not None:
            self._session.set(self._bound["input"], np.array([counted], np.int32))
        self._length = counted

    def _padded(
        self, values: Mapping[str, np.ndarray], length: int | None
    ) -> tuple[dict[str, np.ndarray], int]:
        """Return the sample with zeros up to the bound, and how many of its time steps count."""
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
            raise InputError(
                f"inputs have {sorted(steps)} time steps, expected the same number for each: cut "
                "the longer ones"
            )
        given = next(iter(steps), most)
        if length is not None:
            whole = isinstance(length, Integral) and not isinstance(length, bool | np.bool_)
            if not whole or (length > given and given <= most):
                raise InputError(
                    f"length must be a whole number of the {given} time steps of x, received "
                    f"{length!r}: pass more time steps, or leave length out"
                )
            given = int(length)
        if not 1 <= given <= most:
            raise InputError(
                f"a sequence must have 1 to {most} time steps, received {given}: cut it, or use a "
                "streaming model for any length"
            )
        return found, given

    def _result(self, entry: Mapping[str, Any]) -> np.ndarray:
        value = self._session.output(entry)[0]
        # What lies after the end is not specified.
        return value[: self._length] if entry["time_axis"] else value

    def output(self) -> np.ndarray | dict[str, np.ndarray]:
        """Return what the last `invoke()` gave, without a batch axis; several outputs as a dict."""
        with self._lock:
            self._check_thread()
            found = {entry["name"]: self._result(entry) for entry in self._session.outputs}
        return _single(found)

    def predict(self, x: np.ndarray | Mapping[str, np.ndarray]) -> Any:
        """Run samples one after the other.

        Args:
            x: `(batch, time, features)`, or whatever the model takes with a batch axis in front; a
                dict by name for several inputs. Of a model exported with `length="bounded"` time
                may be anything up to that of `input_shape`.

        Returns:
            float32 scores `(batch, labels)`, or `(batch, time, labels)` for a model whose last
            layer returns sequences; a dict by name for several outputs.

        Raises:
            InputError: as `set_input`, or different numbers of samples for several inputs.
        """
        samples = self._session.by_name("x", x)
        for entry in self._session.inputs:
            value, rank = samples[entry["name"]], len(entry["shape"])
            if value.ndim != rank:
                axes = ", ".join(["batch", *(str(size) for size in entry["shape"][1:])])
                raise InputError(
                    f"{entry['name']} must have the shape ({axes}), received {value.shape}: "
                    "add the batch axis with x[None]"
                )
        counts = {len(values) for values in samples.values()}
        if len(counts) > 1:
            raise InputError(
                f"x has {sorted(counts)} samples for the model's inputs: pass the same number for "
                "each"
            )
        results: dict[str, list[np.ndarray]] = {e["name"]: [] for e in self._session.outputs}
        for i in range(counts.pop()):
            sample = {name: value[i] for name, value in samples.items()}
            # Held for one sample only: other threads need not wait for the whole batch.
            with self._lock:
                self.set_input(sample)
                self._session.invoke()
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
