"""Twin tests: at full rank FactoredGRU is keras.layers.GRU."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfpipeline.layers import FactoredGRU, FactoredGRUCell
from tfpipeline.layers.export_protocol import Exportable, Factored

# Two float32 matrix products in place of one, over nine recurrent steps.
TOLERANCE = 2e-6


def seeded(**options):
    """Options that give Keras' layer and ours the same start."""
    return {
        "kernel_initializer": keras.initializers.GlorotUniform(seed=1),
        "recurrent_initializer": keras.initializers.Orthogonal(seed=2),
        "bias_initializer": keras.initializers.RandomNormal(seed=3),
        "seed": 4,
        **options,
    }


def pair(units=12, **options):
    return keras.layers.GRU(units, **seeded(**options)), FactoredGRU(units, **seeded(**options))


def array(x):
    return keras.ops.convert_to_numpy(x)


@pytest.mark.parametrize("reset_after", [True, False])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"return_sequences": True},
        {"return_sequences": True, "go_backwards": True},
        {"return_sequences": True, "unroll": True},
        {"use_bias": False},
        {"activation": "relu", "recurrent_activation": "hard_sigmoid"},
    ],
    ids=str,
)
def test_full_rank_equals_keras(sequences, reset_after, options):
    theirs, ours = pair(reset_after=reset_after, **options)
    np.testing.assert_allclose(array(ours(sequences)), array(theirs(sequences)), atol=TOLERANCE)


@pytest.mark.parametrize("recurrent_dropout", [0.0, 0.4])
@pytest.mark.parametrize("reset_after", [True, False])
def test_dropout_equals_keras(sequences, recurrent_dropout, reset_after):
    theirs, ours = pair(dropout=0.3, recurrent_dropout=recurrent_dropout, reset_after=reset_after)
    expected = array(theirs(sequences, training=True))
    np.testing.assert_allclose(array(ours(sequences, training=True)), expected, atol=TOLERANCE)
    assert np.abs(expected - array(theirs(sequences))).max() > 0.01


@pytest.mark.parametrize("zero_output_for_mask", [False, True])
def test_mask_state_and_initial_state_equal_keras(sequences, zero_output_for_mask):
    theirs, ours = pair(
        return_sequences=True, return_state=True, zero_output_for_mask=zero_output_for_mask
    )
    mask = np.ones((6, 9), bool)
    mask[0, 5:] = mask[1, :2] = mask[2, 3] = False
    initial = np.random.default_rng(5).normal(size=(6, 12)).astype("float32")
    for got, expected in zip(
        ours(sequences, mask=mask, initial_state=initial),
        theirs(sequences, mask=mask, initial_state=initial),
        strict=True,
    ):
        np.testing.assert_allclose(array(got), array(expected), atol=TOLERANCE)


def test_masking_layer_reaches_the_gru(sequences):
    padded = np.concatenate([sequences, np.zeros_like(sequences[:, :4])], axis=1)
    model = keras.Sequential([keras.layers.Masking(), FactoredGRU(12, **seeded())])
    np.testing.assert_allclose(
        array(model(padded)), array(FactoredGRU(12, **seeded())(sequences)), atol=TOLERANCE
    )


def test_stateful_runs_on_over_chunks(sequences):
    ours = FactoredGRU(12, stateful=True, return_sequences=True, **seeded())
    parts = [array(ours(sequences[:, :4])), array(ours(sequences[:, 4:]))]
    whole = array(FactoredGRU(12, return_sequences=True, **seeded())(sequences))
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=TOLERANCE)
    ours.reset_state()
    np.testing.assert_array_equal(array(ours(sequences[:, :4])), parts[0])


def test_bidirectional_equals_keras(sequences):
    theirs, ours = pair(return_sequences=True)
    np.testing.assert_allclose(
        array(keras.layers.Bidirectional(ours)(sequences)),
        array(keras.layers.Bidirectional(theirs)(sequences)),
        atol=TOLERANCE,
    )


@pytest.mark.parametrize("rank", [1, 3, 0.25, 10, "full"])
@pytest.mark.parametrize("reset_after", [True, False])
def test_any_rank_equals_its_collapsed_twin(sequences, rank, reset_after):
    ours = FactoredGRU(12, rank=rank, return_sequences=True, reset_after=reset_after, **seeded())
    expected = array(ours(sequences))
    plain = ours.collapse()
    assert type(plain) is keras.layers.GRU
    np.testing.assert_allclose(array(plain(sequences)), expected, atol=TOLERANCE)


