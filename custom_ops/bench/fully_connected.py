"""Times fully connected layers: our kernels against the runtime's, through one interpreter.

    make bench                          or: python custom_ops/bench/fully_connected.py --help

Contenders take turns within every round, so that what else happens on the machine hits all alike;
each figure is the best of all rounds. Writes a CSV and a plot with the roofline, and a second table
of layers of several sizes at batch 1, from the first-level cache to memory, beside what reading as
many bytes takes. A contender that cannot run is a row without figures that says why, and what is
compared with it has no ratio.
"""

from __future__ import annotations

import argparse
import os
import shlex
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter, load_delegate
from gemmlowp import Gemmlowp, try_gemmlowp
from layers import Layer, UnsignedLayer
from measuring import (
    OUT_OF_CACHE_BYTES,
    cpu_class,
    machine,
    measure,
    plot_if_possible,
    prepare_folder,
    write_csv,
)
from read_limit import ReadLimit, read_limit

from tfpipeline.runtime.native import library_path

ACCELERATED_BATCH = 8
GEMMLOWP = "gemmlowp uint8"
#: A first-level cache holds the first one; a second level of 1 or 2 MB the next three; the last two
#: come from the third level. Copies that no cache holds follow, of the layer of the first table.
SHAPES = ("256x64", "2048x256", "3072x192", "1024x512", "6144x320", "6144x1024")
_FIGURES = ("us", "median_us", "gops", "weight_gb_s", "compared_with", "times_faster", "note")


@dataclass(frozen=True)
class Contender:
    """One way to run a layer; `baseline` names the contender that it is compared with."""

    name: str
    layer: Layer
    ours: bool
    baseline: str | None

    def interpreter(self, model: bytes, threads: int, isa: str) -> Interpreter:
        delegates = []
        if self.ours:
            options = {"isa": isa, "num_threads": threads, "accelerate_builtin": "all"}
            delegates.append(load_delegate(str(library_path()), options=options))
        it = Interpreter(model_content=model, num_threads=threads, experimental_delegates=delegates)
        it.allocate_tensors()
        it.set_tensor(it.get_input_details()[0]["index"], self.layer.input())
        return it

    def model(self) -> bytes:
        # The delegate leaves larger batches to the runtime; our op takes them.
        custom = self.ours and (self.layer.bits < 8 or self.layer.batch > ACCELERATED_BATCH)
        return self.layer.model(custom)


def contenders(rows: int, depth: int, batch: int) -> list[Contender]:
    def layer(is_float: bool, bits: int) -> Layer:
        return Layer(rows, depth, batch, is_float, bits)

    return [
        Contender("XNNPACK int8", layer(False, 8), False, None),
        Contender("ours int8", layer(False, 8), True, "XNNPACK int8"),
        Contender("ours int4", layer(False, 4), True, "ours int8"),
        Contender("ours int2", layer(False, 2), True, "ours int8"),
        Contender("XNNPACK float, int8 weights", layer(True, 8), False, None),
        Contender("ours float, int8 weights", layer(True, 8), True, "XNNPACK float, int8 weights"),
        Contender("XNNPACK float, int4 weights", layer(True, 4), False, None),
        Contender("ours float, int4 weights", layer(True, 4), True, "XNNPACK float, int4 weights"),
        Contender("ours uint8", UnsignedLayer(rows, depth, batch, False, 8), True, GEMMLOWP),
    ]


