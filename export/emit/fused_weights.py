"""Integer weights of our own ops: packed bits, and zeros left out where that pays.

Blocks of zeros are left out for time, single zeros for bytes: `FusedWeights` says when.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfpipeline.export.flatbuffer.builder import GraphBuilder
from tfpipeline.export.flatbuffer.sparsity import index_bytes
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.export.quantize.zero_blocks import pays_without_blocks, zero_blocks
from tfpipeline.numerics.block_sparse import encode_blocks, pad_scales
from tfpipeline.numerics.fully_connected import pack_rows
from tfpipeline.numerics.masked import masked_size, pack_masked
from tfpipeline.numerics.recurrent import QuantizedMatrix
from tfpipeline.numerics.trits import are_smaller, pack_trits

#: Share of zeros from which the report names a matrix that is stored with them.
_MANY_ZEROS = 0.5


@dataclass(frozen=True)
class StoredZeros:
    """How a matrix of many zeros stands in the fused form, and why.

    Args:
        form: "blocks" (8x4 blocks of zeros are left out), "mask" (every zero is, a bit a number
            says where) or "dense".
        zeros: Share of numbers that are zero.
        zero_blocks: Share of 8x4 blocks that hold nothing else.
        bytes: What is stored, indices included.
        dense_bytes: What the whole matrix takes.
    """

    form: str
    zeros: float
    zero_blocks: float
    bytes: int
    dense_bytes: int

    def __str__(self) -> str:
        what = f"{100 * self.zeros:.0f} % zeros, {100 * self.zero_blocks:.0f} % of blocks"
        size = f"{self.bytes} bytes for {self.dense_bytes}"
        if self.form == "blocks":
            return f"blocks of zeros left out, which is faster: {what}; {size}"
        if self.form == "mask":
            return f"zeros left out, which saves bytes and no time: {what}; {size}"
        return f"stored whole: {what}, fewer than pay"


class FusedWeights:
    """Declares the weights of our own ops in one graph.

    An 8-bit matrix is stored without its 8x4 blocks of zeros where these are so many that it is
    faster so. Else, where the op can read that and the matrix has one scale, without any of its
    zeros, where that is smaller. Else whole. A ternary matrix of 2 bits has five numbers a byte.

    Args:
        graph: Where to.
        blocks: Whether blocks may be left out.
        shared: Whether another graph of the file has the same weights, and other numbers of vectors
            a call: a matrix is then stored as for one vector, which is once.
    """

    def __init__(self, graph: GraphBuilder, blocks: bool, shared: bool = False) -> None:
        self._graph = graph
        self._blocks = blocks
        self._shared = shared
        #: By name, the matrices with many zeros, and what became of them.
        self.zeros: dict[str, StoredZeros] = {}

    def constant(
        self,
        name: str,
        matrix: QuantizedMatrix,
        bits: int,
        parts: int = 1,
        masks: bool = False,
        vectors: int = 1,
        blocks: bool = True,
    ) -> int:
        """Declare a matrix and return its tensor.

        Args:
            name: Of the tensor.
            matrix: Rows of integers with a scale each.
            bits: Of a weight.
            parts: Into how many equal parts the rows fall: the gates of a recurrent layer.
            masks: Whether the op reads matrices without any of their zeros.
            vectors: How many are multiplied with the matrix in a call.
            blocks: Whether the op reads matrices without their blocks of zeros.
        """
        values = matrix.values
        if bits < 8:
            q = Quantization.of_rows(matrix.scales)
            ternary = bits == 2 and are_smaller(values)
            packed = pack_trits(values) if ternary else pack_rows(values, bits)
            return self._graph.constant(name, packed.view(np.int8), q)
        vectors = 1 if self._shared else vectors
        if self._blocks and blocks and pays_without_blocks(values, parts, vectors):
            data = encode_blocks(values, parts)
            q = Quantization.of_rows(pad_scales(matrix.scales, parts))
            self._note(name, matrix, parts, "blocks", data.blocks.nbytes + index_bytes(data))
            return self._graph.sparse_constant(name, data, q)
        q = Quantization.of_rows(matrix.scales)
        # Runtimes want scales of rows along an axis that has them, and bytes of zeros left out
        # have none.
        if masks and len(q.scales()) == 1 and masked_size(values) < values.size:
            self._note(name, matrix, parts, "mask", masked_size(values))
            return self._graph.constant(name, pack_masked(values), q)
        if np.mean(values == 0) >= _MANY_ZEROS:
            self._note(name, matrix, parts, "dense", values.size)
        return self._graph.constant(name, values, q)

    def _note(self, name: str, matrix: QuantizedMatrix, parts: int, form: str, stored: int) -> None:
        zeros, blocks = float(np.mean(matrix.values == 0)), zero_blocks(matrix.values, parts)
        self.zeros[name] = StoredZeros(
            form, round(zeros, 4), round(blocks, 4), stored, matrix.values.size
        )
