"""A Keras model that listens: its states are carried on, and it says something at every frame."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.recipes.run_inputs import RunError, front_end_of_card
from tfpipeline.recipes.score_stream import KERAS
from tfpipeline.runtime.card_schema import CardError, check_card
from tfpipeline.runtime.model_card import read_card
from tfpipeline.runtime.stream_scores import StreamScores
from tfpipeline.runtime.tflite_file import TFLiteFile

# Frames of a call: one shape, so that Keras compiles once.
_CHUNK = 100
_CLOSE = 1e-4


class KerasScores:
    """A `.keras` file as a stream of scores, frame by frame.

    Args:
        model: the file.
        card: the `.card.json` or `.tflite` of its export: how features are made of audio, and the
            names of the scores.

    Raises:
        RunError: no card or one of another model, or a model whose scores at a frame are not those
            of the sequence up to it.
        ModelLoadError: the file cannot be loaded.
    """

    kind = KERAS

    def __init__(self, model: Path, card: str | Path | None) -> None:
        import keras

        from tfpipeline.loading import load_model
        from tfpipeline.recipes.rolling_model import RollingModel

        if card is None:
            raise RunError(
                f"{model} does not say how features are made of audio; name the .card.json or the "
                ".tflite of its export with --card."
            )
        found = read_scoring_card(Path(card))
        self.front_end = front_end_of_card(card, found)
        plain = load_model(model, compile=False)
        width = self.front_end.config.num_mels
        shapes = [tuple(one.shape) for one in plain.inputs]
        if len(shapes) != 1 or len(shapes[0]) != 3 or shapes[0][1:] != (None, width):
            raise RunError(
                f"{model} takes {shapes}, expected (None, None, {width}): sequences of any length "
                f"of the features in {card}."
            )
        try:
            self._rolling = RollingModel(plain, lanes=1, every_frame=True)
        except ValueError as error:
            raise RunError(f"{model} cannot be fed as a stream: {error}") from error
        _check_frames(model, plain, self._rolling, width)
        outputs = {
            **found["outputs"][0],
            "time_axis": True,
            "shape": [1, 1, plain.outputs[0].shape[-1]],
        }
        self.rows = StreamScores.of(model, {**found, "outputs": [outputs], "chunk": 1})
        self.runtime = f"keras {keras.__version__} on {keras.backend.backend()}"
        self.reset()

    def reset(self) -> None:
        self._audio = self.front_end.stream()
        self._goes_on = False

    def process(self, samples: np.ndarray) -> np.ndarray:
        frames = self._audio.process(samples)
        found = [np.zeros((0, len(self.rows.labels)), np.float32)]
        for start in range(0, len(frames) // _CHUNK * _CHUNK, _CHUNK):
            found.append(self._call(frames[start : start + _CHUNK]))
        # One by one, so that there are two shapes in all.
        for frame in frames[len(frames) // _CHUNK * _CHUNK :]:
            found.append(self._call(frame[None]))
        return np.concatenate(found)

    def _call(self, frames: np.ndarray) -> np.ndarray:
        scores = _scores(self._rolling, frames, self._goes_on)
        self._goes_on = True
        return scores


def _scores(rolling: Any, frames: np.ndarray, goes_on: bool) -> np.ndarray:
    from tfpipeline.recipes.rolling_model import FEATURES, KEEP

    inputs = {FEATURES: frames[None], KEEP: np.array([goes_on], np.float32)}
    return np.asarray(rolling.predict_on_batch(inputs))[0]


def _check_frames(model: Path, plain: Any, rolling: Any, width: int) -> None:
    """Refuse a model that looks at more than the last state at the end of a sequence."""
    frames = np.random.default_rng(0).normal(size=(8, width)).astype(np.float32)
    expected = np.asarray(plain.predict_on_batch(frames[None]))[0]
    try:
        found = np.concatenate(
            [_scores(rolling, frames[:5], False), _scores(rolling, frames[5:], True)]
        )
    except Exception as error:
        raise RunError(
            f"{model} cannot say something at every frame ({str(error).splitlines()[0]}); evaluate "
            "its .tflite."
        ) from error
    last = expected[-1] if expected.ndim == 2 else expected
    if found.shape != (8, *last.shape) or np.abs(found[-1] - last).max() > _CLOSE * max(
        1.0, float(np.abs(last).max())
    ):
        raise RunError(
            f"{model} says something else of a sequence than of its frames one after the other, so "
            "it cannot be fed as a stream; evaluate its .tflite."
        )


def read_scoring_card(path: Path) -> Mapping[str, Any]:
    if path.suffix.lower() == ".tflite":
        return read_card(TFLiteFile(path))
    try:
        return check_card(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise RunError(f"There is no file {path}; expected the .card.json of an export.") from None
    except CardError as error:
        raise RunError(f"{path} {error}.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path} cannot be read as a model card: {error}.") from error
