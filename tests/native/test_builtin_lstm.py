"""The builtin integer LSTM: numpy's twin, the runtime's own kernels and ours, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import native_library as native
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, load_delegate
from builtin_lstm_models import LstmCase, LstmModel, lstm_model, make_lstm, stacked_model
from hypothesis import given, settings
from hypothesis import strategies as st

from tfpipeline.runtime.native import library_path

Results = list[tuple[np.ndarray, ...]]


def interpreter(model: bytes, isa: str | None = None, **options: str) -> Interpreter:
    """The runtime alone, or with the plug-in for a set of kernels."""
    delegates = []
    if isa is not None:
        chosen = {"accelerate_builtin": "1", "isa": isa, **options}
        delegates = [load_delegate(str(library_path()), options=chosen)]
    return Interpreter(model_content=model, experimental_delegates=delegates, num_threads=1)


def call(it: Interpreter, inputs: Sequence[np.ndarray]) -> Results:
    """Output and states after each call."""
    x, y = it.get_input_details()[0]["index"], it.get_output_details()[0]["index"]
    named = {d["name"]: d["index"] for d in it.get_tensor_details()}
    results = []
    for values in inputs:
        it.set_tensor(x, values)
        it.invoke()
        results.append(tuple(it.get_tensor(i) for i in (y, named["input 18"], named["input 19"])))
    return results


def run(case: LstmCase, isa: str | None = None, edit: LstmModel | None = None) -> Results:
    it = interpreter(lstm_model(case, edit), isa)
    it.allocate_tensors()
    return call(it, case.x)


def same(got: Results, expected: Results) -> None:
    assert len(got) == len(expected) > 0
    for one, other in zip(got, expected, strict=True):
        for a, b in zip(one, other, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)


@st.composite
def cases(draw: st.DrawFn) -> LstmCase:
    """Every form, with scales that saturate sums and such that leave next to nothing of them."""
    cells = draw(st.integers(1, 40))
    projection = draw(st.sampled_from([0, 0, cells, max(1, cells // 2)]))
    peephole = draw(st.booleans())
    if not peephole and projection:
        projection = draw(st.integers(1, 50))
    zero = st.integers(-128, 127)
    case = make_lstm(
        cells,
        draw(st.integers(1, 40)),
        draw(st.integers(1, 10)),
        draw(st.integers(1, 10)),
        calls=2,
        coupled=draw(st.booleans()),
        peephole=peephole,
        projection=projection,
        projection_bias=draw(st.booleans()),
        norm=draw(st.booleans()),
        time_major=draw(st.booleans()),
        seed=draw(st.integers(0, 2**16)),
        x_scale=draw(st.sampled_from([0.02, 0.0004, 0.9])),
        x_zero_point=draw(zero),
        h_scale=draw(st.sampled_from([1 / 128, 0.0021])),
        h_zero_point=draw(zero),
        hidden_scale=draw(st.sampled_from([1 / 128, 0.0031, 2.0**-15])),
        hidden_zero_point=draw(zero),
        cell_scale=2.0 ** -draw(st.integers(9, 15)),
        cell_clip=draw(st.sampled_from([0.0, 0.4, 3.0, 1e9])),
        proj_clip=draw(st.sampled_from([0.0, 0.25, 1e9])),
    )
    # Some factors above 1, whose shift goes to the left.
    if draw(st.booleans()):
        scales = {
            i: scale * 2.0 ** draw(st.integers(-6, 7)) for i, scale in case.layer.scales.items()
        }
        case = replace(case, layer=replace(case.layer, scales=scales))
    return case


@settings(max_examples=80)
@given(case=cases(), isa=st.sampled_from(native.supported()))
def test_twin_runtime_and_plugin_agree_on_any_layer(case: LstmCase, isa: str) -> None:
    expected = case.reference()
    same(run(case), expected)
    same(run(case, isa), expected)


def test_cases_use_their_range() -> None:
    """Gates that were all closed, or cells that never moved, would make equal bits cheap."""
    (y, _, cell), *_ = make_lstm(norm=True, peephole=True, projection=11, batch=3).reference()
    assert len(np.unique(y)) > 50 and len(np.unique(cell)) > 30
    assert np.abs(cell.astype(int)).max() > 1000


@pytest.mark.parametrize("norm", [False, True])
def test_weights_reach_both_ends(isa: str, norm: bool) -> None:
    if not native.variants()[isa].takes_minus_128:
        pytest.skip("these kernels do not take -128, and so the node stays with the runtime")
    case = make_lstm(33, 35, 2, 9, norm=norm, projection=17)
    rng = np.random.default_rng(5)
    constants = {
        i: rng.choice(np.array([-128, 127], np.int8), a.shape) if a.dtype == np.int8 else a
        for i, a in case.layer.constants.items()
    }
    case = replace(case, layer=replace(case.layer, constants=constants), x=case.x | -128)
    same(run(case, isa), case.reference())


def test_states_are_the_runtimes(isa: str) -> None:
    """A stream of single steps says what the whole sequence does; reset begins it anew."""
    case = make_lstm(24, 16, 1, 12, calls=1, h_zero_point=-4)
    stream = replace(case, x=case.x.reshape(12, 1, 1, 16))
    whole = run(case, isa)[0]
    model = lstm_model(stream)
    it, plain = interpreter(model, isa), interpreter(model)
    for each in (it, plain):
        each.allocate_tensors()
    first = call(it, stream.x)
    np.testing.assert_array_equal(np.concatenate([y for y, _, _ in first], axis=1), whole[0])
    same([first[-1][1:]], [whole[1:]])
    same(first, call(plain, stream.x))
    for each in (it, plain):
        each.reset_all_variables()
    again = call(it, stream.x)
    same(again, call(plain, stream.x))


def test_time_may_change_between_calls(isa: str) -> None:
    case = make_lstm(20, 9, 1, 5)
    its = interpreter(lstm_model(case), isa), interpreter(lstm_model(case))
    rng = np.random.default_rng(0)
    for time in (5, 3, 17, 1):
        x = rng.integers(-128, 128, (2, 1, time, 9)).astype(np.int8)
        results = []
        for it in its:
            it.resize_tensor_input(it.get_input_details()[0]["index"], (1, time, 9))
            it.allocate_tensors()
            results.append(call(it, x))
        same(*results)


def test_a_batch_without_its_states_is_refused() -> None:
    case = make_lstm(batch=2)
    for it in (interpreter(lstm_model(case), "auto"), interpreter(lstm_model(case))):
        it.resize_tensor_input(it.get_input_details()[0]["index"], (3, 5, 9))
        with pytest.raises(RuntimeError, match="output state must have 60 numbers|n_output"):
            it.allocate_tensors()


def test_two_layers_run_as_one_chain(capfd: pytest.CaptureFixture[str]) -> None:
    """As converters write a stack of layers; the graph is the public models' own."""
    case, above = make_lstm(16, 12, 1, 7), make_lstm(24, 16, 1, 7, seed=4)
    results = []
    for isa in (None, "auto"):
        it = interpreter(stacked_model(case, above), isa, verbose="true")
        it.allocate_tensors()
        it.set_tensor(it.get_input_details()[0]["index"], case.x[0])
        for _ in range(2):
            it.invoke()
            results.append(it.get_tensor(it.get_output_details()[0]["index"]))
    np.testing.assert_array_equal(results[:2], results[2:])
    assert "1 node(s) around it" in capfd.readouterr().err


def test_allocating_again_changes_nothing(isa: str) -> None:
    case = make_lstm()
    it = interpreter(lstm_model(case), isa)
    for _ in range(2):
        it.allocate_tensors()
        it.reset_all_variables()
        same(call(it, case.x), case.reference())


def test_twenty_inputs_are_an_old_form(isa: str) -> None:
    case = make_lstm(peephole=True)
    edit = LstmModel(inputs=20)
    same(run(case, isa, edit), case.reference())
    same(run(case, None, edit), case.reference())
