"""Files that are right in all channels but some: refused where a channel does not live."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from tfpipeline.export import ExportReport, FormReport, Tolerances, VerificationError, export
from tfpipeline.export.modes import MODES, Mode
from tfpipeline.recipes.verifier import verify_files

pytestmark = pytest.mark.slow

L = keras.layers
CHANNELS, FEATURES, LOST = 8, 6, 5
X = np.random.default_rng(0).normal(size=(64, FEATURES)).astype(np.float32)
Edit = Callable[[np.ndarray, np.ndarray], None]


def model(edit: Edit | None = None) -> keras.Model:
    """A regression; the first two of its targets move ten times as much as the others."""
    random = np.random.default_rng(1)
    kernel, bias = random.normal(size=(FEATURES, CHANNELS)), random.normal(size=CHANNELS)
    kernel[:, :2] *= 10.0
    if edit is not None:
        edit(kernel, bias)
    inputs = keras.Input((FEATURES,), name="x")
    layer = L.Dense(CHANNELS, name="targets")
    built = keras.Model(inputs, layer(inputs))
    layer.set_weights([kernel, bias])
    built.compile("sgd", "mse")
    return built


def constant(kernel: np.ndarray, bias: np.ndarray) -> None:
    """The best constant: the mean of what Keras puts out."""
    bias[LOST] += float(X.mean(axis=0) @ kernel[:, LOST])
    kernel[:, LOST] = 0.0


def noise(kernel: np.ndarray, bias: np.ndarray) -> None:
    """As lively as Keras' channel, with nothing of it."""
    other = np.random.default_rng(7).normal(size=FEATURES)
    own = kernel[:, LOST]
    other -= own * (other @ own) / (own @ own)
    kernel[:, LOST] = other * np.linalg.norm(own) / np.linalg.norm(other)


def share(of: float) -> Edit:
    """Several channels move by a share of what they should."""

    def edit(kernel: np.ndarray, bias: np.ndarray) -> None:
        bias[3:] += X.mean(axis=0) @ kernel[:, 3:] * (1.0 - of)
        kernel[:, 3:] *= of

    return edit


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files of edited models."""
    edits = {"constant": constant, "noise": noise, "half": share(0.5), "most": share(0.75)}
    folder = tmp_path_factory.mktemp("files")
    found = {}
    for name, edit in edits.items():
        path = folder / f"{name}.tflite"
        assert export(model(edit), path, calibration=X, quantize="float32").portable
        found[name] = path
    return found


def measured(path: Path, tolerances: Tolerances) -> FormReport:
    (report,) = verify_files(model(), [path], X, tolerances)
    return report


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
@pytest.mark.parametrize("kind", ["constant", "noise"])
def test_a_lost_channel_is_refused_in_every_mode(
    files: dict[str, Path], kind: str, mode: Mode
) -> None:
    bounds = Tolerances.for_mode([mode])
    with pytest.raises(VerificationError, match=f"in channel {LOST} of output 'targets'") as found:
        measured(files[kind], bounds)
    (report,) = found.value.report
    # Over all channels nothing of it is seen where weights have few bits.
    assert report.relative_error < 0.15 and report.channel_error > 0.99
    accepted = Tolerances(**found.value.acceptable)
    assert accepted.relative_error >= 1.0 and measured(files[kind], accepted)


@pytest.mark.parametrize(
    ("kind", "mode", "refused"),
    [("half", "int8", True), ("half", "int4", False), ("most", "int8", False)],
)
def test_channels_that_are_partly_wrong(
    files: dict[str, Path], kind: str, mode: str, refused: bool
) -> None:
    bounds = Tolerances.for_mode([MODES[mode]])
    if refused:
        with pytest.raises(VerificationError, match=r"relative error 0\.5000 > 0\.3 in channel \d"):
            measured(files[kind], bounds)
        return
    report = measured(files[kind], bounds)
    errors = report.outputs[0].channel_errors
    assert errors[:3] == pytest.approx([0.0] * 3, abs=1e-5)
    wrong = {"half": 0.5, "most": 0.25}[kind]
    assert errors[3:] == pytest.approx([wrong] * (CHANNELS - 3), rel=1e-4)
    assert report.relative_error < 0.1


def test_a_boolean_that_is_stuck_is_refused(tmp_path: Path) -> None:
    """One in four answers of the channel is wrong, and the others are right."""

    def decide(edit: Edit | None = None) -> keras.Model:
        scores = model(edit)
        thresholds = np.quantile(np.asarray(model()(X)), 0.75, axis=0).astype(np.float32)
        return keras.Model(scores.inputs, {"on": scores.outputs[0] > thresholds})

    def stuck(kernel: np.ndarray, bias: np.ndarray) -> None:
        kernel[:, LOST], bias[LOST] = 0.0, -100.0

    bounds = Tolerances(agreement=0.5)
    path = tmp_path / "stuck.tflite"
    export(decide(stuck), path, calibration=X, quantize="float32", tolerances=bounds)
    with pytest.raises(VerificationError, match=rf"0\.2500 > 0\.15 in channel {LOST} of") as found:
        verify_files(decide(), [path], X, bounds)
    accepted = Tolerances(**{"agreement": 0.5, **found.value.acceptable})
    (report,) = verify_files(decide(), [path], X, accepted)
    assert report.relative_error == pytest.approx(0.25 / CHANNELS)


def small_steps(folder: Path) -> ExportReport:
    """Means of ReLUs, which hardly differ between samples: one channel is further off than all."""
    inputs = keras.Input((98, 8))
    hidden = L.Reshape((-1, 1, 8))(inputs)
    for _ in range(2):
        hidden = L.DepthwiseConv2D((9, 1), padding="same")(hidden)
        hidden = L.Conv2D(16, 1, activation="relu")(hidden)
    scores = L.Dense(12, name="scores")(L.GlobalAveragePooling2D()(hidden))
    untrained = keras.Model(inputs, scores)
    random = np.random.default_rng(2)
    for weights in untrained.weights:
        if len(weights.shape) == 1:
            weights.assign(random.normal(size=weights.shape) * 0.05)
        else:
            fans = np.prod(weights.shape[:-1]) + weights.shape[-1]
            weights.assign(random.uniform(-1, 1, weights.shape) * np.sqrt(6.0 / fans))
    x = np.random.default_rng(0).normal(size=(64, 98, 8)).astype(np.float32)
    return export(untrained, folder / "model.tflite", calibration=x, forms=("portable",))


def test_the_worst_of_many_channels_may_be_further_off_than_all(tmp_path: Path) -> None:
    (form,) = small_steps(tmp_path).forms
    usual = Tolerances()
    # Held against one bound this sound file was refused.
    assert form.relative_error < usual.relative_error < form.channel_error < usual.channel_error
