"""Times stock fully connected layers of many shapes with `accelerate_builtin` and without it.

    make bench                     or: python custom_ops/bench/accelerate_scan.py --help

One thread; both interpreters take turns within every round, and their outputs are compared. A shape
that the plug-in leaves to the runtime has no row; claimed ones that are slower are named.
`--accelerate all` has it claim whatever it can: what the rule in `tfp_fully_connected_gain.c` was
fitted to.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shlex
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType, load_delegate
from layers import Layer, UnsignedLayer
from measuring import cpu_class, machine, measure, prepare_folder, write_csv

from tfpipeline.runtime.native import library_path

SIZES = (1, 4, 16, 64, 128, 256, 512, 1024, 2048, 4096)
#: By name: whether in float, bits of the weights.
KINDS = {
    "int8": (False, 8),
    "float, int8 weights": (True, 8),
    "float, int4 weights": (True, 4),
    "uint8": (False, 0),
}
#: Of the time without the plug-in: slower is a fault, or what two runs differ by.
SLOWER = 1.03


@dataclass(frozen=True)
class Times:
    """Seconds a call, best and median, without the plug-in and with it."""

    stock: float
    stock_median: float
    ours: float
    ours_median: float

    @property
    def ratio(self) -> float:
        """How many times as fast the plug-in is: the better one of best and median."""
        return max(self.stock / self.ours, self.stock_median / self.ours_median)


def layer_of(kind: str, rows: int, depth: int, batch: int) -> Layer:
    is_float, bits = KINDS[kind]
    if not bits:
        return UnsignedLayer(rows, depth, batch, False, 8)
    return Layer(rows, depth, batch, is_float, bits)


def delegate_of(accelerate: str, isa: str) -> Any:
    options = {"isa": isa, "num_threads": 1, "accelerate_builtin": accelerate}
    return load_delegate(str(library_path()), options=options)


def interpreter(layer: Layer, delegates: list[Any]) -> Interpreter:
    """Return a runtime of one thread that has run the layer once."""
    made = Interpreter(
        model_content=layer.model(False), num_threads=1, experimental_delegates=delegates
    )
    made.allocate_tensors()
    made.set_tensor(made.get_input_details()[0]["index"], layer.input())
    made.invoke()
    return made


def is_claimed(layer: Layer, accelerate: str, isa: str) -> bool:
    """Return whether the plug-in takes the layer, where XNNPACK is not there to take it too."""
    made = Interpreter(
        model_content=layer.model(False),
        experimental_delegates=[delegate_of(accelerate, isa)],
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    return any(op["op_name"] == "DELEGATE" for op in made._get_ops_details())


def time_layer(
    layer: Layer, accelerate: str, isa: str, rounds: int, repeats: int
) -> tuple[Times | None, str]:
    """Return times, or None where the plug-in leaves the layer alone, and what is to be noted."""
    if not is_claimed(layer, accelerate, isa):
        return None, "left to the runtime"
    ours = interpreter(layer, [delegate_of(accelerate, isa)])
    stock = interpreter(layer, [])
    out = stock.get_output_details()[0]["index"]
    same = np.array_equal(stock.get_tensor(out), ours.get_tensor(out))
    a, b = measure([[stock.invoke], [ours.invoke]], rounds, repeats)
    times = Times(min(a), statistics.median(a), min(b), statistics.median(b))
    return times, "" if same else "outputs differ"


def rows_of(arguments: argparse.Namespace) -> Iterator[dict[str, object]]:
    shapes = itertools.product(arguments.kinds, arguments.rows, arguments.depths, arguments.batches)
    for kind, rows, depth, batch in shapes:
        layer = layer_of(kind, rows, depth, batch)
        times, note = time_layer(
            layer, arguments.accelerate, arguments.isa, arguments.rounds, arguments.repeats
        )
        if times is not None and times.ratio < 1 / SLOWER:
            # A neighbour on the machine makes any one measurement wrong; a fault comes again.
            times, note = time_layer(
                layer, arguments.accelerate, arguments.isa, 3 * arguments.rounds, arguments.repeats
            )
        yield {
            "kind": kind,
            "rows": rows,
            "depth": depth,
            "batch": batch,
            "stock_us": f"{times.stock * 1e6:.3f}" if times else "",
            "stock_median_us": f"{times.stock_median * 1e6:.3f}" if times else "",
            "ours_us": f"{times.ours * 1e6:.3f}" if times else "",
            "ours_median_us": f"{times.ours_median * 1e6:.3f}" if times else "",
            "times_faster": f"{times.ratio:.3f}" if times else "",
            "note": note,
        }


def summary(table: list[dict[str, object]]) -> list[str]:
    """Return a sentence a kind: how many are claimed, how many of these slower, which the most."""
    said = []
    for kind in dict.fromkeys(str(row["kind"]) for row in table):
        mine = [row for row in table if row["kind"] == kind]
        ratios = [(float(str(row["times_faster"])), row) for row in mine if row["times_faster"]]
        slower = sorted(
            ((ratio, row) for ratio, row in ratios if ratio < 1 / SLOWER), key=lambda pair: pair[0]
        )
        text = f"{kind}: {len(ratios)} of {len(mine)} shapes claimed"
        if ratios:
            median = statistics.median(ratio for ratio, _ in ratios)
            text += f", {median:.2f} times as fast in the median"
        text += f", {len(slower)} of them more than {SLOWER - 1:.0%} slower"
        worst = [f"{r['rows']}x{r['depth']} at batch {r['batch']} {q:.2f}" for q, r in slower[:4]]
        said.append(f"{text}{': ' if worst else ''}{', '.join(worst)}")
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=" ".join(__doc__.split("\n\n")[0].split()))
    parser.add_argument("--rows", type=int, nargs="+", default=SIZES)
    parser.add_argument("--depths", type=int, nargs="+", default=SIZES)
    parser.add_argument("--batches", type=int, nargs="+", default=range(1, 9))
    parser.add_argument("--kinds", nargs="+", choices=tuple(KINDS), default=tuple(KINDS))
    parser.add_argument("--accelerate", choices=("true", "all"), default="true")
    parser.add_argument("--isa", default="auto", help="kernels of ours")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=8, help="calls a contender and round")
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    arguments = parser.parse_args()
    out: Path = arguments.out
    prepare_folder(out)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    table: list[dict[str, object]] = []
    for row in rows_of(arguments):
        table.append(row)
        if row["batch"] == arguments.batches[-1]:
            print(f"\r{len(table)} shapes", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    said = summary(table)
    print("\n".join(said))
    notes = [
        f"{cpu_class()}; {machine()}; load {load:.1f} at the start",
        f"python custom_ops/bench/accelerate_scan.py {shlex.join(sys.argv[1:])}".strip(),
        *said,
        "shapes that are left to the runtime have no row",
    ]
    claimed = [row for row in table if row["times_faster"]]
    write_csv(out / "accelerate_scan_x86.csv", claimed or table[:1], notes)


if __name__ == "__main__":
    main()
