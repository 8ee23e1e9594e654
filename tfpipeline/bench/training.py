"""Step time of factored layers against Keras' own: `python -m tfpipeline.bench.training`.

Each row is one backend with or without XLA, in a process of its own; within it the layers take
turns, and the least time of each counts, so that a busy machine is busy for all of them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tfpipeline.bench.backends import run_command
from tfpipeline.bench.timing import time_interleaved
from tfpipeline.numerics.cells import CELLS


@dataclass(frozen=True)
class TrainingCase:
    """What is timed: one layer over `(batch, frames, features)`, its loss and one SGD step.

    Args:
        cell: name of a recurrent cell of Keras, such as `"gru"`.
        batch, frames, features, units: sizes.
        rank: of both kernels in the third candidate; at most `features` and `units`.
    """

    cell: str = "gru"
    batch: int = 32
    frames: int = 100
    features: int = 512
    units: int = 512
    rank: int = 128


@dataclass(frozen=True)
class TrainingRow:
    """Milliseconds a step of the dense layer, ours at full rank and ours at `rank`; the least."""

    mode: str
    dense: float
    full: float
    low: float

    @property
    def full_over_dense(self) -> float:
        return self.full / self.dense

    @property
    def dense_over_low(self) -> float:
        return self.dense / self.low


def time_training(case: TrainingCase, mode: str, xla: bool, rounds: int) -> TrainingRow:
    """Time the three layers on the backend that Keras has in this process."""
    steps = training_steps(case, xla)
    timings = time_interleaved(
        steps, rounds=rounds, round_seconds=0.2, warm_up_seconds=0.5, label=None
    )
    return TrainingRow(mode, *(timings[name].min / 1000 for name in ("dense", "full", "low")))


def training_steps(case: TrainingCase, xla: bool) -> dict[str, Callable[[], Any]]:
    """Return one compiled training step of each layer, ready to be called."""
    import keras

    from tfpipeline.layers import TWINS

    recurrent = {kind.CELL.KIND: plain for plain, kind in TWINS.items() if hasattr(kind, "CELL")}
    if case.cell not in recurrent:
        raise ValueError(f"`cell` must be one of {', '.join(recurrent)}; received {case.cell!r}.")
    plain = recurrent[case.cell]
    factored = TWINS[plain]
    layers = {
        "dense": plain(case.units),
        "full": factored(case.units),
        "low": factored(case.units, rank=min(case.rank, case.features), recurrent_rank=case.rank),
    }
    rng = np.random.default_rng(0)
    x = rng.normal(size=(case.batch, case.frames, case.features)).astype(np.float32)
    y = rng.normal(size=(case.batch, case.units)).astype(np.float32)
    steps: dict[str, Callable[[], Any]] = {}
    for name, layer in layers.items():
        model = keras.Sequential([keras.Input(x.shape[1:]), layer])
        model.compile(keras.optimizers.SGD(1e-3), "mse", jit_compile=xla)
        steps[name] = partial(model.train_on_batch, x, y)
    return steps


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="step time of factored layers against Keras' own")
    parser.add_argument("--cell", choices=tuple(CELLS), default=TrainingCase.cell)
    for name in ("batch", "frames", "features", "units", "rank"):
        parser.add_argument(f"--{name}", type=int, default=getattr(TrainingCase, name))
    return run_command(
        "tfpipeline.bench.training", parser, argv, TrainingCase, TrainingRow, time_training, _table
    )


def _table(rows: Sequence[TrainingRow]) -> str:
    lines = [f"{'a step':18}{'dense':>9}{'full':>9}{'low':>9}{'full/dense':>12}{'dense/low':>11}"]
    lines += [
        f"{row.mode:18}{row.dense:9.1f}{row.full:9.1f}{row.low:9.1f}"
        f"{row.full_over_dense:12.2f}{row.dense_over_low:11.2f}"
        for row in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
