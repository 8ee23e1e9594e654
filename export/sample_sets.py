"""The two sets of samples that an export works with, from whatever sources the user named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras

from tfpipeline.export.errors import ExportError
from tfpipeline.export.samples import Source, read_source
from tfpipeline.export.signature import ModelSignature, Samples

_CALIBRATION_LIMIT = 256
"""More samples hardly move a range; the report says how many were used."""
_VERIFICATION_LIMIT = 1000
"""Of an iterable or a folder; arrays are used whole."""


@dataclass(frozen=True)
class SampleSets:
    """Samples to calibrate with and to verify on.

    Args:
        samples: To calibrate with; without quantized activations they only give shapes.
        held_out: To verify on.
        source: Where the former came from; None where they are borrowed from the latter.
        verified: The same, the other way round.
    """

    samples: Samples
    held_out: Samples
    source: Source | None
    verified: Source | None

    @property
    def is_held_out(self) -> bool:
        """Whether there were samples for verification only."""
        return self.verified is not None

    def calibration_record(self) -> dict[str, Any]:
        """What the report says of the samples."""
        return _record(self.source, self.samples)

    def verification_record(self) -> dict[str, Any]:
        """The same of those that were held out."""
        return _record(self.verified, self.held_out)


def read_sets(
    model: keras.Model,
    calibration: Any,
    verification: Any,
    frontend: Mapping[str, Any] | None,
) -> tuple[ModelSignature, SampleSets]:
    """Reads the samples and checks them against the model's inputs; one source must be given."""
    frames = _fixed_frames(model)
    source = verified = None
    if calibration is not None:
        source = read_source("calibration", calibration, _CALIBRATION_LIMIT, frontend, frames)
        signature = ModelSignature.of(model, source.values)
        samples = signature.check("calibration", source.values, _CALIBRATION_LIMIT)
        frames = signature.frames(samples) or frames
    if verification is not None:
        verified = read_source("verification", verification, _VERIFICATION_LIMIT, frontend, frames)
        if source is None:
            signature = ModelSignature.of(model, verified.values)
        held_out = signature.check("verification", verified.values)
        if source is None:
            samples = {name: values[:_CALIBRATION_LIMIT] for name, values in held_out.items()}
    else:
        held_out = samples
    received, expected = signature.frames(held_out), signature.frames(samples)
    if received != expected:
        raise ExportError(
            f"verification has {received} time steps, expected {expected} as calibration has: cut "
            "or pad it"
        )
    return signature, SampleSets(samples, held_out, source, verified)


def read_verification(
    model: keras.Model,
    verification: Any,
    frontend: Mapping[str, Any] | None,
    frames: int | None,
) -> tuple[ModelSignature, Samples]:
    """Reads samples to compare finished files on; `frames` is the length that those take."""
    source = read_source(
        "verification", verification, _VERIFICATION_LIMIT, frontend, frames or _fixed_frames(model)
    )
    signature = ModelSignature.of(model, source.values)
    return signature, signature.check("verification", source.values)


def _fixed_frames(model: keras.Model) -> int | None:
    """Time steps of a model that takes sequences of one length only."""
    shapes = [tensor.shape for tensor in getattr(model, "inputs", None) or []]
    fixed: int | None = shapes[0][1] if len(shapes) == 1 and len(shapes[0]) == 3 else None
    return fixed


def _record(source: Source | None, samples: Samples) -> dict[str, Any]:
    return {} if source is None else source.record(len(next(iter(samples.values()))))
