"""Times recurrent layers: our ops against the best that others make of the same.

    make bench                          or: python custom_ops/bench/recurrent.py --help

Peers: what the stock converter makes, through the same interpreter: the WHILE loop with int8
weights and float activations (dynamic range), and every step of its own in int8 (unrolled), both
with XNNPACK; and other libraries (`rivals`), in the same process and the same rounds. All get the
same weights and the same input, and what they put out is compared with NumPy before anything is
timed. Ours has float inputs and outputs, and whole sequences in one op. No other library has
factored layers, so those stand beside the stock converter's only.

Ours is compared with the best of all peers. A peer that the converter does not make, that is not
installed, does not run or is wrong, is a row without figures that says why; ours then has no ratio,
because the missing peer might have been the best one.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, load_delegate
from measuring import cpu_class, machine, measure, plot_if_possible, prepare_folder, write_csv
from read_limit import read_limit
from recurrent_layers import Preset
from recurrent_plot import plot
from recurrent_weights import run_in_numpy
from rivals import PACKAGES, RIVALS
from rivals.rival import Problem, Rival, Running, difference, start_rival

from tfpipeline.runtime.native import library_path
from tfpipeline.worker_process import python_command, run_worker

#: Rank of both factors, as a part of the units.
RANK = 0.25
#: Bits of a weight by the name of the row.
OURS = {"ours": 8, "ours int4": 4, "ours int2": 2}
#: Of outputs in [-1, 1] whose layers have activations of 8 bits. The state carries errors on; gates
#: in a wrong order are off by ten times as much.
TOLERANCE = 0.06
UNROLLED = "stock unrolled, int8"
#: Where everything between two products has 8 bits too: up to 0.18 in a GRU of 640 units.
UNROLLED_TOLERANCE = 0.3
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


def start_model(
    model: bytes | str, name: str, preset: Preset, threads: int, isa: str
) -> Running | Problem:
    """Return a model in an interpreter with its input set, or why there is none."""
    if isinstance(model, str):
        return Problem(model)
    try:
        it = make_interpreter(model, name.startswith("ours"), threads, isa)
        given = it.get_input_details()[0]
        it.set_tensor(given["index"], _quantized(preset.input()[None], given))
        it.invoke()
    except (ValueError, RuntimeError) as error:
        return Problem(" ".join(str(error).split()))
    running = Running(it.invoke, lambda: _read(it))
    # The stock converter's factored layers have weights of their own.
    if preset.rank:
        return running
    wanted = run_in_numpy(replace(preset, bits=OURS.get(name, 8)).stack(), preset.input())
    tolerance = UNROLLED_TOLERANCE if name == UNROLLED else TOLERANCE
    wrong = difference(running.output(), wanted, tolerance)
    return Problem(wrong) if wrong else running


def _quantized(values: np.ndarray, detail: Mapping[str, Any]) -> np.ndarray:
    if detail["dtype"] == np.float32:
        return values
    scale, zero_point = detail["quantization"]
    limits = np.iinfo(detail["dtype"])
    levels = np.rint(values / scale) + zero_point
    return np.asarray(np.clip(levels, limits.min, limits.max).astype(detail["dtype"]))


def _read(it: Interpreter) -> np.ndarray:
    """Return the first output of the only sample in real numbers."""
    detail = it.get_output_details()[0]
    values = it.get_tensor(detail["index"])[0]
    if detail["dtype"] == np.float32:
        return np.asarray(values)
    scale, zero_point = detail["quantization"]
    return np.asarray((values.astype(np.float32) - zero_point) * scale)


def start_safely(rival: Rival, preset: Preset, threads: int) -> Running | Problem:
    """Start a rival here if that ends well in a process of its own, which it can crash."""
    trial = Path(__file__).resolve().parent / "rivals" / "try_rival.py"
    job = json.dumps(asdict(preset))
    done = run_worker(python_command(str(trial), rival.name, job, str(threads)), seconds=300.0)
    if done.status != 0:
        return Problem(f"failed: it {done.end}")
    return start_rival(rival, preset.stack(), preset.input(), threads)


def time_preset(
    models: Mapping[str, bytes | str],
    preset: Preset,
    threads: int,
    isa: str,
    rounds: int,
    repeats: int,
    rivals: Sequence[Rival] = (),
) -> list[dict[str, object]]:
    """Return one row a contender; the best of the peers is what ours is compared with.

    Args:
        models: By name: a model, or why there is none.
        preset: What they compute.
        threads, isa: Of the interpreters, and kernels of ours.
        rounds, repeats: See `measure`.
        rivals: Other libraries that compute the same.
    """
    started: dict[str, Running | Problem] = {
        name: start_model(model, name, preset, threads, isa) for name, model in models.items()
    }
    started |= {rival.name: start_safely(rival, preset, threads) for rival in rivals}
    # Ours come last in the table.
    started = dict(sorted(started.items(), key=lambda item: item[0].startswith("ours")))
    made = {name: one for name, one in started.items() if isinstance(one, Running)}
    problems = {name: one for name, one in started.items() if isinstance(one, Problem)}
    times = dict(
        zip(made, measure([[one.invoke] for one in made.values()], rounds, repeats), strict=True)
    )
    best = {name: min(taken) for name, taken in times.items()}
    peers = {name: t for name, t in best.items() if not name.startswith("ours")}
    base = min(peers, key=lambda name: peers[name]) if peers else ""
    missing = [
        name for name, one in problems.items() if one.might_win and not name.startswith("ours")
    ]
    rows: list[dict[str, object]] = []
    for name in started:
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
            row["note"] = problems[name].reason
            continue
        seconds = best[name]
        row["us"] = f"{seconds * 1e6:.1f}"
        row["median_us"] = f"{statistics.median(times[name]) * 1e6:.1f}"
        row["us_a_frame"] = f"{seconds * 1e6 / preset.frames:.2f}"
        row["gops"] = f"{preset.operations() / seconds / 1e9:.1f}"
        if not name.startswith("ours"):
            continue
        if missing:
            row["note"] = f"no ratio without {'; '.join(missing)}"
        elif base:
            row["compared_with"] = base
            row["times_faster"] = f"{peers[base] / seconds:.2f}"
    return rows


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"


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
    prepare_folder(out)
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
        f"CPU class: {cpu_class()}; kernels of ours: {arguments.isa}",
        f"peers: {', '.join(f'{name} {_version(name)}' for name in PACKAGES)}",
        f"command: python {shlex.join(sys.argv)}",
        f"read bandwidth: {cache / 1e9:.1f} GB/s in cache",
    ]
    rows: list[dict[str, object]] = []
    for preset in [p for p in plain if arguments.only in p.name]:
        factored = replace(preset, rank=RANK)
        with tempfile.TemporaryDirectory(prefix="tfpipeline-recurrent-") as folder:
            wanted = {
                "stock rolled, dynamic range": (preset, "rolled"),
                UNROLLED: (preset, "unrolled"),
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
                widths = {"ours": 8} if what.rank else OURS
                ours = {name: replace(what, bits=bits).model() for name, bits in widths.items()}
                rows += time_preset(
                    *({**peers, **ours}, what, threads, arguments.isa),
                    *(arguments.rounds, arguments.repeats, () if what.rank else RIVALS),
                )
            print(f"{preset.name}, threads {threads}", file=sys.stderr)
        # After each preset: a stack can keep the converter busy for minutes.
        write_csv(out / "recurrent_x86.csv", rows, notes)
        plot_if_possible(plot, out / "recurrent_x86.png", rows, cache, notes[1])


if __name__ == "__main__":
    main()
