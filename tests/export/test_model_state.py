"""Exports leave everything as it was: the model, Keras' settings, the process' random numbers."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from small_model import settle

from tfpipeline.export import ExportError, Tolerances, VerificationError, export
from tfpipeline.layers import FactoredGRU
from tfpipeline.recipes.verifier import verify_files
from tfpipeline.runtime import Interpreter

pytestmark = pytest.mark.slow

X = np.random.default_rng(0).normal(size=(24, 10, 6)).astype(np.float32)
ANY = Tolerances(agreement=0.0, relative_error=1e9, drift=1e9)


def variables(value: Any, depth: int = 3) -> Iterator[Any]:
    if isinstance(value, keras.Variable | tf.Variable):
        yield value
    elif depth and isinstance(value, list | tuple | set):
        for one in value:
            yield from variables(one, depth - 1)
    elif depth and isinstance(value, dict):
        yield from variables(list(value.values()), depth - 1)


def data(variable: Any) -> bytes:
    return keras.ops.convert_to_numpy(variable).tobytes()


def snapshot(model: keras.Model) -> dict[str, Any]:
    """All that an export might move."""
    found: dict[str, Any] = {
        "random": random.getstate(),
        "numpy": pickle.dumps(np.random.get_state()),
        "tensorflow": tf.random.get_global_generator().state.numpy().tobytes(),
        "floatx": keras.config.floatx(),
        "epsilon": keras.config.epsilon(),
        "image_data_format": keras.config.image_data_format(),
        "policy": keras.config.dtype_policy().get_config(),
    }
    for layer in [model, *model._flatten_layers(include_self=False)]:
        key = f"{layer.name}:{id(layer)}"
        found[key] = (layer.name, layer.trainable, layer.built, layer.dtype_policy is not None)
        found[f"{key} policy"] = (id(layer._dtype_policy), layer.compute_dtype)
        found[f"{key} attributes"] = {name: id(value) for name, value in vars(layer).items()}
        for name, value in vars(layer).items():
            for variable in variables(value):
                found[f"{key} {name} {id(variable)}"] = data(variable)
        for weight in layer.variables:
            found[f"{key} {weight.path}"] = data(weight)
    if getattr(model, "optimizer", None) is not None:
        for slot in model.optimizer.variables:
            found[f"optimizer {slot.path}"] = data(slot)
    return found


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return sorted(key for key in before | after if before.get(key) != after.get(key))


def stateful() -> keras.Model:
    inputs = keras.Input(batch_shape=(1, None, 6))
    return keras.Model(inputs, layers.Dense(4)(layers.GRU(5, stateful=True)(inputs)))


def both_directions() -> keras.Model:
    inputs = keras.Input(batch_shape=(2, None, 6))
    both = layers.Bidirectional(layers.LSTM(4, stateful=True))
    return keras.Model(inputs, layers.Dense(4)(both(inputs)))


def nested() -> keras.Model:
    inputs = keras.Input(batch_shape=(1, None, 6))
    inner = keras.Sequential(
        [
            keras.Input(batch_shape=(1, None, 6)),
            layers.GRU(5, stateful=True, return_sequences=True),
        ]
    )
    return keras.Model(inputs, layers.Dense(4)(layers.LSTM(4, stateful=True)(inner(inputs))))


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.recurrent = layers.GRU(5, stateful=True)
        self.scores = layers.Dense(3)

    def call(self, inputs: Any) -> Any:
        return self.scores(self.recurrent(inputs))


def subclassed() -> keras.Model:
    model = Subclassed()
    model(X[:1])
    return model


class Counting(layers.Layer):
    """Counts its calls in a variable that Keras knows of, and adds nothing to its input."""

    def build(self, shape: Any) -> None:
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")

    def call(self, inputs: Any) -> Any:
        self.calls.assign_add(1.0)
        return inputs


def counting() -> keras.Model:
    inner = [layers.GRU(5), Counting(), layers.Dense(3)]
    return keras.Sequential([keras.Input((None, 6)), *inner])


def trained() -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((None, 6)),
            FactoredGRU(6, rank=3),
            layers.Dropout(0.2),
            layers.BatchNormalization(),
            layers.Dense(3, activity_regularizer="l2", trainable=False),
        ]
    )
    model.compile("adam", "mse")
    model.fit(X, np.zeros((24, 3)), verbose=0)
    return model


def mixed_precision() -> keras.Model:
    """Policies of layers' own, one of them in a map that layers share."""
    policies = keras.dtype_policies.DTypePolicyMap()
    model = keras.Sequential(
        [
            keras.Input((None, 6)),
            layers.GRU(6, dtype="mixed_float16"),
            layers.Dense(5, dtype=policies, name="mapped"),
            layers.Dense(3),
        ]
    )
    policies[model.get_layer("mapped").path] = keras.DTypePolicy("mixed_bfloat16")
    return model


