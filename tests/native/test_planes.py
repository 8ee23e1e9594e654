"""Matrices that are sums of planes: the bits of kernels, refusals, and what they stand for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from native_library import NativeOp, Parallel
from recurrent_models import Case, ModelSpec, assert_same_bits, make_case, op_model
from test_interpreter import interpreter, run_in
from test_trits import trits_model

from tfpipeline.numerics.recurrent import QuantizedMatrix

PLANES = [(2, 1), (1, 2), (2, 2), (3, 3)]


def stacked(rng: np.random.Generator, planes: int, rows: int, depth: int) -> QuantizedMatrix:
    """Signs, with scales that fall from plane to plane."""
    values = rng.choice([-1, 1], (planes * rows, depth)).astype(np.int8)
    scales = rng.uniform(0.5, 1.0, (planes, rows)) * 0.4 ** np.arange(planes)[:, None]
    scales = (scales / np.sqrt(depth)).astype(np.float32).ravel()
    return QuantizedMatrix(values, scales, 2, planes)


def planes_case(cell: str, planes: tuple[int, int], **options: object) -> Case:
    chosen = {"units": 37, "input_dim": 13, **options}
    case = make_case(cell=cell, weight_bits=(2, 8, 2, 8), **chosen)
    rng, o, rows = np.random.default_rng(2), case.options, case.cell.rows(case.options.units)
    planes_x, planes_h = planes[0], planes[1] if case.cell.recurrent else 1
    kernel = (stacked(rng, planes_x, rows, o.window * o.input_dim),)
    recurrent = (stacked(rng, planes_h, rows, o.units),) if case.cell.recurrent else ()
    return replace(
        case,
        options=replace(o, planes_x=planes_x, planes_h=planes_h),
        kernel=kernel,
        recurrent_kernel=recurrent,
    )


def run(case: Case, isa: str, parallel: Parallel | None = None) -> list[np.ndarray]:
    x, *first = (v.copy() for v in (case.x, *case.first))
    outputs = case.empty_outputs()
    places = [v.ctypes.data for v in outputs]
    NativeOp(case, isa).run(
        case.shape,
        x.ctypes.data,
        [v.ctypes.data for v in first],
        places[0],
        places[1:],
        None if case.lengths is None else case.lengths.ctypes.data,
        parallel,
    )
    return outputs


@pytest.mark.parametrize("planes", PLANES, ids=str)
@pytest.mark.parametrize("time", [1, 6])
def test_kernels_return_the_bits_of_the_reference(
    cell: str, isa: str, planes: tuple[int, int], time: int
) -> None:
    """A step that is alone multiplies the input kernel at another place than several."""
    case = planes_case(cell, planes, time=time, batch=2, lengths=True)
    assert_same_bits(run(case, isa), case.reference())


@pytest.mark.parametrize("units", [1, 15, 17, 64])
def test_kernels_agree_on_any_width(isa: str, units: int) -> None:
    case = planes_case("gru", (2, 3), units=units, input_dim=5, steps_at_once=2)
    assert_same_bits(run(case, isa), case.reference())


@pytest.mark.parametrize("planes", [(2, 2), (3, 1)], ids=str)
def test_files_hold_five_signs_a_byte(cell: str, isa: str, planes: tuple[int, int]) -> None:
    case = planes_case(cell, planes)
    it = interpreter(trits_model(case).build(), isa=isa)
    it.allocate_tensors()
    assert_same_bits(run_in(it, case), case.reference())


def test_planes_are_what_they_are_the_sum_of(cell: str) -> None:
    """Of scales 4 s, 2 s and s they sum up to s times small integers, which eight bits hold."""
    case = planes_case(cell, (2, 3), units=16, time=1)
    rows = case.cell.rows(16)

    def both(matrix: QuantizedMatrix) -> tuple[QuantizedMatrix, QuantizedMatrix]:
        worth = 2 ** np.arange(matrix.planes)[::-1]
        scales = matrix.scales[:rows]
        whole = np.tensordot(worth, matrix.values.reshape(matrix.planes, rows, -1), 1)
        apart = replace(matrix, scales=(worth[:, None] * scales).ravel().astype(np.float32))
        np.testing.assert_allclose(apart.real(), whole * scales[:, None], rtol=1e-6, atol=1e-7)
        return apart, QuantizedMatrix(whole.astype(np.int8), scales)

    kernel, recurrent = (tuple(map(both, k)) for k in (case.kernel, case.recurrent_kernel))
    apart, whole = (
        replace(case, kernel=(k,), recurrent_kernel=r)
        for k, r in zip(
            kernel[0], zip(*recurrent, strict=True) if recurrent else [(), ()], strict=True
        )
    )
    plain = replace(case.options, planes_x=1, planes_h=1, weight_bits=(8, 8, 8, 8))
    _, *expected = replace(whole, options=plain).reference()
    _, *found = apart.reference()
    for one, other in zip(found, expected, strict=True):
        # Only the order of the roundings differs.
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-6)


def edited(case: Case, **options: object) -> ModelSpec:
    """The model of one case with the options of another."""
    spec = op_model(case)
    spec.custom_options = replace(case.options, **options).pack()
    return spec


def test_other_numbers_of_rows_are_refused(cell: str) -> None:
    case = planes_case(cell, (2, 1))
    rows = case.cell.rows(case.options.units)
    with pytest.raises(RuntimeError, match=rf"kernel W1 must have .*{3 * rows}"):
        interpreter(edited(case, planes_x=3).build()).allocate_tensors()
    with pytest.raises(RuntimeError, match=rf"kernel W1 must have .*{rows}"):
        interpreter(edited(case, planes_x=1).build()).allocate_tensors()


@pytest.mark.parametrize(
    ("place", "byte", "planes"),
    [(0, 0x32, 4), (0, 0x18, 2), (1, 0x12, 2), (2, 0x14, 2), (3, 0xF2, 16)],
)
def test_planes_that_are_none_are_refused(place: int, byte: int, planes: int) -> None:
    case = planes_case("gru", (2, 2))
    spec = op_model(case)
    data = bytearray(spec.custom_options)
    data[43 + place] = byte
    spec.custom_options = bytes(data)
    name = ("W1", "W2", "U1", "U2")[place]
    with pytest.raises(RuntimeError, match=rf"{name} must have one plane, or .*; got {planes}"):
        interpreter(spec.build()).allocate_tensors()


def test_planes_with_layer_normalization_or_factors_are_refused() -> None:
    for options in ({"layer_norm": True}, {"rank_h": 3, "rank_x": 3}):
        case = make_case(weight_bits=(2, 8, 2, 8), **options)
        spec = op_model(case)
        data = bytearray(spec.custom_options)
        data[43] |= 0x10
        spec.custom_options = bytes(data)
        with pytest.raises(RuntimeError, match="W1 must have one plane"):
            interpreter(spec.build()).allocate_tensors()
