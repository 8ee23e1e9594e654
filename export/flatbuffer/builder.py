"""Writes `.tflite` flatbuffers; `reader.py` reads those of the converter.

The schema's generated Python classes come with ai-edge-litert 2.3.0. Written here on top of them:
operator codes and buffers shared between subgraphs, and tensors that are declared in one call.
`packing.py` makes bytes of the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.flatbuffer.packing import (
    AlignedBuffer,
    SharedQuantization,
    SharedTensor,
    pack_model,
)
from tfpipeline.export.flatbuffer.sparsity import block_sparsity
from tfpipeline.export.flatbuffer.tensor_types import TYPES
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.numerics.block_sparse import BlockSparse
from tfpipeline.numerics.fully_connected import pack_rows

_PACKED_TYPES = {4: schema.TensorType.INT4, 2: schema.TensorType.INT2}


class GraphBuilder:
    """Adds tensors and operators to one subgraph of a `ModelBuilder`."""

    def __init__(self, model: ModelBuilder, name: str) -> None:
        self.model = model
        self.subgraph = schema.SubGraphT(
            name=name.encode(), tensors=[], operators=[], inputs=[], outputs=[]
        )

    def tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: Any,
        quantization: Quantization | None = None,
        data: np.ndarray | None = None,
    ) -> int:
        """Declare a tensor and return its index; with `data` it is a constant."""
        dtype = np.dtype(dtype)
        buffer = 0
        if data is not None:
            data = np.asarray(data, dtype=dtype, order="C")
            if data.shape != tuple(shape):
                raise ValueError(f"constant {name} has shape {data.shape}, declared {tuple(shape)}")
            buffer = self.model.buffer(data.tobytes())
        tensor = SharedTensor(
            name=name.encode(),
            shape=np.asarray(shape, np.int32),
            type=TYPES[dtype],
            buffer=buffer,
            hasRank=True,
        )
        if quantization is not None:
            scales = quantization.scales()
            tensor.quantization = SharedQuantization(
                scale=np.asarray(scales, np.float32),
                zeroPoint=np.full(len(scales), quantization.zero_point, np.int64),
                quantizedDimension=quantization.axis,
            )
        self.subgraph.tensors.append(tensor)
        return len(self.subgraph.tensors) - 1

    def constant(
        self, name: str, data: np.ndarray, quantization: Quantization | None = None
    ) -> int:
        """Declare a constant tensor with the shape and type of `data`."""
        return self.tensor(name, data.shape, data.dtype, quantization, data)

    def packed_constant(
        self, name: str, data: np.ndarray, quantization: Quantization, bits: int
    ) -> int:
        """Declare a constant of `bits`-bit integers, given as int8 `data`.

        The builtin INT4 and INT2 types have no gaps between rows.
        """
        if bits == 8:
            return self.constant(name, data, quantization)
        index = self.tensor(name, data.shape, data.dtype, quantization)
        tensor = self.subgraph.tensors[index]
        tensor.type = _PACKED_TYPES[bits]
        tensor.buffer = self.model.buffer(pack_rows(data.reshape(1, -1), bits).tobytes())
        return index

    def sparse_constant(
        self, name: str, data: BlockSparse, quantization: Quantization | None = None
    ) -> int:
        """Declare an int8 constant of which only some 8x4 blocks are stored."""
        index = self.tensor(name, data.shape, np.int8, quantization)
        tensor = self.subgraph.tensors[index]
        tensor.buffer = self.model.buffer(data.blocks.tobytes())
        tensor.sparsity = block_sparsity(data)
        return index

    def resource(self, name: str) -> int:
        """Declare the handle of a variable."""
        index = self.tensor(name, (), np.int32)
        self.subgraph.tensors[index].type = schema.TensorType.RESOURCE
        return index

    def operator(
        self,
        code: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        options: Any = None,
        version: int = 1,
    ) -> None:
        """Add a builtin operator by its schema name; `options` is a `schema.*OptionsT`."""
        self.subgraph.operators.append(
            schema.OperatorT(
                opcodeIndex=self.model.operator_code(code, None, version),
                inputs=np.asarray(inputs, np.int32),
                outputs=np.asarray(outputs, np.int32),
                builtinOptionsType=0 if options is None else options_type(options),
                builtinOptions=options,
            )
        )

    def custom(
        self, name: str, inputs: Sequence[int], outputs: Sequence[int], options: bytes
    ) -> None:
        """Add a custom operator; the version of its spec travels inside `options`."""
        self.subgraph.operators.append(
            schema.OperatorT(
                opcodeIndex=self.model.operator_code("CUSTOM", name, 1),
                inputs=np.asarray(inputs, np.int32),
                outputs=np.asarray(outputs, np.int32),
                customOptions=np.frombuffer(options, np.uint8),
            )
        )

    def rename(self, index: int, name: str) -> None:
        """Give a tensor the name under which users find it."""
        self.subgraph.tensors[index].name = name.encode()

    def finish(self, inputs: Sequence[int], outputs: Sequence[int]) -> None:
        """Declare the graph's inputs and outputs, in order."""
        self.subgraph.inputs = np.asarray(inputs, np.int32)
        self.subgraph.outputs = np.asarray(outputs, np.int32)


