"""Fully connected models that are wrong on purpose: prepare refuses each by name, or, where it is
the builtin's, the node is left to the runtime; nothing crashes."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, load_delegate
from fully_connected_models import LayerCase, LayerModel, layer_model, make_layer

from tfpipeline.runtime.native import library_path

CASE = make_layer(20, 12)  # the model's tensors are x 0, W 1, b 2, y 3
OPTIONS = CASE.options.pack()


def allocate(case: LayerCase, edit: LayerModel, custom: bool = True) -> None:
    delegate = load_delegate(str(library_path()), options={"accelerate_builtin": "all"})
    model = layer_model(case, custom, edit)
    Interpreter(model_content=model, experimental_delegates=[delegate]).allocate_tensors()


def options(offset: int, form: str, value: int) -> LayerModel:
    data = bytearray(OPTIONS)
    struct.pack_into("<" + form, data, offset, value)
    return LayerModel(custom_options=bytes(data))


def with_minus_128() -> np.ndarray:
    weights = CASE.weights.copy()
    weights[7, 3] = -128
    return weights


HOSTILE: list[tuple[str, LayerModel, str]] = [
    ("no options", LayerModel(custom_options=b""), "not those of tfpipeline.fully_connected"),
    ("short", LayerModel(custom_options=OPTIONS[:8]), "must have 32 bytes; got 8"),
    ("long", LayerModel(custom_options=OPTIONS + b"\0"), "must have 32 bytes; got 33"),
    ("magic", options(0, "B", 0), "not those of"),
    ("version", options(4, "H", 2), "version 2.*upgrade tfpipeline"),
    ("stated size", options(6, "H", 31), "which say 31"),
    ("flags", options(8, "I", 1), "flags 0x1"),
    ("reserved", options(31, "B", 1), "reserved byte 31"),
    ("no rows", options(12, "I", 0), "rows 0"),
    ("huge rows", options(12, "I", 0xFFFFFFFF), "rows 4294967295"),
    ("other rows", options(12, "I", 21), "weights must hold 252 bytes of data; got 240"),
    ("no depth", options(16, "I", 0), "depth 0"),
    ("huge depth", options(16, "I", 1 << 31), "out of range"),
    ("other depth", options(16, "I", 11), "x must hold vectors of 11; its last dimension is 12"),
    ("bits", options(20, "B", 3), "weight_bits must be 8, 4 or 2; got 3"),
    ("other bits", options(20, "B", 4), "weights must hold 120 bytes of data; got 240"),
    ("activation", options(21, "B", 2), "activation must be 0"),
    ("few inputs", LayerModel(inputs=[0, 1]), "expected 3 inputs and 1 output; got 2 and 1"),
    ("many inputs", LayerModel(inputs=[0, 1, 2] * 20), "got 60 and 1"),
    ("x missing", LayerModel(inputs=[-1, 1, 2]), "a tensor is missing"),
    ("weights missing", LayerModel(inputs=[0, -1, 2]), "a tensor is missing"),
    ("weights and bias swapped", LayerModel(inputs=[0, 2, 1]), "weights must be bytes"),
    ("x is the bias", LayerModel(inputs=[2, 1, 2]), "x must be int8, uint8 or float32; got type 2"),
    ("x without scale", LayerModel(x_quantization=False), "x must have one scale"),
    ("y without scale", LayerModel(y_quantization=False), "y must have one scale"),
    ("x has no vectors", LayerModel(x_shape=(0, 12)), "x has dimension 0 of size 0"),
    ("x is a scalar", LayerModel(x_shape=()), "x must have 1 to 8 dimensions"),
    ("x has 9 dimensions", LayerModel(x_shape=(1,) * 8 + (12,)), "x must have 1 to 8 dimensions"),
    ("y is float", LayerModel(y_dtype=np.float32, y_quantization=False), "y must have the type"),
    ("weights holds -128", LayerModel(weights_data=with_minus_128()), "row 7 holds -128"),
    ("scale 0", LayerModel(weights_scales=(0.0,) * 20), "the scale of row 0 is 0"),
    ("scale nan", LayerModel(weights_scales=(float("nan"),) * 20), "the scale of row 0 is"),
    ("scale large", LayerModel(weights_scales=(1e6,) * 20), r"out of \[2\^-32, 256\)"),
    ("zero points", LayerModel(weights_zero_point=3), "zero points 0; got 3"),
    ("variable weights", LayerModel(weights_constant=False), "weights must be a constant"),
    ("short bias", LayerModel(bias_data=np.zeros(20, np.float32)), "bias must be int32"),
]


@pytest.mark.parametrize(("edit", "message"), [h[1:] for h in HOSTILE], ids=[h[0] for h in HOSTILE])
def test_refused_by_name(edit: LayerModel, message: str) -> None:
    with pytest.raises((RuntimeError, ValueError), match=message) as caught:
        allocate(CASE, edit)
    assert "tfpipeline.fully_connected (node 0)" in str(caught.value)


def test_scales_along_another_dimension_are_refused() -> None:
    case = make_layer(12, 12)
    with pytest.raises(RuntimeError, match="12 scales along dimension 0"):
        allocate(case, LayerModel(weights_axis=1))


def test_the_original_is_accepted() -> None:
    allocate(CASE, LayerModel())
    allocate(CASE, LayerModel(), custom=False)


def test_random_options_never_crash() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        data = bytearray(OPTIONS)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            data[place] = rng.integers(0, 256)
        try:
            allocate(CASE, LayerModel(custom_options=bytes(data)))
        except (RuntimeError, ValueError) as error:
            assert "tfpipeline.fully_connected" in str(error)


@pytest.mark.parametrize(
    "edit",
    [
        LayerModel(weights_scales=(0.0,) * 20),
        LayerModel(weights_zero_point=3),
        LayerModel(weights_constant=False),
        LayerModel(inputs=[0, 1]),
        LayerModel(inputs=[0, 1, -1]),
        LayerModel(x_shape=(0, 12)),
        LayerModel(builtin={"weightsFormat": 1}),
    ],
    ids=str,
)
def test_strange_builtin_nodes_never_crash(edit: LayerModel) -> None:
    delegate = load_delegate(str(library_path()), options={"accelerate_builtin": "all"})
    model = layer_model(CASE, False, edit)
    # Building asks the delegate. What the runtime makes of such a node later is not ours.
    Interpreter(model_content=model, experimental_delegates=[delegate])
