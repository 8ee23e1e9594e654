"""What a streaming graph carries from call to call.

* `ExplicitStates`: named inputs and outputs, `<layer>_<state>_in` and `<layer>_<state>_out`, of
  equal scale, so that a program copies bytes. A number is added where the user has such a name.
* `InternalStates`: variables of the interpreter, zero at first and set to zero by a second
  signature, `reset`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.errors import ExportError
from tfpipeline.export.flatbuffer.builder import GraphBuilder
from tfpipeline.export.quantize.quantization import Quantization


class States(ABC):
    """Where states come from and go to.

    Args:
        graph: What reads and writes them.
        taken: Names of the model's inputs and outputs, which no state gets.
    """

    def __init__(self, graph: GraphBuilder, taken: Collection[str] = ()) -> None:
        self.graph = graph
        self._taken = frozenset(taken)
        self.described: list[dict[str, Any]] = []
        self._names: set[str] = set()

    def read(
        self,
        layer: str,
        state: str,
        shape: tuple[int, ...],
        dtype: Any,
        q: Quantization | None,
    ) -> int:
        """Return the tensor of a state as it was after the last call."""
        name = f"{layer}_{state}"
        if name in self._names:
            raise ExportError(
                f"layer {layer!r} is used twice in the model, or is one of two of that name, and a "
                "stream needs a state for each: use two layers with names of their own"
            )
        self._names.add(name)
        name = self._name(layer, state)
        self.described.append(
            {
                **self._description(name),
                "shape": list(shape),
                "dtype": np.dtype(dtype).name,
                "scale": None if q is None else q.scales()[0],
                "zero_point": 0 if q is None else q.zero_point,
            }
        )
        return self._read(name, shape, dtype, q)

    def _name(self, layer: str, state: str) -> str:
        """Return a name of which neither the input nor the output is one of the user's."""
        name, number = f"{layer}_{state}", 0
        while not self._taken.isdisjoint({f"{name}_in", f"{name}_out"}):
            number += 1
            name = f"{layer}_{state}_{number}"
        return name

    @abstractmethod
    def write(self, layer: str, state: str, tensor: int) -> None:
        """Say what the state is after this call."""

    @abstractmethod
    def _read(self, name: str, shape: tuple[int, ...], dtype: Any, q: Quantization | None) -> int:
        """Make the tensor."""

    @abstractmethod
    def _description(self, name: str) -> dict[str, Any]:
        """Return how a program finds it."""


class ExplicitStates(States):
    """States as inputs and outputs."""

    def __init__(self, graph: GraphBuilder, taken: Collection[str] = ()) -> None:
        super().__init__(graph, taken)
        self.inputs: dict[str, int] = {}
        self.outputs: dict[str, int] = {}

    def _description(self, name: str) -> dict[str, Any]:
        return {"input": f"{name}_in", "output": f"{name}_out"}

    def _read(self, name: str, shape: tuple[int, ...], dtype: Any, q: Quantization | None) -> int:
        tensor = self.graph.tensor(f"{name}_in", shape, dtype, q)
        self.inputs[f"{name}_in"] = tensor
        return tensor

    def write(self, layer: str, state: str, tensor: int) -> None:
        name = f"{self._name(layer, state)}_out"
        self.graph.rename(tensor, name)
        self.outputs[name] = tensor


class InternalStates(States):
    """States as variables of the interpreter."""

    def __init__(self, graph: GraphBuilder, taken: Collection[str] = ()) -> None:
        super().__init__(graph, taken)
        self._initial: dict[str, tuple[np.ndarray, Quantization | None]] = {}
        self._handles: dict[str, int] = {}
        model = graph.model
        self._start = model.graph("start")
        options = schema.CallOnceOptionsT(initSubgraphIndex=model.index_of(self._start))
        graph.operator("CALL_ONCE", [], [], options)

    def _description(self, name: str) -> dict[str, Any]:
        return {"variable": name}

    def _handle(self, graph: GraphBuilder, name: str) -> int:
        handle = graph.resource(f"{name}_handle")
        options = schema.VarHandleOptionsT(container=b"", sharedName=name.encode())
        graph.operator("VAR_HANDLE", [], [handle], options)
        return handle

    def _read(self, name: str, shape: tuple[int, ...], dtype: Any, q: Quantization | None) -> int:
        zero = 0 if q is None else q.zero_point
        self._initial[name] = (np.full(shape, zero, dtype), q)
        self._handles[name] = self._handle(self.graph, name)
        tensor = self.graph.tensor(name, shape, dtype, q)
        options = schema.ReadVariableOptionsT()
        self.graph.operator("READ_VARIABLE", [self._handles[name]], [tensor], options)
        return tensor

    def write(self, layer: str, state: str, tensor: int) -> None:
        name = self._name(layer, state)
        self.graph.operator(
            "ASSIGN_VARIABLE", [self._handles[name], tensor], [], schema.AssignVariableOptionsT()
        )

    def finish(self) -> GraphBuilder:
        """Complete the graphs that set the first state; return the one to reset with."""
        self.finish_start()
        return self._set_first_state(self.graph.model.graph("reset"))

    def finish_start(self) -> None:
        """Complete the graph that sets the first state, of a stream that is never reset."""
        self._set_first_state(self._start)

    def _set_first_state(self, graph: GraphBuilder) -> GraphBuilder:
        for name, (value, q) in self._initial.items():
            handle = self._handle(graph, name)
            zero = graph.constant(f"{name}_zero", value, q)
            options = schema.AssignVariableOptionsT()
            graph.operator("ASSIGN_VARIABLE", [handle, zero], [], options)
        graph.finish([], [])
        return graph
