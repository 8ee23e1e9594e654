"""The optimizers and learning rates that the study `lr` compares."""

from __future__ import annotations

from typing import Any

import keras

from tfpipeline.callbacks import CALR, CyclicalLR
from tfpipeline.studies.embeddings.settings import DEFAULT_SCHEDULE

_MOMENTUM, _CLIP_NORM = 0.9, 1.0
_LAST_RATE = 0.01
# Of the triangles: the lower bound as a share of the upper one.
_LOWER = 0.1
_DECAY = 0.5


def optimizer_of(
    schedule: str, rate: float, epoch: int, epochs: int
) -> tuple[Any, list[keras.callbacks.Callback]]:
    """Return an optimizer, and the callbacks that move its learning rate.

    `"adam"` and `"adagrad"` keep their rate, `"adam_cosine"` is Adam along a cosine, and all others
    move the rate of stochastic gradient descent with momentum 0.9. `"calr"` halves the upper bound
    each epoch, of one triangle, and begins again after half of the epochs; `"calr_published"` takes
    a tenth of it each epoch, five times, as the authors' code does; `"clr"` has triangles of two
    epochs; `"sgdr"` (Loshchilov and Hutter, 2017) cosines of one epoch and then of two; `"step"` a
    tenth after half and after three quarters.

    Args:
        schedule: one of `settings.SCHEDULES`, or `"adam_cosine"`.
        rate: the highest.
        epoch: batches of an epoch.
        epochs: that it lasts.
    """
    steps = epoch * epochs
    schedules = keras.optimizers.schedules
    moved: Any = rate
    callbacks: list[keras.callbacks.Callback] = []
    if schedule in ("cosine", DEFAULT_SCHEDULE):
        moved = schedules.CosineDecay(rate, steps, alpha=_LAST_RATE)
    elif schedule == "sgdr":
        moved = schedules.CosineDecayRestarts(rate, epoch, t_mul=2.0, alpha=_LAST_RATE)
    elif schedule == "step":
        moved = schedules.PiecewiseConstantDecay(
            [max(1, steps // 2), max(2, 3 * steps // 4)], [rate, rate / 10, rate / 100]
        )
    elif schedule == "calr":
        half = max(1, epoch // 2)
        callbacks = [CALR(rate, n_decays=max(1, epochs // 2), decay=_DECAY, step_size=half)]
    elif schedule == "calr_published":
        half = max(1, epoch // 2)
        callbacks = [CALR(rate, n_decays=5, decay=0.1, step_size=half, decay_every="epoch")]
    elif schedule == "clr":
        callbacks = [CyclicalLR(rate, lb=_LOWER * rate, step_size=epoch)]
    if schedule in ("adam", DEFAULT_SCHEDULE):
        return keras.optimizers.Adam(moved, global_clipnorm=_CLIP_NORM), callbacks
    if schedule == "adagrad":
        return keras.optimizers.Adagrad(moved, global_clipnorm=_CLIP_NORM), callbacks
    descent = keras.optimizers.SGD(moved, momentum=_MOMENTUM, global_clipnorm=_CLIP_NORM)
    return descent, callbacks
