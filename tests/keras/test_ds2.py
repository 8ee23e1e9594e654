"""The acoustic model of the low-rank studies."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfpipeline.layers import FactoredGRU
from tfpipeline.models import ds2
from tfpipeline.models.deep_speech import output_frames
from tfpipeline.regularizers import TraceNorm, kernel_regularizers

pytestmark = pytest.mark.slow

SMALL = {"num_features": 12, "units": (6, 8), "dense": 10, "filters": (3, 2)}


def test_the_published_widths_have_the_published_size():
    """21.7 M parameters in the paper, with 1,280 values a step from the convolutions."""
    model = ds2(factored=False, num_features=80, fast=True)
    assert model.get_layer("gru_1").input.shape[-1] == 1280
    # What is left is in the convolutions and their normalization, which the paper does not detail.
    assert abs(model.count_params() - 21.7e6) < 0.4e6


@pytest.mark.parametrize("fast", [False, True])
def test_frames_and_the_past_only(fast: bool):
    model = ds2(**SMALL, fast=fast, kernels=((4, 5), (3, 3)))
    x = np.random.default_rng(0).normal(size=(1, 23, 12)).astype(np.float32)
    whole = model.predict(x, verbose=0)
    assert whole.shape[1] == output_frames(23, fast=fast)
    for frames in (9, 16):
        part = model.predict(x[:, :frames], verbose=0)
        assert part.shape[1] == output_frames(frames, fast=fast)
        np.testing.assert_allclose(part, whole[:, : part.shape[1]], atol=1e-5)


def test_factored_layers_start_as_the_plain_ones():
    plain = ds2(**SMALL, factored=False, memory_frames=5.0, seed=3)
    factored = ds2(**SMALL, memory_frames=5.0, seed=3)
    x = np.random.default_rng(0).normal(size=(2, 20, 12)).astype(np.float32)
    np.testing.assert_allclose(
        factored.predict(x, verbose=0), plain.predict(x, verbose=0), atol=1e-5
    )
    other = ds2(**SMALL, factored=False, memory_frames=5.0, seed=4)
    assert not np.allclose(other.predict(x, verbose=0), plain.predict(x, verbose=0), atol=1e-3)


def test_regularizers_reach_their_matrices():
    model = ds2(**SMALL, regularizers=kernel_regularizers("trace_norm", 1e-3, 2e-3), rank=0.5)
    for layer in model.layers:
        if isinstance(layer, FactoredGRU):
            assert layer.cell.kernel_regularizer.get_config() == TraceNorm(1e-3).get_config()
            assert layer.cell.recurrent_regularizer.get_config() == TraceNorm(2e-3).get_config()
    assert model.get_layer("dense").kernel_regularizer.get_config() == TraceNorm(1e-3).get_config()
    assert len(model.losses) == 2 * (2 * 2 + 1)


def test_mel_halves_the_filters_over_frequency():
    linear = ds2(num_features=161, mel=False, units=(4,), dense=4, factored=False)
    mel = ds2(num_features=80, units=(4,), dense=4, factored=False)
    assert linear.get_layer("conv_1").kernel_size == (11, 41)
    assert mel.get_layer("conv_1").kernel_size == (11, 21)
    assert mel.get_layer("conv_2").kernel_size == (11, 11)


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match="`units`"):
        ds2(units=())
    with pytest.raises(ValueError, match="two entries"):
        ds2(filters=(8,))
    with pytest.raises(ValueError, match="memory_frames"):
        ds2(**SMALL, memory_frames=0.5)


def test_it_saves(tmp_path):
    model = ds2(**SMALL)
    model.save(tmp_path / "m.keras")
    x = np.ones((1, 8, 12), np.float32)
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
