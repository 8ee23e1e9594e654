"""What FastRNN, FastGRNN and UGRNN have beside what every recurrent layer has."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from cell_twins import logistic
from jit import JIT
from recurrent_kinds import TOLERANCE, array
from step_output import step_output

from tfpipeline.compress import truncate
from tfpipeline.layers import UGRNN, FastGRNN, FastGRNNCell, FastRNN, FastRNNCell, UGRNNCell
from tfpipeline.regularizers import TraceNorm

W, U = np.array([[0.1, -0.2], [0.3, 0.4]]), np.array([[0.5, -0.1], [0.2, 0.3]])
X, H = np.array([[1.0, -1.0]]), np.array([[0.5, -0.5]])

FORMS = {
    "scalars": (FastRNN, {}),
    "tied": (FastRNN, {"tie_beta": True}),
    "vector": (FastRNN, {"vector_alpha": True}),
    "rnn_clip": (FastRNN, {"h_clip": 0.2}),
    "rnn_filter": (FastRNN, {"state_filter": True}),
    "gates": (FastGRNN, {}),
    "gates_filter": (FastGRNN, {"state_filter": True}),
    "gates_clip": (FastGRNN, {"h_clip": 0.2}),
    "gates_both": (FastGRNN, {"state_filter": True, "h_clip": 0.2}),
}
FORM = pytest.mark.parametrize("form", FORMS)
# A clip has a kink, where differences are no slope.
SMOOTH = pytest.mark.parametrize(
    "form", [f for f, (_, own) in FORMS.items() if "h_clip" not in own]
)


def made(form, **options):
    kind, own = FORMS[form]
    return kind(6, return_sequences=True, **own, **options)


def moved(layer, seed=0):
    """The layer with other numbers, as if it had trained."""
    rng = np.random.default_rng(seed)
    for weight in layer.weights:
        # A gamma below 0.99, whose changes float32 does not round away.
        start = {"gamma_logit": 2.0, "bias": 1.0}.get(weight.name, 0.0)
        weight.assign(start + rng.normal(scale=0.5, size=weight.shape))
    return layer


@pytest.mark.parametrize(
    ("kind", "options", "expected"),
    [
        (FastRNNCell, {}, (0.51137192, -0.46692637)),
        (FastGRNNCell, {}, (0.52469130, -0.20641120)),
        (
            FastGRNNCell,
            {"activation": "quant_tanh", "recurrent_activation": "quant_sigmoid"},
            (0.52194954, -0.23791807),
        ),
    ],
)
def test_golden_step(kind, options, expected):
    """With the initial numbers of the paper's code: biases 1, logits -3 and 3, 1 and -4."""
    cell = kind(2, **options)
    cell.build((None, 2))
    cell.assign_kernels(W, U)
    output, state = cell(X, H)
    # Eight digits, computed apart in float64; float32 keeps seven.
    np.testing.assert_allclose(array(output)[0], expected, atol=2e-7)
    np.testing.assert_array_equal(array(output), array(state))


def test_golden_step_of_ugrnn():
    cell = UGRNNCell(2, bias_initializer="ones")
    cell.build((None, 2))
    cell.assign_kernels(np.concatenate([W, U], axis=1), np.concatenate([U, W], axis=1))
    z = logistic(X @ W + H @ U + 1)
    expected = z * H + (1 - z) * np.tanh(X @ U + H @ W + 1)
    np.testing.assert_allclose(array(cell(X, H)[0]), expected, atol=2e-7)


@FORM
def test_trained_numbers_are_those_of_the_exported_step(sequences, form):
    layer = made(form)
    layer(sequences)
    moved(layer)
    expected = step_output(layer.export_step(), sequences)
    np.testing.assert_allclose(array(layer(sequences)), expected, atol=TOLERANCE)
    if layer.h_clip:
        assert 0.01 < (np.abs(expected) == layer.h_clip).mean() < 0.9
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    np.testing.assert_allclose(array(layer.collapse()(sequences)), expected, atol=TOLERANCE)


@SMOOTH
@pytest.mark.slow
def test_gradient_of_the_numbers_is_the_slope_of_the_loss(sequences, form):
    """An SGD step on the layer, against differences of the loss of the twin in NumPy."""
    layer = made(form)
    layer.build(sequences.shape)
    moved(layer)

    def loss():
        return np.mean((step_output(layer.export_step(), sequences) - 0.5) ** 2)

    numbers = [w for w in layer.weights if w.shape == () or w.name == "alpha_logit"]
    slopes = []
    for weight in numbers:
        start, losses = array(weight), []
        for change in (0.01, -0.01):
            weight.assign(start + change)
            losses.append(loss())
        weight.assign(start)
        # Along (1, 1, ...) where there is a number for each unit.
        slopes.append((losses[0] - losses[1]) / 0.02)
    model = keras.Sequential([keras.Input(sequences.shape[1:]), layer])
    model.compile(keras.optimizers.SGD(1.0), "mse", jit_compile=JIT)
    before = [array(w) for w in numbers]
    model.train_on_batch(sequences, np.full((6, 9, 6), 0.5, "float32"))
    found = [(b - array(w)).sum() for w, b in zip(numbers, before, strict=True)]
    assert len(found) >= 1 + layer.state_filter
    # Differences of float32 numbers keep four digits.
    np.testing.assert_allclose(found, slopes, rtol=2e-3, atol=2e-6)


