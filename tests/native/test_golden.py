"""The golden bytes of the op specs: what the files say is what specs and kernels compute."""

from __future__ import annotations

import json

import numpy as np
import pytest
from make_golden import golden_path, golden_text
from native_library import NativeOp
from recurrent_models import Case, state_names

from tfpipeline.numerics.cells import CELLS
from tfpipeline.numerics.recurrent import QuantizedMatrix
from tfpipeline.numerics.recurrent_options import RecurrentOptions

CASES = [
    pytest.param(cell, entry, id=f"{cell}, {entry['name']}")
    for cell in CELLS
    for entry in json.loads(golden_path(cell).read_text(encoding="utf-8"))["cases"]
]


def array(entry: dict, dtype: str) -> np.ndarray:
    return np.frombuffer(bytes.fromhex(entry["values"]), dtype).reshape(entry["shape"])


def matrices(entries: list[dict]) -> tuple[QuantizedMatrix, ...]:
    return tuple(
        QuantizedMatrix(array(e, "<i1"), np.frombuffer(bytes.fromhex(e["scales"]), "<f4"))
        for e in entries
    )


def read(cell: str, entry: dict) -> Case:
    return Case(
        RecurrentOptions.unpack(bytes.fromhex(entry["custom_options"]), cell),
        matrices(entry["kernel"]),
        matrices(entry["recurrent_kernel"]),
        array(entry["bias"], "<f4"),
        array(entry["x"], "<i1"),
        tuple(array(entry[f"{name}0"], "<f4") for name in state_names(CELLS[cell])),
        entry["x_scale"],
        entry["x_zero_point"],
        array(entry["lengths"], "<i4") if "lengths" in entry else None,
        array(entry["gains"], "<f4") if "gains" in entry else None,
    )


def test_the_spec_still_makes_the_golden_file(cell: str) -> None:
    assert golden_path(cell).read_text(encoding="utf-8") == golden_text(cell)


@pytest.mark.parametrize(("cell", "entry"), CASES)
def test_kernels_return_the_golden_bytes(isa: str, cell: str, entry: dict) -> None:
    case = read(cell, entry)
    x, *first = (v.copy() for v in (case.x, *case.first))
    outputs = case.empty_outputs(0)
    places = [v.ctypes.data for v in outputs]
    lengths = None if case.lengths is None else case.lengths.ctypes.data
    NativeOp(case, isa).run(
        case.shape, x.ctypes.data, [v.ctypes.data for v in first], places[0], places[1:], lengths
    )
    for name, value in zip(("y", *state_names(case.cell)), outputs, strict=True):
        assert value.tobytes().hex() == entry[name]["values"], name
