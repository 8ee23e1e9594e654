"""Quantization parameters of a tensor, and those that cover a range or that a kernel prescribes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_SMALLEST_SCALE = 1e-8
_LARGEST_INT16 = 32767.0


@dataclass(frozen=True)
class Quantization:
    """Affine quantization of a tensor: `real = scale * (stored - zero_point)`.

    Args:
        scale: One float for the whole tensor, or one per index of `axis`.
        zero_point: One integer; per-channel tensors always use 0.
        axis: The quantized dimension of a per-channel tensor.
    """

    scale: float | tuple[float, ...]
    zero_point: int = 0
    axis: int = 0

    @classmethod
    def per_channel(cls, scales: np.ndarray, axis: int = 0) -> Quantization:
        return cls(tuple(float(value) for value in scales), 0, axis)

    @classmethod
    def of_rows(cls, scales: np.ndarray) -> Quantization:
        """Return one scale where that of all rows is the same, else one a row."""
        if len(scales) and np.all(scales == scales[0]):
            return cls(float(scales[0]))
        return cls.per_channel(scales)

    def scales(self) -> list[float]:
        return list(self.scale) if isinstance(self.scale, tuple) else [self.scale]


SIGMOID_OUTPUT = Quantization(1.0 / 256.0, -128)
TANH_OUTPUT = Quantization(1.0 / 128.0, 0)
"""Fixed by the int8 LOGISTIC and TANH kernels of TensorFlow Lite."""
UNIT_INT16 = Quantization(2.0**-15, 0)
"""Values within [-1, 1] in a graph of integers."""


def affine(values: np.ndarray) -> Quantization:
    """Return the asymmetric int8 quantization that covers `values` and represents 0 exactly."""
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    scale = (high - low) / 255.0
    if scale < _SMALLEST_SCALE:
        # Nothing but zeros: any scale is exact, and XNNPACK refuses ratios of scales beyond 256.
        return Quantization(1.0 / 128.0, 0)
    return Quantization(scale, int(np.clip(round(-128.0 - low / scale), -128, 127)))


def symmetric_int16(low: float, high: float) -> Quantization:
    """Return the int16 quantization around zero, as the runtimes' int16 kernels want it."""
    return Quantization(max(abs(low), abs(high), 1e-9) / _LARGEST_INT16, 0)
