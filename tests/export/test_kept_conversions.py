"""One conversion for many exports: which serves which, with the files that each would have had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from small_model import FEATURES, settle, walk

from tfpipeline.export import Tolerances, export, kept_conversions
from tfpipeline.export.convert import kept
from tfpipeline.export.graph.markers import Delay

pytestmark = pytest.mark.slow


def model_of(*layers: Any) -> Any:
    return settle(keras.Sequential([keras.Input((None, FEATURES)), *layers]))


def files(model: Any, folder: Path) -> list[bytes]:
    """What a stream of four time steps, one of two, and a whole sequence are exported to."""
    written = []
    for options in ({"streaming": True, "chunk": 4}, {"streaming": True, "chunk": 2}, {}):
        report = export(
            model,
            folder / "model.tflite",
            quantize="float32",
            verification=walk(4),
            # The model is untrained.
            tolerances=Tolerances(0, 9, 99),
            **options,
        )
        written.append((report.portable or report.stream_portable).read_bytes())
    return written


def test_the_conversion_of_a_longer_chunk_serves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(keras.layers.GRU(5, return_sequences=True), keras.layers.Dense(3))
    expected = files(model, tmp_path)
    added, add = [], kept.KeptConversions.add
    monkeypatch.setattr(
        kept.KeptConversions, "add", lambda self, one: (added.append(one), add(self, one))[1]
    )
    with kept_conversions():
        assert files(model, tmp_path) == expected
    assert [one.chunk for one in added] == [4]


def test_which_conversion_serves_which_chunk() -> None:
    class Marked:
        def __init__(self, *marked: Any) -> None:
            self.marked = marked

    def serves(chunk: int | None, wanted: int | None, *marked: Any) -> bool:
        conversion = kept.Conversion(None, [], chunk, Marked(*marked), {})  # type: ignore[arg-type]
        return conversion.serves(wanted)

    assert serves(4, 4) and serves(4, 2) and serves(4, 1) and serves(None, None)
    assert not serves(4, 3) and not serves(2, 4) and not serves(None, 1)
    # Where the past of a convolution is marked, it is a state and no padding.
    assert serves(4, None) and not serves(4, None, Delay("convolution", 2))


def test_samples_are_predicted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from tfpipeline.export.trace import predictions
    from tfpipeline.export.trace.signature import signature_of

    model, x = model_of(keras.layers.Dense(3)), walk(6)
    signature, calls = signature_of(model, x), []
    run = predictions._parts
    monkeypatch.setattr(
        predictions, "_parts", lambda *given: (calls.append(given[2]), run(*given))[1]
    )

    def predicted(values: np.ndarray) -> np.ndarray:
        (found,) = predictions.predict(
            model, signature, {signature.inputs[0].name: values}
        ).values()
        return found

    with kept_conversions():
        first = predicted(x)
        first_again = predicted(x.copy())
        np.testing.assert_array_equal(first_again, first)
        assert len(calls) == 1
        # What a caller does to them is its own affair.
        first_again[:] = 0
        np.testing.assert_array_equal(predicted(x), first)
        assert not np.array_equal(predicted(x + 1), first) and len(calls) == 2
    predicted(x)
    assert len(calls) == 3
