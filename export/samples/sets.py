"""The two sets of samples that an export works with, from whatever sources the user named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tfpipeline.export.errors import ExportError
from tfpipeline.export.samples.positions import every_fourth, spread_positions
from tfpipeline.export.samples.signature import ModelSignature, Samples
from tfpipeline.export.samples.sources import Source, read_source

_CALIBRATION_LIMIT = 256
"""More samples hardly move a range; the report says how many were used."""
_BOTH_LIMIT = _CALIBRATION_LIMIT * 4 // 3
"""As many as leave that many when every fourth is held back."""
_VERIFICATION_LIMIT = 1000
"""Of an iterable or a folder; arrays are used whole."""
_FEWEST = 64
"""Of fewer the part held back could not judge every channel, and calibration would miss it."""

GIVEN, HELD_BACK, SHARED = "given", "held back", "shared"
"""Verification samples: the user's own; some that calibrated nothing; those that calibrated."""


@dataclass(frozen=True)
class SampleSets:
    """Samples to calibrate with and to verify on.

    Args:
        samples: To calibrate with; without quantized activations they only give shapes.
        held_out: To verify on.
        held_out_are: "given", "held back" from the calibration, or "shared" with it.
        calibration: What the report says of the former.
        verification: The same of the latter.
    """

    samples: Samples
    held_out: Samples
    held_out_are: str
    calibration: Mapping[str, Any]
    verification: Mapping[str, Any]

    @property
    def is_held_out(self) -> bool:
        """Whether no verification sample calibrated anything."""
        return self.held_out_are != SHARED


def read_sets(
    signature_of: Callable[[Any], ModelSignature],
    calibration: Any,
    verification: Any,
    frontend: Mapping[str, Any] | None,
    frames: int | None,
) -> tuple[ModelSignature, SampleSets]:
    """Read the samples and check them against the model's inputs; one source must be given.

    Without samples for verification every fourth of the calibration samples is held back for it,
    where there are enough.

    Args:
        signature_of: Reads the model's signature, given an example of its inputs.
        calibration: Any source of samples, or None.
        verification: The same.
        frontend: `LogMel.to_config()` for folders of audio.
        frames: Time steps of a model that takes sequences of one length only.
    """
    if calibration is None:
        verified = read_source("verification", verification, _VERIFICATION_LIMIT, frontend, frames)
        signature = signature_of(verified.values)
        held_out = signature.check("verification", verified.values)
        few = spread_positions(_count(held_out), _CALIBRATION_LIMIT)
        record = verified.record(range(_count(held_out)))
        return signature, SampleSets(_at(held_out, few), held_out, GIVEN, {}, record)
    limit = _BOTH_LIMIT if verification is None else _CALIBRATION_LIMIT
    source = read_source("calibration", calibration, limit, frontend, frames)
    signature = signature_of(source.values)
    samples = signature.check("calibration", source.values, limit)
    positions = spread_positions(signature.count(source.values), limit)
    if verification is None:
        return signature, _parted(source, samples, positions)
    frames = signature.frames(samples) or frames
    verified = read_source("verification", verification, _VERIFICATION_LIMIT, frontend, frames)
    held_out = signature.check("verification", verified.values)
    received, expected = signature.frames(held_out), signature.frames(samples)
    if received != expected:
        raise ExportError(
            f"verification has {received} time steps, expected {expected} as calibration has: cut "
            "or pad it"
        )
    record = verified.record(range(_count(held_out)))
    return signature, SampleSets(samples, held_out, GIVEN, source.record(positions), record)


def _parted(source: Source, samples: Samples, positions: Sequence[int]) -> SampleSets:
    """One source for both: every fourth sample is held back."""
    apart = every_fourth(len(positions), _FEWEST)
    if not apart:
        few = positions[:_CALIBRATION_LIMIT]
        return SampleSets(samples, samples, SHARED, source.record(few), {})
    kept = [i for i in range(len(positions)) if i not in set(apart)]
    return SampleSets(
        _at(samples, kept),
        _at(samples, apart),
        HELD_BACK,
        source.record([positions[i] for i in kept]),
        source.record([positions[i] for i in apart]),
    )


def read_verification(
    signature_of: Callable[[Any], ModelSignature],
    verification: Any,
    frontend: Mapping[str, Any] | None,
    frames: int | None,
) -> tuple[ModelSignature, Samples]:
    """Read samples to compare finished files on; `frames` is the length that those take."""
    source = read_source("verification", verification, _VERIFICATION_LIMIT, frontend, frames)
    signature = signature_of(source.values)
    return signature, signature.check("verification", source.values)


def _count(samples: Samples) -> int:
    return len(next(iter(samples.values())))


def _at(samples: Samples, positions: Sequence[int]) -> Samples:
    return {name: values[list(positions)] for name, values in samples.items()}
