"""The model card: what a program must know to feed a model and read its answer.

A JSON object in the `.tflite` metadata `tfpipeline.model_card`, written by the exporter, which puts
the same beside the file as `NAME.card.json`. docs/export.md has the table of its keys: what the
user said of the model, how features are made, inputs and outputs with units and scales, states,
which form it is, how it was quantized and calibrated, and what it needs to run. In the file,
entries of `LEFT_OUT` that are null are not written: small models have no bytes for them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
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
LEFT_OUT = ("description", "license", "frontend", "tokenizer", "chunk", "length", "requires")
"""Keys of a card that a file has only where they are not null."""
LEFT_OUT_OF_INPUTS = ("unit", "sample_rate", "frame_rate")
_LEFT_OUT_OF_SIGNATURES = ("chunk", "length")


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
        return check_card(complete_card(json.loads(data)))
    except CardError as error:
        raise ModelFileError(
            f"{file.path} {error}: it was edited, or written by another version of tfpipeline; "
            "export the model again"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{file.path} has a damaged model card ({error})") from error


def pack_card(card: Mapping[str, Any]) -> bytes:
    """Return a card as it stands in a file."""
    return json.dumps(_shortened(card), sort_keys=True, separators=(",", ":")).encode()


def complete_card(card: Any) -> Any:
    """Return a card of a file with every key; what is no card comes back as it is."""
    if not isinstance(card, dict):
        return card
    completed = {**dict.fromkeys(LEFT_OUT), **_with_inputs(card)}
    signatures = card.get("signatures")
    if isinstance(signatures, dict):
        completed["signatures"] = {
            key: {**dict.fromkeys(_LEFT_OUT_OF_SIGNATURES), **_with_inputs(part)}
            if isinstance(part, dict)
            else part
            for key, part in signatures.items()
        }
    return completed


def _with_inputs(part: dict[str, Any]) -> dict[str, Any]:
    inputs = part.get("inputs")
    if not isinstance(inputs, list):
        return part
    missing = dict.fromkeys(LEFT_OUT_OF_INPUTS)
    return {**part, "inputs": [{**missing, **e} if isinstance(e, dict) else e for e in inputs]}


def _shortened(part: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in part.items() if key not in LEFT_OUT or value is not None}
    kept["inputs"] = [
        {k: v for k, v in entry.items() if k not in LEFT_OUT_OF_INPUTS or v is not None}
        for entry in part["inputs"]
    ]
    if "signatures" in part:
        kept["signatures"] = {key: _shortened(one) for key, one in part["signatures"].items()}
    return kept


def step_card(card: dict[str, Any]) -> dict[str, Any] | None:
    """Return the card of the stream in a file that also holds a whole sequence, or None."""
    step = (card.get("signatures") or {}).get(STEP)
    if step is None:
        return None
    shared = {key: value for key, value in card.items() if key != "signatures"}
    return {**shared, **step}
