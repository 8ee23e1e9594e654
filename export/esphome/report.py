"""What the export of a wake word did, and how well the file agrees with Keras."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Agreement:
    """Probabilities of a file against Keras', call by call.

    Args:
        calls: How many were compared.
        rms: Root mean square of the differences.
        largest: The largest difference.
        spread: Standard deviation of Keras' probabilities.
        decisions: Share of calls that are on the same side of the cutoff.
    """

    calls: int
    rms: float
    largest: float
    spread: float
    decisions: float


@dataclass(frozen=True)
class EsphomeReport:
    """The result of `tfpipeline.export.export_esphome`.

    Args:
        manifest_path: The manifest.
        model_path: The model beside it.
        report_path: Where this report lies as JSON.
        file_bytes: Size of the model, which is what it takes of the flash.
        operators: How many it has.
        variables: How many states it keeps.
        state_bytes: Their bytes.
        tensor_arena_size: Bytes of memory that the manifest asks for.
        stride: Frames of a call.
        samples: The file against Keras on the verification samples, each from a fresh state.
        streams: The same on streams ten times as long.
        stream_frames: Their length.
        calibration: Source, number and hash of the calibration samples.
        verification: Number of samples, and where they came from.
        versions: Tools and their versions.
    """

    manifest_path: str
    model_path: str
    report_path: str
    file_bytes: int
    operators: int
    variables: int
    state_bytes: int
    tensor_arena_size: int
    stride: int
    samples: Agreement
    streams: Agreement
    stream_frames: int
    calibration: dict[str, Any]
    verification: dict[str, Any]
    versions: dict[str, str]

    @property
    def manifest(self) -> Path:
        return Path(self.manifest_path)

    @property
    def model(self) -> Path:
        return Path(self.model_path)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n"

    def __str__(self) -> str:
        lines = [
            f"{self.model_path}: {self.file_bytes:,} bytes, {self.operators} operators, "
            f"{self.variables} states of {self.state_bytes} bytes, {self.stride} frames a call",
            f"{self.manifest_path}: arena of {self.tensor_arena_size:,} bytes",
            "",
            f"{'against Keras':<28} {'calls':>7} {'rms':>8} {'largest':>8} {'decisions':>10}",
        ]
        for what, one in (
            (f"{self.verification['samples']} samples", self.samples),
            (f"streams of {self.stream_frames} frames", self.streams),
        ):
            lines.append(
                f"{what:<28} {one.calls:>7} {one.rms:>8.4f} {one.largest:>8.4f} "
                f"{one.decisions:>10.2%}"
            )
        return "\n".join(lines)
