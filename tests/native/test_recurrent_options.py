"""The options of recurrent ops in C against the spec's table and Python's bytes."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import Any

import c_programs
import native_library as native
import pytest
from recurrent_models import make_case, state_names

from tfpipeline.numerics.cells import CELLS

SPEC = c_programs.SOURCES / "spec"
HEADER = c_programs.SOURCES / "ops" / "recurrent" / "tfp_recurrent_options.h"
OTHER_VALUES = {
    "units": 65535 // 4,
    "input_dim": 65535,
    "rank_x": 257,
    "rank_h": 258,
    "scale_a_x": 0.3,
    "scale_a_h": 0.3,
    "scale_h": 0.3,
    "recurrent_activation": "hard_sigmoid",
    "activation": "hard_tanh",
    "steps_at_once": 7,
    "weight_bits": (4, 2, 4, 2),
    "window": 7,
    "epsilon": 0.3,
}
# They share the bytes of the widths.
PLANES = {"planes_x": 2, "planes_h": 3}


def offsets() -> dict[str, int]:
    """Field names of the enum in C with their offsets, in the order of the header."""
    found = re.findall(r"TFP_AT_(\w+) = (\d+)", HEADER.read_text(encoding="utf-8"))
    return {name.lower(): int(offset) for name, offset in found}


def test_the_offsets_are_those_of_the_spec() -> None:
    pages = [page.read_text(encoding="utf-8") for page in sorted(SPEC.glob("*.md"))]
    (table,) = [text for text in pages if "`scale_a_h`: int8 vector" in text]
    rows = re.findall(r"^\| (\d+) \| \S+ \| `?([a-z]\w*)", table.split("custom_options`:")[1], re.M)
    assert [int(offset) for offset, _ in rows] == list(offsets().values())
    for (_, words), name in zip(rows, offsets(), strict=True):
        assert name.startswith(words) or name.endswith(words)


@pytest.mark.parametrize("field", OTHER_VALUES)
def test_python_writes_each_field_where_c_reads_it(field: str) -> None:
    starts = sorted({*offsets().values(), 64})
    begin = offsets()[field]
    end = starts[starts.index(begin) + 1]
    cell = "qrnn" if field == "window" else "gru"
    options = replace(make_case(cell=cell, window=1).options, layer_norm=True)
    changed = replace(options, **{field: OTHER_VALUES[field]})
    pairs = enumerate(zip(options.pack(), changed.pack(), strict=True))
    assert {begin <= i < end for i, (a, b) in pairs if a != b} == {True}


def test_every_field_of_the_options_is_compared() -> None:
    flags = {"return_sequences", "go_backwards", "layer_norm"}
    others = {"cell", "parameters"}  # the magic bytes, and what these cells have none of
    compared = {*OTHER_VALUES, *PLANES}
    assert {f.name for f in fields(make_case().options)} - flags - others == compared


@pytest.mark.parametrize("field", PLANES)
def test_planes_stand_in_the_high_half_of_a_width(field: str) -> None:
    options = make_case(weight_bits=(2, 8, 2, 8)).options
    changed = replace(options, **{field: PLANES[field]})
    at = offsets()["weight_bits"] + list(PLANES).index(field) * 2
    pairs = enumerate(zip(options.pack(), changed.pack(), strict=True))
    assert [i for i, (a, b) in pairs if a != b] == [at]
    assert changed.pack()[at] == 2 | PLANES[field] - 1 << 4
    assert type(options).unpack(changed.pack()) == changed


@pytest.mark.parametrize(
    "wrong",
    [
        {"planes_x": 4},
        {"planes_h": 0},
        {"planes_x": 2, "rank_x": 3},
        {"planes_h": 2, "weight_bits": (2, 8, 8, 8)},
        {"planes_x": 2, "layer_norm": True},
        {"planes_h": 2, "cell": "qrnn"},
    ],
    ids=str,
)
def test_planes_of_other_kernels_are_refused(wrong: dict[str, Any]) -> None:
    options = make_case(weight_bits=(2, 8, 2, 8)).options
    with pytest.raises(ValueError, match=r"planes_[xh] must"):
        replace(options, **wrong)


def test_both_sides_have_the_same_cells() -> None:
    rows = native.cell_rows()
    assert [row.name for row in rows] == list(CELLS)
    for row, cell in zip(rows, CELLS.values(), strict=True):
        assert row.magic == cell.magic
        assert row.gates == len(cell.gates) and row.bias_rows == cell.bias_rows
        assert row.products == (2 if cell.recurrent else 1)
        assert row.unit_rows == len(cell.unit_parameters)
        assert row.parameters == len(cell.parameters)
        assert list(row.states) == state_names(cell)
