"""Layers with quantized weights and normalized products, against a loop in NumPy."""

from __future__ import annotations

import threading

import keras
import numpy as np
import pytest
from jit import JIT
from keras import ops
from normalized_twins import Twin, values_of
from recurrent_kinds import array
from step_output import step_output

from tfpipeline.callbacks import SecondMoments
from tfpipeline.layers import UGRNN, FastGRNN, FastRNN, NormalizedGRU, NormalizedLSTM
from tfpipeline.layers.recurrent.per_thread import PerThread
from tfpipeline.layers.recurrent.time_count import next_count, number_of
from tfpipeline.normalizations import NORMALIZATIONS, BatchSeparate, BatchShared, Layer, Weight
from tfpipeline.quantizers import QUANTIZERS

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 6, 3)).astype("float32")
MASK = np.arange(6) < np.array([6, 4, 1, 5])[:, None]
KINDS = {kind.__name__: kind for kind in (NormalizedLSTM, NormalizedGRU, FastRNN, FastGRNN, UGRNN)}
# Fewer rows than time steps: the last one serves three of them.
HOW = {**{name: name for name in NORMALIZATIONS}, "batch_separate": BatchSeparate(4)}
KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
FEW = pytest.mark.parametrize("kind", [NormalizedLSTM, FastGRNN])
NORMALIZATION = pytest.mark.parametrize("name", [None, *HOW])
# Six recurrent steps in float32; a batch of four has small deviations to divide by.
TOLERANCE = 2e-5


def made(kind, normalization, quantizer="BWN", seed=1, **options):
    """A built layer with weights and averages as if it had trained."""
    how = HOW.get(normalization, normalization) if isinstance(normalization, str) else normalization
    layer = kind(
        5,
        weight_quantizer=quantizer,
        normalization=how,
        **{"return_sequences": True, **options},
    )
    layer.build((None, None, 3))
    return moved(layer, seed)


def moved(layer, seed=1):
    rng = np.random.default_rng(seed)
    for weight in layer.weights:
        spread = rng.normal(scale=0.3, size=weight.shape)
        start = {"gain": 0.8, "variance": 1.5, "moment": 1.0}.get(weight.name.rpartition("_")[2], 0)
        weight.assign(start + np.clip(spread, -0.9, 0.9) if start else spread)
    return layer


@KIND
@NORMALIZATION
def test_a_layer_is_its_numpy_loop(kind, name):
    layer = made(kind, name)
    twin = Twin(layer)
    np.testing.assert_allclose(array(layer(X)), twin.run(X).outputs, atol=TOLERANCE)
    found = array(layer(X, training=True))
    expected = twin.run(X, training=True)
    np.testing.assert_allclose(found, expected.outputs, atol=TOLERANCE)
    after = values_of(layer)
    assert len(expected.averages) == (4 if name in ("batch_shared", "batch_separate") else 0)
    for weight, value in after.items():
        np.testing.assert_allclose(
            value, expected.averages.get(weight, twin.w[weight]), atol=TOLERANCE, err_msg=weight
        )
    # At inference the averages act, and they have moved.
    np.testing.assert_allclose(array(layer(X)), Twin(layer).run(X).outputs, atol=TOLERANCE)


@FEW
@NORMALIZATION
def test_masked_steps_have_no_part(kind, name):
    layer = made(kind, name)
    twin = Twin(layer)
    found = array(layer(X, mask=MASK))
    np.testing.assert_allclose(found, twin.run(X, mask=MASK).outputs, atol=TOLERANCE)
    zeroed = made(kind, name, zero_output_for_mask=True)
    for training in (True, False):
        expected = twin.run(X, training=training, mask=MASK)
        found = array(layer(X, mask=MASK, training=training))
        np.testing.assert_allclose(found, expected.outputs, atol=TOLERANCE)
        zeros = array(zeroed(X, mask=MASK, training=training))
        np.testing.assert_allclose(
            zeros, np.where(MASK[..., None], expected.outputs, 0), atol=TOLERANCE
        )
        after = values_of(layer)
        for weight, value in expected.averages.items():
            np.testing.assert_allclose(after[weight], value, atol=TOLERANCE, err_msg=weight)
            np.testing.assert_allclose(values_of(zeroed)[weight], value, atol=TOLERANCE)
        twin = Twin(layer)
    # What masked steps hold does not matter.
    other = np.where(MASK[..., None], X, 99).astype("float32")
    np.testing.assert_array_equal(array(layer(other, mask=MASK)), array(layer(X, mask=MASK)))


