"""Weight drop against the NumPy loop over the exported step, with the mask drawn apart."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
from jit import JIT
from recurrent_kinds import KIND, TOLERANCE, TWIN, array, seeded
from step_output import step_output

from tfpipeline.layers import QRNN, FastGRNN, FastGRNNCell, NormalizedLSTM
from tfpipeline.protocol import RecurrentStep

pytestmark = pytest.mark.slow
RATE = 0.4


def mask_like(kernel, draws=1):
    """The mask of the first call of a layer with the seed 4, or of a later one."""
    generator = keras.random.SeedGenerator(4)
    for _ in range(draws):
        mask = keras.random.dropout(np.ones(kernel.shape, "float32"), RATE, seed=generator)
    return array(mask)


def without_dropped(step: RecurrentStep, draws: int = 1) -> RecurrentStep:
    kernel = np.linalg.multi_dot(
        [*step.recurrent_kernel, np.eye(step.recurrent_kernel[-1].shape[1])]
    )
    return replace(step, recurrent_kernel=(kernel * mask_like(kernel, draws),))


@KIND
@pytest.mark.parametrize("rank", ["full", 3])
def test_dropped_weights_are_those_of_its_numpy_loop(sequences, kind, rank):
    layer = kind.layer(rank=rank, recurrent_weight_drop=RATE, return_sequences=True)
    calm = array(layer(sequences))
    step = layer.export_step()
    np.testing.assert_allclose(calm, step_output(step, sequences), atol=TOLERANCE)
    # One mask for all steps and sequences, and another one in the next call.
    for draws in (1, 2):
        output = array(layer(sequences, training=True))
        expected = step_output(without_dropped(step, draws), sequences)
        np.testing.assert_allclose(output, expected, atol=TOLERANCE)
        assert np.abs(output - calm).max() > 0.01
    mask = mask_like(step.recurrent_kernel[-1])
    assert np.unique(mask) == pytest.approx([0, 1 / (1 - RATE)])
    assert 0.3 < (mask == 0).mean() < 0.5


@pytest.mark.parametrize("rank", [None, 3])
def test_dropped_weights_have_no_gradient(sequences, labels, rank):
    layer = FastGRNN(12, **seeded(rank=rank, recurrent_weight_drop=RATE))
    model = keras.Sequential([keras.Input((9, 10)), layer])
    model.compile(
        keras.optimizers.SGD(0.1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=JIT,
    )
    before = [array(weight) for weight in layer.weights]
    model.train_on_batch(sequences, labels)
    change = {
        weight.name: array(weight) - start
        for weight, start in zip(layer.weights, before, strict=True)
    }
    if rank is None:
        np.testing.assert_array_equal(change["recurrent_kernel"] != 0, mask_like(before[1]) != 0)
        return
    # Of factors the mask is on their product, so that each of their numbers has a gradient.
    left, right = (change[f"recurrent_kernel_{side}"] for side in ("left", "right"))
    assert (left != 0).all() and (right != 0).all()


def test_a_saved_model_drops_as_before(tmp_path, sequences):
    layer = FastGRNN(12, **seeded(rank=3, recurrent_weight_drop=RATE), name="dropping")
    model = keras.Sequential([keras.Input((None, 10)), layer])
    expected = array(model(sequences))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    again = loaded.get_layer("dropping")
    assert again.recurrent_weight_drop == RATE == again.with_ranks(rank=2).recurrent_weight_drop
    assert layer.collapse().recurrent_weight_drop == RATE
    np.testing.assert_array_equal(array(loaded(sequences)), expected)
    dropped = array(loaded(sequences, training=True))
    assert np.abs(dropped - expected).max() > 0.01


@TWIN
def test_the_twin_of_keras_has_none(sequences, kind):
    layer = kind.layer(recurrent_weight_drop=RATE)
    expected = array(layer(sequences))
    assert not getattr(layer, "use_cudnn", False)
    np.testing.assert_allclose(array(layer.collapse()(sequences)), expected, atol=TOLERANCE)
    ours = kind.factored.from_keras(layer.collapse(), recurrent_weight_drop=RATE)
    np.testing.assert_allclose(array(ours(sequences)), expected, atol=TOLERANCE)
    assert np.abs(array(ours(sequences, training=True)) - expected).max() > 0.01


def test_quantized_weights_are_dropped_too(sequences):
    layer = NormalizedLSTM(12, normalization=None, **seeded(recurrent_weight_drop=RATE))
    output = array(layer(sequences, training=True))
    step = without_dropped(layer.export_step())
    np.testing.assert_allclose(output, step_output(step, sequences)[:, -1], atol=TOLERANCE)


def test_errors(sequences):
    for rate in (-0.1, 1, True, "half"):
        with pytest.raises(ValueError, match=r"`recurrent_weight_drop` must be a number in \[0, 1"):
            FastGRNN(4, recurrent_weight_drop=rate)
    with pytest.raises(ValueError, match="`recurrent_weight_drop` must be left out in a cell"):
        QRNN(4, recurrent_weight_drop=0.5)
    assert "recurrent_weight_drop" not in QRNN(4).get_config()
    alone = keras.layers.RNN(FastGRNNCell(4, recurrent_weight_drop=0.5))
    assert alone(sequences).shape == (6, 4)
    with pytest.raises(ValueError, match="must be 0 to train a cell without its layer"):
        alone(sequences, training=True)
