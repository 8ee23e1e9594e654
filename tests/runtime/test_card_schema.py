"""A model card is data of a file of anybody: what an export writes, or one sentence."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_model import Exported
from tiny_tflite import Scalar, operator_code, subgraph, tensor, tiny_model

from tfpipeline.errors import TfpipelineError
from tfpipeline.features import LogMel
from tfpipeline.runtime import Interpreter, ModelFileError, Streamer
from tfpipeline.runtime.card_schema import CardError, check_card, check_tensors
from tfpipeline.runtime.model_card import CARD_METADATA, pack_card, read_card, step_card
from tfpipeline.runtime.tflite_file import TFLiteFile

FRONTEND = LogMel().to_config()


def entry(name: str = "x", *shape: int, **more: Any) -> dict[str, Any]:
    return {
        **{"name": name, "shape": list(shape or (1, 4, 40)), "dtype": "float32"},
        **{"scale": 0.1, "zero_point": -3, "time_axis": True, **more},
    }


def whole() -> dict[str, Any]:
    return {
        "labels": ["yes", "no"],
        "inputs": [entry(unit=None, sample_rate=16000, frame_rate=100.0)],
        "outputs": [entry("scores", 1, 2, time_axis=False, scores="logits")],
        "states": [],
        "form": "portable",
        "streaming": False,
        "chunk": None,
        "length": {"input": "length", "max": 4},
        "frontend": FRONTEND,
        "name": "kws",
        "metrics": {"accuracy": 0.9},
        "quantization": {"activations": "int8"},
    }


def stream() -> dict[str, Any]:
    state = {"input": "a_in", "output": "a_out", "shape": [1, 8], "dtype": "int8", "scale": 0.1}
    inside = {"variable": "b", "shape": [1, 8], "dtype": "float32", "scale": None, "zero_point": 0}
    return {**whole(), "streaming": True, "chunk": 4, "length": None, "states": [state, inside]}


def both() -> dict[str, Any]:
    step = {key: stream()[key] for key in ("inputs", "outputs", "states", "streaming", "chunk")}
    return {**whole(), "signatures": {"step": step}}


@pytest.mark.parametrize("card", [whole(), stream(), both(), {**whole(), "later": {"a": [1]}}])
def test_what_exports_write_is_accepted(card: dict[str, Any]) -> None:
    assert check_card(card) is card


@pytest.mark.parametrize("form", ["portable", "fused", "stream_portable", "stream_fused"])
def test_cards_of_real_files_agree_with_their_tensors(exported: Exported, form: str) -> None:
    assert read_card(TFLiteFile(getattr(exported.report, form)))["labels"]


HUGE = 10**30
WRONG: list[tuple[str, Any, str]] = [
    ("labels", 5, "labels is 5, expected a list of names or null"),
    ("labels", [["a"]], "labels is"),
    ("labels", ["\ud800"], "text that is not Unicode"),
    ("inputs", [], "inputs is .*, expected at least one"),
    ("inputs", {"a": 1}, "inputs is .*, expected a list of objects"),
    ("inputs", [{"name": "x"}], r"inputs\[0\] is .*, expected an object with name, shape"),
    ("inputs", [entry(), entry()], "expected names that differ"),
    ("inputs.0.name", "", r"inputs\[0\].name is '', expected a name"),
    ("inputs.0.shape", [], r"inputs\[0\].shape"),
    ("inputs.0.shape", [1, -4, 40], "a whole number from 1"),
    ("inputs.0.shape", [1, 4, 10**12], "a whole number from 1"),
    ("inputs.0.shape", [1, 1 << 20, 1 << 20], "at most 2147483648 elements"),
    ("inputs.0.shape", [4], "a batch and a time axis"),
    ("inputs.0.shape", [1, 4.0, 40], "a whole number"),
    ("inputs.0.dtype", "O", "dtype is 'O', expected one of float16"),
    ("inputs.0.dtype", ["float32"], "dtype"),
    ("inputs.0.scale", 0, "scale is 0, expected a positive number"),
    ("inputs.0.scale", 1e-320, "scale is 1e-320, expected a positive number that float32"),
    ("inputs.0.scale", True, "scale is True"),
    ("inputs.0.zero_point", 40000, "zero_point is 40000, expected a whole number from -32768"),
    ("inputs.0.zero_point", None, "zero_point is None"),
    ("inputs.0.time_axis", 1, "time_axis is 1, expected true or false"),
    ("inputs.0.sample_rate", -1, "sample_rate is -1"),
    ("inputs.0.unit", 3, "unit is 3, expected a text or null"),
    ("outputs.0.scores", 3, r"outputs\[0\].scores is 3"),
    ("outputs.0.name", "../../x\x1b[2J" * 50, ""),
    ("form", "folded", "form is 'folded', expected one of portable, fused"),
    ("streaming", 5, "streaming is 5, expected true or false"),
    ("chunk", 3, "chunk is 3, expected null where streaming is false"),
    ("states", [stream()["states"][0]], "expected none where streaming is false"),
    ("length", {"input": "length", "max": 5}, r"length.max is 5, expected the time steps .*\[4\]"),
    ("length", {"max": 4}, "length is"),
    ("length", 7, "length is 7"),
    ("frontend", [1], "frontend is"),
    ("frontend.fft_size", 10**9, "frontend is wrong .*fft_size must be at most 65536"),
    ("frontend.num_mels", 20, "frontend is wrong .*mean must hold 20 finite numbers"),
    ("frontend.mean", {}, "frontend is wrong"),
    ("frontend.colour", 3, "frontend is wrong .*unknown key 'colour'"),
    ("signatures", [1], "signatures is"),
    ("signatures", {"step": {}}, "signatures.'step' is"),
    ("signatures", {"step": {**stream(), "chunk": 5}}, "step'.inputs.*5 time steps as in chunk"),
    ("metrics", [1], "metrics is"),
    ("later", HUGE, "an integer of more than 64 bits"),
    ("later", float("nan"), "the number nan, expected finite ones"),
    ("later", {"a": [float("inf")]}, "the number inf"),
]


@pytest.mark.parametrize(("place", "value", "part"), WRONG)
def test_what_is_wrong_is_named(place: str, value: Any, part: str) -> None:
    card = copy.deepcopy(whole())
    target: Any = card
    *path, last = place.split(".")
    for key in path:
        target = target[int(key) if key.isdigit() else key]
    target[last] = value
    if not part:
        # A strange name is a name; that the file has no such tensor comes later.
        assert check_card(card)
        return
    with pytest.raises(CardError, match=part) as caught:
        check_card(card)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 300


@pytest.mark.parametrize("missing", ["labels", "inputs", "outputs", "states", "form", "streaming"])
def test_a_card_without_a_key(missing: str) -> None:
    with pytest.raises(CardError, match=rf"without \['{missing}'\]"):
        check_card({key: value for key, value in whole().items() if key != missing})


def _file(folder: Path, card: bytes) -> TFLiteFile:
    parts = {0: CARD_METADATA, 1: Scalar("<I", 1)}
    graph = subgraph([tensor([1])], [0], [0], [])
    path = folder / "card.tflite"
    path.write_bytes(tiny_model([operator_code(0)], [graph], [card], _6=[parts]))
    return TFLiteFile(path)


@pytest.mark.parametrize(
    "card",
    [
        *(b"[" * 900 + b"]" * 900, b"[" * 100_000, b'{"a":' * 900 + b"1" + b"}" * 900),
        *(b'{"labels": ' + b"9" * 5000 + b"}", b'{"labels": ' + b"9" * 4000 + b"}"),
        *(b'{"labels": NaN}', b'{"labels": 1e999}', b'{"labels": -Infinity}'),
        *(b"\xff\xfe{", b" ", b"", b"3", b"null", b'"x"', b"{}"),
    ],
)
def test_damaged_cards_are_one_model_file_error(tmp_path: Path, card: bytes) -> None:
    with pytest.raises(ModelFileError) as caught:
        read_card(_file(tmp_path, card))
    message = str(caught.value)
    assert message.startswith(str(tmp_path)) and len(message) < 500 and "\n" not in message


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**31), 10**31)
    | st.floats()
    | st.sampled_from(["float32", "O", "int8", "../x", "x", "", 1 << 31, 40, 1, 0, -1, 1e-9])
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "input", "max", "shape", "a"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a card that can hold something else."""
    found = []
    for key in value if isinstance(value, dict) else range(len(value)):
        found.append((value, key))
        if isinstance(value[key], dict | list):
            found += _places(value[key])
    return found