@pytest.mark.parametrize("name", ["layer", "batch_shared", "batch_separate"])
@pytest.mark.parametrize("mask", [None, MASK], ids=["whole", "masked"])
def test_the_state_of_the_cell_is_normalized_too(name, mask):
    layer = made(NormalizedLSTM, name, normalize_cell=True)
    assert np.abs(array(layer(X)) - array(made(NormalizedLSTM, name)(X))).max() > 1e-3
    for training in (True, False):
        twin = Twin(layer)
        expected = twin.run(X, training=training, mask=mask)
        found = layer(X, training=training, mask=mask)
        np.testing.assert_allclose(array(found), expected.outputs, atol=TOLERANCE)
        assert len(expected.averages) == (6 if training and name != "layer" else 0)
        for weight, value in expected.averages.items():
            np.testing.assert_allclose(
                values_of(layer)[weight], value, atol=TOLERANCE, err_msg=weight
            )
    plain = layer.collapse()
    np.testing.assert_allclose(array(plain(X)), array(layer(X)), atol=TOLERANCE)
    assert plain.get_config()["normalize_cell"]


@pytest.mark.parametrize(
    ("kind", "name", "bits"),
    [(NormalizedLSTM, None, 2), (NormalizedGRU, "batch_shared", 1), (FastGRNN, "layer", 3)],
)
def test_the_state_is_multiplied_with_few_bits(kind, name, bits):
    """Of a matrix in full precision too; gates read the state as it is."""
    layer = made(kind, name, quantizer=None, activation_bits=bits)
    for training in (True, False):
        expected = Twin(layer).run(X, training=training)
        found = array(layer(X, training=training))
        np.testing.assert_allclose(found, expected.outputs, atol=TOLERANCE)
    assert np.abs(found - array(made(kind, name, quantizer=None)(X))).max() > 1e-3
    again = kind.from_config(layer.get_config())
    assert again.activation_bits == bits
    assert np.abs(one_step(layer)["recurrent_kernel"]).max() > 1e-6


@pytest.mark.parametrize("quantizer", [None, *QUANTIZERS])
def test_every_quantizer(quantizer):
    layer = made(NormalizedLSTM, "layer", quantizer)
    np.testing.assert_allclose(array(layer(X)), Twin(layer).run(X).outputs, atol=1e-4)


@pytest.mark.parametrize(
    ("normalized", "plain"),
    [(NormalizedLSTM, keras.layers.LSTM), (NormalizedGRU, keras.layers.GRU)],
)
def test_with_neither_it_is_the_layer_of_keras(normalized, plain):
    theirs = moved_by(plain(5))
    ours = normalized(5, weight_quantizer=None, normalization=None)
    ours.build((None, None, 3))
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(array(ours(X)), array(theirs(X)), atol=2e-6)


def moved_by(layer):
    layer.build((None, None, 3))
    return moved(layer)


@FEW
@pytest.mark.parametrize("how", [Weight(), Layer(epsilon=1e-12), BatchShared(epsilon=1e-12)])
@pytest.mark.parametrize(("scaled", "bare"), [("BWN", "BinaryConnect"), ("TWN", "TerConnect")])
def test_normalization_takes_the_scale_of_a_quantizer_away(kind, how, scaled, bare):
    first, second = made(kind, how, scaled), made(kind, how, bare)
    second.set_weights(first.get_weights())
    for training in [True] if how.OF_BATCHES else [False]:
        found = [array(layer(X, training=training)) for layer in (first, second)]
        np.testing.assert_allclose(found[0], found[1], atol=TOLERANCE)
    assert np.abs(found[0]).max() > 0.01
    without = [made(kind, None, quantizer) for quantizer in (scaled, bare)]
    without[1].set_weights(without[0].get_weights())
    assert np.abs(array(without[0](X)) - array(without[1](X))).max() > 1e-3


def one_step(layer):
    """What one step of SGD subtracts from each weight, by name."""
    model = keras.Sequential([keras.Input((6, 3)), layer])
    model.compile(keras.optimizers.SGD(1.0), "mse", jit_compile=JIT)
    before = values_of(layer)
    model.train_on_batch(X, np.full((4, 6, 5), 0.3, "float32"))
    return {name: value - values_of(layer)[name] for name, value in before.items()}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *((NormalizedLSTM, name) for name in (None, *HOW)),
        (NormalizedGRU, "batch_shared"),
        (FastGRNN, "layer"),
    ],
)
def test_latent_weights_get_the_slope_of_the_quantized(kind, name):
    """An SGD step, against differences of the loss of the twin whose quantized matrices move."""
    layer = made(kind, name, "TWN")
    twin = Twin(layer)

    def loss():
        return np.mean((twin.run(X, training=True).outputs - 0.3) ** 2)

    found = one_step(layer)
    for kernel in ("kernel", "recurrent_kernel"):
        for place in ((0, 0), (2, 7 % found[kernel].shape[1]), (1, -1)):
            if not np.any(twin.matrices[kernel][:, place[1]]):
                continue  # the norm of a column of zeros has no slope
            start, values = twin.matrices[kernel][place], []
            for change in (1e-5, -1e-5):
                twin.matrices[kernel][place] = start + change
                values.append(loss())
            twin.matrices[kernel][place] = start
            slope = (values[0] - values[1]) / 2e-5
            # A gradient in float32 of a mean over 120 numbers.
            assert found[kernel][place] == pytest.approx(slope, rel=2e-3, abs=2e-6)
        if name is not None:
            assert np.abs(found[f"{kernel}_gain"]).max() > 1e-6


