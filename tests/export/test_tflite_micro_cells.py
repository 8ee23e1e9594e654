"""One step of every recurrent layer in integers, in the real interpreter of TFLite-Micro."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from micro_calls import Calls
from recurrent_kinds import FORMS, KINDS
from small_model import FEATURES, LABELS, settle, walk

import tfpipeline as tp
from tfpipeline.export import export
from tfpipeline.inspection import inspect_model
from tfpipeline.numerics.cells import CELLS

pytestmark = pytest.mark.long


def layer_of(kind: Any) -> Callable[[], Any]:
    return lambda: kind.layer(12)


LAYERS: dict[str, Callable[[], Any]] = {
    **{name: layer_of(kind) for name, kind in KINDS.items()},
    **{name: layer_of(FORMS[name]) for name in ("fast_rnn_vector", "fast_grnn_filtered")},
    "qrnn": lambda: tp.layers.QRNN(12, window=2),
    "qrnn_fo": lambda: tp.layers.QRNN(12, pooling="fo"),
    "low_rank": lambda: tp.layers.FastGRNN(12, rank=4, recurrent_rank=4, h_clip=1.5),
}


def test_there_is_a_layer_of_every_cell() -> None:
    assert {make().cell.KIND for make in LAYERS.values()} == set(CELLS)


@pytest.mark.parametrize("name", LAYERS)
def test_a_stream_of_integers_runs_unchanged(name: str, tmp_path: Path) -> None:
    layers = [LAYERS[name](), keras.layers.Dense(len(LABELS))]
    model = settle(keras.Sequential([keras.Input((None, FEATURES)), *layers]))
    report = export(
        model,
        tmp_path / "kws.tflite",
        quantize="int8",
        io="int8",
        calibration=walk(20),
        streaming=True,
        forms=("portable",),
    )
    path = report.stream_portable
    assert path is not None and inspect_model(path).target("tflite-micro").runs
    calls = Calls(path)
    assert {details["dtype"] for details in calls.inputs} <= {np.int8, np.int16}
    # A step of the score itself, and as much for a state that was a step of a product away.
    form = report.form("stream portable")
    assert form is not None and form.micro_arena_bytes is not None
    assert "an arena of" in str(report)
    # It runs with no more memory than the report says.
    assert calls.differences(tmp_path, form.micro_arena_bytes)["scores"] <= 2
