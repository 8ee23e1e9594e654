"""Written files hold nothing that no op uses, nothing twice, and nothing as long as a sequence."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from small_model import walk

from tfpipeline.export import Tolerances, export, kept_conversions
from tfpipeline.layers import FactoredGRU, FactoredLSTM

pytestmark = pytest.mark.slow

FEATURES = 16
MODES = ("float32", "float16", "dynamic", "int8", "int16x8", "int4", "int8x4")
#: Sizes are asked for here; how close the files of a model that was never trained are is not.
ANY = Tolerances(agreement=0.0, relative_error=5.0, drift=100.0)
CELLS = {
    "gru": keras.layers.GRU,
    "lstm": keras.layers.LSTM,
    "factored_gru": lambda units, **options: FactoredGRU(units, rank=12, **options),
    "factored_lstm": lambda units, **options: FactoredLSTM(units, rank=12, **options),
}


def _model(cell: str) -> keras.Model:
    keras.utils.set_random_seed(0)
    layer = CELLS[cell]
    x = keras.Input((None, FEATURES))
    h = layer(48, return_sequences=True, bias_initializer="glorot_normal")(x)
    h = layer(48, return_sequences=True, bias_initializer="glorot_normal")(h)
    return keras.Model(x, keras.layers.Dense(3, bias_initializer="normal")(h))


def _sequences(frames: int) -> np.ndarray:
    return np.resize(walk(8), (8, frames, FEATURES)).astype(np.float32)


@pytest.fixture(scope="module", params=CELLS)
def files(request: pytest.FixtureRequest, tmp_path_factory: Any) -> dict[str, Path]:
    """Every file of one model, by mode and form."""
    model, x = _model(request.param), _sequences(12)
    folder = tmp_path_factory.mktemp(request.param)
    found: dict[str, Path] = {}
    with kept_conversions():
        for mode in MODES:
            # Files of their own, two signatures in one, and bounded ones with states inside.
            ways: dict[str, dict[str, Any]] = {"": {"streaming": "both"}}
            if mode in ("int8", "int4"):
                ways["one"] = {"streaming": "both", "one_file": True}
                ways["bounded"] = {"streaming": "both", "length": "bounded", "state": "internal"}
            for way, options in ways.items():
                report = export(
                    model,
                    folder / f"{mode}{way}.tflite",
                    quantize=mode,
                    calibration=x,
                    tolerances=ANY,
                    **options,
                )
                for form in ("portable", "fused", "stream_portable", "stream_fused"):
                    if path := getattr(report, form):
                        found[f"{mode} {way} {form}"] = path
    return found


def test_every_tensor_and_every_buffer_is_used(files: dict[str, Path]) -> None:
    for name, path in files.items():
        model = schema.ModelT.InitFromPackedBuf(path.read_bytes())
        buffers = {0, *(entry.buffer for entry in model.metadata)}
        codes = set()
        for graph in model.subgraphs:
            used = {*graph.inputs, *graph.outputs}
            for op in graph.operators:
                used |= {*op.inputs, *op.outputs}
                codes.add(op.opcodeIndex)
            idle = [t.name for i, t in enumerate(graph.tensors) if i not in used]
            assert not idle, (name, graph.name, idle)
            buffers |= {tensor.buffer for tensor in graph.tensors}
        assert buffers == set(range(len(model.buffers))), name
        assert codes == set(range(len(model.operatorCodes))), name


def test_nothing_is_stored_twice(files: dict[str, Path]) -> None:
    for name, path in files.items():
        data = path.read_bytes()
        for kind, vectors in _vectors(data).items():
            counts = Counter(bytes(data[start : start + size]) for start, size in vectors)
            assert max(counts.values()) == 1, (name, kind)


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [("int4", "dynamic"), ("int4", "int8"), ("int8x4", "int8")],
)
def test_fewer_bits_make_smaller_files(files: dict[str, Path], smaller: str, larger: str) -> None:
    for form in ("portable", "fused", "stream_portable", "stream_fused"):
        few, many = (files[f"{mode}  {form}"].stat().st_size for mode in (smaller, larger))
        assert few < many, form


@pytest.mark.parametrize("options", [{}, {"length": "bounded"}, {"streaming": "both"}])
def test_files_do_not_grow_with_the_sequence(tmp_path: Path, options: dict[str, Any]) -> None:
    sizes: dict[int, list[int]] = {}
    for frames in (20, 200):
        with kept_conversions():
            for mode in ("int8",) if options else ("float32", "int8", "int16x8"):
                report = export(
                    _model("lstm"),
                    tmp_path / f"{mode}{frames}.tflite",
                    quantize=mode,
                    calibration=_sequences(frames),
                    one_file="streaming" in options,
                    tolerances=ANY,
                    **options,
                )
                paths = [path for path in (report.portable, report.fused) if path]
                sizes.setdefault(frames, []).extend(path.stat().st_size for path in paths)
    # The numbers in a card have more digits, and what happens to be equal is stored once. A single
    # byte for each of the 180 further time steps and 48 units would be 8,640.
    assert np.abs(np.subtract(sizes[20], sizes[200])).max() <= 256


def _vectors(data: bytes) -> dict[str, set[tuple[int, int]]]:
    """Where scales, zero points, shapes and names lie, by kind; what is shared counts once."""
    found: dict[str, set[tuple[int, int]]] = {}

    def note(kind: str, table: Any, slot: int, width: int) -> None:
        offset = table._tab.Offset(slot)
        if offset:
            start = table._tab.Vector(offset)
            (count,) = struct.unpack_from("<I", data, start - 4)
            found.setdefault(kind, set()).add((start - 4, 4 + count * width))

    for tensor in _tensors(schema.Model.GetRootAs(data, 0)):
        note("shape", tensor, 4, 4)
        note("name", tensor, 10, 1)
        if (quantization := tensor.Quantization()) is not None:
            note("scale", quantization, 8, 4)
            note("zero point", quantization, 10, 8)
    return found


def _tensors(model: Any) -> Iterator[Any]:
    for i in range(model.SubgraphsLength()):
        graph = model.Subgraphs(i)
        for j in range(graph.TensorsLength()):
            yield graph.Tensors(j)
