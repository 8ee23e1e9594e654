"""What a model's card says; `tfpipeline.runtime.model_card` reads it on the device."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from tfpipeline.export.calibrate.calibrate import Observed
from tfpipeline.export.errors import ExportError
from tfpipeline.export.lower.scales import QuantizationTable
from tfpipeline.export.options import ExportOptions
from tfpipeline.features import windows_of
from tfpipeline.features.front_end import FRONT_ENDS, front_end_class
from tfpipeline.runtime.native import ABI_VERSION

_PACKAGES = ("tfpipeline", "keras", "tensorflow", "ai-edge-litert", "numpy")


def given_part(
    name: str,
    labels: Any,
    frontend: Mapping[str, Any] | None,
    metrics: Mapping[str, float] | None,
    description: str | None,
    license: str | None,
) -> dict[str, Any]:
    """Return what only the user knows.

    Raises:
        ExportError: an entry is not what it should be.
    """
    for argument, text in (("description", description), ("license", license)):
        if text is not None and not isinstance(text, str):
            raise ExportError(f"{argument} must be a string, received {type(text).__name__}")
    if frontend is not None:
        try:
            windows_of(frontend)
        except (ValueError, TypeError) as error:
            known = " or ".join(one.__name__ for one in FRONT_ENDS.values())
            raise ExportError(
                f"frontend must be what to_config() of {known} gives: {error}"
            ) from error
    return {
        "name": name,
        "description": description,
        "license": license,
        "labels": None if labels is None else list(labels),
        "frontend": None if frontend is None else dict(frontend),
        "tokenizer": None,
        "metrics": _checked_metrics(metrics or {}),
    }


def _checked_metrics(metrics: Mapping[str, float]) -> dict[str, float]:
    found = {}
    if not isinstance(metrics, Mapping):
        raise ExportError(
            "metrics must map names to finite numbers, for example {'test_accuracy': 0.98}; "
            f"received {metrics!r}"
        )
    for name, value in metrics.items():
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not isinstance(name, str) or not math.isfinite(number):
            raise ExportError(
                "metrics must map names to finite numbers, for example "
                f"{{'test_accuracy': 0.98}}; received {name!r}: {value!r}"
            )
        found[name] = number
    return found


def found_part(
    observed: Observed,
    table: QuantizationTable,
    source: Mapping[str, Any],
    options: ExportOptions,
) -> dict[str, Any]:
    """Return what the export found out; `source` is the record of the calibration samples."""
    mode = options.modes.default
    # The list itself would outweigh small models: it is in the report, its hash is here.
    described = {"samples": observed.samples, "sha256": observed.sha256}
    described |= {key: value for key, value in source.items() if key != "list"}
    return {
        "ranks": {layer.name: layer.ranks() for layer in table.recurrent_plans()},
        "quantization": {
            "mode": options.quantize,
            "weights": mode.weights,
            "activations": mode.activations,
            "overrides": dict(options.overrides),
            "per_channel": mode.integer_weights and mode.per_channel,
            "clipping": options.clipping if options.uses_ranges else None,
            "bias_correction": options.correct_bias if options.modes.needs_ranges else None,
        },
        "calibration": described,
        "versions": versions(),
    }


def form_part(fused: bool) -> dict[str, Any]:
    """Return what one file has for itself."""
    needs = {"plugin": f">={version('tfpipeline')}", "plugin_abi": ABI_VERSION}
    return {
        "form": "fused" if fused else "portable",
        "requires": needs if fused else None,
    }


def with_units(entry: dict[str, Any], frontend: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return an input's description with unit and rates, where it is what the frontend makes."""
    if frontend is None or len(entry["shape"]) != 3:
        return {**entry, "unit": None, "sample_rate": None, "frame_rate": None}
    config = windows_of(frontend)
    return {
        **entry,
        "unit": front_end_class(frontend).UNIT,
        "sample_rate": config.sample_rate,
        "frame_rate": config.sample_rate / config.hop_samples,
    }


def to_json(card: Mapping[str, Any]) -> str:
    """Return the card as it lies beside the file."""
    return json.dumps(card, indent=2, sort_keys=True) + "\n"


def versions() -> dict[str, str]:
    """Return the tools of the export."""
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}
