"""Runs an exported streaming model: a frame in, scores out."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.detection import Detector
from tfpipeline.features import FrontEndStream, front_end_of, windows_of
from tfpipeline.runtime.errors import InputError, ModelFileError
from tfpipeline.runtime.session import Session
from tfpipeline.runtime.stream_scores import StreamScores
from tfpipeline.runtime.values import to_tensor


class Streamer:
    """Feeds a streaming model frame by frame and carries its states.

    After the last frame of a sequence the scores are, bit for bit, those that `Interpreter` gives
    for the whole sequence with the same form of the model. Threads may call it in turn, such as one
    that records and one that resets; it is one stream all the same.

    Args:
        path: A `.stream.tflite` file written by `tfpipeline.export.export(streaming=True)`, or one
            that holds both, written with `streaming="both", one_file=True`.
        num_threads: Threads of the interpreter.
        runtime: "litert", "tflite_runtime" or "tf"; None takes the first one installed.
        delegate_options: Options of the plug-in (`isa`, `verbose`), for fused models.

    Raises:
        InputError: `num_threads` or another argument is not what it should be.
        ModelFileError: the file is missing, damaged, not ours, or a whole-sequence model.
        NativeLibraryError: the model is fused and the plug-in cannot be loaded.

    Example:
        >>> stream = Streamer("kws.stream.fused.tflite")  # doctest: +SKIP
        >>> for frame in features:  # doctest: +SKIP
        ...     scores = stream.process(frame)

        Words as they are spoken, instead of scores:

        >>> detector = stream.detector(cutoff=0.8)  # doctest: +SKIP
        >>> for samples in microphone:  # doctest: +SKIP
        ...     for word in detector.process(stream.process_audio(samples)):
        ...         print(word.label, word.time)
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
        # Made when audio comes: features are taken without what it needs to compute them.
        self._audio: FrontEndStream | None = None
        self._windows = windows_of(frontend) if frontend else None
        self.invoke = self._session.invoke
        self._lock = threading.RLock()
        self._inputs = [(entry, self._frame_shape(entry)) for entry in self._session.inputs]
        self._outputs = [(entry, self._one_step(entry)) for entry in self._session.outputs]
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
    def waiting_frames(self) -> int:
        """Frames of `process_audio` that wait until they fill a call."""
        return len(self._waiting)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of the first input, such as `(1, chunk, features)`."""
        return tuple(self._session.inputs[0]["shape"])

    def reset(self) -> None:
        """Forget the past: states and audio start anew."""
        with self._lock:
            self._session.reset_states()
            if self._audio is not None:
                self._audio.reset()
            width = 0 if self._windows is None else self._windows.num_mels
            self._waiting = np.zeros((0, width), np.float32)

    def process(self, frame: np.ndarray | Mapping[str, np.ndarray]) -> Any:
        """Take the next time steps and return the scores after them.

        Args:
            frame: `(features,)` for a model of one time step a call, `(chunk, features)` for one
                of several; a dict by name for several inputs.

        Returns:
            float32 scores `(labels,)`, or `(steps, labels)` where a call puts out several time
            steps; a dict by name for several outputs.

        Raises:
            InputError: another shape, or values that are not finite or do not fit the type of the
                input; the stream is then unchanged.
        """
        session = self._session
        values = session.by_name("frame", frame)
        with self._lock:
            tensors = [
                (entry["name"], to_tensor(entry, self._in_shape(entry, shape, values)))
                for entry, shape in self._inputs
            ]
            for name, tensor in tensors:
                session.set(name, tensor)
            session.invoke()
            session.carry_states()
            found = {}
            for entry, one_step in self._outputs:
                value = session.output(entry)[0]
                found[entry["name"]] = value[0] if one_step else value
        return next(iter(found.values())) if len(found) == 1 else found

    def states(self) -> dict[str, np.ndarray]:
        """Return the states after the last call as float32, by the name of their output.

        Empty for a model that keeps them inside.
        """
        with self._lock:
            return self._session.states()

    def _frame_shape(self, entry: Mapping[str, Any]) -> tuple[int, ...]:
        one_step = self.chunk == 1 and entry["time_axis"]
        return tuple(entry["shape"][2 if one_step else 1 :])

    def _in_shape(
        self, entry: Mapping[str, Any], shape: tuple[int, ...], values: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        value = values[entry["name"]]
        if value.shape != shape:
            what = "one time step" if self.chunk == 1 else f"{self.chunk} time steps"
            name = "frame" if len(self._inputs) == 1 else entry["name"]
            raise InputError(
                f"{name} must have the shape {shape}, received {value.shape}: pass {what} at a time"
            )
        return value.reshape(entry["shape"])

    def _one_step(self, entry: Mapping[str, Any]) -> bool:
        """Whether a call puts out a single time step, which has no axis of its own then."""
        return self.chunk == 1 and entry["time_axis"] and entry["shape"][1] == 1

    def process_audio(self, samples: np.ndarray) -> Any:
        """Take any number of audio samples and return the scores of each new frame.

        Args:
            samples: `(samples,)`, float32 in [-1, 1] or int16, at the card's sample rate.

        Returns:
            float32 `(new frames, labels)`; of a model of several time steps a call, one row a call
            where it puts out its last scores only; a dict of them by name for several outputs.
            Frames that do not fill a call wait.

        Raises:
            ModelFileError: the card has no frontend, or one that does not fit the model.
            MissingExtraError: the frontend needs a package that is not installed.
            ValueError: samples of another rank, type or level.
        """
        with self._lock:
            audio = self._checked_audio()
            frames = audio.process(samples)
            if self.chunk == 1:
                rows = [self.process(frame) for frame in frames]
            else:
                waiting = np.concatenate([self._waiting, frames])
                whole = len(waiting) // self.chunk * self.chunk
                self._waiting = waiting[whole:]
                calls = range(0, whole, self.chunk)
                rows = [self.process(waiting[i : i + self.chunk]) for i in calls]
        return self.joined(rows)

    def detector(
        self,
        cutoff: float = 0.5,
        window: int = 10,
        refractory: float = 1.0,
        labels: Sequence[str] | None = None,
        scores: str | None = None,
        hop_seconds: float | None = None,
    ) -> Detector:
        """Return a detector for what `process` and `process_audio` return.

        It is a stream of its own: reset it when you reset this one.

        Args:
            cutoff, window, refractory: as of `tfpipeline.Detector`.
            labels: name of each score; None for those of the card.
            scores: "logits", "probabilities" or "independent"; None for what the card says.
            hop_seconds: of a frame of features; None for that of the card's front end.

        Raises:
            InputError: neither the card nor the arguments say what a detector must know.
            ValueError: another argument is not what it should be.
        """
        rows = StreamScores.of(self._session.path, self.card, labels, scores, hop_seconds)
        return Detector(
            rows.labels,
            cutoff,
            window,
            refractory,
            rows.scores,
            rows.frame_seconds,
            rows.first_frame_seconds,
        )

    def joined(self, results: Sequence[Any]) -> Any:
        """Return the results of several calls of `process` one after the other along the time axis.

        Of an output without a time axis there is one row a call.
        """
        found = {}
        for entry, one_step in self._outputs:
            name, several = entry["name"], entry["time_axis"] and not one_step
            rows = [row[name] if isinstance(row, dict) else row for row in results]
            rest = entry["shape"][2 if entry["time_axis"] else 1 :]
            if not rows:
                real = entry["scale"] is not None or entry["dtype"] == "float32"
                found[name] = np.zeros((0, *rest), np.float32 if real else entry["dtype"])
            else:
                found[name] = np.concatenate(rows) if several else np.stack(rows)
        return next(iter(found.values())) if len(found) == 1 else found

    def _checked_audio(self) -> FrontEndStream:
        """Return the frontend, whose frames the model takes."""
        if self._windows is None:
            raise ModelFileError(
                f"{self._session.path} has no frontend in its card: export with "
                "frontend=front_end.to_config(), or feed features to process()"
            )
        width = self._windows.num_mels
        takes = [shape for _, shape in self._inputs]
        if takes != [(width,) if self.chunk == 1 else (self.chunk, width)]:
            raise ModelFileError(
                f"{self._session.path} takes {takes} a call, while the frontend of its card makes "
                f"frames of {width} features: feed features to process()"
            )
        if self._audio is None:
            self._audio = front_end_of(self.card["frontend"]).stream()
        return self._audio
