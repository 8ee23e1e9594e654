"""How far the states of a streaming model are from float32 ones, as a stream goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

STEPS, WINDOW = 2000, 100


def state_walk(path: Path, frames: np.ndarray) -> list[np.ndarray]:
    """Return all states of a streaming model with explicit states, real numbers `(steps, size)`.

    Args:
        path: A file of one time step a call.
        frames: `(steps, features)`, one stream without a reset.
    """
    from tfpipeline.runtime.backends import backend, load_delegate
    from tfpipeline.runtime.model_card import read_card
    from tfpipeline.runtime.tflite_file import TFLiteFile

    file = TFLiteFile(path)
    card = read_card(file)
    runtime = backend()
    delegates = [load_delegate(runtime.name)] if file.custom_ops() else None
    interpreter = runtime.interpreter(str(path), experimental_delegates=delegates)
    interpreter.allocate_tensors()
    inputs = {d["name"]: d["index"] for d in interpreter.get_input_details()}
    outputs = {d["name"]: d["index"] for d in interpreter.get_output_details()}
    states = card["states"]
    current = [np.full(s["shape"], s["zero_point"], s["dtype"]) for s in states]
    found: list[list[np.ndarray]] = [[] for _ in states]
    for frame in frames:
        interpreter.set_tensor(inputs[card["inputs"][0]["name"]], frame[None, None])
        for state, value in zip(states, current, strict=True):
            interpreter.set_tensor(inputs[state["input"]], value)
        interpreter.invoke()
        current = [interpreter.get_tensor(outputs[state["output"]]) for state in states]
        for state, value, values in zip(states, current, found, strict=True):
            real = value.astype(np.float32).ravel()
            if state["scale"] is not None:
                real = (real - state["zero_point"]) * state["scale"]
            values.append(real)
    return [np.stack(values) for values in found]


def state_errors(
    walks: Sequence[Sequence[np.ndarray]], reference: Sequence[Sequence[np.ndarray]]
) -> list[float]:
    """Return the relative RMS error of all states over all streams, by window."""
    found = [np.concatenate(states, axis=1) for states in walks]
    expected = [np.concatenate(states, axis=1) for states in reference]
    size = float(np.sqrt(np.mean([np.mean(states**2) for states in expected])))
    squares = np.mean(
        [((a - b) ** 2).mean(axis=1) for a, b in zip(found, expected, strict=True)], 0
    )
    windows = squares[: len(squares) // WINDOW * WINDOW].reshape(-1, WINDOW)
    return [float(value) for value in np.sqrt(windows.mean(axis=1)) / size]
