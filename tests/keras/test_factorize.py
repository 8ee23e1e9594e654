"""Whole models of plain Keras layers, turned into factored ones."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from jit import JIT
from recurrent_kinds import TWIN

from tfpipeline.compress import CompressionError, factorize, truncate
from tfpipeline.layers import FactoredDense, FactoredGRU, FactoredLSTM
from tfpipeline.metrics import explained_variance_rank
from tfpipeline.metrics.spectrum import balanced_split
from tfpipeline.regularizers import HalfL2

pytestmark = pytest.mark.slow

# XLA compiles longer than these tests run; JAX without it would go step by step.


def array(x):
    return keras.ops.convert_to_numpy(x)


def plain(*extra):
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((None, 10)),
            keras.layers.Dense(12, activation="relu", name="front"),
            keras.layers.GRU(12, return_sequences=True, name="gru", kernel_regularizer=HalfL2(1.0)),
            *extra,
            keras.layers.LSTM(8, name="lstm"),
            keras.layers.Dense(5, name="scores"),
        ]
    )


def trained(model, sequences, labels, optimizer="adam"):
    model.compile(
        optimizer,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=JIT,
    )
    model.fit(sequences, labels, epochs=2, batch_size=3, verbose=0)
    return model


def slots(model):
    """Adam's momentum and velocity by the name of the variable."""
    optimizer = model.optimizer
    pairs = zip(optimizer._momentums, optimizer._velocities, strict=True)
    return {
        "/".join(variable.path.replace("factored_", "").split("/")[-2:]): (array(m), array(v))
        for variable, (m, v) in zip(model.trainable_variables, pairs, strict=True)
    }


@pytest.mark.parametrize("joint", ["partial", "split"])
def test_full_rank_is_the_same_function(sequences, labels, joint):
    model = trained(plain(keras.layers.BatchNormalization()), sequences, labels)
    factored = factorize(model, joint=joint)
    np.testing.assert_allclose(array(factored(sequences)), array(model(sequences)), atol=5e-6)
    kinds = [type(layer) for layer in factored.layers]
    assert kinds == [
        FactoredDense,
        FactoredGRU,
        keras.layers.BatchNormalization,
        FactoredLSTM,
        FactoredDense,
    ]
    assert [layer.name for layer in factored.layers] == [layer.name for layer in model.layers]
    assert factored.get_layer("gru").kernel_regularizer is None
    assert factored.get_layer("gru").joint == joint


def test_optimizer_state_of_the_rest_carries_over(sequences, labels):
    model = trained(plain(), sequences, labels, keras.optimizers.Adam(0.0123))
    factored = factorize(model)
    assert int(factored.optimizer.iterations) == int(model.optimizer.iterations) == 4
    assert float(factored.optimizer.learning_rate) == pytest.approx(0.0123)
    before = slots(model)
    assert before["lstm_cell/kernel"][0].any()
    for name, values in slots(factored).items():
        if name.endswith(("left", "right")):
            assert not any(value.any() for value in values)
        else:
            for got, expected in zip(values, before[name], strict=True):
                np.testing.assert_array_equal(got, expected)
    history = factored.fit(sequences, labels, epochs=3, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]


def test_then_truncate_is_the_warm_start_of_stage_2(sequences, labels):
    model = trained(plain(), sequences, labels)
    small, report = truncate(factorize(model, layers=["gru", "lstm"]), explained_variance=0.8)
    kernel = model.get_layer("gru").cell.kernel
    assert report.ranks["gru/kernel"] == explained_variance_rank(kernel, 0.8)
    left, right = balanced_split(array(kernel), report.ranks["gru/kernel"])
    np.testing.assert_allclose(array(small.get_layer("gru").cell.kernel), left @ right, atol=1e-5)
    assert type(small.get_layer("scores")) is keras.layers.Dense
    assert set(report.ranks) == {
        "gru/kernel",
        "gru/recurrent_kernel",
        "lstm/kernel",
        "lstm/recurrent_kernel",
    }


