"""Times lookups of embeddings with the layer behind them, stored in several ways, against float32.

    make bench                       or: python custom_ops/bench/embedding.py --help

Each model is an embedding of sentences and a dense or recurrent layer; a call looks up words that
are new each time. Contenders take turns within every round, one thread. The ratio is that to the
float32 table in the stock interpreter, best and median. Beside it stand the bytes of the embedding,
and what opening the file adds in time and memory.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter, load_delegate
from embedding_models import FIRST_LAYERS, KINDS, STOCK, Kind, export_few, grow
from measuring import cpu_class, machine, measure, prepare_folder, write_csv

from tfpipeline.progress import progress
from tfpipeline.runtime.native import library_path
from tfpipeline.worker_process import python_command, worker_environment

_SENTENCES = 64


@dataclass(frozen=True)
class Grown:
    """A file with many words, and the one with a few that it was made of."""

    kind: Kind
    few: Path
    path: Path
    embedding_bytes: int


def lookup_call(
    file: Grown, vocabulary: int, words: int, isa: str, seed: int = 0
) -> Callable[[], object]:
    """Return a call of a file with other words each time."""
    delegates = []
    if file.kind.fused:
        delegates.append(load_delegate(str(library_path()), options={"isa": isa}))
    it = Interpreter(str(file.path), num_threads=1, experimental_delegates=delegates)
    it.allocate_tensors()
    index = it.get_input_details()[0]["index"]
    rng = np.random.default_rng(seed)
    sentences = cycle(rng.integers(0, vocabulary, (_SENTENCES, 1, words)).astype(np.int32))

    def call() -> None:
        it.set_tensor(index, next(sentences))
        it.invoke()

    return call


def load_cost(file: Grown) -> dict[str, float]:
    """Return what opening a file adds, the least of three processes."""
    script = Path(__file__).with_name("embedding_load.py")
    found: list[dict[str, float]] = []
    for _ in range(3):
        command = python_command(str(script), str(file.few), str(file.path))
        environment = worker_environment()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return {name: min(one[name] for one in found) for name in found[0]}


def time_files(
    files: list[Grown],
    first: str,
    vocabulary: int,
    words: int,
    isa: str,
    rounds: int,
    repeats: int,
    loads: bool,
) -> list[dict[str, object]]:
    """Return one row a file.

    Args:
        files: What to time against each other, the stock one first.
        first: The layer behind the lookup.
        vocabulary, words: Of the table and of a sentence.
        isa: Kernels of ours.
        rounds, repeats: See `measure`.
        loads: Whether opening them is measured too.
    """
    calls = [[lookup_call(file, vocabulary, words, isa)] for file in files]
    taken = measure(calls, rounds, repeats)
    best, median = [min(times) for times in taken], [statistics.median(times) for times in taken]
    rows: list[dict[str, object]] = []
    for number, file in enumerate(files):
        row: dict[str, object] = {
            "first_layer": first,
            "vocabulary": vocabulary,
            "words": words,
            "contender": file.kind.name,
            "us": f"{best[number] * 1e6:.2f}",
            "median_us": f"{median[number] * 1e6:.2f}",
            "times_faster": f"{best[0] / best[number]:.2f}",
            "median_times_faster": f"{median[0] / median[number]:.2f}",
            "embedding_bytes": file.embedding_bytes,
            "percent_of_float": f"{100 * file.embedding_bytes / files[0].embedding_bytes:.2f}",
        }
        cost = load_cost(file) if loads else {}
        for name in ("load_ms", "load_all_mb", "load_anonymous_mb", "first_call_all_mb"):
            row[name] = f"{cost[name]:.2f}" if loads else ""
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vocabularies", type=int, nargs="+", default=[10_000, 400_000])
    parser.add_argument("--words", type=int, nargs="+", default=[1, 20], help="of a sentence")
    parser.add_argument("--width", type=int, default=300)
    parser.add_argument("--rank", type=int, default=29)
    parser.add_argument("--units", type=int, default=128, help="of the layer behind the lookup")
    parser.add_argument("--first", nargs="+", default=list(FIRST_LAYERS), choices=FIRST_LAYERS)
    parser.add_argument("--isa", default="auto", help="kernels of ours")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=20, help="calls a contender and round")
    parser.add_argument("--no-load", action="store_true", help="leave out what opening costs")
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    arguments = parser.parse_args()
    out: Path = arguments.out
    prepare_folder(out)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    rows: list[dict[str, object]] = []
    settings = [(first, words) for first in arguments.first for words in arguments.words]
    count = len(settings) * len(arguments.vocabularies)
    with progress("Timing embeddings", count) as bar, tempfile.TemporaryDirectory() as folder:
        for first, words in settings:
            sizes = (first, arguments.width, arguments.rank, arguments.units, words)
            few = {kind: export_few(kind, *sizes, Path(folder)) for kind in KINDS}
            for vocabulary in arguments.vocabularies:
                files = []
                for kind in (STOCK, *(one for one in KINDS if one != STOCK)):
                    path = few[kind].with_suffix(".grown.tflite")
                    files.append(Grown(kind, few[kind], path, grow(few[kind], path, vocabulary)))
                rows += time_files(
                    files,
                    first,
                    vocabulary,
                    words,
                    arguments.isa,
                    arguments.rounds,
                    arguments.repeats,
                    not arguments.no_load and words == max(arguments.words),
                )
                bar.advance(note=f"{first}, {vocabulary} words")
    notes = [
        f"Measured: embeddings of {arguments.width} numbers, of rank {arguments.rank} where low, "
        f"and the layer of {arguments.units} units behind them; wall-clock times of calls, one "
        "thread, other words in each; us is the best call, median_us the median. times_faster: "
        "than the float32 table in the stock interpreter.",
        "embedding_bytes: table, scales and second factor. load_*: what opening the file by "
        "tfpipeline.Interpreter adds in time and resident memory, and how much of the memory is "
        "no page of a file; first_call_*: what the first call adds; least of three processes.",
        f"CPU class: {cpu_class()}; kernels of ours: {arguments.isa}",
        f"machine: {machine()}; load average at the start {load:.1f}",
        f"command: python {shlex.join(sys.argv)}",
    ]
    write_csv(out / "embedding_x86.csv", rows, notes)


if __name__ == "__main__":
    main()
