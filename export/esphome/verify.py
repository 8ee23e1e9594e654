"""Compares a wake word file with Keras: on samples, and on streams of ten times their length."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from tfpipeline.export.errors import VerificationError
from tfpipeline.export.esphome.report import Agreement
from tfpipeline.export.esphome.run_stream import WakeWordStream
from tfpipeline.export.samples.signature import ModelSignature
from tfpipeline.export.tolerances import Tolerances
from tfpipeline.export.trace.predictions import predict

_LENGTHS = 10
"""Of a stream, in samples."""
_STREAMS = 8
_STEP = 1.0 / 256.0
"""Of a probability of 8 bits: an output that hardly moves may be two of them away."""


def long_streams(samples: np.ndarray) -> np.ndarray:
    """Return samples `(n, frames, features)` end to end, in several orders, each ten long."""
    order = np.arange(len(samples))
    rows = [np.resize(np.roll(order, -i * _LENGTHS), _LENGTHS) for i in range(_STREAMS)]
    return np.stack([samples[row].reshape(-1, samples.shape[-1]) for row in rows])


def compare(
    path: Path,
    model: keras.Model,
    signature: ModelSignature,
    samples: np.ndarray,
    cutoff: float,
    is_logit: bool,
) -> Agreement:
    """Run the file and Keras on samples `(n, frames, features)`, each from a fresh state.

    Where Keras puts out the last time step only, the last call is compared.
    """
    name, output = signature.inputs[0].name, signature.outputs[0]
    expected = predict(model, signature, {name: samples})[output.name].astype(np.float64)
    if is_logit:
        expected = 1.0 / (1.0 + np.exp(-expected))
    found = []
    for features in samples:
        stream = WakeWordStream(path)
        found.append(stream.process(features) * _STEP)
    values = np.stack(found)
    if output.has_time:
        theirs = expected[..., 0][:, stream.stride - 1 :: stream.stride]
    else:
        values, theirs = values[:, -1:], expected.reshape(-1, 1)
    difference = values - theirs
    return Agreement(
        calls=values.size,
        rms=float(np.sqrt((difference**2).mean())),
        largest=float(np.abs(difference).max()),
        spread=float(theirs.std()),
        decisions=float(((values > cutoff) == (theirs > cutoff)).mean()),
    )


def refuse_beyond(what: str, found: Agreement, tolerances: Tolerances, table: str) -> None:
    """Refuse a file that is further from Keras than the tolerances allow.

    Raises:
        VerificationError: it is; the message says by how much.
    """
    allowed = max(tolerances.relative_error * found.spread, 2.0 * _STEP)
    if found.rms <= allowed:
        return
    raise VerificationError(
        f"on {what} the probabilities of the file are {found.rms:.4f} (root mean square) from "
        f"Keras', which deviate by {found.spread:.4f}, and {allowed:.4f} is allowed: calibrate "
        "with more samples, as the device will hear them",
        {"relative_error": tolerances.accepting(found.rms / max(found.spread, _STEP))},
        table=table,
    )
