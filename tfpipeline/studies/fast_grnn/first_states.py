"""How much a trained model depends on the state it begins with."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from tfpipeline.loading import load_model
from tfpipeline.studies.fast_grnn.data import data_of
from tfpipeline.studies.fast_grnn.models import LAYER
from tfpipeline.studies.fast_grnn.runs import FirstStates, RunFiles
from tfpipeline.studies.fast_grnn.training import PREDICT_BATCH, accuracy


def first_states_run(run: FirstStates, files: RunFiles) -> dict[str, Any]:
    """Test the model with one random state for all sequences, several times.

    A row has the model's own `test` accuracy, from zeros, and `drawn`, one accuracy a draw.
    """
    data = data_of(run.run, files)
    model = load_model(files.trained(run.run.name), compile=False)
    layer = model.get_layer(LAYER)
    x, h = keras.Input(data.test.x.shape[1:]), keras.Input((layer.units,))
    given = keras.Model([x, h], model.get_layer("classifier")(layer(x, initial_state=[h])))
    drawn = []
    for draw in range(run.draws):
        rng = np.random.default_rng((run.run.seed, draw))
        state = rng.normal(size=layer.units).astype(np.float32)
        states = np.tile(state, (len(data.test), 1))
        scores = given.predict([data.test.x, states], batch_size=PREDICT_BATCH, verbose=0)
        drawn.append(float(np.mean(np.argmax(scores, axis=-1) == data.test.y)))
    return {"test": accuracy(model, data.test), "drawn": drawn, "seed": run.run.seed}
