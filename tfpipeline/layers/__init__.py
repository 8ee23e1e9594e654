"""Keras layers; importing this package registers them with Keras for loading."""

from __future__ import annotations

from tfpipeline.layers.factored.factored_dense import FactoredDense
from tfpipeline.layers.recurrent.factored_gru import FactoredGRU
from tfpipeline.layers.recurrent.factored_gru_cell import FactoredGRUCell
from tfpipeline.layers.recurrent.factored_lstm import FactoredLSTM
from tfpipeline.layers.recurrent.factored_lstm_cell import FactoredLSTMCell

__all__ = [
    "FactoredDense",
    "FactoredGRU",
    "FactoredGRUCell",
    "FactoredLSTM",
    "FactoredLSTMCell",
]
