"""What the description of a recurrent step computes, in plain NumPy."""

from __future__ import annotations

import numpy as np
from cell_twins import logistic, twin_of

from tfpipeline.numerics.cells import CELLS


def product(x, matrices):
    for matrix in matrices:
        x = x @ matrix
    return x


def normalized(step, products, row):
    """With layer normalization, the part of each gate less its mean, over its deviation."""
    if step.layer_norm is None:
        return products
    parts = np.split(products, step.bias.shape[1] // step.units, axis=1)
    for part in parts:
        part -= part.mean(axis=1, keepdims=True)
        part /= np.sqrt(part.var(axis=1, keepdims=True) + step.layer_norm.epsilon)
    return np.concatenate(parts, axis=1) * step.layer_norm.gains[row]


def reset_before(step, p_x, p_h, states):
    """A GRU whose reset gate acts on the state, before the product."""
    (h,) = states
    z, r = (logistic(p_x[i] + p_h[i]) for i in range(2))
    candidate = product(r * h, step.recurrent_kernel)[:, 2 * step.units :]
    return [z * h + (1 - z) * np.tanh(p_x[2] + candidate)]


def step_output(step, sequences):
    kind, gates = CELLS[step.cell], step.bias.shape[1] // step.units
    numbers = {name: step.attributes[name] for name in kind.parameters}
    numbers |= kind.numbers_of_units(step.bias)
    states = [np.zeros((len(sequences), step.units)) for _ in kind.states]
    outputs = []
    for time in range(sequences.shape[1]):
        x = normalized(step, product(sequences[:, time], step.kernel), 0) + step.bias[0]
        inner = normalized(step, product(states[0], step.recurrent_kernel), 1)
        if kind.bias_rows > 1:
            inner = inner + step.bias[1]
        p_x, p_h = np.split(x, gates, axis=1), np.split(inner, gates, axis=1)
        if step.attributes.get("reset_after", True):
            states = twin_of(step.cell)(p_x, p_h, states, **numbers)
        else:
            states = reset_before(step, p_x, p_h, states)
        outputs.append(states[0])
    output = np.stack(outputs, axis=1)
    return output if step.projection is None else output @ step.projection
