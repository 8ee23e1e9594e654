"""FastRNN and FastGRNN in bytes: EdgeML's joint quantization, and a step in integers alone."""

from tfpipeline.numerics.byte_cells.cell_weights import SCALARS, ByteWeights, CellWeights
from tfpipeline.numerics.byte_cells.quantize import quantize_bytes

__all__ = ["SCALARS", "ByteWeights", "CellWeights", "quantize_bytes"]
