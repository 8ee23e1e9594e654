"""Time of the CTC loss with its gradient, ours against others: `python -m tfpipeline.bench.ctc`.

Each row is one backend with or without XLA, in a process of its own; within it the losses take
turns, and the least time of each counts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tfpipeline.bench.backends import run_command
from tfpipeline.bench.timing import time_interleaved


@dataclass(frozen=True)
class CTCCase:
    """What is timed: the mean loss of a batch, and its gradient in the logits.

    Args:
        batch, frames, symbols: shape of the logits, the blank among the symbols.
        label: length of the labels; they fit into the frames.
    """

    batch: int = 32
    frames: int = 52
    symbols: int = 29
    label: int = 20


@dataclass(frozen=True)
class CTCRow:
    """Milliseconds of `losses.CTC`, of `keras.ops.ctc_loss`, and of TensorFlow's CPU kernel.

    The last is None where it cannot run, which is everywhere but in TensorFlow's graph mode.
    """

    mode: str
    ours: float
    keras: float
    kernel: float | None


def time_ctc(case: CTCCase, mode: str, xla: bool, rounds: int) -> CTCRow:
    """Time the losses on the backend that Keras has in this process."""
    timings = time_interleaved(
        ctc_calls(case, xla), rounds=rounds, round_seconds=0.1, warm_up_seconds=0.3, label=None
    )
    kernel = timings["kernel"].min / 1000 if "kernel" in timings else None
    return CTCRow(mode, timings["ours"].min / 1000, timings["keras"].min / 1000, kernel)


def ctc_calls(case: CTCCase, xla: bool) -> dict[str, Callable[[], Any]]:
    """Return each loss with its gradient, compiled; a call returns both as NumPy arrays."""
    import keras
    from keras import ops

    from tfpipeline.losses import CTC, pack_labels

    rng = np.random.default_rng(0)
    logits = rng.normal(size=(case.batch, case.frames, case.symbols)).astype(np.float32)
    labels = rng.integers(1, case.symbols, size=(case.batch, case.label)).astype(np.int32)
    lengths = np.full(case.batch, case.label, np.int32)
    frames = np.full(case.batch, case.frames, np.int32)
    packed = pack_labels(labels, case.frames)
    ours = CTC()
    losses: dict[str, Callable[[Any], Any]] = {
        "ours": lambda x: ours(packed, x),
        "keras": lambda x: ops.mean(ops.ctc_loss(labels, x, lengths, frames)),
    }
    if keras.backend.backend() == "jax":
        import jax

        def with_jax(loss: Callable[[Any], Any]) -> Callable[[], Any]:
            both = jax.jit(jax.value_and_grad(loss))
            return lambda: [np.asarray(part) for part in both(logits)]

        return {name: with_jax(loss) for name, loss in losses.items()}
    import tensorflow as tf

    if not xla:
        sparse = tf.sparse.from_dense(labels)
        losses["kernel"] = lambda x: tf.reduce_mean(
            tf.nn.ctc_loss(sparse, x, None, frames, logits_time_major=False, blank_index=0)
        )

    def with_tensorflow(loss: Callable[[Any], Any]) -> Callable[[], Any]:
        @tf.function(jit_compile=xla)
        def both(x: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = loss(x)
            return value, tape.gradient(value, x)

        given = tf.constant(logits)
        return lambda: [part.numpy() for part in both(given)]

    return {name: with_tensorflow(loss) for name, loss in losses.items()}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="time of the CTC loss with its gradient")
    for name, value in asdict(CTCCase()).items():
        parser.add_argument(f"--{name}", type=int, default=value)
    return run_command("tfpipeline.bench.ctc", parser, argv, CTCCase, CTCRow, time_ctc, _table)


def _table(rows: Sequence[CTCRow]) -> str:
    lines = [f"{'a batch':18}{'losses.CTC':>12}{'keras.ops':>12}{'CPU kernel':>12}"]
    for row in rows:
        kernel = "-" if row.kernel is None else f"{row.kernel:.1f}"
        lines.append(f"{row.mode:18}{row.ours:12.1f}{row.keras:12.1f}{kernel:>12}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