@pytest.mark.parametrize(
    ("name", "jit_compile"), [("batch_shared", True), ("batch_separate", False)]
)
def test_fit_save_and_load(tmp_path, name, jit_compile):
    first = NormalizedLSTM(
        4, "tanh", weight_quantizer="LAT", normalization=name, return_sequences=True
    )
    model = keras.Sequential(
        [
            keras.Input((6, 3)),
            # XLA takes its time for every loop that it compiles.
            first if jit_compile else keras.layers.Bidirectional(first),
            NormalizedGRU(4, weight_quantizer="STN", normalization=name),
            keras.layers.Dense(2),
        ]
    )
    model.compile("adam", "mse", jit_compile=jit_compile)
    history = model.fit(
        X, np.ones((4, 2)), epochs=2, verbose=0, callbacks=[SecondMoments()]
    ).history
    assert np.isfinite(history["loss"]).all()
    averages = [w for w in model.weights if "moving_mean" in w.name]
    assert len(averages) == (4 if jit_compile else 6) and all(
        np.abs(array(w)).max() > 0 for w in averages
    )
    assert {tuple(w.shape)[:-1] for w in averages} == {() if name == "batch_shared" else (6,)}
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(array(loaded(X)), array(model(X)))
    assert loaded.layers[1].get_config() == model.layers[1].get_config()


