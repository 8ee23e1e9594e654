"""Norms and Jacobians of recurrent layers, against singular values and automatic derivatives."""

from __future__ import annotations

import warnings

import keras
import numpy as np
import pytest
from jit import JIT
from keras import ops

from tfpipeline.callbacks import SpectralMonitor
from tfpipeline.callbacks.spectral.gradient_bounds import gamma_1, gradient_bounds
from tfpipeline.callbacks.spectral.normalized_map import gate_parts
from tfpipeline.callbacks.spectral.recurrent_trace import RecurrentTrace, is_traceable
from tfpipeline.layers import (
    QRNN,
    UGRNN,
    FactoredGRU,
    FactoredSimpleRNN,
    FastGRNN,
    FastRNN,
    NormalizedGRU,
    NormalizedLSTM,
)
from tfpipeline.metrics.power_iteration import spectral_norm
from tfpipeline.normalizations import BatchSeparate

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 6, 3)).astype("float32")
MASK = np.arange(6) < np.array([6, 4, 5])[:, None]
UNITS = 5
KINDS = (NormalizedLSTM, NormalizedGRU, UGRNN, FastRNN, FastGRNN, FactoredSimpleRNN)
NORMALIZATIONS = (None, "weight", "layer", "batch_shared", BatchSeparate(4))
# All kinds, and all normalizations with a cell of two states and one of one.
CASES = [
    *((kind, {} if kind is FactoredSimpleRNN else {"normalization": None}) for kind in KINDS),
    *((NormalizedLSTM, {"normalization": how}) for how in NORMALIZATIONS[1:]),
    (FastGRNN, {"normalization": "layer", "h_clip": 2.0, "state_filter": True}),
    (FastRNN, {"normalization": "batch_shared", "activation": "quant_tanh", "rank": 2}),
]
CASE = pytest.mark.parametrize(
    ("kind", "options"),
    CASES,
    ids=[f"{kind.__name__}-{index}" for index, (kind, _) in enumerate(CASES)],
)


def array(x):
    return np.array(ops.convert_to_numpy(x))


def made(kind, seed=1, **options):
    """A built layer with large weights, and averages as if it had trained."""
    quantizer = {} if kind is FactoredSimpleRNN else {"weight_quantizer": "TWN"}
    layer = kind(UNITS, return_sequences=True, **quantizer, **options)
    layer.build((None, None, X.shape[-1]))
    rng = np.random.default_rng(seed)
    for weight in layer.weights:
        start = {"gain": 0.8, "variance": 1.5}.get(weight.name.rpartition("_")[2], 0)
        spread = np.clip(rng.normal(scale=0.6, size=weight.shape), -0.9, 0.9)
        weight.assign(start + 0.5 * spread if start else spread)
    return layer


def starts(layer):
    rng = np.random.default_rng(2)
    states = [rng.uniform(-0.5, 0.5, (len(X), UNITS)) for _ in layer.cell.get_initial_state(1)]
    return states[:1] if not isinstance(layer.cell.state_size, (list, tuple)) else states


def traced(layer, x=X, mask=None):
    return RecurrentTrace(layer, x, mask, starts(layer))


def automatic(layer, x, mask=None):
    """Derivatives of the last states by the first, `(batch, states, states)`, by TensorFlow."""
    import tensorflow as tf

    count = len(traced(layer).states)
    first = tf.constant(np.concatenate(starts(layer)[:count], axis=-1).astype("float32"))
    loop = type(layer).from_config({**layer.get_config(), "return_state": True})
    loop.build((None, None, x.shape[-1]))
    loop.set_weights(layer.get_weights())
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(first)
        states = tf.split(first, count, axis=-1)
        if getattr(layer.cell, "counts_time", False):
            states.append(tf.zeros((len(x), 2)))
        _, *last = loop(x, initial_state=states, mask=mask)
        end = tf.concat(last[:count], axis=-1)
    return tape.batch_jacobian(end, first, experimental_use_pfor=False).numpy()


