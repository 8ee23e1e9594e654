"""Times of exported files, all in turn in one process, on one thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfpipeline.bench.timing import time_interleaved
from tfpipeline.recipes.baseline import StockRunner
from tfpipeline.runtime import Interpreter, Streamer
from tfpipeline.studies.fast_grnn.runs import Cut, Deployed, RunFiles, Training


def time_files(files: RunFiles, runs: Sequence[Training | Cut]) -> dict[str, dict[str, float]]:
    """Return medians in microseconds by the name of a run.

    `us` and `us_fused` are a whole sequence through our portable and fused file, `us_step_fused` is
    one step of the fused streaming file. Where TensorFlow's converter made files too, `us_stock`
    and `us_step_stock` are theirs.
    """
    calls: dict[tuple[str, str], Any] = {}
    for run in runs:
        path = files.file(Deployed(run).name)
        for column, suffix in (("us", ".tflite"), ("us_fused", ".fused.tflite")):
            model = Interpreter(path.with_suffix(suffix), num_threads=1)
            x = np.zeros((1, *model.input_shape[1:]), np.float32)
            model.predict(x)
            calls[run.name, column] = model.invoke
        step = Streamer(path.with_suffix(".stream.fused.tflite"))
        step.process(x[0, 0])
        calls[run.name, "us_step_fused"] = step.invoke
        stock = files.file(Deployed(run, stock=True).name)
        if stock.exists():
            calls[run.name, "us_stock"] = StockRunner(stock, x).invoke
        if isinstance(run, Training) and files.stock_step(run).exists():
            calls[run.name, "us_step_stock"] = StockRunner(files.stock_step(run), x[:, :1]).invoke
    found = time_interleaved(
        {"/".join(key): call for key, call in calls.items()}, label="Timing the files"
    )
    times: dict[str, dict[str, float]] = {}
    for name, column in calls:
        times.setdefault(name, {})[column] = found[f"{name}/{column}"].median
    return times
