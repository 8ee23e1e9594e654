"""Training of sparse weights in three phases, as FastGRNN's."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from keras import ops

from tfpipeline.callbacks.best_weights import BestWeights
from tfpipeline.callbacks.density import check_density, densities, gate_counts
from tfpipeline.callbacks.hard_threshold import kept_weights
from tfpipeline.callbacks.masked_steps import Rule
from tfpipeline.callbacks.training_phases import TrainingPhases, check_phases, phases_in_steps
from tfpipeline.callbacks.weight_masks import Select, WeightMasks, check_step


class IterativeHardThresholding(WeightMasks):
    """Trains dense, then under a projection to sparse weights, then with their support fixed.

    Phase I trains all weights. Phase II begins with a projection P, which keeps the weights of
    largest magnitude, and repeats it every `every` steps; in between, weights outside of the
    support stay zero. A step that ends in a projection moves all weights, so that one may come back
    that its gradient asks for:

    ```
    w <- P(w - step)                   after steps n1, n1 + every, n1 + 2 every, ... < n1 + n2
    w <- (w - step) on the support     after the other steps of phases II and III
    ```

    P zeroes what is strictly below the percentile 100 (1 - density) of the magnitudes of one
    matrix. Each factor of a low-rank matrix is a matrix of its own. Kusupati et al. (2018),
    "FastGRNN", section 3.2.2; `every` and the thirds are those of the authors' code. Unlike there
    the optimizer's moments of pruned weights are zero too, so that a weight that comes back starts
    anew, and nothing is selected on test data. With Adam the first step of such a weight is about
    three learning rates long, whatever its gradient: what is kept below that competes with it.

    All of it happens in the graph of the training step, also with several steps an execution.
    The epoch's logs get `"sparsity"` and `"iht_phase"`, the phase after the epoch: 1, 2 or 3. Runs
    go on and resume as those of the other pruning callbacks (see `docs/sparsity.md`); the best
    weights are then those since the run went on.

    Args:
        density: share of the weights that is kept (the paper's s), in (0, 1]: for every kernel, or
            by name: `{"recurrent_kernel": 0.3, "dense/kernel": 1.0}`. A name may be that of a
            variable, of a matrix, which stands for both of its factors, or of a matrix in one layer
            (`"gru/kernel"`), and have a `*`; the first that fits counts. What is not named, or has
            1, stays dense.
        phases: lengths of the three phases. The last one says only how long training should be.
        unit: `"fractions"` of the steps that the first `fit` announces, `"epochs"` or `"steps"`.
        every: steps between two projections in phase II.
        block: None for single weights, or `(outputs, inputs)` of blocks that are kept or zeroed
            together, by their L2 norm: with it the projection is the nearest sparse matrix. It is
            `(rows, inputs)` in the `.tflite` file, the transpose of Keras' kernels; no block has
            rows of two gates, and those at the edges are smaller.
        restore_best: metric of validation data, such as `"val_accuracy"`; training then ends with
            the weights of its best epoch in phase III, also with `use_ema`, whose averages are not
            what was validated. None keeps the last ones.
        mode: whether the `"max"` or `"min"` of `restore_best` is best; `"auto"` asks the metric.
        select: which trainable variables may be sparse; None takes every kernel.

    Raises:
        ValueError: for an argument out of range, names that fit nothing, or phases in fractions or
            epochs where the steps of an epoch are not known.

    Example:

    >>> sparse = IterativeHardThresholding({"kernel": 0.3, "recurrent_kernel": 0.3})
    >>> model.fit(x, y, epochs=300, callbacks=[sparse])
    """

    def __init__(
        self,
        density: float | Mapping[str, float],
        phases: Sequence[float] = (1 / 3, 1 / 3, 1 / 3),
        unit: str = "fractions",
        every: int = 15,
        block: tuple[int, int] | None = None,
        restore_best: str | None = None,
        mode: str = "auto",
        select: Select | None = None,
    ) -> None:
        super().__init__(select)
        self.density = check_density(density)
        self.phases = check_phases(phases, unit)
        self.unit = unit
        self.every = check_step(every, "every", 1)
        self.block = None if block is None else _check_block(block)
        self.restore_best = restore_best
        self.mode = mode
        self._best = None if restore_best is None else BestWeights(restore_best, mode)
        self._boundaries: TrainingPhases | None = None

    @property
    def state(self) -> dict[str, Any]:
        """What a resumed run needs: the steps done, and those before phases II and III."""
        known = self._boundaries
        return {
            **super().state,
            "thresholding_begins": None if known is None else known.thresholding_begins,
            "support_fixed": None if known is None else known.support_fixed,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        begins, fixed = state["thresholding_begins"], state["support_fixed"]
        self._boundaries = None
        if begins is not None:
            begins = check_step(begins, "thresholding_begins")
            self._boundaries = TrainingPhases(begins, check_step(fixed, "support_fixed", begins))

    def variables(self) -> dict[str, Any]:
        """Return the variables that become sparse, by name."""
        shares = self._densities()
        return {name: v for name, v in super().variables().items() if shares[name] < 1}

    def phase(self) -> int:
        """Return the phase (1, 2 or 3) that training is in; 1 before it begins."""
        done = self.state["iteration"]
        return 1 if self._boundaries is None else self._boundaries.phase(done)

    def rule(self, name: str, variable: Any) -> Rule:
        assert self._boundaries is not None
        first, fixed = self._boundaries.thresholding_begins, self._boundaries.support_fixed
        stride = self._optimizers()[id(variable)].gradient_accumulation_steps or 1
        kept = self._projection(name, variable)

        def mask(done: Any, values: Any, support: Any) -> Any:
            # With accumulated gradients there is a step only every `stride` batches.
            latest = first + (done - first) // self.every * self.every
            due = ops.logical_and(done >= first, latest > done - stride)
            due = ops.logical_and(due, ops.logical_or(latest < fixed, latest <= first))
            return ops.cond(
                due, lambda: kept(values), lambda: ops.logical_or(support, done < first)
            )

        return mask

    def _projection(self, name: str, variable: Any) -> Any:
        share = self._densities()[name]
        gates = gate_counts(self.model).get(id(variable), 1)
        return lambda values: kept_weights(values, share, self.block, gates)

    def _densities(self) -> dict[str, float]:
        return densities(self.density, super().variables())

    def _start(self) -> None:
        if self._boundaries is None:
            self._boundaries = phases_in_steps(self.phases, self.unit, self.params)
        if self._iteration == 0 == self._boundaries.thresholding_begins:
            for name, variable in self.variables().items():
                kept = self._projection(name, variable)(ops.convert_to_tensor(variable))
                self.masks[name] = np.asarray(ops.convert_to_numpy(kept))
            self._apply()
        self.masks = {}  # from here on the graph has them

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        super().on_epoch_end(epoch, logs)
        if logs is None:
            return
        logs["iht_phase"] = self.phase()
        if self._best is not None:
            self._best.check(logs)
            if self.phase() == 3:
                self._best.look(self.model, logs)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        super().on_train_end(logs)
        if self._best is not None and not self._best.restore(self.model):
            warnings.warn(
                f"{type(self).__name__} keeps the last weights: no epoch of phase III has "
                f"{self.restore_best!r}; give validation data to fit().",
                stacklevel=2,
            )

    def unfinished(self, iteration: int) -> str | None:
        known = self._boundaries
        if known is None or known.phase(iteration) == 3:
            return None
        return (
            f"has not fixed the support, which it does after {known.support_fixed} steps: training "
            f"ended after {iteration} steps, in phase {known.phase(iteration)}"
        )


def _check_block(block: Any) -> tuple[int, int]:
    sides = tuple(block) if isinstance(block, Sequence) else ()
    if len(sides) != 2 or not all(isinstance(side, (int, np.integer)) for side in sides):
        raise ValueError(
            f"`block` must be None or two ints (outputs, inputs), such as (8, 4); received "
            f"{block!r}."
        )
    return check_step(sides[0], "block", 1), check_step(sides[1], "block", 1)
