from __future__ import annotations

import json

import keras
import numpy as np
import pytest
from jit import JIT

from tfpipeline.compress import CompressionError, factorize, truncate
from tfpipeline.layers import FactoredDense, FactoredGRU, FactoredLSTM
from tfpipeline.layers.factored.named_factors import factored_layers
from tfpipeline.metrics.spectrum import balanced_split
from tfpipeline.models import keyword_gru
from tfpipeline.regularizers import HalfL2, TraceNorm

pytestmark = pytest.mark.slow

# XLA compiles longer than these tests run; JAX without it would go step by step.


def array(x):
    return keras.ops.convert_to_numpy(x)


def trained(sequences, labels, optimizer="adam"):
    """A compiled model with six steps behind it."""
    keras.utils.set_random_seed(0)
    model = keyword_gru(5, 10, (12, 8), trace_norm=(1e-3, 1e-3), seed=1)
    model.compile(
        optimizer,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy", keras.metrics.SparseCategoricalAccuracy(name="again")],
        jit_compile=JIT,
    )
    model.fit(sequences, labels, epochs=2, batch_size=2, verbose=0)
    return model


@pytest.fixture(scope="module")
def model():
    """One for all tests that only look at it; truncate must leave it alone."""
    rng = np.random.default_rng(0)
    sequences = rng.normal(size=(6, 9, 10)).astype("float32")
    model = trained(sequences, rng.integers(0, 5, 6))
    before = model.get_weights()
    yield model
    for kept, weight in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, weight)


def approximated_by_hand(model, ranks):
    """The same model with every product replaced by its best approximation, at full size."""
    config = keras.saving.serialize_keras_object(model)
    copy = keras.saving.deserialize_keras_object(config, safe_mode=False)
    copy.set_weights(model.get_weights())
    for layer in factored_layers(copy):
        for factor in layer.factors():
            product = array(factor.left).astype("float64") @ array(factor.right)
            left, right = balanced_split(product, ranks[f"{layer.name}/{factor.name}"])
            pad = factor.rank - left.shape[1]
            factor.left.assign(np.pad(left, ((0, 0), (0, pad))))
            factor.right.assign(np.pad(right, ((0, pad), (0, 0))))
    return copy


@pytest.mark.parametrize(
    "criterion", [{"explained_variance": 0.6}, {"rank": 3}, {"rank": 0.3}, {"budget_params": 700}]
)
def test_function_is_the_low_rank_approximation(model, sequences, criterion):
    small, report = truncate(model, **criterion)
    expected = array(approximated_by_hand(model, report.ranks)(sequences))
    np.testing.assert_allclose(array(small(sequences)), expected, atol=2e-6)
    assert small.count_params() == report.model_parameters_after < report.model_parameters_before
    assert np.abs(array(model(sequences)) - expected).max() > 1e-3
    for layer in model.layers[:2]:
        assert (layer.rank, layer.recurrent_rank) == ("full", None)


def test_full_rank_changes_no_bit_and_keeps_every_slot(model, sequences):
    small, report = truncate(model, rank="full")
    np.testing.assert_array_equal(array(small(sequences)), array(model(sequences)))
    for old, new in zip(model.optimizer.variables, small.optimizer.variables, strict=True):
        np.testing.assert_array_equal(array(old), array(new))
    assert report.parameters == sum(m.parameters_before for m in report.matrices)


def test_optimizer_state_carries_over_but_for_cut_factors(model):
    model.optimizer.learning_rate = 0.0123
    small, _ = truncate(model, rank={"gru_1/recurrent_kernel": 3})
    assert small.optimizer is not model.optimizer
    assert int(small.optimizer.iterations) == int(model.optimizer.iterations) == 6
    assert float(small.optimizer.learning_rate) == pytest.approx(0.0123)
    restarted = 0
    for old, new in zip(model.optimizer.variables, small.optimizer.variables, strict=True):
        if "gru_1_factored_gru_cell_recurrent" in new.name:
            assert not array(new).any()
            restarted += 1
        else:
            np.testing.assert_array_equal(array(old), array(new))
    assert restarted == 4  # momentum and velocity of two factors


