"""uint8 layers: kernels and op against the numpy spec and the runtime's own, bit for bit."""

from __future__ import annotations

import golden_layers
import native_library as native
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType, load_delegate
from guarded import Guarded
from hypothesis import given, settings
from hypothesis import strategies as st
from unsigned_layers import UnsignedLayer, UnsignedModel, make_unsigned, unsigned_model

from tfpipeline.numerics.fully_connected_uint8 import (
    quantize_multiplier,
    rounding_divide_by_pot,
    rounding_doubling_high_mul,
    wrap,
)
from tfpipeline.runtime.native import library_path

#: Weights with both ends, with one of them, and with none.
ENDS = [(0, 255), (1, 255), (0, 254), (7, 200)]


def run(
    layer: UnsignedLayer,
    custom: bool = True,
    edit: UnsignedModel | None = None,
    resolver: OpResolverType = OpResolverType.AUTO,
    **options: str,
) -> np.ndarray:
    delegates = [load_delegate(str(library_path()), options=options)] if options else []
    it = Interpreter(
        model_content=unsigned_model(layer, custom, edit),
        experimental_delegates=delegates,
        experimental_op_resolver_type=resolver,
        num_threads=1,
    )
    it.allocate_tensors()
    it.set_tensor(it.get_input_details()[0]["index"], layer.x)
    it.invoke()
    return np.array(it.get_tensor(it.get_output_details()[0]["index"]))


def same(got: np.ndarray, expected: np.ndarray) -> None:
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got.reshape(expected.shape), expected)


@pytest.mark.parametrize("raw", [False, True], ids=["uint8", "raw"])
@pytest.mark.parametrize("ends", ENDS, ids=str)
def test_bits_of_the_spec(isa: str, ends: tuple[int, int], raw: bool) -> None:
    shapes = [(1, 1, 1), (15, 13, 2), (16, 16, 3), (100, 67, 5), (333, 40, 8), (7, 9, 9)]
    for seed, (rows, depth, batch) in enumerate([*shapes, (40, 24, (3, 2))]):
        layer = make_unsigned(rows, depth, batch, ends, raw=raw, seed=seed)
        same(run(layer, isa=isa), layer.reference())


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 220),
    depth=st.integers(1, 70),
    batch=st.integers(1, 11),
    ends=st.sampled_from(ENDS),
    activation=st.sampled_from(["none", "relu", "relu6"]),
    bias=st.booleans(),
    threads=st.integers(1, 3),
    isa=st.sampled_from(native.supported()),
    seed=st.integers(0, 2**16),
)
def test_bits_of_the_spec_for_any_shape(threads: int, isa: str, **arguments) -> None:
    layer = make_unsigned(**arguments)
    same(run(layer, isa=isa, num_threads=str(threads)), layer.reference())


def test_sums_wrap_around_as_in_int32(isa: str) -> None:
    # 65536 products of 255 * 255 do not fit; the bits that are left are the same everywhere.
    weights, x = np.full((3, 65536), 255, np.uint8), np.full((2, 65536), 255, np.uint8)
    weights[1, ::2] = 0
    layer = UnsignedLayer(weights, None, x, 0, 0, 7, 0.5, raw=True)
    same(run(layer, isa=isa), layer.reference())


def test_weights_of_nothing_but_both_ends(isa: str) -> None:
    rng = np.random.default_rng(3)
    layer = make_unsigned(50, 130, 3, raw=True)
    weights = (rng.integers(0, 2, layer.weights.shape) * 255).astype(np.uint8)
    layer = UnsignedLayer(weights, layer.bias, layer.x, 130, 9, 0, 1.0, raw=True)
    same(run(layer, isa=isa), layer.reference())


def test_bits_do_not_depend_on_threads(isa: str) -> None:
    layer = make_unsigned(1500, 320, 3)
    for threads in ("1", "2", "3", "7"):
        same(run(layer, isa=isa, num_threads=threads), layer.reference())


@pytest.mark.parametrize("activation", ["none", "relu", "relu6"])
@pytest.mark.parametrize("ends", ENDS, ids=str)
def test_accelerated_layers_have_the_bits_of_the_runtime(
    isa: str, activation: str, ends: tuple[int, int], capfd: pytest.CaptureFixture[str]
) -> None:
    for batch in (1, 2, 3, 5, 8):
        layer = make_unsigned(200, 67, batch, ends, activation, batch != 2, seed=batch)
        stock = run(layer, custom=False)
        same(stock, layer.reference(fixed_point=False))
        capfd.readouterr()
        mine = run(layer, False, isa=isa, accelerate_builtin="all", verbose="true")
        assert f"FULLY_CONNECTED runs on {isa}" in capfd.readouterr().err
        same(mine, stock)


@pytest.mark.parametrize(
    "resolver", [OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES, OpResolverType.BUILTIN_REF]
)
def test_without_xnnpack_the_runtime_is_within_a_level(resolver: OpResolverType) -> None:
    # Its own kernels round ties in ways that differ between processors; nothing else differs.
    for seed in range(20):
        layer = make_unsigned(200, 67, seed % 9 + 1, seed=seed)
        stock = run(layer, False, resolver=resolver).astype(int)
        assert np.abs(stock - layer.reference()).max() <= 1
        assert np.mean(stock != layer.reference()) < 0.02


