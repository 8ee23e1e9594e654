"""The golden bytes of the op spec: what the files say is what the spec and the kernels compute."""

from __future__ import annotations

import json

import make_golden
import native_library as native
import numpy as np
import pytest
from gru_models import GruCase

from tfpipeline.numerics.gru import QuantizedMatrix
from tfpipeline.numerics.gru_options import GruOptions

CASES = json.loads(make_golden.PATH.read_text(encoding="utf-8"))["cases"]


def array(entry: dict, dtype: str) -> np.ndarray:
    return np.frombuffer(bytes.fromhex(entry["values"]), dtype).reshape(entry["shape"])


def matrices(entries: list[dict]) -> tuple[QuantizedMatrix, ...]:
    return tuple(
        QuantizedMatrix(array(e, "<i1"), np.frombuffer(bytes.fromhex(e["scales"]), "<f4"))
        for e in entries
    )


def read(entry: dict) -> GruCase:
    return GruCase(
        GruOptions.unpack(bytes.fromhex(entry["custom_options"])),
        matrices(entry["kernel"]),
        matrices(entry["recurrent_kernel"]),
        array(entry["bias"], "<f4"),
        array(entry["x"], "<i1"),
        array(entry["h0"], "<f4"),
        entry["x_scale"],
        entry["x_zero_point"],
    )


def test_the_spec_still_makes_the_golden_file() -> None:
    assert make_golden.PATH.read_text(encoding="utf-8") == make_golden.golden_text()


@pytest.mark.parametrize("entry", CASES, ids=lambda e: e["name"])
def test_kernels_return_the_golden_bytes(isa: str, entry: dict) -> None:
    case = read(entry)
    batch, time, _ = case.x.shape
    x, h0 = case.x.copy(), case.h0.copy()
    y = np.zeros(entry["y"]["shape"], np.int8)
    last = np.zeros(entry["h"]["shape"], np.float32)
    gru = native.NativeGru(case, isa)
    gru.run(batch, time, x.ctypes.data, h0.ctypes.data, y.ctypes.data, last.ctypes.data)
    assert y.tobytes().hex() == entry["y"]["values"]
    assert last.tobytes().hex() == entry["h"]["values"]