def test_first_numbers_and_weights():
    layer = FastGRNN(5, state_filter=True)
    layer.build((None, None, 3))
    names = [w.name for w in layer.weights]
    assert names == [
        *("kernel", "recurrent_kernel", "bias"),
        *("zeta_logit", "nu_logit", "gamma_logit", "lambda"),
    ]
    assert [float(array(v)) for v in (layer.zeta, layer.nu)] == pytest.approx(
        [0.73106, 0.01799], 1e-3
    )
    assert float(array(layer.gamma)) == pytest.approx(0.999, abs=1e-6)
    assert float(array(layer.filter_level)) == 0
    np.testing.assert_array_equal(array(layer.cell.bias), np.ones((2, 5)))
    wide = FastGRNN(200)
    wide.build((None, None, 200))
    kernels = [array(w) for w in wide.weights[:2]]
    for kernel in kernels:
        assert kernel.std() == pytest.approx(0.1, rel=0.02)
    # Each kernel has numbers of its own.
    assert np.abs(kernels[0] - kernels[1]).max() > 0.1
    rnn = FastRNN(5)
    rnn.build((None, None, 3))
    assert [float(array(v)) for v in (rnn.alpha, rnn.beta)] == pytest.approx(
        [0.04743, 0.95257], 1e-3
    )


@pytest.mark.parametrize(("steps", "alpha"), [(1, 0.5), (2, 0.5), (9, 1 / 9), (1000, 1e-3)])
def test_alpha_of_one_over_time(steps, alpha):
    layer = FastRNN(4, alpha_init="1/T")
    layer.build((None, steps, 3))
    assert float(array(layer.alpha)) == pytest.approx(alpha, rel=1e-5)
    cell = FastRNNCell(4, alpha_init="1/T", time_steps=steps)
    cell.build((None, 3))
    assert float(array(cell.alpha)) == pytest.approx(alpha, rel=1e-5)


def test_time_steps_are_kept_with_the_layer(tmp_path):
    model = keras.Sequential([keras.Input((8, 3)), FastRNN(4, alpha_init="1/T", rank=2)])
    layer = model.layers[0]
    assert layer.time_steps == 8
    assert layer.collapse().get_config()["time_steps"] == 8
    cut, _ = truncate(model, rank=1)
    assert (cut.layers[0].rank, cut.layers[0].time_steps) == (1, 8)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.layers[0].get_config() == layer.get_config()


def test_forms_of_beta(sequences):
    tied = made("tied")
    tied(sequences)
    assert float(array(tied.beta)) == pytest.approx(1 - float(array(tied.alpha)), abs=1e-6)
    vector = made("vector")
    vector(sequences)
    moved(vector)
    alpha = array(vector.alpha)
    assert alpha.shape == (6,) and alpha.std() > 0
    expected = float(array(vector.zeta)) * (1 - alpha) + float(array(vector.nu))
    np.testing.assert_allclose(array(vector.beta), expected, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("own", [{}, {"tie_beta": True}, {"vector_alpha": True}], ids=str)
def test_fixed_alpha_stays(sequences, labels, own):
    layer = FastRNN(6, trainable_alpha=False, state_filter=True, **own)
    model = keras.Sequential([keras.Input((None, 10)), layer, keras.layers.Dense(5)])
    model.compile(
        "sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=JIT
    )
    before = {w.name: array(w) for w in layer.weights}
    model.fit(sequences, labels, epochs=1, verbose=0)
    after = {w.name: array(w) for w in layer.weights}
    changed = {name for name in before if np.any(before[name] != after[name])}
    assert changed == {"kernel", "recurrent_kernel", "bias", "gamma_logit", "lambda"}
    np.testing.assert_allclose(
        array(layer.collapse()(sequences)), array(layer(sequences)), atol=TOLERANCE
    )


@pytest.mark.parametrize("kind", [FastRNN, FastGRNN, UGRNN])
def test_trace_norm_and_truncation(sequences, kind):
    model = keras.Sequential(
        [
            keras.Input((None, 10)),
            kind(12, rank="full", kernel_regularizer=TraceNorm(0.1), name="recurrent"),
            keras.layers.Dense(5),
        ]
    )
    model.compile("sgd", "mse", jit_compile=JIT)
    assert float(sum(model.losses)) > 0
    small, report = truncate(model, rank=3)
    assert (small.layers[0].rank, small.layers[0].recurrent_rank) == (3, 3)
    own = [w for w in model.layers[0].weights if "kernel" not in w.name]
    cut = [w for w in small.layers[0].weights if "kernel" not in w.name]
    for ours, theirs in zip(cut, own, strict=True):
        np.testing.assert_array_equal(array(ours), array(theirs))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="reads a graph of TensorFlow")
