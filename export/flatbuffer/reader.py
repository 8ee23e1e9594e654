"""Reads float models as the converter writes them, and cuts them where they need an op of ours."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.errors import ExportError
from tfpipeline.export.flatbuffer.packing import AlignedBuffer, pack_model
from tfpipeline.export.flatbuffer.tensor_types import DTYPES
from tfpipeline.export.graph.float_graph import FloatGraph, FloatOperator, FloatTensor

_OP_NAMES = {
    value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)
}
_TYPE_NAMES = {
    value: name for name, value in vars(schema.TensorType).items() if isinstance(value, int)
}


def read_float_graph(data: bytes) -> FloatGraph:
    """Read a model that the converter wrote: one subgraph and one signature."""
    model = schema.ModelT.InitFromPackedBuf(data)
    if len(model.subgraphs) != 1:
        raise ExportError(
            f"the converted model has {len(model.subgraphs)} subgraphs, expected 1: control flow "
            "outside the recurrent layers cannot be exported yet; remove it from the model"
        )
    graph = model.subgraphs[0]
    tensors = []
    for tensor in graph.tensors:
        name = tensor.name.decode()
        if tensor.type not in DTYPES:
            kind = _TYPE_NAMES.get(tensor.type, str(tensor.type))
            raise ExportError(
                f"the model computes with values of type {kind} (tensor {name!r}): expected "
                "float32, integers and booleans; take what makes strings, complex numbers or "
                "float64 out of the model, and apply it to the inputs first"
            )
        dtype = DTYPES[tensor.type]
        shape = tuple(int(size) for size in tensor.shape) if tensor.shape is not None else ()
        raw = model.buffers[tensor.buffer].data
        value = None
        if raw is not None and len(raw):
            value = np.frombuffer(bytes(raw), dtype).reshape(shape).copy()
        tensors.append(FloatTensor(name, shape, dtype, value))
    operators = []
    for op in graph.operators:
        code = model.operatorCodes[op.opcodeIndex]
        custom = code.customCode.decode() if code.customCode else None
        number = max(code.builtinCode, code.deprecatedBuiltinCode)
        operators.append(
            FloatOperator(
                _OP_NAMES[number],
                custom,
                tuple(int(i) for i in op.inputs),
                tuple(int(i) for i in op.outputs),
                op.builtinOptions,
                bytes(op.customOptions) if op.customOptions is not None else b"",
                code.version,
            )
        )
    signature = model.signatureDefs[0]
    return FloatGraph(
        tuple(tensors),
        tuple(operators),
        {entry.name.decode(): int(entry.tensorIndex) for entry in signature.inputs},
        {entry.name.decode(): int(entry.tensorIndex) for entry in signature.outputs},
    )


def cut_at_custom_ops(data: bytes) -> bytes:
    """Remove the custom ops: their outputs become graph inputs, their inputs graph outputs.

    What is left runs in an interpreter that has no kernel for them; calibration feeds their
    outputs from a reference. The signature is dropped, tensors keep their indices.
    """
    model = schema.ModelT.InitFromPackedBuf(data)
    graph = model.subgraphs[0]
    inputs, outputs, kept = list(graph.inputs), list(graph.outputs), []
    for op in graph.operators:
        if model.operatorCodes[op.opcodeIndex].customCode is None:
            kept.append(op)
            continue
        inputs += [int(index) for index in op.outputs]
        outputs += [int(index) for index in op.inputs]
    graph.operators = kept
    graph.inputs = np.asarray(inputs, np.int32)
    graph.outputs = np.asarray(sorted(set(outputs)), np.int32)
    model.signatureDefs = None
    model.buffers = [
        AlignedBuffer(None if buffer.data is None else bytes(buffer.data))
        for buffer in model.buffers
    ]
    return pack_model(model)
