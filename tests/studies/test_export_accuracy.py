"""The study of what export costs, on a model and data too small to say anything."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from small_model import FEATURES, walk

from tfpipeline.studies.common.rows import StudyError, read_csv
from tfpipeline.studies.export import export_accuracy
from tfpipeline.studies.export.drift import WINDOW, state_errors

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("accuracy")
    keras.utils.set_random_seed(0)
    layers = [keras.layers.GRU(6, return_sequences=True), keras.layers.GRU(5)]
    model = keras.Sequential([keras.Input((None, FEATURES)), *layers, keras.layers.Dense(3)])
    model.save(folder / "model.keras")
    x = walk(120)
    labels = model.predict(x, verbose=0).argmax(-1)
    names = ("train_features", "validation_features", "test_features")
    np.savez(folder / "features.npz", test_labels=labels, **dict.fromkeys(names, x))
    np.savez(folder / "partial.npz", test_labels=labels)
    return folder


def test_rows_tables_and_a_plot(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = files / "out"
    given = {"models": [files / "model.keras"], "features": files / "features.npz"}
    result = export_accuracy.run(out, quick=True, command="study", **given)  # type: ignore[arg-type]
    assert all(file.stat().st_size for file in result.files)
    rows = {(row["mode"], row["form"]): row for row in read_csv(out / "export_accuracy.csv")}
    assert list(rows) == [
        ("float32", "portable"),
        ("int8", "portable"),
        ("int8", "fused"),
        ("int16x8", "portable"),
    ]
    # The labels are the model's own, so that Keras is always right.
    assert rows["float32", "portable"]["accuracy"] == "1"
    assert rows["float32", "portable"]["state_error"] == "0"
    assert 0 < float(rows["int8", "fused"]["state_error"]) < 0.1
    drift = read_csv(out / "export_drift.csv")
    # Five streams of 24 clips of 24 steps.
    steps = [row["step"] for row in drift if (row["mode"], row["form"]) == ("int8", "fused")]
    assert steps == ["100", "200", "300", "400", "500"]
    about = json.loads((out / "export_accuracy.json").read_text())
    assert about["command"] == "study" and about["data"]["features"]
    again = export_accuracy.run(out, quick=True, **given)  # type: ignore[arg-type]
    assert again.rows == result.rows
    # Without Matplotlib everything else is there.
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    plain = export_accuracy.run(out, quick=True, **given)  # type: ignore[arg-type]
    assert plain.rows == result.rows and plain.files == result.files[:-1]
    assert plain.summary.startswith(result.summary)
    assert "no plot: This needs matplotlib" in plain.summary


def test_missing_features_are_named(files: Path) -> None:
    models = [files / "model.keras"]
    with pytest.raises(StudyError, match="has no test_features, train_features, validation_feat"):
        export_accuracy.run(files / "other", models=models, features=files / "partial.npz")


def test_state_errors_are_relative_and_by_window() -> None:
    rng = np.random.default_rng(0)
    reference = [[rng.normal(size=(3 * WINDOW, 4)), rng.normal(size=(3 * WINDOW, 2))]]
    size = np.sqrt(np.mean(np.concatenate(reference[0], axis=1) ** 2))
    walks = [[states.copy() for states in reference[0]]]
    for states in walks[0]:
        states[WINDOW : 2 * WINDOW] += 0.1
    np.testing.assert_allclose(state_errors(walks, reference), [0, 0.1 / size, 0], atol=1e-12)