def test_slots_of_one_side_of_a_cut_factor_restart_too(sequences, labels):
    """Adafactor keeps a slot per row and per column: of the shape of an uncut side."""
    model = trained(sequences, labels, keras.optimizers.Adafactor(0.01))
    small, _ = truncate(model, rank=3)
    for new in small.optimizer.variables:
        if "factored_gru_cell" in new.name and "kernel" in new.name:
            assert not array(new).any()


def test_compiled_model_trains_on(model, sequences, labels):
    small, _ = truncate(model, explained_variance=0.8)
    history = small.fit(sequences, labels, epochs=6, verbose=0).history
    assert set(history) == {"accuracy", "again", "loss"}
    assert history["loss"][-1] < history["loss"][0]
    assert not small.losses  # stage 2 is not regularized
    assert model.losses


def test_keep_regularizers(model):
    small, _ = truncate(model, rank=2, keep_regularizers=True)
    assert small.layers[0].kernel_regularizer.strength == 1e-3
    assert small.losses


def test_saves_and_loads(model, tmp_path, sequences):
    small, _ = truncate(model, explained_variance=0.7)
    small.save(tmp_path / "small.keras")
    loaded = keras.saving.load_model(tmp_path / "small.keras")
    np.testing.assert_array_equal(array(loaded(sequences)), array(small(sequences)))
    # A second truncation starts from the first.
    smaller, report = truncate(loaded, rank=1)
    assert set(report.ranks.values()) == {1}
    assert smaller.count_params() < loaded.count_params()


def test_wrapped_nested_and_functional_models(sequences):
    inner = keras.Sequential(
        [keras.layers.TimeDistributed(FactoredDense(6, name="projection"))], name="inner"
    )
    inputs = keras.Input((None, 10))
    x = keras.layers.Bidirectional(FactoredGRU(7, return_sequences=True, name="gru"))(inputs)
    x = keras.layers.Lambda(lambda t: t * 2.0)(inner(x))
    model = keras.Model(inputs, [x, FactoredGRU(5, name="top")(x)])
    small, report = truncate(model, rank=2)
    assert set(report.ranks) == {
        "forward_gru/kernel",
        "forward_gru/recurrent_kernel",
        "backward_gru/kernel",
        "backward_gru/recurrent_kernel",
        "projection/kernel",
        "top/kernel",
        "top/recurrent_kernel",
    }
    assert set(report.ranks.values()) == {2}
    for got, expected in zip(
        small(sequences), approximated_by_hand(model, report.ranks)(sequences), strict=True
    ):
        np.testing.assert_allclose(array(got), array(expected), atol=2e-6)


def test_mixed_precision_model_keeps_its_loss_scale(sequences, labels):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = trained(sequences, labels)
        small, _ = truncate(model, rank=3)
    finally:
        keras.config.set_dtype_policy("float32")
    assert type(small.optimizer).__name__ == "LossScaleOptimizer"
    assert float(small.optimizer.dynamic_scale) == float(model.optimizer.dynamic_scale)
    small.fit(sequences, labels, epochs=1, verbose=0)


def test_uncompiled_model_stays_uncompiled(sequences):
    small, _ = truncate(keyword_gru(5, 10, (6,)), rank=2)
    assert not small.compiled


def test_budget_is_met_and_used(model):
    previous = 0
    for budget in (450, 600, 900, 1300, 10**6):
        small, report = truncate(model, budget_params=budget)
        assert previous <= small.count_params() <= budget
        previous = small.count_params()
    assert previous == model.count_params()


def test_report(model):
    small, report = truncate(model, explained_variance=0.5)
    first = report.matrices[0]
    assert (first.name, first.shape, first.rank_before) == ("gru_1/kernel", (10, 36), 10)
    assert first.dense_parameters == 360
    assert first.parameters_after == first.rank_after * 46
    product = array(model.layers[0].cell.kernel)
    squares = np.linalg.svd(product, compute_uv=False) ** 2
    share = squares[: first.rank_after].sum() / squares.sum()
    assert first.explained_variance == pytest.approx(share, abs=1e-6) and share >= 0.5
    assert first.parameters_before == 460
    assert report.model_parameters_before == model.count_params()
    np.testing.assert_allclose(
        first.singular_values, np.linalg.svd(product, compute_uv=False), atol=1e-5
    )
    assert report.fraction_of_dense == report.parameters / report.dense_parameters
    written = json.loads(json.dumps(report.to_dict()))
    assert written["criterion"] == "explained_variance=0.5"
    assert written["matrices"][0]["rank_after"] == first.rank_after
    text = str(report).splitlines()
    assert text[0] == (
        f"gru_1/kernel 10x36: rank 10 -> {first.rank_after}, {46 * first.rank_after} of 360 dense "
        f"parameters, {100 * share:.1f} % explained"
    )
    assert text[-1] == (
        f"all (explained_variance=0.5): {report.parameters} of {report.dense_parameters} dense "
        f"parameters ({100 * report.parameters / report.dense_parameters:.1f} %); "
        f"model {model.count_params()} -> {small.count_params()}"
    )