def test_wrapped_nested_and_functional_models(tmp_path, sequences):
    inner = keras.Sequential([keras.layers.TimeDistributed(keras.layers.Dense(6))], name="inner")
    inputs = keras.Input((None, 10))
    shared = keras.layers.Dense(10, name="shared")
    x = keras.layers.Bidirectional(keras.layers.GRU(7, return_sequences=True))(
        shared(shared(inputs))
    )
    x = keras.layers.Lambda(lambda t: t * 2.0)(inner(x))
    model = keras.Model(inputs, [x, keras.layers.LSTM(5, dropout=0.2)(x)])
    factored = factorize(model)
    for got, expected in zip(factored(sequences), model(sequences), strict=True):
        np.testing.assert_allclose(array(got), array(expected), atol=5e-6)
    assert not factored.compiled
    factored.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=False)
    for got, expected in zip(loaded(sequences), factored(sequences), strict=True):
        np.testing.assert_array_equal(array(got), array(expected))


def test_prabhavalkar_at_full_rank_is_the_same_function(sequences, labels):
    model = trained(plain(), sequences, labels)
    factored = factorize(model, joint="prabhavalkar")
    np.testing.assert_allclose(array(factored(sequences)), array(model(sequences)), atol=2e-5)
    assert int(factored.optimizer.iterations) == 4
    assert factored.name == model.name
    assert factored.get_layer("gru").kernel_regularizer is None
    before, after = slots(model), slots(factored)
    kept = {name for name, (momentum, _) in after.items() if momentum.any()}
    biases = {"front/bias", "gru_cell/bias", "lstm_cell/bias", "scores/bias"}
    assert kept == {"front/kernel", "gru_cell/kernel", *biases}  # the others follow a projection
    for name in kept:
        np.testing.assert_array_equal(after[name][0], before[name][0])
    factored.fit(sequences, labels, epochs=1, verbose=0)


def test_prabhavalkar_in_one_layer_of_a_frozen_model(sequences):
    model = plain()
    model.get_layer("gru").cell.recurrent_kernel.trainable = False
    model.get_layer("lstm").trainable = False
    factored = factorize(model, joint="prabhavalkar", layers=["gru"])
    kinds = [type(layer).__name__ for layer in factored.layers]
    assert kinds == ["Dense", "FactoredGRU", "LSTM", "Dense"]
    np.testing.assert_allclose(array(factored(sequences)), array(model(sequences)), atol=2e-5)
    assert [
        (layer.name, v.name) for layer in factored.layers for v in layer.trainable_variables
    ] == [(layer, name) for layer in ("front", "gru", "scores") for name in ("kernel", "bias")]


def test_prabhavalkar_without_biases(sequences):
    model = keras.Sequential(
        [
            keras.Input((None, 10)),
            keras.layers.GRU(12, use_bias=False, return_sequences=True, name="gru"),
            keras.layers.Dense(5, use_bias=False),
        ]
    )
    factored = factorize(model, joint="prabhavalkar")
    np.testing.assert_allclose(array(factored(sequences)), array(model(sequences)), atol=2e-5)
    small = factorize(model, joint="prabhavalkar", rank=3)
    assert small.get_layer("gru").cell.projection.shape == (12, 3)


def test_factors_of_a_frozen_kernel_are_frozen():
    model = plain()
    model.get_layer("gru").cell.recurrent_kernel.trainable = False
    model.get_layer("lstm").cell.kernel.trainable = False
    factored = factorize(model)
    for name, kernel in (("gru", "recurrent_kernel"), ("lstm", "kernel")):
        for factor in factored.get_layer(name).factors():
            trainable = {v.trainable for v in (factor.left, factor.right)}
            assert trainable == {factor.name != kernel}


def test_prabhavalkar_shares_the_projection(sequences, labels):
    """Both kernels that see a state are the least-squares fits for one projection."""
    model = trained(plain(), sequences, labels)
    factored = factorize(model, joint="prabhavalkar", rank=4)
    old, new = model.get_layer("gru").cell, factored.get_layer("gru").cell
    u, s, vt = np.linalg.svd(array(old.recurrent_kernel))
    np.testing.assert_allclose(array(new.recurrent_kernel), u[:, :4] * s[:4] @ vt[:4], atol=1e-5)
    expected = u[:, :4] @ u[:, :4].T @ array(model.get_layer("lstm").cell.kernel)
    shared = array(new.projection) @ array(factored.get_layer("lstm").cell.kernel)
    np.testing.assert_allclose(shared, expected, atol=1e-5)
    assert factored.get_layer("scores").kernel.shape == (4, 5)
    with pytest.raises(CompressionError, match="must not have a layer with joint='prabhavalkar'"):
        truncate(factored, rank=2)


