from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from tfpipeline.layers import MaskedAveragePooling1D

X = np.random.default_rng(0).normal(size=(3, 5, 4)).astype("float32")
MASK = np.array([[1, 1, 0, 0, 1], [1, 0, 0, 0, 0], [1, 1, 1, 1, 1]], bool)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("mask", [None, MASK])
def test_it_equals_keras_where_something_is_left(
    data_format: str, keepdims: bool, mask: np.ndarray | None
) -> None:
    options = {"data_format": data_format, "keepdims": keepdims}
    x = X if data_format == "channels_last" else X.transpose(0, 2, 1)
    ours = MaskedAveragePooling1D(**options)(x, mask=mask)
    theirs = keras.layers.GlobalAveragePooling1D(**options)(x, mask=mask)
    np.testing.assert_array_equal(ops.convert_to_numpy(ours), ops.convert_to_numpy(theirs))


def test_the_average_of_nothing_is_zero() -> None:
    nothing = MaskedAveragePooling1D()(X, mask=np.zeros((3, 5), bool))
    assert not ops.convert_to_numpy(nothing).any()


def test_it_is_made_again_from_its_configuration() -> None:
    layer = MaskedAveragePooling1D(keepdims=True, name="average")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is MaskedAveragePooling1D
    assert again.get_config() == layer.get_config()
