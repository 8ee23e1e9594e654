"""The weights of a language model as bytes can hold them."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from tfpipeline.microcontroller.weights_of_step import Classifier, weights_of_step
from tfpipeline.numerics.byte_cells import quantize_bytes
from tfpipeline.numerics.byte_cells.cell_weights import SCALAR_SCALE
from tfpipeline.studies.fast_grnn.language.models import CLASSIFIER
from tfpipeline.studies.fast_grnn.models import LAYER


def to_byte_weights(model: keras.Model) -> None:
    """Round the numbers of a FastGRNN and of the classifier behind it to the paper's integers.

    See `tfpipeline.numerics.byte_cells.quantize_bytes`. The embedding stays as it is: it has no
    part in the paper's sizes.
    """
    layer, dense = model.get_layer(LAYER), model.get_layer(CLASSIFIER)
    classifier = Classifier(*(ops.convert_to_numpy(weight) for weight in dense.weights))
    stored = quantize_bytes(weights_of_step(layer.export_step(), classifier))
    scalars = {f"{name}_logit": value / SCALAR_SCALE for name, value in stored.scalars.items()}
    values = {"bias": stored.bias / stored.scale}
    for name in ("kernel", "recurrent_kernel"):
        matrices = [matrix / stored.scale for matrix in getattr(stored, name)]
        names = [name] if len(matrices) == 1 else [f"{name}_left", f"{name}_right"]
        values |= dict(zip(names, matrices, strict=True))
    for weight in layer.trainable_weights:
        if weight.name in scalars:
            share = scalars[weight.name]
            weight.assign(np.log(share / (1 - share)))
        else:
            weight.assign(values[weight.name])
    for weight, value in ((dense.kernel, stored.classifier), (dense.bias, stored.classifier_bias)):
        weight.assign(np.asarray(value) / stored.classifier_scale)
