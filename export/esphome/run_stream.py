"""Runs a wake word file on features, call by call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tfpipeline.inspection import esphome


def as_device_stores(features: np.ndarray) -> np.ndarray:
    """Return features as int8, in the device's scale."""
    scale, zero = esphome.INPUT
    found: np.ndarray = np.clip(np.rint(features / scale + zero), -128, 127).astype(np.int8)
    return found


class WakeWordStream:
    """A wake word file from its first state on.

    Args:
        path: The file.

    Attributes:
        stride: Frames of a call.
    """

    def __init__(self, path: Path) -> None:
        # Reference kernels are those of TFLite-Micro.
        self._interpreter: Any = Interpreter(
            str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_REF
        )
        self._interpreter.allocate_tensors()
        (x,), (y,) = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        self._input, self._output = x["index"], y["index"]
        self.stride = int(x["shape"][1])

    def process(self, features: np.ndarray) -> np.ndarray:
        """Return the probability after each call, for all frames that fill one.

        Args:
            features: float32 `(frames, 40)`.

        Returns:
            uint8 `(calls,)`, in units of 1/256.
        """
        stored, calls = as_device_stores(features), len(features) // self.stride
        found = np.empty(calls, np.uint8)
        for call in range(calls):
            frames = stored[call * self.stride : (call + 1) * self.stride]
            self._interpreter.set_tensor(self._input, frames[None])
            self._interpreter.invoke()
            found[call] = self._interpreter.get_tensor(self._output)[0, 0]
        return found
