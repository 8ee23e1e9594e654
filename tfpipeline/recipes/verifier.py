"""Compares exported files with the Keras model that they came from, on test audio."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfpipeline.runtime.model_card import read_card, step_card
from tfpipeline.runtime.tflite_file import TFLiteFile

if TYPE_CHECKING:
    from tfpipeline.export import FormReport, Tolerances


def verify_files(
    model: Any,
    paths: Sequence[str | os.PathLike[str]],
    samples: np.ndarray,
    tolerances: Tolerances | None = None,
) -> tuple[FormReport, ...]:
    """Runs every file on the samples and compares its scores with those of `model`.

    Args:
        model: the Keras model that was exported.
        paths: `.tflite` files of this package, whole-sequence or streaming.
        samples: float32 `(samples, time, features)`.
        tolerances: how far a file may be from Keras.

    Raises:
        VerificationError: a file is further from Keras than the tolerances allow.
        ModelFileError: a file is missing or not ours.
    """
    from tfpipeline.export import Tolerances
    from tfpipeline.export.forms import Form
    from tfpipeline.export.modes import FLOAT32
    from tfpipeline.export.signature import ModelSignature
    from tfpipeline.export.verify import verify

    files, exact = {}, True
    for path in map(Path, paths):
        card = read_card(TFLiteFile(path))
        fused = card["form"] == "fused"
        files[Form(fused, bool(card["streaming"]))] = path
        if step_card(card) is not None:
            files[Form(fused, streaming=True)] = path
        exact = exact and card["quantization"]["activations"] != FLOAT32
    signature = ModelSignature.of(model, samples)
    checked = signature.check("samples", samples)
    expected = signature.predict(model, checked)
    reports, _ = verify(files, checked, expected, tolerances or Tolerances(), exact)
    return reports
