"""What `tfpipeline export` reads: samples, labels and the front end of the features."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from tfpipeline.errors import TfpipelineError


class ExportInputError(TfpipelineError):
    """An option that names a file which cannot serve."""


def inputs_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of `export()` that come from files.

    Raises:
        ExportInputError: nothing to calibrate with, or a file that is not what it should be.
    """
    given = (arguments.data, arguments.calibration, arguments.verification)
    if not any(given):
        raise ExportInputError(
            "there is nothing to calibrate with: pass --data with a folder of speech, or "
            "--calibration with a .npy or .npz file of model inputs or a folder of .wav files"
        )
    found: dict[str, Any] = {
        "calibration": arguments.calibration,
        "verification": arguments.verification,
        "labels": None if arguments.labels is None else _labels(arguments.labels),
        "frontend": None if arguments.frontend is None else read_frontend(arguments.frontend),
    }
    if arguments.data is not None:
        from tfpipeline.cli.dataset import load_data
        from tfpipeline.recipes.export_samples import clips_of

        dataset = load_data(arguments)
        corpus = {
            "calibration": clips_of(dataset.train, arguments.calibration_clips),
            "verification": clips_of(dataset.validation, arguments.verification_clips),
            "labels": dataset.labels,
            "frontend": dataset.log_mel.to_config(),
        }
        # What the user names goes before what the corpus has.
        found = {key: corpus[key] if found[key] is None else found[key] for key in found}
    for option in ("calibration", "verification"):
        path = found[option]
        if isinstance(path, Path) and path.is_dir() and found["frontend"] is None:
            raise ExportInputError(
                f"--{option} {path} is a folder of audio, from which features must be computed: "
                "pass --frontend with a .tflite file or card.json of an earlier export, or with "
                "to_config() of LogMel or MicroFrontend as JSON"
            )
    return found


def _labels(path: Path) -> list[str]:
    lines = _text("--labels", path).splitlines()
    found = [line.strip() for line in lines if line.strip()]
    if not found:
        raise ExportInputError(f"--labels {path} is empty: expected one label a line")
    return found


def read_frontend(path: Path) -> dict[str, Any]:
    """Return the configuration of a front end, from a `.tflite` file, a card or JSON of its own."""
    if path.suffix == ".tflite":
        from tfpipeline.runtime.model_card import read_card
        from tfpipeline.runtime.tflite_file import TFLiteFile

        found: Any = read_card(TFLiteFile(path))
    else:
        try:
            found = json.loads(_text("--frontend", path))
        except (ValueError, RecursionError) as error:
            raise ExportInputError(f"--frontend {path} is not JSON: {error}") from error
    if isinstance(found, dict) and "frontend" in found:
        found = found["frontend"]
    if not isinstance(found, dict):
        raise ExportInputError(
            f"--frontend {path} describes no front end: expected a model card that has one, or "
            "to_config() of LogMel or MicroFrontend as JSON"
        )
    return found


def _text(option: str, path: Path) -> str:
    try:
        # Notepad and spreadsheets put a byte order mark in front.
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ExportInputError(f"{option} {path} cannot be read: {reason}") from error