def test_claims_only_what_it_runs(capfd: pytest.CaptureFixture[str]) -> None:
    def claims(layer: UnsignedLayer, isa: str = "c", edit: UnsignedModel | None = None) -> bool:
        options = {"accelerate_builtin": "all", "verbose": "true", "isa": isa}
        delegate = load_delegate(str(library_path()), options=options)
        capfd.readouterr()
        Interpreter(
            model_content=unsigned_model(layer, False, edit), experimental_delegates=[delegate]
        )
        return "FULLY_CONNECTED runs on" in capfd.readouterr().err

    assert claims(make_unsigned(40, 24, 8))
    assert not claims(make_unsigned(40, 24, 9))
    assert not claims(make_unsigned(), edit=UnsignedModel(w_dtype=np.int8, w_zero_point=0))
    assert not claims(make_unsigned(), edit=UnsignedModel(y_dtype=np.int32))
    assert not claims(make_unsigned(), edit=UnsignedModel(builtin={"fusedActivationFunction": 2}))
    both = make_unsigned(40, 24)
    both.weights[:] = np.where(both.weights > 99, 255, 0)
    for isa in native.supported():
        # Where weights are cut, a list of half of them costs more than it saves.
        assert claims(both, isa) == native.variants()[isa].takes_minus_128


HOSTILE = [
    ("signed weights", UnsignedModel(w_dtype=np.int8, w_zero_point=3), "weights must be uint8 of"),
    ("float y", UnsignedModel(y_dtype=np.float32), "y must have the type of x"),
    ("scale", UnsignedModel(x_scale=1e-30), r"x: scale 1e-30 must lie in \[2\^-40, 2\^40\]"),
    ("scales", UnsignedModel(w_scales=(0.1,) * 40), "weights must have one scale"),
    ("zero point", UnsignedModel(w_zero_point=300), "zero point 300 in"),
    ("multiplier", UnsignedModel(w_scales=(1e6,)), r"out of \[2\^-32, 256\)"),
    ("bits", UnsignedModel(weight_bits=4), "weights must hold 480 bytes"),
]


@pytest.mark.parametrize(("edit", "message"), [h[1:] for h in HOSTILE], ids=[h[0] for h in HOSTILE])
def test_refused_by_name(edit: UnsignedModel, message: str) -> None:
    with pytest.raises((RuntimeError, ValueError), match=message):
        run(make_unsigned(40, 24), edit=edit, isa="auto")


def test_raw_sums_have_no_activation() -> None:
    with pytest.raises(RuntimeError, match="activation must be none where y is int32"):
        run(make_unsigned(raw=True), edit=UnsignedModel(activation="relu"), isa="auto")


@pytest.mark.parametrize("multiplier", [1.0, 0.5, 255.9, 2.0**-32, 0.75, 0.0123, 1 - 2.0**-33])
def test_output_kernel_has_the_bits_of_the_spec(isa: str, at_end: bool, multiplier: float) -> None:
    rng = np.random.default_rng(0)
    mantissa, shift = quantize_multiplier(multiplier)
    for count in (16, 32, 80, 160):
        acc = rng.integers(-(2**31), 2**31, count).astype(np.int32)
        acc[::3] = rng.integers(-600, 600, len(acc[::3]))
        acc[1], acc[2] = -(2**31), 2**31 - 1
        for offset, zero_point, low, high in (
            (0, 0, 0, 255),
            (-77, 130, 130, 255),
            (2**31 - 1, 255, 9, 255),
            (5, 4, 4, 60),
        ):
            source, out = Guarded(acc, at_end), Guarded(np.zeros(count, np.uint8), at_end)
            to = native.OutputU8(
                offset, mantissa, max(shift, 0), max(-shift, 0), zero_point, low, high
            )
            native.variants()[isa].output_u8(source.address, count, to, out.address)
            shifted = wrap(wrap(acc.astype(np.int64) + offset).astype(np.int64) << to.left)
            scaled = rounding_doubling_high_mul(shifted.astype(np.int64), mantissa)
            expected = np.clip(rounding_divide_by_pot(scaled, to.right) + zero_point, low, high)
            np.testing.assert_array_equal(out.array, expected)


def test_kernels_that_take_minus_128_are_exact_there(isa: str) -> None:
    kernels = native.variants()[isa]
    if not kernels.takes_minus_128:
        pytest.skip(f"{isa} does not take weights of -128")
    for value in (-128, 127):
        for depth in (67, 65536):
            padded = kernels.s8.padded_depth(depth)
            weights = np.full((16, depth), -128, np.int8)
            x = np.full((8, padded), value, np.int8)
            packed = np.zeros(kernels.s8.block_bytes(depth) + 64, np.uint8)
            block = packed.ctypes.data + -packed.ctypes.data % 64
            kernels.s8.pack_rows(weights.ctypes.data, 16, depth, 127, block)
            acc = np.zeros((8, 16), np.int32)
            kernels.s8.gemm(block, 1, depth, 8, x.ctypes.data, padded, acc.ctypes.data, 16)
            assert (acc == -128 * (value - 127) * depth).all()


@pytest.mark.parametrize("entry", golden_layers.UNSIGNED, ids=lambda e: e.name)
def test_kernels_return_the_golden_bytes(isa: str, entry: golden_layers.GoldenEntry) -> None:
    assert run(entry.unsigned(), isa=isa).tobytes() == entry.y
