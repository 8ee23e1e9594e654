"""Times recurrent layers: our ops against the best that the stock converter makes of the same.

    make bench                          or: python custom_ops/bench/recurrent.py --help

Peers, all through the same interpreter: the WHILE loop with int8 weights and float activations
(dynamic range), and every step of its own in int8 (unrolled), both with XNNPACK. Ours has float
inputs and outputs, and whole sequences in one op. Sizes are the same; weights are random. A peer
that the converter does not make, or that does not run, is a row without figures that says why; ours
then has no ratio, because the missing peer might have been the best one.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, load_delegate
from layers import sparse_weights, with_zero_blocks
from measuring import machine, measure, plot_if_possible, write_csv
from read_limit import read_limit
from recurrent_plot import plot

from tfpipeline.export.flatbuffer.builder import GraphBuilder, ModelBuilder
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.numerics.cells import CELLS
from tfpipeline.numerics.recurrent_options import RecurrentOptions
from tfpipeline.runtime.native import library_path
from tfpipeline.worker_process import python_command, run_worker

#: Rank of both factors, as a part of the units.
RANK = 0.25
_FIGURES = (
    "us",
    "median_us",
    "us_a_frame",
    "gops",
    "weight_mb",
    "compared_with",
    "times_faster",
    "note",
)


@dataclass(frozen=True)
class Preset:
    """A stack of recurrent layers over one sequence; `rank` as a part of the units, 0 for plain.

    `zeros` is the share of 8x4 blocks of zeros left out of every matrix.
    """

    cell: str
    units: tuple[int, ...]
    features: int
    frames: int
    rank: float
    zeros: float = 0.0

    @property
    def name(self) -> str:
        sizes = "/".join(str(u) for u in self.units)
        return f"{self.cell.upper()} {sizes}{', factored' if self.rank else ''}"

    def layers(self) -> list[tuple[int, int, int]]:
        """Return features, units and rank of each layer."""
        features = (self.features, *self.units)
        return [(f, u, int(u * self.rank)) for f, u in zip(features, self.units, strict=False)]

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
        inputs, levels = [x], Quantization(0.03, 0)
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

        names = CELLS[self.cell].states
        first = [graph.tensor(f"{n}0_{number}", (1, units), np.float32) for n in names]
        weights = [*pair("W", features), *pair("U", units)]
        shape = (CELLS[self.cell].stored_rows, rows)
        bias = graph.constant(f"b{number}", np.zeros(shape, np.float32))
        levels = Quantization(float(np.float32(1 / 127)), 0)
        y = graph.tensor(f"y{number}", (1, self.frames, units), np.int8, levels)
        last = [graph.tensor(f"{n}_{number}", (1, units), np.float32) for n in names]
        inner = {"scale_a_x": 0.05, "scale_a_h": 0.05} if rank else {}
        options = RecurrentOptions(self.cell, units, features, rank, rank, **inner)
        graph.custom(options.op_name, [x, *first, *weights, bias, -1], [y, *last], options.pack())
        return y, first

    def stock(self, kind: str, folder: Path, seconds: float) -> bytes | str:
        """Return the stock converter's model, or why there is none."""
        target = folder / f"{self.cell}-{self.rank}-{kind}.tflite"
        job = json.dumps({**asdict(self), "kind": kind})
        script = Path(__file__).resolve().with_name("stock_recurrent.py")
        done = run_worker(python_command(str(script), job, str(target)), seconds=seconds)
        if done.status is None:
            return f"no model after {seconds:.0f} s"
        if done.status != 0 or not target.exists():
            return f"the converter {done.end}"
        return target.read_bytes()


def make_interpreter(model: bytes, ours: bool, threads: int, isa: str) -> Interpreter:
    options = {"isa": isa, "num_threads": threads}
    delegates = [load_delegate(str(library_path()), options=options)] if ours else []
    it = Interpreter(model_content=model, num_threads=threads, experimental_delegates=delegates)
    it.allocate_tensors()
    rng = np.random.default_rng(1)
    for number, detail in enumerate(it.get_input_details()):
        shape, dtype = detail["shape"], detail["dtype"]
        values = rng.standard_normal(shape) * (1.0 if number == 0 else 0.0)
        it.set_tensor(detail["index"], (values * (40 if dtype == np.int8 else 1)).astype(dtype))
    return it


