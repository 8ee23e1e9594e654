"""A layer with quantized weights and normalized products once more, as a loop in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from cell_twins import logistic, twin_of
from quantizer_twins import quantized

from tfpipeline.normalizations import BatchSeparate, BatchShared, Layer, Weight
from tfpipeline.numerics.cells import CELLS
from tfpipeline.numerics.low_bit import alternating


@dataclass(frozen=True)
class Run:
    """What the loop gives: outputs, last states, and the averages after it by name."""

    outputs: np.ndarray
    states: list[np.ndarray]
    averages: dict[str, np.ndarray]


def values_of(layer: Any) -> dict[str, np.ndarray]:
    """The weights of a layer by name."""
    return {w.name: np.asarray(w, np.float64) for w in layer.weights}


class Twin:
    """Runs a layer's weights; its matrices may be moved between runs.

    Args:
        layer: built, with whole kernels and without dropout.
    """

    def __init__(self, layer: Any) -> None:
        cell = layer.cell
        self.kind, self.units = CELLS[cell.KIND], cell.units
        self.gates = len(self.kind.gates)
        self.w = values_of(layer)
        self.normalization = cell.normalization
        self.activation_bits = cell.activation_bits
        name = cell.weight_quantizer and type(cell.weight_quantizer).__name__
        self.matrices = {
            kernel: quantized(
                None if kernel == "kernel" and cell.features == 1 else name,
                self.w[kernel],
                self.gates,
                self.w.get(f"{kernel}_second_moment"),
            )
            for kernel in ("kernel", "recurrent_kernel")
        }
        self.bias = cell.export_bias().astype("float64")
        self.numbers = {n: cell.export_attributes()[n] for n in self.kind.parameters}
        self.numbers |= self.kind.numbers_of_units(self.bias)

    def run(
        self,
        x: np.ndarray,
        training: bool = False,
        mask: np.ndarray | None = None,
        states: list[np.ndarray] | None = None,
        first: int = 0,
    ) -> Run:
        batch, time, _ = x.shape
        states = states or [np.zeros((batch, self.units)) for _ in self.kind.states]
        on = np.ones((batch, time), bool) if mask is None else mask
        count = np.full(batch, first)
        seen: dict[str, list[tuple[Any, Any]]] = {
            name: [] for name in ("kernel", "recurrent_kernel", "cell")
        }
        outputs = []
        for step in range(time):
            now = on[:, step]
            p_x = self.normal("kernel", x[:, step], training, now, count, seen)
            p_h = self.normal("recurrent_kernel", states[0], training, now, count, seen)
            p_x = p_x + self.bias[0]
            if self.kind.bias_rows > 1:
                p_h = p_h + self.bias[1]
            split = [np.split(p, self.gates, axis=1) for p in (p_x, p_h)]
            new = twin_of(self.kind.name)(*split, states, **self.numbers)
            if "cell_gain" in self.w:
                c = self.normal("cell", new[1], training, now, count, seen)
                new[0] = logistic(split[0][3] + split[1][3]) * np.tanh(c)
            states = [np.where(now[:, None], a, b) for a, b in zip(new, states, strict=True)]
            count = count + now
            outputs.append(states[0])
        averages = self.averages(seen, on.sum(axis=0) > 1, first) if training else {}
        return Run(np.stack(outputs, axis=1), states, averages)

    def normal(
        self,
        name: str,
        x: np.ndarray,
        training: bool,
        now: np.ndarray,
        count: np.ndarray,
        seen: dict[str, list[tuple[Any, Any]]],
    ) -> np.ndarray:
        kernel, how = self.matrices.get(name), self.normalization
        if name == "recurrent_kernel" and self.activation_bits:
            planes = [alternating(v[:, None], self.activation_bits).values() for v in x]
            x = np.concatenate(planes, axis=1).T
        p: np.ndarray = x if kernel is None else x @ kernel
        if how is None:
            return p
        gain = self.w[f"{name}_gain"]
        if isinstance(how, Weight):
            norms = np.linalg.norm(kernel, axis=0)
            return p * gain / (np.where(norms > 0, norms, 1) + how.epsilon)
        if isinstance(how, Layer):
            parts = []
            for part in np.split(p, 1 if kernel is None else self.gates, axis=1):
                deviation = np.sqrt(part.var(axis=1, keepdims=True) + how.epsilon)
                parts.append((part - part.mean(axis=1, keepdims=True)) / deviation)
            return np.concatenate(parts, axis=1) * gain + self.w[f"{name}_offset"]
        if training:
            some = p[now] if now.any() else np.zeros((1, p.shape[1]))
            mean, variance = some.mean(axis=0), some.var(axis=0)
            if not now.any():
                variance = 0 * variance
            seen[name].append((mean, variance))
        else:
            mean, variance = (self.w[f"{name}_moving_{what}"] for what in ("mean", "variance"))
            if isinstance(how, BatchSeparate):
                row = np.minimum(count, len(mean) - 1)
                mean, variance = mean[row], variance[row]
        normal = (p - mean) / np.sqrt(variance + how.epsilon)
        return normal * gain + self.w[f"{name}_offset"]

    def averages(
        self, seen: dict[str, list[tuple[Any, Any]]], counts: np.ndarray, first: int
    ) -> dict[str, np.ndarray]:
        """The moving averages: each row moves by the mean over the time steps that it serves."""
        found = {}
        for name, steps in seen.items():
            for index, what in enumerate(("mean", "variance") if steps else ()):
                old = self.w[f"{name}_moving_{what}"]
                table = np.atleast_2d(old).copy()
                for row in range(len(table)):
                    shared = isinstance(self.normalization, BatchShared)
                    own = [
                        step[index]
                        for t, step in enumerate(steps)
                        if counts[t] and (shared or min(first + t, len(table) - 1) == row)
                    ]
                    if own:
                        keep = self.normalization.momentum
                        table[row] = keep * table[row] + (1 - keep) * np.mean(own, axis=0)
                found[f"{name}_moving_{what}"] = table.reshape(old.shape)
        return found
