"""tfpipeline.fully_connected and accelerate_builtin in a stock ai-edge-litert interpreter."""

from __future__ import annotations

import gc
import os
import re
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import golden_layers
import make_fully_connected_golden
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, load_delegate
from fully_connected_models import LayerCase, LayerModel, layer_model, make_layer
from hypothesis import given, settings
from hypothesis import strategies as st

from tfpipeline.numerics.fully_connected import pack_rows, unpack_rows
from tfpipeline.numerics.fully_connected_options import FullyConnectedOptions
from tfpipeline.runtime.native import library_path

#: Rows, depth, batch.
SHAPES = [(1, 1, 1), (15, 13, 2), (16, 16, 3), (100, 67, 5), (333, 40, 8), (40, 24, (3, 2))]
SHAPES += [(7, 9, 9)]


def interpreter(model: bytes, **options: str) -> Interpreter:
    delegates = [load_delegate(str(library_path()), options=options)] if options else []
    it = Interpreter(model_content=model, experimental_delegates=delegates, num_threads=1)
    it.allocate_tensors()
    return it


def invoke(it: Interpreter, x: np.ndarray) -> np.ndarray:
    it.set_tensor(it.get_input_details()[0]["index"], x)
    it.invoke()
    return np.array(it.get_tensor(it.get_output_details()[0]["index"]))


def run(case: LayerCase, custom: bool = True, **options: str) -> np.ndarray:
    return invoke(interpreter(layer_model(case, custom), **options), case.x)


def same_bits(got: np.ndarray, case: LayerCase) -> None:
    expected = case.reference().reshape(*case.x.shape[:-1], case.options.rows)
    assert got.shape == expected.shape and got.dtype == expected.dtype
    view = np.int8 if got.dtype == np.int8 else np.int32
    np.testing.assert_array_equal(got.view(view), expected.view(view))


@pytest.mark.parametrize("dtype", [np.int8, np.float32])
@pytest.mark.parametrize("bits", [8, 4, 2])
@pytest.mark.parametrize("activation", ["none", "relu", "relu6"])
def test_bits_of_the_spec(isa: str, dtype: type, bits: int, activation: str) -> None:
    for seed, (rows, depth, batch) in enumerate(
        [
            (1, 1, 1),
            (15, 13, 2),
            (16, 16, 3),
            (100, 67, 5),
            (333, 40, 8),
            (40, 24, (3, 2)),
            (7, 9, 9),
        ]
    ):
        case = make_layer(rows, depth, batch, bits, dtype, activation, seed=seed)
        same_bits(run(case, isa=isa), case)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 220),
    depth=st.integers(1, 70),
    batch=st.integers(1, 11),
    bits=st.sampled_from([8, 4, 2]),
    dtype=st.sampled_from([np.int8, np.float32]),
    per_row=st.booleans(),
    bias=st.booleans(),
    threads=st.integers(1, 3),
    seed=st.integers(0, 2**16),
)
def test_bits_of_the_spec_for_any_shape(threads: int, **arguments) -> None:
    case = make_layer(**arguments)
    same_bits(run(case, isa="auto", num_threads=str(threads)), case)


@pytest.mark.parametrize("activation", ["none", "relu", "relu6"])
@pytest.mark.parametrize("per_row", [True, False])
def test_accelerated_int8_has_the_bits_of_xnnpack(isa: str, activation: str, per_row: bool) -> None:
    for batch in (1, 2, 3, 5, 8):
        case = make_layer(200, 67, batch, activation=activation, per_row=per_row, seed=batch)
        stock = run(case, custom=False)
        np.testing.assert_array_equal(run(case, False, isa=isa, accelerate_builtin="all"), stock)
        same_bits(stock, case)


def test_int8_layers_that_xnnpack_leaves_alone_are_within_a_level(isa: str) -> None:
    # Without scales of the bias the runtime's own kernels run, which round twice.
    case = make_layer(400, 67, 3, seed=6)
    model = layer_model(case, False, LayerModel(bias_scales=False))
    mine = invoke(interpreter(model, isa=isa, accelerate_builtin="all"), case.x)
    stock = invoke(interpreter(model), case.x)
    same_bits(mine, case)
    assert np.abs(mine.astype(int) - stock).max() <= 1


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("activation", ["none", "relu6"])
def test_accelerated_float_layers_are_near_xnnpack(isa: str, activation: str, bits: int) -> None:
    for batch in (1, 4, 7):
        case = make_layer(
            200, 66, batch, bits=bits, dtype=np.float32, activation=activation, seed=batch
        )
        stock = run(case, custom=False)
        mine = run(case, False, isa=isa, accelerate_builtin="all")
        same_bits(mine, case)
        # The same quantization of x; XNNPACK rounds once less (a fused multiply-add).
        np.testing.assert_allclose(mine, stock, rtol=1e-5, atol=1e-5)


