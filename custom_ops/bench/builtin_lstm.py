"""Times the builtin integer LSTM: the runtime's own kernels against ours, bits compared.

    make bench                          or: python custom_ops/bench/builtin_lstm.py --help

Both run one file in the stock interpreter, without and with `accelerate_builtin`. They take turns
within every round, one thread; each figure is the best of all rounds, with the median beside it.
Files given by name are timed too, whatever they hold.
"""

from __future__ import annotations

import argparse
import os
import shlex
import statistics
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter, load_delegate
from builtin_lstm_models import Stack
from measuring import cpu_class, machine, measure, prepare_folder, write_csv

from tfpipeline.progress import track
from tfpipeline.runtime.native import library_path

#: Layers of two keyword spotters, of DTLN's nets, of a small and of a large one.
STACKS = (
    Stack(2, 64, 28, 28),
    Stack(2, 128, 257, 1),
    Stack(1, 80, 257, 49),
    Stack(1, 20, 28, 28),
    Stack(1, 512, 512, 16),
)
STOCK, OURS = "stock", "accelerate_builtin"
_COMPARED_CALLS = 20


def interpreter(model: bytes, ours: bool, isa: str) -> Interpreter:
    """Return an interpreter of one thread that is ready."""
    options = {"isa": isa, "accelerate_builtin": True}
    delegates = [load_delegate(str(library_path()), options=options)] if ours else []
    it = Interpreter(model_content=model, num_threads=1, experimental_delegates=delegates)
    it.allocate_tensors()
    return it


def feed(it: Interpreter, rng: np.random.Generator) -> None:
    """Set all inputs to numbers at random."""
    for detail in it.get_input_details():
        shape, dtype = tuple(detail["shape"]), detail["dtype"]
        if np.issubdtype(dtype, np.floating):
            values = rng.standard_normal(shape).astype(dtype)
        else:
            ends = np.iinfo(dtype)
            values = rng.integers(max(ends.min, -128), min(ends.max, 255) + 1, shape).astype(dtype)
        it.set_tensor(detail["index"], values)


def outputs(it: Interpreter) -> list[np.ndarray]:
    """Return what some calls give, one after the other: states are carried on."""
    rng, found = np.random.default_rng(0), []
    for _ in range(_COMPARED_CALLS):
        feed(it, rng)
        it.invoke()
        found += [it.get_tensor(detail["index"]) for detail in it.get_output_details()]
    return found


def time_models(
    models: Mapping[str, bytes], isa: str, rounds: int, repeats: int
) -> list[dict[str, object]]:
    """Return two rows a model; one whose outputs differ has no ratio."""
    rows: list[dict[str, object]] = []
    for name, model in track(models.items(), "Timing builtin LSTMs"):
        its = [interpreter(model, ours, isa) for ours in (False, True)]
        same = all(map(np.array_equal, *(outputs(it) for it in its)))
        taken = measure([[it.invoke] for it in its], rounds, repeats)
        for contender, times in zip((STOCK, OURS), taken, strict=True):
            row = {
                "model": name,
                "contender": contender,
                "us": f"{min(times) * 1e6:.2f}",
                "median_us": f"{statistics.median(times) * 1e6:.2f}",
                "times_faster": "",
                "note": "",
            }
            if contender == OURS and same:
                row["times_faster"] = f"{min(taken[0]) / min(times):.2f}"
            elif contender == OURS:
                row["note"] = "no ratio: outputs differ"
            rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="*", help=".tflite files to time as well")
    parser.add_argument("--isa", default="auto", help="kernels of ours")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3, help="calls a contender and round")
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    arguments = parser.parse_args()
    out: Path = arguments.out
    prepare_folder(out)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    models = {stack.name: stack.model() for stack in STACKS}
    models |= {path.name: path.read_bytes() for path in arguments.files}
    rows = time_models(models, arguments.isa, arguments.rounds, arguments.repeats)
    for row in rows:
        print("{model:32} {contender:20} {us:>10} us {times_faster:>7} {note}".format(**row))
    notes = [
        "Measured: files with the builtin LSTM of int8 activations and an int16 cell, wall-clock "
        "times of calls, one thread; us is the best call, median_us the median. times_faster: than "
        "the runtime's own kernels, by the best calls; the bits of all outputs are equal.",
        f"CPU class: {cpu_class()}; kernels of ours: {arguments.isa}",
        f"machine: {machine()}; load average at the start {load:.1f}",
        f"command: python {shlex.join(sys.argv)}",
    ]
    write_csv(out / "builtin_lstm_x86.csv", rows, notes)


if __name__ == "__main__":
    main()
