"""One file through an exported model: audio or features in, scores out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.errors import TfpipelineError
from tfpipeline.features import LogMel, LogMelConfig
from tfpipeline.runtime.model_card import read_card
from tfpipeline.runtime.tflite_file import TFLiteFile


class RunError(TfpipelineError):
    """A file that cannot be fed to the model."""


@dataclass(frozen=True)
class Scores:
    """What the model says of a file.

    Args:
        labels: name of each output.
        probabilities: float32 `(labels,)`, the softmax of the last scores.
        frames: feature frames that were fed.
        streamed: whether they were fed one by one.
        runtime: name and version of what ran the model.
    """

    labels: tuple[str, ...]
    probabilities: np.ndarray
    frames: int
    streamed: bool
    runtime: str

    def best(self, count: int = 1) -> list[tuple[str, float]]:
        """The `count` most probable labels, best first."""
        order = np.argsort(-self.probabilities, kind="stable")[: max(count, 0)]
        return [(self.labels[i], float(self.probabilities[i])) for i in order]

    def to_dict(self) -> dict[str, Any]:
        return {
            "label": self.best()[0][0],
            "probabilities": {
                label: float(p) for label, p in zip(self.labels, self.probabilities, strict=True)
            },
            "frames": self.frames,
            "streamed": self.streamed,
            "runtime": self.runtime,
        }


def run_file(
    model: str | Path,
    file: str | Path,
    *,
    stream: bool = False,
    runtime: str | None = None,
) -> Scores:
    """Runs a `.wav` file, or `.npy` features `(frames, features)`, through an exported model.

    A whole-sequence model takes a fixed length: shorter audio is padded with silence, longer audio
    is cut. A streaming model takes any length.

    Args:
        model: a `.tflite` file that this package exported.
        file: the audio or the features.
        stream: feed frame by frame; needs a streaming model.
        runtime: as in `tfpipeline.Interpreter`.

    Raises:
        RunError: the file is missing, is of another kind, or does not fit the model.
        ModelFileError, NativeLibraryError: the model cannot be loaded.

    Example:
        `run_file("kws.fused.tflite", "yes.wav").best(3)`
    """
    source = Path(file)
    if not source.is_file():
        raise RunError(f"There is no file {source}; expected a .wav or a .npy file.")
    card = read_card(TFLiteFile(model))
    if stream != bool(card["streaming"]):
        raise RunError(
            f"{model} takes one frame a call; add --stream."
            if card["streaming"]
            else f"{model} takes whole utterances; leave --stream out, or name the .stream. model."
        )
    scores, frames, name = (_stream if stream else _whole)(model, source, card, runtime)
    labels = card["labels"] or [str(i) for i in range(len(scores))]
    shifted = np.exp(scores - scores.max())
    return Scores(tuple(labels), shifted / shifted.sum(), frames, stream, name)


def _whole(
    model: str | Path, source: Path, card: dict[str, Any], runtime: str | None
) -> tuple[np.ndarray, int, str]:
    from tfpipeline.runtime import Interpreter

    interpreter = Interpreter(model, runtime=runtime)
    wanted = interpreter.input_shape[1]
    if source.suffix.lower() == ".npy":
        features = _features(source, interpreter.input_shape[2])
        if len(features) != wanted:
            raise RunError(
                f"{source} holds {len(features)} frames, but {model} takes {wanted}; cut or pad it."
            )
    else:
        log_mel = _log_mel(card, model)
        features = log_mel(_fit(_audio(source, log_mel.config), log_mel.config, wanted))
    scores = interpreter.predict(features[None])[0]
    return np.atleast_2d(scores)[-1], len(features), interpreter.runtime


def _stream(
    model: str | Path, source: Path, card: dict[str, Any], runtime: str | None
) -> tuple[np.ndarray, int, str]:
    from tfpipeline.runtime import Streamer

    streamer = Streamer(model, runtime=runtime)
    if source.suffix.lower() == ".npy":
        frames = _features(source, streamer.input_shape[-1])
        scores = np.array([streamer.process(frame) for frame in frames])
    else:
        scores = streamer.process_audio(_audio(source, _log_mel(card, model).config))
    if not len(scores):
        raise RunError(f"{source} is too short for one frame; expected at least 25 ms of audio.")
    return scores[-1], len(scores), streamer.runtime


def _features(source: Path, width: int) -> np.ndarray:
    try:
        features = np.load(source, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise RunError(f"{source} cannot be read as a NumPy array: {error}.") from error
    if features.ndim != 2 or features.shape[1] != width or features.dtype.kind not in "fiu":
        raise RunError(
            f"{source} holds {features.dtype} {features.shape}; expected numbers of the shape "
            f"(frames, {width})."
        )
    return features.astype(np.float32)


def _audio(source: Path, config: LogMelConfig) -> np.ndarray:
    from tfpipeline.data.wav import read_wav

    if source.suffix.lower() != ".wav":
        raise RunError(f"{source} is neither a .wav nor a .npy file.")
    return read_wav(source, config.sample_rate)


def _log_mel(card: dict[str, Any], model: str | Path) -> LogMel:
    if not card.get("frontend"):
        raise RunError(
            f"{model} has no audio front end in its card; feed it .npy features, or export it "
            "with frontend=log_mel.to_config()."
        )
    return LogMel.from_config(card["frontend"])


def _fit(audio: np.ndarray, config: LogMelConfig, frames: int) -> np.ndarray:
    """Pads or cuts audio to the samples that give exactly `frames` frames."""
    samples = config.window_samples + config.hop_samples * (frames - 1)
    return np.pad(audio[:samples], (0, max(0, samples - len(audio))))
