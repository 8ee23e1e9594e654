"""Models for the C host of the tests (custom_ops/tests/host): a .tflite file as plain numbers."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import golden_layers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from block_sparse_cases import sparse_layer, sparse_recurrent
from builtin_lstm_models import LstmCase, lstm_model, make_lstm
from chain_models import ChainCase, chain_model, make_chain
from embedding_models import (
    EmbeddingCase,
    EmbeddingModel,
    embedding_model,
    make_embedding,
    sparse_product,
)
from factored_models import FactoredCase, factored_model, make_factored
from fully_connected_models import LayerCase, LayerModel, layer_model, make_layer
from recurrent_models import Case, feeds, make_case, op_model
from test_golden import CASES as RECURRENT_GOLDEN
from test_golden import read as read_recurrent
from unsigned_layers import UnsignedLayer, make_unsigned, unsigned_model

from tfpipeline.numerics.cells import CELLS

TYPE = schema.TensorType
#: The file's numbers of types, and the runtimes'.
RUNTIME_TYPES = {
    TYPE.FLOAT32: 1,
    TYPE.INT32: 2,
    TYPE.UINT8: 3,
    TYPE.INT64: 4,
    TYPE.INT16: 7,
    TYPE.INT8: 9,
    TYPE.INT4: 18,
}
INNER, CONSTANT, FED, EXPECTED, VARIABLE = range(5)
#: Of each recurrent op, one large model with these options.
LARGE_RECURRENT: Mapping[str, Mapping[str, Any]] = {
    "factored": {"rank_x": 140, "rank_h": 200},
    "4 bits": {"lengths": True, "weight_bits": (2, 8, 4, 8)},
    "layer norm": {"rank_h": 200, "weight_bits": (8, 8, 2, 8), "layer_norm": True},
}


def _ints(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}i", *values)


def _array(values: np.ndarray | None, dtype: str) -> bytes:
    if values is None:
        return _ints(-1)
    return _ints(len(values)) + np.asarray(values, dtype).tobytes()


def _bytes(data: bytes) -> bytes:
    return _ints(len(data)) + data


def _sparsity(sparsity: Any) -> bytes:
    """What `host_sparsity` reads, behind the count of its numbers."""
    if sparsity is None:
        return _ints(-1)
    numbers: list[int] = []

    def add(values: Any) -> None:
        numbers.extend([-1] if values is None else [len(values), *map(int, values)])

    add(sparsity.traversalOrder)
    add(sparsity.blockMap)
    numbers.append(len(sparsity.dimMetadata))
    for dimension in sparsity.dimMetadata:
        numbers += [dimension.format, dimension.denseSize]
        for vector in (dimension.arraySegments, dimension.arrayIndices):
            add(None if vector is None else vector.values)
    return _ints(len(numbers), *numbers)


def _builtin_data(layer: Any) -> list[int]:
    """What custom_ops/tests/host/host.c makes parameters of, behind a 1: there are some."""
    if isinstance(layer, schema.UnidirectionalSequenceLSTMOptionsT):
        clips = struct.unpack("<2i", struct.pack("<2f", layer.cellClip, layer.projClip))
        return [1, layer.fusedActivationFunction, *clips, int(layer.timeMajor)]
    flags = (layer.fusedActivationFunction, layer.weightsFormat, layer.keepNumDims)
    return [1, *map(int, flags), 0]


@dataclass(frozen=True)
class Graph:
    """A .tflite file with one graph, values of its inputs and bytes of its outputs by tensor.

    `variables` are what its variables begin with; the outputs are those of a second call then.
    """

    model: bytes
    fed: Mapping[int, np.ndarray]
    expected: Mapping[int, np.ndarray]
    variables: Mapping[int, np.ndarray] = field(default_factory=dict)

    def tensors(self) -> list[bytes]:
        content = schema.ModelT.InitFromPackedBuf(self.model, 0)
        return [self._tensor(content, i) for i in range(len(content.subgraphs[0].tensors))]

    def _tensor(self, content: schema.ModelT, index: int) -> bytes:
        tensor = content.subgraphs[0].tensors[index]
        role, data = INNER, b""
        constant = content.buffers[tensor.buffer].data
        if constant is not None and len(constant):
            role, data = CONSTANT, bytes(constant)
        elif index in self.fed:
            role, data = FED, self.fed[index].tobytes()
        elif index in self.variables:
            role, data = VARIABLE, self.variables[index].tobytes()
        elif index in self.expected:
            role, data = EXPECTED, self.expected[index].tobytes()
        shape = [] if tensor.shape is None else list(tensor.shape)
        q = tensor.quantization
        known = q is not None and q.scale is not None and len(q.scale) > 0
        parts = [
            _ints(RUNTIME_TYPES[tensor.type], role, len(shape), *shape),
            _array(q.scale if known else None, "<f4"),
            _array(q.zeroPoint if known else None, "<i4"),
            _ints(q.quantizedDimension if known else 0, 0),
            _sparsity(tensor.sparsity),
            _bytes(data),
        ]
        return b"".join(parts)

    def nodes(self, first: int) -> list[bytes]:
        """The nodes, where the first tensor has the number `first`."""
        content = schema.ModelT.InitFromPackedBuf(self.model, 0)
        found = []
        for op in content.subgraphs[0].operators:
            code = content.operatorCodes[op.opcodeIndex]
            layer = op.builtinOptions
            builtin = [0] * 5 if layer is None else _builtin_data(layer)
            inputs, outputs, intermediates = (
                [i + first if i >= 0 else -1 for i in v]
                for v in (
                    op.inputs,
                    op.outputs,
                    [] if op.intermediates is None else op.intermediates,
                )
            )
            between = [len(intermediates), *intermediates] if intermediates else [-1]
            parts = [
                _ints(code.builtinCode),
                (code.customCode or b"").ljust(64, b"\0"),
                _ints(len(inputs), *inputs, len(outputs), *outputs, *between, *builtin),
                _bytes(b"" if op.customOptions is None else bytes(op.customOptions)),
            ]
            found.append(b"".join(parts))
        return found


def describe(*graphs: Graph) -> bytes:
    """What `model_read` of custom_ops/tests/host/model.h reads: all graphs in one, unconnected."""
    tensors: list[bytes] = []
    nodes: list[bytes] = []
    for graph in graphs:
        nodes += graph.nodes(len(tensors))
        tensors += graph.tensors()
    return b"".join([b"TFPH", _ints(len(tensors)), *tensors, _ints(len(nodes)), *nodes])


def recurrent(case: Case) -> Graph:
    """One recurrent op with the outputs that its spec computes."""
    spec = op_model(case)
    fed = {spec.index(name): value for name, value in feeds(case).items()}
    return Graph(spec.build(), fed, dict(zip(spec.outputs, case.reference(), strict=True)))


def _one_vector(model: bytes, x: np.ndarray, y: np.ndarray) -> Graph:
    """A model with one input and one output."""
    (graph,) = schema.ModelT.InitFromPackedBuf(model, 0).subgraphs
    return Graph(model, {int(graph.inputs[0]): x}, {int(graph.outputs[0]): y})


def layer(case: LayerCase, custom: bool = True, edit: LayerModel | None = None) -> Graph:
    """One fully connected layer, ours or the builtin one, with the outputs of our spec."""
    return _one_vector(layer_model(case, custom, edit), case.x, case.reference())


def unsigned(case: UnsignedLayer, custom: bool = True) -> Graph:
    """The same of uint8 vectors; the builtin one rounds as XNNPACK does."""
    return _one_vector(unsigned_model(case, custom), case.x, case.reference(fixed_point=custom))


def factored(case: FactoredCase) -> Graph:
    """One factored layer with the outputs of our spec."""
    return _one_vector(factored_model(case), case.x, case.reference())


def chain(case: ChainCase) -> Graph:
    """A recurrent op with the builtin ones around it, which run as one node."""
    model = chain_model(case)
    (graph,) = schema.ModelT.InitFromPackedBuf(model, 0).subgraphs
    named = {graph.tensors[i].name.decode(): int(i) for i in graph.inputs}
    fed = {named[name]: value for name, value in case.feeds().items()}
    return Graph(model, fed, dict(zip(map(int, graph.outputs), case.reference(), strict=True)))


def builtin_lstm(case: LstmCase) -> Graph:
    """One builtin LSTM, called twice with the same input, by its twin."""
    case = replace(case, x=np.repeat(case.x[:1], 2, axis=0))
    model = lstm_model(case)
    (graph,) = schema.ModelT.InitFromPackedBuf(model, 0).subgraphs
    places = {tensor.name.decode(): i for i, tensor in enumerate(graph.tensors)}
    states = (places["input 18"], places["input 19"])
    return Graph(
        model,
        {places["input 0"]: case.x[0]},
        {places["y"]: case.reference()[-1][0]},
        dict(zip(states, case.zero_states(), strict=True)),
    )


def embedding(case: EmbeddingCase, edit: EmbeddingModel | None = None) -> Graph:
    """One lookup with the outputs of our spec."""
    return _one_vector(embedding_model(case, edit), case.ids, case.reference())


def golden_models() -> dict[str, bytes]:
    """Every golden case of every op's spec."""
    models = {}
    for entry in golden_layers.LAYERS:
        models[f"fully_connected {entry.name}"] = describe(layer(entry.layer()))
    for entry in golden_layers.UNSIGNED:
        models[f"fully_connected {entry.name}"] = describe(unsigned(entry.unsigned()))
    for entry in golden_layers.FACTORED:
        models[f"factored {entry.name}"] = describe(factored(entry.factored()))
    for entry in golden_layers.EMBEDDINGS:
        models[f"embedding {entry.name}"] = describe(embedding(entry.embedding()))
    for parameters in RECURRENT_GOLDEN:
        cell, case = parameters.values
        models[f"{cell} {case['name']}"] = describe(recurrent(read_recurrent(cell, case)))
    return models


