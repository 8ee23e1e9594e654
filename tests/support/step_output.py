"""What the description of a recurrent step computes, in plain NumPy."""

from __future__ import annotations

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def product(x, matrices):
    for matrix in matrices:
        x = x @ matrix
    return x


def gru_output(step, sequences):
    units = step.units
    state = np.zeros((len(sequences), units))
    outputs = []
    for time in range(sequences.shape[1]):
        x = product(sequences[:, time], step.kernel) + step.bias[0]
        inner = product(state, step.recurrent_kernel) + step.bias[1]
        z, r = (sigmoid(x[:, s] + inner[:, s]) for s in (slice(units), slice(units, 2 * units)))
        if step.attributes["reset_after"]:
            candidate = r * inner[:, 2 * units :]
        else:
            candidate = product(r * state, step.recurrent_kernel)[:, 2 * units :]
        state = z * state + (1 - z) * np.tanh(x[:, 2 * units :] + candidate)
        outputs.append(state)
    return np.stack(outputs, axis=1)


def lstm_output(step, sequences):
    state = carry = np.zeros((len(sequences), step.units))
    outputs = []
    for time in range(sequences.shape[1]):
        p = product(sequences[:, time], step.kernel) + step.bias[0]
        p = p + product(state, step.recurrent_kernel)
        i, f, c, o = np.split(p, 4, axis=1)
        carry = sigmoid(f) * carry + sigmoid(i) * np.tanh(c)
        state = sigmoid(o) * np.tanh(carry)
        outputs.append(state)
    return np.stack(outputs, axis=1)


def simple_rnn_output(step, sequences):
    state = np.zeros((len(sequences), step.units))
    outputs = []
    for time in range(sequences.shape[1]):
        x = product(sequences[:, time], step.kernel) + step.bias[0]
        state = np.tanh(x + product(state, step.recurrent_kernel))
        outputs.append(state)
    return np.stack(outputs, axis=1)


OUTPUTS = {"gru": gru_output, "lstm": lstm_output, "simple_rnn": simple_rnn_output}


def step_output(step, sequences):
    output = OUTPUTS[step.cell](step, sequences)
    return output if step.projection is None else output @ step.projection
