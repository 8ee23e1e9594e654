"""Trained layers in EdgeML's bytes, without copying their weights by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from small_model import FEATURES, settle

from tfpipeline.compress import load_bytes, save_bytes
from tfpipeline.layers import UGRNN, FastGRNN, FastRNN
from tfpipeline.numerics.byte_cells import SCALARS, CellWeights, quantize_bytes

FUNCTIONS = {
    "fast_rnn": {"activation": "quant_tanh"},
    "fast_grnn": {"activation": "quant_tanh", "recurrent_activation": "quant_sigmoid"},
}
LAYERS: dict[str, Any] = {"fast_rnn": FastRNN, "fast_grnn": FastGRNN}


def array(values: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(values)


def built(cell: str, **options: Any) -> tuple[Any, Any]:
    layer, head = LAYERS[cell](5, **{**FUNCTIONS[cell], **options}), keras.layers.Dense(3)
    settle(keras.Sequential([keras.Input((None, FEATURES)), layer, head]))
    return layer, head


@pytest.mark.parametrize("rank", [None, 2])
@pytest.mark.parametrize("cell", SCALARS)
def test_a_layer_gives_the_bytes_of_its_weights(
    tmp_path: Path, cell: str, rank: int | None
) -> None:
    layer, head = built(cell, rank=rank, recurrent_rank=rank)
    stored = save_bytes(layer, tmp_path / "cell.npz", classifier=head)
    values = [array(weight) for weight in layer.weights]
    count = 2 if rank else 1
    logits = values[2 * count + 1 :]
    expected = quantize_bytes(
        CellWeights(
            cell=cell,
            kernel=tuple(values[:count]),
            recurrent_kernel=tuple(values[count : 2 * count]),
            bias=np.atleast_2d(values[2 * count]),
            logits={name: float(logit) for name, logit in zip(SCALARS[cell], logits, strict=True)},
            classifier=array(head.kernel),
            classifier_bias=array(head.bias),
        )
    )
    for found in (stored, load_bytes(tmp_path / "cell.npz")):
        assert (found.scale, found.scalars) == (expected.scale, expected.scalars)
        assert found.classifier_scale == expected.classifier_scale
        for ours, theirs in zip(found.of_cell(), expected.of_cell(), strict=True):
            np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_array_equal(found.classifier, expected.classifier)
        np.testing.assert_array_equal(found.classifier_bias, expected.classifier_bias)
    assert save_bytes(layer, tmp_path / "cell.npz").classifier is None


def test_what_has_no_integer_form_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cell.npz"
    layer, head = built("fast_grnn")
    other = UGRNN(5)
    other.build((None, None, FEATURES))
    smooth, _ = built("fast_grnn", activation="tanh")
    small = keras.layers.Dense(2)
    small.build((None, 4))
    for arguments, message in (
        ((other, path), "'ugrnn' has no step in integers alone"),
        ((smooth, path), "`activation` must be 'quant_tanh'"),
        ((head, path), "`weights` must be a FastRNN or FastGRNN layer, .* received Dense"),
        ((layer, path, small), r"built Dense layer of 5 inputs, .* of shape \(4, 2\)"),
        ((layer, path, keras.layers.Dense(2)), "kernel of shape None"),
        ((save_bytes(layer, path), path, head), "`classifier` belongs to a layer"),
    ):
        with pytest.raises(ValueError, match=message):
            save_bytes(*arguments)
