"""Twin tests: at full rank each recurrent layer is the plain one beside it, of Keras or not."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from jit import JIT
from recurrent_kinds import ANY_KIND, KIND, LSTM, TOLERANCE, array

from tfpipeline.protocol import Exportable, Factored


@ANY_KIND
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
def test_full_rank_equals_keras(sequences, kind, options):
    theirs, ours = kind.twin(**options), kind.layer(**options)
    np.testing.assert_allclose(array(ours(sequences)), array(theirs(sequences)), atol=TOLERANCE)


@pytest.mark.slow
@ANY_KIND
@pytest.mark.parametrize("recurrent_dropout", [0.0, 0.4])
def test_dropout_equals_keras(sequences, kind, recurrent_dropout):
    options = {"dropout": 0.3, "recurrent_dropout": recurrent_dropout}
    theirs, ours = kind.twin(**options), kind.layer(**options)
    expected = array(theirs(sequences, training=True))
    np.testing.assert_allclose(array(ours(sequences, training=True)), expected, atol=TOLERANCE)
    assert np.abs(expected - array(theirs(sequences))).max() > 0.01


@KIND
@pytest.mark.parametrize("zero_output_for_mask", [False, True])
def test_mask_state_and_initial_state_equal_keras(sequences, kind, zero_output_for_mask):
    options = {
        "return_sequences": True,
        "return_state": True,
        "zero_output_for_mask": zero_output_for_mask,
    }
    mask = np.ones((6, 9), bool)
    mask[0, 5:] = mask[1, :2] = mask[2, 3] = False
    rng = np.random.default_rng(5)
    initial = [rng.normal(size=(6, 12)).astype("float32") for _ in range(kind.states)]
    for got, expected in zip(
        kind.layer(**options)(sequences, mask=mask, initial_state=initial),
        kind.twin(**options)(sequences, mask=mask, initial_state=initial),
        strict=True,
    ):
        np.testing.assert_allclose(array(got), array(expected), atol=TOLERANCE)


@KIND
def test_masking_layer_reaches_the_layer(sequences, kind):
    padded = np.concatenate([sequences, np.zeros_like(sequences[:, :4])], axis=1)
    model = keras.Sequential([keras.layers.Masking(), kind.layer()])
    np.testing.assert_allclose(array(model(padded)), array(kind.layer()(sequences)), atol=TOLERANCE)


@KIND
def test_stateful_runs_on_over_chunks(sequences, kind):
    ours = kind.layer(stateful=True, return_sequences=True)
    parts = [array(ours(sequences[:, :4])), array(ours(sequences[:, 4:]))]
    whole = array(kind.layer(return_sequences=True)(sequences))
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=TOLERANCE)
    ours.reset_state()
    np.testing.assert_array_equal(array(ours(sequences[:, :4])), parts[0])


@KIND
def test_bidirectional_equals_keras(sequences, kind):
    options = {"return_sequences": True}
    np.testing.assert_allclose(
        array(keras.layers.Bidirectional(kind.layer(**options))(sequences)),
        array(keras.layers.Bidirectional(kind.twin(**options))(sequences)),
        atol=TOLERANCE,
    )


@ANY_KIND
@pytest.mark.parametrize("rank", [1, 3, 0.25, 10, "full"])
def test_any_rank_equals_its_collapsed_twin(sequences, kind, rank):
    ours = kind.layer(rank=rank, return_sequences=True)
    expected = array(ours(sequences))
    plain = ours.collapse()
    assert type(plain) is kind.collapsed
    np.testing.assert_allclose(array(plain(sequences)), expected, atol=TOLERANCE)


@pytest.mark.slow
@KIND
def test_bare_cell_in_rnn_equals_the_layer_and_trains(sequences, labels, kind):
    options = {"dropout": 0.2, "recurrent_dropout": 0.2}
    rnn = keras.layers.RNN(kind.cell(12, rank=4, **kind.options(**options)))
    layer = kind.layer(rank=4, **options)
    np.testing.assert_allclose(array(rnn(sequences)), array(layer(sequences)), atol=TOLERANCE)
    model = keras.Sequential([rnn, keras.layers.Dense(5)])
    model.compile(
        "sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=JIT
    )
    model.fit(sequences, labels, epochs=1, verbose=0)


@KIND
def test_ranks_and_weight_shapes(sequences, kind):
    layer = kind.layer(rank=0.25, recurrent_rank=5)
    layer(sequences)
    columns = 12 * kind.gates
    # 0.25 of min(10, columns) is 2.5, rounded up.
    assert [tuple(w.shape) for w in [*kind.matrices(layer), layer.cell.bias]] == [
        (10, 3),
        (3, columns),
        (12, 5),
        (5, columns),
        kind.bias,
    ]
    assert [(f.name, f.argument, f.rank) for f in layer.factors()] == [
        ("kernel", "rank", 3),
        ("recurrent_kernel", "recurrent_rank", 5),
    ]
    assert isinstance(layer, Exportable) and isinstance(layer, Factored)
    changed = layer.with_ranks(rank=2, recurrent_rank=1)
    assert (changed.rank, changed.recurrent_rank, changed.built) == (2, 1, False)
    assert changed.cell.with_ranks(rank=4).rank == 4


@KIND
def test_factors_start_balanced(sequences, kind):
    layer = kind.layer()
    layer(sequences)
    for factor in layer.factors():
        left, right = array(factor.left), array(factor.right)
        np.testing.assert_allclose(left.T @ left, right @ right.T, atol=1e-5)


@pytest.mark.slow
@KIND
@pytest.mark.parametrize(("rank", "jit_compile"), [("full", False), (3, False), ("full", True)])
def test_training_follows_keras(sequences, labels, kind, jit_compile, rank):
    """One SGD step moves the product by dL @ R + L @ dR; so only the losses are compared."""
    layer = kind.layer(rank=rank, return_sequences=True)
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


@pytest.mark.slow
@KIND
def test_gradient_equals_the_chain_rule_through_the_product(sequences, kind):
    """dL/d left = dL/dW right^T: an SGD step on ours, against the plain twin's own SGD step."""
    layer = kind.layer()
    layer.build(sequences.shape)
    plain = layer.collapse()
    before = [array(w) for w in layer.weights], [array(w) for w in plain.weights]
    for recurrent in (layer, plain):
        model = keras.Sequential([keras.Input(sequences.shape[1:]), recurrent])
        model.compile(keras.optimizers.SGD(1.0), "mse", jit_compile=JIT)
        model.train_on_batch(sequences, np.ones((6, 12), "float32"))
    ours = [array(w) - b for w, b in zip(layer.weights, before[0], strict=True)]
    theirs = [array(w) - b for w, b in zip(plain.weights, before[1], strict=True)]
    for index in (0, 1):
        left, right = before[0][2 * index : 2 * index + 2]
        np.testing.assert_allclose(ours[2 * index], theirs[index] @ right.T, atol=1e-5)
        np.testing.assert_allclose(ours[2 * index + 1], left.T @ theirs[index], atol=1e-5)
    np.testing.assert_allclose(ours[4], theirs[2], atol=1e-5)


