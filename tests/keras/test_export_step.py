"""What the factored recurrent layers tell the exporter, against their own output."""

from __future__ import annotations

import numpy as np
import pytest
from recurrent_kinds import ANY_KIND, KIND, TOLERANCE, array
from step_output import step_output


@ANY_KIND
@pytest.mark.parametrize("use_bias", [True, False])
def test_export_step_describes_the_function(sequences, kind, use_bias):
    layer = kind.layer(rank=4, return_sequences=True, use_bias=use_bias)
    expected = array(layer(sequences))
    step = layer.export_step()
    assert step.activation == "tanh"
    assert step.recurrent_activation == ("sigmoid" if kind.gate_activation else None)
    assert (step.units, step.return_sequences, step.go_backwards) == (12, True, False)
    assert step.attributes == pytest.approx(kind.attributes)
    columns = 12 * kind.gates
    assert [m.shape for m in step.kernel + step.recurrent_kernel] == [
        (10, 4),
        (4, columns),
        (12, 4),
        (4, columns),
    ]
    arrays = (*step.kernel, *step.recurrent_kernel, step.bias)
    assert {a.dtype for a in arrays} == {np.dtype("float32")}
    np.testing.assert_allclose(step_output(step, sequences), expected, atol=TOLERANCE)


@KIND
def test_export_step_names_an_unbuilt_layer(kind):
    with pytest.raises(ValueError, match="must be built before export_step"):
        kind.factored(4).export_step()
