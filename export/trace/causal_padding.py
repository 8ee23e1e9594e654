"""Layers that look back in time: padding of the past, which a stream keeps as a state.

A causal convolution is a convolution without padding of the past `k - 1` frames and the new ones.
In a whole sequence the past of the first frame is zeros; in a stream it is what came before. Both
are one marker, `Delay`, in front of the same convolution, so that one table of scales fits both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from tfpipeline.export.graph.markers import Delay


def delay_of(layer: keras.layers.Layer) -> Delay | None:
    """Return the past that a layer needs, where it is one of those that pad it explicitly."""
    if isinstance(layer, keras.layers.Conv1D) and layer.padding == "causal":
        frames = layer.dilation_rate[0] * (layer.kernel_size[0] - 1)
        return Delay(layer.name, frames) if frames else None
    if isinstance(layer, keras.layers.ZeroPadding1D):
        before, after = layer.padding
    elif isinstance(layer, keras.layers.ZeroPadding2D):
        before, after = layer.padding[0]
    else:
        return None
    return Delay(layer.name, before) if before and not after else None


def delayed_call(layer: Any, marker: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return what the layer does once the marker has put the past in front of its input."""
    original = type(layer).call

    def convolve(inputs: Any) -> Any:
        layer.padding = "valid"
        try:
            return original(layer, marker(inputs))
        finally:
            layer.padding = "causal"

    def pad_other_axis(inputs: Any) -> Any:
        delayed = marker(inputs)
        if isinstance(layer, keras.layers.ZeroPadding1D):
            return delayed
        _, (left, right) = layer.padding
        if not left and not right:
            return delayed
        axes = [[0, 0], [0, 0], [left, right], [0, 0]]
        if layer.data_format == "channels_first":
            raise ValueError(f"layer {layer.name!r} has data_format='channels_first'")
        return keras.ops.pad(delayed, axes)

    return convolve if isinstance(layer, keras.layers.Conv1D) else pad_other_axis
