"""The optimizer's state through a cut, where the model was not trained in the plainest way."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from jit import JIT

from tfpipeline.compress import CompressionError, factorize, truncate
from tfpipeline.layers import FactoredDense

pytestmark = [
    pytest.mark.slow,
    # None of the optimizers here may be told to start again; where one is, the test says so.
    pytest.mark.filterwarnings("error:.*keeps its state in other ways"),
]

O = keras.optimizers  # noqa: E741
L = keras.layers
# XLA compiles longer than these tests run; JAX without it would go step by step.
JAX = keras.backend.backend() == "jax"
X = np.random.default_rng(0).normal(size=(32, 6)).astype("float32")


def array(x: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(x)


class OwnSchedule(O.schedules.LearningRateSchedule):
    """Without get_config(): Keras cannot write it out."""

    def __call__(self, step: Any) -> Any:
        return 0.01 / (1 + keras.ops.cast(step, "float32"))


OPTIMIZERS = {
    "amsgrad": lambda: O.Adam(0.01, amsgrad=True),
    "momentum_ema": lambda: O.SGD(0.01, momentum=0.9, use_ema=True),
    "centered": lambda: O.RMSprop(0.01, centered=True, momentum=0.5),
    "ftrl": lambda: O.Ftrl(0.01),
    "adafactor": lambda: O.Adafactor(0.01),
    "nadam": lambda: O.Nadam(0.01),
    "accumulated": lambda: O.AdamW(0.01, gradient_accumulation_steps=2),
    "loss_scale": lambda: O.LossScaleOptimizer(O.Adam(0.01), initial_scale=4.0),
    "own_schedule": lambda: O.LossScaleOptimizer(O.Adam(OwnSchedule())),
    "a_function": lambda: O.SGD(lambda: 0.01, momentum=0.9),
}
if hasattr(O, "Muon"):
    OPTIMIZERS["muon"] = lambda: O.Muon(0.01)
if hasattr(O, "MultiOptimizer"):
    OPTIMIZERS["several"] = lambda: O.MultiOptimizer(
        O.OptimizerMap(O.Adam(0.01), {".*bias": O.SGD(0.01, momentum=0.9)})
    )


def trained(optimizer: Any, **options: Any) -> keras.Model:
    """`a`, `b` and `d` are as large as each other: slots would fit the wrong one as well."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            L.Dense(6, name="a", bias_initializer="normal"),
            L.Dense(6, name="b", bias_initializer="normal"),
            FactoredDense(6, name="c", bias_initializer="normal"),
            L.Dense(6, name="d", bias_initializer="normal"),
        ]
    )
    model.compile(optimizer, "mse", jit_compile=JIT, **options)
    model.fit(X, X, epochs=2, batch_size=8, verbose=0)
    return model


def stepping(optimizer: Any) -> list[Any]:
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    return list(getattr(optimizer, "optimizers", [optimizer]))


def slots(optimizer: Any) -> dict[tuple[str, str], np.ndarray]:
    """By the last two parts of the variable's path, and the kind of slot."""
    found = {}
    for one in stepping(optimizer):
        for kind, values in vars(one).items():
            aligned = isinstance(values, list) and len(values) == len(one._trainable_variables)
            if kind in ("_trainable_variables", "_variables") or not aligned:
                continue
            for variable, slot in zip(one._trainable_variables, values, strict=True):
                if isinstance(slot, keras.Variable):
                    found["/".join(variable.path.split("/")[-2:]), kind] = array(slot)
    return found


def test_slots_follow_their_variables_where_a_layer_was_frozen_after_training():
    _slots_of_the_rest("amsgrad")


@pytest.mark.skipif(JAX, reason="one optimizer is enough where each is compiled")
@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "amsgrad"])
def test_slots_of_every_optimizer(name):
    _slots_of_the_rest(name)