class ModelBuilder:
    """Builds a `.tflite` model from subgraphs; the first subgraph added is the main one.

    Args:
        description: Of the model.
        graphs: What writes its subgraphs.
    """

    def __init__(self, description: str, graphs: type[GraphBuilder] = GraphBuilder) -> None:
        self._graphs = graphs
        self._model = schema.ModelT(
            version=3,
            description=description.encode(),
            subgraphs=[],
            operatorCodes=[],
            buffers=[schema.BufferT()],
            metadata=[],
            signatureDefs=[],
        )
        self._buffers: dict[bytes, int] = {}
        self._codes: dict[tuple[str, str | None, int], int] = {}

    def graph(self, name: str) -> GraphBuilder:
        """Add an empty subgraph; `index_of` gives the index by which control flow calls it."""
        graph = self._graphs(self, name)
        self._model.subgraphs.append(graph.subgraph)
        return graph

    def index_of(self, graph: GraphBuilder) -> int:
        return next(i for i, sub in enumerate(self._model.subgraphs) if sub is graph.subgraph)

    def buffer(self, data: bytes) -> int:
        """Store `data` once and return its buffer index."""
        if data not in self._buffers:
            self._model.buffers.append(AlignedBuffer(data))
            self._buffers[data] = len(self._model.buffers) - 1
        return self._buffers[data]

    def operator_code(self, code: str, custom: str | None, version: int) -> int:
        key = (code, custom, version)
        if key not in self._codes:
            builtin = getattr(schema.BuiltinOperator, code)
            self._model.operatorCodes.append(
                schema.OperatorCodeT(
                    deprecatedBuiltinCode=min(builtin, 127),
                    builtinCode=builtin,
                    customCode=None if custom is None else custom.encode(),
                    version=version,
                )
            )
            self._codes[key] = len(self._model.operatorCodes) - 1
        return self._codes[key]

    def signature(
        self, key: str, graph: GraphBuilder, inputs: Mapping[str, int], outputs: Mapping[str, int]
    ) -> None:
        """Name the inputs and outputs of a subgraph for `get_signature_runner(key)`."""

        def entries(tensors: Mapping[str, int]) -> list[Any]:
            return [
                schema.TensorMapT(name=name.encode(), tensorIndex=index)
                for name, index in tensors.items()
            ]

        self._model.signatureDefs.append(
            schema.SignatureDefT(
                inputs=entries(inputs),
                outputs=entries(outputs),
                signatureKey=key.encode(),
                subgraphIndex=self.index_of(graph),
            )
        )

    def metadata(self, name: str, data: bytes) -> None:
        """Attach a named blob to the model."""
        self._model.metadata.append(schema.MetadataT(name=name.encode(), buffer=self.buffer(data)))

    def to_bytes(self) -> bytes:
        return pack_model(self._model)


def options_type(options: Any) -> int:
    """Return the union tag of a builtin options object, from its class name."""
    name = type(options).__name__.removesuffix("T")
    return int(getattr(schema.BuiltinOptions, name))
