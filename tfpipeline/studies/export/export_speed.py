"""The study `export-speed`: is a portable file slower or larger than the stock converter's?"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfpipeline.studies.common.rows import Row, RowStore, StudyResult, write_csv

HELP = "portable files against those of TensorFlow's own converter in the same mode: time and size"
MODES = ("float32", "float16", "dynamic", "int8", "int16x8")
"""The modes that the stock converter has."""
COLUMNS = (
    "model",
    "mode",
    "us",
    "stock_us",
    "times_as_long",
    "median_us",
    "stock_median_us",
    "times_as_long_median",
    "bytes",
    "card_bytes",
    "stock_bytes",
    "note",
)
SLOWER = 1.05
"""A file is slower where both its least and its median time are more than this many times those of
the other: two measurements of one file on a busy machine differ by more in one of them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=60, help="rounds to take (default: 60)")


@dataclass(frozen=True)
class SpeedTask:
    """All modes of one model, so that it is built and traced once."""

    model: str
    rounds: int

    @property
    def rows(self) -> list[Row]:
        return [{"model": self.model, "mode": mode} for mode in MODES]


def models() -> tuple[str, ...]:
    """Return the models: those of the matrix, and one of separable convolutions."""
    from tfpipeline.studies.export.matrix_models import MODELS

    return (*MODELS, "separable")


def run(
    out: Path,
    *,
    quick: bool = False,
    processes: int = 1,
    command: str = "",
    rounds: int = 60,
) -> StudyResult:
    """Write each model in each mode by both converters and time the two files in turn.

    A mode in which either does not convert is a row without figures that says why. With `quick`
    only three models. Models run one after the other whatever `processes` says, because their time
    is what is asked for.
    """
    from tfpipeline.recipes.atomic import write_json
    from tfpipeline.studies.common.provenance import describe_run, versions
    from tfpipeline.studies.common.tasks import run_tasks
    from tfpipeline.studies.export.stock_files import SEED

    if rounds < 1:
        raise ValueError(f"--rounds must be 1 or more, received {rounds}")
    out.mkdir(parents=True, exist_ok=True)
    names = ("gru", "text", "separable") if quick else models()
    tasks = [SpeedTask(name, rounds) for name in names]
    settings = {"rounds": rounds, "quick": quick}
    basis = {"versions": versions(), "settings": settings}
    store = RowStore(out / "export_speed.rows.jsonl", ("model", "mode"), basis)
    run_tasks(tasks, measure, store, "Export speed")
    rows = store.rows([row for task in tasks for row in task.rows])
    files = (out / "export_speed.csv", out / "export_speed.json")
    write_csv(files[0], COLUMNS, rows)
    data = {"features": "synthesized from the seed"}
    write_json(files[1], describe_run("export-speed", command, [SEED], data, settings))
    return StudyResult(rows, files, summary(rows))


def summary(rows: tuple[Row, ...]) -> str:
    """Return how many files are slower or larger than the stock converter's, and which."""
    measured = [row for row in rows if row["times_as_long"] is not None]
    slower = [
        row for row in measured if min(row["times_as_long"], row["times_as_long_median"]) > SLOWER
    ]
    larger = [row for row in measured if row["bytes"] - row["card_bytes"] > row["stock_bytes"]]
    lines = [
        f"{len(measured)} pairs of files: {len(slower)} of ours take more than {SLOWER} times the "
        f"stock file's time, {len(larger)} are "
        "larger by more than their model card"
    ]
    lines += [
        f"slower: {row['model']}, {row['mode']}: {row['times_as_long']:.2f} times as long, "
        f"{row['us']:.1f} us"
        for row in slower
    ]
    lines += [
        f"larger: {row['model']}, {row['mode']}: {row['bytes']} bytes, stock {row['stock_bytes']}"
        for row in larger
    ]
    lines += [f"{row['model']}, {row['mode']}: {row['note']}" for row in rows if row["note"]]
    return "\n".join(lines)


def measure(task: SpeedTask) -> Iterator[Row]:
    """Yield the rows of one model."""
    import tempfile

    from tfpipeline.export import ExportError, kept_conversions
    from tfpipeline.studies.export.stock_files import build_model, write_stock_files

    model, calibration = build_model(task.model)
    with kept_conversions(), tempfile.TemporaryDirectory(prefix="export-speed-") as name:
        folder = Path(name)
        missing = write_stock_files(task.model, MODES, folder)
        for mode in MODES:
            row: Row = {**dict.fromkeys(COLUMNS), "model": task.model, "mode": mode}
            path = folder / f"ours.{mode}.tflite"
            notes = []
            try:
                _write_ours(model, calibration, mode, path)
            except ExportError as error:
                notes.append(f"no file of ours: {' '.join(str(error).split())}")
            if mode in missing:
                notes.append(f"no stock file: {missing[mode]}")
            if notes:
                yield {**row, "note": "; ".join(notes)}
            else:
                yield {**row, **_compare(path, folder / f"{mode}.tflite", task.rounds)}


def _compare(ours: Path, stock: Path, rounds: int) -> Row:
    from tfpipeline.bench.files import benchmark_files
    from tfpipeline.runtime.model_card import CARD_METADATA
    from tfpipeline.runtime.tflite_file import TFLiteFile

    found = benchmark_files([ours, stock], rounds=rounds, round_seconds=0.004)
    # Half of a file of a few hundred weights is its model card.
    row: Row = {"card_bytes": len(TFLiteFile(ours).metadata(CARD_METADATA) or b"")}
    for side, timing in zip(("", "stock_"), found, strict=True):
        row[f"{side}bytes"] = timing.bytes
        if timing.timing is None:
            row["note"] = f"the {'stock' if side else 'exported'} file: {timing.problem}"
        else:
            row[f"{side}us"] = timing.timing.min
            row[f"{side}median_us"] = timing.timing.median
    if "note" not in row:
        row["times_as_long"] = row["us"] / row["stock_us"]
        row["times_as_long_median"] = row["median_us"] / row["stock_median_us"]
    return row


def _write_ours(model: Any, calibration: Any, mode: str, path: Path) -> None:
    from tfpipeline.export import Tolerances, export

    # How close the files are is the export matrix' question.
    any_error = Tolerances(agreement=0.0, relative_error=10.0, drift=100.0)
    export(
        model,
        path,
        quantize=mode,
        calibration=calibration,
        forms=("portable",),
        tolerances=any_error,
    )
