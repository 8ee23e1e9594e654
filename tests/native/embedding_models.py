"""Random tables of embeddings, and models of one lookup, for the tests of the native part."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from factored_models import make_factor

from tfpipeline.export.flatbuffer.builder import ModelBuilder
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.numerics.block_sparse import encode_blocks, pad_scales
from tfpipeline.numerics.embedding import embedding_float, embedding_int8
from tfpipeline.numerics.embedding_mean import embedding_mean_float, embedding_mean_int8
from tfpipeline.numerics.embedding_options import OP_NAME, EmbeddingOptions, Mean
from tfpipeline.numerics.factored import QuantizedFactor
from tfpipeline.numerics.fully_connected import pack_rows
from tfpipeline.numerics.trits import are_smaller, pack_trits


@dataclass(frozen=True)
class EmbeddingCase:
    """A table, the matrix that follows it if any, and ids; `y_scale` is None for float32."""

    options: EmbeddingOptions
    table: QuantizedFactor
    product: QuantizedFactor | None
    ids: np.ndarray
    y_scale: float | None = None
    y_zero_point: int = -7

    def reference(self) -> np.ndarray:
        """The output by the executable spec."""
        if self.options.mean != Mean.NONE:
            return self._mean()
        if self.y_scale is None:
            return embedding_float(self.ids, self.table, self.product)
        levels = {"y_scale": self.y_scale, "y_zero_point": self.y_zero_point}
        return embedding_int8(self.ids, self.table, self.product, **levels)

    def _mean(self) -> np.ndarray:
        operands, mean = (self.ids, self.table, self.product), self.options.mean
        if self.y_scale is None:
            return embedding_mean_float(*operands, mean=mean)
        levels = {"y_scale": self.y_scale, "y_zero_point": self.y_zero_point}
        return embedding_mean_int8(*operands, mean=mean, **levels)


def make_embedding(
    vocabulary: int = 50,
    width: int = 9,
    units: int = 0,
    shape: tuple[int, ...] = (1, 6),
    bits: tuple[int, int] = (8, 8),
    dtype: type = np.float32,
    per_row: bool = True,
    seed: int = 0,
    mean: Mean = Mean.NONE,
) -> EmbeddingCase:
    """A lookup whose int8 outputs reach both ends of their range; the first and last row occur."""
    rng = np.random.default_rng(seed)
    table = make_factor(rng, vocabulary, width, bits[0], per_row)
    if bits[0] == 8 and vocabulary > 1:
        table.values[0, 0] = -128
    product = make_factor(rng, units, width, bits[1], per_row) if units else None
    ids = rng.integers(0, vocabulary, shape).astype(np.int32)
    ids.flat[0], ids.flat[-1] = vocabulary - 1, 0
    options = EmbeddingOptions(vocabulary, width, units, *bits, mean)
    y_scale = None if dtype is np.float32 else (0.002 if product is None else 0.004)
    return EmbeddingCase(options, table, product, ids, y_scale)


def sparse_product(vocabulary: int, width: int, units: int, **options) -> EmbeddingCase:
    """A lookup whose matrix has blocks of zeros; sizes are multiples of 4 and of 8."""
    case = make_embedding(vocabulary, width, units, **options)
    kept = np.random.default_rng(1).random((units // 8, width // 4)) < 0.3
    values = case.product.values * np.kron(kept, np.ones((8, 4))).astype(np.int8)
    return replace(case, product=QuantizedFactor(values, case.product.scales))


@dataclass
class EmbeddingModel:
    """Edits that a test makes before the model is built."""

    custom_options: bytes | None = None
    ids_shape: tuple[int, ...] | None = None
    ids_dtype: type = np.int32
    table_data: np.ndarray | None = None
    scales_data: np.ndarray | None = None
    product_data: np.ndarray | None = None
    product_scale: float | None = None
    constants: bool = True
    y_dtype: type | None = None
    y_quantization: bool = True
    inputs: tuple[int, ...] = ()
    sparse: bool = False
    trits: bool = False


def embedding_model(case: EmbeddingCase, edit: EmbeddingModel | None = None) -> bytes:
    """The bytes of a model with one node of our op: ids 0, table 1, scales 2, W 3 if any, y."""
    edit, options = edit or EmbeddingModel(), case.options
    model = ModelBuilder("one lookup")
    graph = model.graph("main")
    shape = case.ids.shape if edit.ids_shape is None else edit.ids_shape
    ids = graph.tensor("ids", shape, edit.ids_dtype)

    def constant(name: str, data: np.ndarray, q: Quantization | None = None) -> int:
        return graph.tensor(name, data.shape, data.dtype, q, data if edit.constants else None)

    table = edit.table_data
    table = pack_rows(case.table.values, options.table_bits) if table is None else table
    scales = case.table.scales if edit.scales_data is None else edit.scales_data
    inputs = [ids, constant("table", table), constant("scales", scales), -1]
    if case.product is not None:
        inputs[3] = _product(graph, case, edit, constant)
    q = None if case.y_scale is None else Quantization(case.y_scale, case.y_zero_point)
    dtype = edit.y_dtype or (np.float32 if q is None else np.int8)
    words = shape if options.mean == Mean.NONE else shape[:-1]
    y_shape = (*words, options.output_width)
    y = graph.tensor("y", y_shape, dtype, q if edit.y_quantization else None)
    packed = options.pack() if edit.custom_options is None else edit.custom_options
    graph.custom(OP_NAME, edit.inputs or inputs, [y], packed)
    graph.finish([ids], [y])
    return model.to_bytes()


def _product(graph, case: EmbeddingCase, edit: EmbeddingModel, constant) -> int:
    values, scales = case.product.values, case.product.scales
    if edit.product_scale is not None:
        scales = np.full_like(scales, edit.product_scale)
    q = Quantization.of_rows(scales)
    if edit.sparse:
        padded = pad_scales(scales) if len(scales) > 1 else scales
        return graph.sparse_constant("w", encode_blocks(values), Quantization.of_rows(padded))
    if edit.product_data is not None:
        return constant("w", edit.product_data, q)
    if edit.trits:
        assert are_smaller(values)
        return constant("w", pack_trits(values).view(np.int8), q)
    return constant("w", pack_rows(values, case.options.product_bits), q)
