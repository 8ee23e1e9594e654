"""Wake words for ESPHome: every recurrent layer in twenty operators, against Keras and the device's
interpreter, TFLite-Micro; and what is refused."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from recurrent_kinds import FORMS, KINDS
from separate_environment import TFLITE_MICRO
from small_model import settle

import tfpipeline as tp
from tfpipeline.export import EsphomeReport, ExportError, Tolerances, VerificationError
from tfpipeline.export import export_esphome as export
from tfpipeline.export.esphome.run_stream import WakeWordStream, as_device_stores
from tfpipeline.inspection import inspect_model
from tfpipeline.numerics.cells import CELLS

_SCRIPT = Path(__file__).resolve().parents[1] / "support" / "run_micro.py"
UNITS, FRAMES = 12, 60


def layer_of(kind: Any) -> Any:
    return lambda: kind.layer(UNITS, return_sequences=True)


RECURRENT: dict[str, Callable[[], Any]] = {
    **{name: layer_of(kind) for name, kind in KINDS.items()},
    **{name: layer_of(FORMS[name]) for name in ("fast_rnn_vector", "fast_grnn_filtered")},
    "qrnn": lambda: tp.layers.QRNN(UNITS, window=2, return_sequences=True),
    "qrnn_fo": lambda: tp.layers.QRNN(UNITS, pooling="fo", return_sequences=True),
    "low_rank": lambda: tp.layers.FastGRNN(UNITS, rank=4, recurrent_rank=4, h_clip=1.5),
}


def features(samples: int, frames: int = FRAMES, seed: int = 0) -> np.ndarray:
    """Smooth numbers between 0 and 26, as the device's features are."""
    steps = np.random.default_rng(seed).normal(size=(samples, frames, 40))
    return np.clip(10.0 + 0.7 * np.cumsum(steps, axis=1), 0.0, 25.9).astype(np.float32)


def model_of(*layers: Any, last: Any = None) -> Any:
    last = last or keras.layers.Dense(1, activation="sigmoid")
    model = keras.Sequential([keras.Input((None, 40)), keras.layers.Rescaling(0.1), *layers, last])
    return settle(model)


def exported(model: Any, folder: Path, **options: Any) -> EsphomeReport:
    given: dict[str, Any] = {"wake_word": "Okay", "calibration": features(40), **options}
    return export(model, folder / "okay.json", **given)


