"""What a user gets without this project: a plain Keras GRU through the stock converter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.runtime import backend


@dataclass(frozen=True)
class StockModel:
    """The baseline of the benchmark.

    Args:
        path: whole utterances, dynamic-range quantized.
        stream_path: one frame a call.
        parameters: its weights.
    """

    path: Path
    stream_path: Path
    parameters: int


def convert_stock_gru(
    folder: Path, units: Sequence[int], labels: int, frames: int, features: int, seed: int = 0
) -> StockModel:
    """Convert `keras.layers.GRU` layers of these widths with TensorFlow's converter alone.

    Weights are those of a fresh model: the time does not depend on them. The streaming form is one
    step of `keras.layers.GRUCell`; its states go in and come out beside features and scores, in
    the one input and the one output, because a `stateful` layer's variables start undefined there.
    """
    from tfpipeline.export import convert_stock

    whole = _gru(units, labels, features, seed)
    step = _gru_step(units, labels, features, seed)
    return StockModel(
        path=convert_stock(whole, folder / "stock.tflite", frames),
        stream_path=convert_stock(step, folder / "stock.stream.tflite", 1),
        parameters=int(whole.count_params()),
    )


class StockRunner:
    """A `.tflite` file without a model card in a stock interpreter, one thread, no plug-in."""

    def __init__(self, path: Path, x: np.ndarray, runtime: str | None = None) -> None:
        chosen = backend(runtime)
        self.runtime = f"{chosen.name} {chosen.version}"
        self._interpreter = chosen.interpreter(str(path), num_threads=1)
        self._interpreter.allocate_tensors()
        entry = self._interpreter.get_input_details()[0]
        # States beside the features of a streaming step start at zero.
        value = np.zeros(entry["shape"], np.float32)
        value[..., : x.shape[-1]] = x
        self._interpreter.set_tensor(entry["index"], value)
        self._input = entry["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]
        self.invoke = self._interpreter.invoke

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Return the scores of one sequence `(1, steps, features)`."""
        self._interpreter.set_tensor(self._input, x)
        self.invoke()
        return np.asarray(self._interpreter.get_tensor(self._output))


def _gru(units: Sequence[int], labels: int, features: int, seed: int) -> Any:
    import keras

    keras.utils.set_random_seed(seed)
    layers = [
        keras.layers.GRU(width, return_sequences=index < len(units) - 1)
        for index, width in enumerate(units)
    ]
    return keras.Sequential([keras.Input((None, features)), *layers, keras.layers.Dense(labels)])


def _gru_step(units: Sequence[int], labels: int, features: int, seed: int) -> Any:
    import keras

    keras.utils.set_random_seed(seed)
    packed = keras.Input((1, features + sum(units)))
    y, states, start = packed[:, 0, :features], [], features
    for width in units:
        y, _ = keras.layers.GRUCell(width)(y, [packed[:, 0, start : start + width]])
        states.append(y)
        start += width
    return keras.Model(packed, keras.layers.Concatenate()([keras.layers.Dense(labels)(y), *states]))