def _slots_of_the_rest(name: str) -> None:
    model = trained(OPTIMIZERS[name]())
    model.get_layer("a").trainable = False
    small, _ = truncate(model, rank=2)
    before, after = slots(model.optimizer), slots(small.optimizer)
    assert not any(variable.startswith("a/") for variable, _ in after)
    kept = [key for key in after if key[0][0] in "bd" or key[0] == "c/bias"]
    assert len(kept) >= 5 and any(before[key].any() for key in kept)
    for key in kept:
        np.testing.assert_array_equal(after[key], before[key], err_msg=str(key))
    cut = [key for key in after if key[0].startswith("c/kernel") and "average" not in key[1]]
    assert cut and not any(after[key].any() for key in cut if "accumulators" not in key[1])
    for one, other in zip(stepping(model.optimizer), stepping(small.optimizer), strict=True):
        assert int(one._iterations) == int(other._iterations) > 0
        assert type(one._learning_rate) is type(other._learning_rate)
    if hasattr(model.optimizer, "inner_optimizer"):
        assert int(model.optimizer.step_counter) == int(small.optimizer.step_counter) > 0
        scales = [float(m.optimizer.dynamic_scale) for m in (model, small)]
        assert scales[0] == scales[1]
    if name == "nadam":
        products = [float(array(m.optimizer._u_product)) for m in (model, small)]
        assert products[0] == products[1] < 1
    frozen = array(small.get_layer("a").kernel)
    small.fit(X, X, batch_size=8, verbose=0)
    np.testing.assert_array_equal(array(small.get_layer("a").kernel), frozen)
    assert (array(small.get_layer("b").kernel) != array(model.get_layer("b").kernel)).any()


@pytest.mark.skipif(JAX, reason="Keras on JAX wants an optimizer of exactly these variables")
def test_slots_after_compiling_again_with_the_same_optimizer():
    model = trained(O.Adam(0.01))
    model.get_layer("a").trainable = False
    model.compile(model.optimizer, "mse", jit_compile=JIT)
    model.fit(X, X, verbose=0)
    for smaller in (truncate(model, rank=2)[0], factorize(model, layers=["d"])):
        before, after = slots(model.optimizer), slots(smaller.optimizer)
        for key in (("b/kernel", "_momentums"), ("d/bias", "_velocities")):
            np.testing.assert_array_equal(after[key], before[key])
        smaller.fit(X, X, verbose=0)


def test_a_layer_that_was_frozen_in_training_starts_at_zero():
    model = trained(O.Adam(0.01))
    model.get_layer("b").trainable = False
    model.compile(O.Adam(0.01), "mse", jit_compile=JIT)
    model.fit(X, X, verbose=0)
    model.get_layer("b").trainable = True
    small, _ = truncate(model, rank=2)
    before, after = slots(model.optimizer), slots(small.optimizer)
    assert not after["b/kernel", "_momentums"].any()
    np.testing.assert_array_equal(after["d/kernel", "_momentums"], before["d/kernel", "_momentums"])


@pytest.mark.parametrize("by", ["name", "path", "variable"])
def test_exclusion_from_weight_decay_survives(by):
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [keras.Input((6,)), L.Dense(6, name="a"), FactoredDense(6, name="c"), L.Dense(6, name="d")]
    )
    optimizer = O.AdamW(0.0, weight_decay=0.5)
    left = model.get_layer("c").factors()[0].left
    kernel = model.get_layer("d").kernel
    if by == "name":
        optimizer.exclude_from_weight_decay(var_names=["bias"])
    elif by == "path":  # which Keras looks into on TensorFlow only
        optimizer.exclude_from_weight_decay(var_names=["d/"])
    else:
        optimizer.exclude_from_weight_decay(var_list=[left, kernel])
    model.compile(O.LossScaleOptimizer(optimizer), "mse", jit_compile=JIT)
    if by != "path":  # nor before the first step, when no optimizer has asked yet
        model.fit(X, X, verbose=0)

    def excluded(smaller: keras.Model) -> set[str]:
        inner = smaller.optimizer.inner_optimizer
        return {
            "/".join(v.path.split("/")[-2:])
            for v in smaller.trainable_variables
            if not inner._use_weight_decay(v if JAX else v.value)
        }

    biases = {"a/bias", "c/bias", "d/bias"}
    factors = {"d/kernel_left", "d/kernel_right"}
    cut, factorized = {
        "name": (biases, biases),
        "path": (set(), set()) if JAX else ({"d/kernel", "d/bias"}, {*factors, "d/bias"}),
        "variable": ({"c/kernel_left", "d/kernel"}, {*factors, "c/kernel_left"}),
    }[by]
    assert excluded(truncate(model, rank=2)[0]) == cut
    assert excluded(factorize(model, layers=["d"])) == factorized