@pytest.mark.slow
@given(st.data())
@settings(max_examples=400, deadline=None)
def test_any_change_of_a_card_gives_a_card_or_a_sentence(data: st.DataObject) -> None:
    card = copy.deepcopy(data.draw(st.sampled_from([whole(), stream(), both()])))
    for _ in range(data.draw(st.integers(1, 3))):
        holder, key = data.draw(st.sampled_from(_places(card)))
        if isinstance(holder, dict) and data.draw(st.booleans()):
            holder.pop(key)
        else:
            holder[key] = data.draw(JSON)
    try:
        checked = check_card(card)
    except CardError as error:
        assert str(error).startswith("has a") and len(str(error)) < 400
        return
    # What is accepted can be used: everything that programs compute with it.
    json.dumps(checked, allow_nan=False).encode()
    graph = step_card(checked) or checked
    for one in (*graph["inputs"], *graph["outputs"], *graph["states"]):
        assert np.prod(one["shape"], dtype=float) <= 1 << 31 and np.dtype(one["dtype"]).itemsize
        assert one["scale"] is None or np.float32(one["scale"]) > 0
    if checked.get("frontend"):
        LogMel.from_config(checked["frontend"])


def _details(shape: tuple[int, ...], dtype: Any, quantization: Any = (0.0, 0)) -> dict[str, Any]:
    return {"shape": np.array(shape), "dtype": dtype, "quantization": quantization}


