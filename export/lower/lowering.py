"""Writes a marked float graph as a model, portable or fused, in any mix of modes.

The walk over its ops: each is written by whoever knows its kind, in the mode of its layer. Where
activations are, and in which formats, is in `tensor_formats.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.emit.fused_lookups import FusedLookup, fused_lookups
from tfpipeline.export.emit.fused_weights import FusedWeights
from tfpipeline.export.emit.sparse_products import is_sparse_product
from tfpipeline.export.errors import ExportError
from tfpipeline.export.flatbuffer.builder import GraphBuilder
from tfpipeline.export.graph.float_graph import FloatGraph, FloatOperator
from tfpipeline.export.graph.markers import Delay
from tfpipeline.export.graph.pairs import find_pairs
from tfpipeline.export.lower.bias_correction import Biases
from tfpipeline.export.lower.builtin_rules import OpRule, rule_of
from tfpipeline.export.lower.delay import lower_delay, put_past
from tfpipeline.export.lower.embedding_tables import emit_table
from tfpipeline.export.lower.factored_lookup import emit_factored_lookup
from tfpipeline.export.lower.factored_pair import lower_pair
from tfpipeline.export.lower.fused_lookup import lower_lookup
from tfpipeline.export.lower.op_modes import KeptFloat, OpModes
from tfpipeline.export.lower.products import emit_product
from tfpipeline.export.lower.scales import QuantizationTable
from tfpipeline.export.lower.sparse_dense import lower_sparse
from tfpipeline.export.lower.stream_states import States
from tfpipeline.export.lower.tensor_formats import Activations
from tfpipeline.export.modes import FLOAT32, INT8, INT16, Mode
from tfpipeline.export.options import ExportOptions, Form
from tfpipeline.export.recurrent.cells import portable_step
from tfpipeline.export.recurrent.fused import lower_fused
from tfpipeline.export.recurrent.gate_format import FLOAT_GATES, INT16_GATES, GateArithmetic
from tfpipeline.export.recurrent.portable_layer import lower_sequence, lower_step, lower_unrolled
from tfpipeline.export.recurrent.product_format import LinearArithmetic
from tfpipeline.export.recurrent.quantize import RecurrentPlan


class Lowering:
    """Lowers one graph to one form.

    Args:
        source: The marked float graph, at the number of time steps to write.
        table: Scales and quantized layers, for the tensors of `source`.
        graph: Where to write.
        form: What to write.
        options: The mode of each layer, and whether biases are corrected. Nothing is computed in
            float32 where inputs and outputs are integers.
        layer_of: The layer of an op, from the name of its output.
        states: Where states come from and go to, in a streaming form.
        unrolled: Whether the time steps of a stream are written out, without a loop.
        sparse: Outputs of dense layers that another graph of the file stores without their blocks
            of zeros.
    """

    def __init__(
        self,
        source: FloatGraph,
        table: QuantizationTable,
        graph: GraphBuilder,
        form: Form,
        options: ExportOptions,
        layer_of: Callable[[str], str | None],
        states: States | None = None,
        unrolled: bool = False,
        sparse: Collection[int] = (),
    ) -> None:
        modes, integers_only = options.modes, options.io != FLOAT32
        only = modes.default.activations if integers_only else None
        self.activations = Activations(source, graph, table, layer_of, only)
        self.source = source
        self.graph = graph
        # A stream takes any length anyway.
        self.bounded = options.bounded and not form.streaming
        self.marked_outputs: dict[int, str] = {}
        self._form = form
        self._skips_blocks = form.fused and options.block_sparse
        self.fused_weights = FusedWeights(graph, self._skips_blocks, options.one_file)
        self._sparse = sparse
        self._plans = table.plans
        self._modes = modes
        self._op_modes = OpModes(source, modes, layer_of, integers_only)
        self._states = states
        self._unrolled = unrolled
        self._integers_only = integers_only
        layer = self._op_modes.layer
        found = fused_lookups(source, lambda op: modes.of(layer(op)))
        # Builtin ops average words by themselves.
        lookups = (one if form.fused else FusedLookup(one.lookup) for one in found)
        self._lookups = {lookup.last: lookup for lookup in lookups}
        looked_up = {one.lookup.last for one in self._lookups.values()}
        self._pairs = {
            last: first
            for last, first in find_pairs(source).items()
            if not {first, last} & looked_up
            and self._op_modes.can_pair(source.operators[first], source.operators[last])
        }
        products = (one.lookup.product for one in self._lookups.values())
        begun = (*self._pairs.values(), *(one for one in products if one is not None))
        firsts = [source.operators[first] for first in begun]
        self._biases = Biases(source, table.means if options.correct_bias else {}, firsts)
        self._given_length: tuple[int, str, int] | None = None
        self._clamped: int | None = None

    @property
    def kept_float(self) -> list[KeptFloat]:
        """Ops that have no integer kernel and stay in float32."""
        return self._op_modes.kept_float

    def declare_length(self, name: str, frames: int) -> int:
        """Declare the input that says how many of `frames` time steps count."""
        given = self.graph.tensor(name, (1,), np.int32)
        self._given_length = given, name, frames
        return given

    def _clamped_length(self) -> int | None:
        """Return the number of time steps that count, not beyond those of the input; None: all.

        The op that clamps it is written for the first layer that asks.
        """
        if self._given_length is not None and self._clamped is None:
            given, name, frames = self._given_length
            most = self.graph.constant(f"{name}/most", np.array([frames], np.int32))
            # A loop that ran further would read outside of its input.
            self._clamped = self.graph.tensor(f"{name}/clamped", (1,), np.int32)
            options = schema.MaximumMinimumOptionsT()
            self.graph.operator("MINIMUM", [given, most], [self._clamped], options)
        return self._clamped

    def run(self) -> None:
        """Lower every op; inputs must be defined before."""
        operators = self.source.operators
        pairs = self._pairs if self._form.fused else {}
        lookups = {
            last: lookup
            for last, lookup in self._lookups.items()
            if self._form.fused or lookup.lookup.product is not None
        }
        parts = (position for lookup in lookups.values() for position in lookup.begun)
        begun = {*pairs.values(), *parts}
        for position, op in enumerate(operators):
            plan = self._plans.get(position)
            if isinstance(plan, RecurrentPlan):
                self._recurrent(plan, op)
            elif isinstance(plan, Delay):
                self._delay(plan, op)
            elif position in pairs:
                mode, first = self._op_modes.of(op), operators[pairs[position]]
                bias = self._biases.corrected(op, mode)
                lower_pair(self.activations, first, op, mode, bias, self.fused_weights)
            elif position in lookups:
                self._lookup(lookups[position], op)
            elif position not in begun:
                self._stock(op)

    def _lookup(self, found: FusedLookup, last: FloatOperator) -> None:
        lookup, operators = found.lookup, self.source.operators
        gather, embedded = operators[lookup.gather], operators[lookup.last]
        mode = self._op_modes.of(embedded)
        if self._form.fused:
            kind = mode.activations
            if found.average is not None:
                averaged = self._modes.of(self._op_modes.layer(last)).activations
                kind = INT8 if averaged == INT8 else FLOAT32
            lower_lookup(self.activations, found, mode, kind, self.fused_weights)
        elif not emit_factored_lookup(self.activations, gather, embedded, mode):
            self._stock(gather)
            self._stock(embedded)

    def _stock(self, op: FloatOperator) -> None:
        real = [i for i in (*op.inputs, *op.outputs) if i >= 0 and self.activations.is_real(i)]
        if not real or op.code == "CAST":
            self._plain(op)
            return
        mode = self._op_modes.of(op)
        sparse = op.outputs[0] in self._sparse or is_sparse_product(self.source, op, mode)
        if self._skips_blocks and sparse:
            bias = self._biases.corrected(op, mode)
            lower_sparse(self.activations, op, mode, bias, self.fused_weights)
            return
        if emit_product(self.activations, op, mode, self._biases):
            return
        if emit_table(self.activations, op, mode):
            return
        kind, rule = mode.activations, rule_of(op)
        like = None
        if kind != FLOAT32 and rule is not None and rule.inputs_like_output:
            like = self.activations.quantization(op.outputs[0], kind)
        inputs = [self.activations.read(index, kind, like) for index in op.inputs]
        outputs = [self.activations.declare(index, kind) for index in op.outputs]
        self.graph.operator(op.code, inputs, outputs, *self._options(op, kind, rule))

    def _options(self, op: FloatOperator, kind: str, rule: OpRule | None) -> tuple[Any, int]:
        options = op.options
        if op.code == "RESHAPE":
            shape = self.source.tensors[op.inputs[1]].data
            options = schema.ReshapeOptionsT(newShape=shape)
        if kind == FLOAT32 or rule is None:
            return options, op.version
        if kind == INT16 and op.code in ("ADD", "SUB"):
            # Without this the int16 kernels take scales of powers of two only.
            options.potScaleInt16 = False
        return options, rule.versions[kind]

    def _plain(self, op: FloatOperator) -> None:
        """Write an op on integers, such as indices, or one that turns them into real numbers."""
        inputs = [self.activations.read(index) for index in op.inputs]
        outputs = [self.activations.declare(index, FLOAT32) for index in op.outputs]
        self.graph.operator(op.code, inputs, outputs, op.options, op.version)

    def _gates(self, mode: Mode) -> GateArithmetic:
        # Who asks for integer inputs and outputs wants a graph of integers only.
        return INT16_GATES if self._integers_only or mode.activations == INT16 else FLOAT_GATES

    def _recurrent(self, plan: RecurrentPlan, op: FloatOperator) -> None:
        mode, index, output = self._modes.of(plan.name), op.inputs[0], op.outputs[0]
        frames = self.source.tensors[index].shape[1]
        if self._states is not None and plan.go_backwards:
            raise ExportError(
                f"layer {plan.name!r} runs backwards in time, which a stream cannot: export with "
                "streaming=False"
            )
        if self.bounded and plan.go_backwards:
            raise ExportError(
                f"layer {plan.name!r} runs backwards in time, from the padding at the end: export "
                "with length='fixed'"
            )
        if self._form.fused and mode.fusable:
            x, old = self._windowed(plan, index, INT8), self._old_states(plan, FLOAT_GATES)
            # The op does not read beyond its input, whose length a program may change.
            length = None if self._given_length is None else self._given_length[0]
            result, new = lower_fused(self.graph, self.fused_weights, plan, x, frames, old, length)
            self._define_recurrent(plan, output, result, new, INT8)
            return
        kind, gates = mode.activations, self._gates(mode)
        if plan.layer_norm is not None and gates is INT16_GATES:
            raise ExportError(
                f"layer {plan.name!r} normalizes its products at every step, for which integers "
                "have no kernel: expected io='float32' and a mode with int8 or float activations, "
                f"received io={'int8' if self._integers_only else 'float32'!r} and {kind} "
                "activations; export it so, or train with normalization='weight'"
            )
        q = None if kind == FLOAT32 else self.activations.quantization(index, kind)
        step = portable_step(plan.cell)(plan, q, LinearArithmetic(mode), gates)
        x, old = self._windowed(plan, index, kind), self._old_states(plan, gates)
        if frames == 1:
            if old is None:
                old = [gates.zero(self.graph, state, plan.units) for state in plan.states]
            result, new = lower_step(self.graph, step, x, old)
        elif self._unrolled and old is not None:
            result, new = lower_unrolled(self.graph, step, x, frames, old)
        else:
            result, new = lower_sequence(self.graph, step, x, frames, old, self._clamped_length())
        self._define_recurrent(plan, output, result, new, kind)

    def _windowed(self, plan: RecurrentPlan, index: int, kind: str) -> int:
        """Return a layer's input with the past that its first window reads."""
        x, past = self.activations.read(index, kind), plan.window - 1
        if past == 0:
            return x
        shape = self.source.tensors[index].shape
        q = None if kind == FLOAT32 else self.activations.quantization(index, kind)
        name, dtype = f"{plan.name}/windowed", np.dtype(kind)
        result = self.graph.tensor(name, (1, shape[1] + past, *shape[2:]), dtype, q)
        put_past(self.graph, (plan.name, name), x, shape, past, kind, q, self._states, result)
        return result

    def _old_states(self, plan: RecurrentPlan, gates: GateArithmetic) -> list[int] | None:
        if self._states is None:
            return None
        return [
            self._states.read(
                plan.name, state.name, (1, plan.units), gates.dtype, gates.state(state)
            )
            for state in plan.states
        ]

    def _define_recurrent(
        self, plan: RecurrentPlan, output: int, result: int, new: Sequence[int], kind: str
    ) -> None:
        self.activations.define(output, result, kind)
        self.marked_outputs[output] = plan.name
        if self._states is not None:
            for state, tensor in zip(plan.states, new, strict=True):
                self._states.write(plan.name, state.name, tensor)

    def _delay(self, delay: Delay, op: FloatOperator) -> None:
        kept = delay.name in self._op_modes.float_layers
        kind = FLOAT32 if kept else self._modes.of(delay.name).activations
        lower_delay(self.activations, delay, op, kind, self._states)
