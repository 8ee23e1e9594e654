"""Audio in, scores of words out, by whatever kind of model: as a stream of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tfpipeline.features import FrontEnd
from tfpipeline.recipes.run_inputs import RunError, front_end_of_card
from tfpipeline.runtime import Interpreter, Streamer
from tfpipeline.runtime.stream_scores import StreamScores

WHOLE, STREAM, KERAS = "whole", "stream", "keras"


class ScoreStream(Protocol):
    """A model that listens.

    Args:
        kind: "stream", "whole" or "keras".
        rows: what the rows of scores are, and when.
        front_end: the front end.
        runtime: what runs the model.
    """

    kind: str
    rows: StreamScores
    front_end: FrontEnd
    runtime: str

    def reset(self) -> None:
        """Begin a new recording."""

    def process(self, samples: np.ndarray) -> np.ndarray:
        """Take the next samples; return float32 `(rows, labels)` of what they complete."""


class StreamedScores:
    """A streaming `.tflite` file."""

    kind = STREAM

    def __init__(self, model: str | Path, runtime: str | None = None) -> None:
        self._streamer = Streamer(model, runtime=runtime)
        card = self._streamer.card
        self.front_end = front_end_of_card(model, card)
        self.rows = StreamScores.of(model, card)
        self.runtime = self._streamer.runtime
        self.reset = self._streamer.reset

    def process(self, samples: np.ndarray) -> np.ndarray:
        scores: np.ndarray = self._streamer.process_audio(samples)
        return scores


class WindowedScores:
    """A whole-sequence `.tflite` file, run on a window that moves on over the recording."""

    kind = WHOLE

    def __init__(
        self, model: str | Path, hop_seconds: float = 0.1, runtime: str | None = None
    ) -> None:
        self._interpreter = Interpreter(model, runtime=runtime)
        card = self._interpreter.card
        self.front_end = front_end_of_card(model, card)
        self.runtime = self._interpreter.runtime
        self._shape = check_takes_features(model, card, self.front_end)
        config = self.front_end.config
        frame = config.hop_samples / config.sample_rate
        self._length = self._shape[0]
        self._stride = max(round(hop_seconds / frame), 1)
        self.rows = replace(
            StreamScores.of(model, {**card, "chunk": 1}),
            frame_seconds=self._stride * frame,
            first_frame_seconds=config.window_samples / config.sample_rate
            + (self._length - 1) * frame,
        )
        self.reset()

    def reset(self) -> None:
        self._audio = self.front_end.stream()
        self._waiting = np.zeros((0, self.front_end.config.num_mels), np.float32)

    def process(self, samples: np.ndarray) -> np.ndarray:
        frames = np.concatenate([self._waiting, self._audio.process(samples)])
        starts = range(0, len(frames) - self._length + 1, self._stride)
        self._waiting = frames[len(starts) * self._stride :]
        found = []
        for start in starts:
            window = frames[start : start + self._length].reshape(1, *self._shape)
            scores = self._interpreter.predict(window)[0]
            found.append(scores[-1] if scores.ndim == 2 else scores)
        return np.stack(found) if found else np.zeros((0, len(self.rows.labels)), np.float32)


def check_takes_features(
    model: str | Path, card: Mapping[str, Any], front_end: FrontEnd
) -> tuple[int, ...]:
    """Return the shape of a model's one input, without the batch axis.

    Raises:
        RunError: it does not take the frames of its front end.
    """
    shapes = [tuple(entry["shape"][1:]) for entry in card["inputs"]]
    width = front_end.config.num_mels
    timed = len(shapes) == 1 and card["inputs"][0]["time_axis"]
    if not timed or int(np.prod(shapes[0][1:])) != width:
        raise RunError(
            f"{model} takes {shapes}, which its audio front end, of {width} features a frame, does "
            "not make; evaluate a model of audio features."
        )
    return shapes[0]
