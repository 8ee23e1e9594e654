from __future__ import annotations

import numpy as np
import pytest

from tfpipeline.layers import FactoredGRU
from tfpipeline.models import keyword_gru

pytestmark = pytest.mark.slow


def test_shapes_and_names():
    model = keyword_gru(12, units=(16, 8), rank=0.5, trace_norm=(1e-4, 3e-4))
    assert model.input_shape == (None, None, 40) and model.output_shape == (None, 12)
    assert [layer.name for layer in model.layers] == ["gru_1", "gru_2", "scores"]
    assert all(isinstance(layer, FactoredGRU) for layer in model.layers[:2])
    assert [layer.return_sequences for layer in model.layers[:2]] == [True, False]
    assert model.layers[0].kernel_regularizer.strength == 1e-4
    assert model.layers[1].recurrent_regularizer.strength == 3e-4


def test_seed_fixes_the_start():
    weights = [keyword_gru(5, units=(8,), seed=seed).get_weights() for seed in (1, 1, 2)]
    for one, same, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, same)
        assert one.any() == other.any()
        assert not one.any() or (one != other).any()


def test_is_causal_from_frame_to_frame():
    model = keyword_gru(5, 10, (8, 8))
    x = np.random.default_rng(0).normal(size=(1, 12, 10)).astype("float32")
    states = model.layers[0](x)
    x[:, 7:] = 0
    np.testing.assert_array_equal(np.asarray(states)[:, :7], np.asarray(model.layers[0](x))[:, :7])


def test_update_gates_start_with_a_memory():
    for frames in (1.0, 30.0):
        bias = np.asarray(keyword_gru(5, units=(32,), memory_frames=frames).layers[0].cell.bias)
        assert np.all(bias[0, :32] >= 0) and np.all(bias[0, :32] <= np.log(frames))
        assert bias[0, :32].any() == (frames > 1)
        assert not bias[0, 32:].any() and not bias[1].any()


def test_no_units():
    with pytest.raises(ValueError, match="`memory_frames` must be at least 1"):
        keyword_gru(5, memory_frames=0.5)
    with pytest.raises(ValueError, match="`units` must name"):
        keyword_gru(5, units=())
