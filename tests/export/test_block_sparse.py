"""Weights with many 8x4 blocks of zeros in the fused form: smaller, and with the same bits."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from pruned_models import prune
from separate_environment import TFLITE_RUNTIME
from small_model import FEATURES, settle, walk

from tfpipeline.callbacks import IterativeHardThresholding
from tfpipeline.cli.main import main
from tfpipeline.export import ExportError, Tolerances, export, kept_conversions
from tfpipeline.layers import FactoredDense, FactoredGRU
from tfpipeline.numerics import factored_options, fully_connected_options
from tfpipeline.runtime import Interpreter, Streamer
from tfpipeline.runtime.native import library_path
from tfpipeline.runtime.tflite_file import TFLiteFile

pytestmark = pytest.mark.slow

# What random weights answer is not asked here.
LOOSE = Tolerances(agreement=0.0, relative_error=0.5)
_ROOT = Path(__file__).parents[2]


def built(*layers: keras.layers.Layer) -> Any:
    return settle(keras.Sequential([keras.Input((None, FEATURES)), *layers]), seed=4)


def sparse_tensors(path: Path) -> dict[str, int]:
    """Bytes of the sparse tensors of a file, by name."""
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    return {
        tensor.name.decode(): len(model.buffers[tensor.buffer].data)
        for tensor in model.subgraphs[0].tensors
        if tensor.sparsity is not None
    }


@pytest.fixture(scope="module")
def exported(tmp_path_factory: Any) -> dict[bool, Any]:
    """One pruned model, with its blocks of zeros left out and without."""
    model = prune(
        built(
            # Rows and depths that are no whole number of blocks.
            keras.layers.GRU(20, return_sequences=True, name="gru"),
            FactoredGRU(24, rank=10, recurrent_rank=9, return_sequences=True, name="gru_factored"),
            FactoredDense(50, rank=11, activation="relu", name="pair"),
            keras.layers.Dense(42, activation="relu", name="sparse"),
            keras.layers.Dense(5, name="scores"),
        ),
        kept_dense=("gru/gru_cell/kernel", "scores"),
    )
    folder = tmp_path_factory.mktemp("pruned")
    with kept_conversions():
        return {
            sparse: export(
                model,
                folder / f"{sparse}.tflite",
                calibration=walk(40),
                streaming="both",
                block_sparse=sparse,
                tolerances=LOOSE,
            )
            for sparse in (True, False)
        }


def test_all_matrices_with_blocks_of_zeros_are_smaller(exported: dict[bool, Any]) -> None:
    report = exported[True]
    found = sparse_tensors(report.fused)
    assert list(found) == [
        "gru/recurrent_kernel/0",
        # The product of these two factors has fewer blocks than both of them together.
        "gru_factored/kernel/0",
        "gru_factored/recurrent_kernel/0",
        "gru_factored/recurrent_kernel/1",
        "pair/Tensordot_1/MatMul/factors/0",
        "pair/Tensordot_1/MatMul/factors/1",
    ]
    # XNNPACK multiplies whole sequences faster with dense weights of plain dense layers.
    stream = sparse_tensors(report.stream_fused)
    assert stream == {**found, "sparse/Tensordot/weights": 608}
    assert stream.keys() == {name for name, zero in report.zeros.items() if zero.form == "blocks"}
    for name, size in stream.items():
        stored = report.zeros[name]
        assert stored.zero_blocks >= 0.6 and size < stored.bytes < 0.55 * stored.dense_bytes
        assert f"{name}: blocks of zeros left out, which is faster" in str(report)
    assert not any("gru/kernel" in name or "scores" in name for name in found)
    assert report.fused.stat().st_size < exported[False].fused.stat().st_size


def test_one_file_holds_each_matrix_once(tmp_path: Path) -> None:
    """Alone, a whole sequence has the Dense layer of the stream's sparse one with its zeros."""
    model = prune(
        built(
            keras.layers.Dense(64, activation="relu", name="sparse"),
            keras.layers.GRU(16, name="gru"),
            keras.layers.Dense(5, name="scores"),
        ),
        kept_dense=("scores",),
    )
    report = export(
        model,
        tmp_path / "kws.tflite",
        calibration=walk(40),
        streaming="both",
        one_file=True,
        forms=("fused",),
        tolerances=LOOSE,
    )
    file = schema.ModelT.InitFromPackedBuf(report.fused.read_bytes(), 0)
    weights = [
        {
            tensor.name.decode(): tensor.buffer
            for tensor in graph.tensors
            if tensor.sparsity is not None
        }
        for graph in file.subgraphs
    ]
    whole, stream = (found for found in weights if found)
    assert whole == stream and any("sparse" in name for name in whole)
    # The dense matrix is not there.
    assert max(len(buffer.data) for buffer in file.buffers if buffer.data is not None) < 64 * 40
    assert report.form("stream fused").equals_whole


