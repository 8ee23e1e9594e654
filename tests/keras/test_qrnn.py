"""QRNN: a convolution and a pooling, against a loop in NumPy."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from cell_twins import twin_of
from jit import JIT
from recurrent_kinds import TOLERANCE, array
from step_output import product

from tfpipeline.compress import truncate
from tfpipeline.layers import QRNN, QRNNCell
from tfpipeline.numerics.cells import CELLS
from tfpipeline.protocol import Exportable, Factored
from tfpipeline.regularizers import TraceNorm

FORM = pytest.mark.parametrize(
    ("window", "pooling"), [(1, "f"), (1, "fo"), (2, "f"), (2, "fo"), (4, "fo")]
)


def qrnn(window, pooling, **options):
    given = {
        "kernel_initializer": keras.initializers.GlorotUniform(seed=1),
        "bias_initializer": keras.initializers.RandomNormal(seed=3),
        "seed": 4,
        "return_sequences": True,
        **options,
    }
    return QRNN(12, window=window, pooling=pooling, **given)


def reference(step, sequences, mask=None):
    """All h, from the description of the step: a masked step is skipped."""
    window, twin = step.attributes["window"], twin_of(step.cell)
    outputs = np.zeros((*sequences.shape[:2], step.units))
    for row, sequence in enumerate(sequences):
        states = [np.zeros(step.units) for _ in CELLS[step.cell].states]
        seen = [np.zeros(sequence.shape[-1])] * window
        for time, x in enumerate(sequence):
            if mask is None or mask[row, time]:
                seen = [*seen[1:], x]
                p = product(np.concatenate(seen), step.kernel) + step.bias[0]
                states = twin(np.split(p, len(p) // step.units), [], states)
            outputs[row, time] = states[0]
    return outputs


@FORM
@pytest.mark.parametrize("options", [{}, {"rank": 3}, {"rank": 0.5, "joint": "split"}], ids=str)
def test_layer_equals_the_loop_over_its_exported_step(sequences, window, pooling, options):
    layer = qrnn(window, pooling, **options)
    output = array(layer(sequences))
    step = layer.export_step()
    assert step.cell == {"f": "qrnn", "fo": "qrnn_fo"}[pooling]
    assert (step.recurrent_kernel, step.attributes) == ((), {"window": window})
    assert step.kernel[0].shape[0] == 10 * window
    np.testing.assert_allclose(output, reference(step, sequences), atol=TOLERANCE)
    plain = layer.collapse()
    assert (type(plain), plain.rank, plain.factors()) == (QRNN, None, ())
    np.testing.assert_allclose(array(plain(sequences)), output, atol=TOLERANCE)
    backwards = qrnn(window, pooling, go_backwards=True, **options)
    expected = reference(step, sequences[:, ::-1])
    np.testing.assert_allclose(array(backwards(sequences)), expected, atol=TOLERANCE)
    assert isinstance(layer, Exportable) and isinstance(layer, Factored)


@FORM
def test_mask_states_and_chunks(sequences, window, pooling):
    layer = qrnn(window, pooling, return_state=True)
    mask = np.ones((6, 9), bool)
    mask[0, 5:] = mask[1, :2] = mask[2, 3] = mask[3, 1::2] = mask[4] = False
    output, *states = layer(sequences, mask=mask)
    expected = reference(layer.export_step(), sequences, mask)
    np.testing.assert_allclose(
        np.where(mask[..., None], array(output), 0),
        np.where(mask[..., None], expected, 0),
        atol=TOLERANCE,
    )
    np.testing.assert_allclose(array(states[0]), expected[:, -1], atol=TOLERANCE)
    # Going on from the states is going on in the sequence, also after masked steps.
    later, *_ = layer(sequences[:, ::-1], initial_state=states)
    whole = np.concatenate([sequences, sequences[:, ::-1]], axis=1)
    both = np.concatenate([mask, np.ones_like(mask)], axis=1)
    expected = reference(layer.export_step(), whole, both)[:, 9:]
    np.testing.assert_allclose(array(later), expected, atol=TOLERANCE)

    stateful = qrnn(window, pooling, stateful=True)
    parts = [array(stateful(sequences[:, a:b])) for a, b in ((0, 1), (1, 4), (4, 9))]
    expected = reference(layer.export_step(), sequences)
    np.testing.assert_allclose(np.concatenate(parts, axis=1), expected, atol=TOLERANCE)
    stateful.reset_state()
    np.testing.assert_allclose(array(stateful(sequences)), expected, atol=TOLERANCE)


@FORM
def test_bare_cell_and_unrolled_loop_equal_the_layer(sequences, window, pooling):
    layer = qrnn(window, pooling, dropout=0.4)
    expected = array(layer(sequences))
    cell = layer.cell.collapse()
    rnn = keras.layers.RNN(cell, return_sequences=True, unroll=True)
    np.testing.assert_allclose(array(rnn(sequences)), expected, atol=TOLERANCE)
    unrolled = qrnn(window, pooling, unroll=True)
    np.testing.assert_allclose(array(unrolled(sequences)), expected, atol=TOLERANCE)
    # One mask a sequence and feature, the same in the cell and in the layer.
    dropped, again = qrnn(window, pooling, dropout=0.4), QRNNCell(12, **_of_cell(layer))
    output = array(dropped(sequences, training=True))
    assert np.abs(output - expected).max() > 0.01
    alone = keras.layers.RNN(again, return_sequences=True)
    np.testing.assert_allclose(array(alone(sequences, training=True)), output, atol=TOLERANCE)


def _of_cell(layer):
    config = layer.cell.get_config()
    return {name: config[name] for name in config if name not in ("units", "name")}


def test_shapes_of_a_symbolic_model():
    inputs = keras.Input((None, 10))
    output, *states = qrnn(3, "fo", return_state=True)(inputs)
    assert [tuple(x.shape) for x in (output, *states)] == [
        (None, None, 12),
        (None, 12),
        (None, 12),
        (None, 20),
    ]
    both = keras.layers.Bidirectional(qrnn(2, "f"))(inputs)
    assert tuple(both.shape) == (None, None, 24)


@pytest.mark.slow
@pytest.mark.parametrize(("window", "pooling"), [(1, "f"), (3, "fo")])
def test_trains_saves_and_is_cut(tmp_path, sequences, labels, window, pooling):
    layer = qrnn(window, pooling, rank="full", kernel_regularizer=TraceNorm(1e-3), name="qrnn")
    model = keras.Sequential(
        [
            keras.Input((None, 10)),
            keras.layers.Masking(),
            layer,
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(5),
        ]
    )
    model.compile(
        "adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=JIT
    )
    before = model.evaluate(sequences, labels, verbose=0)
    model.fit(sequences, labels, epochs=5, verbose=0)
    assert model.evaluate(sequences, labels, verbose=0) < before
    expected = array(model(sequences))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(array(loaded(sequences)), expected)
    assert loaded.get_layer("qrnn").get_config() == layer.get_config()
    small, _ = truncate(model, rank=4)
    assert small.get_layer("qrnn").rank == 4


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(sequences, policy):
    layer = qrnn(3, "fo", dtype=policy, stateful=True)
    output = layer(sequences)
    assert keras.backend.standardize_dtype(output.dtype) == policy.removeprefix("mixed_")
    exact = reference(layer.export_step(), sequences)
    # bfloat16 keeps 8 bits: nine steps stay within a few of its roundings.
    found = array(keras.ops.cast(output, "float32"))
    np.testing.assert_allclose(found, exact, atol=0.03)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pooling": "ifo"}, "`pooling` must be 'f' or 'fo'; received 'ifo'"),
        ({"window": 0}, "`window` must be a positive int; received 0"),
        ({"window": 1.5}, "`window` must be a positive int; received 1.5"),
        ({"joint": "all"}, "`joint` must be 'partial' or 'split' .* received 'all'"),
        ({"recurrent_rank": 3}, "`recurrent_rank` must be left out .* received 3"),
        ({"recurrent_dropout": 0.1}, "`recurrent_dropout` must be left out .* received 0.1"),
        ({"recurrent_initializer": "zeros"}, "`recurrent_initializer` must be left out"),
        ({"rank": 0}, "`rank` must be 'full', a positive int, or a float"),
    ],
    ids=str,
)
def test_arguments_that_do_not_fit(options, message):
    for kind in (QRNN, QRNNCell):
        with pytest.raises(ValueError, match=message):
            kind(4, **options)


@pytest.mark.parametrize("pooling", ["f", "fo"])
def test_zoneout_keeps_states_while_training(pooling):
    """Gates of 0 let nothing stay; what stays then is zoned out."""
    layer = qrnn(2, pooling, zoneout=0.3, bias_initializer="zeros", return_state=True)
    # z counts the steps, o is 1, f is 0.
    x = np.tile(np.arange(1.0, 201.0, dtype="float32")[None, :, None] / 400, (3, 1, 1))
    layer(x)
    kernel = np.zeros(layer.cell.kernel.shape, np.float32)
    kernel[1, :12] = 1
    bias = np.zeros(kernel.shape[1], np.float32)
    bias[12:24], bias[24:] = -100, 100
    layer.cell.set_weights([kernel, bias])

    whole = array(layer(x)[0])
    np.testing.assert_allclose(whole, np.tanh(x) * np.ones(12), atol=1e-6)
    drawn = array(layer(x, training=True)[0])
    stays = np.isclose(np.diff(drawn, axis=1), 0, atol=1e-7)
    # Each either is today's or the last one, drawn for every step, unit and sequence.
    new = np.isclose(drawn, whole, atol=1e-6)
    assert (stays | new[:, 1:]).all()
    assert abs(stays.mean() - 0.3) < 0.02
    assert abs(stays.all(axis=0).mean() - 0.3**3) < 0.02
    assert abs((stays[:, 1:] & stays[:, :-1]).mean() - 0.3**2) < 0.02
    again = array(layer(x, training=True)[0])
    assert (again != drawn).any()


def test_zoneout_trains_and_is_kept(sequences, labels, tmp_path):
    model = keras.Sequential(
        [keras.Input(sequences.shape[1:]), QRNN(8, zoneout=0.2, seed=1), keras.layers.Dense(10)]
    )
    model.compile(
        "adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=JIT
    )
    losses = model.fit(sequences, labels, epochs=2, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.layers[0].get_config()["zoneout"] == 0.2
    np.testing.assert_allclose(array(loaded(sequences)), array(model(sequences)), atol=1e-6)
    # A cell in Keras' own layer draws one step at a time.
    wrapped = keras.layers.RNN(QRNNCell(8, zoneout=0.5, seed=1))
    wrapped.build(sequences.shape)
    assert np.isfinite(array(wrapped(sequences, training=True))).all()


@pytest.mark.parametrize("share", [-0.1, 1.0, "half", True])
def test_zoneout_that_is_no_share(share):
    with pytest.raises(ValueError, match=r"`zoneout` must be a number in \[0, 1\); received"):
        QRNN(4, zoneout=share)
