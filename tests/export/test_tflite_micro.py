"""Exported models in the real interpreter of TFLite-Micro, against LiteRT on the same bytes."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from micro_calls import Calls
from small_model import FEATURES, LABELS, walk

from tfpipeline.export import ExportReport, export
from tfpipeline.inspection import inspect_model
from tfpipeline.runtime import Interpreter

pytestmark = pytest.mark.slow

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