def test_nothing_is_lost_of_a_matrix_of_zeros():
    model = keras.Sequential([keras.Input((6,)), FactoredDense(6)])
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    _, report = truncate(model, explained_variance=0.9)
    [entry] = report.matrices
    assert (entry.rank_after, entry.explained_variance) == (1, 1.0)


@pytest.mark.parametrize(
    ("criterion", "message"),
    [
        ({}, "exactly one of .* received none"),
        ({"rank": 2, "explained_variance": 0.9}, "exactly one of"),
        ({"explained_variance": 1.2}, "`explained_variance` must be a share"),
        ({"rank": 0}, "`rank` must be 'full'"),
        ({"rank": {"gru_9/kernel": 3}}, "'gru_9/kernel'.* are 'gru_1/kernel'"),
        ({"rank": {"gru_1/kernel": 99}}, "at most 10"),
        ({"budget_params": 10}, "`budget_params` must be at least"),
        ({"budget_params": 2.5}, "`budget_params` must be a positive int"),
        ({"budget_params": 0}, "`budget_params` must be a positive int"),
        ({"budget_params": True}, "`budget_params` must be a positive int"),
    ],
)
def test_errors(criterion, message):
    with pytest.raises(CompressionError, match=message):
        truncate(keyword_gru(5, 10, (6,)), **criterion)


def test_unfactored_and_unbuilt_models_are_named():
    with pytest.raises(CompressionError, match="must be a keras.Model; received 'model.keras'"):
        truncate("model.keras", rank=1)
    plain = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="has none: build it with a layer"):
        truncate(plain, rank=1)
    with pytest.raises(ValueError, match="is not built"):
        truncate(keras.Sequential([FactoredGRU(4)]), rank=1)


def test_diverged_weights_are_named():
    model = keyword_gru(5, 10, (6,))
    model.layers[0].weights[0].assign(np.full((10, 10), np.inf))
    with pytest.raises(CompressionError, match="'keyword_gru' cannot be cut: .* NaN or infinity"):
        truncate(model, rank=2)


def test_l2_elsewhere_stays():
    model = keras.Sequential(
        [
            keras.Input((6,)),
            FactoredDense(6, kernel_regularizer=TraceNorm(0.1)),
            keras.layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.1)),
            keras.layers.Dense(3, kernel_regularizer=HalfL2(0.2)),
        ]
    )
    small, _ = truncate(model, rank=2)
    assert small.layers[0].kernel_regularizer is None
    assert small.layers[1].kernel_regularizer is not None
    assert small.layers[2].kernel_regularizer.strength == 0.2


@pytest.mark.parametrize("weight_bits", [8, 32])
def test_budget_of_bytes_is_met_and_used(model, weight_bits):
    """Against a count by hand, of what an export at that width would store."""

    def stored(small):
        own = [f for layer in factored_layers(small) for f in layer.factors()]
        bits = weight_bits * sum(min(f.parameters, f.dense_parameters) for f in own)
        bits += weight_bits * 8 * 5 + 32 * (2 * 36 + 2 * 24 + 5)  # scores, and the biases
        return bits / 8

    whole = stored(model)
    sizes = []
    for share in (0.6, 0.8, 1.0):
        small, report = truncate(
            model, budget_bytes=int(np.ceil(whole * share)), weight_bits=weight_bits
        )
        assert stored(small) <= np.ceil(whole * share)
        assert report.criterion.startswith("budget_bytes=")
        if weight_bits == 8:  # which is what it takes if nothing is said
            budget = int(np.ceil(whole * share))
            assert truncate(model, budget_bytes=budget)[1].ranks == report.ranks
        sizes.append(stored(small))
    assert sizes[0] < sizes[1] < sizes[2] == whole


