"""A recurrent cell that Keras has not: what the shared classes do for it, against NumPy."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest
from cell_twins import logistic
from jit import JIT
from recurrent_kinds import KIND, TOLERANCE, TWIN, array, seeded
from step_output import product

from tfpipeline.compress import truncate
from tfpipeline.layers.recurrent.gated_cell_options import GatedCellOptions
from tfpipeline.layers.recurrent.recurrent_cell import RecurrentCell
from tfpipeline.layers.recurrent.recurrent_layer import RecurrentLayer
from tfpipeline.protocol import Exportable, Factored

pytestmark = pytest.mark.slow

RANKS = pytest.mark.parametrize("rank", [None, 3])


@keras.saving.register_keras_serializable(package="tests")
class LeakyCell(RecurrentCell, GatedCellOptions):
    """`h = z h + (1 - z) (scale tanh(x W_n + h U_n + b_n) - leak h)`, with a scalar that trains."""

    KIND = "leaky"
    GATES = ("z", "n")

    def __init__(self, *args, leak=0.1, rank=None, **options):
        super().__init__(*args, rank=rank, **options)
        self.leak = leak

    def build(self, input_shape):
        super().build(input_shape)
        self.scale = self.add_weight(name="scale", shape=(), initializer="ones")

    def export_attributes(self):
        return {"leak": self.leak}

    def step(self, inputs, states, recurrent):
        (h,) = states
        z, n = recurrent.sums(inputs, h)
        z, n = self.recurrent_activation(z), self.activation(n)
        return [z * h + (1 - z) * (self.scale * n - self.leak * h)]

    def get_config(self):
        return {**super().get_config(), "leak": self.leak}


@keras.saving.register_keras_serializable(package="tests")
class Leaky(RecurrentLayer):
    CELL = LeakyCell


def leaky(rank, **options):
    return Leaky(12, **seeded(rank=rank, return_sequences=True, leak=0.2, **options))


def reference(step, sequences, state=None, scale=1.0):
    state = np.zeros((len(sequences), step.units)) if state is None else state
    outputs = []
    for x in sequences.swapaxes(0, 1):
        total = product(x, step.kernel) + product(state, step.recurrent_kernel) + step.bias[0]
        z, n = logistic(total[:, : step.units]), np.tanh(total[:, step.units :])
        state = z * state + (1 - z) * (scale * n - step.attributes["leak"] * state)
        outputs.append(state)
    return np.stack(outputs, axis=1)


@RANKS
def test_layer_computes_its_exported_step(sequences, rank):
    layer = leaky(rank)
    output = array(layer(sequences))
    step = layer.export_step()
    assert (step.cell, dict(step.attributes), step.bias.shape) == ("leaky", {"leak": 0.2}, (1, 24))
    assert [m.shape for m in step.kernel] == ([(10, 24)] if rank is None else [(10, 3), (3, 24)])
    np.testing.assert_allclose(output, reference(step, sequences), atol=TOLERANCE)
    assert isinstance(layer, Exportable) and isinstance(layer, Factored)
    assert [f.argument for f in layer.factors()] == (
        [] if rank is None else ["rank", "recurrent_rank"]
    )
    backwards = leaky(rank, go_backwards=True, unroll=True)
    expected = reference(step, sequences[:, ::-1])
    np.testing.assert_allclose(array(backwards(sequences)), expected, atol=TOLERANCE)


@RANKS
def test_mask_and_states(sequences, rank):
    layer = leaky(rank, return_state=True)
    state = np.random.default_rng(5).normal(size=(6, 12)).astype("float32")
    mask = np.ones((6, 9), bool)
    mask[:, 6:] = False
    output, last = layer(sequences, mask=mask, initial_state=state)
    expected = reference(layer.export_step(), sequences[:, :6], state)
    np.testing.assert_allclose(array(output)[:, :6], expected, atol=TOLERANCE)
    np.testing.assert_allclose(array(last), expected[:, -1], atol=TOLERANCE)

    stateful = leaky(rank, stateful=True)
    parts = [array(stateful(sequences[:, :4])), array(stateful(sequences[:, 4:]))]
    whole = reference(layer.export_step(), sequences)
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=TOLERANCE)


@RANKS
def test_dropout_is_one_mask_a_sequence(sequences, rank):
    layer = leaky(rank, dropout=0.5, recurrent_dropout=0.5)
    first, second = (array(layer(sequences, training=True)) for _ in range(2))
    assert np.abs(first - second).max() > 0.01
    calm = array(layer(sequences, training=False))
    np.testing.assert_allclose(calm, reference(layer.export_step(), sequences), atol=TOLERANCE)
    # Inputs that are all dropped, and a state that is: nothing but the bias remains.
    nothing = leaky(rank, dropout=1 - 1e-7, recurrent_dropout=1 - 1e-7)
    output = array(nothing(sequences, training=True))
    np.testing.assert_allclose(output, np.broadcast_to(output[:1], output.shape), atol=TOLERANCE)


@RANKS
def test_trains_saves_and_collapses(tmp_path, sequences, labels, rank):
    layer = leaky(rank, name="leaky")
    model = keras.Sequential([keras.Input((None, 10)), layer, keras.layers.LSTM(5)])
    model.compile(
        "sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=JIT
    )
    model.fit(sequences, labels, epochs=2, verbose=0)
    scale = float(array(layer.cell.scale))
    assert scale != 1.0
    expected = reference(layer.export_step(), sequences, scale=scale)
    np.testing.assert_allclose(array(layer(sequences)), expected, atol=TOLERANCE)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(array(loaded(sequences)), array(model(sequences)))
    assert loaded.get_layer("leaky").get_config() == layer.get_config()

    plain = layer.collapse()
    assert (type(plain), plain.rank, plain.factors()) == (Leaky, None, ())
    np.testing.assert_allclose(array(plain(sequences)), expected, atol=TOLERANCE)
    cell = keras.layers.RNN(layer.cell.collapse(), return_sequences=True)
    np.testing.assert_allclose(array(cell(sequences)), expected, atol=TOLERANCE)
    if rank is not None:
        small, _ = truncate(model, rank=2)
        assert (small.layers[0].rank, small.layers[0].recurrent_rank) == (2, 2)


@RANKS
def test_mixed_precision(sequences, rank):
    layer = leaky(rank, dtype="mixed_bfloat16")
    output = layer(sequences)
    assert keras.backend.standardize_dtype(output.dtype) == "bfloat16"
    assert {keras.backend.standardize_dtype(w.dtype) for w in layer.weights} == {"float32"}
    # bfloat16 keeps 8 bits: nine steps stay within a few of its roundings.
    expected = reference(layer.export_step(), sequences)
    np.testing.assert_allclose(array(output).astype("float32"), expected, atol=0.03)


def test_constructor_takes_the_arguments_of_cell_and_loop():
    names = list(inspect.signature(Leaky).parameters)
    assert names[:3] == ["units", "activation", "recurrent_activation"]
    assert {"leak", "rank", "joint", "dropout", "return_sequences", "stateful"} < {*names}
    layer = Leaky(4, "relu", leak=0.3, stateful=True)
    assert (layer.units, layer.leak, layer.rank, layer.stateful) == (4, 0.3, None, True)
    assert layer.activation is keras.activations.relu
    with pytest.raises(TypeError, match="units"):
        Leaky(rank=3)
    with pytest.raises(ValueError, match="leek"):
        Leaky(4, leek=0.3)
    with pytest.raises(ValueError, match="`rank` must be 'full', a positive int"):
        Leaky(4, rank=None, joint="split")


@TWIN
def test_constructor_of_a_twin_is_that_of_keras_and_the_ranks(kind):
    for ours, theirs in ((kind.factored, kind.plain), (kind.cell, kind.cell.PLAIN)):
        known = {
            name: parameter.default
            for name, parameter in inspect.signature(theirs.__init__).parameters.items()
            if name not in ("self", "kwargs")
        }
        found = inspect.signature(ours).parameters
        assert list(found)[: len(known)] == list(known)
        assert {name: found[name].default for name in known} == known
        assert {"rank", "recurrent_rank", "joint"} <= {*found} - {*known}
    layer = kind.factored(4, "relu", rank=2)
    assert layer.activation is keras.activations.relu
    assert hasattr(layer, "use_cudnn") == hasattr(kind.plain(4), "use_cudnn")
    with pytest.raises(ValueError, match="ranks"):
        kind.factored(4, ranks=2)


@KIND
def test_a_subclass_has_arguments_of_its_own(kind):
    class Own(kind.factored):
        def __init__(self, width, **options):
            super().__init__(2 * width, **options)

    assert list(inspect.signature(Own).parameters) == ["width", "options"]
    assert Own(3, rank=1).units == 6
