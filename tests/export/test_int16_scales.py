"""Scales of int16 tensors: the real numbers they stand for are those of the int8 ones."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.flatbuffer.builder import ModelBuilder
from tfpipeline.export.modes import MODES
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.export.recurrent.gate_format import FLOAT_GATES, INT16_GATES
from tfpipeline.export.recurrent.product_format import LinearArithmetic


def test_an_operand_reaches_as_far_in_int16_as_in_int8() -> None:
    int8, int16 = (LinearArithmetic(MODES[mode]) for mode in ("int8", "int16x8"))
    narrow, wide = int8.operand(0.05, None), int16.operand(0.05, None)
    assert narrow is not None and wide is not None
    assert 127 * narrow.scales()[0] == pytest.approx(127 * 0.05)
    assert 32767 * wide.scales()[0] == pytest.approx(127 * 0.05)
    assert narrow.zero_point == wide.zero_point == 0
    as_it_comes = Quantization(0.1, 0)
    assert int8.operand(None, as_it_comes) is int16.operand(None, as_it_comes) is as_it_comes
    assert LinearArithmetic(MODES["float32"]).operand(0.05, as_it_comes) is None


@pytest.mark.parametrize("reach", [0.5, 7.9, 8.1, 16.0, 16.1, 1000.0])
def test_pre_activations_get_the_finest_doubling_that_reaches(reach: float) -> None:
    q = INT16_GATES.reaching(reach)
    assert q is not None and INT16_GATES.wide is not None and q.zero_point == 0
    finest, scale = INT16_GATES.wide.scales()[0], q.scales()[0]
    assert float(np.log2(scale / finest)).is_integer() and 32768 * scale >= reach
    assert scale == finest or 32768 * scale / 2 < reach
    assert FLOAT_GATES.reaching(reach) is None


def test_rows_of_an_int8_pre_activation_get_their_reach_in_int16() -> None:
    reach = np.array([12.0, 3.0, 0.75], np.float32)
    model = ModelBuilder("test")
    graph = model.graph("main")
    x = graph.tensor("x", (1, 3), np.int8, Quantization(1 / 127, 0))
    y = INT16_GATES.widen(graph, "y", x, reach, INT16_GATES.reaching(12.0))
    graph.finish([x], [y])
    read = schema.ModelT.InitFromPackedBuf(model.to_bytes())
    tensors = {tensor.name.decode(): tensor for tensor in read.subgraphs[0].tensors}
    stored = tensors["y_reach"]
    values = np.frombuffer(bytes(read.buffers[stored.buffer].data), np.int16)
    assert values.max() == 32767
    # Within half a step of the widest one.
    np.testing.assert_allclose(values * stored.quantization.scale[0], reach, atol=12 / 32767 / 2)
    assert tensors["y_scaled"].quantization.scale[0] == pytest.approx(1 / 127)
