"""Times one streamed step as an app in C calls it, from Invoke to Invoke, without Python.

    make bench                          or: python custom_ops/bench/c_calls.py --help

Keyword models of 40 features and 12 classes, one frame a call, one thread: the GRUs of the study
`fast-grnn` through TensorFlow's converter, as this project's portable and fused files, and its
FastGRNN of low rank with piecewise-linear gates. Weights are random. Fused files run twice: with
the builtin nodes around an op in one chain with it, as the plug-in does by itself, and with
`chains=0`. The runtime is TensorFlow Lite's C library, by default that of the package
pymicro-wakeword; `--runtime` names another. Contenders take turns: each way of running is a
process, and the processes run one after the other, ten times.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from measuring import cpu_class, machine, prepare_folder, write_csv

from tfpipeline.progress import progress
from tfpipeline.runtime.native import library_path
from tfpipeline.worker_process import worker_command, worker_environment

_HERE = Path(__file__).resolve().parent
_FEATURES, _CLASSES, _FRAMES = 40, 12, 98
_GRUS = (64, 128)
#: As in the study `fast-grnn`.
_UNITS, _RANK, _RECURRENT_RANK = 128, 24, 40
_WHEEL, _IN_WHEEL = "pymicro-wakeword==2.5.0", "pymicro_wakeword/lib/libtensorflowlite_c.so"
STOCK = "stock converter"


@dataclass(frozen=True)
class Contender:
    """A file and how it runs.

    Args:
        model: its row.
        form: its column.
        path: the file.
        plugin: whether our plug-in runs it.
        chains: whether that takes the builtin nodes around an op.
    """

    model: str
    form: str
    path: Path
    plugin: bool = False
    chains: bool = True


def exported(folder: Path) -> list[Contender]:
    """Write the files, and return every contender."""
    import keras

    import tfpipeline as tp
    from tfpipeline.recipes.baseline import convert_stock_gru

    rng = np.random.default_rng(0)
    samples = rng.standard_normal((16, _FRAMES, _FEATURES)).astype(np.float32)
    layers: dict[str, Any] = {f"GRU {units}": keras.layers.GRU(units) for units in _GRUS}
    layers["FastGRNN, LSQ"] = tp.layers.FastGRNN(
        _UNITS,
        rank=_RANK,
        recurrent_rank=_RECURRENT_RANK,
        activation="quant_tanh",
        recurrent_activation="quant_sigmoid",
        h_clip=1.0,
    )
    found = []
    for name, layer in layers.items():
        keras.utils.set_random_seed(0)
        inputs = keras.Input((None, _FEATURES))
        model = keras.Sequential([inputs, layer, keras.layers.Dense(_CLASSES)])
        target = folder / f"{name.replace(', ', '-').replace(' ', '-')}.tflite"
        tp.export.export(
            model,
            target,
            quantize="int8",
            calibration=samples,
            streaming=True,
            # Random weights have no accuracy to keep.
            tolerances=tp.export.Tolerances(0.0, 10.0, 1e6),
        )
        fused = target.with_suffix(".stream.fused.tflite")
        found += [
            Contender(name, "portable", target.with_suffix(".stream.tflite")),
            Contender(name, "fused, chains=0", fused, plugin=True, chains=False),
            Contender(name, "fused", fused, plugin=True),
        ]
    for units in _GRUS:
        stock = convert_stock_gru(folder, [units], _CLASSES, _FRAMES, _FEATURES)
        path = folder / f"stock-{units}.tflite"
        shutil.copy(stock.stream_path, path)
        found.append(Contender(f"GRU {units}", STOCK, path))
    return found


def runtime_library(folder: Path) -> Path:
    """Return TensorFlow Lite's C library of the package that ships it."""
    arguments = ("download", "--quiet", "--no-deps", "--dest", str(folder), _WHEEL)
    subprocess.run(worker_command("pip", *arguments), env=worker_environment(), check=True)
    (wheel,) = folder.glob("pymicro_wakeword-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return Path(archive.extract(_IN_WHEEL, folder))


def compiled(folder: Path) -> Path:
    """Return c_calls."""
    program = folder / "c_calls"
    compiler = shlex.split(os.environ.get("CC", "cc"))
    flags = ["-std=c11", "-O2", "-Wall", "-Wextra"]
    subprocess.run([*compiler, *flags, str(_HERE / "c_calls.c"), "-o", program, "-ldl"], check=True)
    return program


def timed(
    program: Path, runtime: Path, contenders: list[Contender], rounds: int, repeats: int
) -> dict[Contender, list[float]]:
    """Return microseconds of a call, one number a round."""
    ways: dict[tuple[bool, bool], list[Contender]] = {}
    for one in contenders:
        ways.setdefault((one.plugin, one.chains), []).append(one)
    taken: dict[Contender, list[float]] = {one: [] for one in contenders}
    # Short turns, so that what else the machine does meets all of them.
    turns = 10
    with progress("Timing calls", turns) as bar:
        for _ in range(turns):
            for (plugin, chains), group in ways.items():
                library = str(library_path()) if plugin else "-"
                options = [f"chains={int(chains)}"] if plugin else []
                command = [program, runtime, library, -(-rounds // turns), repeats, *options, "--"]
                done = subprocess.run(
                    [*map(str, command), *(str(one.path) for one in group)],
                    check=True,
                    capture_output=True,
                    text=True,
                )
                for line in done.stdout.splitlines():
                    for one, value in zip(group, line.split(), strict=True):
                        taken[one].append(float(value) / 1e3)
            bar.advance()
    return taken


def rows_of(taken: dict[Contender, list[float]]) -> list[dict[str, object]]:
    """Return the table: times, and how many times faster than the stock GRUs."""
    stock = {one.model: times for one, times in taken.items() if one.form == STOCK}
    rows = []
    for one, times in taken.items():
        row: dict[str, object] = {
            "model": one.model,
            "form": one.form,
            "bytes": one.path.stat().st_size,
            "us": f"{min(times):.3f}",
            "median_us": f"{statistics.median(times):.3f}",
        }
        for model, theirs in stock.items():
            ratio = statistics.median(theirs) / statistics.median(times)
            row[f"times_faster_than_stock_{model.replace(' ', '_')}"] = f"{ratio:.2f}"
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runtime", type=Path, help="a libtensorflowlite_c")
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=200, help="calls a contender and round")
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    arguments = parser.parse_args()
    load = f"{os.getloadavg()[0]:.1f}"
    with tempfile.TemporaryDirectory(prefix="tfpipeline-c-calls-") as temporary:
        folder = Path(temporary)
        try:
            runtime = arguments.runtime or runtime_library(folder)
            program = compiled(folder)
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            why = " ".join(str(error).split())
            parser.exit(1, f"c_calls: no C library of TensorFlow Lite, or no C compiler: {why}\n")
        taken = timed(program, runtime, exported(folder), arguments.rounds, arguments.repeats)
        rows = rows_of(taken)
    for row in rows:
        print(f"{row['model']:15} {row['form']:16} {row['us']} µs, median {row['median_us']}")
    prepare_folder(arguments.out)
    source = str(arguments.runtime.name) if arguments.runtime else f"that of {_WHEEL}"
    notes = [
        "Measured wall-clock times of one call of Invoke from C, one thread, one frame; us is the "
        "best round, median_us the median; ratios are of medians",
        f"CPU class: {cpu_class()}",
        f"machine: {machine()}; C library: {source}; load average at the start {load}",
        f"command: python custom_ops/bench/c_calls.py {shlex.join(sys.argv[1:])}".rstrip(),
    ]
    write_csv(arguments.out / "c_calls_x86.csv", rows, notes)


if __name__ == "__main__":
    main()