def in_micro(report: EsphomeReport, frames: np.ndarray, folder: Path) -> np.ndarray:
    """What TFLite-Micro puts out, in an arena of the size that the manifest asks for."""
    python = TFLITE_MICRO.executable()
    stored = as_device_stores(frames[: len(frames) // report.stride * report.stride])
    np.savez(folder / "in.npz", in_0=stored.reshape(-1, 1, report.stride, 40))
    arena = f"arena={report.tensor_arena_size}"
    command = [python, _SCRIPT, report.model, folder / "in.npz", folder / "out.npz", 1, arena]
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-500:]
    with np.load(folder / "out.npz") as found:
        return found["out_0"].reshape(-1).astype(int)


def test_there_is_a_layer_of_every_cell() -> None:
    built = [make() for make in RECURRENT.values()]
    assert {layer.cell.KIND for layer in built} == set(CELLS)


@pytest.mark.long
@pytest.mark.parametrize("name", RECURRENT)
def test_every_recurrent_layer_runs_on_the_device(name: str, tmp_path: Path) -> None:
    # Verified against Keras before it returns, on samples and on streams ten times as long.
    report = exported(model_of(RECURRENT[name]()), tmp_path, stride=2)
    assert inspect_model(report.model).target("esphome").runs
    stream = features(1, 600, seed=9)[0]
    micro = in_micro(report, stream, tmp_path)
    assert np.ptp(micro) >= 16
    ours = WakeWordStream(report.model).process(stream).astype(int)
    # They round an int16 product differently by a step of it, one of 256 here at most.
    difference = np.abs(ours - micro)
    assert difference.max() <= 2 and (difference > 0).mean() < 0.1


@pytest.mark.slow
def test_convolutions_dense_layers_and_logits(tmp_path: Path) -> None:
    model = model_of(
        keras.layers.Conv1D(8, 3, padding="causal", activation="relu"),
        keras.layers.Dense(8, activation="relu"),
        tp.layers.FastGRNN(UNITS),
        keras.layers.Dense(6, activation="tanh"),
        last=keras.layers.Dense(1),
    )
    report = exported(model, tmp_path)
    # The convolution's past and the state of the FastGRNN.
    assert (report.variables, report.state_bytes) == (2, 2 * 2 * 40 + 2 * UNITS)
    stream = features(1, 600, seed=9)[0]
    ours = WakeWordStream(report.model).process(stream).astype(int)
    assert np.abs(ours - in_micro(report, stream, tmp_path)).max() <= 2


@pytest.mark.slow
def test_strides_give_the_same_probabilities(tmp_path: Path) -> None:
    model = model_of(tp.layers.FastGRNN(UNITS, return_sequences=True))
    stream, found = features(1, 120, seed=9)[0], {}
    sizes = []
    for stride in (1, 3):
        (tmp_path / str(stride)).mkdir()
        report = exported(model, tmp_path / str(stride), stride=stride)
        found[stride] = WakeWordStream(report.model).process(stream)
        sizes.append((report.file_bytes, report.tensor_arena_size))
    np.testing.assert_array_equal(found[1][2::3], found[3])
    assert sizes[0] < sizes[1]


@pytest.mark.slow
def test_the_report_and_the_manifest(tmp_path: Path) -> None:
    model = model_of(tp.layers.FastGRNN(UNITS))
    report = exported(
        model,
        tmp_path,
        author="Ada",
        website="https://example.org",
        trained_languages=("en", "de"),
        probability_cutoff=0.97,
        sliding_window_size=4,
        verification=features(5, seed=3),
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "okay.json",
        "okay.report.json",
        "okay.tflite",
    ]
    manifest = json.loads(report.manifest.read_text())
    assert (manifest["author"], manifest["website"]) == ("Ada", "https://example.org")
    assert manifest["trained_languages"] == ["en", "de"]
    assert manifest["micro"]["probability_cutoff"] == 0.97
    assert manifest["micro"]["sliding_window_size"] == 4
    assert json.loads(Path(report.report_path).read_text()) == json.loads(report.to_json())
    assert report.samples.calls == 5 and report.stream_frames == 10 * FRAMES
    assert report.file_bytes == report.model.stat().st_size
    for part in ("okay.tflite", "okay.json", "5 samples", "streams of 600 frames"):
        assert part in str(report)


@pytest.mark.slow
def test_a_file_beyond_the_tolerances_is_not_written(tmp_path: Path) -> None:
    model = model_of(tp.layers.FastGRNN(UNITS))
    # Weights that reach far: a step of an 8-bit weight is then more than a probability's.
    model.layers[1].set_weights(
        [w * 8 if w.ndim == 2 else w for w in model.layers[1].get_weights()]
    )
    model.layers[-1].set_weights([w * 40 for w in model.layers[-1].get_weights()])
    with pytest.raises(VerificationError, match="root mean square") as failure:
        exported(model, tmp_path, tolerances=Tolerances(relative_error=1e-6))
    assert failure.value.acceptable["relative_error"] > 1e-6
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layer", "what"),
    [
        (lambda: keras.layers.LayerNormalization(), "layer_normalization"),
        (lambda: keras.layers.Dense(4, activation="softplus"), "dense"),
        (lambda: keras.layers.LeakyReLU(), "LEAKY_RELU"),
    ],
)
def test_what_the_device_has_no_operator_for_is_named(
    layer: Callable[[], Any], what: str, tmp_path: Path
) -> None:
    model = model_of(tp.layers.FastGRNN(4, return_sequences=True), layer())
    with pytest.raises(ExportError, match=f"the wake word runtime cannot run .*{what}"):
        exported(model, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"calibration": features(4) - 12.0}, "calibration has values from"),
        ({"calibration": 3.0 * features(4) + 30.0}, "tfpipeline.features.MicroFrontend"),
        ({"calibration": features(4, 2)}, "fewer than the 3 of a call"),
        ({"stride": 0}, "stride must be"),
        ({"stride": 1.5}, "stride must be"),
        ({"wake_word": " "}, "wake_word must be a text"),
        ({"author": None}, "author must be a text"),
        ({"website": 3}, "website must be a text"),
        ({"trained_languages": "en"}, "trained_languages must hold codes"),
        ({"probability_cutoff": 0.999}, "between 0 and 0.996"),
        ({"probability_cutoff": True}, "between 0 and 0.996"),
        ({"sliding_window_size": 0}, "sliding_window_size must be"),
        ({"tolerances": 0.1}, "tolerances must be"),
    ],
)
def test_wrong_arguments(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    model = model_of(keras.layers.GRU(4))
    with pytest.raises(ExportError, match=message):
        exported(model, tmp_path, **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["okay.tflite", 3])
def test_wrong_paths(path: Any) -> None:
    with pytest.raises(ExportError, match="manifest"):
        export(model_of(keras.layers.GRU(4)), path, wake_word="Okay", calibration=features(4))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: [keras.Input((None, 32)), keras.layers.GRU(4), keras.layers.Dense(1)],
            r"one input of shape \(None, 40\)",
        ),
        (
            lambda: [keras.Input((60, 40)), keras.layers.GRU(4), keras.layers.Dense(1)],
            r"one input of shape \(None, 40\)",
        ),
        (
            lambda: [keras.Input((None, 40)), keras.layers.GRU(4), keras.layers.Dense(2)],
            "one output of one unit",
        ),
    ],
)
def test_models_of_other_shapes(
    make: Callable[[], list[Any]], message: str, tmp_path: Path
) -> None:
    layers = make()
    width = layers[0].shape[-1]
    with pytest.raises(ExportError, match=message):
        exported(keras.Sequential(layers), tmp_path, calibration=features(4)[..., :width])
