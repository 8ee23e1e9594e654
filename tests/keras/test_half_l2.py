from __future__ import annotations

import keras
import numpy as np
import pytest

from tfpipeline.layers import FactoredDense, FactoredGRU
from tfpipeline.regularizers import HalfL2, TraceNorm, kernel_regularizers


def test_is_half_the_squares_of_a_whole_kernel(sequences):
    layer = keras.layers.GRU(4, **kernel_regularizers("l2", 0.3, 0.5))
    layer(sequences)
    kernel, recurrent, _ = (keras.ops.convert_to_numpy(w) for w in layer.weights)
    expected = 0.5 * 0.3 * (kernel**2).sum() + 0.5 * 0.5 * (recurrent**2).sum()
    assert float(sum(layer.losses)) == pytest.approx(expected, rel=1e-5)
    assert float(HalfL2(0.3)(kernel)) == pytest.approx(
        float(keras.regularizers.L2(0.15)(kernel)), rel=1e-6
    )


@pytest.mark.parametrize(
    "layer",
    [
        FactoredGRU(4, kernel_regularizer=HalfL2(0.1)),
        FactoredGRU(4, recurrent_regularizer=HalfL2(0.1), joint="split"),
        FactoredDense(4, kernel_regularizer=HalfL2(0.1)),
    ],
)
def test_a_factored_kernel_is_refused(sequences, layer):
    with pytest.raises(ValueError, match="HalfL2 was given to a factored kernel"):
        layer(sequences)


def test_separate_and_tied_strengths():
    separate = kernel_regularizers("trace_norm", 0.1, 0.4)
    tied = kernel_regularizers("trace_norm", 0.1, ratio=4)
    for pair in (separate, tied):
        assert {type(r) for r in pair.values()} == {TraceNorm}
        assert pair["kernel_regularizer"].strength == 0.1
        assert pair["recurrent_regularizer"].strength == pytest.approx(0.4)
    layer = FactoredGRU(4, **separate)
    layer(np.zeros((1, 2, 3), "float32"))
    assert len(layer.losses) == 4
    nothing = kernel_regularizers(None, 0.1, 0.1)
    assert set(nothing) == set(tied) and set(nothing.values()) == {None}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("l1", 0.1, 0.1), "`kind` must be 'trace_norm', 'l2' or None; received 'l1'"),
        (("l2", 0.1), "needs one of `rec` and `ratio`"),
        (("l2", -0.1, 0.1), "`nonrec` must be a finite number that is not negative"),
        (("l2", 0.1, -0.1), "`rec` must be a finite number that is not negative"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        kernel_regularizers(*arguments)
    with pytest.raises(ValueError, match="`ratio` must be a finite number"):
        kernel_regularizers("l2", 0.1, ratio=-1)
    with pytest.raises(ValueError, match="`strength` must be a finite number"):
        HalfL2(-1)


def test_config_round_trip():
    config = keras.saving.serialize_keras_object(HalfL2(0.25))
    assert keras.saving.deserialize_keras_object(config).strength == 0.25
