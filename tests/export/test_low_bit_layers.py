"""Layers that trained with two bits, in files: their integers, and what is said of the others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from small_model import FEATURES, settle, walk
from two_bit_weights import two_bit_weights

from tfpipeline.export import ExportError, Tolerances, export
from tfpipeline.layers import FastGRNN, NormalizedDense, NormalizedGRU, NormalizedLSTM
from tfpipeline.normalizations import BatchSeparate
from tfpipeline.quantizers import Alternating
from tfpipeline.runtime import Interpreter

pytestmark = pytest.mark.slow

# What random weights answer is not asked here.
LOOSE = Tolerances(agreement=0.0, relative_error=0.5)
UNITS = 16


def built(layer: Any) -> Any:
    return settle(keras.Sequential([keras.Input((None, FEATURES)), layer, keras.layers.Dense(3)]))


@pytest.mark.parametrize("normalization", [None, "weight", "layer", "batch_shared"])
@pytest.mark.parametrize("layer", [NormalizedLSTM, NormalizedGRU, FastGRNN])
def test_the_codes_in_the_file_are_those_of_training(
    target: Path, layer: Any, normalization: str | None
) -> None:
    own = layer(UNITS, weight_quantizer="TerConnect", normalization=normalization, name="recurrent")
    model = built(own)
    report = export(model, target, quantize="int8x2", calibration=walk(40), tolerances=LOOSE)
    assert not report.float_layers
    assert report.portable is not None
    # A gain below 0 turns the row of its unit round.
    stored = {_unsigned(row) for matrix in two_bit_weights(report.portable) for row in matrix}
    for name in ("kernel", "recurrent_kernel"):
        codes = keras.ops.convert_to_numpy(getattr(own.cell, name)).T
        assert set(np.unique(codes)) == {-1.0, 0.0, 1.0}
        for row in codes.astype(int):
            assert _unsigned(row) in stored, name


def test_dense_layers_are_stored_as_they_trained(target: Path) -> None:
    """One of each normalization, and of two bits or one."""
    kinds = {None: "TWN", "batch_shared": "BWN", "layer": "TerConnect", "weight": "BinaryConnect"}
    own = [
        NormalizedDense(UNITS, "relu", weight_quantizer=quantizer, normalization=normalization)
        for normalization, quantizer in kinds.items()
    ]
    model = settle(keras.Sequential([keras.Input((FEATURES,)), *own, keras.layers.Dense(3)]))
    samples = walk(40)[:, -1]
    report = export(model, target, quantize="int8x2", calibration=samples, tolerances=LOOSE)
    assert report.portable is not None
    matrices = [_unsigned_rows(matrix) for matrix in two_bit_weights(report.portable)]
    assert len(matrices) == len(own)
    for layer in own:
        codes = layer.weight_quantizer.codes(layer.weights[0]).integers
        assert _unsigned_rows(codes.T) in matrices, layer.normalization


def _unsigned_rows(matrix: np.ndarray) -> list[tuple[int, ...]]:
    return [_unsigned(row) for row in matrix.astype(int)]


def _unsigned(row: np.ndarray) -> tuple[int, ...]:
    return max(tuple(row.tolist()), tuple((-row).tolist()))


def layer_normalized(kind: Any = NormalizedLSTM, **options: Any) -> Any:
    return built(kind(UNITS, normalization="layer", name="recurrent", **options))


@pytest.mark.parametrize("kind", [NormalizedLSTM, NormalizedGRU, FastGRNN])
def test_layer_normalization_runs_in_both_forms(target: Path, kind: Any) -> None:
    """Of one bit, factored or not, whole and as a stream."""
    rank = None if kind is NormalizedLSTM else 6
    model = layer_normalized(kind, weight_quantizer="BWN", rank=rank, recurrent_rank=rank)
    report = export(
        model,
        target,
        quantize="int8x2",
        calibration=walk(40),
        verification=walk(24, seed=7),
        streaming="both",
        tolerances=Tolerances(agreement=0.0),
    )
    assert [form.name for form in report.forms] == [
        *("portable", "fused", "stream portable", "stream fused")
    ]


def test_layer_normalization_in_float32_is_that_of_keras(target: Path) -> None:
    model, samples = layer_normalized(), walk(24, seed=7)
    report = export(model, target, quantize="float32", calibration=walk(40), streaming="both")
    assert report.portable is not None
    found = Interpreter(report.portable).predict(samples)
    np.testing.assert_allclose(found, model.predict(samples, verbose=0), atol=1e-5)


def test_two_bits_in_float32_compute_what_keras_does(target: Path) -> None:
    """Their products are those of the trained codes, of factors as of whole matrices."""
    own = NormalizedLSTM(64, weight_quantizer="TWN", return_sequences=True, name="recurrent")
    low_rank = FastGRNN(24, rank=8, recurrent_rank=8, weight_quantizer="BWN", name="low_rank")
    layers = [own, low_rank, keras.layers.Dense(3)]
    model = settle(keras.Sequential([keras.Input((None, FEATURES)), *layers]))
    samples = walk(24, seed=7)
    expected = model.predict(samples, verbose=0)
    sizes = {}
    for mode in ("float32", "w2af32", "w2a8"):
        report = export(model, target, quantize=mode, calibration=walk(40), tolerances=LOOSE)
        assert report.portable is not None
        assert (report.fused is None) == (mode != "w2a8")
        sizes[mode] = report.form("portable").bytes
        assert Interpreter(report.portable).card["quantization"]["mode"] == (
            "int8x2" if mode == "w2a8" else mode
        )
        if mode != "w2a8":
            found = Interpreter(report.portable).predict(samples)
            np.testing.assert_allclose(found, expected, atol=1e-5)
        if mode == "float32":
            continue
        stored = {_unsigned(row) for matrix in two_bit_weights(report.portable) for row in matrix}
        codes = keras.ops.convert_to_numpy(own.cell.recurrent_kernel)
        codes = np.sign(codes).astype(int).T
        assert all(_unsigned(row) in stored for row in codes)
    assert sizes["w2af32"] < sizes["float32"] / 4


def test_a_wide_ternary_lstm_is_a_fourteenth_of_its_float_bytes(target: Path) -> None:
    """Scales, biases and structure included; builtin ops have more of them than ours."""
    layer = NormalizedLSTM(512, weight_quantizer="TerConnect", name="recurrent")
    model = settle(keras.Sequential([keras.Input((None, 512)), layer]))
    samples = np.random.default_rng(0).normal(size=(12, 6, 512)).astype("float32")
    options = {"calibration": samples[:8], "verification": samples[8:], "tolerances": LOOSE}
    report = export(model, target, quantize="float32", **options)
    whole = report.form("portable").bytes
    report = export(model, target, quantize="w2a8", **options)
    assert report.form("fused").bytes <= whole / 17.5  # 1.6 bits a weight
    assert report.form("portable").bytes <= whole / 13


@pytest.mark.parametrize(
    ("quantizer", "why"),
    [
        (
            Alternating(bits=3),
            "rows of 8 values, sums of 3 binary planes, which would take more bytes: each is "
            "rounded by half",
        ),
        # Rows of 16 numbers have few values too, of any kind.
        (None, r"and it has rows of \d+ values$"),
    ],
    ids=["alternating", "none"],
)
def test_what_two_bits_do_not_hold_has_eight_and_says_why(
    target: Path, quantizer: Any, why: str
) -> None:
    model = built(NormalizedLSTM(UNITS, weight_quantizer=quantizer, name="recurrent"))
    report = export(model, target, quantize="w2a8", calibration=walk(40), tolerances=LOOSE)
    assert re.search(why, report.wide_layers["recurrent"])
    assert f"weights of 8 bits: layer 'recurrent': {report.wide_layers['recurrent']}" in str(report)
    samples = walk(24, seed=7)
    expected = model.predict(samples, verbose=0)
    for path in (report.portable, report.fused):
        assert path is not None
        assert np.abs(Interpreter(path).predict(samples) - expected).max() < 0.1 * np.ptp(expected)


def test_layer_normalization_of_other_offsets_and_gains(target: Path) -> None:
    """One gain and one offset a product, of which those of a GRU's candidate come in before r."""
    model = layer_normalized(NormalizedGRU, weight_quantizer=None)
    rng = np.random.default_rng(3)
    for weight in model.get_layer("recurrent").weights:
        if weight.name.endswith(("gain", "offset")):
            weight.assign(rng.normal(size=weight.shape))
    report = export(model, target, calibration=walk(40), tolerances=LOOSE)
    for path in (report.portable, report.fused):
        assert path is not None
        found = Interpreter(path).predict(walk(24, seed=7))
        expected = model.predict(walk(24, seed=7), verbose=0)
        assert np.abs(found - expected).max() < 0.15 * np.ptp(expected)


@pytest.mark.parametrize("options", [{"io": "int8"}, {"quantize": "int16x8"}], ids=str)
def test_integers_alone_have_no_layer_normalization(target: Path, options: Any) -> None:
    with pytest.raises(ExportError, match="layer 'recurrent' normalizes its products at every"):
        export(layer_normalized(), target, calibration=walk(40), tolerances=LOOSE, **options)
    assert not target.exists()


def test_separate_statistics_are_named_with_their_size(target: Path) -> None:
    normalization = BatchSeparate(time_steps=24)
    model = built(NormalizedLSTM(UNITS, normalization=normalization, name="recurrent"))
    message = "its averages of 24 time steps would be 12288 bytes"
    with pytest.raises(ExportError, match=f"layer 'recurrent' cannot be exported: .*{message}"):
        export(model, target, calibration=walk(40))
    assert not target.exists()
