"""The study `export-time`: what the export of a large model takes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tfpipeline.studies.common.rows import Row, RowStore, StudyResult, write_csv

if TYPE_CHECKING:
    import keras

HELP = "seconds by step and peak memory of exporting a model of 10 million parameters"
STEPS = ("convert", "calibrate", "lower", "verify")
COLUMNS = ("cell", "streaming", "params", "samples", "seconds", *STEPS, "other", "peak_gb")
FRAMES, FEATURES, LABELS = 98, 40, 12
_UNITS = {"gru": 1024, "lstm": 896}
_SEED = 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--samples", type=int, default=256, help="calibration samples (default: %(default)s)"
    )


@dataclass(frozen=True)
class _Export:
    cell: str
    streaming: str
    units: int
    samples: int

    @property
    def rows(self) -> list[Row]:
        return [{"cell": self.cell, "streaming": self.streaming}]


def run(
    out: Path,
    *,
    quick: bool = False,
    processes: int = 1,
    command: str = "",
    samples: int = 256,
) -> StudyResult:
    """Export two recurrent layers and a dense one, untrained, as static int8.

    Each export has a process of its own, and they run one after the other whatever `processes`
    says, because their time is what is asked for. With `quick` the layers have 64 units.
    """
    from tfpipeline.recipes.atomic import write_json
    from tfpipeline.studies.common.provenance import describe_run, versions
    from tfpipeline.studies.common.tasks import run_tasks

    if samples < 1:
        raise ValueError(f"--samples must be 1 or more, received {samples}")
    out.mkdir(parents=True, exist_ok=True)
    settings = {"quick": quick, "samples": samples, "frames": FRAMES, "features": FEATURES}
    tasks = [
        _Export(cell, streaming, 64 if quick else units, samples)
        for cell, units in _UNITS.items()
        for streaming in ("no", "both")
    ]
    basis = {"versions": versions(), "settings": settings}
    store = RowStore(out / "export_time.rows.jsonl", ("cell", "streaming"), basis)
    for task in tasks:
        # A process that has exported already has imported TensorFlow, and keeps memory.
        run_tasks(
            [task], export_once, store, f"{task.cell}, streaming {task.streaming}", fresh=True
        )
    rows = store.rows([row for task in tasks for row in task.rows])
    files = (out / "export_time.csv", out / "export_time.json")
    write_csv(files[0], COLUMNS, rows)
    write_json(files[1], describe_run("export-time", command, [_SEED], {}, settings))
    lines = [
        f"{row['cell']}, {row['params'] / 1e6:.1f} M parameters, streaming {row['streaming']}: "
        f"{row['seconds']:.1f} s, {_memory(row)}"
        for row in rows
    ]
    return StudyResult(rows, files, "\n".join(lines))


def _memory(row: Row) -> str:
    return "memory unknown" if row["peak_gb"] is None else f"{row['peak_gb']:.1f} GB at most"


def export_once(task: _Export) -> Iterator[Row]:
    """Time one export in a temporary folder."""
    import tempfile
    import time

    import keras
    import numpy as np

    from tfpipeline.export import Tolerances, export
    from tfpipeline.studies.export.memory import PeakMemory

    keras.utils.set_random_seed(_SEED)
    model = _model(task)
    walk = np.random.default_rng(_SEED).normal(size=(task.samples + 100, FRAMES, FEATURES))
    x = (0.3 * np.cumsum(walk, axis=1)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder, PeakMemory() as memory:
        started = time.perf_counter()
        report = export(
            model,
            Path(folder) / "model.tflite",
            calibration=x[: task.samples],
            verification=x[task.samples :],
            streaming="both" if task.streaming == "both" else False,
            # Labels of a model that was not trained are ties: every step of a verification is
            # taken, and what it finds is not judged.
            tolerances=Tolerances(agreement=0.0, relative_error=10.0, drift=100.0),
        )
        seconds = time.perf_counter() - started
    steps = {name: report.seconds.get(name, 0.0) for name in STEPS}
    yield {
        "cell": task.cell,
        "streaming": task.streaming,
        "params": model.count_params(),
        "samples": task.samples,
        "seconds": seconds,
        **steps,
        "other": seconds - sum(steps.values()),
        "peak_gb": None if memory.bytes is None else memory.bytes / 1e9,
    }


def _model(task: _Export) -> keras.Model:
    import keras

    layer = {"gru": keras.layers.GRU, "lstm": keras.layers.LSTM}[task.cell]
    return keras.Sequential(
        [
            keras.Input((None, FEATURES)),
            layer(task.units, return_sequences=True),
            layer(task.units),
            keras.layers.Dense(LABELS),
        ]
    )
