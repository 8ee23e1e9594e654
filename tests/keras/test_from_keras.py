"""From plain Keras layers to factored ones and back."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from recurrent_kinds import ANY_TWIN, GRU, TOLERANCE, TWIN, array

from tfpipeline.layers import FactoredDense, FactoredGRU, FactoredLSTM
from tfpipeline.regularizers import TraceNorm


@pytest.fixture
def square(sequences):
    return np.concatenate([sequences, sequences[:, :, :2]], axis=-1)


@ANY_TWIN
@pytest.mark.parametrize("joint", ["partial", "split", "all"])
def test_there_and_back(square, kind, joint):
    theirs = kind.twin(return_sequences=True, dropout=0.1, name="mine")
    expected = array(theirs(square))
    ours = kind.factored.from_keras(theirs, joint=joint)
    assert (type(ours), ours.name, ours.dropout, ours.joint) == (kind.factored, "mine", 0.1, joint)
    np.testing.assert_allclose(array(ours(square)), expected, atol=TOLERANCE)
    back = ours.collapse()
    assert type(back) is kind.plain
    assert {**back.get_config(), "use_cudnn": 0} == {**theirs.get_config(), "use_cudnn": 0}
    np.testing.assert_allclose(array(back(square)), expected, atol=TOLERANCE)


@TWIN
def test_cells_there_and_back(sequences, kind):
    theirs = keras.layers.RNN(kind.cell.PLAIN(12, **kind.options()))
    expected = array(theirs(sequences))
    cell = kind.cell.from_keras(theirs.cell)
    np.testing.assert_allclose(array(keras.layers.RNN(cell)(sequences)), expected, atol=TOLERANCE)
    back = keras.layers.RNN(cell.collapse())
    np.testing.assert_allclose(array(back(sequences)), expected, atol=TOLERANCE)


def test_dense_there_and_back(sequences):
    theirs = keras.layers.Dense(7, activation="relu", bias_initializer="normal", name="scores")
    expected = array(theirs(sequences))
    ours = FactoredDense.from_keras(theirs)
    assert (type(ours), ours.name) == (FactoredDense, "scores")
    np.testing.assert_allclose(array(ours(sequences)), expected, atol=TOLERANCE)
    assert ours.collapse().get_config() == theirs.get_config()


@TWIN
def test_a_lower_rank_is_the_best_approximation(sequences, kind):
    theirs = kind.twin()
    theirs(sequences)
    ours = kind.factored.from_keras(theirs, rank=4)
    for got, whole in (
        (ours.cell.kernel, theirs.cell.kernel),
        (ours.cell.recurrent_kernel, theirs.cell.recurrent_kernel),
    ):
        values = np.linalg.svd(array(whole), compute_uv=False)
        error = np.linalg.norm(array(got) - array(whole))
        assert error == pytest.approx(np.sqrt((values[4:] ** 2).sum()), rel=1e-4)


@ANY_TWIN
def test_a_layer_without_bias_stays_without(sequences, kind):
    theirs = kind.twin(use_bias=False)
    expected = array(theirs(sequences))
    ours = kind.factored.from_keras(theirs)
    assert ours.cell.bias is None and not ours.use_bias
    np.testing.assert_allclose(array(ours(sequences)), expected, atol=TOLERANCE)
    back = ours.collapse()
    assert back.cell.bias is None
    np.testing.assert_allclose(array(back(sequences)), expected, atol=TOLERANCE)
    cell = kind.cell.from_keras(theirs.cell)
    assert cell.bias is None and cell.collapse().bias is None


def test_a_dense_layer_without_bias_stays_without(sequences):
    theirs = keras.layers.Dense(7, use_bias=False)
    expected = array(theirs(sequences))
    ours = FactoredDense.from_keras(theirs)
    assert ours.bias is None and ours.collapse().bias is None
    np.testing.assert_allclose(array(ours(sequences)), expected, atol=TOLERANCE)
    np.testing.assert_allclose(array(ours.collapse()(sequences)), expected, atol=TOLERANCE)


def test_unbuilt_layers_stay_unbuilt():
    assert not FactoredGRU.from_keras(keras.layers.GRU(4)).built
    assert not FactoredDense.from_keras(keras.layers.Dense(4), rank=0.5).built


def test_stateful_layer_keeps_its_batch(sequences):
    theirs = GRU.twin(stateful=True)
    theirs(sequences)
    ours = FactoredGRU.from_keras(theirs)
    theirs.reset_state()
    np.testing.assert_allclose(array(ours(sequences)), array(theirs(sequences)), atol=TOLERANCE)


def test_regularizers_of_whole_kernels_are_left_out(sequences):
    theirs = GRU.twin(kernel_regularizer="l2", bias_regularizer="l1")
    theirs(sequences)
    ours = FactoredGRU.from_keras(theirs, recurrent_regularizer=TraceNorm(0.1))
    assert ours.kernel_regularizer is None and ours.recurrent_regularizer.strength == 0.1
    assert type(ours.bias_regularizer) is keras.regularizers.L1


def test_errors(sequences):
    with pytest.raises(ValueError, match="FactoredLSTM.from_keras expects a keras.layers.LSTM"):
        FactoredLSTM.from_keras(keras.layers.GRU(4))
    with pytest.raises(ValueError, match="FactoredDense.from_keras expects a keras.layers.Dense"):
        FactoredDense.from_keras(keras.layers.GRU(4))
    with pytest.raises(ValueError, match="use tfpipeline.compress.factorize"):
        FactoredGRU.from_keras(keras.layers.GRU(4), joint="prabhavalkar")
