"""Times layers without their 8x4 blocks of zeros against the same layers with them.

    make bench                       or: python custom_ops/bench/block_sparse.py --help

Fully connected layers (int8 in and out) at batch 1, and one streamed step of recurrent layers that
read as many features as they have units, the zeros in both of their matrices; one thread.
Contenders take turns within every round; the ratio is that to our own op with dense weights, best
and median. XNNPACK's FULLY_CONNECTED stands beside the layers.
"""

from __future__ import annotations

import argparse
import os
import shlex
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from fully_connected import Contender, shape
from layers import Layer
from measuring import cpu_class, machine, measure, prepare_folder, write_csv
from recurrent import Preset, make_interpreter

from tfpipeline.progress import progress

DENSE = "ours, dense"
_FIGURES = ("us", "median_us", "times_faster", "median_times_faster", "note")


def sparse_name(zeros: float) -> str:
    """Return the name of a contender."""
    return f"ours, {100 * zeros:g} % of blocks left out"


def layer_calls(
    rows: int, depth: int, batch: int, sparsity: Sequence[float], isa: str
) -> dict[str, Callable[[], object]]:
    """Return a call of a fully connected layer by contender."""
    plain = Layer(rows, depth, batch, False, 8)
    group = {"XNNPACK": Contender("XNNPACK", plain, False, None)}
    for zeros in (0.0, *sparsity):
        name = sparse_name(zeros) if zeros else DENSE
        group[name] = Contender(name, replace(plain, zeros=zeros), True, None)
    # Our op, and not the accelerated builtin one, at every batch.
    return {
        name: one.interpreter(one.layer.model(one.ours), 1, isa).invoke
        for name, one in group.items()
    }


def step_calls(
    cell: str, units: int, sparsity: Sequence[float], isa: str
) -> dict[str, Callable[[], object]]:
    """Return a call of one step of a recurrent layer by contender."""
    return {
        sparse_name(zeros) if zeros else DENSE: make_interpreter(
            Preset(cell, (units,), units, 1, 0.0, zeros).model(), True, 1, isa
        ).invoke
        for zeros in (0.0, *sparsity)
    }


def time_calls(
    name: str,
    batch: int,
    calls: Mapping[str, Callable[[], object]],
    rounds: int,
    repeats: int,
) -> list[dict[str, object]]:
    """Return one row a contender.

    Args:
        name, batch: Of the layer.
        calls: By contender.
        rounds, repeats: See `measure`.
    """
    taken = dict(zip(calls, measure([[c] for c in calls.values()], rounds, repeats), strict=True))
    best = {one: min(times) for one, times in taken.items()}
    median = {one: statistics.median(times) for one, times in taken.items()}
    return [
        {
            "layer": name,
            "batch": batch,
            "contender": one,
            "us": f"{best[one] * 1e6:.2f}",
            "median_us": f"{median[one] * 1e6:.2f}",
            "times_faster": f"{best[DENSE] / best[one]:.2f}",
            "median_times_faster": f"{median[DENSE] / median[one]:.2f}",
        }
        for one in calls
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sparsity", type=float, nargs="+", default=[0.3, 0.5, 0.6, 0.7, 0.8, 0.9])
    parser.add_argument(
        "--shapes",
        type=shape,
        nargs="*",
        default=[(64, 64), (256, 64), (512, 128), (1024, 512), (1920, 640), (6144, 320)],
        metavar="ROWSxDEPTH",
    )
    parser.add_argument("--batches", type=int, nargs="+", default=[1])
    parser.add_argument("--cells", nargs="*", default=["gru", "lstm"])
    parser.add_argument("--units", type=int, nargs="*", default=[64, 128, 256, 640])
    parser.add_argument("--isa", default="auto", help="kernels of ours")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=8, help="calls a contender and round")
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    arguments = parser.parse_args()
    out: Path = arguments.out
    prepare_folder(out)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    sparsity, isa = arguments.sparsity, arguments.isa
    rows: list[dict[str, object]] = []
    layers = [(*one, batch) for one in arguments.shapes for batch in arguments.batches]
    steps = [(cell, units) for cell in arguments.cells for units in arguments.units]
    with progress("Timing layers", len(layers) + len(steps)) as bar:
        for high, deep, batch in layers:
            calls = layer_calls(high, deep, batch, sparsity, isa)
            name = f"{high}x{deep}"
            rows += time_calls(name, batch, calls, arguments.rounds, arguments.repeats)
            bar.advance(note=name)
        for cell, units in steps:
            calls = step_calls(cell, units, sparsity, isa)
            name = f"{cell.upper()} {units}"
            rows += time_calls(name, 1, calls, arguments.rounds, arguments.repeats)
            bar.advance(note=name)
    notes = [
        "Measured wall-clock times of calls, one thread, weights in cache, not modelled; us is the "
        "best call, median_us the median. times_faster: than our op with dense weights, of the "
        "best and of the medians.",
        f"CPU class: {cpu_class()}; kernels of ours: {isa}",
        f"machine: {machine()}; load average at the start {load:.1f}",
        f"command: python {shlex.join(sys.argv)}",
    ]
    write_csv(out / "block_sparse_x86.csv", rows, notes)


if __name__ == "__main__":
    main()
