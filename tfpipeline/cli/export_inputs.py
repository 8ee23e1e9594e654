"""What `tfpipeline export` reads: samples, labels and the front end of the features."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from tfpipeline.cli.export_input_error import ExportInputError as ExportInputError
from tfpipeline.cli.text_files import read_texts, read_tokenizer_file, text_of


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
    if arguments.tokenizer is not None:
        found["tokenizer"] = read_tokenizer_file(arguments.tokenizer)
        for option in ("calibration", "verification"):
            path = found[option]
            if path is not None and path.suffix == ".txt":
                found[option] = read_texts(option, path)
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
        found |= {key: value for key, value in corpus.items() if found[key] is None}
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
    found = [line.strip() for line in text_of("--labels", path).splitlines() if line.strip()]
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
            found = json.loads(text_of("--frontend", path))
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
