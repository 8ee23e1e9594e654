"""What an inspection says about a file, as data, as text, as JSON and as exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny_models as tiny
from small_model import FEATURES, FRAMES, LABELS, Exported
from tiny_tflite import Vector, ints, operator, operator_code, subgraph, tensor, tiny_model

import tfpipeline as tp
from tfpipeline.cli.main import main
from tfpipeline.inspection import inspect_model, render, try_model
from tfpipeline.numerics.cells import CELLS
from tfpipeline.numerics.cells.cell import Cell
from tfpipeline.numerics.recurrent_options import RecurrentOptions


def test_inputs_and_outputs_have_their_signature_names(exported: Exported) -> None:
    found = tp.inspect_model(exported.report.stream_portable)
    assert found.signatures == ("step",)
    (graph,) = found.entries
    inputs = {tensor.name: tensor for tensor in graph.inputs}
    assert inputs["x"].shape == (1, 1, FEATURES) and inputs["x"].dtype == "float32"
    assert inputs.keys() - {"x"} == {"first_state_in", "second_state_in"}
    (scores,) = (tensor for tensor in graph.outputs if tensor.name == "scores")
    assert scores.shape == (1, len(LABELS))


def test_the_card_and_the_description_are_there(exported: Exported) -> None:
    found = inspect_model(exported.report.fused)
    assert found.card is not None and found.card["labels"] == list(LABELS)
    assert found.description == "tfpipeline"
    assert [name for name, _ in found.metadata] == ["tfpipeline.model_card"]


def test_our_options_are_decoded(exported: Exported) -> None:
    found = inspect_model(exported.report.fused)
    options = [use.op.options for use in found.custom_ops]
    assert {(entry["units"], entry["rank_x"]) for entry in options} == {(24, 8), (17, 0)}


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_the_options_of_a_cell_are_shown_and_nothing_empty(tmp_path: Path, cell: Cell) -> None:
    values = tuple(0.1 + i for i in range(len(cell.parameters)))
    options = RecurrentOptions(cell.name, units=8, input_dim=4, parameters=values)
    path = tmp_path / "cell.tflite"
    stored = Vector("B", list(options.pack()))
    path.write_bytes(tiny.one_operator(tiny.CUSTOM, [(1,)], (1,), 1, options.op_name, _5=stored))
    text = " ".join(render(inspect_model(path)).split())
    assert f"cell={cell.name}, units=8, input_dim=4" in text and "weight_bits=(8, 8, 8, 8)" in text
    # As they were given, not as float32 stores them.
    shown = f"parameters=({', '.join(f'{value:.4g}' for value in values)})"
    assert (shown in text) == bool(values) and "()" not in text


@pytest.mark.parametrize("form", ["portable", "fused", "stream_portable", "stream_fused"])
def test_every_byte_is_counted_once(exported: Exported, form: str) -> None:
    found = inspect_model(getattr(exported.report, form))
    kinds = found.bytes.by_kind
    assert sum(kinds.values()) == found.file_bytes == Path(found.path).stat().st_size
    assert all(count >= 0 for count in kinds.values())
    constants = kinds["weights"] + kinds["biases"] + kinds["constants"]
    assert constants == sum(t.bytes for t in found.bytes.tensors)
    assert constants == sum(found.bytes.by_dtype.values())
    assert kinds["metadata"] == found.metadata[0][1]


def test_weights_and_biases_are_told_apart(exported: Exported) -> None:
    kinds = inspect_model(exported.report.fused).bytes.by_kind
    dense = 17 * 9 + 9 * 3
    first = (FEATURES + 3 * 24) * 8 + (24 + 3 * 24) * 8
    second = 3 * 17 * (24 + 17)
    assert kinds["weights"] == dense + first + second
    # Float biases of the recurrent layers, int32 ones of the dense layers.
    assert kinds["biases"] >= 4 * (2 * 3 * 24 + 2 * 3 * 17 + 9 + 3)


def test_shared_and_repeated_content_is_told_apart(tmp_path: Path) -> None:
    content = bytes(range(128))
    tensors = [tensor([32], buffer=n, name=f"t{n}") for n in (1, 1, 1, 2, 3)]
    data = tiny_model([], [subgraph(tensors, [], [], [])], [content, content, content[::-1]])
    path = tmp_path / "shared.tflite"
    path.write_bytes(data)
    found = inspect_model(path).bytes
    assert (found.shared_bytes, found.stored_twice) == (2 * 128, 128)
    assert [entry.shared_by for entry in found.tensors] == [3, 1, 1]


def test_bytes_behind_the_flatbuffer_are_read(tmp_path: Path) -> None:
    path = tmp_path / "large.tflite"
    path.write_bytes(tiny.beyond_two_gigabytes())
    found = inspect_model(path)
    assert [(t.name, t.bytes) for t in found.bytes.tensors] == [("w", 16)]
    # LiteRT reads the same bytes from there.
    assert all(trial.runs for trial in try_model(path, plugin=False, runtimes=("litert",)))


def test_an_open_size_is_said(tmp_path: Path) -> None:
    path = tmp_path / "open.tflite"
    inputs = tensor([1, 8], name="x", _7=ints(-1, 8))
    node = operator(0, [0, 0], [1])
    graph = subgraph([inputs, tensor([1, 8])], [0], [1], [node])
    path.write_bytes(tiny_model([operator_code(tiny.ADD)], [graph]))
    found = inspect_model(path)
    assert found.graphs[0].inputs[0].shape == (-1, 8)
    assert "(?, 8)" in render(found) and "sizes that stand in the file" in render(found)


def test_the_text_has_what_people_ask_for(exported: Exported) -> None:
    found = inspect_model(exported.report.portable)
    text = render(found, tensors=3)
    size = Path(found.path).stat().st_size
    for part in (
        f"{size:,} bytes",
        "quantization  mode int8, activations int8, clipping minmax, per_channel yes, weights int8",
        "ranks         first kernel 8, recurrent_kernel 8, second none\n",
        f"float32  (1, {FRAMES}, {FEATURES})",
        "multiply-accumulates a call",
        "of activations, estimated",
        "first/body",
        f"{FRAMES} times",
        "largest stored tensors, 3 of",
        "tflite-runtime",
        "--ops lists all",
    ):
        assert part in text
    assert max(map(len, text.splitlines())) <= 130
    assert "--ops lists all" not in render(found, all_operators=True)


def test_json_is_everything(exported: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(exported.report.fused)
    assert main(["inspect", path, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads(json.dumps(inspect_model(path).to_dict()))
    assert {entry["target"]: entry["runs"] for entry in printed["targets"]}["plugin"] is True


@pytest.mark.parametrize(("target", "status"), [("plugin", 0), ("litert", 1), ("tflite-micro", 1)])
def test_a_target_sets_the_exit_status(
    exported: Exported, capsys: pytest.CaptureFixture[str], target: str, status: int
) -> None:
    assert main(["inspect", str(exported.report.fused), "--target", target]) == status
    errors = capsys.readouterr().err
    assert errors.count("\n") == status and ("tfpipeline.gru" in errors) == bool(status)


def test_wrong_usage_is_two(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["inspect", "x.tflite", "--target", "toaster"])
    assert stop.value.code == 2
    assert "tflite-micro" in capsys.readouterr().err


def test_a_bad_file_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.tflite"
    path.write_bytes(tiny.chain(3, 3)[:90])
    assert main(["inspect", str(path)]) == 1
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1 and "is damaged" in printed.err


@pytest.mark.slow
def test_a_file_that_crashes_an_interpreter_is_survived(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # LiteRT 2.3's Mfcc reads options that are not there.
    path = tmp_path / "crash.tflite"
    path.write_bytes(tiny.one_operator(tiny.CUSTOM, [(1,)], (1,), 1, "Mfcc"))
    assert main(["inspect", str(path), "--try"]) == 1
    printed = capsys.readouterr()
    assert "crashed with SIGSEGV" in printed.out
    assert printed.err.count("\n") == 1


def test_a_loop_without_an_end_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "loop.tflite"
    path.write_bytes(tiny.counting_loop(0, 0, 7))
    (trial,) = try_model(path, plugin=False, seconds=6, runtimes=("litert",))
    assert (trial.runs, trial.detail) == (False, "did not finish in 6 s")


def test_memory_without_an_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "huge.tflite"
    path.write_bytes(tiny.huge_activation(1 << 38))
    (trial,) = try_model(path, plugin=False, runtimes=("litert",))
    assert not trial.runs