def test_errors():
    with pytest.raises(CompressionError, match="must be a keras.Model; received 'model.keras'"):
        factorize("model.keras")
    with pytest.raises(CompressionError, match="`layers` must be a list of layers' names.* 'gru'"):
        factorize(plain(), layers="gru")
    model = plain()
    for names in (3, {"gru"}, [], [model.layers[0]], [["gru"]]):
        with pytest.raises(CompressionError, match="`layers` must be a list of layers' names"):
            factorize(model, layers=names)
    with pytest.raises(CompressionError, match="is not built"):
        factorize(keras.Sequential([keras.layers.GRU(4)]))
    with pytest.raises(
        CompressionError, match="must have a Dense, Embedding, GRU, .* or .* layer of Keras"
    ):
        factorize(keras.Sequential([keras.Input((4, 3)), keras.layers.Conv1D(2, 1)]))
    with pytest.raises(CompressionError, match="names 'gruu', but .* are 'front', 'gru'"):
        factorize(plain(), layers=["gruu"])
    with pytest.raises(CompressionError, match="cannot be factorized: .*`rank` must be at most 10"):
        factorize(plain(), rank=99)
    with pytest.raises(CompressionError, match="`joint` must not be 'all'"):
        factorize(plain(), joint="all")
    with pytest.raises(CompressionError, match="before layer .* a Dropout: expected a Dense, GRU"):
        factorize(plain(keras.layers.Dropout(0.1)), joint="prabhavalkar")
    with pytest.raises(CompressionError, match="for layer 'gru', because its output"):
        factorize(
            keras.Sequential([keras.Input((None, 3)), keras.layers.GRU(2, name="gru")]),
            joint="prabhavalkar",
        )
    inputs = keras.Input((None, 3))
    with pytest.raises(CompressionError, match="for a Functional model"):
        factorize(keras.Model(inputs, keras.layers.GRU(2)(inputs)), joint="prabhavalkar")


@pytest.mark.parametrize(
    ("change", "how"),
    [
        (lambda layer: layer.enable_lora(2), "enable_lora"),
        (lambda layer: layer.quantize("int8"), "qu"),
    ],
    ids=["lora", "quantized"],
)
@pytest.mark.parametrize("joint", ["partial", "prabhavalkar"])
def test_a_kernel_that_is_no_variable_is_named(sequences, joint, change, how):
    model = keras.Sequential(
        [
            keras.Input((None, 10)),
            keras.layers.GRU(6, return_sequences=True, name="gru"),
            keras.layers.Dense(6, name="changed"),
            keras.layers.LSTM(4, name="lstm"),
            keras.layers.Dense(5, name="scores"),
        ]
    )
    change(model.get_layer("changed"))
    for names in (None, ["gru", "changed"], *(["gru"],) * (joint == "prabhavalkar")):
        with pytest.raises(CompressionError, match=f"'changed' is changed by its {how}.*: call"):
            factorize(model, joint=joint, layers=names)
    factored = factorize(model, joint=joint, layers=["lstm"])
    np.testing.assert_allclose(array(factored(sequences)), array(model(sequences)), atol=5e-6)


def test_a_model_that_keeps_its_layers_to_itself_is_named(sequences):
    class Own(keras.Model):
        def __init__(self, **options):
            super().__init__(**options)
            self.gru = keras.layers.GRU(6, name="gru")

        def call(self, x):
            return self.gru(x)

    model = Own(name="own")
    model(sequences)
    with pytest.raises(CompressionError, match="'own', a Own, came back from it with 'gru'"):
        factorize(model)


@TWIN
@pytest.mark.parametrize("joint", ["partial", "split"])
def test_each_twin_is_factorized_and_cut(sequences, kind, joint):
    # Not orthogonal: where all singular values are equal, no approximation is the best one.
    recurrent = kind.twin(recurrent_initializer=keras.initializers.GlorotUniform(seed=2))
    model = keras.Sequential([keras.Input((None, 10)), recurrent, keras.layers.Dense(5)])
    factored = factorize(model, joint=joint)
    assert [type(layer) for layer in factored.layers] == [kind.factored, FactoredDense]
    np.testing.assert_allclose(array(factored(sequences)), array(model(sequences)), atol=5e-6)
    if joint == "partial":
        small, _ = truncate(factored, rank=4)
        best = kind.factored.from_keras(model.layers[0], rank=4)
        # Two decompositions, the second one of a product of float32 factors.
        np.testing.assert_allclose(
            array(small.layers[0](sequences)), array(best(sequences)), atol=2e-5
        )
