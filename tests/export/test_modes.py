"""Number formats: what each mode writes, and layers with a mode of their own."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from op_versions import needed_versions, written_versions
from small_model import FEATURES, walk

from tfpipeline.export import ExportError, Tolerances, export
from tfpipeline.export.emit.products_of_weights import fits_two_bits
from tfpipeline.export.modes import MODES, ModeTable
from tfpipeline.export.quantize.ranges import minmax, mse
from tfpipeline.export.trace.names import parents_of_layers
from tfpipeline.layers import FactoredGRU
from tfpipeline.runtime import Interpreter
from tfpipeline.runtime.tflite_file import TFLiteFile

pytestmark = pytest.mark.slow

# Twice the error seen: int8 gives two decimal digits, four bits hardly one.
BOUNDS = {
    "float32": 1e-5,
    "float16": 2e-3,
    "dynamic": 0.05,
    "int8": 0.05,
    "int16x8": 0.03,
    "int4": 0.4,
    "int8x4": 0.4,
}


def recurrent_model() -> keras.Model:
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((None, FEATURES)),
            FactoredGRU(24, rank=8, return_sequences=True, name="first"),
            keras.layers.LSTM(17, name="second"),
            keras.layers.Dense(9, activation="relu", name="hidden"),
            keras.layers.Dense(3, name="last"),
        ]
    )


def tensor_types(path: Path) -> set[int]:
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes())
    return {tensor.type for graph in model.subgraphs for tensor in graph.tensors}


def constant_types(path: Path) -> set[int]:
    """Types of the constants of at least 100 elements: the weights."""
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes())
    return {
        tensor.type
        for graph in model.subgraphs
        for tensor in graph.tensors
        if model.buffers[tensor.buffer].data is not None and np.prod(tensor.shape) >= 100
    }


def _wrong_versions(path: Path) -> list[str]:
    """Nodes that ask for another version of their operator than TensorFlow would write.

    Runtimes refuse a version that they do not know, and older ones misread what asks for too low a
    one; ours, which are new, run both. FULLY_CONNECTED asks for one more than it needs in int8.
    """
    written, needed = written_versions(path), needed_versions(path)
    compared = [key for key in written if key in needed and key[0] != "FULLY_CONNECTED"]
    assert len(compared) >= len(written) / 2
    return [
        f"{name} of types {types}: version {written[name, types]}, needed {needed[name, types]}"
        for name, types in compared
        if written[name, types] != needed[name, types]
    ]


@pytest.mark.parametrize("mode", BOUNDS)
def test_every_mode_agrees_with_keras_whole_and_streaming(target: Path, mode: str) -> None:
    report = export(
        recurrent_model(),
        target,
        quantize=mode,
        calibration=walk(40),
        streaming="both",
    )
    for form in report.forms:
        assert form.channel_error < BOUNDS[mode], form.name
        assert form.equals_whole in (None, True)
        # Of other modes TensorFlow does not read all: four bits end its process, it forgets that
        # additions of int16 have scales of any value, and takes the products of unpacked weights
        # in `dynamic` for hybrid ones.
        if mode in ("float32", "float16", "int8"):
            assert _wrong_versions(Path(form.path)) == []
    fused = {form.name for form in report.forms if "fused" in form.name}
    assert bool(fused) == (mode not in ("float32", "float16", "int16x8"))


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        ("float32", {schema.TensorType.FLOAT32}),
        ("float16", {schema.TensorType.FLOAT16}),
        ("dynamic", {schema.TensorType.INT8}),
        ("int16x8", {schema.TensorType.INT8}),
        ("int4", {schema.TensorType.INT4}),
        ("int8x4", {schema.TensorType.INT4}),
    ],
)
def test_weights_are_stored_in_the_modes_format(target: Path, mode: str, wanted: set[int]) -> None:
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(32), keras.layers.Dense(8)])
    x = walk(8).reshape(8, -1)[:, :64]
    report = export(
        model,
        target,
        quantize=mode,
        calibration=x,
        forms=("portable",),
        tolerances=Tolerances(0, 1),
    )
    assert report.portable is not None
    assert constant_types(report.portable) == wanted


def test_two_bits_are_for_ternary_weights_only(target: Path) -> None:
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(32), keras.layers.Dense(16)])
    kernel = model.layers[0].kernel
    levels = np.random.default_rng(0).integers(-1, 2, kernel.shape)
    kernel.assign(levels * 0.2)
    assert fits_two_bits([levels.T * 0.2]) and not fits_two_bits([np.ones((2, 2)) + np.eye(2)])
    x = walk(8).reshape(8, -1)[:, :64]
    report = export(model, target, quantize="int8x2", calibration=x, forms=("portable",))
    first = model.layers[0].name
    assert report.portable is not None
    types = constant_types(report.portable)
    assert types == {schema.TensorType.INT2, schema.TensorType.INT8}
    # The ternary layer lost nothing that its activations did not.
    alone = {error.layer: error.relative_error for error in report.layer_errors}
    assert alone[first] < 0.03


def test_a_layer_may_have_a_mode_of_its_own(target: Path) -> None:
    report = export(
        recurrent_model(),
        target,
        calibration=walk(20),
        overrides={"hidden": "float32", "sec*": "int8x4"},
        forms=("portable",),
        tolerances=Tolerances(0, 1),
    )
    assert report.overrides == {"hidden": "float32", "sec*": "int8x4"}
    model = schema.ModelT.InitFromPackedBuf(report.portable.read_bytes())
    types = {
        tensor.name.decode(): tensor.type for graph in model.subgraphs for tensor in graph.tensors
    }
    hidden = [kind for name, kind in types.items() if name == "hidden/MatMul/weights"]
    hidden += [kind for name, kind in types.items() if name.startswith("hidden/Relu/weights")]
    assert hidden == [schema.TensorType.FLOAT32]
    assert types["second/gates/weights"] == schema.TensorType.INT4
    assert types["first/a_x/weights"] == schema.TensorType.INT8


def test_the_mode_of_a_layer_is_that_of_the_layers_inside() -> None:
    layers = keras.layers
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(4, name="hidden")], name="inner")
    both = layers.Bidirectional(layers.GRU(3, name="gru"), name="both")
    model = keras.Sequential([keras.Input((None, 5)), both, inner, layers.Dense(2, name="last")])
    parents = parents_of_layers(model)
    table = ModeTable("int8", {"both": "float32", "inner": "int8x4"}, parents)
    found = {name: table.name_of(name) for name in ("forward_gru", "hidden", "last")}
    assert found == {"forward_gru": "float32", "hidden": "int8x4", "last": "int8"}
    assert table.of("backward_gru") == MODES["float32"]
    # It computes nothing of its own, so that a mode of its own would do nothing.
    with pytest.raises(ExportError, match="overrides has 'gru_cell', which is no layer"):
        ModeTable("int8", {"gru_cell": "float32"}, parents)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"overrides": ["last"]}, r"overrides must map names of layers to modes, .* \['last'\]"),
        ({"overrides": {"nothing": "int8"}}, "overrides has 'nothing', which is no layer"),
        ({"overrides": {"last": "int9"}}, r"overrides\['last'\] must be one of .* received 'int9'"),
        ({"quantize": "float32", "forms": ("fused",)}, "forms has 'fused', but quantize='float32'"),
        ({"quantize": "int16x8", "io": "int8"}, "io must be one of 'float32', 'int16'"),
        ({"clipping": "best"}, "clipping must be one of 'minmax', 'percentile', 'mse'"),
        ({"chunk": 0}, "chunk must be a positive number of time steps, received 0"),
        ({"state": "hidden"}, "state must be one of 'explicit', 'internal', received 'hidden'"),
        ({"calibration": None}, "calibration is missing: quantize='int8' takes its scales from it"),
    ],
)
def test_bad_options_are_named(target: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(ExportError, match=message):
        export(recurrent_model(), target, **{"calibration": walk(2), **options})  # type: ignore[arg-type]


def test_a_layer_in_float_leaves_the_others_fused(target: Path) -> None:
    options = {"calibration": walk(20), "tolerances": Tolerances(0, 1)}
    overrides = {"second": "float32", "last": "int16x8"}
    report = export(recurrent_model(), target, overrides=overrides, **options)
    assert TFLiteFile(report.fused).custom_ops() == ("tfpipeline.gru",)
    assert report.forms[1].channel_error < BOUNDS["int8"]
    none = {"first": "float32", "second": "float32"}
    report = export(recurrent_model(), target, overrides=none, **options)
    assert report.fused is None


def test_weights_only_need_no_calibration(target: Path) -> None:
    report = export(recurrent_model(), target, quantize="dynamic", verification=walk(4))
    assert [form.name for form in report.forms] == ["portable"]


def test_int16_inputs_and_outputs_make_a_graph_of_integers_only(target: Path) -> None:
    report = export(recurrent_model(), target, quantize="int16x8", io="int16", calibration=walk(20))
    assert report.portable is not None
    assert schema.TensorType.FLOAT32 not in tensor_types(report.portable)
    assert Interpreter(report.portable).card["inputs"][0]["dtype"] == "int16"


def test_percentiles_narrow_what_outliers_widened(target: Path) -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((32,)), keras.layers.Dense(16)])
    rng = np.random.default_rng(0)
    x = rng.normal(size=(256, 32)).astype(np.float32)
    x[0, 0] = 30.0
    usual = rng.normal(size=(64, 32)).astype(np.float32)

    def error(rule: str) -> float:
        report = export(
            model,
            target,
            calibration=x,
            verification=usual,
            clipping=rule,
            forms=("portable",),
            tolerances=Tolerances(0, 10.0),
        )
        assert report.calibration["clipping"] == rule
        return report.forms[0].channel_error

    assert error("percentile") < 0.7 * error("minmax")


def test_mse_clipping_has_the_least_error_of_rounding_and_clipping() -> None:
    values = np.random.default_rng(0).laplace(size=20_000)

    def error(covered: tuple[float, float]) -> float:
        low, high = covered
        step = (high - low) / 255
        return float(((np.clip(np.rint(values / step) * step, low, high) - values) ** 2).mean())

    chosen = mse(values)
    assert values.min() < chosen[0] < 0 < chosen[1] < values.max()
    assert error(chosen) < error(minmax(values))
    assert all(error(chosen) <= error((values.min() * s, values.max() * s)) for s in (0.4, 0.7))


def test_bias_correction_takes_off_the_mean_error(target: Path) -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((256,)), keras.layers.Dense(8, name="only")])
    # Inputs with a mean: what rounding does to the weights then adds up in one direction.
    x = (1.0 + 0.1 * np.random.default_rng(0).normal(size=(64, 256))).astype(np.float32)

    def mean_error(correct: bool) -> float:
        options = {"quantize": "int8x4", "calibration": x, "forms": ("portable",)}
        report = export(
            model, target, bias_correction=correct, tolerances=Tolerances(0, 100.0), **options
        )
        found = Interpreter(report.portable).predict(x)
        return float(np.abs((found - model.predict(x, verbose=0)).mean(axis=0)).mean())

    assert mean_error(True) < 0.3 * mean_error(False)


def test_int16_products_have_two_axes_only(target: Path) -> None:
    # tflite-runtime 2.14 runs others too, and silently takes their first rows.
    model = keras.Sequential([keras.Input((None, 12)), keras.layers.Dense(3)])
    x = walk(8)[..., :12]
    report = export(model, target, quantize="int16x8", calibration=x, tolerances=Tolerances(0, 1))
    graph = schema.ModelT.InitFromPackedBuf(report.portable.read_bytes()).subgraphs[0]
    shapes = [list(graph.tensors[op.inputs[0]].shape) for op in graph.operators]
    assert [24, 12] in shapes
    assert Interpreter(report.portable).predict(x).shape == (8, 24, 3)