MODELS = [stateful, both_directions, nested, subclassed, counting, trained, mixed_precision]


@pytest.mark.parametrize("build", MODELS, ids=lambda build: build.__name__)
def test_all_is_as_before(build: Callable[[], keras.Model], tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    model = settle(build())
    batch = model.inputs[0].shape[0] if getattr(model, "inputs", None) else 1
    model.predict(X[:2], verbose=0, batch_size=batch or 1)
    before = snapshot(model)
    report = export(model, tmp_path / "m.tflite", calibration=X, tolerances=ANY)
    assert changed(before, snapshot(model)) == []
    with pytest.raises(VerificationError, match="disagrees with the model"):
        never = Tolerances(agreement=0.0, relative_error=0.0)
        export(model, tmp_path / "n.tflite", calibration=X, tolerances=never)
    assert changed(before, snapshot(model)) == []
    verify_files(model, [report.portable], X, ANY)
    assert changed(before, snapshot(model)) == []


def test_after_a_refusal_within_a_call_too(tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    inner = [layers.Masking(), layers.GRU(5, dtype="mixed_float16"), layers.Dense(3)]
    model = keras.Sequential([keras.Input((None, 6)), *inner])
    model.predict(X[:2], verbose=0)
    before = snapshot(model)
    with pytest.raises(ExportError, match="is called with mask"):
        export(model, tmp_path / "m.tflite", calibration=X)
    assert changed(before, snapshot(model)) == []


def test_a_call_that_the_user_replaced_stays(tmp_path: Path) -> None:
    model = settle(keras.Sequential([keras.Input((None, 6)), layers.GRU(5), layers.Dense(3)]))
    dense = model.layers[-1]
    original = dense.call
    dense.call = lambda inputs, **options: original(inputs) * 2.0
    own = dense.call
    report = export(model, tmp_path / "m.tflite", calibration=X, quantize="float32")
    assert dense.call is own
    assert report.forms[0].channel_error < 1e-5


class Above(layers.Layer):
    """A threshold: decisions, no scores."""

    def call(self, inputs: Any) -> Any:
        return inputs > 0.0


@pytest.mark.parametrize("sequences", [False, True])
def test_boolean_outputs_are_judged_by_the_share_that_is_wrong(
    sequences: bool, tmp_path: Path
) -> None:
    inputs = keras.Input((None, 6))
    scores = layers.Dense(3)(layers.GRU(6, return_sequences=sequences)(inputs))
    model = settle(keras.Model(inputs, {"on": Above()(scores), "scores": scores}))
    accepted = Tolerances(agreement=0.9)
    options: dict[str, Any] = {"streaming": "both", "clipping": "compare", "tolerances": accepted}
    report = export(model, tmp_path / "m.tflite", calibration=X, **options)
    expected = model.predict(X, verbose=0)["on"]
    for form in report.forms:
        on = next(output for output in form.outputs if output.name == "on")
        assert on.agreement == pytest.approx(1.0 - on.mean_error)
        assert on.relative_error == on.mean_error < 0.1
        assert on.boolean and on.channel_error == max(on.channel_errors) < 0.1
    found = report.form("portable")
    assert found is not None and report.portable is not None
    (share,) = [output.agreement for output in found.outputs if output.name == "on"]
    values = Interpreter(report.portable).predict(X)["on"]
    assert values.dtype == bool
    assert share == pytest.approx(float((values == expected).mean()))


def test_a_wrong_boolean_output_is_refused(tmp_path: Path) -> None:
    inputs = keras.Input((None, 6))
    model = settle(keras.Model(inputs, Above()(layers.Dense(3)(layers.GRU(6)(inputs)))))
    other = settle(keras.models.clone_model(model), seed=9)
    report = export(model, tmp_path / "m.tflite", calibration=X, quantize="float32")
    assert report.forms[0].agreement == 1.0 and report.forms[0].max_error == 0.0
    with pytest.raises(VerificationError, match="agreement 0"):
        verify_files(other, [report.portable], X)