@pytest.mark.slow
@KIND
def test_save_and_load(tmp_path, sequences, kind):
    model = keras.Sequential(
        [
            keras.Input((None, 10)),
            keras.layers.Bidirectional(kind.factored(8, rank=0.5, return_sequences=True)),
            kind.factored(12, rank=4, recurrent_rank=2, dropout=0.1),
        ]
    )
    expected = array(model(sequences))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(array(loaded(sequences)), expected)
    config = loaded.layers[-1].get_config()
    assert config == model.layers[-1].get_config()
    assert (config["rank"], config["recurrent_rank"], config["joint"]) == (4, 2, "partial")


@pytest.mark.slow
@KIND
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(sequences, labels, kind, policy):
    layer = kind.layer(rank=3, dtype=policy)
    output = layer(sequences)
    assert keras.backend.standardize_dtype(output.dtype) == policy.split("_")[1]
    assert {keras.backend.standardize_dtype(w.dtype) for w in layer.weights} == {"float32"}
    exact = array(kind.layer(rank=3)(sequences))
    # bfloat16 keeps 8 bits: nine steps stay within a few of its roundings.
    np.testing.assert_allclose(array(output).astype("float32"), exact, atol=0.03)
    model = keras.Sequential([layer, keras.layers.Dense(5)])
    model.compile(
        "adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=JIT
    )
    model.fit(sequences, labels, epochs=1, verbose=0)


@pytest.mark.slow
@KIND
@pytest.mark.parametrize("model_kind", ["sequential", "subclass"])
def test_model_that_is_built_by_fit(sequences, labels, kind, model_kind):
    """Keras then asks for the first weights while it traces a graph."""

    class Late(keras.Model):
        def __init__(self):
            super().__init__()
            self.recurrent = kind.layer()
            self.scores = keras.layers.Dense(5)

        def call(self, x):
            return self.scores(self.recurrent(x))

    if model_kind == "subclass":
        model = Late()
    else:
        model = keras.Sequential([kind.layer(), keras.layers.Dense(5)])
    model.compile(
        keras.optimizers.SGD(1e-9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=JIT,
    )
    model.fit(sequences, labels, epochs=1, verbose=0)
    expected = array(kind.twin()(sequences))
    np.testing.assert_allclose(array(model.layers[0](sequences)), expected, atol=TOLERANCE)


@pytest.mark.parametrize("unit_forget_bias", [True, False])
def test_lstm_forget_bias_starts_as_in_keras(sequences, unit_forget_bias):
    options = {"unit_forget_bias": unit_forget_bias}
    theirs, ours = keras.layers.LSTM(3, **options), LSTM.factored(3, **options)
    theirs(sequences), ours(sequences)
    np.testing.assert_array_equal(array(ours.cell.bias), array(theirs.cell.bias))
    assert array(ours.cell.bias)[3:6].tolist() == [float(unit_forget_bias)] * 3
    assert ours.get_config()["unit_forget_bias"] is unit_forget_bias


@KIND
@pytest.mark.parametrize("rank", [0, -1, 1.5, 0.0, "half", True, None, [3]])
def test_bad_rank(kind, rank):
    if rank is None and kind.collapsed is kind.factored:
        assert kind.factored(4, rank=None).rank is None
        return
    with pytest.raises(ValueError, match="`rank` must be 'full', a positive int, or a float"):
        kind.factored(4, rank=rank)


@KIND
def test_numbers_of_numpy_are_ranks(kind):
    assert kind.factored(4, rank=np.float32(0.5)).get_config()["rank"] == 0.5
    assert type(kind.factored(4, rank=np.float64(0.5)).rank) is float


@KIND
@pytest.mark.parametrize("call", ["factors", "collapse", "export_step"])
def test_what_needs_weights_says_so(kind, call):
    with pytest.raises(ValueError, match=rf"'young' must be built before {call}\(\)"):
        getattr(kind.factored(4, name="young"), call)()


@KIND
def test_rank_beyond_the_matrix(sequences, kind):
    with pytest.raises(ValueError, match=r"`rank` must be at most 10 for a matrix of shape"):
        kind.factored(12, rank=11)(sequences)
    with pytest.raises(ValueError, match=r"`recurrent_rank` must be at most 12"):
        kind.factored(12, recurrent_rank=13)(sequences)
