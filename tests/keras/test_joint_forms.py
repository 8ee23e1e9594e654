"""The forms of joint factorization, each against the Keras layer that it stems from."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from jit import JIT
from recurrent_kinds import ANY_KIND, GRU, KIND, LSTM, TOLERANCE, array, seeded
from step_output import step_output

from tfpipeline.layers import FactoredDense, FactoredGRU

pytestmark = pytest.mark.slow


@pytest.fixture
def square(sequences):
    """As many features as units, which joint='all' needs."""
    return np.concatenate([sequences, sequences[:, :, :2]], axis=-1)


@ANY_KIND
@pytest.mark.parametrize("joint", ["split", "all"])
@pytest.mark.parametrize(
    "options",
    [
        {"return_sequences": True},
        {"use_bias": False, "go_backwards": True},
        {"dropout": 0.3, "recurrent_dropout": 0.4},
    ],
    ids=str,
)
def test_full_rank_equals_keras(square, kind, joint, options):
    ours = kind.layer(joint=joint, **options)(square, training=True)
    theirs = kind.twin(**options)(square, training=True)
    np.testing.assert_allclose(array(ours), array(theirs), atol=TOLERANCE)


@ANY_KIND
@pytest.mark.parametrize("joint", ["split", "all", "prabhavalkar"])
@pytest.mark.parametrize("rank", [2, 0.5])
def test_any_rank_equals_its_collapsed_twin(square, kind, joint, rank):
    ours = kind.layer(joint=joint, rank=rank, return_sequences=True)
    expected = array(ours(square))
    plain = ours.collapse()
    np.testing.assert_allclose(array(plain(square)), expected, atol=TOLERANCE)
    recurrent = plain.layers[0] if joint == "prabhavalkar" else plain
    assert type(recurrent) is kind.collapsed


@KIND
def test_shapes_of_the_factors(square, kind):
    gates, columns = kind.gates, 12 * kind.gates
    shapes = {
        "partial": [(12, 2), (2, columns)] * 2,
        "split": [(12, 2), (2, 12)] * (2 * gates),
        "all": [(12, 2), (2, 2 * columns)],
        "prabhavalkar": [(12, columns), (12, 2), (2, columns)],
    }
    for joint, expected in shapes.items():
        layer = kind.layer(joint=joint, rank=2)
        layer(square)
        assert [tuple(w.shape) for w in kind.matrices(layer)] == expected
        factors = layer.factors()
        assert sum(f.parameters for f in factors) == sum(
            np.prod(w.shape) for w in kind.matrices(layer) if 2 in w.shape
        )
    assert [f.projects_output for f in factors] == [True]


@KIND
def test_split_names_its_gates_and_takes_a_rank_for_each(sequences, kind):
    ranks = [1, 2, 0.5, "full"][: kind.gates]
    layer = kind.layer(joint="split", rank=ranks, recurrent_rank=3)
    layer(sequences)
    names = [f.name for f in layer.factors()]
    assert names[: kind.gates] == [f"kernel_{letter}" for letter in kind.letters]
    assert names[kind.gates :] == [f"recurrent_kernel_{letter}" for letter in kind.letters]
    assert [f.rank for f in layer.factors()] == [1, 2, 5, 10][: kind.gates] + [3] * kind.gates
    assert [f.gate for f in layer.factors()] == [*range(kind.gates)] * 2
    again = type(layer).from_config(layer.get_config())
    assert list(again.rank) == ranks


@pytest.mark.parametrize("joint", ["split", "all", "prabhavalkar"])
@KIND
def test_export_step_describes_the_function(square, kind, joint):
    layer = kind.layer(joint=joint, rank=2, return_sequences=True)
    expected = array(layer(square))
    np.testing.assert_allclose(step_output(layer.export_step(), square), expected, atol=TOLERANCE)


@pytest.mark.parametrize("joint", ["split", "all", "prabhavalkar"])
def test_trains_saves_and_loads(tmp_path, square, labels, joint):
    model = keras.Sequential(
        [
            keras.layers.Masking(),
            GRU.layer(joint=joint, rank=3, return_sequences=True, name="gru"),
            keras.layers.Bidirectional(
                LSTM.layer(units=12 if joint != "all" else 3, joint="split", rank=2)
            ),
            keras.layers.Dense(5),
        ]
    )
    model.compile(
        "adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=JIT
    )
    before = model.evaluate(square, labels, verbose=0)
    model.fit(square, labels, epochs=5, verbose=0)
    assert model.evaluate(square, labels, verbose=0) < before
    expected = array(model(square))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(array(loaded(square)), expected)
    assert loaded.get_layer("gru").get_config() == model.get_layer("gru").get_config()


@pytest.mark.parametrize("joint", ["split", "all"])
@pytest.mark.parametrize("rank", [1, "full"])
def test_bare_cell_equals_the_layer(square, joint, rank):
    """The cell multiplies by the factors, the layer by what is cheaper."""
    options = seeded(joint=joint, rank=rank)
    rnn = keras.layers.RNN(GRU.cell(12, **options))
    np.testing.assert_allclose(
        array(rnn(square)), array(FactoredGRU(12, **options)(square)), atol=TOLERANCE
    )


@KIND
def test_prabhavalkar_gives_out_the_projected_state(square, kind):
    options = {"return_sequences": True, "return_state": True}
    layer = kind.layer(joint="prabhavalkar", rank=4, **options)
    output, state, *_ = layer(square)
    assert layer.compute_output_shape(square.shape)[0] == tuple(output.shape) == (6, 9, 4)
    assert tuple(state.shape) == (6, 12)
    projection = array(layer.cell.projection)
    np.testing.assert_allclose(array(output)[:, -1], array(state) @ projection, atol=TOLERANCE)
    # Its own recurrence uses the same projection.
    np.testing.assert_array_equal(projection, array(layer.factors()[0].left))
    symbolic = keras.Sequential([keras.Input((None, 12)), kind.layer(joint="prabhavalkar", rank=4)])
    assert symbolic.output_shape == (None, 4)
    with pytest.raises(ValueError, match="return_state=True has no plain twin"):
        layer.collapse()


def test_regularizers_of_joint_all(square):
    l2 = keras.regularizers.L2

    for options in (
        {"recurrent_regularizer": l2(0.1)},
        {"kernel_regularizer": l2(0.1), "recurrent_regularizer": l2(0.1)},
    ):
        layer = FactoredGRU(12, joint="all", **options)
        layer(square)
        expected = 0.1 * sum((array(w) ** 2).sum() for w in layer.weights[:2])
        assert float(sum(layer.losses)) == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match="`kernel_regularizer` and `recurrent_regularizer` must"):
        FactoredGRU(12, joint="all", kernel_regularizer=l2(0.1), recurrent_regularizer=l2(0.2))(
            square
        )


@KIND
def test_all_needs_as_many_features_as_units(sequences, kind):
    with pytest.raises(ValueError, match="expected 12 features, received 10; use 'partial'"):
        kind.layer(joint="all")(sequences)


@pytest.mark.parametrize("joint", ["all", "prabhavalkar"])
def test_one_rank_where_there_is_one_factorization(joint):
    with pytest.raises(ValueError, match="`recurrent_rank` must be None with joint="):
        FactoredGRU(12, joint=joint, recurrent_rank=3)


def test_bad_forms_and_lists():
    with pytest.raises(ValueError, match="`joint` must be one of 'partial'.* received 'both'"):
        FactoredGRU(4, joint="both")
    with pytest.raises(ValueError, match="`joint` must be one of 'partial'"):
        FactoredDense(4, joint="split")
    with pytest.raises(ValueError, match="one rank for each of the 3 gates; received \\[1, 2\\]"):
        FactoredGRU(4, joint="split", rank=[1, 2])
