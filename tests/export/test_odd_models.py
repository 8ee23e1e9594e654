"""Odd but legal models: each exports, or is refused in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from small_model import FEATURES, walk

from tfpipeline.export import ExportError, Tolerances, VerificationError, export, kept_conversions
from tfpipeline.export.recurrent.gate_reach import holding_reach
from tfpipeline.layers import FactoredGRU
from tfpipeline.runtime import Interpreter

pytestmark = pytest.mark.slow

layers = keras.layers


def sequential(*parts: Any, frames: int | None = None, **options: Any) -> keras.Model:
    return keras.Sequential([keras.Input((frames, FEATURES), **options), *parts])


def projected() -> keras.Model:
    first = FactoredGRU(12, rank=4, joint="prabhavalkar", return_sequences=True)
    return sequential(first, layers.Dense(3))


def stateful() -> keras.Model:
    gru = layers.GRU(8, stateful=True)
    return keras.Sequential([keras.Input(batch_shape=(3, None, FEATURES)), gru, layers.Dense(3)])


@pytest.mark.parametrize(
    "build",
    [
        lambda: sequential(layers.LSTM(1, return_sequences=True), layers.Dense(3)),
        projected,
        stateful,
    ],
    ids=["one unit", "projected output", "stateful"],
)
def test_odd_models_export_in_every_form(target: Path, build: Callable[[], keras.Model]) -> None:
    keras.utils.set_random_seed(1)
    # Sixteen samples of an untrained model: its best labels say nothing.
    accepted = Tolerances(agreement=0.0)
    report = export(build(), target, calibration=walk(16), streaming="both", tolerances=accepted)
    assert len(report.forms) == 4


def test_a_sequence_of_one_step_exports_and_is_no_calibration_for_a_stream(target: Path) -> None:
    keras.utils.set_random_seed(1)
    model = sequential(layers.GRU(8), layers.Dense(3))
    accepted = Tolerances(agreement=0.0)
    report = export(model, target, calibration=walk(16, 1), tolerances=accepted)
    assert len(report.forms) == 2
    # The state is zero in the only step that calibration saw.
    with pytest.raises(VerificationError, match="the stream portable form drifts"):
        export(model, target, calibration=walk(16, 1), streaming=True, tolerances=accepted)


class Subclassed(keras.Model):
    """A model of which only a call tells what it puts out."""

    def __init__(self, flat: bool) -> None:
        super().__init__()
        self.gru = layers.GRU(6, return_sequences=True)
        self.flat = layers.Flatten() if flat else None
        self.scores = layers.Dense(3)

    def call(self, inputs: Any) -> Any:
        x = self.gru(inputs)
        return self.scores(x if self.flat is None else self.flat(x))


def test_outputs_of_a_subclassed_model_have_a_time_axis(target: Path) -> None:
    keras.utils.set_random_seed(1)
    options: dict[str, Any] = {"quantize": "float32", "streaming": "both", "chunk": 3}
    report = export(Subclassed(flat=False), target, verification=walk(4), **options)
    assert all(form.channel_error < 1e-5 for form in report.forms)
    assert Interpreter(report.portable).card["outputs"][0]["time_axis"]


def test_a_subclassed_model_of_fixed_length_is_no_stream(target: Path) -> None:
    model = Subclassed(flat=True)
    with pytest.raises(ExportError, match="streaming needs an input with a free time axis"):
        export(model, target, calibration=walk(4), streaming=True)
    assert export(model, target, quantize="float32", verification=walk(4)).portable is not None


@pytest.mark.parametrize("dtype", ["int64", "uint8"])
def test_integer_inputs_of_any_width(target: Path, dtype: str) -> None:
    words = [keras.Input((None,), dtype=dtype), layers.Embedding(7, 4), layers.GRU(5)]
    model = keras.Sequential(words)
    ids = np.random.default_rng(0).integers(0, 7, (8, 10))
    report = export(model, target, quantize="float32", verification=ids)
    assert Interpreter(report.portable).card["inputs"][0]["dtype"] == "int32"


def test_indices_that_no_embedding_has_are_refused(target: Path) -> None:
    words = [keras.Input((None,), dtype="int32"), layers.Embedding(7, 4), layers.GRU(5)]
    model = keras.Sequential(words)
    with pytest.raises(ExportError, match=r"sample 0 cannot be run \(gather index out of bounds"):
        export(model, target, calibration=np.full((2, 10), 7))
    for wrong in (np.full((2, 10), 0.5), np.full((2, 10), 2**40)):
        with pytest.raises(ExportError, match="calibration must hold integers of 32 bits"):
            export(model, target, calibration=wrong)


def test_words_are_no_input(target: Path) -> None:
    model = keras.Sequential([keras.Input((), dtype="string", name="text"), layers.Identity()])
    with pytest.raises(ExportError, match="input 'text' has dtype string, expected float32 or"):
        export(model, target, calibration=np.array(["a"]))


class Branching(keras.Model):
    """A `call` that Python can run, and TensorFlow cannot trace."""

    def call(self, inputs: Any) -> Any:
        return inputs if bool(inputs[0, 0, 0] < 0) else -inputs


def test_a_call_that_fails_is_one_sentence(target: Path) -> None:
    with pytest.raises(ExportError, match=r"called with a sample of shape \(1, 4\):"):
        export(Branching(), target, calibration=np.zeros((2, 4)))
    with pytest.raises(ExportError, match="cannot be traced as a graph at 24 time steps:"):
        export(Branching(), target, calibration=walk(2))


def renamed(name: str, part: str) -> keras.Model:
    """A model with a name that Keras allows, of itself or of a layer."""
    names: dict[str, Any] = {part: name}
    model = sequential(layers.GRU(4, name=names.get("layer")), layers.Dense(2))
    model.name = names.get("model", "named")
    return model


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: renamed("my layer", "layer"),
            r"layer 'my layer' has a name .*: expected A to Z, .* layer.name = 'my_layer'$",
        ),
        (lambda: renamed("Wörter", "model"), "the model 'Wörter' has .*model.name = 'W_rter'$"),
        (lambda: renamed("日本", "layer"), "layer '日本' has .*name = 'layer__'$"),
    ],
)
def test_a_name_of_which_tensorflow_makes_no_graph(
    target: Path, build: Callable[[], keras.Model], message: str
) -> None:
    model = build()
    with pytest.raises(ExportError, match=message):
        export(model, target, calibration=walk(2))
    # Where TensorFlow refuses it, Keras leaves the name in front of all that are made later.
    later = layers.Dense(1)
    later.build((None, 1))
    assert later.kernel.path == f"{later.name}/kernel"


class Calling(keras.Model):
    """A model of one function."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__(name="calling")
        self.function = function

    def call(self, inputs: Any) -> Any:
        return self.function(inputs)