@NORMALIZATION
def test_states_chunks_and_direction(name):
    one = made(NormalizedLSTM, name)
    whole = array(one(X))
    layer = NormalizedLSTM.from_config({**one.get_config(), "stateful": True, "return_state": True})
    layer.build(X.shape)
    for target, source in zip(layer.weights, one.weights, strict=True):
        target.assign(array(source))
    _, *states = layer(X[:, :4])
    np.testing.assert_allclose(array(layer(X[:, 4:])[0]), whole[:, 4:], atol=TOLERANCE)
    handed = array(one(X[:, 4:], initial_state=states))
    np.testing.assert_allclose(handed, whole[:, 4:], atol=TOLERANCE)
    assert len(states) == 2 + (name == "batch_separate")
    back = made(NormalizedLSTM, name, go_backwards=True)
    np.testing.assert_allclose(array(back(X[:, ::-1])), whole, atol=TOLERANCE)
    flipped = np.array(array(back(X[:, ::-1], training=True)))
    np.testing.assert_allclose(flipped, array(one(X, training=True)), atol=TOLERANCE)
    for ours, theirs in zip(values_of(back).values(), values_of(one).values(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=TOLERANCE)
    bare = keras.layers.RNN(one.cell, return_sequences=True)
    np.testing.assert_allclose(array(bare(X)), array(one(X)), atol=TOLERANCE)


@NORMALIZATION
@FEW
def test_dropout_masks_are_those_of_the_loop(kind, name):
    """With all inputs and states dropped, products are zero: statistics say so."""
    layer = made(kind, name, dropout=1 - 1e-7, recurrent_dropout=1 - 1e-7, seed=3)
    output = array(layer(X, training=True))
    np.testing.assert_allclose(output, np.broadcast_to(output[:1], output.shape), atol=TOLERANCE)
    if name in ("batch_shared", "batch_separate"):
        averages = {n: v for n, v in values_of(layer).items() if "moving" in n}
        fresh = values_of(made(kind, name, seed=3))
        for weight, value in averages.items():
            np.testing.assert_allclose(value, 0.9 * fresh[weight], atol=1e-6, err_msg=weight)


@NORMALIZATION
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(name, policy):
    layer = made(NormalizedLSTM, name, dtype=policy)
    exact = made(NormalizedLSTM, name)
    assert {keras.backend.standardize_dtype(w.dtype) for w in layer.weights} == {"float32"}
    for training in (False, True):
        output = layer(X, training=training)
        assert keras.backend.standardize_dtype(output.dtype) == policy.removeprefix("mixed_")
        # bfloat16 keeps 8 bits; a batch of four divides by small deviations.
        np.testing.assert_allclose(
            array(output).astype("float32"), array(exact(X, training=training)), atol=0.06
        )
    # Codes are those of the float32 weights, whatever is computed in.
    np.testing.assert_array_equal(array(layer.cell.kernel), array(exact.cell.kernel))


@pytest.mark.parametrize(
    ("name", "rank"),
    [("weight", None), ("weight", 2), ("layer", None), ("batch_shared", None), (None, 2)],
)
@KIND
def test_folded_step_and_collapsed_layer_compute_the_same(kind, name, rank):
    layer = made(kind, name, "TerConnect", rank=rank)
    expected = array(layer(X))
    np.testing.assert_allclose(step_output(layer.export_step(), X), expected, atol=TOLERANCE)
    if name == "layer":
        return
    plain = layer.collapse()
    assert (plain.weight_quantizer, plain.rank) == (None, None)
    np.testing.assert_allclose(array(plain(X)), expected, atol=TOLERANCE)
    if rank:
        # Factors are ternary each, and stay so.
        for matrix in (layer.export_step().recurrent_kernel[0], layer.export_step().kernel[0]):
            assert set(np.unique(matrix)) <= {-1, 0, 1}


def test_a_unit_without_weights_trains_on():
    """Rows of small weights are all 0 in ternary codes, where a norm has no slope."""
    layer = NormalizedLSTM(5, return_sequences=True)
    layer.build((None, None, 3))
    for name in ("kernel", "recurrent_kernel"):
        (weight,) = (w for w in layer.weights if w.name == name)
        value = np.array(array(weight))
        value[:, 7] *= 1e-3
        weight.assign(value)
    assert not array(layer.cell.kernel)[:, 7].any()
    found = one_step(layer)
    assert all(np.abs(value).max() < 10 for value in found.values())
    assert np.abs(found["kernel"][:, 7]).max() > 0


def test_gains_start_from_the_norms_of_the_first_matrix():
    keras.utils.set_random_seed(0)
    for rank in (None, "full", 2):
        layer = NormalizedLSTM(5, rank=rank)
        layer.build((None, None, 3))
        w = values_of(layer)
        for name in ("kernel", "recurrent_kernel"):
            matrix = w[name] if rank is None else w[f"{name}_left"] @ w[f"{name}_right"]
            norms = np.linalg.norm(matrix, axis=0)
            np.testing.assert_allclose(w[f"{name}_gain"], norms, rtol=1e-4)


def test_gains_of_a_model_that_fit_builds():
    model = keras.Sequential([NormalizedLSTM(5), keras.layers.Dense(2)])
    model.compile(keras.optimizers.SGD(0.0), "mse", jit_compile=JIT)
    model.fit(X, np.ones((4, 2)), verbose=0)
    w = values_of(model.layers[0])
    np.testing.assert_allclose(w["kernel_gain"], np.linalg.norm(w["kernel"], axis=0), rtol=1e-5)


def test_an_input_of_one_feature_stays_in_full_precision():
    with pytest.warns(UserWarning, match="one feature"):
        layer = NormalizedLSTM(
            5, weight_quantizer="BinaryConnect", normalization=None, return_sequences=True
        )
        layer.build((None, None, 1))
    moved(layer)
    assert len(np.unique(array(layer.cell.kernel))) == 20
    assert set(np.unique(array(layer.cell.recurrent_kernel))) == {-1, 1}
    x = X[..., :1]
    np.testing.assert_allclose(array(layer(x)), Twin(layer).run(x).outputs, atol=TOLERANCE)


def test_time_counts_on_beyond_what_bfloat16_holds():
    state = ops.convert_to_tensor([[254, 0], [255, 1], [255, 255]], "bfloat16")
    for expected in ([254, 511, 65535], [255, 512, 65280], [256, 513, 65281]):
        assert array(number_of(state)).tolist() == expected
        state = next_count(state)


def test_what_a_call_keeps_is_its_threads_own():
    """As the replicas of tf.distribute, which are traced by threads that take turns."""
    kept, seen = PerThread("nothing"), []

    def replica():
        seen.append(kept.value)
        with kept.being("second"):
            seen.append(kept.value)

    with kept.being("first"):
        thread = threading.Thread(target=replica)
        thread.start()
        thread.join()
        with kept.being("inner"):
            seen.append(kept.value)
        seen.append(kept.value)
    assert [*seen, kept.value] == ["nothing", "second", "inner", "first", "nothing"]
