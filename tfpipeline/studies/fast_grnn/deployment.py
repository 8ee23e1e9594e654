"""A trained run as int8 files of whole sequences: their bytes, and their accuracy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.data.dataset import Dataset, Samples
from tfpipeline.export import Tolerances, convert_stock, export, kept_conversions
from tfpipeline.loading import load_model
from tfpipeline.recipes.baseline import StockRunner, convert_stock_gru
from tfpipeline.runtime import Interpreter, Streamer
from tfpipeline.studies.fast_grnn.data import data_of
from tfpipeline.studies.fast_grnn.runs import Cut, Deployed, RunFiles
from tfpipeline.studies.fast_grnn.training import accuracy

_CALIBRATION, _VERIFICATION = 256, 100


def deploy_run(run: Deployed, files: RunFiles) -> dict[str, Any]:
    """Export a run's model, by our exporter or by TensorFlow's converter.

    A row has: `bytes`, `test` and `validation` of the portable or stock file; of ours also
    `bytes_fused`, `test_fused`, `validation_fused`, and `test_stream` of the fused file that takes
    one step a call, each sequence from zeros. Our files have one scale a matrix, and where it has
    zeros it is stored without them, as the sizes in the paper are meant. Ternary weights have a
    scale a row, which the normalization of their products is folded into.
    """
    training = run.run.run if isinstance(run.run, Cut) else run.run
    data = data_of(training, files)
    model = load_model(files.trained(run.run.name), compile=False)
    path = files.file(run.name)
    if run.stock:
        convert_stock(model, path, data.test.x.shape[1])
        if training.cell == "gru":
            _convert_step(files.stock_step(training), training.units, data)
        found = {
            split: _stock_accuracy(path, getattr(data, split)) for split in ("validation", "test")
        }
        return {"bytes": path.stat().st_size, **found}
    with kept_conversions():
        report = export(
            model,
            path,
            quantize="w2a8" if run.run.ternary else "int8",
            per_channel=run.run.ternary,
            streaming="both",
            calibration=data.train.x[:_CALIBRATION],
            verification=data.validation.x[:_VERIFICATION],
            # What it costs is measured here; nothing is to be refused for it.
            tolerances=Tolerances(agreement=0.0, relative_error=10.0, drift=1e3),
        )
    row: dict[str, Any] = {}
    for form, suffix in (("portable", ""), ("fused", "_fused")):
        written = report.form(form)
        assert written is not None
        interpreter = Interpreter(written.path)
        row |= {
            f"bytes{suffix}": Path(written.path).stat().st_size,
            f"validation{suffix}": accuracy(interpreter, data.validation),
            f"test{suffix}": accuracy(interpreter, data.test),
        }
    assert report.stream_fused is not None
    return {**row, "test_stream": _streamed_accuracy(report.stream_fused, data.test)}


def _convert_step(path: Path, units: int, data: Dataset) -> None:
    """Convert one step, with its state in and out; its weights are of no account for its time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    steps, features = data.test.x.shape[1:]
    convert_stock_gru(path.parent, [units], len(data.labels), steps, features)


def _streamed_accuracy(path: str | Path, split: Samples) -> float:
    streamer = Streamer(path)
    chosen = []
    for x in split.x:
        streamer.reset()
        for frame in x:
            scores = streamer.process(frame)
        chosen.append(int(np.argmax(scores)))
    return float(np.mean(np.asarray(chosen) == split.y))


def _stock_accuracy(path: Path, split: Samples) -> float:
    runner = StockRunner(path, split.x[:1])
    chosen = [int(runner.scores(x[None]).argmax()) for x in split.x]
    return float(np.mean(np.asarray(chosen) == split.y))
