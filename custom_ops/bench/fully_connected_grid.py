"""Times fully connected layers of many sizes at batch 1 against XNNPACK, and names where it leads.

    make bench                     or: python custom_ops/bench/fully_connected_grid.py --help

One thread, int8 throughout and float inputs and outputs with weights of 8 and 4 bits; contenders
take turns within every round. Prints best and median of every layer with the ratio to XNNPACK, then
the lowest ratios, and writes a CSV, in which reading as many bytes as a layer has stands beside it.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path

from fully_connected import print_shape, time_shape
from measuring import cpu_class, machine, prepare_folder, write_csv

ROWS = (256, 512, 1024, 2048, 3072, 4096, 6144)
DEPTHS = (64, 128, 192, 256, 320, 512, 1024)


def lowest_ratios(table: list[dict[str, object]]) -> list[str]:
    """Return a sentence a contender: its lowest ratios, best and median, and their layers."""
    said = []
    compared = [row for row in table if row["times_faster"]]
    for name in dict.fromkeys(str(row["contender"]) for row in compared):
        mine = [row for row in compared if row["contender"] == name]
        parts = []
        for kind, column in (("best", "times_faster"), ("median", "median_times_faster")):
            row = min(mine, key=lambda row: float(str(row[column])))
            parts.append(f"{kind} {row[column]} at {row['layer']}")
        said.append(f"{name}, lowest of {len(mine)} layers: {', '.join(parts)}")
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS)
    parser.add_argument("--depths", type=int, nargs="+", default=DEPTHS)
    parser.add_argument("--isa", default="auto", help="kernels of ours")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=8, help="calls a contender and round")
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    arguments = parser.parse_args()
    out: Path = arguments.out
    prepare_folder(out)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    table: list[dict[str, object]] = []
    for rows in arguments.rows:
        for depth in arguments.depths:
            found = time_shape(
                rows, depth, arguments.isa, arguments.rounds, arguments.repeats, rivals_only=True
            )
            print_shape(found)
            table += found
    said = lowest_ratios(table)
    print("\n".join(said))
    notes = [
        "Measured wall-clock times of calls at batch 1, one thread, not modelled; us is the best "
        "call, median_us the median. GB/s: of weights in a call, and of reading as many bytes in "
        "the same run, best and median.",
        f"CPU class: {cpu_class()}; kernels of ours: {arguments.isa}",
        f"machine: {machine()}; load average at the start {load:.1f}",
        f"command: python {shlex.join(sys.argv)}",
        *said,
    ]
    write_csv(out / "fully_connected_grid_x86.csv", table, notes)


if __name__ == "__main__":
    main()
