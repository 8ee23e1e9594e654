from __future__ import annotations

import keras
import numpy as np
import pytest
from jit import JIT

from tfpipeline.layers import FactoredDense, FactoredGRU
from tfpipeline.metrics import nu, trace_norm
from tfpipeline.regularizers import TraceNorm

pytestmark = pytest.mark.slow


def array(x):
    return keras.ops.convert_to_numpy(x)


def test_penalty_is_half_the_squares_of_both_factors(sequences):
    layer = FactoredDense(7, kernel_regularizer=TraceNorm(0.3))
    layer(sequences)
    left, right = (array(v).astype("float64") for v in layer.weights[:2])
    expected = 0.5 * 0.3 * ((left**2).sum() + (right**2).sum())
    assert float(sum(layer.losses)) == pytest.approx(expected, rel=1e-6)
    # The start is balanced, so the bound by the trace norm is attained.
    assert float(sum(layer.losses)) == pytest.approx(0.3 * trace_norm(left @ right), rel=1e-5)


def test_recurrent_and_input_strengths_are_separate(sequences):
    layer = FactoredGRU(12, kernel_regularizer=TraceNorm(0.1), recurrent_regularizer=TraceNorm(0.5))
    layer(sequences)
    expected = 0.1 * trace_norm(array(layer.cell.kernel)) + 0.5 * 12  # orthogonal start: all ones
    recurrent = array(layer.cell.recurrent_kernel)
    np.testing.assert_allclose(np.linalg.svd(recurrent, compute_uv=False), 1, atol=1e-5)
    assert float(sum(layer.losses)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("layer", [keras.layers.Dense, keras.layers.GRU])
def test_an_unfactored_kernel_raises(sequences, layer):
    built = layer(4, kernel_regularizer=TraceNorm(0.1))
    with pytest.raises(ValueError, match="not factored, where it would be a plain square norm"):
        built(sequences)
        _ = built.losses


def test_zero_strength_trains_as_no_regularizer(sequences, labels):
    results = []
    for regularizer in (None, TraceNorm(0.0)):
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [FactoredGRU(12, kernel_regularizer=regularizer), keras.layers.Dense(5)]
        )
        model.compile(
            "sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=JIT
        )
        history = model.fit(sequences, labels, epochs=3, verbose=0, shuffle=False)
        results.append(history.history["loss"])
    np.testing.assert_allclose(results[0], results[1], rtol=1e-6)


def test_gradient_descent_on_it_lowers_nu_and_a_square_norm_does_not():
    """Shrinking W itself keeps nu; shrinking its factors takes small singular values first."""
    rng = np.random.default_rng(0)
    target = rng.normal(size=(12, 2)) @ rng.normal(size=(2, 12)) * 0.5
    target += 0.3 * rng.normal(size=(12, 12))
    results = {}
    for name, layer in {
        "trace": FactoredDense(12, use_bias=False, kernel_regularizer=TraceNorm(0.1)),
        "square": keras.layers.Dense(
            12, use_bias=False, kernel_regularizer=keras.regularizers.L2(0.05)
        ),
    }.items():
        model = keras.Sequential([keras.Input((12,)), layer])
        model.compile(keras.optimizers.SGD(0.3), "mse", jit_compile=JIT)
        # 300 steps of the whole data as one epoch: calling fit's epochs would take far longer.
        x, y = np.tile(np.eye(12), (300, 1)), np.tile(target, (300, 1))
        model.fit(x, y, batch_size=12, shuffle=False, verbose=0)
        results[name] = nu(array(layer.kernel))
    assert results["trace"] < 0.5 * results["square"]


@pytest.mark.parametrize("strength", [-1e-4, float("nan"), float("inf"), "1", None, True])
def test_bad_strength(strength):
    with pytest.raises(ValueError, match="`strength` must be a finite number"):
        TraceNorm(strength)


def test_config_round_trip():
    config = keras.saving.serialize_keras_object(TraceNorm(0.25))
    assert keras.saving.deserialize_keras_object(config).strength == 0.25
