"""The piecewise-linear functions of byte-quantized FastRNN and FastGRNN.

Kusupati et al. (2018), section 3.2: a model that is to run on integers is trained with them from
the start. Their straight parts need one shift or none, where `tanh` and `sigmoid` need a table.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfpipeline")
def quant_tanh(x: Any) -> Any:
    """Return `clip(x, -1, 1)`, in place of `tanh`.

    `quantTanh` of Kusupati et al. (2018); `keras.activations.hard_tanh` is the same function.

    Args:
        x: tensor of any shape.
    """
    return ops.clip(x, -1.0, 1.0)


@keras.saving.register_keras_serializable(package="tfpipeline")
def quant_sigmoid(x: Any) -> Any:
    """Return `clip((x + 1) / 2, 0, 1)`, in place of `sigmoid`.

    `quantSigm` of Kusupati et al. (2018). `keras.activations.hard_sigmoid` is another function:
    it is `clip(x / 6 + 1 / 2, 0, 1)`, three times as wide.

    Args:
        x: tensor of any shape.
    """
    return ops.clip((x + 1.0) * 0.5, 0.0, 1.0)


@keras.saving.register_keras_serializable(package="tfpipeline")
def quant_sigmoid4(x: Any) -> Any:
    """Return `clip((x + 2) / 4, 0, 1)`, in place of `sigmoid` and with its slope at zero.

    `quantSigm4` in the code of Kusupati et al. (2018). It saturates at 2, `quant_sigmoid` at 1.

    Args:
        x: tensor of any shape.
    """
    return ops.clip((x + 2.0) * 0.25, 0.0, 1.0)