def test_what_lies_outside_of_the_model_is_named(target: Path) -> None:
    ids = [keras.Input((4,), dtype="int32"), layers.IntegerLookup(vocabulary=[3, 5], name="ids")]
    with pytest.raises(ExportError, match="layer 'ids' looks values up in a table, .* apply it to"):
        export(keras.Sequential(ids), target, calibration=np.full((2, 4), 3))
    noisy = Calling(lambda x: x + keras.random.normal(x.shape))
    with pytest.raises(ExportError, match="uses the variable '.*seed.*', which is none .* random"):
        export(noisy, target, calibration=walk(2))


def test_values_that_no_file_computes_with_are_named(target: Path) -> None:
    spectrum = Calling(lambda x: keras.ops.rfft(x)[0])
    with pytest.raises(
        ExportError, match="values of type COMPLEX64 .* out of the model, and apply"
    ):
        export(spectrum, target, quantize="float32", verification=walk(2))


def test_a_float64_input_is_named(target: Path) -> None:
    model = sequential(layers.GRU(4), name="sound", dtype="float64")
    with pytest.raises(ExportError, match="input 'sound' has dtype float64, expected float32 or"):
        export(model, target, calibration=walk(2))


def test_a_weight_that_diverged_is_named(target: Path) -> None:
    model = sequential(layers.GRU(4, name="lost"), layers.Dense(2))
    model.layers[0].set_weights([w * np.nan for w in model.layers[0].get_weights()])
    with pytest.raises(ExportError, match="weight '.*lost/.*kernel' contains NaN or infinity"):
        export(model, target, calibration=walk(2))


def test_a_refusal_within_a_call_is_one_sentence(target: Path) -> None:
    model = sequential(layers.Masking(), layers.GRU(4, name="masked"))
    with pytest.raises(ExportError) as refused:
        export(model, target, calibration=walk(2))
    assert str(refused.value).startswith("layer 'masked' is called with mask")
    assert "\n" not in str(refused.value) and "\x1b" not in str(refused.value)


def test_a_gate_that_holds_the_state_may_reach_further() -> None:
    # What sigmoid(8) lets go in a step adds up; beyond 16 nothing is left to gain.
    reaches = [holding_reach(np.array([-3.0, top])) for top in (2.0, 11.5, 40.0)]
    assert reaches == [8.0, 11.5, 16.0]


def test_a_unit_that_remembers_does_so_in_every_form(target: Path) -> None:
    keras.utils.set_random_seed(1)
    gru = layers.GRU(4, name="memory")
    model = sequential(gru, layers.Dense(3, kernel_initializer="ones"))
    kernel, recurrent, bias = gru.get_weights()
    # The first feature opens the update gate of all units in the first step only.
    kernel[:] = 0.0
    kernel[0, :4], kernel[1, 8:] = -24.0, 1.0
    bias[0, :4] = 12.0
    gru.set_weights([kernel, 0.0 * recurrent, bias])
    x = np.zeros((8, 400, FEATURES), np.float32)
    x[:, 0, 0], x[:, 0, 1] = 1.0, np.linspace(-1.0, 1.0, 8)
    report = export(model, target, calibration=x, tolerances=Tolerances(agreement=0.0))
    # With gates cut at sigmoid(8) an eighth would be gone after 400 steps.
    assert all(form.channel_error < 0.03 for form in report.forms)


def test_conversions_are_kept_while_asked_to(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tfpipeline.export.convert import float_graphs

    jobs: list[int] = []
    convert = float_graphs.convert
    monkeypatch.setattr(float_graphs, "convert", lambda j, w: (jobs.append(len(j)), convert(j, w)))
    model = sequential(layers.GRU(4))
    with kept_conversions():
        sizes = [
            export(model, target, quantize=mode, calibration=walk(8), forms=("portable",)).forms[0]
            for mode in ("int8", "float32")
        ]
        export(model, target, quantize="float32", calibration=walk(8, 9))
    assert sizes[0].bytes != sizes[1].bytes
    assert jobs == [1, 1]
    export(model, target, quantize="float32", calibration=walk(8, 9))
    assert jobs == [1, 1, 1]