def said(
    case: LayerCase,
    capfd: pytest.CaptureFixture[str],
    edit: LayerModel | None = None,
    **options: str,
) -> str:
    """What the delegate says of the node."""
    options = {"accelerate_builtin": "all", "verbose": "true", **options}
    delegate = load_delegate(str(library_path()), options=options)
    capfd.readouterr()
    # Built, not run: the delegate has chosen by then, and not all that it leaves alone is valid.
    Interpreter(model_content=layer_model(case, False, edit), experimental_delegates=[delegate])
    return capfd.readouterr().err


def claims(
    case: LayerCase,
    capfd: pytest.CaptureFixture[str],
    edit: LayerModel | None = None,
    **options: str,
) -> bool:
    text = said(case, capfd, edit, **options)
    # Whatever it does, it says so.
    assert ("FULLY_CONNECTED runs on" in text) != ("is left to the runtime: " in text)
    return "FULLY_CONNECTED runs on" in text


def test_accelerate_builtin_claims_only_what_it_runs(capfd: pytest.CaptureFixture[str]) -> None:
    case = make_layer(40, 24, 8)
    assert claims(case, capfd)
    assert claims(make_layer(40, 24, (2, 4)), capfd)
    assert claims(make_layer(40, 24, 8, bias=False), capfd)
    assert claims(make_layer(40, 24, 8, dtype=np.float32), capfd)
    assert not claims(make_layer(40, 24, 9), capfd)
    assert not claims(make_layer(40, 24, (3, 3)), capfd)
    low = case.weights.copy()
    low[3, 4] = -128
    assert not claims(case, capfd, LayerModel(weights_data=low))
    assert not claims(case, capfd, LayerModel(builtin={"fusedActivationFunction": 2}))
    big = replace(case, scales=case.scales * np.float32(1e6))
    assert not claims(big, capfd)


def test_accelerate_builtin_claims_only_what_gains(
    isa: str, capfd: pytest.CaptureFixture[str]
) -> None:
    def gains(rows: int, depth: int, batch: int, **arguments: Any) -> bool:
        case = make_layer(rows, depth, batch, **arguments)
        return claims(case, capfd, isa=isa, accelerate_builtin="true")

    # Portable C gains nothing; XNNPACK takes two vectors as long as a tile of them.
    for kinds in ({}, {"dtype": np.float32}, {"dtype": np.float32, "bits": 4}):
        assert gains(512, 256, 2, **kinds) == (isa != "c")
        # One vector takes both as long, and so small a layer is not worth a node.
        assert not gains(512, 256, 1, **kinds)
        assert not gains(64, 16, 2, **kinds)
        # Rows that are no block of ours.
        assert not gains(15, 1024, 2, **kinds)
    text = said(make_layer(64, 16, 2), capfd, isa=isa, accelerate_builtin="true")
    assert text == (
        "tfpipeline: node 0: FULLY_CONNECTED is left to the runtime: 64 x 16 weights at batch 2 "
        f"must gain time on {isa}, and do not\n"
    )


def test_measured_gains_are_those_of_kernels_that_there_are() -> None:
    # One of another name would have the estimates of all others, and nobody would see it.
    folder = Path(__file__).resolve().parents[2] / "custom_ops"
    gains = folder / "plugin" / "fully_connected" / "tfp_fully_connected_gain.c"
    named = re.findall(r'^ +\{"(\w+)",$', gains.read_text(encoding="utf-8"), re.MULTILINE)
    kernels = (folder / "kernels" / "tfp_variants.c").read_text(encoding="utf-8")
    assert named == ["avx512vnni", "avxvnni"]
    assert all(f'.name = "{name}"' in kernels for name in named)


def test_weights_that_are_not_constant_are_left_alone(capfd: pytest.CaptureFixture[str]) -> None:
    case = make_layer(dtype=np.float32)
    edit = LayerModel(weights_constant=False, weights_data=case.weights.astype(np.float32))
    interpreter(layer_model(case, False, edit), accelerate_builtin="all", verbose="true")
    assert "runs on" not in capfd.readouterr().err


def test_stock_layers_are_left_alone_by_default(capfd: pytest.CaptureFixture[str]) -> None:
    run(make_layer(), custom=False, verbose="true")
    assert "runs on" not in capfd.readouterr().err


