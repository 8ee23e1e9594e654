"""Times one streamed step of a recurrent layer: our fused files against our own portable one.

    make bench                          or: python custom_ops/bench/one_step.py --help

All files come from this project's exporter, weights are random, each layer reads as many features
as it has units, and a call is one step at batch 1. What a portable int8 file takes is set against
the fused files with weights of 8, 4 and 2 bits, the GRU factored to a quarter of its units (both
matrices) among them, and against XNNPACK's FULLY_CONNECTED of as many weights of 8 and 2 bits as
the plain layer has: one product, no gates, no states. Beside each time stands that of reading as
many bytes. Contenders take turns within every round. Layers of `--from-memory` units are timed a
second time by turns of copies that exceed the caches. A contender that cannot run is a row without
figures that says why, and what is compared with it has no ratio.
"""

from __future__ import annotations

import argparse
import os
import shlex
import statistics
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from ai_edge_litert.interpreter import Interpreter
from measuring import (
    OUT_OF_CACHE_BYTES,
    cpu_class,
    machine,
    measure,
    plot_if_possible,
    prepare_folder,
    write_csv,
)
from one_step_models import (
    PORTABLE,
    XNNPACK,
    XNNPACK_INT2,
    XNNPACK_INT2_FLOAT,
    StreamedLayer,
    layers_of,
)
from one_step_plot import plot
from read_limit import ReadLimit, read_limit
from recurrent import make_interpreter

from tfpipeline.progress import progress

_FIGURES = (
    "us",
    "median_us",
    "times_faster",
    "median_times_faster",
    "median_of_product",
    "read_us",
    "median_read_us",
    "note",
)


_READ_SECONDS = 0.05
Problems = dict[tuple[StreamedLayer, int], str]


def export_layers(layers: Iterable[StreamedLayer], bits: Iterable[int], folder: Path) -> Problems:
    """Export what is not in `folder` yet; return why what is missing is missing."""
    missing = {layer: [b for b in bits if not layer.is_there(folder, b)] for layer in layers}
    missing = {layer: widths for layer, widths in missing.items() if widths}
    problems: Problems = {}
    if missing:
        with progress("Exporting layers", len(missing)) as bar:
            for layer, widths in missing.items():
                found = layer.export(folder, widths)
                problems.update({(layer, width): why for width, why in found.items()})
                bar.advance(note=layer.name)
    return problems


def models_of(
    layers: list[StreamedLayer], bits: Iterable[int], folder: Path, problems: Problems
) -> dict[str, tuple[bytes | str, float]]:
    """Return the contenders of a plain layer, which is the first of `layers`, and its factored one.

    By name: a model, or why there is none, and the kB of its weights.
    """
    plain = layers[0]

    def model(layer: StreamedLayer, width: int, fused: bool = True) -> bytes | str:
        path = layer.path(folder, width, fused)
        return path.read_bytes() if path.exists() else problems.get((layer, width), f"no {path}")

    found: dict[str, tuple[bytes | str, float]] = {
        PORTABLE: (model(plain, 8, fused=False), plain.weights() / 1e3),
        XNNPACK: (plain.product().model(custom=False), plain.weights() / 1e3),
    }
    if 2 in bits:
        for name, is_float in ((XNNPACK_INT2, False), (XNNPACK_INT2_FLOAT, True)):
            found[name] = (plain.product(2, is_float).model(custom=False), plain.weights() / 4e3)
    for layer in layers:
        for width in bits:
            size = layer.weights() * width / 8e3
            found[layer.contender(width)] = (model(layer, width), size)
    return found


