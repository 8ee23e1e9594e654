"""Writes the streaming files that one_step.py times, by this project's exporter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from layers import Layer

from tfpipeline.errors import TfpipelineError
from tfpipeline.numerics.cells import CELLS

#: Modes of the exporter by the bits of a weight, all with int8 activations.
MODES = {8: "int8", 4: "int8x4", 2: "int8x2"}
PORTABLE = "portable int8"
XNNPACK = "XNNPACK FULLY_CONNECTED int8"
#: Its kernels for weights of two bits, which not every one of its processors has.
XNNPACK_INT2 = "XNNPACK FULLY_CONNECTED int2"
XNNPACK_INT2_FLOAT = "XNNPACK FULLY_CONNECTED int2, float in and out"
_FRAMES, _SAMPLES = 8, 4


@dataclass(frozen=True)
class StreamedLayer:
    """A recurrent layer that reads `units` features a step; rank 0 is the plain one."""

    cell: str
    units: int
    rank: int = 0

    @property
    def name(self) -> str:
        """Return the cell and its units, which the factored layer of a plain one shares."""
        return f"{self.cell.upper()} {self.units}"

    def contender(self, bits: int) -> str:
        """Return the name of the fused file with weights of `bits` bits."""
        return f"fused int{bits}" + (f", rank {self.rank}" if self.rank else "")

    def weights(self) -> int:
        """Return how many weights a step reads."""
        rows = CELLS[self.cell].rows(self.units)
        if self.rank:
            return 2 * self.rank * (self.units + rows)
        return rows * 2 * self.units

    def product(self, bits: int = 8, is_float: bool = False) -> Layer:
        """Return the fully connected layer with as many weights as the plain one."""
        return Layer(CELLS[self.cell].rows(self.units), 2 * self.units, 1, is_float, bits)

    def path(self, folder: Path, bits: int, fused: bool = True) -> Path:
        """Return where the exporter puts a streaming file."""
        target = self._target(folder, bits)
        return target.with_suffix(".stream.fused.tflite" if fused else ".stream.tflite")

    def is_there(self, folder: Path, bits: int) -> bool:
        """Whether all files with weights of `bits` bits have been exported."""
        forms = [form == "fused" for form in self._forms(bits)]
        return all(self.path(folder, bits, fused).exists() for fused in forms)

    def export(self, folder: Path, widths: Iterable[int]) -> dict[int, str]:
        """Write the files with weights of `widths` bits; return why some could not be written."""
        from tfpipeline.export import Tolerances, export, kept_conversions

        problems: dict[int, str] = {}
        model = self._model()
        rng = np.random.default_rng(1)
        samples = rng.standard_normal((_SAMPLES, _FRAMES, self.units)).astype(np.float32)
        with kept_conversions():
            for bits in widths:
                try:
                    export(
                        model,
                        self._target(folder, bits),
                        quantize=MODES[bits],
                        calibration=samples,
                        verification=samples[:1],
                        streaming=True,
                        forms=self._forms(bits),
                        # Random weights have no accuracy to keep.
                        tolerances=Tolerances(0.0, 10.0, 1e6),
                    )
                except TfpipelineError as error:
                    problems[bits] = " ".join(str(error).split())
        return problems

    def _target(self, folder: Path, bits: int) -> Path:
        rank = f"_rank{self.rank}" if self.rank else ""
        return folder / f"{self.cell}{self.units}{rank}_{MODES[bits]}.tflite"

    def _forms(self, bits: int) -> list[str]:
        return ["portable", "fused"] if bits == 8 and not self.rank else ["fused"]

    def _model(self) -> Any:
        import keras

        from tfpipeline.layers import TWINS

        kinds = {kind.__name__.lower(): kind for kind in TWINS}
        kind = kinds[self.cell.replace("_", "")]
        if self.rank:
            ranks = {"rank": self.rank, "recurrent_rank": self.rank}
            layer = TWINS[kind](self.units, **ranks, return_sequences=True)
        else:
            layer = kind(self.units, return_sequences=True)
        model = keras.Sequential([keras.Input((None, self.units)), layer])
        rng = np.random.default_rng(0)

        def values(name: str, shape: tuple[int, ...]) -> np.ndarray:
            if "bias" in name:
                return 0.1 * rng.standard_normal(shape)
            # Ternary, which all modes hold exactly: others would not stay in two bits.
            return rng.integers(-1, 2, shape) / np.sqrt(shape[0])

        model.set_weights([values(w.name, w.shape).astype(np.float32) for w in model.weights])
        return model


def layers_of(cells: Iterable[str], units: int) -> list[StreamedLayer]:
    """Return the layers of each cell: the plain one, and the GRU factored to a quarter."""
    found: list[StreamedLayer] = []
    for cell in cells:
        ranks = (0, units // 4) if cell == "gru" else (0,)
        found += [StreamedLayer(cell, units, rank) for rank in ranks]
    return found
