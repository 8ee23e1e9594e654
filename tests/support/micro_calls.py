"""An exported model call by call, in LiteRT and in the real interpreter of TFLite-Micro."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter as LiteRT
from ai_edge_litert.interpreter import OpResolverType
from separate_environment import TFLITE_MICRO
from small_model import walk

from tfpipeline.runtime import Interpreter, Streamer

_SCRIPT = Path(__file__).with_name("run_micro.py")
_HELD_OUT = walk(6, seed=1)


class Calls:
    """What a model is fed, call by call, and what it carries from one call to the next.

    Args:
        path: The model.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # The reference kernels: optimized ones add in another order.
        self.litert = LiteRT(str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
        self.litert.allocate_tensors()
        self.inputs = self.litert.get_input_details()
        self.outputs = self.litert.get_output_details()
        runner: Any = Streamer if ".stream." in path.name else Interpreter
        self.card = runner(path).card
        names = [details["name"] for details in self.outputs]
        states = {state["input"]: state for state in self.card["states"]}
        self.carried: dict[int, int] = {}
        self.fed: list[np.ndarray] = []
        for i, details in enumerate(self.inputs):
            if details["name"] in states:
                state = states[details["name"]]
                self.carried[i] = names.index(state["output"])
                zero = np.full(details["shape"], state["zero_point"], details["dtype"])
                self.fed.append(zero[None])
            else:
                self.fed.append(self._encoded(self.card["inputs"][0]))

    def _encoded(self, entry: Mapping[str, Any]) -> np.ndarray:
        values = _HELD_OUT[0] if self.card["streaming"] else _HELD_OUT
        values = values.reshape(-1, *entry["shape"])
        if entry["dtype"] == "float32":
            return values
        limits = np.iinfo(entry["dtype"])
        levels = np.rint(values / entry["scale"]) + entry["zero_point"]
        return np.clip(levels, limits.min, limits.max).astype(entry["dtype"])

    def in_litert(self) -> dict[str, np.ndarray]:
        found: list[list[np.ndarray]] = [[] for _ in self.outputs]
        for call in range(max(map(len, self.fed))):
            for i, details in enumerate(self.inputs):
                state = call > 0 and i in self.carried
                value = found[self.carried[i]][-1] if state else self.fed[i][call]
                self.litert.set_tensor(details["index"], value)
            self.litert.invoke()
            for values, details in zip(found, self.outputs, strict=True):
                values.append(self.litert.get_tensor(details["index"]))
        return {d["name"]: np.stack(v) for d, v in zip(self.outputs, found, strict=True)}

    def in_micro(self, folder: Path, arena: int | None = None) -> dict[str, np.ndarray]:
        python = TFLITE_MICRO.executable()
        inputs, outputs = folder / "inputs.npz", folder / "outputs.npz"
        arrays: dict[str, Any] = {f"in_{i}": values for i, values in enumerate(self.fed)}
        np.savez(inputs, **arrays)
        pairs = [f"{i}:{o}" for i, o in self.carried.items()]
        if arena is not None:
            pairs.insert(0, f"arena={arena}")
        command = [python, _SCRIPT, self.path, inputs, outputs, len(self.outputs), *pairs]
        done = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-500:]
        with np.load(outputs) as found:
            return {d["name"]: found[f"out_{i}"] for i, d in enumerate(self.outputs)}

    def differences(self, folder: Path, arena: int | None = None) -> dict[str, float]:
        """The largest difference of each output from LiteRT's, in the units of the output."""
        here, there = self.in_litert(), self.in_micro(folder, arena)
        for name, values in here.items():
            assert values.shape == there[name].shape and values.dtype == there[name].dtype
            assert np.ptp(values.astype(np.float64)) > 0  # a model that does something
        return {
            name: float(np.abs(there[name].astype(np.float64) - values).max())
            for name, values in here.items()
        }
