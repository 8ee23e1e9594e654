"""Models of one fully connected layer, and inputs for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.flatbuffer.builder import GraphBuilder, ModelBuilder
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.numerics.block_sparse import BLOCK, encode_blocks, pad_scales, pad_to_blocks
from tfpipeline.numerics.fully_connected import pack_rows
from tfpipeline.numerics.fully_connected_options import OP_NAME, FullyConnectedOptions


def with_zero_blocks(
    values: np.ndarray, share: float, rng: np.random.Generator, parts: int = 1
) -> np.ndarray:
    """Return a matrix with this share of the 8x4 blocks of each part of its rows set to zero."""
    padded = pad_to_blocks(values, parts).shape
    rows, depth = padded[0] // BLOCK[0], padded[1] // BLOCK[1]
    per_part = rows // parts * depth
    kept = [rng.permutation(per_part) >= round(share * per_part) for _ in range(parts)]
    blocks = np.concatenate(kept).reshape(parts, rows // parts, depth)
    mask = blocks.repeat(BLOCK[0], axis=1).repeat(BLOCK[1], axis=2)
    return values * mask[:, : len(values) // parts, : values.shape[1]].reshape(values.shape)


def sparse_weights(
    graph: GraphBuilder, name: str, values: np.ndarray, scales: np.ndarray, parts: int = 1
) -> int:
    """Declare int8 weights without their blocks of zeros."""
    q = Quantization.per_channel(pad_scales(scales, parts))
    return graph.sparse_constant(name, encode_blocks(values, parts), q)


@dataclass(frozen=True)
class Layer:
    """What a model of one layer computes; `zeros` is the share of 8x4 blocks of zeros left out."""

    rows: int
    depth: int
    batch: int
    is_float: bool
    bits: int
    zeros: float = 0.0

    def model(self, custom: bool) -> bytes:
        """Return the model file: our op where `custom`, else the builtin one."""
        rng = np.random.default_rng(0)
        high = 2 ** (self.bits - 1)
        low = -high + (self.bits == 8)
        weights = rng.integers(low, high, (self.rows, self.depth)).astype(np.int8)
        scales = (rng.uniform(0.5, 2.0, self.rows) * 0.05 / high).astype(np.float32)
        data = pack_rows(weights, self.bits) if self.bits < 8 else weights
        dtype = np.float32 if self.is_float else np.int8
        x_levels = None if self.is_float else Quantization(0.037, 5)
        y_levels = None if self.is_float else Quantization(0.2, -7)
        builder = ModelBuilder("a fully connected layer")
        graph = builder.graph("main")
        x = graph.tensor("x", (self.batch, self.depth), dtype, x_levels)
        if self.zeros:
            w = sparse_weights(graph, "w", with_zero_blocks(weights, self.zeros, rng), scales)
        else:
            w = graph.constant("w", data, Quantization.per_channel(scales))
        bias_levels = Quantization.per_channel(np.float32(0.037) * scales)
        zeros = np.zeros(self.rows, np.float32 if self.is_float else np.int32)
        b = graph.constant("b", zeros, None if self.is_float else bias_levels)
        y = graph.tensor("y", (self.batch, self.rows), dtype, y_levels)
        if custom:
            options = FullyConnectedOptions(self.rows, self.depth, self.bits)
            graph.custom(OP_NAME, [x, w, b], [y], options.pack())
        else:
            if self.bits < 8:
                tensor = graph.subgraph.tensors[w]
                types = {4: schema.TensorType.INT4, 2: schema.TensorType.INT2}
                tensor.type = types[self.bits]
                tensor.shape = np.array((self.rows, self.depth), np.int32)
            options = schema.FullyConnectedOptionsT(asymmetricQuantizeInputs=self.is_float)
            graph.operator("FULLY_CONNECTED", [x, w, b], [y], options, 9 if self.is_float else 4)
        graph.finish([x], [y])
        return builder.to_bytes()

    def input(self) -> np.ndarray:
        rng = np.random.default_rng(1)
        shape = (self.batch, self.depth)
        if self.is_float:
            return rng.standard_normal(shape).astype(np.float32)
        return rng.integers(-128, 128, shape).astype(np.int8)


@dataclass(frozen=True)
class UnsignedLayer(Layer):
    """The same in uint8, with one scale and zero point a tensor."""

    def model(self, custom: bool) -> bytes:
        rng = np.random.default_rng(0)
        weights = rng.integers(0, 256, (self.rows, self.depth), dtype=np.uint8)
        builder = ModelBuilder("a fully connected layer")
        graph = builder.graph("main")
        x = graph.tensor("x", (self.batch, self.depth), np.uint8, Quantization(0.037, 133))
        w = graph.constant("w", weights, Quantization(0.0005, 121))
        zeros = np.zeros(self.rows, np.int32)
        b = graph.constant("b", zeros, Quantization(float(np.float32(0.037) * np.float32(0.0005))))
        y = graph.tensor("y", (self.batch, self.rows), np.uint8, Quantization(0.02, 121))
        if custom:
            options = FullyConnectedOptions(self.rows, self.depth, self.bits)
            graph.custom(OP_NAME, [x, w, b], [y], options.pack())
        else:
            graph.operator("FULLY_CONNECTED", [x, w, b], [y], schema.FullyConnectedOptionsT())
        graph.finish([x], [y])
        return builder.to_bytes()

    def input(self) -> np.ndarray:
        shape = (self.batch, self.depth)
        return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