def small_models() -> dict[str, bytes]:
    """One small model of every kind, for damage: golden ones, and nodes of the builtin kind."""
    models = golden_models()
    for dtype, bits in ((np.int8, 8), (np.float32, 8), (np.float32, 4)):
        case = make_layer(20, 18, 3, bits=bits, dtype=dtype, activation="relu6", seed=bits)
        models[f"builtin {np.dtype(dtype)} {bits} bits"] = describe(layer(case, custom=False))
    models["builtin uint8"] = describe(unsigned(make_unsigned(20, 18, 3), custom=False))
    # Nodes of different sizes side by side, so that damage may give them one tensor.
    layers = [make_layer(9, 14, batch, dtype=np.float32, seed=batch) for batch in (4, 1)]
    for custom in (True, False):
        models[f"two layers, custom {custom}"] = describe(*(layer(c, custom) for c in layers))
    pairs = [make_factored(9, 14, 4, batch, seed=batch) for batch in (4, 1)]
    models["two factored layers"] = describe(*map(factored, pairs))
    lookups = [make_embedding(9, 14, 5, (1, n), (4, 8), seed=n) for n in (4, 1)]
    models["two embeddings"] = describe(*map(embedding, lookups))
    for cell in CELLS:
        cases = [
            make_case(units=5, input_dim=8, batch=2, time=time, cell=cell, lengths=True)
            for time in (6, 2)
        ]
        models[f"two {cell}"] = describe(*map(recurrent, cases))
        models[f"chain {cell}"] = describe(chain(make_chain(cell, units=5, classes=3)))
    return models