@CASE
def test_states_are_those_of_the_layer(kind, options):
    layer = made(kind, **options)
    states = starts(layer)
    for mask in (None, MASK):
        trace = RecurrentTrace(layer, X, mask, states)
        given = [s.astype("float32") for s in states[: len(trace.states)]]
        if getattr(layer.cell, "counts_time", False):
            given.append(np.zeros((len(X), 2), "float32"))
        found = array(layer(X, initial_state=given, mask=mask))
        expected = trace.states[0][1:].transpose(1, 0, 2)
        np.testing.assert_allclose(found, expected, atol=2e-5)  # float32 against float64


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="derivatives of TensorFlow")
@CASE
def test_jacobians_are_those_of_automatic_differentiation(kind, options):
    layer = made(kind, **options)
    one = traced(layer, X[:, :1]).jacobians()
    exact = automatic(layer, X[:, :1])
    rows = RNG.normal(size=(1, *exact.shape[:2]))
    np.testing.assert_allclose(
        one.forward(rows)[0], np.einsum("bij,bj->bi", exact, rows[0]), atol=1e-4
    )
    np.testing.assert_allclose(
        one.backward(rows)[0], np.einsum("bij,bi->bj", exact, rows[0]), atol=1e-4
    )
    # Power iteration ends at a change of 1e-4, and comes from below.
    largest = np.linalg.norm(exact, 2, axis=(1, 2))
    np.testing.assert_allclose(one.norms()[0], largest, rtol=5e-3)
    product = np.linalg.norm(automatic(layer, X, MASK), 2, axis=(1, 2))
    growth = np.exp(traced(layer, mask=MASK).jacobians().log_growth())
    np.testing.assert_allclose(growth, product, rtol=0.02)


@CASE
def test_bounds_hold(kind, options):
    for seed in range(3):
        layer = made(kind, seed, **options)
        trace = traced(layer)
        norms = trace.product.norms(trace.slopes)
        bounds, jacobians = gradient_bounds(trace, norms), trace.jacobians()
        if kind is NormalizedLSTM:
            by_h, by_c = RNG.normal(size=(2, *trace.states[0][1:].shape))
            old = jacobians.backward(np.concatenate([by_h, by_c], axis=-1))[..., :UNITS]
            limit = bounds["lambda_1"] * np.linalg.norm(by_h, axis=-1)
            limit += bounds["lambda_2"] * np.linalg.norm(by_c, axis=-1)
            assert np.all(np.linalg.norm(old, axis=-1) <= limit)
        else:
            assert jacobians.norms().max() <= bounds["lambda_1"]


def test_bounds_are_those_of_the_papers():
    """With singular values of the folded matrices in place of power iteration."""

    def svd(layer):
        matrix = layer.export_step().recurrent_kernel[0]
        gates = len(layer.cell.GATES)
        return [np.linalg.svd(part, compute_uv=False)[0] for part in gate_parts(matrix, gates)]

    for normalization in ("weight", "batch_shared"):
        layer = made(NormalizedLSTM, normalization=normalization)
        trace = traced(layer)
        i, f, a, o = svd(layer)
        norms = trace.product.norms(trace.slopes)
        np.testing.assert_allclose(norms, [i, f, a, o], rtol=1e-5)
        gamma = np.abs(trace.states[1]).max()
        assert gamma_1(trace) == gamma
        expected = {"lambda_1": i / 4 + gamma * f / 4 + a + o / 4}
        expected["lambda_2"] = expected["lambda_1"] - o / 4
        # The slope of a sigmoid is measured, on a grid.
        assert gradient_bounds(trace, norms) == pytest.approx(expected, rel=1e-5)
    for kind in (FastRNN, FastGRNN):
        layer = made(kind, normalization="weight")
        trace, (norm,) = traced(layer), svd(layer)
        if kind is FastRNN:
            expected = float(layer.beta) + float(layer.alpha) * norm
        else:
            largest, zeta, nu = np.abs(trace.states[0]).max(), float(layer.zeta), float(layer.nu)
            expected = trace.gate(0).max() + ((largest + zeta) / 4 + zeta + nu) * norm
        found = gradient_bounds(trace, trace.product.norms(trace.slopes))
        assert found == pytest.approx({"lambda_1": expected}, rel=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (40, 160)])
def test_spectral_norms_are_the_largest_singular_values(shape):
    for matrix in (RNG.normal(size=shape), np.sign(RNG.normal(size=shape)), np.zeros(shape)):
        largest = np.linalg.svd(matrix, compute_uv=False)[0]
        # The second singular value of a random matrix is near to the first.
        assert spectral_norm(matrix) == pytest.approx(largest, rel=2e-3)
        assert spectral_norm(matrix) <= largest * (1 + 1e-12)


