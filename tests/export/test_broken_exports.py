"""What verification is for: a file that computes something else than the model is not written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tfpipeline.export import Tolerances, VerificationError, export, pipeline
from tfpipeline.export.modes import MODES, Mode
from tfpipeline.export.verify.drift import Drift, problems_of_drift
from tfpipeline.studies.export.matrix_models import build

pytestmark = pytest.mark.slow

Weights = dict[str, np.ndarray]


def wrong_sign(weights: Weights) -> None:
    """The state of the last recurrent layer counts against itself."""
    weights["second/lstm_cell/recurrent_kernel"] *= -1.0


def lost_state(weights: Weights) -> None:
    """The first recurrent layer does not look at its state."""
    weights["first/lstm_cell/recurrent_kernel"] *= 0.0


def slightly_off(weights: Weights) -> None:
    """A scale is rounded to three digits."""
    weights["scores/kernel"] *= 1.004


EIGHT_BITS = ("dynamic", "int8", "int16x8")
CASES = [
    *((mode, wrong_sign) for mode in MODES),
    *((mode, lost_state) for mode in ("float32", "float16", *EIGHT_BITS)),
    ("float32", slightly_off),
]


@pytest.mark.parametrize(("mode", "edit"), CASES)
def test_a_broken_file_is_refused_in_every_mode(
    target: Path,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    edit: Callable[[Weights], None],
) -> None:
    built = build("lstm", ternary=mode in ("int2", "int8x2"))
    options = {
        "quantize": mode,
        "calibration": built.calibration,
        "verification": built.verification,
    }
    # The sound file passes with the same bounds.
    export(built.model, target, **options)
    sound = target.read_bytes()
    convert_model = pipeline.convert_model

    def convert_broken(model: keras.Model, *args: Any) -> Any:
        kept = {variable.path: np.array(variable) for variable in model.weights}
        edited = {path: values.copy() for path, values in kept.items()}
        edit(edited)
        model.set_weights(list(edited.values()))
        try:
            return convert_model(model, *args)
        finally:
            model.set_weights(list(kept.values()))

    monkeypatch.setattr(pipeline, "convert_model", convert_broken)
    with pytest.raises(VerificationError, match="disagrees with the model"):
        export(built.model, target, **options)
    assert target.read_bytes() == sound


@pytest.mark.parametrize("mode", MODES.values())
def test_a_file_that_ignores_its_input_is_beyond_every_default(mode: Mode) -> None:
    # Its error is 1: the mean of the scores is the best that such a file could give.
    usual = Tolerances.for_mode([mode])
    assert usual.relative_error <= 0.7 and usual.channel_error <= 0.9


def test_the_coarsest_format_counts() -> None:
    together = Tolerances.for_mode([MODES["int8"], MODES["int4"], MODES["float32"]])
    assert together == Tolerances.for_mode([MODES["int4"]])


def drift(output: tuple[float, float], state: tuple[float, float] | None = None) -> Drift:
    fresh, last = state or (None, None)
    return Drift(240, 24, *output, fresh, last)


@pytest.mark.parametrize(
    ("found", "what"),
    [
        (drift((0.02, 0.12)), "outputs"),
        (drift((0.04, 0.04), (0.02, 0.3)), "states"),
        # A small channel beside large ones, which hide it.
        (Drift(240, 24, 0.02, 0.03, None, None, 0.05, 0.4), "worst channel"),
    ],
)
def test_a_stream_whose_error_grows_is_refused(found: Drift, what: str) -> None:
    (problem,) = problems_of_drift({"stream fused": found}, Tolerances.for_mode([MODES["int8"]]))
    assert problem.form == "stream fused" and f"the error of its {what} is" in problem.what
    # The bound that the message names would do.
    loose = Tolerances(drift=problem.acceptable["drift"])
    assert not problems_of_drift({"stream fused": found}, loose)


@pytest.mark.parametrize(
    "found",
    [
        drift((0.09, 0.12)),  # 1.3 times, as much as any model of the export matrix above the floor
        drift((0.085, 0.084), (0.039, 0.085)),  # an LSTM's c went further, the outputs stayed
        drift((0.013, 0.026), (0.004, 0.01)),  # more than twice, of hardly anything
        # A channel in the 24 steps of a window, from two pasts.
        Drift(240, 24, 0.02, 0.03, None, None, 0.07, 0.18),
    ],
)
def test_a_stream_that_stays_as_it_is_passes(found: Drift) -> None:
    assert not problems_of_drift({"stream fused": found}, Tolerances.for_mode([MODES["int8"]]))
