"""Libraries that compute the same recurrent layers, each in a file of its own."""

from __future__ import annotations

from rivals import ncnn_layers, onnxruntime_layers, openvino_layers

RIVALS = (
    onnxruntime_layers.FLOAT,
    onnxruntime_layers.INT8,
    ncnn_layers.FLOAT,
    ncnn_layers.INT8,
    openvino_layers.FLOAT,
    openvino_layers.BFLOAT16,
)
PACKAGES = tuple(dict.fromkeys(rival.package for rival in RIVALS))
