from __future__ import annotations

import keras
import numpy as np
import pytest

from tfpipeline.layers import FactoredDense


def array(x):
    return keras.ops.convert_to_numpy(x)


def seeded(**options):
    return {
        "kernel_initializer": keras.initializers.GlorotUniform(seed=1),
        "bias_initializer": keras.initializers.RandomNormal(seed=3),
        **options,
    }


@pytest.mark.parametrize("options", [{}, {"activation": "relu"}, {"use_bias": False}], ids=str)
def test_full_rank_equals_keras(sequences, options):
    for x in (sequences, sequences[:, 0]):
        np.testing.assert_allclose(
            array(FactoredDense(7, **seeded(**options))(x)),
            array(keras.layers.Dense(7, **seeded(**options))(x)),
            atol=1e-6,
        )


@pytest.mark.parametrize("rank", [1, 2, 0.5, "full"])
def test_any_rank_equals_its_collapsed_twin(sequences, rank):
    layer = FactoredDense(7, rank=rank, activation="tanh", **seeded())
    expected = array(layer(sequences))
    plain = layer.collapse()
    assert type(plain) is keras.layers.Dense
    np.testing.assert_allclose(array(plain(sequences)), expected, atol=1e-6)


def test_save_and_load(tmp_path, sequences):
    model = keras.Sequential(
        [
            keras.Input((None, 10)),
            keras.layers.TimeDistributed(FactoredDense(6, rank=3)),
            FactoredDense(7, rank=0.5, activation="relu"),
        ]
    )
    expected = array(model(sequences))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(array(loaded(sequences)), expected)
    assert loaded.layers[-1].get_config() == model.layers[-1].get_config()


def test_mask_passes_through(sequences):
    x = keras.layers.Masking()(np.concatenate([sequences, 0 * sequences], axis=1))
    assert keras.src.backend.get_keras_mask(FactoredDense(7)(x)) is not None


@pytest.mark.parametrize("units", [0, -3, 1.5, True])
def test_bad_units(units):
    with pytest.raises(ValueError, match="`units` must be a positive int"):
        FactoredDense(units)


def test_rank_beyond_the_matrix(sequences):
    with pytest.raises(ValueError, match="`rank` must be at most 7"):
        FactoredDense(7, rank=8)(sequences)