def test_bare_cell_in_rnn_equals_the_layer_and_trains(sequences, labels):
    options = seeded(dropout=0.2, recurrent_dropout=0.2)
    rnn = keras.layers.RNN(FactoredGRUCell(12, rank=4, **options))
    layer = FactoredGRU(12, rank=4, **options)
    np.testing.assert_allclose(array(rnn(sequences)), array(layer(sequences)), atol=TOLERANCE)
    model = keras.Sequential([rnn, keras.layers.Dense(5)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(sequences, labels, epochs=1, verbose=0)


def test_ranks_and_weight_shapes(sequences):
    layer = FactoredGRU(12, rank=0.25, recurrent_rank=5)
    layer(sequences)
    # 0.25 of min(10, 36) is 2.5, rounded up.
    assert [tuple(w.shape) for w in layer.weights] == [(10, 3), (3, 36), (12, 5), (5, 36), (2, 36)]
    assert [(f.name, f.argument, f.rank) for f in layer.factors()] == [
        ("kernel", "rank", 3),
        ("recurrent_kernel", "recurrent_rank", 5),
    ]
    assert isinstance(layer, Exportable) and isinstance(layer, Factored)
    changed = layer.with_ranks(rank=2, recurrent_rank=1)
    assert (changed.rank, changed.recurrent_rank, changed.built) == (2, 1, False)


def test_factors_start_balanced(sequences):
    layer = FactoredGRU(12, **seeded())
    layer(sequences)
    for factor in layer.factors():
        left, right = array(factor.left), array(factor.right)
        np.testing.assert_allclose(left.T @ left, right @ right.T, atol=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("rank", ["full", 3])
def test_training_follows_keras(sequences, labels, jit_compile, rank):
    """One SGD step moves the product by dL @ R + L @ dR; so only the losses are compared."""
    layer = FactoredGRU(12, rank=rank, return_sequences=True, **seeded())
    layer.build(sequences.shape)
    losses = []
    for recurrent in (layer, layer.collapse()):
        model = keras.Sequential(
            [keras.Input(sequences.shape[1:]), recurrent, keras.layers.Dense(5)]
        )
        model.layers[-1].set_weights([np.full((12, 5), 0.1), np.arange(5)])
        model.compile(
            "sgd",
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=jit_compile,
        )
        targets = np.repeat(labels[:, None], 9, axis=1)
        losses.append(model.train_on_batch(sequences, targets))
        assert model.train_on_batch(sequences, targets) < losses[-1]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_gradient_equals_the_chain_rule_through_the_product(sequences):
    """dL/d left = dL/dW right^T: an SGD step on ours, against the plain twin's own SGD step."""
    layer = FactoredGRU(12, **seeded())
    layer.build(sequences.shape)
    plain = layer.collapse()
    before = [array(w) for w in layer.weights], [array(w) for w in plain.weights]
    for recurrent in (layer, plain):
        model = keras.Sequential([keras.Input(sequences.shape[1:]), recurrent])
        model.compile(keras.optimizers.SGD(1.0), "mse")
        model.train_on_batch(sequences, np.ones((6, 12), "float32"))
    ours = [array(w) - b for w, b in zip(layer.weights, before[0], strict=True)]
    theirs = [array(w) - b for w, b in zip(plain.weights, before[1], strict=True)]
    for index in (0, 1):
        left, right = before[0][2 * index : 2 * index + 2]
        np.testing.assert_allclose(ours[2 * index], theirs[index] @ right.T, atol=1e-5)
        np.testing.assert_allclose(ours[2 * index + 1], left.T @ theirs[index], atol=1e-5)
    np.testing.assert_allclose(ours[4], theirs[2], atol=1e-5)


def test_save_and_load(tmp_path, sequences):
    model = keras.Sequential(
        [
            keras.Input((None, 10)),
            keras.layers.Bidirectional(FactoredGRU(8, rank=0.5, return_sequences=True)),
            FactoredGRU(12, rank=4, recurrent_rank=2, dropout=0.1),
        ]
    )
    expected = array(model(sequences))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(array(loaded(sequences)), expected)
    config = loaded.layers[-1].get_config()
    assert config == model.layers[-1].get_config()
    assert (config["rank"], config["recurrent_rank"], config["joint"]) == (4, 2, "partial")


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(sequences, labels, policy):
    layer = FactoredGRU(12, rank=3, dtype=policy, **seeded())
    output = layer(sequences)
    assert keras.backend.standardize_dtype(output.dtype) == policy.split("_")[1]
    assert {keras.backend.standardize_dtype(w.dtype) for w in layer.weights} == {"float32"}
    exact = array(FactoredGRU(12, rank=3, **seeded())(sequences))
    # bfloat16 keeps 8 bits: nine steps stay within a few of its roundings.
    np.testing.assert_allclose(array(output).astype("float32"), exact, atol=0.03)
    model = keras.Sequential([layer, keras.layers.Dense(5)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(sequences, labels, epochs=1, verbose=0)


@pytest.mark.parametrize("kind", ["sequential", "subclass"])
def test_model_that_is_built_by_fit(sequences, labels, kind):
    """Keras then asks for the first weights while it traces a graph."""

    class Late(keras.Model):
        def __init__(self):
            super().__init__()
            self.gru = FactoredGRU(12, **seeded())
            self.scores = keras.layers.Dense(5)

        def call(self, x):
            return self.scores(self.gru(x))

    if kind == "subclass":
        model = Late()
    else:
        model = keras.Sequential([FactoredGRU(12, **seeded()), keras.layers.Dense(5)])
    model.compile(
        keras.optimizers.SGD(1e-9), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    model.fit(sequences, labels, epochs=1, verbose=0)
    np.testing.assert_allclose(
        array(model.layers[0](sequences)),
        array(keras.layers.GRU(12, **seeded())(sequences)),
        atol=TOLERANCE,
    )


@pytest.mark.parametrize(("use_bias", "reset_after"), [(True, True), (False, True), (True, False)])
def test_export_step_describes_the_function(sequences, use_bias, reset_after):
    layer = FactoredGRU(
        12, rank=4, return_sequences=True, use_bias=use_bias, reset_after=reset_after, **seeded()
    )
    expected = array(layer(sequences))
    step = layer.export_step()
    assert (step.cell, step.activation, step.recurrent_activation) == ("gru", "tanh", "sigmoid")
    assert (step.units, step.return_sequences, step.go_backwards) == (12, True, False)
    assert [m.shape for m in step.kernel + step.recurrent_kernel] == [
        (10, 4),
        (4, 36),
        (12, 4),
        (4, 36),
    ]
    arrays = (*step.kernel, *step.recurrent_kernel, step.bias)
    assert {a.dtype for a in arrays} == {np.dtype("float32")}

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    state = np.zeros((6, 12))
    for time in range(9):
        x = sequences[:, time] @ step.kernel[0] @ step.kernel[1] + step.bias[0]
        inner = state @ step.recurrent_kernel[0] @ step.recurrent_kernel[1] + step.bias[1]
        z, r = (sigmoid(x[:, s] + inner[:, s]) for s in (slice(12), slice(12, 24)))
        if step.reset_after:
            candidate = r * inner[:, 24:]
        else:
            candidate = (r * state) @ step.recurrent_kernel[0] @ step.recurrent_kernel[1][:, 24:]
        state = z * state + (1 - z) * np.tanh(x[:, 24:] + candidate)
        np.testing.assert_allclose(state, expected[:, time], atol=TOLERANCE)


def test_export_step_names_an_unbuilt_layer():
    with pytest.raises(ValueError, match="must be built before export_step"):
        FactoredGRU(4).export_step()


@pytest.mark.parametrize("rank", [0, -1, 1.5, 0.0, "half", True, None, [3]])
def test_bad_rank(rank):
    with pytest.raises(ValueError, match="`rank` must be 'full', a positive int, or a float"):
        FactoredGRU(4, rank=rank)


def test_rank_beyond_the_matrix(sequences):
    with pytest.raises(ValueError, match=r"`rank` must be at most 10 for a matrix of shape"):
        FactoredGRU(12, rank=11)(sequences)
    with pytest.raises(ValueError, match=r"`recurrent_rank` must be at most 12"):
        FactoredGRU(12, recurrent_rank=13)(sequences)


def test_unknown_joint():
    with pytest.raises(ValueError, match="`joint` must be one of 'partial'"):
        FactoredGRU(4, joint="split")