def time_contenders(
    group: list[Contender],
    threads: int,
    isa: str,
    rounds: int,
    repeats: int,
    copies: bool,
    gemmlowp: Gemmlowp | str | None = None,
) -> list[dict[str, object]]:
    """Return one row of the table a contender, also of one that cannot run.

    Args:
        group: What to time against each other.
        threads, isa: Of the interpreters, and kernels of ours.
        rounds, repeats: See `measure`.
        copies: Give each contender so many copies of its weights that no cache holds them.
        gemmlowp: A contender more, or why it is missing; None leaves it out.
    """
    interpreters: list[list[Interpreter]] = []
    calls: dict[Contender, list[Callable[[], object]]] = {}
    problems: dict[Contender, str] = {}
    for contender in group:
        packed = contender.layer.rows * contender.layer.depth * contender.layer.bits // 8
        count = -(-OUT_OF_CACHE_BYTES // packed) if copies else 1
        try:
            model = contender.model()
            made = [contender.interpreter(model, threads, isa) for _ in range(count)]
        except (ValueError, RuntimeError) as error:
            # The interpreter's words, when it has no kernel for a peer.
            problems[contender] = " ".join(str(error).split())
            continue
        interpreters.append(made)
        calls[contender] = [it.invoke for it in made]
    if gemmlowp is not None:
        layer = group[0].layer
        peer = Contender(GEMMLOWP, layer, False, None)
        group = [*group, peer]
        if isinstance(gemmlowp, str):
            problems[peer] = gemmlowp
        else:
            calls[peer] = [gemmlowp.call(layer.rows, layer.depth, layer.batch, threads)]
    times = dict(zip(calls, measure(list(calls.values()), rounds, repeats), strict=True))
    # Out of cache the best of many would be a call that found its weights in cache after all.
    typical = {c.name: (statistics.median(t) if copies else min(t)) for c, t in times.items()}
    rows: list[dict[str, object]] = []
    for contender in group:
        layer = contender.layer
        row: dict[str, object] = {
            "layer": f"{layer.rows}x{layer.depth}",
            "weights": "out of cache" if copies else "in cache",
            "threads": threads,
            "batch": layer.batch,
            "contender": contender.name,
            **dict.fromkeys(_FIGURES, ""),
        }
        rows.append(row)
        if contender in problems:
            row["note"] = problems[contender]
            continue
        best = typical[contender.name]
        operations = 2 * layer.rows * layer.depth * layer.batch
        weight_bytes = layer.rows * layer.depth * layer.bits / 8
        row["us"] = f"{best * 1e6:.2f}"
        row["median_us"] = f"{statistics.median(times[contender]) * 1e6:.2f}"
        row["gops"] = f"{operations / best / 1e9:.0f}"
        row["weight_gb_s"] = f"{weight_bytes / best / 1e9:.1f}"
        if contender.baseline in typical:
            row["compared_with"] = contender.baseline
            row["times_faster"] = f"{typical[contender.baseline] / best:.2f}"
        elif contender.baseline:
            row["note"] = f"no ratio: {contender.baseline} was not measured"
    return rows


def time_shape(
    rows: int,
    depth: int,
    isa: str,
    rounds: int,
    repeats: int,
    copies: bool = False,
    rivals_only: bool = False,
) -> list[dict[str, object]]:
    """Return one row a contender: batch 1 and one thread, beside the limit of reading its weights.

    Args:
        rows, depth: Of the layer.
        isa: Kernels of ours.
        rounds, repeats: See `measure`.
        copies: Give each contender so many copies of its weights that no cache holds them.
        rivals_only: Leave out what is compared with a layer of ours.
    """
    group = [c for c in contenders(rows, depth, 1) if not isinstance(c.layer, UnsignedLayer)]
    if rivals_only:
        ours = {c.name for c in group if c.ours}
        group = [c for c in group if c.baseline not in ours]
    found = time_contenders(group, 1, isa, rounds, repeats, copies)
    medians = {str(row["contender"]): row["median_us"] for row in found}
    limits: dict[int, ReadLimit] = {}
    table: list[dict[str, object]] = []
    for contender, row in zip(group, found, strict=True):
        size = rows * depth * contender.layer.bits // 8
        held = OUT_OF_CACHE_BYTES if copies else size
        limit = limits[held] = limits.get(held) or read_limit(held)
        line: dict[str, object] = {
            "layer": row["layer"],
            "weights": row["weights"],
            "weight_kb": f"{size / 1e3:.1f}",
            "contender": contender.name,
            "us": row["us"],
            "median_us": row["median_us"],
            "gb_s": row["weight_gb_s"],
            "median_gb_s": "",
            "read_gb_s": f"{limit.best / 1e9:.1f}",
            "median_read_gb_s": f"{limit.median / 1e9:.1f}",
            "compared_with": row["compared_with"],
            "times_faster": row["times_faster"],
            "median_times_faster": "",
            "note": row["note"],
        }
        table.append(line)
        if row["median_us"]:
            median = float(str(row["median_us"]))
            line["median_gb_s"] = f"{size / median / 1e3:.1f}"
            if row["compared_with"]:
                base = float(str(medians[str(row["compared_with"])]))
                line["median_times_faster"] = f"{base / median:.2f}"
    return table


def print_shape(table: list[dict[str, object]]) -> None:
    """Print the bytes a second of each contender beside those of reading, and its ratio."""
    for row in table:
        if row["us"]:
            ratio = ""
            if row["compared_with"]:
                ratio = (
                    f", {row['times_faster']} ({row['median_times_faster']}) times as fast as "
                    f"{row['compared_with']}"
                )
            print(
                f"{row['layer']} ({row['weights']}), {row['contender']}: {row['us']} us "
                f"(median {row['median_us']}), {row['gb_s']} GB/s ({row['median_gb_s']}), "
                f"reading {row['read_gb_s']} ({row['median_read_gb_s']}){ratio}",
                file=sys.stderr,
            )


def shape(text: str) -> tuple[int, int]:
    """Return rows and depth of "ROWSxDEPTH"."""
    rows, _, depth = text.partition("x")
    return int(rows), int(depth)


def plot(path: Path, rows: list[dict[str, object]], cache: float, memory: float, note: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(13, 5.2))
    rows = [r for r in rows if r["us"]]
    inside = [r for r in rows if r["weights"] == "in cache" and r["threads"] == 1]
    outside = [r for r in rows if r["weights"] == "out of cache"]
    names = list(dict.fromkeys(str(r["contender"]) for r in inside))
    colours = dict(zip(names, pyplot.get_cmap("tab10").colors, strict=False))
    for name in names:
        mine = [r for r in inside if r["contender"] == name]
        batches, times = [r["batch"] for r in mine], [float(str(r["us"])) for r in mine]
        style = "-o" if name.startswith("ours") else "--x"
        left.plot(batches, times, style, color=colours[name], label=name, markersize=4)
    left.set(xlabel="batch", ylabel="microseconds a call, measured, best", ylim=(0, None))
    left.legend(fontsize=8)

    def point(row: dict[str, object]) -> tuple[float, float]:
        # Operations a byte of weights, and operations a second.
        gops = float(str(row["gops"]))
        return gops / float(str(row["weight_gb_s"])), gops

    peak = max(point(r)[1] for r in inside)
    intensity = np.geomspace(1, 100, 50)
    for bandwidth, label in ((cache, "cache"), (memory, "memory")):
        roof = np.minimum(intensity * bandwidth / 1e9, peak)
        label = f"{bandwidth / 1e9:.0f} GB/s from {label}, measured"
        right.plot(intensity, roof, ":" if "memory" in label else "-", color="grey", label=label)
    for group, mark in ((inside, "o"), (outside, "^")):
        for row in group:
            right.plot(*point(row), mark, color=colours[str(row["contender"])], markersize=4)
    right.set(
        xscale="log",
        yscale="log",
        xlabel="operations a byte of weights",
        ylabel="GOPS (2 x multiply-adds), measured",
        title="one thread; circles: weights in cache, triangles: out of cache",
    )
    right.legend(fontsize=8)
    figure.suptitle(note, fontsize=8)
    figure.tight_layout()
    temporary = path.with_suffix(".tmp.png")
    figure.savefig(temporary, dpi=110)
    os.replace(temporary, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=6144)
    parser.add_argument("--depth", type=int, default=320)
    parser.add_argument("--batches", type=int, nargs="+", default=list(range(1, 11)))
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--isa", default="auto", help="kernels of ours")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=8, help="calls a contender and round")
    parser.add_argument(
        "--shapes",
        type=shape,
        nargs="*",
        default=[shape(text) for text in SHAPES],
        metavar="ROWSxDEPTH",
        help="layers of the second table, at batch 1",
    )
    parser.add_argument("--shapes-only", action="store_true", help="write the second table only")
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    arguments = parser.parse_args()
    out: Path = arguments.out
    prepare_folder(out)
    rounds, repeats, isa = arguments.rounds, arguments.repeats, arguments.isa
    # Two threads on two cores are only as fast as what else runs there lets them be.
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    notes = [
        f"CPU class: {cpu_class()}; kernels of ours: {isa}",
        f"machine: {machine()}; load average at the start {load:.1f}",
        f"command: python {shlex.join(sys.argv)}",
    ]
    if arguments.shapes:
        main_layer = (arguments.rows, arguments.depth)
        cases = [(*one, False) for one in arguments.shapes] + [(*main_layer, True)]
        table: list[dict[str, object]] = []
        for one in cases:
            found = time_shape(*one[:2], isa, 3 if one[2] else rounds, repeats, one[2])
            print_shape(found)
            table += found
        words = (
            "Measured wall-clock times of calls at batch 1, one thread, not modelled; us is the "
            "best call, median_us the median (out of cache us is the median too). GB/s: of weights "
            "in a call, and of reading as many bytes in the same run, best and median."
        )
        write_csv(out / "fully_connected_shapes_x86.csv", table, [words, *notes])
    if arguments.shapes_only:
        return
    rows: list[dict[str, object]] = []
    gemmlowp = try_gemmlowp()
    if isinstance(gemmlowp, str):
        print(f"{GEMMLOWP}: {gemmlowp}", file=sys.stderr)
    for threads in arguments.threads:
        for batch in arguments.batches:
            group = contenders(arguments.rows, arguments.depth, batch)
            rows += time_contenders(group, threads, isa, rounds, repeats, False, gemmlowp)
            print(f"threads {threads}, batch {batch}", file=sys.stderr)
    group = [c for c in contenders(arguments.rows, arguments.depth, 1) if not c.layer.is_float]
    rows += time_contenders(group, 1, isa, 3, repeats, copies=True)
    cache = read_limit(arguments.rows * arguments.depth).best
    memory = read_limit(OUT_OF_CACHE_BYTES).best
    notes = [
        "Measured wall-clock times, not modelled. in cache: best; out of cache: median.",
        *notes,
        f"read bandwidth: {cache / 1e9:.1f} GB/s in cache, {memory / 1e9:.1f} out of it",
    ]
    write_csv(out / "fully_connected_x86.csv", rows, notes)
    if 1 in arguments.threads:
        picture = out / "fully_connected_x86.png"
        plot_if_possible(plot, picture, rows, cache, memory, notes[2])


if __name__ == "__main__":
    main()