def test_which_layers_are_known():
    known = [made(kind, **options) for kind, options in CASES]
    assert all(map(is_traceable, known))
    others = [
        QRNN(4),
        FactoredGRU(4, reset_after=False),
        NormalizedLSTM(4, normalization="layer", normalize_cell=True),
        NormalizedLSTM(4, "relu"),
        FastGRNN(4, activation_bits=2),
        keras.layers.LSTM(4),
    ]
    for layer in others:
        layer.build((None, None, 3))
    assert not any(map(is_traceable, others))
    assert not is_traceable(NormalizedLSTM(4))


def model_of(**options):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((20, 3)),
            keras.layers.Masking(),
            keras.layers.Bidirectional(
                NormalizedLSTM(24, return_sequences=True, name="a", **options)
            ),
            FastGRNN(8, name="b"),
            keras.layers.Dense(2),
        ]
    )
    model.compile(keras.optimizers.SGD(1e-6), "mse", jit_compile=JIT)
    return model


LONG = RNG.normal(size=(4, 20, 3)).astype("float32")


@pytest.mark.slow
def test_it_logs_warns_plots_and_leaves_the_model_as_it_was(tmp_path):
    model = model_of(weight_quantizer="BinaryConnect", normalization=None)
    monitor = SpectralMonitor(LONG, limit=2, every=2, log_dir=tmp_path / "logs")
    with pytest.warns(UserWarning, match="may explode") as record:
        history = model.fit(LONG, np.ones((4, 2)), epochs=4, verbose=0, callbacks=[monitor]).history
    messages = [str(w.message) for w in record if "may explode" in str(w.message)]
    # Once a layer, with what helps; not of the layer in full precision.
    assert len(messages) == 2 and all(
        "layer 'forward_a'" in m or "'backward_a'" in m for m in messages
    )
    assert all("give the layer normalization='weight'" in m for m in messages)
    names = {key.partition("/")[2] for key in history if key.startswith("forward_a/")}
    assert names == {
        *("lambda_1", "lambda_2", "lambda_1_float", "lambda_1_quantized", "gamma_1"),
        *("norm", "norm_float", "norm_quantized", "jacobian", "growth"),
    }
    assert len(history["b/growth"]) == 2 and monitor.epochs == [0, 2, 4]
    assert len(monitor.history["b/growth"]) == len(monitor.jacobians["b"]) == 3
    assert monitor.jacobians["b"][0].shape == (20,)
    assert history["forward_a/lambda_1"] == history["forward_a/lambda_1_quantized"]
    # Matrices of signs are of norm sqrt(units) at the least.
    assert history["forward_a/norm_quantized"][0] > 24**0.5 > history["forward_a/norm_float"][0]
    assert history["forward_a/growth"][0] > 1 > history["b/growth"][0]
    assert any((tmp_path / "logs").iterdir())
    figure = monitor.plot(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 1000
    assert {axes.get_yscale() for axes in figure.axes} == {"log"}
    assert not any("inner_loop" in vars(layer) for layer in monitor.layers().values())


def test_normalized_it_is_calm():
    model = model_of(weight_quantizer="BinaryConnect", normalization="weight")
    monitor = SpectralMonitor(LONG, limit=2)
    monitor.set_model(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        found = monitor.measure()
    assert found["forward_a/gain"] > 0
    assert found["forward_a/norm"] < found["forward_a/norm_quantized"] / 3


def test_wrong_arguments_are_one_sentence():
    for options, argument in (({"limit": 0}, "limit"), ({"every": 0}, "every")):
        with pytest.raises(ValueError, match=f"`{argument}` must be a positive .* received 0"):
            SpectralMonitor(LONG, **options)
    with pytest.raises(ValueError, match="measured nothing to plot"):
        SpectralMonitor(LONG).plot()
    model = keras.Sequential([keras.Input((20, 3)), keras.layers.LSTM(2)])
    model.compile("sgd", "mse", jit_compile=JIT)
    with pytest.raises(ValueError, match="found no recurrent layer that it knows"):
        model.fit(LONG, np.ones((4, 2)), verbose=0, callbacks=[SpectralMonitor(LONG)])