def time_preset(
    models: Mapping[str, bytes | str],
    preset: Preset,
    threads: int,
    isa: str,
    rounds: int,
    repeats: int,
) -> list[dict[str, object]]:
    """Return one row a contender; the best of the peers is what ours is compared with.

    Args:
        models: By name: a model, or why there is none.
        preset: What they compute.
        threads, isa: Of the interpreters, and kernels of ours.
        rounds, repeats: See `measure`.
    """
    made: dict[str, Interpreter] = {}
    problems: dict[str, str] = {}
    for name, model in models.items():
        if isinstance(model, str):
            problems[name] = model
            continue
        try:
            made[name] = make_interpreter(model, name.startswith("ours"), threads, isa)
        except (ValueError, RuntimeError) as error:
            problems[name] = " ".join(str(error).split())
    times = dict(
        zip(made, measure([[it.invoke] for it in made.values()], rounds, repeats), strict=True)
    )
    best = {name: min(taken) for name, taken in times.items()}
    peers = {name: t for name, t in best.items() if not name.startswith("ours")}
    base = min(peers, key=lambda name: peers[name]) if peers else ""
    rows: list[dict[str, object]] = []
    for name in models:
        row: dict[str, object] = {
            "layers": preset.name,
            "features": preset.features,
            "frames": preset.frames,
            "threads": threads,
            "contender": name,
            **dict.fromkeys(_FIGURES, ""),
        }
        rows.append(row)
        row["weight_mb"] = f"{preset.weight_bytes() / 1e6:.2f}"
        if name in problems:
            row["note"] = problems[name]
            continue
        seconds = best[name]
        row["us"] = f"{seconds * 1e6:.1f}"
        row["median_us"] = f"{statistics.median(times[name]) * 1e6:.1f}"
        row["us_a_frame"] = f"{seconds * 1e6 / preset.frames:.2f}"
        row["gops"] = f"{preset.operations() / seconds / 1e9:.1f}"
        if not name.startswith("ours"):
            continue
        missing = [peer for peer in problems if not peer.startswith("ours")]
        if missing:
            row["note"] = f"no ratio without {'; '.join(missing)}"
        elif base:
            row["compared_with"] = base
            row["times_faster"] = f"{peers[base] / seconds:.2f}"
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--isa", default="auto", help="kernels of ours")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=4, help="calls a contender and round")
    parser.add_argument("--only", default="", help="presets whose name contains this")
    parser.add_argument("--converter-seconds", type=float, default=600.0)
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    arguments = parser.parse_args()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    plain = [
        Preset("gru", (640,), 320, arguments.frames, 0.0),
        Preset("lstm", (640,), 320, arguments.frames, 0.0),
        Preset("gru", (768, 1024, 1280), 320, arguments.frames, 0.0),
    ]
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    cache = read_limit(2 * 1000 * 1000).best
    notes = [
        "Measured wall-clock times, not modelled; best of all rounds. Batch 1.",
        f"machine: {machine()}; load average at the start {load:.1f}",
        f"command: python {shlex.join(sys.argv)}",
        f"read bandwidth: {cache / 1e9:.1f} GB/s in cache",
    ]
    rows: list[dict[str, object]] = []
    for preset in [p for p in plain if arguments.only in p.name]:
        factored = replace(preset, rank=RANK)
        with tempfile.TemporaryDirectory(prefix="tfpipeline-recurrent-") as folder:
            wanted = {
                "stock rolled, dynamic range": (preset, "rolled"),
                "stock unrolled, int8": (preset, "unrolled"),
                "stock rolled, factored": (factored, "rolled"),
            }
            found = {
                name: what.stock(kind, Path(folder), arguments.converter_seconds)
                for name, (what, kind) in wanted.items()
            }
        for name, model in found.items():
            if isinstance(model, str):
                print(f"{preset.name}, {name}: {model}", file=sys.stderr)
        smaller = {n: m for n, m in found.items() if "factored" in n}
        full = {n: m for n, m in found.items() if n not in smaller}
        for threads in arguments.threads:
            for what, peers in ((preset, full), (factored, smaller)):
                models = {**peers, "ours": what.model()}
                rows += time_preset(
                    models, what, threads, arguments.isa, arguments.rounds, arguments.repeats
                )
            print(f"{preset.name}, threads {threads}", file=sys.stderr)
        # After each preset: a stack can keep the converter busy for minutes.
        write_csv(out / "recurrent_x86.csv", rows, notes)
        plot_if_possible(plot, out / "recurrent_x86.png", rows, cache, notes[1])


if __name__ == "__main__":
    main()
