"""Compares exported files with the Keras model that they came from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfpipeline.runtime.model_card import read_card, step_card
from tfpipeline.runtime.tflite_file import TFLiteFile

if TYPE_CHECKING:
    from tfpipeline.export import FormReport, Tolerances, VerificationError
    from tfpipeline.export.verify.problems import Problem


def verify_files(
    model: Any,
    paths: Sequence[str | os.PathLike[str]],
    verification: Any,
    tolerances: Tolerances | None = None,
    frontend: Mapping[str, Any] | None = None,
) -> tuple[FormReport, ...]:
    """Run every file on the samples and compare its scores with those of `model`.

    Args:
        model: the Keras model that was exported.
        paths: `.tflite` files of this package, whole-sequence or streaming.
        verification: model inputs from any source that `export()` takes: arrays, iterables, the
            path of a `.npy` or `.npz` file or of a folder of `.wav` files.
        tolerances: how far a file may be from Keras; by default what is usual for its mode.
        frontend: how features are made of a folder of audio; by default as the files' cards say.

    Raises:
        VerificationError: a file is further from Keras than the tolerances allow, has other inputs
            or outputs than the model, or the samples are all alike.
        ExportError: the samples cannot be read, or are no inputs of the model.
        ModelFileError: a file is missing or not ours.
    """
    from tfpipeline.export.modes import FLOAT32
    from tfpipeline.export.options import Form
    from tfpipeline.export.samples.sets import read_verification
    from tfpipeline.export.trace.predictions import predict
    from tfpipeline.export.trace.signature import fixed_frames, signature_of
    from tfpipeline.export.verify.against_keras import Reference, verify
    from tfpipeline.export.verify.beyond_tolerances import problems_of
    from tfpipeline.export.verify.same_shapes import check_interface
    from tfpipeline.export.verify.score_kinds import scores_of_outputs
    from tfpipeline.export.verify.telling_samples import check_telling

    cards = _cards(paths)
    files, exact = {}, True
    for path, card in cards.items():
        fused = card["form"] == "fused"
        files[Form(fused, bool(card["streaming"]))] = path
        if step_card(card) is not None:
            files[Form(fused, streaming=True)] = path
        exact = exact and card["quantization"]["activations"] != FLOAT32
    signature, samples = read_verification(
        partial(signature_of, model),
        verification,
        frontend or next((c["frontend"] for c in cards.values() if c["frontend"]), None),
        _frames(cards.values()) or fixed_frames(model),
    )
    for path, card in cards.items():
        check_interface(path, card, signature)
    expected = predict(model, signature, samples)
    accepted = tolerances or usual_tolerances(paths)
    check_telling(samples, expected, accepted)
    labels = next((card["labels"] for card in cards.values() if card["labels"]), None)
    scores = scores_of_outputs(model, signature, labels, expected)
    reference = Reference(samples, expected, scores, signature.timed_outputs)
    reports, _ = verify(files, reference, accepted)
    problems = problems_of(reports, accepted, exact)
    if problems:
        raise _refusal(problems, reports, {form.name: path for form, path in files.items()})
    return reports


def _refusal(
    problems: Sequence[Problem], reports: Sequence[FormReport], paths: Mapping[str, Path]
) -> VerificationError:
    from tfpipeline.export import VerificationError
    from tfpipeline.export.verify.form_report import forms_table
    from tfpipeline.export.verify.problems import acceptable, by_form

    found = "; ".join(
        f"{paths[form]} ({form} form) {what}" for form, what in by_form(problems).items()
    )
    return VerificationError(
        f"{found} (is it the model that was exported, and are the samples what it takes?)",
        acceptable(problems),
        tuple(reports),
        forms_table(reports),
    )


def usual_tolerances(paths: Sequence[str | os.PathLike[str]]) -> Tolerances:
    """Return what is usual for the coarsest of the number formats that the cards of files name."""
    from tfpipeline.export import Tolerances
    from tfpipeline.export.modes import MODES

    found = [card["quantization"] for card in _cards(paths).values()]
    names = {name for one in found for name in (one["mode"], *one["overrides"].values())}
    return Tolerances.for_mode([MODES[name] for name in names])


def _cards(paths: Sequence[str | os.PathLike[str]]) -> dict[Path, dict[str, Any]]:
    return {path: read_card(TFLiteFile(path)) for path in map(Path, paths)}


def _frames(cards: Iterable[Mapping[str, Any]]) -> int | None:
    """Return the length of the sequences that the files take; streams take any."""
    for card in cards:
        for entry in card["inputs"]:
            if entry["time_axis"] and not card["streaming"]:
                frames: int = entry["shape"][1]
                return frames
    return None