def test_portable_form_and_option_keep_them(exported: dict[bool, Any]) -> None:
    assert not sparse_tensors(exported[True].portable)
    dense = exported[False]
    assert not sparse_tensors(dense.fused) and "left out" not in str(dense)
    assert {zero.form for zero in dense.zeros.values()} == {"dense"}
    assert fully_connected_options.OP_NAME not in TFLiteFile(dense.fused).custom_ops()


@pytest.mark.parametrize("runtime", ["litert", "tf"])
def test_results_have_the_bits_of_the_dense_file(exported: dict[bool, Any], runtime: str) -> None:
    x = walk(4, seed=9)
    dense = Interpreter(exported[False].fused).predict(x)
    sparse = Interpreter(exported[True].fused, runtime=runtime).predict(x)
    np.testing.assert_array_equal(sparse, dense)
    stream = Streamer(exported[True].stream_fused, runtime=runtime)
    frames = [stream.process(frame) for frame in x[0]]
    np.testing.assert_array_equal(np.stack(frames), dense[0])


def test_tflite_runtime_2_14_runs_them(exported: dict[bool, Any], tmp_path: Path) -> None:
    x = walk(3, seed=9)
    np.save(tmp_path / "x.npy", x)
    report, script = exported[True], _ROOT / "tests" / "support" / "run_model.py"
    files = [report.fused, report.stream_fused, tmp_path / "x.npy", tmp_path / "y.npz"]
    done = subprocess.run(
        [TFLITE_RUNTIME.executable(), str(script), *map(str, files)],
        env={**os.environ, "PYTHONPATH": str(_ROOT), "TFPIPELINE_LIBRARY": str(library_path())},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found, dense = np.load(tmp_path / "y.npz"), Interpreter(exported[False].fused)
    assert str(found["runtime"]) == "tflite_runtime 2.14.0"
    np.testing.assert_array_equal(found["stream"], found["whole"][:, -1])
    # The last layer is the runtime's own, which rounds otherwise: by a step of the scores' scale.
    step = dense.card["outputs"][0]["scale"]
    assert np.abs(found["whole"] - dense.predict(x)).max() <= 1.01 * step


@pytest.mark.parametrize("mode", ["int8", "dynamic"])
def test_a_dense_layer_alone_makes_a_fused_form(target: Path, mode: str) -> None:
    layers = keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(48, activation="relu")
    x = walk(40)
    report = export(prune(built(*layers)), target, quantize=mode, calibration=x, tolerances=LOOSE)
    assert len(sparse_tensors(report.fused)) == 1
    assert TFLiteFile(report.fused).custom_ops() == (fully_connected_options.OP_NAME,)
    found = Interpreter(report.fused).predict(x[:4])
    # XNNPACK's kernels of integers, which the portable form has, give the same bits; those that
    # quantize on the fly round their float32 products otherwise.
    expected = Interpreter(report.portable).predict(x[:4])
    atol = 0.0 if mode == "int8" else 1e-6 * float(np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=atol)


def test_factors_with_float_activations(target: Path) -> None:
    model = prune(built(FactoredDense(64, rank=24, activation="relu")))
    x, found = walk(40), []
    with kept_conversions():
        for sparse in (True, False):
            given = {"calibration": x, "tolerances": LOOSE, "block_sparse": sparse}
            report = export(model, target, quantize="dynamic", **given)
            assert TFLiteFile(report.fused).custom_ops() == (factored_options.OP_NAME,)
            assert len(sparse_tensors(report.fused)) == (2 if sparse else 0)
            found.append(Interpreter(report.fused).predict(x[:4]))
    np.testing.assert_array_equal(*found)


def test_nobody_gets_a_fused_form_of_dense_layers_for_nothing(target: Path) -> None:
    model = prune(built(keras.layers.Dense(48)), share=0.5)
    assert export(model, target, calibration=walk(40), tolerances=LOOSE).fused is None
    prune(model)
    for options in ({"quantize": "int8x4"}, {"quantize": "float32"}, {"block_sparse": False}):
        report = export(model, target, calibration=walk(40), tolerances=LOOSE, **options)
        assert report.fused is None


def test_masks_are_for_bytes_where_blocks_are_not_for_time(target: Path) -> None:
    model = prune(built(keras.layers.GRU(24, name="gru")), kept_dense=("gru/gru_cell/kernel",))
    kernel = model.layers[0].cell.kernel
    kernel.assign(np.where(np.random.default_rng(5).random(kernel.shape) < 0.7, 0.0, kernel))
    given = {"calibration": walk(40), "tolerances": LOOSE}
    forms = {}
    x, found = walk(3, seed=9), {}
    with kept_conversions():
        for per_channel in (True, False):
            for sparse in (True, False):
                options = {"per_channel": per_channel, "block_sparse": sparse}
                report = export(model, target, **options, **given)
                forms[per_channel, sparse] = [zero.form for zero in report.zeros.values()]
                found[per_channel, sparse] = Interpreter(report.fused).predict(x)
    assert forms == {
        (True, True): ["dense", "blocks"],
        (True, False): ["dense", "dense"],
        (False, True): ["mask", "blocks"],
        (False, False): ["mask", "mask"],
    }
    for per_channel in (True, False):
        np.testing.assert_array_equal(found[per_channel, True], found[per_channel, False])


def test_trained_with_blocks_exported_and_streamed(target: Path) -> None:
    x = walk(160)
    y = (x[:, :, :8].mean(axis=(1, 2)) > 0).astype("int32")
    model = built(FactoredGRU(32, name="gru"), keras.layers.Dense(2, name="scores"))
    model.compile(
        keras.optimizers.Adam(0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    sparse = IterativeHardThresholding({"gru/*kernel": 0.3}, every=2, block=(8, 4))
    model.fit(x, y, batch_size=32, epochs=9, verbose=0, callbacks=[sparse])
    report = export(model, target, calibration=x, streaming="both")
    # Its factors, each by itself, although their product would have fewer weights.
    assert len(sparse_tensors(report.fused)) == 4
    assert all(abs(zero.zero_blocks - 0.7) < 0.02 for zero in report.zeros.values())
    stream, whole = Streamer(report.stream_fused), Interpreter(report.fused)
    held_out = walk(4, seed=9)
    for sample, scores in zip(held_out, whole.predict(held_out), strict=True):
        stream.reset()
        frames = [stream.process(frame) for frame in sample]
        np.testing.assert_array_equal(frames[-1], scores)


def test_the_command_line_has_the_option(tmp_path: Path) -> None:
    model = prune(built(FactoredGRU(24, name="gru"), keras.layers.Dense(3)))
    model.save(tmp_path / "m.keras")
    np.save(tmp_path / "x.npy", walk(8))
    command = ["export", str(tmp_path / "m.keras"), "--calibration", str(tmp_path / "x.npy")]
    command += ["--out", str(tmp_path / "m.tflite"), "--agreement", "0", "--relative-error", "1"]
    assert main([*command]) == 0
    assert sparse_tensors(tmp_path / "m.fused.tflite")
    assert main([*command, "--keep-zero-blocks"]) == 0
    assert not sparse_tensors(tmp_path / "m.fused.tflite")


def test_the_option_is_true_or_false(target: Path) -> None:
    with pytest.raises(ExportError, match="block_sparse must be one of False, True, received 0.6"):
        export(built(FactoredGRU(8)), target, calibration=walk(4), block_sparse=0.6)
