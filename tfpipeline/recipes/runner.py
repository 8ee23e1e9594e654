"""One file through an exported model: audio or arrays in, scores out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.recipes import run_inputs
from tfpipeline.recipes.run_inputs import AUDIO, RunError
from tfpipeline.runtime.model_card import read_card, step_card
from tfpipeline.runtime.scores import OutputScores, Scores
from tfpipeline.runtime.tflite_file import TFLiteFile


def run_file(
    model: str | Path,
    file: str | Path,
    *,
    stream: bool = False,
    runtime: str | None = None,
) -> Scores:
    """Run a `.wav` file, or arrays of a `.npy` or `.npz` file, through an exported model.

    An array is one sample of the model's input without a batch axis, such as `(frames, features)`;
    a model of several inputs takes a `.npz` file with an array for each. A whole-sequence model
    takes a fixed length: shorter audio is padded with silence, longer audio is cut. One that was
    exported with `length="bounded"` takes what is shorter as it is, and a stream takes any length.

    Args:
        model: a `.tflite` file that this package exported.
        file: the audio or the arrays.
        stream: feed call by call; needs a streaming model.
        runtime: as in `tfpipeline.Interpreter`.

    Returns:
        What each output says at the last time step. Probabilities are told from logits by the model
        card: only logits get a softmax.

    Raises:
        RunError: the file is missing, is of another kind, or does not fit the model.
        InputError: values that the model cannot take, such as NaN.
        AudioError: the audio cannot be read.
        ModelFileError, NativeLibraryError: the model cannot be loaded.

    Example:
        `run_file("kws.fused.tflite", "yes.wav").best(3)`
    """
    source = Path(file)
    if not source.is_file():
        raise RunError(f"There is no file {source}; expected a .wav, .npy or .npz file.")
    if not run_inputs.is_known(source):
        raise RunError(f"{source} is neither a .wav nor a .npy or .npz file.")
    card = read_card(TFLiteFile(model))
    # A file may hold both, as two signatures.
    graph = step_card(card) or card if stream else card
    if stream != graph["streaming"]:
        raise RunError(
            f"{model} takes one frame a call; add --stream."
            if card["streaming"]
            else f"{model} takes whole utterances; leave --stream out, or name the .stream. model."
        )
    return (_stream if stream else _whole)(model, source, graph, runtime)


def _whole(model: str | Path, source: Path, card: dict[str, Any], runtime: str | None) -> Scores:
    from tfpipeline.runtime import Interpreter

    frames: int | None
    if source.suffix.lower() == AUDIO:
        features = run_inputs.features_of(source, model, card)
        inputs, frames = {card["inputs"][0]["name"]: features}, len(features)
    else:
        inputs = run_inputs.read_inputs(source, card)
        frames = run_inputs.frames_of(source, card, inputs)
        _check_length(model, source, card, frames)
    interpreter = Interpreter(model, runtime=runtime)
    found = interpreter.predict({name: values[None] for name, values in inputs.items()})
    results = found if isinstance(found, dict) else {card["outputs"][0]["name"]: found}
    values = {name: result[0] for name, result in results.items()}
    return Scores(_scores(model, card, values), frames, 0, False, interpreter.runtime)


def _check_length(
    model: str | Path, source: Path, card: Mapping[str, Any], frames: int | None
) -> None:
    wanted = [entry["shape"][1] for entry in card["inputs"] if entry["time_axis"]]
    if frames is None or frames == wanted[0] or (card.get("length") and frames < wanted[0]):
        return
    takes = f"1 to {wanted[0]}" if card.get("length") else str(wanted[0])
    raise RunError(f"{source} holds {frames} frames, but {model} takes {takes}; cut or pad it.")


def _stream(model: str | Path, source: Path, card: dict[str, Any], runtime: str | None) -> Scores:
    from tfpipeline.runtime import Streamer

    streamer = Streamer(model, runtime=runtime)
    if source.suffix.lower() == AUDIO:
        front_end = run_inputs.front_end_of_card(model, card)
        audio = run_inputs.read_audio(source, front_end)
        results = streamer.process_audio(audio)
        frames = front_end.config.num_frames(len(audio)) - streamer.waiting_frames
        if not frames:
            raise run_inputs.too_short(source, front_end.config.window_ms)
        left_over = streamer.waiting_frames
    else:
        inputs = run_inputs.read_inputs(source, card)
        given = run_inputs.frames_of(source, card, inputs)
        frames = streamer.chunk if given is None else given
        left_over = frames % streamer.chunk
        frames -= left_over
        if not frames:
            raise RunError(
                f"{source} holds {left_over} frames, but {model} takes {streamer.chunk} a call; "
                "feed it more."
            )
        timed = {entry["name"] for entry in card["inputs"] if entry["time_axis"]}
        results = streamer.joined(
            [
                streamer.process(
                    {
                        name: _part(values, start, streamer.chunk) if name in timed else values
                        for name, values in inputs.items()
                    }
                )
                for start in range(0, frames, streamer.chunk)
            ]
        )
    named = results if isinstance(results, dict) else {card["outputs"][0]["name"]: results}
    # Of an output without a time axis there is a row a call, and the last one counts.
    ends = {
        entry["name"]: named[entry["name"]][slice(None) if entry["time_axis"] else -1]
        for entry in card["outputs"]
    }
    return Scores(_scores(model, card, ends), frames, left_over, True, streamer.runtime)


def _part(values: np.ndarray, start: int, chunk: int) -> np.ndarray:
    part: np.ndarray = values[start] if chunk == 1 else values[start : start + chunk]
    return part


def _scores(
    model: str | Path, card: Mapping[str, Any], values: Mapping[str, np.ndarray]
) -> tuple[OutputScores, ...]:
    """Return what each output says at its last time step."""
    found = []
    for entry in card["outputs"]:
        result = values[entry["name"]]
        last = result[-1] if entry["time_axis"] or _is_rows(entry, result) else result
        if last.dtype.kind == "f" and not np.isfinite(last).all():
            raise RunError(
                f"{model} puts out NaN or infinity as {entry['name']!r}; verify the file against "
                "its Keras model."
            )
        labels = card["labels"] if len(card["outputs"]) == 1 else None
        found.append(OutputScores.of(entry, labels, last))
    return tuple(found)


def _is_rows(entry: Mapping[str, Any], result: np.ndarray) -> bool:
    """Whether an output of a fixed length is scores of classes at each time step."""
    return result.ndim == 2 and entry.get("scores") is not None