def time_layer(
    name: str,
    models: Mapping[str, tuple[bytes | str, float]],
    isa: str,
    rounds: int,
    repeats: int,
    held: int = 0,
) -> list[dict[str, object]]:
    """Return one row a contender.

    Args:
        name: The layer.
        models: By name: a model, or why there is none, and the kB of its weights.
        isa: Kernels of ours.
        rounds, repeats: See `measure`.
        held: Bytes of weights that all copies of a contender have together; 0 for one copy.
    """
    made: dict[str, list[Interpreter]] = {}
    problems: dict[str, str] = {}
    for contender, (model, size) in models.items():
        if isinstance(model, str):
            problems[contender] = model
            continue
        copies = max(1, -(-held // int(size * 1e3)))
        fused = contender.startswith("fused")
        try:
            made[contender] = [make_interpreter(model, fused, 1, isa) for _ in range(copies)]
        except (ValueError, RuntimeError) as error:
            problems[contender] = " ".join(str(error).split())
    taken = measure([[one.invoke for one in copies] for copies in made.values()], rounds, repeats)
    best = {one: min(times) for one, times in zip(made, taken, strict=True)}
    median = {one: statistics.median(times) for one, times in zip(made, taken, strict=True)}
    limits: dict[float, ReadLimit] = {}
    rows: list[dict[str, object]] = []
    for contender, (_, size) in models.items():
        row: dict[str, object] = {
            "layer": name,
            "weights": "out of cache" if held else "in cache",
            "contender": contender,
            "weight_kb": f"{size:.1f}",
            **dict.fromkeys(_FIGURES, ""),
        }
        rows.append(row)
        limit = limits[size] = limits.get(size) or read_limit(
            held or int(size * 1e3), _READ_SECONDS
        )
        row["read_us"] = f"{size / limit.best * 1e9:.2f}"
        row["median_read_us"] = f"{size / limit.median * 1e9:.2f}"
        if contender in problems:
            row["note"] = problems[contender]
            continue
        row["us"] = f"{best[contender] * 1e6:.2f}"
        row["median_us"] = f"{median[contender] * 1e6:.2f}"
        if contender == PORTABLE:
            continue
        if PORTABLE in best:
            row["times_faster"] = f"{best[PORTABLE] / best[contender]:.2f}"
            row["median_times_faster"] = f"{median[PORTABLE] / median[contender]:.2f}"
        else:
            row["note"] = f"no ratio: {PORTABLE} was not measured"
        if XNNPACK in median and contender != XNNPACK:
            row["median_of_product"] = f"{median[contender] / median[XNNPACK]:.2f}"
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    # 8 units are the fixed cost of a call.
    sizes = [8, 64, 128, 256, 400, 512, 640, 1024]
    parser.add_argument("--units", type=int, nargs="+", default=sizes)
    parser.add_argument("--cells", nargs="+", default=["gru", "lstm"])
    parser.add_argument(
        "--from-memory",
        type=int,
        nargs="*",
        default=[512],
        metavar="UNITS",
        help="of --units: time these out of the caches too",
    )
    parser.add_argument("--bits", type=int, nargs="+", choices=(8, 4, 2), default=[8, 4, 2])
    parser.add_argument("--isa", default="auto", help="kernels of ours")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=16, help="calls a contender and round")
    parser.add_argument("--models", type=Path, help="keep the exported files in this folder")
    parser.add_argument("--export-only", action="store_true", help="write them, and time nothing")
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    arguments = parser.parse_args()
    out: Path = arguments.out
    prepare_folder(out)
    # With 8 bits goes the portable file.
    bits = list(dict.fromkeys([8, *arguments.bits]))
    groups = [layers_of([cell], units) for cell in arguments.cells for units in arguments.units]
    with tempfile.TemporaryDirectory(prefix="tfpipeline-one-step-") as temporary:
        folder = Path(arguments.models or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        problems = export_layers([one for group in groups for one in group], bits, folder)
        if arguments.export_only:
            return
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
        rows: list[dict[str, object]] = []
        turns = [(group, 0) for group in groups]
        turns += [
            (group, OUT_OF_CACHE_BYTES)
            for group in groups
            if group[0].units in arguments.from_memory
        ]
        timing = (arguments.isa, arguments.rounds, arguments.repeats)
        with progress("Timing layers", len(turns)) as bar:
            for group, held in turns:
                models = models_of(group, bits, folder, problems)
                rows += time_layer(group[0].name, models, *timing, held)
                bar.advance(note=group[0].name)
    notes = [
        "Measured wall-clock times of one step, one thread, not modelled; us is the best call, "
        "median_us the median. times_faster: than portable int8, of the best and of the medians; "
        "median_of_product: of the median of XNNPACK's FULLY_CONNECTED int8; read_us: reading as "
        "many bytes in the same run, best and median. Out of cache: copies of more than 96 MB of "
        "weights, by turns.",
        f"CPU class: {cpu_class()}; kernels of ours: {arguments.isa}",
        f"machine: {machine()}; load average at the start {load:.1f}",
        f"command: python {shlex.join(sys.argv)}",
    ]
    write_csv(out / "one_step_x86.csv", rows, notes)
    note = f"{notes[1]}\n{notes[2]}"
    plot_if_possible(plot, out / "one_step_x86.png", rows, note)


if __name__ == "__main__":
    main()
