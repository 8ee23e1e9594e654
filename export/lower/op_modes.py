"""Which mode each op is written in: that of its layer, where there are kernels for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tfpipeline.export.errors import FloatNeededError
from tfpipeline.export.graph.float_graph import FloatGraph, FloatOperator
from tfpipeline.export.graph.op_layers import OpLayers
from tfpipeline.export.lower.builtin_rules import has_kernel
from tfpipeline.export.modes import FLOAT32, Mode, ModeTable


@dataclass(frozen=True)
class KeptFloat:
    """An op that has no integer kernel and stays in float32."""

    layer: str | None
    code: str


class OpModes:
    """The modes of the ops of a graph.

    Args:
        source: The marked float graph.
        modes: The mode of each layer.
        layer_of: The layer of an op, from the name of its output.
        integers_only: Refuse to compute anything in float32.

    Attributes:
        kept_float: The ops that were asked for and have no kernel in their layer's mode.
        float_layers: The layers that such an op is in.
    """

    def __init__(
        self,
        source: FloatGraph,
        modes: ModeTable,
        layer_of: Callable[[str], str | None],
        integers_only: bool,
    ) -> None:
        self._source = source
        self._modes = modes
        self._layers = OpLayers(source, layer_of)
        self._integers_only = integers_only
        self.kept_float: list[KeptFloat] = []
        self.float_layers = self._find_float_layers()

    def layer(self, op: FloatOperator) -> str | None:
        """Return the layer of an op."""
        return self._layers.of(op)

    def of(self, op: FloatOperator) -> Mode:
        """Return the mode that an op is written in, and note where it is not that of its layer."""
        layer = self.layer(op)
        mode = self._modes.of(layer)
        if mode.activations == FLOAT32:
            return mode
        if layer in self.float_layers or not has_kernel(op, mode.activations):
            if self._integers_only:
                raise FloatNeededError(
                    f"op {op.code} of layer {layer!r} has no {mode.activations} kernel",
                    f"but io='{mode.activations}' asks for a graph of integers: export with "
                    "io='float32', which keeps it in float32",
                )
            self.kept_float.append(KeptFloat(layer, op.code))
            return Mode(FLOAT32, mode.weights)
        return mode

    def can_pair(self, first: FloatOperator, last: FloatOperator) -> bool:
        """Return whether two products may become one op of ours."""
        modes = {self._modes.of(self.layer(op)) for op in (first, last)}
        return len(modes) == 1 and all(mode.fusable for mode in modes)

    def _find_float_layers(self) -> set[str]:
        """Find layers with an op that has no kernel for their mode.

        Converting around it alone would cost more precision than it saves.
        """
        found = set()
        for op in self._source.operators:
            layer = self.layer(op)
            mode = self._modes.of(layer)
            if op.custom is None and mode.activations != FLOAT32 and layer is not None:
                real = self._source.tensors[op.outputs[0]].dtype == np.float32
                if real and op.code != "CAST" and not has_kernel(op, mode.activations):
                    found.add(layer)
        return found
