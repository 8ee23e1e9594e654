"""The rules of quantization, and the bytes of options."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfpipeline.numerics.cells import CELLS
from tfpipeline.numerics.quantize import (
    channel_scales,
    dequantize_affine,
    quantize_affine,
    quantize_channels,
    requantize,
)
from tfpipeline.numerics.recurrent_options import (
    ACTIVATIONS,
    RECURRENT_ACTIVATIONS,
    RecurrentOptions,
    options_size,
)


def test_channel_scales_and_their_floor() -> None:
    w = np.array([[0.5, -2.54], [0, 0], [1.27, 0.1]], np.float32)
    scales = channel_scales(w)
    assert scales.dtype == np.float32
    np.testing.assert_allclose(scales, [0.02, 2.0**-40, 0.01], rtol=1e-6)
    q = quantize_channels(w, scales)
    np.testing.assert_array_equal(q, [[25, -127], [0, 0], [127, 10]])
    np.testing.assert_allclose(channel_scales(w.T, axis=1), scales)
    np.testing.assert_array_equal(quantize_channels(w.T, scales, axis=1), q.T)
    assert np.abs(quantize_channels(w, channel_scales(w, bits=4), bits=4)).max() == 7


def test_rounding_is_to_even_and_saturates() -> None:
    np.testing.assert_array_equal(requantize([1, 3, 5, -1, -3], 0.5), [0, 2, 2, 0, -2])
    np.testing.assert_array_equal(requantize([10**6, -(10**6)], 1.0), [127, -127])
    np.testing.assert_array_equal(
        quantize_affine([0.5, 1.5, -0.5, 999, -999], 1.0, 3), [3, 5, 3, 127, -128]
    )
    np.testing.assert_array_equal(dequantize_affine([3, 5], 0.5, 3), [0.0, 1.0])


def test_values_are_divided_by_the_scale_in_float32() -> None:
    # Beside a tie, where a product with the rounded reciprocal lands on the other level.
    for value, scale, level in [(-35.25, 0.3, -117), (1.5499999523162842, 0.1, 15)]:
        x = np.array([[value, -value]], np.float32)
        np.testing.assert_array_equal(quantize_affine(x, scale), [[level, -level]])
        np.testing.assert_array_equal(quantize_channels(x, [scale]), [[level, -level]])
        assert np.rint(x[0, 0] * (np.float32(1.0) / np.float32(scale))) != level


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: quantize_affine([1.0], 0.0), "scale must be positive"),
        (lambda: quantize_affine([1.0], 1.0, 300), "zero_point must lie"),
        (lambda: quantize_affine([np.nan], 1.0), "x must be finite"),
        (lambda: channel_scales([[np.inf]]), "w must be finite"),
        (lambda: channel_scales([[1.0]], bits=1), "bits must lie"),
        (lambda: quantize_channels([[1.0]], [1.0, 2.0]), "scales must have the shape"),
    ],
)
def test_quantize_errors_name_the_argument(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@given(
    cell=st.sampled_from(sorted(CELLS)),
    numbers=st.lists(st.floats(-(2.0**40), 2.0**40, width=32), min_size=5, max_size=5),
    units=st.integers(1, 16384),
    input_dim=st.integers(1, 65536),
    rank_x=st.integers(0, 16384),
    rank_h=st.integers(0, 16384),
    scale_h=st.floats(2.0**-40, 2.0**40, width=32),
    return_sequences=st.booleans(),
    go_backwards=st.booleans(),
    recurrent_activation=st.sampled_from([*RECURRENT_ACTIVATIONS]),
    activation=st.sampled_from([*ACTIVATIONS]),
    steps_at_once=st.integers(1, 8),
    weight_bits=st.tuples(*[st.sampled_from([8, 4, 2])] * 4),
    layer_norm=st.booleans(),
)
def test_options_survive_packing(numbers: list[float], **values: object) -> None:
    kind = CELLS[str(values["cell"])]
    numbers = numbers[: len(kind.parameters)]
    if not kind.recurrent:
        values["rank_h"] = 0
    options = RecurrentOptions(**values, parameters=tuple(numbers))  # type: ignore[arg-type]
    data = options.pack()
    assert RecurrentOptions.unpack(data) == options and len(data) == options_size(kind)


def test_options_have_the_documented_bytes() -> None:
    data = RecurrentOptions(
        "gru",
        units=96,
        input_dim=40,
        rank_h=32,
        scale_a_h=0.5,
        scale_h=0.25,
        return_sequences=False,
    ).pack()
    expected = "54465047 0100 4000 00000000 60000000 28000000 00000000 20000000"
    expected += "0000803f 0000003f 0000803e 01 01" + "00" * 22
    assert data == bytes.fromhex(expected.replace(" ", ""))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda d: d[:-1], "must have 64 bytes"),
        (lambda d: b"NOPE" + d[4:], "must begin with"),
        (lambda d: d[:4] + b"\x02" + d[5:], "upgrade tfpipeline"),
        (lambda d: d[:8] + b"\x04" + d[9:], "not in its spec"),
        (lambda d: d[:-1] + b"\x01", "not in its spec"),
        (lambda d: d[:40] + b"\x08" + d[41:], "not in its spec"),
        (lambda d: d[:42] + b"\x09" + d[43:], "steps_at_once must lie"),
        (lambda d: d[:46] + b"\x03" + d[47:], "weight_bits must be four of 8, 4 or 2"),
        (lambda d: d[:12] + bytes(4) + d[16:], "units must lie"),
    ],
)
def test_foreign_options_are_refused(edit, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RecurrentOptions.unpack(edit(RecurrentOptions("gru", units=8, input_dim=4).pack()))


def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match="rank_x must lie"):
        RecurrentOptions("gru", units=8, input_dim=4, rank_x=-1)
    with pytest.raises(ValueError, match="scale_h must lie"):
        RecurrentOptions("gru", units=8, input_dim=4, scale_h=0.0)
    with pytest.raises(
        ValueError, match="activation must be one of tanh, hard_tanh, .*; got 'gelu'"
    ):
        RecurrentOptions("gru", units=8, input_dim=4, activation="gelu")


SPEC = Path(__file__).resolve().parents[2] / "custom_ops" / "spec"
ROW = re.compile(r"\| (\d+) \| (\w+)(?:\[(\d+)\])? \| `?(\w+)`?")
TYPES = {"char": "s", "u8": "B", "u16": "H", "u32": "I", "f32": "f"}


def spec_fields() -> list[tuple[int, str, int, str]]:
    """Offset, type, number of elements and name of each field that the page has."""
    text = (SPEC / "recurrent.md").read_text(encoding="utf-8")
    table = text[text.index("## `custom_options`") : text.index("## Arithmetic")]
    rows = [ROW.match(line) for line in table.splitlines()]
    return [(int(r[1]), r[2], int(r[3] or 1), r[4]) for r in rows if r is not None]


def test_the_fields_of_the_spec_fill_the_struct() -> None:
    at = 0
    for offset, kind, count, name in spec_fields():
        assert offset == at, name
        at += count * struct.calcsize(TYPES[kind])
    assert at == options_size(CELLS["gru"])


@pytest.mark.parametrize(
    ("name", "value", "stored"),
    [
        ("flags", {"return_sequences": False, "go_backwards": True, "layer_norm": True}, 0b1010),
        ("units", 7, 7),
        ("input_dim", 9, 9),
        ("rank_x", 3, 3),
        ("rank_h", 4, 4),
        ("scale_a_x", 0.5, 0.5),
        ("scale_a_h", 0.25, 0.25),
        ("scale_h", 0.125, 0.125),
        ("recurrent_activation", "hard_sigmoid", 2),
        ("activation", "hard_tanh", 2),
        ("steps_at_once", 6, 6),
        ("weight_bits", (4, 8, 2, 4), (4, 0, 2, 4)),
        ("epsilon", {"layer_norm": True, "epsilon": 0.5}, 0.5),
    ],
)
def test_each_field_lies_where_the_spec_has_it(name: str, value: object, stored: object) -> None:
    given = value if isinstance(value, dict) else {name: value}
    data = RecurrentOptions(**{"cell": "gru", "units": 8, "input_dim": 4, **given}).pack()
    offset, kind, count = next(f[:3] for f in spec_fields() if f[3] == name)
    found = struct.unpack_from(f"<{count}{TYPES[kind]}", data, offset)
    assert found == (stored if isinstance(stored, tuple) else (stored,))


def test_each_cell_has_a_page_with_its_magic_gates_and_bias(cell: str) -> None:
    kind, text = CELLS[cell], (SPEC / f"{cell}.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\w+) \| (.*) \|$", text, re.MULTILINE))
    assert f"# `{kind.op_name}`, version 1" in text
    assert rows["magic"] == f"`{kind.magic.decode()}`"
    assert rows["gates"].startswith(", ".join(gate.name for gate in kind.gates) + " (")
    columns = "H" if len(kind.gates) == 1 else f"{len(kind.gates)}H"
    assert rows["bias"].startswith(f"`[{kind.stored_rows}, {columns}]`")
    assert rows["states"].count("`") == 2 * len(kind.states)
    assert rows["parameters"] == (", ".join(f"`{p}`" for p in kind.parameters) or "none")
    assert all(f"`{name}`" in rows["bias"] for name in kind.unit_parameters)