def test_budget_of_bytes_errors(model):
    with pytest.raises(CompressionError, match="`budget_bytes` must be at least"):
        truncate(model, budget_bytes=10)
    with pytest.raises(CompressionError, match="`weight_bits` must be an int from 1 to 32"):
        truncate(model, budget_bytes=10**6, weight_bits=0)


def test_every_joint_form_is_cut(sequences):
    keras.utils.set_random_seed(2)
    model = keras.Sequential(
        [
            keras.Input((None, 10)),
            FactoredGRU(10, joint="all", return_sequences=True, name="all"),
            keras.layers.Bidirectional(
                FactoredLSTM(6, joint="split", return_sequences=True, name="split")
            ),
            FactoredLSTM(5, name="partial"),
        ]
    )
    small, report = truncate(model, explained_variance=0.7)
    assert set(small.layers[1].forward_layer.rank) == {
        report.ranks[f"forward_split/kernel_{gate}"] for gate in "ifco"
    }
    assert len(set(report.ranks[f"forward_split/kernel_{gate}"] for gate in "ifco")) > 1
    assert small.layers[0].rank == report.ranks["all/joint_kernel"] < 10
    expected = array(approximated_by_hand(model, report.ranks)(sequences))
    np.testing.assert_allclose(array(small(sequences)), expected, atol=2e-6)
    assert model.layers[1].forward_layer.rank == "full"


@pytest.mark.parametrize("wrap", [lambda optimizer: optimizer, keras.optimizers.LossScaleOptimizer])
def test_averages_of_cut_factors_start_at_the_weights(sequences, wrap):
    """Keras puts them in place of the weights when an epoch ends."""
    model = keras.Sequential([keras.Input((10,)), FactoredDense(10)])
    optimizer = wrap(keras.optimizers.SGD(1e-6, use_ema=True))
    model.compile(optimizer, "mse", jit_compile=JIT)
    model.fit(sequences[:, 0], np.zeros((6, 10)), verbose=0)
    small, _ = truncate(model, rank=3)
    before = small.get_weights()
    uncompiled = keras.Sequential([keras.Input((10,)), FactoredDense(10)])
    uncompiled.set_weights(model.get_weights())
    for one, other in zip(before, truncate(uncompiled, rank=3)[0].get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    small.fit(sequences[:, 0], np.zeros((6, 10)), verbose=0)
    for old, new in zip(before, small.get_weights(), strict=True):
        np.testing.assert_allclose(new, old, atol=1e-4)


def test_layers_with_one_name_are_all_cut(sequences):
    """In a model that is loaded or rebuilt, Keras gives both of them the same path."""

    def part(name):
        return keras.Sequential(
            [keras.Input((None, 10)), FactoredDense(10, name="dense")], name=name
        )

    built = keras.Sequential([keras.Input((None, 10)), part("a"), part("b")])
    model = keras.Sequential.from_config(built.get_config())
    small, report = truncate(model, rank=2)
    assert list(report.ranks.values()) == [2, 2]
    assert small.count_params() == 2 * (2 * 20 + 10)


def test_a_model_that_keeps_its_ranks_to_itself_is_named(sequences):
    class Own(keras.Model):
        def __init__(self, **options):
            super().__init__(**options)
            self.gru = FactoredGRU(6)

        def call(self, x):
            return self.gru(x)

    model = Own(name="own")
    model(sequences)
    with pytest.raises(CompressionError, match="must write its layers' ranks .*'own', a Own"):
        truncate(model, rank=2)


def test_each_model_trains_on_its_own(sequences, labels):
    """On JAX, training frees the arrays that a model had before."""
    model = keras.Sequential([keras.Input((10,)), FactoredDense(10), keras.layers.Dense(5)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, jit_compile=JIT)
    model.fit(sequences[:, 0], labels, verbose=0)
    weights, plain = model.get_weights(), model.layers[0].collapse()
    for small in (truncate(model, rank=3)[0], factorize(model, rank=3)):
        small.fit(sequences[:, 0], labels, verbose=0)
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    model.fit(sequences[:, 0], labels, verbose=0)
    assert np.isfinite(array(plain(sequences[:, 0]))).all()
