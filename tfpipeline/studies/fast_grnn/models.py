"""The models of the studies of FastGRNN: a recurrent layer and a classifier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import keras
import numpy as np

import tfpipeline as tp
from tfpipeline.studies.fast_grnn.runs import TERNARY, Training

# Plain layers, for the cells that Keras has: what users would train without us.
STOCK: Mapping[str, Any] = MappingProxyType(
    {"rnn": keras.layers.SimpleRNN, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}
)
LAYERS: Mapping[str, Any] = MappingProxyType(
    {
        "rnn": tp.layers.FactoredSimpleRNN,
        "gru": tp.layers.FactoredGRU,
        "normalized_gru": tp.layers.NormalizedGRU,
        "lstm": tp.layers.FactoredLSTM,
        "fast_rnn": tp.layers.FastRNN,
        "fast_grnn": tp.layers.FastGRNN,
        "ugrnn": tp.layers.UGRNN,
        "qrnn": tp.layers.QRNN,
    }
)
# Cells without a kernel for the state.
_ONE_KERNEL = ("qrnn",)
LAYER, CLASSIFIER = "recurrent", "classifier"


def build(run: Training, features: int, classes: int) -> keras.Model:
    """Return a run's model, untrained; it gives logits."""
    x, layer = keras.Input((None, features)), recurrent_layer(run)
    start = [RandomStates(run.units, seed=run.seed)(x)] if run.random_start else None
    return keras.Model(
        x, keras.layers.Dense(classes, name=CLASSIFIER)(layer(x, initial_state=start))
    )


@keras.saving.register_keras_serializable(package="tfpipeline.studies")
class RandomStates(keras.layers.Layer):
    """States from N(0, 1) for each sequence while training, and zeros otherwise.

    Args:
        units: of a state.
        seed: of the draws.
    """

    def __init__(self, units: int, seed: int = 0, **options: Any) -> None:
        super().__init__(**options)
        self.units, self.seed = units, seed
        self._draws = keras.random.SeedGenerator(seed)

    def call(self, x: Any, training: bool = False) -> Any:
        shape = (keras.ops.shape(x)[0], self.units)
        if not training:
            return keras.ops.zeros(shape, x.dtype)
        return keras.random.normal(shape, dtype=x.dtype, seed=self._draws)

    def compute_output_shape(self, shape: Any) -> Any:
        return (shape[0], self.units)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "seed": self.seed}


def as_ternary(model: keras.Model, run: Training) -> keras.Model:
    """Return a GRU's model with ternary factors and normalized products.

    Gains of the normalization start from the norms of the given products.

    Args:
        model: of the factored layer.
        run: that trained it.
    """
    old = model.get_layer(LAYER)
    kind = replace(
        run,
        cell="normalized_gru",
        rank=old.cell.rank,
        recurrent_rank=old.cell.recurrent_rank,
        trace_norm=0.0,
        options=(*run.options, *TERNARY),
    )
    new = build(kind, model.inputs[0].shape[-1], model.outputs[0].shape[-1])
    own = {weight.name: weight for weight in new.get_layer(LAYER).weights}
    for weight in old.weights:
        own[weight.name].assign(weight)
    new.get_layer(CLASSIFIER).set_weights(model.get_layer(CLASSIFIER).get_weights())
    products = (old.cell.kernel, old.cell.recurrent_kernel)
    for normal, product in zip(new.get_layer(LAYER).cell.averages_of(), products, strict=True):
        normal.gain.assign(np.linalg.norm(keras.ops.convert_to_numpy(product), axis=0))
    return new


def recurrent_layer(run: Training) -> Any:
    """Return its recurrent layer."""
    options: dict[str, Any] = {"name": LAYER, **dict(run.options)}
    if run.piecewise:
        options["activation"] = "quant_tanh"
        if run.cell not in ("rnn", "fast_rnn"):
            options["recurrent_activation"] = "quant_sigmoid"
    if run.cell in STOCK and not (run.rank or run.recurrent_rank):
        return STOCK[run.cell](run.units, **options, **_regularizers(run))
    options["rank"] = _rank(run.rank)
    if run.cell not in _ONE_KERNEL:
        options["recurrent_rank"] = _rank(run.recurrent_rank)
    return LAYERS[run.cell](run.units, **options, **_regularizers(run))


def _rank(rank: int) -> Any:
    return "full" if rank < 0 else rank or None


def _regularizers(run: Training) -> dict[str, Any]:
    if not run.trace_norm:
        return {}
    one = tp.regularizers.TraceNorm(run.trace_norm)
    if run.cell in _ONE_KERNEL:
        return {"kernel_regularizer": one}
    return {"kernel_regularizer": one, "recurrent_regularizer": one}
