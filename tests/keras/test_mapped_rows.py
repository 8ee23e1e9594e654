"""`MappedRows`: ids that share rows of an embedding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from jit import JIT
from keras import ops

from tfpipeline.layers import FactoredEmbedding, MappedRows
from tfpipeline.layers.mapped_rows import map_bits
from tfpipeline.loading import load_model

pytestmark = pytest.mark.slow

IDS, ROWS, WIDTH = 30, 7, 4
X = np.random.default_rng(0).integers(0, IDS, (5, 6)).astype("int32")


def test_it_looks_up_the_row_that_the_map_says(tmp_path: Path) -> None:
    layer = MappedRows(keras.layers.Embedding(ROWS, WIDTH, mask_zero=True), IDS, name="words")
    hashed = ops.convert_to_numpy(layer(X))
    table = ops.convert_to_numpy(layer.layer.embeddings)
    np.testing.assert_array_equal(hashed, table[X % ROWS])
    row_of = np.random.default_rng(1).integers(1, ROWS, IDS)
    row_of[0] = 0
    layer.row_of.assign(row_of)
    model = keras.Sequential([keras.Input((None,), dtype="int32"), layer, keras.layers.GRU(3)])
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(X)), table[row_of[X]])
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.compute_mask(X)), X != 0)
    assert [weight.name for weight in layer.trainable_weights] == ["embeddings"]
    model.save(tmp_path / "m.keras")
    again = load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(ops.convert_to_numpy(again(X)), ops.convert_to_numpy(model(X)))


def test_a_mask_goes_on_behind_it() -> None:
    """The same states as of a plain embedding whose rows are those that the map picks."""
    keras.utils.set_random_seed(0)
    layer = MappedRows(keras.layers.Embedding(ROWS, WIDTH, mask_zero=True), IDS)
    layer.build((None,))
    layer.row_of.assign(np.where(np.arange(IDS) == 0, 0, 1 + np.arange(IDS) % (ROWS - 1)))
    plain = keras.layers.Embedding(IDS, WIDTH, mask_zero=True)
    plain.build()
    rows = ops.convert_to_numpy(layer.row_of)
    plain.embeddings.assign(ops.convert_to_numpy(layer.layer.embeddings)[rows])
    gru, x = keras.layers.GRU(3), X.copy()
    x[:, 3:] = 0
    found, expected = (
        keras.Sequential([keras.Input((None,), dtype="int32"), one, gru])(x)
        for one in (layer, plain)
    )
    np.testing.assert_allclose(
        ops.convert_to_numpy(found), ops.convert_to_numpy(expected), atol=1e-6
    )


def test_rows_that_ids_share_learn_from_all_of_them() -> None:
    layer = MappedRows(keras.layers.Embedding(2, 1, embeddings_initializer="zeros"), 4)
    model = keras.Sequential([keras.Input((1,), dtype="int32"), layer, keras.layers.Flatten()])
    model.compile(keras.optimizers.SGD(1.0), "mean_squared_error", jit_compile=JIT)
    x, y = np.array([[0], [2], [1]]), np.array([[1.0], [3.0], [6.0]])
    model.fit(x, y, batch_size=3, epochs=1, verbose=0)
    # The gradient of mean((row - y)^2): 2 / 3 of the sum of the errors.
    found = ops.convert_to_numpy(layer.layer.embeddings).ravel()
    np.testing.assert_allclose(found, [2 / 3 * (1 + 3), 2 / 3 * 6], rtol=1e-6)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.row_of), [0, 1, 0, 1])


@pytest.mark.parametrize(
    ("rows", "dtype"), [(256, "uint8"), (257, "int16"), (32768, "int16"), (32769, "int32")]
)
def test_a_map_is_as_narrow_as_its_rows_allow(rows: int, dtype: str) -> None:
    layer = MappedRows(keras.layers.Embedding(rows, 1), rows + 3)
    found = ops.convert_to_numpy(layer(np.array([rows - 1, rows])))
    table = ops.convert_to_numpy(layer.layer.embeddings)
    np.testing.assert_array_equal(found, table[[rows - 1, 0]])
    assert keras.backend.standardize_dtype(layer.row_of.dtype) == dtype
    assert map_bits(rows) == 8 * np.dtype(dtype).itemsize


@pytest.mark.parametrize(
    ("layer", "ids", "message"),
    [
        (lambda: keras.layers.Dense(3), 5, "`layer` must be a keras.layers.Embedding"),
        (lambda: keras.layers.Embedding(6, 2), 5, "`input_dim` must be an int of at least 6"),
        (lambda: FactoredEmbedding(6, 4, rank=2), "9", "received '9'"),
    ],
)
def test_what_does_not_fit(layer: Any, ids: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MappedRows(layer(), ids)
