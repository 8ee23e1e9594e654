"""Compares exported files with the Keras model that they came from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfpipeline.runtime.model_card import read_card, step_card
from tfpipeline.runtime.tflite_file import TFLiteFile

if TYPE_CHECKING:
    from tfpipeline.export import FormReport, Tolerances


def verify_files(
    model: Any,
    paths: Sequence[str | os.PathLike[str]],
    verification: Any,
    tolerances: Tolerances | None = None,
    frontend: Mapping[str, Any] | None = None,
) -> tuple[FormReport, ...]:
    """Runs every file on the samples and compares its scores with those of `model`.

    Args:
        model: the Keras model that was exported.
        paths: `.tflite` files of this package, whole-sequence or streaming.
        verification: model inputs from any source that `export()` takes: arrays, iterables, the
            path of a `.npy` or `.npz` file or of a folder of `.wav` files.
        tolerances: how far a file may be from Keras; by default what is usual for its mode.
        frontend: how features are made of a folder of audio; by default as the files' cards say.

    Raises:
        VerificationError: a file is further from Keras than the tolerances allow.
        ExportError: the samples cannot be read, or are no inputs of the model.
        ModelFileError: a file is missing or not ours.
    """
    from tfpipeline.export.forms import Form
    from tfpipeline.export.modes import FLOAT32
    from tfpipeline.export.sample_sets import read_verification
    from tfpipeline.export.verify import verify

    cards = _cards(paths)
    files, exact = {}, True
    for path, card in cards.items():
        fused = card["form"] == "fused"
        files[Form(fused, bool(card["streaming"]))] = path
        if step_card(card) is not None:
            files[Form(fused, streaming=True)] = path
        exact = exact and card["quantization"]["activations"] != FLOAT32
    signature, samples = read_verification(
        model,
        verification,
        frontend or next((c["frontend"] for c in cards.values() if c["frontend"]), None),
        _frames(cards.values()),
    )
    expected = signature.predict(model, samples)
    accepted = tolerances or usual_tolerances(paths)
    reports, _ = verify(files, samples, expected, accepted, exact)
    return reports


def usual_tolerances(paths: Sequence[str | os.PathLike[str]]) -> Tolerances:
    """What is usual for the coarsest of the number formats that the cards of files name."""
    from tfpipeline.export import Tolerances
    from tfpipeline.export.modes import MODES

    found = [card["quantization"] for card in _cards(paths).values()]
    names = {name for one in found for name in (one["mode"], *one["overrides"].values())}
    return Tolerances.for_mode([MODES[name] for name in names])


def _cards(paths: Sequence[str | os.PathLike[str]]) -> dict[Path, dict[str, Any]]:
    return {path: read_card(TFLiteFile(path)) for path in map(Path, paths)}


def _frames(cards: Iterable[Mapping[str, Any]]) -> int | None:
    """The length of the sequences that the files take; streams take any."""
    for card in cards:
        for entry in card["inputs"]:
            if entry["time_axis"] and not card["streaming"]:
                frames: int = entry["shape"][1]
                return frames
    return None
