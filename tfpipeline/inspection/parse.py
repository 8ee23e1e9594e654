"""Parses a whole `.tflite` file; each number in it that points somewhere is checked here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import numpy as np

from tfpipeline.inspection.graph import (
    CUSTOM,
    Graph,
    ModelGraph,
    Operator,
    OperatorCode,
    Quantization,
    Signature,
    Sparsity,
    Tensor,
)
from tfpipeline.inspection.operator_table import CUSTOM_NUMBER, operator_name
from tfpipeline.inspection.tensor_types import type_bits
from tfpipeline.runtime.tflite_file import TFLiteFile

_MAX_RANK = 32
# Nothing that is larger exists, and sums of what is smaller fit an int64.
_MAX_TENSOR_BYTES = 1 << 47
_MAX_OPTIONS = 1 << 16
_MAX_CUSTOM_NAME = 1024
#: About what these take in a real file at least, with the reference to them, their shape or
#: operands and an empty name, counted in the bytes that may be read.
_GRAPH_BYTES, _TENSOR_BYTES, _OPERATOR_BYTES = 256, 64, 64
_SIGNATURE_BYTES, _ENTRY_BYTES = 64, 32

# Field numbers of the tables, in the order of TensorFlow Lite's schema.
_VERSION, _CODES, _GRAPHS, _DESCRIPTION, _BUFFERS, _METADATA, _SIGNATURES = 0, 1, 2, 3, 4, 6, 7
_CODE_VERSION = 2
_SHAPE, _TYPE, _BUFFER, _NAME, _QUANTIZATION, _VARIABLE = 0, 1, 2, 3, 4, 5
_SPARSITY, _SHAPE_SIGNATURE, _EXTERNAL = 6, 7, 10
_SCALE, _ZERO_POINT, _AXIS = 2, 3, 6
_DIMENSIONS = 2
#: Type and table of a vector of indices, of which a dimension has two; bytes of each by type.
_INDICES = ((2, 3), (4, 5))
_INDEX_BYTES = {1: 4, 2: 2, 3: 1}
_OP_CODE, _OP_INPUTS, _OP_OUTPUTS, _OP_OPTIONS, _OP_CUSTOM = 0, 1, 2, 4, 5
_OP_LARGE_OFFSET, _OP_LARGE_SIZE, _OP_OPTIONS_2 = 9, 10, 12
_TENSORS, _INPUTS, _OUTPUTS, _OPERATORS, _GRAPH_NAME = 0, 1, 2, 3, 4
_SIGNATURE_INPUTS, _SIGNATURE_OUTPUTS, _KEY, _SIGNATURE_GRAPH = 0, 1, 2, 4

#: Option fields with the number of a graph that the operator runs.
_CALLS = {"WHILE": (0, 1), "IF": (0, 1), "CALL_ONCE": (0,)}
_CALLS_2 = {"STABLEHLO_COMPOSITE": (1,)}
#: Option fields that change how much is computed.
_FLAGS = {"BATCH_MATMUL": (0, 1)}


def parse(path: str | Path) -> ModelGraph:
    """Read a file.

    Raises:
        ModelFileError: it is missing, not a `.tflite` file, or damaged, in one sentence.
    """
    return _Parser(TFLiteFile(path)).model()


class _Parser:
    def __init__(self, file: TFLiteFile) -> None:
        self._file = file
        self._reader = file.reader
        self._data = memoryview(file.reader.data)
        self._codes: tuple[OperatorCode, ...] = ()
        self._buffers: tuple[tuple[int, int], ...] = ()
        self._graph_count = 0

    def model(self) -> ModelGraph:
        reader, root = self._reader, self._file.root
        self._codes = tuple(map(self._code, reader.tables(root, _CODES, _ENTRY_BYTES)))
        # Buffer 0 means none; a model without any cannot say even that.
        self._buffers = tuple(map(self._file.buffer_span, reader.tables(root, _BUFFERS))) or (
            (0, 0),
        )
        # Several buffers may name the same bytes, but what differs cannot exceed the file.
        if sum(size for _, size in set(self._buffers)) > reader.size:
            self._fail("its buffers lie on top of each other")
        graphs = reader.tables(root, _GRAPHS, _GRAPH_BYTES)
        if not graphs:
            self._fail("it holds no graph")
        self._graph_count = len(graphs)
        parsed = tuple(self._graph(index, table) for index, table in enumerate(graphs))
        return ModelGraph(
            path=self._file.path,
            size=reader.size,
            schema_version=reader.scalar(root, _VERSION, "<I", 0),
            description=reader.string(root, _DESCRIPTION),
            codes=self._codes,
            graphs=parsed,
            buffers=self._buffers,
            metadata=tuple(map(self._entry, reader.tables(root, _METADATA, _ENTRY_BYTES))),
            signatures=tuple(
                self._signature(table, parsed)
                for table in reader.tables(root, _SIGNATURES, _SIGNATURE_BYTES)
            ),
            data=self._data,
        )

    def _fail(self, detail: str) -> NoReturn:
        raise self._reader.damaged(detail)

    def _in_range(self, what: str, value: int, count: int, lowest: int = 0) -> int:
        if not lowest <= value < count:
            self._fail(f"{what} {value} of {count}")
        return value

    def _code(self, table: int) -> OperatorCode:
        number, custom = self._file.operator_code(table)
        if len(custom) > _MAX_CUSTOM_NAME:
            self._fail(f"the name of a custom operator has {len(custom)} characters")
        name = CUSTOM if number == CUSTOM_NUMBER else operator_name(number)
        version = self._reader.scalar(table, _CODE_VERSION, "<i", 1)
        return OperatorCode(number, name, version, custom)

    def _entry(self, table: int) -> tuple[str, int]:
        number = self._reader.scalar(table, 1, "<I", 0)
        return self._reader.string(table, 0), self._in_range("buffer", number, len(self._buffers))

    def _graph(self, index: int, table: int) -> Graph:
        reader = self._reader
        tensors = tuple(
            self._tensor(number, position)
            for number, position in enumerate(reader.tables(table, _TENSORS, _TENSOR_BYTES))
        )

        def checked(numbers: Iterable[int], lowest: int) -> tuple[int, ...]:
            return tuple(self._in_range("tensor", n, len(tensors), lowest) for n in numbers)

        def operator(position: int) -> Operator:
            return self._operator(
                position,
                checked(reader.integers(position, _OP_INPUTS), -1),
                checked(reader.integers(position, _OP_OUTPUTS), -1),
            )

        inputs = checked(reader.integers(table, _INPUTS), 0)
        outputs = checked(reader.integers(table, _OUTPUTS), 0)
        for quantization in (tensors[number].quantization for number in (*inputs, *outputs)):
            if quantization is not None:
                # An inspection lists them.
                reader.spend(4 * (len(quantization.scales) + len(quantization.zero_points)))
        return Graph(
            index=index,
            name=reader.string(table, _GRAPH_NAME),
            tensors=tensors,
            inputs=inputs,
            outputs=outputs,
            operators=tuple(
                map(operator, reader.tables(table, _OPERATORS, _OPERATOR_BYTES)),
            ),
        )

    def _tensor(self, index: int, table: int) -> Tensor:
        reader = self._reader
        for field in (_SHAPE, _SHAPE_SIGNATURE):
            if reader.span(table, field, 4)[1] > _MAX_RANK:
                self._fail(f"tensor {index} has an impossible shape")
        shape = reader.integers(table, _SHAPE)
        # Some writers leave sizes open in the shape itself, which interpreters refuse.
        if min(shape, default=0) < -1:
            self._fail(f"tensor {index} has an impossible shape")
        signature = reader.integers(table, _SHAPE_SIGNATURE) or None
        type_code = reader.scalar(table, _TYPE, "<b", 0)
        buffer = reader.scalar(table, _BUFFER, "<I", 0)
        self._in_range("buffer", buffer, len(self._buffers))
        tensor = Tensor(
            index=index,
            name=reader.string(table, _NAME),
            shape=tuple(1 if size == -1 else size for size in shape),
            type_code=type_code,
            buffer=buffer,
            quantization=self._quantization(table),
            variable=bool(reader.scalar(table, _VARIABLE, "<B", 0)),
            signature=shape if -1 in shape else signature,
            external=reader.scalar(table, _EXTERNAL, "<I", 0) > 0,
            open_shape=-1 in shape,
            sparsity=self._sparsity(index, table, type_code, self._buffers[buffer][1]),
        )
        if tensor.elements > _MAX_TENSOR_BYTES or tensor.nbytes > _MAX_TENSOR_BYTES:
            self._fail(f"tensor {index} has an impossible size")
        return tensor

    def _sparsity(self, index: int, tensor: int, type_code: int, size: int) -> Sparsity | None:
        """Return what a sparse tensor stores, by the size of its buffer.

        Whether its indices are such as a kernel takes is for runtimes to say.
        """
        reader = self._reader
        table = reader.table(tensor, _SPARSITY)
        if table is None:
            return None
        # Blocks are dimensions too: up to twice as many as the shape has.
        if reader.span(table, _DIMENSIONS, 4)[1] > 2 * _MAX_RANK:
            self._fail(f"tensor {index} has an impossible sparsity")
        spans: list[tuple[int, int]] = []
        for dimension in reader.tables(table, _DIMENSIONS):
            for kind, field in _INDICES:
                bytes_each = _INDEX_BYTES.get(reader.scalar(dimension, kind, "<B", 0))
                vector = None if bytes_each is None else reader.table(dimension, field)
                if bytes_each is not None and vector is not None:
                    start, count = reader.span(vector, 0, bytes_each)
                    spans.append((start, bytes_each * count))
        bits = type_bits(type_code)
        return Sparsity(8 * size // bits if bits else 0, tuple(spans))

    def _quantization(self, tensor: int) -> Quantization | None:
        reader = self._reader
        table = reader.table(tensor, _QUANTIZATION)
        if table is None:
            return None
        scales = reader.span(table, _SCALE, 4)
        zero_points = reader.span(table, _ZERO_POINT, 8)
        if not scales[1]:
            return None
        return Quantization(
            scales=self._array(scales, "<f4"),
            zero_points=self._array(zero_points, "<i8"),
            axis=reader.scalar(table, _AXIS, "<i", 0),
            spans=((scales[0], 4 * scales[1]), (zero_points[0], 8 * zero_points[1])),
        )

    def _array(self, span: tuple[int, int], dtype: str) -> np.ndarray:
        """Return the numbers of a vector, where they lie: not one of them is copied."""
        start, count = span
        # NumPy refuses a start behind the last byte, also of nothing.
        return np.frombuffer(self._data, dtype, count, start if count else 0)

    def _operator(self, table: int, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Operator:
        reader = self._reader
        number = reader.scalar(table, _OP_CODE, "<I", 0)
        code = self._codes[self._in_range("operator code", number, len(self._codes))]
        calls, flags = [], []
        for place, graph_fields, flag_fields in (
            (_OP_OPTIONS, _CALLS.get(code.name, ()), _FLAGS.get(code.name, ())),
            (_OP_OPTIONS_2, _CALLS_2.get(code.name, ()), ()),
        ):
            options = reader.table(table, place) if graph_fields or flag_fields else None
            if options is None:
                continue
            for field in graph_fields:
                called = reader.scalar(options, field, "<i", 0)
                calls.append(self._in_range("graph", called, self._graph_count))
            flags += [bool(reader.scalar(options, field, "<B", 0)) for field in flag_fields]
        start, size = self._custom(table)
        stored = self._data[start : start + size]
        span = start, size
        return Operator(code, inputs, outputs, stored, span, tuple(calls), tuple(flags))

    def _custom(self, table: int) -> tuple[int, int]:
        """Where the custom options lie: after the flatbuffer in files beyond 2 GB."""
        reader = self._reader
        offset = reader.scalar(table, _OP_LARGE_OFFSET, "<Q", 0)
        if offset <= 1:
            return reader.span(table, _OP_CUSTOM)
        size = reader.scalar(table, _OP_LARGE_SIZE, "<Q", 0)
        if offset + size > reader.size or size > _MAX_OPTIONS:
            self._fail(f"options of {size} bytes at {offset} outside the file")
        return offset, size

    def _signature(self, table: int, graphs: tuple[Graph, ...]) -> Signature:
        reader = self._reader
        graph = self._in_range(
            "graph", reader.scalar(table, _SIGNATURE_GRAPH, "<I", 0), len(graphs)
        )
        count = len(graphs[graph].tensors)

        def entries(field: int) -> tuple[tuple[str, int], ...]:
            return tuple(
                (
                    reader.string(entry, 0),
                    self._in_range("tensor", reader.scalar(entry, 1, "<I", 0), count),
                )
                for entry in reader.tables(table, field, _ENTRY_BYTES)
            )

        return Signature(
            reader.string(table, _KEY),
            graph,
            entries(_SIGNATURE_INPUTS),
            entries(_SIGNATURE_OUTPUTS),
        )
