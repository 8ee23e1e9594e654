"""Runs an exported streaming model: a frame in, scores out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.features import LogMel
from tfpipeline.runtime.errors import ModelFileError
from tfpipeline.runtime.session import Session


class Streamer:
    """Feeds a streaming model frame by frame and carries its states.

    After the last frame of a sequence the scores are, bit for bit, those that `Interpreter` gives
    for the whole sequence with the same form of the model.

    Args:
        path: A `.stream.tflite` file written by `tfpipeline.export.export(streaming=True)`, or one
            that holds both, written with `streaming="both", one_file=True`.
        num_threads: Threads of the interpreter.
        runtime: "litert", "tflite_runtime" or "tf"; None takes the first one installed.
        delegate_options: Options of the plug-in (`isa`, `verbose`), for fused models.

    Raises:
        ModelFileError: the file is missing, damaged, not ours, or a whole-sequence model.
        NativeLibraryError: the model is fused and the plug-in cannot be loaded.

    Example:
        >>> stream = Streamer("kws.stream.fused.tflite")  # doctest: +SKIP
        >>> for frame in features:  # doctest: +SKIP
        ...     scores = stream.process(frame)
    """

    def __init__(
        self,
        path: str | Path,
        num_threads: int = 1,
        runtime: str | None = None,
        delegate_options: Mapping[str, str | int | bool] | None = None,
    ) -> None:
        self._session = Session(path, num_threads, runtime, delegate_options, step=True)
        if not self._session.card["streaming"]:
            raise ModelFileError(
                f"{self._session.path} is a whole-sequence model: use tfpipeline.Interpreter, or "
                "export with streaming=True"
            )
        self.chunk: int = self._session.card.get("chunk") or 1
        frontend = self._session.card.get("frontend")
        self._audio = LogMel.from_config(frontend).stream() if frontend else None
        self.invoke = self._session.invoke
        self.reset()

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
        """Shape of the first input, such as `(1, chunk, features)`."""
        return tuple(self._session.inputs[0]["shape"])

    def reset(self) -> None:
        """Forgets the past: states and audio start anew."""
        self._session.reset_states()
        self._waiting = np.zeros((0,), np.float32)
        if self._audio is not None:
            self._audio.reset()

    def process(self, frame: np.ndarray | Mapping[str, np.ndarray]) -> Any:
        """Takes the next time steps and returns the scores after them.

        Args:
            frame: `(features,)` for a model of one time step a call, `(chunk, features)` for one
                of several; a dict by name for several inputs.

        Returns:
            float32 scores `(labels,)`, or `(steps, labels)` where a model of several time steps a
            call puts out one for each; a dict by name for several outputs.
        """
        session = self._session
        values = session.by_name("frame", frame)
        for entry in session.inputs:
            session.set_input(entry, self._in_shape(entry, values[entry["name"]]))
        session.invoke()
        session.carry_states()
        found = {entry["name"]: self._result(entry) for entry in session.outputs}
        return next(iter(found.values())) if len(found) == 1 else found

    def states(self) -> dict[str, np.ndarray]:
        """The states after the last call as float32, by the name of their output.

        Empty for a model that keeps them inside.
        """
        return self._session.states()

    def _in_shape(self, entry: Mapping[str, Any], value: np.ndarray) -> np.ndarray:
        shape = tuple(entry["shape"])
        one_step = self.chunk == 1 and entry["time_axis"]
        expected = shape[2:] if one_step else shape[1:]
        if value.shape != expected:
            what = "one time step" if self.chunk == 1 else f"{self.chunk} time steps"
            name = "frame" if len(self._session.inputs) == 1 else entry["name"]
            raise ValueError(
                f"{name} must have the shape {expected}, received {value.shape}: pass {what} at "
                "a time"
            )
        return value.reshape(shape)

    def _result(self, entry: Mapping[str, Any]) -> np.ndarray:
        value = self._session.output(entry)[0]
        return value[0] if self.chunk == 1 and entry["time_axis"] else value

    def process_audio(self, samples: np.ndarray) -> np.ndarray:
        """Takes any number of audio samples and returns the scores of each new frame.

        Args:
            samples: `(samples,)`, float32 in [-1, 1] or int16, at the card's sample rate.

        Returns:
            float32 `(new frames, labels)`; of a model of several time steps a call, one row a call
            where it puts out its last scores only. Frames that do not fill a call wait.
        """
        if self._audio is None:
            raise ModelFileError(
                f"{self._session.path} has no frontend in its card: export with "
                "frontend=log_mel.to_config(), or feed features to process()"
            )
        labels = int(self._session.outputs[0]["shape"][-1])
        frames = self._audio.process(samples)
        if self.chunk == 1:
            rows = [self.process(frame) for frame in frames]
        else:
            waiting = np.concatenate([self._waiting, frames]) if len(self._waiting) else frames
            whole = len(waiting) // self.chunk * self.chunk
            self._waiting = waiting[whole:]
            rows = [self.process(waiting[i : i + self.chunk]) for i in range(0, whole, self.chunk)]
        return np.array(rows, np.float32).reshape(-1, labels)