@pytest.mark.parametrize(
    ("layer", "products"),
    [
        (FastGRNN(64), 1),
        (FastGRNN(64, recurrent_rank=4), 2),
        (FastRNN(64), 1),
        (UGRNN(64), 1),
    ],
    ids=["fast_grnn", "fast_grnn_low_rank", "fast_rnn", "ugrnn"],
)
def test_products_in_the_loop_over_time(layer, products):
    """One product with U a step, for gate and candidate; that of the inputs is outside."""
    import tensorflow as tf

    call = tf.function(lambda x: layer(x), autograph=False)
    graph = call.get_concrete_function(tf.TensorSpec((2, 9, 5))).graph

    def count(function):
        return sum(op.type in ("MatMul", "BatchMatMulV2") for op in function.get_operations())

    (loop,) = (op for op in graph.get_operations() if op.type in ("While", "StatelessWhile"))
    body = graph._get_function(loop.get_attr("body").name).graph
    assert count(body) == products
    # Keras traces the first step once more, for shapes; nothing uses what it gives.
    assert count(graph) == 1 + products
    # Sigmoids of the trained numbers are outside too: inside is the gate alone.
    gates = [op for op in body.get_operations() if op.type == "Sigmoid"]
    assert len(gates) == (0 if isinstance(layer, FastRNN) else 1)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_numbers_stay_exact_under_mixed_precision(sequences, policy):
    layer = FastGRNN(6, state_filter=True, dtype=policy)
    layer(sequences)
    # 0.999 is 1 in bfloat16, so that a level computed there would be lost.
    layer.cell._drift._lambda.assign(2.0)
    assert float(array(layer.gamma)) == pytest.approx(0.999, abs=1e-6)
    constants = vars(layer.cell.constants())
    assert {keras.backend.standardize_dtype(v.dtype) for v in constants.values()} == {
        policy.removeprefix("mixed_")
    }
    offset = keras.ops.cast(constants["offset"], "float32")
    assert float(array(offset)) == pytest.approx(0.002, rel=5e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha_init": "T"}, "`alpha_init` must be a logit or '1/T'; received 'T'"),
        ({"alpha_init": None}, "`alpha_init` must be a number between -80 and 80, .* None"),
        ({"beta_init": float("nan")}, "`beta_init` must be a number .* received nan"),
        ({"tie_beta": True, "vector_alpha": True}, "`tie_beta` must be False with vector_alpha"),
        ({"tie_beta": True, "beta_init": 2.0}, "`beta_init` must be None with tie_beta=True"),
        ({"vector_alpha": True, "beta_init": 2.0}, "`beta_init` must be None with vector_alpha"),
        ({"zeta_init": 1.0}, "`zeta_init` and `nu_init` must be None with vector_alpha=False"),
        ({"time_steps": 5}, "`time_steps` must be None unless alpha_init='1/T'; received 5"),
        ({"alpha_init": "1/T", "time_steps": 0}, "`time_steps` must be a positive int or None"),
        ({"alpha_init": "1/T", "time_steps": True}, "`time_steps` must be .* received True"),
        ({"h_clip": 0}, "`h_clip` must be a number above 0 and up to 32768, or None"),
        ({"h_clip": "1"}, "`h_clip` must be a number above 0"),
        ({"h_clip": float("nan")}, "`h_clip` must be a number above 0"),
    ],
    ids=str,
)
def test_arguments_that_do_not_fit(options, message):
    for kind in (FastRNN, FastRNNCell):
        with pytest.raises(ValueError, match=message):
            kind(4, **options)


def test_more_arguments_that_do_not_fit():
    with pytest.raises(ValueError, match="'1/T'` needs the number of time steps, .* `time_steps`"):
        FastRNN(4, alpha_init="1/T").build((None, None, 3))
    with pytest.raises(ValueError, match="`nu_init` must be a number between -80 and 80"):
        FastGRNN(4, nu_init="-4")
    assert FastGRNN(4, zeta_init=np.float32(2), h_clip=np.float32(1)).get_config()["h_clip"] == 1.0