@pytest.mark.parametrize("custom", [True, False])
def test_resize_and_run_again(custom: bool) -> None:
    case = make_layer(50, 24, 3)
    it = interpreter(layer_model(case, custom), accelerate_builtin="all")
    index = it.get_input_details()[0]["index"]
    for batch in (3, 1, 12, 3):
        x = np.resize(case.x, (batch, 24))
        it.resize_tensor_input(index, x.shape)
        it.allocate_tensors()
        same_bits(invoke(it, x), replace(case, x=x))


def test_bits_do_not_depend_on_threads(isa: str) -> None:
    for dtype in (np.int8, np.float32):
        case = make_layer(1500, 320, 3, dtype=dtype)
        for threads in ("1", "2", "3", "7"):
            it = interpreter(layer_model(case), isa=isa, num_threads=threads)
            for _ in range(5):
                same_bits(invoke(it, case.x), case)


def test_one_delegate_serves_two_interpreters_at_once() -> None:
    delegate = load_delegate(str(library_path()), options={"num_threads": "2"})
    case = make_layer(1500, 320, 2)
    model, failures = layer_model(case), []

    def work() -> None:
        it = Interpreter(model_content=model, experimental_delegates=[delegate], num_threads=1)
        it.allocate_tensors()
        expected = case.reference()
        for _ in range(50):
            if not np.array_equal(invoke(it, case.x), expected):
                failures.append("other bits")

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts threads in /proc")
def test_threads_end_with_their_delegate() -> None:
    def threads() -> int:
        return len(os.listdir("/proc/self/task"))

    gc.collect()  # delegates of earlier tests
    time.sleep(0.05)
    before = threads()
    for _ in range(5):
        delegate = load_delegate(str(library_path()), options={"num_threads": "4"})
        assert threads() >= before + 3
        del delegate
    # A thread that was joined stays in the list for a moment.
    for _ in range(100):
        if threads() <= before:
            break
        time.sleep(0.01)
    assert threads() <= before


def test_verbose_names_the_threads(capfd: pytest.CaptureFixture[str]) -> None:
    run(make_layer(), isa="c", num_threads="2", verbose="true")
    expected = "node 0: tfpipeline.fully_connected runs on c, 2 thread(s)"
    assert expected in capfd.readouterr().err


def test_bits_survive_packing() -> None:
    for bits in (8, 4, 2):
        row = np.arange(-(2 ** (bits - 1)), 2 ** (bits - 1)).repeat(3)[:-1]
        values = np.stack([row, row[::-1]])
        packed = pack_rows(values, bits)
        assert packed.shape == (2, -(-len(row) * bits // 8))
        np.testing.assert_array_equal(unpack_rows(packed, bits, len(row)), values)
    assert pack_rows([[1, -1, 7, -8]], 4).tobytes() == b"\xf1\x87"
    assert pack_rows([[0, 1, -2, -1]], 2).tobytes() == b"\xe4"
    with pytest.raises(ValueError, match="must fit 4 bits"):
        pack_rows([[8]], 4)
    with pytest.raises(ValueError, match="bits must be"):
        pack_rows([[0]], 3)


def test_options_have_the_documented_bytes() -> None:
    options = FullyConnectedOptions(rows=96, depth=40, weight_bits=4, activation="relu6")
    expected = "54465046 0100 2000 00000000 60000000 28000000 04 03" + "00" * 10
    assert options.pack() == bytes.fromhex(expected.replace(" ", ""))
    assert FullyConnectedOptions.unpack(options.pack()) == options


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda d: d[:-1], "must have 32 bytes"),
        (lambda d: b"NOPE" + d[4:], "must begin with"),
        (lambda d: d[:4] + b"\x02" + d[5:], "upgrade tfpipeline"),
        (lambda d: d[:8] + b"\x04" + d[9:], "not in its spec"),
        (lambda d: d[:12] + bytes(4) + d[16:], "rows must lie"),
        (lambda d: d[:20] + b"\x05" + d[21:], "weight_bits must be"),
        (lambda d: d[:21] + b"\x02" + d[22:], "activation must be one of"),
        (lambda d: d[:-1] + b"\x01", "not in its spec"),
    ],
)
def test_foreign_options_are_refused(edit, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FullyConnectedOptions.unpack(edit(FullyConnectedOptions(8, 4).pack()))


def test_the_spec_still_makes_the_golden_file() -> None:
    text = make_fully_connected_golden.PATH.read_text(encoding="utf-8")
    assert text == make_fully_connected_golden.golden_text()


@pytest.mark.parametrize("entry", golden_layers.LAYERS, ids=lambda e: e.name)
def test_kernels_return_the_golden_bytes(isa: str, entry: golden_layers.GoldenEntry) -> None:
    assert run(entry.layer(), isa=isa).tobytes() == entry.y
