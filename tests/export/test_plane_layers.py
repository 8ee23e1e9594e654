"""Layers of alternating quantization in files: their codes, their bytes, and what they compute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from small_model import FEATURES, settle, walk
from two_bit_weights import two_bit_weights

from tfpipeline.export import Tolerances, export
from tfpipeline.inspection import inspect_model
from tfpipeline.layers import FastGRNN, NormalizedGRU, NormalizedLSTM
from tfpipeline.quantizers import Alternating
from tfpipeline.runtime import Interpreter

pytestmark = pytest.mark.slow

# What random weights answer is not asked here.
LOOSE = Tolerances(agreement=0.0, relative_error=0.5)


def built(layer: Any, features: int = FEATURES) -> Any:
    return settle(keras.Sequential([keras.Input((None, features)), layer, keras.layers.Dense(3)]))


def codes_of(matrix: Any, quantizer: Alternating, gates: int) -> list[np.ndarray]:
    """Planes `(columns, rows)`, the larger scale of each column first and positive."""
    codes = quantizer.codes(matrix, gates=gates)
    scales, planes = codes.scale[:, 0], np.swapaxes(codes.integers, 1, 2).astype(int)
    planes = planes * np.sign(scales).astype(int)[:, :, None]
    order = np.argsort(-np.abs(scales), axis=0)
    return list(np.take_along_axis(planes, order[:, :, None], 0))


def of_training(layer: Any) -> list[tuple[np.ndarray, ...]]:
    """Of each kernel its planes, up to the sign of each row: a gain below 0 turns it round."""
    cell = layer.cell
    floats = [v for v in cell.trainable_variables if v.name.endswith("kernel")]
    assert len(floats) == 2
    gates = len(cell.GATES)
    return [tuple(codes_of(v, cell.weight_quantizer, gates)) for v in floats]


def unsigned(row: np.ndarray) -> tuple[int, ...]:
    return max(tuple(row.tolist()), tuple((-row).tolist()))


@pytest.mark.parametrize(
    ("kind", "units", "bits", "normalization"),
    [
        (NormalizedLSTM, 32, 2, None),
        (NormalizedLSTM, 160, 3, "weight"),
        (NormalizedGRU, 67, 2, "batch_shared"),
        (FastGRNN, 96, 2, "weight"),
    ],
)
def test_the_codes_in_the_file_are_those_of_training(
    target: Path, kind: Any, units: int, bits: int, normalization: str | None
) -> None:
    quantizer = Alternating(bits=bits)
    layer = kind(units, weight_quantizer=quantizer, normalization=normalization, name="recurrent")
    model, samples = built(layer), walk(24)
    report = export(model, target, quantize="w2a8", calibration=samples, tolerances=LOOSE)
    assert not report.wide_layers and set(report.plane_layers) == {"recurrent"}
    assert f"{bits} binary planes, as they trained" in str(report)
    assert report.portable is not None
    stored = {unsigned(row) for matrix in two_bit_weights(report.portable) for row in matrix}
    for planes in of_training(layer):
        assert len(planes) == bits
        for plane in planes:
            assert {unsigned(row) for row in plane} <= stored


@pytest.mark.parametrize("kind", [NormalizedLSTM, NormalizedGRU])
@pytest.mark.parametrize("bits", [2, 3])
def test_planes_in_float32_compute_what_keras_does(target: Path, kind: Any, bits: int) -> None:
    layer = kind(112, weight_quantizer=Alternating(bits=bits), return_sequences=True)
    model, samples = built(layer, 112), np.tile(walk(12, seed=7), 3)[:, :, :112]
    expected = model.predict(samples, verbose=0)
    sizes = {}
    for mode in ("float32", "w2af32"):
        report = export(model, target, quantize=mode, calibration=samples, streaming="both")
        assert report.portable is not None
        sizes[mode] = report.form("portable").bytes
        found = Interpreter(report.portable).predict(samples)
        np.testing.assert_allclose(found, expected, atol=1e-5)
    # 2 bits a plane for 32, scales and structure included.
    assert sizes["w2af32"] < (0.1 + bits / 16) * sizes["float32"]


@pytest.mark.parametrize("bits", [2, 3])
def test_planes_are_smaller_than_eight_bits_and_as_near_to_keras(target: Path, bits: int) -> None:
    """Half and three quarters of the weights' bytes in builtin ops, 1.6 bits a plane in ours."""
    layer = NormalizedLSTM(192, weight_quantizer=Alternating(bits=bits), name="recurrent")
    model = built(layer, 192)
    samples = np.random.default_rng(5).normal(size=(40, 12, 192)).astype(np.float32)
    expected = model.predict(samples[28:], verbose=0)
    sizes, errors = {}, {}
    for mode in ("int8", "w2a8"):
        report = export(
            model,
            target,
            quantize=mode,
            calibration=samples[:28],
            verification=samples[28:],
            streaming="both",
            tolerances=LOOSE,
        )
        for form in ("portable", "fused"):
            path = getattr(report, form)
            found = Interpreter(path).predict(samples[28:])
            sizes[mode, form] = path.stat().st_size
            errors[mode, form] = np.sqrt(np.mean((found - expected) ** 2)) / expected.std()
        (layer_of_report,) = report.layers
        assert layer_of_report["weight_bytes"] == 2 * 4 * 192 * 192 * (
            1 if mode == "int8" else bits / 4
        )
    assert sizes["w2a8", "fused"] < (0.13 + bits / 5) * sizes["int8", "fused"]
    assert sizes["w2a8", "portable"] < (0.15 + bits / 4) * sizes["int8", "portable"]
    # What activations of eight bits cost, which both have; in builtin ops each plane is rounded.
    assert errors["w2a8", "fused"] < 1.3 * errors["int8", "fused"] + 0.002
    assert errors["w2a8", "portable"] < 2.0 * errors["int8", "portable"] + 0.002


def test_inspection_knows_planes(target: Path) -> None:
    layer = NormalizedGRU(48, weight_quantizer=Alternating(bits=2), name="recurrent")
    report = export(built(layer), target, quantize="w2a8", calibration=walk(24), tolerances=LOOSE)
    assert report.fused is not None
    found = inspect_model(report.fused)
    (use,) = [use for use in found.custom_ops if use.op.name == "tfpipeline.gru"]
    assert (use.op.options["planes_x"], use.op.options["planes_h"]) == (2, 2)
    assert not use.op.problem
