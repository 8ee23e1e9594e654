"""The model card: what a program must know to feed a model and read its answer.

A JSON object in the `.tflite` metadata `tfpipeline.model_card`, written by the exporter, which puts
the same beside the file as `NAME.card.json`. docs/export.md has the table of its keys: what the
user said of the model, how features are made, inputs and outputs with units and scales, states,
which form it is, how it was quantized and calibrated, and what it needs to run.
"""

from __future__ import annotations

import json
from typing import Any

from tfpipeline.runtime.card_schema import CardError, check_card
from tfpipeline.runtime.errors import ModelFileError
from tfpipeline.runtime.tflite_file import TFLiteFile

CARD_METADATA = "tfpipeline.model_card"
LENGTH = "length"
"""The input of a whole-sequence model that says how many time steps count, where they may be
fewer."""
STEP = "step"
"""The signature of a stream, where a file holds the whole sequence too."""


def read_card(file: TFLiteFile) -> dict[str, Any]:
    """Read and check the card of a model that tfpipeline exported.

    Raises:
        ModelFileError: there is none, or one that no export writes.
    """
    data = file.metadata(CARD_METADATA)
    if data is None:
        raise ModelFileError(
            f"{file.path} has no tfpipeline model card: it was not written by "
            "tfpipeline.export.export; export the model with it, or use the TensorFlow Lite "
            "interpreter directly with tfpipeline.load_delegate()"
        )
    try:
        return check_card(json.loads(data))
    except CardError as error:
        raise ModelFileError(
            f"{file.path} {error}: it was edited, or written by another version of tfpipeline; "
            "export the model again"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{file.path} has a damaged model card ({error})") from error


def step_card(card: dict[str, Any]) -> dict[str, Any] | None:
    """Return the card of the stream in a file that also holds a whole sequence, or None."""
    step = (card.get("signatures") or {}).get(STEP)
    if step is None:
        return None
    shared = {key: value for key, value in card.items() if key != "signatures"}
    return {**shared, **step}
