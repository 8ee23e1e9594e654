"""What a refused export leaves: every form's errors, where they enter, and lines that help."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from small_model import FEATURES, LABELS, Exported, walk

from tfpipeline.export import ExportReport, Tolerances, VerificationError, export, pipeline
from tfpipeline.export.options import Form
from tfpipeline.recipes.verifier import verify_files

pytestmark = pytest.mark.slow

L = keras.layers
Damage = Callable[[Form, Path], None]


@pytest.fixture()
def damaged(monkeypatch: pytest.MonkeyPatch) -> Callable[[Damage], None]:
    """Changes written files before they are verified."""

    def use(damage: Damage) -> None:
        def try_files(files: dict[Form, Path], work: Path) -> None:
            for form, path in files.items():
                damage(form, path)

        monkeypatch.setattr(pipeline, "try_files", try_files)

    return use


def other_biases(model: Any) -> Any:
    """The same model but for what its last layer adds."""
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    kernel, bias = twin.layers[-1].get_weights()
    twin.layers[-1].set_weights([kernel, bias + np.array([0.0, 0.0, 2.0])])
    return twin


def test_the_sound_form_is_offered_and_can_be_written(
    exported: Exported, target: Path, tmp_path: Path, damaged: Callable[[Damage], None]
) -> None:
    wrong = export(
        other_biases(exported.model),
        tmp_path / "wrong" / ".." / "wrong.tflite",
        calibration=walk(40),
        verification=exported.held_out,
        labels=LABELS,
        forms=("portable",),
    ).portable
    assert wrong is not None

    def spoil(form: Form, path: Path) -> None:
        if not form.fused:
            path.write_bytes(wrong.read_bytes())

    damaged(spoil)
    options: dict[str, Any] = {
        "calibration": walk(40),
        "verification": exported.held_out,
        "labels": LABELS,
    }
    with pytest.raises(VerificationError) as refused:
        export(exported.model, target, **options)
    assert not list(target.parent.glob("model*"))
    message = str(refused.value)
    first, _, table = message.partition("\n\n")
    assert "\n" not in first and "the portable form disagrees with the model" in first
    assert "in channel 2 ('up') of output" in first and "the fused form disagrees" not in first
    assert "the fused form is sound: forms=('fused',) writes it" in first
    assert "more typical samples" not in first
    # Every form and every layer is in the table, and in the report.
    assert [line.split()[0] for line in table.splitlines() if line] == [
        *("form", "portable", "fused", "layer", "first", "second"),
        *(layer.name for layer in exported.model.layers[-2:]),
    ]
    report = refused.value.report
    assert isinstance(report, ExportReport) and report.layer_errors
    portable, fused = report.forms
    assert portable.channel_error > 0.3 and fused.relative_error < 0.15
    # What the sentence says to do.
    bounds = refused.value.acceptable
    assert bounds.keys() >= {"relative_error"}
    accepted = export(exported.model, target, tolerances=Tolerances(**bounds), **options)
    assert accepted.forms[0].channel_error == portable.channel_error
    assert export(exported.model, target, forms=("fused",), **options).fused


def test_a_stream_of_other_bits_is_not_acceptable(
    exported: Exported, target: Path, damaged: Callable[[Damage], None], tmp_path: Path
) -> None:
    """The stream of nearly the same model: within any bound, but of other bits."""
    twin = other_biases(exported.model)
    kernel, bias = exported.model.layers[-1].get_weights()
    twin.layers[-1].set_weights([kernel, bias + 0.02])
    options: dict[str, Any] = {
        "calibration": walk(40),
        "verification": exported.held_out,
        "forms": ("portable",),
        "streaming": True,
    }
    other = export(twin, tmp_path / "twin.tflite", **options).stream_portable
    assert other is not None

    def spoil(form: Form, path: Path) -> None:
        if form.streaming:
            path.write_bytes(other.read_bytes())

    damaged(spoil)
    with pytest.raises(VerificationError, match="differ from the whole-sequence") as refused:
        export(exported.model, target, **{**options, "streaming": "both"})
    assert refused.value.acceptable == {} and "Tolerances" not in str(refused.value)


def test_the_report_prints_the_numbers_of_the_gates(exported: Exported) -> None:
    printed = str(exported.report).splitlines()
    header = printed[0].split()
    assert header[:4] == ["form", "bytes", "agreement", "decisions"]
    assert "relative error  worst channel" in printed[0]
    form = exported.report.forms[0]
    assert f"{form.relative_error:.4f}" in printed[1]
    assert f"{form.channel_error:.4f}" in printed[1]
    assert f"{form.decisions - form.disagreements}/{form.decisions}" in printed[1]
    bounds = "bounds: agreement 0.97, relative error 0.15, of a single channel 0.3"
    assert bounds in str(exported.report)
    assert exported.report.verification["tolerances"]["channel_error"] == 0.3


@pytest.fixture(scope="module")
def more_labels(exported: Exported) -> keras.Model:
    """The exported model with two labels more, which it chooses most of the time."""
    keras.utils.set_random_seed(0)
    body = exported.model.layers[:-1]
    wide = keras.Sequential([keras.Input((None, FEATURES)), *body, L.Dense(5)])
    kernel, bias = exported.model.layers[-1].get_weights()
    wide.layers[-1].set_weights(
        [np.concatenate([kernel, kernel[:, :2]], 1), np.concatenate([bias, [9.0, 9.0]])]
    )
    return wide


def test_another_number_of_labels_is_named(exported: Exported, more_labels: keras.Model) -> None:
    for form in ("portable", "fused", "stream_portable", "stream_fused"):
        file = getattr(exported.report, form)
        with pytest.raises(VerificationError, match=r"of shape \(3\) .*, the model \(5\): is it"):
            verify_files(more_labels, [file], exported.held_out)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (
            lambda h: {"scores": L.Dense(3)(h)[:, None]},
            r"of shape \(3\) .*model \(1, 3\)",
        ),
        (lambda h: [L.Dense(3)(h), L.Dense(2)(h)], r"has the outputs \['scores'\], the model \["),
        (lambda h: L.Dense(3, name="words")(h), r"has the outputs \['scores'\], the model \['wo"),
        (lambda h: {"scores": L.Dense(3)(h) > 0.0}, "of type float32, the model of type bool"),
    ],
)
def test_other_outputs_are_named(exported: Exported, head: Any, message: str) -> None:
    inputs = keras.Input((None, FEATURES))
    model = keras.Model(inputs, head(L.GRU(4)(inputs)))
    with pytest.raises(VerificationError, match=message):
        verify_files(model, [exported.report.portable], exported.held_out)


def test_other_inputs_are_named(exported: Exported) -> None:
    inputs = keras.Input((None, FEATURES + 1))
    model = keras.Model(inputs, L.Dense(3)(L.GRU(4)(inputs)))
    x = np.zeros((4, 24, FEATURES + 1), np.float32)
    with pytest.raises(VerificationError, match=r"input 'x' of shape \(24, 40\) .* \(any, 41\)"):
        verify_files(model, [exported.report.portable], x)


def test_another_model_is_asked_for_without_advice_of_an_export(exported: Exported) -> None:
    with pytest.raises(VerificationError) as refused:
        verify_files(other_biases(exported.model), [exported.report.portable], exported.held_out)
    message = str(refused.value)
    assert "is it the model that was exported, and are the samples what it takes?" in message
    assert "written" not in message and "calibrate" not in message
    (report,) = refused.value.report
    assert report.channel_error > 0.3
    accepted = Tolerances(**refused.value.acceptable)
    model = other_biases(exported.model)
    verify_files(model, [exported.report.portable], exported.held_out, accepted)


def test_a_regression_is_not_judged_by_its_largest_entry(target: Path) -> None:
    """24 values of a forecast lie so close that the largest one is chance."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, FEATURES))
    hidden = L.GRU(12, bias_initializer="normal")(inputs)
    model = keras.Model(inputs, L.Dense(24, bias_initializer="normal")(hidden))
    model.compile("sgd", "mse")
    report = export(model, target, calibration=walk(64), forms=("portable",))
    assert report.forms[0].agreement is None and not report.forms[0].decisions
    assert report.forms_agreement is None
    # A classifier that says nothing of itself is judged all the same.
    unknown = keras.Model(inputs, model.outputs)
    assert export(unknown, target, calibration=walk(64)).forms_agreement is not None
