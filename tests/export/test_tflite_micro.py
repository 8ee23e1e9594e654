"""Exported models in the real interpreter of TFLite-Micro, against LiteRT on the same bytes."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter as LiteRT
from ai_edge_litert.interpreter import OpResolverType
from separate_environment import TFLITE_MICRO
from small_model import FEATURES, LABELS, walk

from tfpipeline.export import ExportReport, export
from tfpipeline.inspection import inspect_model
from tfpipeline.runtime import Interpreter, Streamer

pytestmark = pytest.mark.slow

_SCRIPT = Path(__file__).resolve().parents[1] / "support" / "run_micro.py"
_HELD_OUT = walk(6, seed=1)
#: How `quantize` and `io` combine.
MODES = {
    "float32": ("float32", "float32"),
    "int8": ("int8", "float32"),
    "int8 only": ("int8", "int8"),
    "int16x8 only": ("int16x8", "int16"),
}


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ExportReport]:
    keras.utils.set_random_seed(3)
    layers = [keras.layers.GRU(17), keras.layers.Dense(9, activation="relu")]
    model = keras.Sequential(
        [keras.Input((None, FEATURES)), *layers, keras.layers.Dense(len(LABELS))]
    )
    folder = tmp_path_factory.mktemp("micro")
    return {
        name: export(
            model,
            folder / f"{name.replace(' ', '_')}.tflite",
            quantize=quantize,
            io=io,
            calibration=walk(20),
            streaming="both",
            forms=("portable",),
        )
        for name, (quantize, io) in MODES.items()
    }


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

    def in_micro(self, folder: Path) -> dict[str, np.ndarray]:
        python = TFLITE_MICRO.executable()
        inputs, outputs = folder / "inputs.npz", folder / "outputs.npz"
        arrays: dict[str, Any] = {f"in_{i}": values for i, values in enumerate(self.fed)}
        np.savez(inputs, **arrays)
        pairs = [f"{i}:{o}" for i, o in self.carried.items()]
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

    def differences(self, folder: Path) -> dict[str, float]:
        """The largest difference of each output from LiteRT's, in the units of the output."""
        here, there = self.in_litert(), self.in_micro(folder)
        for name, values in here.items():
            assert values.shape == there[name].shape and values.dtype == there[name].dtype
            assert np.ptp(values.astype(np.float64)) > 0  # a model that does something
        return {
            name: float(np.abs(there[name].astype(np.float64) - values).max())
            for name, values in here.items()
        }


@pytest.mark.parametrize("form", ["portable", "stream_portable"])
def test_float32_has_the_bits_of_litert(
    exports: dict[str, ExportReport], tmp_path: Path, form: str
) -> None:
    found = Calls(getattr(exports["float32"], form)).differences(tmp_path)
    assert set(found.values()) == {0.0}


# The integer kernels of the two round a product's accumulator to its output differently: LiteRT's
# in one step, TFLite-Micro's in two (a rounding high multiplication, then a rounding shift), so
# that one value in several hundred is one step of the output away. Everything else has equal bits.
@pytest.mark.parametrize("name", ["int8", "int8 only", "int16x8 only"])
def test_one_step_differs_by_the_rounding_of_products(
    exports: dict[str, ExportReport], tmp_path: Path, name: str
) -> None:
    calls = Calls(exports[name].stream_portable)
    (state,) = calls.carried
    expected = calls.in_litert()
    # Both start every call from the state that LiteRT had.
    output = calls.outputs[calls.carried.pop(state)]["name"]
    calls.fed[state] = np.concatenate([calls.fed[state], expected[output][:-1]])
    found = calls.in_micro(tmp_path)
    difference = np.abs(found[output].astype(np.float64) - expected[output])
    assert (difference > 0).mean() < 0.1
    # One step of every product at once: gates weigh at most half of |h - candidate| <= 2.
    tensors = {
        details["name"].partition("/")[2]: details for details in calls.litert.get_tensor_details()
    }
    steps = [tensors[f"{source}_gates"]["quantization"][0] for source in "xh"]
    reach = np.ones((2, 3, 1))
    if "pre_activations/wide_reach" in tensors:
        # int8 products are in units of their reach, an entry for each gate of each.
        details = tensors["pre_activations/wide_reach"]
        units = calls.litert.get_tensor(details["index"]) * (details["quantization"][0] or 1.0)
        reach = units.reshape(2, 3, -1)
    widest = reach.max(axis=-1)
    bound = float(np.dot(steps, widest[:, 2] + widest[:, :2].max(axis=-1) / 2))
    unit = calls.card["states"][0]["scale"] or 1.0
    # and a rounding of each int16 operation of the gates.
    assert difference.max() * unit <= bound + 8 * 2.0**-15


def test_the_inspection_knows_what_runs_there(exports: dict[str, ExportReport]) -> None:
    for name, report in exports.items():
        for form in ("portable", "stream_portable"):
            claimed = inspect_model(getattr(report, form)).target("tflite-micro")
            # Its GATHER takes no int16, so that a whole sequence of int16 cannot run there.
            assert claimed.runs == ((name, form) != ("int16x8 only", "portable")), claimed


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("int8", "portable"),
        ("int8", "stream_portable"),
        ("int8 only", "portable"),
        ("int8 only", "stream_portable"),
        ("int16x8 only", "stream_portable"),
    ],
)
def test_scores_of_sequences_stay_within_two_int8_steps_of_litert(
    exports: dict[str, ExportReport], tmp_path: Path, name: str, form: str
) -> None:
    calls = Calls(getattr(exports[name], form))
    if "only" in name:
        assert {details["dtype"] for details in calls.inputs} <= {np.int8, np.int16}
    entry = calls.card["outputs"][0]
    unit = 1.0 if entry["dtype"] == "float32" else entry["scale"]
    step = Interpreter(exports["int8"].portable).card["outputs"][0]["scale"]
    # One step of the score itself, and as much again for a state that was a step away.
    assert calls.differences(tmp_path)["scores"] * unit <= 2.001 * step