def sparse_models() -> dict[str, bytes]:
    """Models of weights without their 8x4 blocks of zeros, for damage."""
    models = {}
    for dtype in (np.int8, np.float32):
        case = sparse_layer(40, 24, 2, 0.6, dtype)
        graph = layer(case, edit=LayerModel(sparse=True))
        models[f"sparse {np.dtype(dtype)}"] = describe(graph)
    lookup = sparse_product(40, 24, 32)
    models["sparse embedding"] = describe(embedding(lookup, EmbeddingModel(sparse=True)))
    for cell in ("gru", "fast_grnn", "qrnn"):
        for ranks in ((0, 0), (13, 9)):
            case = sparse_recurrent(cell, ranks, 0.6, ("W1", "W2", "U1", "U2"))
            models[f"sparse {cell} {ranks[0]}"] = describe(recurrent(case))
    return models


def lstm_models() -> dict[str, bytes]:
    """Builtin LSTMs of every form, for damage."""
    forms: dict[str, dict[str, Any]] = {
        "plain": {},
        "batch": {"batch": 3, "h_zero_point": -7, "cell_clip": 0.9},
        "time-major": {"batch": 3, "time_major": True, "coupled": True},
        "peephole": {"peephole": True, "projection": 7, "proj_clip": 0.5},
        "norm": {"norm": True, "coupled": True},
        "all": {"peephole": True, "norm": True, "projection": 10, "time_major": True, "batch": 2},
    }
    return {
        f"builtin lstm {name}": describe(builtin_lstm(make_lstm(19, 6, time=4, **form)))
        for name, form in forms.items()
    }


def large_models() -> dict[str, bytes]:
    """Layers that are large enough for several threads."""
    models = {}
    for dtype in (np.int8, np.float32):
        for bits in (8, 4, 2):
            name = f"large {np.dtype(dtype)} {bits} bits"
            models[name] = describe(layer(make_layer(1100, 320, 2, bits=bits, dtype=dtype)))
        pair = make_factored(1100, 320, 300, 2, bits=(8, 4), dtype=dtype)
        models[f"large factored {np.dtype(dtype)}"] = describe(factored(pair))
    for raw in (False, True):
        models[f"large uint8, raw {raw}"] = describe(unsigned(make_unsigned(1100, 320, 2, raw=raw)))
    for cell in CELLS:
        for name, options in LARGE_RECURRENT.items():
            case = make_case(units=320, input_dim=200, batch=2, time=5, cell=cell, **options)
            models[f"large {cell} {name}"] = describe(recurrent(case))
    long = make_chain("gru", 320, 40, input_dim=200, rank_h=200, time=5)
    models["large chain"] = describe(chain(long))
    return models
