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
        path: A `.stream.tflite` file written by `tfpipeline.export.export(streaming=True)`.
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
        self._session = Session(path, num_threads, runtime, delegate_options)
        if not self._session.card["streaming"]:
            raise ModelFileError(
                f"{self._session.path} is a whole-sequence model: use tfpipeline.Interpreter, or "
                "export with streaming=True"
            )
        self._states = [(s["input"], s["output"]) for s in self._session.card["states"]]
        self._features = self._session.input_shape("x")[-1]
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
        """`(1, 1, features)`."""
        return self._session.input_shape("x")

    def reset(self) -> None:
        """Forgets the past: states and audio start anew."""
        for name, _ in self._states:
            self._session.set(name, self._session.zeros(name))
        if self._audio is not None:
            self._audio.reset()

    def process(self, frame: np.ndarray) -> np.ndarray:
        """Takes one frame of features `(features,)` and returns the float32 scores `(labels,)`."""
        value = np.asarray(frame)
        if value.shape != (self._features,):
            raise ValueError(
                f"frame must have the shape ({self._features},), received {value.shape}: "
                "pass one time step at a time"
            )
        session = self._session
        session.set("x", session.encode(value.reshape(1, 1, -1)))
        session.invoke()
        for before, after in self._states:
            session.set(before, session.get(after))
        return session.decode(session.get("scores")).reshape(-1)

    def process_audio(self, samples: np.ndarray) -> np.ndarray:
        """Takes any number of audio samples and returns the scores of each new frame.

        Args:
            samples: `(samples,)`, float32 in [-1, 1] or int16, at the card's sample rate.

        Returns:
            float32 `(new frames, labels)`.
        """
        if self._audio is None:
            raise ModelFileError(
                f"{self._session.path} has no frontend in its card: export with "
                "frontend=log_mel.to_config(), or feed features to process()"
            )
        frames = self._audio.process(samples)
        labels = len(self._session.get("scores").reshape(-1))
        return np.array([self.process(frame) for frame in frames], np.float32).reshape(-1, labels)
