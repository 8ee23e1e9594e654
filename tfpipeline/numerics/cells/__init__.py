"""The recurrent cells: `CELLS` is the only list of them in Python."""

from collections.abc import Mapping

from tfpipeline.numerics.cells.cell import Cell, Functions, Gate, Step
from tfpipeline.numerics.cells.fast_grnn import FAST_GRNN
from tfpipeline.numerics.cells.fast_rnn import FAST_RNN
from tfpipeline.numerics.cells.gru import GRU
from tfpipeline.numerics.cells.lstm import LSTM
from tfpipeline.numerics.cells.qrnn import QRNN, QRNN_FO
from tfpipeline.numerics.cells.simple_rnn import SIMPLE_RNN
from tfpipeline.numerics.cells.ugrnn import UGRNN

CELLS: Mapping[str, Cell] = {
    cell.name: cell
    for cell in (
        GRU,
        LSTM,
        SIMPLE_RNN,
        FAST_RNN,
        FAST_GRNN,
        UGRNN,
        QRNN,
        QRNN_FO,
    )
}
"""By name; a new cell is a module of this package and a name in this tuple."""

__all__ = ["CELLS", "Cell", "Functions", "Gate", "Step"]
