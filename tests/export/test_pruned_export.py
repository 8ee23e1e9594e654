"""What pruning zeroed is zero in the files that export writes."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.callbacks import IterativeHardThresholding, PolynomialPruning
from tfpipeline.export import Tolerances, export
from tfpipeline.layers import FactoredGRU

pytestmark = pytest.mark.slow


def buffers(file):
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(file.read_bytes()))
    return [np.asarray(b.data, np.uint8).view(np.int8) for b in model.buffers if b.data is not None]


def holds(file, zero):
    """Whether a tensor of the file is zero there, and elsewhere but for what rounds to zero."""
    same_size = [b for b in buffers(file) if b.size == zero.size]
    return any(
        not b[zero.ravel()].any() and (b[~zero.ravel()] != 0).mean() > 0.9 for b in same_size
    )


def test_masks_survive_export(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(48, 10, 12)).astype("float32")
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((None, 12)), keras.layers.GRU(16), keras.layers.Dense(3)])
    model.compile(
        "adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False
    )
    pruning = PolynomialPruning(0.8, 0.8, begin_step=0, end_step=1, frequency=1)
    model.fit(x, rng.integers(0, 3, 48), epochs=2, verbose=0, callbacks=[pruning])
    # What an untrained model answers is not asked here.
    loose = Tolerances(agreement=0.0)
    export(model, tmp_path / "m.tflite", calibration=x, tolerances=loose)
    cell = model.layers[0].cell
    for kernel in (cell.kernel, cell.recurrent_kernel):
        zero = keras.ops.convert_to_numpy(kernel).T == 0
        assert zero.mean() > 0.79
        assert holds(tmp_path / "m.fused.tflite", zero)
        assert holds(tmp_path / "m.tflite", zero)


@pytest.mark.parametrize("block", [None, (8, 4)])
def test_the_fused_file_has_the_support_of_each_factor(tmp_path, block):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(48, 10, 12)).astype("float32")
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((None, 12)), FactoredGRU(20, rank=9), keras.layers.Dense(3)]
    )
    model.compile(
        "adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False
    )
    sparse = IterativeHardThresholding({"*gru*": 0.3}, every=2, block=block)
    model.fit(x, rng.integers(0, 3, 48), batch_size=16, epochs=4, verbose=0, callbacks=[sparse])
    loose = Tolerances(agreement=0.0)
    # With the blocks of zeros in the file: what leaves them out is in test_block_sparse.py.
    export(model, tmp_path / "m.tflite", calibration=x, tolerances=loose, block_sparse=False)
    for variable in model.layers[0].trainable_variables:
        if "kernel" in variable.name:
            zero = keras.ops.convert_to_numpy(variable).T == 0
            assert zero.mean() > 0.3  # the blocks at the edges, which go first, are smaller
            same_size = [b for b in buffers(tmp_path / "m.fused.tflite") if b.size == zero.size]
            # What is kept is too large to round to zero, but for single weights of a block.
            found = [
                b
                for b in same_size
                if not b[zero.ravel()].any() and (b != 0).mean() > (~zero).mean() - 0.05
            ]
            assert found, variable.name
            if block is None:
                assert any(((b == 0) == zero.ravel()).all() for b in found), variable.name
