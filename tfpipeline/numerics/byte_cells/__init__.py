"""FastRNN and FastGRNN in bytes: EdgeML's joint quantization, and a step in integers alone."""

from tfpipeline.numerics.byte_cells.cell_weights import SCALARS, ByteWeights, CellWeights
from tfpipeline.numerics.byte_cells.integer_cell import IntegerCell
from tfpipeline.numerics.byte_cells.quantize import quantize_bytes
from tfpipeline.numerics.byte_cells.step_error import step_error

__all__ = [
    "SCALARS",
    "ByteWeights",
    "CellWeights",
    "IntegerCell",
    "quantize_bytes",
    "step_error",
]
