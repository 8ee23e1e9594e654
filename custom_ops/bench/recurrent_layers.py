"""The layers of the recurrent bench: sizes, weights, and our model of them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from layers import sparse_weights, with_zero_blocks
from recurrent_weights import LayerWeights, draw_weights

from tfpipeline.export.flatbuffer.builder import GraphBuilder, ModelBuilder
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.numerics.cells import CELLS
from tfpipeline.numerics.fully_connected import pack_rows
from tfpipeline.numerics.recurrent_options import RecurrentOptions
from tfpipeline.worker_process import python_command, run_worker

#: Of the int8 input of ours; what lies outside of it is cut off.
INPUT_SCALE = 0.03


@dataclass(frozen=True)
class Preset:
    """A stack of recurrent layers over one sequence; `rank` as a part of the units, 0 for plain.

    `zeros` is the share of 8x4 blocks of zeros left out of every matrix, `bits` the width of the
    weights of ours where they are plain.
    """

    cell: str
    units: tuple[int, ...]
    features: int
    frames: int
    rank: float
    zeros: float = 0.0
    bits: int = 8

    @property
    def name(self) -> str:
        sizes = "/".join(str(u) for u in self.units)
        return f"{self.cell.upper()} {sizes}{', factored' if self.rank else ''}"

    def layers(self) -> list[tuple[int, int, int]]:
        """Return features, units and rank of each layer."""
        features = (self.features, *self.units)
        return [(f, u, int(u * self.rank)) for f, u in zip(features, self.units, strict=False)]

    def stack(self) -> list[LayerWeights]:
        """Return the weights of plain layers, which every contender gets."""
        return [
            draw_weights(self.cell, units, features, number, self.bits)
            for number, (features, units, _) in enumerate(self.layers())
        ]

    def input(self) -> np.ndarray:
        """Return a sequence `(frames, features)` in the range of our int8 input."""
        x = np.random.default_rng(1).standard_normal((self.frames, self.features))
        return np.clip(x, -127 * INPUT_SCALE, 127 * INPUT_SCALE).astype(np.float32)

    def weight_bytes(self) -> int:
        """Return the bytes of the int8 weights of all layers."""
        total = 0
        for features, units, rank in self.layers():
            rows = CELLS[self.cell].rows(units)
            plain = rows * (features + units)
            total += 2 * rank * rows + rank * (features + units) if rank else plain
        return total

    def operations(self) -> int:
        """Return the operations of a sequence: two a weight and step."""
        return 2 * self.weight_bytes() * self.frames

    def model(self) -> bytes:
        """Return a model of one op a layer, from float sequences to float sequences."""
        builder = ModelBuilder("recurrent layers")
        graph = builder.graph("main")
        x = graph.tensor("x", (1, self.frames, self.features), np.float32)
        inputs, levels = [x], Quantization(INPUT_SCALE, 0)
        q = graph.tensor("q", (1, self.frames, self.features), np.int8, levels)
        graph.operator("QUANTIZE", [x], [q], schema.QuantizeOptionsT())
        for number, (features, units, rank) in enumerate(self.layers()):
            q, states = self._layer(graph, number, features, units, rank, q)
            inputs += states
        y = graph.tensor("y", (1, self.frames, self.units[-1]), np.float32)
        graph.operator("DEQUANTIZE", [q], [y], schema.DequantizeOptionsT())
        graph.finish(inputs, [y])
        return builder.to_bytes()

    def _layer(
        self, graph: GraphBuilder, number: int, features: int, units: int, rank: int, x: int
    ) -> tuple[int, list[int]]:
        rows = CELLS[self.cell].rows(units)
        bias_shape = (CELLS[self.cell].stored_rows, rows)
        bits = (8, 8, 8, 8)
        if rank or self.zeros:
            weights, values = (
                self._random(graph, number, features, units, rank),
                np.zeros(bias_shape),
            )
        else:
            drawn = draw_weights(self.cell, units, features, number, self.bits)
            weights, values, bits = self._plain(graph, number, drawn), drawn.bias, 4 * (self.bits,)
        names = CELLS[self.cell].states
        first = [graph.tensor(f"{n}0_{number}", (1, units), np.float32) for n in names]
        bias = graph.constant(f"b{number}", values.astype(np.float32))
        levels = Quantization(float(np.float32(1 / 127)), 0)
        y = graph.tensor(f"y{number}", (1, self.frames, units), np.int8, levels)
        last = [graph.tensor(f"{n}_{number}", (1, units), np.float32) for n in names]
        inner = {"scale_a_x": 0.05, "scale_a_h": 0.05} if rank else {}
        options = RecurrentOptions(
            self.cell, units, features, rank, rank, **inner, weight_bits=bits
        )
        graph.custom(options.op_name, [x, *first, *weights, bias, -1], [y, *last], options.pack())
        return y, first

    def _plain(self, graph: GraphBuilder, number: int, drawn: LayerWeights) -> list[int]:
        def matrix(name: str, values: np.ndarray, scales: np.ndarray) -> int:
            data = values if self.bits == 8 else pack_rows(values, self.bits)
            return graph.constant(f"{name}{number}", data, Quantization.per_channel(scales))

        return [
            matrix("W1", drawn.kernel, drawn.kernel_scales),
            -1,
            matrix("U1", drawn.recurrent, drawn.recurrent_scales),
            -1,
        ]

    def _random(
        self, graph: GraphBuilder, number: int, features: int, units: int, rank: int
    ) -> list[int]:
        """Declare matrices of factors, or without their blocks of zeros."""
        rng = np.random.default_rng(number)
        rows = CELLS[self.cell].rows(units)

        def matrix(name: str, shape: tuple[int, int]) -> int:
            values = rng.integers(-127, 128, shape).astype(np.int8)
            scales = np.full(shape[0], 0.02 / np.sqrt(shape[1]), np.float32)
            if self.zeros:
                gates = rows // units if shape[0] == rows else 1
                values = with_zero_blocks(values, self.zeros, rng, gates)
                return sparse_weights(graph, f"{name}{number}", values, scales, gates)
            return graph.constant(f"{name}{number}", values, Quantization.per_channel(scales))

        def pair(name: str, depth: int) -> list[int]:
            if rank:
                return [matrix(f"{name}1", (rank, depth)), matrix(f"{name}2", (rows, rank))]
            return [matrix(f"{name}1", (rows, depth)), -1]

        return [*pair("W", features), *pair("U", units)]

    def stock(self, kind: str, folder: Path, seconds: float) -> bytes | str:
        """Return the stock converter's model, or why there is none."""
        target = folder / f"{self.cell}-{self.rank}-{kind}.tflite"
        weights = folder / f"{self.cell}.npz"
        if not self.rank:
            _save(weights, self.stack())
        job = json.dumps({**asdict(self), "kind": kind, "weights": str(weights)})
        script = Path(__file__).resolve().with_name("stock_recurrent.py")
        done = run_worker(python_command(str(script), job, str(target)), seconds=seconds)
        if done.status is None:
            return f"no model after {seconds:.0f} s"
        if done.status != 0 or not target.exists():
            return f"the converter {done.end}"
        return target.read_bytes()


def _save(path: Path, stack: list[LayerWeights]) -> None:
    """Write the weights as Keras keeps them: three arrays a layer, in order."""
    arrays = []
    for layer in stack:
        bias = layer.bias if len(layer.bias) == 2 else layer.bias[0]
        arrays += [layer.real_kernel().T, layer.real_recurrent().T, bias]
    np.savez(path, *arrays)