def test_trainable_flags_inside_layers_survive():
    model = keras.Sequential(
        [
            keras.Input((None, 6)),
            L.Bidirectional(L.GRU(4, return_sequences=True)),
            L.LSTM(4),
            FactoredDense(4, name="c"),
            L.BatchNormalization(),
        ]
    )
    model.layers[0].forward_layer.trainable = False
    model.layers[1].cell.trainable = False
    model.get_layer("c").bias.trainable = False

    def trains(smaller: keras.Model) -> list[bool]:
        first, second, third, fourth = smaller.layers
        layers = [first.forward_layer, first.backward_layer, second, third, fourth]
        # What is added to a frozen layer later is frozen as well.
        return [bool(layer.trainable_variables) for layer in layers] + [
            any(v.name == "bias" for v in third.trainable_variables),
            first.forward_layer.trainable,
            fourth.trainable,
        ]

    expected = [False, True, False, True, True, False, False, True]
    assert trains(model) == expected
    assert trains(truncate(model, rank=2)[0]) == expected
    assert trains(factorize(model)) == expected


def test_what_cannot_be_made_again_is_named():
    class Own(O.SGD):
        def __init__(self, way: Any, **options: Any) -> None:
            super().__init__(**options)
            self.way = way

    with pytest.raises(CompressionError, match="The optimizer must be .*; Own is not: .*'way'"):
        truncate(trained(Own(1)), rank=2)

    class Count(keras.metrics.Mean):
        def get_config(self) -> dict[str, Any]:
            raise NotImplementedError

    model = trained(O.SGD(0.01))
    model.compile("sgd", "mse", metrics=[Count(name="count")], jit_compile=JIT)
    with pytest.raises(CompressionError, match="The metric 'count' must be .*; Count is not"):
        truncate(model, rank=2)


def test_state_that_is_kept_in_another_way_is_said_to_start_again():
    class ByPath(O.SGD):
        def build(self, variables: Any) -> None:
            super().build(variables)
            self.slots = {v.path: self.add_variable_from_reference(v, "mine") for v in variables}

    with pytest.warns(UserWarning, match="ByPath keeps its state in other ways .* start again"):
        small, _ = truncate(trained(ByPath(0.01)), rank=2)
    assert int(small.optimizer.iterations) == 8


class OwnCompile(keras.Sequential):
    """Keras' compile() with other arguments."""

    def compile(self, rate: float) -> None:
        super().compile(O.SGD(rate), "mse", jit_compile=JIT)


class NoCompile(keras.Sequential):
    """Without Keras' compile(): there are no arguments to give again."""

    def compile(self) -> None:
        self.compiled = True


@pytest.mark.parametrize(("kind", "arguments"), [(OwnCompile, [0.1]), (NoCompile, [])])
def test_a_model_with_a_compile_of_its_own_is_said_to_be_left_uncompiled(kind, arguments):
    model = kind([keras.Input((6,)), FactoredDense(6)])
    model.compile(*arguments)
    with pytest.warns(UserWarning, match=f"^{kind.__name__} has its own compile.*uncompiled"):
        small, _ = truncate(model, rank=2)
    assert getattr(small, "optimizer", None) is None


SEVERAL = pytest.mark.skipif(not hasattr(O, "MultiOptimizer"), reason="Keras has no MultiOptimizer")


@SEVERAL
def test_several_optimizers_keep_their_options_and_stay_as_many():
    one = O.SGD(0.01)
    several = O.OptimizerMap(O.Adam(0.01), {"a/": one, "b/": one})
    model = trained(O.MultiOptimizer(several, loss_scale_factor=4.0, name="mine"))
    optimizer = truncate(model, rank=2)[0].optimizer
    assert (optimizer.name, optimizer.loss_scale_factor) == ("mine", 4.0)
    assert optimizer._optimizer_map["a/"] is optimizer._optimizer_map["b/"] is not one
    assert len(optimizer.optimizers) == 2


@SEVERAL
def test_an_optimizer_of_several_that_has_no_variable_is_left_alone():
    idle = O.SGD(0.1, use_ema=True)
    model = trained(O.MultiOptimizer(O.OptimizerMap(O.SGD(0.01, momentum=0.9), {"none": idle})))
    small, _ = truncate(model, rank=2)
    assert not small.optimizer._optimizer_map["none"].built
    before, after = slots(model.optimizer.optimizers[1]), slots(small.optimizer.optimizers[1])
    np.testing.assert_array_equal(after["d/kernel", "momentums"], before["d/kernel", "momentums"])