def test_a_card_must_be_that_of_its_file() -> None:
    card = stream()
    card["states"] = card["states"][:1]
    card["states"][0]["zero_point"] = 2
    state = _details((1, 8), np.int8, (float(np.float32(0.1)), 2))
    inputs = {"x": _details((1, 4, 40), np.float32), "a_in": state}
    outputs = {"scores": _details((1, 2), np.float32), "a_out": state}
    check_tensors(card, inputs, outputs)
    for changed, part in (
        (
            {"x": _details((1, 4, 41), np.float32)},
            r"input 'x' of type float32 and shape \(1, 4, 41",
        ),
        ({"x": _details((1, 4, 40), np.int8)}, "input 'x' of type int8"),
        ({"a_in": _details((1, 8), np.int8, (0.2, 2))}, "input 'a_in' of scale 0.2"),
        ({"a_in": _details((1, 8), np.int8, (0.1, 0))}, "zero point 0, while its card says"),
        ({"b_in": state}, r"has the inputs \['b_in'\], which its card does not name"),
    ):
        with pytest.raises(CardError, match=part):
            check_tensors(card, {**inputs, **changed}, outputs)
    with pytest.raises(CardError, match="has no output 'a_out', which its card names"):
        check_tensors(card, inputs, {"scores": outputs["scores"]})
    bounded = {**whole(), "length": {"input": "length", "max": 4}}
    with pytest.raises(CardError, match="has no input 'length', which its card names"):
        check_tensors(bounded, {"x": inputs["x"]}, {"scores": outputs["scores"]})


def test_a_stream_whose_card_forgets_a_state_is_refused(exported: Exported, tmp_path: Path) -> None:
    """Its state would be zero at every call, without a word."""
    data = exported.report.stream_fused.read_bytes()
    card = read_card(TFLiteFile(exported.report.stream_fused))
    old, forgetful = pack_card(card), pack_card({**card, "states": card["states"][:1]})
    assert data.count(old) == 1
    (tmp_path / "m.tflite").write_bytes(data.replace(old, forgetful.ljust(len(old))))
    with pytest.raises(ModelFileError, match="has the inputs .*which its card does not name"):
        Streamer(tmp_path / "m.tflite")


def test_hostile_front_ends_are_refused_in_a_real_file(exported: Exported, tmp_path: Path) -> None:
    data = exported.report.portable.read_bytes()
    for old, new in (
        (b'"fft_size":512', b'"fft_size":9e8'),
        (b'"num_mels":40', b'"num_mels":99'),
    ):
        assert data.count(old) == 1
        (tmp_path / "m.tflite").write_bytes(data.replace(old, new))
        with pytest.raises(TfpipelineError, match="frontend is wrong"):
            Interpreter(tmp_path / "m.tflite")
