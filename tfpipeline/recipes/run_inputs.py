"""Reads what a model shall be run on: arrays of its inputs, or audio of which they are made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.array_file import SUFFIXES, ArrayFileError, read_array_file
from tfpipeline.errors import TfpipelineError
from tfpipeline.features import FrontEnd, front_end_of

AUDIO = ".wav"


class RunError(TfpipelineError):
    """A file that cannot be fed to the model."""


def read_inputs(file: Path, card: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return one sample of each input, without a batch axis, from a `.npy` or `.npz` file.

    Args:
        file: An array for a model of one input; by name, or in the model's order, for several.
        card: The model card of the graph that shall run.

    Raises:
        RunError: the file holds something else.
    """
    entries = {entry["name"]: entry for entry in card["inputs"]}
    try:
        found = read_array_file(file)
    except ArrayFileError as error:
        raise RunError(str(error)) from error
    if isinstance(found, np.ndarray):
        if len(entries) > 1:
            raise RunError(
                f"{file} holds one array, while the model has the inputs {_listed(entries)}; write "
                "them with numpy.savez under these names."
            )
        found = dict(zip(entries, [found], strict=True))
    elif list(found) == [f"arr_{i}" for i in range(len(entries))]:
        # numpy.savez(path, a, b) makes these names up, so there the order counts.
        found = dict(zip(entries, found.values(), strict=True))
    if found.keys() != entries.keys():
        raise RunError(
            f"{file} holds {_listed(found)}, expected the model's inputs {_listed(entries)}."
        )
    return {name: _sample(file, entries[name], found[name]) for name in entries}


def _sample(file: Path, entry: Mapping[str, Any], values: np.ndarray) -> np.ndarray:
    """One input's values of the rank that the model wants, their time axis of any length."""
    rest, timed = tuple(entry["shape"][1:]), entry["time_axis"]
    sizes = [str(size) for size in rest]
    if timed:
        sizes[0] = "frames"
    if values.ndim == len(rest) + 1 and len(values) == 1:
        values = values[0]
    wanted = rest[1:] if timed else rest
    given = values.shape[1:] if timed else values.shape
    if values.dtype.kind not in "biuf" or values.ndim != len(rest) or given != wanted:
        shape = ", ".join(sizes) + ("," if len(sizes) == 1 else "")
        raise RunError(
            f"{file} holds {values.dtype} {values.shape} for {entry['name']!r}; expected numbers "
            f"of the shape ({shape}), one sample without a batch axis."
        )
    return values


def frames_of(file: Path, card: Mapping[str, Any], inputs: Mapping[str, np.ndarray]) -> int | None:
    """Return the time steps of a sample; None where no input has a time axis.

    Raises:
        RunError: inputs of different lengths, or of none.
    """
    counts = {len(inputs[e["name"]]) for e in card["inputs"] if e["time_axis"]}
    if len(counts) > 1 or 0 in counts:
        raise RunError(
            f"{file} holds inputs of {sorted(counts)} frames; expected the same number for each, "
            "and at least one."
        )
    return next(iter(counts), None)


def features_of(file: Path, model: str | Path, card: Mapping[str, Any]) -> np.ndarray:
    """Return features of audio as a whole-sequence model takes them: cut, padded, or whole.

    Args:
        file: A WAV file.
        model: Named in errors.
        card: Its card.

    Raises:
        RunError: the card has no front end, or one that does not fit; the audio is too short.
        AudioError: the file cannot be read.
    """
    front_end = front_end_of_card(model, card)
    config = front_end.config
    shape = tuple(card["inputs"][0]["shape"])
    if len(card["inputs"]) > 1 or len(shape) < 3 or math.prod(shape[2:]) != config.num_mels:
        raise RunError(
            f"{model} takes {[tuple(entry['shape']) for entry in card['inputs']]}, which its audio "
            f"front end, of {config.num_mels} features a frame, does not make; feed it .npy or "
            ".npz arrays."
        )
    audio = read_audio(file, front_end)
    most = shape[1]
    if card.get("length") and config.num_frames(len(audio)) < most:
        features = front_end(audio)
        if not len(features):
            raise too_short(file, config.window_ms)
    else:
        samples = config.window_samples + config.hop_samples * (most - 1)
        features = front_end(np.pad(audio[:samples], (0, max(0, samples - len(audio)))))
    return features.reshape(len(features), *shape[2:])


def read_audio(file: Path, front_end: FrontEnd) -> np.ndarray:
    """Return the samples of a WAV file at the front end's rate."""
    from tfpipeline.data.audio.wav import read_wav

    return read_wav(file, front_end.config.sample_rate)


def front_end_of_card(model: str | Path, card: Mapping[str, Any]) -> FrontEnd:
    """Return the front end in a model's card."""
    if not card.get("frontend"):
        raise RunError(
            f"{model} has no audio front end in its card; feed it .npy features, or export it "
            "with frontend=front_end.to_config()."
        )
    return front_end_of(card["frontend"])


def too_short(file: Path, window_ms: float) -> RunError:
    """Return the error for audio of less than a frame."""
    return RunError(
        f"{file} is too short for one call of the model; expected at least {window_ms:g} ms of "
        "audio a frame."
    )


def is_known(file: Path) -> bool:
    """Return whether a file's name says that it can be run."""
    return file.suffix.lower() in (AUDIO, *SUFFIXES)


def _listed(names: Any) -> str:
    return ", ".join(repr(name) for name in names) or "no array"
