"""Keras layers; importing this package registers them with Keras for loading."""

from __future__ import annotations

from typing import Any

from tfpipeline.layers.factored.factored_dense import FactoredDense
from tfpipeline.layers.factored.factored_embedding import FactoredEmbedding
from tfpipeline.layers.mapped_rows import MappedRows
from tfpipeline.layers.masked_average_pooling import MaskedAveragePooling1D
from tfpipeline.layers.normalized_dense import NormalizedDense
from tfpipeline.layers.recurrent.factored_gru import FactoredGRU, FactoredGRUCell
from tfpipeline.layers.recurrent.factored_lstm import FactoredLSTM, FactoredLSTMCell
from tfpipeline.layers.recurrent.factored_simple_rnn import (
    FactoredSimpleRNN,
    FactoredSimpleRNNCell,
)
from tfpipeline.layers.recurrent.fast_grnn import FastGRNN, FastGRNNCell
from tfpipeline.layers.recurrent.fast_rnn import FastRNN, FastRNNCell
from tfpipeline.layers.recurrent.low_bit.normalized_gru import NormalizedGRU, NormalizedGRUCell
from tfpipeline.layers.recurrent.low_bit.normalized_lstm import NormalizedLSTM, NormalizedLSTMCell
from tfpipeline.layers.recurrent.qrnn import QRNN, QRNNCell
from tfpipeline.layers.recurrent.recurrent_cell import RecurrentCell
from tfpipeline.layers.recurrent.ugrnn import UGRNN, UGRNNCell

__all__ = [
    "QRNN",
    "UGRNN",
    "FactoredDense",
    "FactoredEmbedding",
    "FactoredGRU",
    "FactoredGRUCell",
    "FactoredLSTM",
    "FactoredLSTMCell",
    "FactoredSimpleRNN",
    "FactoredSimpleRNNCell",
    "FastGRNN",
    "FastGRNNCell",
    "FastRNN",
    "FastRNNCell",
    "MappedRows",
    "MaskedAveragePooling1D",
    "NormalizedDense",
    "NormalizedGRU",
    "NormalizedGRUCell",
    "NormalizedLSTM",
    "NormalizedLSTMCell",
    "QRNNCell",
    "UGRNNCell",
]

TWINS: dict[Any, Any] = {
    kind.PLAIN: kind
    for kind in (globals()[name] for name in __all__)
    if hasattr(kind, "PLAIN") and not issubclass(kind, RecurrentCell)
}
"""Our layers, each by the layer of Keras that it is the twin of."""
